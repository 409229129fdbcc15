"""
Changes that nobody waits for, sent together: on a database far away a round trip is what a change costs.

A statement of :func:`later` is kept until the unit commits, or until a statement
comes that names its table, writes what refers to it, or deletes; then all that is
kept goes out as one packet, in its order. Where it fails, the unit fails, as
it would have before. SQLite has no round trips: there nothing is kept.
"""

from __future__ import annotations

from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

KEPT: Final = "coachhub_kept"  # a unit's own, where it has one
LATER: Final = "coachhub_later"
_TOGETHER: Final = "coachhub_together"
_MOST_BYTES: Final = 1_000_000  # of the 16 MB a server takes in one packet


class Kept:
    """The statements of one unit that have not gone out yet, written out, and the tables they are about."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.tables: set[str] = set()
        self.n_bytes = 0

    def is_met_by(self, statement: str, context: Any) -> bool:
        """Tell whether *statement* could see that these are missing."""
        if statement.startswith("DELETE") or any(table in statement for table in self.tables):
            return True
        if not (context.isinsert or context.isupdate) or context.compiled is None:
            return False
        written = context.compiled.statement.table
        return any(key.column.table.name in self.tables for key in written.foreign_keys)

    def taken(self) -> str:
        """Give them as one text, and keep them no longer."""
        together = ";\n".join(self.statements)
        self.statements, self.tables, self.n_bytes = [], set(), 0
        return together


def later(connection: Connection, statement: sa.Insert | sa.Update | sa.Delete, rows: Any = None) -> None:
    """Execute a change whose count of rows nobody asks for, with others if that saves a round trip."""
    connection.execute(statement, rows, execution_options={LATER: cast("sa.Table", statement.table).name})


def send_kept(connection: Connection) -> None:
    """Send all that is kept."""
    kept: Kept | None = connection.get_execution_options().get(KEPT)
    if kept is not None and kept.statements:
        together = kept.taken()
        options = {_TOGETHER: True, "no_parameters": True}
        connection.exec_driver_sql(together, execution_options=options)


def keep_what_can_wait(engine: Engine) -> None:
    """Let units on *engine*, which is MySQL's or MariaDB's, send such changes together."""

    @event.listens_for(engine, "before_cursor_execute")
    def look(connection: Connection, _: Any, statement: str, __: Any, context: Any, ___: bool) -> None:
        kept: Kept | None = context.execution_options.get(KEPT)
        if kept is None or not kept.statements:
            return
        is_later = LATER in context.execution_options
        if kept.n_bytes > _MOST_BYTES or (not is_later and kept.is_met_by(statement, context)):
            send_kept(connection)

    @event.listens_for(engine, "do_execute")
    def keep(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        return _keep(cursor, statement, [parameters], context)

    @event.listens_for(engine, "do_executemany")
    def keep_many(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        return _keep(cursor, statement, parameters, context)

    @event.listens_for(engine, "do_execute_no_params")
    def send(cursor: Any, statement: str, context: Any) -> bool:
        if _TOGETHER not in context.execution_options:
            return False
        cursor.execute(statement)
        while cursor.nextset():  # the first that failed says so here
            pass
        return True


def _keep(cursor: Any, statement: str, rows: Any, context: Any) -> bool:
    table = context.execution_options.get(LATER)
    kept: Kept | None = context.execution_options.get(KEPT)
    if table is None or kept is None:
        return False
    for row in rows:
        written = cursor.mogrify(statement, row)
        kept.statements.append(written)
        kept.n_bytes += len(written)
    kept.tables.add(table)
    return True
