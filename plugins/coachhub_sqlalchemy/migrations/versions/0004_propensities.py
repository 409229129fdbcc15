"""How likely each coach who was shown was to be shown in that place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from coachhub_sqlalchemy.migrations import steps

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.add_column("outcomes", sa.Column("propensity", sa.Double(), nullable=True))


def downgrade() -> None:
    op.drop_column("outcomes", "propensity")
