"""Which listeners have heard of an event that others have not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from coachhub_sqlalchemy import types
from coachhub_sqlalchemy.migrations import steps

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.add_column("outbox_events", sa.Column("heard", types.Document(), nullable=True))


def downgrade() -> None:
    op.drop_column("outbox_events", "heard")
