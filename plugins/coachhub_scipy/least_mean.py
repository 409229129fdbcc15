"""
Several coaches each: the least that a trainee gets, on the mean of what they need, as high as can be.

A pair is no measure there: who gets two good coaches and a poor one is better off than
who gets three middling ones. To make the least mean as large as can be is hard for a
solver that is asked just that; whether a mean is within reach, and with which largest
sum, is a question that it answers in moments. So it is asked that, between what was
placed before and a bound: what each could get alone, or what those who have least to
choose from can get of the seats they share.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.ports.matcher import Deadline
from coachhub_scipy.auction import Sale, proved_bound
from coachhub_scipy.simplex import stacked

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SMALL = 400  #: pairs of a cohort of which the best is found; of a larger one, but for a thousandth
WHOLE = 6_000  #: pairs that are looked at, all of them
MOST = 60_000  #: of larger cohorts so many, or four times what each needs
TOO_MANY = 150_000  #: where even that is more, the sale stands as it is
FEW = 64  #: and of each trainee so many
SHARED = 8_000  #: pairs of those who have least to choose from, whose bound is computed
NEAR = 24  #: pairs of each of them, the best; any prices prove a bound over all
CLOSE = 1e-3  #: part of the bound that may be missing
N_QUESTIONS = 8  #: asked at most of a cohort that is not small
_SAME = 2e-6  # what the solver cannot tell apart, of scores from 0 to 1
_HOW: Any = {"mip_rel_gap": 5e-5, "node_limit": 64}
_HOW_SMALL: Any = {"mip_rel_gap": 1e-9, "node_limit": 20_000}


@attrs.frozen(eq=False)
class Raised:
    """What is placed, and what proves how much higher the least mean could be at most."""

    rows: Ints
    columns: Ints
    least: float  #: the smallest mean of a trainee
    bound: float  #: what none exceeds that gives everybody all they need
    weights: Floats  #: (n,), adding up to 1, and
    prices: Floats  #: (m,), of seats: no least mean is above the weighted mean, and at these prices that has a bound


def raise_the_least(
    lists: NDArray[np.int32], values: Floats, seats: Ints, need: Ints, sale: Sale, deadline: Deadline
) -> Raised:
    """
    Give everybody all they need, the least mean within a thousandth of what can be; of such placements the largest sum.

    Args:
        lists: (n, L), coaches; *values* (n, L), -inf where the pair is not to be made.
        sale: A placement that gives everybody all they need, and its prices.
    """
    asked = _Question(lists, values, seats, need, sale)
    proof = asked.alone
    best, low = (sale.rows, sale.columns), asked.least(sale.rows, sale.columns)
    if low < proof.bound - asked.same and asked.is_answerable:
        made = asked.placed_above(proof.bound)
        if made is None:
            deadline.check()
            together = asked.together
            if together.bound < proof.bound:
                proof = together
                made = asked.placed_above(proof.bound) if low < proof.bound - asked.same else None
        high = proof.bound
        for _ in range(60 if asked.is_small else N_QUESTIONS):
            if made is not None:
                best, low = made, asked.least(*made)
            if high - low <= (asked.same if asked.is_small else CLOSE * abs(high)):
                break
            deadline.check()
            middle = 0.5 * (low + high)
            made = asked.placed_above(middle)
            high = high if made is not None else middle
    return Raised(*best, least=low, bound=max(proof.bound, low), weights=proof.weights, prices=proof.prices)


@attrs.frozen(eq=False)
class _Proof:
    bound: float
    weights: Floats
    prices: Floats


@attrs.define(eq=False, slots=False)
class _Question:
    """The cohort as a solver is asked about it: of each trainee the pairs worth a look, scores from 0 to 1."""

    lists: NDArray[np.int32]
    values: Floats
    seats: Ints
    need: Ints
    sale: Sale

    def __attrs_post_init__(self) -> None:
        finite = self.values[self.values > -np.inf]
        self.lowest = float(finite.min())
        self.spread = float(finite.max()) - self.lowest or 1.0
        self.same = _SAME * self.spread
        self.is_small = len(finite) <= SMALL
        self.who, self.at = self._looked_at(len(finite))
        self.coach = self.lists[self.who, self.at].astype(np.int64)
        self.worth = (self.values[self.who, self.at] - self.lowest) / self.spread
        self.share = self.worth / self.need[self.who]  # of the mean

    @property
    def is_answerable(self) -> bool:
        """Tell whether a solver can be asked at all."""
        return len(self.who) <= TOO_MANY

    def _looked_at(self, n_pairs: int) -> tuple[Ints, Ints]:
        """Give the pairs worth a look: each trainee's best, the best at the prices of the sale, and what it sold."""
        is_pair = self.values > -np.inf
        n, length = self.values.shape
        each = max(min(MOST // max(int((self.need > 0).sum()), 1), FEW), 4 * int(self.need.max()))
        if n_pairs > WHOLE and each < length:
            net = self.values - self.sale.prices[self.lists]
            mixed = (np.arange(n)[:, None] * 7_919 + self.lists.astype(np.int64) * 104_729) % 1_009
            apart = 1e-9 * self.spread * mixed  # who is equal to many is not the same one for everybody
            kept = np.zeros(is_pair.shape, np.bool_)
            for order in (self.values, net):
                np.put_along_axis(kept, np.argsort(apart - order, axis=1)[:, : each // 2], True, axis=1)
            kept[self.sale.rows, self.sale.columns] = True
            is_pair &= kept
        who, at = np.nonzero(is_pair & (self.need > 0)[:, None])
        return who, at

    def least(self, rows: Ints, columns: Ints) -> float:
        """Give the smallest mean of a placement."""
        total = np.bincount(rows, self.values[rows, columns], len(self.need))
        needs = self.need > 0
        return float((total[needs] / self.need[needs]).min())

    # ── what cannot be exceeded ──

    def _proof(self, weights: Floats, prices: Floats) -> _Proof:
        """Give what a least mean cannot exceed by these weights and prices, in the scores that were given."""
        scale = np.divide(weights, self.need, out=np.zeros(len(weights)), where=self.need > 0)
        weighted = np.where(self.values > -np.inf, self.values, 0.0) * scale[:, None]
        weighted[self.values == -np.inf] = -np.inf
        bound = proved_bound(self.lists, weighted, self.seats, self.need, prices, -np.inf)
        return _Proof(bound, weights, prices)

    @cached_property
    def _means_alone(self) -> Floats:
        """Give the mean each trainee would have with their best coaches: (n,), inf for who needs nobody."""
        width = int(self.need.max())
        best = -np.sort(-self.values, axis=1)[:, :width]
        total = np.where(np.arange(width) < self.need[:, None], best, 0.0).sum(axis=1)
        made: Floats = np.divide(total, self.need, out=np.full(len(total), np.inf), where=self.need > 0)
        return made

    @cached_property
    def alone(self) -> _Proof:
        """Give the bound of who could get least if there were nobody else."""
        weights = np.zeros(len(self.need))
        weights[int(self._means_alone.argmin())] = 1.0
        return self._proof(weights, np.zeros(len(self.seats)))

    @cached_property
    def together(self) -> _Proof:
        """Give the bound of those who have least to choose from, sharing the seats without everybody else."""
        from scipy.optimize import linprog

        order = np.lexsort((-self.worth, self.who))
        place = np.arange(len(order)) - np.searchsorted(self.who[order], self.who[order])
        is_near = np.zeros(len(order), np.bool_)
        is_near[order] = place < np.maximum(NEAR, 4 * self.need[self.who[order]])
        hardest = np.argsort(self._means_alone, kind="stable")
        n_pairs = np.cumsum(np.bincount(self.who[is_near], minlength=len(self.need))[hardest])
        chosen = np.zeros(len(self.need), np.bool_)
        chosen[hardest[: max(int(np.searchsorted(n_pairs, SHARED)), 1)]] = True
        chosen &= self.need > 0
        mine = np.flatnonzero(chosen[self.who] & is_near)
        rows, columns = self._places(mine)
        n, m, p = int(rows.max()) + 1, int(columns.max()) + 1, len(mine)
        people, coaches = np.flatnonzero(chosen), np.unique(self.coach[mine])
        means = _matrix(rows, np.arange(p), -self.share[mine], (n, p + 1), last=1.0)
        loads = _matrix(columns, np.arange(p), np.ones(p), (m, p + 1))
        given = _matrix(rows, np.arange(p), np.ones(p), (n, p + 1))
        found = linprog(
            np.append(np.zeros(p), -1.0),
            A_ub=stacked(stacked(means, loads), given),
            b_ub=np.concatenate([np.zeros(n), self.seats[coaches], self.need[people]]),
            bounds=[(0.0, 1.0)] * p + [(0.0, None)],
            method="highs",
        )
        if found.status != 0:
            return self.alone
        weights, prices = np.zeros(len(self.need)), np.zeros(len(self.seats))
        weights[people] = np.maximum(-found.ineqlin.marginals[:n], 0.0)
        prices[coaches] = np.maximum(-found.ineqlin.marginals[n : n + m], 0.0) * self.spread
        return self._proof(weights / weights.sum(), prices)

    # ── what can be had ──

    def placed_above(self, least: float) -> tuple[Ints, Ints] | None:
        """Give the placement of the largest sum in which nobody's mean is below *least*; None where none was found."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        given, loads, means = self._constraints
        needed = self.need[self._people].astype(np.float64)
        floor = (least - self.lowest) / self.spread - 0.5 * _SAME
        found = milp(
            -self.worth,
            constraints=[
                LinearConstraint(given, needed, needed),
                LinearConstraint(loads, 0, self.seats[self._coaches].astype(np.float64)),
                LinearConstraint(means, floor, np.inf),
            ],
            integrality=np.ones(len(self.worth), np.int64),
            bounds=Bounds(0, 1),
            options=_HOW_SMALL if self.is_small else _HOW,
        )
        if found.x is None:
            return None
        taken = found.x > 0.5
        return self.who[taken], self.at[taken]

    @cached_property
    def _people(self) -> Ints:
        return np.unique(self.who)

    @cached_property
    def _coaches(self) -> Ints:
        return np.unique(self.coach)

    def _places(self, pairs: Ints) -> tuple[Ints, Ints]:
        """Number the people and the coaches of some pairs from 0."""
        rows = np.unique(self.who[pairs], return_inverse=True)[1]
        return rows, np.unique(self.coach[pairs], return_inverse=True)[1]

    @cached_property
    def _constraints(self) -> tuple[Any, Any, Any]:
        every = np.arange(len(self.who))
        rows, columns = self._places(every)
        n, m, p = len(self._people), len(self._coaches), len(every)
        ones = np.ones(p)
        return (
            _matrix(rows, every, ones, (n, p)),
            _matrix(columns, every, ones, (m, p)),
            _matrix(rows, every, self.share, (n, p)),
        )


def _matrix(rows: Ints, columns: Ints, values: Floats, shape: tuple[int, int], last: float = 0.0) -> Any:
    """Give a sparse matrix, its last column filled with *last*."""
    from scipy.sparse import csr_array

    if last:
        rows = np.concatenate([rows, np.arange(shape[0])])
        columns = np.concatenate([columns, np.full(shape[0], shape[1] - 1)])
        values = np.concatenate([values, np.full(shape[0], last)])
    return csr_array((values, (rows, columns)), shape=shape)
