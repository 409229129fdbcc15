"""
What may be among the k best of each of many queries: block by block of rows, under a bound that rises.

The products of many queries with a block lie in long lines, one for each query. What does
not reach the query's bound is not looked at again, nor what its own filter leaves out.
Each time as many rows were read as before, the k-th best found so far is the new bound.
Of a catalogue with cuts only what stands before the last is multiplied, as soon as a few
rows of a block tell that little of it will have to be scored row by row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.catalogue import Catalogue, Flags, Rows

LINES = 64  #: fewer queries are multiplied by the rows as they came, which is quicker then
BLOCK = 4_096  #: rows of a block
LARGE = 16_384  #: the same of fewer queries
FIRST = 1_024  #: rows of the first block under filters: all that are allowed there are kept
GROUP = 64  #: rows whose maximum is taken together, at most
SPARE = 4  #: so many groups of the first block have to be there for each place of a list, or their maxima say little
MUCH = 8  #: so many rows for each place of a list are kept before the bound is raised out of turn
OPENED = 128  #: where more than one product of so many may win, multiplying on costs less than scoring row by row
TRIED = 8  #: one row of so many of a block tells which
PIECE = 512  #: pairs scored at a time
PAD = 16  #: between lines, which would else fall on each other in the processor's cache
LOWEST = np.finfo(np.float32).min / np.float32(2)  #: -inf never reaches it

Pairs = tuple[Rows, Rows]  # queries, and the row of each
Scored = tuple[Rows, Rows, NDArray[np.float32]]  # the same with their scores in single precision, in no order


def of_many(searched: Catalogue, asked: NDArray[np.float32], k: int, own: Sequence[Flags] | None) -> Pairs:
    """Give for each query, no longer than 1, the rows that may be among its k best; *own*: only of its own."""
    search = _Search(searched, asked, k, None if own is None else np.stack(own))
    n, start, size = searched.n, 0, search.block if own is None else FIRST
    raised, is_part = 0, False
    while start < n:
        stop = min(start + size, n)
        if search.has_cuts and start == raised > 0 and not is_part:
            few = -(-(stop - start) // TRIED)
            is_part = len(search.reaching(start, start + few, is_part=True)[0]) * OPENED <= few * len(asked)
        n_new = search.read(start, stop, is_part=is_part)
        is_part = is_part and n_new * OPENED <= (stop - start) * len(asked)
        if stop == n or (stop >= 2 * raised and 4 * (n - stop) >= stop) or search.has_much:
            search.raise_bounds()
            raised = stop
        start, size = stop, min(stop, search.block)
    return search.found


class _Search:
    """Many queries on their way through a catalogue."""

    def __init__(self, searched: Catalogue, asked: NDArray[np.float32], k: int, own: Flags | None) -> None:
        self._searched, self._asked, self._k, self._own = searched, asked, k, own
        self._in_lines = len(asked) >= LINES
        self.block = BLOCK if self._in_lines else LARGE
        b, size = len(asked), min(self.block, searched.n)
        *parts, self._whole = searched.parts(asked)
        self.has_cuts = bool(parts) and self._in_lines
        self._part = parts[-1] if parts else self._whole
        self._look = np.empty((b, size + PAD), np.float32) if self._in_lines else np.empty((size, b), np.float32).T
        self._marks = np.empty(b * size, np.bool_)
        self._floor = np.full(b, LOWEST, np.float32)  # what a row has to reach, less the margin
        self._kept: list[Scored] = []
        self._unscored: list[Pairs] = []
        self._n_new = 0

    @property
    def has_much(self) -> bool:
        """So much was kept since the bounds were raised that raising them again pays."""
        return self._n_new > MUCH * self._k * len(self._asked)

    @property
    def found(self) -> Pairs:
        """What is kept."""
        return self._kept[0][:2]

    def reaching(self, start: int, stop: int, *, is_part: bool) -> Pairs:
        """Give what reaches the bounds in a block of rows, counted from its first."""
        b, size = len(self._asked), stop - start
        look, marks = self._look[:, :size], self._marks[: b * size]
        if self._in_lines:
            part = self._part if is_part else self._whole
            np.matmul(part.factors, self._searched.columns[part.lines, start:stop], out=look)
            marked = marks.reshape(b, size)
        else:
            np.matmul(self._searched.rows[start:stop], self._asked.T, out=look.T)
            marked = marks.reshape(size, b).T
        if start == 0 and self._own is None:
            np.maximum(self._floor, _bound(look, self._k) - self._searched.margin, out=self._floor)
        np.greater_equal(look, self._floor[:, None], out=marked)
        if self._in_lines:
            if self._own is not None:
                np.logical_and(marked, self._own[:, start:stop], out=marked)
            return np.divmod(np.flatnonzero(marks), size)
        rows, queries = np.divmod(np.flatnonzero(marks), b)
        if self._own is not None:
            allowed = self._own[queries, rows + start]
            rows, queries = rows[allowed], queries[allowed]
        return queries, rows

    def read(self, start: int, stop: int, *, is_part: bool) -> int:
        """Keep what reaches the bounds in a block of rows; give how much."""
        queries, at = self.reaching(start, stop, is_part=is_part)
        if is_part:
            self._unscored.append((queries, at + start))
        else:
            self._kept.append((queries, at + start, self._look[queries, at]))
        self._n_new += len(queries)
        return len(queries)

    def raise_bounds(self) -> None:
        """Score what is unscored, raise the bounds to the k-th best found so far, and keep what reaches them."""
        if self._unscored:
            queries, rows = (np.concatenate(part) for part in zip(*self._unscored, strict=True))
            scores = self._scored(queries, rows)
            may = scores >= self._floor[queries]
            self._kept.append((queries[may], rows[may], scores[may]))
        queries, rows, scores = (np.concatenate(part) for part in zip(*self._kept, strict=True))
        best = _kth(queries, scores, len(self._asked), self._k) - np.float32(self._searched.margin)
        np.maximum(self._floor, best, out=self._floor)
        may = scores >= self._floor[queries]
        self._kept, self._unscored, self._n_new = [(queries[may], rows[may], scores[may])], [], 0

    def _scored(self, queries: Rows, rows: Rows) -> NDArray[np.float32]:
        """Give the product of each query with its row."""
        made = np.empty(len(rows), np.float32)
        room = np.empty((2, PIECE, self._asked.shape[1]), np.float32)
        for start in range(0, len(rows), PIECE):
            part = slice(start, start + PIECE)
            left, right = room[:, : len(rows[part])]
            np.take(self._asked, queries[part], axis=0, out=left, mode="clip")  # without a mode it is copied once more
            np.take(self._searched.rows, rows[part], axis=0, out=right, mode="clip")
            np.vecdot(left, right, out=made[part])
        return made


def _bound(look: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """Give for each line what its k-th largest is not below: the k-th largest maximum of groups; LOWEST if too few."""
    b, n = look.shape
    size = GROUP
    while size > 1 and n < size * SPARE * k:
        size //= 2
    many = n // size
    if many < k:
        return np.full(b, LOWEST, np.float32)
    best = look[:, : size * many].reshape(b, size, many).max(axis=1)  # of every many-th: whole lines at a time
    bound: NDArray[np.float32] = np.partition(best, many - k, axis=1)[:, many - k]
    return bound


def _kth(queries: Rows, scores: NDArray[np.float32], b: int, k: int) -> NDArray[np.float32]:
    """Give the k-th largest score of each query, LOWEST where there are fewer: (b,)."""
    bits = (-scores).view(np.int32)
    ascending = np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits)  # as whole numbers in the order of -scores
    ordered = np.sort((queries << 32) + ascending)
    first = np.searchsorted(ordered, (np.arange(b + 1) << 32) - (1 << 31))
    made = np.full(b, LOWEST, np.float32)
    has = np.flatnonzero(np.diff(first) >= k)
    at = ordered[first[has] + k - 1].astype(np.int32)  # the lower half
    made[has] = -np.where(at < 0, at ^ np.int32(0x7FFFFFFF), at).view(np.float32)
    return made
