"""Lists chosen jointly: as good in sum as a cap on showings allows, by prices that rise with demand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coachhub_core.ports.matcher import Ranking

_ROUNDS = 120
_FIRST_STEP = 0.25  # of the spread of the scores; falls as one over the round


def rank_within(scores: NDArray[np.float64], k: int, max_shown: int, id_order: NDArray[np.int64]) -> Ranking:
    """
    Give everybody the best *k* while nobody is shown more than *max_shown* times.

    Prices rise where more want a coach than the cap allows and fall where fewer do (the
    dual of the cap, by a subgradient); then lists are filled by what is left of the
    score, the largest first, and what a list lacks is filled up by score.

    Args:
        scores: (b, n), -inf is a veto.
        id_order: (n,), the place of each coach when ids are sorted: the smaller wins a tie.
    """
    b, n = scores.shape
    ranking = Ranking.empty(b, k)
    width = min(k, n)
    if not b or not width or not max_shown:
        return ranking
    prices = _prices(scores, width, max_shown)
    taken = np.zeros(n, np.int64)
    length = np.zeros(b, np.int64)
    has = np.zeros((b, n), np.bool_)
    reduced = np.where(scores > -np.inf, scores - prices, -np.inf)
    for net, most in ((reduced, min(n, 4 * width)), (reduced, n)):  # the second time for whom the first left short
        short = np.flatnonzero(length < width)
        if not len(short):
            break
        best = np.argsort(-net[short], axis=1, kind="stable")[:, :most]
        rows = np.repeat(short, most)
        cols = best.ravel()
        value = net[rows, cols]
        kept = (value > -np.inf) & ~has[rows, cols]
        rows, cols, value = rows[kept], cols[kept], value[kept]
        order = np.lexsort((id_order[cols], rows, -value))
        for i, j in zip(rows[order].tolist(), cols[order].tolist(), strict=True):
            if length[i] < width and taken[j] < max_shown:
                has[i, j] = True
                length[i] += 1
                taken[j] += 1
    for i in range(b):
        mine = np.flatnonzero(has[i])
        mine = mine[np.lexsort((id_order[mine], -scores[i, mine]))]
        ranking.rows[i, : len(mine)] = mine
        ranking.scores[i, : len(mine)] = scores[i, mine]
    return ranking


def _prices(scores: NDArray[np.float64], width: int, max_shown: int) -> NDArray[np.float64]:
    b, n = scores.shape
    prices = np.zeros(n)
    finite = scores[scores > -np.inf]
    if not finite.size or b <= max_shown:
        return prices
    spread = float(finite.std()) or 1.0
    mean = np.zeros(n)
    for number in range(_ROUNDS):
        net = scores - prices
        best = np.argpartition(-net, width - 1, axis=1)[:, :width] if width < n else np.tile(np.arange(n), (b, 1))
        wanted = np.bincount(best[np.take_along_axis(net, best, axis=1) > -np.inf], minlength=n)
        step = _FIRST_STEP * spread / (1.0 + 0.1 * number)
        prices = np.maximum(0.0, prices + step * np.clip((wanted - max_shown) / max_shown, -1.0, 1.0))
        if number >= _ROUNDS // 2:
            mean += prices
    return mean / (_ROUNDS - _ROUNDS // 2)
