"""The life of an assignment, by an injected clock in the trainee's zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from coachhub_core import wire
from coachhub_core.domain.assignments import Assignment, AssignmentView, AssignPlan
from coachhub_core.domain.schedule import Shift, Window, planned_days, shift_rows, window
from coachhub_core.errors import AssignmentIllegalTransition, Invalid
from coachhub_core.testing.plan_builders import a_document

START = date(2026, 3, 9)
DOCUMENT = a_document(n_cycles=2)


def at(day: int, hour: int = 12, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def an_assignment(**members: object) -> Assignment:
    given = {"start_date": START, "end_date": date(2026, 3, 22), "zone": "UTC", "status": "scheduled", **members}
    return Assignment(
        id=UUID(int=1),
        plan_id=UUID(int=2),
        version_number=1,
        trainee_id=UUID(int=3),
        coach_id=UUID(int=4),
        match_id=UUID(int=5),
        created_at=at(1),
        updated_at=at(1),
        **given,
    )


def test_its_day_comes_and_goes_in_the_trainees_zone() -> None:
    """In Auckland the 9th of March begins on the 8th in London."""
    assignment = an_assignment(zone="Pacific/Auckland")
    assert assignment.due_at == datetime(2026, 3, 8, 11, tzinfo=UTC)
    assert assignment.status_at(at(8, 10)) == "scheduled"
    active = assignment.tick(now=at(8, 11))
    assert active.status == "active"
    assert active.due_at == datetime(2026, 3, 22, 11, tzinfo=UTC)
    assert active.status_at(at(22, 10)) == "active"
    assert active.tick(now=at(22, 11)).status == "completed"
    assert active.tick(now=at(22, 11)).due_at is None


def test_a_late_worker_changes_nothing_for_readers() -> None:
    """A row that still says scheduled is completed once its last day is over."""
    stale = an_assignment()
    assert stale.allowed_at(at(23)) == ()
    with pytest.raises(AssignmentIllegalTransition) as caught:
        stale.pause(now=at(23))
    assert (caught.value.state, caught.value.action, caught.value.allowed) == ("completed", "pause", ())


def test_a_pause_shifts_the_days_left_by_its_length() -> None:
    """Paused on the 12th, resumed on the 17th: what was due from the 12th on comes five days later."""
    active = an_assignment().tick(now=at(9))
    paused = active.pause(now=at(12))
    assert (paused.status, paused.paused_on, paused.due_at) == ("paused", date(2026, 3, 12), None)
    assert paused.status_at(at(30)) == "paused"  # nothing completes by itself meanwhile
    resumed, shift = paused.resume(now=at(17))
    assert shift == Shift(from_day=date(2026, 3, 12), n_days=5)
    assert (resumed.status, resumed.paused_on, resumed.shifts) == ("active", None, (shift,))
    assert resumed.window == window(DOCUMENT, START, resumed.shifts) == Window(first=START, last=date(2026, 3, 27))
    days = [day.local_date.day for day in planned_days(DOCUMENT, START, resumed.shifts)]
    assert days == [9, 17, 21, 24]


def test_a_pause_that_costs_no_day_moves_nothing() -> None:
    """Resumed on the day it began, or before the plan's first day."""
    active = an_assignment().tick(now=at(9))
    same_day, shift = active.pause(now=at(12, 8)).resume(now=at(12, 20))
    assert (shift, same_day.end_date) == (None, active.end_date)
    early, shift = an_assignment().pause(now=at(2)).resume(now=at(5))
    assert (shift, early.status, early.first_day) == (None, "scheduled", START)


def test_a_pause_over_the_first_day_moves_the_start() -> None:
    """Paused on the 2nd and resumed on the 11th: the plan begins on the 11th instead of the 9th."""
    resumed, shift = an_assignment().pause(now=at(2)).resume(now=at(11))
    assert shift == Shift(from_day=START, n_days=2)
    assert (resumed.first_day, resumed.status, resumed.start_date) == (date(2026, 3, 11), "active", START)
    assert shift_rows([], shift, now=at(11)) == ()


@pytest.mark.parametrize(
    ("status", "actions"),
    [
        ("scheduled", {"change", "upgrade", "pause", "cancel"}),
        ("active", {"change", "upgrade", "pause", "cancel"}),
        ("paused", {"change", "upgrade", "resume", "cancel"}),
        ("completed", set()),
        ("cancelled", set()),
    ],
)
def test_each_status_allows_its_actions_and_no_other(status: str, actions: set[str]) -> None:
    """A refused action says what the state is and what it would allow."""
    now = at(5) if status == "scheduled" else at(10)
    assignment = an_assignment(status=status, paused_on=date(2026, 3, 9) if status == "paused" else None)
    assert set(assignment.allowed_at(now)) == actions
    end = assignment.end_date
    doings = {
        "change": lambda: assignment.change((), end, now=now),
        "upgrade": lambda: assignment.upgrade(2, end, now=now),
        "pause": lambda: assignment.pause(now=now),
        "resume": lambda: assignment.resume(now=now),
        "cancel": lambda: assignment.cancel("moved away", now=now),
    }
    for action, do in doings.items():
        if action in actions:
            do()
        else:
            with pytest.raises(AssignmentIllegalTransition) as caught:
                do()
            assert (caught.value.state, set(caught.value.allowed)) == (status, actions)


def test_windows_overlap_when_they_share_a_day() -> None:
    """Ends count."""
    one = an_assignment().window
    assert one.overlaps(Window(first=date(2026, 3, 22), last=date(2026, 4, 1)))
    assert not one.overlaps(Window(first=date(2026, 3, 23), last=date(2026, 4, 1)))


def test_only_the_coach_is_told_what_can_be_done() -> None:
    """The trainee reads the same assignment."""
    now = at(10)
    shown = AssignmentView.of(an_assignment(), plan_title="Base", now=now, is_coach=True)
    assert (shown.status, shown.allowed) == ("active", ("change", "upgrade", "pause", "cancel"))
    assert AssignmentView.of(an_assignment(), plan_title="Base", now=now, is_coach=False).allowed == ()


def test_an_assignment_starts_on_a_day_that_a_calendar_has() -> None:
    """Year 9999 plus a plan would be no date at all."""
    body = {"plan_id": str(UUID(int=1)), "trainee_id": str(UUID(int=2))}
    assert wire.structure(AssignPlan, {**body, "start_date": "2026-03-09"}).start_date == START
    for day in ("9999-12-31", "2026-02-29", 20260309, None):
        with pytest.raises(Invalid) as caught:
            wire.structure(AssignPlan, {**body, "start_date": day})
        assert [error.pointer for error in caught.value.errors] == ["/start_date"]


def test_cancelling_keeps_the_reason() -> None:
    """And ends a pause."""
    cancelled = an_assignment(status="paused", paused_on=START).cancel("moved away", now=at(10))
    assert (cancelled.status, cancelled.reason, cancelled.paused_on, cancelled.due_at) == (
        "cancelled",
        "moved away",
        None,
        None,
    )
    assert cancelled.status_at(at(10) + timedelta(days=90)) == "cancelled"
