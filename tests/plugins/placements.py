"""Cohorts of the assigners' tests: placed, checked, and beside every placement there is."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching import Certificate
from coachhub_core.memory.matcher import assigner_offers
from coachhub_core.ports.matcher import Placements
from coachhub_core.testing.assigner import Cohort
from coachhub_scipy import coachhub_assigners

PROOF = ("crowd", "crowd_at_floor", "weights", "weighted_prices")


def placed(cohort: Cohort, mode: str, assigner: str = "duet") -> Placements:
    return cohort.placed(mode, assigner, {**assigner_offers(), **coachhub_assigners()})


def checked(cohort: Cohort, coaches: Any, made: Placements) -> Certificate:
    return cohort.certified(coaches, prices=made.prices, **{name: made.certificate.get(name) for name in PROOF})


def everything(cohort: Cohort) -> tuple[float, tuple[int, float, float]]:
    """
    Try every placement: the largest sum; and the most pairs, the best worst of those, the largest sum of those.

    The worst is a pair, or the mean of what a trainee gets where all needs are met and some are above 1.
    """
    theirs = cohort.scores if cohort.coach_scores is None else cohort.coach_scores
    is_pair = (cohort.candidates >= 0) & (cohort.scores >= cohort.floor) & (cohort.scores > -np.inf)
    is_pair &= theirs > -np.inf
    found = [0.0, (0, np.inf, 0.0)]

    def seat(i: int, free: NDArray[np.int64], got: list[list[float]]) -> None:
        if i == len(cohort.scores):
            pairs = [score for mine in got for score in mine]
            worst = min(pairs, default=np.inf)
            if len(pairs) == cohort.need.sum() and cohort.need.max() > 1:
                worst = min(sum(mine) / len(mine) for mine in got if mine)
            found[0] = max(found[0], sum(pairs))
            found[1] = max(found[1], (len(pairs), round(worst, 9), sum(pairs)))
            return
        able = np.flatnonzero(is_pair[i])
        for size in range(cohort.need[i] + 1):
            for chosen in combinations(able, size):
                coaches = cohort.candidates[i, list(chosen)]
                if (free[coaches] > 0).all():
                    left = free.copy()
                    left[coaches] -= 1
                    seat(i + 1, left, [*got, cohort.scores[i, list(chosen)].tolist()])

    seat(0, cohort.seats, [])
    return found[0], found[1]  # type: ignore[return-value]
