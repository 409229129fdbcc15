"""Logging over a real storage: once is once, the right day is fulfilled, and the past can be asked."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.adherence import ReadAdherence
from coachhub_core.domain.assignments import AssignmentView, UpgradeAssignment
from coachhub_core.domain.exercises import CreateExercise
from coachhub_core.domain.matches import EndMatch
from coachhub_core.domain.plans import ChangePlan, PublishPlan
from coachhub_core.domain.schedule import ReadCalendar, SkipWorkout
from coachhub_core.domain.set_logs import SetEntry
from coachhub_core.domain.workouts import CorrectWorkout, DeleteWorkout, ListWorkouts, LogWorkout, WorkoutView
from coachhub_core.errors import AlreadyFulfilled, AlreadyLogged, Forbidden, Invalid, NotFound, WorkoutIdReused
from coachhub_core.testing.plan_builders import a_document
from coachhub_core.testing.story import House, shipped_exercise, with_known_exercises

SQUAT, BENCH = shipped_exercise("back-squat"), shipped_exercise("bench-press")
_ids = itertools.count(1)


def squats(*keys: str, **more: Any) -> tuple[SetEntry, ...]:
    return tuple(SetEntry(**{"set_key": key, "exercise_id": SQUAT, "reps": 5, **more}) for key in keys)


class Gym:
    """A trainee with an assignment, and short ways to log."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.coach, self.trainee = house.a_pair()
        self.plan = house.a_published_plan(self.coach, a_document(n_cycles=2))
        self.assignment: AssignmentView = house.assigned(self.coach, self.trainee, self.plan)

    def days(self) -> list[Any]:
        assert self.trainee.trainee_id is not None
        query = ReadCalendar(trainee_id=self.trainee.trainee_id, from_=date(2026, 1, 1), to=date(2026, 1, 31))
        return list(self.house.hub.calendar.read(self.trainee, query).items)

    def states(self) -> list[str]:
        return [day.state for day in self.days()]

    def command(self, day: Any = None, *sets: SetEntry, **more: Any) -> LogWorkout:
        given = {"id": UUID(int=next(_ids)), "started_at": self.house.clock(), **more}
        return LogWorkout(**given, scheduled_workout_id=day.id if day is not None else None, sets=sets)

    def log(self, day: Any = None, *sets: SetEntry, **more: Any) -> WorkoutView:
        return self.house.hub.workouts.log(self.trainee, self.command(day, *sets, **more))[0]

    def adherence(self, who: Actor | None = None, **more: Any) -> Any:
        assert self.trainee.trainee_id is not None
        query = ReadAdherence(trainee_id=self.trainee.trainee_id, **{"window": 7, **more})
        return self.house.hub.workouts.adherence(who or self.trainee, query)


@pytest.fixture
def gym(house: House) -> Gym:
    return Gym(house)


# ── logging ─────────────────────────────────────────────────────────────────


def test_a_log_fulfils_its_day(gym: Gym) -> None:
    """All sets make it done, some partial; the view names the day."""
    legs, push, *_ = gym.days()
    done = gym.log(legs, *squats("squat-1", "squat-2", rpe=8))
    assert (done.fulfils, done.scheduled_workout_id, done.plan_id, done.version_number) == (
        "done",
        legs.id,
        gym.plan.id,
        1,
    )
    assert gym.log(push, SetEntry(set_key="bench-s1", exercise_id=BENCH, reps=5)).fulfils == "partial"
    assert gym.states() == ["done", "partial", "due", "due"]
    assert gym.days()[0].workout_id == done.id
    stored = gym.house.hub.workouts.get(gym.trainee, done.id)
    assert stored == done


