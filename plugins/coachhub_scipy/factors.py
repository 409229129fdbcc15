"""
What people with a history share: alternating least squares, closed-form ridge, and a sparse linear autoencoder.

All three take the chosen pairs as 1 and everything else as a light 0, and are
solved in closed form, block by block, so the same input gives the same numbers.
Sources: Hu, Koren and Volinsky, ICDM 2008; Rendle et al., RecSys 2022 (the scaling
of the penalty by how often somebody occurs); Steck, WWW 2019 (the autoencoder).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.arithmetic import Floats

Progress = Callable[[], bool]
_CELLS = 2_000_000  # numbers gathered at once


def half_step(chosen: Any, other: Floats, unseen: float, penalty: float, prior: Floats | None = None) -> Floats:
    """
    Solve one side's vectors, the other side's being fixed.

    Args:
        chosen: Sparse csr (n, m), weights of chosen pairs.
        other: (m, d).
        unseen: Weight of every pair, chosen or not.
        penalty: Of the squared length, times how much each row has been seen.
        prior: (n, d), what the vectors are drawn towards; None: nought.
    Returns:
        (n, d); *prior*, or nought, for a row without choices.
    """
    n, d = chosen.shape[0], other.shape[1]
    gram = unseen * (other.T @ other)
    made: Floats = np.zeros((n, d)) if prior is None else prior.copy()
    starts, places, data = chosen.indptr, chosen.indices, chosen.data
    sizes = np.diff(starts)
    rows = np.flatnonzero(sizes)
    rows = rows[np.argsort(sizes[rows], kind="stable")]  # rows of like size together: little is padded
    eye = np.eye(d)
    at = 0
    while at < len(rows):
        n_rows = max(1, min(256, _CELLS // (d * max(int(sizes[rows[min(at + 255, len(rows) - 1)]]), 1))))
        batch = rows[at : at + n_rows]
        at += n_rows
        width = int(sizes[batch].max())
        inside = np.arange(width)[None, :] < sizes[batch][:, None]
        cells = np.minimum(starts[batch][:, None] + np.arange(width)[None, :], len(places) - 1)
        weights = np.where(inside, data[cells], 0.0)
        vectors = other[places[cells]] * inside[:, :, None]
        ridge = penalty * (weights.sum(axis=1) + unseen * len(other))
        left = (
            gram + np.matmul((vectors * weights[:, :, None]).transpose(0, 2, 1), vectors) + ridge[:, None, None] * eye
        )
        right = ((weights + unseen * inside)[:, :, None] * vectors).sum(axis=1)
        if prior is not None:
            right = right + ridge[:, None] * prior[batch]
        made[batch] = np.linalg.solve(left, right[:, :, None])[:, :, 0]
    return made


def als(
    chosen: Any, *, rank: int, unseen: float, penalty: float, seed: int, n_rounds: int = 6, go_on: Progress
) -> tuple[Floats, Floats]:
    """
    Factor the choices: ``left @ right.T`` is near 1 where somebody chose.

    Returns:
        (n, rank) and (m, rank).
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    right = rng.normal(size=(chosen.shape[1], rank)) * 0.1
    turned = chosen.T.tocsr()
    left: Floats = np.zeros((chosen.shape[0], rank))
    for _ in range(n_rounds):
        left = half_step(chosen, right, unseen, penalty)
        right = half_step(turned, left, unseen, penalty)
        if not go_on():
            break
    return half_step(chosen, right, unseen, penalty), right


def ridge_map(features: Floats, targets: Floats, rows: NDArray[np.bool_], penalty: float) -> Floats:
    """Give the map from features to targets, learned on *rows*: (p, d), by ridge."""
    x, y = features[rows], targets[rows]
    p = x.shape[1]
    if len(x) == 0 or p == 0:
        return np.zeros((p, targets.shape[1]))
    return np.asarray(np.linalg.solve(x.T @ x + penalty * np.eye(p), x.T @ y), np.float64)


def autoencoder(chosen: Any, penalty: float, *, most: int = 2_500, kept: int = 250) -> Any:
    """
    Give how much each coach in somebody's history speaks for each other one.

    Args:
        chosen: Sparse csr (n, m) of weights.
        most: Only so many coaches, the most chosen, take part.
        kept: Only so many numbers per coach are kept, the largest.
    Returns:
        Sparse csr (m, m); row: in the history, column: spoken for.
    """
    from scipy.sparse import coo_array, csr_array

    m = chosen.shape[1]
    counts = np.asarray(chosen.astype(bool).sum(axis=0)).ravel()
    used = np.sort(np.argsort(-counts, kind="stable")[: min(most, int((counts > 0).sum()))])
    if len(used) < 2:
        return csr_array((m, m))
    x = chosen[:, used]
    gram = np.asarray((x.T @ x).todense(), dtype=np.float64)
    gram[np.diag_indices(len(used))] += penalty
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)[None, :]
    weights[np.diag_indices(len(used))] = 0.0
    if len(used) > kept:
        floor = -np.partition(-np.abs(weights), kept, axis=0)[kept]
        weights[np.abs(weights) <= floor[None, :]] = 0.0
    rows, cols = np.nonzero(weights)
    return coo_array((weights[rows, cols], (used[rows], used[cols])), shape=(m, m)).tocsr()
