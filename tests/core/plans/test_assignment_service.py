"""Plans on calendars, with a clock to turn: what changes days to come, and that nothing rewrites the past."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs
import pytest

from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.assignments import (
    AssignmentView,
    CancelAssignment,
    ChangeAssignment,
    ListAssignments,
    PauseAssignment,
    ResumeAssignment,
    UpgradeAssignment,
)
from coachhub_core.domain.matches import EndMatch, ListMatches, PauseMatch, ResumeMatch
from coachhub_core.domain.overrides import Override
from coachhub_core.domain.plan_document import PlanDocument
from coachhub_core.domain.plan_views import PlanView
from coachhub_core.domain.plans import ArchivePlan, ChangePlan, CreatePlan, PublishPlan
from coachhub_core.domain.schedule import ReadCalendar, SkipWorkout
from coachhub_core.domain.trainees import SetThresholds, Threshold
from coachhub_core.errors import (
    AssignmentIllegalTransition,
    AssignmentWindowOverlap,
    Invalid,
    MatchNotActive,
    NotFound,
    OverrideConflict,
    PlanIllegalTransition,
    ScheduledWorkoutIllegalTransition,
    VersionMismatch,
)
from coachhub_core.testing.plan_builders import a_document, read_document
from coachhub_core.testing.story import House, shipped_exercise, with_known_exercises

ONE, TWO = with_known_exercises(a_document()), with_known_exercises(a_document(n_cycles=5))
LIGHTER = Override(key="squat-1", op="set", member="load", value={"kind": "absolute", "value": 60, "unit": "kg"})


def days(house: House, who: Actor, trainee: Actor, n: int = 31) -> list[Any]:
    assert trainee.trainee_id is not None
    start = date(2026, 1, 1)
    query = ReadCalendar(trainee_id=trainee.trainee_id, from_=start, to=start + timedelta(days=n - 1))
    return list(house.hub.calendar.read(who, query).items)


def states(house: House, trainee: Actor, n: int = 31) -> list[tuple[int, str, str]]:
    return [(day.local_date.day, day.workout_key, day.state) for day in days(house, trainee, trainee, n)]


def second_version(house: House, coach: Actor, plan: PlanView, document: PlanDocument = TWO) -> None:
    house.hub.plans.change(coach, ChangePlan(plan_id=plan.id, document=document))
    house.hub.plans.publish(coach, PublishPlan(plan_id=plan.id, parent=1))


@pytest.fixture
def pair(house: House) -> tuple[Actor, Actor]:
    return house.a_pair()


@pytest.fixture
def plan(house: House, pair: tuple[Actor, Actor]) -> PlanView:
    return house.a_published_plan(pair[0], a_document(n_cycles=2))


@pytest.fixture
def assignment(house: House, pair: tuple[Actor, Actor], plan: PlanView) -> AssignmentView:
    return house.assigned(*pair, plan)  # on Monday, 5 January 2026


# ── assigning ───────────────────────────────────────────────────────────────


def test_an_assignment_makes_days(house: House, pair: tuple[Actor, Actor], assignment: AssignmentView) -> None:
    """Squats on Mondays, presses on Thursdays, for two weeks; the trainee is told."""
    _, trainee = pair
    assert (assignment.status, assignment.end_date, assignment.zone) == ("active", date(2026, 1, 18), "UTC")
    assert states(house, trainee) == [
        (5, "legs", "due"),
        (8, "push", "due"),
        (12, "legs", "due"),
        (15, "push", "due"),
    ]
    (own,) = house.hub.assignments.list(trainee, ListAssignments()).items
    assert (own.id, own.plan_title, own.allowed) == (assignment.id, "Base", ())


def test_without_an_active_match_nothing_is_assigned(house: House, pair: tuple[Actor, Actor], plan: PlanView) -> None:
    """Not to a stranger, not in a pause, not after the end."""
    coach, trainee = pair
    with pytest.raises(MatchNotActive):
        house.assigned(coach, house.a_trainee(), plan)
    match_id = house.hub.matches.list(trainee, ListMatches()).items[0].id
    house.hub.matches.pause(trainee, PauseMatch(match_id=match_id))
    with pytest.raises(MatchNotActive) as caught:
        house.assigned(coach, trainee, plan)
    assert caught.value.state == "paused"
    house.hub.matches.end(trainee, EndMatch(match_id=match_id))
    with pytest.raises(MatchNotActive):
        house.assigned(coach, trainee, plan)


def test_two_main_plans_do_not_cover_the_same_day(
    house: House, pair: tuple[Actor, Actor], plan: PlanView, assignment: AssignmentView
) -> None:
    """The day after the last is free; a plan on the side may overlap."""
    coach, trainee = pair
    with pytest.raises(AssignmentWindowOverlap) as caught:
        house.assigned(coach, trainee, plan, in_days=13)
    assert caught.value.other_id == assignment.id
    house.assigned(coach, trainee, plan, in_days=14)
    house.assigned(coach, trainee, plan, in_days=3, is_main=False)


def test_what_cannot_be_assigned_is_refused_where_it_stands(
    house: House, pair: tuple[Actor, Actor], plan: PlanView
) -> None:
    """An unpublished plan, an unknown version, another trainee's plan, an archived one, a wrong override."""
    coach, trainee = pair
    draft = house.hub.plans.create(coach, CreatePlan(title="Draft", document=ONE))
    other = house.a_trainee()
    house.matched(other, coach)
    theirs = house.a_published_plan(coach, a_document(), trainee_id=other.trainee_id)
    for refused, more, pointer in (
        (draft, {}, "/plan_id"),
        (plan, {"version_number": 9}, "/version_number"),
        (theirs, {}, "/plan_id"),
        (plan, {"overrides": (Override(key="gone", op="omit"),)}, "/overrides/0/key"),
        (plan, {"overrides": (_exercise("00000000-0000-7000-8000-000000000001"),)}, "/overrides"),
    ):
        with pytest.raises(Invalid) as caught:
            house.assigned(coach, trainee, refused, **more)
        assert [error.pointer for error in caught.value.errors] == [pointer]
    house.hub.plans.archive(coach, ArchivePlan(plan_id=plan.id))
    with pytest.raises(PlanIllegalTransition):
        house.assigned(coach, trainee, plan)


