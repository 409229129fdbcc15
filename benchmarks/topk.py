"""
The k largest inner products: goals T1 to T5, beside faiss, usearch, hnswlib, scikit-learn and numpy.

    env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE python benchmarks/topk.py --rows 100000

All engines run in this process, one thread, rounds interleaved in rotating order
after a warm-up; CPU seconds, ratios of medians with the spread of single rounds.
T5 is ``benchmarks/same_ids.py``, which asks in new processes too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import machine

if __name__ == "__main__":
    machine.one_thread()

import numpy as np
import same_ids
from same_ids import D, K, law

from coachhub_scipy.topk import Catalogue, top_k

PACKAGES = ("numpy", "faiss-cpu", "usearch", "hnswlib", "scikit-learn")


class Work:
    """Catalogue, queries and filters of one run."""

    def __init__(self, n: int) -> None:
        self.n, self.rows, self.queries = n, same_ids.with_ties(law(n, 1)), law(256, 2)
        rng = np.random.default_rng(3)
        self.shared = rng.random(n) < 0.1
        self.own = [rng.random(n) < 0.1 for _ in range(64)]


Engine = Callable[[np.ndarray, Any], np.ndarray]  # queries, None | flags | list of flags -> ids


def ours(work: Work) -> Engine:
    """This project's."""
    catalogue = Catalogue.of(work.rows)

    def ask(queries: np.ndarray, flags: Any) -> np.ndarray:
        how = {} if flags is None else {"own": flags} if isinstance(flags, list) else {"shared": flags}
        return top_k(catalogue, queries, K, **how)[0]

    return ask


def faiss_flat(work: Work) -> Engine:
    """faiss IndexFlatIP, filters by IDSelectorBitmap; one call per query where each has a filter of its own."""
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(D)
    index.add(work.rows)

    def ask(queries: np.ndarray, flags: Any) -> np.ndarray:
        if flags is None:
            return index.search(queries, K)[1]
        if isinstance(flags, list):
            return np.concatenate([ask(queries[i : i + 1], one) for i, one in enumerate(flags)])
        selector = faiss.IDSelectorBitmap(np.packbits(flags, bitorder="little"))
        return index.search(queries, K, params=faiss.SearchParameters(sel=selector))[1]

    return ask


def numpy_plain(work: Work) -> Engine:
    """matmul and argpartition."""

    def ask(queries: np.ndarray, flags: Any) -> np.ndarray:
        if isinstance(flags, list):
            return np.concatenate([ask(queries[i : i + 1], one) for i, one in enumerate(flags)])
        rows = np.arange(work.n) if flags is None else np.flatnonzero(flags)
        scores = queries @ (work.rows if flags is None else work.rows[rows]).T
        best = np.argpartition(-scores, K - 1, axis=1)[:, :K]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
        return rows[np.take_along_axis(best, order, axis=1)]

    return ask


def sklearn_brute(work: Work) -> Engine:
    """scikit-learn's brute-force neighbours; unit vectors, so the nearest has the largest product."""
    from sklearn.neighbors import NearestNeighbors

    whole = NearestNeighbors(n_neighbors=K, algorithm="brute").fit(work.rows)

    def ask(queries: np.ndarray, flags: Any) -> np.ndarray:
        if flags is None:
            return whole.kneighbors(queries, return_distance=False)
        if isinstance(flags, list):
            return np.concatenate([ask(queries[i : i + 1], one) for i, one in enumerate(flags)])
        rows = np.flatnonzero(flags)
        made = NearestNeighbors(n_neighbors=K, algorithm="brute").fit(work.rows[rows])
        return rows[made.kneighbors(queries, return_distance=False)]

    return ask


def usearch_exact(work: Work) -> Engine:
    """usearch's exact search over an array; filters slice it."""
    from usearch.index import search

    def ask(queries: np.ndarray, flags: Any) -> np.ndarray:
        if isinstance(flags, list):
            return np.concatenate([ask(queries[i : i + 1], one) for i, one in enumerate(flags)])
        rows = None if flags is None else np.flatnonzero(flags)
        data = work.rows if rows is None else np.ascontiguousarray(work.rows[rows])
        keys = np.asarray(search(data, queries, K, "ip", exact=True, threads=1).keys).reshape(len(queries), K)
        return keys if rows is None else rows[keys.astype(np.int64)]

    return ask


