"""The outbox: one bad event or listener holds nobody else, is tried again with pauses, and is seen in the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import attrs
import pytest
import sqlalchemy as sa

import coachhub_redis
import coachhub_sqlalchemy
from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.clock import ManualClock
from coachhub_core.config import Settings
from coachhub_core.domain.events import AccountRegistered, Event
from coachhub_core.hookspecs import hookimpl
from coachhub_core.ports.listeners import Listener, Tell
from coachhub_core.ports.storage import StoredEvent
from coachhub_core.services.telling import LEASE, MAX_ATTEMPTS, REST_SECONDS, Telling, backoff
from coachhub_core.services.units import Context
from coachhub_sqlalchemy.storage import SqlStorage
from coachhub_sqlalchemy.tables.notifications import outbox_events


class Plugin:
    """Hears of registrations, and fails while it is told to."""

    def __init__(self, name: str, *, fails: bool = False) -> None:
        self.__name__ = name
        self.heard: list[UUID] = []
        self.ids: list[UUID] = []
        self.fails = fails

    @hookimpl
    def coachhub_account_registered(self, event: AccountRegistered, event_id: UUID) -> None:
        self.heard.append(event.aggregate_id)
        self.ids.append(event_id)
        if self.fails:
            raise ConnectionError("the far side is away")


@attrs.define
class World:
    """A hub with its own time, and what its outbox holds."""

    hub: CoachHub
    clock: ManualClock
    seconds: list[float] = attrs.field(factory=lambda: [0.0])

    def happened(self, n: int = 1) -> list[UUID]:
        """Write *n* events and return what they are about."""
        ids = [self.hub.new_id() for _ in range(n)]
        with self.hub.storage.begin() as work:
            for id in ids:
                work.outbox.add(AccountRegistered(at=self.clock(), aggregate_id=id, role="coach"))
            work.commit()
        return ids

    def damage(self, about: UUID, **values: Any) -> None:
        """Change what is stored of an event."""
        storage: Any = self.hub.storage
        assert isinstance(storage, SqlStorage)
        payload = values.pop("payload", None)
        with storage.engine.begin() as connection:
            found = outbox_events.c.aggregate_id == about
            if values:
                connection.execute(sa.update(outbox_events).where(found).values(**values))
            if payload is not None:
                raw = sa.type_coerce(sa.literal(payload, sa.LargeBinary), sa.LargeBinary)
                connection.execute(sa.update(outbox_events).where(found).values(payload=raw))

    def a_day_of_tries(self) -> None:
        for _ in range(2 * MAX_ATTEMPTS):
            self.hub.run_due()
            self.clock.advance(hours=7)

    def telling(self, *tells: Tell) -> Telling:
        """One worker of its own, telling these."""
        hub = self.hub
        context = Context(
            storage=hub.storage, clock=hub.clock, new_id=hub.new_id, settings=hub.settings, vocabulary=hub.vocabulary
        )
        listeners = tuple(Listener(name=f"listener {n}", tell=tell) for n, tell in enumerate(tells))
        return Telling(context, lambda _: listeners, monotonic=lambda: self.seconds[0])

    def passes(self, seconds: float) -> None:
        """Let time pass on every clock."""
        self.clock.advance(seconds)
        self.seconds[0] += seconds

    def backlog(self) -> tuple[int, int]:
        """How many wait and how many are dead."""
        found = self.hub.due.backlog()
        return found.n_waiting, found.n_dead


def a_world(*plugins: object) -> World:
    clock = ManualClock()
    every = [coachhub_redis, coachhub_sqlalchemy, *plugins]
    return World(bootstrap(Settings.in_memory(), plugins=every, clock=clock), clock)


@pytest.fixture
def world() -> Iterator[World]:
    made = a_world()
    with made.hub:
        yield made


UNREADABLE = {
    "a member of the next version": {"payload": b'{"added":1,"aggregate_id":"x","at":"y","role":"coach"}'},
    "no object": {"payload": b"[1, 2]"},
    "no JSON": {"payload": b"\xff\x00 torn"},
    "nothing": {"payload": b""},
    "an unknown type": {"type": "of_the_next_version"},
}


@pytest.mark.parametrize("damage", UNREADABLE.values(), ids=UNREADABLE)
def test_an_event_that_cannot_be_read_holds_no_other(damage: dict[str, Any]) -> None:
    """The others are heard in the same round; it waits, is given up, is seen, and is told once it can be read."""
    plugin = Plugin("hearing")
    world = a_world(plugin)
    with world.hub:
        ids = world.happened(5)
        original = {"type": "account_registered", "payload": _payload(world, ids[0])}
        world.damage(ids[0], **damage)
        assert world.hub.run_due().done["events"] == 5
        assert plugin.heard == ids[1:]
        assert world.backlog() == (1, 0)
        world.a_day_of_tries()
        assert world.backlog() == (0, 1)
        (letter,) = world.hub.due.dead()
        assert (letter.aggregate_id, letter.n_attempts) == (ids[0], MAX_ATTEMPTS)
        assert letter.error
        world.damage(ids[0], **original)  # as a newer version reads it
        assert world.hub.due.replay([letter.id]) == 1
        world.hub.run_due()
        assert plugin.heard == [*ids[1:], ids[0]]
        assert world.backlog() == (0, 0)


def _payload(world: World, about: UUID) -> bytes:
    storage: Any = world.hub.storage
    raw = sa.type_coerce(outbox_events.c.payload, sa.LargeBinary)
    with storage.engine.connect() as connection:
        return bytes(connection.execute(sa.select(raw).where(outbox_events.c.aggregate_id == about)).scalar_one())


def test_an_event_of_the_next_version_waits_for_it(world: World) -> None:
    """In a rolling upgrade an old worker meets it first: the new one tells it."""
    (id,) = world.happened()
    world.damage(id, type="of_the_next_version")
    heard: list[Event] = []
    worker = world.telling(lambda event, _: heard.append(event))
    worker.tell(10)
    assert (heard, world.backlog()) == ([], (1, 0))
    world.damage(id, type="account_registered")
    world.passes(5)
    worker.tell(10)
    assert ([event.aggregate_id for event in heard], world.backlog()) == ([id], (0, 0))


def test_a_failing_listener_hears_again_and_alone(caplog: pytest.LogCaptureFixture) -> None:
    """Twelve times, with the same id each time; the others hear once. A replay goes to who has not heard."""
    failing, hearing = Plugin("webhook", fails=True), Plugin("mail")
    world = a_world(failing, hearing)
    with world.hub:
        (id,) = world.happened()
        assert world.hub.run_due().done["events"] == 1
        assert (failing.heard, hearing.heard) == ([id], [id])
        assert "webhook failed to hear of account_registered" in caplog.text
        world.hub.run_due()
        assert len(failing.heard) == 1  # not before its pause is over
        world.a_day_of_tries()
        assert (len(failing.heard), len(hearing.heard)) == (MAX_ATTEMPTS, 1)
        assert world.backlog() == (0, 1)
        (letter,) = world.hub.due.dead()
        assert letter.error == "webhook: ConnectionError('the far side is away')"
        assert {*failing.ids, *hearing.ids} == {letter.id}
        failing.fails = False
        assert world.hub.due.replay() == 1
        world.hub.run_due()
        assert (len(failing.heard), len(hearing.heard)) == (MAX_ATTEMPTS + 1, 1)
        assert world.backlog() == (0, 0)


def test_a_listener_that_is_taken_away_is_not_waited_for(world: World) -> None:
    """Its plugin was removed between two tries: nobody is left to hear, and the event is done."""
    world.happened()

    def fail(event: Event, event_id: UUID) -> None:
        raise ValueError("broken")

    world.telling(fail).tell(10)
    assert world.backlog() == (1, 0)
    world.passes(5)
    world.telling().tell(10)
    assert world.backlog() == (0, 0)


def test_the_pauses_grow_to_about_a_day() -> None:
    """Four seconds at most at first; the eleven of them between twelve tries make 15 to 30 hours."""
    assert all(timedelta(seconds=2) <= backoff(1) <= timedelta(seconds=4) for _ in range(20))
    whole = sum((backoff(n) for n in range(1, MAX_ATTEMPTS)), timedelta())
    assert timedelta(hours=15) <= whole <= timedelta(hours=30.1)
    assert backoff(10_000) <= timedelta(hours=6)


def test_a_lease_that_lapsed_goes_to_another_worker(world: World) -> None:
    """Whoever died with events in hand loses them to the next."""
    (id,) = world.happened()
    with world.hub.storage.begin() as work:
        work.outbox.lease(owner="dead", now=world.clock(), until=world.clock() + LEASE, limit=10)
        work.commit()
    heard: list[UUID] = []
    worker = world.telling(lambda event, _: heard.append(event.aggregate_id))
    assert worker.tell(10) == 0
    world.passes(30)
    assert worker.tell(10) == 1
    assert heard == [id]


def test_beside_a_slow_listener_every_event_is_told_once_and_settled(world: World) -> None:
    """Forty seconds of telling, one second each, two workers: no lease lapses on the way, and nothing is told twice."""
    ids = world.happened(40)
    heard: list[UUID] = []
    first: Telling
    second: Telling

    def slow(event: Event, event_id: UUID) -> None:
        heard.append(event.aggregate_id)
        world.passes(1)

    first, second = world.telling(slow), world.telling(slow)
    for _ in range(20):
        before = world.seconds[0]
        first.tell(200)
        assert world.seconds[0] - before <= 13  # then whoever runs it has other things to do
        second.tell(200)
    assert sorted(heard) == sorted(ids)
    assert world.backlog() == (0, 0)


def test_while_one_worker_is_slow_others_take_what_it_does_not_tell(world: World) -> None:
    """After three seconds the rest of its hundred is free again, with no try counted."""
    world.happened(10)
    taken: list[Sequence[StoredEvent]] = []

    def slow(event: Event, event_id: UUID) -> None:
        world.passes(1)
        if not taken and world.seconds[0] == 4:  # told three, settled, and holds one of the next
            with world.hub.storage.begin() as work:
                taken.append(work.outbox.lease(owner="b", now=world.clock(), until=world.clock() + LEASE, limit=100))
                work.commit()

    world.telling(slow).tell(200)
    assert [event.n_attempts for event in taken[0]] == [1] * 6


def test_what_was_told_after_its_lease_is_told_all_the_same(world: World) -> None:
    """A listener of forty seconds: another worker begins as well, and that is the end of it."""
    world.happened()
    heard: list[int] = []

    def very_slow(event: Event, event_id: UUID) -> None:
        heard.append(1)
        world.passes(40)
        if len(heard) == 1:
            with world.hub.storage.begin() as work:  # another worker took it over, and is at it still
                work.outbox.lease(owner="b", now=world.clock(), until=world.clock() + LEASE, limit=10)
                work.commit()

    worker = world.telling(very_slow)
    worker.tell(10)
    assert world.backlog() == (0, 0)
    world.passes(60)
    worker.tell(10)
    assert heard == [1]


def test_quick_listeners_cost_two_commits_a_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One takes a hundred, one settles them: nothing is written for each."""
    world.happened(100)
    writes: list[int] = []
    begin = world.hub.storage.begin

    def counted(*, read_only: bool = False) -> Any:
        writes.append(1)
        return begin(read_only=read_only)

    monkeypatch.setattr(world.hub.storage, "begin", counted)
    assert world.telling(lambda *_: None).tell(100) == 100
    assert len(writes) == 2


