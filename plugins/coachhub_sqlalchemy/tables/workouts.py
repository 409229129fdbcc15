"""Tables of the room *workouts*."""

from __future__ import annotations

import sqlalchemy as sa

from coachhub_core.domain.plan_document import SET_TYPES
from coachhub_core.domain.set_logs import TargetSnapshot
from coachhub_core.wire import structure
from coachhub_sqlalchemy.tables.base import id_column, one_of, ref, table, times, version
from coachhub_sqlalchemy.types import Canonical, Document, Id, Instant


def _target(value: dict[str, object]) -> TargetSnapshot:
    return structure(TargetSnapshot, value)


workouts = table(
    "workouts",
    id_column(),
    *ref("trainee_id", "trainees.id"),
    sa.Column("started_at", Instant(), nullable=False),
    sa.Column("ended_at", Instant()),
    sa.Column("zone", sa.String(64), nullable=False),
    sa.Column("local_date", sa.Date, nullable=False),
    sa.Column("overall_rpe", sa.Double),
    sa.Column("notes", sa.Text),
    sa.Column("source", sa.String(16), nullable=False),
    *ref("plan_id", "plans.id", nullable=True),
    sa.Column("version_number", sa.Integer),
    sa.Column("logged_hash", sa.String(64), nullable=False),
    sa.Column("content_hash", sa.String(64), nullable=False),
    sa.Column("n_revisions", sa.Integer, nullable=False),
    sa.Column("recorded_at", Instant(), nullable=False),
    sa.Column("deleted_at", Instant()),
    *times(),
    version(),
    sa.Index(None, "trainee_id", "started_at", "id"),
    sa.Index(None, "trainee_id", "local_date"),
)

set_logs = table(
    "set_logs",
    *ref("workout_id", "workouts.id"),
    sa.Column("ordinal", sa.Integer, nullable=False),
    sa.Column("set_key", sa.String(64)),
    *ref("exercise_id", "exercises.id", nullable=True),
    sa.Column("custom_name", sa.String(255)),
    sa.Column("type", sa.String(16), nullable=False),
    sa.Column("reps", sa.Integer),
    sa.Column("load_value", sa.Double),
    sa.Column("load_unit", sa.String(8)),
    sa.Column("load_basis", sa.String(16)),
    sa.Column("load_kg", sa.Double),
    sa.Column("duration_seconds", sa.Double),
    sa.Column("distance_metres", sa.Double),
    sa.Column("rpe", sa.Double),
    sa.Column("rir", sa.Double),
    sa.Column("rest_seconds", sa.Integer),
    sa.Column("substituted_for", Id()),  # no reference: it may name what a plan asked for and nobody keeps
    sa.Column("side", sa.String(8)),
    sa.Column("notes", sa.Text),
    sa.Column("target", Document(_target)),
    sa.Column("target_rpe", sa.Double),
    sa.PrimaryKeyConstraint("workout_id", "ordinal"),
    one_of("type", SET_TYPES),
    sa.Index(None, "exercise_id"),
)

workout_revisions = table(
    "workout_revisions",
    *ref("workout_id", "workouts.id"),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("recorded_at", Instant(), nullable=False),
    sa.Column("replaced_at", Instant(), nullable=False),
    sa.Column("content", Canonical(), nullable=False),
    sa.PrimaryKeyConstraint("workout_id", "number"),
)

fulfilments = table(
    "fulfilments",
    *ref("scheduled_workout_id", "scheduled_workouts.id"),
    *ref("workout_id", "workouts.id"),
    sa.PrimaryKeyConstraint("scheduled_workout_id"),
    sa.UniqueConstraint("workout_id"),
)
