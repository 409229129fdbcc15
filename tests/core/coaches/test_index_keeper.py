"""An index apart from the database: fed, lost, behind, away; and what searches answer meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import pytest

import coachhub_redis
import coachhub_sqlalchemy
from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.clock import ManualClock
from coachhub_core.config import Engine, Settings
from coachhub_core.domain.accounts import SYSTEM, ChangeAccount, EraseAccount, Suspend
from coachhub_core.domain.coaches import ChangeCoach, FindCoaches
from coachhub_core.domain.events import CoachChanged
from coachhub_core.errors import Unavailable
from coachhub_core.hookspecs import hookimpl
from coachhub_core.memory.search import MemorySearch
from coachhub_core.ports.offers import SearchOffer
from coachhub_core.services.indexing import IndexKeeper, document_of
from coachhub_core.testing.builders import a_coach, an_account
from coachhub_core.testing.search import documents
from coachhub_core.testing.story import PASSWORD, House


class RemoteSearch(MemorySearch):
    """An index that can be away."""

    is_away = False

    def __getattribute__(self, name: str) -> Any:
        if name in ("search", "put", "delete", "rebuild", "versions") and type(self).is_away:
            raise Unavailable(what="the search engine")
        return super().__getattribute__(name)


class Remote:
    """A plugin that offers it."""

    @hookimpl
    def coachhub_searches(self) -> dict[str, SearchOffer]:
        return {"remote": SearchOffer(make=lambda *_: RemoteSearch(), version="1")}


@attrs.define
class World:
    house: House
    keeper: IndexKeeper
    seconds: list[float]

    @property
    def hub(self) -> CoachHub:
        return self.house.hub

    def heal(self, *, after: float = 60.0) -> bool:
        """Let time pass and heal."""
        self.seconds[0] += after
        return self.keeper.heal()

    def find(self, q: str, **more: Any) -> tuple[list[str], str | None]:
        page = self.hub.coaches.find(FindCoaches(q=q, **more))
        return [c.name for c in page.items], page.degraded


@pytest.fixture
def world() -> Iterator[World]:
    RemoteSearch.is_away = False
    clock = ManualClock()
    settings = Settings.in_memory(search=Engine(engine="remote"))
    with bootstrap(settings, [coachhub_sqlalchemy, coachhub_redis, Remote()], clock=clock) as hub:
        seconds = [100.0]
        keeper = IndexKeeper(hub.coaches._context, hub.search, is_apart=True, monotonic=lambda: seconds[0])
        yield World(House(hub, clock), keeper, seconds)
    RemoteSearch.is_away = False


def test_an_index_that_was_never_built_is_built(world: World) -> None:
    """Until then the database answers, and says so."""
    world.house.a_coach(name="Ana")
    assert world.find("ana") == (["Ana"], "search")
    assert world.heal() is True
    assert world.find("ana") == (["Ana"], None)
    assert world.heal() is False
    assert world.keeper.compare().is_equal


def test_an_index_that_cannot_be_built_is_told_of_once(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not at each look; and again when one that was there is lost."""

    def refuse(*_: Any) -> None:
        raise Unavailable(what="the search engine")

    def told() -> int:
        return sum("there is no search index" in record.getMessage() for record in caplog.records)

    with monkeypatch.context() as patched:
        patched.setattr(RemoteSearch, "rebuild", refuse)
        assert [world.heal() for _ in range(3)] == [False] * 3
    assert told() == 1
    assert world.heal() is True
    world.heal()
    index = world.hub.search
    assert isinstance(index, RemoteSearch)
    index._is_built = False
    assert world.heal() is True
    assert told() == 2


def test_changes_reach_it_through_the_outbox(world: World) -> None:
    """A name, a suspension, a return: each in its newest version."""
    world.heal()
    ana = world.house.a_coach(name="Ana")
    world.hub.run_due()
    assert world.find("ana") == (["Ana"], None)
    world.hub.accounts.change(ana, ChangeAccount(expected_version=1, name="Bea"))
    assert world.find("ana")[0] == ["Bea"]  # found by the old name, shown as they are
    world.hub.run_due()
    assert (world.find("ana")[0], world.find("bea")[0]) == ([], ["Bea"])
    world.hub.admin.suspend(SYSTEM, Suspend(account_id=ana.account_id, reason="spam"))
    assert world.find("bea")[0] == []  # even before the index hears of it
    world.hub.run_due()
    assert world.hub.search.versions() == {}
    world.hub.admin.reinstate(SYSTEM, ana.account_id)
    world.hub.run_due()
    assert world.find("bea")[0] == ["Bea"]
    assert world.keeper.compare().is_equal


