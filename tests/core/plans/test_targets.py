"""Relative targets become weights that can be loaded, or stay unresolved."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachhub_core.domain.prescriptions import prescribe, threshold_facts
from coachhub_core.domain.targets import (
    Relative,
    Resolved,
    Rounding,
    ThresholdFact,
    Unresolved,
    estimate_one_rep_max,
    exact,
    resolve,
    threshold_at,
    to_kg,
)
from coachhub_core.domain.trainees import Threshold
from coachhub_core.testing.plan_builders import BENCH, SQUAT, a_document

DAY = date(2026, 3, 2)
PLAN = UUID(int=7)


def a_max(value: float = 142.5, unit: str = "kg", as_of: date = date(2026, 1, 1), **more: object) -> ThresholdFact:
    return ThresholdFact(**{"kind": "1RM", "exercise_id": SQUAT, "value": value, "unit": unit, "as_of": as_of, **more})


def load_of(target: Relative, *facts: ThresholdFact, rounding: Rounding | None = None) -> Resolved | Unresolved:
    return resolve(target, set_key="s", member="load", exercise_id=SQUAT, rounding=rounding, thresholds=facts, day=DAY)


def test_a_percentage_becomes_a_weight_that_can_be_loaded() -> None:
    """75 % of 142.5 kg is 106.875 kg; the bar takes 107.5, and the answer says what it was taken from."""
    assert load_of(Relative(of="1RM", percent=75), a_max()) == Resolved(
        set_key="s",
        member="load",
        value=107.5,
        unit="kg",
        of="1RM",
        threshold_value=142.5,
        threshold_unit="kg",
        threshold_as_of=date(2026, 1, 1),
        threshold_source="tested",
    )


@pytest.mark.parametrize(
    ("rounding", "expected", "unit"),
    [
        (None, 107.5, "kg"),
        (Rounding(step=2.5, unit="kg", mode="down"), 105.0, "kg"),
        (Rounding(step=5, unit="kg", mode="up"), 110.0, "kg"),
        (Rounding(step=1.25, unit="kg"), 106.25, "kg"),  # exactly between 106.25 and 107.5: the lighter one
        (Rounding(step=5, unit="lb"), 235.0, "lb"),  # 235.6 lb
        (Rounding(step=2.5, unit="kg", min=120), 120.0, "kg"),
    ],
)
def test_rounding_is_the_items_own(rounding: Rounding | None, expected: float, unit: str) -> None:
    """Steps, direction, unit and the empty bar are the coach's to say."""
    answer = load_of(Relative(of="1RM", percent=75), a_max(), rounding=rounding)
    assert isinstance(answer, Resolved)
    assert (answer.value, answer.unit) == (expected, unit)


@given(
    percent=st.integers(1, 400),
    value=st.integers(1, 4_000).map(lambda n: n / 4),
    step=st.sampled_from([0.5, 1, 1.25, 2.5, 5, 10]),
    mode=st.sampled_from([None, "nearest", "down", "up"]),
)
def test_every_resolved_weight_can_be_loaded(percent: int, value: float, step: float, mode: str | None) -> None:
    """It is a whole number of steps, less than one step from the share, and on the side that was asked for."""
    answer = load_of(
        Relative(of="1RM", percent=percent), a_max(value), rounding=Rounding(step=step, unit="kg", mode=mode)
    )
    assert isinstance(answer, Resolved)
    assert answer.value is not None
    assert (exact(answer.value) / exact(step)).denominator == 1
    off = exact(answer.value) - exact(percent) * exact(value) / 100
    assert abs(off) < exact(step)
    if mode == "down":
        assert off <= 0
    elif mode == "up":
        assert off >= 0
    else:
        assert 2 * abs(off) <= exact(step)


