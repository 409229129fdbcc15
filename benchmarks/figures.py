"""What orders and probabilities are worth: nDCG, AUC, log loss, exposure, and how sure a mean is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching import ranking_figures
from coachhub_core.matching.fairness import a_tenth_of

Floats = NDArray[np.float64]
N_DRAWS = ranking_figures.N_DRAWS


def ndcg(scores: Floats, right: Floats, k: int = 10) -> Floats:
    """Give nDCG@k of each row that has anything right; nan for the others."""
    k = min(k, scores.shape[1])
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    discount = 1.0 / np.log2(np.arange(k) + 2)
    gain = np.take_along_axis(right, best, axis=1) @ discount
    ideal = -np.sort(-right, axis=1)[:, :k] @ discount
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(ideal > 0, gain / ideal, np.nan)


def auc(scores: Floats, right: Floats) -> float:
    """Give the area under the curve over all pairs."""
    order = np.argsort(scores.ravel(), kind="stable")
    values = scores.ravel()[order]
    ranks = np.empty(len(order))
    first = np.searchsorted(values, values, side="left")
    last = np.searchsorted(values, values, side="right")
    ranks[order] = 0.5 * (first + last + 1)
    yes = right.ravel() > 0
    n_yes, n_no = int(yes.sum()), int((~yes).sum())
    return float((ranks[yes].sum() - n_yes * (n_yes + 1) / 2) / max(n_yes * n_no, 1))


def log_loss(p: Floats, right: Floats) -> float:
    """Give the mean log loss over all pairs."""
    q = np.clip(p, 1e-9, 1 - 1e-9)
    return float(-np.mean(right * np.log(q) + (1 - right) * np.log1p(-q)))


def interval(each: Floats, seed: int = 0) -> tuple[float, float, float]:
    """Give mean and 95 % interval as ``coachhub match eval`` does; nan rows are left out."""
    each = each[~np.isnan(each)]
    return ranking_figures.interval(each, seed) if len(each) else (np.nan, np.nan, np.nan)


def best(scores: Floats, k: int = 3) -> NDArray[np.int64]:
    """Give the best *k* of each row, best first."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


def exposure(rows: NDArray[np.int64], m: int) -> float:
    """Give the share of all places that the most shown tenth of the coaches takes."""
    shown = np.sort(np.bincount(rows[rows >= 0], minlength=m))[::-1]
    return float(shown[: a_tenth_of(m)].sum() / max(shown.sum(), 1))
