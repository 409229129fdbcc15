"""
How well each engine orders coaches, on the synthetic market's nine climates, where the truth is known.

    python benchmarks/quality.py --trainees 5000 --coaches 500

The log is split by time: all learn from the weeks before *t*, and are asked about
trainees and coaches of before and after. What counts as right is drawn from the true
probabilities, apart from what the log saw. Peers that are not installed are left out
by name. Differences come with paired bootstrap intervals over trainees.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import machine
import numpy as np
from numpy.typing import NDArray

if __name__ == "__main__":
    machine.one_thread()

from coachhub_core.matching import AllowedPairs, CoachMatcher
from coachhub_core.matching.market import CLIMATES, Market, make_market, take_events
from coachhub_core.ports.matcher import OutcomeLog
from coachhub_scipy.compare import CompareIndex
from coachhub_scipy.comparisons import comparisons_of
from coachhub_scipy.encode import Encoder

Floats = NDArray[np.float64]
N_DRAWS = 2_000
PACKAGES = ("numpy", "scipy", "implicit", "lightfm-next", "scikit-learn")


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
    mean = 3 * len(market.trainees) / len(market.coaches)
    asked = AllowedPairs.except_seen(_contacts(task.log))
    shown = model.rank_together(market.trainees, 3, max_shown=max(1, round(2.5 * mean)), allowed=asked)
    both = [said[step] for step in ("wants", "accepts") if step in said]  # what is asked for: that both say yes
    return Answer(
        scores=np.prod(both, axis=0) if both else model.score(market.trainees),
        wants=said.get("wants"),
        accepts=said.get("accepts"),
        own_wish=said.get("wants"),
        shown=shown.rows.astype(np.int64),
    )


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

    best = max(grid, key=lambda how: float(ndcg(np.where(seen, -np.inf, scores(make(how), fit)), check).mean()))
    return Answer(scores=scores(make(best), matrix))


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
    best = max(grid, key=lambda how: float(ndcg(np.where(seen, -np.inf, scores(how, fit)), check).mean()))
    return Answer(scores=scores(best, matrix))


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


# ── figures ─────────────────────────────────────────────────────────────────


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
    """Give mean and 95 % interval by the bootstrap over rows; nan rows are left out."""
    each = each[~np.isnan(each)]
    if not len(each):
        return np.nan, np.nan, np.nan
    rng = np.random.default_rng(seed)
    means = (
        each[rng.integers(0, len(each), (N_DRAWS, len(each)))].mean(axis=1)
        if len(each) < 3_000
        else np.array([each[rng.integers(0, len(each), len(each))].mean() for _ in range(N_DRAWS)])
    )
    return float(each.mean()), float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


@attrs.frozen(kw_only=True)
class Measured:
    """One engine on one market."""

    warm: Floats  # nDCG@10 of each trainee with a history
    cold: Floats  # of each new trainee
    new: Floats  # of each trainee, among new coaches only
    success: Floats  # share of the first three who would both say yes, by trainee
    success_wish: Floats | None
    success_together: Floats | None
    exposure: float
    exposure_wish: float | None
    exposure_together: float | None
    auc: float
    auc_wants: float | None
    auc_accepts: float | None
    loss_wants: float | None
    loss_accepts: float | None
    seconds: float


def measure(task: Task, engine: Callable[[Task, int], Answer], seed: int) -> Measured:
    """Fit one engine and look at everything."""
    market = task.market
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = engine(task, seed)
    seconds = time.process_time() - start
    right = market.draw("mutual").astype(float)
    seen = np.zeros(right.shape, np.bool_)
    asked = task.pairs("contacted")
    seen[asked[:, 0], asked[:, 1]] = True
    cold = market.arrived >= task.cut
    new = np.flatnonzero(market.joined >= task.cut)
    scores = np.where(seen, -np.inf, answer.scores)
    open_ = np.where(seen, 0.0, right)
    among = ndcg(answer.scores[:, new], right[:, new]) if len(new) >= 3 else np.full(len(right), np.nan)
    both = ndcg(scores, open_)
    best = _best(scores)

    def of_step(step: str, p: Floats | None, figure: Callable[[Floats, Floats], float]) -> float | None:
        return None if p is None or step not in market.truth else figure(p, market.draw(step).astype(float))

    def succeeded(rows: NDArray[np.int64]) -> Floats:
        hit = np.take_along_axis(open_, np.maximum(rows, 0), axis=1)
        return np.where(rows >= 0, hit, 0.0).mean(axis=1)

    wish = None if answer.own_wish is None else _best(np.where(seen, -np.inf, answer.own_wish))
    return Measured(
        warm=both[~cold],
        cold=both[cold],
        new=among,
        success=succeeded(best),
        success_wish=None if wish is None else succeeded(wish),
        success_together=None if answer.shown is None else succeeded(answer.shown),
        exposure=_exposure(best, right.shape[1]),
        exposure_wish=None if wish is None else _exposure(wish, right.shape[1]),
        exposure_together=None if answer.shown is None else _exposure(answer.shown, right.shape[1]),
        auc=auc(answer.scores, right),
        auc_wants=of_step("wants", answer.wants, auc),
        auc_accepts=of_step("accepts", answer.accepts, auc),
        loss_wants=of_step("wants", answer.wants, log_loss),
        loss_accepts=of_step("accepts", answer.accepts, log_loss),
        seconds=seconds,
    )


def _best(scores: Floats) -> NDArray[np.int64]:
    return np.argsort(-scores, axis=1, kind="stable")[:, :3]


def _exposure(rows: NDArray[np.int64], m: int) -> float:
    """Give the share of all places that the most shown tenth of the coaches takes."""
    shown = np.sort(np.bincount(rows[rows >= 0], minlength=m))[::-1]
    return float(shown[: max(1, m // 10)].sum() / max(shown.sum(), 1))


# ── the table ───────────────────────────────────────────────────────────────


def _cell(value: float | None) -> str:
    return "     -" if value is None or np.isnan(value) else f"{value:6.3f}"


def show(climate: str, found: Mapping[str, Measured]) -> None:
    """Print one climate: figures, and differences from duet with their intervals."""
    print(f"\n{climate}")
    print(
        "  engine            nDCG warm            cold                  new coaches           "
        "AUC    wants  accepts loss w loss a succ@3 top10%  seconds"
    )
    ours = found.get("duet")
    for name, one in found.items():
        cells = []
        for slice_ in ("warm", "cold", "new"):
            mean, _, _ = interval(getattr(one, slice_))
            if ours is None or name == "duet":
                cells.append(f"{_cell(mean)}              ")
            else:
                _, low, high = interval(getattr(ours, slice_) - getattr(one, slice_))
                apart = " " * 16 if np.isnan(low) else f"[{low:+.3f} {high:+.3f}]"
                cells.append(f"{_cell(mean)} {apart}")
        figures = (one.auc, one.auc_wants, one.auc_accepts, one.loss_wants, one.loss_accepts)
        print(
            f"  {name:17s} {'  '.join(cells)} {' '.join(map(_cell, figures))} "
            f"{one.success.mean():6.3f} {one.exposure:6.3f} {one.seconds:7.1f}"
        )
    if ours is not None and ours.success_wish is not None and ours.success_together is not None:
        mean, low, high = interval(ours.success_together - ours.success_wish)
        print(
            f"  lists chosen together: success@3 {ours.success_together.mean():.3f} against "
            f"{ours.success_wish.mean():.3f} by own wish, difference {mean:+.3f} [{low:+.3f} {high:+.3f}]; "
            f"top tenth shown {ours.exposure_together:.3f} against {ours.exposure_wish:.3f}"
        )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--trainees", type=int, default=5_000)
    parser.add_argument("--coaches", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--climates", nargs="*", default=list(CLIMATES))
    parser.add_argument("--engines", nargs="*", default=list(ENGINES))
    args = parser.parse_args()
    print(machine.describe(PACKAGES))
    for climate in args.climates:
        market = make_market(climate, n_trainees=args.trainees, n_coaches=args.coaches, seed=args.seed)
        task = Task.of(market)
        found: dict[str, Measured] = {}
        for name in args.engines:
            if not market.climate or (not len(task.log) and name not in ("duet", "content", "popularity")):
                continue
            try:
                found[name] = measure(task, ENGINES[name], args.seed)
            except ImportError as exc:
                print(f"  {name} is left out: {exc}")
        show(climate, found)


if __name__ == "__main__":
    main()
