"""Who is in whose way: the smallest set that is one too many, for every trainee a placement leaves out."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from coachhub_core.matching import conflicts, place


def fits(options: list[list[int]], seats: list[int], members: Collection[int]) -> bool:
    """Tell by trying every swap whether these can all be placed."""
    sitting: dict[int, list[int]] = {coach: [] for coach in range(len(seats))}

    def seat(trainee: int, tried: set[int]) -> bool:
        for coach in options[trainee]:
            if coach in tried:
                continue
            tried.add(coach)
            if len(sitting[coach]) < seats[coach]:
                sitting[coach].append(trainee)
                return True
            for other in list(sitting[coach]):
                if seat(other, tried):
                    sitting[coach].remove(other)
                    sitting[coach].append(trainee)
                    return True
        return False

    return all(seat(trainee, set()) for trainee in members)


def test_the_sets_are_too_many_by_one_and_would_fit_without_anyone() -> None:
    """In two hundred drawn markets; and who would fit if others moved is told apart."""
    n_sets = n_would_fit = 0
    for seed in range(200):
        draws = np.random.default_rng(seed)
        n, m = int(draws.integers(2, 14)), int(draws.integers(1, 7))
        scores = np.where(draws.random((n, m)) < 0.5, -np.inf, draws.random((n, m)))
        seats = draws.integers(0, 3, m)
        made = place(None, scores, seats)
        lists = np.tile(np.arange(m), (n, 1))
        options = [np.flatnonzero(row > -np.inf).tolist() for row in scores]
        placed = {i for i, row in enumerate(made.coaches.tolist()) if row[0] >= 0}
        found = conflicts(lists, scores, seats, made.coaches)
        assert {c.trainee for c in found} == set(range(n)) - placed
        for conflict in found:
            if not conflict.trainees:
                n_would_fit += 1
                assert fits(options, seats.tolist(), [*placed, conflict.trainee])
                continue
            n_sets += 1
            assert conflict.trainee in conflict.trainees
            assert conflict.coaches == tuple(sorted({c for t in conflict.trainees for c in options[t]}))
            assert not fits(options, seats.tolist(), conflict.trainees)
            for one in conflict.trainees:
                assert fits(options, seats.tolist(), [t for t in conflict.trainees if t != one])
    assert n_sets > 200
    assert n_would_fit > 20
