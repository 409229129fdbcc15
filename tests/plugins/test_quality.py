"""What the benchmark of quality says: figures of one engine, and whether a goal holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coachhub_core.matching.market import make_market

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The modules of the benchmark."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import engines
    import goals
    import measured

    return engines, measured, goals


def test_who_knows_the_truth_is_measured_above_who_turns_it_round(rooms: Any, tmp_path: Path) -> None:
    """Every slice and side has its figures, nobody is proposed again, and what is kept is what was found."""
    engines, measured, _ = rooms
    task = engines.Task.of(make_market("much", n_trainees=120, n_coaches=180, seed=3))
    truth = {step: task.market.probability(step) for step in ("wants", "accepts", "mutual")}

    def answering(sign: int) -> Any:
        def engine(task: Any, seed: int) -> Any:
            return engines.Answer(
                scores=sign * truth["mutual"],
                learned_at=0.0,
                alone=engines.Alone.of(task, lambda row: sign * truth["mutual"][row]),
                wants=truth["wants"] if sign > 0 else 1 - truth["wants"],
                accepts=truth["accepts"] if sign > 0 else 1 - truth["accepts"],
            )

        return engine

    knows, turned = (measured.measure(task, answering(sign), 0) for sign in (1, -1))
    for slice_ in ("old", "new", "coaches"):
        for figure in ("ndcg_at_10", "map", "auc"):
            name = f"{slice_}.{figure}"
            assert knows.eaches[name].mean() > turned.eaches[name].mean(), name
    for step in measured.STEPS:
        assert knows.eaches[f"auc_{step}"].mean() > 0.5 > turned.eaches[f"auc_{step}"].mean()
        assert knows.eaches[f"log_loss_{step}"].mean() < turned.eaches[f"log_loss_{step}"].mean()
        assert knows.values[f"calibration_error_{step}"] < 0.05 < turned.values[f"calibration_error_{step}"]
    seen = engines.Answer(scores=np.where(task.seen, 2.0, truth["mutual"]), learned_at=0.0, alone=knows)
    assert task.seen.any()
    lists = dict(measured._of_lists(task, seen.scores, task.market.draw("mutual")))
    assert np.array_equal(lists["old.ndcg_at_10"], knows.eaches["old.ndcg_at_10"]), "who was asked was proposed again"
    knows.save(tmp_path / "much-knows.npz")
    kept = measured.Measured.load(tmp_path / "much-knows.npz")
    assert kept.values == knows.values
    assert kept.has_figures_of(knows)
    assert not kept.has_figures_of(turned)


def test_one_trainee_is_answered_as_all_are(rooms: Any) -> None:
    """What is timed is the list that is measured."""
    engines, *_ = rooms
    market = make_market("little", n_trainees=40, n_coaches=20, seed=1)
    task = engines.Task.of(market)
    answer = engines.popularity(task, 0)
    allowed = engines.AllowedPairs.of(range(5, 20))
    found = answer.alone.rank(market.trainees.take([3]), 10, allowed=allowed.bound_to(market.coaches, market.trainees))
    free = np.where(np.arange(20) < 5, -np.inf, answer.scores[3:4])
    assert np.array_equal(found, engines.best(free, 10))


@pytest.mark.parametrize(
    ("gains", "n_held", "is_reached"),
    [
        ((+0.1, +0.1, +0.1), 3, True),
        ((+0.1, +0.1, 0.0), 3, True),
        ((+0.1, 0.0, 0.0), 3, False),  # level is not above, and that is asked of most
        ((+0.1, +0.1, -0.1), 2, False),
    ],
)
def test_a_goal_holds_where_the_interval_is_not_below(
    rooms: Any, gains: tuple[float, ...], n_held: int, is_reached: bool
) -> None:
    """It is counted by climate, against the best peer there."""
    _, measured, goals = rooms
    noise = np.random.default_rng(0).normal(0, 0.1, 300)
    noise -= noise.mean()

    def one(mean: float, **values: float) -> Any:
        return measured.Measured(eaches={"old.ndcg_at_10": mean + noise * (mean == 0.5)}, values=values)

    climates = {
        f"climate {n}": {"duet": one(0.5), "weak": one(0.1), "strong": one(0.5 - gain - 1e-9)}
        for n, gain in enumerate(gains)
    }
    first = goals.goals(climates)[0]
    assert all("strong" in compared.what for compared in first.compared)
    assert (first.n_held, first.is_reached) == (n_held, is_reached)
    assert f"holds in {n_held} of 3 climates" in next(iter(first.lines()))


def test_more_success_is_not_enough_when_the_top_tenth_keeps_more_than_half(rooms: Any) -> None:
    """Goal Q3 asks for both."""
    _, measured, goals = rooms
    eaches = {
        "wish.success_at_3": np.full(50, 0.3),
        "together.success_at_3": np.full(50, 0.4),
        "together.expected_gain": np.full(50, 0.1),
        "together.expected_at_best": np.full(50, 0.2),
    }
    for share, is_reached in ((0.4, True), (0.41, False)):
        ours = measured.Measured(eaches=eaches, values={"wish.top_tenth": 0.8, "together.top_tenth": share})
        found = {goal.name: goal for goal in goals.goals({"much": {"duet": ours}})}
        assert found["Q3b"].is_reached == is_reached
        assert not found["Q1"].compared
