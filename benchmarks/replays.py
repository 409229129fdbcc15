"""
Whether printed 95 % intervals cover the market's truth: goal Q6.

    python benchmarks/replays.py --markets 20 --replays 10

What an interval is about: one matcher that has learned, less a baseline, for **all the
people of its market and whatever they may answer**, of whom the test had 300 and one
answer each. So in each market the matcher learns from 300 people; the truth is
the expected difference in nDCG@10 over everybody, known by the true probabilities;
a replay draws 300 people and their answers anew, and the interval is the one that
``coachhub match eval`` prints. Those it learned from and those it never met are two
populations. What another log would have taught is no part of the interval: it
compares these two models and not two ways to learn.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

import attrs
import machine
import numpy as np
from numpy.typing import NDArray

if __name__ == "__main__":
    machine.one_thread()

from figures import Floats, interval

from coachhub_core.matching import CoachMatcher
from coachhub_core.matching.baselines import best, by_content, by_popularity
from coachhub_core.matching.market import Market, make_market, take_events
from coachhub_core.matching.ranking_figures import K, ndcg

GOAL = 0.91
WEEKS_KEPT_BACK = 4
N_ANSWERS = 300  # draws of everybody's answers that the truth is the mean of


@attrs.frozen(kw_only=True, eq=False)
class Population:
    """People with the true probability of each yes, and the lists two engines give them."""

    chance: Floats  # (n, m); 0 where nobody may be proposed any more
    lists: NDArray[np.int32]  # (n, k)
    others: NDArray[np.int32]

    def gains(self, who: NDArray[np.int64], rng: np.random.Generator) -> Floats:
        """Let these people answer, and give the first engine's nDCG less the other's; who wants nobody is left out."""
        chance = self.chance[who]
        right = rng.random(chance.shape) < chance
        known = right.any(axis=1)
        made: Floats = ndcg(self.lists[who][known], right[known]) - ndcg(self.others[who][known], right[known])
        return made

    def truth(self, rng: np.random.Generator) -> float:
        """Give the expected gain."""
        everybody = np.arange(len(self.chance))
        return float(np.concatenate([self.gains(everybody, rng) for _ in range(N_ANSWERS)]).mean())


def covered(
    population: Population, *, n_people: int, n_replays: int, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], float, float]:
    """Replay: give whether each interval covers the truth, the truth, and the mean width."""
    truth = population.truth(rng)
    ends = []
    for number in range(n_replays):
        who = rng.integers(0, len(population.chance), n_people)
        ends.append(interval(population.gains(who, rng), number)[1:])
    low, high = np.array(ends).T
    return (low <= truth) & (truth <= high), truth, float((high - low).mean())


def populations(market: Market, n_known: int) -> Mapping[tuple[str, str], Population]:
    """Learn from the log of some people, and give each baseline's population of them and of all the others."""
    rng = np.random.default_rng(market.seed)
    known = np.sort(rng.permutation(len(market.trainees))[:n_known])
    log = market.log_until(market.n_weeks - WEEKS_KEPT_BACK)
    ids = {market.trainees.ids[row] for row in known.tolist()}
    log = take_events(log, np.flatnonzero([trainee in ids for trainee in log.trainee]))
    model = CoachMatcher.fit(log, market.coaches, market.trainees.take(known), seed=market.seed)
    asked = np.zeros((len(market.trainees), len(market.coaches)), np.bool_)
    for trainee, coach, event in zip(log.trainee, log.coach, log.event, strict=True):
        if event == "contacted":
            asked[market.trainees.row_of(trainee), market.coaches.row_of(coach)] = True
    chance = np.where(asked, 0.0, market.probability("mutual"))
    scores = {
        "duet": model.score(market.trainees),
        "popularity": np.broadcast_to(by_popularity(asked), asked.shape),
        "content": by_content(market.coaches, market.trainees),
    }
    lists = {name: best(np.where(asked, -np.inf, one), K) for name, one in scores.items()}
    groups = {"learned from": known, "never met": np.setdiff1d(np.arange(len(market.trainees)), known)}
    return {
        (group, other): Population(chance=chance[rows], lists=lists["duet"][rows], others=lists[other][rows])
        for group, rows in groups.items()
        for other in ("popularity", "content")
    }


def run(climates: Sequence[str], n_markets: int, n_replays: int, n_trainees: int, n_coaches: int, seed: int) -> bool:
    """Run and print; tell whether the goal is reached."""
    hits: dict[tuple[str, str], list[NDArray[np.bool_]]] = {}
    truths: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for number in range(n_markets):
        climate = climates[number % len(climates)]
        market = make_market(climate, n_trainees=2 * n_trainees, n_coaches=n_coaches, seed=seed + number)
        for what, population in populations(market, n_trainees).items():
            rng = np.random.default_rng([seed, number])
            hit, truth, width = covered(population, n_people=n_trainees, n_replays=n_replays, rng=rng)
            hits.setdefault(what, []).append(hit)
            truths.setdefault(what, []).append((truth, width))
    print("  people         duet less     covered           true gain, smallest to largest   mean width")
    is_reached = True
    for what, found in hits.items():
        every = np.concatenate(found)
        gains, widths = np.array(truths[what]).T
        is_reached &= bool(every.mean() >= GOAL)
        print(
            f"  {what[0]:13s}  {what[1]:11s}  {every.sum():4d} of {len(every):4d} = {every.mean():.3f}  "
            f"{gains.min():+.3f} to {gains.max():+.3f}              {widths.mean():.3f}"
        )
    return is_reached


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--trainees", type=int, default=300, help="learned from, and drawn in each replay")
    parser.add_argument("--coaches", type=int, default=60)
    parser.add_argument("--markets", type=int, default=20)
    parser.add_argument("--replays", type=int, default=10, help="of each market")
    parser.add_argument("--seed", type=int, default=0, help="of the first market")
    parser.add_argument("--climates", nargs="*", default=["much", "nothing", "one_sided", "stars"])
    args = parser.parse_args()
    print(machine.describe(("numpy", "scipy")))
    print(f"{args.markets} markets of {', '.join(args.climates)} in turn, {args.replays} replays of each")
    is_reached = run(args.climates, args.markets, args.replays, args.trainees, args.coaches, args.seed)
    print(f"Q6: at least {GOAL} in each row: {'reached' if is_reached else 'missed'}")


if __name__ == "__main__":
    main()
