"""
Races that a real MariaDB decides against us, forced one by one under people who use REST: nobody hears of them.

A rival on a connection of its own stands in the way of each change: it takes the coach's row before we do and asks
for the trainee's, which we hold (1213); it keeps the coach's row for longer than we wait (1205); it writes what we
are about to write, after we have read (1020); it has our connection ended (2013 and what else a server says then).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

import attrs
import pytest
from falcon.testing import ASGIConductor, Result
from services import a_database, empty_database

from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.config import Database, Settings
from coachhub_http.app import create_app
from coachhub_sqlalchemy.storage import SqlStorage

from .rival import Rival, Watch

pytestmark = [pytest.mark.external_service, pytest.mark.xdist_group("contention"), pytest.mark.timeout(240)]

DEADLOCKS: Final = 30  # more by hand: --deadlocks 500
DEADLOCK, LOCK_WAIT, CHANGED = 1213, 1205, 1020
ENDED: Final = (2006, 2013, 1927)
PASSWORD: Final = "three green bicycles at dawn"


@attrs.define
class Client:
    """Somebody who uses REST, and remembers what was answered."""

    conductor: ASGIConductor
    token: str
    profile_id: UUID
    answered: Counter[int] = attrs.field(factory=Counter)

    async def post(self, path: str, body: Any = None) -> Result:
        """Send a change under a key of its own."""
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": uuid4().hex}
        answer = await self.conductor.simulate_post(path, headers=headers, json={} if body is None else body)
        self.answered[answer.status_code] += 1
        return answer


Change = Callable[[], Coroutine[Any, Any, Result]]
Hindrance = Callable[["Place", Change], Awaitable[Result]]


@attrs.define
class Place:
    """Where it happens: a coach and a trainee, their door, the rival, and what the storage was refused."""

    hub: CoachHub
    coach: Client
    trainee: Client
    rival: Rival
    watch: Watch
    matches: list[UUID] = attrs.field(factory=list)

    async def a_life(self, hinder: Hindrance) -> None:
        """Let the two ask, accept and end, each of it hindered."""
        sent = {"coach_id": str(self.coach.profile_id)}
        answer = await hinder(self, lambda: self.trainee.post("/api/matches", sent))
        assert answer.status_code == 201, answer.text
        match = answer.json["id"]
        self.matches.append(UUID(match))
        await hinder(self, lambda: self.coach.post(f"/api/matches/{match}/accept"))
        await hinder(self, lambda: self.trainee.post(f"/api/matches/{match}/end", {"reason": "other"}))

    # ── what is so afterwards ──

    def assert_nobody_heard(self) -> None:
        """No client was told, whatever happened below."""
        for client in (self.coach, self.trainee):
            assert set(client.answered) <= {200, 201}, client.answered

    def assert_each_change_was_made_once(self) -> None:
        """History, what both were told, outbox, the log for matchers and counters agree with what was answered."""
        n = len(self.matches)
        assert self._counted("action", "match_events") == {"request": n, "accept": n, "end": n} | self._of_the_rival()
        twice = "SELECT match_id, action FROM match_events WHERE action <> 'rival' GROUP BY 1, 2 HAVING COUNT(*) > 1"
        assert self.rival.say(twice) == ()
        told = self._counted("type", "notifications")
        assert {name: told[f"match_{name}"] for name in ("requested", "accepted", "ended")} == {
            "requested": n,
            "accepted": 2 * n,
            "ended": 2 * n,
        }
        sent = self._counted("type", "outbox_events")
        assert (sent["match_requested"], sent["match_accepted"], sent["match_ended"]) == (n, n, n)
        assert self._counted("event", "outcomes") == dict.fromkeys(("contacted", "accepted", "started", "cancelled"), n)
        assert self._counted("status", "matches") == {"ended": n}
        assert self._counted("state", "conversations") == {"read_only": n}
        assert self.rival.say("SELECT n_active FROM coaches") == ((0,),)
        assert self.hub.storage.check().problems == ()

    def _of_the_rival(self) -> dict[str, int]:
        n = self._counted("action", "match_events")["rival"]
        return {"rival": n} if n else {}

    def _counted(self, column: str, table: str) -> Counter[str]:
        self.rival.commit()  # what it reads is of now
        rows = self.rival.say(f"SELECT {column}, COUNT(*) FROM {table} GROUP BY 1")
        return Counter(dict(rows))


# ── what the rival does to a change ──


async def cross(place: Place, change: Change) -> Result:
    """It holds the coach, we hold the trainee; each asks for the other's."""
    place.watch.clear()
    place.rival.become_heavy()
    place.rival.hold("coaches", place.coach.profile_id)
    ours = asyncio.create_task(change())
    await asyncio.to_thread(place.watch.wait_until_a_trainee_is_held)
    await asyncio.to_thread(place.rival.hold, "trainees", place.trainee.profile_id)  # once ours has lost it
    place.rival.leave()
    return await ours


