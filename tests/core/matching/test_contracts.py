"""The kits, on what ships: the matcher of rules, the afternoon door, and the stable assigner."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from coachhub_core.matching import CoachRow, CoachTable, Reason, TraineeRow, matcher_from_scores
from coachhub_core.matching.logistic import logit, sigmoid
from coachhub_core.memory.matcher import assigner_offers, offers
from coachhub_core.ports.matcher import AssignerOffer, MatcherOffer
from coachhub_core.testing.matcher import AssignerContract, MatcherContract


class TestPlain(MatcherContract):
    """The matcher of rules keeps every promise of the port."""

    @pytest.fixture
    def offer(self) -> MatcherOffer:
        return offers()["plain"]


class TestPlainOnOtherTables(TestPlain):
    """And not on one seed alone."""

    seed = "another"


def cheap_and_known(trainee: TraineeRow, coaches: CoachTable) -> NDArray[np.float64]:
    """Score by price against the budget and by reviews; never propose who wants double."""
    price = np.nan_to_num(coaches.number("price"), nan=50.0).astype(np.float64)
    budget = trainee.number("budget") or 50.0
    scores = np.array([sigmoid(x) for x in 0.05 * np.nan_to_num(coaches.number("n_reviews")) - price / budget])
    return np.where(price > 2 * budget, -np.inf, scores)


def why(trainee: TraineeRow, coach: CoachRow, score: float) -> list[Reason]:
    return [
        Reason("fits.base", logit(score) - 0.5),
        Reason("fits.price", 0.5, {"price": coach.number("price"), "wanted": list(trainee.texts("goal"))}),
    ]


class TestScores(MatcherContract):
    """A function of a few lines, without reasons, is a whole matcher."""

    @pytest.fixture
    def offer(self) -> MatcherOffer:
        return matcher_from_scores(cheap_and_known, name="cheap", needs={"price", "budget", "n_reviews"})


class TestScoresWithReasons(MatcherContract):
    """So is one with reasons, on every column there is."""

    @pytest.fixture
    def offer(self) -> MatcherOffer:
        return matcher_from_scores(cheap_and_known, name="cheap", reasons=why, promises={"explains"})


class TestPlainAssigner(AssignerContract):
    """The shipped assigner keeps every promise of the port."""

    @pytest.fixture
    def offer(self) -> AssignerOffer:
        return assigner_offers()["plain"]
