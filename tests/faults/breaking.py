"""What is broken, drawn from a seed: two hundred of each kind in a thousand."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs

from .house import House
from .proxy import AnswerLost, CutAfter, Fault, Garbage, Hang, Refuse, Reset, Slow, Trickle
from .servers import Elsewhere

KINDS: Final = ("worker kill", "database kill", "database hang", "answer lost", "neighbours broken")


@attrs.frozen
class Broken:
    """One fault: its kind, in words, and how it is healed."""

    kind: str
    what: str
    heal: Callable[[], None]


def schedule(seed: int, number: int) -> tuple[str, random.Random]:
    """Return the kind of fault *number* of *seed*, and the chance for all else: the same whenever it is asked."""
    block, place = divmod(number, len(KINDS))
    order = list(KINDS)
    random.Random(f"{seed}/{block}").shuffle(order)
    return order[place], random.Random(f"{seed}/{number}/detail")


def children(pid: int) -> list[int]:
    """Every process below *pid*."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                found += [int(entry.name), *children(int(entry.name))]
    return found


def _nothing() -> None:
    return


def break_something(house: House, kind: str, chance: random.Random) -> Broken:
    """Break it; what has to be waited for meanwhile was waited for."""
    if kind == "worker kill":
        return _kill_worker(house, chance)
    if "mariadb" not in house.neighbours:
        return _break_file(house, kind, chance)
    if kind == "database kill":
        return _kill_database(house, chance)
    if kind == "database hang":
        return _hang_database(house, chance)
    if kind == "answer lost":
        return _lose_answers(house, chance)
    return _break_neighbour(house, chance)


def _kill_worker(house: House, chance: random.Random) -> Broken:
    time.sleep(chance.uniform(0.0, 0.3))  # in the middle of something
    below = sorted(children(house.server.process.pid))
    victim = chance.choice(below)
    name = Path(f"/proc/{victim}/cmdline").read_bytes().split(b"\0")
    os.kill(victim, signal.SIGKILL)
    return Broken("worker kill", b" ".join(name[1:3]).decode(errors="replace") + f" {victim}", _nothing)


def _kill_database(house: House, chance: random.Random) -> Broken:
    server = house.neighbours["mariadb"].server
    server.kill()
    time.sleep(chance.uniform(0.0, 1.0))
    return Broken("database kill", "mariadbd", server.start)


def _hang_database(house: House, chance: random.Random) -> Broken:
    neighbour = house.neighbours["mariadb"]
    seconds = chance.choice((0.5, 1.5, 3.0, 6.0))
    if chance.random() < 0.5:
        neighbour.server.freeze()
        time.sleep(seconds)
        return Broken("database hang", f"SIGSTOP for {seconds} s", neighbour.server.thaw)
    neighbour.proxy.fault = Hang()
    time.sleep(seconds)
    return Broken("database hang", f"no byte passes for {seconds} s", neighbour.proxy.heal)


def _lose_answers(house: House, chance: random.Random) -> Broken:
    proxy = house.neighbours["mariadb"].proxy
    fault: Fault = chance.choice((AnswerLost(), AnswerLost(), CutAfter(chance.randrange(1, 400)), Reset(), Trickle(30)))
    proxy.fault = fault
    time.sleep(chance.uniform(0.1, 1.0))
    return Broken("answer lost", str(fault), proxy.heal)


def _break_neighbour(house: House, chance: random.Random) -> Broken:
    name = chance.choice(sorted(set(house.neighbours) - {"mariadb"}))
    neighbour = house.neighbours[name]
    how = chance.choice(("kill", "freeze", "empty", "proxy", "proxy", "proxy"))
    if isinstance(neighbour.server, Elsewhere):
        how = "proxy"
    if how == "kill":
        neighbour.server.kill()
        time.sleep(chance.uniform(0.2, 1.0))
        return Broken("neighbours broken", f"{name} killed", neighbour.server.start)
    if how == "freeze":
        neighbour.server.freeze()
        time.sleep(chance.uniform(0.5, 2.0))
        return Broken("neighbours broken", f"{name} frozen", neighbour.server.thaw)
    if how == "empty" and name == "redis":
        neighbour.server.redis("FLUSHALL")
        return Broken("neighbours broken", "redis emptied", _nothing)
    fault: Fault = chance.choice(
        (Refuse(), Hang(), Slow(0.3), Reset(), Garbage("html"), Garbage("noise"), AnswerLost())
    )
    neighbour.proxy.fault = fault
    time.sleep(chance.uniform(0.3, 1.5))
    return Broken("neighbours broken", f"{name}: {fault}", neighbour.proxy.heal)


def _break_file(house: House, kind: str, chance: random.Random) -> Broken:
    """On SQLite: the file is taken away, held, full; a neighbour there is none."""
    file = house.server.folder / "coachhub.db"
    if kind == "database kill":
        away = file.with_suffix(".away")
        file.rename(away)
        time.sleep(chance.uniform(0.2, 1.0))
        return Broken(kind, "the file is taken away", lambda: (away.rename(file), None)[1])
    if kind == "database hang":
        other = _holding(file)
        seconds = chance.choice((0.5, 1.5, 3.0, 6.0))
        time.sleep(seconds)
        return Broken(kind, f"the file is held for {seconds} s", other.close)
    if kind == "answer lost":
        return _kill_worker(house, chance)  # what loses answers where nothing stands between
    from room import no_room

    full = no_room(house.server.process.pid)
    full.__enter__()
    time.sleep(chance.uniform(0.2, 1.0))
    return Broken(kind, "no room to write", lambda: full.__exit__(None, None, None) and None)


def _holding(file: Path) -> sqlite3.Connection:
    """Hold the file against all others: got by asking often, since SQLite's own wait sleeps through every gap."""
    other = sqlite3.connect(file, isolation_level=None, timeout=0, check_same_thread=False)
    deadline = time.monotonic() + 60
    while True:
        try:
            other.execute("BEGIN IMMEDIATE")
            return other
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.001)
