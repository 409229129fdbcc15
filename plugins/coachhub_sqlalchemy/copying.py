"""
Rows from one database to another, of whatever kind, and a fingerprint that is the same on each.

A backup holds the rows as a SQLite file of our schema: a format every Python
reads, the database itself where that is SQLite, and a bridge where it is not.
The fingerprint of a table is the sum of the SHA-256 of its rows, each written
as canonical JSON: it does not depend on the order in which they are read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final

import attrs
import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from coachhub_core.errors import BackupError
from coachhub_sqlalchemy.tables import metadata
from coachhub_sqlalchemy.types import Canonical, Document

SHIPPED: Final = frozenset({"exercises"})  # filled at the first start: an instance that holds nothing else is empty
_BATCH: Final = 500
_encoder = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical")


@attrs.frozen(kw_only=True)
class Contents:
    """What a database holds: rows and a fingerprint per table."""

    n_rows: dict[str, int]
    fingerprints: dict[str, str]


def _plain(table: sa.Table) -> sa.TableClause:
    """Return the table as it is carried: documents as their bytes, without columns that compute themselves."""
    return sa.table(
        table.name,
        *(
            sa.column(c.name, Canonical() if isinstance(c.type, Document) else c.type)
            for c in table.columns
            if c.computed is None
        ),
    )


def _tables(connection: Connection) -> Iterator[sa.TableClause]:
    """Yield our tables that are there, parents before children."""
    there = set(sa.inspect(connection).get_table_names())
    for table in metadata.sorted_tables:
        if table.name in there:
            yield _plain(table)


def contents(connection: Connection) -> Contents:
    """Count and fingerprint every table."""
    n_rows, fingerprints = {}, {}
    for table in _tables(connection):
        found = _Fingerprint()
        for rows in _read(connection, table):
            found.add(rows)
        n_rows[table.name], fingerprints[table.name] = found.n_rows, found.hex
    return Contents(n_rows=n_rows, fingerprints=fingerprints)


def copy(source: Connection, target: Connection) -> Contents:
    """
    Write every row of *source* into the empty tables of *target*; what is written is also counted.

    References are not checked on the way, since a table may refer to itself:
    look at the whole afterwards.
    """
    n_rows, fingerprints = {}, {}
    for table in _tables(source):
        found = _Fingerprint()
        for rows in _read(source, table):
            found.add(rows)
            target.execute(sa.insert(table), [dict(row._mapping) for row in rows])
        n_rows[table.name], fingerprints[table.name] = found.n_rows, found.hex
    return Contents(n_rows=n_rows, fingerprints=fingerprints)


def require_empty(connection: Connection, where: str) -> None:
    """Refuse a database that holds anything but what every start brings, and take that out."""
    found = sorted(
        table.name
        for table in _tables(connection)
        if table.name not in SHIPPED
        and connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None
    )
    if found:
        shown = ", ".join(found[:5]) + (" …" if len(found) > 5 else "")
        raise BackupError(reason=f"{where} is not empty (rows in {shown}); restore into a new database")
    for name in SHIPPED:
        connection.execute(sa.delete(sa.table(name)))


def _prepare(connection: Connection, *sentences: str) -> None:
    """Say something to the driver before the transaction begins."""
    with closing(connection.connection.cursor()) as cursor:
        for sentence in sentences:
            cursor.execute(sentence)


def _no_time_limit(connection: Connection) -> str:
    is_mariadb = getattr(connection.dialect, "is_mariadb", False)
    return "SET max_statement_time=0" if is_mariadb else "SET max_execution_time=0"


@contextmanager
def loading(engine: Engine) -> Iterator[Connection]:
    """Give a connection that writes rows in any order, however long it takes; nobody else gets it afterwards."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            _prepare(connection, "PRAGMA foreign_keys=OFF")
        else:
            _prepare(connection, "SET FOREIGN_KEY_CHECKS=0", _no_time_limit(connection))
        try:
            yield connection
        finally:
            connection.invalidate()


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Give a connection to MariaDB or MySQL whose reads all see this moment; nobody else gets it afterwards."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        _prepare(connection, _no_time_limit(connection), "START TRANSACTION WITH CONSISTENT SNAPSHOT")
        try:
            yield connection
        finally:
            connection.invalidate()


def _read(connection: Connection, table: sa.TableClause) -> Iterator[Sequence[sa.Row[Any]]]:
    """Yield the rows in batches, few at a time in memory."""
    result = connection.execution_options(yield_per=_BATCH).execute(sa.select(*table.columns))
    yield from result.partitions()


class _Fingerprint:
    """Adds up rows."""

    def __init__(self) -> None:
        self.n_rows = 0
        self._sum = 0

    def add(self, rows: Sequence[sa.Row[Any]]) -> None:
        for row in rows:
            digest = hashlib.sha256(_encoder.encode(tuple(row))).digest()
            self._sum = (self._sum + int.from_bytes(digest)) % (1 << 256)
        self.n_rows += len(rows)

    @property
    def hex(self) -> str:
        return f"{self._sum:064x}"
