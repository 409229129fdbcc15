"""What lists do to those who stand on them, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from coachhub_core.matching import CoachTable, Number
from coachhub_core.matching.fairness import Fairness, fairness, seats_of


def test_a_star_on_every_list_is_seen() -> None:
    """Four trainees, ten coaches: coach 0 first everywhere with one seat; the last finds the whole list full."""
    rows = np.array([[0, 1], [0, 1], [0, 2], [0, 1]], np.int32)
    seats = np.ones(10, np.int64)
    assert fairness(rows, seats) == Fairness(top_tenth=0.5, coverage=0.3, seats_used=0.75, n_without=1, worst_place=2)


def test_even_lists_are_even() -> None:
    """Each coach once: a tenth has a tenth, everybody is shown, and gets the first place."""
    rows = np.arange(20, dtype=np.int32)[:, None]
    found = fairness(rows, np.full(20, 3))
    assert found == Fairness(top_tenth=pytest.approx(0.1), coverage=1.0, seats_used=1.0, n_without=0, worst_place=1)


def test_short_and_empty_lists_are_lists() -> None:
    """Nobody behind -1 is counted, and nothing at all is no error."""
    rows = np.array([[-1, -1], [1, -1]], np.int32)
    found = fairness(rows, np.array([5, 0]))
    assert (found.n_without, found.worst_place, found.seats_used, found.top_tenth) == (2, 0, 0.0, 1.0)
    nothing = fairness(np.zeros((0, 10), np.int32), np.zeros(0, np.int64))
    assert nothing == Fairness(top_tenth=0.0, coverage=0.0, seats_used=0.0, n_without=0, worst_place=0)


def test_seats_are_the_capacity_else_what_is_left_else_one() -> None:
    """And never fewer than none."""
    nan = float("nan")
    table = CoachTable.build(ids=list("abcd"), capacity=Number([4, nan, nan, -1]), seats_left=Number([1, 2, nan, 3]))
    assert seats_of(table).tolist() == [4, 2, 1, 0]
    assert seats_of(CoachTable.build(ids=["a"])).tolist() == [1]
