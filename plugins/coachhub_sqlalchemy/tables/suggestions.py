"""Tables of the room *suggestions*."""

from __future__ import annotations

import sqlalchemy as sa

from coachhub_core.domain.suggestions import Relaxation, Suggestion
from coachhub_core.wire import structure
from coachhub_sqlalchemy.tables.base import id_column, one_of, ref, table
from coachhub_sqlalchemy.types import Document, Hash, Id, Instant


def _items(rows: list[dict[str, object]]) -> tuple[Suggestion, ...]:
    return tuple(structure(Suggestion, row) for row in rows)


def _relaxations(rows: list[dict[str, object]]) -> tuple[Relaxation, ...]:
    return tuple(structure(Relaxation, row) for row in rows)


suggestion_sets = table(
    "suggestion_sets",
    id_column(),
    *ref("trainee_id", "trainees.id"),
    sa.Column("matcher", sa.String(80), nullable=False),
    sa.Column("model_id", sa.String(80), nullable=False),
    sa.Column("input_hash", Hash(), nullable=False),
    sa.Column("filters", Document(), nullable=False),
    sa.Column("n_eligible", sa.Integer, nullable=False),
    sa.Column("relaxations", Document(_relaxations), nullable=False),
    sa.Column("degraded", sa.String(80)),
    sa.Column("items", Document(_items), nullable=False),
    sa.Column("created_at", Instant(), nullable=False),
    sa.Index(None, "trainee_id"),
    sa.Index(None, "created_at"),
)

outcomes = table(
    "outcomes",
    id_column(),
    sa.Column("at", Instant(), nullable=False),
    sa.Column("trainee_id", Id(), nullable=False),
    sa.Column("coach_id", Id(), nullable=False),
    sa.Column("event", sa.String(16), nullable=False),
    sa.Column("value", sa.Double),
    sa.Column("position", sa.Integer),
    sa.Column("set_id", Id()),
    sa.Column("propensity", sa.Double),
    one_of(
        "event",
        ("shown", "opened", "contacted", "accepted", "declined", "started", "completed", "cancelled", "rated"),
    ),
)
