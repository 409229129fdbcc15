"""What the room *plans* needs of a storage: exercises, plans with their versions, assignments and their days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import attrs

from coachhub_core.domain.assignments import Assignment, AssignmentStatus
from coachhub_core.domain.exercises import Exercise
from coachhub_core.domain.plan_views import PlanRow, PlanVersionRow
from coachhub_core.domain.plans import Plan, PlanStatus, PlanVersion
from coachhub_core.domain.schedule import ScheduledWorkout

if TYPE_CHECKING:
    from coachhub_core.ports.storage.unit import Keyset, Slice


@attrs.frozen(kw_only=True)
class ExerciseFilter:
    """
    Which exercises are listed; every member narrows.

    ``owners`` are the coaches whose own ones are shown beside everyone's;
    ``words`` are folded and must all stand in the name or an alias.
    """

    owners: frozenset[UUID] = frozenset()
    words: tuple[str, ...] = ()
    category: str | None = None
    level: str | None = None
    equipment: str | None = None
    muscle: str | None = None
    archived: bool = False


class ExerciseRepository(Protocol):
    """
    Exercises.

    ``Duplicate`` with ``exercises.owner_key+slug`` for a slug that is taken, with
    ``exercises.source+source_id`` for an entry that was imported before.
    """

    def add(self, exercise: Exercise) -> None: ...

    def add_many(self, exercises: Sequence[Exercise]) -> None: ...

    def find(self, id: UUID) -> Exercise | None: ...

    def find_many(self, ids: Sequence[UUID]) -> Mapping[UUID, Exercise]: ...

    def lock(self, id: UUID) -> Exercise: ...

    def save(self, exercise: Exercise) -> Exercise:
        """Write a change based on ``exercise.version``; ``Contended`` when another writer was first."""
        ...

    def remove(self, exercise: Exercise) -> None: ...

    def is_used(self, id: UUID) -> bool:
        """Say whether any plan, draft or log refers to it."""
        ...

    def page(self, where: ExerciseFilter, *, keyset: Keyset | None, limit: int) -> Slice[Exercise]:
        """By folded name; the sort key is :meth:`sort_key`."""
        ...

    def sort_key(self, exercise: Exercise) -> tuple[str, str]:
        """Return (folded name, id), as a cursor carries them."""
        ...

    def sources(self, source: str) -> frozenset[str]:
        """Every ``source_id`` that is stored of *source*."""
        ...

    def slugs_of_everyone(self) -> frozenset[str]: ...

    def of_owner(self, coach_id: UUID) -> Sequence[Exercise]: ...


class PlanRepository(Protocol):
    """Plans and their versions, which are written once and never changed."""

    def add(self, plan: Plan) -> None: ...

    def find(self, id: UUID) -> Plan | None: ...

    def find_many(self, ids: Sequence[UUID]) -> Mapping[UUID, Plan]: ...

    def lock(self, id: UUID) -> Plan: ...

    def save(self, plan: Plan) -> Plan:
        """Write a change based on ``plan.version``; ``Contended`` when another writer was first."""
        ...

    def remove(self, plan: Plan) -> None:
        """Delete a plan that has no version."""
        ...

    def put_exercises(self, plan_id: UUID, exercise_ids: frozenset[UUID]) -> None:
        """Remember that the plan refers, or once referred, to these."""
        ...

    def page(
        self,
        *,
        owner_coach_id: UUID,
        template: bool | None,
        status: PlanStatus | None,
        keyset: Keyset | None,
        limit: int,
    ) -> Slice[PlanRow]:
        """Newest first, without documents; the sort key is (id,)."""
        ...

    def of_owner(self, coach_id: UUID) -> Sequence[Plan]: ...

    def add_version(self, version: PlanVersion) -> None: ...

    def find_version(self, plan_id: UUID, number: int) -> PlanVersion | None: ...

    def versions(self, plan_id: UUID, *, newest: int, keyset: Keyset | None, limit: int) -> Slice[PlanVersionRow]:
        """Those up to number *newest*, the newest first, without documents; the sort key is (number,)."""
        ...


class AssignmentRepository(Protocol):
    """Plans on calendars; every change is made with the trainee's row held."""

    def add(self, assignment: Assignment) -> None: ...

    def find(self, id: UUID) -> Assignment | None: ...

    def find_many(self, ids: Sequence[UUID]) -> Mapping[UUID, Assignment]: ...

    def save(self, assignment: Assignment) -> Assignment: ...

    def open_of_trainee(self, trainee_id: UUID) -> Sequence[Assignment]:
        """Those scheduled, active or paused by their row, by first day."""
        ...

    def open_of_match(self, match_id: UUID) -> Sequence[Assignment]:
        """The same of one match."""
        ...

    def open_of_matches(self, match_ids: Sequence[UUID]) -> Sequence[Assignment]:
        """The same of many matches."""
        ...

    def open_of_trainees(self, trainee_ids: Sequence[UUID]) -> Sequence[Assignment]: ...

    def of_plan(self, plan_id: UUID, trainee_id: UUID) -> Sequence[Assignment]:
        """All of one plan to one trainee, newest first."""
        ...

    def of_trainee(self, trainee_id: UUID) -> Sequence[Assignment]:
        """All there ever were, newest first."""
        ...

    def page(
        self,
        *,
        trainee_ids: Sequence[UUID],
        status: AssignmentStatus | None,
        keyset: Keyset | None,
        limit: int,
    ) -> Slice[Assignment]:
        """Newest first; the sort key is (id,)."""
        ...

    def due(self, now: datetime, *, limit: int) -> Sequence[Assignment]:
        """Those whose clock has something to do, the longest due first."""
        ...

    def delete_of(self, trainee_id: UUID) -> None:
        """Delete a trainee's assignments with all their days."""
        ...


class ScheduledWorkoutRepository(Protocol):
    """Days; (assignment, version, workout, cycle) is unique."""

    def add_many(self, rows: Sequence[ScheduledWorkout]) -> None: ...

    def find(self, id: UUID) -> ScheduledWorkout | None: ...

    def find_many(self, ids: Sequence[UUID]) -> Mapping[UUID, ScheduledWorkout]: ...

    def save(self, row: ScheduledWorkout) -> ScheduledWorkout: ...

    def lock_many(self, ids: Sequence[UUID]) -> Sequence[ScheduledWorkout]:
        """Return them and hold their rows until the unit ends."""
        ...

    def save_held(self, rows: Sequence[ScheduledWorkout]) -> Sequence[ScheduledWorkout]:
        """Write changes of rows that this unit holds, in no round trip of their own."""
        ...

    def of_assignment(self, assignment_id: UUID) -> Sequence[ScheduledWorkout]:
        """All of them, also void ones, by day."""
        ...

    def between(self, trainee_ids: Sequence[UUID], first: date, last: date) -> Sequence[ScheduledWorkout]:
        """Those of these days that are not void, by day."""
        ...

    def standing(self, assignment_id: UUID, workout_key: str, cycle_no: int) -> ScheduledWorkout | None:
        """The one that stands for a workout of a cycle: of any version, not void."""
        ...

    def due(self, now: datetime, *, limit: int) -> Sequence[ScheduledWorkout]:
        """Days of scheduled and active assignments whose clock has something to do, the longest due first."""
        ...

    def next_days(self, trainee_ids: Sequence[UUID], today: date) -> Mapping[UUID, date]:
        """Per trainee the next day on which something is due, from *today* on."""
        ...
