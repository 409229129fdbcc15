"""Changes nobody waits for go out together on MariaDB, and nobody can tell but by the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import attrs
import pymysql
import pytest
import sqlalchemy as sa
from services import a_database

from coachhub_core import deadline
from coachhub_core.bootstrap import bootstrap
from coachhub_core.clock import ManualClock
from coachhub_core.config import Database, Settings
from coachhub_core.domain.accounts import Account, EraseAccount
from coachhub_core.domain.assignments import AssignPlan
from coachhub_core.domain.cohorts import ApplyCohortRun, CreateCohortRun
from coachhub_core.domain.matches import (
    AcceptMatch,
    DeclineMatch,
    EndMatch,
    ListMatches,
    PauseMatch,
    RequestMatch,
    ResumeMatch,
)
from coachhub_core.domain.notifications import ListNotifications, Notification
from coachhub_core.domain.reviews import WriteReview
from coachhub_core.domain.suggestions import SuggestCoaches, WhatIfProfile
from coachhub_core.domain.trainees import ChangeTrainee
from coachhub_core.errors import Unavailable
from coachhub_core.identifiers import new_id
from coachhub_core.ports.storage import Duplicate
from coachhub_core.testing.builders import an_account
from coachhub_core.testing.plan_builders import a_document
from coachhub_core.testing.story import PASSWORD, House
from coachhub_sqlalchemy import unit_of_work
from coachhub_sqlalchemy.later import send_kept
from coachhub_sqlalchemy.storage import SqlStorage

pytestmark = pytest.mark.external_service

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
MOST_ROUND_TRIPS = 14  # at 300 ms each, and one for the session, an answer within 5 s


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that was sent to the server, packet by packet."""
    sent: list[str] = []
    send = pymysql.connections.Connection._execute_command

    def watched(self: Any, command: int, sql: Any) -> Any:
        sent.append(sql if isinstance(sql, str) else bytes(sql).decode(errors="replace"))
        return send(self, command, sql)

    monkeypatch.setattr(pymysql.connections.Connection, "_execute_command", watched)
    return sent


@pytest.fixture
def url() -> Iterator[str]:
    with a_database() as found:
        yield found


@pytest.fixture
def storage(url: str) -> Iterator[SqlStorage]:
    made = SqlStorage(url)
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def account(storage: SqlStorage) -> Account:
    made = an_account()
    with storage.begin() as work:
        work.accounts.add(made)
        work.commit()
    return made


def a_notice(account: UUID, key: str = "k", **payload: Any) -> Notification:
    return Notification(
        id=new_id(),
        account_id=account,
        type="match_requested",
        payload=payload,
        dedupe_key=key,
        created_at=NOW,
    )


def test_what_is_kept_is_seen_by_who_asks_in_the_same_unit(
    storage: SqlStorage, account: Account, trips: list[str]
) -> None:
    with storage.begin() as work:
        work.notifications.add(a_notice(account.id))
        assert not any("notifications" in sent for sent in trips), "it was to wait"
        assert work.notifications.n_unread(account.id) == 1


def test_all_of_it_is_one_packet_in_its_order(storage: SqlStorage, account: Account, trips: list[str]) -> None:
    with storage.begin() as work:
        for key in ("a", "b", "a"):  # the third is the first again
            work.notifications.add(a_notice(account.id, key))
        work.commit()
    assert len(trips) == 2, trips  # all of it, COMMIT
    with storage.begin(read_only=True) as work:
        assert work.notifications.n_unread(account.id) == 2


def test_texts_arrive_as_they_are(storage: SqlStorage, account: Account) -> None:
    said = '100 % \\ "it\'s"; DROP TABLE users; -- %s %(x)s 🏃\x00\n'
    with storage.begin() as work:
        work.notifications.add(a_notice(account.id, "one", said=said))
        work.notifications.add(a_notice(account.id, "two", said=said))
        work.commit()
    with storage.begin(read_only=True) as work:
        page = work.notifications.page(account_id=account.id, unread=None, keyset=None, limit=5)
    assert [notice.payload["said"] for notice in page.items] == [said, said]