def _exercise(id: str) -> Override:
    return Override(key="squat", op="set", member="exercise_id", value=id)


def test_days_before_today_are_missed_at_once(house: House, pair: tuple[Actor, Actor], plan: PlanView) -> None:
    """A plan that began last week has its past, with what was asked for."""
    house.clock.advance(days=9)  # 14 January
    coach, trainee = pair
    house.assigned(coach, trainee, plan, in_days=-9)
    assert states(house, trainee) == [
        (5, "legs", "missed"),
        (8, "push", "missed"),
        (12, "legs", "missed"),
        (15, "push", "due"),
    ]
    assert [day.is_frozen for day in days(house, trainee, trainee)] == [True, True, True, False]


# ── the clock ───────────────────────────────────────────────────────────────


def test_a_day_is_frozen_as_it_begins_and_no_edit_reaches_it(
    house: House, pair: tuple[Actor, Actor], plan: PlanView
) -> None:
    """Thresholds known on the day count; later ones, overrides and versions do not."""
    coach, trainee = pair
    squat = shipped_exercise("back-squat")

    def tested(value: float, as_of: date) -> None:
        threshold = Threshold(kind="1RM", exercise_id=squat, value=value, unit="kg", as_of=as_of)
        house.hub.trainees.set_thresholds(trainee, SetThresholds(thresholds=(threshold,)))

    tested(100, date(2026, 1, 1))
    assignment = house.assigned(coach, trainee, plan, in_days=7, zone="Pacific/Auckland")
    before = days(house, trainee, trainee)[0]
    assert (before.local_date, before.is_frozen) == (date(2026, 1, 12), False)
    house.clock.advance(days=6, hours=2)  # 11 January, 11:00 UTC: the 12th begins in Auckland
    house.hub.run_due()
    assert _loads(days(house, trainee, trainee)[0]) == [75, 75]
    tested(140, date(2026, 1, 2))
    house.hub.assignments.change(coach, ChangeAssignment(assignment_id=assignment.id, overrides=(LIGHTER,)))
    second_version(house, coach, plan)
    frozen, _, later, *_ = days(house, trainee, trainee)
    assert (frozen.is_frozen, _loads(frozen)) == (True, [75, 75])
    assert (later.is_frozen, _loads(later)) == (False, [105])


