"""Run by Alembic: the connection is handed over in ``config.attributes``."""

from __future__ import annotations

from alembic import context

from coachhub_sqlalchemy.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=False,
    transactional_ddl=False,
    user_module_prefix="types.",
)
with context.begin_transaction():
    context.run_migrations()
