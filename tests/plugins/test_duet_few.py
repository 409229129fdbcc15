"""What ``duet`` makes of a few choices: never less than it knew without them."""

from __future__ import annotations

import numpy as np
import pytest

import coachhub_scipy
from coachhub_core.matching import CoachMatcher, CoachTable, OutcomeLog, Texts, TraineeTable
from coachhub_core.matching.market import make_market, take_events
from coachhub_scipy.choice_gains import DEFAULT_GAINS, Checked, blended

PLUGINS = [coachhub_scipy]


@pytest.mark.parametrize("n", [0, 25, 60])
def test_a_few_choices_do_no_harm(n: int) -> None:
    """Of choices alone, from none to a few: whom people want stands no lower than before anything was learned."""
    worth = []
    for seed in range(3):
        market = make_market("one_sided", n_trainees=200, n_coaches=50, seed=seed)
        rows = np.flatnonzero([event == "contacted" for event in market.log.event])
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:n])
        made = [
            CoachMatcher.fit(take_events(market.log, some), market.coaches, market.trainees, plugins=PLUGINS)
            for some in (rows[:0], rows)
        ]
        truth = market.probability("wants")
        best = np.sort(truth, axis=1)[:, -5:].mean()
        tops = [np.argsort(-one.score(market.trainees), axis=1, kind="stable")[:, :5] for one in made]
        worth.append([np.take_along_axis(truth, top, axis=1).mean() / best for top in tops])
    before, after = np.mean(worth, axis=0)
    assert after > before - 0.01, (before, after)


def test_a_small_log_of_requests_is_checked_in_parts() -> None:
    """Words lead to the right coach by what coaches wrote: what 150 choices taught of newcomers does not drown it."""
    rng = np.random.default_rng(4)
    words = [[f"w{expert}x{j}" for j in range(12)] for expert in range(60)]

    def said(expert: int, n: int) -> str:
        return " ".join([*rng.choice(words[expert], n), *(f"filler{k}" for k in rng.integers(0, 40, 6))])

    coaches = CoachTable.build(
        ids=[f"c{j}" for j in range(60)], wrote=Texts([[said(j, 3) for _ in range(6)] for j in range(60)])
    )
    right = rng.integers(0, 60, 300)
    trainees = TraineeTable.build(ids=[f"t{i}" for i in range(300)], asks=Texts([[said(j, 2)] for j in right.tolist()]))
    records = [{"at": i, "trainee": f"t{i}", "coach": f"c{right[i]}", "event": "contacted"} for i in range(150)]
    nothing, model = (
        CoachMatcher.fit(OutcomeLog.build(log), coaches, trainees, plugins=PLUGINS) for log in ([], records)
    )
    new = np.arange(150, 300)
    without, with_log = (
        float((one.score(trainees)[new].argmax(axis=1) == right[new]).mean()) for one in (nothing, model)
    )
    assert with_log >= without - 0.02 > 0.6, (without, with_log)


def test_what_nobody_could_check_counts_as_before() -> None:
    """Only newcomers were held out: of a history the earlier model's word holds, of the rest what newcomers tell."""
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(60, 10, 2)).astype(np.float32)
    yes = (parts[:, :, 1] >= parts[:, :, 1].max(axis=1, keepdims=True)).astype(np.float64)
    cold = Checked(("appeal", "compare"), parts, yes)
    shipped = blended(None, cold, DEFAULT_GAINS)
    assert shipped["compare"][0] == shipped["compare"][1] > 1.0
    before = {**DEFAULT_GAINS, "history": (2.0, 0.0), "compare": (0.5, 1.0), "tower": (0.3, 0.3)}
    made = blended(None, cold, before)
    assert (made["history"], made["tower"]) == ((2.0, 0.0), (0.3, 0.3))
    assert made["compare"] == (shipped["compare"][1] - 0.5, shipped["compare"][1])