def test_sent_twice_it_is_stored_once(gym: Gym) -> None:
    """Also after a correction; other content under the id is refused, and so is somebody else's id."""
    hub, day = gym.house.hub, gym.days()[0]
    command = gym.command(day, *squats("squat-1"))
    first, is_new = hub.workouts.log(gym.trainee, command)
    again, is_new_again = hub.workouts.log(gym.trainee, command)
    assert (again, is_new, is_new_again) == (first, True, False)
    correction = CorrectWorkout(workout_id=first.id, started_at=command.started_at, sets=squats("squat-1", "squat-2"))
    corrected = hub.workouts.correct(gym.trainee, correction)
    late, is_new = hub.workouts.log(gym.trainee, command)
    assert (late, is_new) == (corrected, False)
    other = gym.command(day, *squats("squat-1"), id=first.id, notes="other")
    with pytest.raises(WorkoutIdReused):
        hub.workouts.log(gym.trainee, other)
    with pytest.raises(WorkoutIdReused):
        hub.workouts.log(gym.house.a_trainee(), gym.command(id=first.id))
    assert len(hub.workouts.list(gym.trainee, ListWorkouts()).items) == 1


def test_a_day_is_fulfilled_once(gym: Gym) -> None:
    """A second log for it is refused and not stored."""
    day = gym.days()[0]
    gym.log(day, *squats("squat-1"))
    with pytest.raises(AlreadyFulfilled):
        gym.log(day, *squats("squat-2"))
    assert len(gym.house.hub.workouts.list(gym.trainee, ListWorkouts()).items) == 1
    with pytest.raises(AlreadyLogged):
        gym.house.hub.calendar.skip(gym.trainee, SkipWorkout(scheduled_workout_id=day.id))


def test_a_log_that_has_nothing_to_do_with_the_day_is_kept_and_fulfils_nothing(gym: Gym) -> None:
    """A log never satisfies an unrelated prescription, and is never lost."""
    logged = gym.log(gym.days()[0], SetEntry(exercise_id=BENCH, reps=5))
    assert (logged.fulfils, logged.scheduled_workout_id) == (None, None)
    assert gym.states()[0] == "due"
    assert gym.log(None, *squats("squat-1")).fulfils is None


def test_a_late_log_wins_over_missed_and_skipped(gym: Gym) -> None:
    """What happened, happened."""
    legs, push, *_ = gym.days()
    gym.house.hub.calendar.skip(gym.trainee, SkipWorkout(scheduled_workout_id=push.id))
    gym.house.clock.advance(days=5)
    gym.house.hub.run_due()
    assert gym.states()[:2] == ["missed", "skipped"]
    gym.log(legs, *squats("squat-1", "squat-2"))
    gym.log(push, SetEntry(exercise_id=BENCH, reps=5))
    assert gym.states()[:2] == ["done", "partial"]


def test_a_log_from_before_an_upgrade_finds_the_day_in_its_place(gym: Gym) -> None:
    """The device was offline while the coach published."""
    gym.house.clock.advance(days=1)
    old = gym.days()[1]
    document = with_known_exercises(a_document(n_cycles=3))
    gym.house.hub.plans.change(gym.coach, ChangePlan(plan_id=gym.plan.id, document=document))
    gym.house.hub.plans.publish(gym.coach, PublishPlan(plan_id=gym.plan.id, parent=1))
    gym.house.hub.assignments.upgrade(gym.coach, UpgradeAssignment(assignment_id=gym.assignment.id))
    new = gym.days()[1]
    assert (new.id != old.id, new.version_number) == (True, 2)
    logged = gym.log(old, SetEntry(set_key="bench-s1", exercise_id=BENCH, reps=5))
    assert (logged.scheduled_workout_id, logged.version_number) == (new.id, 2)


