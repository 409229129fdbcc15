"""
What may be among the k best of one query: of few rows by fetching them, of many by reading no more than is needed.

Scores are never partitioned as a whole: of groups of rows only the maxima are, the k-th
largest maximum bounds the k-th score from below, and only what reaches it is opened. A
catalogue with cuts is read up to the first that says enough of the query. The rows that
look best so far are scored, and no row that cannot reach the k-th of them is fetched;
where too many still can, the next part is read. A filter leaves fewer rows to fetch, so
less is read before it: up to the early cut, for all rows, which is quicker than for the
allowed ones alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.catalogue import Catalogue, Flags, Part, Rows

GATHER = 8  #: where fewer than one row of so many is allowed, those are fetched and no others looked at
GATHER_EARLY = 11  #: the same where an early cut says how few of them have to be fetched
FEW = 16  #: where fewer than one row of so many seems to be allowed, they are found and then counted
PEEK = 64  #: one row of so many tells that
FILTERED = 3  #: where more than one row of so many is allowed, the early cut would leave too many to fetch
FETCHED = 12  #: where more than one row of so many may win, more is read before any is fetched
LEFT = 0.4  #: where more of a query's squared length is left at a cut, it would leave out too few rows
LEFT_EARLY = 0.55  #: the same of the early cut
SEEDS = 16  #: so many rows for each place of a list are scored to learn what has to be reached
EVERY = 31  #: one row of so many tells which look best; no filter is likely to leave out just these
GROUP = 64  #: a list that asks for seeds in each group of so many rows is too long for cuts
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
    if own is None:
        return _read(searched, query, k, _parts(searched, query, k)[1], None)
    n = searched.n
    seem_few = np.count_nonzero(own[: n // PEEK]) * PEEK * FEW < n
    rows = np.flatnonzero(own) if seem_few else None  # to count them first would take longer
    n_allowed = int(np.count_nonzero(own)) if rows is None else len(rows)
    if n_allowed * (GATHER if searched.turn is None else GATHER_EARLY) >= n:
        early, parts = _parts(searched, query, k)
        if early is not None and n_allowed * FILTERED <= n:
            reaching = _reaching(searched, query, k, early.factors[0] @ searched.columns[early.lines], own)
            if reaching is not None:
                return _best_of(searched, query, k, reaching)
        if n_allowed * GATHER >= n:
            return _read(searched, query, k, parts, own)
    return _best_of(searched, query, k, _places(own, n_allowed) if rows is None else rows)


def _read(searched: Catalogue, query: NDArray[np.float32], k: int, parts: Sequence[Part], own: Flags | None) -> Rows:
    """Give what *of_one* does, by reading part after part until few enough can still win."""
    look = parts[0].factors[0] @ searched.columns[parts[0].lines]
    for before, after in pairwise(parts):
        rows = _reaching(searched, query, k, look, own)
        if rows is not None:
            return _best_of(searched, query, k, rows)
        read = before.lines.stop - 1  # the line of what is left is read again, to be taken away
        more = after.factors[0, read - after.lines.start :].copy()
        more[0] -= before.factors[0, -1]
        look += more @ searched.columns[read : after.lines.stop]
    if own is not None:
        look[~own] = -np.inf
    return may_win(look, k, searched.margin)


def _parts(searched: Catalogue, query: NDArray[np.float32], k: int) -> tuple[Part | None, list[Part]]:
    """Give what is read up to the early cut, or None, then up to each of the others that says enough, and all."""
    *parts, whole = searched.parts(query[None])
    if not parts or SEEDS * k * GROUP > searched.n:  # of a list so long most groups hold a row
        return None, [whole]
    early, *later = parts
    square = query @ query
    is_enough = early.factors[0, 0] ** 2 <= LEFT_EARLY * square
    later = [part for part in later if part.factors[0, -1] ** 2 <= LEFT * square]
    return early if is_enough else None, [*later, whole]


def _places(flags: Flags, n_set: int) -> Rows:
    """
    Give np.flatnonzero, sooner.

    From 6 to 10 % of flags that are set without a pattern numpy finds one by one, and the processor cannot
    tell when; of more it looks at each in one stride. So some that are set are put behind.
    """
    n = len(flags)
    if not n < n_set * FEW < n * FEW / 10:
        return np.flatnonzero(flags)
    longer = np.ones(n + (n - 10 * n_set) // 9 + 2, np.bool_)
    longer[:n] = flags
    return np.flatnonzero(longer)[:n_set]


def _best_of(searched: Catalogue, query: NDArray[np.float32], k: int, rows: Rows) -> Rows:
    """Give those of some rows that may be among the k best of them."""
    return rows[may_win(_fetched(searched, query, rows), k, searched.margin)]


def _reaching(
    searched: Catalogue, query: NDArray[np.float32], k: int, look: NDArray[np.float32], own: Flags | None
) -> Rows | None:
    """Give the rows that may reach the k-th best score; None where reading on costs less than fetching them."""
    can = look >= _floor(searched, query, k, look, own) - searched.margin
    if own is not None:
        can &= own
    return np.flatnonzero(can) if np.count_nonzero(can) * FETCHED <= searched.n else None


def _floor(
    searched: Catalogue, query: NDArray[np.float32], k: int, look: NDArray[np.float32], own: Flags | None
) -> np.float32:
    """Give a score that k rows reach: that of the k-th best of those that look best, as some of all rows tell."""
    some = look[::EVERY] if own is None else look[::EVERY][own[::EVERY]]
    place = SEEDS * k // EVERY + 2  # of so few there may be fewer
    if len(some) < place:
        return np.float32(-np.inf)
    seeds = look >= np.partition(some, len(some) - place)[len(some) - place]
    if own is not None:
        seeds &= own
    scores = _fetched(searched, query, np.flatnonzero(seeds)[: 4 * SEEDS * k])
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
