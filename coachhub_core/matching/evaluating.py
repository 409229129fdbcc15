"""Whether a matcher that learns would order better than another: by time, paired, with intervals."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import Invalid
from coachhub_core.matching.coach_matcher import CoachMatcher
from coachhub_core.matching.market import take_events
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import AllowedPairs, OutcomeLog

Each = NDArray[np.float64]

N_DRAWS = 2_000
K = 10
MIN_TRAINEES = 30  #: below, an interval says nothing


@attrs.frozen(kw_only=True)
class Evaluation:
    """nDCG@10 on the newest part of a log, by engine, and what the candidate gains over each."""

    n_trainees: int
    ndcg: Mapping[str, float]  #: candidate, live, popularity
    gains: Mapping[str, tuple[float, float, float]]  #: live, popularity: mean and 95 % interval of candidate less it

    @property
    def is_worse(self) -> bool:
        """Tell whether the candidate is worse than the live one beyond the interval."""
        return self.gains["live"][2] < 0


def evaluate(
    log: OutcomeLog,
    coaches: CoachTable,
    trainees: TraineeTable,
    *,
    live: CoachMatcher,
    matcher: str = "duet",
    share: float = 0.2,
    seed: int = 0,
) -> Evaluation:
    """
    Learn from the older part of a log, and compare on the newer.

    Args:
        live: What serves now, over the same coaches; it may have seen the newer part, which favours it.
        share: How much of the log, by events, is the newer part.
    Raises:
        Invalid: If too few trainees chose anybody in the newer part.
    """
    order = np.argsort(log.at, kind="stable")
    cut = int((1 - share) * len(order))
    before, after = take_events(log, order[:cut]), take_events(log, order[cut:])
    right = _chosen(after, coaches, trainees)
    seen = _chosen(before, coaches, trainees)
    right[seen] = False
    who = np.flatnonzero(right.any(axis=1))
    if len(who) < MIN_TRAINEES:
        raise Invalid.at(
            "/log", f"only {len(who)} trainees chose somebody in the newest part; {MIN_TRAINEES} are needed"
        )
    asked = trainees.take(who)
    allowed = AllowedPairs.each(
        [sum(1 << int(row) for row in np.flatnonzero(~seen[i])) for i in who.tolist()], len(coaches)
    )
    candidate = CoachMatcher.fit(before, coaches, trainees, matcher=matcher, seed=seed)
    popular = np.where(seen[who], -1.0, seen.sum(axis=0)[None, :])
    found = {
        "candidate": _ndcg(candidate.rank(asked, K, allowed=allowed).rows, right[who]),
        "live": _ndcg(live.rank(asked, K, allowed=allowed).rows, right[who]),
        "popularity": _ndcg(np.argsort(-popular, axis=1, kind="stable")[:, :K], right[who]),
    }
    rng = np.random.Generator(np.random.PCG64(seed))
    draws = rng.integers(0, len(who), (N_DRAWS, len(who)))
    gains = {}
    for name in ("live", "popularity"):
        each = found["candidate"] - found[name]
        means = each[draws].mean(axis=1)
        low, high = np.quantile(means, [0.025, 0.975])
        gains[name] = (float(each.mean()), float(low), float(high))
    return Evaluation(n_trainees=len(who), ndcg={name: float(each.mean()) for name, each in found.items()}, gains=gains)


def _chosen(log: OutcomeLog, coaches: CoachTable, trainees: TraineeTable) -> NDArray[np.bool_]:
    """Give who chose whom: a yes of the trainee's step, looking apart where the log has asking too."""
    made = np.zeros((len(trainees), len(coaches)), np.bool_)
    asks = "contacted" in log.event
    for trainee, coach, step, event, value in zip(
        log.trainee, log.coach, log.step, log.event, log.value.tolist(), strict=True
    ):
        i, j = trainees.row_of(trainee), coaches.row_of(coach)
        if i is not None and j is not None and step == "wants" and value != 0 and not (asks and event == "opened"):
            made[i, j] = True
    return made


def _ndcg(rows: NDArray[np.integer], right: NDArray[np.bool_]) -> Each:
    discount = 1.0 / np.log2(np.arange(rows.shape[1]) + 2)
    hit = np.take_along_axis(right, np.maximum(rows, 0), axis=1) & (rows >= 0)
    n_right = np.minimum(right.sum(axis=1), len(discount))
    made: Each = (hit @ discount) / np.cumsum(discount)[n_right - 1]
    return made
