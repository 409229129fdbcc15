"""Tables of the room *plans*: exercises, plans with their versions, assignments and their days."""

from __future__ import annotations

import sqlalchemy as sa

from coachhub_core.domain import assignments as assignments_room
from coachhub_core.domain import exercises as exercises_room
from coachhub_core.domain import plans as plans_room
from coachhub_core.domain.overrides import Override
from coachhub_core.domain.prescriptions import ItemCount
from coachhub_core.domain.schedule import Shift
from coachhub_core.wire import structure
from coachhub_sqlalchemy.tables.base import id_column, one_of, ref, table, times, version
from coachhub_sqlalchemy.types import Canonical, Document, Id, Instant, long_text


def _overrides(rows: list[dict[str, object]]) -> tuple[Override, ...]:
    return tuple(structure(Override, row) for row in rows)


def _shifts(rows: list[dict[str, object]]) -> tuple[Shift, ...]:
    return tuple(structure(Shift, row) for row in rows)


def _counts(rows: list[dict[str, object]]) -> tuple[ItemCount, ...]:
    return tuple(structure(ItemCount, row) for row in rows)


exercises = table(
    "exercises",
    id_column(),
    sa.Column("slug", sa.String(80), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("category", sa.String(32), nullable=False),
    sa.Column("level", sa.String(16), nullable=False),
    sa.Column("force_kind", sa.String(16)),  # FORCE is a reserved word on MySQL
    sa.Column("mechanic", sa.String(16)),
    sa.Column("equipment", sa.String(80)),
    sa.Column("primary_muscles", Document(tuple), nullable=False),
    sa.Column("secondary_muscles", Document(tuple), nullable=False),
    sa.Column("aliases", Document(tuple), nullable=False),
    sa.Column("instructions", long_text()),
    sa.Column("source", sa.String(32), nullable=False),
    sa.Column("source_id", sa.String(255)),
    sa.Column("licence", sa.String(64)),
    *ref("owner_coach_id", "coaches.id", nullable=True),
    sa.Column("owner_key", Id(), nullable=False),  # the owner, or zero for everyone's: NULL would be exempt from UNIQUE
    sa.Column("name_key", sa.String(255), nullable=False),  # folded: the order of lists
    sa.Column("words", long_text(), nullable=False),  # folded name and aliases: what a search looks through
    sa.Column("muscles", sa.String(255), nullable=False),  # ",glutes,hamstrings,"
    sa.Column("is_archived", sa.Boolean, nullable=False),
    *times(),
    version(),
    sa.UniqueConstraint("owner_key", "slug"),
    sa.UniqueConstraint("source", "source_id"),  # NULL is exempt, as is meant: own ones have no entry
    one_of("category", exercises_room.CATEGORIES),
    one_of("level", exercises_room.LEVELS),
    one_of("force_kind", exercises_room.FORCES),
    one_of("mechanic", exercises_room.MECHANICS),
    sa.Index(None, "name_key", "id"),
)

plans = table(
    "plans",
    id_column(),
    *ref("owner_coach_id", "coaches.id"),
    *ref("trainee_id", "trainees.id", nullable=True),
    sa.Column("title", sa.String(255), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("draft", Canonical()),
    sa.Column("head_version", sa.Integer),
    *times(),
    version(),
    one_of("status", plans_room.STATUSES),
    sa.Index(None, "owner_coach_id", "id"),
    sa.Index(None, "trainee_id"),
)

plan_versions = table(
    "plan_versions",
    *ref("plan_id", "plans.id"),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("parent", sa.Integer),
    sa.Column("document", Canonical(), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    *ref("author_id", "users.id"),
    sa.Column("note", sa.Text),
    sa.Column("created_at", Instant(), nullable=False),
    sa.PrimaryKeyConstraint("plan_id", "number"),
)

plan_exercises = table(
    "plan_exercises",
    *ref("plan_id", "plans.id"),
    *ref("exercise_id", "exercises.id"),
    sa.PrimaryKeyConstraint("plan_id", "exercise_id"),
    sa.Index(None, "exercise_id"),
)

assignments = table(
    "assignments",
    id_column(),
    *ref("plan_id", "plans.id"),
    sa.Column("version_number", sa.Integer, nullable=False),
    *ref("trainee_id", "trainees.id"),
    *ref("coach_id", "coaches.id"),
    *ref("match_id", "matches.id"),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("end_date", sa.Date, nullable=False),
    sa.Column("zone", sa.String(64), nullable=False),
    sa.Column("is_main", sa.Boolean, nullable=False),
    sa.Column("overrides", Document(_overrides), nullable=False),
    sa.Column("shifts", Document(_shifts), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("paused_on", sa.Date),
    sa.Column("pause_cause", sa.String(16)),
    sa.Column("reason", sa.Text),
    sa.Column("due_at", Instant()),  # when the clock has something to do; kept by the mapping
    *times(),
    version(),
    one_of("status", assignments_room.STATUSES),
    sa.Index(None, "trainee_id", "status"),
    sa.Index(None, "match_id", "status"),
    sa.Index(None, "due_at"),
)

scheduled_workouts = table(
    "scheduled_workouts",
    id_column(),
    *ref("assignment_id", "assignments.id"),
    *ref("trainee_id", "trainees.id"),
    *ref("plan_id", "plans.id"),
    sa.Column("version_number", sa.Integer, nullable=False),
    sa.Column("workout_key", sa.String(64), nullable=False),
    sa.Column("cycle_no", sa.Integer, nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("local_date", sa.Date, nullable=False),
    sa.Column("zone", sa.String(64), nullable=False),
    sa.Column("moved_from", sa.Date),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("prescription", Canonical()),
    sa.Column("counts", Document(_counts)),
    sa.Column("due_at", Instant()),
    *times(),
    version(),
    sa.UniqueConstraint("assignment_id", "version_number", "workout_key", "cycle_no", name="uq_scheduled_workouts_day"),
    one_of("state", ("due", "done", "partial", "missed", "skipped", "excused", "void")),
    sa.Index(None, "trainee_id", "local_date"),
    sa.Index(None, "due_at"),
)
