"""
The engines that quality is measured of: this project's and its peers, each told the same part of a market's log.

Peers that are not installed raise ImportError when they are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
from figures import Floats, best, exposure, ndcg
from numpy.typing import NDArray

from coachhub_core.matching import AllowedPairs, CoachMatcher
from coachhub_core.matching.market import Market, take_events
from coachhub_core.matching.rank_together import least_share
from coachhub_core.ports.matcher import OutcomeLog
from coachhub_scipy.compare import CompareIndex
from coachhub_scipy.comparisons import comparisons_of
from coachhub_scipy.encode import Encoder


@attrs.frozen(kw_only=True)
class Answer:
    """What an engine says of every pair."""

    scores: Floats  # (n, m)
    wants: Floats | None = None  # probabilities, where it gives them
    accepts: Floats | None = None
    own_wish: Floats | None = None
    shown: NDArray[np.int64] | None = None  # (n, 3), lists chosen together


@attrs.frozen(kw_only=True, eq=False)
class Task:
    """One market, cut at a week."""

    market: Market
    log: OutcomeLog
    cut: int
    trainee: NDArray[np.int64]  # of each event
    coach: NDArray[np.int64]

    @classmethod
    def of(cls, market: Market) -> Task:
        cut = market.n_weeks - 4
        log = market.log_until(cut)
        t = {id_: row for row, id_ in enumerate(market.trainees.ids)}
        c = {id_: row for row, id_ in enumerate(market.coaches.ids)}
        return cls(
            market=market,
            log=log,
            cut=cut,
            trainee=np.array([t[i] for i in log.trainee], np.int64),
            coach=np.array([c[i] for i in log.coach], np.int64),
        )

    def pairs(self, *events: str) -> NDArray[np.int64]:
        """Give the distinct (trainee, coach) pairs that had one of these events."""
        hit = np.isin(np.array(self.log.event, object), events)
        if not hit.any():
            return np.zeros((0, 2), np.int64)
        return np.unique(np.stack([self.trainee[hit], self.coach[hit]], axis=1), axis=0)

    def answers(self, step: str) -> tuple[NDArray[np.int64], Floats]:
        """Give observed pairs of a step and whether each was a yes."""
        if step == "wants":
            shown, yes = self.pairs("shown"), self.pairs("contacted")
        else:
            shown, yes = self.pairs("accepted", "declined"), self.pairs("accepted")
        n = len(self.market.coaches)
        return shown, np.isin(shown[:, 0] * n + shown[:, 1], yes[:, 0] * n + yes[:, 1]).astype(float)

    def matrix(self) -> Any:
        """Give the contacted pairs as a sparse matrix."""
        from scipy.sparse import csr_matrix

        yes = self.pairs("contacted")
        shape = (len(self.market.trainees), len(self.market.coaches))
        return csr_matrix((np.ones(len(yes), np.float32), (yes[:, 0], yes[:, 1])), shape=shape)


# ── engines ─────────────────────────────────────────────────────────────────


def duet(task: Task, seed: int) -> Answer:
    """This project's, with its defaults."""
    market = task.market
    model = CoachMatcher.fit(task.log, market.coaches, market.trainees, seed=seed)
    said = model.probabilities(market.trainees)
    allowed = AllowedPairs.except_seen(_contacts(task.log))
    share = _half_the_share(task, said["wants"])
    shown = model.rank_together(market.trainees, 3, top_tenth_share=share, allowed=allowed)
    both = [said[step] for step in ("wants", "accepts") if step in said]  # what is asked for: that both say yes
    return Answer(
        scores=np.prod(both, axis=0) if both else model.score(market.trainees),
        wants=said.get("wants"),
        accepts=said.get("accepts"),
        own_wish=said.get("wants"),
        shown=shown.rows.astype(np.int64),
    )


