"""
The k largest products of a query with each row of a catalogue: exact, with filters, the same for any batch.

For one query the catalogue is kept transposed: a product of a vector with a matrix that
is read once. A batch goes block by block over the rows, whose products with all queries
lie beside each other. Scores are never partitioned as a whole: of groups of 64 rows only
the maxima are, the k-th largest maximum bounds the k-th score from below, and only what
reaches it is opened, by 16 rows in a batch. There the bound holds from the first block of
rows on and rises with later ones. What survives is computed again in float64, dimension
by dimension in a fixed order, before it is sorted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.arithmetic import dots_of_pairs

GROUP = 64  #: rows whose maximum is taken together
FINE = 16  #: of these, where a batch looks closer
BLOCK = 8_192  #: rows of a batch's block
SPARE = 4  #: so many groups of the first block have to be there for each place of a list, or their maxima say little
MUCH = 8  #: so many rows for each place of a list are kept before the bound is raised out of turn
GATHER = 8  #: where fewer than one row of so many is allowed, those are fetched and no others looked at
GATHER_IN_BATCH = 50  #: the same where many ask together, and share the reading of a block
NEAR = 1e-5  #: what a score in single precision may be wrong by, and more; for rows and queries of length 1

PIECE = 1_024  #: rows fetched at a time

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]
Pairs = tuple[Rows, Rows]  # queries, ascending, and the row of each
Scored = tuple[Rows, Rows, NDArray[np.float32]]  # the same with their scores in single precision, in no order


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
    if not searched.n:
        return found, scores
    asked = np.ascontiguousarray(queries, np.float32)
    margin = NEAR * searched.scale * np.maximum(np.sqrt((asked.astype(np.float64) ** 2).sum(axis=1)), 1e-30)
    if own is None and b > 1:
        survivors = _of_batch(searched, asked, k, margin.astype(np.float32))
    elif own is not None and sum(map(np.count_nonzero, own)) * GATHER_IN_BATCH >= b * searched.n and b > 1:
        survivors = _of_filtered(searched, asked, k, margin.astype(np.float32), np.stack(own))
    else:
        mine = [None] * b if own is None else own
        kept = [_of_one(searched, asked[i], k, float(margin[i]), mine[i]) for i in range(b)]
        survivors = np.repeat(np.arange(b), [len(one) for one in kept]), np.concatenate(kept)
    who, at = survivors
    exact = _exactly(searched, asked, who, at)
    best = np.lexsort((searched.order[at], -exact, who))
    who = who[best]
    place = np.arange(len(who)) - np.searchsorted(who, who)
    shown = np.flatnonzero(place < k)
    who, place, best = who[shown], place[shown], best[shown]
    found[who, place] = at[best] if rows is None else rows[at[best]]
    scores[who, place] = exact[best]
    return found, scores


def _exactly(searched: Catalogue, asked: NDArray[np.float32], who: Rows, rows: Rows) -> NDArray[np.float64]:
    """Give the product of each query with its row, dimension after dimension: (p,)."""
    made = np.empty(len(rows), np.float64)
    for start in range(0, len(rows), PIECE):
        part = slice(start, start + PIECE)
        left, right = asked[who[part]], searched.rows[rows[part]]
        made[part] = dots_of_pairs(left.T.astype(np.float64), right.T.astype(np.float64))
    return made


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
    searched: Catalogue, asked: NDArray[np.float32], k: int, slack: NDArray[np.float32], own: Flags
) -> Pairs:
    """Give for each query the allowed rows that may be among its k best: a filter is read only where a row is good."""
    b, n = own.shape
    floor = np.full(b, -np.inf, np.float32)
    room = np.empty((min(BLOCK, n), b), np.float32)
    kept: list[Scored] = []
    for number, start in enumerate(range(0, n, BLOCK)):
        block = searched.rows[start : start + BLOCK]
        look = np.matmul(block, asked.T, out=room[: len(block)])
        for i in np.flatnonzero(floor == -np.inf):  # the first who are allowed say how high the others have to reach
            mine = own[i, start : start + len(look)]
            first = look[np.flatnonzero(mine), i]
            if len(first) > k:
                floor[i] = np.partition(first, len(first) - k)[len(first) - k]
            else:
                look[~mine, i] = np.nan  # no number is below it, and these are not to be found
        hit = np.flatnonzero(look >= floor - slack)
        rows, queries = np.divmod(hit, b)
        rows += start
        allowed = own[queries, rows]
        queries, rows, hit = queries[allowed], rows[allowed], hit[allowed]
        kept.append((queries, rows, look.ravel()[hit]))
        if number & (number + 1) == 0 or _is_much(kept, b, k):  # raising it after each costs as much as it saves
            kept = [_raised(kept, floor, b, k, slack)]
    return _near_the_best(kept, b, k, slack)


def _of_batch(searched: Catalogue, asked: NDArray[np.float32], k: int, slack: NDArray[np.float32]) -> Pairs:
    """Give for each query the rows that may be among its k best, block by block under a rising bound."""
    b, n = len(asked), searched.n
    floor = np.full(b, -np.inf, np.float32)
    maxima = np.empty((b, -(-n // GROUP)), np.float32)
    room = np.empty((min(BLOCK, GROUP * maxima.shape[1]), b), np.float32)
    each = np.arange(FINE)[:, None]
    kept: list[Scored] = []
    has_maxima = k * SPARE <= BLOCK // GROUP
    for number, start in enumerate(range(0, n, BLOCK)):
        size = min(BLOCK, n - start)
        n_groups = -(-size // GROUP)
        look = room[: n_groups * GROUP]
        np.matmul(searched.rows[start : start + size], asked.T, out=look[:size])
        look[size:] = -np.inf
        many = len(look) // FINE
        best = look.reshape(FINE, many, b).max(axis=0)  # of every many-th row: whole lines of memory at a time
        seen = start // GROUP + n_groups
        if has_maxima:
            maxima[:, seen - n_groups : seen] = best.reshape(GROUP // FINE, n_groups, b).max(axis=0).T
            if number & (number - 1) == 0 and seen > k:  # at blocks 0, 1, 2, 4 and so on
                np.maximum(floor, np.partition(maxima[:, :seen], seen - k, axis=1)[:, seen - k], out=floor)
        elif number == 0 and size > k:  # of a long list the k-th of so few maxima would say next to nothing
            floor = np.partition(np.ascontiguousarray(look[:size].T), size - k, axis=1)[:, size - k]
        low = floor - slack
        opened = np.flatnonzero(best >= low)
        group, queries = np.divmod(opened, b)
        cells = look.ravel().take(opened + each * (many * b))
        step, hit = np.nonzero((cells >= low[queries]) & (cells > -np.inf))
        kept.append((queries[hit], start + group[hit] + step * many, cells[step, hit]))
        if (not has_maxima and number & (number + 1) == 0) or _is_much(kept, b, k):
            kept = [_raised(kept, floor, b, k, slack)]
    return _near_the_best(kept, b, k, slack)


def _is_much(kept: Sequence[Scored], b: int, k: int) -> bool:
    """Tell whether so much was kept since the bound was raised that raising it again pays."""
    return sum(len(rows) for _, rows, _ in kept[1:]) > MUCH * b * k


def _raised(kept: Sequence[Scored], floor: NDArray[np.float32], b: int, k: int, slack: NDArray[np.float32]) -> Scored:
    """Raise the bounds to what was found so far, and give what still reaches them."""
    queries, rows, values = found = _sorted(kept)
    np.maximum(floor, _kth(found, b, k), out=floor)
    may = values >= (floor - slack)[queries]
    return queries[may], rows[may], values[may]


def _sorted(kept: Sequence[Scored]) -> Scored:
    """Join what was kept block by block: by query, each's largest score first."""
    queries, rows, values = (np.concatenate([one[part] for one in kept]) for part in range(3))
    order = np.lexsort((-values, queries))
    return queries[order], rows[order], values[order]


def _kth(found: Scored, b: int, k: int) -> NDArray[np.float32]:
    """Give the k-th largest score of each query, -inf where there are fewer: (b,)."""
    queries, _, values = found
    first, behind = (np.searchsorted(queries, np.arange(b), side=side) for side in ("left", "right"))
    made = np.full(b, -np.inf, np.float32)
    has = behind - first >= k
    made[has] = values[first[has] + k - 1]
    return made


def _near_the_best(kept: Sequence[Scored], b: int, k: int, slack: NDArray[np.float32]) -> Pairs:
    """Leave out what cannot be among the k best of its query."""
    found = _sorted(kept)
    queries, rows, values = found
    may = values >= (_kth(found, b, k) - slack)[queries]
    return queries[may], rows[may]
