"""A plan on a calendar: the right days in every zone, and no edit ever reaches the past."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import NAMESPACE_OID, UUID, uuid5
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import documents

from coachhub_core import wire
from coachhub_core.domain.plan_document import Phase, PlanDocument
from coachhub_core.domain.prescriptions import ItemCount, Prescription, prescribe
from coachhub_core.domain.schedule import (
    PlannedDay,
    ReadCalendar,
    ScheduledWorkout,
    Shift,
    Window,
    local_day,
    missed_at,
    planned_days,
    replan,
    shift_rows,
    start_of_day,
    window,
)
from coachhub_core.errors import AlreadyLogged, Invalid, ScheduledWorkoutIllegalTransition
from coachhub_core.testing.plan_builders import a_document, a_planned_workout

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
TODAY = date(2026, 3, 4)
MONDAY = date(2026, 3, 2)
ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Pacific/Apia",
        "Africa/Cairo",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
    ]
)
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))


def a_row(key: str = "legs", cycle_no: int = 1, day: date = TODAY, **members: object) -> ScheduledWorkout:
    given = {"version_number": 1, "state": "due", "name": key, "zone": "UTC", **members}
    return ScheduledWorkout(
        id=uuid5(NAMESPACE_OID, f"{key}/{cycle_no}/{given['version_number']}"),
        assignment_id=UUID(int=1),
        trainee_id=UUID(int=2),
        plan_id=UUID(int=3),
        workout_key=key,
        cycle_no=cycle_no,
        local_date=day,
        created_at=NOW,
        updated_at=NOW,
        **given,
    )


# ── days ────────────────────────────────────────────────────────────────────


def test_phases_follow_one_another_and_repeat_their_cycle() -> None:
    """Two cycles of the first, then one of the second; cycles count within their phase."""
    document = a_document(
        a_planned_workout("legs"),
        a_planned_workout("push", day_offset=3),
        a_planned_workout("test", phase="p2", day_offset=1),
        phases=(Phase(key="p1", name="Base", n_cycles=2), Phase(key="p2", name="Peak", n_cycles=1)),
    )
    found = [(day.workout_key, day.cycle_no, day.local_date.isoformat()) for day in planned_days(document, MONDAY)]
    assert found == [
        ("legs", 1, "2026-03-02"),
        ("push", 1, "2026-03-05"),
        ("legs", 2, "2026-03-09"),
        ("push", 2, "2026-03-12"),
        ("test", 1, "2026-03-17"),
    ]
    assert window(document, MONDAY) == Window(first=MONDAY, last=date(2026, 3, 22))


@given(documents(), DAYS, st.lists(st.tuples(st.integers(-5, 60), st.integers(1, 20)), max_size=3))
@settings(max_examples=60, deadline=None)
def test_every_day_lies_in_the_window_and_pauses_keep_the_order(
    document: PlanDocument, start: date, pauses: list[tuple[int, int]]
) -> None:
    """Nothing is lost, doubled or put before what it followed, however often one pauses."""
    shifts = [Shift(from_day=start + timedelta(days=offset), n_days=n) for offset, n in pauses]
    plain, moved = planned_days(document, start), planned_days(document, start, shifts)
    assert [(d.workout_key, d.cycle_no) for d in plain] == [(d.workout_key, d.cycle_no) for d in moved]
    assert len({(d.workout_key, d.cycle_no) for d in plain}) == len(plain)
    assert [d.local_date for d in moved] == sorted(d.local_date for d in moved)
    for days, covered in ((plain, window(document, start)), (moved, window(document, start, shifts))):
        assert all(covered.first <= day.local_date <= covered.last for day in days)
    for before, after in zip(plain, moved, strict=True):
        assert after.local_date >= before.local_date


@given(DAYS, ZONES)
def test_every_instant_belongs_to_exactly_one_day(day: date, zone: str) -> None:
    """Days follow one another without gap or overlap, also where a day has 23 or 25 hours or no midnight."""
    starts, ends = start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone)
    assert local_day(starts, zone) == day
    assert local_day(starts - timedelta(microseconds=1), zone) < day
    assert local_day(ends - timedelta(microseconds=1), zone) == day
    assert timedelta(hours=22) <= ends - starts <= timedelta(hours=26)
    assert missed_at(day, zone) == ends + timedelta(hours=24)


def test_a_day_of_changing_clocks_is_still_a_day() -> None:
    """Berlin loses an hour on 29 March 2026; the workout of that day is missed 47 hours after it began."""
    day = date(2026, 3, 29)
    assert missed_at(day, "Europe/Berlin") - start_of_day(day, "Europe/Berlin") == timedelta(hours=47)
    assert start_of_day(date(2024, 4, 26), "Africa/Cairo").astimezone(ZoneInfo("Africa/Cairo")).hour == 1


# ── one row's states ────────────────────────────────────────────────────────


def test_a_late_log_turns_missed_and_skipped_into_done() -> None:
    """What really happened wins over what the clock assumed."""
    for row in (a_row().miss(now=NOW), a_row().skip("ill", now=NOW)):
        assert row.fulfil("done", (), now=NOW).state == "done"
    assert a_row().fulfil("partial", (), now=NOW).fulfil("done", (), now=NOW).state == "done"


def test_what_was_logged_cannot_be_skipped() -> None:
    """The refusal names the state."""
    with pytest.raises(AlreadyLogged) as caught:
        a_row(state="done").skip(None, now=NOW)
    assert (caught.value.state, caught.value.allowed) == ("done", ())


@pytest.mark.parametrize("state", ["void", "excused", "skipped", "missed"])
def test_only_a_day_that_is_due_can_be_skipped(state: str) -> None:
    """The answer says what is allowed now."""
    with pytest.raises(ScheduledWorkoutIllegalTransition) as caught:
        a_row(state=state).skip(None, now=NOW)
    assert caught.value.code == "scheduled_workout.illegal_transition"
    assert str(caught.value).startswith(f"a scheduled workout that is {state} cannot be skipped")


@pytest.mark.parametrize("state", ["void", "excused"])
def test_a_day_that_does_not_count_cannot_be_fulfilled(state: str) -> None:
    """Void and excused days ask for nothing."""
    with pytest.raises(ScheduledWorkoutIllegalTransition):
        a_row(state=state).fulfil("done", (), now=NOW)


def test_taking_a_log_back_leaves_the_day_due_or_missed() -> None:
    """By the clock of the trainee's zone."""
    counts = (ItemCount(key="i", n_prescribed=3, n_done=2),)
    done = a_row(state="partial", day=TODAY, counts=counts)
    again = done.unfulfil(now=NOW)
    assert (again.state, again.counts) == ("due", (ItemCount(key="i", n_prescribed=3, n_done=0),))
    assert done.unfulfil(now=NOW + timedelta(days=2)).state == "missed"


