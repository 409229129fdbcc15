"""Use cases of the room *suggestions*: a ranked list with reasons, kept, and what became of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import attrs
import msgspec
import numpy as np
from numpy.typing import NDArray

from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.coaches import CoachView
from coachhub_core.domain.shadows import ShadowList
from coachhub_core.domain.suggestions import (
    Outcome,
    ReasonView,
    Relaxation,
    ReportOutcome,
    SuggestCoaches,
    Suggestion,
    SuggestionFilters,
    SuggestionSet,
    SuggestionSetView,
    SuggestionView,
    WhatIfProfile,
)
from coachhub_core.domain.trainees import Trainee
from coachhub_core.errors import Invalid, NotFound, ProfileIncomplete
from coachhub_core.matching.constraints import Filters
from coachhub_core.matching.exploring import POOL, arranged
from coachhub_core.matching.host import MatcherHost
from coachhub_core.matching.suggestions import SuggestionSet as Ranked
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import Reason, SuggestionAudit
from coachhub_core.ports.storage import CoachRecord, UnitOfWork
from coachhub_core.services.access import own_trainee_id, require_role
from coachhub_core.services.demand_prices import DemandPrices
from coachhub_core.services.limits import Throttle
from coachhub_core.services.reason_texts import ReasonTexts
from coachhub_core.services.snapshot import Snapshot, trainee_row
from coachhub_core.services.units import Context, rerun

log = logging.getLogger("coachhub.suggestions")


@attrs.frozen(eq=False)
class _Asked:
    """A question as it was put to the host."""

    trainee_id: UUID
    command: SuggestCoaches
    coaches: CoachTable
    row: TraineeTable
    prices: NDArray[np.float64] | None
    locale: str


class SuggestionService:
    """
    Asks the matcher, checks what it says against the database, keeps it.

    Args:
        tell: Called with the audit of each list after it was stored; what it
            raises is logged and changes nothing.
    """

    def __init__(
        self,
        context: Context,
        host: MatcherHost,
        texts: ReasonTexts,
        throttle: Throttle,
        tell: Callable[[SuggestionAudit], None],
        demand: DemandPrices,
    ) -> None:
        self._context = context
        self._host = host
        self._texts = texts
        self._throttle = throttle
        self._tell = tell
        self._demand = demand
        self._snapshot = Snapshot(context.clock)

    @property
    def snapshot(self) -> Snapshot:
        """The picture of all coaches, for who places many at once: one table, one index."""
        return self._snapshot

    @property
    def host(self) -> MatcherHost:
        """Who is asked: for commands of the operator, which keep nothing of what they ask."""
        return self._host

    @property
    def demand(self) -> DemandPrices:
        """The prices lists are ordered by, where there are any."""
        return self._demand

    @property
    def texts(self) -> ReasonTexts:
        """What turns a reason into a sentence."""
        return self._texts

    def suggest(self, actor: Actor, command: SuggestCoaches) -> SuggestionSetView:
        """
        Return coaches for a trainee, best first, each with its reasons.

        Only coaches who accept and have a seat; hard constraints are never
        relaxed, ``relaxations`` says what each one costs. An empty list is an
        answer.

        Raises:
            ProfileIncomplete: If there is no goal to suggest for.
            RateLimited: If this account asks too often.
        """
        require_role(actor, "trainee", "admin")
        if actor.is_admin and command.trainee_id is None:
            raise Invalid.at("/trainee_id", "is required of an admin", "required")
        if not actor.is_admin and command.trainee_id not in (None, actor.trainee_id):
            raise NotFound(kind="trainee", id=command.trainee_id)
        self._throttle.costly(actor.account_id, "suggestions")
        trainee_id = command.trainee_id if actor.is_admin else own_trainee_id(actor)
        assert trainee_id is not None  # noqa: S101 - an admin named it, a trainee is one
        started = time.monotonic()
        with self._context.read() as work:
            trainee = work.trainees.get(trainee_id)
            account = work.accounts.get(trainee.account_id)
            week = work.availability.find(account.id)
            coaches = self._snapshot.table(work)
            prices = self._demand.of(work, coaches)
            asked_already = [str(match.coach_id) for match in work.matches.open_of_trainee(trainee_id)]
        profile, city = _what_if(trainee, account.city, command.profile)
        if not (profile.goal or "").strip() and not profile.goals:
            raise ProfileIncomplete.at(
                "/profile/goal", "say what you want to reach; it is all a suggestion needs", "required"
            )
        now = self._context.clock()
        row = trainee_row(profile, city=city, week=week, now=now, vocabulary=self._context.vocabulary)
        settings = self._context.settings.matching
        ranked = self._host.suggest(
            coaches,
            row,
            filters=self.filters(command.filters),
            limit=command.limit or settings.limit,
            without=asked_already,
            explain=command.explain,
            pool=POOL if settings.exploration and settings.explore_share > 0 else 0,
            prices=prices,
        )
        asked = _Asked(trainee_id, command, coaches, row, prices, account.locale)
        items = self._arranged(ranked, asked)
        made = self._set(ranked, trainee_id, command, items)
        view, kept = self._keep(actor, made, command)
        self._audit(kept, time.monotonic() - started, _priced(kept, coaches, prices))
        return view

    def filters(self, filters: SuggestionFilters | None) -> Filters | None:
        """Return what the caller stated in the matcher's words."""
        if filters is None:
            return None
        tags: list[str] = []
        if filters.specialty is not None:
            tag = self._context.vocabulary.canonical_tag(filters.specialty)
            if tag is None:
                known = ", ".join(self._context.vocabulary.tags())
                raise Invalid.at("/filters/specialty", f"is not a specialty we know; known: {known}", "vocabulary")
            tags.append(tag)
        return Filters(
            specialty=tags,
            city=filters.city,
            language=filters.language,
            price_max=float(filters.price_max) if filters.price_max is not None else None,
            modality=filters.modality,
            rating_min=filters.rating_min,
            gender=filters.gender,
        )

    def _arranged(self, ranked: Ranked, asked: _Asked) -> tuple[Suggestion, ...]:
        """Put a ranked list in the order it is shown in: as it is, or in a small share changed to learn from it."""
        settings = self._context.settings.matching
        shown = arranged(
            [item.coach_id for item in ranked],
            ranked.pool,
            question=f"{ranked.input_hash}:{asked.trainee_id}",
            swap_share=settings.swap_share if settings.exploration else 0.0,
            explore_share=settings.explore_share if settings.exploration else 0.0,
        )
        reasons = {item.coach_id: item.reasons for item in ranked}
        scores = {one.coach_id: one.score for one in (*ranked.pool, *ranked)}
        tried = [one.coach_id for one in shown if one.coach_id not in reasons]  # from behind the list
        if tried and asked.command.explain:
            said = self._host.reasons_of(asked.coaches, asked.row, tried, prices=asked.prices, model_id=ranked.model_id)
            reasons.update(zip(tried, said, strict=True))
        return tuple(
            Suggestion(
                rank=place,
                coach_id=UUID(one.coach_id),
                score=scores[one.coach_id],
                reasons=self._said(reasons.get(one.coach_id, ()), asked.locale),
                is_exploring=one.is_exploring,
                propensity=one.propensity,
            )
            for place, one in enumerate(shown, start=1)
        )

    def _said(self, reasons: Sequence[Reason], locale: str) -> tuple[ReasonView, ...]:
        return tuple(
            ReasonView(
                code=reason.code,
                contribution=reason.contribution,
                text=self._texts.text(reason.code, reason.contribution, reason.evidence, locale),
                evidence=msgspec.to_builtins(dict(reason.evidence)),
            )
            for reason in reasons
        )

    def _set(
        self, ranked: Ranked, trainee_id: UUID, command: SuggestCoaches, items: tuple[Suggestion, ...]
    ) -> SuggestionSet:
        filters: dict[str, Any] = msgspec.to_builtins(attrs.asdict(command.filters)) if command.filters else {}
        return SuggestionSet(
            id=self._context.new_id(),
            trainee_id=trainee_id,
            matcher=ranked.matcher,
            model_id=ranked.model_id,
            input_hash=bytes.fromhex(ranked.input_hash),
            filters={name: value for name, value in filters.items() if value is not None},
            n_eligible=ranked.n_eligible,
            relaxations=tuple(Relaxation(constraint=name, n_more=n) for name, n in ranked.relaxations.items()),
            degraded=ranked.degraded,
            items=items,
            created_at=self._context.clock(),
        )

    @rerun
    def _keep(
        self, actor: Actor, made: SuggestionSet, command: SuggestCoaches
    ) -> tuple[SuggestionSetView, SuggestionSet]:
        with self._context.write(actor) as work:
            records = work.coaches.records([item.coach_id for item in made.items])
            # between the snapshot and now a seat may have gone: who cannot be asked is not proposed
            still = [
                item
                for item in made.items
                if (record := records.get(item.coach_id)) is not None
                and record.coach.is_accepting
                and record.coach.seats_left > 0
                and record.account.status == "active"
            ]
            if len(still) < len(made.items):  # who moves up stands where nobody drew them
                still = [attrs.evolve(item, propensity=None) for item in still]
            kept = attrs.evolve(
                made, items=tuple(attrs.evolve(item, rank=place) for place, item in enumerate(still, start=1))
            )
            work.suggestions.add(kept)
            if command.profile is None:  # what was only tried is nothing to learn from
                shown = [
                    attrs.evolve(self._outcome(kept, item.coach_id, "shown", item.rank), propensity=item.propensity)
                    for item in kept.items
                ]
                work.outcomes.add(shown)
                settings = self._context.settings.matching
                if settings.shadow and kept.items and kept.degraded is None:
                    work.shadows.add(
                        ShadowList(id=kept.id, created_at=kept.created_at, n_asked=command.limit or settings.limit)
                    )
            return work.commit(self._shown(kept, records)), kept

    def _outcome(self, made: SuggestionSet, coach_id: UUID, event: Any, position: int | None) -> Outcome:
        return Outcome(
            id=self._context.new_id(),
            at=self._context.clock(),
            trainee_id=made.trainee_id,
            coach_id=coach_id,
            event=event,
            position=position,
            set_id=made.id,
        )

    def _view(self, work: UnitOfWork, made: SuggestionSet) -> SuggestionSetView:
        return self._shown(made, work.coaches.records([item.coach_id for item in made.items]))

    def _shown(self, made: SuggestionSet, records: Mapping[UUID, CoachRecord]) -> SuggestionSetView:
        items = tuple(
            SuggestionView(
                rank=item.rank,
                coach=CoachView.of(record.coach, record.account, record.certifications),
                score=item.score,
                reasons=item.reasons,
                is_exploring=item.is_exploring,
            )
            for item in made.items
            if (record := records.get(item.coach_id)) is not None
        )
        return SuggestionSetView(
            set_id=made.id,
            trainee_id=made.trainee_id,
            matcher=made.matcher,
            model_id=made.model_id,
            n_eligible=made.n_eligible,
            items=items,
            relaxations=made.relaxations,
            degraded=made.degraded,
            created_at=made.created_at,
        )

    def _audit(self, made: SuggestionSet, duration_seconds: float, prices: Mapping[str, float]) -> None:
        audit = SuggestionAudit(
            set_id=str(made.id),
            trainee_id=str(made.trainee_id),
            at=made.created_at,
            matcher=made.matcher,
            model_id=made.model_id,
            input_hash=made.input_hash.hex(),
            coach_ids=tuple(str(item.coach_id) for item in made.items),
            scores=tuple(item.score for item in made.items),
            n_eligible=made.n_eligible,
            relaxations={r.constraint: r.n_more for r in made.relaxations},
            degraded=made.degraded,
            duration_seconds=duration_seconds,
            prices=prices,
        )
        try:
            self._tell(audit)
        except Exception:  # the list is made and kept; a plugin that watches must not take it back
            log.exception("a listener of suggestions failed")

    # ── afterwards ──

    def get(self, actor: Actor, set_id: UUID) -> SuggestionSetView:
        """Return a list one was given; its coaches are shown as they are now."""
        with self._context.read() as work:
            return self._view(work, self._own(work, actor, set_id))

    @rerun
    def report(self, actor: Actor, command: ReportOutcome) -> None:
        """
        Note that a suggested coach was looked at: what matchers learn from.

        Raises:
            NotFound: If the list is not one's own.
            Invalid: If the coach is not in it.
        """
        with self._context.write(actor) as work:
            made = self._own(work, actor, command.set_id)
            item = next((i for i in made.items if i.coach_id == command.coach_id), None)
            if item is None:
                raise Invalid.at("/coach_id", "is not in this list", "unknown")
            work.outcomes.add([self._outcome(made, item.coach_id, command.event, item.rank)])
            work.commit()

    def _own(self, work: UnitOfWork, actor: Actor, set_id: UUID) -> SuggestionSet:
        found = work.suggestions.find(set_id)
        if found is None or not (actor.is_admin or found.trainee_id == actor.trainee_id):
            raise NotFound(kind="suggestion set", id=set_id)
        return found


def _priced(made: SuggestionSet, coaches: CoachTable, prices: NDArray[np.float64] | None) -> dict[str, float]:
    """Give what demand took off the scores of a list, of those it took anything off."""
    if prices is None:
        return {}
    rows = {str(item.coach_id): coaches.row_of(str(item.coach_id)) for item in made.items}
    return {id_: float(prices[row]) for id_, row in rows.items() if row is not None and prices[row] > 0}


def _what_if(trainee: Trainee, city: str | None, profile: WhatIfProfile | None) -> tuple[Trainee, str | None]:
    """Lay the members of a what-if profile over the stored one."""
    if profile is None:
        return trainee, city
    names = ("goal", "fitness_level", "budget", "currency", "modalities", "languages")
    said = {name: value for name in names if (value := getattr(profile, name)) is not None}
    return attrs.evolve(trainee, **said), profile.city if profile.city is not None else city