def test_what_a_log_refers_to_must_exist(gym: Gym) -> None:
    """With the place in the list; a coach's own exercises are known to their trainees."""
    own = gym.house.hub.exercises.create(gym.coach, CreateExercise(name="Zercher"))
    theirs = gym.house.hub.exercises.create(gym.house.a_coach(), CreateExercise(name="Zercher"))
    gym.log(None, SetEntry(exercise_id=own.id))
    for sets, day, pointer in (
        ((SetEntry(exercise_id=SQUAT), SetEntry(exercise_id=theirs.id)), None, "/sets/1/exercise_id"),
        ((SetEntry(exercise_id=UUID(int=9)),), None, "/sets/0/exercise_id"),
    ):
        with pytest.raises(Invalid) as caught:
            gym.log(day, *sets)
        assert [error.pointer for error in caught.value.errors] == [pointer]
    with pytest.raises(Invalid) as caught:
        gym.log(None, started_at=gym.house.clock() + timedelta(days=3))
    assert [error.pointer for error in caught.value.errors] == ["/started_at"]
    stranger = Gym(gym.house)
    with pytest.raises(Invalid) as caught:
        gym.log(stranger.days()[0])
    assert [error.pointer for error in caught.value.errors] == ["/scheduled_workout_id"]


# ── correcting and taking back ──────────────────────────────────────────────


def test_a_correction_judges_the_day_anew_and_keeps_what_was_said(gym: Gym) -> None:
    """From partial to done, to nothing, with every step kept."""
    hub, day = gym.house.hub, gym.days()[0]
    logged = gym.log(day, *squats("squat-1", reps=5))

    def correct(*sets: SetEntry) -> WorkoutView:
        command = CorrectWorkout(workout_id=logged.id, started_at=logged.started_at, sets=sets)
        return hub.workouts.correct(gym.trainee, command)

    assert correct(*squats("squat-1", "squat-2")).fulfils == "done"
    assert gym.states()[0] == "done"
    unrelated = correct(SetEntry(exercise_id=BENCH, reps=1))
    assert (unrelated.fulfils, unrelated.n_revisions) == (None, 2)
    assert gym.states()[0] == "due"
    revisions = hub.workouts.revisions(gym.trainee, logged.id).items
    assert [revision.number for revision in revisions] == [1, 2]
    assert b"squat-2" not in bytes(revisions[0].content)
    assert b"squat-2" in bytes(revisions[1].content)


def test_what_is_taken_back_is_gone_and_its_id_stays_taken(gym: Gym) -> None:
    """The day is due again; a device that repeats the log is told."""
    hub, day = gym.house.hub, gym.days()[0]
    command = gym.command(day, *squats("squat-1"))
    logged, _ = hub.workouts.log(gym.trainee, command)
    hub.workouts.delete(gym.trainee, DeleteWorkout(workout_id=logged.id, expected_version=1))
    assert gym.states()[0] == "due"
    assert hub.workouts.list(gym.trainee, ListWorkouts()).items == ()
    with pytest.raises(NotFound):
        hub.workouts.get(gym.trainee, logged.id)
    with pytest.raises(WorkoutIdReused):
        hub.workouts.log(gym.trainee, command)
    assert gym.log(day, *squats("squat-1")).fulfils == "partial"


# ── reading ─────────────────────────────────────────────────────────────────


def test_a_coach_reads_logs_by_grant_until_the_end(gym: Gym) -> None:
    """Others never; nobody writes for the trainee."""
    hub = gym.house.hub
    logged = gym.log(gym.days()[0], *squats("squat-1"))
    query = ListWorkouts(trainee=gym.trainee.trainee_id)
    assert [w.id for w in hub.workouts.list(gym.coach, query).items] == [logged.id]
    assert hub.workouts.get(gym.coach, logged.id) == logged
    with pytest.raises(Forbidden):
        hub.workouts.log(gym.coach, gym.command())
    with pytest.raises(Invalid):
        hub.workouts.list(gym.coach, ListWorkouts())
    for stranger in (gym.house.a_coach(), gym.house.a_trainee()):
        with pytest.raises(NotFound):
            hub.workouts.get(stranger, logged.id)
        with pytest.raises(NotFound):
            hub.workouts.list(stranger, query)
        with pytest.raises(NotFound):
            gym.adherence(stranger)
    hub.matches.end(gym.trainee, EndMatch(match_id=gym.assignment.match_id))
    with pytest.raises(NotFound):
        hub.workouts.list(gym.coach, query)
    assert hub.workouts.get(gym.trainee, logged.id).id == logged.id


