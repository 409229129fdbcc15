"""
The k largest products of a query with each row of a catalogue: exact, with filters, the same for any batch.

The catalogue is kept transposed, so that one query is a product of a vector with a
matrix that is read once. Scores are never partitioned as a whole: of groups of 64
rows only the maxima are, the k-th largest maximum bounds the k-th score from below,
and only the groups that reach it are opened. In a batch that bound holds from the
first block of rows on and rises with every block. What survives is computed again in
float64, dimension by dimension in a fixed order, before it is sorted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.arithmetic import dots

GROUP = 64  #: rows whose maximum is taken together
BLOCK = 16_384  #: rows of a batch's block
GATHER = 8  #: where fewer than one row of so many is allowed, those are fetched and no others looked at
GATHER_IN_BATCH = 50  #: the same where many ask together, and share the reading of a block
NEAR = 1e-5  #: what a score in single precision may be wrong by, and more; for rows and queries of length 1

PIECE = 1_024  #: rows fetched at a time

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]


@attrs.frozen(eq=False)
class Catalogue:
    """Rows to be searched: float32 (d, n), transposed, the number of rows padded to whole groups."""

    columns: NDArray[np.float32]
    n: int
    order: Rows  #: (n,), which of two equal scores comes first: the smaller
    scale: float  #: length of the longest row
    rows: NDArray[np.float32]  #: the same again by row, (n, d): a filter slices it in whole lines of memory

    @classmethod
    def of(cls, rows: NDArray[np.floating], order: Rows | None = None) -> Catalogue:
        """
        Keep rows (n, d).

        Args:
            order: The place of each row when ids are sorted; None: rows in their order.
        """
        n, d = rows.shape
        width = -(-max(n, 1) // GROUP) * GROUP
        columns = np.zeros((d, width), np.float32)
        columns[:, :n] = rows.T
        lengths = np.sqrt((columns[:, :n].astype(np.float64) ** 2).sum(axis=0))
        by_row = np.ascontiguousarray(rows, np.float32)
        return cls(columns, n, np.arange(n) if order is None else order, float(lengths.max(initial=1.0)), by_row)

    def taken(self, flags: Flags) -> tuple[Catalogue, Rows]:
        """Give the catalogue of these rows alone, and which they are."""
        rows = np.flatnonzero(flags)
        width = -(-max(len(rows), 1) // GROUP) * GROUP
        by_row = np.zeros((width, len(self.columns)), np.float32)
        np.take(self.rows, rows, axis=0, out=by_row[: len(rows)], mode="clip")
        return Catalogue(by_row.T, len(rows), self.order[rows], self.scale, by_row[: len(rows)]), rows


def top_k(
    catalogue: Catalogue,
    queries: NDArray[np.floating],
    k: int,
    *,
    shared: Flags | None = None,
    own: Sequence[Flags] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """
    Find the k best rows of each query.

    Args:
        queries: (b, d).
        shared: (n,), which rows all queries may find.
        own: Per query, which rows it may find.
    Returns:
        Rows int32 (b, k), -1 where there are no more, and scores float64 (b, k), -inf there; best first, ties by order.
    """
    b = len(queries)
    found = np.full((b, k), -1, np.int32)
    scores = np.full((b, k), -np.inf)
    if not b or not k or not catalogue.n:
        return found, scores
    searched, rows = catalogue, None
    if shared is not None and b == 1:
        own = [shared if own is None else shared & own[0]]
    elif shared is not None:
        searched, rows = catalogue.taken(shared)
        own = None if own is None else [one[rows] for one in own]
    asked = np.ascontiguousarray(queries, np.float32)
    margin = NEAR * searched.scale * np.maximum(np.sqrt((asked.astype(np.float64) ** 2).sum(axis=1)), 1e-30)
    if own is None and b > 1:
        survivors = _of_batch(searched, asked, k, margin)
    elif own is not None and sum(map(np.count_nonzero, own)) * GATHER_IN_BATCH >= b * searched.n and b > 1:
        survivors = _of_filtered(searched, asked, k, margin, np.stack(own))
    else:
        mine = [None] * b if own is None else own
        survivors = [_of_one(searched, asked[i], k, float(margin[i]), mine[i]) for i in range(b)]
    for i, kept in enumerate(survivors):
        exact = dots(asked[i].astype(np.float64), searched.rows[kept].T.astype(np.float64))
        best = np.lexsort((searched.order[kept], -exact))[:k]
        found[i, : len(best)] = kept[best] if rows is None else rows[kept[best]]
        scores[i, : len(best)] = exact[best]
    return found, scores


def may_win(look: NDArray[np.floating], k: int, margin: float) -> Rows:
    """
    Give the places, ascending, that may be among the k largest, -inf never.

    Args:
        look: (n,), each wrong by less than half of *margin*.
    """
    n = len(look)
    opened = None
    size = 1 << max(round(math.log2(n / max(k, 1)) / 2), 0) if n else 1  # as many groups as places in the k opened
    if size >= 8 and n > 2 * size * k:
        many = n // size
        best = look[: size * many].reshape(size, many).max(axis=0)  # of every many-th place: whole lines at a time
        floor = np.partition(best, many - k)[many - k]
        groups = np.flatnonzero(best >= floor - margin)
        opened = (np.arange(0, size * many, many)[:, None] + groups).ravel()
        if size * many < n:
            opened = np.concatenate([opened, np.arange(size * many, n)])
        look = look[opened]
    if len(look) > k:
        floor = np.partition(look, len(look) - k)[len(look) - k]
        kept = np.flatnonzero((look >= floor - margin) & (look > -np.inf))
    else:
        kept = np.flatnonzero(look > -np.inf)
    return kept if opened is None else opened[kept]


def _of_one(searched: Catalogue, query: NDArray[np.float32], k: int, margin: float, own: Flags | None) -> Rows:
    """Give the rows that may be among the k best of one query."""
    if own is not None:
        rows = np.flatnonzero(own)
        if len(rows) * GATHER < searched.n:
            return rows[may_win(_fetched(searched, query, rows), k, margin)]
    look = query @ searched.columns
    look[searched.n :] = -np.inf
    if own is not None:
        look[: searched.n][~own] = -np.inf
    return may_win(look, k, margin)


def _fetched(searched: Catalogue, query: NDArray[np.float32], rows: Rows) -> NDArray[np.float32]:
    """Give the products with these rows alone, fetched piece by piece: each is still near when it is read."""
    look = np.empty(len(rows), np.float32)
    piece = np.empty((PIECE, searched.rows.shape[1]), np.float32)
    for start in range(0, len(rows), PIECE):
        part = rows[start : start + PIECE]
        lines = piece[: len(part)]
        np.take(searched.rows, part, axis=0, out=lines, mode="clip")  # without a mode the result is copied once more
        np.dot(lines, query, out=look[start : start + len(part)])
    return look


def _of_filtered(
    searched: Catalogue, asked: NDArray[np.float32], k: int, margin: NDArray[np.float64], own: Flags
) -> list[Rows]:
    """Give for each query the allowed rows that may be among its k best: a filter is read only where a row is good."""
    b, n = own.shape
    slack = margin.astype(np.float32)
    floor = np.full(b, -np.inf, np.float32)
    kept: list[tuple[Rows, Rows, NDArray[np.float32]]] = []  # queries ascending within each
    for number, start in enumerate(range(0, n, BLOCK)):
        look = asked @ searched.columns[:, start : min(start + BLOCK, n)]
        width = look.shape[1]
        if start == 0:  # the allowed of the first block say from the start how high the others have to reach
            for i in range(b):
                first = look[i, np.flatnonzero(own[i, :width])]
                if len(first) > k:
                    floor[i] = np.partition(first, len(first) - k)[len(first) - k]
        hit = np.flatnonzero(look >= (floor - slack)[:, None])
        queries = hit // width
        rows = hit - queries * width + start
        allowed = own[queries, rows]
        queries, rows, hit = queries[allowed], rows[allowed], hit[allowed]
        kept.append((queries, rows, look.ravel()[hit]))
        if number & (number + 1) == 0:  # after blocks 1, 2, 4 and so on: raising it costs as much as it saves
            for i, (_, theirs) in enumerate(_by_query(kept, b)):
                if len(theirs) > k:
                    floor[i] = max(floor[i], np.partition(theirs, len(theirs) - k)[len(theirs) - k])
    return [mine[may_win(theirs, k, float(slack[i]))] for i, (mine, theirs) in enumerate(_by_query(kept, b))]


def _by_query(kept: list[tuple[Rows, Rows, NDArray[np.float32]]], b: int) -> list[tuple[Rows, NDArray[np.float32]]]:
    """Sort what was kept block by block to those who asked: rows ascending, and their scores."""
    queries, rows, values = (np.concatenate([one[part] for one in kept]) for part in range(3))
    order = np.argsort(queries, kind="stable")
    bounds = np.searchsorted(queries[order], np.arange(b + 1)).tolist()
    rows, values = rows[order], values[order]
    return [(rows[a:z], values[a:z]) for a, z in pairwise(bounds)]


def _of_batch(searched: Catalogue, asked: NDArray[np.float32], k: int, margin: NDArray[np.float64]) -> list[Rows]:
    """Give for each query the rows that may be among its k best, block by block under a rising bound."""
    b, width = len(asked), searched.columns.shape[1]
    floor = np.full(b, -np.inf, np.float32)
    tops = np.full((b, k), -np.inf, np.float32)  # the k largest scores so far, in no order
    kept_rows: list[list[Rows]] = [[] for _ in range(b)]
    kept_scores: list[list[NDArray[np.float32]]] = [[] for _ in range(b)]
    slack = margin.astype(np.float32)
    for start in range(0, width, BLOCK):
        stop = min(start + BLOCK, width)
        look = asked @ searched.columns[:, start:stop]
        if stop > searched.n:
            look[:, searched.n - start :] = -np.inf
        best = look.reshape(b, -1, GROUP).max(axis=2)
        if start == 0 and best.shape[1] > k:
            floor = np.partition(best, best.shape[1] - k, axis=1)[:, best.shape[1] - k]
        who, group = np.nonzero(best >= (floor - slack)[:, None])
        if not len(who):
            continue
        cells = look.reshape(b, -1, GROUP)[who, group]
        hit = cells >= (floor - slack)[who][:, None]
        at, inside = np.nonzero(hit & (cells > -np.inf))
        queries, values = who[at], cells[at, inside]
        rows = start + group[at] * GROUP + inside
        bounds = np.searchsorted(queries, np.arange(b + 1))
        for i in range(b):
            part = slice(int(bounds[i]), int(bounds[i + 1]))
            if part.start == part.stop:
                continue
            mine, theirs = rows[part], values[part]
            kept_rows[i].append(mine)
            kept_scores[i].append(theirs)
            joined = np.concatenate([tops[i], theirs])
            tops[i] = np.partition(joined, len(joined) - k)[len(joined) - k :]
            floor[i] = max(floor[i], tops[i].min())
    survivors = []
    for i in range(b):
        if not kept_rows[i]:
            survivors.append(np.zeros(0, np.int64))
            continue
        mine, theirs = np.concatenate(kept_rows[i]), np.concatenate(kept_scores[i])
        survivors.append(mine[theirs >= floor[i] - slack[i]])
    return survivors