def test_a_listener_that_takes_long_to_fail_holds_no_other(world: World) -> None:
    """After one wait in vain it is let rest; what it would hear waits for it, and is told when it is back."""
    ids = world.happened(20)
    heard: list[UUID] = []
    asked: list[float] = []
    is_away = True

    def hangs(event: Event, event_id: UUID) -> None:
        asked.append(world.seconds[0])
        if is_away:
            world.passes(5)
            raise TimeoutError("no answer")

    worker = world.telling(hangs, lambda event, _: heard.append(event.aggregate_id))
    for _ in range(5):
        worker.tell(100)
    assert sorted(heard) == sorted(ids)
    assert (len(asked), world.seconds[0]) == (1, 5.0)
    world.passes(REST_SECONDS)
    worker.tell(100)
    assert len(asked) == 2  # one tries, and the others go on waiting
    is_away = False
    for _ in range(20):
        world.passes(REST_SECONDS)
        worker.tell(100)
    assert world.backlog() == (0, 0)
    assert len(heard) == len(ids)


def test_no_event_is_given_up_untried(world: World) -> None:
    """Whatever rests, the last try is one."""
    world.happened()
    asked: list[int] = []

    def hangs(event: Event, event_id: UUID) -> None:
        asked.append(1)
        world.passes(2)
        raise TimeoutError("no answer")

    worker = world.telling(hangs)
    world.happened(3)
    for _ in range(3):
        worker.tell(100)
        world.clock.advance(hours=7)  # to the next try; the worker's own time stands still, so that all meet the rest
    assert len(asked) == 1
    storage: Any = world.hub.storage
    with storage.engine.connect() as connection:
        n_attempts = connection.execute(sa.select(outbox_events.c.n_attempts)).scalars().all()
    assert sorted(n_attempts) == [0, 0, 0, 1]  # to be passed over is no try
    while world.backlog()[0]:
        worker.tell(100)
        world.clock.advance(hours=7)
    assert world.backlog() == (0, 4)
    assert len(asked) == 1 + 4


def test_who_hangs_for_long_hears_soon_after(world: World) -> None:
    """Twenty minutes of it, then every event within a tenth of that and the rest of the one that tried."""
    ids = world.happened(30)
    heard: list[UUID] = []
    is_away = True

    def hangs(event: Event, event_id: UUID) -> None:
        if is_away:
            world.passes(5)
            raise TimeoutError("no answer")
        heard.append(event.aggregate_id)

    worker = world.telling(hangs)
    while world.seconds[0] < 20 * 60:
        worker.tell(100)
        world.passes(1)
    is_away = False
    healed_at = world.seconds[0]
    while world.backlog()[0] and world.seconds[0] < healed_at + 3_600:
        worker.tell(100)
        world.passes(1)
    print(f"{world.seconds[0] - healed_at:.0f} seconds after it was back")
    assert sorted(heard) == sorted(ids)
    assert world.seconds[0] - healed_at < 300
