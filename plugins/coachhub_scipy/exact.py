"""The largest sum exactly: a linear assignment over the pairs near the best, proved by prices over all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coachhub_core.ports.matcher import Deadline
from coachhub_scipy.auction import Sale, proved_bound

_TINY = 1e-12  # of the largest score: what rounding may leave


def solve(
    lists: NDArray[np.int32],
    values: NDArray[np.float64],
    seats: NDArray[np.int64],
    need: NDArray[np.int64],
    near: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """
    Give the best placement that uses only pairs marked *near*, staying without a coach being worth 0.

    Seats become columns of an assignment. A trainee who needs several coaches has
    a row for each, and each of their pairs a column of its own with a partner row
    that takes the seat: so a coach goes to a trainee once.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    row, at = np.nonzero(near)
    coach = lists[row, at].astype(np.int64)
    worth = values[row, at]
    n_seats = np.minimum(seats, np.bincount(coach, minlength=len(seats)))
    first_seat = np.cumsum(n_seats) - n_seats
    total = int(n_seats.sum())
    copies = np.where(near.any(axis=1), np.minimum(need, near.sum(axis=1)), 0)
    first_row = np.cumsum(copies) - copies
    n_rows = int(copies.sum())
    is_plain = copies[row] == 1  # of each pair: its trainee's only row goes to a seat at once
    pair_of = np.cumsum(~is_plain) - 1  # number among the pairs that pass through a column of their own
    n_own = int((~is_plain).sum())

    # from a row (a trainee's, or a pair's partner) to each seat of the coach
    source = np.where(is_plain, first_row[row], n_rows + pair_of)
    wide = n_seats[coach]
    pair = np.repeat(np.arange(len(row)), wide)
    seat = first_seat[coach[pair]] + np.arange(len(pair)) - np.repeat(np.cumsum(wide) - wide, wide)
    parts = [(source[pair], seat, np.where(is_plain, worth, 0.0)[pair])]
    # from each row of a trainee who needs several to the columns of their pairs
    own = np.flatnonzero(~is_plain)
    many = copies[row[own]]
    entry = np.repeat(np.arange(n_own), many)
    copy = np.arange(len(entry)) - np.repeat(np.cumsum(many) - many, many)
    parts.append((first_row[row[own[entry]]] + copy, total + entry, worth[own[entry]]))
    parts.append((n_rows + np.arange(n_own), total + np.arange(n_own), np.zeros(n_own)))  # the pair is not made
    parts.append((np.arange(n_rows), total + n_own + np.arange(n_rows), np.zeros(n_rows)))  # nobody is taken
    rows, columns, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    if n_rows == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    least = np.zeros(n_rows + n_own)
    np.minimum.at(least, rows, weights)
    shape = (n_rows + n_own, total + n_own + n_rows)
    matrix = coo_array((weights - least[rows] + 1.0, (rows, columns)), shape=shape).tocsr()  # a zero would be no edge
    taken_rows, taken_columns = min_weight_full_bipartite_matching(matrix, maximize=True)
    is_made = np.zeros(len(row), np.bool_)
    direct = (taken_rows < n_rows) & (taken_columns < total)  # a plain row at a seat
    seat_owner = np.repeat(np.arange(len(seats)), n_seats)
    goes_to = np.full(n_rows, -1)
    goes_to[taken_rows[direct]] = seat_owner[taken_columns[direct]]
    is_made[is_plain] = goes_to[first_row[row[is_plain]]] == coach[is_plain]
    through = (taken_rows < n_rows) & (taken_columns >= total) & (taken_columns < total + n_own)
    is_made[own[taken_columns[through] - total]] = True  # its partner row had to take the seat
    return row[is_made], at[is_made]


def least_prices(
    lists: NDArray[np.int32],
    values: NDArray[np.float64],
    seats: NDArray[np.int64],
    need: NDArray[np.int64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    deadline: Deadline,
) -> NDArray[np.float64]:
    """
    Give the least prices at which nobody would rather have another coach, if the placement is the best there is.

    They are longest paths over coaches: whoever holds one and would gain by
    another at today's price raises it. A placement that is not the best has a
    cycle that never ends, so the work ends after as many rounds as there are
    coaches; the bound the prices give then tells.
    """
    n, m = len(lists), len(seats)
    prices = np.where(seats > 0, 0.0, np.inf)
    is_held = np.zeros(lists.shape, np.bool_)
    is_held[rows, columns] = True
    held_by = lists[rows, columns]
    is_short = np.bincount(rows, minlength=n) < need
    finite = np.abs(values[values > -np.inf])
    tiny = _TINY * float(finite.max(initial=1.0))
    look = np.flatnonzero(need > 0)
    for _ in range(m + 2):
        deadline.check()
        content = np.full(n, np.inf)
        np.minimum.at(content, rows, values[rows, columns] - prices[held_by])
        content = np.where(is_short, 0.0, np.maximum(content, 0.0))  # what a further coach must be worth
        fair = values[look] - content[look, None]
        fair[is_held[look]] = -np.inf
        row, at = np.nonzero(fair > prices[lists[look]] + tiny)
        if not len(row):
            break
        before = prices.copy()
        np.maximum.at(prices, lists[look[row], at], fair[row, at])
        has_risen = prices > before
        look = np.unique(rows[has_risen[held_by]])
        if not len(look):
            break
    return np.where(seats > 0, prices, 0.0)


def finish(
    lists: NDArray[np.int32],
    values: NDArray[np.float64],
    seats: NDArray[np.int64],
    need: NDArray[np.int64],
    sale: Sale,
    width: float,
    deadline: Deadline,
) -> Sale:
    """
    Turn what an auction left into the best placement, with prices that prove it.

    Only pairs within *width* of what a trainee gains at the auction's prices are
    looked at; where the proof fails the width grows, until all pairs are in.
    """
    gain = values - sale.prices[lists]
    gain[(values == -np.inf) | (need == 0)[:, None]] = -np.inf
    rank = np.minimum(need, gain.shape[1])
    threshold = np.zeros(len(lists))
    has = np.flatnonzero(rank > 0)
    if len(has):
        ordered = -np.sort(-gain[has], axis=1)
        threshold[has] = np.maximum(ordered[np.arange(len(has)), rank[has] - 1], 0.0)
    while True:
        deadline.check()
        near = (gain >= (threshold - width)[:, None]) & (values > 0)
        near[sale.rows, sale.columns] = True
        is_all = bool(near[(gain > -np.inf) & (values > 0)].all())
        rows, columns = solve(lists, values, seats, need, near)
        prices = least_prices(lists, values, seats, need, rows, columns, deadline)
        if is_all or _is_proved(lists, values, seats, need, rows, columns, prices):
            return Sale(rows, columns, prices)
        width *= 4


def _is_proved(
    lists: NDArray[np.int32],
    values: NDArray[np.float64],
    seats: NDArray[np.int64],
    need: NDArray[np.int64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    prices: NDArray[np.float64],
) -> bool:
    value = float(values[rows, columns].sum())
    return proved_bound(lists, values, seats, need, prices) <= value + 1e-10 * max(abs(value), 1e-3)
