"""Engines side by side: lists, scores and probabilities of matchers and of what is simple, asked for in one way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching.baselines import best
from coachhub_core.matching.calibration import MUTUAL, Answers
from coachhub_core.matching.coach_matcher import CoachMatcher
from coachhub_core.matching.ranking_figures import Each, K
from coachhub_core.matching.tables import TraineeTable
from coachhub_core.ports.matcher import AllowedPairs

BATCH = 256  #: trainees asked about at once
N_TIMED = 200  #: lists timed of each matcher, one after the other
TIMING_SECONDS = 5.0  #: no new list of any matcher is begun after


class Engine(Protocol):
    """What orders coaches, and may say how likely a yes is."""

    def lists(self, who: NDArray[np.int64], is_free: NDArray[np.bool_], depth: int) -> NDArray[np.int32]:
        """Give the rows of the best *depth*, (n, depth), of the coaches that *is_free*, (n, n_coaches), leaves."""
        ...

    def scores(self, pairs: Answers) -> Each:
        """Give a number per pair, of which the order counts."""
        ...

    def probabilities(self, pairs: Answers) -> Mapping[str, Each]:
        """Give the probability of each step it speaks of, per pair; both sides' product as :data:`MUTUAL`."""
        ...


class Ranks(Protocol):
    """What gives a list when it is asked, such as a :class:`CoachMatcher`."""

    def rank(self, trainees: TraineeTable, k: int, *, allowed: AllowedPairs | None = None) -> object:
        """Give the best *k* of the allowed for each trainee."""
        ...


@attrs.frozen(kw_only=True, eq=False)
class Learned:
    """A matcher, asked about the trainees of one table."""

    model: CoachMatcher
    trainees: TraineeTable

    def lists(self, who: NDArray[np.int64], is_free: NDArray[np.bool_], depth: int) -> NDArray[np.int32]:
        """Give what it ranks."""
        return self.model.rank(self.trainees.take(who), depth, allowed=allowed(is_free)).rows

    def scores(self, pairs: Answers) -> Each:
        """Give its own scores."""
        return self._of_pairs(pairs, lambda some, rows: {"score": self.model.score(some, rows)}).get("score", _NOTHING)

    def probabilities(self, pairs: Answers) -> Mapping[str, Each]:
        """Give what it says."""
        said = self._of_pairs(pairs, self.model.probabilities)
        if "wants" in said and "accepts" in said:
            said[MUTUAL] = said["wants"] * said["accepts"]
        return said

    def _of_pairs(
        self, pairs: Answers, ask: Callable[[TraineeTable, NDArray[np.int32]], Mapping[str, Each]]
    ) -> dict[str, Each]:
        """Ask about pairs in batches of trainees; a shorter row is filled up with its first coach."""
        who, at, n = np.unique(pairs.trainee, return_inverse=True, return_counts=True)
        order = np.argsort(at, kind="stable")
        place = np.empty(len(at), np.int64)  # of each pair among those of its trainee
        place[order] = np.arange(len(at)) - np.repeat(np.cumsum(n) - n, n)
        rows = np.repeat(pairs.coach[order][np.cumsum(n) - n][:, None], n.max(initial=0), axis=1).astype(np.int32)
        rows[at, place] = pairs.coach
        made: dict[str, Each] = {}
        for start in range(0, len(who), BATCH):
            stop = min(start + BATCH, len(who))
            found = ask(self.trainees.take(who[start:stop]), rows[start:stop])
            mine = (at >= start) & (at < stop)
            for name, values in found.items():
                made.setdefault(name, np.empty(len(at)))[mine] = values[at[mine] - start, place[mine]]
        return made


@attrs.frozen(kw_only=True, eq=False)
class Scored:
    """What has a number for every pair of some trainees, and says no probability."""

    matrix: NDArray[np.float64]  #: (n_known, n_coaches)
    row_of: NDArray[np.int64]  #: (n_trainees,), row of the matrix

    def lists(self, who: NDArray[np.int64], is_free: NDArray[np.bool_], depth: int) -> NDArray[np.int32]:
        """Give the highest numbers, the smaller row among equals."""
        return best(np.where(is_free, self.matrix[self.row_of[who]], -np.inf), depth)

    def scores(self, pairs: Answers) -> Each:
        """Give the numbers."""
        made: Each = self.matrix[self.row_of[pairs.trainee], pairs.coach]
        return made

    def probabilities(self, pairs: Answers) -> Mapping[str, Each]:
        """Give none."""
        return {}


_NOTHING = np.empty(0)


def allowed(is_free: NDArray[np.bool_]) -> AllowedPairs:
    """Give who may be proposed: (n, n_coaches)."""
    packed = np.packbits(is_free, axis=1, bitorder="little")
    return AllowedPairs.each([int.from_bytes(row.tobytes(), "little") for row in packed], is_free.shape[1])


def time_lists(
    models: Mapping[str, Ranks],
    asked: TraineeTable,
    is_free: NDArray[np.bool_],
    clock: Callable[[], float],
) -> dict[str, Sequence[float]]:
    """
    Time lists of ten for one trainee at a time, by matchers that are ready, in turns.

    Args:
        asked: Asked for in turn until there are :data:`N_TIMED` lists, or :data:`TIMING_SECONDS` are over.
        clock: In seconds.
    Returns:
        Seconds of each list, by matcher.
    """
    taken: dict[str, list[float]] = {name: [] for name in models}
    names = list(models)
    began = clock()
    for number in range(N_TIMED):
        i = number % len(asked)
        one, pairs = asked.take([i]), allowed(is_free[i : i + 1])
        for name in names if number % 2 else reversed(names):
            start = clock()
            models[name].rank(one, K, allowed=pairs)
            now = clock()
            taken[name].append(now - start)
        if now - began > TIMING_SECONDS:
            break
    return {name: tuple(times) for name, times in taken.items()}
