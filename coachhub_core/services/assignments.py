"""
Use cases of assignments: put a plan on a calendar, adapt it, move it to a newer version, pause it.

Every change holds the trainee's row first: windows of main assignments, the
state of the match and the days themselves are then what they were read as.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from coachhub_core.domain.accounts import SYSTEM, Actor
from coachhub_core.domain.assignments import (
    OPEN,
    Assignment,
    AssignmentPage,
    AssignmentView,
    AssignPlan,
    CancelAssignment,
    ChangeAssignment,
    ListAssignments,
    PauseAssignment,
    ResumeAssignment,
    UpgradeAssignment,
)
from coachhub_core.domain.events import PlanAssigned
from coachhub_core.domain.matches import Match
from coachhub_core.domain.overrides import Override, apply_overrides, override_conflicts
from coachhub_core.domain.plan_document import PlanDocument, exercise_ids
from coachhub_core.domain.plans import Plan, PlanVersion
from coachhub_core.domain.schedule import (
    PlannedDay,
    Replanned,
    ScheduledWorkout,
    Shift,
    local_day,
    planned_days,
    replan,
    shift_rows,
    window,
)
from coachhub_core.domain.trainees import Trainee
from coachhub_core.errors import (
    AssignmentWindowOverlap,
    Invalid,
    MatchNotActive,
    NotFound,
    OverrideConflict,
    PlanIllegalTransition,
)
from coachhub_core.ports.storage import UnitOfWork
from coachhub_core.services.access import Access, own_coach_id
from coachhub_core.services.accounts import check_version
from coachhub_core.services.inbox import notify
from coachhub_core.services.paging import ends, read_cursor
from coachhub_core.services.plan_parts import (
    Prescriber,
    coached,
    own_assignment,
    own_plan,
    read_document,
    structure_document,
    visible_exercises,
)
from coachhub_core.services.units import Context, rerun

_LIST: Final = "assignments"


class AssignmentService:
    """Plans on calendars; follows the life of matches as their listener."""

    def __init__(self, context: Context, access: Access) -> None:
        self._context = context
        self._access = access

    # ── assigning ──

    @rerun
    def assign(self, actor: Actor, command: AssignPlan) -> AssignmentView:
        """
        Put a version of a plan on a trainee's calendar.

        Days that are past already are frozen, and missed, at once.

        Raises:
            MatchNotActive: Without an active match with the trainee.
            AssignmentWindowOverlap: If another main assignment covers one of the days.
            Invalid: If the version does not exist, or an override does not fit it.
        """
        coach_id = own_coach_id(actor)
        with self._context.write(actor) as work:
            match, trainee = coached(work, coach_id, command.trainee_id, active=True)
            plan, version = self._assignable(work, actor, command)
            mine = self._adapted(work, plan, read_document(version.document), command.overrides)
            zone = command.zone or work.accounts.get(trainee.account_id).zone
            now = self._context.clock()
            assignment = Assignment(
                id=self._context.new_id(),
                plan_id=plan.id,
                version_number=version.number,
                trainee_id=trainee.id,
                coach_id=coach_id,
                match_id=match.id,
                start_date=command.start_date,
                end_date=window(mine, command.start_date).last,
                zone=zone,
                is_main=command.is_main,
                overrides=command.overrides,
                created_at=now,
                updated_at=now,
            ).tick(now=now)
            self._check_windows(work, assignment, now)
            work.assignments.add(assignment)
            rows = [self._row(assignment, day, now) for day in planned_days(mine, command.start_date)]
            prescriber = Prescriber(work, now)
            work.scheduled.add_many([prescriber.caught_up(assignment, row) for row in rows])
            work.outbox.add(PlanAssigned(at=now, aggregate_id=assignment.id, trainee_id=trainee.id))
            self._tell(work, assignment, "plan_assigned", str(assignment.id), trainee)
            return work.commit(self._view(assignment, plan.title, is_coach=True))

    def _assignable(self, work: UnitOfWork, actor: Actor, command: AssignPlan) -> tuple[Plan, PlanVersion]:
        plan = own_plan(work, actor, command.plan_id)
        if plan.status == "archived":
            raise PlanIllegalTransition(state=plan.status, action="be assigned", allowed=plan.allowed)
        if plan.trainee_id not in (None, command.trainee_id):
            raise Invalid.at("/plan_id", "is written for another trainee; copy it first", "trainee")
        number = command.version_number or plan.head_version
        if number is None:
            raise Invalid.at("/plan_id", "has no published version yet; publish it first", "unpublished")
        version = work.plans.find_version(plan.id, number)
        if version is None:
            raise Invalid.at("/version_number", f"this plan has no version {number}", "unknown")
        return plan, version

    def _adapted(
        self, work: UnitOfWork, plan: Plan, document: PlanDocument, overrides: Sequence[Override]
    ) -> PlanDocument:
        """Return the document with personal changes; exercises they bring must exist."""
        mine = apply_overrides(document, overrides, structure_document)
        new = exercise_ids(mine) - exercise_ids(document)
        if new:
            unknown = new - visible_exercises(work, new, [plan.owner_coach_id]).keys()
            if unknown:
                names = ", ".join(sorted(map(str, unknown)))
                raise Invalid.at("/overrides", f"there is no exercise {names}", "unknown")
            work.plans.put_exercises(plan.id, frozenset(new))
        return mine

    def _check_windows(self, work: UnitOfWork, assignment: Assignment, now: datetime) -> None:
        if not assignment.is_main:
            return
        for other in work.assignments.open_of_trainee(assignment.trainee_id):
            is_running = other.is_main and other.status_at(now) in OPEN and other.id != assignment.id
            if is_running and other.window.overlaps(assignment.window):
                raise AssignmentWindowOverlap(other_id=other.id, state=other.status_at(now))

    def _row(self, assignment: Assignment, day: PlannedDay, now: datetime) -> ScheduledWorkout:
        return ScheduledWorkout(
            id=self._context.new_id(),
            assignment_id=assignment.id,
            trainee_id=assignment.trainee_id,
            plan_id=assignment.plan_id,
            version_number=assignment.version_number,
            workout_key=day.workout_key,
            cycle_no=day.cycle_no,
            name=day.name,
            local_date=day.local_date,
            zone=assignment.zone,
            created_at=now,
            updated_at=now,
        )

    def _tell(
        self, work: UnitOfWork, assignment: Assignment, type: str, cause: str, trainee: Trainee | None = None
    ) -> None:
        trainee = trainee or work.trainees.get(assignment.trainee_id)
        told = {"assignment_id": assignment.id, "plan_id": assignment.plan_id}
        notify(self._context, work, (trainee.account_id,), type, cause, **told)

    # ── changing ──

    @rerun
    def change(self, actor: Actor, command: ChangeAssignment) -> AssignmentView:
        """Replace the personal changes; days to come follow, today and the past do not."""
        with self._context.write(actor) as work:
            assignment, _ = own_assignment(work, actor, command.assignment_id)
            check_version("assignment", command.expected_version, assignment.version)
            now = self._context.clock()
            assignment.check("change", now)
            prescriber = Prescriber(work, now)
            prescriber.up_to_date(assignment)
            plan = self._plan(work, assignment)
            document = prescriber.version(assignment.plan_id, assignment.version_number)
            mine = self._adapted(work, plan, document, command.overrides)
            end = window(mine, assignment.start_date, assignment.shifts).last
            changed = assignment.change(command.overrides, end, now=now)
            saved = self._replan(work, changed, mine, now, reason="changed")
            return work.commit(self._view(saved, plan.title, is_coach=True))

    @rerun
    def upgrade(self, actor: Actor, command: UpgradeAssignment) -> AssignmentView:
        """
        Move a running assignment to a newer version: only days to come that nobody logged.

        Raises:
            OverrideConflict: If a part with a personal change vanished or changed; nothing moves.
            Invalid: If there is no such newer version.
        """
        with self._context.write(actor) as work:
            assignment, _ = own_assignment(work, actor, command.assignment_id)
            now = self._context.clock()
            assignment.check("upgrade", now)
            plan = self._plan(work, assignment)
            number = command.version_number or plan.head_version or 0
            version = work.plans.find_version(plan.id, number)
            if version is None or number <= assignment.version_number:
                says = f"must be a version newer than {assignment.version_number}; the newest is {plan.head_version}"
                raise Invalid.at("/version_number", says, "range")
            prescriber = Prescriber(work, now)
            prescriber.up_to_date(assignment)
            document = read_document(version.document)
            before = prescriber.version(assignment.plan_id, assignment.version_number)
            conflicts = override_conflicts(before, document, assignment.overrides)
            if conflicts:
                allowed = assignment.allowed_at(now)
                raise OverrideConflict(state=assignment.status_at(now), allowed=allowed, keys=conflicts)
            mine = self._adapted(work, plan, document, assignment.overrides)
            end = window(mine, assignment.start_date, assignment.shifts).last
            upgraded = assignment.upgrade(number, end, now=now)
            saved = self._replan(work, upgraded, mine, now, reason="upgraded")
            self._tell(work, saved, "plan_upgraded", f"{saved.id}:{number}")
            return work.commit(self._view(saved, plan.title, is_coach=True))

    def _replan(
        self, work: UnitOfWork, assignment: Assignment, mine: PlanDocument, now: datetime, *, reason: str
    ) -> Assignment:
        """Save *assignment* and bring its days to come in line with *mine*."""
        self._check_windows(work, assignment, now)
        saved = work.assignments.save(assignment.tick(now=now))
        found: Replanned = replan(
            work.scheduled.of_assignment(assignment.id),
            planned_days(mine, assignment.start_date, assignment.shifts),
            version_number=assignment.version_number,
            today=assignment.last_settled or local_day(now, assignment.zone),
            now=now,
            reason=reason,
        )
        for row in found.changed:
            work.scheduled.save(row)
        work.scheduled.add_many([self._row(assignment, day, now) for day in found.made])
        return saved

    # ── pausing ──

    @rerun
    def pause(self, actor: Actor, command: PauseAssignment) -> AssignmentView:
        """Stop for a while: nothing is missed meanwhile."""
        with self._context.write(actor) as work:
            assignment, _ = own_assignment(work, actor, command.assignment_id)
            now = self._context.clock()
            paused = assignment.pause(now=now)
            Prescriber(work, now).up_to_date(assignment)
            saved = work.assignments.save(paused)
            self._tell(work, saved, "plan_paused", f"{saved.id}:{saved.version}")
            return work.commit(self._view(saved, self._plan(work, saved).title, is_coach=True))

    @rerun
    def resume(self, actor: Actor, command: ResumeAssignment) -> AssignmentView:
        """
        Go on: the days left move by the length of the pause.

        Raises:
            MatchNotActive: While the match itself is paused.
            AssignmentWindowOverlap: If the days would run into another main assignment.
        """
        with self._context.write(actor) as work:
            assignment, match = own_assignment(work, actor, command.assignment_id)
            now = self._context.clock()
            assignment.check("resume", now)
            if match.status != "active":
                raise MatchNotActive(trainee_id=assignment.trainee_id, state=match.status)
            resumed, shift = assignment.resume(now=now)
            self._check_windows(work, resumed, now)
            saved = work.assignments.save(resumed)
            self._shift(work, saved, shift, now)
            self._tell(work, saved, "plan_resumed", f"{saved.id}:{saved.version}")
            return work.commit(self._view(saved, self._plan(work, saved).title, is_coach=True))

    def _shift(self, work: UnitOfWork, assignment: Assignment, shift: Shift | None, now: datetime) -> None:
        if shift is not None:
            for row in shift_rows(work.scheduled.of_assignment(assignment.id), shift, now=now):
                work.scheduled.save(row)

    @rerun
    def cancel(self, actor: Actor, command: CancelAssignment) -> AssignmentView:
        """Take a plan off the calendar; what was logged stays."""
        with self._context.write(actor) as work:
            assignment, _ = own_assignment(work, actor, command.assignment_id)
            now = self._context.clock()
            assignment.check("cancel", now)
            saved = self._cancel(work, assignment, command.reason, now)
            self._tell(work, saved, "plan_cancelled", str(saved.id))
            return work.commit(self._view(saved, self._plan(work, saved).title, is_coach=True))

    def _cancel(self, work: UnitOfWork, assignment: Assignment, reason: str | None, now: datetime) -> Assignment:
        Prescriber(work, now).up_to_date(assignment)
        due = [row.id for row in work.scheduled.of_assignment(assignment.id) if row.state == "due"]
        held = [row for row in work.scheduled.lock_many(due) if row.state == "due"]
        work.scheduled.save_held([row.void("cancelled", now=now) for row in held])
        return work.assignments.save(assignment.cancel(reason, now=now))

    # ── with the match ──

    def match_paused(self, work: UnitOfWork, match: Match) -> None:
        """Pause what runs; the trainee's row is held by the caller."""
        now = self._context.clock()
        for found in work.assignments.open_of_match(match.id):
            assignment = found.tick(now=now)
            if assignment.status in ("scheduled", "active"):
                Prescriber(work, now).up_to_date(found)
                work.assignments.save(assignment.pause(now=now, cause="match"))
            elif assignment is not found:
                work.assignments.save(assignment)

    def match_resumed(self, work: UnitOfWork, match: Match, *, was_paused: Match) -> None:
        """Go on with what the match paused; what a longer pause runs into is moved on as a whole."""
        now = self._context.clock()
        last: date | None = None
        for found in work.assignments.open_of_match(match.id):
            if found.status == "paused" and found.pause_cause == "match":
                assignment, shift = found.resume(now=now)
                shifts = [shift] if shift is not None else []
                if assignment.is_main and last is not None and assignment.first_day <= last:
                    n_days = (last - assignment.first_day).days + 1
                    assignment, push = assignment.push(n_days, now=now)
                    shifts.append(push)
                work.assignments.save(assignment)
                for each in shifts:
                    self._shift(work, assignment, each, now)
            else:
                assignment = found
            if assignment.is_main:
                last = max(last or assignment.end_date, assignment.end_date)

    def matches_over(self, work: UnitOfWork, matches: Sequence[Match]) -> None:
        """Cancel what is left."""
        now = self._context.clock()
        over = {match.id: match.status for match in matches}
        for found in work.assignments.open_of_matches(list(over)):
            assignment = found.tick(now=now)
            if assignment.status in OPEN:
                self._cancel(work, found, f"match {over[found.match_id]}", now)
            else:
                Prescriber(work, now).up_to_date(found)
                work.assignments.save(assignment)

    # ── reading ──

    def get(self, actor: Actor, assignment_id: UUID) -> AssignmentView:
        """Return one assignment to its trainee, or to a coach who was granted plans."""
        with self._context.read() as work:
            found = work.assignments.find(assignment_id)
            if found is None:
                raise NotFound(kind="assignment", id=assignment_id)
            try:
                self._access.trainee(work, actor, found.trainee_id, "plan")
            except NotFound as exc:
                raise NotFound(kind="assignment", id=assignment_id) from exc
            title = self._plan(work, found).title
        return self._view(found, title, is_coach=found.coach_id == actor.coach_id)

    def list(self, actor: Actor, query: ListAssignments) -> AssignmentPage:
        """Return a page, newest first: one's own, or those of the trainees who granted their coach plans."""
        name = f"{_LIST}:{query.trainee or ''}:{query.status or ''}"
        keyset = read_cursor(query.cursor, name)
        with self._context.read() as work:
            trainees = self._readable(work, actor, query.trainee)
            found = work.assignments.page(trainee_ids=trainees, status=query.status, keyset=keyset, limit=query.limit)
            plans = work.plans.find_many([a.plan_id for a in found.items])
        after, before = ends(found, keyset, name, lambda a: (a.id,))
        items = tuple(self._view(a, plans[a.plan_id].title, is_coach=a.coach_id == actor.coach_id) for a in found.items)
        return AssignmentPage(items=items, next=after, prev=before)

    def _readable(self, work: UnitOfWork, actor: Actor, trainee_id: UUID | None) -> Sequence[UUID]:
        if trainee_id is not None:
            return [self._access.trainee(work, actor, trainee_id, "plan").id]
        if actor.trainee_id is not None:
            return [actor.trainee_id]
        return sorted(work.grants.trainees_of(own_coach_id(actor)).get("plan", ()))

    def _plan(self, work: UnitOfWork, assignment: Assignment) -> Plan:
        found = work.plans.find(assignment.plan_id)
        if found is None:
            raise NotFound(kind="plan", id=assignment.plan_id)
        return found

    def _view(self, assignment: Assignment, title: str, *, is_coach: bool) -> AssignmentView:
        return AssignmentView.of(assignment, plan_title=title, now=self._context.clock(), is_coach=is_coach)

    # ── what the clock does ──

    @rerun
    def tick_one(self) -> bool:
        """Freeze, miss, begin or complete what is due the longest, for one assignment; False when nothing is."""
        now = self._context.clock()
        with self._context.write(SYSTEM) as work:
            days = work.scheduled.due(now, limit=1)
            due = work.assignments.due(now, limit=1) if not days else []
            if not days and not due:
                return False
            trainee_id = days[0].trainee_id if days else due[0].trainee_id
            work.trainees.lock(trainee_id)
            assignment = work.assignments.find(days[0].assignment_id if days else due[0].id)
            if assignment is not None:
                Prescriber(work, now).up_to_date(assignment)
                ticked = assignment.tick(now=now)
                if ticked is not assignment:
                    work.assignments.save(ticked)
            work.commit()
        return True
