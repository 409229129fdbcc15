"""A breaker: one waits in vain, the others are told at once, one at a time tries again."""

from __future__ import annotations

import pytest

from coachhub_core.breaker import Breaker
from coachhub_core.errors import Unavailable


class Time:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def breaker(time: Time) -> Breaker:
    return Breaker("the database", open_seconds=2.5, monotonic=time)


def test_everybody_passes_while_all_is_well(breaker: Breaker) -> None:
    assert [breaker.admit() for _ in range(3)] == [False, False, False]
    assert not breaker.is_open


def test_after_a_failure_everybody_is_refused_at_once(breaker: Breaker, time: Time) -> None:
    breaker.failed()
    time.now += 2.4
    with pytest.raises(Unavailable, match="the database"):
        breaker.admit()
    assert breaker.is_open


def test_then_one_tries_and_the_others_wait_for_what_it_finds(breaker: Breaker, time: Time) -> None:
    breaker.failed()
    time.now += 2.5
    assert breaker.admit()
    with pytest.raises(Unavailable):
        breaker.admit()
    breaker.failed()
    time.now += 2.4
    with pytest.raises(Unavailable):
        breaker.admit()
    time.now += 0.1
    assert breaker.admit()
    breaker.succeeded()
    assert not breaker.admit()


def test_one_that_tries_and_is_never_heard_of_again_keeps_nobody_out(breaker: Breaker, time: Time) -> None:
    breaker.failed()
    time.now += 2.5
    assert breaker.admit()
    time.now += 2.5
    assert breaker.admit()


def test_who_watches_anyway_may_close_it_earlier(breaker: Breaker) -> None:
    breaker.failed()
    breaker.succeeded()
    assert not breaker.admit()


def test_who_lets_nobody_in_is_told_of_once_for_each_reason(caplog: pytest.LogCaptureFixture) -> None:
    """And again after somebody was let in."""
    breaker = Breaker("the database")
    with caplog.at_level("INFO", logger="coachhub.breaker"):
        for reason in ("wrong name", "wrong name", "wrong password"):
            breaker.refused(reason)
        breaker.let_in()
        breaker.let_in()
        breaker.refused("wrong password")
    assert [record.getMessage() for record in caplog.records] == [
        "the database lets nobody in: wrong name",
        "the database lets nobody in: wrong password",
        "the database lets us in again",
        "the database lets nobody in: wrong password",
    ]
    assert not breaker.is_open
