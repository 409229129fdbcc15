"""Whether a matcher that learns would order better than another: by time, paired, with intervals."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import Invalid
from coachhub_core.matching.baselines import best, by_content, by_popularity
from coachhub_core.matching.calibration import Answers, Calibration, answers, calibrate
from coachhub_core.matching.coach_matcher import CoachMatcher
from coachhub_core.matching.fairness import Fairness, fairness, seats_of, times_shown
from coachhub_core.matching.market import take_events
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import NEVER, AllowedPairs, Deadline, OutcomeLog

Each = NDArray[np.float64]

N_DRAWS = 2_000
K = 10
BATCH = 256  #: trainees asked about at once
MIN_TRAINEES = 30  #: below, an interval says nothing


@attrs.frozen(kw_only=True, eq=False)
class Evaluation:
    """
    Figures on the newest part of a log, by engine.

    The engines are ``candidate``, ``live``, ``popularity`` (who was asked most)
    and ``content`` (who says the same words).
    """

    n_trainees: int
    ndcg: Mapping[str, float]  #: nDCG@10
    gains: Mapping[str, tuple[float, float, float]]  #: all but the candidate: mean and 95 % of candidate less it
    fairness: Mapping[str, Fairness]  #: of the same lists
    shown: Mapping[str, NDArray[np.int64]]  #: (n_coaches,): on how many of these lists each coach stands
    calibration: Mapping[str, Mapping[str, Calibration]]  #: step -> engine, where the log can say and the engine does
    is_partial: bool  #: whether the deadline was over before the candidate had learned all it could

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
    deadline: Deadline = NEVER,
    consent: Collection[str] = (),
) -> Evaluation:
    """
    Learn from the older part of a log, and compare on the newer.

    Args:
        live: What serves now, over the same coaches; it may have seen the newer part, which favours it.
        share: How much of the log, by events, is the newer part.
        deadline: When it is over, the candidate is the best so far.
        consent: Sensitive columns the candidate may learn from.
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
    candidate = CoachMatcher.fit(
        before, coaches, trainees, matcher=matcher, seed=seed, deadline=deadline, consent=consent
    )
    is_partial = deadline.is_over()
    popular = np.broadcast_to(by_popularity(seen), (len(who), len(coaches)))
    lists: dict[str, NDArray[np.int32]] = {
        "candidate": candidate.rank(asked, K, allowed=allowed).rows,
        "live": live.rank(asked, K, allowed=allowed).rows,
        "popularity": best(np.where(seen[who], -np.inf, popular), K),
        "content": best(np.where(seen[who], -np.inf, by_content(coaches, asked)), K),
    }
    found = {name: ndcg(rows, right[who]) for name, rows in lists.items()}
    seats = seats_of(coaches)
    return Evaluation(
        n_trainees=len(who),
        ndcg={name: float(each.mean()) for name, each in found.items()},
        gains={name: interval(found["candidate"] - found[name], seed) for name in found if name != "candidate"},
        fairness={name: fairness(rows, seats) for name, rows in lists.items()},
        shown={name: times_shown(rows, len(coaches)) for name, rows in lists.items()},
        calibration=_calibration(after, coaches, trainees, {"candidate": candidate, "live": live}),
        is_partial=is_partial,
    )


def interval(each: Each, seed: int = 0) -> tuple[float, float, float]:
    """Give the mean over trainees and its 95 % interval by bootstrap; paired where *each* is a difference."""
    rng = np.random.Generator(np.random.PCG64(seed))
    means = each[rng.integers(0, len(each), (N_DRAWS, len(each)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(each.mean()), float(low), float(high)


def ndcg(rows: NDArray[np.integer], right: NDArray[np.bool_]) -> Each:
    """Give each list's nDCG: (n, k), -1 = none, against who was right for whom, (n, m), somebody for everybody."""
    discount = 1.0 / np.log2(np.arange(rows.shape[1]) + 2)
    hit = np.take_along_axis(right, np.maximum(rows, 0), axis=1) & (rows >= 0)
    n_right = np.minimum(right.sum(axis=1), len(discount))
    made: Each = (hit @ discount) / np.cumsum(discount)[n_right - 1]
    return made


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


def _calibration(
    after: OutcomeLog, coaches: CoachTable, trainees: TraineeTable, engines: Mapping[str, CoachMatcher]
) -> dict[str, dict[str, Calibration]]:
    """Hold what each engine says of the pairs that answered against their answers."""
    made: dict[str, dict[str, Calibration]] = {}
    for step, pairs in answers(after, coaches, trainees).items():
        for name, engine in engines.items():
            said = _said(engine, step, pairs, trainees)
            if said is not None:
                made.setdefault(step, {})[name] = calibrate(said, pairs.is_yes)
    return made


def _said(engine: CoachMatcher, step: str, pairs: Answers, trainees: TraineeTable) -> Each | None:
    """Ask for the probability of each pair; None where the engine gives none of this step."""
    who, at, n = np.unique(pairs.trainee, return_inverse=True, return_counts=True)
    order = np.argsort(at, kind="stable")
    place = np.empty(len(at), np.int64)  # of each pair among those of its trainee
    place[order] = np.arange(len(at)) - np.repeat(np.cumsum(n) - n, n)
    rows = np.repeat(pairs.coach[order][np.cumsum(n) - n][:, None], n.max(), axis=1).astype(np.int32)
    rows[at, place] = pairs.coach
    said = np.empty(len(at))
    for start in range(0, len(who), BATCH):
        stop = min(start + BATCH, len(who))
        found = engine.probabilities(trainees.take(who[start:stop]), rows[start:stop])
        if step not in found:
            return None
        mine = (at >= start) & (at < stop)
        said[mine] = found[step][at[mine] - start, place[mine]]
    return said
