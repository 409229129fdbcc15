"""Adherence by its published definition, as of a day, and equal when computed again."""

from __future__ import annotations

import random
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachhub_core import wire
from coachhub_core.domain.adherence import (
    RULES,
    AdherenceView,
    DueFact,
    ReadAdherence,
    adherence,
    fell_by,
    status_of,
    windows_before,
)
from coachhub_core.domain.prescriptions import ItemCount
from coachhub_core.errors import Invalid

TRAINEE = UUID(int=1)
AS_OF = date(2026, 3, 31)


def a_fact(days_ago: int, n_done: int | None = None, n_prescribed: int = 10, **members: object) -> DueFact:
    """Return a workout of that day; with *n_done* it was logged on its day."""
    day = AS_OF - timedelta(days=days_ago)
    given = {
        "state": "missed" if n_done is None else "partial",
        "logged_on": None if n_done is None else day,
        **members,
    }
    return DueFact(
        scheduled_workout_id=UUID(int=1_000 + days_ago),
        local_date=day,
        counts=(ItemCount(key="i", n_prescribed=n_prescribed, n_done=n_done or 0),),
        **given,
    )


def of(*facts: DueFact, window: int = 7, as_of: date = AS_OF) -> AdherenceView:
    return adherence(TRAINEE, facts, window=window, as_of=as_of)


def numbers(view: AdherenceView) -> tuple[object, ...]:
    return view.set_rate.value, view.status.value, view.n_due.value, view.n_done.value


def test_the_rate_is_sets_done_of_sets_prescribed() -> None:
    """Over all due workouts: 8 of 10 and 0 of 10 make 40 %."""
    assert numbers(of(a_fact(2, 8), a_fact(4))) == (0.4, "off", 2, 1)


def test_more_than_was_asked_for_does_not_count() -> None:
    """A surplus in one item does not hide a gap in another."""
    fact = DueFact(
        scheduled_workout_id=UUID(int=5),
        local_date=AS_OF,
        state="partial",
        logged_on=AS_OF,
        counts=(ItemCount(key="a", n_prescribed=2, n_done=9), ItemCount(key="b", n_prescribed=2, n_done=0)),
    )
    assert numbers(of(fact))[:2] == (0.5, "off")


@pytest.mark.parametrize(
    ("n_done", "n_prescribed", "status"),
    [
        (4, 5, "on_track"),
        (8_000, 10_000, "on_track"),
        (7_999, 10_000, "partial"),
        (13, 20, "partial"),
        (6_499, 10_000, "off"),
        (1, 10_000, "off"),
        (0, 10, "missed"),
        (0, 0, None),
    ],
)
def test_the_bounds_are_exact(n_done: int, n_prescribed: int, status: str | None) -> None:
    """80 % is on track and 65 % partial, without a rounding error's help or harm."""
    assert status_of(n_done, n_prescribed) == status


def test_nothing_due_is_null_and_not_zero() -> None:
    """Excused, void, paused and future days ask for nothing; so does a window before the plan."""
    facts = (
        a_fact(2, state="excused"),
        a_fact(3, state="void"),
        a_fact(4, state="due", is_paused=True),
        a_fact(-1, state="due"),
        a_fact(7),  # the day before the window
    )
    assert numbers(of(*facts)) == (None, None, 0, 0)


def test_a_skipped_day_counts_as_not_done() -> None:
    """A reason explains it and does not undo it."""
    assert numbers(of(a_fact(0, state="skipped"), a_fact(2, 10))) == (0.5, "off", 2, 1)


def test_a_day_counts_against_once_it_and_the_day_after_are_over() -> None:
    """This morning's workout can still be done, and yesterday's still be logged."""
    today, yesterday, before = a_fact(0, state="due"), a_fact(1, state="due"), a_fact(2, state="missed")
    assert numbers(of(today, yesterday)) == (None, None, 0, 0)
    assert numbers(of(today, yesterday, before)) == (0.0, "missed", 1, 0)
    assert numbers(of(a_fact(0, 10), yesterday)) == (1.0, "on_track", 1, 1)


