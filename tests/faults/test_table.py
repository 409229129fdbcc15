"""
The degradation table: each column is brought about once, all rows are probed together, and it is healed once.

The short form takes two columns of each neighbour; ``--table`` takes them all.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from driving import Driver

from coachhub_core.bootstrap import CoachHub

from .asking import Asking
from .columns import COLUMNS, HEALTHY, Column
from .commanded import ROW, SECONDS, backup_create, is_asked
from .compare import a_hub, differences, directly
from .house import House, a_house
from .probes import Round, Seen, seen
from .servers import is_offered, until, why_absent

BUSY = 2.0  # seconds that a machine with something else to do may add to any answer
HEALED_SECONDS = 30.0
READS_PER_SECOND = 100  # of copies, while Redis restarts
SLOWLY_AT_ONCE = 8  # rows; each waits for the database, and is to wait for nothing else
ANSWERED_SECONDS = 5.0  # whatever it is; a refusal for what is not there comes sooner

WAITED_FOR = ("hang", "frozen", "full and waiting")  # in vain, and once

#: Two workers with threads for all rows at once, so that none waits for another's time to be over.
AS_MANY_AS_ROWS = {"COACHHUB_HTTP_WORKERS": "2", "COACHHUB_HTTP_THREADS": "24"}

#: What an answer says of a change that had been made though its answer was lost.
SETTLED = {
    "register": {"409"},
    "refresh": {"401"},
    "logout": {"401"},
    "password": {"401"},
    "matches: request": set[str](),
    "matches: accept": {"409"},
    "matches: decline": {"409"},
    "matches: end": {"409"},
    "matches: withdraw": {"409"},
    "matches: pause": {"409"},
    "matches: resume": {"409"},
    "erasure": {"401"},
    "write: profile": {"412"},
    "write: bio": {"412"},
    "write: review": {"409"},
}


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """An instance on every server that can be started here."""
    if (absent := why_absent("mariadb") or why_absent("redis")) is not None:
        pytest.skip(absent)
    engines = ["mariadb", "redis"]
    if why_absent("elasticsearch") is None:
        engines.append("elasticsearch")
    with a_house(tuple(engines), **AS_MANY_AS_ROWS) as made:
        yield made


@pytest.fixture(scope="module")
def hub(house: House) -> Iterator[CoachHub]:
    """A hub beside it, on the database itself."""
    with a_hub(house.server.folder, directly(house)) as made:
        yield made


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Take two columns of each neighbour, or all of them."""
    if "column" in metafunc.fixturenames:
        is_whole = metafunc.config.getoption("--table")
        chosen = [each for each in COLUMNS if (is_whole or each.in_short) and _can_be(each)]
        metafunc.parametrize("column", chosen, ids=[f"{c.neighbour}-{c.name}".replace(" ", "-") for c in chosen])


def _can_be(column: Column) -> bool:
    """Whether there is such an engine at all, and whether a server that others use may be stopped."""
    if column.neighbour != "elasticsearch":
        return True
    return is_offered("elasticsearch") and not (column.is_ours and "TEST_ELASTICSEARCH_URL" in os.environ)


@pytest.mark.external_service
@pytest.mark.timeout(180)
@pytest.mark.xdist_group("degradation-table")
def test_column(house: House, hub: CoachHub, column: Column, pytestconfig: pytest.Config) -> None:
    """Each row answers as the table says and in time, and afterwards all agrees again."""
    if column.neighbour not in house.neighbours:
        pytest.skip(f"{column.neighbour}: {why_absent(column.neighbour)}")
    assert until(lambda: _is_well(house), HEALED_SECONDS)
    if column.is_slow:
        Round.prepare(house).probe()  # connections are opened as they are needed; a house in use has them
    prepared = Round.prepare(house)
    asking = Asking.begin(house, hub)
    column.begin(house)
    try:
        time.sleep(0.2)  # for what was on its way
        first = prepared.probe(at_once=SLOWLY_AT_ONCE if column.is_slow else None)
        wrong = _wrong(first, column)
        health = until(lambda: all(_health(house, column.health) for _ in range(5)), 15)  # each worker says so
        searched = column.searched is None or until(lambda: _searched(prepared) in column.searched, 10)
        again = prepared.probe() if column.name in WAITED_FOR and column.neighbour == "mariadb" else {}
        commanded = backup_create(house) if is_asked(column, is_whole=pytestconfig.getoption("--table")) else None
    finally:
        column.end(house)
    _tell(column, first)
    assert not wrong, "\n".join(f"{row}: {seen.seconds:.2f} s, {seen.exact}" for row, seen in wrong.items())
    assert health, _health(house)
    assert searched, _searched(prepared)
    if commanded is not None:
        assert commanded.word in column.expected(ROW), commanded
        assert commanded.seconds < SECONDS, commanded
    if again:
        _tell(column, again)
        slow = {row: seen for row, seen in again.items() if seen.seconds > BUSY and row not in column.locked}
        assert not slow, "the breaker lets them wait"
    healed_at = time.monotonic()
    assert until(lambda: _is_well(house), column.back_seconds + BUSY), _health(house)
    back_after = time.monotonic() - healed_at
    _assert_goes_on(prepared, column, first)
    assert until(prepared.is_searchable, HEALED_SECONDS), prepared.word
    assert asking.was_in_the_middle()
    assert until(asking.is_over, HEALED_SECONDS), asking.wrong()
    assert not asking.wrong()
    assert until(lambda: not differences(hub, house), HEALED_SECONDS), differences(hub, house)
    print(f"{'':35} well after {back_after:.1f} s, all agrees after {time.monotonic() - healed_at:.1f} s")
    assert time.monotonic() - healed_at < HEALED_SECONDS + 10


