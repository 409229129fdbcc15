"""
The first look at many coaches: a few dimensions in single precision, and whatever labels and words meet.

Of the allowed only are looked at, where they are few; where they are many, all are, in one
product, and the groups that cannot win are never opened. What may stand among the
candidates is computed again in a fixed order before it is sorted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.arithmetic import Floats, dots, sigmoid
from coachhub_scipy.comparers import EVERY
from coachhub_scipy.prepared import Asking, Prepared
from coachhub_scipy.scan_one import GATHER, may_win

N_COARSE = 48  #: dimensions of the first look
_NEAR = 1e-4  # what the first look in single precision may be wrong by


class FirstLook:
    """Ready for one snapshot."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        # what a logit moves the logarithm of a probability by
        self._worth = [1.0 - float(sigmoid(np.array([one.step.base[1]]))[0]) for one in prepared.steps]
        rights = [one.right for one in prepared.steps]
        stacked = np.concatenate(rights, axis=1).T if rights else np.zeros((0, prepared.n))
        if len(stacked) > N_COARSE:
            _, directions = np.linalg.eigh(stacked @ stacked.T)
            self._turn = directions[:, ::-1][:, :N_COARSE]
        else:
            self._turn = np.eye(len(stacked))
        self._right = np.ascontiguousarray(_fixed_product(self._turn, stacked).T)  # (n, d)
        self._by_row = self._right.astype(np.float32)
        self._columns = np.ascontiguousarray(self._by_row.T)
        self._worth_of: dict[tuple[float, ...], Floats] = {}  # by how much comparisons count; a few, by history

    def candidates(self, asking: Asking, is_allowed: NDArray[np.bool_] | None, n: int) -> NDArray[np.int64]:
        """Give the *n* allowed coaches that look best at first sight, best first, ties by id."""
        p = self._prepared
        rows = None if is_allowed is None else np.flatnonzero(is_allowed)
        extras = self._extras(asking, rows)
        left = self._left(asking)
        look = extras
        if len(left):
            near = left.astype(np.float32)
            if rows is None:
                look = near @ self._columns + extras
            elif len(rows) * GATHER < p.n:
                look = self._by_row[rows] @ near + extras
            else:
                look = (near @ self._columns)[rows] + extras
        kept = may_win(look, n, _NEAR)
        found = kept if rows is None else rows[kept]
        exact = extras[kept]
        if len(left):
            exact = dots(left, self._right[found].T) + exact
        best = np.lexsort((p.id_order[found], -exact))[:n]
        return found[best]

    def _left(self, asking: Asking) -> Floats:
        """Turn a trainee's vectors into the few dimensions."""
        joined = [worth * left for worth, left in zip(self._worth, asking.left, strict=True)]
        return dots(np.concatenate(joined), self._turn) if joined else np.zeros(0)

    def _extras(self, asking: Asking, rows: NDArray[np.int64] | None) -> Floats:
        """Give what words and labels that meet are worth, and what was chosen before: (r,)."""
        p = self._prepared
        some = EVERY if rows is None else rows
        weights = np.zeros(p.compare.width)
        for worth, gain, one in zip(self._worth, asking.gains, p.steps, strict=True):
            weights += worth * gain * one.step.compare
        found = p.compare.look(asking.questions, weights, some)
        whole = self._worth_of.get(asking.gains)
        if whole is None:
            whole = p.compare.worth(weights)
            self._worth_of[asking.gains] = whole if p.prices is None else whole - p.prices
            whole = self._worth_of[asking.gains]
        found += whole if rows is None else whole.take(rows)
        for worth, told in zip(self._worth, asking.told, strict=True):
            for _, values in told:
                found = found + worth * values[some]
        return found


def _fixed_product(turn: Floats, stacked: Floats) -> Floats:
    """Give ``turn.T @ stacked``, row after row."""
    made = np.zeros((turn.shape[1], stacked.shape[1]))
    for j in range(len(stacked)):
        made += turn[j][:, None] * stacked[j]
    return made
