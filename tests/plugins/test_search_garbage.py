"""What searches answer when what should be Elasticsearch is away, or answers what is no answer."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from search_garbage_server import ANSWERS, MODES, garbage
from search_parts import fill

import coachhub_elasticsearch
import coachhub_sqlalchemy
from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.config import Database, Elasticsearch, Settings
from coachhub_core.domain.coaches import CoachPage, FindCoaches
from coachhub_core.errors import SettingsError, Unavailable
from coachhub_core.ports.search import SearchQuery
from coachhub_core.testing.search import documents
from coachhub_elasticsearch.client import Link
from coachhub_elasticsearch.mapping import MAPPING, SCHEMA, SETTINGS
from coachhub_elasticsearch.search import ElasticsearchSearch
from coachhub_sqlalchemy.search import DatabaseSearch
from coachhub_sqlalchemy.storage import SqlStorage

ASKED = FindCoaches(q="marathon", total=True, facets=("language",))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with the catalogue and its words, and no index beside it."""
    url = f"sqlite:///{tmp_path_factory.mktemp('search')}/coachhub.db"
    storage = SqlStorage(url)
    fill(storage)
    DatabaseSearch(storage).rebuild(documents())
    storage.close()
    return url


def open_hub(database: str, url: str) -> CoachHub:
    """A hub that takes what is at *url* for Elasticsearch."""
    settings = Settings.in_memory(database=Database(url=database), elasticsearch=Elasticsearch(url=url))
    return bootstrap(settings, [coachhub_sqlalchemy, coachhub_elasticsearch])


@pytest.fixture(scope="module")
def right(database: str) -> CoachPage:
    """What the database says when it is asked itself."""
    with bootstrap(Settings.in_memory(database=Database(url=database)), [coachhub_sqlalchemy]) as hub:
        return hub.coaches.find(ASKED)


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.parametrize("mode", MODES)
def test_what_is_no_answer_is_no_answer(database: str, right: CoachPage, mode: str) -> None:
    """The page is the database's, whole and in order, and says so; nothing that came is read into it."""
    with garbage(mode) as url, open_hub(database, url) as hub:
        started = time.monotonic()
        page = hub.coaches.find(ASKED)
        first = time.monotonic() - started
        assert page.degraded == "search"
        assert (page.items, page.total, page.facets) == (right.items, right.total, right.facets)
        assert first < 4.5  # a request has five seconds
        with pytest.raises(Unavailable):
            hub.search.put(documents()[:1])
        hub.index.heal()  # does not raise
        if mode not in ANSWERS:  # those answer wrongly only when they are searched
            assert hub.health().status == "degraded"


def test_a_hang_is_waited_for_once(database: str, right: CoachPage) -> None:
    """Then the breaker is open, and the database answers at once."""
    with garbage("hangs") as url, open_hub(database, url) as hub:
        assert hub.coaches.find(ASKED).items == right.items
        started = time.monotonic()
        for _ in range(3):
            assert hub.coaches.find(ASKED).degraded == "search"
        assert time.monotonic() - started < 1.5  # less than one more wait


def test_where_nobody_listens_the_database_answers_at_once(database: str, right: CoachPage, nowhere: str) -> None:
    """And health is degraded, not unhealthy."""
    with open_hub(database, nowhere) as hub:
        page = hub.coaches.find(ASKED)
        assert (page.items, page.degraded) == (right.items, "search")
        assert hub.health().status == "degraded"
        assert hub.health().services["elasticsearch"] == "down"


def test_an_address_without_a_scheme_stops_the_start(database: str) -> None:
    """Or none at all: by the name of the setting."""
    with pytest.raises(SettingsError, match="ELASTICSEARCH_URL must have a scheme, a host, and with http a port"):
        Settings.load(None, {"ELASTICSEARCH_URL": "localhost"})
    with pytest.raises(SettingsError, match="ELASTICSEARCH_URL must have a scheme, a host, and with http a port"):
        open_hub(database, ",")


def test_without_a_stand_in_it_is_said(nowhere: str) -> None:
    """The engine alone raises, and never answers with nothing."""
    index = ElasticsearchSearch(Link(nowhere))
    for call in (
        lambda: index.search(SearchQuery(words=("marathon",))),
        index.versions,
        lambda: index.delete([documents()[0].id]),
        lambda: index.rebuild(documents()),
        index.probe,
    ):
        with pytest.raises(Unavailable):
            call()
    index.close()


def test_the_form_and_its_number_change_together() -> None:
    """Whoever changes the form must count SCHEMA up, or an old index would be searched as if it were new."""
    seen: dict[str, Any] = {"mapping": MAPPING, "settings": SETTINGS}
    digest = hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:16]
    assert (SCHEMA, digest) == (1, "e45943844d219db7")
