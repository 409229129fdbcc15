"""
The largest sum where an auction would not end: the same question as a linear program, over few pairs at first.

Where too few seats meet many equal scores, or most scores are 0, prices only creep; where
lists are long, each bid reads one. The program has a whole answer at each of its corners,
since it is a flow from needs through pairs to seats, and its duals are prices. A pair that
was left out and is worth more than it costs at these prices is let in, and the program
solved again, until there is none, or the sum is proved good enough.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import MatcherError
from coachhub_core.ports.matcher import Deadline
from coachhub_scipy.auction import Sale, proved_bound

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Pairs = tuple[Ints, Ints]  # rows and columns of the lists

FIRST = 16  #: pairs of each trainee that are looked at first, or four times what they need
MORE = 8  #: pairs of each trainee let in at a time
_TINY = 1e-9  # of the spread of the scores: what the solver cannot tell from nothing


def largest_sum(
    lists: NDArray[np.int32],
    values: Floats,
    seats: Ints,
    need: Ints,
    prices: Floats,
    *,
    most: Pairs | None = None,
    within: float = 0.0,
    deadline: Deadline,
) -> Sale:
    """
    Give the placement of the largest sum, and prices that prove it.

    Args:
        lists: (n, L), coaches; *values* (n, L), -inf where the pair is not to be made.
        prices: (m,), of seats, as they may come to be: they only say which pairs to look at first.
        most: Any placement of as many pairs as are to be made: only such are asked for. None: staying without a coach
            is worth 0, and of two placements of one sum the one with more pairs is not looked for.
        within: Part of the sum that may be missing.
    Raises:
        MatcherError: If the solver gives up, as it does on numbers that are too far apart.
    """
    outside = 0.0 if most is None else -np.inf
    may = (values > outside) & (need > 0)[:, None] & (seats[lists] > 0)
    looked_at = _first(lists, values, may, need, prices)
    if most is not None:
        looked_at[most] = True
    largest = float(values.max(initial=0.0, where=may))
    tiny = _TINY * max(largest - float(values.min(initial=largest, where=may)), 1e-6 * abs(largest))
    while True:
        deadline.check()
        rows, columns = np.nonzero(looked_at)
        worth = values[rows, columns]
        taken, alone, prices = _solved(
            lists[rows, columns], rows, worth, seats, need, n_pairs=None if most is None else len(most[0])
        )
        better = np.where(may & ~looked_at, values - prices[lists] - alone[:, None], -np.inf)
        is_better = better > tiny
        value = float(worth[taken].sum())
        if not is_better.any() or (
            within and proved_bound(lists, values, seats, need, prices, outside) <= value + within * abs(value)
        ):
            return Sale(rows[taken], columns[taken], prices)
        best = np.argpartition(-better, min(MORE, better.shape[1] - 1), axis=1)[:, :MORE]
        np.put_along_axis(looked_at, best, np.take_along_axis(looked_at | is_better, best, 1), 1)


def _first(
    lists: NDArray[np.int32], values: Floats, may: NDArray[np.bool_], need: Ints, prices: Floats
) -> NDArray[np.bool_]:
    """Mark of each trainee the best pairs, and the best at the prices."""
    each = max(FIRST, 4 * int(need.max(initial=0)))
    if each >= lists.shape[1]:
        return may.copy()
    marked = np.zeros(may.shape, np.bool_)
    for order in (values, values - prices[lists]):
        best = np.argpartition(-np.where(may, order, -np.inf), each // 2, axis=1)[:, : each // 2]
        np.put_along_axis(marked, best, True, axis=1)
    return marked & may


def _solved(
    coach: NDArray[np.int32], rows: Ints, worth: Floats, seats: Ints, need: Ints, *, n_pairs: int | None
) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Give which of some pairs are made, what a coach more is worth to each trainee, and what a seat costs."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    n, m, p = len(need), len(seats), len(rows)
    if not p:
        return np.zeros(0, np.bool_), np.zeros(n), np.zeros(m)
    every = np.arange(p)
    given = csr_array((np.ones(p), (rows, every)), shape=(n, p))
    loads = csr_array((np.ones(p), (coach.astype(np.int64), every)), shape=(m, p))
    sides: dict[str, Any] = {"A_ub": stacked(loads, given), "b_ub": np.concatenate([seats, need])}
    if n_pairs is not None:
        sides.update(A_eq=np.ones((1, p)), b_eq=[n_pairs])
    found: Any = linprog(-worth, **sides, bounds=(0.0, 1.0), method="highs-ds")
    if found.status != 0:
        raise MatcherError(reason=f"the placement of {n} trainees could not be solved: {found.message}")
    duals = np.maximum(-found.ineqlin.marginals, 0.0)
    anybody = 0.0 if n_pairs is None else float(-found.eqlin.marginals[0])  # what one pair more or less is worth
    return found.x > 0.5, duals[m:] + anybody, duals[:m]


def stacked(above: Any, below: Any) -> Any:
    """Give one sparse matrix above another."""
    from scipy.sparse import vstack

    return vstack([above, below], format="csr")
