"""The list of coaches as it is asked for: distances, facets, highlights, orders, sentences for what makes no sense."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from coachhub_core.domain.coaches import FACETS, AddCertification, CoachView, CreateCoach, FindCoaches
from coachhub_core.errors import BadRequest, Invalid
from coachhub_core.testing.story import House


def a_profile(house: House, name: str, city: str | None = None, **profile: Any) -> CoachView:
    actor = house.a_person("coach", name=name, city=city)
    return house.hub.coaches.create(actor, CreateCoach(**profile))


def names(house: House, **query: Any) -> list[str]:
    return [c.name for c in house.hub.coaches.find(FindCoaches(**query)).items]


@pytest.fixture
def peopled(house: House) -> House:
    """Four coaches from Bern to nowhere."""
    a_profile(house, "Ana", "Bern", specialties=("marathon",), pricing=Decimal(30), bio="Runs uphill.")
    a_profile(house, "Ben", "Z\u00fcrich", specialties=("marathon", "yoga"), pricing=Decimal(60), bio="Runs far.")
    a_profile(house, "Cleo", "Wien", specialties=("yoga",), pricing=Decimal(90), bio="Breathes.")
    a_profile(house, "Dan", "Kleinkleckersdorf", bio="Runs late.")
    return house


@pytest.mark.parametrize("q", [None, "runs"])
def test_the_nearest_come_first(peopled: House, q: str | None) -> None:
    """By the place of their city; whoever lives where the table has no place is last, and has no distance."""
    page = peopled.hub.coaches.find(FindCoaches(q=q, near="B\u00c2LE", sort="distance"))
    everybody = [("Ben", 74.0), ("Ana", 71.1), ("Cleo", 644.0), ("Dan", None)]
    found = {item.name: hit.distance_km for item, hit in zip(page.items, page.hits or (), strict=True)}
    expected = ["Ana", "Ben", "Cleo", "Dan"] if q is None else ["Ana", "Ben", "Dan"]
    assert list(found) == expected
    for name, about in everybody:
        if name in found and about is not None:
            assert found[name] == pytest.approx(about, rel=0.1)
    assert found["Dan"] is None
    assert [item.id for item in page.items] == [hit.id for hit in page.hits or ()]


@pytest.mark.parametrize("q", [None, "runs"])
def test_within_a_distance(peopled: House, q: str | None) -> None:
    """Only cities whose place is known are within any."""
    assert names(peopled, q=q, near="Bern", within_km=0, sort="name") == ["Ana"]
    assert names(peopled, q=q, near="Bern", within_km=100, sort="name") == ["Ana", "Ben"]
    far = ["Ana", "Ben"] if q else ["Ana", "Ben", "Cleo"]
    assert names(peopled, q=q, near="berne", within_km=20_000, sort="name") == far


def test_pages_by_distance_join(peopled: House) -> None:
    """By cursor, there and back; a cursor of another place is refused."""
    first = peopled.hub.coaches.find(FindCoaches(near="Bern", sort="distance", limit=2))
    second = peopled.hub.coaches.find(FindCoaches(near="Bern", sort="distance", limit=2, cursor=first.next))
    assert [c.name for c in (*first.items, *second.items)] == ["Ana", "Ben", "Cleo", "Dan"]
    back = peopled.hub.coaches.find(FindCoaches(near="Bern", sort="distance", limit=2, cursor=second.prev))
    assert back.items == first.items
    with pytest.raises(BadRequest):
        peopled.hub.coaches.find(FindCoaches(near="Wien", sort="distance", cursor=first.next))


def test_words_may_be_sorted_otherwise(peopled: House) -> None:
    """The words choose, the order is the one asked for; its cursor is its own."""
    assert names(peopled, q="runs", sort="-price") == ["Dan", "Ben", "Ana"]
    assert names(peopled, q="runs", sort="name") == ["Ana", "Ben", "Dan"]
    page = peopled.hub.coaches.find(FindCoaches(q="runs", sort="name", limit=1))
    assert names(peopled, q="runs", sort="name", cursor=page.next) == ["Ben", "Dan"]
    with pytest.raises(BadRequest):
        peopled.hub.coaches.find(FindCoaches(q="runs", cursor=page.next))


@pytest.mark.parametrize("q", [None, "runs"])
def test_facets_have_words_for_their_values(peopled: House, q: str | None) -> None:
    """The label of a specialty, the name of a city as the table or who lives there writes it."""
    page = peopled.hub.coaches.find(FindCoaches(q=q, facets=FACETS, limit=1))
    facets = {f: [(v.value, v.label, v.n) for v in values] for f, values in (page.facets or {}).items()}
    n_yoga = 1 if q else 2
    assert set(facets) == set(FACETS)
    assert facets["specialty"] == [("marathon", "Marathon", 2), ("yoga", "Yoga", n_yoga)]
    assert ("kleinkleckersdorf", "Kleinkleckersdorf", 1) in facets["city"]
    assert ("zurich", "Z\u00fcrich", 1) in facets["city"]
    prices = [("25-49.99", "25 to 49.99", 1), ("50-74.99", "50 to 74.99", 1), ("75-99.99", "75 to 99.99", 1)]
    assert facets["price"] == (prices[:2] if q else prices)
    assert facets["rating"] == []
    assert peopled.hub.coaches.find(FindCoaches(q=q)).facets is None


def test_a_facet_counts_what_choosing_it_would_find(peopled: House) -> None:
    """Not what is left of the choice made: one can change one's mind."""
    page = peopled.hub.coaches.find(FindCoaches(specialty="marathon", price_min=Decimal(50), facets=("specialty",)))
    assert [c.name for c in page.items] == ["Ben"]
    assert {v.value: v.n for v in (page.facets or {})["specialty"]} == {"yoga": 2, "marathon": 1}


