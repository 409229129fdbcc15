"""
Two towers: whom people of this kind choose among all, from features alone.

Each side's tower is a sum of its features' embeddings, so the product of the two
falls apart into pairs of columns and can be explained. The loss is the full softmax
over the coaches who could have been chosen, minimized by L-BFGS from a fixed start:
the same input gives the same towers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from coachhub_scipy.arithmetic import Floats

_ROWS = 1_024  # trainees at once: bounds what is held beside the features


@attrs.frozen(eq=False)
class Towers:
    """Features of trainees (p, d) and of coaches (q, d), and what a coach's features are worth to everybody (q,)."""

    left: Floats
    right: Floats
    worth: Floats


def fit_towers(
    trainees: Floats,
    coaches: Floats,
    chosen: Any,
    *,
    appeal: Floats,
    rank: int,
    penalty: float,
    seed: int,
    n_rounds: int,
    go_on: Callable[[], bool],
    earlier: Towers | None = None,
) -> Towers:
    """
    Fit both towers.

    Args:
        trainees: (n, p) and *coaches* (m, q): features; only coaches who could be chosen.
        chosen: Sparse csr (n, m), weights of chosen pairs.
        appeal: (m,), log of how often each was chosen; the towers explain what it does not.
        penalty: Of the squared embeddings.
        earlier: Where they start, and what the penalty is around; None: at next to nothing, and around 0.
    """
    from scipy.optimize import minimize

    (n, p), (m, q) = trainees.shape, coaches.shape
    rng = np.random.Generator(np.random.PCG64(seed))
    start = np.concatenate([0.1 * rng.normal(size=(p + q) * rank) / np.sqrt(rank), np.zeros(q)])
    if earlier is not None:
        centre = np.concatenate([earlier.left.ravel(), earlier.right.ravel(), earlier.worth])
        start += centre
    x, y = trainees.astype(np.float32), coaches.astype(np.float32)
    base = appeal.astype(np.float32)
    total = max(float(chosen.data.sum()), 1.0)

    def loss(flat: Floats) -> tuple[float, Floats]:
        left = flat[: p * rank].reshape(p, rank).astype(np.float32)
        right = flat[p * rank : (p + q) * rank].reshape(q, rank).astype(np.float32)
        worth = flat[(p + q) * rank :].astype(np.float32)
        vectors = y @ right
        offset = base + y @ worth
        value = 0.0
        d_left, d_vectors, d_offset = np.zeros((p, rank)), np.zeros((m, rank)), np.zeros(m)
        for at in range(0, n, _ROWS):
            part = chosen[at : at + _ROWS]
            mine = np.asarray(part.sum(axis=1)).ravel().astype(np.float32)
            u = x[at : at + _ROWS] @ left
            z = u @ vectors.T + offset
            rows = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
            value -= float((part.data * z[rows, part.indices]).sum())
            top = z.max(axis=1, keepdims=True)
            z = np.exp(z - top)
            norm = z.sum(axis=1, keepdims=True)
            value += float((mine * (np.log(norm[:, 0]) + top[:, 0])).sum())
            z *= (mine / norm[:, 0])[:, None]
            z[rows, part.indices] -= part.data.astype(np.float32)  # each pair stands once
            d_u = z @ vectors
            d_left += x[at : at + _ROWS].T @ d_u
            d_vectors += z.T @ u
            d_offset += z.sum(axis=0)
        gradient = np.concatenate(
            [
                (d_left + penalty * left).ravel(),
                (y.T @ d_vectors + penalty * right).ravel(),
                y.T @ d_offset + penalty * worth,
            ]
        ).astype(np.float64)
        value += 0.5 * penalty * float((flat**2).sum())
        if earlier is not None:
            gradient -= penalty * centre
            value -= penalty * float(flat @ centre)
        return value / total, gradient / total

    flat = start
    done = 0
    while done < n_rounds:  # in pieces, so that somebody may say stop
        found = minimize(loss, flat, jac=True, method="L-BFGS-B", options={"maxiter": min(20, n_rounds - done)})
        flat = found.x
        done += 20
        if not go_on() or found.status == 0:
            break
    return Towers(
        left=flat[: p * rank].reshape(p, rank),
        right=flat[p * rank : (p + q) * rank].reshape(q, rank),
        worth=flat[(p + q) * rank :],
    )
