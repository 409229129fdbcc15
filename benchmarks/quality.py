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

import attrs
import machine
import numpy as np
from numpy.typing import NDArray

if __name__ == "__main__":
    machine.one_thread()

from engines import ENGINES, Answer, Task
from figures import Floats, auc, best, exposure, interval, log_loss, ndcg

from coachhub_core.matching.market import CLIMATES, make_market
from coachhub_core.matching.rank_together import least_share, rank_within_share

PACKAGES = ("numpy", "scipy", "implicit", "lightfm-next", "scikit-learn")


@attrs.frozen(kw_only=True)
class Measured:
    """One engine on one market."""

    warm: Floats  # nDCG@10 of each trainee with a history
    cold: Floats  # of each new trainee
    new: Floats  # of each trainee, among new coaches only
    success: Floats  # share of the first three who would both say yes, by trainee
    success_wish: Floats | None
    success_together: Floats | None
    expected_gain: Floats | None  # of lists chosen together over own wish, by the true probabilities
    expected_at_best: Floats | None  # the same gain, had the lists been chosen by those, with the same share
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
    first = best(scores)

    def of_step(step: str, p: Floats | None, figure: Callable[[Floats, Floats], float]) -> float | None:
        return None if p is None or step not in market.truth else figure(p, market.draw(step).astype(float))

    def succeeded(rows: NDArray[np.int64], by: Floats = open_) -> Floats:
        hit = np.take_along_axis(by, np.maximum(rows, 0), axis=1)
        return np.where(rows >= 0, hit, 0.0).mean(axis=1)

    wish = None if answer.own_wish is None else best(np.where(seen, -np.inf, answer.own_wish))
    expected = at_best = None
    if wish is not None and answer.shown is not None:
        truth = np.where(seen, 0.0, market.probability("mutual"))
        share = max(exposure(answer.shown, right.shape[1]), least_share(right.shape[1], len(right), 3))
        known = rank_within_share(np.where(seen, -np.inf, truth), 3, share, market.coaches.id_order).rows
        expected = succeeded(answer.shown, truth) - succeeded(wish, truth)
        at_best = succeeded(known.astype(np.int64), truth) - succeeded(wish, truth)
    return Measured(
        warm=both[~cold],
        cold=both[cold],
        new=among,
        success=succeeded(first),
        success_wish=None if wish is None else succeeded(wish),
        success_together=None if answer.shown is None else succeeded(answer.shown),
        expected_gain=expected,
        expected_at_best=at_best,
        exposure=exposure(first, right.shape[1]),
        exposure_wish=None if wish is None else exposure(wish, right.shape[1]),
        exposure_together=None if answer.shown is None else exposure(answer.shown, right.shape[1]),
        auc=auc(answer.scores, right),
        auc_wants=of_step("wants", answer.wants, auc),
        auc_accepts=of_step("accepts", answer.accepts, auc),
        loss_wants=of_step("wants", answer.wants, log_loss),
        loss_accepts=of_step("accepts", answer.accepts, log_loss),
        seconds=seconds,
    )


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
    if ours is not None and ours.expected_gain is not None and ours.expected_at_best is not None:
        mean, low, high = interval(ours.expected_gain)
        print(
            f"    by the true probabilities {mean:+.3f} [{low:+.3f} {high:+.3f}]; "
            f"{ours.expected_at_best.mean():+.3f} for who knows them, with the same share"
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
