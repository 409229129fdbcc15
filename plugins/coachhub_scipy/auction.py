"""The largest sum by auction: trainees bid for seats, and the prices that are left prove how good the answer is."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.ports.matcher import Deadline
from coachhub_scipy.stable import Held

ROUND = 50  #: bids that take as long as what a round costs anyway
PIECE = 32_768  #: pairs looked through at a time: what is read is still near when it is compared


@attrs.frozen(eq=False)
class Sale:
    """What an auction ends with."""

    rows: NDArray[np.int64]  #: the pairs made: a row and
    columns: NDArray[np.int64]  #: a column of the lists
    prices: NDArray[np.float64]  #: (m,), 0 where a seat is left
    is_over: bool = True  #: False where it was broken off


def auction(
    lists: NDArray[np.int32],
    values: NDArray[np.float64],
    seats: NDArray[np.int64],
    need: NDArray[np.int64],
    *,
    step: float,
    outside: float,
    patience: float = np.inf,
    deadline: Deadline,
) -> Sale:
    """
    Sell the seats to the trainees they are worth most to.

    Everybody who is short bids at once, for the coaches best for them at the
    prices of the moment, as much as makes them as good as the next best, and
    *step* more. A coach who is full costs the least bid kept. Prices start at 0
    and only rise, and who is full once stays full: so a seat that is left costs
    nothing, and the sum is within *step* for each pair of the best there is.

    Args:
        lists: (n, L), coaches; what stands where *values* is -inf is not read.
        values: (n, L), -inf where the pair is not to be made.
        seats: (m,), places each coach has.
        need: (n,), coaches each trainee gets.
        step: What a bid adds, above 0.
        outside: What staying without a coach is worth; -inf asks that everybody can be placed.
        patience: Bids after which it is broken off; where too few seats meet many equal scores, prices only creep.

    Source: D. P. Bertsekas, Annals of Operations Research 14, 1988, doi:10.1007/BF02186476.
    """
    n, length = lists.shape
    prices = np.where(seats > 0, 0.0, np.inf)
    held = Held.none(seats, n)
    n_held = np.zeros(n, np.int64)
    is_pair = values > -np.inf
    spread = float(np.max(values, initial=-np.inf)) - float(np.min(values, initial=np.inf, where=is_pair))
    most = 2 * max(spread, 0.0) + 1  # no bid rises by more at once
    takes_many = bool((need > 1).any())
    is_held: NDArray[np.bool_] = np.zeros((n, length) if takes_many else (0, 0), np.bool_)
    short = np.flatnonzero((need > 0) & is_pair.any(axis=1))
    n_bids, n_rows = 0, max(PIECE // length, 1)
    while len(short) and n_bids <= patience:
        deadline.check()
        n_bids += len(short) + ROUND
        made: list[Bids] = []
        for start in range(0, len(short), n_rows):
            some = short[start : start + n_rows]
            net = values.take(some, axis=0)
            net -= prices.take(lists.take(some, axis=0))
            if takes_many:
                net[is_held[some]] = -np.inf
                who, where, offer = _many_bids(net, need[some] - n_held[some], outside, most)
            else:
                who, where, offer = _one_bid(net, outside, most)
            made.append((some[who], where, offer))
        who, where, offer = (np.concatenate(part) for part in zip(*made, strict=True))
        coach = lists[who, where]
        pair = who * length + where
        lost = held.take(coach, offer + prices[coach] + step, who, pair)
        prices[coach] = np.maximum(held.worst[coach], 0.0)  # of who is not full it is -inf
        goes = lost // length
        if takes_many:
            is_held.ravel()[pair] = True
            is_held.ravel()[lost] = False
            np.add.at(n_held, who, 1)
            np.subtract.at(n_held, goes, 1)
            look = np.union1d(who, goes)  # for whom nothing is worth its price waits until a coach is lost
            short = look[n_held[look] < need[look]]
        else:
            short = np.sort(goes)
    rows, columns = np.divmod(np.sort(held.pairs()), length)
    return Sale(rows, columns, np.where(seats > 0, prices, 0.0), is_over=not len(short))


Bids = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


def _one_bid(net: NDArray[np.float64], outside: float, most: float) -> Bids:
    """Give of those who bid row, column and what they offer above the price; for the others nothing is worth it."""
    every = np.arange(len(net))
    best = net.argmax(axis=1)
    value = net[every, best]
    net[every, best] = -np.inf
    next_best = np.maximum(net[every, net.argmax(axis=1)], outside)  # faster than the maxima
    bids = (value >= outside) & (value > -np.inf)
    offer = np.minimum(value[bids] - next_best[bids], most)
    return every[bids], best[bids], offer


def _many_bids(net: NDArray[np.float64], n_more: NDArray[np.int64], outside: float, most: float) -> Bids:
    """Give the same where a trainee may bid for several coaches at once."""
    order = np.argsort(-net, axis=1, kind="stable")
    ordered = np.take_along_axis(net, order, axis=1)
    padded = np.concatenate([ordered, np.full((len(net), 1), -np.inf)], axis=1)
    at = np.minimum(n_more, net.shape[1])
    next_best = np.maximum(padded[np.arange(len(net)), at], outside)
    is_bid = (np.arange(net.shape[1]) < at[:, None]) & (ordered >= outside) & (ordered > -np.inf)
    who, rank = np.nonzero(is_bid)
    offer = np.minimum(ordered[who, rank] - next_best[who], most)
    return who, order[who, rank], offer


def proved_bound(
    lists: NDArray[np.int32],
    values: NDArray[np.float64],
    seats: NDArray[np.int64],
    need: NDArray[np.int64],
    prices: NDArray[np.float64],
    outside: float = 0.0,
) -> float:
    """
    Give what no placement can exceed: what everybody would gain at these prices, and what all seats cost.

    With *outside* -inf it holds for the placements that give everybody all they need.
    """
    width = min(int(need.max(initial=0)), lists.shape[1])
    best = np.zeros((len(lists), max(width, 1)))
    n_rows = max(PIECE // max(lists.shape[1], 1), 1)
    for start in range(0, len(lists), n_rows):
        part = slice(start, start + n_rows)
        gain = np.maximum(values[part] - prices.take(lists[part]), outside)
        if width <= 1:
            best[part, 0] = np.where(need[part] > 0, gain.max(axis=1, initial=outside), 0.0)
        else:
            ordered = -np.sort(-gain, axis=1)[:, :width]
            best[part] = np.where(np.arange(width) < need[part, None], ordered, 0.0)
    return float(best.sum() + prices @ seats)
