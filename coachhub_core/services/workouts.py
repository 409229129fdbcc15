"""Use cases of workouts: log, correct, take back, look back; and adherence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final
from uuid import UUID

import msgspec

from coachhub_core import wire
from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.adherence import AdherenceView, DueFact, ReadAdherence, adherence
from coachhub_core.domain.assignments import Assignment
from coachhub_core.domain.events import WorkoutLogged
from coachhub_core.domain.prescriptions import ItemCount, Prescription
from coachhub_core.domain.schedule import FulfilledState, ScheduledWorkout, local_day, start_of_day
from coachhub_core.domain.set_logs import SetEntry, count_sets, state_of
from coachhub_core.domain.values import FieldRefused
from coachhub_core.domain.workouts import (
    CorrectWorkout,
    DeleteWorkout,
    Fulfilment,
    ListWorkouts,
    LogWorkout,
    Workout,
    WorkoutContent,
    WorkoutPage,
    WorkoutRevisionPage,
    WorkoutRevisionView,
    WorkoutView,
    content_at,
)
from coachhub_core.errors import AlreadyFulfilled, FieldError, Invalid, NotFound, WorkoutIdReused
from coachhub_core.ports.storage import Duplicate, UnitOfWork, WorkoutStamp
from coachhub_core.services.access import Access, own_trainee_id
from coachhub_core.services.accounts import check_version
from coachhub_core.services.calendar import is_paused
from coachhub_core.services.paging import ends, read_cursor
from coachhub_core.services.plan_parts import Prescriber, read_prescription, visible_exercises
from coachhub_core.services.units import Context, rerun

_LIST: Final = "workouts"
_Day = tuple[ScheduledWorkout, Assignment]


class WorkoutService:
    """What trainees really did. A coach reads it by the ``logs`` grant."""

    def __init__(self, context: Context, access: Access) -> None:
        self._context = context
        self._access = access

    # ── logging ──

    @rerun
    def log(self, actor: Actor, command: LogWorkout) -> tuple[WorkoutView, bool]:
        """
        Log a workout under an id made by the device.

        A day that was upgraded away while the device was offline is fulfilled by
        the day that stands in its place. A log that has nothing to do with what
        the day asked for is kept, and fulfils nothing.

        Returns:
            What is stored, and whether it is new: sent again it changes nothing.
        Raises:
            WorkoutIdReused: If the id is stored with other content.
            AlreadyFulfilled: If another workout fulfils the day.
            Invalid: If an exercise or the day does not exist for this trainee.
        """
        trainee_id = own_trainee_id(actor)
        with self._context.write(actor) as work:
            trainee = work.trainees.lock(trainee_id)
            stored = work.workouts.find(command.id)
            if stored is not None:
                fulfils = work.workouts.fulfils([stored.id]).get(stored.id)
                is_theirs = stored.trainee_id == trainee_id and stored.deleted_at is None
                if not is_theirs or not stored.is_same(command, fulfils=fulfils):
                    raise WorkoutIdReused(workout_id=command.id)
                return self._view(work, stored), False
            now = self._context.clock()
            try:
                command.check_time(now)
            except FieldRefused as exc:
                raise Invalid.at(f"/{exc.member}", exc.sentence, exc.code) from exc
            self._check_exercises(work, trainee_id, command.sets)
            found = self._day(work, trainee_id, command.scheduled_workout_id)
            row, prescription = self._frozen(work, found) if found is not None else (None, None)
            zone = work.accounts.get(trainee.account_id).zone
            workout = Workout.log(command, trainee_id=trainee_id, zone=zone, now=now, prescription=prescription)
            try:
                work.workouts.add(workout)
            except Duplicate as exc:
                raise WorkoutIdReused(workout_id=command.id) from exc
            if row is not None and prescription is not None:
                self._fulfil(work, row, workout, prescription)
            work.outbox.add(WorkoutLogged(at=now, aggregate_id=workout.id, trainee_id=trainee_id))
            return work.commit(self._view(work, workout)), True

    def _check_exercises(self, work: UnitOfWork, trainee_id: UUID, sets: Sequence[SetEntry]) -> None:
        ids = {entry.exercise_id for entry in sets if entry.exercise_id is not None}
        if not ids:
            return
        coaches = {m.coach_id for m in work.matches.of_trainee(trainee_id) if m.started_at is not None}
        known = visible_exercises(work, ids, coaches)
        errors = [
            FieldError(
                pointer=f"/sets/{i}/exercise_id", message=f"there is no exercise {e.exercise_id}", code="unknown"
            )
            for i, e in enumerate(sets)
            if e.exercise_id is not None and e.exercise_id not in known
        ]
        if errors:
            raise Invalid(errors=tuple(errors[:50]))

    def _day(self, work: UnitOfWork, trainee_id: UUID, scheduled_workout_id: UUID | None) -> _Day | None:
        """Return the day a log is meant for; None where it cannot be fulfilled any more."""
        if scheduled_workout_id is None:
            return None
        row = work.scheduled.find(scheduled_workout_id)
        if row is None or row.trainee_id != trainee_id:
            raise Invalid.at("/scheduled_workout_id", "is not a scheduled workout of yours", "unknown")
        if row.state == "void":
            standing = work.scheduled.standing(row.assignment_id, row.workout_key, row.cycle_no)
            if standing is None:
                return None
            row = standing
        if row.state == "excused":
            return None
        if row.id in work.workouts.fulfilled_by([row.id]):
            raise AlreadyFulfilled(scheduled_workout_id=row.id, state=row.state)
        assignment = work.assignments.find(row.assignment_id)
        return (row, assignment) if assignment is not None else None

    def _frozen(self, work: UnitOfWork, found: _Day) -> tuple[ScheduledWorkout, Prescription]:
        row, assignment = found
        frozen = Prescriber(work, self._context.clock()).frozen(assignment, row)
        return frozen, read_prescription(frozen.prescription or b"")

    def _fulfil(
        self, work: UnitOfWork, row: ScheduledWorkout, workout: Workout, prescription: Prescription
    ) -> FulfilledState | None:
        """Write what *workout* makes of *row*; nothing where the two have nothing in common."""
        now = self._context.clock()
        counts = count_sets(prescription.workout, [log.entry for log in workout.sets])
        state = state_of(counts)
        if state is None:
            return None
        try:
            work.workouts.fulfil(Fulfilment(scheduled_workout_id=row.id, workout_id=workout.id))
        except Duplicate as exc:
            raise AlreadyFulfilled(scheduled_workout_id=row.id, state=row.state) from exc
        work.scheduled.save(row.fulfil(state, counts, now=now))
        return state

    # ── correcting ──

    @rerun
    def correct(self, actor: Actor, command: CorrectWorkout) -> WorkoutView:
        """Replace what a workout says; what it said before is kept, and the day it fulfils is judged anew."""
        with self._context.write(actor) as work:
            workout = self._own(work, actor, command.workout_id, command.expected_version)
            now = self._context.clock()
            try:
                command.check_time(now)
            except FieldRefused as exc:
                raise Invalid.at(f"/{exc.member}", exc.sentence, exc.code) from exc
            self._check_exercises(work, workout.trainee_id, command.sets)
            day_id = work.workouts.fulfils([workout.id]).get(workout.id)
            row = work.scheduled.find(day_id) if day_id is not None else None
            has_prescription = row is not None and row.prescription is not None
            prescription = read_prescription(row.prescription or b"") if row is not None and has_prescription else None
            corrected, revision = workout.correct(command, now=now, prescription=prescription)
            if revision is None:
                return self._view(work, workout)
            saved = work.workouts.save(corrected)
            work.workouts.add_revision(revision)
            if row is not None and prescription is not None:
                work.workouts.unfulfil(saved.id)
                if self._fulfil(work, row, saved, prescription) is None:
                    work.scheduled.save(row.unfulfil(now=now))
            return work.commit(self._view(work, saved))

    @rerun
    def delete(self, actor: Actor, command: DeleteWorkout) -> None:
        """Take a workout back; the day it fulfilled is due or missed again, and its id is never free for another."""
        with self._context.write(actor) as work:
            workout = self._own(work, actor, command.workout_id, command.expected_version)
            now = self._context.clock()
            day_id = work.workouts.fulfils([workout.id]).get(workout.id)
            row = work.scheduled.find(day_id) if day_id is not None else None
            if row is not None:
                work.workouts.unfulfil(workout.id)
                work.scheduled.save(row.unfulfil(now=now))
            work.workouts.save(workout.delete(now=now))
            work.commit()

    def _own(self, work: UnitOfWork, actor: Actor, workout_id: UUID, expected_version: int | None) -> Workout:
        trainee_id = own_trainee_id(actor)
        work.trainees.lock(trainee_id)
        found = work.workouts.find(workout_id)
        if found is None or found.trainee_id != trainee_id or found.deleted_at is not None:
            raise NotFound(kind="workout", id=workout_id)
        check_version("workout", expected_version, found.version)
        return found

    # ── reading ──

    def get(self, actor: Actor, workout_id: UUID) -> WorkoutView:
        """Return one workout to its trainee, or to a coach with the grant."""
        with self._context.read() as work:
            return self._view(work, self._seen(work, actor, workout_id))

    def _seen(self, work: UnitOfWork, actor: Actor, workout_id: UUID) -> Workout:
        found = work.workouts.find(workout_id)
        if found is None or found.deleted_at is not None:
            raise NotFound(kind="workout", id=workout_id)
        try:
            self._access.trainee(work, actor, found.trainee_id, "logs")
        except NotFound as exc:
            raise NotFound(kind="workout", id=workout_id) from exc
        return found

    def revisions(self, actor: Actor, workout_id: UUID) -> WorkoutRevisionPage:
        """Return what a workout said before its corrections, oldest first."""
        with self._context.read() as work:
            found = work.workouts.revisions(self._seen(work, actor, workout_id).id)
        return WorkoutRevisionPage(items=tuple(WorkoutRevisionView.of(revision) for revision in found))

    def list(self, actor: Actor, query: ListWorkouts) -> WorkoutPage:
        """Return a page, newest first: one's own, or a named trainee's by grant."""
        name = f"{_LIST}:{query.trainee or ''}:{query.exercise or ''}:{query.from_ or ''}:{query.to or ''}"
        keyset = read_cursor(query.cursor, name)
        with self._context.read() as work:
            if query.trainee is None and actor.trainee_id is None:
                raise Invalid.at("trainee", "is required of who is not a trainee", "required")
            trainee_id = query.trainee or own_trainee_id(actor)
            self._access.trainee(work, actor, trainee_id, "logs")
            found = work.workouts.page(
                trainee_id=trainee_id,
                first=query.from_,
                last=query.to,
                exercise_id=query.exercise,
                keyset=keyset,
                limit=query.limit,
            )
            items = self._views(work, found.items)
        after, before = ends(found, keyset, name, lambda w: (w.started_at.isoformat(), w.id))
        return WorkoutPage(items=items, next=after, prev=before)

    def _view(self, work: UnitOfWork, workout: Workout) -> WorkoutView:
        return self._views(work, [workout])[0]

    def _views(self, work: UnitOfWork, found: Iterable[Workout]) -> tuple[WorkoutView, ...]:
        workouts = list(found)
        days = work.workouts.fulfils([workout.id for workout in workouts])
        rows = work.scheduled.find_many(list(days.values()))
        views = []
        for workout in workouts:
            day_id = days.get(workout.id)
            row = rows.get(day_id) if day_id is not None else None
            state = row.state if row is not None else None
            fulfils: FulfilledState | None = state if state == "done" or state == "partial" else None
            views.append(WorkoutView.of(workout, scheduled_workout_id=day_id, fulfils=fulfils))
        return tuple(views)

    # ── adherence ──

    def adherence(self, actor: Actor, query: ReadAdherence) -> AdherenceView:
        """
        Return how much of what was asked for was done, as of a day.

        Raises:
            Invalid: If the day lies in the future.
        """
        with self._context.read() as work:
            trainee = self._access.trainee(work, actor, query.trainee_id, "logs")
            today = local_day(self._context.clock(), work.accounts.get(trainee.account_id).zone)
            as_of = query.as_of or today
            if as_of > today:
                raise Invalid.at("as_of", f"must not lie in the future; today is {today}", "range")
            first = as_of - timedelta(days=query.window - 1)
            facts = DueFacts(work).of([trainee.id], first, as_of)
        return adherence(trainee.id, facts.get(trainee.id, ()), window=query.window, as_of=as_of)


class DueFacts:
    """Reads what adherence is computed from, for many trainees at once."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def of(self, trainee_ids: Sequence[UUID], first: date, as_of: date) -> Mapping[UUID, Sequence[DueFact]]:
        """
        Return the facts of each trainee's days from *first* to *as_of*, as they were known at the end of *as_of*.
        """
        work = self._work
        rows = work.scheduled.between(trainee_ids, first, as_of)
        assignments = work.assignments.find_many(sorted({row.assignment_id for row in rows}))
        fulfilled = work.workouts.fulfilled_by([row.id for row in rows])
        stamps = work.workouts.stamps(sorted(fulfilled.values()))
        found: dict[UUID, list[DueFact]] = {}
        for row in rows:
            workout_id = fulfilled.get(row.id)
            stamp = stamps.get(workout_id) if workout_id is not None else None
            found.setdefault(row.trainee_id, []).append(
                DueFact(
                    scheduled_workout_id=row.id,
                    local_date=row.local_date,
                    state=row.state,
                    is_paused=is_paused(assignments[row.assignment_id], row),
                    logged_on=local_day(stamp.created_at, row.zone) if stamp is not None else None,
                    counts=self._counts(row, stamp, as_of),
                )
            )
        return found

    def _counts(self, row: ScheduledWorkout, stamp: WorkoutStamp | None, as_of: date) -> tuple[ItemCount, ...]:
        """Return the counts kept with the row; where the log was corrected after *as_of*, count what it said then."""
        if stamp is None or local_day(stamp.recorded_at, row.zone) <= as_of or row.prescription is None:
            return row.counts or ()
        workout = self._work.workouts.find(stamp.workout_id)
        end = start_of_day(as_of + timedelta(days=1), row.zone) - timedelta(microseconds=1)
        raw = content_at(workout, self._work.workouts.revisions(stamp.workout_id), end) if workout is not None else None
        if raw is None:
            return row.counts or ()
        content = wire.structure(WorkoutContent, msgspec.json.decode(raw))
        return count_sets(read_prescription(row.prescription).workout, content.sets)
