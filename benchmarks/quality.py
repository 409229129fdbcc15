"""
How well each engine orders coaches, on the synthetic market's nine climates, where the truth is known.

    python benchmarks/quality.py --trainees 5000 --coaches 500

The log is split by time: all learn from the weeks before *t*, and are asked about
trainees and coaches of before and after. What counts as right is drawn from the true
probabilities, apart from what the log saw. Figures are those of ``coachhub match eval``;
differences come with paired bootstrap intervals over trainees, and goals Q1 to Q4 are
held against them at the end. Each engine answers in a process of its own, split off
this one; one that is not installed, or needs more than ``--limit-seconds``, is left out
by name. With ``--keep DIR`` what was measured stays there, and another run with the
same folder goes on from it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import signal
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import machine
import numpy as np

if __name__ == "__main__":
    machine.one_thread()

from engines import ENGINES, WITHOUT_LOG, Answer, Task
from goals import OURS, Found, goals
from measured import LIST_FIGURES, SLICES, STEPS, Measured, measure

from coachhub_core.matching.market import CLIMATES, make_market
from coachhub_core.matching.ranking_figures import Each, intervals

PACKAGES = ("numpy", "scipy", "implicit", "lightfm-next", "scikit-learn")


# ── one engine, within its time ─────────────────────────────────────────────


def measured_within(task: Task, name: str, seed: int, limit_seconds: int) -> Measured | str:
    """Give what an engine is worth, or why it is left out."""
    context = multiprocessing.get_context("fork")  # the market is there already
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_tell, args=(theirs, task, name, seed, limit_seconds))
    child.start()
    theirs.close()
    found: Measured | str | None = None
    with suppress(EOFError):
        found = ours.recv()
    child.join()
    if child.exitcode == -signal.SIGXCPU:
        return f"it had not answered after {limit_seconds} CPU seconds"
    if child.exitcode or found is None:
        raise RuntimeError(f"{name} ended with {child.exitcode}")
    return found


def _tell(out: Connection, task: Task, name: str, seed: int, limit_seconds: int) -> None:
    def engine(task: Task, seed: int) -> Answer:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (limit_seconds, resource.RLIM_INFINITY))  # SIGXCPU ends it
        answer = ENGINES[name](task, seed)
        resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        return answer

    try:
        out.send(measure(task, engine, seed))
    except ImportError as exc:
        out.send(f"{exc.name or exc} is not installed")


# ── the table ───────────────────────────────────────────────────────────────


def _cell(value: float | None) -> str:
    return "     -" if value is None or np.isnan(value) else f"{value:6.3f}"


def _beside_ours(found: Found, figure: str) -> Mapping[str, str]:
    """Give the figure of each engine, and the interval of duet's less its own."""
    eaches: dict[str, Each] = {name: one.eaches[figure] for name, one in found.items() if figure in one.eaches}
    others = [name for name in eaches if name != OURS] if OURS in eaches else []
    apart = intervals(np.stack([eaches[OURS] - eaches[name] for name in others])) if others else []
    told = {name: f" [{low:+.3f} {high:+.3f}]" for name, (_, low, high) in zip(others, apart, strict=True)}
    return {
        name: f"{_cell(float(eaches[name].mean()) if name in eaches else None)}{told.get(name, ''):16s}"
        for name in found
    }


def show(climate: str, found: Found, left_out: Mapping[str, str]) -> None:
    """Print one climate: figures, and differences from duet with their intervals."""
    print(f"\n{climate}")
    for name, why in left_out.items():
        print(f"  {name} is left out: {why}")
    for slice_, title in SLICES.items():
        sizes = {one.eaches[f"{slice_}.map"].size for one in found.values() if f"{slice_}.map" in one.eaches}
        if not sizes:
            print(f"  {title}: too few")
            continue
        columns = [_beside_ours(found, f"{slice_}.{figure}") for figure in LIST_FIGURES]
        print(f"  {f'{title} ({max(sizes)})':29s}nDCG@10{'recall@10':>23s}{'MAP':>16s}{'AUC':>22s}")
        for name in found:
            print(f"    {name:24s}{' '.join(column[name] for column in columns)}".rstrip())
    print(f"  {'probabilities':17s}" + "".join(f"{step + ': AUC':>16s} log loss  cal.err" for step in STEPS))
    for name, one in found.items():
        if "auc_wants" not in one.eaches:
            continue
        cells = ""
        for step in STEPS:
            means = [
                one.eaches[f] if f in one.eaches else np.full(1, np.nan) for f in (f"auc_{step}", f"log_loss_{step}")
            ]
            error = _cell(one.values.get(f"calibration_error_{step}"))
            cells += f"{_cell(float(means[0].mean())):>16s}   {_cell(float(means[1].mean()))}   {error}"
        print(f"    {name:15s}{cells}")
    print("  lists of three, and what it takes  succ@3 top10% cover@10    fit s    all s   p50 ms   p99 ms")
    for name, one in found.items():
        shown = " ".join(
            _cell(value)
            for value in (one.eaches["success_at_3"].mean(), one.values["top_tenth"], one.values["coverage"])
        )
        taken = " ".join(
            f"{one.values[cost]:8.2f}" if cost in one.values else "       -"
            for cost in ("fit_seconds", "all_seconds", "list_p50_ms", "list_p99_ms")
        )
        print(f"    {name:30s} {shown}   {taken}")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--trainees", type=int, default=5_000)
    parser.add_argument("--coaches", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--climates", nargs="*", default=list(CLIMATES))
    parser.add_argument("--engines", nargs="*", default=list(ENGINES))
    parser.add_argument("--limit-seconds", type=int, default=1_200, help="CPU time each engine has in each climate")
    parser.add_argument("--keep", type=Path, help="a folder for what was measured, and to go on from")
    parser.add_argument("--twice", action="store_true", help="measure duet twice, and compare the figures")
    args = parser.parse_args()
    print(machine.describe(PACKAGES))
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    every: dict[str, Found] = {}
    for climate in args.climates:
        task = Task.of(make_market(climate, n_trainees=args.trainees, n_coaches=args.coaches, seed=args.seed))
        found: dict[str, Measured] = {}
        left_out: dict[str, str] = {}
        for name in args.engines:
            kept = args.keep and args.keep / f"{climate}-{name}-{args.trainees}x{args.coaches}-{args.seed}.npz"
            if not len(task.log) and name not in WITHOUT_LOG:
                left_out[name] = "there is no log to learn from"
            elif kept and kept.exists():
                found[name] = Measured.load(kept)
            else:
                one = measured_within(task, name, args.seed, args.limit_seconds)
                if isinstance(one, str):
                    left_out[name] = one
                    continue
                found[name] = one
                if kept:
                    one.save(kept)
        show(climate, found, left_out)
        if args.twice and OURS in found:
            again = measured_within(task, OURS, args.seed, args.limit_seconds)
            is_same = isinstance(again, Measured) and again.has_figures_of(found[OURS])
            print(f"  Q2 figures of a second run: {'identical' if is_same else 'NOT identical'}", flush=True)
        every[climate] = found
    print("\ngoals")
    for goal in goals(every):
        for line in goal.lines():
            print(line)


if __name__ == "__main__":
    main()