def test_the_latest_threshold_of_the_day_counts() -> None:
    """What will be measured tomorrow does not count today, and what was tested beats an estimate of the same day."""
    old, new, later = a_max(140), a_max(150, as_of=DAY), a_max(160, as_of=date(2026, 3, 3))
    guess = a_max(155, as_of=DAY, source="estimated")
    assert threshold_at([later, old], "1RM", DAY, SQUAT) is old
    assert threshold_at([new, guess, later, old], "1RM", DAY, SQUAT) is new
    assert threshold_at([guess, old], "1RM", DAY, SQUAT) is guess
    assert threshold_at([new], "1RM", DAY, BENCH) is None


def test_without_a_threshold_nothing_is_guessed() -> None:
    """Not from another exercise, not from an estimate where a test is asked for, not from another kind."""
    target = Relative(of="1RM", percent=75)
    others = (a_max(exercise_id=BENCH), a_max(kind="e1RM"), a_max(80, kind="bodyweight", exercise_id=None))
    assert load_of(target, *others) == Unresolved(set_key="s", member="load", of="1RM", exercise_id=SQUAT)


def test_a_target_may_be_relative_to_another_lift() -> None:
    """A front squat at 60 % of the bench press, if a coach should want it."""
    answer = load_of(Relative(of="1RM", percent=60, exercise_id=BENCH), a_max(), a_max(100, exercise_id=BENCH))
    assert isinstance(answer, Resolved)
    assert answer.value == 60


def test_heart_rate_and_power_resolve_to_whole_beats_and_watts() -> None:
    """A range stays a range."""
    answer = resolve(
        Relative(of="max_heart_rate", min=60, max=75),
        set_key="s",
        member="effort",
        exercise_id=None,
        rounding=Rounding(step=2.5, unit="kg"),
        thresholds=[ThresholdFact(kind="max_heart_rate", value=187, unit="bpm", as_of=DAY)],
        day=DAY,
    )
    assert isinstance(answer, Resolved)
    assert (answer.min, answer.max, answer.value, answer.unit) == (112, 140, None, "bpm")


def test_a_prescription_lists_what_is_resolved_and_what_is_not() -> None:
    """The part of the plan is kept as it is; weights stand beside it."""
    legs = a_document().workouts[0]
    known = prescribe(legs, plan_id=PLAN, version_number=2, thresholds=[a_max(100)], day=DAY)
    assert known.workout == legs
    assert [(r.set_key, r.value) for r in known.resolved] == [("squat-1", 75), ("squat-2", 75)]
    unknown = prescribe(legs, plan_id=PLAN, version_number=2, thresholds=[], day=DAY)
    assert [(u.set_key, u.of) for u in unknown.unresolved] == [("squat-1", "1RM"), ("squat-2", "1RM")]
    assert unknown.resolved == ()


def test_thresholds_in_units_their_kind_has_not_are_left_out() -> None:
    """A bodyweight in stone resolves nothing; pounds are pounds however they are spelled."""
    thresholds = (
        Threshold(kind="bodyweight", value=12, unit="stone", as_of=DAY),
        Threshold(kind="bodyweight", value=180, unit="Lbs", as_of=DAY),
        Threshold(kind="FTP", value=250, unit="kg", as_of=DAY),
    )
    assert [(fact.kind, fact.value, fact.unit) for fact in threshold_facts(thresholds)] == [("bodyweight", 180, "lb")]


def test_pounds_become_kilograms_to_the_gram() -> None:
    """The pound is exact by definition."""
    assert (to_kg(225, "lb"), to_kg(0.1, "kg"), to_kg(1, "lb")) == (102.058, 0.1, 0.454)


@pytest.mark.parametrize(
    ("load", "reps", "expected"),
    [(100, 1, 100), (100, 5, 116.67), (100, 12, 140), (100, 13, None), (100, 37, None), (100, 0, None), (0, 5, None)],
)
def test_an_estimate_names_its_formula_and_ends_at_twelve(load: float, reps: int, expected: float | None) -> None:
    """A formula that breaks at 37 repetitions is not asked there."""
    estimate = estimate_one_rep_max(load, reps)
    assert (estimate and estimate.value) == expected
    if estimate is not None:
        assert (estimate.formula, estimate.load, estimate.reps) == ("epley", load, reps)
