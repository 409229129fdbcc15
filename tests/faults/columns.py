"""The columns of the degradation table: how each state is brought about, and what each row then answers."""

from __future__ import annotations

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

ALWAYS: Final = ("GET /health/live", "GET /health/ready", "chat: typing")
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
    "write: profile",
    "write: plan",
    "write: workout",
    "export",
    "erasure",
    "cohort run: ask",
    "backup",
    "chat: send",
    "chat: read mark",
)


def database_away(row: str) -> Words:
    """Nothing is known, so nothing is said, but for public copies."""
    if row in ALWAYS:
        return OK
    if row in COPIES or row == "coach: one":
        return COPY
    return REFUSED


def database_unwritable(row: str) -> Words:
    """What reads goes on."""
    return REFUSED if row in WRITES else OK


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


def _nothing(_: House) -> None:
    return


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
        "trickle": (Trickle(20), 5.0, True),
    }
    # what trickles in is an answer where it is short
    either = {"trickle": health | HEALTHY}
    return [
        Column(kind, name, *_proxied(kind, fault), expected, either.get(name, health), seconds, is_open, name in short)
        for name, (fault, seconds, is_open) in faults.items()
    ]


COLUMNS: Final[tuple[Column, ...]] = (
    *_faults("mariadb", database_away, UNHEALTHY),
    Column("mariadb", "frozen", *_frozen("mariadb"), database_away, UNHEALTHY, 5.0, True),
    Column("mariadb", "killed", *_killed("mariadb"), database_away, UNHEALTHY, 2.0, True),
    Column("mariadb", "slow by 50 ms", *_proxied("mariadb", Slow(0.05)), all_well, HEALTHY, 5.0),
    Column("mariadb", "slow by 300 ms", *_proxied("mariadb", Slow(0.3)), database_slow, HEALTHY, 5.0, True),
    Column("mariadb", "read-only", _read_only, _writable, database_unwritable, DEGRADED, 2.0, in_short=True),
    *_faults("redis", all_well, DEGRADED),
    Column("redis", "frozen", *_frozen("redis"), all_well, DEGRADED, 5.0),
    Column("redis", "killed", *_killed("redis"), all_well, DEGRADED, 2.0),
    Column("redis", "slow by 300 ms", *_proxied("redis", Slow(0.3)), all_well, HEALTHY | DEGRADED, 5.0),
    Column("redis", "full", _full, _roomy, all_well, DEGRADED, 2.0),
    Column("redis", "emptied", _emptied, _nothing, all_well, HEALTHY, 2.0),
    Column("redis", "restarted", _restarted, _nothing, all_well, HEALTHY | DEGRADED, 2.0),
    *_faults("elasticsearch", search_away, DEGRADED),
    Column("elasticsearch", "frozen", *_frozen("elasticsearch"), search_away, DEGRADED, 5.0),
)
