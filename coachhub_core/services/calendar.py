"""Use cases of the calendar: what is asked for on which day, and saying that one will not do it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.assignments import Assignment
from coachhub_core.domain.schedule import (
    CalendarView,
    ReadCalendar,
    ScheduledWorkout,
    ScheduledWorkoutView,
    SkipWorkout,
)
from coachhub_core.errors import NotFound
from coachhub_core.ports.storage import UnitOfWork
from coachhub_core.services.access import Access, own_trainee_id
from coachhub_core.services.plan_parts import Prescriber
from coachhub_core.services.units import Context, rerun

PREVIEW: Final = timedelta(days=31)  # a longer span is an overview, and would read every document anew


def is_paused(assignment: Assignment, row: ScheduledWorkout) -> bool:
    """Say whether a pause that is not over covers this day."""
    return (
        assignment.status == "paused"
        and row.state == "due"
        and assignment.paused_on is not None
        and row.local_date >= assignment.paused_on
    )


class CalendarService:
    """Days of a trainee, read by themselves and by a coach with the grant."""

    def __init__(self, context: Context, access: Access) -> None:
        self._context = context
        self._access = access

    def read(self, actor: Actor, query: ReadCalendar) -> CalendarView:
        """
        Return a trainee's days.

        Over at most 31 days, what is not frozen yet shows what it would ask for
        as things stand; over more, only frozen days show their prescription.
        """
        with self._context.read() as work:
            trainee = self._access.trainee(work, actor, query.trainee_id, "plan")
            now = self._context.clock()
            rows = work.scheduled.between([trainee.id], query.from_, query.to)
            assignments = work.assignments.find_many(sorted({row.assignment_id for row in rows}))
            fulfilled = work.workouts.fulfilled_by([row.id for row in rows])
            prescriber = Prescriber(work, now) if query.to - query.from_ < PREVIEW else None
            items = tuple(
                self._view(actor, row, assignments[row.assignment_id], fulfilled.get(row.id), prescriber)
                for row in rows
            )
        return CalendarView(trainee_id=trainee.id, first=query.from_, last=query.to, items=items)

    def get(self, actor: Actor, scheduled_workout_id: UUID) -> ScheduledWorkoutView:
        """Return one day with what it asks for."""
        with self._context.read() as work:
            row = work.scheduled.find(scheduled_workout_id)
            assignment = work.assignments.find(row.assignment_id) if row is not None else None
            if row is None or assignment is None:
                raise NotFound(kind="scheduled workout", id=scheduled_workout_id)
            try:
                self._access.trainee(work, actor, row.trainee_id, "plan")
            except NotFound as exc:
                raise NotFound(kind="scheduled workout", id=scheduled_workout_id) from exc
            workout_id = work.workouts.fulfilled_by([row.id]).get(row.id)
            return self._view(actor, row, assignment, workout_id, Prescriber(work, self._context.clock()))

    def _view(
        self,
        actor: Actor,
        row: ScheduledWorkout,
        assignment: Assignment,
        workout_id: UUID | None,
        prescriber: Prescriber | None,
    ) -> ScheduledWorkoutView:
        on_hold = is_paused(assignment, row)
        shown = row if on_hold else row.at(self._context.clock())
        wants_preview = prescriber is not None and row.prescription is None and row.state != "void"
        return ScheduledWorkoutView.of(
            shown,
            workout_id=workout_id,
            is_paused=on_hold,
            preview=prescriber.prescription(assignment, row) if prescriber is not None and wants_preview else None,
            may_log=actor.trainee_id == row.trainee_id,
        )

    @rerun
    def skip(self, actor: Actor, command: SkipWorkout) -> ScheduledWorkoutView:
        """
        Say that one will not do a workout, and why.

        Raises:
            AlreadyLogged: If it was logged.
            ScheduledWorkoutIllegalTransition: If it is not due any more.
        """
        with self._context.write(actor) as work:
            row, assignment = own_day(work, own_trainee_id(actor), command.scheduled_workout_id)
            now = self._context.clock()
            prescriber = Prescriber(work, now)
            current = row if is_paused(assignment, row) else row.at(now)
            skipped = prescriber.frozen(assignment, current.skip(command.reason, now=now))
            saved = work.scheduled.save(skipped)
            return work.commit(self._view(actor, saved, assignment, None, None))


def own_day(work: UnitOfWork, trainee_id: UUID, scheduled_workout_id: UUID) -> tuple[ScheduledWorkout, Assignment]:
    """Return a day of one's own with its assignment; one's own row is then held."""
    work.trainees.lock(trainee_id)
    row = work.scheduled.find(scheduled_workout_id)
    assignment = work.assignments.find(row.assignment_id) if row is not None else None
    if row is None or assignment is None or row.trainee_id != trainee_id:
        raise NotFound(kind="scheduled workout", id=scheduled_workout_id)
    return row, assignment
