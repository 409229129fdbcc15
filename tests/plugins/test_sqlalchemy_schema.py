"""The schema: what migrations make is what the code says, on every database it is meant for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from services import a_database
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateIndex, CreateTable

from coachhub_core.errors import BackupError, SettingsError
from coachhub_core.ports.storage import Duplicate
from coachhub_core.testing.builders import an_account
from coachhub_sqlalchemy import migrate
from coachhub_sqlalchemy.mysql import take_time
from coachhub_sqlalchemy.repositories.accounts import SqlAccounts
from coachhub_sqlalchemy.storage import SqlStorage
from coachhub_sqlalchemy.tables import metadata
from coachhub_sqlalchemy.tables.matches import matches


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqlStorage]:
    """A migrated database in a file."""
    made = SqlStorage(f"sqlite:///{tmp_path / 'coachhub.db'}")
    made.migrate()
    yield made
    made.close()


def test_migrations_make_the_schema_of_the_code(storage: SqlStorage) -> None:
    """A table or column that changed without a revision shows here."""
    with storage.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(storage: SqlStorage) -> None:
    """It may be run by every process at every start."""
    assert storage.migrate() == storage.migrate() == migrate.head()


@pytest.fixture
def mariadb() -> Iterator[str]:
    """An empty database on a real server."""
    with a_database() as url:
        yield url


@pytest.mark.external_service
def test_a_second_node_waits_as_long_as_the_first_migrates(mariadb: str) -> None:
    """Longer than a statement may take: it begins when the other has done, and finds nothing to do."""
    ours, theirs = SqlStorage(mariadb), SqlStorage(mariadb)
    waiting = threading.Thread(target=theirs.migrate)
    try:
        with migrate.alone(ours.engine, ours.url):
            waiting.start()
            waiting.join(3.5)
            assert waiting.is_alive()
        waiting.join(60)
        assert not waiting.is_alive()
        with ours.engine.connect() as connection:
            assert migrate.current(connection) == migrate.head()
    finally:
        ours.close()
        theirs.close()


@pytest.mark.external_service
def test_a_change_of_the_schema_may_take_long(mariadb: str) -> None:
    """What other statements may not: the server lets it run, and its answer is waited for."""
    storage = SqlStorage(mariadb)
    try:
        with storage.engine.connect() as connection:
            take_time(connection)
            assert connection.exec_driver_sql("SELECT SLEEP(4.5)").scalar_one() == 0
        with storage.engine.connect() as connection:  # another one: the limits are back
            assert connection.exec_driver_sql("SELECT @@max_statement_time").scalar_one() == 3
    finally:
        storage.close()


def test_revisions_are_known_by_their_files() -> None:
    """Without Alembic, which most starts have no need of; it says the same."""
    scripts = ScriptDirectory.from_config(migrate.configured())
    assert migrate.head() == scripts.get_current_head()
    assert migrate.known() == {script.revision for script in scripts.walk_revisions()}


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda t: t.name)
def test_every_table_compiles_for_mysql_8(table: sa.Table) -> None:
    """Ids in BINARY(16), instants in DATETIME(6), documents in MEDIUMBLOB, everything utf8mb4 and byte for byte."""
    text = str(CreateTable(table).compile(dialect=mysql.dialect()))
    assert "CHARSET=utf8mb4" in text
    assert "COLLATE utf8mb4_bin" in text
    assert "ENGINE=InnoDB" in text
    assert "UUID" not in text
    assert "REFERENCES" not in text or "FOREIGN KEY" in text  # on a column MySQL before 9.0 ignores it
    assert "CASCADE" not in text
    if "DATETIME" in text:
        assert "DATETIME(6)" in text
    for index in table.indexes:
        CreateIndex(index).compile(dialect=mysql.dialect())


def test_index_and_key_names_fit_everywhere() -> None:
    """MySQL ends at 64 characters."""
    for table in metadata.sorted_tables:
        names = [index.name for index in table.indexes] + [c.name for c in table.constraints if c.name is not None]
        assert all(len(str(name)) <= 64 for name in names), names


def test_the_promises_of_matches_are_generated_columns() -> None:
    """I1 and I2 are constraints over virtual columns, NULL where they are exempt."""
    for name in ("active_trainee_id", "open_trainee_id"):
        computed = matches.c[name].computed
        assert computed is not None
        assert computed.persisted is False


def test_foreign_keys_and_checks_are_enforced(storage: SqlStorage) -> None:
    """SQLite asks for it on each connection."""
    with storage.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2


def test_a_broken_uniqueness_is_named_by_table_and_columns(storage: SqlStorage) -> None:
    """Services tell refusals apart by it."""
    from coachhub_core.testing.builders import an_account

    with storage.begin() as work:
        work.accounts.add(an_account(email="kim@example.org"))
        with pytest.raises(Duplicate) as caught:
            work.accounts.add(an_account(email="KIM@example.org"))
    assert caught.value.constraint == "users.email_key"


def test_an_instance_of_the_first_schema_keeps_what_it_has(tmp_path: Path) -> None:
    """Forward with people in it, back again and to nothing at all, and forward once more."""
    (tmp_path / "old.db").touch()
    made = SqlStorage(f"sqlite:///{tmp_path / 'old.db'}")
    _goes_forward_and_back(made)


@pytest.mark.external_service
def test_an_instance_of_the_first_schema_keeps_what_it_has_on_mariadb() -> None:
    """The same revision, where changes of the schema commit by themselves."""
    with a_database() as url:
        _goes_forward_and_back(SqlStorage(url))


def _goes_forward_and_back(made: SqlStorage) -> None:
    def to(revision: str) -> set[str]:
        with made.engine.connect() as connection:
            config = migrate.configured()
            config.attributes["connection"] = connection
            is_older = revision == "base" or (revision != "head" and revision < (migrate.current(connection) or ""))
            (command.downgrade if is_older else command.upgrade)(config, revision)
            connection.commit()
            return set(sa.inspect(connection).get_table_names())

    before = to("0001")
    account = an_account()
    with made.engine.begin() as connection:
        connection.execute(sa.insert(metadata.tables["users"]), SqlAccounts.mapping.to_row(account))
    assert made.migrate() == migrate.head()
    with made.begin(read_only=True) as work:
        assert work.accounts.get(account.id) == account
        assert work.cohorts.n_open() == 0
        assert work.shadows.n_by_state() == {}
    assert to("0001") == before
    assert to("base") == {"alembic_version"}
    assert to("head") > before
    made.close()


def _brought_to(storage: SqlStorage, revision: str, min_code: str | None = None) -> None:
    with storage.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE alembic_version SET version_num = :to, min_code = :oldest"),
            {"to": revision, "oldest": min_code},
        )


def test_each_revision_keeps_the_oldest_code_that_may_use_it(storage: SqlStorage) -> None:
    """The last one's is in the database; none cuts off the code before it, which runs while nodes are upgraded."""
    told = {script.revision: getattr(script.module, "min_code", None) for script in _revisions()}
    in_order = sorted(told)
    with storage.engine.connect() as connection:
        assert migrate.min_code(connection) == told[migrate.head()]
    oldest = "0006"
    for before, revision in pairwise(in_order[in_order.index("0006") :]):
        assert told[revision] in told, revision
        assert oldest <= told[revision] <= before, revision
        oldest = told[revision]


