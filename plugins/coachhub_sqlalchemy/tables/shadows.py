"""The table of lists that a second matcher is asked for too."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from coachhub_core.domain.shadows import MAX_REASON, SHADOW_STATES
from coachhub_sqlalchemy.tables.base import id_column, one_of, table
from coachhub_sqlalchemy.types import Document, Instant


def _ids(texts: list[str]) -> tuple[UUID, ...]:
    return tuple(UUID(text) for text in texts)


shadow_lists = table(
    "shadow_lists",
    id_column(),
    sa.Column("created_at", Instant(), nullable=False),
    sa.Column("n_asked", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("n_tries", sa.Integer, nullable=False),
    sa.Column("lease_until", Instant()),
    sa.Column("matcher", sa.String(80)),
    sa.Column("model_id", sa.String(80)),
    sa.Column("live_ids", Document(_ids), nullable=False),
    sa.Column("shadow_ids", Document(_ids), nullable=False),
    sa.Column("live_ms", sa.Double),
    sa.Column("shadow_ms", sa.Double),
    sa.Column("is_as_served", sa.Boolean),
    sa.Column("reason", sa.String(MAX_REASON)),
    sa.ForeignKeyConstraint(["id"], ["suggestion_sets.id"], ondelete="RESTRICT"),
    one_of("state", SHADOW_STATES),
    sa.Index(None, "state", "id"),
)
