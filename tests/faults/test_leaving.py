"""
Somebody leaves, is suspended or stops accepting while a request is made: none stays open with one who is gone.

On MariaDB each of the two is let in where the other has read and not yet written; SQLite has one writer. Then all of
it at once, on both.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import attrs
import pytest
from services import a_database, empty_database

from coachhub_core.bootstrap import bootstrap
from coachhub_core.clock import ManualClock
from coachhub_core.config import Database, Settings
from coachhub_core.domain.accounts import Actor, EraseAccount, Suspend
from coachhub_core.domain.coaches import ChangeCoach
from coachhub_core.domain.matches import ListMatches, Match, MatchView, RequestMatch, WithdrawMatch
from coachhub_core.errors import CoachHubError, Unauthorized, Unavailable
from coachhub_core.testing.story import PASSWORD, House
from coachhub_sqlalchemy.repositories.coaches import SqlCoaches
from coachhub_sqlalchemy.repositories.matches import SqlMatches
from coachhub_sqlalchemy.repositories.trainees import SqlTrainees
from coachhub_sqlalchemy.storage import SqlStorage

from .rival import Rival

pytestmark = [pytest.mark.xdist_group("leaving"), pytest.mark.timeout(120)]

_PATIENCE: Final = 10.0  # seconds for a thread to end, or to be seen waiting
_TIMES: Final = 3  # how often everybody leaves in the storm


@attrs.define
class Place:
    """A coach, a trainee, an admin, and on MariaDB a connection that looks on."""

    house: House
    coach: Actor
    trainee: Actor
    admin: Actor
    rival: Rival | None = None

    def ask(self) -> MatchView:
        """Ask the coach for a seat."""
        assert self.coach.coach_id is not None
        return self.house.hub.matches.request(self.trainee, RequestMatch(coach_id=self.coach.coach_id))

    def erase(self) -> None:
        """The coach erases the account."""
        self.house.hub.own_data.erase(self.coach, EraseAccount(password=PASSWORD, end_matches=True))

    def suspend(self) -> None:
        """An admin suspends the coach."""
        self.house.hub.admin.suspend(self.admin, Suspend(account_id=self.coach.account_id, reason="a complaint"))

    def stop(self, *, is_accepting: bool = False) -> None:
        """The coach accepts nobody any more, or again."""
        coaches = self.house.hub.coaches
        assert self.coach.coach_id is not None
        version = coaches.get(self.coach.coach_id).version
        coaches.change(
            self.coach, ChangeCoach(coach_id=self.coach.coach_id, expected_version=version, is_accepting=is_accepting)
        )

    def erase_trainee(self) -> None:
        """The trainee erases the account."""
        self.house.hub.own_data.erase(self.trainee, EraseAccount(password=PASSWORD, end_matches=True))

    def suspend_trainee(self) -> None:
        """An admin suspends the trainee."""
        self.house.hub.admin.suspend(self.admin, Suspend(account_id=self.trainee.account_id, reason="a complaint"))

    def open_requests(self, *, of_coach: bool = True, of_trainee: bool = True) -> list[Match]:
        """What is open with the coach, or of the trainee."""
        assert self.coach.coach_id is not None
        assert self.trainee.trainee_id is not None
        with self.house.hub.storage.begin(read_only=True) as work:
            return [
                *(work.matches.open_of_coach(self.coach.coach_id) if of_coach else ()),
                *(work.matches.open_of_trainee(self.trainee.trainee_id) if of_trainee else ()),
            ]

    def n_deadlocks(self) -> int:
        """How many there were on the server so far."""
        assert self.rival is not None
        return self.rival.n_deadlocks()

    def assert_declined(self) -> None:
        """The trainee's request, the only one there is, was made and declined, once."""
        found = self.house.hub.matches.list(self.trainee, ListMatches()).items
        assert [match.status for match in found] == ["declined"]
        assert [event.action for event in self.house.hub.matches.events(self.trainee, found[0].id).items] == [
            "request",
            "decline",
        ]
        assert self.house.hub.storage.check().problems == ()