def marked(house: House, q: str) -> dict[str, str]:
    """Return the highlighted texts of the first coach found, matches in brackets."""
    page = house.hub.coaches.find(FindCoaches(q=q, highlight=True, limit=1))
    (hit,) = page.hits or ()
    return {
        h.member: "".join(f"[{part.text}]" if part.is_match else part.text for part in h.parts) for h in hit.highlights
    }


def test_highlights_are_on_the_text_as_it_was_written(house: House) -> None:
    """Accents, typos, beginnings and synonyms are found where they stand."""
    coach = house.a_person("coach", name="Zo\u00eb O\u2019Connor", city="K\u00f6ln")
    bio = (
        "Prize-winner.\n"
        + "Word after word. " * 10
        + "Then a MARATHON in K\u00f6ln, and another mara\u0301thon."
        + " x" * 200
    )
    house.hub.coaches.create(coach, CreateCoach(specialties=("stress-management", "marathon"), bio=bio))
    house.hub.coaches.add_certification(house.hub.act_as(coach.account_id), AddCertification(name="Marathon pacer"))
    assert marked(house, "zoe oconnor") == {"name": "[Zo\u00eb] [O\u2019Connor]"}
    assert marked(house, "burnout") == {"specialties": "[Stress management and sleep]"}
    found = marked(house, "marahton koln")
    assert found["specialties"] == "[Marathon]"
    assert found["city"] == "[K\u00f6ln]"
    assert found["certifications"] == "[Marathon] pacer"
    assert found["bio"].startswith("\u2026")
    assert "Then a [MARATHON] in [K\u00f6ln], and another [mara\u0301thon]." in found["bio"]
    assert len(found["bio"]) < 320
    assert "name" not in found


@pytest.mark.parametrize(
    ("query", "pointer", "sentence"),
    [
        ({"within_km": 10}, "within_km", "needs near, the city from which to measure"),
        ({"sort": "distance"}, "sort", "needs near, the city from which to measure"),
        ({"near": "Atlantis"}, "near", "is not a city whose place is known; try its own name, or the next larger city"),
        ({"price_min": Decimal(9), "price_max": Decimal(8)}, "price_min", "must not be above price_max"),
    ],
)
def test_what_makes_no_sense_is_said(house: House, query: dict[str, Any], pointer: str, sentence: str) -> None:
    """By name and rule."""
    with pytest.raises(Invalid) as refused:
        house.hub.coaches.find(FindCoaches(**query))
    (error,) = refused.value.errors
    assert (error.pointer, error.message) == (pointer, sentence)
