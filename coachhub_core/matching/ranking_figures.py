"""
What orders and probabilities are worth: the formulas, and nothing about where lists and answers come from.

Each figure is given as one number per trainee whose **mean is the figure**, so that every difference between two
engines is a mean of differences and gets its interval the same way, paired over trainees: :func:`intervals`. For what
is no mean over trainees (an area, a mean over pairs), those are the linear parts, see :func:`auc_each`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Each = NDArray[np.float64]  #: (n_trainees,), of which the mean is the figure
Rows = NDArray[np.integer]  #: (n_trainees, depth), rows of coaches, best first; -1 = none, at the end only
Right = NDArray[np.bool_]  #: (n_trainees, n_coaches)

K = 10  #: places of a list that nDCG and recall look at
FIRST = 3  #: places that success looks at
N_DRAWS = 2_000
_DRAWS_AT_ONCE = 200  # bounds what is held to 200 numbers per trainee
_LEAST = 1e-9  # a probability said as 0 costs ln(1e9) = 20.7 when it comes, and not everything


# ── lists ───────────────────────────────────────────────────────────────────


def ndcg(rows: Rows, right: Right, k: int = K) -> Each:
    """
    Give each list's nDCG of the first *k* places: a right coach counts 1 / log2(place + 1), by the best possible.

    Args:
        right: Who was right for whom, somebody for everybody.
    Returns:
        (n_trainees,), 0 to 1, higher is better.
    Source: K. Järvelin and J. Kekäläinen, ACM TOIS 20(4), 2002, doi:10.1145/582415.582418, with gains of 0 and 1.
    """
    hit = _hits(rows[:, :k], right)
    discount = 1.0 / np.log2(np.arange(hit.shape[1]) + 2)
    n_right = np.minimum(right.sum(axis=1), len(discount))
    made: Each = (hit @ discount) / np.cumsum(discount)[n_right - 1]
    return made


def recall(rows: Rows, right: Right, k: int = K) -> Each:
    """
    Give the share of the right coaches who stand on the first *k* places.

    Args:
        right: Who was right for whom, somebody for everybody.
    Returns:
        (n_trainees,), 0 to 1, higher is better; with more than *k* right, 1 is out of reach.
    Source: C. D. Manning, P. Raghavan and H. Schütze, Introduction to Information Retrieval, 2008, section 8.3.
    """
    made: Each = _hits(rows[:, :k], right).sum(axis=1) / right.sum(axis=1)
    return made


def average_precision(rows: Rows, right: Right) -> Each:
    """
    Give the precision at the place of each right coach, averaged over all who are right; their mean is MAP.

    Args:
        rows: As deep as is known; who is right and not on the list counts 0.
        right: Who was right for whom, somebody for everybody.
    Returns:
        (n_trainees,), 0 to 1, higher is better.
    Source: Introduction to Information Retrieval, 2008, section 8.4; ``trec_eval`` does it to depth 1,000.
    """
    hit = _hits(rows, right)
    precision = np.cumsum(hit, axis=1) / np.arange(1, hit.shape[1] + 1)
    made: Each = (hit * precision).sum(axis=1) / right.sum(axis=1)
    return made


def success(rows: Rows, both: Right, first: int = FIRST) -> Each:
    """
    Give the share of the *first* places that hold a coach with whom both said yes; an empty place is no success.

    Returns:
        (n_trainees,), 0 to 1, higher is better.
    Source: precision at a cut-off, Introduction to Information Retrieval, 2008, section 8.4, of mutual yeses.
    """
    made: Each = _hits(rows[:, :first], both).sum(axis=1) / first
    return made


def _hits(rows: Rows, right: Right) -> NDArray[np.bool_]:
    made: NDArray[np.bool_] = np.take_along_axis(right, np.maximum(rows, 0), axis=1) & (rows >= 0)
    return made


# ── pairs that answered ─────────────────────────────────────────────────────


def auc(scores: Each, is_yes: NDArray[np.bool_]) -> float:
    """
    Give the area under the ROC curve: how often a yes was put above a no, of all such pairs of pairs; a tie is half.

    Args:
        scores: (n,), any numbers of which only the order counts.
        is_yes: (n,), some yes and some no.
    Returns:
        0 to 1; 0.5 is chance.
    Source: J. A. Hanley and B. J. McNeil, Radiology 143(1), 1982, doi:10.1148/radiology.143.1.7063747.
    """
    return float(_placed(scores, is_yes)[is_yes].mean())


def auc_each(scores: Each, is_yes: NDArray[np.bool_], trainee: NDArray[np.integer]) -> Each:
    """
    Give the parts of the area that are each trainee's, to draw from by trainee: their mean is :func:`auc`.

    A trainee's part is the area, plus what the trainee's own pairs stand above or below it: the structural components
    of the area, summed by trainee. Drawing areas anew would need a sort for each draw and gives the same to first
    order.

    Args:
        trainee: (n,), whose pair it is.
    Returns:
        (n_trainees,), of those who have a pair, ascending; a single one may lie outside 0 to 1.
    Source: N. A. Obuchowski, Biometrics 53(2), 1997, doi:10.2307/2533958, on DeLong's components for clustered data.
    """
    placed = _placed(scores, is_yes)
    area = float(placed[is_yes].mean())
    n_of_kind = np.where(is_yes, is_yes.sum(), (~is_yes).sum())
    _, at = np.unique(trainee, return_inverse=True)
    own = np.bincount(at, (placed - area) / n_of_kind)
    made: Each = np.asarray(area + own * len(own), np.float64)
    return made


def _placed(scores: Each, is_yes: NDArray[np.bool_]) -> Each:
    """Give each yes the share of the noes below it, and each no the share of the yeses above it; a tie is half."""
    made = np.empty(len(scores))
    for mine in (is_yes, ~is_yes):
        others = np.sort(scores[~mine])
        below = np.searchsorted(others, scores[mine], side="left")
        not_above = np.searchsorted(others, scores[mine], side="right")
        share = (below + not_above) / (2 * len(others))
        made[mine] = share if mine is is_yes else 1.0 - share
    return made


def log_losses(said: Each, is_yes: NDArray[np.bool_]) -> Each:
    """
    Give the loss of each probability: minus the natural logarithm of what was said of that which came.

    Args:
        said: (n,), 0 to 1; taken as at least 1e-9, and at most 1 - 1e-9.
    Returns:
        (n,), in nats, 0 or more, lower is better; 0.693 is what an even chance costs.
    Source: I. J. Good, JRSS B 14(1), 1952, doi:10.1111/j.2517-6161.1952.tb00104.x.
    """
    kept = np.clip(said, _LEAST, 1 - _LEAST)
    made: Each = -np.where(is_yes, np.log(kept), np.log1p(-kept))
    return made


def mean_each(values: Each, trainee: NDArray[np.integer]) -> Each:
    """
    Give the parts of a mean over pairs that are each trainee's, to draw from by trainee: their mean is the mean.

    Args:
        values: (n,), one per pair.
        trainee: (n,), whose pair it is.
    Returns:
        (n_trainees,), of those who have a pair, ascending.
    Source: the linearised ratio estimator, W. G. Cochran, Sampling Techniques, 3rd edition, 1977, chapter 6.
    """
    _, at, n = np.unique(trainee, return_inverse=True, return_counts=True)
    mean = values.mean()
    made: Each = np.asarray(mean + (np.bincount(at, values) - mean * n) / n.mean(), np.float64)
    return made


# ── how sure ────────────────────────────────────────────────────────────────


def interval(each: Each, seed: int = 0) -> tuple[float, float, float]:
    """Give the mean over trainees and its 95 % interval by bootstrap; paired where *each* is a difference."""
    return intervals(each[None, :], seed)[0]


def intervals(eaches: NDArray[np.float64], seed: int = 0) -> list[tuple[float, float, float]]:
    """
    Give mean and 95 % interval for each row, all from the same 2,000 draws of trainees.

    Args:
        eaches: (n_figures, n_trainees), a trainee at least.
    Returns:
        Of each row mean, low and high: the 2.5 % and 97.5 % quantiles of the means of the draws.
    Source: B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    n = eaches.shape[1]
    columns = np.ascontiguousarray(eaches.T)
    means = np.empty((N_DRAWS, len(eaches)))
    for start in range(0, N_DRAWS, _DRAWS_AT_ONCE):
        drawn = rng.integers(0, n, (_DRAWS_AT_ONCE, n)) + n * np.arange(_DRAWS_AT_ONCE)[:, None]
        times = np.bincount(drawn.ravel(), minlength=_DRAWS_AT_ONCE * n).reshape(_DRAWS_AT_ONCE, n)
        means[start : start + _DRAWS_AT_ONCE] = times.astype(np.float64) @ columns / n
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return [(float(each.mean()), float(low[i]), float(high[i])) for i, each in enumerate(eaches)]


def percentile(values: Each, share: float) -> float:
    """
    Give the smallest value that this share of them does not exceed.

    Source: the nearest-rank definition, R. J. Hyndman and Y. Fan, The American Statistician 50(4), 1996,
    doi:10.1080/00031305.1996.10473566, type 1.
    """
    rank = max(int(np.ceil(share * len(values))), 1)
    return float(np.sort(values)[rank - 1])
