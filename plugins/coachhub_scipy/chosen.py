"""Who chose whom, as sparse matrices: what all parts that look at choices are fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.observe import CHOSEN, Observed

_GLADLY = 0.5  # of a choice from which on it is read as history


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


def counts_of_both(chosen: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return (
        np.diff(chosen.indptr).astype(np.int64),
        np.bincount(chosen.indices, minlength=chosen.shape[1]).astype(np.int64),
    )
