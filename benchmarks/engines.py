"""
The engines that quality is measured of: this project's and its peers, each told the same part of a market's log.

Peers that are not installed raise ImportError when they are asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
from figures import Floats, ndcg
from numpy.typing import NDArray

from coachhub_core.matching import AllowedPairs, CoachMatcher, TraineeTable
from coachhub_core.matching.baselines import best
from coachhub_core.matching.compared import Ranks
from coachhub_core.matching.fairness import fairness
from coachhub_core.matching.market import Market, take_events
from coachhub_core.matching.rank_together import least_share
from coachhub_core.matching.ranking_figures import FIRST
from coachhub_core.ports.matcher import OutcomeLog
from coachhub_scipy.compare import CompareIndex
from coachhub_scipy.comparisons import comparisons_of
from coachhub_scipy.encode import Encoder


@attrs.frozen(kw_only=True)
class Answer:
    """What an engine says of every pair."""

    scores: Floats  # (n, m)
    learned_at: float  # CPU seconds of this process when it had learned, settings chosen, nobody answered yet
    alone: Ranks  # asked for one trainee's list
    wants: Floats | None = None  # probabilities, where it gives them
    accepts: Floats | None = None
    shown: NDArray[np.int32] | None = None  # (n, 3), lists chosen together


@attrs.frozen(kw_only=True, eq=False)
class Alone:
    """A peer that is asked for one trainee, by row: all coaches scored, and the best of those allowed."""

    rows: Mapping[str, int]
    score: Callable[[int], Floats]  # (m,)

    @classmethod
    def of(cls, task: Task, score: Callable[[int], Floats]) -> Alone:
        return cls(rows={id_: row for row, id_ in enumerate(task.market.trainees.ids)}, score=score)

    def rank(self, trainees: TraineeTable, k: int, *, allowed: AllowedPairs | None = None) -> NDArray[np.int32]:
        scores = self.score(self.rows[trainees.ids[0]])
        if allowed is not None:
            bits = np.frombuffer(allowed.bitmap(0), np.uint8)
            scores = np.where(np.unpackbits(bits, bitorder="little", count=len(scores)), scores, -np.inf)
        return best(scores[None, :], k)


@attrs.frozen(kw_only=True, eq=False)
class Task:
    """One market, cut at a week."""

    market: Market
    log: OutcomeLog
    cut: int
    trainee: NDArray[np.int64]  # of each event
    coach: NDArray[np.int64]
    seen: NDArray[np.bool_]  # (n, m): asked already, and never proposed again

    @classmethod
    def of(cls, market: Market) -> Task:
        cut = market.n_weeks - 4
        log = market.log_until(cut)
        t = {id_: row for row, id_ in enumerate(market.trainees.ids)}
        c = {id_: row for row, id_ in enumerate(market.coaches.ids)}
        trainee = np.array([t[i] for i in log.trainee], np.int64)
        coach = np.array([c[i] for i in log.coach], np.int64)
        seen = np.zeros((len(market.trainees), len(market.coaches)), np.bool_)
        asked = np.array(log.event, object) == "contacted"
        seen[trainee[asked], coach[asked]] = True
        return cls(market=market, log=log, cut=cut, trainee=trainee, coach=coach, seen=seen)

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
    learned_at = time.process_time()
    said = model.probabilities(market.trainees)
    allowed = AllowedPairs.except_seen(_contacts(task.log))
    share = _half_the_share(task, said["wants"])
    shown = model.rank_together(market.trainees, 3, top_tenth_share=share, allowed=allowed)
    both = [said[step] for step in ("wants", "accepts") if step in said]  # what is asked for: that both say yes
    return Answer(
        scores=np.prod(both, axis=0) if both else model.score(market.trainees),
        learned_at=learned_at,
        alone=model,
        wants=said.get("wants"),
        accepts=said.get("accepts"),
        shown=shown.rows,
    )


def _half_the_share(task: Task, wish: Floats) -> float:
    """Give half of what the order by own wish gives the most shown tenth, or what a tenth has at least."""
    n_coaches = wish.shape[1]
    by_wish = best(np.where(task.seen, -np.inf, wish), FIRST)
    return max(0.5 * fairness(by_wish, task.market.seats).top_tenth, least_share(n_coaches, len(wish), FIRST))


def _contacts(log: OutcomeLog) -> OutcomeLog:
    return take_events(log, np.flatnonzero(np.array(log.event, object) == "contacted"))


def popularity(task: Task, seed: int) -> Answer:
    """How often each was asked."""
    counts = np.asarray(task.matrix().sum(axis=0), np.float64).ravel()
    return Answer(
        scores=np.tile(counts, (len(task.market.trainees), 1)),
        learned_at=time.process_time(),
        alone=Alone.of(task, lambda row: counts),
    )


def content(task: Task, seed: int) -> Answer:
    """What columns have in common, with no log: scikit-learn's TF-IDF cosine of joined texts and labels."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    market = task.market

    def joined(table: Any, row: int) -> str:
        said: list[str] = []
        for column in table.columns.values():
            value = column.value(row)
            if isinstance(value, tuple):
                said += value
            elif isinstance(value, str):
                said.append(value)
        return " ".join(said) or "nothing"

    made = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
    theirs = made.fit_transform([joined(market.coaches, row) for row in range(len(market.coaches))]).T.tocsr()
    learned_at = time.process_time()

    def score(rows: range) -> Floats:
        mine = made.transform([joined(market.trainees, row) for row in rows])
        return np.asarray((mine @ theirs).todense(), np.float64)

    return Answer(
        scores=score(range(len(market.trainees))),
        learned_at=learned_at,
        alone=Alone.of(task, lambda row: score(range(row, row + 1))[0]),
    )


