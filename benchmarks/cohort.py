"""
Cohort placement beside its peers: goals A1 to A4, in one process, on one thread.

    python benchmarks/cohort.py [--sizes 1000x100,10000x1000] [--rounds 5] [--checks 200]

Tastes of 16 dimensions, column j times j^-0.5, rows to unit length; score = sigmoid(3 z.y + 0.4 q + 0.5 e) with q per
coach and e per pair standard normal, the coach's with q per trainee; lists are the 50 best; equal seats, 1.1 x
trainees in all; staying unplaced is worth 0. A4: every pair, Pareto seats. CPU seconds; a peer that is absent is
named. Stable placements are first compared with the package ``matching`` on random cases.
"""

from __future__ import annotations

import argparse
import heapq
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from coachhub_core.matching import certify
from coachhub_core.ports.matcher import NEVER, Placements
from coachhub_scipy.assigner import CohortAssigner

LENGTH = 50
THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


class Cohort:
    """One drawn question."""

    def __init__(self, n: int, m: int, *, dense: bool = False, need: int = 1, seed: int = 1) -> None:
        draws = np.random.default_rng(seed)
        taste, offer = (self._tastes(draws, size) for size in (n, m))
        liked, picky = 0.4 * draws.standard_normal(m), 0.4 * draws.standard_normal((n, 1))
        length = m if dense else LENGTH
        self.lists = np.empty((n, length), np.int32)
        self.scores, self.theirs = np.empty((n, length)), np.empty((n, length))
        for begin in range(0, n, 1_000):  # every pair at once would not fit into memory
            some = slice(begin, begin + 1_000)
            near = 3 * (taste[some] @ offer.T)
            mine = near + liked + 0.5 * draws.standard_normal(near.shape)
            best = np.argpartition(-mine, length - 1, axis=1)[:, :length]
            best = np.take_along_axis(best, np.argsort(-np.take_along_axis(mine, best, axis=1), axis=1), axis=1)
            back = np.take_along_axis(near, best, axis=1) + picky[some] + 0.5 * draws.standard_normal(best.shape)
            self.lists[some] = best
            self.scores[some] = 1 / (1 + np.exp(-np.take_along_axis(mine, best, axis=1)))
            self.theirs[some] = 1 / (1 + np.exp(-back))
        self.need = np.full(n, need, np.int64)
        self.seats = np.full(m, -(-11 * n // (10 * m)), np.int64)
        if dense:
            self.seats = 1 + np.floor(draws.pareto(2, m)).astype(np.int64)
            while self.seats.sum() < 1.1 * n * need:  # more of the same law, until there is room
                self.seats += np.floor(draws.pareto(2, m)).astype(np.int64)

    @staticmethod
    def _tastes(draws: np.random.Generator, size: int) -> np.ndarray:
        rows = draws.standard_normal((size, 16)) * np.arange(1, 17) ** -0.5
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def ask(self, mode: str) -> Placements:
        """Ask duet's assigner."""
        return CohortAssigner().assign(
            self.lists,
            self.scores,
            self.seats,
            mode=mode,
            need=self.need,
            coach_scores=self.theirs if mode == "stable" else None,
            floor=-np.inf,
            deadline=NEVER,
        )

    def value(self, coaches: np.ndarray) -> float:
        """Add up the scores of a placement of one coach each."""
        return float(self.scores[self.lists == coaches].sum())


# ── peers ───────────────────────────────────────────────────────────────────


def textbook(cohort: Cohort) -> list[int]:
    """Deferred acceptance, one trainee after the other, a heap per coach."""
    order = np.argsort(-cohort.scores, axis=1)
    wishes = np.take_along_axis(cohort.lists, order, axis=1).tolist()
    liked = np.take_along_axis(cohort.theirs, order, axis=1).tolist()
    seats = cohort.seats.tolist()
    kept: list[list[tuple[float, int]]] = [[] for _ in seats]
    at, got = [0] * len(wishes), [-1] * len(wishes)
    waiting = list(range(len(wishes)))
    while waiting:
        i = waiting.pop()
        while at[i] < len(wishes[i]):
            coach, liking = wishes[i][at[i]], liked[i][at[i]]
            at[i] += 1
            if len(kept[coach]) < seats[coach]:
                heapq.heappush(kept[coach], (liking, i))
                got[i] = coach
                break
            if kept[coach][0][0] < liking:
                lost = heapq.heapreplace(kept[coach], (liking, i))[1]
                got[i], got[lost] = coach, -1
                waiting.append(lost)
                break
    return got


def hospital_resident(lists: np.ndarray, scores: np.ndarray, theirs: np.ndarray, seats: np.ndarray) -> list[int]:
    """Ask the package ``matching``; who is on nobody's list it does not take."""
    games = import_module("matching.games")
    sys.setrecursionlimit(1_000_000)
    order = np.argsort(-scores, axis=1)
    wishes = np.take_along_axis(lists, order, axis=1)
    likers: dict[int, list[tuple[float, int]]] = {}
    for (i, at), coach in np.ndenumerate(lists):
        likers.setdefault(int(coach), []).append((-float(theirs[i, at]), i))
    game = games.HospitalResident.create_from_dictionaries(
        {f"t{i}": [f"c{c}" for c in row] for i, row in enumerate(wishes.tolist())},
        {f"c{c}": [f"t{i}" for _, i in sorted(rows)] for c, rows in likers.items()},
        {f"c{c}": int(seats[c]) for c in likers},
    )
    got = [-1] * len(lists)
    for hospital, residents in game.solve(optimal="resident").items():
        for resident in residents:
            got[int(str(resident.name)[1:])] = int(str(hospital.name)[1:])
    return got


def min_cost_flow(cohort: Cohort) -> float:
    """Ask ortools, arcs by array, scores x 1e6."""
    flow = import_module("ortools.graph.python.min_cost_flow").SimpleMinCostFlow()
    n, m = len(cohort.lists), len(cohort.seats)
    source, sink = n + m, n + m + 1
    rows = np.repeat(np.arange(n), cohort.lists.shape[1])
    cost = -np.round(cohort.scores.ravel() * 1e6).astype(np.int64)
    begin = np.concatenate([np.full(n, source), rows, np.arange(m) + n, np.arange(n)]).astype(np.int32)
    end = np.concatenate([np.arange(n), cohort.lists.ravel() + n, np.full(m, sink), np.full(n, sink)]).astype(np.int32)
    room = np.concatenate([np.ones(n + len(rows)), cohort.seats, np.ones(n)]).astype(np.int64)
    costs = np.concatenate([np.zeros(n, np.int64), cost, np.zeros(m + n, np.int64)])
    arcs = flow.add_arcs_with_capacity_and_unit_cost(begin, end, room, costs)
    flow.set_nodes_supplies(np.array([source, sink], np.int32), np.array([n, -n], np.int64))
    if flow.solve() != flow.OPTIMAL:
        raise RuntimeError("ortools found no optimum")
    used = flow.flows(arcs)[n : n + len(rows)] > 0
    return float(cohort.scores.ravel()[used].sum())


def sparse_assignment(cohort: Cohort) -> float:
    """Ask scipy, each seat a column; whoever finds none sits on a column of their own, worth nothing."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    n, total = len(cohort.lists), int(cohort.seats.sum())
    first = np.cumsum(cohort.seats) - cohort.seats
    rows = np.repeat(np.arange(n), cohort.lists.shape[1])
    wide = cohort.seats[cohort.lists.ravel()]
    pair = np.repeat(np.arange(len(rows)), wide)
    seat = first[cohort.lists.ravel()[pair]] + np.arange(len(pair)) - np.repeat(np.cumsum(wide) - wide, wide)
    weights = np.concatenate([cohort.scores.ravel()[pair] + 1, np.ones(n)])
    where = (np.concatenate([rows[pair], np.arange(n)]), np.concatenate([seat, total + np.arange(n)]))
    matrix = coo_array((weights, where), shape=(n, total + n)).tocsr()
    taken = min_weight_full_bipartite_matching(matrix, maximize=True)
    return float(np.asarray(matrix[taken[0], taken[1]]).sum()) - n


def best_worst(cohort: Cohort) -> float:
    """Find the largest score everybody can reach, by scipy's bipartite matching on seats expanded."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    owner = np.repeat(np.arange(len(cohort.seats)), cohort.seats)
    whole = np.empty((len(cohort.lists), len(cohort.seats)))
    np.put_along_axis(whole, cohort.lists.astype(np.int64), cohort.scores, axis=1)
    levels = np.unique(whole[whole <= whole.max(axis=1).min()])
    low, high = 0, len(levels) - 1
    while low < high:
        middle = (low + high + 1) // 2
        match = maximum_bipartite_matching(csr_array(whole[:, owner] >= levels[middle]), perm_type="column")
        low, high = (middle, high) if (match >= 0).all() else (low, middle - 1)
    return float(levels[low])


def milp_above(cohort: Cohort, floor: float) -> float:
    """Ask HiGHS for the largest sum above a floor that places everybody."""
    from scipy.optimize import LinearConstraint, milp
    from scipy.sparse import coo_array

    row, at = np.nonzero(cohort.scores >= floor)
    columns = np.arange(len(row))
    ones = np.ones(len(row))
    by_trainee = coo_array((ones, (row, columns)), shape=(len(cohort.lists), len(row))).tocsr()
    by_coach = coo_array((ones, (cohort.lists[row, at], columns)), shape=(len(cohort.seats), len(row))).tocsr()
    limits = [LinearConstraint(by_trainee, 1, 1), LinearConstraint(by_coach, 0, cohort.seats)]
    found = milp(-cohort.scores[row, at], constraints=limits, bounds=(0, 1), integrality=np.ones(len(row)))
    return float(-found.fun)


def milp_least(cohort: Cohort, seconds: float) -> float:
    """Ask HiGHS for the largest least mean of who needs several coaches, for a while; 0 where it finds nothing."""
    from scipy.optimize import LinearConstraint, milp
    from scipy.sparse import coo_array, hstack

    n = len(cohort.scores)
    row, at = np.nonzero(cohort.scores > -np.inf)
    columns, ones = np.arange(len(row)), np.ones(len(row))
    share = cohort.scores[row, at] / cohort.need[row]

    def over(rows: np.ndarray, values: np.ndarray, size: int, last: float) -> Any:
        made = coo_array((values, (rows, columns)), shape=(size, len(row)))
        return hstack([made, np.full((size, 1), last)], format="csr")

    limits = [
        LinearConstraint(over(row, ones, n, 0.0), cohort.need, cohort.need),
        LinearConstraint(over(cohort.lists[row, at], ones, len(cohort.seats), 0.0), 0, cohort.seats),
        LinearConstraint(over(row, share, n, -1.0), 0, np.inf),
    ]
    found = milp(
        np.append(np.zeros(len(row)), -1.0),
        constraints=limits,
        bounds=(0, 1),
        integrality=np.append(ones, 0),
        options={"time_limit": seconds},
    )
    return 0.0 if found.x is None else float(-found.fun)


# ── measuring ───────────────────────────────────────────────────────────────


def measure(tasks: dict[str, Callable[[], Any]], n_rounds: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Run tasks in turn, the order rotating, after a warm-up; give CPU seconds and the last answer of each."""
    names, taken, last = list(tasks), {name: [] for name in tasks}, {}
    for number in range(-1, n_rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            start = time.process_time()
            last[name] = tasks[name]()
            if number >= 0:
                taken[name].append(time.process_time() - start)
    return {name: np.array(values) for name, values in taken.items()}, last


def row(goal: str, size: str, what: str, ours: np.ndarray, theirs: np.ndarray, limit: float | None, note: str) -> None:
    """Print one line of the table: median seconds, the ratio with its spread, and whether the goal is met."""
    ratios = ours / theirs
    verdict = "-" if limit is None else f"<= {limit:g}: {'met' if np.median(ratios) <= limit else 'MISSED'}"
    print(
        f"| {goal} | {size} | {what} | {np.median(ours):.3f} | {np.median(theirs):.3f} "
        f"| {np.median(ratios):.3f} ({ratios.min():.3f}-{ratios.max():.3f}) | {verdict} | {note} |",
        flush=True,
    )


def check_stable(n_cases: int) -> int:
    """Compare with the package ``matching`` on random cases; give how many differ."""
    n_wrong = 0
    for seed in range(n_cases):
        draws = np.random.default_rng(seed)
        n, m = int(draws.integers(1, 20)), int(draws.integers(1, 7))
        lists = np.argsort(draws.random((n, m)), axis=1)[:, : draws.integers(1, m + 1)].astype(np.int32)
        scores, theirs = draws.random(lists.shape), draws.random(lists.shape)
        seats = draws.integers(1, 4, m)
        made = CohortAssigner().assign(
            lists,
            scores,
            seats,
            mode="stable",
            need=np.ones(n, np.int64),
            coach_scores=theirs,
            floor=-np.inf,
            deadline=NEVER,
        )
        n_wrong += made.coaches[:, 0].tolist() != hospital_resident(lists, scores, theirs, seats)
    return n_wrong


def machine() -> str:
    """Give processor, Python and versions on one line."""
    info = Path("/proc/cpuinfo")
    lines = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    model = lines[0].partition(":")[2].strip() if lines else platform.machine()
    names = ("numpy", "scipy", "ortools", "matching")
    versions = [f"{name} {metadata.version(name)}" if find_spec(name) else f"{name} absent" for name in names]
    return f"{os.cpu_count()} x {model}; Python {platform.python_version()}; {', '.join(versions)}; one thread"


def main() -> None:
    """Print the table; start anew with one thread per library first, where that was not said before numpy loaded."""
    if any(os.environ.get(name) != "1" for name in THREADS):
        os.environ.update(dict.fromkeys(THREADS, "1"))
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 - the same program again
    options = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    options.add_argument("--sizes", default="1000x100,10000x1000")
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--checks", type=int, default=1_000)
    chosen = options.parse_args()
    has = {name: find_spec(name) is not None for name in ("matching", "ortools", "scipy")}
    print(machine())
    print("absent:", ", ".join(name for name, found in has.items() if not found) or "none")
    if has["matching"] and chosen.checks:
        print(f"stable placements that differ from matching: {check_stable(chosen.checks)} of {chosen.checks}")
    print("| goal | size | beside | ours, s | theirs, s | ratio (spread) | limit | answer |")
    print("|---|---|---|---|---|---|---|---|")
    for size in chosen.sizes.split(","):
        n, m = map(int, size.split("x"))
        cohort = Cohort(n, m)
        seconds, last = measure(
            {"ours": lambda c=cohort: c.ask("stable"), "heap": lambda c=cohort: textbook(c)}, chosen.rounds
        )
        n_blocking = certify(
            cohort.lists, cohort.scores, cohort.seats, last["ours"].coaches, coach_scores=cohort.theirs
        ).n_blocking
        note = (
            f"{n_blocking} blocking, {'the same' if last['ours'].coaches[:, 0].tolist() == last['heap'] else 'OTHER'}"
        )
        limit = {10_000: 0.25, 100_000: 0.12}.get(n)
        row("A1", size, "heap loop", seconds["ours"], seconds["heap"], limit, note)
        if has["matching"] and n <= 1_000:
            seconds, last = measure(
                {
                    "ours": lambda c=cohort: c.ask("stable"),
                    "peer": lambda c=cohort: hospital_resident(c.lists, c.scores, c.theirs, c.seats),
                },
                min(chosen.rounds, 3),
            )
            same = last["ours"].coaches[:, 0].tolist() == last["peer"]
            row("A1", size, "matching", seconds["ours"], seconds["peer"], 0.01, "the same" if same else "OTHER")
        if has["ortools"]:
            seconds, last = measure(
                {"ours": lambda c=cohort: c.ask("welfare"), "peer": lambda c=cohort: min_cost_flow(c)}, chosen.rounds
            )
            value, gap = (last["ours"].certificate[key] for key in ("value", "gap"))
            note = f"value {value / last['peer']:.6f} of ortools, proved gap {gap:.1e}"
            limit = {10_000: 1.0, 100_000: 0.4}.get(n)
            row("A2", size, "ortools", seconds["ours"], seconds["peer"], limit, note)
        if n <= 10_000:
            seconds, last = measure(
                {"ours": lambda c=cohort: c.ask("exact"), "peer": lambda c=cohort: sparse_assignment(c)},
                min(chosen.rounds, 3),
            )
            off, gap = last["ours"].certificate["value"] - last["peer"], last["ours"].certificate["gap"]
            limit = 0.2 if n == 10_000 else None
            row("A3", size, "scipy sparse LAP", seconds["ours"], seconds["peer"], limit, f"{off:+.1e}, gap {gap:.1e}")
    cohort = Cohort(1_000, 100, dense=True)
    worst = best_worst(cohort)
    seconds, last = measure(
        {"ours": lambda: cohort.ask("worst_first"), "peer": lambda: milp_above(cohort, worst)}, min(chosen.rounds, 3)
    )
    found = last["ours"].certificate
    is_met = found["worst"] >= 0.999 * worst and found["value"] >= 0.999 * last["peer"]
    is_met &= bool(np.median(seconds["ours"]) <= 1)
    note = f"worst {found['worst'] / worst:.6f} of the bound, sum {found['value'] / last['peer']:.6f} of HiGHS: "
    row("A4", "1000x100 dense", "HiGHS", seconds["ours"], seconds["peer"], None, note + ("met" if is_met else "MISSED"))
    for name, part in (("dense", 0.0), ("of which most are 0", 0.95)):
        cohort = Cohort(120, 180, dense=True, need=3)
        cohort.scores[cohort.scores < np.quantile(cohort.scores, part, axis=1, keepdims=True)] = 0.0
        seconds, last = measure({"ours": lambda c=cohort: c.ask("worst_first")}, 1)
        start = time.process_time()
        peer = milp_least(cohort, 60.0)
        taken = np.array([time.process_time() - start])
        found = last["ours"].certificate
        note = f"least mean {found['least_mean']:.4f}, bound {found['least_mean_bound']:.4f}; of HiGHS {peer:.4f}: "
        is_met = found["least_mean"] >= 0.999 * min(found["least_mean_bound"], peer)
        note += "met" if is_met else "MISSED"
        row("A4", f"120x180 {name}, 3 each", "HiGHS, 60 s", seconds["ours"], taken, None, note)


if __name__ == "__main__":
    main()
