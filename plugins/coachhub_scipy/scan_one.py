"""
What may be among the k best of one query: of few rows by fetching them, of many by reading no more than is needed.

Scores are never partitioned as a whole: of groups of rows only the maxima are, the k-th
largest maximum bounds the k-th score from below, and only what reaches it is opened. A
catalogue with cuts is read up to the first that says enough of the query. The rows that
look best so far are scored, and no row that cannot reach the k-th of them is fetched;
where too many still can, the next part is read.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.catalogue import Catalogue, Flags, Rows

GATHER = 8  #: where fewer than one row of so many is allowed, those are fetched and no others looked at
FETCHED = 12  #: where more than one row of so many may win, more is read before any is fetched
LEFT = 0.4  #: where more of a query's squared length is left at a cut, it would leave out too few rows
SEEDS = 16  #: so many rows for each place of a list are scored to learn what has to be reached
GROUP = 64  #: rows of which one is scored
PIECE = 1_024  #: rows fetched at a time


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


def of_one(searched: Catalogue, query: NDArray[np.float32], k: int, own: Flags | None) -> Rows:
    """Give the rows that may be among the k best of one query, no longer than 1; *own*: only of these."""
    margin = searched.margin
    if own is not None:
        rows = np.flatnonzero(own)
        if len(rows) * GATHER < searched.n:
            return rows[may_win(_fetched(searched, query, rows), k, margin)]
    *parts, whole = (one[0] for one in searched.factors(query[None]))
    if SEEDS * k * GROUP > searched.n:  # of a list so long most groups hold a row
        parts = []
    factors = [*(part for part in parts if part[-1] ** 2 <= LEFT * (query @ query)), whole]
    look = factors[0] @ searched.columns[: len(factors[0])]
    if own is not None:
        look[~own] = -np.inf
    for before, after in pairwise(factors):
        can = look >= _floor(searched, query, k, look) - margin
        if np.count_nonzero(can) * FETCHED <= searched.n:
            rows = np.flatnonzero(can)
            return rows[may_win(_fetched(searched, query, rows), k, margin)]
        read = len(before) - 1  # the line of what is left is read again, to be taken away
        more = after[read:].copy()
        more[0] -= before[-1]
        look += more @ searched.columns[read : len(after)]
    return may_win(look, k, margin)


def _floor(searched: Catalogue, query: NDArray[np.float32], k: int, look: NDArray[np.float32]) -> np.float32:
    """Give a score that k rows reach: that of the k-th best of those that look best, one of a group."""
    many = len(look) // GROUP
    groups = look[: GROUP * many].reshape(GROUP, many)
    best = groups.max(axis=0)
    seeds = np.flatnonzero(best >= np.partition(best, many - SEEDS * k)[many - SEEDS * k])
    rows = seeds + many * groups[:, seeds].argmax(axis=0)
    scores = _fetched(searched, query, rows[look[rows] > -np.inf])
    return np.partition(scores, len(scores) - k)[len(scores) - k] if len(scores) >= k else np.float32(-np.inf)


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
