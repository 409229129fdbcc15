"""Use cases of cohort runs: ask for one, look at it, say yes to it, stop it and let it go on."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from coachhub_core.domain.accounts import Actor, AuditEvent
from coachhub_core.domain.cohorts import (
    MAX_TRAINEES,
    ApplyCohortRun,
    CohortRun,
    CohortRunPage,
    CohortRunView,
    ConflictView,
    CreateCohortRun,
    ListCohortRuns,
    ListPlacements,
    Placement,
    PlacementPage,
    PlacementView,
)
from coachhub_core.errors import Busy, CohortInfeasible, CohortStale, FieldError, Invalid, MatcherError
from coachhub_core.ports.matcher import AssignerOffer
from coachhub_core.ports.storage import CoachRecord, TraineeRecord, UnitOfWork
from coachhub_core.services.access import require_role
from coachhub_core.services.cohort_market import CohortMarket, has_goal
from coachhub_core.services.limits import Throttle
from coachhub_core.services.paging import ends, read_cursor
from coachhub_core.services.units import Context, rerun

log = logging.getLogger("coachhub.cohorts")

MAX_OPEN: Final = 5  #: runs that wait or are worked on, of all admins together
_LIST: Final = "cohort-runs"
_PAGE: Final = 500
_EXAMPLES: Final = 5


class CohortService:
    """
    Runs as an operator sees them. What they take time for is done by a worker: :class:`CohortWork`.

    Args:
        assigner: The name ``matching.assigner`` chose.
        offer: What it stands for.
    """

    def __init__(
        self, context: Context, throttle: Throttle, market: CohortMarket, assigner: str, offer: AssignerOffer
    ) -> None:
        self._context = context
        self._throttle = throttle
        self._market = market
        self.assigner = assigner
        self.offer = offer

    # ── asking ──

    @rerun
    def create(self, actor: Actor, command: CreateCohortRun) -> CohortRunView:
        """
        Ask for a placement of many trainees; a worker makes it, and nothing changes until it is applied.

        Everybody active who has said a goal and has neither a coach nor an open
        request, or those who are named.

        Raises:
            Invalid: If somebody named cannot be placed at all, there is nobody to place, or the mode is not known.
            Busy: If too many runs wait already.
            RateLimited: If this account asks too often.
        """
        require_role(actor, "admin")
        self._throttle.costly(actor.account_id, "cohorts")
        mode = self.mode(command.mode)
        max_open = self._context.settings.matches.max_open
        if command.need > max_open:
            raise Invalid.at("/need", f"is more than the {max_open} requests a trainee may have open", "range")
        with self._context.write(actor) as work:
            if work.cohorts.n_open() >= MAX_OPEN:
                raise Busy(what=f"as many cohort runs as may be at once ({MAX_OPEN})", state="running")
            chosen = self.chosen(work, command.trainee_ids)
            now = self._context.clock()
            run = CohortRun(
                id=self._context.new_id(),
                account_id=actor.account_id if actor.role != "system" else None,
                assigner=self.assigner,
                mode=mode,
                need=command.need,
                max_per_coach=command.max_per_coach,
                n_trainees=len(chosen),
                n_total=len(chosen),
                created_at=now,
                updated_at=now,
            )
            work.cohorts.add(run)
            places = range(1, command.need + 1)
            waiting = [Placement(run_id=run.id, trainee_id=r.trainee.id, place=at) for r in chosen for at in places]
            work.cohorts.put_placements(run.id, waiting)
            self._audit(work, actor, "cohort.create", run.id)
            return work.commit(CohortRunView.of(run))

    def mode(self, asked: str | None) -> str:
        """Return the mode to use; ``Invalid`` when the assigner has none of this name."""
        mode = asked or self._context.settings.matching.mode
        if mode not in self.offer.modes:
            known = ", ".join(sorted(self.offer.modes))
            raise Invalid.at("/mode", f"the assigner {self.assigner!r} has no mode {mode!r}; known: {known}", "choice")
        return mode

    def chosen(self, work: UnitOfWork, trainee_ids: Sequence[UUID] | None) -> list[TraineeRecord]:
        """Return who is to be placed, by id; see :meth:`create` for what is refused."""
        found = self._named(work, trainee_ids) if trainee_ids is not None else self._everybody(work)
        if not found:
            says = "there is nobody to place: no active trainee with a goal is without a coach and an open request"
            raise Invalid.at("/trainee_ids", says, "empty")
        return found

    def _everybody(self, work: UnitOfWork) -> list[TraineeRecord]:
        now = self._context.clock()
        found: list[TraineeRecord] = []
        after: UUID | None = None
        while True:
            page = work.trainees.without_coach(now, after=after, limit=_PAGE)
            found += [record for record in page if has_goal(record.trainee)]
            if len(found) > MAX_TRAINEES:
                says = f"more than {MAX_TRAINEES} trainees wait; name up to so many of them"
                raise Invalid.at("/trainee_ids", says, "length")
            if len(page) < _PAGE:
                return found
            after = page[-1].trainee.id

    def _named(self, work: UnitOfWork, trainee_ids: Sequence[UUID]) -> list[TraineeRecord]:
        records = work.trainees.records(trainee_ids)
        known = {record.trainee.id: record for record in records}
        standing = work.matches.standing_of_trainees(trainee_ids, self._context.clock())
        has_coach = {match.trainee_id for match in standing if match.status != "requested"}
        problems = []
        for number, id_ in enumerate(trainee_ids):
            says = None
            if id_ not in known:
                says = ("is no trainee with an active account", "unknown")
            elif id_ in has_coach:
                says = ("has a coach already", "matched")
            elif not has_goal(known[id_].trainee):
                says = ("has not said a goal, which is all that placing needs", "required")
            if says is not None:
                problems.append(FieldError(pointer=f"/trainee_ids/{number}", message=says[0], code=says[1]))
        if problems:
            raise Invalid(errors=tuple(problems))
        return list(records)

    # ── looking ──

    def get(self, actor: Actor, run_id: UUID) -> CohortRunView:
        """Return one run, with the sets of trainees that were one too many."""
        require_role(actor, "admin")
        with self._context.read() as work:
            return self._view(work, work.cohorts.get(run_id))

    def list(self, actor: Actor, query: ListCohortRuns) -> CohortRunPage:
        """Return a page of runs, newest first."""
        require_role(actor, "admin")
        keyset = read_cursor(query.cursor, _LIST)
        with self._context.read() as work:
            found = work.cohorts.page(keyset=keyset, limit=query.limit)
            reasons = work.cohorts.reasons([run.id for run in found.items])
        items = tuple(CohortRunView.of(run, unplaced=reasons.get(run.id, {})) for run in found.items)
        after, before = ends(found, keyset, _LIST, lambda run: (run.id,))
        return CohortRunPage(items=items, next=after, prev=before)

    def placements(self, actor: Actor, run_id: UUID, query: ListPlacements) -> PlacementPage:
        """Return a page of who was given to whom, by trainee."""
        require_role(actor, "admin")
        name = f"{_LIST}:{run_id}:{query.state or ''}"
        keyset = read_cursor(query.cursor, name)
        with self._context.read() as work:
            work.cohorts.get(run_id)
            found = work.cohorts.placement_page(run_id, state=query.state, keyset=keyset, limit=query.limit)
        after, before = ends(found, keyset, name, lambda c: (c.placement.trainee_id, c.placement.place))
        items = tuple(
            PlacementView(
                trainee_id=c.placement.trainee_id,
                trainee_name=c.trainee_name,
                place=c.placement.place,
                state=c.placement.state,
                coach_id=c.placement.coach_id,
                coach_name=c.coach_name,
                score=c.placement.score,
                reason=c.placement.reason,
                conflict=c.placement.conflict,
                match_id=c.placement.match_id,
            )
            for c in found.items
        )
        return PlacementPage(items=items, next=after, prev=before)

    def _view(self, work: UnitOfWork, run: CohortRun) -> CohortRunView:
        conflicts = tuple(
            ConflictView(number=c.number, n_left_out=n, trainees=c.trainees, coaches=c.coaches)
            for c, n in work.cohorts.conflicts(run.id)
        )
        return CohortRunView.of(run, unplaced=work.cohorts.reasons([run.id]).get(run.id, {}), conflicts=conflicts)

    # ── deciding ──

    @rerun
    def apply(self, actor: Actor, command: ApplyCohortRun) -> CohortRunView:
        """
        Say yes: a worker makes each placement a request, one transaction each.

        Raises:
            CohortInfeasible: If somebody was left out, and ``partial`` was not said.
            CohortStale: If a placement no longer holds, and ``partial`` was not said.
            CohortIllegalTransition: If the run is not done.
        """
        require_role(actor, "admin")
        with self._context.write(actor) as work:
            run = work.cohorts.lock(command.run_id)
            applied = run.apply(now=self._context.clock(), n_pairs=run.n_pairs or 0)
            if not command.partial:
                if (run.n_placed or 0) < run.n_trainees:
                    raise self._infeasible(work, run)
                stale = self._stale(work, run)
                if stale:
                    examples = tuple(stale[:_EXAMPLES])
                    raise CohortStale(n_stale=len(stale), examples=examples, state=run.state, allowed=run.allowed)
            saved = work.cohorts.save(applied)
            self._audit(work, actor, "cohort.apply", run.id)
            return work.commit(self._view(work, saved))

    @rerun
    def stop(self, actor: Actor, run_id: UUID) -> CohortRunView:
        """Stop a run where it is; what was asked for stays asked for."""
        return self._moved(actor, run_id, "stop")

    @rerun
    def resume(self, actor: Actor, run_id: UUID) -> CohortRunView:
        """Let a stopped or failed run go on: placing begins anew, asking goes on where it was."""
        return self._moved(actor, run_id, "resume")

    def _moved(self, actor: Actor, run_id: UUID, action: str) -> CohortRunView:
        require_role(actor, "admin")
        now = self._context.clock()
        with self._context.write(actor) as work:
            run = work.cohorts.lock(run_id)
            saved = work.cohorts.save(run.stop(now=now) if action == "stop" else run.resume(now=now))
            self._audit(work, actor, f"cohort.{action}", run.id)
            return work.commit(self._view(work, saved))

    def _infeasible(self, work: UnitOfWork, run: CohortRun) -> CohortInfeasible:
        n_out = run.n_trainees - (run.n_placed or 0)
        counted = work.cohorts.reasons([run.id]).get(run.id, {})
        reasons = ", ".join(f"{reason} {n}" for reason, n in counted.items())
        says = f"{n_out} of {run.n_trainees} could not be placed ({reasons}); say true to ask for the others"
        errors = [FieldError(pointer="/partial", message=says, code="infeasible")]
        for found, n_left_out in work.cohorts.conflicts(run.id)[:_EXAMPLES]:
            says = (
                f"set {found.number}: {_listed(found.trainees, 'trainee')} "
                f"{'has' if len(found.trainees) == 1 else 'have'} all the seats of "
                f"{_listed(found.coaches, 'coach')}; for {n_left_out} more there is none"
            )
            errors.append(FieldError(pointer="/partial", message=says, code="conflict"))
        return CohortInfeasible(errors=tuple(errors))

    def _stale(self, work: UnitOfWork, run: CohortRun) -> Sequence[str]:
        """Say of each placement that could not be asked for now why not."""
        placements = work.cohorts.placements(run.id, state="placed", after=None, limit=run.n_trainees * run.need)
        trainee_ids = sorted({p.trainee_id for p in placements})
        coach_ids = sorted({p.coach_id for p in placements if p.coach_id is not None})
        active = {record.trainee.id: record for record in work.trainees.records(trainee_ids)}
        standing = work.matches.standing_of_trainees(trainee_ids, self._context.clock())
        has_coach = {match.trainee_id for match in standing if match.status != "requested"}
        n_asked = Counter(match.trainee_id for match in standing)
        asked = {(match.trainee_id, match.coach_id) for match in standing}
        coaches = work.coaches.records(coach_ids)
        rules = self._broken_rules(work, placements, active, coaches)
        n_given: Counter[UUID] = Counter()
        found = []
        max_open = self._context.settings.matches.max_open
        for placement in placements:
            trainee_id, coach_id = placement.trainee_id, placement.coach_id
            record = coaches.get(coach_id) if coach_id is not None else None
            n_asked[trainee_id] += 1
            why = None
            if trainee_id not in active:
                why = "the trainee's account is no longer active"
            elif trainee_id in has_coach:
                why = "the trainee has a coach by now"
            elif (trainee_id, coach_id) in asked:
                why = "the trainee has asked this coach by now"
            elif n_asked[trainee_id] > max_open:
                why = f"the trainee has {max_open} open requests by now"
            elif record is None or record.account.status != "active" or not record.coach.is_accepting:
                why = "the coach takes no requests any more"
            elif (rule := rules.get((trainee_id, record.coach.id))) is not None:
                why = rule
            else:
                n_given[record.coach.id] += 1
                if n_given[record.coach.id] > record.coach.seats_left:
                    why = f"the coach has {record.coach.seats_left} seats left by now"
            if why is not None:
                found.append(f"trainee {trainee_id} with coach {coach_id}: {why}")
        return found

    def _broken_rules(
        self,
        work: UnitOfWork,
        placements: Sequence[Placement],
        trainees: Mapping[UUID, TraineeRecord],
        coaches: Mapping[UUID, CoachRecord],
    ) -> Mapping[tuple[UUID, UUID], str]:
        """Say of each pair which hard constraint no longer holds, by what both say now."""
        known = [
            (trainees[p.trainee_id], coaches[p.coach_id])
            for p in placements
            if p.trainee_id in trainees and p.coach_id is not None and p.coach_id in coaches
        ]
        try:
            broken = self._market.broken_rules(work, known)
        except MatcherError as exc:
            return {(trainee.trainee.id, coach.coach.id): str(exc) for trainee, coach in known}
        return {pair: f"the rule {rule!r} keeps them apart by now" for pair, rule in broken.items()}

    def _audit(self, work: UnitOfWork, actor: Actor, action: str, run_id: UUID) -> None:
        work.audit.add(
            AuditEvent(
                at=self._context.clock(),
                actor_id=actor.account_id if actor.role != "system" else None,
                action=action,
                object=f"cohort_run:{run_id}",
                request_id=actor.request_id,
            )
        )


def _listed(ids: Sequence[UUID], noun: str) -> str:
    """Name a few and count the rest."""
    plural = {"trainee": "trainees", "coach": "coaches"}[noun] if len(ids) != 1 else noun
    named = ", ".join(str(id_) for id_ in ids[:_EXAMPLES])
    more = f" and {len(ids) - _EXAMPLES} more" if len(ids) > _EXAMPLES else ""
    return f"{plural} {named}{more}"
