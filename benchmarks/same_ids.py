"""
The same ids in any batch, on any number of threads, by any BLAS: goal T5.

    python benchmarks/same_ids.py --rows 100000 --other-python /path/to/python

A thousand queries, in batches of 1, 7, 64, 256 and all at once, then shuffled; a
hundred rows are one and the same, and every tenth query asks for just those. Then all
of it again in new processes: with two threads, with the kernels of another processor,
and by another interpreter, whose numpy may have another build of BLAS.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import machine

if __name__ == "__main__" and "--digest" not in sys.argv:
    machine.one_thread()

import numpy as np

import coachhub_core
import coachhub_scipy
from coachhub_scipy.topk import Catalogue, top_k

D, K = 64, 20
N_QUERIES = 1_000
BATCHES = (1, 7, 64, 256, N_QUERIES)
TIED_EVERY = 1_000


def law(n: int, seed: int) -> np.ndarray:
    """Draw unit vectors whose columns decay."""
    made = np.random.default_rng(seed).normal(size=(n, D)) * np.arange(1, D + 1) ** -0.5
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def with_ties(rows: np.ndarray) -> np.ndarray:
    """Put the fifth row in the place of every thousandth."""
    rows[::TIED_EVERY] = rows[5]
    return rows


def digest(n_rows: int) -> dict[str, Any]:
    """Ask in every way, and give what the ids come to, by which library, and what was wrong."""
    rows = with_ties(law(n_rows, 1))
    queries = law(N_QUERIES, 5)
    queries[::10] = rows[5]
    catalogue = Catalogue.of(rows)

    def ask(some: np.ndarray, size: int) -> np.ndarray:
        return np.concatenate([top_k(catalogue, some[at : at + size], K)[0] for at in range(0, len(some), size)])

    ids = ask(queries, N_QUERIES)
    wrong = [f"batches of {size}" for size in BATCHES if not np.array_equal(ask(queries, size), ids)]
    order = np.random.default_rng(4).permutation(N_QUERIES)
    wrong += [f"shuffled, by {size}" for size in (7, 256) if not np.array_equal(ask(queries[order], size), ids[order])]
    tied = np.union1d(np.arange(0, n_rows, TIED_EVERY), [5])[:K]
    if len(tied) == K and not (ids[::10] == tied).all():
        wrong.append("ties not by id")
    found = hashlib.sha256(np.ascontiguousarray(ids, np.int64).tobytes()).hexdigest()
    return {"ids": found, "by": _blas(), "wrong": wrong}


def _blas() -> str:
    config: Any = np.show_config("dicts")
    said = config["Build Dependencies"]["blas"]
    name = f"numpy {np.__version__}, {said['name']} {said['version']}"
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return name
    pools = [one for one in threadpool_info() if one.get("user_api") == "blas" and "numpy" in one["filepath"]]
    return name + "".join(f", kernels {one['architecture']}, {one['num_threads']} threads" for one in pools)


def report(n_rows: int, other_python: str | None) -> bool:
    """Print what each way gave; tell whether all are the same."""
    one_thread = dict.fromkeys(machine.THREADS, "1")
    ways = {
        "one thread": (sys.executable, one_thread),
        "two threads": (sys.executable, dict.fromkeys(machine.THREADS, "2")),
        "kernels of another processor": (sys.executable, one_thread | {"OPENBLAS_CORETYPE": "PRESCOTT"}),
    }
    if other_python:
        ways["another interpreter"] = (other_python, one_thread)
    ours = os.pathsep.join(str(Path(one.__path__[0]).parent) for one in (coachhub_core, coachhub_scipy))
    every = []
    for way, (python, environ) in ways.items():
        path = {} if python == sys.executable else {"PYTHONPATH": ours}  # not its numpy
        done = subprocess.run(
            [python, __file__, "--digest", "--rows", str(n_rows)],
            env={**os.environ, **environ, **path},
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        said = json.loads(done.stdout)
        every.append(said)
        print(
            f"  {way:29s} {said['ids'][:12]}  {'; '.join(said['wrong']) or 'the same in every batch'}  ({said['by']})"
        )
    is_same = len({one["ids"] for one in every}) == 1 and not any(one["wrong"] for one in every)
    print(
        f"T5 same ids, {N_QUERIES} queries over {n_rows} rows with ties, batches of "
        f"{', '.join(map(str, BATCHES))} and shuffled: {'reached' if is_same else 'missed'}"
        + ("" if other_python else "; a second build of BLAS was not asked")
    )
    return is_same


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--other-python", help="an interpreter whose numpy has another BLAS, with this project's needs")
    parser.add_argument("--digest", action="store_true", help="only this process, as JSON")
    args = parser.parse_args()
    if args.digest:
        print(json.dumps(digest(args.rows)))
        return
    print(machine.describe(("numpy",)))
    report(args.rows, args.other_python)


if __name__ == "__main__":
    main()
