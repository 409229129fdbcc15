"""
The promises of the port *search*: one catalogue, one list of expectations, for every engine.

An expectation says who must be among the first three for a query, who must not
appear, or who is found at all. Filters, facets, orders and totals are held
against an oracle that looks at every coach in turn.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import attrs
import pytest

from coachhub_core.domain.cities import metres_from
from coachhub_core.domain.coaches import FACETS
from coachhub_core.domain.vocabulary import fold, shipped, words
from coachhub_core.ports.search import CoachDocument, SearchIndex, SearchQuery
from coachhub_core.ports.storage import CoachFilter, CoachRecord
from coachhub_core.services.finding import synonyms_of
from coachhub_core.services.indexing import document_of
from coachhub_core.testing.search_catalogue import CATALOGUE, EXPECTATIONS, Expectation

NAMES: Final = {record.coach.id: record.account.name for record in CATALOGUE}
NEAR_BERN: Final = metres_from("Bern")
WITHIN_100_KM: Final = frozenset(key for key, metres in NEAR_BERN.items() if metres <= 100_000)

OPTIONS: Final[dict[str, tuple[Any, ...]]] = {
    "tag": (None, "habits"),
    "city_key": (None, "zurich"),
    "city_keys": (None, WITHIN_100_KM),
    "language": (None, "de"),
    "price_min": (None, Decimal(25)),
    "price_max": (None, Decimal("49.99")),
    "currency": (None, "CHF"),
    "rating_min": (None, 4.005),
    "modality": (None, "hybrid"),
    "accepting": (None, True),
}
OTHERS: Final[tuple[CoachFilter, ...]] = (
    CoachFilter(tag="swimming"),
    CoachFilter(accepting=False),
    CoachFilter(tag="nothing-of-ours"),
    CoachFilter(city_keys=frozenset()),
    CoachFilter(tag="habits", accepting=False, currency="EUR"),
    CoachFilter(price_min=Decimal("49.99"), price_max=Decimal("49.99")),
    CoachFilter(rating_min=0),
    CoachFilter(rating_min=5),
    CoachFilter(city_key="nowhere-on-sea", city_keys=WITHIN_100_KM),
)


def documents(records: Sequence[CoachRecord] = CATALOGUE) -> list[CoachDocument]:
    """Return the catalogue as documents, with the shipped vocabulary's synonyms."""
    return [document_of(record, shipped()) for record in records]


def query_of(text: str | None, **more: Any) -> SearchQuery:
    """Ask as the service does: folded words, and what means the same; None asks for no words."""
    if text is None:
        return SearchQuery(words=None, **more)
    asked = tuple(words(text))
    return SearchQuery(words=asked, synonyms=synonyms_of(asked, shipped()), **more)


def passes(record: CoachRecord, where: CoachFilter) -> bool:
    """Say, as plainly as can be, whether a coach passes every filter: the oracle."""
    coach, city = record.coach, fold(record.account.city or "")
    if where.tag is not None and where.tag not in coach.specialties:
        return False
    if where.city_key is not None and city != where.city_key:
        return False
    if where.city_keys is not None and city not in where.city_keys:
        return False
    if where.language is not None and where.language not in coach.languages:
        return False
    if where.price_min is not None and (coach.pricing is None or coach.pricing < where.price_min):
        return False
    if where.price_max is not None and (coach.pricing is None or coach.pricing > where.price_max):
        return False
    if where.currency is not None and coach.currency != where.currency:
        return False
    if where.rating_min is not None and (coach.rating_avg is None or float(coach.rating_avg) < where.rating_min):
        return False
    if where.modality is not None and where.modality not in coach.modalities:
        return False
    return where.accepting is None or where.accepting == (coach.is_accepting and coach.seats_left > 0)


def combinations() -> Iterator[CoachFilter]:
    """Yield every combination of :data:`OPTIONS`."""
    for chosen in itertools.product(*OPTIONS.values()):
        yield CoachFilter(**dict(zip(OPTIONS, chosen, strict=True)))


