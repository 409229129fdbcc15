"""Migrations on a real server: they let others read while they wait, and go on where they were killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from services import a_database
from sqlalchemy import event

from coachhub_core.errors import SettingsError
from coachhub_sqlalchemy import migrate
from coachhub_sqlalchemy.storage import SqlStorage
from coachhub_sqlalchemy.tables import metadata

pytestmark = pytest.mark.external_service


@pytest.fixture
def storage() -> Iterator[SqlStorage]:
    """An empty database on a real server."""
    with a_database() as url:
        made = SqlStorage(url)
        yield made
        made.close()


def _bring_to(storage: SqlStorage, revision: str) -> None:
    with storage.engine.connect() as connection:
        config = migrate.configured()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()


def _count(connection: sa.Connection, table: str) -> int:
    return int(connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}").scalar_one())


def test_others_read_a_table_while_a_migration_waits_for_it(storage: SqlStorage) -> None:
    """A dump has read it and is not done: who comes later waits a second at most, not for the dump's end."""
    table = "outbox_events"  # 0006 adds a column to it
    _bring_to(storage, "0005")
    migrating = threading.Thread(target=storage.migrate)
    plain = sa.create_engine(storage.url.set(drivername="mysql+pymysql"), poolclass=sa.NullPool)
    waits = []
    with plain.connect() as dump:
        _count(dump, table)
        ends = time.monotonic() + 3.5
        migrating.start()
        while time.monotonic() < ends:
            began = time.monotonic()
            with plain.connect() as other:
                _count(other, table)
            waits.append(time.monotonic() - began)
        assert migrating.is_alive()
    migrating.join(60)
    assert not migrating.is_alive()
    assert 0.3 < max(waits) < 2.5  # it did wait for the table, and gave way
    with plain.connect() as connection:
        assert migrate.current(connection) == migrate.head()
        assert "heard" in {column["name"] for column in sa.inspect(connection).get_columns(table)}


class Killed(Exception):
    """The process ended here."""


@pytest.mark.parametrize(("start", "each"), [("0001", 1), (None, 9)], ids=["each-step", "the-first-schema"])
def test_a_killed_migration_goes_on_where_it_stopped(storage: SqlStorage, start: str | None, each: int) -> None:
    """Killed after each change that was committed by itself, over and over, it comes to the schema of the code."""
    if start is not None:
        _bring_to(storage, start)
    n_done = count(1)

    @event.listens_for(storage.engine, "after_cursor_execute")
    def kill(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.lstrip().startswith(("CREATE", "ALTER")) and next(n_done) % each == 0:
            raise Killed

    n_killed = 0
    while True:
        try:
            storage.migrate()
            break
        except Killed:
            n_killed += 1
    assert n_killed >= 6
    with storage.engine.connect() as connection:
        assert migrate.current(connection) == migrate.head()
        assert migrate.min_code(connection) == "0006"
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": False}), metadata) == []


def test_what_somebody_else_made_is_told_as_that(storage: SqlStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no database that cannot be reached, which a start would wait for."""
    storage.migrate()

    def create(*_: Any) -> None:
        with storage.engine.connect() as connection:
            connection.exec_driver_sql("ALTER TABLE users ADD COLUMN email INTEGER")

    monkeypatch.setattr(command, "upgrade", create)
    with storage.engine.connect() as connection, pytest.raises(SettingsError, match="Duplicate column name 'email'"):
        migrate.apply(connection, migrate.configured())
