"""The search kit, on every engine: memory, SQLite and a stand-in always, MariaDB and Elasticsearch where they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from search_parts import an_elasticsearch, filled
from search_stand_in import stand_in
from services import a_database, address

from coachhub_core.memory.search import MemorySearch
from coachhub_core.testing.search import EXPECTATIONS, OPTIONS, SearchIndexContract, combinations, documents
from coachhub_elasticsearch.search import ElasticsearchSearch
from coachhub_sqlalchemy.search import DatabaseSearch


def test_the_kit_asks_enough() -> None:
    """At least sixty queries, each once, and every filter in every combination."""
    assert len({e.query for e in EXPECTATIONS}) == len(EXPECTATIONS) >= 60
    assert all(e.first or e.never or e.only is not None for e in EXPECTATIONS)
    assert len(list(combinations())) == 2 ** len(OPTIONS) == 1_024


def in_memory() -> MemorySearch:
    """An index of this process with the catalogue."""
    made = MemorySearch()
    made.rebuild(documents())
    return made


@pytest.fixture(scope="module")
def kept_sqlite() -> Iterator[DatabaseSearch]:
    """A database that is only read."""
    with filled("sqlite://") as index:
        yield index


@pytest.fixture(scope="module")
def kept_mariadb() -> Iterator[DatabaseSearch]:
    """A database that is only read."""
    with a_database() as url, filled(url) as index:
        yield index


@pytest.fixture(scope="module")
def stand_in_url() -> Iterator[str]:
    """A stand-in for Elasticsearch."""
    with stand_in() as url:
        yield url


@pytest.fixture(scope="module")
def kept_stand_in(stand_in_url: str) -> Iterator[ElasticsearchSearch]:
    """An index that is only read."""
    with an_elasticsearch(stand_in_url) as index:
        yield index


@pytest.fixture(scope="module")
def kept_elasticsearch() -> Iterator[ElasticsearchSearch]:
    """An index that is only read."""
    with an_elasticsearch(address("TEST_ELASTICSEARCH_URL")) as index:
        yield index


@pytest.mark.xdist_group("search-memory")
class TestMemorySearch(SearchIndexContract):
    @pytest.fixture
    def index(self) -> MemorySearch:  # type: ignore[override]  # the kit's fixture, supplied
        return in_memory()

    @pytest.fixture
    def fresh(self) -> MemorySearch:  # type: ignore[override]  # the kit's fixture, supplied
        return in_memory()


@pytest.mark.xdist_group("search-sqlite")
class TestSqliteSearch(SearchIndexContract):
    has_versions = False

    @pytest.fixture
    def index(self, kept_sqlite: DatabaseSearch) -> DatabaseSearch:  # type: ignore[override]  # supplied
        return kept_sqlite

    @pytest.fixture
    def fresh(self) -> Iterator[DatabaseSearch]:  # type: ignore[override]  # supplied and closed
        with filled("sqlite://") as index:
            yield index


@pytest.mark.external_service
@pytest.mark.xdist_group("search-mariadb")
class TestMariaDBSearch(SearchIndexContract):
    has_versions = False

    @pytest.fixture
    def index(self, kept_mariadb: DatabaseSearch) -> DatabaseSearch:  # type: ignore[override]  # supplied
        return kept_mariadb

    @pytest.fixture
    def fresh(self) -> Iterator[DatabaseSearch]:  # type: ignore[override]  # supplied and closed
        with a_database() as url, filled(url) as index:
            yield index


@pytest.mark.xdist_group("search-stand-in")
class TestStandIn(SearchIndexContract):
    """The plugin's requests, read by a server of our own where there is no Elasticsearch."""

    @pytest.fixture
    def index(self, kept_stand_in: ElasticsearchSearch) -> ElasticsearchSearch:  # type: ignore[override]  # supplied
        return kept_stand_in

    @pytest.fixture
    def fresh(self, stand_in_url: str) -> Iterator[ElasticsearchSearch]:  # type: ignore[override]  # supplied
        with an_elasticsearch(stand_in_url) as index:
            yield index


@pytest.mark.external_service
@pytest.mark.xdist_group("search-elasticsearch")
class TestElasticsearch(SearchIndexContract):
    @pytest.fixture
    def index(self, kept_elasticsearch: ElasticsearchSearch) -> ElasticsearchSearch:  # type: ignore[override]
        return kept_elasticsearch

    @pytest.fixture
    def fresh(self) -> Iterator[ElasticsearchSearch]:  # type: ignore[override]  # supplied and closed
        with an_elasticsearch(address("TEST_ELASTICSEARCH_URL")) as index:
            yield index
