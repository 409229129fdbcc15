"""Coaches and profiles that a counterfactual is asked about, and matchers of one function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coachhub_core import hookimpl
from coachhub_core.matching import CoachMatcher, CoachTable, matcher_from_scores
from coachhub_core.matching.sample import Draws
from coachhub_core.matching.schema import coach_table
from coachhub_core.ports.matcher import MatcherOffer

LEVELS = ("beginner", "intermediate", "advanced")
CITIES = ("Berlin", "Porto", "Wien")
LANGUAGES = ("de", "en", "es")
WEEK = (18, 19, 42, 43)


def some_coaches(seed: str, n: int = 9) -> list[dict[str, Any]]:
    """Draw coaches who differ in all that a trainee can come nearer to."""
    draws = Draws(f"counterfactuals.{seed}")
    rows = []
    for i in range(n):
        rows.append(
            {
                "id": f"c{i}",
                "specialties": draws.some(("marathon", "yoga", "strength"), 2),
                "price": draws.pick((38, 44.5, 51, 58, 63, 70)),
                "currency": "EUR",
                "languages": draws.some(LANGUAGES, 2),
                "modalities": draws.some(("online", "in_person", "hybrid"), 1),
                "city": draws.pick(CITIES),
                "levels": [draws.pick(LEVELS)],
                "hours": sorted(draws.some(WEEK, 3)),
                "seats_left": draws.pick((0, 1, 2, 3)),
                "capacity": 3,
            }
        )
    return rows


def a_profile(seed: str) -> dict[str, Any]:
    draws = Draws(f"counterfactuals.profile.{seed}")
    return {
        "goal": draws.pick(("my first marathon", "yoga and strength")),
        "budget": draws.pick((45, 55, 65)),
        "currency": "EUR",
        "languages": draws.some(LANGUAGES, 1),
        "modalities": [draws.pick(("online", "in_person"))],
        "city": draws.pick(CITIES),
        "fitness_level": draws.pick(LEVELS),
        "hours": sorted(draws.some(WEEK, 2)),
    }


def a_hub(**kim: Any) -> CoachMatcher:
    """Kim is what a test says; Lee answers the goal and costs 40."""
    lee = {"id": "lee", "specialties": ["marathon"], "price": 40, "seats_left": 1}
    return CoachMatcher(coaches=coach_table([{"id": "kim", **kim}, lee]), matcher="plain")


def offering(offer: MatcherOffer, name: str = "mine") -> object:
    class Plugin:
        @hookimpl
        def coachhub_matchers(self) -> Mapping[str, MatcherOffer]:
            return {name: offer}

    return Plugin()


def mine(score: Any, coaches: CoachTable, **more: Any) -> CoachMatcher:
    """A matcher of one function."""
    offer = matcher_from_scores(score, name="mine")
    return CoachMatcher(coaches=coaches, plugins=[offering(offer)], matcher="mine", **more)
