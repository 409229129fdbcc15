"""Lists chosen jointly: a limit is kept to, and costs no more than it must."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array

from coachhub_core.errors import Invalid
from coachhub_core.matching import CoachMatcher
from coachhub_core.matching.fairness import a_tenth_of, fairness
from coachhub_core.matching.market import make_market
from coachhub_core.matching.rank_together import least_share, rank_within, rank_within_share

K = 3


def some_scores(
    seed: int, b: int = 120, n: int = 60, *, stars: float = 1.0, vetoes: float = 0.1
) -> NDArray[np.float64]:
    """Tastes, a few whom everybody wants, and pairs that may not be."""
    rng = np.random.default_rng(seed)
    wanted = stars * rng.exponential(1.0, n) + rng.normal(0, 0.7, (b, n)) - 2
    scores = 1 / (1 + np.exp(-wanted))
    scores[rng.random((b, n)) < vetoes] = -np.inf
    return scores


def one_star(seed: int) -> NDArray[np.float64]:
    """One whom everybody does best with, and many who are nearly alike."""
    scores = np.random.default_rng(seed).uniform(0.25, 0.35, (120, 60))
    scores[:, 7] = 0.9
    return scores


def share_of_tenth(rows: NDArray[np.integer], n: int) -> float:
    return fairness(rows, np.ones(n, np.int64)).top_tenth


@pytest.mark.parametrize("seed", range(12))
def test_the_tenth_has_no_more_than_its_share(seed: int) -> None:
    """Whatever the scores, the size and the share; lists are full, in order, and hold nobody twice and no veto."""
    rng = np.random.default_rng(100 + seed)
    b, n = int(rng.integers(20, 200)), int(rng.integers(8, 90))
    scores = some_scores(seed, b, n, stars=float(rng.uniform(0, 3)), vetoes=float(rng.uniform(0, 0.3)))
    share = float(rng.uniform(least_share(n, b, K) * 1.3, 0.9))
    found = rank_within_share(scores, K, share, np.arange(n))
    assert share_of_tenth(found.rows, n) <= share
    for i in range(b):
        mine = found.rows[i][found.rows[i] >= 0]
        assert len(set(mine.tolist())) == len(mine) == K
        assert (scores[i, mine] > -np.inf).all()
        assert (found.scores[i] == scores[i, mine]).all()
        assert (np.diff(found.scores[i]) <= 0).all()


@pytest.mark.parametrize("seed", range(60))
def test_nor_where_lists_are_few_or_short(seed: int) -> None:
    """One trainee, few coaches, hardly any pair that may be: what is shown counts, not the places there were."""
    rng = np.random.default_rng(500 + seed)
    b, n = int(rng.integers(1, 12)), int(rng.integers(1, 30))
    scores = some_scores(seed, b, n, stars=float(rng.uniform(0, 3)), vetoes=float(rng.uniform(0, 0.95)))
    share = float(rng.uniform(least_share(n, b, K), 1))
    found = rank_within_share(scores, K, share, np.arange(n))
    assert share_of_tenth(found.rows, n) <= share + 1e-9
    for i in range(b):
        mine = found.rows[i][found.rows[i] >= 0]
        assert len(set(mine.tolist())) == len(mine)
        assert (scores[i, mine] > -np.inf).all()


def test_where_nobody_has_too_much_everybody_gets_the_best() -> None:
    """A limit that holds anyway changes nothing."""
    scores = some_scores(1, stars=0.0)
    found = rank_within_share(scores, K, 1.0, np.arange(60))
    best = np.sort(scores, axis=1)[:, ::-1][:, :K]
    assert (found.scores == best).all()


def best_sum(scores: NDArray[np.float64], n_places: int) -> float:
    """
    What a linear program makes of it: each load at most t + u, T t and all u together at most the tenth's places.

    That is the sum of the T largest loads (Ogryczak and Tamir, 2003), with lists that may be fractions.
    """
    b, n = scores.shape
    pairs = np.argwhere(scores > -np.inf)
    m, t = len(pairs), a_tenth_of(n)
    cost = np.concatenate([-scores[pairs[:, 0], pairs[:, 1]], np.zeros(n + 1)])
    load_rows = np.concatenate([pairs[:, 1], np.arange(n), np.arange(n), np.full(n + 1, n)])
    load_cols = np.concatenate([np.arange(m), m + np.arange(n), np.full(n, m + n), m + np.arange(n + 1)])
    values = np.concatenate([np.ones(m), -np.ones(n), -np.ones(n), np.ones(n), [t]])
    limits = coo_array((values, (load_rows, load_cols)), shape=(n + 1, m + n + 1))
    lists = coo_array((np.ones(m), (pairs[:, 0], np.arange(m))), shape=(b, m + n + 1))
    bounds = [(0, 1)] * m + [(0, None)] * (n + 1)
    upper = np.concatenate([np.zeros(n), [n_places]])
    done = linprog(cost, A_ub=limits, b_ub=upper, A_eq=lists, b_eq=np.full(b, K), bounds=bounds, method="highs")
    assert done.status == 0, done.message
    return -float(done.fun)


@pytest.mark.parametrize(("seed", "stars", "share"), [(1, 1.0, 0.3), (2, 2.0, 0.45), (3, 0.5, 0.2), (4, 3.0, 0.5)])
def test_little_is_lost_beside_the_best_there_is(seed: int, stars: float, share: float) -> None:
    """Within a hundredth of a linear program, and never less than a cap for each that leads to the same share."""
    found, best, capped = compared(some_scores(seed, stars=stars), share)
    assert 0.99 * best <= found <= best * (1 + 1e-9)
    assert found >= capped


def groups(seed: int, b: int = 45, n: int = 44) -> NDArray[np.float64]:
    """One whom all do best with, one more for each half, and many with whom nobody does well."""
    scores = np.random.default_rng(seed).uniform(0.01, 0.02, (b, n))
    scores[:, 3] = 1.0
    scores[: b // 2, 4] = 0.9
    scores[b // 2 :, 5] = 0.9
    return scores


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.23, 0.4])
def test_groups_with_a_star_of_their_own_are_served(seed: int, share: float) -> None:
    """Prices that overshoot would leave stars unseen; what is lacking of the best is that nobody is shown in parts."""
    found, best, capped = compared(groups(seed), share)
    assert 0.89 * best <= found <= best * (1 + 1e-9)
    assert found >= capped
    cap = 7
    shown = rank_within(groups(seed), K, cap, np.arange(44)).rows
    assert [int((shown == star).sum()) for star in (3, 4, 5)] == [cap] * 3


@pytest.mark.parametrize("share", [0.2, 0.3, 0.4])
def test_a_star_is_shown_as_often_as_the_tenth_may_be(share: float) -> None:
    """Where a cap for each would have given away what one of them alone is good for."""
    found, best, capped = compared(one_star(3), share)
    assert 0.98 * best <= found <= best * (1 + 1e-9)
    assert found > 1.1 * capped


def compared(scores: NDArray[np.float64], share: float) -> tuple[float, float, float]:
    """The sum of scores here, at best, and by a cap for each."""
    b, n = scores.shape
    n_places = int(share * b * K)
    found = rank_within_share(scores, K, share, np.arange(n)).scores.sum()
    best = best_sum(scores, n_places)
    capped = rank_within(scores, K, n_places // a_tenth_of(n), np.arange(n)).scores.sum()
    print(f"of the best: {found / best:.4f}, by a cap for each {capped / best:.4f}")
    return found, best, capped


def test_one_limit_is_given_and_it_can_be_kept() -> None:
    """Errors name the argument and the rule."""
    market = make_market("much", n_trainees=20, n_coaches=12, seed=1)
    model = CoachMatcher.fit(market.log, market.coaches, market.trainees)
    for limits, sentence in (
        ({}, "give either max_shown or top_tenth_share"),
        ({"max_shown": 3, "top_tenth_share": 0.5}, "give either max_shown or top_tenth_share"),
        ({"max_shown": -1}, "max_shown: must be a whole number, 0 or more"),
        ({"top_tenth_share": 0.16}, "top_tenth_share: must be from 0.167, the least for 20 lists of 3 and"),
        ({"top_tenth_share": 1.01}, "to 1"),
        ({"top_tenth_share": float("nan")}, "to 1"),
    ):
        with pytest.raises(Invalid, match=sentence):
            model.rank_together(market.trainees, K, **limits)  # type: ignore[arg-type]  # as a caller may get it wrong
    found = model.rank_together(market.trainees, K, top_tenth_share=0.2)
    assert share_of_tenth(found.rows, 12) <= 0.2
    one = market.trainees.take([0])
    with pytest.raises(Invalid, match=r"must be from 0\.667, the least for 1 lists of 3"):
        model.rank_together(one, K, top_tenth_share=0.2)
    assert (model.rank_together(one, K, top_tenth_share=0.67).rows >= 0).all()


TIED = """
import hashlib, sys
import numpy as np
from coachhub_core.matching.rank_together import rank_within, rank_within_share
scores = np.random.default_rng(3).integers(0, 4, (80, 40)).astype(float)
made = hashlib.sha256()
for found in (rank_within(scores, 3, 9, np.arange(40)), rank_within_share(scores, 3, 0.15, np.arange(40))):
    made.update(found.rows.tobytes())
print(made.hexdigest())
"""


def test_ties_fall_the_same_way_on_every_processor() -> None:
    """What sorts quicker on one of them leaves equal scores in another order."""
    plain = {**os.environ, "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512_SKX AVX2"}
    said = {
        subprocess.run([sys.executable, "-W", "ignore", "-c", TIED], env=env, check=True, capture_output=True).stdout
        for env in (dict(os.environ), plain)
    }
    assert len(said) == 1