def _loads(day: Any) -> list[float]:
    return [r["value"] for r in json.loads(bytes(day.prescription))["resolved"]]


def test_a_day_nobody_logged_is_missed_after_a_day_of_grace(
    house: House, pair: tuple[Actor, Actor], assignment: AssignmentView
) -> None:
    """For every reader at once, whether or not the worker has come by."""
    _, trainee = pair
    house.clock.advance(hours=38)  # 6 January, 23:00
    assert states(house, trainee)[0] == (5, "legs", "due")
    house.clock.advance(hours=1)
    assert states(house, trainee)[0] == (5, "legs", "missed")
    house.hub.run_due()
    assert states(house, trainee)[0] == (5, "legs", "missed")
    with pytest.raises(ScheduledWorkoutIllegalTransition):
        house.hub.calendar.skip(trainee, SkipWorkout(scheduled_workout_id=days(house, trainee, trainee)[0].id))


def test_an_assignment_begins_and_completes_by_itself(house: House, pair: tuple[Actor, Actor], plan: PlanView) -> None:
    """And due work comes to an end."""
    coach, trainee = pair
    later = house.assigned(coach, trainee, plan, in_days=2)
    assert later.status == "scheduled"
    house.clock.advance(days=2)
    assert house.hub.run_due().done["days"] >= 1
    assert house.hub.assignments.get(trainee, later.id).status == "active"
    house.clock.advance(days=20)
    house.hub.run_due()
    assert house.hub.run_due().done["days"] == 0
    done = house.hub.assignments.get(coach, later.id)
    assert (done.status, done.allowed) == ("completed", ())
    assert {state for _, _, state in states(house, trainee)} == {"missed"}


# ── personal changes and upgrades ───────────────────────────────────────────


def test_personal_changes_reach_days_to_come(
    house: House, pair: tuple[Actor, Actor], assignment: AssignmentView
) -> None:
    """A workout moved by a day, one left out; taking it back brings it back."""
    coach, trainee = pair
    change = house.hub.assignments.change
    overrides = (
        Override(key="push", op="set", member="day_offset", value=5),
        Override(key="squat", op="omit"),
    )
    changed = change(coach, ChangeAssignment(assignment_id=assignment.id, expected_version=1, overrides=overrides))
    assert states(house, trainee) == [(5, "legs", "due"), (10, "push", "due"), (12, "legs", "due"), (17, "push", "due")]
    prescriptions = [json.loads(bytes(day.prescription)) for day in days(house, trainee, trainee)]
    n_items = [len(p["workout"]["blocks"][0]["items"]) for p in prescriptions if p["workout"]["key"] == "legs"]
    assert n_items == [1, 0]
    with pytest.raises(VersionMismatch):
        change(coach, ChangeAssignment(assignment_id=assignment.id, expected_version=1, overrides=()))
    change(coach, ChangeAssignment(assignment_id=assignment.id, overrides=(Override(key="push", op="omit"),)))
    assert states(house, trainee) == [(5, "legs", "due"), (12, "legs", "due")]
    change(coach, ChangeAssignment(assignment_id=assignment.id, overrides=()))
    assert states(house, trainee) == [(5, "legs", "due"), (8, "push", "due"), (12, "legs", "due"), (15, "push", "due")]
    assert changed.overrides == overrides