@pytest.mark.external_service
@pytest.mark.timeout(180)
@pytest.mark.xdist_group("degradation-table")
def test_no_herd_runs_to_the_database_after_redis_restarts(house: House) -> None:
    """Every copy is gone at once, and those who read ask the database less than twice as often as ever."""
    assert until(lambda: _is_well(house), HEALED_SECONDS)
    proxy, redis = house.neighbours["mariadb"].proxy, house.neighbours["redis"].server
    coaches = [house.server.coach().profile_id for _ in range(5)]
    paths = ["/api/coaches", "/api/coaches?specialty=marathon", *(f"/api/coaches/{id_}" for id_ in coaches)]

    def asked(driver: Driver) -> float:
        """Count the questions to the database, those of workers and watchers among them, in a second."""
        before, began, n_sent = proxy.n_round_trips, time.monotonic(), len(driver.sent)
        assert until(lambda: len(driver.sent) >= n_sent + 3 * READS_PER_SECOND, 30)
        return (proxy.n_round_trips - before) / (time.monotonic() - began)

    with Driver(
        house.server.port,
        lambda number: ("GET", paths[number % len(paths)], None),
        every_seconds=1 / READS_PER_SECOND,
    ) as driver:
        time.sleep(1)  # each worker has its copies
        usual = asked(driver)
        redis.kill()
        redis.start()
        after = asked(driver)
    print(f"{usual:.0f} questions a second to the database, {after:.0f} after Redis restarted empty")
    assert driver.not_done == []
    assert after < 2 * usual


def _wrong(found: dict[str, Seen], column: Column) -> dict[str, Seen]:
    return {
        row: seen
        for row, seen in found.items()
        if seen.word not in column.expected(row)
        or seen.seconds > (column.seconds if seen.word == "503" else ANSWERED_SECONDS) + BUSY
    }


def _health(house: House, wanted: frozenset[tuple[int, str]] | None = None) -> tuple[int, str] | None:
    """Ask for the health; None when it is not what is wanted."""
    answer = house.server.ask("GET", "/health")
    found = (answer.status, answer.body["status"])
    return found if wanted is None or found in wanted else None


def _is_well(house: House) -> bool:
    """Whether each worker says so: a request goes to one of them, so they are asked a few times."""
    return all(_health(house, HEALTHY) for _ in range(10))


def _assert_goes_on(prepared: Round, column: Column, first: dict[str, Seen]) -> None:
    """What was refused is done now; what may have been done says so."""
    rows = prepared.rows()
    waiting = [row for row, seen in first.items() if seen.word == "503"]

    def left() -> bool:
        for row in list(waiting):
            word = seen(rows[row]).word
            was_done = column.is_open and word in SETTLED.get(row, set())
            assert not (was_done and "nothing was changed" in first[row].exact), f"{row}: {first[row].exact}"
            if word == "ok" or was_done:
                waiting.remove(row)
        return not waiting

    until(left, HEALED_SECONDS)
    assert not waiting, {row: seen_now(prepared, row) for row in waiting}


def seen_now(prepared: Round, row: str) -> Seen:
    """Probe one row."""
    return seen(prepared.rows()[row])


def _searched(prepared: Round) -> str:
    return seen_now(prepared, "coaches: full text").word


def _tell(column: Column, found: dict[str, Seen]) -> None:
    slowest = max(found, key=lambda row: found[row].seconds)
    counts: dict[str, int] = {}
    for each in found.values():
        counts[each.word] = counts.get(each.word, 0) + 1
    told = ", ".join(f"{word} {n}" for word, n in sorted(counts.items()))
    print(f"{column.neighbour:14} {column.name:20} {told}; slowest {found[slowest].seconds:.2f} s: {slowest}")
