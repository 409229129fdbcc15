"""
CoachHub's own columns, made comparable: what a goal asks for, the rating after shrinkage, a price against a budget.

A table that has none of these columns passes through unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from coachhub_core.domain.vocabulary import Vocabulary, fold, shipped
from coachhub_core.matching.constraints import language_of
from coachhub_core.matching.tables import Category, CoachTable, Labels, Number, Texts, TraineeTable

PAIRS = {"price": ("budget", "price"), "levels": ("fitness_level", "levels")}  #: compared under one name on a hub
TAGS = "specialties"
SHRINK = 5.0  #: reviews of the mean that every coach starts with, until a model has fitted it


@attrs.frozen(eq=False)
class HubColumns:
    """Adds to a hub's tables what can be read off them; the mean and weight of ratings come with the model."""

    rating_mean: float = 4.4
    rating_weight: float = SHRINK

    @classmethod
    def fit(cls, coaches: CoachTable) -> HubColumns:
        """Take the mean of all ratings, and how much of their spread is chance, off a table (by moments)."""
        total, n = coaches.number("rating_sum").astype(np.float64), coaches.number("n_reviews").astype(np.float64)
        known = (n > 0) & ~np.isnan(total)
        if known.sum() < 5:
            return cls()
        mean = float(total[known].sum() / n[known].sum())
        rates = total[known] / n[known]
        within = 0.8  # of single reviews on five stars; only sums are kept, so it is assumed
        chance = float(np.mean(within / n[known]))
        between = max(float(np.mean((rates - mean) ** 2)) - chance, 0.02)
        return cls(mean, float(np.clip(within / between, 1.0, 40.0)))

    def of_coaches(self, coaches: CoachTable) -> CoachTable:
        """Give the coaches with their shrunken rating, their free seats and folded names."""
        added: dict[str, Any] = {}
        if "rating_sum" in coaches and "n_reviews" in coaches:
            n = np.nan_to_num(coaches.number("n_reviews").astype(np.float64))
            total = np.nan_to_num(coaches.number("rating_sum").astype(np.float64))
            shrunken = (self.rating_weight * self.rating_mean + total) / (self.rating_weight + n)
            added["rating"] = Number(shrunken - self.rating_mean)
        if "seats_left" in coaches and "capacity" in coaches:
            with np.errstate(divide="ignore", invalid="ignore"):
                share = coaches.number("seats_left").astype(np.float64) / coaches.number("capacity")
            added["free_seats"] = Number(np.where(np.isfinite(share), np.clip(share, 0, 1), np.nan))
        added.update(_folded(coaches))
        kept = {name: column for name, column in coaches.columns.items() if name not in _SPENT}
        return CoachTable.build(ids=coaches.ids, **{**kept, **added})

    def of_trainees(self, trainees: TraineeTable, vocabulary: Vocabulary | None = None) -> TraineeTable:
        """Give the trainees with the tags their goals ask for, and folded names."""
        added: dict[str, Any] = dict(_folded(trainees))
        asked = [trainees.columns.get(name) for name in ("goal", "goal_kinds", TAGS)]
        if isinstance(asked[0], Texts) or (isinstance(asked[1], Labels)):
            words = vocabulary or shipped()
            rows = zip(*(trainees.values(name) for name in ("goal", "goal_kinds", TAGS)), strict=True)
            added[TAGS] = Labels([_tags(words, *row) for row in rows])
        return TraineeTable.build(ids=trainees.ids, **{**trainees.columns, **added}) if added else trainees


_SPENT = ("rating_sum", "n_reviews", "seats_left", "capacity", "is_accepting", "median_response_seconds")


def _tags(
    words: Vocabulary, goal: Sequence[str] | None, kinds: Sequence[str] | None, tags: Sequence[str] | None
) -> list[str] | None:
    if goal is None and kinds is None and tags is None:
        return None
    found = set(tags or ())
    for text in goal or ():
        found |= set(words.found_in(text))
    for kind in kinds or ():
        entry = words.entry(kind, "goal")
        found |= set(entry.tags) if entry else set()
    return sorted(found) if found else None


def _folded(table: Any) -> dict[str, Any]:
    """Give cities and languages as they are compared."""
    made: dict[str, Any] = {}
    city = table.columns.get("city")
    if isinstance(city, Category):
        made["city"] = Category([None if value is None else fold(value).strip() for value in city.values()])
    spoken = table.columns.get("languages")
    if isinstance(spoken, Labels):
        made["languages"] = Labels(
            [None if value is None else {language_of(tag) for tag in value} or None for value in spoken.values()]
        )
    ways = table.columns.get("modalities")
    if isinstance(ways, Labels):
        made["modalities"] = Labels([None if value is None else _ways(value) or None for value in ways.values()])
    return made


def _ways(said: Sequence[str]) -> set[str]:
    """Hybrid is both in person and online; both together are hybrid."""
    ways = set(said)
    if "hybrid" in ways:
        ways |= {"online", "in_person"}
    elif {"online", "in_person"} <= ways:
        ways.add("hybrid")
    return ways
