"""SQLite when something beside us holds its file, or took it away."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coachhub_core.errors import Contended, Unavailable
from coachhub_core.testing.builders import an_account
from coachhub_sqlalchemy import engine
from coachhub_sqlalchemy.storage import SqlStorage


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqlStorage]:
    """A migrated database in a file."""
    made = SqlStorage(f"sqlite:///{tmp_path / 'coachhub.db'}")
    made.migrate()
    yield made
    made.close()


def write(storage: SqlStorage) -> None:
    with storage.begin() as work:
        work.accounts.add(an_account())
        work.commit()


def test_what_hangs_is_waited_for_once_and_then_refused_at_once(
    storage: SqlStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the first who gets through again ends that."""
    monkeypatch.setattr(engine, "UNIT_SECONDS", 0.3)
    holder = sqlite3.connect(str(storage.path), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Contended):
        write(storage)
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        write(storage)
    assert time.monotonic() - began < 0.2
    assert not isinstance(caught.value, Contended)  # so that no service tries again
    holder.execute("ROLLBACK")
    write(storage)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Contended):  # patient again
        write(storage)
    holder.close()


def test_a_database_that_cannot_be_written_to_does_not_answer_a_ping(
    storage: SqlStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would answer reads for ever."""
    monkeypatch.setattr("coachhub_sqlalchemy.pooled.PING_SECONDS", 0.05)
    storage.ping()
    holder = sqlite3.connect(str(storage.path), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        storage.ping()
    holder.close()
    storage.ping()


def test_nothing_is_written_to_a_file_that_was_taken_away(storage: SqlStorage) -> None:
    """An open file can be written to without a name, and all of it is lost; nor is an empty one made instead."""
    path = storage.path
    assert path is not None
    write_one = an_account()
    with storage.begin() as work:
        work.accounts.add(write_one)
        work.commit()
    away = path.with_suffix(".away")
    path.rename(away)
    for _ in range(3):
        with pytest.raises(Unavailable):
            write(storage)
        with pytest.raises(Unavailable):
            storage.ping()
    assert not path.exists()
    away.rename(path)
    write(storage)
    storage.ping()


def test_who_starts_while_the_file_is_away_makes_no_other(storage: SqlStorage, tmp_path: Path) -> None:
    """An empty one would have SQLite throw away the log beside it, with all that is not yet in the file."""
    path = storage.path
    assert path is not None
    account = an_account()
    with storage.begin() as work:
        work.accounts.add(account)
        work.commit()
    away = path.with_suffix(".away")
    path.rename(away)
    for beside in ("coachhub.db-wal", "coachhub.db.migrating"):  # either is enough
        hidden = tmp_path / "hidden"
        (tmp_path / beside).rename(hidden)
        starting = SqlStorage(f"sqlite:///{path}")
        with pytest.raises(Unavailable, match=r"put it back"):
            starting.migrate()
        with pytest.raises(Unavailable):
            write(starting)
        starting.close()
        hidden.rename(tmp_path / beside)
    assert not path.exists()
    away.rename(path)
    starting = SqlStorage(f"sqlite:///{path}")
    starting.migrate()
    with starting.begin(read_only=True) as work:
        assert work.accounts.find(account.id) == account
    starting.close()


def test_an_installation_from_before_is_marked_at_its_next_start(storage: SqlStorage, tmp_path: Path) -> None:
    """Its lock of migrations was empty."""
    mark = tmp_path / "coachhub.db.migrating"
    mark.write_text("")
    storage.migrate()
    assert "was made here" in mark.read_text()


def test_names_with_marks_of_an_address_are_names(tmp_path: Path) -> None:
    """A number sign, a space, a letter beyond ASCII."""
    made = SqlStorage(f"sqlite:///{tmp_path / 'a#b c é.db'}")
    made.migrate()
    write(made)
    made.close()
    assert (tmp_path / "a#b c é.db").stat().st_size > 10_000


def test_a_file_that_came_in_the_place_of_another_is_opened(storage: SqlStorage, tmp_path: Path) -> None:
    """Connections to the former one are not used again."""
    path = storage.path
    assert path is not None
    copy = tmp_path / "copy.db"
    storage.dump(copy)
    account = an_account()
    with storage.begin() as work:
        work.accounts.add(account)
        work.commit()
    for name in ("coachhub.db", "coachhub.db-wal", "coachhub.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    copy.rename(path)
    with storage.begin(read_only=True) as work:
        assert work.accounts.find(account.id) is None
    write(storage)