def _half_the_share(task: Task, wish: Floats) -> float:
    """Give half of what the order by own wish gives the most shown tenth, or what a tenth has at least."""
    asked = task.pairs("contacted")
    free = wish.copy()
    free[asked[:, 0], asked[:, 1]] = -np.inf
    n_coaches = wish.shape[1]
    return max(0.5 * exposure(best(free), n_coaches), least_share(n_coaches, len(wish), 3))


def _contacts(log: OutcomeLog) -> OutcomeLog:
    return take_events(log, np.flatnonzero(np.array(log.event, object) == "contacted"))


def popularity(task: Task, seed: int) -> Answer:
    """How often each was asked."""
    counts = np.asarray(task.matrix().sum(axis=0)).ravel()
    return Answer(scores=np.tile(counts, (len(task.market.trainees), 1)).astype(float))


def content(task: Task, seed: int) -> Answer:
    """What columns have in common, with no log: the cosine of joined texts and labels."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    market = task.market

    def joined(table: Any) -> list[str]:
        rows = []
        for row in range(len(table)):
            said: list[str] = []
            for column in table.columns.values():
                value = column.value(row)
                if isinstance(value, tuple):
                    said += value
                elif isinstance(value, str):
                    said.append(value)
            rows.append(" ".join(said) or "nothing")
        return rows

    made = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
    theirs = made.fit_transform(joined(market.coaches))
    mine = made.transform(joined(market.trainees))
    return Answer(scores=np.asarray((mine @ theirs.T).todense(), np.float64))


def implicit_als(task: Task, seed: int) -> Answer:
    """implicit's ALS, the best of a few settings on held-out pairs."""
    from implicit.als import AlternatingLeastSquares

    grid = [(f, r, a) for f in (16, 64) for r in (0.01, 1.0, 10.0) for a in (1.0, 10.0)]
    return _tuned(
        task,
        grid,
        lambda how: AlternatingLeastSquares(
            factors=how[0], regularization=how[1], alpha=how[2], random_state=seed, num_threads=1, use_gpu=False
        ),
    )


def implicit_bpr(task: Task, seed: int) -> Answer:
    """implicit's BPR, the best of a few settings on held-out pairs."""
    from implicit.bpr import BayesianPersonalizedRanking

    grid = [(f, r) for f in (16, 64) for r in (0.01, 0.1, 0.5)]
    return _tuned(
        task,
        grid,
        lambda how: BayesianPersonalizedRanking(
            factors=how[0], regularization=how[1], random_state=seed, num_threads=1, use_gpu=False
        ),
    )


def _tuned(task: Task, grid: list[Any], make: Callable[[Any], Any]) -> Answer:
    matrix = task.matrix()
    rng = np.random.default_rng(0)
    held = rng.random(matrix.nnz) < 0.2
    coo = matrix.tocoo()
    from scipy.sparse import csr_matrix

    fit = csr_matrix((coo.data[~held], (coo.row[~held], coo.col[~held])), shape=matrix.shape)
    check = np.zeros(matrix.shape)
    check[coo.row[held], coo.col[held]] = 1
    seen = np.asarray(fit.todense()) > 0

    def scores(model: Any, what: Any) -> Floats:
        model.fit(what, show_progress=False)
        return np.asarray(model.user_factors, np.float64) @ np.asarray(model.item_factors, np.float64).T

    chosen = max(grid, key=lambda how: float(ndcg(np.where(seen, -np.inf, scores(make(how), fit)), check).mean()))
    return Answer(scores=scores(make(chosen), matrix))


