"""The figures of ``coachhub match eval``, for scores of every pair: nan where there is nothing to be right about."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching import ranking_figures
from coachhub_core.matching.baselines import best

Floats = NDArray[np.float64]
N_DRAWS = ranking_figures.N_DRAWS


def ndcg(scores: Floats, right: Floats, k: int = ranking_figures.K) -> Floats:
    """Give nDCG@k of each row that has anything right; nan for the others."""
    is_right = right > 0
    known = is_right.any(axis=1)
    made = np.full(len(scores), np.nan)
    made[known] = ranking_figures.ndcg(best(scores[known], k), is_right[known], k)
    return made


def interval(each: Floats, seed: int = 0) -> tuple[float, float, float]:
    """Give mean and 95 % interval as ``coachhub match eval`` does; nan rows are left out."""
    each = each[~np.isnan(each)]
    return ranking_figures.interval(each, seed) if len(each) else (np.nan, np.nan, np.nan)
