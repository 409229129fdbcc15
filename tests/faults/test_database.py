"""The storage on a real MariaDB whose wire fails: how long it waits, what it says, and that it comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from services import a_database

from coachhub_core import deadline
from coachhub_core.errors import Contended, OutcomeUnknown, Unavailable
from coachhub_core.testing.builders import an_account
from coachhub_sqlalchemy.storage import SqlStorage

from .proxy import AnswerLost, CutAfter, Fault, Garbage, Hang, Proxy, Refuse, Reset, Slow, Trickle

pytestmark = [pytest.mark.external_service, pytest.mark.xdist_group("database"), pytest.mark.timeout(240)]

BUSY = 2.0  # seconds that a machine with something else to do may add


@pytest.fixture(scope="module")
def url() -> Iterator[sa.URL]:
    """A migrated database."""
    with a_database() as made:
        storage = SqlStorage(made)
        storage.migrate()
        storage.close()
        yield sa.make_url(made)


@contextmanager
def behind_a_proxy(url: sa.URL) -> Iterator[tuple[SqlStorage, Proxy]]:
    with Proxy((str(url.host), int(url.port or 3306))) as proxy:
        storage = SqlStorage(through(url, proxy))
        try:
            yield storage, proxy
        finally:
            proxy.heal()
            storage.close()


def through(url: sa.URL, proxy: Proxy) -> str:
    return url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)


@pytest.fixture
def wired(url: sa.URL) -> Iterator[tuple[SqlStorage, Proxy]]:
    """A storage with a connection that stands for reading and one for writing, and the proxy before it."""
    with behind_a_proxy(url) as (storage, proxy):
        read(storage)
        write(storage)
        yield storage, proxy


def read(storage: SqlStorage, *, may_lag: bool = False) -> None:
    with storage.begin(read_only=True, may_lag=may_lag) as work:
        work.outbox.backlog()


def write(storage: SqlStorage) -> None:
    with storage.begin() as work:
        work.outbox.delete_done(before=datetime(2000, 1, 1, tzinfo=UTC), limit=1)
        work.commit()


def refused_within(storage: SqlStorage, seconds: float) -> None:
    """Reads and writes are refused as unavailable, each within *seconds*."""
    for attempt in (read, write):
        began = time.monotonic()
        with pytest.raises(Unavailable):
            attempt(storage)
        assert time.monotonic() - began < seconds + BUSY


def goes_on(storage: SqlStorage) -> bool:
    try:
        read(storage)
        write(storage)
    except Unavailable:
        return False
    return True


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (Refuse(), 0.1),
        (Reset(), 0.1),
        (CutAfter(20), 0.1),
        (Garbage("html"), 0.1),
        (Garbage("noise"), 0.1),
        (AnswerLost(), 0.1),
        (Hang(), 4.5),
        (Trickle(20), 4.7),
    ],
    ids=str,
)
def test_each_fault_is_a_refusal_in_time(wired: tuple[SqlStorage, Proxy], fault: Fault, seconds: float) -> None:
    """Never an answer that was read out of garbage, never a wait beyond the deadline; and it goes on by itself."""
    storage, proxy = wired
    proxy.fault = fault
    refused_within(storage, seconds)
    proxy.heal()
    deadline_at = time.monotonic() + 10
    while not goes_on(storage) and time.monotonic() < deadline_at:
        time.sleep(0.05)  # the breaker's time
    assert goes_on(storage)


def test_after_one_wait_in_vain_nobody_waits(wired: tuple[SqlStorage, Proxy]) -> None:
    """The first pays 4.5 s, the others nothing."""
    storage, proxy = wired
    proxy.fault = Hang()
    with pytest.raises(Unavailable):
        read(storage)
    refused_within(storage, 0.1)


def test_a_request_that_has_less_time_waits_less(wired: tuple[SqlStorage, Proxy]) -> None:
    storage, proxy = wired
    proxy.fault = Hang()
    began = time.monotonic()
    with deadline.within(0.5), pytest.raises(Unavailable):
        read(storage)
    assert time.monotonic() - began < 0.5 + BUSY
    proxy.heal()
    read(storage)  # a short patience says nothing about the database, so no breaker is open


def test_a_ping_closes_the_breaker(wired: tuple[SqlStorage, Proxy]) -> None:
    """Whoever watches the database lets the others through as soon as it is back."""
    storage, proxy = wired
    proxy.fault = Refuse()
    refused_within(storage, 0.1)
    with pytest.raises(Unavailable):
        storage.ping()
    proxy.heal()
    storage.ping()
    read(storage)
    write(storage)


def test_connections_that_were_ended_meanwhile_are_replaced_unseen(wired: tuple[SqlStorage, Proxy]) -> None:
    """A restart of the database between two requests is nobody's error."""
    storage, proxy = wired
    proxy.drop()
    read(storage)
    write(storage)


def test_a_connection_that_breaks_under_a_statement_is_a_lost_race(wired: tuple[SqlStorage, Proxy]) -> None:
    """Nothing of it stays, so it is run again."""
    storage, proxy = wired
    with storage.begin() as work:
        proxy.drop()
        with pytest.raises(Contended):
            work.accounts.add(an_account())


def test_a_commit_without_an_answer_is_not_known(wired: tuple[SqlStorage, Proxy]) -> None:
    """It arrived and was done, and nobody said so."""
    storage, proxy = wired
    account = an_account()
    with storage.begin() as work:
        work.accounts.add(account)
        proxy.fault = AnswerLost()
        with pytest.raises(OutcomeUnknown):
            work.commit()
    proxy.heal()
    read(storage)
    with storage.begin(read_only=True) as work:
        assert work.accounts.find(account.id) is not None


def test_a_read_costs_its_statements_and_a_write_one_more(wired: tuple[SqlStorage, Proxy]) -> None:
    """No BEGIN, no ROLLBACK when a connection goes back, no ping before it is used."""
    storage, proxy = wired
    for attempt, n in ((read, 1), (write, 2)):
        before = proxy.n_round_trips
        attempt(storage)
        statements = proxy.n_round_trips - before
        assert statements <= n + 1, attempt  # the backlog is one or two statements
        assert proxy.n_connections == 2


def test_a_slow_wire_is_no_fault(wired: tuple[SqlStorage, Proxy]) -> None:
    storage, proxy = wired
    proxy.fault = Slow(0.3)
    assert goes_on(storage)
    storage.ping()


def test_what_may_lag_asks_the_replica_and_the_database_where_that_is_away(url: sa.URL) -> None:
    """The replica here is the same server by another way, so that the way can be seen."""
    with Proxy((str(url.host), int(url.port or 3306))) as replica:
        storage = SqlStorage(url.render_as_string(hide_password=False), replica_url=through(url, replica), pool_size=4)
        try:
            read(storage)
            write(storage)
            assert replica.n_connections == 0
            read(storage, may_lag=True)
            asked = replica.n_round_trips
            assert asked > 0
            replica.fault = Refuse()
            read(storage, may_lag=True)
            assert replica.n_round_trips == asked
            replica.heal()
            deadline_at = time.monotonic() + 10
            while replica.n_round_trips == asked and time.monotonic() < deadline_at:
                read(storage, may_lag=True)
                time.sleep(0.05)  # the breaker's time
            assert replica.n_round_trips > asked
        finally:
            storage.close()