def test_the_past_is_asked_as_it_was_known() -> None:
    """A log that came late counts from the day it came, not before."""
    late = a_fact(5, 10, logged_on=AS_OF - timedelta(days=1))
    assert numbers(of(late, as_of=AS_OF - timedelta(days=2))) == (0.0, "missed", 1, 0)
    assert numbers(of(late, as_of=AS_OF - timedelta(days=1))) == (1.0, "on_track", 1, 1)


def test_a_workout_without_sets_counts_as_one() -> None:
    """A walk that prescribes nothing to count is done or not."""
    walked = DueFact(scheduled_workout_id=UUID(int=5), local_date=AS_OF, state="done", logged_on=AS_OF)
    sat = DueFact(scheduled_workout_id=UUID(int=6), local_date=AS_OF - timedelta(days=3), state="missed")
    assert numbers(of(walked, sat)) == (0.5, "off", 2, 1)


@given(
    st.lists(
        st.tuples(
            st.integers(-3, 100),
            st.none() | st.integers(0, 12),
            st.sampled_from(["due", "done", "partial", "missed", "skipped", "excused", "void"]),
            st.booleans(),
        ),
        max_size=12,
        unique_by=lambda row: row[0],
    ),
    st.sampled_from([7, 30, 90]),
    st.randoms(use_true_random=False),
)
def test_the_same_facts_give_the_same_numbers_in_any_order(rows: list, window: int, rng: random.Random) -> None:
    """And the value is in bounds, null exactly when nothing was due, and equal to a plain recount."""
    facts = [a_fact(ago, n, state=state, is_paused=paused) for ago, n, state, paused in rows]
    view = adherence(TRAINEE, facts, window=window, as_of=AS_OF)
    shuffled = list(facts)
    rng.shuffle(shuffled)
    assert adherence(TRAINEE, shuffled, window=window, as_of=AS_OF) == view
    assert (view.set_rate.value is None) == (view.n_due.value == 0)
    n_done = sum(w.n_done for w in view.workouts)
    n_prescribed = sum(w.n_prescribed for w in view.workouts)
    if n_prescribed:
        assert view.set_rate.value == round(n_done / n_prescribed, 4)
        assert 0 <= n_done <= n_prescribed
    others = adherence(TRAINEE, [a_fact(1, 3), *facts[1:]], window=window, as_of=AS_OF)
    assert (others.set_rate.inputs_hash == view.set_rate.inputs_hash) == (others.workouts == view.workouts)


def test_every_number_carries_its_rule_window_day_and_inputs() -> None:
    """And the rules are published in words."""
    view = of(a_fact(2, 8), window=30)
    for number in (view.set_rate, view.status, view.n_due, view.n_done):
        assert (number.window, number.as_of, len(number.inputs_hash)) == ("30d", AS_OF, 64)
        assert view.rules[number.rule] == RULES[number.rule]


def test_a_fall_is_measured_between_two_windows() -> None:
    """In points of 100; null where a window asked for nothing."""
    now, before = windows_before([a_fact(2, 5), a_fact(9, 9)], TRAINEE, as_of=AS_OF)
    assert fell_by(before.set_rate, now.set_rate) == 40
    now, before = windows_before([a_fact(2, 5)], TRAINEE, as_of=AS_OF)
    assert fell_by(before.set_rate, now.set_rate) is None


def test_a_window_is_7_30_or_90_days() -> None:
    """Any other is refused; today and 30 are the defaults."""
    trusted = {"trainee_id": TRAINEE}
    query = wire.structure_query(ReadAdherence, {"window": ["7"], "as_of": ["2026-03-31"]}, trusted=trusted)
    assert (query.window, query.as_of) == (7, AS_OF)
    assert wire.structure_query(ReadAdherence, {}, trusted=trusted) == ReadAdherence(trainee_id=TRAINEE, window=30)
    with pytest.raises(Invalid, match="must be one of 7, 30, 90"):
        wire.structure_query(ReadAdherence, {"window": ["14"]}, trusted=trusted)
