"""Whether a probability that was said is the share that came true."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching.outcomes import OutcomeLog
from coachhub_core.matching.tables import CoachTable, TraineeTable

Floats = NDArray[np.float64]

N_PARTS = 10
MUTUAL = "mutual"  #: both sides said yes
MIN_ANSWERS = 50  #: below, a share says nothing
_Z = 1.959964  # of a 95 % interval
_NOES = frozenset({"declined", "cancelled"})
_NO_ANSWERS = frozenset({"started", "rated"})  # begun is not yet gone well, and a rating is no yes or no


@attrs.frozen(kw_only=True, eq=False)
class Calibration:
    """Answers sorted by the probability that was said and cut into parts of equal size, the smallest first."""

    said: Floats  #: the mean of a part
    came: Floats  #: the share of yes in it
    low: Floats  #: of its 95 % interval (Wilson)
    high: Floats
    n: NDArray[np.int64]  #: answers in it

    @property
    def error(self) -> float:
        """The expected calibration error: how far said and came are apart, over all answers."""
        return float((np.abs(self.said - self.came) * self.n).sum() / self.n.sum())


@attrs.frozen(kw_only=True, eq=False)
class Answers:
    """Pairs that had a yes or a no of one step."""

    trainee: NDArray[np.int64]  #: rows
    coach: NDArray[np.int64]
    is_yes: NDArray[np.bool_]

    @classmethod
    def of(cls, said: Mapping[tuple[int, int], bool]) -> Answers:
        """Give the pairs as arrays, in their order."""
        rows = np.array(list(said), np.int64).reshape(-1, 2)
        return cls(trainee=rows[:, 0], coach=rows[:, 1], is_yes=np.array(list(said.values()), np.bool_))

    @property
    def lack(self) -> str:
        """Say why nothing can be read off these answers; empty where it can."""
        n, n_yes = len(self.is_yes), int(self.is_yes.sum())
        if n < MIN_ANSWERS:
            return f"only {n} answers, and {MIN_ANSWERS} are needed"
        if n_yes in (0, n):
            return f"all {n} answers are {'yes' if n_yes else 'no'}"
        return ""

    def take(self, is_kept: NDArray[np.bool_]) -> Answers:
        """Give some of them."""
        return Answers(trainee=self.trainee[is_kept], coach=self.coach[is_kept], is_yes=self.is_yes[is_kept])


def calibrate(said: Floats, is_yes: NDArray[np.bool_], n_parts: int = N_PARTS) -> Calibration:
    """Hold what was said against what came, both of shape (n,) with n of *n_parts* or more."""
    order = np.argsort(said, kind="stable")
    parts = np.array_split(order, n_parts)
    n = np.array([len(part) for part in parts], np.int64)
    share = np.array([is_yes[part].mean() for part in parts])
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return Calibration(
        said=np.array([said[part].mean() for part in parts]),
        came=share,
        low=np.maximum(middle - half, 0.0),
        high=np.minimum(middle + half, 1.0),
        n=n,
    )


def answers(log: OutcomeLog, coaches: CoachTable, trainees: TraineeTable) -> dict[str, Answers]:
    """Give :func:`all_answers` of each single step, without those steps of which there is too little to read."""
    found = all_answers(log, coaches, trainees)
    return {step: pairs for step, pairs in found.items() if step != MUTUAL and not pairs.lack}


def all_answers(log: OutcomeLog, coaches: CoachTable, trainees: TraineeTable) -> dict[str, Answers]:
    """
    Read the yes and no of each step out of a log, one per pair.

    A trainee who was shown a coach and did not ask has said no. Where the log tells
    who was shown, who found a coach elsewhere is left out of that step: of them only
    the yes is ever seen.

    Returns:
        By step; and under :data:`MUTUAL`, where the log knows both, whether both sides said yes: a pair
        that waits for the coach's answer is left out.
    """
    asks = "contacted" in log.event
    said: dict[str, dict[tuple[int, int], bool]] = {}
    shown: set[tuple[int, int]] = set()
    for trainee, coach, step, event, value in zip(
        log.trainee, log.coach, log.step, log.event, log.value.tolist(), strict=True
    ):
        i, j = trainees.row_of(trainee), coaches.row_of(coach)
        if i is None or j is None:
            continue
        if event == "shown":
            shown.add((i, j))
            said.setdefault("wants", {}).setdefault((i, j), False)
            continue
        is_graded = not (math.isnan(value) or value in (0, 1))
        if step is not None and event not in _NO_ANSWERS and not is_graded and not (asks and event == "opened"):
            said.setdefault(step, {})[i, j] = event not in _NOES and value != 0
    if shown:
        said["wants"] = {pair: is_yes for pair, is_yes in said["wants"].items() if pair in shown}
    if "wants" in said and "accepts" in said:
        accepts = said["accepts"]
        said[MUTUAL] = {
            pair: is_wanted and accepts[pair]
            for pair, is_wanted in said["wants"].items()
            if not is_wanted or pair in accepts
        }
    return {step: Answers.of(pairs) for step, pairs in said.items()}
