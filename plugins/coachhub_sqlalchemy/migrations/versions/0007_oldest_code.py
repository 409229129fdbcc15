"""The oldest code that may use a schema, kept beside its revision, for code that is older than both."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from coachhub_sqlalchemy.migrations import steps

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
min_code = "0006"


def upgrade() -> None:
    steps.add_column("alembic_version", sa.Column("min_code", sa.String(32), nullable=True))


def downgrade() -> None:
    op.drop_column("alembic_version", "min_code")