def test_where_one_of_them_fails_nothing_stays(storage: SqlStorage, account: Account) -> None:
    twin = a_notice(account.id, "first")

    def tell_three() -> None:
        with storage.begin() as work:
            work.notifications.add(twin)
            work.notifications.add(attrs.evolve(twin, dedupe_key="second"))  # the same id: the second of the packet
            work.notifications.add(a_notice(account.id, "third"))
            work.commit()

    with pytest.raises(Duplicate):
        tell_three()
    with storage.begin() as work:  # the connection is good, and keeps nothing of the unit that failed
        assert work.notifications.n_unread(account.id) == 0
        work.commit()


def test_what_was_not_committed_is_forgotten(storage: SqlStorage, account: Account) -> None:
    with storage.begin() as work:
        work.notifications.add(a_notice(account.id))
    with storage.begin() as work:
        work.commit()
    with storage.begin(read_only=True) as work:
        assert work.notifications.n_unread(account.id) == 0


def test_no_commit_begins_after_the_deadline(
    storage: SqlStorage, account: Account, trips: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where sending what was kept took the time that was left."""

    def slowly(connection: Any) -> None:
        send_kept(connection)
        while deadline.left(1) > 0:
            time.sleep(0.05)  # as a wire far away does

    monkeypatch.setattr(unit_of_work, "send_kept", slowly)

    def tell() -> None:
        with deadline.within(0.5), storage.begin() as work:
            work.notifications.add(a_notice(account.id))
            work.commit()

    with pytest.raises(Unavailable):
        tell()
    assert "COMMIT" not in trips
    with storage.begin(read_only=True) as work:
        assert work.notifications.n_unread(account.id) == 0


def test_a_row_may_refer_to_one_that_is_kept(url: str, storage: SqlStorage) -> None:
    """Messages of a conversation whose row has not gone out yet: it goes before them."""
    with a_house(url) as house:
        coach, trainee = house.a_coach(), house.a_trainee()
        match = house.matched(trainee, coach)
        house.hub.matches.end(trainee, EndMatch(match_id=match.id))
        conversation = house.hub.matches.get(trainee, match.id).conversation_id
    engine = sa.create_engine(url.replace("mysql://", "mysql+pymysql://"))
    with engine.connect() as connection:
        state = connection.execute(sa.text("SELECT state FROM conversations")).scalar_one()
    engine.dispose()
    assert conversation is not None
    assert state == "read_only"


def a_house(url: str) -> House:
    clock = ManualClock()
    settings = Settings.in_memory(database=Database(url=url))
    settings = attrs.evolve(settings, auth=attrs.evolve(settings.auth, bcrypt_cost=10))
    return House(bootstrap(settings, clock=clock), clock)


def test_a_match_costs_few_round_trips(url: str, storage: SqlStorage, trips: list[str]) -> None:
    """So that a database 300 ms away is slow, and not too slow: reliability.md, section 5."""
    with a_house(url) as house:
        first, second, trainee = house.a_coach(), house.a_coach(), house.a_trainee()
        matches, suggestions = house.hub.matches, house.hub.suggestions
        found: dict[str, int] = {}

        def counted(name: str, ask: Any) -> Any:
            trips.clear()
            answer = ask()
            found[name] = len(trips)
            return answer

        goal = SuggestCoaches(profile=WhatIfProfile(goal="a first marathon"))
        counted("suggestions", lambda: suggestions.suggest(trainee, goal))
        assert first.coach_id is not None
        assert second.coach_id is not None
        wanted, other = (RequestMatch(coach_id=coach) for coach in (first.coach_id, second.coach_id))
        asked = counted("request", lambda: matches.request(trainee, wanted))
        also = matches.request(trainee, other)
        counted("decline", lambda: matches.decline(second, DeclineMatch(match_id=also.id, reason="other")))
        counted("accept", lambda: matches.accept(first, AcceptMatch(match_id=asked.id)))
        counted("end", lambda: matches.end(trainee, EndMatch(match_id=asked.id)))
    assert all(0 < n <= MOST_ROUND_TRIPS for n in found.values()), found


def test_a_plan_at_work_costs_few_round_trips(url: str, storage: SqlStorage, trips: list[str]) -> None:
    """It is put on a calendar, pauses and goes on with the match, and at the end there is a review."""
    with a_house(url) as house:
        coach, trainee = house.a_coach(), house.a_trainee()
        match, plan = house.matched(trainee, coach), house.a_published_plan(coach, a_document())
        matches, found = house.hub.matches, dict[str, int]()
        assert trainee.trainee_id is not None
        on_monday = AssignPlan(plan_id=plan.id, trainee_id=trainee.trainee_id, start_date=NOW.date())

        def counted(name: str, ask: Any) -> None:
            trips.clear()
            ask()
            found[name] = len(trips)

        counted("assign", lambda: house.hub.assignments.assign(coach, on_monday))
        counted("pause", lambda: matches.pause(trainee, PauseMatch(match_id=match.id)))
        counted("resume", lambda: matches.resume(trainee, ResumeMatch(match_id=match.id)))
        matches.end(trainee, EndMatch(match_id=match.id))
        counted("review", lambda: house.hub.reviews.write(trainee, WriteReview(match_id=match.id, rating=5)))
    assert all(0 < n < MOST_ROUND_TRIPS for n in found.values()), found  # a key costs one more


def test_an_erasure_and_a_cohort_run_cost_few_round_trips(url: str, storage: SqlStorage, trips: list[str]) -> None:
    """An erasure changes a dozen and a half tables: all of that is one packet."""
    with a_house(url) as house:
        hub = house.hub
        admin = hub.act_as(hub.accounts.create_admin(email="root@example.org", password=PASSWORD, name="Root").id)
        house.a_coach()
        trainee = house.a_trainee()
        hub.trainees.change(trainee, ChangeTrainee(goal="a first marathon"))
        found: dict[str, int] = {}

        def counted(name: str, ask: Any) -> Any:
            trips.clear()
            answer = ask()
            found[name] = len(trips)
            return answer

        run = counted("cohort run", lambda: hub.cohorts.create(admin, CreateCohortRun()))
        assert hub.cohort_work.work_one() is True
        counted("apply", lambda: hub.cohorts.apply(admin, ApplyCohortRun(run_id=run.id)))
        hub.cohorts.stop(admin, run.id)
        counted("erasure", lambda: hub.own_data.erase(trainee, EraseAccount(password=PASSWORD)))
        assert hub.storage.check().problems == ()
    assert all(0 < n <= MOST_ROUND_TRIPS for n in found.values()), found


def test_a_coach_leaves_eighteen_as_fast_as_two(url: str, storage: SqlStorage, trips: list[str]) -> None:
    """Requests are declined and matches ended together, so that far away an erasure is slow, and not refused."""
    with a_house(url) as house:
        found, told = [], []
        for n in (1, 9):
            coach = house.a_coach()
            assert coach.coach_id is not None
            asking, active = ([house.a_trainee() for _ in range(n)] for _ in range(2))
            for trainee in active:
                house.matched(trainee, coach)
            asked = RequestMatch(coach_id=coach.coach_id)
            requests = [(trainee, house.hub.matches.request(trainee, asked).id) for trainee in asking]
            running = [(trainee, house.hub.matches.list(trainee, ListMatches()).items[0].id) for trainee in active]
            trips.clear()
            house.hub.own_data.erase(coach, EraseAccount(password=PASSWORD, end_matches=True))
            found.append(len(trips))
            for pairs, status, step in ((requests, "declined", "decline"), (running, "ended", "end")):
                for trainee, match in pairs:
                    shown = house.hub.matches.get(trainee, match)
                    assert (shown.status, shown.version) == (status, 2 if status == "declined" else 3)
                    assert [event.action for event in house.hub.matches.events(trainee, match).items][-1] == step
                    notices = house.hub.notifications.list(trainee, ListNotifications()).items
                    told.append([notice.type for notice in notices].count(f"match_{status}"))
        assert told == [1] * 20
        with storage.begin(read_only=True) as work:
            assert work.outbox.backlog()[0] > 0
        assert house.hub.storage.check().problems == ()
    assert found[0] == found[1] <= MOST_ROUND_TRIPS, found
