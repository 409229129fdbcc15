"""Where cities lie: a small table, so that "near Bern" means something without asking anybody."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

import attrs

from coachhub_core.domain.vocabulary import fold

EARTH_METRES: Final = 6_371_008.8  # mean radius; a sphere is right to half a percent


@attrs.frozen(kw_only=True)
class City:
    """A city of the table: ``keys`` are all its names, folded."""

    name: str
    keys: tuple[str, ...]
    latitude: float
    longitude: float


def find_city(name: str) -> City | None:
    """Find a city by any of its names, however accents and case are written."""
    return _by_key().get(city_key(name))


def city_key(name: str) -> str:
    """Return what city names are compared by."""
    return fold(name.strip())[:255]


def metres_between(a: City, b: City) -> int:
    """Return the great-circle distance, in whole metres."""
    lat_a, lat_b = math.radians(a.latitude), math.radians(b.latitude)
    across = math.radians(b.longitude - a.longitude)
    h = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(across / 2) ** 2
    return round(2 * EARTH_METRES * math.asin(min(1.0, math.sqrt(h))))


@cache
def metres_from(name: str) -> Mapping[str, int]:
    """
    Return how far every known city is from one of them.

    Args:
        name: The shown name of a city of the table.
    Returns:
        Metres by folded name, each of a city's names with the same; whatever is not in it has no distance.
    """
    here = _by_key()[city_key(name)]
    return {key: metres_between(here, city) for key, city in _by_key().items()}


def all_cities() -> tuple[City, ...]:
    """Return the whole table, in its order."""
    return tuple(dict.fromkeys(_by_key().values()))


@cache
def _by_key() -> Mapping[str, City]:
    found: dict[str, City] = {}
    for line in resources.files(__package__).joinpath("cities.txt").read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        names, _, place = line.partition(" : ")
        shown, _, others = names.partition(" | ")
        keys = tuple(dict.fromkeys(city_key(n) for n in (shown, *others.split(",")) if n.strip()))
        latitude, longitude = place.split()
        city = City(name=shown.strip(), keys=keys, latitude=float(latitude), longitude=float(longitude))
        for key in keys:
            if found.setdefault(key, city) is not city:
                raise ValueError(f"cities.txt: {key!r} is the name of two cities")
    return found
