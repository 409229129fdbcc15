"""Lists that a second matcher is asked for too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from coachhub_sqlalchemy import types
from coachhub_sqlalchemy.migrations import steps
from coachhub_sqlalchemy.tables.base import MYSQL

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "shadow_lists",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("n_asked", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("n_tries", sa.Integer(), nullable=False),
        sa.Column("lease_until", types.Instant(), nullable=True),
        sa.Column("matcher", sa.String(length=80), nullable=True),
        sa.Column("model_id", sa.String(length=80), nullable=True),
        sa.Column("live_ids", types.Document(), nullable=False),
        sa.Column("shadow_ids", types.Document(), nullable=False),
        sa.Column("live_ms", sa.Double(), nullable=True),
        sa.Column("shadow_ms", sa.Double(), nullable=True),
        sa.Column("is_as_served", sa.Boolean(), nullable=True),
        sa.Column("reason", sa.String(length=255), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'done', 'failed', 'dropped')", name=op.f("ck_shadow_lists_state")),
        sa.ForeignKeyConstraint(
            ["id"], ["suggestion_sets.id"], name=op.f("fk_shadow_lists_id_suggestion_sets"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shadow_lists")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_shadow_lists_state_id"), "shadow_lists", ["state", "id"], unique=False)


def downgrade() -> None:
    op.drop_table("shadow_lists")
