"""
The catalogue of the search kit: people with something to be found by, and as many again to be filtered.

The first are written by hand, for the expectations in ``search_expectations.toml``;
the others come from a seed and differ in all that filters look at.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Sequence
from decimal import Decimal
from importlib import resources
from typing import Any, Final
from uuid import UUID

import attrs

from coachhub_core.domain.coaches import Certification
from coachhub_core.ports.storage import CoachRecord
from coachhub_core.testing.builders import START, a_coach, an_account

_Row = tuple[str, str | None, tuple[str, ...], str, dict[str, Any]]

_ROWS: Final[tuple[_Row, ...]] = (
    (
        "Ana Souza",
        "Zürich",
        ("marathon", "trail-running"),
        "From the first kilometre to the finish line.",
        {"n_reviews": 10, "rating_sum": 48, "pricing": Decimal(95), "currency": "CHF", "languages": ("pt", "de")},
    ),
    (
        "Ben Carter",
        "Bern",
        ("strength", "powerlifting"),
        "Barbells since 1999. Squat, bench, deadlift.",
        {"pricing": Decimal(60), "currency": "CHF", "n_reviews": 4, "rating_sum": 14},
    ),
    (
        "Chloé Dubois",
        "Genève",
        ("yoga", "mobility"),
        "Souplesse et respiration, en douceur.",
        {"languages": ("fr",), "pricing": Decimal("49.99"), "currency": "CHF", "n_reviews": 2, "rating_sum": 9},
    ),
    ("Dmitri Volkov", "Berlin", ("boxing",), "Footwork first.", {"pricing": Decimal(30), "modalities": ("in_person",)}),
    (
        "Elif Yılmaz",
        "İstanbul",
        ("swimming", "triathlon"),
        "Open water, no fear.",
        {"pricing": Decimal(90), "languages": ("tr", "en")},
    ),
    (
        "François Müller",
        "Straßburg",
        ("cycling",),
        "Watts, mountains.",
        {"modalities": ("in_person",), "languages": ("fr", "de"), "pricing": Decimal("74.99")},
    ),
    ("Greta Lind", "Malmö", ("prenatal", "postnatal"), "Strong through pregnancy and after.", {"languages": ("sv",)}),
    ("Hiro Tanaka", None, ("rehab",), "Knees and backs that hurt no more.", {"is_accepting": False}),
    ("Ines Marathon", "Porto", ("pilates",), "Core strength, quietly.", {"pricing": Decimal(25)}),
    ("Jörg Weiß", "Köln", ("climbing",), "Von der Halle an den Fels.", {"languages": ("de",), "pricing": Decimal(55)}),
    ("Kwame Mensah", "Accra", ("football",), "Sprints and set pieces for midfielders.", {"pricing": Decimal(15)}),
    (
        "Łukasz Wójcik",
        "Kraków",
        ("olympic-weightlifting", "crossfit"),
        "Snatch balance before coffee.",
        {"pricing": Decimal(140), "currency": "PLN", "languages": ("pl", "en"), "n_reviews": 3, "rating_sum": 15},
    ),
    ("María José Pérez", "Sevilla", ("dance-fitness",), "Sevillanas y fuerza.", {"languages": ("es",)}),
    ("Niamh O'Connor", "Dublin", ("rowing",), "Catch, drive, finish, recover.", {"pricing": Decimal(70)}),
    ("Øyvind Sørensen", "Tromsø", ("winter-sports", "hiking"), "Polar nights on skis.", {"languages": ("no", "en")}),
    ("Παναγιώτης Νικολάου", "Αθήνα", ("basketball",), "Άλμα και ταχύτητα.", {"languages": ("el",)}),
    (
        "山田 花子",
        "東京",
        ("golf",),
        "ゆっくり、正しく。",
        {"currency": "JPY", "pricing": Decimal(8000), "languages": ("ja",)},
    ),
    ("Олена Шевченко", "Київ", ("gymnastics",), "Сила і гнучкість.", {"currency": "UAH", "pricing": Decimal(700)}),
    ("Priya Nair", "मुंबई", ("stress-management",), "Breath by breath towards calmer days.", {"pricing": Decimal(20)}),
    (
        "Quentin Leroy",
        "Lyon",
        ("nutrition", "weight-loss"),
        "Cuisine simple, habits that last.",
        {"languages": ("fr",)},
    ),
    (
        "Rosa García",
        "Barcelona",
        ("older-adults", "balance"),
        "Steady on the stairs at eighty.",
        {"pricing": Decimal(35)},
    ),
    ("Siobhán Byrne", "Galway", ("kettlebells",), "Swing, clean, press.", {"capacity": 2, "n_active": 2}),
    ("Tomás Ferreira", "Lisboa", ("martial-arts",), "Guard passing for grown-ups.", {"pricing": Decimal(45)}),
    ("Ulrike Schäfer", "München", ("back-care", "posture"), "Für Menschen am Schreibtisch.", {"languages": ("de",)}),
    ("Viktor Horváth", "Budapest", ("strongman",), "Atlas stones and yokes.", {"pricing": Decimal(40)}),
    ("Wanjiru Kamau", "Nairobi", ("half-marathon", "running"), "Altitude, patience, tempo.", {"pricing": Decimal(50)}),
    ("Xiao Chen", "上海", ("racket-sports",), "Footwork and reach at the table.", {"currency": "CNY"}),
    ("Yusuf Demir", "Ankara", ("tactical",), "Ruck marches and fitness tests.", {"pricing": Decimal(65)}),
    ("Zoë van Dijk", "Den Haag", ("cycling", "endurance"), "Wind is a training partner.", {"languages": ("nl", "en")}),
    ("Åsa Nyström", "Göteborg", ("adaptive",), "Sport from the chair.", {"languages": ("sv", "en")}),
    ("Saoirse Walsh", "Cork", ("youth",), "Games first, drills later.", {"modalities": ("in_person", "hybrid")}),
    ("Berlin Adams", "London", ("hiit",), "Twenty minutes are plenty.", {"pricing": Decimal(55), "currency": "GBP"}),
    ("Marta Bauer", "Wien", ("womens-health",), "Kraft in den Wechseljahren.", {"languages": ("de",)}),
    ("Oskar Zimmermann", "Zürich", ("swimming",), "Wasserlage, Atmung, Ruhe.", {"currency": "CHF"}),
    ("Paolo Rossi", "Milano", ("triathlon",), "Tre sport, un piano.", {"languages": ("it",), "pricing": Decimal(100)}),
    ("Ruth Goldberg", "תל אביב", ("self-defence",), "Voice before fists.", {"languages": ("he", "en")}),
)

_FIRST: Final = ("Alex", "Bo", "Cleo", "Dana", "Eli", "Fay", "Gil", "Hal")
_LAST: Final = ("Ashdown", "Birch", "Crane", "Drew", "Elder", "Frost", "Gale", "Heath")
_CITIES: Final = ("Bern", "Basel", "Zürich", "ZURICH", "Porto", "Nowhere-on-Sea", None)


def _filler(number: int) -> _Row:
    draw = random.Random(number)  # noqa: S311 - a draw that can be repeated
    n_reviews = draw.choice((0, 0, 1, 3, 7))
    capacity = draw.choice((0, 1, 5))
    return (
        f"{_FIRST[number % 8]} {_LAST[number // 8 % 8]}",
        draw.choice(_CITIES),
        tuple(draw.sample(("habits", "general-fitness", "beginners", "corporate-wellness"), k=draw.randint(0, 2))),
        draw.choice(("Patient and punctual.", "Everyday movement, every day.", "")),
        {
            "pricing": draw.choice((None, *(Decimal(n) for n in (10, 25, 50, 75)), Decimal("49.99"), Decimal(220))),
            "currency": draw.choice(("EUR", "CHF")),
            "languages": tuple(draw.sample(("en", "de", "fr"), k=draw.randint(1, 2))),
            "modalities": tuple(draw.sample(("online", "in_person", "hybrid"), k=draw.randint(1, 2))),
            "n_reviews": n_reviews,
            "rating_sum": sum(draw.randint(2, 5) for _ in range(n_reviews)),
            "capacity": capacity,
            "n_active": draw.randint(0, capacity),
            "is_accepting": draw.random() < 0.8,
        },
    )


def _record(number: int, row: _Row) -> CoachRecord:
    name, city, specialties, bio, more = row
    coach_id = UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0000 + number)
    account_id = UUID(int=0x0190_0000_0000_7000_8000_0000_0000_1000 + number)
    claims = _CLAIMS.get(name, ())
    return CoachRecord(
        coach=a_coach(account_id, id=coach_id, specialties=specialties, bio=bio, **more),
        account=an_account(id=account_id, email=f"catalogue{number}@example.org", role="coach", name=name, city=city),
        certifications=tuple(
            Certification(
                id=UUID(int=0x0190_0000_0000_7000_8000_0000_0000_2000 + 10 * number + n),
                coach_id=coach_id,
                name=claim,
                created_at=START,
            )
            for n, claim in enumerate(claims)
        ),
    )


_CLAIMS: Final = {
    "Ben Carter": ("Certified Strength and Conditioning Specialist",),
    "Hiro Tanaka": ("Physiotherapy diploma, Osaka",),
    "Tomás Ferreira": ("Black belt, third dan",),
}

CATALOGUE: Final[tuple[CoachRecord, ...]] = tuple(
    _record(number, row) for number, row in enumerate((*_ROWS, *map(_filler, range(64))), start=1)
)


@attrs.frozen
class Expectation:
    """For *query*: each of *first* among the first three, none of *never* at all; *only* is everybody found."""

    query: str
    why: str
    first: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None


def _expectations() -> Sequence[Expectation]:
    text = resources.files(__package__).joinpath("search_expectations.toml").read_text("utf-8")
    return [
        Expectation(
            row["query"],
            row["why"],
            tuple(row.get("first", ())),
            tuple(row.get("never", ())),
            tuple(row["only"]) if "only" in row else None,
        )
        for row in tomllib.loads(text)["expectation"]
    ]


EXPECTATIONS: Final[tuple[Expectation, ...]] = tuple(_expectations())
