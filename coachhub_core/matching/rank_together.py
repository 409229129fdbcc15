"""
Lists chosen jointly: as good in sum as a limit on showings allows, by prices that rise with demand.

The limit is one for each coach (:func:`rank_within`), or one for the most shown
tenth of them together (:func:`rank_within_share`). The second leaves a coach
whom everybody is right to be shown more room than it leaves the next forty, and
so costs less of what lists are good for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching.fairness import a_tenth_of
from coachhub_core.ports.matcher import Ranking

_ROUNDS = 120
_FIRST_STEP = 0.25  # of the spread of the scores; falls as one over the round
_SHARE_STEP = 0.15  # the same for what coaches cost where the tenth is limited
_LIMIT_STEP = 0.6  # and for the most that one of them may cost
_BISECTIONS = 40
_SWEEPS = 4  # over whoever has room left when lists are filled
_FACTORS = (1.0, 0.97, 0.9, 0.0)  # of prices that were found: they may overshoot, and the best lists count
_NO_TIE = 1e-12  # of the spread of the scores, by which the smaller id wins a tie when demand is counted
_AT_THE_LIMIT = 0.9  # of it: who costs about that is shown as often as it pays
_N_CAPS = 4  # tried for the others


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
    width = min(k, n)
    if not b or not width or not max_shown:
        return Ranking.empty(b, k)
    prices = _prices(_Demand(scores, width, id_order), max_shown)
    caps = np.full(n, max_shown)
    factors = _FACTORS if prices.any() else (0.0,)
    return max((_filled(scores, factor * prices, k, caps, id_order) for factor in factors), key=_goodness)


def rank_within_share(scores: NDArray[np.float64], k: int, share: float, id_order: NDArray[np.int64]) -> Ranking:
    """
    Give everybody the best *k* while the most shown tenth of the coaches has at most *share* of all that is shown.

    That the sum of the T largest loads is at most L is the same as: each load is at most t + u_j, and
    T t + sum u_j <= L. In its dual a coach costs 0 <= p_j <= q, all together at most q T, and q rises while
    the tenth has more than its share: the projected subgradient below. Whoever costs q is shown as often as it
    pays; the others at most t times. Where vetoes leave lists short, less is shown, and the tenth gets less.

    Args:
        scores: (b, n), -inf is a veto.
        share: From :func:`least_share` to 1.
        id_order: (n,), the place of each coach when ids are sorted: the smaller wins a tie.
    """
    b, n = scores.shape
    width = min(k, n)
    if not b or not width:
        return Ranking.empty(b, k)
    n_tenth = a_tenth_of(n)
    n_places = int(share * b * width + 1e-9)
    while True:
        found = _within_places(scores, k, n_tenth, n_places, id_order)
        loads = np.bincount(found.rows[found.rows >= 0], minlength=n)
        n_allowed = int(share * int(loads.sum()) + 1e-9)
        if not n_places or _most_shown(loads, n_tenth) <= n_allowed:
            return found
        n_places = min(n_places - 1, n_allowed)


def _within_places(
    scores: NDArray[np.float64], k: int, n_tenth: int, n_places: int, id_order: NDArray[np.int64]
) -> Ranking:
    """Give the best lists in which no tenth of the coaches has more than *n_places*."""
    b, n = scores.shape
    if not n_places:
        return Ranking.empty(b, k)
    width = min(k, n)
    even = rank_within(scores, k, n_places // n_tenth, id_order)  # the better one where all are alike
    demand = _Demand(scores, width, id_order)
    prices, highest = _prices_of_share(demand, n_tenth, n_places)
    wanted = demand.at(prices)
    is_dearest = prices >= _AT_THE_LIMIT * highest if highest else np.zeros(n, np.bool_)
    caps = [_caps_as_wanted(wanted, n_tenth, n_places)]
    caps += [
        _caps(common, wanted, is_dearest, n_tenth, n_places) for common in _common_caps(n, n_tenth, n_places, b * width)
    ]
    tried = [(each, _filled(scores, prices, k, each, id_order)) for each in caps]
    chosen, as_priced = max(tried, key=lambda one: _goodness(one[1]))
    found = [even, as_priced]
    if prices.any():  # else all multiples are alike
        found += [_filled(scores, factor * prices, k, chosen, id_order) for factor in _FACTORS[1:]]
    return max(found, key=_goodness)


def _goodness(found: Ranking) -> tuple[int, float]:
    is_filled = found.rows >= 0
    return int(is_filled.sum()), float(found.scores[is_filled].sum())


def least_share(n: int, b: int, k: int) -> float:
    """Return what the most shown tenth of *n* coaches has when *b* lists of *k* are spread as evenly as can be."""
    n_places = b * min(k, n)
    if not n_places:
        return 0.0
    each, more = divmod(n_places, n)
    n_tenth = a_tenth_of(n)
    return (n_tenth * each + min(more, n_tenth)) / n_places


def _filled(
    scores: NDArray[np.float64],
    prices: NDArray[np.float64],
    k: int,
    caps: NDArray[np.int64],
    id_order: NDArray[np.int64],
) -> Ranking:
    """Fill lists by what is left of the scores, the largest first, while nobody is shown beyond his cap."""
    b, n = scores.shape
    ranking = Ranking.empty(b, k)
    width = min(k, n)
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
            if length[i] < width and taken[j] < caps[j]:
                has[i, j] = True
                length[i] += 1
                taken[j] += 1
    _exchange(scores, has, length == width, taken, caps)
    for i in range(b):
        mine = np.flatnonzero(has[i])
        mine = mine[np.lexsort((id_order[mine], -scores[i, mine]))]
        ranking.rows[i, : len(mine)] = mine
        ranking.scores[i, : len(mine)] = scores[i, mine]
    return ranking


def _exchange(
    scores: NDArray[np.float64],
    has: NDArray[np.bool_],
    is_full: NDArray[np.bool_],
    taken: NDArray[np.int64],
    caps: NDArray[np.int64],
) -> None:
    """Let whoever has room take the place of the worst on a list, where that is better, the largest gain first."""
    worst = np.where(has, scores, np.inf).min(axis=1)
    for _ in range(_SWEEPS):
        n_changed = 0
        for j in np.flatnonzero(taken < caps).tolist():
            gain = np.where(is_full & ~has[:, j], scores[:, j] - worst, 0.0)
            order = np.argsort(-gain, kind="stable")[: int(caps[j] - taken[j])]
            for i in order[gain[order] > 0].tolist():
                mine = np.flatnonzero(has[i])
                gone = int(mine[np.argmin(scores[i, mine])])
                has[i, gone], has[i, j] = False, True
                taken[gone] -= 1
                taken[j] += 1
                worst[i] = scores[i, np.flatnonzero(has[i])].min()
                n_changed += 1
        if not n_changed:
            break


class _Demand:
    """On how many lists each coach stands when everybody has the best; ties go to the smaller id, on any machine."""

    def __init__(self, scores: NDArray[np.float64], width: int, id_order: NDArray[np.int64]) -> None:
        finite = scores[scores > -np.inf]
        self.n_lists, self.n = scores.shape
        self.width = width
        self.is_any = bool(finite.size)
        self.spread = (float(finite.std()) if self.is_any else 0.0) or 1.0
        self._scores = scores
        self._last = id_order * (_NO_TIE * self.spread)

    def at(self, prices: NDArray[np.float64]) -> NDArray[np.int64]:
        """Count it at these prices."""
        net = self._scores - (prices + self._last)
        if self.width < self.n:
            best = np.argpartition(-net, self.width - 1, axis=1)[:, : self.width]
        else:
            best = np.tile(np.arange(self.n), (self.n_lists, 1))
        return np.bincount(best[np.take_along_axis(net, best, axis=1) > -np.inf], minlength=self.n)


def _prices(demand: _Demand, max_shown: int) -> NDArray[np.float64]:
    prices = np.zeros(demand.n)
    if not demand.is_any or demand.n_lists <= max_shown:
        return prices
    mean = np.zeros(demand.n)
    for number in range(_ROUNDS):
        step = _FIRST_STEP * demand.spread / (1.0 + 0.1 * number)
        beyond = np.clip((demand.at(prices) - max_shown) / max_shown, -1.0, 1.0)
        prices = np.maximum(0.0, prices + step * beyond)
        if number >= _ROUNDS // 2:
            mean += prices
    return mean / (_ROUNDS - _ROUNDS // 2)


# ── a limit on the most shown tenth ─────────────────────────────────────────


def _prices_of_share(demand: _Demand, n_tenth: int, n_places: int) -> tuple[NDArray[np.float64], float]:
    """Return what each coach costs and the most that one may, 0 where nothing has to be dear."""
    prices = np.zeros(demand.n)
    if not demand.is_any or _most_shown(demand.at(prices), n_tenth) <= n_places:
        return prices, 0.0
    spread = demand.spread
    even = n_places / n_tenth
    highest = spread / 2
    mean, mean_highest = np.zeros(demand.n), 0.0
    for number in range(_ROUNDS):
        wanted = demand.at(prices)
        beyond = np.clip((_most_shown(wanted, n_tenth) - n_places) / n_places, -1.0, 1.0)
        highest = max(0.0, highest + _LIMIT_STEP * spread / (1.0 + 0.05 * number) * float(beyond))
        step = _SHARE_STEP * spread / (1.0 + 0.1 * number)
        prices = _projected(prices + step * np.clip(wanted / even, 0.0, 3.0), highest, highest * n_tenth)
        prices -= prices.min()  # what everybody costs changes no list
        highest = min(highest, max(float(prices.max()), float(prices.sum()) / n_tenth))
        if number >= _ROUNDS // 2:
            mean += prices
            mean_highest += highest
    n_meant = _ROUNDS - _ROUNDS // 2
    return mean / n_meant, mean_highest / n_meant


def _projected(prices: NDArray[np.float64], highest: float, total: float) -> NDArray[np.float64]:
    """Return the nearest prices from 0 to *highest* whose sum is at most *total*."""
    found = np.clip(prices, 0.0, highest)
    if found.sum() <= total:
        return found
    low, high = 0.0, float(prices.max())
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if np.clip(prices - middle, 0.0, highest).sum() > total:
            low = middle
        else:
            high = middle
    return np.clip(prices - high, 0.0, highest)


def _caps_as_wanted(wanted: NDArray[np.int64], n_tenth: int, n_places: int) -> NDArray[np.int64]:
    """Cap the most wanted tenth each at what it is wanted for, in proportion to its places, and all others below it."""
    tenth = np.argsort(-wanted, kind="stable")[:n_tenth]
    n_wanted = int(wanted[tenth].sum())
    spare = (n_places - n_wanted) // n_tenth
    of_tenth = wanted[tenth] + spare if spare >= 0 else wanted[tenth] * n_places // n_wanted
    caps = np.full(len(wanted), of_tenth.min())
    caps[tenth] = of_tenth
    return caps


def _common_caps(n: int, n_tenth: int, n_places: int, n_all: int) -> list[int]:
    """Give what to try for all but the dearest: from just enough for everybody's list up to an even tenth."""
    least = max(1, -(-(n_all - n_places) // max(1, n - n_tenth)))
    most = n_places // n_tenth
    return sorted({int(each) for each in np.geomspace(least, most, _N_CAPS, endpoint=False)}) if least < most else []


def _caps(
    common: int, wanted: NDArray[np.int64], is_dearest: NDArray[np.bool_], n_tenth: int, n_places: int
) -> NDArray[np.int64]:
    """Cap all at *common*, but for the dearest, to whom the rest of the tenth's places goes as they are wanted."""
    caps = np.full(len(wanted), common)
    dearest = np.flatnonzero(is_dearest)
    dearest = dearest[np.argsort(-wanted[dearest], kind="stable")][:n_tenth]
    beyond = np.maximum(wanted[dearest] - common, 0) + 1
    caps[dearest] += (n_places - common * n_tenth) * beyond // max(1, int(beyond.sum()))
    return caps


def _most_shown(wanted: NDArray[np.int64], n_tenth: int) -> int:
    return int(np.partition(wanted, len(wanted) - n_tenth)[len(wanted) - n_tenth :].sum())
