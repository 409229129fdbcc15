"""Several coaches each: the least mean of ``worst_first``, and long lists of which most are worth nothing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from placements import checked, everything, placed

from coachhub_core.matching import certify, place
from coachhub_core.testing.assigner import Cohort


def _papers(seed: int, *, n: int = 60, m: int = 90, need: int = 3) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Give scores of which most are 0, as between papers and their reviewers, and uneven seats for all needs."""
    draws = np.random.default_rng(seed)
    near = draws.normal(size=(n, 8)) @ draws.normal(size=(m, 8)).T / 2 + draws.normal(size=m)
    scores = np.where(near > np.quantile(near, 0.93, axis=1, keepdims=True), 1 / (1 + np.exp(-near)), 0.0)
    seats = 1 + draws.pareto(2, m)
    return scores, np.ceil(seats * 1.1 * n * need / seats.sum()).astype(np.int64)


@pytest.mark.parametrize("seed", range(3))
def test_who_gets_several_coaches_is_served_by_what_they_get_together(seed: int) -> None:
    """
    The least mean is far above what the largest sum leaves somebody with, and near a bound that is proved.

    No pair says so: not everybody can have three who are worth anything, and a worst pair of 0 is as good as can be.
    """
    scores, seats = _papers(seed)
    need = np.full(len(scores), 3)
    every = np.tile(np.arange(len(seats)), (len(scores), 1))
    fair = place(None, scores, seats, need=need, mode="worst_first", assigner="duet")
    most = place(None, scores, seats, need=need, mode="welfare", assigner="duet")
    proof = {name: fair.certificate[name] for name in ("weights", "weighted_prices", "crowd_at_floor")}
    one, other = (certify(every, scores, seats, made.coaches, need=need, **proof) for made in (fair, most))
    assert one.broken == ()
    assert one.is_most
    assert one.n_placed == len(scores)
    assert one.least_mean > 1.5 * other.least_mean
    assert one.least_mean >= 0.5 * one.least_mean_bound  # whole coaches cannot be divided, as the bound can
    assert one.value >= 0.93 * other.value


def _roomy(seed: int) -> Cohort:
    """Give four trainees who need one or two of five coaches each, with seats for all that they need."""
    draws = np.random.default_rng(seed)
    need = draws.integers(1, 3, 4)
    need[0] = 2
    seats = np.ones(5, np.int64)
    np.add.at(seats, draws.integers(0, 5, max(int(need.sum()) - 4, 0)), 1)
    scores = draws.integers(0, draws.choice([4, 1_000_000]), (4, 5)) * draws.choice([1e-6, 1.0]) - draws.choice([0, 1])
    return Cohort(
        candidates=np.tile(np.arange(5, dtype=np.int32), (4, 1)),
        scores=np.where(draws.random((4, 5)) < 0.08, -np.inf, scores),
        seats=seats,
        need=need,
        coach_scores=None,
        floor=-np.inf,
    )


def test_the_least_mean_is_the_best_there_is_and_weights_prove_it() -> None:
    """Beside every placement; and any weights bound it, but below 0, or for others than are there, they are none."""
    n_seen = n_proved = 0
    for seed in range(60):
        cohort = _roomy(seed)
        _, (n_pairs, best_worst, sum_above) = everything(cohort)
        made = placed(cohort, "worst_first")
        true = checked(cohort, made.coaches, made)
        assert int((made.coaches >= 0).sum()) == n_pairs
        if n_pairs != cohort.need.sum():
            continue
        n_seen += 1
        tiny = 1e-5 * float(np.ptp(cohort.scores[cohort.scores > -np.inf]))
        assert true.least_mean == pytest.approx(best_worst, abs=tiny)
        assert true.value >= sum_above - 1e-4 * abs(sum_above) - tiny
        assert true.least_mean_bound is not None
        assert true.least_mean_bound >= true.least_mean - 1e-12 * abs(true.least_mean)
        n_proved += true.least_mean_bound <= true.least_mean + 2 * tiny
        draws = np.random.default_rng(seed)
        asked = (cohort.candidates, cohort.scores, cohort.seats, made.coaches)
        weights, prices = draws.random(4), draws.random(5) * draws.choice([0.0, 0.1])
        found = certify(*asked, weights=weights, weighted_prices=prices, need=cohort.need)
        assert found.least_mean_bound >= best_worst - tiny
        wrong = certify(*asked, weights=-weights, weighted_prices=prices[:-1], need=cohort.need)
        assert "weights are not 4 numbers, 0 or more" in wrong.broken
        assert "weighted_prices are not 5 numbers, 0 or more" in wrong.broken
        assert wrong.least_mean_bound is None
    assert n_seen > 40
    assert n_proved > 10


@pytest.mark.parametrize("mode", ["welfare", "exact", "worst_first"])
def test_long_lists_of_which_most_are_worth_nothing_come_to_an_end(mode: str) -> None:
    """An auction would creep on them; a seat that is worth nothing to anybody is still given to who lacks one."""
    scores, seats = _papers(7, m=140)
    need = np.full(len(scores), 3)
    made = place(None, scores, seats, need=need, mode=mode, assigner="duet")
    assert int((made.coaches >= 0).sum()) == need.sum()
    every = np.tile(np.arange(len(seats)), (len(scores), 1))
    claim = certify(every, scores, seats, made.coaches, need=need, prices=made.prices)
    assert claim.broken == ()
    if mode != "worst_first":
        assert claim.is_best(1e-4 if mode == "welfare" else 1e-9)