@attrs.define
class Other:
    """What somebody else does meanwhile, once, in a thread of its own."""

    does: Callable[[], Any]
    rival: Rival | None = None
    failed: list[BaseException] = attrs.field(factory=list)
    thread: threading.Thread | None = None

    def start(self) -> None:
        """Let it come as far as it can: to its end, or to a row that is held."""
        if self.thread is not None:
            return
        n_waiting = self.rival.n_waiting() if self.rival is not None else 0
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        if self.rival is None:  # there is one writer, and this thread is it
            return
        until = time.monotonic() + _PATIENCE
        while self.thread.is_alive() and self.rival.n_waiting() <= n_waiting and time.monotonic() < until:
            self.thread.join(0.01)

    def end(self) -> None:
        """Wait for it."""
        assert self.thread is not None, "nobody came by"
        self.thread.join(_PATIENCE)
        assert not self.thread.is_alive()
        assert self.failed == []

    def _run(self) -> None:
        try:
            self.does()
        except BaseException as exc:  # shown by the thread that waits
            self.failed.append(exc)


def surely(leave: Callable[[], Any]) -> None:
    """Again where a machine with much else to do lets five seconds pass."""
    for _ in range(10):
        with suppress(Unavailable):
            leave()
            return
    leave()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A migrated database on MariaDB."""
    with a_database() as made:
        storage = SqlStorage(made)
        storage.migrate()
        storage.close()
        yield made


@contextmanager
def a_place(database: Database | None, rival: Rival | None) -> Iterator[Place]:
    """Three people of an instance."""
    clock = ManualClock()
    settings = Settings.in_memory() if database is None else Settings.in_memory(database=database)
    settings = attrs.evolve(settings, auth=attrs.evolve(settings.auth, bcrypt_cost=10))
    with House(bootstrap(settings, clock=clock), clock) as house:
        hub = house.hub
        admin = hub.act_as(hub.accounts.create_admin(email="root@example.org", password=PASSWORD, name="Root").id)
        yield Place(house, house.a_coach(), house.a_trainee(), admin, rival)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """On MariaDB, or on SQLite where a test asks for it."""
    if getattr(request, "param", "mariadb") == "sqlite":
        with a_place(None, None) as made:
            yield made
        return
    url: str = request.getfixturevalue("url")
    empty_database(url)
    with Rival(url) as rival, a_place(Database(url=url), rival) as made:
        yield made


on_both = pytest.mark.parametrize(
    "place",
    [pytest.param("mariadb", marks=pytest.mark.external_service), pytest.param("sqlite", marks=pytest.mark.embedded)],
    indirect=True,
)
ways = partial(pytest.mark.parametrize, ids=lambda way: way.__name__)


@pytest.mark.external_service
@ways("leave", [Place.erase, Place.suspend, Place.stop])
def test_who_asks_after_the_matches_were_read_is_declined(
    place: Place, leave: Callable[[Place], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request is made between the reading of the coach's matches and the commit."""
    asking, read = Other(place.ask, place.rival), SqlMatches.contexts_of_coach
    before = place.n_deadlocks()

    def then_somebody_asks(self: SqlMatches, coach_id: UUID, **named: Any) -> Any:
        found = read(self, coach_id, **named)
        asking.start()
        return found

    monkeypatch.setattr(SqlMatches, "contexts_of_coach", then_somebody_asks)
    leave(place)
    asking.end()
    place.assert_declined()
    assert place.n_deadlocks() == before