async def outwait(place: Place, change: Change) -> Result:
    """It holds the coach until we were told to wait no longer."""
    place.watch.clear()
    place.rival.hold("coaches", place.coach.profile_id)
    ours = asyncio.create_task(change())
    await asyncio.to_thread(place.watch.wait_until_refused)
    place.rival.leave()
    return await ours


async def cut(place: Place, change: Change) -> Result:
    """It has our connection ended while we wait for the coach."""
    place.watch.clear()
    place.rival.hold("coaches", place.coach.profile_id)
    ours = asyncio.create_task(change())
    await asyncio.to_thread(place.watch.wait_until_a_trainee_is_held)
    place.rival.kill(place.watch.connection_id)
    await asyncio.to_thread(place.watch.wait_until_refused)
    place.rival.leave()
    return await ours


async def write_before(place: Place, change: Change) -> Result:
    """It commits the step of the history that we have just seen to be the next one; a new match has none yet."""
    if not place.matches:
        return await change()
    n_waiting = place.rival.n_waiting()
    place.rival.say("SET foreign_key_checks=0")  # else it would hold the match as well, which we ask for earlier
    place.rival.say(
        "INSERT INTO match_events (match_id, seq, at, to_status, action)"
        " SELECT match_id, MAX(seq) + 1, MAX(at), 'requested', 'rival' FROM match_events WHERE match_id = %s",
        (place.matches[-1].bytes,),
    )
    ours = asyncio.create_task(change())
    until = time.monotonic() + 0.9
    while place.rival.n_waiting() <= n_waiting and time.monotonic() < until:
        await asyncio.sleep(0.005)  # between two questions to the server
    place.rival.commit()
    return await ours


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A migrated database."""
    with a_database() as made:
        storage = SqlStorage(made)
        storage.migrate()
        storage.close()
        yield made


@pytest.fixture
async def place(url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    """A coach and a trainee of an instance on MariaDB, and a rival at its database."""
    empty_database(url)
    with bootstrap(Settings.in_memory(database=Database(url=url))) as hub, Rival(url) as rival:
        watch = Watch(hub.storage, monkeypatch)  # type: ignore[arg-type]  # that of the database
        async with ASGIConductor(create_app(hub)) as conductor:
            people = {}
            for role in ("coach", "trainee"):
                said = {"email": f"{role}@example.org", "password": PASSWORD, "role": role, "name": role}
                answer = await conductor.simulate_post("/api/auth/register", json=said)
                token = answer.json["access_token"]
                bearer = {"Authorization": f"Bearer {token}"}
                if role == "coach":
                    answer = await conductor.simulate_post("/api/coaches", headers=bearer, json={"capacity": 3})
                else:
                    answer = await conductor.simulate_get("/api/trainees/me", headers=bearer)
                people[role] = Client(conductor, token, UUID(answer.json["id"]))
            yield Place(hub, people["coach"], people["trainee"], rival, watch)


@pytest.fixture
def n_deadlocks(request: pytest.FixtureRequest) -> int:
    """How many are forced."""
    return int(request.config.getoption("--deadlocks") or DEADLOCKS)


async def test_deadlocks_are_nobodys_business(place: Place, n_deadlocks: int) -> None:
    """Two units cross, again and again, and InnoDB ends ours: none is shown, none makes anything twice."""
    before = place.rival.n_deadlocks()
    while place.watch.refused[DEADLOCK] < n_deadlocks:
        n = place.watch.refused[DEADLOCK]
        await place.a_life(cross)
        assert place.watch.refused[DEADLOCK] > n, "the rival does not cross our way any more"
    place.assert_nobody_heard()
    place.assert_each_change_was_made_once()
    print(f"{place.watch.refused[DEADLOCK]} deadlocks under {3 * len(place.matches)} changes: 0 shown, 0 doubled")
    assert place.rival.n_deadlocks() - before >= n_deadlocks  # the server has seen them as well


@pytest.mark.parametrize(
    ("hinder", "numbers"),
    [(outwait, (LOCK_WAIT,)), (write_before, (CHANGED,)), (cut, ENDED)],
    ids=["a long wait", "a row changed", "a connection ended"],
)
async def test_nor_are_other_lost_races(place: Place, hinder: Hindrance, numbers: Sequence[int]) -> None:
    """A wait that was too long, a row changed since it was read, a connection that was ended."""
    await place.a_life(hinder)
    place.assert_nobody_heard()
    place.assert_each_change_was_made_once()
    assert sum(place.watch.refused[number] for number in numbers) >= 2, place.watch.refused
