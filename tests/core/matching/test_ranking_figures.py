"""The formulas of quality, against a second computation that counts them out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from coachhub_core.matching.evaluated import verdict
from coachhub_core.matching.ranking_figures import (
    auc,
    auc_each,
    average_precision,
    interval,
    intervals,
    log_losses,
    mean_each,
    ndcg,
    percentile,
    recall,
    success,
)

RNG = np.random.default_rng(11)
RIGHT = RNG.random((40, 25)) < 0.15
RIGHT[np.arange(40), RNG.integers(0, 25, 40)] = True  # somebody for everybody
ROWS = np.stack([RNG.permutation(25) for _ in range(40)]).astype(np.int32)
ROWS[::3, 18:] = -1  # some lists end early


def test_lists_are_worth_what_counting_says() -> None:
    """Place by place in plain Python, for lists that end early too."""
    for i, (listed, yes) in enumerate(zip(ROWS.tolist(), RIGHT.tolist(), strict=True)):
        hits = [row >= 0 and yes[row] for row in listed]
        n = sum(yes)
        gain = sum(1 / math.log2(place + 2) for place, hit in enumerate(hits[:10]) if hit)
        best = sum(1 / math.log2(place + 2) for place in range(min(n, 10)))
        precise = [sum(hits[: place + 1]) / (place + 1) for place, hit in enumerate(hits) if hit]
        one = ROWS[i : i + 1], RIGHT[i : i + 1]
        assert ndcg(*one).tolist() == pytest.approx([gain / best])
        assert recall(*one).tolist() == pytest.approx([sum(hits[:10]) / n])
        assert average_precision(*one).tolist() == pytest.approx([sum(precise) / n])
        assert success(*one).tolist() == pytest.approx([sum(hits[:3]) / 3])


def test_lists_at_their_ends() -> None:
    """All right is 1, an empty list 0, and two right of eleven in ten places is what ten can hold."""
    right = np.ones((1, 11), np.bool_)
    rows = np.arange(10, dtype=np.int32)[None, :]
    assert (ndcg(rows, right)[0], recall(rows, right)[0], success(rows, right)[0]) == (1.0, 10 / 11, 1.0)
    empty = np.full((1, 10), -1, np.int32)
    assert [f(empty, right)[0] for f in (ndcg, recall, average_precision, success)] == [0.0] * 4
    assert success(np.array([[4, -1, -1]], np.int32), right)[0] == pytest.approx(1 / 3)


def test_an_area_is_the_share_of_pairs_in_order() -> None:
    """Every yes beside every no, a tie half; the parts of the trainees have it as their mean."""
    scores = np.round(RNG.normal(size=200), 1)  # with many ties
    is_yes = RNG.random(200) < 1 / (1 + np.exp(-scores))
    trainee = RNG.integers(0, 37, 200)
    counted = [
        1.0 if yes > no else 0.5 if yes == no else 0.0
        for yes in scores[is_yes].tolist()
        for no in scores[~is_yes].tolist()
    ]
    assert auc(scores, is_yes) == pytest.approx(sum(counted) / len(counted))
    each = auc_each(scores, is_yes, trainee)
    assert len(each) == len(np.unique(trainee))
    assert each.mean() == pytest.approx(auc(scores, is_yes))
    assert auc(np.zeros(4), np.array([True, False, True, False])) == 0.5
    assert auc(np.array([3.0, 1.0]), np.array([False, True])) == 0.0


def test_intervals_of_pairs_are_those_of_drawing_trainees_anew() -> None:
    """The parts give nearly the ends that 500 areas and means over drawn trainees give."""
    trainee = np.repeat(np.arange(150), 6)
    own = np.repeat(RNG.normal(size=150), 6)
    scores = RNG.normal(size=900) + own
    is_yes = RNG.random(900) < 1 / (1 + np.exp(-scores - own))
    losses = log_losses(1 / (1 + np.exp(-scores)), is_yes)
    areas, means = [], []
    for _ in range(500):
        rows = (6 * RNG.integers(0, 150, 150)[:, None] + np.arange(6)).ravel()
        areas.append(auc(scores[rows], is_yes[rows]))
        means.append(losses[rows].mean())
    for each, drawn in ((auc_each(scores, is_yes, trainee), areas), (mean_each(losses, trainee), means)):
        _, low, high = interval(each)
        width = np.quantile(drawn, 0.975) - np.quantile(drawn, 0.025)
        assert high - low == pytest.approx(width, rel=0.2)


def test_a_loss_is_the_logarithm_and_never_endless() -> None:
    """Of what was said of that which came; uneven trainees weigh by their pairs."""
    is_yes = np.array([True, False, True, False])
    assert log_losses(np.array([0.25, 0.25, 0.5, 0.5]), is_yes).tolist() == pytest.approx(
        [math.log(4), math.log(4 / 3), math.log(2), math.log(2)]
    )
    assert log_losses(np.array([0.0]), np.array([True]))[0] == pytest.approx(math.log(1e9))
    assert mean_each(np.array([1.0, 2.0, 6.0]), np.array([5, 5, 9])).mean() == pytest.approx(3.0)


def test_intervals_are_quantiles_of_the_means_of_draws() -> None:
    """The same as drawing all at once and averaging, for each row by the same draws."""
    eaches = RNG.normal(size=(3, 47))
    drawn = np.random.Generator(np.random.PCG64(9)).integers(0, 47, (2_000, 47))
    for each, (mean, low, high) in zip(eaches, intervals(eaches, 9), strict=True):
        ends = np.quantile(each[drawn].mean(axis=1), [0.025, 0.975])
        assert (mean, low, high) == pytest.approx((each.mean(), *ends))


def test_a_difference_whose_interval_holds_nought_is_none() -> None:
    """And less is better of losses only."""
    assert verdict("map", (0.1, 0.0, 0.2)) == "none"
    assert (verdict("map", (0.1, 0.05, 0.2)), verdict("log_loss_wants", (0.1, 0.05, 0.2))) == ("better", "worse")
    assert (verdict("map", (-0.1, -0.2, -0.05)), verdict("log_loss_wants", (-0.1, -0.2, -0.05))) == ("worse", "better")


def test_a_percentile_is_one_of_the_values() -> None:
    """The smallest that the share does not exceed."""
    values = RNG.permutation(200) + 1.0
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1.0)) == (100.0, 198.0, 200.0)
    assert percentile(np.array([7.0]), 0.99) == 7.0
