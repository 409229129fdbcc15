"""
``plain``: the matcher of rules, in plain Python.

It adds up points that anybody can read: how far the coach's specialties answer
the goal, which of the goal's words the coach uses, price, hours, language, way
of working, city, level, rating and free seats. The sum is the logit of the
score, so every reason says exactly how much it moved it. It needs no training,
serves as the fallback of every other matcher, and is the reference the kit was
written against.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.domain.vocabulary import Vocabulary, shipped
from coachhub_core.errors import ArtefactError
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.memory.assigner import StableAssigner
from coachhub_core.memory.points import PlainIndex, Weights
from coachhub_core.ports.matcher import (
    NEVER,
    ArtefactReader,
    ArtefactWriter,
    AssignerOffer,
    Deadline,
    Matcher,
    MatcherOffer,
    OutcomeLog,
)

NEEDS = frozenset(
    {
        "bio",
        "budget",
        "capacity",
        "certifications",
        "city",
        "currency",
        "fitness_level",
        "goal",
        "goal_kinds",
        "hours",
        "languages",
        "levels",
        "modalities",
        "n_reviews",
        "price",
        "rating_sum",
        "seats_left",
        "specialties",
    }
)


class PlainMatcher:
    """Ranks by points; see the module."""

    def __init__(self, weights: Weights | None = None, vocabulary: Vocabulary | None = None) -> None:
        self.weights = weights or Weights()
        self._vocabulary = vocabulary or shipped()

    def fit(
        self,
        log: OutcomeLog,
        coaches: CoachTable,
        trainees: TraineeTable,
        *,
        prior: Matcher | None = None,
        seed: int = 0,
        deadline: Deadline = NEVER,
    ) -> PlainMatcher:
        """Give the same rules: points are set by hand, and a log does not move them."""
        return PlainMatcher(self.weights, self._vocabulary)

    def save(self, out: ArtefactWriter) -> None:
        """Put the points."""
        out.put_json("weights", attrs.asdict(self.weights))

    def load(self, source: ArtefactReader) -> PlainMatcher:
        """
        Give the matcher with the points that were saved.

        Raises:
            ArtefactError: If they are not exactly those this version knows, each a finite number.
        """
        document = source.json("weights")
        known = {field.name for field in attrs.fields(Weights)}
        if not isinstance(document, dict) or set(document) != known:
            raise ArtefactError(reason="these are not the weights of the plain matcher")
        if not all(isinstance(v, int | float) and math.isfinite(v) for v in document.values()):
            raise ArtefactError(reason="a weight of the plain matcher is not a finite number")
        return PlainMatcher(Weights(**{name: float(value) for name, value in document.items()}), self._vocabulary)

    @property
    def people(self) -> frozenset[str]:
        """Nobody: points are set by hand."""
        return frozenset()

    def without(self, ids: Collection[str]) -> PlainMatcher:
        """Give the same: there is nothing to forget."""
        return self

    def index(self, coaches: CoachTable, *, prices: NDArray[np.float64] | None = None) -> PlainIndex:
        """Read the snapshot into lists."""
        return PlainIndex(coaches, self.weights, self._vocabulary, prices)


def plain(vocabulary: Vocabulary | None = None) -> PlainMatcher:
    """Make the matcher of rules, with the shipped vocabulary unless another is given."""
    return PlainMatcher(vocabulary=vocabulary)


def offers(vocabulary: Vocabulary | None = None) -> dict[str, MatcherOffer]:
    """Give the matchers that ship with the core, by name."""
    promises = frozenset({"exact", "explains", "text", "cold_coach", "cold_trainee"})
    return {"plain": MatcherOffer(make=lambda: plain(vocabulary), version="1", needs=NEEDS, promises=promises)}


def assigner_offers() -> dict[str, AssignerOffer]:
    """Give the assigners that ship with the core, by name."""
    return {"plain": AssignerOffer(make=StableAssigner, version="1", modes=frozenset({"stable"}))}