def test_lists_page_by_start_and_filter_by_day_and_exercise(gym: Gym) -> None:
    """Newest start first, also of logs that came late."""
    hub = gym.house.hub
    now = gym.house.clock()
    for days_ago, exercise in ((1, SQUAT), (5, BENCH), (3, SQUAT), (2, BENCH)):
        gym.log(None, SetEntry(exercise_id=exercise), started_at=now - timedelta(days=days_ago))
    first = hub.workouts.list(gym.trainee, ListWorkouts(limit=2))
    assert [w.local_date.day for w in first.items] == [4, 3]
    rest = hub.workouts.list(gym.trainee, ListWorkouts(limit=2, cursor=first.next))
    assert ([w.local_date.day for w in rest.items], rest.next) == ([2, 31], None)
    back = hub.workouts.list(gym.trainee, ListWorkouts(limit=2, cursor=rest.prev))
    assert back.items == first.items
    bench = hub.workouts.list(gym.trainee, ListWorkouts(exercise=BENCH, from_=date(2026, 1, 1)))
    assert [w.local_date.day for w in bench.items] == [3]


def test_what_people_write_comes_back(gym: Gym) -> None:
    """Emoji, right to left, combining marks, newlines and the numbers as they were entered."""
    notes = "💪🏽 \u202bכבד\u202c e\u0301\n\tmore"
    entry = SetEntry(exercise_id=SQUAT, reps=5, rpe=7.5, notes=notes, rest_seconds=90, side="left", duration_seconds=31)
    logged = gym.log(None, entry, notes=notes, overall_rpe=8)
    stored = gym.house.hub.workouts.get(gym.trainee, logged.id)
    assert stored == logged
    assert (stored.notes, stored.sets[0].notes, stored.sets[0].rpe, stored.overall_rpe) == (notes, notes, 7.5, 8)


# ── adherence ───────────────────────────────────────────────────────────────


def test_adherence_follows_what_is_logged_and_recomputes_equal(gym: Gym) -> None:
    """Coach and trainee read the same number with the same inputs."""
    legs, push, *_ = gym.days()
    gym.log(legs, *squats("squat-1", "squat-2"))
    gym.house.clock.advance(days=5)  # the 10th: Thursday's presses are over
    gym.house.hub.run_due()
    mine = gym.adherence()
    assert (mine.set_rate.value, mine.status.value, mine.n_due.value) == (0.5, "off", 2)
    assert gym.adherence(gym.coach) == mine
    gym.log(push, SetEntry(exercise_id=BENCH, reps=5))
    assert gym.adherence().set_rate.value == 0.75
    assert gym.adherence(as_of=date(2026, 1, 9)).set_rate.value == 1.0
    with pytest.raises(Invalid):
        gym.adherence(as_of=date(2026, 1, 11))


def test_a_number_of_the_past_is_what_was_known_then(gym: Gym) -> None:
    """A correction next week does not change last week's number; computed anew it is equal."""
    logged = gym.log(gym.days()[0], *squats("squat-1", "squat-2"))
    monday = gym.adherence(as_of=date(2026, 1, 5))
    gym.house.clock.advance(days=2)
    command = CorrectWorkout(workout_id=logged.id, started_at=logged.started_at, sets=squats("squat-1"))
    gym.house.hub.workouts.correct(gym.trainee, command)
    assert gym.adherence(as_of=date(2026, 1, 5)) == monday
    assert (monday.set_rate.value, gym.adherence().set_rate.value) == (1.0, 0.5)