def test_the_clock_freezes_a_day_as_it_begins_and_then_calls_it_missed() -> None:
    """A late worker changes nothing for readers."""
    row = a_row(zone="Asia/Tokyo")
    assert row.due_at == datetime(2026, 3, 3, 15, tzinfo=UTC)
    workout = a_document().workouts[0]
    frozen = row.freeze(prescribe(workout, plan_id=UUID(int=3), version_number=1, thresholds=[], day=TODAY), now=NOW)
    assert frozen.counts == (ItemCount(key="squat", n_prescribed=2, n_done=0),)
    assert frozen.due_at == datetime(2026, 3, 5, 15, tzinfo=UTC)
    assert frozen.at(datetime(2026, 3, 5, 14, 59, tzinfo=UTC)).state == "due"
    assert frozen.at(datetime(2026, 3, 5, 15, tzinfo=UTC)).state == "missed"
    assert frozen.miss(now=NOW).due_at is None


def test_a_frozen_prescription_never_changes_again() -> None:
    """The second freezing finds the first."""
    legs, push = a_document().workouts
    one, other = (
        prescribe(workout, plan_id=UUID(int=3), version_number=1, thresholds=[], day=TODAY) for workout in (legs, push)
    )
    frozen = a_row().freeze(one, now=NOW)
    assert frozen.freeze(other, now=NOW) is frozen
    assert frozen.prescription is not None
    assert wire.structure(Prescription, wire.loads(frozen.prescription)) == one


# ── pauses ──────────────────────────────────────────────────────────────────


def test_a_pause_moves_what_is_left_and_nothing_else() -> None:
    """Logged days and days before the pause stay where they are; a frozen day that moves is made anew."""
    before = a_row(cycle_no=1, day=date(2026, 3, 2))
    done = a_row(cycle_no=2, day=date(2026, 3, 9), state="done")
    frozen = a_row("push", 2, date(2026, 3, 9), prescription=b"{}")
    later = a_row(cycle_no=3, day=date(2026, 3, 16))
    moved = shift_rows([before, done, frozen, later], Shift(from_day=date(2026, 3, 9), n_days=4), now=NOW)
    assert [(row.id, row.local_date, row.prescription) for row in moved] == [
        (frozen.id, date(2026, 3, 13), None),
        (later.id, date(2026, 3, 20), None),
    ]


# ── upgrades ────────────────────────────────────────────────────────────────

STATES = st.sampled_from(["due", "done", "partial", "missed", "skipped", "excused", "void"])