def test_who_is_erased_is_not_brought_back_by_what_comes_late(world: World) -> None:
    """The index keeps the version, and nothing else."""
    world.heal()
    ana = world.house.a_coach(name="Ana")
    world.hub.run_due()
    assert ana.coach_id is not None
    with world.hub.storage.begin(read_only=True) as work:
        late = document_of(work.coaches.record(ana.coach_id), world.hub.vocabulary)
    world.hub.own_data.erase(ana, EraseAccount(password=PASSWORD))
    world.hub.run_due()
    world.hub.search.put([late])
    assert world.hub.search.versions() == {}
    assert world.keeper.compare().is_equal


def test_while_it_is_away_the_database_answers_and_afterwards_it_heals(world: World) -> None:
    """Nothing waits in the outbox for it, and nothing is lost."""
    world.heal()
    ana = world.house.a_coach(name="Ana")
    world.hub.run_due()
    RemoteSearch.is_away = True
    world.house.a_coach(name="Bea")
    world.hub.coaches.change(ana, ChangeCoach(expected_version=1, bio="Chess."))
    world.hub.run_due()
    with world.hub.storage.begin(read_only=True) as work:
        assert work.outbox.backlog()[0] == 0
    assert world.find("chess") == (["Ana"], "search")
    assert world.find("bea", facets=("language",)) == (["Bea"], "search")
    assert world.heal() is False
    RemoteSearch.is_away = False
    assert world.find("bea") == ([], None)  # there again, and not yet healed
    assert world.heal() is True
    assert world.find("chess") == (["Ana"], None)
    assert world.find("bea") == (["Bea"], None)
    assert world.keeper.compare().is_equal


def test_whatever_it_lost_or_has_too_much_is_mended(world: World) -> None:
    """Lost documents, strangers, and versions the database has never had."""
    for name in ("Ana", "Bea", "Cleo"):
        world.house.a_coach(name=name)
    world.heal()
    ids = sorted(world.hub.search.versions())
    stranger = documents()[0]
    world.hub.search.delete(ids[:1])
    world.hub.search.put([stranger])
    difference = world.keeper.compare()
    assert (difference.missing, difference.extra) == ((ids[0],), (stranger.id,))
    assert str(difference) == "of 3 coaches the index lacks 1 and has 0 older, 0 newer and 1 too many"
    assert world.heal(after=400) is True
    assert world.keeper.compare().is_equal
    world.hub.search.put([attrs.evolve(stranger, id=ids[1], view_rev=99)])
    assert world.keeper.compare().newer == (ids[1],)
    assert world.heal(after=400) is True  # by building it anew: no write could replace it
    assert world.keeper.compare().is_equal


def test_an_event_is_put_once_in_the_newest_version(world: World) -> None:
    """Read anew: what the event said then does not matter."""
    world.heal()
    ana = world.house.a_coach(name="Ana")
    assert ana.coach_id is not None
    event = CoachChanged(at=world.hub.clock(), aggregate_id=ana.coach_id)
    world.hub.coaches.change(ana, ChangeCoach(expected_version=1, bio="Chess."))
    for _ in range(3):
        world.keeper.hear(event)
    assert world.find("chess") == (["Ana"], None)


def test_in_its_place_the_database_gives_a_hundred_hits(world: World) -> None:
    """By pages, which then end."""
    with world.hub.storage.begin() as work:
        for number in range(130):
            account = an_account(role="coach", name=f"Kim {number}")
            coach = a_coach(account.id)
            work.accounts.add(account)
            work.coaches.add(coach)
            work.coaches.put_terms(coach.id, {"kim": 10})
        work.commit()
    RemoteSearch.is_away = True
    first = world.hub.coaches.find(FindCoaches(q="kim", limit=60, total=True))
    assert (len(first.items), first.degraded) == (60, "search")
    second = world.hub.coaches.find(FindCoaches(q="kim", limit=60, cursor=first.next))
    assert (len(second.items), second.next) == (40, None)
    assert {c.id for c in first.items}.isdisjoint(c.id for c in second.items)
    beyond = world.hub.coaches.find(FindCoaches(q="kim", limit=60, offset=120))
    assert (beyond.items, beyond.next, beyond.degraded) == ((), None, "search")


def test_lists_without_words_do_not_notice(world: World) -> None:
    """They are the database's."""
    world.house.a_coach(name="Ana")
    RemoteSearch.is_away = True
    page = world.hub.coaches.find(FindCoaches(facets=("language",)))
    assert ([c.name for c in page.items], page.degraded) == (["Ana"], None)
