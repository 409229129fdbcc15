"""Repository of the room *workouts*: what happened, with its sets, revisions and what it fulfils."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Row

from coachhub_core.domain.analytics import EffortFact
from coachhub_core.domain.set_logs import Load, SetEntry, SetLog
from coachhub_core.domain.values import to_utc
from coachhub_core.domain.workouts import Fulfilment, Workout, WorkoutRevision
from coachhub_core.ports.storage import Keyset, Slice, WorkoutStamp
from coachhub_sqlalchemy.keyset import by_pair, sliced
from coachhub_sqlalchemy.later import later
from coachhub_sqlalchemy.mapping import Repository, RowMapping
from coachhub_sqlalchemy.tables.workouts import fulfilments, set_logs, workout_revisions, workouts

WORKOUTS = RowMapping(Workout, workouts, omitted=("sets",))
REVISIONS = RowMapping(WorkoutRevision, workout_revisions)

_W, _L, _F = workouts.c, set_logs.c, fulfilments.c
_OF = sa.select(*WORKOUTS.selected)
_SETS = (
    sa.select(set_logs)
    .where(_L.workout_id.in_(sa.bindparam("the_ids", expanding=True)))
    .order_by(_L.workout_id, _L.ordinal)
)
_WALKS = 50  # in one statement: SQLite joins 500 at most
_PLAIN = tuple(f.name for f in attrs.fields(SetEntry) if f.name != "load")  # kept in columns of the same names


def _whole(value: float | None) -> float | None:
    """Return 75 for 75.0: a number comes back as people write it."""
    return int(value) if value is not None and value.is_integer() else value


def _to_row(workout_id: UUID, log: SetLog) -> dict[str, Any]:
    entry = log.entry
    load = entry.load
    return {
        "workout_id": workout_id,
        "ordinal": log.ordinal,
        **{name: getattr(entry, name) for name in _PLAIN},
        "load_value": load.value if load else None,
        "load_unit": load.unit if load else None,
        "load_basis": load.basis if load else None,
        "load_kg": log.load_kg,
        "target": log.target,
        "target_rpe": log.target.rpe if log.target else None,
    }


def _from_row(row: Row[Any]) -> SetLog:
    members = {name: row._mapping[name] for name in _PLAIN}
    for name in ("duration_seconds", "distance_metres", "rpe", "rir"):
        members[name] = _whole(members[name])
    load = None
    if row.load_value is not None:
        load = Load(value=_whole(row.load_value) or 0, unit=row.load_unit, basis=row.load_basis)
    return SetLog(ordinal=row.ordinal, entry=SetEntry(**members, load=load), target=row.target)


def _last_efforts(trainee_id: UUID, limit: int) -> sa.Select[Any]:
    """Select the last sets of a trainee for which an effort was asked and felt."""
    columns = (
        _W.trainee_id,
        _W.started_at,
        _L.ordinal,
        _L.workout_id,
        _L.set_key,
        _W.local_date,
        _L.rpe,
        _L.target_rpe,
    )
    return (
        sa.select(*columns)
        .join_from(workouts, set_logs, _L.workout_id == _W.id)
        .where(_W.trainee_id == trainee_id, _W.deleted_at.is_(None), _L.rpe.is_not(None), _L.target_rpe.is_not(None))
        .order_by(_W.started_at.desc(), _L.ordinal.desc())
        .limit(limit)
    )


def _instant(text: str) -> datetime:
    return to_utc(datetime.fromisoformat(text))


class SqlWorkouts(Repository[Workout]):
    """Workouts."""

    mapping = WORKOUTS
    kind = "workout"

    def add(self, workout: Workout) -> None:
        """The row, then its sets in one call."""
        super().add(workout)
        self._add_sets(workout)

    def _add_sets(self, workout: Workout) -> None:
        if workout.sets:
            self._connection.execute(sa.insert(set_logs), [_to_row(workout.id, log) for log in workout.sets])

    def _with_sets(self, found: Sequence[Workout]) -> list[Workout]:
        if not found:
            return []
        logs: dict[UUID, list[SetLog]] = {workout.id: [] for workout in found}
        for row in self._connection.execute(_SETS, {"the_ids": list(logs)}):
            logs[row.workout_id].append(_from_row(row))
        return [attrs.evolve(w, sets=tuple(logs[w.id]), overall_rpe=_whole(w.overall_rpe)) for w in found]

    def find(self, id: UUID) -> Workout | None:
        """With its sets."""
        found = super().find(id)
        return self._with_sets([found])[0] if found is not None else None

    def find_many(self, ids: Sequence[UUID]) -> dict[UUID, Workout]:
        """With their sets."""
        return {w.id: w for w in self._with_sets(list(super().find_many(ids).values()))}

    def save(self, workout: Workout) -> Workout:
        """Replace the row and every set."""
        saved = super().save(workout)
        self._connection.execute(sa.delete(set_logs).where(_L.workout_id == workout.id))
        self._add_sets(workout)
        return saved

    def add_revision(self, revision: WorkoutRevision) -> None:
        """Keep what stood there."""
        self._connection.execute(sa.insert(workout_revisions), REVISIONS.to_row(revision))

    def revisions(self, workout_id: UUID) -> Sequence[WorkoutRevision]:
        """Oldest first."""
        c = workout_revisions.c
        rows = self._connection.execute(
            sa.select(*REVISIONS.selected).where(c.workout_id == workout_id).order_by(c.number)
        )
        return [REVISIONS.from_row(row) for row in rows]

    def page(
        self,
        *,
        trainee_id: UUID,
        first: date | None,
        last: date | None,
        exercise_id: UUID | None,
        keyset: Keyset | None,
        limit: int,
    ) -> Slice[Workout]:
        """Newest start first."""
        statement = _OF.where(_W.trainee_id == trainee_id, _W.deleted_at.is_(None))
        if first is not None:
            statement = statement.where(_W.local_date >= first)
        if last is not None:
            statement = statement.where(_W.local_date <= last)
        if exercise_id is not None:
            has = sa.select(sa.literal(1)).where(_L.workout_id == _W.id, _L.exercise_id == exercise_id)
            statement = statement.where(has.exists())
        statement = by_pair(statement, _W.started_at, _W.id, keyset, limit, descending=True, read=_instant)
        found = sliced(self._all(statement), keyset, limit)
        return Slice(items=tuple(self._with_sets(found.items)), has_more=found.has_more)

    def of_trainee(self, trainee_id: UUID) -> Sequence[Workout]:
        """Oldest start first."""
        return self._with_sets(self._all(_OF.where(_W.trainee_id == trainee_id).order_by(_W.started_at, _W.id)))

    def stamps(self, ids: Sequence[UUID]) -> Mapping[UUID, WorkoutStamp]:
        """Three columns each."""
        if not ids:
            return {}
        rows = self._connection.execute(sa.select(_W.id, _W.created_at, _W.recorded_at).where(_W.id.in_(list(ids))))
        return {row[0]: WorkoutStamp(workout_id=row[0], created_at=row[1], recorded_at=row[2]) for row in rows}

    def last_days(self, trainee_ids: Sequence[UUID]) -> Mapping[UUID, date]:
        """The latest day of each."""
        if not trainee_ids:
            return {}
        rows = self._connection.execute(
            sa.select(_W.trainee_id, sa.func.max(_W.local_date))
            .where(_W.trainee_id.in_(list(trainee_ids)), _W.deleted_at.is_(None))
            .group_by(_W.trainee_id)
        )
        return {row[0]: row[1] for row in rows}

    def efforts(self, trainee_ids: Sequence[UUID], *, limit: int) -> Mapping[UUID, Sequence[EffortFact]]:
        """A short walk down each trainee's own index, for some trainees at a time."""
        found: dict[UUID, list[EffortFact]] = {id: [] for id in trainee_ids}
        for start in range(0, len(trainee_ids), _WALKS):
            walks = [sa.select(_last_efforts(id, limit).subquery()) for id in trainee_ids[start : start + _WALKS]]
            rows = self._connection.execute(sa.union_all(*walks)).all()
            for row in sorted(rows, key=lambda row: (row.started_at, row.ordinal)):
                found[row.trainee_id].append(
                    EffortFact(
                        workout_id=row.workout_id,
                        set_key=row.set_key,
                        local_date=row.local_date,
                        rpe=row.rpe,
                        target_rpe=row.target_rpe,
                    )
                )
        return found

    # ── what they fulfil ──

    def fulfil(self, fulfilment: Fulfilment) -> None:
        """Once per day and per workout, by its keys."""
        self._connection.execute(sa.insert(fulfilments), attrs.asdict(fulfilment))

    def unfulfil(self, workout_id: UUID) -> None:
        """Let the day go."""
        self._connection.execute(sa.delete(fulfilments).where(_F.workout_id == workout_id))

    def fulfilled_by(self, scheduled_workout_ids: Sequence[UUID]) -> Mapping[UUID, UUID]:
        """Day to workout."""
        return self._pairs(_F.scheduled_workout_id, _F.workout_id, scheduled_workout_ids)

    def fulfils(self, workout_ids: Sequence[UUID]) -> Mapping[UUID, UUID]:
        """Workout to day."""
        return self._pairs(_F.workout_id, _F.scheduled_workout_id, workout_ids)

    def _pairs(
        self, by: sa.ColumnElement[UUID], other: sa.ColumnElement[UUID], ids: Sequence[UUID]
    ) -> Mapping[UUID, UUID]:
        if not ids:
            return {}
        rows = self._connection.execute(sa.select(by, other).where(by.in_(list(ids))))
        return {row[0]: row[1] for row in rows}

    def delete_of(self, trainee_id: UUID) -> None:
        """What hangs on them first."""
        mine = sa.select(_W.id).where(_W.trainee_id == trainee_id)
        for table in (fulfilments, workout_revisions, set_logs):
            later(self._connection, sa.delete(table).where(table.c.workout_id.in_(mine)))
        later(self._connection, sa.delete(workouts).where(_W.trainee_id == trainee_id))
