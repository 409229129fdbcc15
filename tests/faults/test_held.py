"""A MariaDB whose commits wait, as on a full disk: changes are refused, reading goes on, and nothing piles up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pymysql
import pytest

from coachhub_core import deadline
from coachhub_core.domain.accounts import Account
from coachhub_core.errors import OutcomeUnknown, Unavailable, Unwritable
from coachhub_core.testing.builders import an_account
from coachhub_sqlalchemy.storage import SqlStorage

from .servers import Server, until, why_absent

pytestmark = [pytest.mark.external_service, pytest.mark.timeout(120)]


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A MariaDB to which nobody else commits."""
    if (absent := why_absent("mariadb")) is not None:
        pytest.skip(absent)
    server = Server("mariadb", tmp_path_factory.mktemp("held"))
    server.start()
    yield server
    server.let_commit()
    server.stop()


@pytest.fixture
def storage(own: Server) -> Iterator[SqlStorage]:
    made = SqlStorage(own.facts["tests"]["TEST_MYSQL_URL"])
    made.migrate()
    yield made
    made.close()


def login_of(server: Server) -> dict[str, Any]:
    env = server.facts["env"]
    return {
        "host": env["DB_HOST"],
        "port": int(env["DB_PORT"]),
        "user": env["DB_USER"],
        "password": env["DB_PASSWORD"],
        "database": env["DB_NAME"],
    }


def write(storage: SqlStorage) -> Account:
    account = an_account(email=f"{uuid4().hex}@example.org")
    with storage.begin() as work:
        work.accounts.add(account)
        work.commit()
    return account


def is_there(storage: SqlStorage, account: Account) -> bool:
    with storage.begin(read_only=True) as work:
        return work.accounts.find(account.id) is not None


def goes_on(storage: SqlStorage) -> bool:
    try:
        write(storage)
    except Unavailable:
        return False
    return True


def test_one_commit_is_waited_for_and_no_other_is_sent_after_it(own: Server, storage: SqlStorage) -> None:
    """Its outcome is not known; the rest is refused at once, reading goes on, and all of it ends with the cause."""
    known = write(storage)
    own.hold_commits()
    with deadline.within(2.0), pytest.raises(OutcomeUnknown):
        write(storage)
    began = time.monotonic()
    for _ in range(10):
        with pytest.raises(Unavailable):
            write(storage)
        assert is_there(storage, known)  # no breaker is open
        with pytest.raises(Unwritable):
            storage.ping()
    assert time.monotonic() - began < 5
    asked = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'coachhub' AND command <> 'Sleep'"
    assert own.sql(asked).split() == ["1"]
    own.let_commit()
    assert until(lambda: goes_on(storage), 10)
    storage.ping()


def test_another_who_has_its_number_is_not_taken_for_it(own: Server, storage: SqlStorage) -> None:
    """A server that began anew gives numbers out again, and a client that went away may leave one idle."""
    write(storage)
    own.hold_commits()
    with deadline.within(2.0), pytest.raises(OutcomeUnknown):
        write(storage)
    number = storage._writing.held._thread_id
    assert number is not None
    own.kill()
    own.start()
    others = [pymysql.connect(**login_of(own)) for _ in range(number)]  # who have its number, among others
    try:
        assert until(lambda: goes_on(storage), 10)
        held = storage._writing.held  # then one that has lost its client, and is idle
        held._thread_id, held._since = (
            others[0].thread_id(),
            time.monotonic() - 60,
        )
        assert until(lambda: goes_on(storage), 5)
        storage.ping()
    finally:
        for other in others:
            other.close()


def test_a_ping_tries_a_change_whoever_wrote_last(own: Server, storage: SqlStorage) -> None:
    """A process that has written nothing knows by itself that nothing can be written."""
    storage.ping()
    other = SqlStorage(own.facts["tests"]["TEST_MYSQL_URL"])
    try:
        own.fill()
        with pytest.raises(Unwritable):
            other.ping()
        own.make_room()
        assert until(lambda: is_well(other), 10)
    finally:
        other.close()


def is_well(storage: SqlStorage) -> bool:
    try:
        storage.ping()
    except Unavailable:
        return False
    return True