def lightfm(task: Task, seed: int) -> Answer:
    """LightFM's WARP with ids and features of both sides, the best of a few settings."""
    from lightfm import LightFM
    from scipy.sparse import csr_matrix, hstack, identity

    market = task.market
    sides = []
    for table in (market.trainees, market.coaches):
        x = np.abs(Encoder.fit(table).encode(table).values)
        sides.append(hstack([identity(len(table)), csr_matrix(x)]).tocsr().astype(np.float32))
    matrix = task.matrix().tocoo()
    rng = np.random.default_rng(0)
    held = rng.random(matrix.nnz) < 0.2
    from scipy.sparse import coo_matrix

    fit = coo_matrix((matrix.data[~held], (matrix.row[~held], matrix.col[~held])), shape=matrix.shape)
    check = np.zeros(matrix.shape)
    check[matrix.row[held], matrix.col[held]] = 1
    seen = np.asarray(fit.todense()) > 0

    def scores(how: tuple[int, float, int], what: Any) -> Floats:
        model = LightFM(no_components=how[0], item_alpha=how[1], user_alpha=how[1], loss="warp", random_state=seed)
        model.fit(what, user_features=sides[0], item_features=sides[1], epochs=how[2], num_threads=1)
        (_, u), (ib, i) = model.get_user_representations(sides[0]), model.get_item_representations(sides[1])
        return (u @ i.T + ib[None, :]).astype(np.float64)

    grid = [(d, a, e) for d in (16, 48) for a in (0.0, 1e-4) for e in (15, 40)]
    chosen = max(grid, key=lambda how: float(ndcg(np.where(seen, -np.inf, scores(how, fit)), check).mean()))
    return Answer(scores=scores(chosen, matrix))


def _learned(task: Task, make: Callable[[], Any], *, with_rates: bool) -> Answer:
    """Fit a classifier per step on both sides' features and the comparisons; the score is the product."""
    market = task.market
    xu = Encoder.fit(market.trainees).encode(market.trainees).values
    xc = Encoder.fit(market.coaches).encode(market.coaches).values
    named = comparisons_of(market.coaches, market.trainees, {"price": ("budget", "price")})
    compare = CompareIndex(named, market.coaches, {}, 0)
    both = [compare.features(row).T for row in market.trainees.rows()]
    n, m = len(xu), len(xc)
    made: dict[str, Floats] = {}
    for step in ("wants", "accepts"):
        pairs, yes = task.answers(step)
        if len(pairs) < 20 or yes.min() == yes.max():
            continue
        mean = yes.mean()
        rate_u = (np.bincount(pairs[:, 0], yes, n) + 5 * mean) / (np.bincount(pairs[:, 0], minlength=n) + 5)
        rate_c = (np.bincount(pairs[:, 1], yes, m) + 5 * mean) / (np.bincount(pairs[:, 1], minlength=m) + 5)

        def features(i: NDArray[np.int64], j: NDArray[np.int64], ru: Floats = rate_u, rc: Floats = rate_c) -> Floats:
            parts = [xu[i], xc[j], np.stack([both[a][b] for a, b in zip(i.tolist(), j.tolist(), strict=True)])]
            if with_rates:
                parts.append(np.stack([ru[i], rc[j]], axis=1))
            return np.concatenate(parts, axis=1)

        model = make()
        model.fit(features(pairs[:, 0], pairs[:, 1]), yes)
        columns = np.arange(m)
        made[step] = np.stack([model.predict_proba(features(np.full(m, i), columns))[:, 1] for i in range(n)])
    if not made:
        return popularity(task, 0)
    total = np.ones((n, m))
    for value in made.values():
        total = total * value
    return Answer(scores=total, wants=made.get("wants"), accepts=made.get("accepts"))


def sklearn_logistic(task: Task, seed: int) -> Answer:
    """scikit-learn's logistic regression on the same features and comparisons."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return _learned(
        task, lambda: make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500)), with_rates=True
    )


def sklearn_trees(task: Task, seed: int) -> Answer:
    """scikit-learn's boosted trees on the same features, comparisons and each one's past rates."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return _learned(
        task,
        lambda: HistGradientBoostingClassifier(max_iter=150, learning_rate=0.06, random_state=seed),
        with_rates=True,
    )


ENGINES: Mapping[str, Callable[[Task, int], Answer]] = {
    "duet": duet,
    "popularity": popularity,
    "content": content,
    "implicit-als": implicit_als,
    "implicit-bpr": implicit_bpr,
    "lightfm": lightfm,
    "sklearn-logistic": sklearn_logistic,
    "sklearn-trees": sklearn_trees,
}
