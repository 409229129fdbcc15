"""
How long training takes: the goal is 100 s per million events on one core.

    python benchmarks/training.py --people 6040 --items 3706 --events 1000000

The log is drawn: people of 16 tastes choose by taste and by how popular an item is, some
of them a hundred times as often as others; items and people have a few columns. ``choices``
has clicks alone, ``marks`` the same pairs with marks of 1 to 5. CPU seconds of one fit each.
"""

from __future__ import annotations

import argparse
import resource
import time
from typing import Any

import machine
import numpy as np

if __name__ == "__main__":
    machine.one_thread()

from coachhub_core.matching import Category, CoachMatcher, CoachTable, Labels, Number, OutcomeLog, Texts, TraineeTable

GOAL = 100  #: seconds per million events
TASTES = 16


def drawn(n: int, m: int, events: int, seed: int) -> tuple[CoachTable, TraineeTable, list[dict[str, Any]]]:
    """Give items, people and what they chose, the first first, with a mark each."""
    draws = np.random.default_rng(seed)
    taste, kind = draws.normal(size=(n, TASTES)), draws.normal(size=(m, TASTES))
    popular = 1.2 * draws.normal(size=m)
    often = np.exp(draws.normal(size=n))
    often = np.clip((often / often.sum() * events).astype(int), 3, m // 2)
    who, what = [], []
    for i, many in enumerate(often.tolist()):
        liked = 0.4 * taste[i] @ kind.T + popular + draws.gumbel(size=m)
        what.append(np.argpartition(-liked, many)[:many])
        who.append(np.full(many, i))
    i, j = np.concatenate(who), np.concatenate(what)
    order = draws.permutation(len(i))
    i, j = i[order], j[order]
    fits = (taste[i] * kind[j]).sum(axis=1) / TASTES
    marks = np.clip(np.round(3.5 + 4 * fits + 0.4 * popular[j] + draws.normal(size=len(i))), 1, 5)
    coaches = CoachTable.build(
        ids=[f"c{row}" for row in range(m)],
        year=Number(draws.integers(1950, 2000, m).astype(float)),
        genres=Labels([[f"g{g}" for g in np.argsort(-row)[:3]] for row in kind]),
        title=Texts([[" ".join(f"w{w}" for w in draws.integers(0, 3_000, 3))] for _ in range(m)]),
    )
    trainees = TraineeTable.build(
        ids=[f"t{row}" for row in range(n)],
        age=Number(draws.integers(18, 70, n).astype(float)),
        work=Category([f"j{row.argmax()}" for row in taste]),
    )
    log = [
        {"at": at, "trainee": f"t{a}", "coach": f"c{b}", "event": "chose", "value": mark}
        for at, (a, b, mark) in enumerate(zip(i.tolist(), j.tolist(), marks.tolist(), strict=True))
    ]
    return coaches, trainees, log


def main() -> None:
    """Print a line for each kind of log."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--people", type=int, default=6_040)
    parser.add_argument("--items", type=int, default=3_706)
    parser.add_argument("--events", type=int, default=1_000_000)
    args = parser.parse_args()
    print(machine.describe(("numpy", "scipy")))
    coaches, trainees, records = drawn(args.people, args.items, args.events, 5)
    size = f"{args.people:,} x {args.items:,}, {len(records):,} events"
    for kind in ("choices", "marks"):
        if kind == "choices":
            said = [{name: value for name, value in one.items() if name != "value"} for one in records]
            log = OutcomeLog.build(said, steps={"wants": ("chose",)})
        else:
            log = OutcomeLog.build([{**one, "event": "rated"} for one in records])
        start = time.process_time()
        CoachMatcher.fit(log, coaches, trainees)
        taken = time.process_time() - start
        rate = taken / len(records) * 1e6
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        verdict = "reached" if rate <= GOAL else "missed"
        print(
            f"{kind}: {size}: {taken:.1f} s, {rate:.0f} s per million (goal {GOAL}: {verdict}); {most} MB", flush=True
        )


if __name__ == "__main__":
    main()
