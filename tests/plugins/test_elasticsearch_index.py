"""The index on Elasticsearch and its stand-in: lost, locked, of another form, built twice at once; the how-to."""

from __future__ import annotations

import re
import shlex
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import attrs
import pytest
from search_parts import an_elasticsearch, forget
from search_stand_in import stand_in
from services import address

import coachhub_elasticsearch
import coachhub_redis
import coachhub_sqlalchemy
from coachhub_cli.main import run
from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.clock import ManualClock
from coachhub_core.config import Elasticsearch, Settings
from coachhub_core.domain.coaches import ChangeCoach, FindCoaches
from coachhub_core.domain.events import CoachChanged
from coachhub_core.errors import Busy, IndexMissing, Unavailable
from coachhub_core.ports.search import CoachDocument
from coachhub_core.services.indexing import IndexKeeper
from coachhub_core.testing.search import CATALOGUE, documents, query_of
from coachhub_core.testing.story import House
from coachhub_elasticsearch import rebuilding
from coachhub_elasticsearch.client import Link
from coachhub_elasticsearch.mapping import SCHEMA
from coachhub_elasticsearch.rebuilding import Rebuild, all_indices
from coachhub_elasticsearch.search import ElasticsearchSearch

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "rebuild-the-search-index.md"


@pytest.fixture(params=["stand-in", pytest.param("elasticsearch", marks=pytest.mark.external_service)])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a stand-in, and of the real one where there is one."""
    if request.param == "elasticsearch":
        yield address("TEST_ELASTICSEARCH_URL")
    else:
        with stand_in() as url:
            yield url


def commands_of(page: Path) -> list[list[str]]:
    """The lines of the page's shell blocks."""
    blocks = re.findall(r"^```bash\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]


def run_howto(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Make an instance with two coaches, run the page's commands there, and return what they said."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COACHHUB_AUTH_BCRYPT_COST", "10")
    monkeypatch.delenv("COACHHUB_DATA", raising=False)
    with bootstrap(Settings(data=Path("coachhub-data"))) as hub:
        house = House(hub, ManualClock())
        house.a_coach(name="Ana")
        house.a_coach(name="Bea")
    commands = commands_of(HOWTO)
    assert commands == [["coachhub", "check"], ["coachhub", "search", "reindex"]]
    said = ""
    for words in reversed(commands):
        with pytest.raises(SystemExit) as ended:
            run(words[1:])
        captured = capsys.readouterr()
        assert ended.value.code == 0, (words, captured)
        said += captured.out + captured.err
    return said


def test_the_commands_of_the_howto(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They work where the words are in the database, and count in plain lines."""
    said = run_howto(tmp_path, monkeypatch, capsys)
    assert "2 coaches indexed" in said
    assert "Indexing coaches: 2 of 2" in said
    assert ", 0 problems" in said


def test_the_commands_of_the_howto_on_elasticsearch(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same, into an index behind the alias."""
    prefix = f"test-{uuid4().hex[:12]}-"
    link = Link(server)
    monkeypatch.setenv("ELASTICSEARCH_URL", server)
    monkeypatch.setenv("COACHHUB_ELASTICSEARCH_PREFIX", prefix)
    try:
        said = run_howto(tmp_path, monkeypatch, capsys)
        assert "2 coaches indexed" in said
        assert ", 0 problems" in said
        (found,) = all_indices(link, f"{prefix}coaches").values()
        assert set(found.aliases) == {f"{prefix}coaches"}
        forget(link, prefix)
        with pytest.raises(SystemExit) as ended:
            run(["check"])
        assert ended.value.code == 1
        assert "wrong: search: there is no search index yet" in capsys.readouterr().err
    finally:
        forget(link, prefix)
        link.close()


@attrs.define
class World:
    """A hub on an Elasticsearch of its own prefix, and what looks after the index."""

    hub: CoachHub
    house: House
    keeper: IndexKeeper
    link: Link
    prefix: str
    seconds: list[float]

    @property
    def index(self) -> ElasticsearchSearch:
        assert isinstance(self.hub.search, ElasticsearchSearch)
        return self.hub.search

    @property
    def alias(self) -> str:
        return f"{self.prefix}coaches"

    def do(self, question: Any) -> Any:
        return self.link.look(question, dict)

    def heal(self) -> bool:
        self.seconds[0] += 400
        return self.keeper.heal()

    def find(self, q: str) -> tuple[list[str], str | None]:
        self.do(lambda es: es.indices.refresh(index=f"{self.prefix}*"))
        self.index._good_until = 0.0  # as if some seconds had passed
        page = self.hub.coaches.find(FindCoaches(q=q))
        return [c.name for c in page.items], page.degraded


@pytest.fixture
def world(server: str) -> Iterator[World]:
    url, prefix = server, f"test-{uuid4().hex[:12]}-"
    clock = ManualClock()
    settings = Settings.in_memory(elasticsearch=Elasticsearch(url=url, prefix=prefix))
    link = Link(url)
    try:
        with bootstrap(settings, [coachhub_sqlalchemy, coachhub_redis, coachhub_elasticsearch], clock=clock) as hub:
            assert isinstance(hub.search, ElasticsearchSearch)
            hub.search._grace = 0.3
            seconds = [100.0]
            keeper = IndexKeeper(hub.coaches._context, hub.search, is_apart=True, monotonic=lambda: seconds[0])
            yield World(hub, House(hub, clock), keeper, link, prefix, seconds)
    finally:
        forget(link, prefix)
        link.close()


def test_a_lost_index_is_built_again_and_health_says_so(world: World) -> None:
    """Deleted, or its alias taken away, or never there: degraded until it is rebuilt, and no write makes it up."""
    ana = world.house.a_coach(name="Ana")
    assert world.hub.health().status == "degraded"
    assert world.heal() is True
    assert world.hub.health().status == "healthy"
    assert world.find("ana") == (["Ana"], None)
    for lose in (
        lambda es: es.indices.delete(index=next(iter(all_indices(world.link, world.alias)))),
        lambda es: es.indices.delete_alias(index=f"{world.alias}-*", name=world.alias),
    ):
        world.do(lose)
        version = world.hub.coaches.get(ana.coach_id).version
        world.hub.coaches.change(ana, ChangeCoach(expected_version=version, bio="Chess."))
        assert ana.coach_id is not None
        world.keeper.hear(CoachChanged(at=world.house.clock(), aggregate_id=ana.coach_id))
        assert world.find("chess") == (["Ana"], "search")
        assert world.hub.health().status == "degraded"
        assert not world.link.look(lambda es: es.indices.get(index=f"{world.prefix}coaches*"), dict).get(world.alias)
        assert world.heal() is True
        assert world.find("chess") == (["Ana"], None)
        assert world.hub.health().status == "healthy"
        assert world.keeper.compare().is_equal
    world.index.settle()
    assert len(all_indices(world.link, world.alias)) == 1


def test_two_sweeps_at_once_do_not_disturb_each_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the slower of two deletions Elasticsearch says 404, even when it was asked to ignore what is missing."""
    world.house.a_coach(name="Ana")
    world.heal()
    world.index.settle()
    orphan = f"{world.alias}-{SCHEMA}-7"
    world.do(lambda es: es.indices.create(index=orphan, mappings={"_meta": {"schema": SCHEMA, "beat": 1.0}}))
    listed = rebuilding.all_indices(world.link, world.alias)
    assert orphan in listed
    world.do(lambda es: es.indices.delete(index=orphan))
    monkeypatch.setattr(rebuilding, "all_indices", lambda *_: listed)
    indices = type(world.link._client.indices)
    delete = indices.delete
    monkeypatch.setattr(indices, "delete", lambda self, *, index, **_: delete(self, index=index))
    assert world.keeper.compare().is_equal


def test_a_read_only_index_is_searched_and_heals_afterwards(world: World) -> None:
    """Searches go on, health is degraded, and what changed meanwhile is written when it may be."""
    world.house.a_coach(name="Ana")
    world.heal()
    world.do(lambda es: es.indices.put_settings(index=world.alias, settings={"index.blocks.write": True}))
    world.house.a_coach(name="Bea")
    world.hub.run_due()
    assert world.find("ana") == (["Ana"], None)
    assert world.find("bea") == ([], None)
    assert world.hub.health().status == "degraded"
    assert world.heal() is False
    world.do(lambda es: es.indices.put_settings(index=world.alias, settings={"index.blocks.write": None}))
    assert world.heal() is True
    assert world.find("bea") == (["Bea"], None)
    assert world.hub.health().status == "healthy"


def test_an_index_of_another_form_is_not_searched(world: World) -> None:
    """An older one is built anew; a newer one is left to whoever made it."""
    world.house.a_coach(name="Ana")
    world.heal()
    world.index.settle()
    meta = {"schema": SCHEMA - 1, "beat": 1.0}
    world.do(lambda es: es.indices.put_mapping(index=world.alias, meta=meta))
    assert world.find("ana") == (["Ana"], "search")
    with pytest.raises(IndexMissing):
        world.keeper.compare()
    assert world.heal() is True
    assert world.find("ana") == (["Ana"], None)
    world.index.settle()
    world.do(lambda es: es.indices.put_mapping(index=world.alias, meta={**meta, "schema": SCHEMA + 1}))
    assert world.find("ana") == (["Ana"], "search")
    assert world.heal() is False
    assert [info.schema for info in all_indices(world.link, world.alias).values()] == [SCHEMA + 1]


def test_an_index_of_the_aliases_name_is_left_alone(server: str) -> None:
    """It may be somebody's; the sentence says what to do, before anything is written."""
    with an_elasticsearch(server, is_filled=False) as index:
        index._link.look(lambda es: es.indices.create(index=index._alias), dict)
        refused = "an index of that name is in its place; delete it, or set a prefix"
        with pytest.raises(Unavailable, match=refused):
            index.rebuild(never_read())
        with pytest.raises(Unavailable, match=refused):
            index.search(query_of("marathon"))
        assert all_indices(index._link, index._alias) == {}
        index._link.look(lambda es: es.indices.delete(index=index._alias), dict)
        index.rebuild(documents())
        assert index.versions() == {record.coach.id: 1 for record in CATALOGUE}


def never_read() -> Iterator[CoachDocument]:
    """Documents that a rebuild refused at its beginning does not ask for."""
    pytest.fail("the documents were asked for")
    yield


@pytest.mark.parametrize("has_built", [True, False], ids=["beside-ours", "alone"])
@pytest.mark.parametrize("called", ["people", "coaches-archive"])
def test_an_index_of_somebody_else_behind_the_alias(world: World, called: str, has_built: bool) -> None:
    """Nobody writes to it or takes its alias; health and each refusal say so, and all is well once it has gone."""
    theirs = f"{world.prefix}{called}"
    ana = world.house.a_coach(name="Ana")
    if has_built:
        world.heal()
    world.do(lambda es: es.indices.create(index=theirs))
    world.do(lambda es: es.indices.update_aliases(actions=[{"add": {"index": theirs, "alias": world.alias}}]))
    before = set(all_indices(world.link, world.alias))
    refused = f"somebody's index '{theirs}' stands behind it; take it away there, or set a prefix"
    with pytest.raises(Unavailable, match=refused):
        world.index.rebuild(never_read())
    version = world.hub.coaches.get(ana.coach_id).version
    world.hub.coaches.change(ana, ChangeCoach(expected_version=version, bio="Chess."))
    world.hub.run_due()
    assert world.heal() is False
    with pytest.raises(Unavailable, match=refused):
        world.keeper.compare()
    assert ana.coach_id is not None
    with pytest.raises(Unavailable, match=refused):
        world.index.delete([ana.coach_id])
    assert world.hub.health().status == "degraded"
    assert world.find("chess") == (["Ana"], "search")
    assert set(all_indices(world.link, world.alias)) == before
    found = world.do(lambda es: es.indices.get(index=theirs, filter_path="*.aliases,*.mappings"))
    assert found[theirs]["aliases"] == {world.alias: {}}
    assert not found[theirs]["mappings"].get("properties")  # nothing was written
    world.do(lambda es: es.indices.delete_alias(index=theirs, name=world.alias))
    assert world.heal() is True
    assert world.find("chess") == (["Ana"], None)
    assert world.hub.health().status == "healthy"
    assert theirs in world.do(lambda es: es.indices.get(index=theirs, filter_path="*.aliases"))


def test_an_index_that_is_only_called_like_ours_is_not_deleted(server: str) -> None:
    """A month of somebody's, ``coaches-2024-05``, is no index of ours that was left behind."""
    with an_elasticsearch(server) as index:
        theirs = f"{index._alias}-2024-05"
        index._link.look(lambda es: es.indices.create(index=theirs), dict)
        index.rebuild(documents())
        index.settle()
        index.versions()
        assert theirs in index._link.look(lambda es: es.indices.get(index=theirs, filter_path="*.aliases"), dict)
        assert len(all_indices(index._link, index._alias)) == 1


def test_a_second_rebuild_is_refused_and_a_dead_one_is_cleared_away(server: str) -> None:
    """By its heartbeat."""
    with an_elasticsearch(server) as index:
        with Rebuild(index._link, index._alias) as building:
            building.write(documents()[:3])
            with pytest.raises(Busy, match="a rebuild of the search index is running already"):
                index.rebuild(documents())
            assert len(all_indices(index._link, index._alias)) == 2
            stale = {"schema": SCHEMA, "beat": time.time() - 3_600}
            index._link.look(lambda es: es.indices.put_mapping(index=building._name, meta=stale), dict)
            index.rebuild(documents())
            index.settle()
            assert len(all_indices(index._link, index._alias)) == 1
            with pytest.raises(Unavailable):  # whoever was taken for dead can do no harm
                building.write(documents()[3:6])
        assert index.versions() == {record.coach.id: 1 for record in CATALOGUE}


def test_of_several_that_begin_at_once_one_builds(server: str) -> None:
    """The others are refused, and what is left is one whole index."""
    with an_elasticsearch(server, is_filled=False) as index:
        said: list[str] = []

        def build() -> None:
            try:
                index.rebuild(documents())
                said.append("built")
            except (Busy, Unavailable) as exc:
                said.append(type(exc).__name__)

        threads = [threading.Thread(target=build) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert "built" in said
        index.settle()
        assert index.versions() == {record.coach.id: 1 for record in CATALOGUE}
        assert len(all_indices(index._link, index._alias)) == 1


def test_an_unknown_member_is_refused(server: str) -> None:
    """The mapping is strict: what nobody reads is not stored."""
    with an_elasticsearch(server) as index, pytest.raises(Unavailable):
        index._link.look(lambda es: es.index(index=index._alias, document={"password_hash": "v1:none"}), dict)
