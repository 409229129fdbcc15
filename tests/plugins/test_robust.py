"""What the benchmarks of robustness say: poor data against popularity, intervals against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coachhub_core.matching.market import Market, make_market

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
TAKEN = ("nothing", "column words", "all values", "all columns", "the log", "columns and log")
LEFT_OVER = ("all trainees but one", "all coaches but one")


@pytest.fixture
def robust(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark of goal Q5."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import robust

    return robust


@pytest.fixture
def replays(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark of goal Q6."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import replays

    return replays


@pytest.fixture(scope="module")
def market() -> Market:
    """A small market whose columns tell much."""
    return make_market("much", n_trainees=90, n_coaches=20, seed=5)


def test_with_whatever_is_taken_away_it_answers_no_worse_than_popularity(robust: Any, market: Market) -> None:
    """Columns, values, the log, all people but one: it learns, answers every pair, and holds the floor."""
    every = {poor.lacks: poor for poor in robust.poor_markets(market)}
    names = {*market.coaches.columns, *market.trainees.columns}
    assert set(every) == {f"column {name}" for name in names} | {*TAKEN, *LEFT_OVER}
    assert "words" not in every["column words"].coaches.columns
    assert "words" not in every["column words"].trainees.columns
    assert every["all values"].coaches.columns.keys() == market.coaches.columns.keys()
    assert all(one.value(0) in (None, ()) for one in every["all values"].trainees.columns.values())
    assert not every["all columns"].coaches.columns
    assert not len(every["the log"].log)
    for lacks in (*TAKEN, *LEFT_OVER):
        verdict = robust.judge(market, every[lacks], robust.duet)
        assert verdict.is_held, verdict
        assert verdict.n_trainees > 30 or lacks in LEFT_OVER, "an interval of so few says nothing"


def test_an_engine_that_fails_or_orders_backwards_is_not_held(robust: Any, market: Market) -> None:
    """The measure finds what it looks for."""
    whole = next(robust.poor_markets(market))
    backwards = robust.judge(market, whole, lambda log, coaches, trainees: -market.probability("mutual"))
    assert not backwards.failure
    assert not backwards.is_held

    def raises(log: Any, coaches: Any, trainees: Any) -> Any:
        raise RuntimeError("no columns")

    assert robust.judge(market, whole, raises).failure == "RuntimeError('no columns')"
    blank = robust.judge(market, whole, lambda log, coaches, trainees: np.full((90, 20), np.nan))
    assert "1800 not finite" in blank.failure
    assert not blank.is_held


def test_printed_intervals_cover_the_truth_of_all_the_people(replays: Any) -> None:
    """In at least 91 % of 200 replays; and hardly ever a truth that is a width away."""
    market = make_market("little", n_trainees=400, n_coaches=40, seed=2)
    chance = market.probability("mutual")
    told = chance + np.random.default_rng(0).normal(0, 0.2, chance.shape)  # an engine that knows something
    popular = np.broadcast_to(chance.sum(axis=0), chance.shape)
    people = replays.Population(chance=chance, lists=replays.best(told, 10), others=replays.best(popular, 10))
    rng = np.random.default_rng(1)
    hit, truth, width = replays.covered(people, n_people=150, n_replays=200, rng=rng)
    assert hit.mean() >= replays.GOAL
    assert hit.mean() < 1.0, "an interval that always covers is too wide"
    assert 0 < width < 0.2
    gains = np.concatenate([people.gains(np.arange(400), rng) for _ in range(40)])
    assert truth == pytest.approx(gains.mean(), abs=0.01)


def test_replays_part_those_it_learned_from_and_those_it_never_met(replays: Any, market: Market) -> None:
    """Nobody who was asked is proposed again, and every population is measured against both baselines."""
    made = replays.populations(market, 40)
    assert {group for group, _ in made} == {"learned from", "never met"}
    assert {other for _, other in made} == {"popularity", "content"}
    assert len(made["learned from", "content"].chance) == 40
    assert len(made["never met", "content"].chance) == 50
    assert (made["learned from", "popularity"].chance == 0).any()
    assert (made["never met", "popularity"].chance > 0).all(), "their log was left out"
    known = made["learned from", "popularity"]
    free = known.chance > 0
    has_ten = free.sum(axis=1) >= 10
    assert has_ten.any()
    on_lists = np.take_along_axis(free, known.lists, axis=1)
    assert on_lists[has_ten].all(), "somebody who was asked stands on a list"
