"""The port *search* on Elasticsearch: an index behind an alias, versions from outside, rebuilt while searches go on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final
from uuid import UUID

from coachhub_core.domain.coaches import Facet
from coachhub_core.errors import IndexMissing, Unavailable
from coachhub_core.ports.search import CoachDocument, SearchHits, SearchQuery, commonest
from coachhub_elasticsearch.answers import BulkAnswer, Found, Health, Indices, Versions
from coachhub_elasticsearch.client import Link
from coachhub_elasticsearch.mapping import SCHEMA, source_of
from coachhub_elasticsearch.queries import LISTED, body_of
from coachhub_elasticsearch.rebuilding import GRACE_SECONDS, Rebuild, get_indices, own_indices, refuse_foreign, sweep

log = logging.getLogger("coachhub.index")

NAME: Final = "coaches"
CHECK_SECONDS: Final = 5.0
_PAGE: Final = 1_000


class ElasticsearchSearch:
    """
    Searches the alias ``coaches``.

    Args:
        prefix: Before the alias and every index, so that installations may share a cluster.
        refresh: Whether what is written is found at once; otherwise within a second.
        grace_seconds: How long an index that was replaced stays for the searches still under way in it.
    """

    def __init__(
        self, link: Link, *, prefix: str = "", refresh: bool = False, grace_seconds: float = GRACE_SECONDS
    ) -> None:
        self._link = link
        self._alias = f"{prefix}{NAME}"
        self._refresh = refresh
        self._grace = grace_seconds
        self._lock = threading.Lock()
        self._good_until = 0.0
        self._sweepers: list[threading.Thread] = []

    # ── reading ──

    def search(self, query: SearchQuery) -> SearchHits:
        """Return who fits, best first, by the weights that the database's own search has."""
        if query.asked == ():
            empty: dict[Facet, Mapping[str, int]] = {facet: {} for facet in query.facets}
            return SearchHits(ids=(), has_more=False, total=0 if query.total else None, facets=empty)
        self._check_form()
        body = body_of(query)
        found = self._ask_index(lambda es: es.search(index=self._alias, **_renamed(body)), Found)
        ids = tuple(hit.id for hit in found.hits.hits)
        total = None
        if query.total:
            if found.hits.total is None:
                raise Unavailable(what="the search engine")
            total = found.hits.total.value
        if not all(facet in found.aggregations for facet in query.facets):
            raise Unavailable(what="the search engine")
        return SearchHits(
            ids=ids[: query.limit],
            has_more=len(ids) > query.limit,
            total=total,
            facets={facet: commonest(found.aggregations[facet].values.counts()) for facet in query.facets},
        )

    def versions(self) -> Mapping[UUID, int]:
        """Return the version of each document that can be found, as it is written by now."""
        self._check_form(afresh=True)
        sweep(self._link, self._alias)
        self._ask_index(lambda es: es.indices.refresh(index=self._alias), dict)
        found: dict[UUID, int] = {}
        after: list[str] | None = None
        while True:
            page = self._ask_index(
                lambda es, after=after: es.search(
                    index=self._alias,
                    size=_PAGE,
                    query={"bool": {"filter": [LISTED]}},
                    sort=[{"id": "asc"}],
                    docvalue_fields=["view_rev"],
                    source=False,
                    search_after=after,
                ),
                Versions,
            )
            found.update((hit.id, hit.view_rev) for hit in page.hits.hits)
            if len(page.hits.hits) < _PAGE:
                return found
            after = [str(page.hits.hits[-1].id)]

    def _ask_index(self, question: Any, shape: type[Any]) -> Any:
        try:
            answer = self._link.ask(question, shape)
        except IndexMissing:
            with self._lock:
                self._good_until = 0.0
            raise
        if getattr(answer, "is_partial", False):
            raise Unavailable(what="the search engine")
        return answer

    def _check_form(self, *, afresh: bool = False) -> None:
        """Make sure, now and then, that the alias stands for an index of this form: another may find nothing at all."""
        now = time.monotonic()
        with self._lock:
            if now < self._good_until and not afresh:
                return
        self._judge(self._link.ask(lambda es: get_indices(es, self._alias), Indices))
        with self._lock:
            self._good_until = now + CHECK_SECONDS

    def _judge(self, indices: Indices) -> None:
        refuse_foreign(indices, self._alias)
        live = [info for info in indices.values() if self._alias in info.aliases]
        if len(live) != 1 or live[0].schema < SCHEMA:
            raise IndexMissing
        if live[0].schema > SCHEMA:
            raise Unavailable(what="the search engine")  # a newer version of CoachHub has built it

    def probe(self) -> None:
        """Ask whether searches and writes will be answered; raise when they will not."""
        health = self._link.look(
            lambda es: es.cluster.health(wait_for_status="yellow", timeout="1s"),
            Health,
        )
        indices = self._link.look(lambda es: get_indices(es, self._alias), Indices)
        self._judge(indices)
        is_blocked = any(info.is_blocked for info in indices.values() if self._alias in info.aliases)
        if health.timed_out or health.status == "red" or is_blocked:
            raise Unavailable(what="the search engine")

    # ── writing ──

    def put(self, documents: Sequence[CoachDocument]) -> None:
        """
        Write documents, also into an index that is being built; a newer version that is there stays.

        Raises:
            Unavailable: Also if an index of somebody else stands behind the alias: it is not written to.
        """
        if not documents:
            return
        own_indices(self._link, self._alias)
        operations: list[Any] = []
        for document in documents:
            source = source_of(document)
            for target in (self._alias, f"{self._alias}-next"):
                operations += [{"index": _target(target, document)}, source]
        answer = self._link.ask(
            lambda es: es.bulk(operations=operations, refresh=self._refresh), BulkAnswer, seconds=10.0
        )
        for number, item in enumerate(answer.results()):
            is_next = number % 2 == 1
            if item.status < 300 or item.status == 409 or (is_next and item.status == 404):
                continue  # 409: a newer version is there; 404: nothing is being built
            if item.status == 404:
                raise IndexMissing
            raise Unavailable(what="the search engine")

    def delete(self, ids: Sequence[UUID]) -> None:
        """Forget documents, of ours alone."""
        if not ids:
            return
        own_indices(self._link, self._alias)
        targets = (self._alias, f"{self._alias}-next")
        operations = [{"delete": {"_index": target, "_id": str(id)}} for id in ids for target in targets]
        answer = self._link.ask(
            lambda es: es.bulk(operations=operations, refresh=self._refresh), BulkAnswer, seconds=10.0
        )
        if any(item.status >= 300 and item.status != 404 for item in answer.results()):
            raise Unavailable(what="the search engine")

    def rebuild(self, documents: Iterable[CoachDocument]) -> None:
        """Fill a new index, let the alias move to it, and delete the old one once no search is in it."""
        with Rebuild(self._link, self._alias) as building:
            rest = iter(documents)
            while batch := list(islice(rest, building.batch)):
                building.write(batch)
            building.take_over()
        sweeper = threading.Thread(target=self._sweep_later, name="coachhub-index-sweep", daemon=True)
        with self._lock:
            self._good_until = 0.0
            self._sweepers = [*(t for t in self._sweepers if t.is_alive()), sweeper]
        sweeper.start()

    def _sweep_later(self) -> None:
        """Delete what was replaced, once no search can be in it; who asked for the rebuild need not wait."""
        time.sleep(self._grace)
        try:
            sweep(self._link, self._alias)
        except Unavailable as exc:
            log.info("a replaced index is deleted at the next comparison: %s", exc)

    def settle(self) -> None:
        """Wait until what was replaced is deleted."""
        with self._lock:
            sweepers = list(self._sweepers)
        for sweeper in sweepers:
            sweeper.join()

    def close(self) -> None:
        """Give back every connection, when what was replaced is deleted."""
        self.settle()
        self._link.close()


def _target(index: str, document: CoachDocument) -> dict[str, Any]:
    return {
        "_index": index,
        "_id": str(document.id),
        "version": document.view_rev,
        "version_type": "external_gte",
        "require_alias": True,  # an index that was lost must not be made up by a write, without its mapping
    }


def _renamed(body: dict[str, Any]) -> dict[str, Any]:
    """Return the members as the client's arguments are called."""
    return {{"from": "from_", "_source": "source"}.get(name, name): value for name, value in body.items()}
