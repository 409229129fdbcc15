"""
Run by Alembic: the connection is handed over in ``config.attributes``.

After each step the oldest code that may use the schema is written beside its
revision: what the step's file calls ``min_code``.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.runtime.migration import MigrationContext

from coachhub_sqlalchemy.tables import metadata

connection = context.config.attributes["connection"]


def keep_the_oldest_code(ctx: MigrationContext, step: Any, heads: Collection[Any], run_args: Any) -> None:
    """Write what the revision the schema has come to says of it; the revisions before 0007 say nothing."""
    for revision in heads:
        script = context.script.get_revision(revision)
        if (min_code := getattr(script and script.module, "min_code", None)) is not None:
            connection.execute(sa.text("UPDATE alembic_version SET min_code = :oldest"), {"oldest": min_code})


context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=False,
    transactional_ddl=False,
    on_version_apply=keep_the_oldest_code,
    user_module_prefix="types.",
)
with context.begin_transaction():
    context.run_migrations()
