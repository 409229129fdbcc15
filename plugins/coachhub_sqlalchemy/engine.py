"""
Engines: how a connection is opened and a transaction begun on each database.

SQLite: WAL, ``synchronous=FULL``, and ``BEGIN IMMEDIATE`` for units that write,
with retries of our own after a random 0.2-2 ms. SQLite's busy handler sleeps
longer and longer and starves waiters; this one starves nobody.
"""

from __future__ import annotations

import random
import sqlite3
import time
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from coachhub_core import deadline
from coachhub_core.breaker import Breaker
from coachhub_core.errors import Contended, Unavailable
from coachhub_sqlalchemy.database_file import DatabaseFile
from coachhub_sqlalchemy.errors import on_error

UNIT_SECONDS: Final = deadline.UNIT_SECONDS
ALONE_SECONDS: Final = 60.0  # for who reads outside a unit: migrations, checks
WRITES: Final = "coachhub_writes"
PATIENCE: Final = "coachhub_patience"  # seconds a unit that writes may wait for its turn
_STUCK_SECONDS: Final = 0.05
_INODE: Final = "coachhub_inode"
_BUSY_MS: Final = 1_000
_jitter = random.Random()  # noqa: S311 - spreads retries, protects nothing


def make_engine(
    url: str | URL,
    *,
    pool_size: int,
    breaker: Breaker | None = None,
    is_reading: bool = False,
    patience: float = ALONE_SECONDS,
) -> Engine:
    """
    Return an engine for *url*, ready for :class:`SqlUnitOfWork`.

    Args:
        pool_size: Connections at most: the threads that use them.
        breaker: Opened by who waits for a server in vain; one of its own by default.
        is_reading: Whether its units only read, each statement for itself. One engine of SQLite serves both.
        patience: Seconds that one answer of a server is waited for at most, whatever time a unit has.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = _sqlite(parsed, pool_size)
    else:
        from coachhub_sqlalchemy.mysql import mysql_engine  # its driver loads only where it is used

        breaker = breaker or Breaker("the database")
        engine = mysql_engine(parsed, pool_size, breaker, is_reading=is_reading, patience=patience)
    event.listen(engine, "handle_error", on_error)
    return engine


def _sqlite(url: URL, pool_size: int) -> Engine:
    engine = sa.create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=2,
        connect_args={"check_same_thread": False, "timeout": _BUSY_MS / 1000},
    )

    file = DatabaseFile.of(url)
    gate = _Gate()

    @event.listens_for(engine, "do_connect")
    def open_file(_: Any, __: Any, ___: Any, how: dict[str, Any]) -> sqlite3.Connection | None:
        return None if file is None else file.open(**how)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin where the event below says, not where the driver guesses
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            f"busy_timeout={_BUSY_MS}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        if file is not None:
            record.info[_INODE] = file.inode()

    @event.listens_for(engine, "checkout")
    def look(_: sqlite3.Connection, record: ConnectionPoolEntry, __: Any) -> None:
        if file is not None and file.inode() != record.info[_INODE]:
            raise DisconnectionError("another file has this name now")  # opened anew by the pool

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get(WRITES):
            gate.begin(connection, connection.get_execution_options().get(PATIENCE))
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


class _Gate:
    """
    Begins units that write, one at a time as SQLite wants it.

    Who waited in vain for a whole unit's time met something that hangs, not
    a queue: until somebody gets through again, others are told so at once.
    """

    def __init__(self) -> None:
        self._is_stuck = False

    def begin(self, connection: Connection, patience: float | None) -> None:
        """
        Begin, waiting at most *patience* seconds, by default a unit's time.

        Raises:
            Contended: If it is held by others all that time.
            Unavailable: If it is, and has been for longer.
        """
        is_stuck = self._is_stuck
        is_hurried = patience is not None
        if patience is None:
            patience = _STUCK_SECONDS if is_stuck else UNIT_SECONDS
        patience = min(patience, deadline.left(patience))
        if _begin_immediate(connection, time.monotonic() + patience):
            self._is_stuck = False
            return
        if is_stuck or is_hurried:
            raise Unavailable(what="the database")
        self._is_stuck = self._is_stuck or patience > UNIT_SECONDS / 2  # else its own time was over, which says little
        raise Contended(what="the database")


def _begin_immediate(connection: Connection, deadline: float) -> bool:
    """Ask until *deadline*; say whether it was granted."""
    raw = connection.connection.cursor()
    try:
        raw.execute("PRAGMA busy_timeout=0")
        while True:
            try:
                raw.execute("BEGIN IMMEDIATE")
                return True
            except sqlite3.OperationalError as exc:
                if "locked" not in str(exc) and "busy" not in str(exc):
                    raise
                if time.monotonic() > deadline:
                    return False
                time.sleep(_jitter.uniform(0.0002, 0.002))
    finally:
        raw.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        raw.close()
