"""
How much each part counts: coefficients that are never negative, fitted on what the parts did not see.

Among choices the loss is that of picking the chosen coach out of all candidates;
among yes and no it is that of the answers. Both are convex, so there is one answer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.arithmetic import Floats

_RIDGE = 0.5
_TURNS = 4
_FACTORS = np.array([0.0, 0.5, 0.7, 1.4, 2.0])
_ADDED = np.array([0.15, 0.5])  # of all coefficients together
_GAIN = 5e-4  # of nDCG@10, below which nothing moves


def fit_listwise(
    parts: NDArray[np.float32], chosen: Floats, *, start: Floats, may_be_negative: bool = False, ridge: float = _RIDGE
) -> Floats:
    """
    Fit coefficients so that the chosen are picked out of the candidates.

    Args:
        parts: (s, c, k); a candidate that is none has nan.
        chosen: (s, c), weights of the chosen.
        start: (k,), what the coefficients are drawn towards.
    Returns:
        (k,).
    """
    from scipy.optimize import minimize

    s, c, k = parts.shape
    gone = np.isnan(parts[:, :, 0]) if k else np.zeros((s, c), np.bool_)
    flat = np.nan_to_num(parts).reshape(s * c, k)
    scale = np.sqrt(np.mean(flat.astype(np.float64) ** 2, axis=0)) + 1e-9
    flat = (flat / scale).astype(np.float32)
    blocked = np.where(gone, np.float32(-1e30), np.float32(0.0))
    mine = chosen.sum(axis=1)
    total = max(float(mine.sum()), 1.0)
    centre = start * scale

    def loss(theta: Floats) -> tuple[float, Floats]:
        z = (flat @ theta.astype(np.float32)).reshape(s, c) + blocked
        top = z.max(axis=1, keepdims=True)
        p = np.exp(z - top)
        norm = p.sum(axis=1, keepdims=True)
        p /= norm
        value = float((mine * (np.log(norm[:, 0]) + top[:, 0])).sum()) - float(
            (chosen * np.where(chosen > 0, z, 0.0)).sum()
        )
        residual = (p * mine[:, None] - chosen).astype(np.float32).ravel()
        apart = theta - centre
        gradient = (residual @ flat).astype(np.float64) + ridge * apart
        return (value + 0.5 * ridge * float(apart @ apart)) / total, gradient / total

    bounds: Any = None if may_be_negative else [(0.0, None)] * k
    found = minimize(loss, np.maximum(centre, 0.0) if bounds else centre, jac=True, method="L-BFGS-B", bounds=bounds)
    made: Floats = found.x / scale
    return made


def raise_the_top(parts: NDArray[np.float32], chosen: Floats, start: Floats) -> Floats:
    """
    Move coefficients, one at a time, as long as the first ten get better, and stop half way.

    The likelihood of a choice among all is told by the many who are never chosen; a list
    is its first ten, of which few people tell little. The middle of both was better than
    either on data held out. It is scaled to the likelihood again, so that the numbers keep
    their meaning as logits.

    Args:
        parts: (s, c, k); a candidate that is none has nan.
        chosen: (s, c), weights of the chosen.
        start: (k,), not negative.
    Returns:
        (k,), not negative.
    """
    gone = np.isnan(parts[:, :, 0])
    cells = np.nan_to_num(parts).astype(np.float64)
    scale = np.sqrt(np.mean(cells**2, axis=(0, 1))) + 1e-9
    columns = [cells[:, :, j] / scale[j] for j in range(cells.shape[2])]
    theta = start * scale
    total = sum((t * column for t, column in zip(theta.tolist(), columns, strict=True)), np.zeros(gone.shape))
    best = ndcg(np.where(gone, -np.inf, total), chosen)
    for _ in range(_TURNS):
        before = best
        for j, column in enumerate(columns):
            size = float(np.abs(theta).sum())
            for value in (*(theta[j] * _FACTORS), *(theta[j] + size * _ADDED)):
                tried = total + (value - theta[j]) * column
                worth = ndcg(np.where(gone, -np.inf, tried), chosen)
                if worth > best + _GAIN:
                    best, total, theta[j] = worth, tried, value
        if best <= before:
            break
    first, last = float(np.abs(start * scale).sum()), float(np.abs(theta).sum())
    if first <= 0 or last <= 0:
        return start
    middle = theta / last + start * scale / first
    whole = np.where(gone, np.nan, (cells / scale) @ middle)[:, :, None].astype(np.float32)
    made: Floats = middle / scale * float(fit_listwise(whole, chosen, start=np.ones(1))[0])
    return made


def fit_answers(parts: Floats, yes: Floats, weight: Floats, *, start: Floats, ridge: float = 1.0) -> Floats:
    """
    Fit coefficients, and a constant as the last, to answers of yes and no.

    Args:
        parts: (n, k).
    Returns:
        (k + 1,).
    """
    from scipy.optimize import minimize

    n, k = parts.shape
    scale = np.sqrt(np.mean(parts**2, axis=0)) + 1e-9
    x = np.concatenate([parts / scale, np.ones((n, 1))], axis=1)
    centre = np.concatenate([start * scale, [0.0]])

    def loss(theta: Floats) -> tuple[float, Floats]:
        eta = x @ theta
        apart = theta - centre
        value = float((weight * (np.logaddexp(0.0, eta) - yes * eta)).sum()) + 0.5 * ridge * float(apart @ apart)
        return value, x.T @ (weight * (0.5 * (1 + np.tanh(0.5 * eta)) - yes)) + ridge * apart

    bounds: Any = [(0.0, None)] * k + [(None, None)]
    found = minimize(loss, centre, jac=True, method="L-BFGS-B", bounds=bounds)
    made: Floats = found.x / np.concatenate([scale, [1.0]])
    return made


def log_loss(eta: Floats, yes: Floats, weight: Floats) -> float:
    """Give the mean loss of logits."""
    return float((weight * (np.logaddexp(0.0, eta) - yes * eta)).sum() / max(float(weight.sum()), 1e-9))


def base_for(scores: Floats, rate: float) -> float:
    """Give the constant at which the mean probability of *scores* is *rate*."""
    low, high = -60.0, 60.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if float(np.mean(0.5 * (1 + np.tanh(0.5 * (scores + middle))))) < rate:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def ndcg(scores: Floats, chosen: Floats, k: int = 10) -> float:
    """Give the mean normalized gain of the first *k*; -inf is no candidate."""
    return float(np.mean(ndcg_each(scores, chosen, k))) if len(scores) else 0.0


def ndcg_each(scores: Floats, chosen: Floats, k: int = 10) -> Floats:
    """Give it for each row that has anything chosen."""
    rows = np.flatnonzero(chosen.sum(axis=1) > 0)
    k = min(k, scores.shape[1])
    best = np.argpartition(-scores[rows], k - 1, axis=1)[:, :k]
    best = np.take_along_axis(best, np.argsort(-np.take_along_axis(scores[rows], best, axis=1), axis=1), axis=1)
    discount = 1.0 / np.log2(np.arange(k) + 2)
    gain = np.take_along_axis(chosen[rows], best, axis=1) @ discount
    ideal = -np.sort(np.partition(-chosen[rows], k - 1, axis=1)[:, :k], axis=1) @ discount
    made: Floats = gain / ideal
    return made
