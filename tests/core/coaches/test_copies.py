"""Copies of public views: how old they may be, who reads the database, and what is served while it is away."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from coachhub_core.errors import Unavailable
from coachhub_core.memory.cache import MemoryCache
from coachhub_core.services.copies import ABSENT, Copies, Copy, is_view_of

KEY = "coach:7"
VIEW, NEWER = b'{"id":"7","version":1}', b'{"id":"7","version":2}'


class Time:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Database:
    """Counts how often it is read; may be away."""

    def __init__(self) -> None:
        self.value = VIEW
        self.n_reads = 0
        self.is_away = False

    def read(self) -> bytes:
        self.n_reads += 1
        if self.is_away:
            raise Unavailable(what="the database")
        return self.value


class Bench:
    """Two processes of one installation: one time, one shared cache, one database."""

    def __init__(self) -> None:
        self.time = Time()
        self.shared = MemoryCache(monotonic=self.time)
        self.database = Database()
        self.here, self.there = self.process(), self.process()

    def process(self, *, n_entries: int = 100) -> Copies:
        return Copies(self.shared, max_age_seconds=1, n_entries=n_entries, monotonic=self.time)

    def ask(self, copies: Copies, key: str = KEY) -> Copy:
        return copies.get(key, self.database.read, is_ours=is_view_of("7"))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_second_read_within_the_second_is_a_copy(bench: Bench) -> None:
    """And one after it is none."""
    assert bench.here.peek(KEY) is None
    assert bench.ask(bench.here).source == "database"
    bench.time.now += 0.99
    assert bench.ask(bench.here) == bench.here.peek(KEY) == Copy(VIEW, "process")
    bench.time.now += 0.01
    assert bench.here.peek(KEY) is None
    bench.database.value = NEWER
    assert bench.ask(bench.here) == Copy(NEWER, "database")


def test_no_way_through_the_shared_cache_makes_a_copy_older_than_the_rule(bench: Bench) -> None:
    """What one process read is another's for what is left of the second, not for a second more."""
    bench.ask(bench.here)
    bench.time.now += 0.9
    bench.database.value = NEWER
    assert bench.ask(bench.there) == Copy(VIEW, "cache")
    bench.time.now += 0.11
    assert bench.ask(bench.there) == Copy(NEWER, "database")
    assert bench.ask(bench.here) == Copy(NEWER, "cache")


def test_the_age_counts_from_before_the_reading(bench: Bench) -> None:
    """A database that takes its time does not make a copy live longer."""

    def slow() -> bytes:
        value = bench.database.read()
        bench.time.now += 0.8  # a change may commit in here
        return value

    bench.here.get(KEY, slow, is_ours=is_view_of("7"))
    bench.time.now += 0.25
    assert bench.here.peek(KEY) is None
    assert bench.shared.get(KEY) is None


def test_what_is_forgotten_is_read_anew(bench: Bench) -> None:
    """In this process and for every other that asks the shared cache."""
    bench.ask(bench.here)
    bench.database.value = NEWER
    bench.here.forget(KEY)
    assert bench.ask(bench.here) == Copy(NEWER, "database")
    assert bench.ask(bench.there) == Copy(NEWER, "cache")


@pytest.mark.parametrize("rubbish", [b"<html>busy</html>", b'{"id":"8"}', b'{"id":"7","ver', b"\x00\xff", b"[]"])
def test_rubbish_in_the_shared_cache_is_a_miss(bench: Bench, rubbish: bytes) -> None:
    """Another coach's view, HTML and half a view are never an answer."""
    bench.shared.set(KEY, rubbish, ttl_seconds=1)
    assert bench.ask(bench.here) == Copy(VIEW, "database")


def test_a_copy_that_claims_to_live_long_is_a_miss(bench: Bench) -> None:
    """Nobody of ours keeps one for an hour."""
    bench.shared.set(KEY, NEWER, ttl_seconds=3_600)
    assert bench.ask(bench.here) == Copy(VIEW, "database")


def test_what_is_not_there_is_kept_too(bench: Bench) -> None:
    """So that asking for it again and again costs the database nothing."""
    bench.database.value = ABSENT
    assert [bench.ask(c).value for c in (bench.here, bench.here, bench.there)] == [ABSENT] * 3
    assert bench.database.n_reads == 1


def test_one_of_many_reads(bench: Bench) -> None:
    """The others get what it brings."""
    goes_on = threading.Event()
    began = threading.Event()

    def slow() -> bytes:
        began.set()
        assert goes_on.wait(10)
        return bench.database.read()

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(bench.here.get, KEY, slow)
        assert began.wait(10)
        others = [pool.submit(bench.here.get, KEY, slow) for _ in range(7)]
        goes_on.set()
        assert {each.result().value for each in (first, *others)} == {VIEW}
    assert bench.database.n_reads == 1


def test_while_the_database_is_away_a_minute_old_copy_is_served_and_says_so(bench: Bench) -> None:
    """Then nothing is; and what was never read is refused at once."""
    bench.ask(bench.here)
    bench.database.is_away = True
    bench.time.now += 59
    served = bench.ask(bench.here)
    assert served == bench.here.peek(KEY, is_away=True) == Copy(VIEW, "aside")
    assert served.degraded == "cache"
    with pytest.raises(Unavailable):
        bench.ask(bench.here, "coach:8")
    bench.time.now += 2
    assert bench.here.peek(KEY, is_away=True) is None
    with pytest.raises(Unavailable):
        bench.ask(bench.here)
    bench.database.is_away = False
    assert bench.ask(bench.here).degraded is None


def test_a_failure_is_everybodys_who_waited(bench: Bench) -> None:
    """Nobody waits for the same dead database again in a row."""
    goes_on, began = threading.Event(), threading.Event()

    def hangs() -> bytes:
        began.set()
        assert goes_on.wait(10)
        bench.database.is_away = True
        return bench.database.read()

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(bench.here.get, KEY, hangs)
        assert began.wait(10)
        others = [pool.submit(bench.here.get, KEY, hangs) for _ in range(2)]
        while sum(other.running() for other in others) < 2:
            pass
        goes_on.set()
        for each in (first, *others):
            with pytest.raises(Unavailable):
                each.result()


def test_copies_are_bounded_in_number_and_bytes(bench: Bench) -> None:
    """The longest unused go first."""
    few = bench.process(n_entries=2)
    for key in ("a", "b", "a", "c"):
        few.get(key, lambda: VIEW)
    assert [few.peek(key) is not None for key in ("a", "b", "c")] == [True, False, True]
    for number in range(70):
        bench.here.get(f"big{number}", lambda: b"x" * 1_000_000)
    assert bench.here.peek("big0") is None
    assert bench.here.peek("big69") is not None


def test_no_age_means_no_copies(bench: Bench) -> None:
    """``cache.max_age_ms = 0`` reads every time."""
    never = Copies(bench.shared, max_age_seconds=0, n_entries=10, monotonic=bench.time)
    assert [bench.ask(never).source, bench.ask(never).source] == ["database", "database"]
    assert bench.shared.get(KEY) is None
