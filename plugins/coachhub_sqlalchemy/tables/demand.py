"""The table of the price of demand."""

from __future__ import annotations

import sqlalchemy as sa

from coachhub_core.domain.demand import DEMAND_STATES
from coachhub_sqlalchemy.tables.base import one_of, table
from coachhub_sqlalchemy.types import Document, Instant

demand_runs = table(
    "demand_runs",
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("owner", sa.String(80), nullable=False),
    sa.Column("lease_until", Instant(), nullable=False),
    sa.Column("max_shown", sa.Integer, nullable=False),
    sa.Column("n_lists", sa.Integer, nullable=False),
    sa.Column("top_before", sa.Double),
    sa.Column("top_after", sa.Double),
    sa.Column("prices", Document(), nullable=False),
    sa.Column("matcher", sa.String(80)),
    sa.Column("model_id", sa.String(80)),
    sa.Column("reason", sa.String(255)),
    sa.Column("created_at", Instant(), nullable=False),
    sa.Column("finished_at", Instant()),
    one_of("state", DEMAND_STATES),
)