def implicit_als(task: Task, seed: int) -> Answer:
    """implicit's ALS, the best of a few settings on held-out pairs."""
    from implicit.als import AlternatingLeastSquares

    def fit(how: tuple[int, float, float], matrix: Any) -> Vectors:
        model = AlternatingLeastSquares(
            factors=how[0], regularization=how[1], alpha=how[2], random_state=seed, num_threads=1, use_gpu=False
        )
        model.fit(matrix, show_progress=False)
        return Vectors(np.asarray(model.user_factors, np.float64), np.asarray(model.item_factors, np.float64))

    return _tuned(task, [(f, r, a) for f in (16, 64) for r in (0.01, 1.0, 10.0) for a in (1.0, 10.0)], fit)


def implicit_bpr(task: Task, seed: int) -> Answer:
    """implicit's BPR, the best of a few settings on held-out pairs."""
    from implicit.bpr import BayesianPersonalizedRanking

    def fit(how: tuple[int, float, float], matrix: Any) -> Vectors:
        model = BayesianPersonalizedRanking(
            factors=how[0],
            regularization=how[1],
            learning_rate=how[2],
            iterations=100,
            random_state=seed,
            num_threads=1,
            use_gpu=False,
        )
        model.fit(matrix, show_progress=False)
        return Vectors(np.asarray(model.user_factors, np.float64), np.asarray(model.item_factors, np.float64))

    return _tuned(task, [(f, r, s) for f in (16, 64) for r in (0.01, 0.1, 0.5) for s in (0.01, 0.05)], fit)


def lightfm(task: Task, seed: int) -> Answer:
    """LightFM's WARP with ids and features of both sides, the best of a few settings on held-out pairs."""
    from lightfm import LightFM
    from scipy.sparse import csr_matrix, hstack, identity

    sides = []
    for table in (task.market.trainees, task.market.coaches):
        x = np.abs(Encoder.fit(table).encode(table).values)
        sides.append(hstack([identity(len(table)), csr_matrix(x)]).tocsr().astype(np.float32))

    def fit(how: tuple[int, float, int], matrix: Any) -> Vectors:
        model = LightFM(no_components=how[0], item_alpha=how[1], user_alpha=how[1], loss="warp", random_state=seed)
        model.fit(matrix.tocoo(), user_features=sides[0], item_features=sides[1], epochs=how[2], num_threads=1)
        (_, u), (ib, i) = model.get_user_representations(sides[0]), model.get_item_representations(sides[1])
        ones = np.ones((len(u), 1))
        return Vectors(np.hstack([u, ones]).astype(np.float64), np.hstack([i, ib[:, None]]).astype(np.float64))

    return _tuned(task, [(d, a, e) for d in (16, 48) for a in (0.0, 1e-4) for e in (15, 40)], fit)


@attrs.frozen
class Vectors:
    """Two sides whose inner products are the scores."""

    trainees: Floats
    coaches: Floats


