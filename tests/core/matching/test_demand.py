"""The price of demand: nobody is shown more often than the cap says, with any matcher and any assigner."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import coachhub_scipy
from coachhub_core.errors import MatcherTimeout
from coachhub_core.matching import CoachMatcher, CoachTable, TraineeTable
from coachhub_core.matching.demand import CODE, moved, price_demand, shown, with_reason
from coachhub_core.matching.market import Market, make_market
from coachhub_core.matching.rank_together import rank_within
from coachhub_core.matching.scores import matcher_from_scores
from coachhub_core.matching.tables import TraineeRow
from coachhub_core.memory.matcher import assigner_offers
from coachhub_core.ports.matcher import NEVER, AllowedPairs, AssignerOffer, Deadline, Matcher, Reason
from coachhub_scipy import coachhub_assigners

K, CAP = 5, 30
ASSIGNERS: dict[str, AssignerOffer | None] = {
    "duet": coachhub_assigners()["duet"],
    "plain": assigner_offers()["plain"],  # leaves no prices
    "none": None,
}


@pytest.fixture(scope="module")
def market() -> Market:
    """A market of stars: a few coaches are wanted by nearly everybody."""
    return make_market("stars", n_trainees=300, n_coaches=60, seed=1)


def by_years(trainee: TraineeRow, coaches: CoachTable) -> NDArray[np.float64]:
    """A stranger's score, far from any probability: what the columns say everybody likes, and a little taste."""
    pace = trainee.number("pace") or 0.0
    made: NDArray[np.float64] = -40.0 + 3.0 * np.nan_to_num(coaches.number("years"))
    return made - np.abs(np.nan_to_num(coaches.number("pace")) - pace)


def matcher_of(name: str, market: Market) -> Matcher:
    if name == "stranger":
        return matcher_from_scores(by_years, name="stranger").make()
    return CoachMatcher.fit(market.log, market.coaches, market.trainees, plugins=[coachhub_scipy]).model


def lists_of(index: Any, trainees: TraineeTable, coaches: CoachTable, k: int) -> Any:
    everyone = AllowedPairs.everyone().bound_to(coaches, trainees)
    return index.rank(trainees, k, everyone, deadline=NEVER)