def test_an_upgrade_makes_days_to_come_anew_and_leaves_the_rest(
    house: House, pair: tuple[Actor, Actor], plan: PlanView, assignment: AssignmentView
) -> None:
    """Today stays on the old version; the window grows with the plan; a newer one must exist."""
    coach, trainee = pair
    upgrade = house.hub.assignments.upgrade
    with pytest.raises(Invalid):
        upgrade(coach, UpgradeAssignment(assignment_id=assignment.id))
    second_version(house, coach, plan)
    upgraded = upgrade(coach, UpgradeAssignment(assignment_id=assignment.id))
    assert (upgraded.version_number, upgraded.end_date) == (2, date(2026, 2, 8))
    shown = [
        (day.local_date.isoformat()[5:], day.workout_key, day.version_number) for day in days(house, coach, trainee, 45)
    ]
    assert shown[:3] == [("01-05", "legs", 1), ("01-08", "push", 2), ("01-12", "legs", 2)]
    assert len(shown) == 10
    with pytest.raises(Invalid):
        upgrade(coach, UpgradeAssignment(assignment_id=assignment.id, version_number=1))


def test_a_conflict_is_listed_and_nothing_moves(house: House, pair: tuple[Actor, Actor], plan: PlanView) -> None:
    """What the coach changed for this trainee was changed in the template as well: somebody must decide."""
    coach, trainee = pair
    assignment = house.assigned(coach, trainee, plan, overrides=(LIGHTER,))
    before = days(house, trainee, trainee)
    raw = json.loads(bytes(house.hub.plans.get(coach, plan.id).document or b""))
    raw["workouts"][0]["blocks"][0]["items"][0]["sets"][1]["rest_seconds"] = 180
    second_version(house, coach, plan, read_document(raw))
    with pytest.raises(OverrideConflict) as caught:
        house.hub.assignments.upgrade(coach, UpgradeAssignment(assignment_id=assignment.id))
    assert caught.value.keys == ("squat-1",)
    assert days(house, trainee, trainee) == before
    assert house.hub.assignments.get(coach, assignment.id).version_number == 1


# ── pauses ──────────────────────────────────────────────────────────────────


def test_a_pause_of_the_coach_shifts_what_is_left(
    house: House, pair: tuple[Actor, Actor], assignment: AssignmentView
) -> None:
    """Nothing is missed meanwhile, and nothing is lost."""
    coach, trainee = pair
    house.clock.advance(days=3)  # Thursday
    house.hub.run_due()
    paused = house.hub.assignments.pause(coach, PauseAssignment(assignment_id=assignment.id))
    assert (paused.status, paused.paused_on, paused.allowed) == (
        "paused",
        date(2026, 1, 8),
        ("change", "upgrade", "resume", "cancel"),
    )
    house.clock.advance(days=10)
    house.hub.run_due()
    assert states(house, trainee) == [
        (5, "legs", "missed"),
        (8, "push", "due"),
        (12, "legs", "due"),
        (15, "push", "due"),
    ]
    assert [day.is_paused for day in days(house, trainee, trainee)] == [False, True, True, True]
    resumed = house.hub.assignments.resume(coach, ResumeAssignment(assignment_id=assignment.id))
    assert (resumed.status, resumed.end_date) == ("active", date(2026, 1, 28))
    assert states(house, trainee) == [
        (5, "legs", "missed"),
        (18, "push", "due"),
        (22, "legs", "due"),
        (25, "push", "due"),
    ]
    with pytest.raises(AssignmentIllegalTransition) as caught:
        house.hub.assignments.resume(coach, ResumeAssignment(assignment_id=assignment.id))
    assert caught.value.allowed == ("change", "upgrade", "pause", "cancel")


def test_a_pause_that_would_run_into_another_plan_is_refused(
    house: House, pair: tuple[Actor, Actor], plan: PlanView, assignment: AssignmentView
) -> None:
    """The coach must move or cancel one of the two."""
    coach, trainee = pair
    following = house.assigned(coach, trainee, plan, in_days=14)
    house.hub.assignments.pause(coach, PauseAssignment(assignment_id=assignment.id))
    house.clock.advance(days=2)
    with pytest.raises(AssignmentWindowOverlap) as caught:
        house.hub.assignments.resume(coach, ResumeAssignment(assignment_id=assignment.id))
    assert caught.value.other_id == following.id
    house.hub.assignments.cancel(coach, CancelAssignment(assignment_id=following.id))
    assert house.hub.assignments.resume(coach, ResumeAssignment(assignment_id=assignment.id)).status == "active"