def _revisions() -> list[Script]:
    return list(ScriptDirectory.from_config(migrate.configured()).walk_revisions())


def _ahead(n: int) -> str:
    return f"{int(migrate.head()) + n:04}"


def test_a_newer_schema_for_which_this_code_is_new_enough_is_used_as_it_is(
    storage: SqlStorage, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """An old node whose process begins anew after a new one has migrated; it says so once, and makes no backup."""
    newer = _ahead(3)
    _brought_to(storage, newer, migrate.head())
    with caplog.at_level("WARNING"):
        assert storage.migrate() == newer
    [line] = [record.getMessage() for record in caplog.records]
    assert newer in line
    assert migrate.head() in line
    with storage.begin() as work:
        work.accounts.add(an_account())
        work.commit()
    assert storage.check().schema_version == newer
    with pytest.raises(BackupError, match=f"the schema is {newer}, newer than {migrate.head()}"):
        storage.dump(tmp_path / "copy.db")


@pytest.mark.parametrize(
    ("revision", "min_code", "sentence"),
    [
        (_ahead(1), _ahead(1), f"needs a version made for {_ahead(1)} or later, and this one is made for"),
        (_ahead(4), _ahead(2), f"needs a version made for {_ahead(2)} or later"),
        (_ahead(1), None, f"needs a version made for {_ahead(1)} or later"),
        ("fe12ab", migrate.head(), "which is no revision of CoachHub"),
        ("0000", None, "which is no revision of CoachHub"),
    ],
)
def test_a_schema_this_code_may_not_use_is_refused_in_a_sentence(
    storage: SqlStorage, revision: str, min_code: str | None, sentence: str
) -> None:
    """It names both and says what to do."""
    _brought_to(storage, revision, min_code)
    with pytest.raises(SettingsError, match=sentence) as caught:
        storage.migrate()
    assert revision in str(caught.value)


def test_who_waited_for_newer_code_to_migrate_uses_what_it_left(
    storage: SqlStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks again when its turn has come: the schema it meant to bring up to date is ahead of it by then."""
    newer = _ahead(1)
    alone = migrate.alone

    @contextmanager
    def behind_newer_code(engine: sa.Engine, url: sa.URL) -> Iterator[None]:
        _brought_to(storage, newer, migrate.head())
        with alone(engine, url):
            yield

    _brought_to(storage, "0004")
    monkeypatch.setattr(migrate, "alone", behind_newer_code)
    assert storage.migrate() == newer
