"""A query as Elasticsearch reads it: terms, prefixes and one edit on folded words; never a query string or a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from coachhub_core.domain.coaches import Facet
from coachhub_core.ports.search import (
    EXACT,
    MAX_BUCKETS,
    MIN_PREFIX,
    MIN_TYPO,
    PREFIX,
    PRICE_BANDS,
    RATING_STEPS,
    SYNONYM,
    TYPO,
    WEIGHTS,
    SearchQuery,
    band_name,
)
from coachhub_core.ports.storage import CoachFilter

Clause = dict[str, Any]

_NO_PRICE: Final = 9_999_999_999  # hundredths: sorts last, as in the database
_BY_ID: Final = {"id": "asc"}
_SORTS: Final[Mapping[str | None, list[Any]]] = {
    None: [{"_score": "desc"}, {"rating_score": "desc"}, _BY_ID],
    "rating": [{"rating_score": "desc"}, _BY_ID],
    "price": [{"price_hundredths": {"order": "asc", "missing": _NO_PRICE}}, _BY_ID],
    "-price": [{"price_hundredths": {"order": "desc", "missing": _NO_PRICE}}, _BY_ID],
    "name": [{"name_key": "asc"}, _BY_ID],
    "seats": [{"seats_left": "desc"}, _BY_ID],
    "newest": [{"id": "desc"}],
    "distance": [{"_score": "desc"}, _BY_ID],
}
_FIELDS: Final[Mapping[Facet, str]] = {
    "specialty": "tags",
    "city": "city_key",
    "modality": "modalities",
    "language": "languages",
    "currency": "currency",
}
LISTED: Final[Clause] = {"term": {"is_listed": True}}


def body_of(query: SearchQuery) -> dict[str, Any]:
    """Return the request; one hit more than the page tells whether there are more."""
    filters = filters_of(query.where)
    body: dict[str, Any] = {
        "size": query.limit + 1,
        "from": query.offset,
        "_source": False,
        "track_total_hits": query.total,
        "timeout": "1500ms",
        "sort": _SORTS[query.sort],
    }
    words = [_word(word, query.synonyms.get(word, ())) for word in query.asked or ()]
    if query.facets:  # each counts under all filters but its own, so none may narrow the query itself
        body["query"] = _query(query, words, [LISTED])
        body["post_filter"] = {"bool": {"filter": filters}}
        body["aggs"] = {facet: _facet(facet, query.where) for facet in query.facets}
    else:
        body["query"] = _query(query, words, [LISTED, *filters])
    return body


def _query(query: SearchQuery, words: list[Clause], filters: list[Clause]) -> Clause:
    if query.sort == "distance":  # the score is the rank of the distance; words only have to be found
        return {"bool": {"filter": [*filters, *words], "should": _nearest_first(query.near or {})}}
    if query.sort is None and words:
        return {"bool": {"must": words, "filter": filters}}
    return {"bool": {"filter": [*filters, *words]}}


def _word(word: str, synonyms: Sequence[str]) -> Clause:
    """Find a word in any member, as well as it can be found: the best weight counts, whole numbers that add exactly."""
    ways: list[Clause] = []
    for member, weight in WEIGHTS.items():
        ways.append(_scored({"term": {member: word}}, weight * EXACT))
        if len(word) >= MIN_PREFIX:
            ways.append(_scored({"prefix": {member: {"value": word}}}, weight * PREFIX))
        if synonyms:
            ways.append(_scored({"terms": {member: list(synonyms)}}, weight * SYNONYM))
        if len(word) >= MIN_TYPO:
            edit = {"value": word, "fuzziness": 1, "prefix_length": 1, "rewrite": "constant_score"}
            ways.append(_scored({"fuzzy": {member: edit}}, weight * TYPO))
    return {"dis_max": {"queries": ways}}


def _scored(clause: Clause, score: int) -> Clause:
    return {"constant_score": {"filter": clause, "boost": score}}


def _nearest_first(near: Mapping[str, int]) -> list[Clause]:
    by_metres: dict[int, list[str]] = {}
    for key, metres in near.items():
        by_metres.setdefault(metres, []).append(key)
    return [
        _scored({"terms": {"city_key": by_metres[metres]}}, rank)
        for rank, metres in enumerate(sorted(by_metres, reverse=True), start=1)
    ]


def filters_of(where: CoachFilter) -> list[Clause]:
    """Return a clause for everything *where* says."""
    found: list[Clause] = []
    for field, value in (
        ("tags", where.tag),
        ("city_key", where.city_key),
        ("languages", where.language),
        ("currency", where.currency),
        ("modalities", where.modality),
        ("has_room", where.accepting),
    ):
        if value is not None:
            found.append({"term": {field: value}})
    if where.city_keys is not None:
        found.append({"terms": {"city_key": sorted(where.city_keys)}})
    price: dict[str, int] = {}
    if where.price_min is not None:
        price["gte"] = int(where.price_min * 100)
    if where.price_max is not None:
        price["lte"] = int(where.price_max * 100)
    if price:
        found.append({"range": {"price_hundredths": price}})
    if where.rating_floor is not None:
        found.append({"range": {"rating_hundredths": {"gte": int(where.rating_floor * 100)}}})
    return found


def _facet(facet: Facet, where: CoachFilter) -> Clause:
    values: Clause
    if facet == "price":
        starts = [int(start * 100) for start in PRICE_BANDS]
        ends: list[dict[str, int]] = [{"to": start} for start in starts[1:]] + [{}]
        ranges = [{"key": band_name(n), "from": start, **ends[n]} for n, start in enumerate(starts)]
        values = {"range": {"field": "price_hundredths", "ranges": ranges}}
    elif facet == "rating":
        steps = {str(step): {"range": {"rating_hundredths": {"gte": int(step * 100)}}} for step in RATING_STEPS}
        values = {"filters": {"filters": steps}}
    else:
        order = [{"_count": "desc"}, {"_key": "asc"}]
        values = {"terms": {"field": _FIELDS[facet], "size": MAX_BUCKETS, "order": order}}
    return {"filter": {"bool": {"filter": filters_of(where.without(facet))}}, "aggs": {"values": values}}
