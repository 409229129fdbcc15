"""A log made by somebody's lists: what a place was worth is told apart from what a coach is worth."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

import coachhub_scipy
from coachhub_core.errors import Invalid
from coachhub_core.matching import CoachMatcher, OutcomeLog
from coachhub_core.matching.exploring import Maybe, arranged
from coachhub_core.matching.market import Market, make_market
from coachhub_scipy.observe import CLIP, observe

pytestmark = pytest.mark.xdist_group("duet bias")

SEED = 6


def biased(market: Market) -> OutcomeLog:
    """
    Play lists that one wrong ranker made, and exploration changed now and then.

    It ranks coaches by a number that says nothing, newcomers last, and people look at the n-th place one time in n.
    """
    rng = np.random.default_rng(SEED)
    wants = market.truth["wants"]
    n, m = wants.shape
    is_new = rng.random(m) < 0.2
    order = rng.normal(size=m) + 0.3 * rng.normal(size=(n, m)) - 5.0 * is_new
    upper = order + np.where(is_new, 8.0 + rng.normal(size=m), 0.1)
    records: list[dict[str, Any]] = []
    for i in range(n):
        for number in range(4):
            some = rng.permutation(m)[: m // 2]
            ranked = some[np.argsort(-order[i, some], kind="stable")].tolist()
            shown = arranged(
                [str(row) for row in ranked[:10]],
                [Maybe(coach_id=str(row), score=order[i, row], upper=upper[i, row]) for row in ranked],
                question=f"{i}:{number}",
                swap_share=0.05,
                explore_share=0.1,
            )
            for place, one in enumerate(shown):
                said = {
                    "at": len(records),
                    "trainee": market.trainees.ids[i],
                    "coach": market.coaches.ids[int(one.coach_id)],
                    "position": place + 1,
                    "propensity": one.propensity,
                }
                records.append({**said, "event": "shown"})
                if rng.random() < 1.0 / (1 + place) and rng.random() < wants[i, int(one.coach_id)]:
                    records.append({**said, "event": "contacted"})
    return OutcomeLog.build(records)


def gains(log: OutcomeLog, market: Market) -> NDArray[np.float64]:
    """Learn from the log, and give each trainee's nDCG@10 against the true wishes."""
    model = CoachMatcher.fit(log, market.coaches, market.trainees, plugins=[coachhub_scipy])
    truth = market.truth["wants"]
    best = np.argsort(-model.probabilities(market.trainees)["wants"], axis=1, kind="stable")[:, :10]
    discount = 1 / np.log2(np.arange(10) + 2)
    ideal = -np.sort(-truth, axis=1)[:, :10] @ discount
    return np.take_along_axis(truth, best, axis=1) @ discount / ideal


def interval(each: NDArray[np.float64]) -> tuple[float, float]:
    """Give the 95 % interval of the mean, by 2,000 draws over trainees."""
    draws = np.random.default_rng(0).integers(0, len(each), (2_000, len(each)))
    low, high = np.quantile(each[draws].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


@pytest.fixture(scope="module")
def market() -> Market:
    """A market whose columns tell much."""
    return make_market("much", n_trainees=300, n_coaches=60, seed=SEED)


def test_the_bias_of_places_is_taken_out_of_a_log(market: Market) -> None:
    """
    Places known, lists are better by more than noise than with the same log read without them.

    What the weights by propensity add to that is small, and with their clip at least no loss that counts.
    """
    log = biased(market)
    nowhere = np.zeros(len(log), np.int32)
    unknown = np.full(len(log), np.nan, np.float32)
    whole = gains(log, market)
    low, _ = interval(whole - gains(attrs.evolve(log, position=nowhere, propensity=unknown), market))
    assert low > 0
    _, high = interval(whole - gains(attrs.evolve(log, propensity=unknown), market))
    assert high > -0.005  # a tenth of what the places bring


def test_what_was_drawn_seldom_counts_for_more_and_never_for_too_much(market: Market) -> None:
    """A showing weighs the inverse of how likely it was, up to the clip; where that is not known, as a certain one."""
    people, coaches = market.trainees, market.coaches
    chances = [1.0, 0.9, 0.01, None]
    records: list[dict[str, Any]] = [
        {"at": at, "trainee": people.ids[0], "coach": coaches.ids[at], "event": "shown", "position": 1, "propensity": p}
        for at, p in enumerate(chances)
    ]
    records.append({"at": 9, "trainee": people.ids[1], "coach": coaches.ids[9], "event": "contacted"})
    seen = observe(OutcomeLog.build(records), coaches, people)["wants"]
    weight = dict(zip(seen.coach.tolist(), seen.weight.tolist(), strict=True))
    assert weight[1] / weight[0] == pytest.approx(1 / 0.9)
    assert weight[2] / weight[0] == pytest.approx(CLIP)
    assert weight[3] == weight[0]
    assert np.mean([weight[row] for row in range(4)]) == pytest.approx(1.0)


@pytest.mark.parametrize("wrong", [0.0, -0.1, 1.5])
def test_a_propensity_is_a_chance(wrong: float) -> None:
    """What cannot happen was not shown."""
    with pytest.raises(Invalid, match="above 0"):
        OutcomeLog.build([{"at": 1, "trainee": "t", "coach": "c", "event": "shown", "propensity": wrong}])
