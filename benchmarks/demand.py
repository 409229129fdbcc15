"""
The price of demand on simulated markets: how much less the most shown are shown, and what is given up for it.

    python benchmarks/demand.py --trainees 600 --coaches 100 --cap 2

The model is learned from the market's log. Prices are found on half of the trainees, as last week's lists; the others
ask alone, in live order: score less price. The cap is in multiples of an equal share. ``both`` is the part of the first
three places where both would say yes, by the market's truth; ``asked`` is how often the most asked coach would be asked
if everybody asked the first of their list; ``together`` are lists chosen jointly under the same cap.
"""

from __future__ import annotations

import argparse
import time

import machine

if __name__ == "__main__":
    machine.one_thread()

import numpy as np
from numpy.typing import NDArray

import coachhub_scipy
from coachhub_core.matching import AllowedPairs, CoachMatcher, TraineeTable
from coachhub_core.matching.demand import price_demand
from coachhub_core.matching.market import make_market
from coachhub_core.matching.rank_together import rank_within
from coachhub_core.ports.matcher import NEVER, Index

K = 5
OFFER = coachhub_scipy.coachhub_assigners()["duet"]


def lists(index: Index, trainees: TraineeTable, n: int, k: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Rank *k* of *n* coaches for each."""
    found = index.rank(trainees, k, AllowedPairs.shared((1 << n) - 1, n), deadline=NEVER)
    return found.rows, found.scores


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trainees", type=int, default=600)
    parser.add_argument("--coaches", type=int, default=100)
    parser.add_argument("--cap", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--climates", nargs="*", default=["much", "little", "stars", "sparse"])
    args = parser.parse_args()
    print(machine.describe(("numpy", "scipy")))
    n, m = args.trainees, args.coaches
    cap = args.cap * K * (n // 2) / m
    print(f"{n} trainees, {m} coaches, lists of {K}, cap {cap:.1f} showings ({args.cap:g} x an equal share)")
    print("climate      lists     most shown   top tenth   both@3   asked   seconds")
    for climate in args.climates:
        market = make_market(climate, n_trainees=n, n_coaches=m, seed=args.seed)
        model = CoachMatcher.fit(market.log, market.coaches, market.trainees, plugins=[coachhub_scipy]).model
        last, live = (market.trainees.take(range(start, n, 2)) for start in (0, 1))
        truth = market.probability("mutual")[1::2]
        plain = model.index(market.coaches)
        began = time.process_time()
        rows, scores = lists(plain, last, m, m)
        found = price_demand(
            rows, scores, m, k=K, cap=cap, name="duet", offer=coachhub_scipy.coachhub_assigners()["duet"]
        )
        seconds = time.process_time() - began
        every = np.ascontiguousarray(np.broadcast_to(np.arange(m, dtype=np.int32), (len(live), m)))
        whole = plain.score(live, every)
        made = {
            "by score": lists(plain, live, m, K)[0],
            "priced": lists(model.index(market.coaches, prices=found.prices), live, m, K)[0],
            "together": rank_within(whole, K, int(cap), market.coaches.id_order).rows,
        }
        for name, shown in made.items():
            counts = np.sort(np.bincount(shown[shown >= 0], minlength=m))[::-1]
            both = np.take_along_axis(truth, shown[:, :3].astype(np.int64), axis=1).mean()
            asked = np.bincount(shown[:, 0], minlength=m).max()
            said = f"{seconds:9.2f}" if name == "priced" else ""
            print(
                f"{climate:12s} {name:9s} {counts[0]:10d}   {counts[: m // 10].sum() / counts.sum():9.3f} "
                f"{both:8.3f} {asked:7d} {said}"
            )


if __name__ == "__main__":
    main()