def filter_by(where: CoachFilter, facet: str, value: str) -> CoachFilter:
    """Return the filter that a value of a facet stands for, in place of what *where* says of it."""
    members: dict[str, Any]
    if facet == "price":
        low, _, high = value.partition("-")
        members = {"price_min": Decimal(low), "price_max": Decimal(high) if high else None}
    elif facet == "rating":
        members = {"rating_min": float(value)}
    else:
        members = {{"specialty": "tag", "city": "city_key"}.get(facet, facet): value}
    return attrs.evolve(where, **members)


class SearchIndexContract:
    """
    Subclass and supply ``index`` and ``fresh``: filled with :data:`CATALOGUE`.

    ``index`` is only read, so it may be kept for all tests of the class;
    ``fresh`` is the test's own.
    """

    has_versions = True  #: set False where documents are written in the transaction of the change, so none comes late

    @pytest.fixture
    def index(self) -> SearchIndex:
        """Return the filled index; every subclass supplies it."""
        raise LookupError("a SearchIndexContract needs a fixture named index")

    @pytest.fixture
    def fresh(self) -> SearchIndex:
        """Return a filled index of the test's own; every subclass supplies it."""
        raise LookupError("a SearchIndexContract needs a fixture named fresh")

    def names(self, index: SearchIndex, text: str | None, **more: Any) -> list[str]:
        """Return the names found, in order."""
        return [NAMES[id] for id in index.search(query_of(text, **more)).ids]

    # ── words ──

    @pytest.mark.parametrize("expected", EXPECTATIONS, ids=lambda e: e.query[:20])
    def test_an_expectation_holds(self, index: SearchIndex, expected: Expectation) -> None:
        """Typos, prefixes, accents, synonyms, cities, names, words of the bio; and no stranger."""
        found = self.names(index, expected.query, limit=100)
        assert set(expected.first) <= set(found[:3]), (expected.why, found[:5])
        assert set(expected.never).isdisjoint(found), expected.why
        if expected.only is not None:
            assert sorted(found) == sorted(expected.only), expected.why

    def test_the_better_found_come_first(self, index: SearchIndex) -> None:
        """By the sum of weights, then the rating, then the id: a degraded answer has the order of the real one."""
        assert self.names(index, "marathon")[:2] == ["Ana Souza", "Ines Marathon"]
        assert self.names(index, "swimming")[:2] == ["Elif Y\u0131lmaz", "Oskar Zimmermann"]
        assert self.names(index, "berlin") == ["Berlin Adams", "Dmitri Volkov"]

    def test_nothing_asked_nothing_found(self, index: SearchIndex) -> None:
        """A text without a word in it is answered by nobody; asking for no words is answered by all."""
        nobody = index.search(SearchQuery(words=(), total=True, facets=FACETS))
        assert (nobody.ids, nobody.total, nobody.has_more) == ((), 0, False)
        assert nobody.facets == {facet: {} for facet in FACETS}
        assert index.search(SearchQuery(words=None, limit=0, total=True)).total == len(CATALOGUE)

    # ── filters, facets, orders ──

    @pytest.mark.parametrize("text", [None, "everyday"])
    def test_every_combination_of_filters_equals_the_oracle(self, index: SearchIndex, text: str | None) -> None:
        """They narrow what words found, and never widen it."""
        found_by_words = {UUID(int=id.int) for id in index.search(query_of(text, limit=200)).ids}
        assert len(found_by_words) > 10
        candidates = [record for record in CATALOGUE if record.coach.id in found_by_words]
        asked = [*combinations(), *OTHERS]
        if text is not None:  # words and filters meet in one place: a draw is enough
            asked = [*random.Random(2).sample(asked, 150), *OTHERS]  # noqa: S311 - a draw that can be repeated
        n_found = 0
        for number, where in enumerate(asked):
            has_total = number % 5 == 0
            found = index.search(query_of(text, where=where, limit=200, total=has_total))
            expected = {record.coach.id for record in candidates if passes(record, where)}
            assert set(found.ids) == expected, where
            assert found.total == (len(expected) if has_total else None), where
            n_found += len(expected)
        assert n_found > (250 if text is None else 30)

    @pytest.mark.parametrize("text", [None, "everyday", "strenght", "zurich"])
    def test_facet_counts_equal_the_filtered_counts(self, index: SearchIndex, text: str | None) -> None:
        """Each value, filtered by in place of its own filter, finds as many as it promised; and none is left out."""
        draw = random.Random(5)  # noqa: S311 - a draw that can be repeated
        for where in (CoachFilter(), *draw.sample(list(combinations()), 8)):
            found = index.search(query_of(text, where=where, limit=1, total=True, facets=FACETS))
            assert found.total == index.search(query_of(text, where=where, limit=1, total=True)).total
            assert set(found.facets) == set(FACETS)
            for facet, counts in found.facets.items():
                for value, n in counts.items():
                    assert n > 0
                    chosen = filter_by(where, facet, value)
                    total = index.search(query_of(text, where=chosen, limit=1, total=True)).total
                    assert n == total, (where, facet, value)

    def test_facets_name_every_value_there_is(self, index: SearchIndex) -> None:
        """Counted by looking at everybody."""
        facets = index.search(query_of(None, facets=FACETS)).facets
        everybody = [record.coach for record in CATALOGUE]
        assert facets["language"]["de"] == sum("de" in c.languages for c in everybody)
        assert set(facets["language"]) == {code for c in everybody for code in c.languages}
        assert set(facets["specialty"]) == {tag for c in everybody for tag in c.specialties}
        assert set(facets["currency"]) == {c.currency for c in everybody}
        assert set(facets["modality"]) == {m for c in everybody for m in c.modalities}
        assert set(facets["city"]) == {fold(r.account.city) for r in CATALOGUE if r.account.city}
        assert facets["price"]["25-49.99"] == sum(c.pricing is not None and 25 <= c.pricing < 50 for c in everybody)
        assert facets["price"]["200-"] == sum(c.pricing is not None and c.pricing >= 200 for c in everybody)
        assert sum(facets["price"].values()) == sum(c.pricing is not None for c in everybody)
        assert facets["rating"]["4.5"] == sum((c.rating_avg or 0) >= Decimal("4.5") for c in everybody)
        assert list(facets["city"].items()) == sorted(facets["city"].items(), key=lambda item: (-item[1], item[0]))

    @pytest.mark.parametrize("text", [None, "everyday"])
    @pytest.mark.parametrize("sort", ["rating", "price", "-price", "name", "newest", "seats", "distance"])
    def test_orders_are_exact(self, index: SearchIndex, text: str | None, sort: Any) -> None:
        """The same on every engine, ties by id; without a price, or far from everywhere, is last."""
        by_id = {record.coach.id: record for record in CATALOGUE}
        far, dear = 10**9, Decimal("99999999.99")
        keys: dict[str, Callable[[CoachRecord], Any]] = {
            "rating": lambda r: (-r.coach.rating_score, r.coach.id),
            "price": lambda r: (r.coach.pricing if r.coach.pricing is not None else dear, r.coach.id),
            "-price": lambda r: (-(r.coach.pricing if r.coach.pricing is not None else dear), r.coach.id),
            "name": lambda r: (fold(r.account.name), r.coach.id),
            "newest": lambda r: -r.coach.id.int,
            "seats": lambda r: (-r.coach.seats_left, r.coach.id),
            "distance": lambda r: (NEAR_BERN.get(fold(r.account.city or ""), far), r.coach.id),
        }
        found = index.search(query_of(text, sort=sort, near=NEAR_BERN, limit=200)).ids
        everybody = set(index.search(query_of(text, limit=200)).ids)
        assert list(found) == [r.coach.id for r in sorted((by_id[id] for id in everybody), key=keys[sort])]

    @pytest.mark.parametrize("text", [None, "everyday", "marathon"])
    def test_pages_join_to_the_whole(self, index: SearchIndex, text: str | None) -> None:
        """Without doubles; the total is what all pages hold."""
        whole = index.search(query_of(text, limit=200, total=True))
        assert whole.total == len(whole.ids) == len(set(whole.ids)) > 1
        assert whole.has_more is False
        seen: list[UUID] = []
        while True:
            page = index.search(query_of(text, limit=3, offset=len(seen)))
            seen += page.ids
            assert page.has_more == (len(seen) < len(whole.ids))
            if not page.has_more:
                break
        assert tuple(seen) == whole.ids

    # ── writing ──

    def test_a_changed_document_is_found_under_its_new_words_only(self, fresh: SearchIndex) -> None:
        """What was written last counts."""
        record = CATALOGUE[3]
        changed = attrs.evolve(record.coach, bio="Chess before breakfast.", view_rev=record.coach.view_rev + 1)
        fresh.put(documents([attrs.evolve(record, coach=changed)]))
        assert self.names(fresh, "chess") == ["Dmitri Volkov"]
        assert self.names(fresh, "footwork") == ["Xiao Chen"]

    def test_a_deleted_document_is_found_no_more(self, fresh: SearchIndex) -> None:
        """Deleting it again, or what never was, is no error."""
        fresh.delete([CATALOGUE[0].coach.id, UUID(int=7)])
        fresh.delete([CATALOGUE[0].coach.id])
        assert "Ana Souza" not in self.names(fresh, "marathon")
        assert set(fresh.versions()) == set(NAMES) - {CATALOGUE[0].coach.id}

    def test_versions_are_those_of_the_documents(self, index: SearchIndex) -> None:
        """By which the index is compared with the database."""
        assert index.versions() == {record.coach.id: record.coach.view_rev for record in CATALOGUE}

    def test_events_that_come_late_never_win(self, fresh: SearchIndex) -> None:
        """A thousand writes in any order, some of them taking the coach away: the newest is what is found."""
        fresh.put([attrs.evolve(each, view_rev=0, bio="edition0x") for each in documents()[:20]])
        assert self.names(fresh, "edition0x") == []
        if not self.has_versions:
            return  # no version but the row's can ever be written
        draw = random.Random(3)  # noqa: S311 - a draw that can be repeated
        chosen = documents()[:20]
        writes = [
            attrs.evolve(each, view_rev=rev, bio=f"edition{rev}x", is_listed=(rev + number) % 7 != 0)
            for number, each in enumerate(chosen)
            for rev in range(2, 52)
        ]
        assert len(writes) == 1_000
        draw.shuffle(writes)
        for start in range(0, len(writes), 25):
            fresh.put(writes[start : start + 25])
        listed = {each.id for number, each in enumerate(chosen) if (51 + number) % 7 != 0}
        assert set(fresh.search(query_of("edition51x", limit=100)).ids) == listed
        versions = fresh.versions()
        assert {id: versions.get(id) for id in (each.id for each in chosen)} == {
            each.id: 51 if each.id in listed else None for each in chosen
        }

    # ── rebuilding ──

    def test_a_rebuild_gives_the_same_answers(self, fresh: SearchIndex) -> None:
        """Whatever was lost before it."""
        some = EXPECTATIONS[::7]
        before = {e.query: self.names(fresh, e.query) for e in some}
        fresh.delete([record.coach.id for record in CATALOGUE])
        fresh.rebuild(iter(documents()))
        assert {e.query: self.names(fresh, e.query) for e in some} == before

    def test_searches_during_a_rebuild_are_never_empty_and_no_write_is_lost(self, fresh: SearchIndex) -> None:
        """They see the old or the new; what was put while it was built is in what was built."""
        stop = threading.Event()
        counts: list[int] = []
        failed: list[BaseException] = []

        def look() -> None:
            while not stop.is_set():
                try:
                    counts.append(len(fresh.search(query_of("everyday", limit=200)).ids))
                except BaseException as exc:
                    failed.append(exc)
                    return

        n_everyday = len(fresh.search(query_of("everyday", limit=200)).ids)
        threads = [threading.Thread(target=look) for _ in range(2)]
        for thread in threads:
            thread.start()
        record = CATALOGUE[3]
        newer = attrs.evolve(record.coach, bio="Chess before breakfast.", view_rev=record.coach.view_rev + 1)

        def while_it_is_built() -> Iterator[CoachDocument]:
            for number, document in enumerate(documents()):
                if number == 50:
                    fresh.put(documents([attrs.evolve(record, coach=newer)]))
                yield document

        try:
            for _ in range(3):
                fresh.rebuild(while_it_is_built())
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert failed == []
        assert len(counts) > 3
        assert set(counts) == {n_everyday}
        if self.has_versions:
            assert self.names(fresh, "chess") == ["Dmitri Volkov"]
