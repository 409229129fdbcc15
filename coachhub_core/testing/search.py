"""
The promises of the port *search*: one catalogue, one list of expectations, for every engine.

An expectation says who must be among the first three for a query, and who must
not appear at all. How the rest is ranked is the engine's own affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import pytest

from coachhub_core.domain.coaches import Coach
from coachhub_core.domain.vocabulary import fold, shipped, words
from coachhub_core.ports.search import CoachDocument, SearchIndex, SearchQuery
from coachhub_core.ports.storage import CoachFilter, CoachRecord
from coachhub_core.services.indexing import document_of
from coachhub_core.testing.builders import a_coach, an_account

_ROWS: tuple[tuple[str, str | None, tuple[str, ...], str, dict[str, Any]], ...] = (
    ("Ana Souza", "Z\u00fcrich", ("marathon", "trail-running"), "From the first kilometre to the finish line.", {}),
    ("Ben Carter", "Bern", ("strength", "powerlifting"), "Barbells since 1999. Squat, bench, deadlift.", {}),
    (
        "Chlo\u00e9 Dubois",
        "Gen\u00e8ve",
        ("yoga", "mobility"),
        "Souplesse et respiration, en douceur.",
        {"languages": ("fr",)},
    ),
    ("Dmitri Volkov", "Berlin", ("boxing",), "Footwork first.", {"pricing": Decimal(30)}),
    ("Elif Y\u0131lmaz", "\u0130stanbul", ("swimming", "triathlon"), "Open water, no fear.", {"pricing": Decimal(90)}),
    (
        "Fran\u00e7ois M\u00fcller",
        "Stra\u00dfburg",
        ("cycling",),
        "Watts, mountains.",
        {"modalities": ("in_person",)},
    ),
    ("Greta Lind", "Malm\u00f6", ("prenatal", "postnatal"), "Strong through pregnancy and after.", {}),
    ("Hiro Tanaka", None, ("rehab",), "Knees and backs that hurt no more.", {"is_accepting": False}),
    ("Ines Marathon", "Porto", ("pilates",), "Core strength, quietly.", {}),
)

CATALOGUE: tuple[CoachRecord, ...] = tuple(
    CoachRecord(
        coach=a_coach(
            UUID(int=0x0190_0000_0000_7000_8000_0000_0000_1000 + n),
            id=UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0000 + n),
            specialties=specialties,
            bio=bio,
            **more,
        ),
        account=an_account(
            id=UUID(int=0x0190_0000_0000_7000_8000_0000_0000_1000 + n), role="coach", name=name, city=city
        ),
        certifications=(),
    )
    for n, (name, city, specialties, bio, more) in enumerate(_ROWS, start=1)
)


def documents(records: Sequence[CoachRecord] = CATALOGUE) -> list[CoachDocument]:
    """Return the catalogue as documents, with the shipped vocabulary's synonyms."""
    return [document_of(record, shipped()) for record in records]


def query_of(text: str, **more: Any) -> SearchQuery:
    """Ask as the service does: folded words, and what means the same."""
    asked = tuple(words(text))
    tags = {word: shipped().canonical_tag(word) for word in asked}
    synonyms = {word: tuple(w for w in words(tag.replace("-", " ")) if w != word) for word, tag in tags.items() if tag}
    return SearchQuery(words=asked, synonyms={w: s for w, s in synonyms.items() if s}, **more)


@attrs.frozen
class Expectation:
    """For *query*: each of *first* among the first three, none of *never* at all."""

    query: str
    first: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


EXPECTATIONS: tuple[Expectation, ...] = (
    Expectation("marathon", ("Ana Souza", "Ines Marathon"), ("Ben Carter",)),
    Expectation("MARATHON", ("Ana Souza",)),
    Expectation("marahton", ("Ana Souza",)),
    Expectation("maraton", ("Ana Souza",)),
    Expectation("mara", ("Ana Souza",)),
    Expectation("zurich", ("Ana Souza",), ("Ben Carter",)),
    Expectation("ZU\u0308RICH", ("Ana Souza",)),
    Expectation("geneve", ("Chlo\u00e9 Dubois",)),
    Expectation("Gen\u00e8ve yoga", ("Chlo\u00e9 Dubois",), ("Ana Souza",)),
    Expectation("chloe", ("Chlo\u00e9 Dubois",)),
    Expectation("strassburg", ("Fran\u00e7ois M\u00fcller",)),
    Expectation("francois muller", ("Fran\u00e7ois M\u00fcller",)),
    Expectation("malmo", ("Greta Lind",)),
    Expectation("barbell", ("Ben Carter",)),
    Expectation("deadlift", ("Ben Carter",), ("Greta Lind",)),
    Expectation("powerlift", ("Ben Carter",)),
    Expectation("pregnancy", ("Greta Lind",)),
    Expectation("boxng", ("Dmitri Volkov",)),
    Expectation("footwork berlin", ("Dmitri Volkov",)),
    Expectation("marathon bern", (), tuple(r.account.name for r in CATALOGUE)),
    Expectation("open water swimming", ("Elif Y\u0131lmaz",)),
    Expectation("respiration", ("Chlo\u00e9 Dubois",)),
    Expectation("souza", ("Ana Souza",)),
    Expectation("knitting", (), tuple(r.account.name for r in CATALOGUE)),
    Expectation("xqzv", (), tuple(r.account.name for r in CATALOGUE)),
    Expectation("\U0001f3c3", (), tuple(r.account.name for r in CATALOGUE)),
    Expectation("'; DROP TABLE coaches; --", (), tuple(r.account.name for r in CATALOGUE)),
)


