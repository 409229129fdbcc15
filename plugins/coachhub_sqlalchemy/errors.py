"""The driver's errors in the core's words."""

from __future__ import annotations

import re
import sqlite3
from typing import Any, Final

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import ExceptionContext

from coachhub_core.errors import CoachHubError, Contended, Unavailable, Unwritable
from coachhub_core.ports.storage import Duplicate
from coachhub_sqlalchemy.tables import metadata

# MySQL and MariaDB: deadlock, lock wait, snapshot changed under us; then what "away" looks like.
_CONTENDED: Final = frozenset({1213, 1205, 1020})
LOCKED: Final = frozenset({1213, 1205})
IS_THERE: Final = frozenset({1050, 1060, 1061})  # a table, a column, an index that is to be made
_LOST: Final = frozenset({2006, 2013, 2055, 1927, 1053, 4031})
_UNWRITABLE: Final = frozenset({1290, 1836, 3, 20, 1021, 1026, 1030, 1114, 1598})  # read-only; no room, under its names
NO_ENTRY: Final = frozenset({1044, 1045, 1049, 1698})  # the name, the password, the database, how one logs in
_DUPLICATE: Final = frozenset({1062, 1586})
_SQLITE_UNWRITABLE: Final = ("disk is full", "readonly database")
_SQLITE_AWAY: Final = (
    "disk I/O error",
    "unable to open",
    "not a database",
    "malformed",
    "no such table",
)


@attrs.define(kw_only=True)
class Lost(Contended):
    """
    Raised when the connection broke under a statement: nothing of its transaction stays, so it is run again.

    Where the statement was the COMMIT nobody knows, and the unit of work says so.
    """


def code_of(error: BaseException | None) -> int | None:
    """Return the number a server gave its error, or None where there is none."""
    found = error.args[0] if error is not None and error.args else None
    return found if isinstance(found, int) else None


def refusal_of(error: BaseException | None) -> str | None:
    """Return the number and the sentence with which a server lets nobody in, or None; it never holds the password."""
    code = code_of(error)
    if error is None or code not in NO_ENTRY:
        return None
    return f"{code} {error.args[1]}" if len(error.args) > 1 else str(code)


def _named_constraints() -> dict[str, str]:
    found = {}
    for table in metadata.tables.values():
        for constraint in table.constraints:
            if isinstance(constraint, sa.UniqueConstraint | sa.PrimaryKeyConstraint) and constraint.name:
                columns = "+".join(c.name for c in constraint.columns)
                found[str(constraint.name)] = f"{table.name}.{columns}"
    return found


def translate(error: BaseException) -> CoachHubError | None:
    """Return what the core calls this error, or None when it is a mistake of ours and must show as one."""
    if isinstance(error, sqlite3.Error):
        return _sqlite(error)
    code = code_of(error)
    if code is None:
        return None
    text = str(error.args[1]) if len(error.args) > 1 else ""
    if code in _CONTENDED:
        return Contended(what="the database")
    if code in _LOST:
        return Lost(what="the database")
    if code in _UNWRITABLE:
        return Unwritable(what="the database")
    if code in _DUPLICATE:
        name = re.search(r"for key '(?:[^']*\.)?([^']+)'", text)
        return Duplicate(constraint=_named_constraints().get(name.group(1) if name else "", "unknown"))
    if code in IS_THERE:
        return None
    if type(error).__name__ in ("OperationalError", "InterfaceError", "InternalError"):
        return Unavailable()
    return None


def _sqlite(error: sqlite3.Error) -> CoachHubError | None:
    text = str(error)
    if isinstance(error, sqlite3.IntegrityError) and text.startswith(("UNIQUE constraint failed: ", "PRIMARY KEY")):
        columns = text.partition(": ")[2].split(", ")
        table = columns[0].partition(".")[0]
        return Duplicate(constraint=f"{table}." + "+".join(c.partition(".")[2] for c in columns))
    if "locked" in text or "busy" in text:
        return Contended(what="the database")
    if any(sign in text for sign in _SQLITE_UNWRITABLE):
        return Unwritable(what="the database")
    if any(sign in text for sign in _SQLITE_AWAY):
        return Unavailable()
    return None


def _has_no_code(error: BaseException) -> bool:
    """Whether the driver raised it without a word of the server: it could not read what came."""
    if code_of(error) is not None:
        return False
    return type(error).__name__ in ("InternalError", "OperationalError", "InterfaceError") or _is_of_driver(error)


def _is_of_driver(error: BaseException) -> bool:
    """Whether PyMySQL stumbled over an answer that is none: garbage, or the rest of another one."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = trace.tb_frame.f_globals.get("__name__", "") if trace is not None else ""
    return name.partition(".")[0] in ("pymysql", "struct")


def on_error(context: ExceptionContext) -> None:
    """Raise the core's error in place of the driver's; a listener of every engine."""
    original: Any = context.original_exception
    found = translate(original)
    if found is None and not isinstance(original, sqlite3.Error) and _has_no_code(original):
        found = Lost(what="the database")
        context.is_disconnect = True  # nothing that comes on it can be trusted any more
    if isinstance(found, Lost) and context.connection is None:
        found = Unavailable()  # it never stood: asking again at once would only find the same
    if found is not None:
        refusal = refusal_of(original)
        if refusal is not None:  # for whoever runs it and not for clients: a note is no part of the sentence
            found.add_note(f"the database lets nobody in: {refusal}")
        raise found from original
