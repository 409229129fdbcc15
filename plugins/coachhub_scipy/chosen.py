"""Who chose whom, as sparse matrices: what all parts that look at choices are fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.observe import CHOSEN, Observed

_GLADLY = 0.5  # of a choice from which on it is read as history
_HALF = 0.15  # of somebody's pairs: so many newer ones halve what a pair counts for what comes next, down to
_NEVER_LESS = 0.2  # so much: the newest that were held out say nothing of who comes back to something old


def chosen_matrix(seen: Observed, shape: tuple[int, int]) -> Any:
    """Give the chosen pairs as scipy's csr, their weights as values."""
    from scipy.sparse import coo_array

    if seen.has_no:
        liked = seen.take(np.flatnonzero(seen.yes > (0.5 if seen.is_graded else CHOSEN)))
        values = np.ones(len(liked))
    else:
        liked, values = seen, seen.weight * seen.yes
    made = coo_array((values, (liked.trainee, liked.coach)), shape=shape).tocsr()
    made.sort_indices()
    return made


def liked_matrix(chosen: Any) -> Any:
    """Give the pairs that were chosen gladly, as ones: the history that later choices are read off."""
    from scipy.sparse import csr_array

    cells = chosen.tocoo()
    kept = cells.data >= _GLADLY
    rows, cols = cells.coords
    made = csr_array((np.ones(int(kept.sum())), (rows[kept], cols[kept])), shape=chosen.shape)
    made.sort_indices()
    return made


def fading(seen: Observed, liked: Any) -> Any | None:
    """
    Give what was chosen gladly, each pair by how little the same person did since: the newest next to 1, then less.

    What was done at one moment counts alike. How old a pair is, is told by the share of the person's own pairs that are
    newer, so that it is the same for who does much and who does little.

    Args:
        liked: Sparse csr (n, m).
    Returns:
        Sparse csr (n, m), of the same pairs; None where the times tell nobody's older pairs from the newer.
    """
    from scipy.sparse import coo_array, csr_array

    order = np.lexsort((seen.at, seen.trainee))
    who, at = seen.trainee[order], seen.at[order]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (who[1:] != who[:-1]) | (at[1:] != at[:-1])
    bounds = np.append(np.flatnonzero(is_first), len(order))
    middle = (0.5 * (bounds[:-1] + bounds[1:]))[np.cumsum(is_first) - 1]
    first, last = np.searchsorted(who, who, side="left"), np.searchsorted(who, who, side="right")
    share = (last - middle) / (last - first)
    if len(share) == 0 or np.all(share == share[0]):
        return None
    weights = _NEVER_LESS + (1.0 - _NEVER_LESS) * np.exp2(-share / _HALF)
    every = coo_array((weights, (who, seen.coach[order])), shape=liked.shape).tocsr()
    made = csr_array(every.multiply(liked))
    made.sort_indices()
    return made


def counts_of_both(chosen: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return (
        np.diff(chosen.indptr).astype(np.int64),
        np.bincount(chosen.indices, minlength=chosen.shape[1]).astype(np.int64),
    )
