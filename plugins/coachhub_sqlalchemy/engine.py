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
from sqlalchemy.pool import QueuePool

from coachhub_core.errors import Contended
from coachhub_sqlalchemy.errors import on_error

UNIT_SECONDS: Final = 4.5  # inside the 5 s a request has
WRITES: Final = "coachhub_writes"
_BUSY_MS: Final = 1_000
_jitter = random.Random()  # noqa: S311 - spreads retries, protects nothing


def make_engine(url: str | URL, *, pool_size: int) -> Engine:
    """
    Return an engine for *url*, ready for :class:`SqlUnitOfWork`.

    Args:
        pool_size: Connections at most: the threads that use them.
    """
    parsed = make_url(url)
    make = _sqlite if parsed.get_backend_name() == "sqlite" else _mysql
    engine = make(parsed, pool_size)
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

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: Any) -> None:
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

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get(WRITES):
            _begin_immediate(connection)
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _begin_immediate(connection: Connection) -> None:
    raw = connection.connection.cursor()
    deadline = time.monotonic() + UNIT_SECONDS
    try:
        raw.execute("PRAGMA busy_timeout=0")
        while True:
            try:
                raw.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as exc:
                if "locked" not in str(exc) and "busy" not in str(exc):
                    raise
                if time.monotonic() > deadline:
                    raise Contended(what="the database") from exc
                time.sleep(_jitter.uniform(0.0002, 0.002))
    finally:
        raw.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        raw.close()


def _mysql(url: URL, pool_size: int) -> Engine:
    url = url.set(drivername="mysql+pymysql")
    engine = sa.create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=2,
        pool_recycle=600,
        isolation_level="READ COMMITTED",
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": 1,
            "read_timeout": 4,
            "write_timeout": 4,
            "init_command": "SET time_zone='+00:00', innodb_lock_wait_timeout=1, "
            "sql_mode='TRADITIONAL,NO_ENGINE_SUBSTITUTION'",
        },
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT VERSION()")
            if "MariaDB" in str(cursor.fetchone()[0]):
                cursor.execute("SET max_statement_time=3")
                cursor.execute("SET innodb_snapshot_isolation=ON")
            else:
                cursor.execute("SET max_execution_time=3000")

    return engine
