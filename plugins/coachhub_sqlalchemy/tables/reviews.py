"""The table of the room *reviews*."""

from __future__ import annotations

import sqlalchemy as sa

from coachhub_sqlalchemy.tables.base import id_column, one_of, ref, table, times, version
from coachhub_sqlalchemy.types import Instant

reviews = table(
    "reviews",
    id_column(),
    *ref("match_id", "matches.id"),
    sa.Column("author_side", sa.String(16), nullable=False),
    *ref("author_id", "users.id"),
    *ref("coach_id", "coaches.id"),
    sa.Column("rating", sa.SmallInteger, nullable=False),
    sa.Column("text", sa.Text),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("visible_at", Instant()),
    *times(),
    version(),
    sa.UniqueConstraint("match_id", "author_side"),
    one_of("author_side", ("trainee", "coach")),
    one_of("state", ("hidden", "visible", "removed")),
    sa.CheckConstraint("rating BETWEEN 1 AND 5", name="rating"),
    sa.Index(None, "coach_id", "id"),
    sa.Index(None, "author_id"),
)
