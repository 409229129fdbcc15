"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from coachhub_sqlalchemy.migrations import steps
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None
min_code = ${repr(down_revision)}


def upgrade() -> None:
    # by steps.create_table, steps.add_column and steps.create_index, which go on where a killed migration stopped
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
