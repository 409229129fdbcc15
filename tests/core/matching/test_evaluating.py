"""The gate before a model is promoted: by time, paired, with intervals."""

from __future__ import annotations

import pytest

import coachhub_scipy
from coachhub_core.errors import Invalid
from coachhub_core.matching import CoachMatcher
from coachhub_core.matching.evaluating import evaluate
from coachhub_core.matching.market import make_market


def test_a_model_is_held_against_what_is_live() -> None:
    """What learned is better than rules that know nothing of this market, and the rules are worse than it."""
    market = make_market("much", n_trainees=150, n_coaches=30, seed=4)
    rules = CoachMatcher(coaches=market.coaches, plugins=[])
    made = evaluate(market.log, market.coaches, market.trainees, live=rules)
    assert made.n_trainees > 30
    assert made.gains["live"][1] > 0
    assert not made.is_worse

    worse = evaluate(
        market.log,
        market.coaches,
        market.trainees,
        live=CoachMatcher.fit(market.log, market.coaches, market.trainees, plugins=[coachhub_scipy]),
        matcher="plain",
    )
    assert worse.is_worse


def test_too_few_say_nothing() -> None:
    """A log nobody chose in is refused in one sentence."""
    market = make_market("no_log", n_trainees=20, n_coaches=8)
    with pytest.raises(Invalid, match="only 0 trainees chose somebody"):
        evaluate(market.log, market.coaches, market.trainees, live=CoachMatcher(coaches=market.coaches))