@on_both
@ways("leave", [Place.erase, Place.suspend, Place.stop])
def test_who_has_read_the_coach_is_waited_for_and_declined(
    place: Place, leave: Callable[[Place], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The coach goes between the reading of the coach and the writing of the request."""
    going, read = Other(lambda: leave(place), place.rival), SqlCoaches.lock_with_account
    before = place.n_deadlocks() if place.rival is not None else 0

    def then_the_coach_goes(self: SqlCoaches, *given: Any, **named: Any) -> Any:
        found = read(self, *given, **named)
        if threading.current_thread() is threading.main_thread():
            going.start()
        return found

    monkeypatch.setattr(SqlCoaches, "lock_with_account", then_the_coach_goes)
    place.ask()
    going.end()
    place.assert_declined()
    if place.rival is not None:
        assert place.n_deadlocks() == before


@on_both
@ways("leave", [Place.erase_trainee, Place.suspend_trainee])
def test_a_trainee_who_went_before_it_was_written_asks_nobody(
    place: Place, leave: Callable[[Place], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let in while the account was good, and held when it is not: on MariaDB alone somebody can come between."""
    going, lock = Other(lambda: leave(place), place.rival), SqlTrainees.lock

    def first_the_trainee_goes(self: SqlTrainees, id: UUID) -> Any:
        if threading.current_thread() is threading.main_thread():
            going.start()
        return lock(self, id)

    monkeypatch.setattr(SqlTrainees, "lock", first_the_trainee_goes)
    with pytest.raises(Unauthorized) if place.rival is not None else nullcontext():
        place.ask()
    going.end()
    assert place.open_requests() == []


@pytest.mark.external_service
@ways("leave", [Place.erase_trainee, Place.suspend_trainee])
def test_a_trainee_who_goes_while_it_is_written_takes_it_back(
    place: Place, leave: Callable[[Place], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is to go waits for the request, and meets it."""
    going, records = Other(lambda: leave(place), place.rival), SqlTrainees.records
    before = place.n_deadlocks()

    def then_the_trainee_goes(self: SqlTrainees, ids: Any) -> Any:
        if threading.current_thread() is threading.main_thread():
            going.start()
        return records(self, ids)

    monkeypatch.setattr(SqlTrainees, "records", then_the_trainee_goes)
    place.ask()
    going.end()
    assert place.open_requests() == []
    assert place.n_deadlocks() == before


@pytest.mark.external_service
def test_an_erasure_waits_for_no_request_of_somebody_else_and_forgets_its_answer(place: Place) -> None:
    """A coach is erased while a stranger's answer, which names the coach, is not yet committed."""
    hub, coach, other = place.house.hub, place.coach, place.house.a_trainee()
    assert coach.coach_id is not None
    key = {"account_id": other.account_id, "key": "k"}
    claim = {**key, "operation": "suggest", "request_hash": b"1" * 32}
    now = hub.clock()
    with hub.storage.begin() as work:
        work.idempotency.claim(**claim, now=now, expires_at=now + timedelta(days=1))
        work.idempotency.answer(**key, view=f'{{"coach_id":"{coach.coach_id}"}}'.encode())
        place.erase()
        work.commit()
    hub.run_due()
    with hub.storage.begin() as work:
        assert work.idempotency.claim(**claim, now=now, expires_at=now + timedelta(days=1)) is None


@on_both
def test_in_a_storm_nothing_stays_open_with_who_is_gone(place: Place) -> None:
    """Three ask and take it back, while the coach and one of them leave again and again, the last time for good."""
    hub, coach = place.house.hub, place.coach
    over, n_asked = threading.Event(), Counter[str]()

    def ask_and_take_back(trainee: Actor) -> None:
        assert coach.coach_id is not None
        while not over.is_set():
            try:
                asked = hub.matches.request(trainee, RequestMatch(coach_id=coach.coach_id))
                n_asked["asked"] += 1
                hub.matches.withdraw(trainee, WithdrawMatch(match_id=asked.id))
            except CoachHubError as exc:
                n_asked[type(exc).__name__] += 1

    trainees = [place.trainee, *(place.house.a_trainee() for _ in range(2))]
    others = [Other(partial(ask_and_take_back, who)) for who in trainees]
    for other in others:
        other.start()
    try:
        for _ in range(_TIMES):
            surely(place.stop)
            assert place.open_requests(of_trainee=False) == []
            surely(partial(place.stop, is_accepting=True))
            surely(place.suspend)
            assert place.open_requests(of_trainee=False) == []
            surely(partial(hub.admin.reinstate, place.admin, coach.account_id))
            surely(place.suspend_trainee)
            assert place.open_requests(of_coach=False) == []
            surely(partial(hub.admin.reinstate, place.admin, place.trainee.account_id))
        surely(place.erase_trainee)
        assert place.open_requests(of_coach=False) == []
        surely(place.erase)
    finally:
        over.set()
        for other in others:
            other.end()
    assert place.open_requests() == []
    assert hub.storage.check().problems == ()
    assert n_asked["asked"] > 0, n_asked
    print(dict(n_asked))