@given(documents(), documents(), st.integers(-10, 40), st.data())
@settings(max_examples=80, deadline=None)
def test_an_upgrade_touches_no_past_and_no_logged_day(
    old: PlanDocument, new: PlanDocument, offset: int, data: st.DataObject
) -> None:
    """Whatever two versions hold: only due days to come change, and no workout of a cycle is asked for twice."""
    start = TODAY - timedelta(days=offset)
    rows = [a_row(d.workout_key, d.cycle_no, d.local_date, state=data.draw(STATES)) for d in planned_days(old, start)]
    wanted = planned_days(new, start)
    result = replan(rows, wanted, version_number=2, today=TODAY, now=NOW, reason="upgraded")
    by_id = {row.id: row for row in rows}
    for row in result.changed:
        was = by_id[row.id]
        assert (was.state, row.state, row.reason) == ("due", "void", "upgraded")
        assert was.local_date > TODAY
    assert {row.id for row in result.changed} == {r.id for r in rows if r.state == "due" and r.local_date > TODAY}
    assert all(day.local_date > TODAY for day in result.made)
    changed = {row.id: row for row in result.changed}
    live = [(r.workout_key, r.cycle_no) for row in rows if (r := changed.get(row.id, row)).state != "void"]
    everything = live + [(day.workout_key, day.cycle_no) for day in result.made]
    assert len(everything) == len(set(everything))
    expected = {(d.workout_key, d.cycle_no) for d in wanted if d.local_date > TODAY} - set(live)
    assert {(d.workout_key, d.cycle_no) for d in result.made} == expected


def test_todays_workout_stays_on_the_version_it_was_begun_with() -> None:
    """Its prescription may be on somebody's phone already."""
    rows = [a_row("legs", 1, TODAY), a_row("push", 1, TODAY + timedelta(days=3))]
    wanted = planned_days(a_document(n_cycles=1), TODAY)
    result = replan(rows, wanted, version_number=2, today=TODAY, now=NOW, reason="upgraded")
    assert [row.workout_key for row in result.changed] == ["push"]
    assert result.made == (
        PlannedDay(workout_key="push", cycle_no=1, local_date=date(2026, 3, 7), name="Workout push"),
    )


def test_other_personal_changes_move_rows_of_the_same_version() -> None:
    """A row is moved, taken away, or taken up again; (version, workout, cycle) stays unique."""
    friday, sunday = date(2026, 3, 6), date(2026, 3, 8)
    rows = [
        a_row("push", 1, friday, name="Workout push"),
        a_row("gone", 1, friday),
        a_row("back", 1, date(2026, 3, 3), state="void", reason="changed"),
    ]
    wanted = [
        PlannedDay(workout_key="push", cycle_no=1, local_date=sunday, name="Workout push"),
        PlannedDay(workout_key="back", cycle_no=1, local_date=sunday, name="back"),
        PlannedDay(workout_key="new", cycle_no=1, local_date=sunday, name="new"),
    ]
    result = replan(rows, wanted, version_number=1, today=TODAY, now=NOW, reason="changed")
    found = {row.workout_key: (row.id, row.state, row.local_date, row.reason) for row in result.changed}
    assert found == {
        "push": (rows[0].id, "due", sunday, None),
        "gone": (rows[1].id, "void", friday, "changed"),
        "back": (rows[2].id, "due", sunday, None),
    }
    assert [day.workout_key for day in result.made] == ["new"]
    again = replan(
        [*(attrs.evolve(row) for row in result.changed), a_row("new", 1, sunday)],
        wanted,
        version_number=1,
        today=TODAY,
        now=NOW,
        reason="changed",
    )
    assert (again.changed, again.made) == ((), ())


# ── the query ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({"from": ["2026-03-02"], "to": ["2026-03-01"]}, "to"),
        ({"from": ["2026-03-02"], "to": ["2027-03-03"]}, "to"),
        ({"from": ["2026-02-30"], "to": ["2026-03-01"]}, "from"),
        ({"from": ["1066-10-14"], "to": ["2026-03-01"]}, "from"),
        ({"to": ["2026-03-01"]}, "from"),
    ],
)
def test_a_calendar_is_asked_for_by_real_days(params: dict[str, list[str]], pointer: str) -> None:
    """Both ends, in order, at most a year."""
    with pytest.raises(Invalid) as caught:
        wire.structure_query(ReadCalendar, params, trusted={"trainee_id": UUID(int=2)})
    assert [error.pointer for error in caught.value.errors] == [pointer]
    year = {"from": ["2026-03-02"], "to": ["2027-03-02"]}
    assert wire.structure_query(ReadCalendar, year, trusted={"trainee_id": UUID(int=2)}).from_ == MONDAY