def hnsw(work: Work) -> Engine:
    """hnswlib, M 16, ef 100 and 400: approximate; a filter is a Python function."""
    import hnswlib

    index = hnswlib.Index("ip", D)
    index.init_index(work.n, M=16, ef_construction=400, random_seed=1)
    index.set_num_threads(1)
    index.add_items(work.rows)
    index.set_ef(100)

    def ask(queries: np.ndarray, flags: Any) -> np.ndarray:
        if flags is None:
            return index.knn_query(queries, K)[0]
        if isinstance(flags, list):
            return np.concatenate([ask(queries[i : i + 1], one) for i, one in enumerate(flags)])
        return index.knn_query(queries, K, filter=lambda label: bool(flags[label]))[0]

    return ask


ENGINES = {
    "ours": ours,
    "faiss-flat": faiss_flat,
    "numpy": numpy_plain,
    "sklearn": sklearn_brute,
    "usearch": usearch_exact,
    "hnswlib": hnsw,
}


def recall(work: Work, queries: np.ndarray, found: np.ndarray, flags: Any) -> float:
    """Give the share of rows whose float64 score reaches the true k-th less 1e-6."""
    right = 0
    for i, query in enumerate(queries):
        scores = work.rows.astype(np.float64) @ query.astype(np.float64)
        mine = flags[i] if isinstance(flags, list) else flags
        allowed = scores if mine is None else np.where(mine, scores, -np.inf)
        floor = np.partition(allowed, work.n - K)[work.n - K] - 1e-6
        right += int((allowed[found[i][found[i] >= 0].astype(np.int64)] >= floor).sum())
    return right / (len(queries) * K)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--engines", nargs="*", default=list(ENGINES))
    parser.add_argument("--other-python", help="for T5: an interpreter whose numpy has another BLAS")
    args = parser.parse_args()
    print(machine.describe(PACKAGES))
    work = Work(args.rows)
    engines: dict[str, Engine] = {}
    for name in args.engines:
        try:
            engines[name] = ENGINES[name](work)
        except ImportError as exc:
            print(f"{name} is left out: {exc}")
    is_large = args.rows >= 1_000_000
    q = work.queries
    columns = [
        ("T4 one query", q[:1], None, {"faiss-flat": 1.0 if is_large else 1.3}),
        ("T4 one query, 10 % filter", q[:1], work.shared, {"faiss-flat": 0.5}),
        ("T1 batch of 256", q, None, {"faiss-flat": 0.20 if is_large else 0.35}),
        ("T2 batch of 256, one filter", q, work.shared, {"faiss-flat": 0.03 if is_large else 0.12}),
        ("T3 64 queries, own filters", q[:64], work.own, {"faiss-flat": 0.40, "hnswlib": 0.12}),
    ]
    for title, queries, flags, asked in columns:
        chosen = {
            n: e for n, e in engines.items() if not (n == "hnswlib" and flags is not None and len(queries) == 256)
        }
        times = machine.interleaved({n: partial(e, queries, flags) for n, e in chosen.items()}, args.rounds)
        print(f"\n{title}: {args.rows} rows, k = {K}")
        for name, engine in chosen.items():
            some = slice(0, min(len(queries), 32))
            part = flags[some] if isinstance(flags, list) else flags
            right = recall(work, queries[some], engine(queries[some], part), part)
            line = f"  {name:11s} {1e3 * np.median(times[name]):9.2f} ms  recall {right:.3f}"
            if "faiss-flat" in times:
                line += "  {:.2f} x faiss flat ({:.2f} to {:.2f})".format(
                    *machine.ratio(times[name], times["faiss-flat"])
                )
            print(line, flush=True)
        for peer, goal in asked.items():
            if peer in times and "ours" in times:
                middle, low, high = machine.ratio(times["ours"], times[peer])
                verdict = "reached" if middle <= goal else "missed"
                print(f"  ours: {middle:.2f} x {peer} ({low:.2f} to {high:.2f}), goal {goal:.2f}: {verdict}")
            else:
                print(f"  ours beside {peer}: not measured")
    print("\nT5")
    same_ids.report(args.rows, args.other_python)


if __name__ == "__main__":
    main()
