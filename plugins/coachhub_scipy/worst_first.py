"""The best possible worst: how high every pair of a cohort can be, and who stands in the way of more."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.ports.matcher import Deadline


@attrs.frozen(eq=False)
class Threshold:
    """What the search ends with."""

    worst: float  #: as many pairs can be made of pairs of at least this score
    crowd: tuple[int, ...]  #: trainees too many for the seats they like better than that


def search(
    lists: NDArray[np.int32],
    values: NDArray[np.float64],
    seats: NDArray[np.int64],
    need: NDArray[np.int64],
    n_pairs: int,
    deadline: Deadline,
) -> Threshold:
    """
    Find the largest score that every pair can reach while *n_pairs*, as many as can be, are made.

    By maximum flow, from trainees through pairs to seats; a pair carries one. The
    trainees on the near side of the least cut just above are the crowd.
    """
    if n_pairs == 0:
        return Threshold(-np.inf, ())
    levels = np.unique(values[values > -np.inf])
    low, high = 0, len(levels) - 1  # levels[low] is reached
    if n_pairs == int(need.sum()):  # then each trainee's own last choice is above the worst
        ordered = -np.sort(-values, axis=1)
        has = np.flatnonzero(need > 0)
        high = int(np.searchsorted(levels, ordered[has, need[has] - 1].min()))
    while low < high:
        deadline.check()
        middle = (low + high + 1) // 2
        if Flow.through(lists, values >= levels[middle], seats, need).n_pairs == n_pairs:
            low = middle
        else:
            high = middle - 1
    return Threshold(float(levels[low]), Flow.through(lists, values > levels[low], seats, need).crowd)


@attrs.frozen(eq=False)
class Flow:
    """The most pairs that can be made."""

    rows: NDArray[np.int64]  #: the pairs: a row and
    columns: NDArray[np.int64]  #: a column of the lists
    crowd: tuple[int, ...]  #: trainees too many for the seats there are; () where all needs are met

    @property
    def n_pairs(self) -> int:
        return len(self.rows)

    @classmethod
    def through(
        cls,
        lists: NDArray[np.int32],
        is_edge: NDArray[np.bool_],
        seats: NDArray[np.int64],
        need: NDArray[np.int64],
    ) -> Flow:
        """Make as many pairs as can be; where needs stay open, those on the near side of the cut are the crowd."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import breadth_first_order, maximum_flow

        n, m = len(lists), len(seats)
        row, at = np.nonzero(is_edge)
        coach = lists[row, at].astype(np.int64)
        sink = n + m + 1
        degree = np.bincount(coach, minlength=m)
        begin = np.concatenate([np.zeros(n, np.int64), row + 1, np.arange(m) + n + 1])
        end = np.concatenate([np.arange(n) + 1, coach + n + 1, np.full(m, sink)])
        capacity = np.concatenate(
            [np.minimum(need, lists.shape[1]), np.ones(len(row), np.int64), np.minimum(seats, degree)]
        )
        graph: Any = csr_array((capacity.astype(np.int32), (begin, end)), shape=(sink + 1, sink + 1))
        found = maximum_flow(graph, 0, sink)
        flow = found.flow.tocoo()
        is_pair = (flow.data > 0) & (flow.row > 0) & (flow.row <= n)
        carried = (flow.row[is_pair].astype(np.int64) - 1) * m + (flow.col[is_pair] - n - 1)
        is_made = np.isin(row * m + coach, carried)
        made = row[is_made], at[is_made]
        if int(found.flow_value) == int(need.sum()):
            return cls(*made, ())
        open_needs = need - np.asarray(found.flow[[0], 1 : n + 1].toarray()).ravel()
        rest = graph - found.flow
        rest.data[rest.data < 0] = 0
        rest.eliminate_zeros()
        reached = breadth_first_order(rest, 0, return_predecessors=False)
        reached_trainees = set((reached[(reached > 0) & (reached <= n)] - 1).tolist())
        return cls(*made, tuple(sorted(reached_trainees | set(np.flatnonzero(open_needs > 0).tolist()))))
