"""The synthetic market: seeded, with a known truth, in nine climates."""

from __future__ import annotations

import numpy as np
import pytest

from coachhub_core.errors import Invalid
from coachhub_core.matching.market import CLIMATES, make_market, take_events

SMALL = {"n_trainees": 60, "n_coaches": 20, "n_weeks": 8}


@pytest.mark.parametrize("climate", sorted(CLIMATES))
def test_a_seed_is_a_market(climate: str) -> None:
    """The same seed gives the same tables, log and truth; another one gives others."""
    one, same, other = (make_market(climate, seed=seed, **SMALL) for seed in (1, 1, 2))
    assert one.coaches.content_hash == same.coaches.content_hash != other.coaches.content_hash
    assert one.trainees.content_hash == same.trainees.content_hash
    assert one.log.content_hash == same.log.content_hash
    assert np.array_equal(one.probability("wants"), same.probability("wants"))


def test_there_are_nine_climates() -> None:
    """Defaults have to do well in all of them."""
    assert len(CLIMATES) == 9
    with pytest.raises(Invalid, match="no climate 'tropical'"):
        make_market("tropical")


def test_the_truth_of_a_pair_is_a_product_of_steps() -> None:
    """Mutual is both yes, success that it goes well besides; one-sided markets have the wish alone."""
    market = make_market("much", **SMALL)
    both = market.probability("wants") * market.probability("accepts")
    assert np.array_equal(market.probability("mutual"), both)
    assert (market.probability("success") < both).all()
    one_sided = make_market("one_sided", **SMALL)
    assert np.array_equal(one_sided.probability("success"), one_sided.probability("wants"))
    assert set(one_sided.log.event) == {"shown", "opened", "contacted"}


def test_the_log_is_cut_by_weeks() -> None:
    """Before and after a week are the whole, and nobody is shown before they arrive."""
    market = make_market("little", **SMALL)
    before, after = market.log_until(5), market.log_from(5)
    assert len(before) + len(after) == len(market.log) > 1_000
    assert before.at.max() < after.at.min()
    week = market.log.at // (7 * 24 * 3_600 * 1_000_000)
    arrived = dict(zip(market.trainees.ids, market.arrived.tolist(), strict=True))
    joined = dict(zip(market.coaches.ids, market.joined.tolist(), strict=True))
    for at, trainee, coach in zip(week.tolist(), market.log.trainee, market.log.coach, strict=True):
        assert arrived[trainee] <= at
        assert joined[coach] <= at


def test_the_log_agrees_with_the_truth() -> None:
    """Of the coaches in the first place, those who were likelier wanted were asked more often."""
    market = make_market("much", n_trainees=300, n_coaches=40)
    log = market.log
    first = take_events(log, np.flatnonzero((log.position == 1) & (np.array(log.event, object) == "shown")))
    contacts = take_events(log, np.flatnonzero(np.array(log.event, object) == "contacted"))
    asked = set(zip(contacts.trainee, contacts.coach, strict=True))
    wants = market.probability("wants")
    chance, hits = [], []
    for trainee, coach in zip(first.trainee, first.coach, strict=True):
        chance.append(wants[market.trainees.row_of(trainee), market.coaches.row_of(coach)])
        hits.append((trainee, coach) in asked)
    likely = np.array(chance) > np.median(chance)
    assert np.mean(np.array(hits)[likely]) > np.mean(np.array(hits)[~likely]) + 0.1


def test_without_a_log_there_is_still_a_truth() -> None:
    """The climate of a new installation: columns that tell much, and nothing that happened."""
    market = make_market("no_log", **SMALL)
    assert len(market.log) == 0
    assert market.draw("mutual").any()
