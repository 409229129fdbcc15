"""
Two hundred believable coaches, for whoever tries the library with nothing at hand.

Drawn anew at each load from a fixed seed through sha256 alone, so they are the
same on every machine and in every version of Python. They have no names: a
table of coaches never has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from coachhub_core.domain.vocabulary import Vocabulary, shipped
from coachhub_core.matching.schema import coach_table
from coachhub_core.matching.tables import CoachTable

N_COACHES = 200

T = TypeVar("T")

_CITIES = {  # city -> languages spoken there, currency, usual price of an hour
    "Berlin": (("de", "en"), "EUR", 65),
    "Hamburg": (("de", "en"), "EUR", 60),
    "Vienna": (("de", "en"), "EUR", 60),
    "Madrid": (("es", "en"), "EUR", 45),
    "Lisbon": (("pt", "en"), "EUR", 40),
    "Paris": (("fr", "en"), "EUR", 70),
    "Amsterdam": (("nl", "en"), "EUR", 65),
    "Warsaw": (("pl", "en"), "EUR", 35),
    "London": (("en",), "GBP", 60),
    "Dublin": (("en",), "EUR", 60),
}
_PERSONAS = (  # specialties that go together, and what somebody of that kind writes
    (
        ("marathon", "running", "half-marathon", "trail-running", "endurance"),
        "I have paced first-time marathon runners to the finish for years.",
        "Easy miles, one hard session a week and a taper you can trust.",
    ),
    (
        ("strength", "powerlifting", "olympic-weightlifting", "competition-prep"),
        "Squat, bench and deadlift with clean technique before heavy loads.",
        "You will know your next meet's openers months ahead.",
    ),
    (
        ("hypertrophy", "bodybuilding", "nutrition", "body-recomposition"),
        "Muscle is built by volume you can recover from and food that fits your day.",
        "We measure, adjust and keep what works.",
    ),
    (
        ("weight-loss", "nutrition", "habits", "general-fitness"),
        "Losing weight without losing your evenings: small habits, honest numbers.",
        "No food is forbidden here, and no week is lost.",
    ),
    (
        ("beginners", "general-fitness", "habits", "weight-loss", "strength"),
        "Never been to a gym? We start with what you can do today.",
        "Two sessions a week, half an hour each, and a plan that bends.",
    ),
    (
        ("mobility", "flexibility", "posture", "yoga", "stress-management"),
        "Stiff from a desk job? We get your hips and shoulders moving again.",
        "Slow flows, breathing and ten minutes of homework.",
    ),
    (
        ("yoga", "pilates", "stress-management", "flexibility", "core-training"),
        "Vinyasa for strong days and yin for tired ones.",
        "Balance comes from attention, and attention can be trained.",
    ),
    (
        ("rehab", "back-care", "injury-prevention", "mobility"),
        "After an injury we rebuild load step by step, together with your physiotherapist.",
        "Back pain is a reason to move well, not a reason to stop.",
    ),
    (
        ("prenatal", "postnatal", "womens-health", "pilates"),
        "Safe training through pregnancy and back to strength after birth.",
        "The pelvic floor comes first; the personal bests come later.",
    ),
    (
        ("older-adults", "balance", "heart-health", "walking", "mobility"),
        "Strong legs and good balance keep you independent at seventy and beyond.",
        "We train what daily life asks of you.",
    ),
    (
        ("triathlon", "swimming", "cycling", "running", "endurance"),
        "From a first sprint distance to a long day in the saddle.",
        "Three sports, one calendar, enough sleep.",
    ),
    (
        ("cycling", "endurance", "athletic-performance"),
        "Power-based plans for gran fondos and hilly weekends.",
        "Threshold work that fits before breakfast.",
    ),
    (
        ("boxing", "kickboxing", "martial-arts", "self-defence", "hiit"),
        "Pad work, footwork and rounds that teach you to stay calm.",
        "Nobody spars before they want to.",
    ),
    (
        ("climbing", "core-training", "calisthenics", "injury-prevention"),
        "Finger strength, pulling power and the patience of a good route setter.",
        "Bouldering plans that spare your elbows.",
    ),
    (
        ("calisthenics", "gymnastics", "core-training", "strength"),
        "Your first pull-up, then a muscle-up, then a handstand.",
        "All you need is a bar and a bit of floor.",
    ),
    (
        ("crossfit", "functional-training", "hiit", "obstacle-racing"),
        "Short, hard and different every day, scaled to whoever shows up.",
        "Hybrid races are won by those who can still lift when they are tired.",
    ),
    (
        ("football", "team-sports", "athletic-performance", "youth", "injury-prevention"),
        "Speed, agility and legs that last ninety minutes.",
        "Young players first learn to land, then to sprint.",
    ),
    (
        ("racket-sports", "golf", "athletic-performance", "mobility"),
        "Rotation, quick first steps and a shoulder that holds all season.",
        "Off-season strength for people who would rather be on court.",
    ),
    (
        ("hiking", "walking", "endurance", "winter-sports"),
        "Fit for long mountain days with a pack on your back.",
        "We climb stairs in the city until the summit feels easy.",
    ),
    (
        ("corporate-wellness", "stress-management", "habits", "hiit", "posture"),
        "Training for busy professionals: twenty minutes between two meetings.",
        "Travel a lot? Your plan travels with you.",
    ),
)
_CERTIFICATIONS = (
    "Personal trainer, EREPS level 4",
    "Strength and conditioning specialist",
    "Sports physiotherapy assistant",
    "Nutrition coach, level 1",
    "First aid and AED",
    "Athletics coach, C licence",
    "Yoga teacher, 200 hours",
    "Pre- and postnatal trainer",
)


class Draws:
    """A stream of numbers that is a pure function of its seed."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._n = 0

    def below(self, n: int) -> int:
        """Draw a whole number from 0 to n - 1."""
        self._n += 1
        digest = hashlib.sha256(self._seed + self._n.to_bytes(8, "big")).digest()
        return int.from_bytes(digest[:8], "big") % n

    def chance(self, percent: int) -> bool:
        """Be true in *percent* of a hundred draws."""
        return self.below(100) < percent

    def pick(self, items: Sequence[T]) -> T:
        """Draw one."""
        return items[self.below(len(items))]

    def some(self, items: Sequence[T], n: int) -> list[T]:
        """Draw *n* different ones, in the order of the draw."""
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in range(min(n, len(left)))]


