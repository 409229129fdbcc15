"""A replica that breaks, in the middle of what is read from it: the database answers instead, within the same time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
import sqlalchemy as sa
from falcon.testing import ASGIConductor
from services import a_database

from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.clock import ManualClock
from coachhub_core.config import Database, Settings
from coachhub_core.domain.accounts import Account, EraseAccount
from coachhub_core.domain.analytics import ReadAttention, ReadRoster
from coachhub_core.domain.matches import EndMatch
from coachhub_core.errors import NotFound
from coachhub_core.ports.storage import UnitOfWork
from coachhub_core.services.analytics import AnalyticsService
from coachhub_core.services.units import Context
from coachhub_core.testing.plan_builders import a_document
from coachhub_core.testing.story import PASSWORD, House
from coachhub_http.app import create_app
from coachhub_sqlalchemy.storage import SqlStorage

from .proxy import AnswerLost, CutAfter, Fault, Garbage, Hang, Proxy, Refuse, Slow, Trickle

pytestmark = [pytest.mark.external_service, pytest.mark.xdist_group("replica"), pytest.mark.timeout(240)]

ANSWERED: Final = 5.0  # seconds: what any request has
READS: Final = ("/api/coaches/me/roster", "/api/coaches/me/attention")


@pytest.fixture(scope="module")
def url() -> Iterator[sa.URL]:
    """A database in which a coach has two trainees."""
    with a_database() as made:
        clock = ManualClock()
        with House(bootstrap(Settings.in_memory(database=Database(url=made)), clock=clock), clock) as house:
            coach, _ = house.a_pair()
            house.matched(house.a_trainee(), coach)
        yield sa.make_url(made)


@attrs.define
class Reader:
    """A coach at the REST door of an instance whose replica is that same server by another way, which can break."""

    hub: CoachHub
    proxy: Proxy
    conductor: ASGIConductor
    token: str

    async def ask(self, path: str) -> tuple[int, float, Any]:
        """Ask once; return the status, how long it took, and what was said."""
        began = time.monotonic()
        answer = await self.conductor.simulate_get(path, headers={"Authorization": f"Bearer {self.token}"})
        return answer.status_code, time.monotonic() - began, answer.json

    async def ask_at_once(self, n: int) -> list[tuple[int, float, Any]]:
        """Ask *n* times for each."""
        return list(await asyncio.gather(*(self.ask(path) for path in READS * n)))


@asynccontextmanager
async def reading(url: sa.URL) -> AsyncIterator[Reader]:
    with Proxy((str(url.host), int(url.port or 3306))) as proxy:
        database = Database(url=url.render_as_string(hide_password=False), read_host=f"127.0.0.1:{proxy.port}")
        with bootstrap(Settings.in_memory(database=database), clock=ManualClock()) as hub:
            async with ASGIConductor(create_app(hub)) as conductor:
                said = {"email": "p1@example.org", "password": PASSWORD}
                answer = await conductor.simulate_post("/api/auth/login", json=said)
                yield Reader(hub, proxy, conductor, answer.json["access_token"])


@pytest.mark.parametrize(
    "fault",
    [
        Hang(),
        Refuse(),
        AnswerLost(),
        CutAfter(400),
        Garbage("noise"),
        Trickle(20),
        Slow(0.3),
    ],
    ids=str,
)
async def test_nobody_is_refused_for_it(url: sa.URL, fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
    """Those in the middle of it are answered by the database within their time, those who come later at once."""
    caplog.set_level(logging.WARNING, "coachhub.breaker")
    async with reading(url) as reader:
        before = reader.proxy.n_round_trips
        right = [body for *_, body in await reader.ask_at_once(1)]
        assert len(right[0]["items"]) == 2
        assert reader.proxy.n_round_trips > before, "nobody asks the replica"

        reader.proxy.fault = fault
        first = await reader.ask_at_once(2)
        assert [status for status, *_ in first] == [200] * len(first)
        assert max(seconds for _, seconds, _ in first) < ANSWERED
        assert [body["items"] for *_, body in first] == [body["items"] for body in right] * 2
        if fault == Slow(0.3) and not caplog.text:
            return  # few enough round trips to be taken from it all the same
        assert "the replica of the database does not answer" in caplog.text

        slowest = []
        for _ in range(3):  # a machine that does other things may keep some waiting, but not each time
            later = await reader.ask_at_once(2)
            assert [status for status, *_ in later] == [200] * len(later)
            slowest.append(max(seconds for _, seconds, _ in later))
        assert min(slowest) < min(seconds for _, seconds, _ in first) + 1.0


@pytest.mark.parametrize("has_tables", [False, True], ids=["no tables yet", "no row yet"])
def test_what_a_replica_does_not_know_yet_is_read_in_the_database(url: sa.URL, has_tables: bool) -> None:
    """Its schema is behind, as in a migration; or its rows are, as a moment after somebody registered."""
    main = url.render_as_string(hide_password=False)
    with bootstrap(Settings.in_memory(database=Database(url=main)), clock=ManualClock()) as hub, a_database() as other:
        storage = SqlStorage(main, replica_url=main if has_tables else other)
        try:
            context = attrs.evolve(_context(hub), storage=storage)
            with context.read() as work:
                account = work.accounts.find_by_email_key("p1@example.org")
            assert account is not None
            lagged = []

            def read(work: UnitOfWork) -> Account:
                lagged.append(work.lags)
                if has_tables and work.lags:
                    raise NotFound(kind="account", id=account.id)
                return work.accounts.get(account.id)

            assert context.read_lagging(read) == account
            assert lagged == [True, False]
        finally:
            storage.close()


def test_what_was_taken_back_is_not_read_from_a_replica_that_stands_still(tmp_path: Path) -> None:
    """It still has the match that ended and the plan that the coach may see no more; the database itself is asked."""
    with a_database() as main, a_database() as still:
        clock = ManualClock()
        with House(bootstrap(Settings.in_memory(database=Database(url=main)), clock=clock), clock) as house:
            hub, coach, trainee, former = house.hub, house.a_coach(), house.a_trainee(), house.a_trainee()
            ended = house.matched(former, coach)
            house.matched(trainee, coach)
            house.assigned(coach, trainee, house.a_published_plan(coach, a_document()))
            replica = SqlStorage(still)
            replica.migrate()
            manifest = hub.storage.dump(tmp_path / "then")
            replica.load(tmp_path / "then", manifest)
            replica.close()
            storage = SqlStorage(main, replica_url=still)
            try:
                analytics = AnalyticsService(attrs.evolve(_context(hub), storage=storage))
                before = {row.trainee_id: row for row in analytics.roster(coach, ReadRoster()).items}
                assert before.keys() == {trainee.trainee_id, former.trainee_id}
                assert before[trainee.trainee_id].assignment is not None
                hub.matches.end(former, EndMatch(match_id=ended.id))
                plan = next(g for g in hub.trainees.grants(trainee).items if g.scope == "plan" and g.revoked_at is None)
                hub.trainees.revoke(trainee, plan.id)
                (row,) = analytics.roster(coach, ReadRoster()).items
                assert (row.trainee_id, row.assignment, row.next_due_on) == (trainee.trainee_id, None, None)
                named = {item.trainee_id for item in analytics.attention(coach, ReadAttention()).items}
                assert former.trainee_id not in named
                hub.own_data.erase(trainee, EraseAccount(password=PASSWORD, end_matches=True))
                assert analytics.roster(coach, ReadRoster()).items == ()
            finally:
                storage.close()


def _context(hub: CoachHub) -> Context:
    found: Context = hub.analytics._context
    return found