def _tuned(task: Task, grid: list[Any], fit: Callable[[Any, Any], Vectors]) -> Answer:
    """Take the setting that orders a random fifth of the pairs best, learning from the others, and learn from all."""
    from scipy.sparse import csr_matrix

    matrix = task.matrix()
    held = np.random.default_rng(0).random(matrix.nnz) < 0.2
    coo = matrix.tocoo()
    known = csr_matrix((coo.data[~held], (coo.row[~held], coo.col[~held])), shape=matrix.shape)
    check = np.zeros(matrix.shape)
    check[coo.row[held], coo.col[held]] = 1
    seen = np.asarray(known.todense()) > 0

    def worth(how: Any) -> float:
        made = fit(how, known)
        return float(np.nanmean(ndcg(np.where(seen, -np.inf, made.trainees @ made.coaches.T), check)))

    made = fit(max(grid, key=worth), matrix)
    learned_at = time.process_time()
    return Answer(
        scores=made.trainees @ made.coaches.T,
        learned_at=learned_at,
        alone=Alone.of(task, lambda row: made.coaches @ made.trainees[row]),
    )


def _classified(task: Task, make: Callable[[], Any]) -> Answer:
    """Fit a classifier per step on both sides' features, comparisons and past rates; the score is the product."""
    market = task.market
    xu = Encoder.fit(market.trainees).encode(market.trainees).values
    xc = Encoder.fit(market.coaches).encode(market.coaches).values
    named = comparisons_of(market.coaches, market.trainees, {"price": ("budget", "price")})
    compare = CompareIndex(named, market.coaches, {}, 0)
    n, m = len(xu), len(xc)
    asked: dict[str, Callable[[range], Floats]] = {}

    def features(i: int, columns: NDArray[np.int64], rate_u: Floats, rate_c: Floats) -> Floats:
        mine = np.broadcast_to(np.append(xu[i], rate_u[i]), (len(columns), xu.shape[1] + 1))
        both = compare.features(market.trainees.row(i)).T[columns]
        return np.concatenate([mine, xc[columns], both, rate_c[columns, None]], axis=1)

    for step in ("wants", "accepts"):
        pairs, yes = task.answers(step)
        if len(pairs) < 20 or yes.min() == yes.max():
            continue
        mean = yes.mean()
        rate_u = (np.bincount(pairs[:, 0], yes, n) + 5 * mean) / (np.bincount(pairs[:, 0], minlength=n) + 5)
        rate_c = (np.bincount(pairs[:, 1], yes, m) + 5 * mean) / (np.bincount(pairs[:, 1], minlength=m) + 5)
        who, starts = np.unique(pairs[:, 0], return_index=True)  # sorted by trainee
        columns = np.split(pairs[:, 1], starts[1:])
        model = make()
        model.fit(
            np.concatenate([features(i, c, rate_u, rate_c) for i, c in zip(who.tolist(), columns, strict=True)]), yes
        )

        def ask(rows: range, model: Any = model, rate_u: Floats = rate_u, rate_c: Floats = rate_c) -> Floats:
            every = np.concatenate([features(i, np.arange(m), rate_u, rate_c) for i in rows])
            said: Floats = model.predict_proba(every)[:, 1].reshape(len(rows), m)
            return said

        asked[step] = ask
    if not asked:
        return popularity(task, 0)
    learned_at = time.process_time()
    batches = [range(start, min(start + 64, n)) for start in range(0, n, 64)]
    made = {step: np.concatenate([ask(rows) for rows in batches]) for step, ask in asked.items()}
    return Answer(
        scores=np.prod(list(made.values()), axis=0),
        learned_at=learned_at,
        alone=Alone.of(task, lambda row: np.prod([ask(range(row, row + 1))[0] for ask in asked.values()], axis=0)),
        wants=made.get("wants"),
        accepts=made.get("accepts"),
    )


def sklearn_logistic(task: Task, seed: int) -> Answer:
    """scikit-learn's logistic regression."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return _classified(task, lambda: make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500)))


def sklearn_trees(task: Task, seed: int) -> Answer:
    """scikit-learn's boosted trees."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return _classified(
        task, lambda: HistGradientBoostingClassifier(max_iter=150, learning_rate=0.06, random_state=seed)
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
WITHOUT_LOG = ("duet", "popularity", "content")  #: who has something to say where nothing happened yet
