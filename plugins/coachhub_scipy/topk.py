"""
The k largest products of a query with each row of a catalogue: exact, with filters, the same for any batch.

What may be among the k best is found in single precision, one query alone (``scan_one``)
or many together (``scan_many``), by reading no more of the catalogue than is needed. The
bounds leave room for whatever rounding can do; so what survives depends on the batch, the
threads and the processor, and never lacks one of the k best. It is computed again in
float64 from the rows as they came, dimension by dimension in a fixed order, before it is
sorted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.arithmetic import dots_of_pairs
from coachhub_scipy.catalogue import Catalogue, Flags, Rows
from coachhub_scipy.scan_many import of_many
from coachhub_scipy.scan_one import of_one

__all__ = ["Catalogue", "top_k"]

GATHER_IN_BATCH = 50  #: where fewer than one row of so many is allowed, each query of a batch fetches its own
ALONE = 3  #: so many queries go one by one through a catalogue with cuts: they end earlier so
TOGETHER = 256  #: queries that go through the catalogue together, at most
PIECE = 256  #: pairs computed again at a time


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
    who, at = _survivors(searched, _no_longer_than_1(asked), k, own)
    exact = _exactly(searched, asked, who, at)
    best = np.lexsort((searched.order[at], -exact, who))
    who = who[best]
    place = np.arange(len(who)) - np.searchsorted(who, who)
    shown = np.flatnonzero(place < k)
    who, place, best = who[shown], place[shown], best[shown]
    found[who, place] = at[best] if rows is None else rows[at[best]]
    scores[who, place] = exact[best]
    return found, scores


def _survivors(
    searched: Catalogue, asked: NDArray[np.float32], k: int, own: Sequence[Flags] | None
) -> tuple[Rows, Rows]:
    """Give queries, and for each a row that may be among its k best."""
    b = len(asked)
    made = []
    is_few = b <= (ALONE if searched.turn is not None else 1)
    if not is_few and (own is None or _are_many(own, b * searched.n)):
        for start in range(0, b, TOGETHER):
            part = slice(start, start + TOGETHER)
            who, at = of_many(searched, asked[part], k, None if own is None else own[part])
            made.append((who + start, at))
    else:
        for i in range(b):
            at = of_one(searched, asked[i], k, None if own is None else own[i])
            made.append((np.full(len(at), i), at))
    return np.concatenate([who for who, _ in made]), np.concatenate([at for _, at in made])


def _are_many(own: Sequence[Flags], n: int) -> bool:
    """Tell whether so many of *n* pairs are allowed that reading all together is less work."""
    n_allowed = 0
    for flags in own:
        n_allowed += int(np.count_nonzero(flags))
        if n_allowed * GATHER_IN_BATCH >= n:
            return True
    return False


def _no_longer_than_1(asked: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide queries by powers of 2, so that nothing is rounded: the order stays, and one margin serves all."""
    lengths = np.sqrt((asked.astype(np.float64) ** 2).sum(axis=1))
    made: NDArray[np.float32] = np.ldexp(asked, -np.frexp(lengths)[1][:, None])
    return made


def _exactly(searched: Catalogue, asked: NDArray[np.float32], who: Rows, rows: Rows) -> NDArray[np.float64]:
    """Give the product of each query with its row, dimension after dimension: (p,)."""
    made = np.empty(len(rows), np.float64)
    for start in range(0, len(rows), PIECE):
        part = slice(start, start + PIECE)
        left, right = asked[who[part]], searched.rows[rows[part]]
        made[part] = dots_of_pairs(left.T.astype(np.float64), right.T.astype(np.float64))
    return made