class SearchIndexContract:
    """Subclass and supply ``index``: filled with :data:`CATALOGUE`, and the test's own."""

    @pytest.fixture
    def index(self) -> SearchIndex:
        """Return the filled index; every subclass supplies it."""
        raise LookupError("a SearchIndexContract needs a fixture named index")

    def names(self, index: SearchIndex, text: str, **more: Any) -> list[str]:
        """Return the names found, in order."""
        by_id = {record.coach.id: record.account.name for record in CATALOGUE}
        return [by_id[id] for id in index.search(query_of(text, **more)).ids]

    @pytest.mark.parametrize("expected", EXPECTATIONS, ids=lambda e: e.query[:20])
    def test_an_expectation_holds(self, index: SearchIndex, expected: Expectation) -> None:
        """Typos, prefixes, accents, cities, names, words of the bio; and no stranger."""
        found = self.names(index, expected.query)
        assert set(expected.first) <= set(found[:3])
        assert set(expected.never).isdisjoint(found)

    def test_filters_are_exact(self, index: SearchIndex) -> None:
        """They narrow what words found, and never widen it."""
        everything = "strength"
        assert self.names(index, everything, where=CoachFilter(city_key=fold("Bern"))) == ["Ben Carter"]
        assert "Ben Carter" not in self.names(index, everything, where=CoachFilter(city_key=fold("Porto")))
        assert self.names(index, "boxing", where=CoachFilter(price_max=Decimal(30))) == ["Dmitri Volkov"]
        assert self.names(index, "boxing", where=CoachFilter(price_max=Decimal(29))) == []
        assert self.names(index, "swimming", where=CoachFilter(price_max=Decimal(50))) == []
        assert self.names(index, "yoga", where=CoachFilter(language="fr")) == ["Chlo\u00e9 Dubois"]
        assert self.names(index, "yoga", where=CoachFilter(language="de")) == []
        assert self.names(index, "cycling", where=CoachFilter(modality="online")) == []
        assert self.names(index, "rehab", where=CoachFilter(accepting=True)) == []
        assert self.names(index, "rehab", where=CoachFilter(accepting=False)) == ["Hiro Tanaka"]

    def test_pages_join_to_the_whole(self, index: SearchIndex) -> None:
        """Without doubles; the total is what all pages hold."""
        whole = index.search(query_of("marathon", limit=100, total=True))
        assert whole.total == len(whole.ids) > 1
        assert whole.has_more is False
        first = index.search(query_of("marathon", limit=1))
        rest = index.search(query_of("marathon", limit=100, offset=1))
        assert first.has_more is True
        assert (*first.ids, *rest.ids) == whole.ids

    def test_a_changed_document_is_found_under_its_new_words_only(self, index: SearchIndex) -> None:
        """What was written last counts."""
        record = CATALOGUE[3]
        changed: Coach = attrs.evolve(record.coach, bio="Chess before breakfast.", view_rev=record.coach.view_rev + 1)
        index.put(documents([attrs.evolve(record, coach=changed)]))
        assert self.names(index, "chess") == ["Dmitri Volkov"]
        assert self.names(index, "footwork") == []

    def test_a_deleted_document_is_found_no_more(self, index: SearchIndex) -> None:
        """Deleting it again, or what never was, is no error."""
        index.delete([CATALOGUE[0].coach.id])
        index.delete([CATALOGUE[0].coach.id])
        assert "Ana Souza" not in self.names(index, "marathon")

    def test_a_rebuild_gives_the_same_answers(self, index: SearchIndex) -> None:
        """Whatever was lost before it."""
        before = {e.query: self.names(index, e.query) for e in EXPECTATIONS}
        index.delete([record.coach.id for record in CATALOGUE])
        index.rebuild(documents())
        assert {e.query: self.names(index, e.query) for e in EXPECTATIONS} == before

    def test_nothing_asked_nothing_found(self, index: SearchIndex) -> None:
        """No words, no hits."""
        assert index.search(SearchQuery(words=(), total=True)).ids == ()
