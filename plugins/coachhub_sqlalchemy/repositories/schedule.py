"""Repositories of assignments and of their days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa

from coachhub_core.domain.assignments import OPEN, Assignment, AssignmentStatus
from coachhub_core.domain.schedule import ScheduledWorkout
from coachhub_core.ports.storage import Keyset, Slice
from coachhub_sqlalchemy.keyset import by_id, sliced
from coachhub_sqlalchemy.later import later
from coachhub_sqlalchemy.mapping import Repository, RowMapping
from coachhub_sqlalchemy.tables.plans import assignments, scheduled_workouts

ASSIGNMENTS = RowMapping(Assignment, assignments, derived={"due_at": lambda a: a.due_at})
ROWS = RowMapping(ScheduledWorkout, scheduled_workouts, derived={"due_at": lambda row: row.due_at})

_A, _S = assignments.c, scheduled_workouts.c
_OPEN = sorted(OPEN)
_ALL = sa.select(*ASSIGNMENTS.selected)
_DAYS = sa.select(*ROWS.selected)
_IN_ORDER = (_S.local_date, _S.id)


class SqlAssignments(Repository[Assignment]):
    """Plans on calendars."""

    mapping = ASSIGNMENTS
    kind = "assignment"

    def open_of_trainee(self, trainee_id: UUID) -> Sequence[Assignment]:
        """By first day."""
        return self.open_of_trainees([trainee_id])

    def open_of_trainees(self, trainee_ids: Sequence[UUID]) -> Sequence[Assignment]:
        """By first day."""
        if not trainee_ids:
            return []
        found = self._all(_ALL.where(_A.trainee_id.in_(list(trainee_ids)), _A.status.in_(_OPEN)))
        return sorted(found, key=lambda a: (a.first_day, a.id))

    def open_of_match(self, match_id: UUID) -> Sequence[Assignment]:
        """By first day."""
        return self.open_of_matches([match_id])

    def open_of_matches(self, match_ids: Sequence[UUID]) -> Sequence[Assignment]:
        """By first day."""
        if not match_ids:
            return []
        found = self._all(_ALL.where(_A.match_id.in_(list(match_ids)), _A.status.in_(_OPEN)))
        return sorted(found, key=lambda a: (a.first_day, a.id))

    def of_plan(self, plan_id: UUID, trainee_id: UUID) -> Sequence[Assignment]:
        """Newest first."""
        statement = _ALL.where(_A.trainee_id == trainee_id, _A.plan_id == plan_id)
        return self._all(statement.order_by(_A.id.desc()))

    def of_trainee(self, trainee_id: UUID) -> Sequence[Assignment]:
        """Newest first."""
        return self._all(_ALL.where(_A.trainee_id == trainee_id).order_by(_A.id.desc()))

    def page(
        self,
        *,
        trainee_ids: Sequence[UUID],
        status: AssignmentStatus | None,
        keyset: Keyset | None,
        limit: int,
    ) -> Slice[Assignment]:
        """Newest first."""
        statement = _ALL.where(_A.trainee_id.in_(list(trainee_ids)))
        if status is not None:
            statement = statement.where(_A.status == status)
        return sliced(self._all(by_id(statement, _A.id, keyset, limit)), keyset, limit)

    def due(self, now: datetime, *, limit: int) -> Sequence[Assignment]:
        """The longest due first."""
        return self._all(_ALL.where(_A.due_at <= now).order_by(_A.due_at, _A.id).limit(limit))

    def delete_of(self, trainee_id: UUID) -> None:
        """Days first, then what they belong to."""
        later(self._connection, sa.delete(scheduled_workouts).where(_S.trainee_id == trainee_id))
        later(self._connection, sa.delete(assignments).where(_A.trainee_id == trainee_id))


class SqlScheduledWorkouts(Repository[ScheduledWorkout]):
    """Days."""

    mapping = ROWS
    kind = "scheduled workout"

    def add_many(self, rows: Sequence[ScheduledWorkout]) -> None:
        """Write them in one call."""
        if rows:
            self._connection.execute(self._insert, [ROWS.to_row(row) for row in rows])

    def of_assignment(self, assignment_id: UUID) -> Sequence[ScheduledWorkout]:
        """By day."""
        return self._all(_DAYS.where(_S.assignment_id == assignment_id).order_by(*_IN_ORDER))

    def between(self, trainee_ids: Sequence[UUID], first: date, last: date) -> Sequence[ScheduledWorkout]:
        """By day, without the void ones."""
        if not trainee_ids:
            return []
        statement = _DAYS.where(
            _S.trainee_id.in_(list(trainee_ids)), _S.local_date.between(first, last), _S.state != "void"
        )
        return self._all(statement.order_by(*_IN_ORDER))

    def standing(self, assignment_id: UUID, workout_key: str, cycle_no: int) -> ScheduledWorkout | None:
        """The newest that is not void."""
        statement = _DAYS.where(
            _S.assignment_id == assignment_id,
            _S.workout_key == workout_key,
            _S.cycle_no == cycle_no,
            _S.state != "void",
        )
        return self._one(statement.order_by(_S.version_number.desc()).limit(1))

    def due(self, now: datetime, *, limit: int) -> Sequence[ScheduledWorkout]:
        """A paused assignment's days wait for it to go on."""
        statement = (
            _DAYS.join_from(scheduled_workouts, assignments, _A.id == _S.assignment_id)
            .where(_S.due_at <= now, _A.status.in_(("scheduled", "active", "completed")))
            .order_by(_S.due_at, _S.id)
            .limit(limit)
        )
        return self._all(statement)

    def next_days(self, trainee_ids: Sequence[UUID], today: date) -> Mapping[UUID, date]:
        """The earliest due day of each."""
        if not trainee_ids:
            return {}
        rows = self._connection.execute(
            sa.select(_S.trainee_id, sa.func.min(_S.local_date))
            .where(_S.trainee_id.in_(list(trainee_ids)), _S.state == "due", _S.local_date >= today)
            .group_by(_S.trainee_id)
        )
        return {row[0]: row[1] for row in rows}
