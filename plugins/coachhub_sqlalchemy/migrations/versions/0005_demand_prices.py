"""The price of demand: one auction a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from coachhub_sqlalchemy import types
from coachhub_sqlalchemy.migrations import steps
from coachhub_sqlalchemy.tables.base import MYSQL

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "demand_runs",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("lease_until", types.Instant(), nullable=False),
        sa.Column("max_shown", sa.Integer(), nullable=False),
        sa.Column("n_lists", sa.Integer(), nullable=False),
        sa.Column("top_before", sa.Double(), nullable=True),
        sa.Column("top_after", sa.Double(), nullable=True),
        sa.Column("prices", types.Document(), nullable=False),
        sa.Column("matcher", sa.String(length=80), nullable=True),
        sa.Column("model_id", sa.String(length=80), nullable=True),
        sa.Column("reason", sa.String(length=255), nullable=True),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("finished_at", types.Instant(), nullable=True),
        sa.CheckConstraint("state IN ('running', 'done', 'failed')", name=op.f("ck_demand_runs_state")),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_demand_runs")),
        **MYSQL,
    )


def downgrade() -> None:
    op.drop_table("demand_runs")
