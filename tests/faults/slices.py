"""A slice of faults: an instance of its own, writers who never stop, one fault after the other, and two verdicts."""

from __future__ import annotations

import http.client
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs
from running import Person

from .breaking import KINDS, break_something, schedule
from .compare import a_hub, differences, directly
from .house import Engines, House, a_house
from .load import Tally, Writer
from .servers import until
from .talkers import Messages, Sends, check_talk
from .writers import Cohorts, Matches, Plans, Profiles, Registrations, Workouts

HEALED_SECONDS = 30.0
SETTLED_SECONDS = 60.0

Tell = Callable[[str], None]


@attrs.define
class Result:
    """What a slice found: safety and liveness are two verdicts."""

    seed: int
    first: int
    faults: Counter[str] = attrs.field(factory=Counter)
    counts: Counter[str] = attrs.field(factory=Counter)
    slowest: float = 0.0
    longest_healing: float = 0.0
    wrong: list[str] = attrs.field(factory=list)

    @property
    def is_safe(self) -> bool:
        """Nothing lost, doubled or invented, and all says the same."""
        return not any(self.counts[kind] for kind in ("lost", "doubled", "invented", "differs"))

    @property
    def is_live(self) -> bool:
        """It was well again in time after each fault, and every answer came in time."""
        return not (self.counts["not healed"] or self.counts["answers over 5 s"] or self.counts["unsettled"])


def run_slice(engines: Engines, seed: int, numbers: range, tell: Tell) -> Result:
    """Do the faults *numbers* of *seed* to an instance on *engines*; return what was found."""
    # two workers, so that one may die; the file of SQLite allows one writer, MariaDB many
    with a_house(engines, COACHHUB_HTTP_WORKERS="2") as house:
        return _under_load(house, seed, numbers, tell)


def _under_load(house: House, seed: int, numbers: range, tell: Tell) -> Result:
    tally = Tally()
    result = Result(seed, numbers.start)
    writers, talkers = _writers(house, tally)
    for writer in writers:
        writer.start()
    try:
        for number in numbers:
            kind, chance = schedule(seed, number)
            time.sleep(chance.uniform(0.1, 0.5))  # all is well for a moment
            broken = break_something(house, kind, chance)
            broken.heal()
            healed_at = time.monotonic()
            wellness = Wellness(house)
            is_well = until(wellness, HEALED_SECONDS)
            seconds = time.monotonic() - healed_at
            result.faults[kind] += 1
            result.longest_healing = max(result.longest_healing, seconds)
            if not is_well:
                tally.add("not healed")
                tally.wrong.append(f"not healed: fault {number}, {broken.what}")
            tell(f"{number:5} {kind:18} {broken.what:45.45} well after {seconds:4.1f} s {wellness.missing}")
    finally:
        for writer in writers:
            writer.stop()
        deadline = time.monotonic() + SETTLED_SECONDS
        unsettled = [writer for writer in writers if not writer.join(max(0.1, deadline - time.monotonic()))]
    for writer in unsettled:
        tally.add("unsettled")
        tally.wrong.append(f"unsettled: {writer.name}")
    _check(house, tally, writers, talkers)
    result.counts = tally.counts
    result.slowest, result.wrong = tally.slowest, [*tally.wrong, *tally.slow]
    return result


def _check(house: House, tally: Tally, writers: list[Writer], talkers: list[Messages]) -> None:
    for writer in writers:
        writer.check()
    check_talk(tally, talkers)
    with a_hub(house.server.folder, directly(house)) as hub:
        found = ["nothing could be compared"]

        def agree() -> bool:
            found[:] = ["nothing could be compared"]  # unless it can be, to the end
            found[:] = differences(hub, house)
            return not found

        until(agree, HEALED_SECONDS)
        for each in found:
            tally.complain("differs", each)


def _writers(house: House, tally: Tally) -> tuple[list[Writer], list[Messages]]:
    server = house.server
    nobody = Person(server, "", "", "")
    scribe, busy, restless, lifter = server.coach(), server.coach(), server.trainee(), server.trainee()
    talkers: list[Messages] = [
        Messages(tally, house.trainee, house.conversation_id),
        Sends(tally, house.trainee, house.conversation_id, server.chat_port),
        Sends(tally, house.coach, house.conversation_id, server.chat_port),
    ]
    writers: list[Writer] = [
        Registrations(tally, nobody),
        Profiles(tally, scribe),
        Matches(tally, restless, busy),
        Plans(tally, scribe),
        Workouts(tally, lifter),
        Cohorts(tally, house.admin, [server.trainee() for _ in range(3)]),
        *talkers,
    ]
    return writers, talkers


class Wellness:
    """Whether somebody can read and write again at both doors; and if not, what was missing last."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.missing = ""

    def __call__(self) -> bool:
        """Ask once."""
        for name, door in (("health", self._health), ("login", self._login), ("chat", self._chat)):
            try:
                is_well = door()
            except (OSError, http.client.HTTPException, ValueError):
                is_well = False
            if not is_well:
                self.missing = name
                return False
        return True

    def _health(self) -> bool:
        return self._house.server.ask("GET", "/health", timeout=3).status == 200

    def _login(self) -> bool:
        return bool(self._house.login(self._house.coach.email, timeout=6).status == 200)

    def _chat(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._house.server.chat_port, timeout=3)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        finally:
            connection.close()


def merged(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up slices, as they were written down."""
    faults: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for each in results:
        faults.update(each["faults"])
        counts.update(each["counts"])
    return {
        "faults": {kind: faults[kind] for kind in KINDS},
        "counts": dict(counts),
        "slowest": max((each["slowest"] for each in results), default=0.0),
        "longest_healing": max((each["longest_healing"] for each in results), default=0.0),
        "wrong": [line for each in results for line in each["wrong"]],
    }
