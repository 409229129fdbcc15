"""The gate before a model is promoted: by time, paired, with intervals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import coachhub_scipy
from coachhub_core.errors import Invalid
from coachhub_core.matching import CoachMatcher
from coachhub_core.matching.evaluated import as_document, flat_figures
from coachhub_core.matching.evaluating import evaluate
from coachhub_core.matching.market import make_market
from coachhub_core.matching.ranking_figures import interval
from coachhub_core.ports.matcher import Deadline


def test_a_model_is_held_against_what_is_live() -> None:
    """What learned is better than rules that know nothing of this market, and the rules are worse than it."""
    market = make_market("much", n_trainees=150, n_coaches=30, seed=4)
    rules = CoachMatcher(coaches=market.coaches, plugins=[])
    made = evaluate(market.log, market.coaches, market.trainees, live=rules)
    assert made.n_trainees > 30
    assert made.gains["live"][1] > 0
    assert not made.is_worse
    assert set(made.ndcg) == {"candidate", "live", "popularity", "content"}
    assert set(made.gains) == {"live", "popularity", "content"}
    assert made.ndcg["candidate"] - made.ndcg["content"] == pytest.approx(made.gains["content"][0])
    for name, counts in made.shown.items():
        assert counts.sum() == 10 * made.n_trainees  # nobody has chosen so many that a list ends early
        assert made.fairness[name].coverage == pytest.approx((counts > 0).mean())
    assert set(made.calibration) == {"wants", "accepts", "goes_well"}
    wants = made.calibration["wants"]["candidate"]
    assert list(made.calibration["wants"]) == ["candidate"]  # rules give no probabilities
    assert (wants.said[:-1] <= wants.said[1:]).all()
    assert wants.error < 0.1
    assert made.is_partial is False
    everybody = made.slices["all"].figures
    assert everybody["calibration_error_wants"]["candidate"].value == wants.error
    assert everybody["log_loss_wants"]["live"].why_not == "it says no probability of this"
    assert all(figure.value is not None for step in ("wants", "mutual") for figure in everybody[f"auc_{step}"].values())
    few = made.slices["new_coaches"].figures["map"]["candidate"]
    assert (few.value, few.gain, "new, and an order needs two" in few.why_not) == (None, None, True)
    flat = flat_figures(made, engines=("candidate", "live"), has_costs=True)
    assert flat["all.candidate.ndcg_at_10"] == round(made.ndcg["candidate"], 6)
    assert {"costs.live.list_p99_ms", "costs.candidate.fit_seconds", "lists.live.coverage"} <= set(flat)
    assert "all.live.log_loss_wants" not in flat
    assert all(np.isfinite(value) for value in flat.values())
    assert not any(name.startswith("costs") or ".live." in name for name in flat_figures(made))
    document = as_document(made)["slices"]["all"]["figures"]
    assert document["map"]["candidate"] == {"value": everybody["map"]["candidate"].value}
    assert document["log_loss_wants"]["live"] == {"why_not": "it says no probability of this"}

    worse = evaluate(
        market.log,
        market.coaches,
        market.trainees,
        live=CoachMatcher.fit(market.log, market.coaches, market.trainees, plugins=[coachhub_scipy]),
        matcher="plain",
    )
    assert worse.is_worse
    assert worse.ndcg["candidate"] == made.ndcg["live"]  # the same rules, asked for the same people


def test_new_people_are_slices_of_their_own() -> None:
    """Of whom nothing happened before the split: coaches among themselves, trainees out of the same lists."""
    market = make_market("sparse", n_trainees=400, n_coaches=50, seed=5)
    rules = CoachMatcher(coaches=market.coaches, plugins=[])
    made = evaluate(market.log, market.coaches, market.trainees, live=rules, matcher="plain", share=0.85)
    log = market.log
    cut = int((1 - 0.85) * len(log))
    known, known_coaches = set(log.trainee[:cut]), set(log.coach[:cut])
    asked: dict[str, set[str]] = {}
    for trainee, coach, event in zip(log.trainee[cut:], log.coach[cut:], log.event[cut:], strict=True):
        if event == "contacted":
            asked.setdefault(trainee, set()).add(coach)
    new = [trainee for trainee in asked if trainee not in known]
    assert made.n_trainees == len(asked)
    assert made.slices["new_trainees"].n_trainees == len(new) >= 30
    n_new_coaches = sum(coach not in known_coaches for coach in market.coaches.ids)
    chose_new = [trainee for trainee, coaches in asked.items() if coaches - known_coaches]
    assert made.slices["new_coaches"].n_trainees == len(chose_new) >= 30
    assert 2 <= n_new_coaches <= 10
    lists = rules.rank(market.trainees.take([market.trainees.row_of(one) or 0 for one in new]), 10).rows.tolist()
    found = [
        len({market.coaches.ids[row] for row in rows} & asked[one]) / len(asked[one])
        for one, rows in zip(new, lists, strict=True)
    ]
    recall = made.slices["new_trainees"].figures["recall_at_10"]["candidate"].value
    assert recall == pytest.approx(np.mean(found))
    among = made.slices["new_coaches"].figures
    assert among["recall_at_10"]["live"].why_not == f"a list of 10 holds all {n_new_coaches} new coaches"
    mine, everybody = among["map"]["candidate"].value, made.slices["all"].figures["map"]["candidate"].value
    assert mine is not None
    assert everybody is not None
    assert mine > everybody  # of fewer coaches
    assert among["auc_wants"]["popularity"].value == 0.5  # nobody ever asked them


def test_too_few_say_nothing() -> None:
    """A log nobody chose in is refused in one sentence."""
    market = make_market("no_log", n_trainees=20, n_coaches=8)
    with pytest.raises(Invalid, match="only 0 trainees chose somebody"):
        evaluate(market.log, market.coaches, market.trainees, live=CoachMatcher(coaches=market.coaches))


def test_a_candidate_the_deadline_cut_short_says_so() -> None:
    """Its figures are of the best so far."""
    market = make_market("much", n_trainees=150, n_coaches=16, seed=4)
    live = CoachMatcher(coaches=market.coaches, plugins=[])
    over = Deadline(0.0, lambda: 1.0)
    seconds = itertools.count()
    made = evaluate(
        market.log, market.coaches, market.trainees, live=live, deadline=over, clock=lambda: float(next(seconds))
    )
    assert made.is_partial
    assert made.costs["fit_seconds"]["candidate"].value == 1.0
    slow = made.costs["list_p99_ms"]["live"]  # a list a second: two of each until the five seconds are over
    assert slow.why_not == "only 2 lists were made in the time there is, and 100 are needed"


def test_an_interval_holds_the_mean_and_repeats() -> None:
    """By bootstrap over trainees: the same seed, the same draws; all alike have no width."""
    each = np.linspace(-1, 2, 400)
    mean, low, high = interval(each)
    assert mean == pytest.approx(0.5)
    assert 0.5 - 0.12 < low < 0.5 < high < 0.5 + 0.12  # two standard errors are 0.087
    assert interval(each) == (mean, low, high)
    assert interval(np.full(50, 0.25)) == (0.25, 0.25, 0.25)
