"""Features of an earlier model, read off the features of new tables: they say the same of the same value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from coachhub_core.matching import Category, CoachTable, Hours, Labels, Number, Texts, Vector
from coachhub_scipy.carried import Carried
from coachhub_scipy.encode import Encoder
from coachhub_scipy.parts import Side

WORDS = ("snow", "oil", "yeast", "violin", "river", "chess", "garden", "lamp")


def told(before: Any, now: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Give what drawn coefficients say of today's values, by the features of before and by today's."""
    tables = [CoachTable.build(ids=[f"c{i}" for i in range(len(column))], column=column) for column in (before, now)]
    earlier, today = (Encoder.fit(table) for table in tables)
    side = Side(np.array([0.5]), np.random.default_rng(4).normal(size=(earlier.width, 1)))
    carried = Carried.of(earlier, today).side(side)
    nobody = np.full(len(now), -1)
    return (
        side.vectors(earlier.encode(tables[1]).values, nobody)[:, 0],
        carried.vectors(today.encode(tables[1]).values, nobody)[:, 0],
    )


def numbers(mean: float, spread: float, seed: int) -> list[float | None]:
    """Draw numbers, some of them missing."""
    drawn = np.random.default_rng(seed).normal(mean, spread, 80).tolist()
    return [None if i % 9 == 0 else value for i, value in enumerate(drawn)]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (Category(["a", "a", "b", "b", "c", "c", None]), Category(["c", "c", "b", "b", "z", "z", None])),
        (Labels([["a", "b"], ["b"], ["a"], None]), Labels([["b"], ["a"], ["a"], ["b"], None])),
        (Hours([[1, 2, 3], [30, 31], None]), Hours([[3, 4], None, [100]])),
        (
            Vector(np.random.default_rng(1).normal(3, 2, (20, 4))),
            Vector(np.r_[np.random.default_rng(2).normal(0, 5, (20, 4)), np.full((1, 4), np.nan)]),
        ),
        (Number([0, 0, 1, 1, None]), Number([0, 1, 1, 1, None])),  # no bends on either side
        (Number(numbers(0, 1, 1)), Number([2.0, 2.0, 2.0, None])),  # one value alone
    ],
    ids=["category", "labels", "hours", "vector", "two numbers", "one number"],
)
def test_a_value_says_what_it_said(before: Any, now: Any) -> None:
    """Names by name, numbers whatever their mean and spread are today, missing values as missing: exactly."""
    was, made = told(before, now)
    assert np.allclose(was, made, atol=1e-12)


def test_numbers_say_what_they_said() -> None:
    """At today's quantiles exactly; between them a straight line, as near as so many bends allow."""
    values = numbers(40.0, 9.0, 2)
    was, made = told(Number(numbers(35.0, 12.0, 1)), Number(values))
    known = np.array([np.nan if value is None else value for value in values])
    knots = np.quantile(known[~np.isnan(known)], np.linspace(0, 1, 5))
    at_knots = np.isin(known, knots) | np.isnan(known)
    assert at_knots.sum() > 9
    assert np.allclose(was[at_knots], made[at_knots], atol=1e-12)
    assert np.corrcoef(was, made)[0, 1] > 0.95


@pytest.mark.parametrize(
    "now",
    [Number(numbers(4_000, 900, 2)), Number([3e37, 2e37, 3e37, None]), Number(numbers(0.0, 1e30, 2))],
    ids=["another unit", "two numbers", "both sides"],
)
def test_numbers_beyond_all_that_was_known_say_what_the_furthest_said(now: Any) -> None:
    """A price in another currency is four spreads from the mean, as it is where it is read by the earlier features."""
    was, made = told(Number(numbers(35.0, 12.0, 1)), now)
    assert np.abs(made).max() < 2 * np.abs(was).max()
    known = ~np.isnan(now.array)
    if (now.array[known] > 1_000).all():
        assert np.allclose(was, made, atol=1e-12)


def test_texts_say_what_their_words_said() -> None:
    """Through the words that both know: nearly the same order, though no topic of one is a topic of the other."""
    rng = np.random.default_rng(3)
    drawn = [[[" ".join(rng.choice(WORDS, 4).tolist())] for _ in range(60)] for _ in range(2)]
    was, made = told(Texts(drawn[0]), Texts(drawn[1]))
    assert np.corrcoef(was, made)[0, 1] > 0.95
    unknown = told(Texts(drawn[0]), Texts([["nothing of theirs"], ["nothing of theirs"], ["nothing else of theirs"]]))
    assert np.ptp(unknown[1]) < 1e-12


@pytest.mark.parametrize("now", [Number([1, 2, 3]), Vector(np.ones((3, 3)))], ids=["other kind", "other width"])
def test_what_is_not_there_is_missing(now: Any) -> None:
    """A column of another kind, or a vector of another length, is what a missing value was."""
    was, made = told(Vector(np.random.default_rng(1).normal(size=(9, 2))), now)
    assert np.allclose(was, made, atol=1e-12)
    assert np.ptp(made) == 0


@pytest.mark.parametrize(("scale", "mean"), [(150.0, 0.0), (1.0, 1_000.0)], ids=["far longer", "elsewhere"])
def test_vectors_that_lie_elsewhere_are_missing(scale: float, mean: float) -> None:
    """Those of another embedding are no more the same for having as many dimensions."""
    drawn = np.random.default_rng(2).normal(size=(9, 2))
    _, missing = told(Vector(drawn), Vector(np.ones((3, 3))))
    _, made = told(Vector(drawn), Vector(drawn * scale + mean))
    assert np.allclose(made, missing[0], atol=1e-12)
