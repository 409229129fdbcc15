"""Finding coaches: lists from the database, words from the search engine, and what to do when that is away."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import attrs

from coachhub_core.domain.cities import City, find_city, metres_from
from coachhub_core.domain.coaches import (
    CoachHit,
    CoachPage,
    CoachSort,
    CoachView,
    Facet,
    FacetValue,
    FindCoaches,
)
from coachhub_core.domain.vocabulary import Vocabulary, fold, words
from coachhub_core.errors import Invalid, Unavailable
from coachhub_core.ports.search import (
    PRICE_BANDS,
    RATING_STEPS,
    SearchHits,
    SearchIndex,
    SearchQuery,
    band_name,
    commonest,
)
from coachhub_core.ports.storage import CoachFilter, CoachRecord, Keyset, Slice, UnitOfWork
from coachhub_core.services.highlights import highlights_of
from coachhub_core.services.paging import ends, read_cursor, write_cursor
from coachhub_core.services.units import Context

log = logging.getLogger("coachhub.search")

MAX_OFFSET: Final = 10_000
DEGRADED_MAX: Final = 100  # hits the database answers with in place of the engine
_BANDS: Final = tuple(map(band_name, range(len(PRICE_BANDS))))


class Finder:
    """
    Answers :class:`FindCoaches`.

    Lists without words are the database's, whatever engine is chosen: they stay
    right while it is away.

    Args:
        search: The chosen engine.
        stand_in: The database's own search, or None where that is the chosen one.
    """

    def __init__(self, context: Context, search: SearchIndex, stand_in: SearchIndex | None) -> None:
        self._context = context
        self._search = search
        self._stand_in = stand_in

    def find(self, query: FindCoaches) -> CoachPage:
        """
        Return a page of coaches that fit every filter.

        Raises:
            Invalid: If what was asked contradicts itself, or ``near`` is no city of the table.
        """
        if query.cursor is not None and query.offset is not None:
            raise Invalid.at("offset", "cannot be combined with cursor", "exclusive")
        here = self._here(query)
        where = self._filter(query, here)
        near = metres_from(here.name) if here is not None else None
        if query.q is None:
            return self._listed(query, where, near)
        return self._found(query, where, near, tuple(words(query.q)))

    def _here(self, query: FindCoaches) -> City | None:
        if query.near is None:
            for member, is_asked in (("within_km", query.within_km is not None), ("sort", query.sort == "distance")):
                if is_asked:
                    raise Invalid.at(member, "needs near, the city from which to measure", "requires")
            return None
        here = find_city(query.near)
        if here is None:
            raise Invalid.at(
                "near", "is not a city whose place is known; try its own name, or the next larger city", "city"
            )
        return here

    def _filter(self, query: FindCoaches, here: City | None) -> CoachFilter:
        if query.price_min is not None and query.price_max is not None and query.price_min > query.price_max:
            raise Invalid.at("price_min", "must not be above price_max", "order")
        tag = None
        if query.specialty is not None:
            tag = self._context.vocabulary.canonical_tag(query.specialty) or fold(query.specialty)[:80]
        city_keys = None
        if here is not None and query.within_km is not None:
            city_keys = frozenset(k for k, m in metres_from(here.name).items() if m <= query.within_km * 1_000)
        return CoachFilter(
            tag=tag,
            city_key=fold(query.city)[:255] if query.city is not None else None,
            city_keys=city_keys,
            language=query.language,
            price_min=query.price_min,
            price_max=query.price_max,
            currency=query.currency,
            rating_min=query.rating_min,
            modality=query.modality,
            accepting=query.accepting,
        )

    # ── without words ──

    def _listed(self, query: FindCoaches, where: CoachFilter, near: Mapping[str, int] | None) -> CoachPage:
        sort: CoachSort = query.sort or "rating"
        name = f"coaches:{sort}" + (f":{fold(query.near or '')}" if sort == "distance" else "")
        keyset = read_cursor(query.cursor, name)
        offset = query.offset or 0
        with self._context.read() as work:
            found = work.coaches.page(where, sort=sort, keyset=keyset, offset=offset, limit=query.limit, near=near)
            records = work.coaches.records(found.items)
            total = work.coaches.count(where) if query.total else None
            shown = Slice(items=tuple(records[id] for id in found.items if id in records), has_more=found.has_more)
            after, before = ends(
                shown, keyset, name, lambda record: work.coaches.sort_key(record, sort, near), skipped=offset > 0
            )
            counts = {facet: work.coaches.facet(facet, None, where.without(facet)) for facet in query.facets}
            facets = self._facets(work, query.facets, counts)
        return CoachPage(
            items=tuple(map(coach_view, shown.items)),
            next=after,
            prev=before,
            total=total,
            facets=facets,
            hits=self._hits(query, shown.items, near, (), {}),
        )

    # ── with words ──

    def _found(
        self, query: FindCoaches, where: CoachFilter, near: Mapping[str, int] | None, asked: tuple[str, ...]
    ) -> CoachPage:
        name = f"coaches:q:{query.sort or ''}"
        offset = query.offset or _place(read_cursor(query.cursor, name))
        synonyms = synonyms_of(asked, self._context.vocabulary)
        hits, degraded = self._ask(
            SearchQuery(
                words=asked,
                synonyms=synonyms,
                where=where,
                sort=query.sort,
                near=near,
                facets=query.facets,
                limit=query.limit,
                offset=offset,
                total=query.total,
            )
        )
        with self._context.read() as work:
            records = work.coaches.records(hits.ids)
            facets = self._facets(work, query.facets, hits.facets)
        shown = [records[id] for id in hits.ids if id in records and records[id].account.status == "active"]
        end = DEGRADED_MAX - 1 if degraded else MAX_OFFSET
        has_next = hits.has_more and offset + query.limit <= end
        return CoachPage(
            items=tuple(map(coach_view, shown)),
            next=write_cursor(name, (offset + query.limit,), is_before=False) if has_next else None,
            prev=write_cursor(name, (max(0, offset - query.limit),), is_before=True) if offset else None,
            total=hits.total,
            facets=facets,
            hits=self._hits(query, shown, near, asked, synonyms),
            degraded=degraded,
        )

    def _ask(self, query: SearchQuery) -> tuple[SearchHits, Literal["search"] | None]:
        """Ask the engine; when it is away, the database, for the first hundred hits."""
        try:
            return self._search.search(query), None
        except Unavailable as exc:
            if self._stand_in is None:
                raise
            log.debug("the database answers a search: %s", exc)
        limit = max(0, min(query.limit, DEGRADED_MAX - query.offset))
        return self._stand_in.search(attrs.evolve(query, limit=limit)), "search"

    # ── what is shown beside the coaches ──

    def _hits(
        self,
        query: FindCoaches,
        shown: Sequence[CoachRecord],
        near: Mapping[str, int] | None,
        asked: Sequence[str],
        synonyms: Mapping[str, tuple[str, ...]],
    ) -> tuple[CoachHit, ...] | None:
        if near is None and not query.highlight:
            return None
        vocabulary = self._context.vocabulary
        return tuple(
            CoachHit(
                id=record.coach.id,
                distance_km=_kilometres(record, near),
                highlights=highlights_of(record, asked, synonyms, vocabulary) if query.highlight else (),
            )
            for record in shown
        )

    def _facets(
        self, work: UnitOfWork, asked: Sequence[Facet], counts: Mapping[Facet, Mapping[str, int]]
    ) -> dict[str, tuple[FacetValue, ...]] | None:
        if not asked:
            return None
        return {facet: self._values(work, facet, counts.get(facet, {})) for facet in asked}

    def _values(self, work: UnitOfWork, facet: Facet, counts: Mapping[str, int]) -> tuple[FacetValue, ...]:
        if facet in ("price", "rating"):
            order = _BANDS if facet == "price" else tuple(map(str, RATING_STEPS))
            return tuple(
                FacetValue(value=value, label=_number_label(facet, value), n=counts[value])
                for value in order
                if counts.get(value)
            )
        labels: Mapping[str, str] = {}
        if facet == "city":
            labels = {key: city.name for key in counts if (city := find_city(key)) is not None}
            labels = {**work.coaches.city_names([key for key in counts if key not in labels]), **labels}
        elif facet == "specialty":
            labels = {tag: self._context.vocabulary.label(tag) for tag in counts}
        return tuple(
            FacetValue(value=value, label=labels.get(value, value), n=n) for value, n in commonest(counts).items()
        )


def synonyms_of(asked: Sequence[str], vocabulary: Vocabulary) -> dict[str, tuple[str, ...]]:
    """Return, for each word that means a specialty under another name, its tag: documents carry tags whole."""
    tags = {word: vocabulary.canonical_tag(word) for word in asked}
    return {word: (tag,) for word, tag in tags.items() if tag is not None and tag != word}


def _place(keyset: Keyset | None) -> int:
    if keyset is None:
        return 0
    text = str(keyset.values[0]) if len(keyset.values) == 1 else ""
    return min(int(text), MAX_OFFSET) if text.isascii() and text.isdigit() and len(text) < 8 else 0


def _kilometres(record: CoachRecord, near: Mapping[str, int] | None) -> float | None:
    metres = (near or {}).get(fold(record.account.city or "")[:255])
    return None if metres is None else round(metres / 1_000, 1)


def _number_label(facet: Facet, value: str) -> str:
    if facet == "rating":
        return f"{value} and more"
    low, _, high = value.partition("-")
    return f"{low} to {high}" if high else f"{low} and more"


def coach_view(record: CoachRecord) -> CoachView:
    """Show a coach."""
    return CoachView.of(record.coach, record.account, record.certifications)
