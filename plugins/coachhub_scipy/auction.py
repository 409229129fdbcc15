"""The largest sum by auction: trainees bid for seats, and the prices that are left prove how good the answer is."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.ports.matcher import Deadline
from coachhub_scipy.stable import keep_best

ROUND = 50  #: bids that take as long as what a round costs anyway


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
    mine, column, bids = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    held = np.zeros(n, np.int64)
    is_done = np.asarray(~(values > -np.inf).any(axis=1))  # nothing left is worth its price
    finite = values[values > -np.inf]
    most = 2 * float(np.ptp(finite)) + 1 if len(finite) else 1.0  # no bid rises by more at once
    takes_many = bool((need > 1).any())
    is_held: NDArray[np.bool_] = np.zeros((n, length) if takes_many else (0, 0), np.bool_)
    short = np.flatnonzero((need > 0) & ~is_done)
    n_bids = 0
    while len(short) and n_bids <= patience:
        deadline.check()
        n_bids += len(short) + ROUND
        coaches = lists[short]
        net = values[short] - prices[coaches]
        if takes_many:
            net[is_held[short]] = -np.inf
            at, who, where, offer = _many_bids(net, need[short] - held[short], outside, most)
        else:
            at, who, where, offer = _one_bid(net, outside, most)
        is_done[short[at]] = True
        coach = coaches[who, where]
        bid = offer + prices[coach] + step
        who = short[who]
        is_touched = np.zeros(len(seats), np.bool_)
        is_touched[coach] = True
        goes_again = is_touched[lists[mine, column]]
        who, where = np.concatenate([mine[goes_again], who]), np.concatenate([column[goes_again], where])
        bid = np.concatenate([bids[goes_again], bid])
        coach = lists[who, where]
        order, rank, full, last = keep_best(coach, bid, who, seats)
        is_kept = rank < seats[coach[order]]
        prices[full] = bid[order[last]]
        kept, lost = order[is_kept], order[~is_kept]
        is_done[who[lost]] = False
        if takes_many:
            is_held[who[lost], where[lost]] = False
            is_held[who[kept], where[kept]] = True
        mine = np.concatenate([mine[~goes_again], who[kept]])
        column = np.concatenate([column[~goes_again], where[kept]])
        bids = np.concatenate([bids[~goes_again], bid[kept]])
        held = np.bincount(mine, minlength=n)
        short = np.flatnonzero((held < need) & ~is_done)
    return Sale(mine, column, np.where(seats > 0, prices, 0.0), is_over=not len(short))


Bids = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


def _one_bid(net: NDArray[np.float64], outside: float, most: float) -> Bids:
    """Give who bids no more, and for the others row, column and what they offer above the price."""
    every = np.arange(len(net))
    best = np.argmax(net, axis=1)
    value = net[every, best]
    net[every, best] = -np.inf
    next_best = np.maximum(net.max(axis=1, initial=-np.inf), outside)
    bids = (value >= outside) & (value > -np.inf)
    offer = np.minimum(value[bids] - next_best[bids], most)
    return np.flatnonzero(~bids), every[bids], best[bids], offer


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
    return np.flatnonzero(~is_bid.any(axis=1)), who, order[who, rank], offer


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
    gain = np.maximum(values - prices[lists], outside)
    if width <= 1:
        best = np.where(need > 0, gain.max(axis=1, initial=outside), 0.0)
    else:
        ordered = -np.sort(-gain, axis=1)[:, :width]
        best = np.where(np.arange(width) < need[:, None], ordered, 0.0)
    return float(best.sum() + prices @ seats)
