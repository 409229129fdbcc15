"""The table of cities."""

from __future__ import annotations

import pytest

from coachhub_core.domain.cities import all_cities, find_city, metres_between, metres_from


def test_every_city_is_somewhere_and_has_one_meaning() -> None:
    """On the globe, under names that no other city has, and no two in one place."""
    cities = all_cities()
    assert len(cities) > 250
    assert all(-60 < c.latitude < 72 and -180 <= c.longitude <= 180 for c in cities)
    assert len({(c.latitude, c.longitude) for c in cities}) == len(cities)
    assert all(find_city(c.name) is c for c in cities)


@pytest.mark.parametrize(
    ("name", "city"),
    [("zurich", "Zürich"), ("ZÜRICH", "Zürich"), ("Vienna", "Wien"), (" munich ", "München"), ("tokyo", "東京")],
)
def test_a_city_has_many_names(name: str, city: str) -> None:
    """However they are written."""
    found = find_city(name)
    assert found is not None
    assert found.name == city


def test_a_city_that_is_not_there_is_nowhere() -> None:
    """Rather than somewhere wrong."""
    assert find_city("Atlantis") is None
    assert find_city("") is None


@pytest.mark.parametrize(
    ("a", "b", "km"),  # great-circle distances as published elsewhere, rounded
    [("Zürich", "Bern", 95), ("Berlin", "Hamburg", 255), ("London", "New York", 5_570), ("Sydney", "Auckland", 2_156)],
)
def test_distances_are_right(a: str, b: str, km: int) -> None:
    """Within two per cent of what is published, the same there and back."""
    here, there = find_city(a), find_city(b)
    assert here is not None
    assert there is not None
    assert metres_between(here, there) / 1_000 == pytest.approx(km, rel=0.02)
    assert metres_between(here, there) == metres_between(there, here)
    assert metres_from(here.name)[there.keys[0]] == metres_between(here, there)
    assert metres_from(here.name)[here.keys[0]] == 0
