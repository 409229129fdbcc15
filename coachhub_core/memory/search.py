"""The search of this process: every document is looked at, so that what it answers is plain to see."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from coachhub_core.domain.coaches import Facet
from coachhub_core.domain.vocabulary import fold
from coachhub_core.errors import IndexMissing
from coachhub_core.ports.search import (
    RATING_STEPS,
    CoachDocument,
    SearchHits,
    SearchQuery,
    commonest,
    price_band,
    share_of,
)
from coachhub_core.ports.storage.coaches import CoachFilter

_FAR: Final = 10**9
_NO_PRICE: Final = Decimal("99999999.99")


class MemorySearch:
    """An index in a dictionary: for who embeds CoachHub in one process, and the reference of the port."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._documents: dict[UUID, CoachDocument] = {}
        self._weights: dict[UUID, Mapping[str, int]] = {}
        self._is_built = False

    def search(self, query: SearchQuery) -> SearchHits:
        """Return who fits, by looking at everybody."""
        self._check()
        with self._lock:
            listed = [(document, self._weights[id]) for id, document in self._documents.items() if document.is_listed]
        asked = query.asked
        scored = [(document, _score(weights, asked, query.synonyms)) for document, weights in listed]
        found = [(document, score) for document, score in scored if asked is None or score]
        fits = sorted(
            ((d, score) for d, score in found if _passes(d, query.where)), key=lambda item: _order(item, query)
        )
        page = fits[query.offset : query.offset + query.limit]
        return SearchHits(
            ids=tuple(document.id for document, _ in page),
            has_more=len(fits) > query.offset + query.limit,
            total=len(fits) if query.total else None,
            facets={facet: _counted([d for d, _ in found], facet, query.where) for facet in query.facets},
        )

    def put(self, documents: Sequence[CoachDocument]) -> None:
        """Keep each document, unless a newer one is there."""
        with self._lock:
            for document in documents:
                known = self._documents.get(document.id)
                if known is None or known.view_rev <= document.view_rev:
                    self._documents[document.id] = document
                    self._weights[document.id] = document.weights()

    def delete(self, ids: Sequence[UUID]) -> None:
        """Forget documents."""
        with self._lock:
            for id in ids:
                self._documents.pop(id, None)

    def rebuild(self, documents: Iterable[CoachDocument]) -> None:
        """Replace everything at once; what was put meanwhile and is newer stays."""
        with self._lock:
            before = dict(self._documents)
        fresh = {document.id: document for document in documents}
        weights: dict[UUID, Mapping[str, int]] = {id: document.weights() for id, document in fresh.items()}
        with self._lock:
            for id, document in self._documents.items():
                known = fresh.get(id)
                is_newer = known is None or known.view_rev <= document.view_rev
                if is_newer and before.get(id) is not document:  # put while the new ones were made
                    fresh[id], weights[id] = document, self._weights[id]
            self._documents, self._weights = fresh, weights
            self._is_built = True

    def _check(self) -> None:
        if not self._is_built:
            raise IndexMissing

    def versions(self) -> Mapping[UUID, int]:
        """Return the version of each listed document."""
        self._check()
        with self._lock:
            return {id: document.view_rev for id, document in self._documents.items() if document.is_listed}


def _score(weights: Mapping[str, int], asked: Sequence[str] | None, synonyms: Mapping[str, tuple[str, ...]]) -> int:
    """Add up the best each word was found with; 0 when one was not found."""
    total = 0
    for word in asked or ():
        best = max(
            (weight * share_of(word, known, synonyms.get(word, ())) for known, weight in weights.items()), default=0
        )
        if not best:
            return 0
        total += best
    return total


def _passes(d: CoachDocument, where: CoachFilter) -> bool:
    is_free = d.is_accepting and d.seats_left > 0
    floor = where.rating_floor
    return all(
        (
            where.tag is None or where.tag in d.specialties,
            where.city_key is None or fold(d.city)[:255] == where.city_key,
            where.city_keys is None or fold(d.city)[:255] in where.city_keys,
            where.language is None or where.language in d.languages,
            where.price_min is None or (d.price is not None and d.price >= where.price_min),
            where.price_max is None or (d.price is not None and d.price <= where.price_max),
            where.currency is None or d.currency == where.currency,
            floor is None or (d.rating_avg is not None and d.rating_avg >= floor),
            where.modality is None or where.modality in d.modalities,
            where.accepting is None or where.accepting == is_free,
        )
    )


def _order(item: tuple[CoachDocument, int], query: SearchQuery) -> tuple[Any, ...]:
    d, score = item
    match query.sort:
        case None:
            return (-score, -d.rating_score, d.id)
        case "rating":
            return (-d.rating_score, d.id)
        case "price":
            return (d.price if d.price is not None else _NO_PRICE, d.id)
        case "-price":
            return (-(d.price if d.price is not None else _NO_PRICE), d.id)
        case "name":
            return (fold(d.name)[:255], d.id)
        case "seats":
            return (-d.seats_left, d.id)
        case "newest":
            return (-d.id.int,)
        case "distance":
            return ((query.near or {}).get(fold(d.city)[:255], _FAR), d.id)


def _counted(found: Sequence[CoachDocument], facet: Facet, where: CoachFilter) -> dict[str, int]:
    counts: dict[str, int] = {}
    rest = where.without(facet)
    for document in found:
        if _passes(document, rest):
            for value in _values(document, facet):
                counts[value] = counts.get(value, 0) + 1
    return commonest(counts)


def _values(d: CoachDocument, facet: Facet) -> Sequence[str]:
    match facet:
        case "specialty":
            return d.specialties
        case "city":
            return (fold(d.city)[:255],) if fold(d.city) else ()
        case "modality":
            return d.modalities
        case "language":
            return d.languages
        case "currency":
            return (d.currency,)
        case "price":
            return (price_band(d.price),) if d.price is not None else ()
        case "rating":
            return [str(step) for step in RATING_STEPS if d.rating_avg is not None and d.rating_avg >= step]
