"""Repositories of exercises, and of plans with their versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from coachhub_core.domain.exercises import Exercise
from coachhub_core.domain.plan_views import PlanRow, PlanVersionRow
from coachhub_core.domain.plans import Plan, PlanStatus, PlanVersion
from coachhub_core.domain.vocabulary import fold
from coachhub_core.ports.storage import ExerciseFilter, Keyset, Slice
from coachhub_sqlalchemy.keyset import by_id, by_pair, sliced
from coachhub_sqlalchemy.mapping import Repository, RowMapping
from coachhub_sqlalchemy.tables.plans import exercises, plan_exercises, plan_versions, plans
from coachhub_sqlalchemy.tables.workouts import set_logs

EVERYONE = UUID(int=0)
_E, _P, _V = exercises.c, plans.c, plan_versions.c


def _name_key(exercise: Exercise) -> str:
    return fold(exercise.name)[:255]


EXERCISES = RowMapping(
    Exercise,
    exercises,
    renamed={"force": "force_kind"},
    derived={
        "owner_key": lambda e: e.owner_coach_id or EVERYONE,
        "name_key": _name_key,
        "words": lambda e: e.words(),
        "muscles": lambda e: f",{','.join((*e.primary_muscles, *e.secondary_muscles))},",
    },
)
PLANS = RowMapping(Plan, plans)
VERSIONS = RowMapping(PlanVersion, plan_versions)

_VERSION = sa.select(*VERSIONS.selected).where(
    _V.plan_id == sa.bindparam("the_plan"), _V.number == sa.bindparam("the_number")
)


def _number(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**31:
        raise ValueError("out of range")
    return value


class SqlExercises(Repository[Exercise]):
    """Exercises."""

    mapping = EXERCISES
    kind = "exercise"

    def add_many(self, found: Sequence[Exercise]) -> None:
        """Write them in one call."""
        if found:
            self._connection.execute(self._insert, [EXERCISES.to_row(exercise) for exercise in found])

    def remove(self, exercise: Exercise) -> None:
        """Delete it."""
        self._connection.execute(sa.delete(exercises).where(_E.id == exercise.id))

    def is_used(self, id: UUID) -> bool:
        """Look in plans, then in logs."""
        for column in (plan_exercises.c.exercise_id, set_logs.c.exercise_id):
            if self._connection.execute(sa.select(column).where(column == id).limit(1)).first() is not None:
                return True
        return False

    def page(self, where: ExerciseFilter, *, keyset: Keyset | None, limit: int) -> Slice[Exercise]:
        """By folded name."""
        statement = sa.select(*EXERCISES.selected).where(
            _E.owner_key.in_([EVERYONE, *sorted(where.owners)]), _E.is_archived.is_(where.archived)
        )
        for word in where.words:
            statement = statement.where(_E.words.contains(word, autoescape=True))
        for column, value in ((_E.category, where.category), (_E.level, where.level), (_E.equipment, where.equipment)):
            if value is not None:
                statement = statement.where(column == value)
        if where.muscle is not None:
            statement = statement.where(_E.muscles.contains(f",{where.muscle},", autoescape=True))
        statement = by_pair(statement, _E.name_key, _E.id, keyset, limit, descending=False, read=str)
        return sliced(self._all(statement), keyset, limit)

    def sort_key(self, exercise: Exercise) -> tuple[str, str]:
        """As a cursor carries it."""
        return _name_key(exercise), str(exercise.id)

    def sources(self, source: str) -> frozenset[str]:
        """What is stored of a source."""
        rows = self._connection.execute(sa.select(_E.source_id).where(_E.source == source))
        return frozenset(row[0] for row in rows if row[0] is not None)

    def slugs_of_everyone(self) -> frozenset[str]:
        """Taken ones."""
        return frozenset(row[0] for row in self._connection.execute(sa.select(_E.slug).where(_E.owner_key == EVERYONE)))

    def of_owner(self, coach_id: UUID) -> Sequence[Exercise]:
        """All of a coach, oldest first."""
        return self._all(sa.select(*EXERCISES.selected).where(_E.owner_key == coach_id).order_by(_E.id))


class SqlPlans(Repository[Plan]):
    """Plans and versions."""

    mapping = PLANS
    kind = "plan"

    def remove(self, plan: Plan) -> None:
        """Delete it with what it refers to."""
        self._connection.execute(sa.delete(plan_exercises).where(plan_exercises.c.plan_id == plan.id))
        self._connection.execute(sa.delete(plans).where(_P.id == plan.id))

    def put_exercises(self, plan_id: UUID, exercise_ids: frozenset[UUID]) -> None:
        """Add what is new."""
        c = plan_exercises.c
        known = {row[0] for row in self._connection.execute(sa.select(c.exercise_id).where(c.plan_id == plan_id))}
        new = [{"plan_id": plan_id, "exercise_id": id} for id in sorted(exercise_ids - known)]
        if new:
            self._connection.execute(sa.insert(plan_exercises), new)

    def page(
        self,
        *,
        owner_coach_id: UUID,
        template: bool | None,
        status: PlanStatus | None,
        keyset: Keyset | None,
        limit: int,
    ) -> Slice[PlanRow]:
        """Newest first; documents stay where they are."""
        has_draft = _P.draft.is_not(None)
        columns = [_P[name] for name in _ROW_MEMBERS]
        statement = sa.select(*columns, has_draft).where(_P.owner_coach_id == owner_coach_id)
        if template is not None:
            statement = statement.where(_P.trainee_id.is_(None) if template else _P.trainee_id.is_not(None))
        if status is not None:
            statement = statement.where(_P.status == status)
        rows = self._connection.execute(by_id(statement, _P.id, keyset, limit))
        return sliced([_plan_row(row) for row in rows], keyset, limit)

    def of_owner(self, coach_id: UUID) -> Sequence[Plan]:
        """All of a coach, oldest first."""
        return self._all(sa.select(*PLANS.selected).where(_P.owner_coach_id == coach_id).order_by(_P.id))

    def add_version(self, version: PlanVersion) -> None:
        """Write it, once and for good."""
        self._connection.execute(sa.insert(plan_versions), VERSIONS.to_row(version))

    def find_version(self, plan_id: UUID, number: int) -> PlanVersion | None:
        """Return one version."""
        row = self._connection.execute(_VERSION, {"the_plan": plan_id, "the_number": number}).first()
        return None if row is None else VERSIONS.from_row(row)

    def versions(self, plan_id: UUID, *, newest: int, keyset: Keyset | None, limit: int) -> Slice[PlanVersionRow]:
        """Newest first."""
        columns = (_V.number, _V.parent, _V.sha256, _V.note, _V.created_at)
        statement = sa.select(*columns).where(_V.plan_id == plan_id, _V.number <= newest)
        rows = self._connection.execute(by_id(statement, _V.number, keyset, limit, read=_number))
        found = [
            PlanVersionRow(number=row[0], parent=row[1], sha256=row[2], note=row[3], created_at=row[4]) for row in rows
        ]
        return sliced(found, keyset, limit)


_ROW_MEMBERS = ("id", "trainee_id", "title", "status", "head_version", "created_at", "updated_at", "version")


def _plan_row(row: Sequence[Any]) -> PlanRow:
    members = dict(zip(_ROW_MEMBERS, row[: len(_ROW_MEMBERS)], strict=True))
    return PlanRow(**members, is_template=members["trainee_id"] is None, has_draft=bool(row[len(_ROW_MEMBERS)]))