def top_tenth(counts: NDArray[np.int64]) -> float:
    """Give the share of all places that the most shown tenth of the coaches takes."""
    return float(np.sort(counts)[::-1][: len(counts) // 10].sum() / counts.sum())


@pytest.mark.parametrize("chosen", ["duet", "stranger"])
def test_prices_spread_what_is_shown(market: Market, chosen: str) -> None:
    """
    Priced on half of the people and asked by the other half, in live order: score less price, by the port alone.

    The most shown tenth gets less, the most shown coach no more than the cap in expectation, and what everybody
    gives up is hardly more than they would if all lists had been chosen together.
    """
    coaches, m = market.coaches, len(market.coaches)
    matcher = matcher_of(chosen, market)
    some, others = (market.trainees.take(range(start, 300, 2)) for start in (0, 1))
    free = matcher.index(coaches)
    whole = lists_of(free, some, coaches, m)
    found = price_demand(whole.rows, whole.scores, m, k=K, cap=CAP, name="duet", offer=ASSIGNERS["duet"])
    assert found.before.max() > 2 * CAP
    assert found.after.max() <= CAP
    assert (found.prices >= 0).all()
    assert found.cap == CAP
    plainly, priced = (lists_of(one, others, coaches, K) for one in (free, matcher.index(coaches, prices=found.prices)))
    counts = [np.bincount(one.rows.ravel(), minlength=m) for one in (plainly, priced)]
    assert top_tenth(counts[1]) < 0.6 * top_tenth(counts[0])
    # the others are a draw of their own: chance adds three times the root to one, and little to all who have a price
    assert counts[1].max() <= CAP + 3 * CAP**0.5
    assert counts[1][found.prices > 0].mean() <= 1.05 * CAP
    every = free.score(others, np.ascontiguousarray(np.broadcast_to(np.arange(m, dtype=np.int32), (len(others), m))))
    together = rank_within(every, K, CAP, coaches.id_order).scores.sum()  # the best there is where lists wait
    given, kept = (free.score(others, one.rows).sum() for one in (plainly, priced))
    assert given > together
    assert given - kept < 1.3 * (given - together)


@pytest.mark.parametrize("assigner", list(ASSIGNERS))
def test_any_assigner_will_do(market: Market, assigner: str) -> None:
    """With prices of an auction to begin with, of one that leaves none, or with nobody's."""
    truth = market.probability("mutual")
    lists = np.argsort(-truth, axis=1, kind="stable").astype(np.int32)
    scores = np.take_along_axis(truth, lists, axis=1)
    found = price_demand(lists, scores, 60, k=K, cap=40.0, name=assigner, offer=ASSIGNERS[assigner])
    assert found.before.max() > 80
    assert found.after.max() <= 40
    assert found.after.sum() == found.before.sum() == 300 * K
    # by weak duality no lists under the cap are worth more than this, so what was given up had to be
    net = np.sort(truth - found.prices, axis=1)[:, -K:].sum()
    worth = net + found.prices @ found.after
    assert worth > 0.98 * (net + found.prices.sum() * 40)


def test_where_nobody_is_shown_too_often_nothing_costs_anything() -> None:
    """Also without lists, and without coaches in them."""
    lists, scores = np.array([[0, 1], [1, 0]], np.int32), np.array([[0.9, 0.1], [0.8, 0.2]])
    assert not price_demand(lists, scores, 2, k=1, cap=1).prices.any()
    assert price_demand(np.empty((0, 3), np.int32), np.empty((0, 3)), 2, k=1, cap=1).prices.tolist() == [0, 0]
    nobody = price_demand(np.full((2, 2), -1, np.int32), np.full((2, 2), -np.inf), 3, k=1, cap=1)
    assert nobody.prices.tolist() == [0, 0, 0]
    assert nobody.after.tolist() == [0, 0, 0]


def test_a_cap_that_leaves_too_few_places_is_an_equal_share() -> None:
    """Ten lists of two places, four coaches, three showings each: there is no such order, and none is pretended."""
    rng = np.random.default_rng(3)
    scores = np.sort(rng.random((10, 4)), axis=1)[:, ::-1]
    lists = np.tile(np.arange(4, dtype=np.int32), (10, 1))
    found = price_demand(lists, scores, 4, k=2, cap=3)
    assert found.cap == pytest.approx(1.05 * 5)
    assert found.before.tolist() == [10, 10, 0, 0]
    assert found.after.max() < 10
    assert found.after.sum() == 20


def test_prices_come_within_their_time(market: Market) -> None:
    """A deadline that is over ends it."""
    truth = market.probability("mutual")
    lists = np.tile(np.arange(60, dtype=np.int32), (300, 1))
    with pytest.raises(MatcherTimeout):
        price_demand(lists, truth, 60, k=K, cap=30, deadline=Deadline(0.0, lambda: 1.0))


def test_showings_are_counted_by_what_is_left_of_the_score() -> None:
    """A price takes a coach out of the first places, and who is in no list is in none."""
    lists = np.array([[0, 1, 2], [0, 2, -1]], np.int32)
    values = np.array([[0.9, 0.5, 0.4], [0.9, 0.5, -np.inf]])
    assert shown(lists, values, np.zeros(4), 1).tolist() == [2, 0, 0, 0]
    assert shown(lists, values, np.array([0.45, 0, 0, 0]), 1).tolist() == [0, 1, 1, 0]
    assert shown(lists, values, np.zeros(4), 3).tolist() == [2, 1, 2, 0]


def test_a_reason_is_given_where_somebody_was_moved_and_nowhere_else() -> None:
    """Whoever ranked said it or not: by how many places, and by how much of the score."""
    assert moved([0.6, 0.5, 0.4], [0.0, 0.2, 0.0]) == [0, 1, 0]
    assert moved([0.6, 0.5, 0.4], [0.3, 0.2, 0.0]) == [0, 0, 0]
    said = [Reason("fits.tags", 1.0), Reason(CODE, -0.2)]
    assert with_reason(said, 0.2, 0) == (said[0],)
    assert with_reason(said, 0.2, 3) == (said[0], Reason(CODE, -0.2, {"places": 3}))
