"""The columns of the degradation table: how each state is brought about, and what each row then answers."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from .house import House
from .proxy import AnswerLost, CutAfter, Fault, Garbage, Hang, Refuse, Reset, Slow, Trickle

Words = frozenset[str]

OK: Final = frozenset({"ok"})
REFUSED: Final = frozenset({"503"})
COPY: Final = frozenset({"ok", "ok~cache"})  # read within the last second, it is as ever
SEARCHED: Final = frozenset({"ok", "ok~search", "ok~cache"})
FROM_DATABASE: Final = frozenset({"ok~search"})

ALL: Final = ("mariadb", "redis", "elasticsearch")
ALWAYS: Final = ("GET /health/live", "GET /health/ready", "chat: typing", "chat: presence")
COPIES: Final = ("coaches: list", "coaches: filter", "coaches: full text")
WRITES: Final = (
    "register",
    "login",
    "refresh",
    "logout",
    "password",
    "suggestions: new",
    "matches: request",
    "matches: accept",
    "matches: decline",
    "matches: end",
    "matches: withdraw",
    "matches: pause",
    "matches: resume",
    "write: profile",
    "write: bio",
    "write: plan",
    "write: workout",
    "write: review",
    "write: assignment",
    "export",
    "erasure",
    "cohort run: ask",
    "backup",
    "backup: command",
    "chat: send",
    "chat: edit",
    "chat: read mark",
)


def database_away(row: str) -> Words:
    """Nothing is known, so nothing is said, but for public copies; whoever is not to be let in may hear so."""
    if row == "a revoked token":
        return OK | REFUSED
    if row in ALWAYS:
        return OK
    if row in COPIES or row == "coach: one":
        return COPY
    return REFUSED


def database_unwritable(row: str) -> Words:
    """What reads goes on."""
    return REFUSED if row in WRITES else OK


def database_full(row: str) -> Words:
    """As read-only; but who says again that something was read has nothing to write."""
    return OK | REFUSED if row == "chat: read mark" else database_unwritable(row)


def database_returning(row: str) -> Words:
    """As if it were away, until it is back."""
    return database_away(row) | OK


def database_slow(_: str) -> Words:
    """All of it is done, in time."""
    return OK


def all_well(_: str) -> Words:
    """Nobody notices."""
    return OK


def search_away(row: str) -> Words:
    """The database searches instead."""
    return SEARCHED if row == "coaches: full text" else OK


@attrs.frozen
class Column:
    """
    One state of one neighbour.

    Args:
        begin: Brings it about.
        end: Heals it.
        expected: The words a row may answer.
        health: The statuses ``/health`` may have meanwhile, as status and word.
        seconds: The longest any answer may take, before what a busy machine adds.
        is_open: Whether a write may have happened though it was refused: its outcome is settled afterwards.
        in_short: Whether it is a part of the short form.
        is_ours: Whether the server must be one of our own, which nobody else uses.
        back_seconds: How soon after it is healed everything is well.
        locked: Rows that may each time wait for what an unfinished change holds.
        searched: What full text says once the copies of before are too old.
    """

    neighbour: str
    name: str
    begin: Callable[[House], None]
    end: Callable[[House], None]
    expected: Callable[[str], Words]
    health: frozenset[tuple[int, str]]
    seconds: float = 5.0
    is_open: bool = False
    in_short: bool = False
    is_ours: bool = False
    back_seconds: float = 30.0
    locked: Words = frozenset()
    searched: Words | None = None

    @property
    def is_slow(self) -> bool:
        """Whether all of it still works, and only takes its time."""
        return self.name.startswith("slow")


HEALTHY: Final = frozenset({(200, "healthy")})
DEGRADED: Final = frozenset({(200, "degraded")})
UNHEALTHY: Final = frozenset({(503, "unhealthy")})


def _proxied(kind: str, fault: Fault) -> tuple[Callable[[House], None], Callable[[House], None]]:
    def begin(house: House) -> None:
        house.neighbours[kind].proxy.fault = fault

    def end(house: House) -> None:
        house.neighbours[kind].proxy.heal()

    return begin, end


def _frozen(kind: str) -> tuple[Callable[[House], None], Callable[[House], None]]:
    return (lambda house: house.neighbours[kind].server.freeze()), (lambda house: house.neighbours[kind].server.thaw())


def _read_only(house: House) -> None:
    house.neighbours["mariadb"].server.sql("SET GLOBAL read_only = 1")


def _writable(house: House) -> None:
    house.neighbours["mariadb"].server.sql("SET GLOBAL read_only = 0")


def _killed(kind: str) -> tuple[Callable[[House], None], Callable[[House], None]]:
    return (lambda house: house.neighbours[kind].server.kill()), (lambda house: house.neighbours[kind].server.start())


def _full(house: House) -> None:
    house.neighbours["redis"].server.redis("CONFIG", "SET", "maxmemory", "1")


def _roomy(house: House) -> None:
    house.neighbours["redis"].server.redis("CONFIG", "SET", "maxmemory", "64mb")


def _emptied(house: House) -> None:
    house.neighbours["redis"].server.redis("FLUSHALL")


def _restarted(house: House) -> None:
    server = house.neighbours["redis"].server
    server.kill()
    server.start()


def _swizzled(kinds: tuple[str, ...], seed: int) -> tuple[Callable[[House], None], Callable[[House], None]]:
    """Break several neighbours one after the other, each in its own way; heal them in another order."""
    chance = random.Random(seed)
    order, back = (chance.sample(kinds, len(kinds)) for _ in range(2))
    faults = {kind: chance.choice((Refuse(), Hang(), Reset(), Garbage("html"))) for kind in kinds}

    def begin(house: House) -> None:
        print(f"seed {seed}: {', '.join(f'{kind} {faults[kind]}' for kind in order)}; healed: {', '.join(back)}")
        for kind in order:
            if kind in house.neighbours:
                house.neighbours[kind].proxy.fault = faults[kind]
                time.sleep(0.2)  # the others find out meanwhile

    def end(house: House) -> None:
        for kind in back:
            if kind in house.neighbours:
                house.neighbours[kind].proxy.heal()
                time.sleep(0.2)

    return begin, end


def _nothing(_: House) -> None:
    return


def _starting(kind: str, *, is_empty: bool = False) -> tuple[Callable[[House], None], Callable[[House], None]]:
    """End a server and start it again; it is asked all the while, and it is healed when it is up."""
    starting: list[threading.Thread] = []

    def begin(house: House) -> None:
        server = house.neighbours[kind].server
        server.kill()
        if is_empty:
            server.lose_data()
        starting.append(threading.Thread(target=server.start))
        starting[-1].start()

    def end(house: House) -> None:
        starting.pop().join()
        assert house.neighbours[kind].server.is_running()

    return begin, end


def _filled(house: House) -> None:
    house.neighbours["mariadb"].server.fill()


def _emptier(house: House) -> None:
    house.neighbours["mariadb"].server.make_room()


def _held(house: House) -> None:
    house.neighbours["mariadb"].server.hold_commits()


def _let_go(house: House) -> None:
    house.neighbours["mariadb"].server.let_commit()


def _blocked(block: str) -> tuple[Callable[[House], None], Callable[[House], None]]:
    """Put a block on the index of Elasticsearch, as it does itself when its disk is nearly full."""

    def put(house: House, value: bool | None) -> None:
        server = house.neighbours["elasticsearch"].server
        server.rest("PUT", f"{server.alias}/_settings", {f"index.blocks.{block}": value})

    return (lambda house: put(house, True)), (lambda house: put(house, None))


def _lose_index(house: House) -> None:
    server = house.neighbours["elasticsearch"].server
    for name in server.rest("GET", f"_alias/{server.alias}"):
        server.rest("DELETE", name)


def _takes_indices(house: House, *, is_willing: bool) -> None:
    setting = {"cluster.blocks.read_only_allow_delete": None if is_willing else True}
    house.neighbours["elasticsearch"].server.rest("PUT", "_cluster/settings", {"persistent": setting})


def _lose_index_for_good(house: House) -> None:
    """Nor can another be made."""
    _takes_indices(house, is_willing=False)
    _lose_index(house)


def _may_build(house: House) -> None:
    _takes_indices(house, is_willing=True)


def _faults(kind: str, expected: Callable[[str], Words], health: frozenset[tuple[int, str]]) -> list[Column]:
    """Everything the proxy can do to a neighbour."""
    short = {"refuse", "hang"}
    faults: Mapping[str, tuple[Fault, float, bool]] = {
        "refuse": (Refuse(), 2.0, True),
        "hang": (Hang(), 5.0, True),
        "reset": (Reset(), 2.0, True),
        "cut after 20 bytes": (CutAfter(20), 2.0, True),
        "garbage": (Garbage("html"), 2.0, True),
        "noise": (Garbage("noise"), 5.0, True),
        "answer lost": (AnswerLost(), 5.0, True),
    }
    found = [
        Column(
            *(kind, name, *_proxied(kind, fault), expected, health, seconds, is_open, name in short),
            searched=FROM_DATABASE if kind == "elasticsearch" else None,
        )
        for name, (fault, seconds, is_open) in faults.items()
    ]
    # what trickles in is an answer where it is short: the acknowledgement of a change may come in time
    begin, end = _proxied(kind, Trickle(20))
    either, well = (lambda row: expected(row) | OK), health | HEALTHY
    trickle = Column(kind, "trickle", begin, end, either, well, 5.0, True)
    return [*found, trickle]


COLUMNS: Final[tuple[Column, ...]] = (
    *_faults("mariadb", database_away, UNHEALTHY),
    Column("mariadb", "frozen", *_frozen("mariadb"), database_away, UNHEALTHY, 5.0, True),
    Column("mariadb", "killed", *_killed("mariadb"), database_away, UNHEALTHY, 2.0, True, back_seconds=5.0),
    Column(
        *("mariadb", "restarted", *_starting("mariadb"), database_returning, UNHEALTHY | HEALTHY, 2.0, True),
        back_seconds=5.0,
    ),
    Column("mariadb", "slow by 50 ms", *_proxied("mariadb", Slow(0.05)), all_well, HEALTHY, 5.0),
    Column("mariadb", "slow by 300 ms", *_proxied("mariadb", Slow(0.3)), database_slow, HEALTHY, 5.0, True),
    Column("mariadb", "read-only", _read_only, _writable, database_unwritable, DEGRADED, 2.0, in_short=True),
    Column("mariadb", "full", _filled, _emptier, database_full, DEGRADED, 2.0),
    Column(
        *("mariadb", "full and waiting", _held, _let_go, database_full, DEGRADED, 5.0, True),
        locked=frozenset({"chat: send", "chat: edit", "chat: read mark"}),
    ),
    *_faults("redis", all_well, DEGRADED),
    Column("redis", "frozen", *_frozen("redis"), all_well, DEGRADED, 5.0),
    Column("redis", "killed", *_killed("redis"), all_well, DEGRADED, 2.0),
    Column("redis", "slow by 300 ms", *_proxied("redis", Slow(0.3)), all_well, HEALTHY | DEGRADED, 5.0),
    Column("redis", "full", _full, _roomy, all_well, DEGRADED, 2.0),
    Column("redis", "emptied", _emptied, _nothing, all_well, HEALTHY, 2.0),
    Column("redis", "restarted", _restarted, _nothing, all_well, HEALTHY | DEGRADED, 2.0),
    Column(
        *("redis", "gone with the search", *_swizzled(("redis", "elasticsearch"), 1), search_away, DEGRADED, 5.0),
        searched=FROM_DATABASE,
    ),
    *(
        Column("mariadb", f"all gone {seed}", *_swizzled(ALL, seed), database_away, UNHEALTHY, 5.0, True)
        for seed in (1, 2)
    ),
    *_faults("elasticsearch", search_away, DEGRADED),
    *(
        Column("elasticsearch", name, *how, search_away, DEGRADED, 5.0, is_ours=True, searched=FROM_DATABASE)
        for name, how in {
            "frozen": _frozen("elasticsearch"),
            "killed": _killed("elasticsearch"),
            "restarted": _starting("elasticsearch"),
            "restarted empty": _starting("elasticsearch", is_empty=True),
            "index lost for good": (_lose_index_for_good, _may_build),
        }.items()
    ),
    Column("elasticsearch", "slow by 300 ms", *_proxied("elasticsearch", Slow(0.3)), all_well, HEALTHY, 5.0),
    Column("elasticsearch", "read-only", *_blocked("read_only_allow_delete"), all_well, DEGRADED, 2.0),
    Column("elasticsearch", "not written to", *_blocked("write"), all_well, DEGRADED, 2.0),
    Column("elasticsearch", "index lost", _lose_index, _nothing, search_away, HEALTHY | DEGRADED, 2.0),
)
