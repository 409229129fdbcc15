"""What any matcher has to beat, by hand and beside a library that is known."""

from __future__ import annotations

import numpy as np
import pytest

from coachhub_core.matching import Category, CoachTable, Labels, Number, Texts, TraineeTable
from coachhub_core.matching.baselines import best, by_content, by_popularity


def test_content_is_the_cosine_of_what_is_said() -> None:
    """The same words are 1, none in common 0; numbers and what is sensitive say nothing; missing is no word."""
    coaches = CoachTable.build(
        ids=["a", "b", "c"],
        bio=Texts([["run far"], ["lift heavy"], None]),
        tags=Labels([["yoga"], None, None]),
        years=Number([1, 2, 3]),
        secret=Category(["run", "run", "run"], is_sensitive=True),
    )
    trainees = TraineeTable.build(
        ids=["t", "u", "v"], goal=Texts([["Run far"], ["lift heavy"], None]), likes=Labels([["yoga"], None, None])
    )
    found = by_content(coaches, trainees)
    assert found[0] == pytest.approx([1.0, 0.0, 0.0])
    assert found[1] == pytest.approx([0.0, 1.0, 0.0])
    assert found[2].tolist() == [0.0, 0.0, 0.0]


def test_a_rare_word_counts_more() -> None:
    """The weights of the textbook: log((1 + n) / (1 + n with it)) + 1, rows of length one."""
    coaches = CoachTable.build(ids=["a", "b"], bio=Texts([["run"], ["run slow"]]))
    trainees = TraineeTable.build(ids=["t"], goal=Texts([["run slow"]]))
    rare, common = np.log(3 / 2) + 1, 1.0
    both = np.array([common, rare, rare])  # run, slow, and the two together
    expected = [common / np.linalg.norm(both), 1.0]
    assert by_content(coaches, trainees)[0] == pytest.approx(expected)


def test_the_best_are_in_order_and_the_forbidden_are_not_there() -> None:
    """Equal scores go to the smaller row; -inf is nobody."""
    scores = np.array([[0.5, 0.9, 0.5, -np.inf], [-np.inf] * 4])
    assert best(scores, 4).tolist() == [[1, 0, 2, -1], [-1, -1, -1, -1]]
    assert best(scores, 2).dtype == np.int32
    assert by_popularity(np.array([[True, False], [True, True]])).tolist() == [2.0, 1.0]
