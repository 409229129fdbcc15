"""What any matcher has to beat: who was asked most, and who says the same words."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching.tables import CoachTable, Table, TraineeTable

Scores = NDArray[np.float64]


def by_popularity(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Score coaches by how many chose each: (n_trainees, n_coaches) to (n_coaches,)."""
    counts: Scores = chosen.sum(axis=0).astype(np.float64)
    return counts


def by_content(coaches: CoachTable, trainees: TraineeTable) -> Scores:
    """
    Score coaches by what both sides say, with no log: the cosine of their words and labels.

    Words and pairs of words out of every text, label and category, weighted by
    how rare they are among the coaches (TF-IDF with a sublinear count).

    Returns:
        (n_trainees, n_coaches), 0 to 1; 0 where they share no word.
    """
    theirs = [_counts(coaches, row) for row in range(len(coaches))]
    n_saying = Counter(term for counts in theirs for term in counts)
    rare = {term: math.log((1 + len(theirs)) / (1 + n)) + 1 for term, n in n_saying.items()}
    saying: dict[str, list[tuple[int, float]]] = {}
    for row, counts in enumerate(theirs):
        for term, weight in _weighted(counts, rare).items():
            saying.setdefault(term, []).append((row, weight))
    made = np.zeros((len(trainees), len(coaches)))
    for i in range(len(trainees)):
        for term, weight in _weighted(_counts(trainees, i), rare).items():
            for row, other in saying[term]:
                made[i, row] += weight * other
    return made


def best(scores: Scores, k: int) -> NDArray[np.int32]:
    """Give the rows of the *k* best per trainee, best first, the smaller row among equals; -inf is never given."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    is_out = np.take_along_axis(scores, order, axis=1) == -np.inf
    return np.where(is_out, -1, order).astype(np.int32)


def _counts(table: Table, row: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for column in table.columns.values():
        if column.is_sensitive:
            continue
        value = column.value(row)
        said = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
        for text in said:
            words = text.casefold().split() if isinstance(text, str) else []
            found.update(words)
            found.update(f"{first} {second}" for first, second in pairwise(words))
    return found


def _weighted(counts: Counter[str], rare: dict[str, float]) -> dict[str, float]:
    weights = {term: (1 + math.log(n)) * rare[term] for term, n in counts.items() if term in rare}
    length = math.sqrt(math.fsum(weight * weight for weight in weights.values()))
    return {term: weight / length for term, weight in weights.items()}
