"""Who is in whose way: the smallest set that is one too many, for every trainee a placement leaves out."""

from __future__ import annotations

import time
from collections.abc import Collection

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from coachhub_core.matching import conflicts, place
from coachhub_core.matching.conflicting import named


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


def can_be_placed(options: list[list[int]], seats: list[int], need: list[int], members: Collection[int]) -> bool:
    """Tell by a flow of somebody else's whether each of these can have all they need."""
    n, m = len(options), len(seats)
    capacity = np.zeros((n + m + 2, n + m + 2), np.int32)
    for member in members:
        capacity[n + m, member] = need[member]
        capacity[member, [n + coach for coach in options[member]]] = 1
    capacity[n : n + m, n + m + 1] = seats
    flow = maximum_flow(csr_array(capacity), n + m, n + m + 1).flow_value
    return bool(flow == sum(need[member] for member in members))


def first_come(options: list[list[int]], seats: list[int], need: list[int]) -> list[list[int]]:
    """Give whoever comes all they need, of the emptiest coaches, or nothing."""
    left, width = list(seats), max(need)
    found = []
    for open_to, n in zip(options, need, strict=True):
        roomy = sorted((c for c in open_to if left[c]), key=lambda c: -left[c])[:n]
        given = roomy if len(roomy) == n else []
        for coach in given:
            left[coach] -= 1
        found.append(given + [-1] * (width - len(given)))
    return found


@pytest.mark.parametrize("density", [0.25, 0.5, 0.9])
def test_so_are_they_where_somebody_needs_several(density: float) -> None:
    """Who has all they need is in a set, and no smaller set would do: in a hundred drawn markets each."""
    n_sets = n_would_fit = n_large = 0
    for seed in range(100):
        draws = np.random.default_rng(seed)
        n, m = int(draws.integers(4, 24)), int(draws.integers(3, 9))
        scores = np.where(draws.random((n, m)) < density, draws.random((n, m)), -np.inf)
        seats, need = draws.integers(0, 5, m), draws.integers(1, 4, n)
        lists = np.tile(np.arange(m), (n, 1))
        options = [np.flatnonzero(row > -np.inf).tolist() for row in scores]
        coaches = first_come(options, seats.tolist(), need.tolist())
        n_got = (np.array(coaches) >= 0).sum(axis=1)
        whole = set(np.flatnonzero(n_got >= need).tolist())
        found = conflicts(lists, scores, seats, coaches, need=need)
        assert [c.trainee for c in found] == sorted(set(range(n)) - whole)
        for conflict in found:
            if not conflict.trainees:
                n_would_fit += 1
                assert can_be_placed(options, seats.tolist(), need.tolist(), [*whole, conflict.trainee])
                continue
            n_sets += 1
            n_large += len(conflict.trainees) > 2
            assert set(conflict.trainees) <= whole | {conflict.trainee}
            assert conflict.trainee in conflict.trainees
            assert conflict.coaches == tuple(sorted({c for t in conflict.trainees for c in options[t]}))
            assert not can_be_placed(options, seats.tolist(), need.tolist(), conflict.trainees)
            for one in conflict.trainees:
                rest = [t for t in conflict.trainees if t != one]
                assert can_be_placed(options, seats.tolist(), need.tolist(), rest)
    assert min(n_sets, n_large) > 20
    assert n_would_fit > 0


def test_five_hundred_who_need_three_are_named_in_a_moment() -> None:
    """Each set has 334 members; trying them one by one took nine seconds for each who was left out."""
    draws = np.random.default_rng(1)
    options = [sorted(draws.choice(100, 20, replace=False).tolist()) for _ in range(500)]
    seats, need = [10] * 100, [3] * 500
    coaches = first_come(options, seats, need)
    began = time.process_time()
    found = list(named(options, seats, coaches, need))
    assert time.process_time() - began < 10  # 0.6 s alone
    assert len(found) > 150
    assert max(len(conflict.trainees) for conflict in found) > 300
