"""
``find_matches`` end to end: goals T6 (p99) and E1 (reasons that add up, and what they cost).

    python benchmarks/suggest.py --coaches 100000 --profiles 2000

The packaged coaches say the same few sentences; with ``--own-words`` each says three of
their own, words drawn by how often people use words, which is the harder case.
"""

from __future__ import annotations

import argparse
import time

import machine

if __name__ == "__main__":
    machine.one_thread()

import numpy as np

import coachhub_scipy
from coachhub_core.matching import AllowedPairs, CoachMatcher, OutcomeLog, TraineeTable
from coachhub_core.matching.sample import Draws, sample_rows
from coachhub_core.matching.schema import coach_table, profile_table
from coachhub_core.matching.tables import CoachTable
from coachhub_core.ports.matcher import NEVER
from coachhub_core.testing.cases import GOALS


def profile(draws: Draws) -> dict[str, object]:
    """Draw what a trainee may say of themselves."""
    return {
        "goal": draws.pick([goal for goal in GOALS if goal]),
        "budget": 30 + 5 * draws.below(16),
        "currency": "EUR",
        "languages": list(draws.pick((("en",), ("de", "en")))),
        "modalities": ["online"],
        "hours": [24 * draws.below(7) + 8 + draws.below(12) for _ in range(8)],
        "fitness_level": draws.pick(("beginner", "intermediate", "advanced")),
    }


def in_own_words(rows: list[dict[str, object]]) -> None:
    """Put three sentences of twelve words in the place of each bio: words of goals and 5,000 more, the n-th by 1/n."""
    known = sorted({word for goal in GOALS for word in goal.lower().split()})
    words = np.array([*known, *(f"word{n}" for n in range(5_000))])
    rng = np.random.default_rng(5)
    chances = 1.0 / np.arange(1, len(words) + 1)
    order = rng.permutation(len(words))
    drawn = words[order[rng.choice(len(words), (len(rows), 3, 12), p=chances / chances.sum())]]
    for row, bio in zip(rows, drawn.tolist(), strict=True):
        row["bio"] = [" ".join(sentence) for sentence in bio]


def cost_of_reasons(model: CoachMatcher, coaches: CoachTable, profiles: list[dict[str, object]]) -> float:
    """Give how much more CPU T6's lists cost with their reasons than without: each profile both ways, in turn."""
    host = model._opened()[1]
    spent = {True: 0.0, False: 0.0}
    for number, said in enumerate(profiles):
        for explain in (True, False) if number % 2 else (False, True):
            began = time.process_time()
            host.suggest(coaches, profile_table(said), limit=10, explain=explain)
            spent[explain] += time.process_time() - began
    return spent[True] / spent[False] - 1.0


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--coaches", type=int, default=100_000)
    parser.add_argument("--profiles", type=int, default=2_000)
    parser.add_argument("--own-words", action="store_true")
    args = parser.parse_args()
    print(machine.describe(("numpy", "scipy")))
    rows = sample_rows(args.coaches, seed="benchmark")
    if args.own_words:
        in_own_words(rows)
    coaches = coach_table(rows)
    del rows
    model = CoachMatcher.fit(OutcomeLog.build(), coaches, TraineeTable.build(ids=[]), plugins=[coachhub_scipy])
    draws = Draws("profiles")
    profiles = [profile(draws) for _ in range(args.profiles)]
    start = time.perf_counter()
    model.find_matches(profiles[0])
    print(f"made ready for {args.coaches} coaches in {time.perf_counter() - start:.1f} s")
    cpu, wall = [], []
    for said in profiles:
        began, at = time.process_time(), time.perf_counter()
        model.find_matches(said, limit=10)
        cpu.append(time.process_time() - began)
        wall.append(time.perf_counter() - at)
    p50, p99 = np.quantile(cpu, [0.5, 0.99])
    print(
        f"T6 find_matches, 10 with reasons, {args.profiles} profiles: "
        f"CPU p50 {1e3 * p50:.2f} ms, p99 {1e3 * p99:.2f} ms "
        f"(wall p99 {1e3 * np.quantile(wall, 0.99):.2f} ms); goal p99 5 ms: {'reached' if p99 <= 0.005 else 'missed'}"
    )
    share = cost_of_reasons(model, coaches, profiles[: max(1, len(profiles) // 5)])
    index = model.model.index(coaches)
    worst, everyone = 0.0, AllowedPairs.everyone()
    for said in profiles[:200]:
        trainee = profile_table(said)
        ranking = index.rank(trainee, 10, everyone.bound_to(coaches, trainee), deadline=NEVER)
        reasons = index.explain(trainee, ranking.rows)
        steps = index.probabilities(trainee, ranking.rows)
        for place, mine in enumerate(reasons[0]):
            for step, p in steps.items():
                total = sum(r.contribution for r in mine if r.code.startswith(f"{step}."))
                worst = max(worst, abs(total - float(np.log(p[0, place] / (1 - p[0, place])))))
    print(
        f"E1 base + contributions against the logit: at most {worst:.1e} apart (goal 1e-9: "
        f"{'reached' if worst <= 1e-9 else 'missed'}); a list with reasons costs {share:.0%} more than without "
        f"(goal 20 %: "
        f"{'reached' if share <= 0.2 else 'missed'})"
    )


if __name__ == "__main__":
    main()
