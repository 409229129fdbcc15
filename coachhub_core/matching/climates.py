"""How well a matcher orders in each climate of the synthetic market, whose truth is known, beside what is simple."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching.baselines import best, by_content, by_popularity
from coachhub_core.matching.coach_matcher import CoachMatcher
from coachhub_core.matching.market import CLIMATES, Market, make_market
from coachhub_core.matching.ranking_figures import K, interval, ndcg
from coachhub_core.ports.matcher import AllowedPairs

WEEKS_KEPT_BACK: Final = 4  #: of the log: so that some trainees are new

Rows = NDArray[np.int32]


@attrs.frozen(kw_only=True)
class ClimateQuality:
    """
    nDCG@10 in one climate, against who would say yes to whom, drawn anew from the truth.

    By engine: mean over trainees and its 95 % interval. The engines are
    ``candidate`` (the matcher, learned from the log), ``unlearned`` (the same
    before it has learned), ``live`` (another matcher's, where one was named, learned
    from the same log), ``popularity``, ``content``, and ``truth``: the order by the
    true probabilities, which nobody can beat but by luck.
    """

    climate: str
    n_trainees: int
    ndcg: Mapping[str, tuple[float, float, float]]


def by_climate(
    matcher: str = "duet",
    *,
    live: str | None = None,
    climates: Iterable[str] = tuple(CLIMATES),
    n_trainees: int = 300,
    n_coaches: int = 60,
    seed: int = 0,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[ClimateQuality, ...]:
    """
    Learn and rank in each climate.

    Args:
        live: A second matcher to learn from the same logs; None, or the same name, for none.
        tell: Called with how many climates are done, and how many there are.
    """
    names = tuple(climates)
    found = []
    for done, climate in enumerate(names):
        tell(done, len(names))
        market = make_market(climate, n_trainees=n_trainees, n_coaches=n_coaches, seed=seed)
        found.append(_measured(market, matcher, None if live == matcher else live, seed))
    tell(len(names), len(names))
    return tuple(found)


def _measured(market: Market, matcher: str, live: str | None, seed: int) -> ClimateQuality:
    log = market.log_until(market.n_weeks - WEEKS_KEPT_BACK)
    asked = np.zeros((len(market.trainees), len(market.coaches)), np.bool_)
    for trainee, coach, event in zip(log.trainee, log.coach, log.event, strict=True):
        i, j = market.trainees.row_of(trainee), market.coaches.row_of(coach)
        if event == "contacted" and i is not None and j is not None:
            asked[i, j] = True
    right = market.draw("mutual", seed) & ~asked
    who = np.flatnonzero(right.any(axis=1))

    def ordered(scores: NDArray[np.float64]) -> Rows:
        return best(np.where(asked, -np.inf, scores), K)

    def ranked(model: CoachMatcher) -> Rows:
        free = [sum(1 << int(row) for row in np.flatnonzero(~mine)) for mine in asked]
        return model.rank(market.trainees, K, allowed=AllowedPairs.each(free, len(market.coaches))).rows

    learn = partial(CoachMatcher.fit, log, market.coaches, market.trainees, seed=seed)
    lists = {
        "candidate": ranked(learn(matcher=matcher)),
        "unlearned": ranked(CoachMatcher(coaches=market.coaches, matcher=matcher)),
        **({} if live is None else {"live": ranked(learn(matcher=live))}),
        "popularity": ordered(np.broadcast_to(by_popularity(asked), asked.shape)),
        "content": ordered(by_content(market.coaches, market.trainees)),
        "truth": ordered(market.probability("mutual")),
    }
    return ClimateQuality(
        climate=market.climate,
        n_trainees=len(who),
        ndcg={name: interval(ndcg(rows[who], right[who]), seed) for name, rows in lists.items()},
    )
