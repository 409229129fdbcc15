"""Tables of the room *trainees*."""

from __future__ import annotations

import sqlalchemy as sa

from coachhub_core.domain.trainees import Constraint, Goal, Threshold
from coachhub_core.wire import structure
from coachhub_sqlalchemy.tables.base import id_column, one_of, ref, table, times, version
from coachhub_sqlalchemy.types import Document, Instant, Money


def _goals(rows: list[dict[str, object]]) -> tuple[Goal, ...]:
    return tuple(structure(Goal, row) for row in rows)


def _constraints(rows: list[dict[str, object]]) -> tuple[Constraint, ...]:
    return tuple(structure(Constraint, row) for row in rows)


def _thresholds(rows: list[dict[str, object]]) -> tuple[Threshold, ...]:
    return tuple(structure(Threshold, row) for row in rows)


trainees = table(
    "trainees",
    id_column(),
    *ref("user_id", "users.id"),
    sa.Column("goal", sa.String(255)),
    sa.Column("fitness_level", sa.String(16)),
    *ref("matched_coach_id", "coaches.id", nullable=True),
    sa.Column("budget", Money()),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("modalities", Document(tuple), nullable=False),
    sa.Column("languages", Document(tuple), nullable=False),
    sa.Column("open_to_invites", sa.Boolean, nullable=False),
    sa.Column("goals", Document(_goals), nullable=False),
    sa.Column("constraints", Document(_constraints), nullable=False),
    sa.Column("thresholds", Document(_thresholds), nullable=False),
    *times(),
    version(),
    sa.UniqueConstraint("user_id"),
    one_of("fitness_level", ("beginner", "intermediate", "advanced")),
    sa.Index("idx_trainees_goal", "goal"),
)

grants = table(
    "grants",
    id_column(),
    *ref("trainee_id", "trainees.id"),
    *ref("coach_id", "coaches.id"),
    sa.Column("scope", sa.String(16), nullable=False),
    sa.Column("granted_at", Instant(), nullable=False),
    sa.Column("revoked_at", Instant()),
    one_of("scope", ("profile", "plan", "logs", "measurements", "health", "chat")),
    sa.Index(None, "trainee_id", "coach_id"),
    sa.Index(None, "coach_id", "scope"),
)
