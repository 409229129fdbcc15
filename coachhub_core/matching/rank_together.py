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

from coachhub_core.ports.matcher import Ranking

_ROUNDS = 120
_FIRST_STEP = 0.25  # of the spread of the scores; falls as one over the round
_SHARE_STEP = 0.15  # the same for what coaches cost where the tenth is limited
_LIMIT_STEP = 0.6  # and for the most that one of them may cost
_BISECTIONS = 40
_AT_THE_LIMIT = 0.999  # of it: who costs that much is shown as often as it pays
_N_CAPS = 5  # tried for the others; the best lists count


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
    return _filled(scores, _prices(scores, width, max_shown), k, np.full(n, max_shown), id_order)


def rank_within_share(scores: NDArray[np.float64], k: int, share: float, id_order: NDArray[np.int64]) -> Ranking:
    """
    Give everybody the best *k* while the most shown tenth of the coaches has at most *share* of all b k places.

    That the sum of the T largest loads is at most L is the same as: each load is at most t + u_j, and
    T t + sum u_j <= L. In its dual a coach costs 0 <= p_j <= q, all together at most q T, and q rises while
    the tenth has more than its share: the projected subgradient below. Whoever costs q is shown as often as it
    pays; the others at most t times.

    Args:
        scores: (b, n), -inf is a veto.
        share: From T / n, where T is a tenth of n, at least 1, to 1.
        id_order: (n,), the place of each coach when ids are sorted: the smaller wins a tie.
    """
    b, n = scores.shape
    width = min(k, n)
    if not b or not width:
        return Ranking.empty(b, k)
    n_tenth = a_tenth_of(n)
    n_places = int(share * b * width)
    prices, highest = _prices_of_share(scores, width, n_tenth, n_places)
    wanted = _wanted(scores - prices, width)
    is_dearest = prices >= _AT_THE_LIMIT * highest if highest else np.zeros(n, np.bool_)
    caps = [_caps_as_wanted(wanted, n_tenth, n_places)]
    caps += [
        _caps(common, wanted, is_dearest, n_tenth, n_places) for common in _common_caps(n, n_tenth, n_places, b * width)
    ]
    found = [_filled(scores, prices, k, each, id_order) for each in caps]
    found.append(rank_within(scores, k, n_places // n_tenth, id_order))  # the better one where all are alike
    return max(found, key=_goodness)


def _goodness(found: Ranking) -> tuple[int, float]:
    is_filled = found.rows >= 0
    return int(is_filled.sum()), float(found.scores[is_filled].sum())


def a_tenth_of(n: int) -> int:
    """Return how many coaches a tenth of *n* is: at least one."""
    return max(1, n // 10)


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
        wanted = _wanted(scores - prices, width)
        step = _FIRST_STEP * spread / (1.0 + 0.1 * number)
        prices = np.maximum(0.0, prices + step * np.clip((wanted - max_shown) / max_shown, -1.0, 1.0))
        if number >= _ROUNDS // 2:
            mean += prices
    return mean / (_ROUNDS - _ROUNDS // 2)


# ── a limit on the most shown tenth ─────────────────────────────────────────


def _prices_of_share(
    scores: NDArray[np.float64], width: int, n_tenth: int, n_places: int
) -> tuple[NDArray[np.float64], float]:
    """Return what each coach costs and the most that one may, 0 where nothing has to be dear."""
    n = scores.shape[1]
    prices = np.zeros(n)
    finite = scores[scores > -np.inf]
    if not finite.size or _most_shown(_wanted(scores, width), n_tenth) <= n_places:
        return prices, 0.0
    spread = float(finite.std()) or 1.0
    even = n_places / n_tenth
    highest = spread / 2
    mean, mean_highest = np.zeros(n), 0.0
    for number in range(_ROUNDS):
        wanted = _wanted(scores - prices, width)
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


def _wanted(net: NDArray[np.float64], width: int) -> NDArray[np.int64]:
    """Count on how many lists each coach stands when everybody has the best *width*."""
    b, n = net.shape
    best = np.argpartition(-net, width - 1, axis=1)[:, :width] if width < n else np.tile(np.arange(n), (b, 1))
    return np.bincount(best[np.take_along_axis(net, best, axis=1) > -np.inf], minlength=n)