def test_plans_pause_with_the_match_and_go_on_with_it(
    house: House, pair: tuple[Actor, Actor], plan: PlanView, assignment: AssignmentView
) -> None:
    """What comes after is pushed on, what the coach had paused stays paused, and a coach cannot resume meanwhile."""
    coach, trainee = pair
    following = house.assigned(coach, trainee, plan, in_days=14)
    aside = house.assigned(coach, trainee, plan, is_main=False)
    house.hub.assignments.pause(coach, PauseAssignment(assignment_id=aside.id))
    house.clock.advance(days=1)
    house.hub.matches.pause(trainee, PauseMatch(match_id=assignment.match_id))
    get = house.hub.assignments.get
    assert [get(coach, a.id).status for a in (assignment, following, aside)] == ["paused"] * 3
    with pytest.raises(MatchNotActive):
        house.hub.assignments.resume(coach, ResumeAssignment(assignment_id=assignment.id))
    house.clock.advance(days=5)
    house.hub.matches.resume(trainee, ResumeMatch(match_id=assignment.match_id))
    first, second = get(coach, assignment.id), get(coach, following.id)
    assert (first.status, first.first_day, first.end_date) == ("active", date(2026, 1, 5), date(2026, 1, 23))
    assert (second.status, second.first_day, second.end_date) == ("scheduled", date(2026, 1, 24), date(2026, 2, 6))
    assert get(coach, aside.id).status == "paused"
    main = [day for day in days(house, trainee, trainee, 45) if day.assignment_id in (assignment.id, following.id)]
    assert [day.local_date.isoformat()[5:] for day in main] == [
        "01-05", "01-13", "01-17", "01-20", "01-24", "01-27", "01-31", "02-03",
    ]  # fmt: skip


def test_the_end_of_a_match_cancels_what_is_left(
    house: House, pair: tuple[Actor, Actor], assignment: AssignmentView
) -> None:
    """The trainee keeps the past; the coach no longer sees any of it."""
    coach, trainee = pair
    house.clock.advance(days=3)
    house.hub.matches.end(coach, EndMatch(match_id=assignment.match_id, reason="moved"))
    assert states(house, trainee) == [(5, "legs", "missed")]
    assert house.hub.assignments.get(trainee, assignment.id).status == "cancelled"
    with pytest.raises(NotFound):
        house.hub.assignments.get(coach, assignment.id)
    with pytest.raises(NotFound):
        days(house, coach, trainee)
    assert house.hub.assignments.list(coach, ListAssignments()).items == ()
    house.clock.advance(days=30)
    house.hub.run_due()
    assert house.hub.storage.check().problems == ()


def test_an_assignment_is_changed_by_its_coach_alone(
    house: House, pair: tuple[Actor, Actor], assignment: AssignmentView
) -> None:
    """To others it does not exist."""
    for stranger in (house.a_coach(), house.a_pair()[0]):
        with pytest.raises(NotFound):
            house.hub.assignments.cancel(stranger, CancelAssignment(assignment_id=assignment.id))
        with pytest.raises(NotFound):
            house.hub.assignments.get(stranger, assignment.id)
        with pytest.raises(NotFound):
            house.hub.calendar.get(stranger, days(house, pair[1], pair[1])[0].id)
    assert house.clock() == datetime(2026, 1, 5, 9, tzinfo=UTC)
    assert attrs.evolve(assignment) == house.hub.assignments.get(pair[0], assignment.id)


def test_a_skipped_day_keeps_its_reason(house: House, pair: tuple[Actor, Actor], assignment: AssignmentView) -> None:
    """Also one to come; an upgrade leaves it alone."""
    _, trainee = pair
    day = days(house, trainee, trainee)[1]
    skipped = house.hub.calendar.skip(trainee, SkipWorkout(scheduled_workout_id=day.id, reason="travelling ✈️"))
    assert (skipped.state, skipped.reason, skipped.is_frozen, skipped.allowed) == (
        "skipped",
        "travelling ✈️",
        True,
        ("log",),
    )
    with pytest.raises(NotFound):
        house.hub.calendar.skip(house.a_trainee(), SkipWorkout(scheduled_workout_id=day.id))