def sample_rows(n: int = N_COACHES, *, seed: str = "coachhub.sample.v1") -> list[dict[str, Any]]:
    """Give the rows of *n* coaches, as :func:`~coachhub_core.matching.schema.coach_table` takes them."""
    draws = Draws(seed)
    vocabulary = shipped()
    return [_coach(i, draws, vocabulary) for i in range(n)]


def _coach(i: int, draws: Draws, vocabulary: Vocabulary) -> dict[str, Any]:
    tags, first, second = _PERSONAS[i % len(_PERSONAS)]
    city = draws.pick(tuple(_CITIES))
    languages, currency, usual = _CITIES[city]
    specialties = [tags[0], *draws.some(tags[1:], 1 + draws.below(3))] if draws.chance(70) else draws.some(tags, 3)
    years = draws.below(20) + 1
    n_reviews = 0 if draws.chance(20) else draws.below(40) + 1
    capacity = draws.pick((5, 8, 10, 10, 12, 15, 20))
    taken = capacity if draws.chance(8) else draws.below(capacity)
    start = draws.pick((6, 8, 9, 15, 17))
    hours = [
        24 * day + hour
        for day in sorted(draws.some(range(7), 3 + draws.below(4)))
        for hour in range(start, min(start + 3 + draws.below(4), 22))
    ]
    bio = [first, second] if draws.chance(60) else [draws.pick((first, second))]
    bio.append(f"{years} years of coaching, mostly {vocabulary.label(specialties[0]).lower()}.")
    return {
        "id": f"sample-{i:03}",
        "specialties": specialties,
        "bio": bio,
        "certifications": draws.some(_CERTIFICATIONS, draws.below(3)),
        "city": city,
        "languages": languages if draws.chance(75) else languages[:1],
        "modalities": draws.pick((["online"], ["in_person"], ["online", "in_person"], ["hybrid"], ["online"])),
        "price": None if draws.chance(4) else max(15, usual - 25 + 5 * draws.below(12)),
        "currency": currency,
        "hours": hours,
        "years": years,
        "rating_sum": sum(5 - (draws.below(10) > 5) - (draws.below(10) > 8) for _ in range(n_reviews)),
        "n_reviews": n_reviews,
        "capacity": capacity,
        "seats_left": capacity - taken,
        "is_accepting": 0 if draws.chance(3) else 1,
        "median_response_seconds": 900 + 300 * draws.below(120),
    }


@cache
def sample_coaches() -> CoachTable:
    """Give the packaged sample of 200 coaches."""
    return coach_table(sample_rows())
