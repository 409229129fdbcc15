"""``plain``'s assigner: stable placements by deferred acceptance, in plain Python."""

from __future__ import annotations

import heapq
import math

import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import MatcherError
from coachhub_core.ports.matcher import Deadline, Placements

_STEPS_PER_LOOK = 2_000  # proposals between two looks at the deadline: some milliseconds


class StableAssigner:
    """
    Lets trainees propose and coaches keep the best: nobody is left with a pair both would rather have.

    A trainee who needs several coaches proposes until as many keep them. Equal
    scores are ordered by number, the smaller first, on both sides; so the answer
    is the one every order of proposals leads to.

    Source: D. Gale and L. S. Shapley, American Mathematical Monthly 69(1), 1962, doi:10.2307/2312726.
    """

    def assign(
        self,
        candidates: NDArray[np.int32],
        scores: NDArray[np.float64],
        seats: NDArray[np.int64],
        *,
        mode: str,
        need: NDArray[np.int64],
        coach_scores: NDArray[np.float64] | None,
        floor: float,
        deadline: Deadline,
    ) -> Placements:
        """Place the cohort; see the port."""
        if mode != "stable":
            raise MatcherError(reason=f"the plain assigner has no mode {mode!r}; it knows: stable")
        theirs = scores if coach_scores is None else coach_scores
        wishes = [
            _wishes(*lists, floor) for lists in zip(candidates.tolist(), scores.tolist(), theirs.tolist(), strict=True)
        ]
        free, needed = seats.tolist(), need.tolist()
        kept: list[list[tuple[float, int, float]]] = [
            [] for _ in free
        ]  # per coach, a heap with the least wanted on top
        next_wish = [0] * len(wishes)
        held = [0] * len(wishes)
        waiting = list(range(len(wishes) - 1, -1, -1))
        n_steps = 0
        deadline.check()
        while waiting:
            trainee = waiting.pop()
            while held[trainee] < needed[trainee] and next_wish[trainee] < len(wishes[trainee]):
                n_steps += 1
                if n_steps % _STEPS_PER_LOOK == 0:
                    deadline.check()
                score, coach, liking = wishes[trainee][next_wish[trainee]]
                next_wish[trainee] += 1
                mine = (liking, -trainee, score)
                if len(kept[coach]) < free[coach]:
                    heapq.heappush(kept[coach], mine)
                    held[trainee] += 1
                elif kept[coach] and kept[coach][0] < mine:
                    left = -heapq.heapreplace(kept[coach], mine)[1]
                    held[trainee] += 1
                    held[left] -= 1
                    waiting.append(left)
        return _placements(kept, len(wishes), max(needed, default=0))


def _wishes(
    coaches: list[int], scores: list[float], theirs: list[float], floor: float
) -> list[tuple[float, int, float]]:
    """Give one trainee's acceptable coaches, the most wanted first: (score, coach, the coach's own score)."""
    listed = [
        (score, coach, liking)
        for coach, score, liking in zip(coaches, scores, theirs, strict=True)
        if coach >= 0 and score >= floor and score > -math.inf and liking > -math.inf
    ]
    return sorted(listed, key=lambda wish: (-wish[0], wish[1]))


def _placements(kept: list[list[tuple[float, int, float]]], n: int, width: int) -> Placements:
    got: list[list[tuple[float, int]]] = [[] for _ in range(n)]
    for coach, heap in enumerate(kept):
        for _, negative, score in heap:
            got[-negative].append((-score, coach))
    coaches = np.full((n, width), -1, np.int32)
    for trainee, list_ in enumerate(got):
        for place, (_, coach) in enumerate(sorted(list_)):
            coaches[trainee, place] = coach
    n_placed = sum(1 for list_ in got if list_)
    return Placements(coaches, certificate={"mode": "stable", "n_placed": n_placed, "n_unplaced": n - n_placed})
