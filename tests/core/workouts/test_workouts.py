"""Logs as devices write them: the same twice is one, corrections keep what stood there before."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import attrs
import pytest

from coachhub_core import wire
from coachhub_core.domain.plan_document import PlannedWorkout
from coachhub_core.domain.prescriptions import ItemCount, Prescription, prescribe
from coachhub_core.domain.set_logs import Load, SetEntry, count_sets, fulfilled_state
from coachhub_core.domain.targets import ThresholdFact
from coachhub_core.domain.workouts import (
    CorrectWorkout,
    LogWorkout,
    Workout,
    WorkoutContent,
    WorkoutRevisionView,
    WorkoutView,
    content_at,
)
from coachhub_core.errors import Invalid
from coachhub_core.testing.plan_builders import BENCH, SQUAT, a_block, a_document, a_planned_workout, a_set, an_item

ID, TRAINEE, SCHEDULED, PLAN = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
NOW = datetime(2026, 3, 4, 19, tzinfo=UTC)
BODY = {
    "id": str(ID),
    "scheduled_workout_id": str(SCHEDULED),
    "started_at": "2026-03-04T18:00:00+01:00",
    "ended_at": "2026-03-04T19:00:00+01:00",
    "zone": "Europe/Berlin",
    "overall_rpe": 7.5,
    "notes": "💪 \u202bכבד\u202c",
    "sets": [
        {"set_key": "squat-1", "exercise_id": str(SQUAT), "reps": 5, "load": {"value": 75, "unit": "kg"}, "rpe": 8},
        {"set_key": "squat-2", "exercise_id": str(SQUAT), "reps": 4, "load": {"value": 75.0, "unit": "kg"}},
    ],
}


def a_command(**members: object) -> LogWorkout:
    return wire.structure(LogWorkout, {**BODY, **members})


def a_prescription() -> Prescription:
    facts = [ThresholdFact(kind="1RM", exercise_id=SQUAT, value=100, unit="kg", as_of=date(2026, 1, 1))]
    workout = a_document().workouts[0]
    return prescribe(workout, plan_id=PLAN, version_number=3, thresholds=facts, day=date(2026, 3, 4))


def a_workout(command: LogWorkout | None = None) -> Workout:
    return Workout.log(command or a_command(), trainee_id=TRAINEE, zone="UTC", now=NOW, prescription=a_prescription())


def a_correction(**members: object) -> CorrectWorkout:
    body = {name: value for name, value in {**BODY, **members}.items() if name not in ("id", "scheduled_workout_id")}
    return wire.structure(CorrectWorkout, body, trusted={"workout_id": ID})


# ── one log ─────────────────────────────────────────────────────────────────


def test_a_log_keeps_what_was_entered_and_what_was_asked() -> None:
    """Units as entered, kilograms beside them, the target of each set copied."""
    workout = a_workout()
    assert (workout.plan_id, workout.version_number, workout.local_date) == (PLAN, 3, date(2026, 3, 4))
    first, second = workout.sets
    assert (first.ordinal, first.entry.load, first.load_kg) == (1, Load(value=75, unit="kg"), 75)
    assert first.target is not None
    assert first.target.resolved_load is not None
    assert (first.target.rpe, first.target.resolved_load.value) == (8, 75)
    assert (second.entry.rpe, second.entry.rir, second.entry.duration_seconds) == (None, None, None)


def test_sending_the_same_twice_is_the_same_log() -> None:
    """However the instant, the number and the nulls are written."""
    workout = a_workout()
    again = a_command(started_at="2026-03-04T17:00:00Z", overall_rpe=7.50)
    again = attrs.evolve(again, sets=tuple(attrs.evolve(s, rir=None) for s in again.sets))
    assert workout.is_same(again, fulfils=SCHEDULED)


@pytest.mark.parametrize(
    "members",
    [
        {"notes": None},
        {"overall_rpe": 8},
        {"scheduled_workout_id": None},
        {"scheduled_workout_id": str(UUID(int=9))},
        {"sets": BODY["sets"][:1]},
        {"sets": BODY["sets"][::-1]},
        {"zone": "UTC"},
    ],
)
def test_the_same_id_with_other_content_is_another_log(members: dict) -> None:
    """Any difference counts, the order of sets too."""
    assert not a_workout().is_same(a_command(**members), fulfils=SCHEDULED)


def test_a_workout_belongs_to_the_day_it_started_on() -> None:
    """In the device's zone, also over midnight; without one in the trainee's."""
    late = a_command(started_at="2026-03-04T23:30:00+01:00", ended_at="2026-03-05T00:40:00+01:00")
    assert a_workout(late).local_date == date(2026, 3, 4)
    unsaid = a_command(zone=None, started_at="2026-03-04T23:30:00Z", ended_at=None)
    there = Workout.log(unsaid, trainee_id=TRAINEE, zone="Pacific/Auckland", now=NOW)
    assert (there.local_date, there.zone) == (date(2026, 3, 5), "Pacific/Auckland")


@pytest.mark.parametrize(
    ("load", "kg"),
    [
        ({"value": 100, "unit": "kg"}, 100),
        ({"value": 225, "unit": "lb"}, 102.058),
        ({"value": 20, "unit": "kg", "basis": "per_side"}, 40),
        ({"value": 10, "unit": "kg", "basis": "added"}, 10),
        ({"value": 30, "unit": "lb", "basis": "assisted"}, -13.608),
        ({"value": 0, "unit": "kg"}, 0),
    ],
)
def test_each_basis_has_its_kilograms(load: dict, kg: float) -> None:
    """Both hands count, and help counts against."""
    assert wire.structure(Load, load).kg == kg


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"id": "1"}, "/id"),
        ({"started_at": "2026-03-04T18:00:00"}, "/started_at"),
        ({"started_at": "0001-01-01T00:00:00Z", "ended_at": None}, "/started_at"),
        ({"started_at": "9999-12-31T23:59:59Z", "ended_at": None}, "/started_at"),
        ({"ended_at": "2026-03-04T16:59:59Z"}, "/ended_at"),
        ({"ended_at": "2026-03-07T18:00:00Z"}, "/ended_at"),
        ({"zone": "Mars/Olympus"}, "/zone"),
        ({"sets": [{"reps": 5}]}, "/sets/0/exercise_id"),
        ({"sets": [{"exercise_id": str(SQUAT), "custom_name": "Squat"}]}, "/sets/0/exercise_id"),
        ({"sets": [{"custom_name": "x", "reps": 5.5}]}, "/sets/0/reps"),
        ({"sets": [{"custom_name": "x", "load": {"value": 5, "unit": "stone"}}]}, "/sets/0/load/unit"),
        ({"sets": [{"custom_name": "x", "load_kg": 5}]}, "/sets/0/load_kg"),
        ({"sets": [{"custom_name": "x"}] * 501}, "/sets"),
        ({"trainee_id": str(TRAINEE)}, "/trainee_id"),
    ],
)
def test_each_mistake_in_a_log_has_its_pointer(members: dict, pointer: str) -> None:
    """Years that no zone can hold, zones that no planet has, sets of nothing."""
    with pytest.raises(Invalid) as caught:
        a_command(**members)
    assert [error.pointer for error in caught.value.errors] == [pointer]


def test_a_workout_of_next_week_is_refused() -> None:
    """A device may be wrong by an hour, not by a week."""
    command = a_command()
    command.check_time(NOW - timedelta(hours=20))
    with pytest.raises(ValueError, match="must not lie more than a day ahead"):
        command.check_time(NOW - timedelta(days=2))


# ── corrections ─────────────────────────────────────────────────────────────


def test_a_correction_keeps_what_was_said_before() -> None:
    """With when it was recorded, so that the past can be asked."""
    workout = a_workout()
    later = NOW + timedelta(days=1)
    corrected, revision = workout.correct(a_correction(notes="slept badly"), now=later, prescription=a_prescription())
    assert revision is not None
    assert (revision.number, revision.recorded_at, revision.replaced_at) == (1, NOW, later)
    assert (corrected.notes, corrected.n_revisions, corrected.recorded_at) == ("slept badly", 1, later)
    before = wire.structure(WorkoutContent, wire.loads(revision.content))
    assert (before.notes, before.sets) == (BODY["notes"], a_command().sets)
    assert json.loads(wire.dumps(WorkoutRevisionView.of(revision)))["content"]["notes"] == BODY["notes"]
    for instant, notes in ((NOW, BODY["notes"]), (later, "slept badly")):
        content = content_at(corrected, [revision], instant)
        assert content is not None
        assert json.loads(content)["notes"] == notes
    assert content_at(corrected, [revision], NOW - timedelta(seconds=1)) is None
    assert content_at(corrected.delete(now=later), [revision], later) is None


def test_a_correction_that_changes_nothing_makes_no_revision() -> None:
    """PUT of what stands there is harmless."""
    workout = a_workout()
    assert workout.correct(a_correction(), now=NOW) == (workout, None)


def test_a_late_repetition_of_the_first_log_is_recognized_after_a_correction() -> None:
    """A device that was offline does not get a conflict for what it sent first, nor undo the correction."""
    corrected, _ = a_workout().correct(a_correction(notes="slept badly"), now=NOW)
    assert corrected.is_same(a_command(), fulfils=SCHEDULED)
    assert corrected.is_same(a_command(notes="slept badly"), fulfils=SCHEDULED)
    assert not corrected.is_same(a_command(notes="third"), fulfils=SCHEDULED)


def test_a_view_shows_sets_flat() -> None:
    """What was entered, its kilograms, what was asked for."""
    shown = json.loads(wire.dumps(WorkoutView.of(a_workout(), scheduled_workout_id=SCHEDULED, fulfils="done")))
    first = shown["sets"][0]
    assert (first["load"], first["load_kg"]) == ({"value": 75, "unit": "kg", "basis": "total"}, 75)
    assert first["target"]["effort"] == {"kind": "range", "min": 7, "target": None, "max": 8, "unit": "rpe"}
    assert (shown["notes"], shown["fulfils"]) == (BODY["notes"], "done")
    assert not {"logged_hash", "content_hash", "deleted_at"} & shown.keys()


# ── what counts ─────────────────────────────────────────────────────────────


def a_day(**block: object) -> PlannedWorkout:
    squat = an_item(
        "squat", sets=(a_set("warm", type="warmup"), a_set("q1"), a_set("q2"), a_set("opt", is_optional=True))
    )
    plank = an_item("plank", exercise_id=None, custom_name="Plank", sets=(a_set("pl"),))
    return a_planned_workout("w", a_block("b", squat, plank, **block))


def done(*entries: SetEntry, workout: PlannedWorkout | None = None) -> list[tuple[str, int, int]]:
    return [(c.key, c.n_done, c.n_prescribed) for c in count_sets(workout or a_day(), entries)]


def an_entry(set_key: str | None = None, exercise: UUID | None = SQUAT, **members: object) -> SetEntry:
    named = {"custom_name": "Plank"} if exercise is None else {"exercise_id": exercise}
    return SetEntry(**{"set_key": set_key, "reps": 5, **named, **members})


def test_only_working_sets_are_asked_for() -> None:
    """Warm-ups and optional sets are neither asked for nor counted."""
    assert done() == [("squat", 0, 2), ("plank", 0, 1)]
    assert done(an_entry("warm"), an_entry("opt"), an_entry(type="warmup")) == [("squat", 0, 2), ("plank", 0, 1)]


def test_rounds_multiply_sets() -> None:
    """A circuit of three rounds asks for each set three times, under one key."""
    circuit = a_day(kind="circuit", rounds=3)
    assert done(an_entry("q1"), an_entry("q1"), an_entry("q2"), workout=circuit) == [("squat", 3, 6), ("plank", 0, 3)]


def test_substitutions_count_and_extras_do_not() -> None:
    """By the key of the set, or by what it was done instead of."""
    assert done(an_entry("q1", BENCH), an_entry(None, BENCH, substituted_for=SQUAT)) == [
        ("squat", 2, 2),
        ("plank", 0, 1),
    ]
    assert done(an_entry(None, BENCH)) == [("squat", 0, 2), ("plank", 0, 1)]
    assert done(*[an_entry()] * 9) == [("squat", 2, 2), ("plank", 0, 1)]


def test_a_failed_attempt_is_not_a_set_and_an_unsaid_number_is_not_zero() -> None:
    """Zero repetitions were not done; no word about repetitions says nothing."""
    assert done(an_entry("q1", reps=0), an_entry("q2", reps=None), an_entry(None, None, reps=None)) == [
        ("squat", 1, 2),
        ("plank", 1, 1),
    ]


def test_unnamed_sets_fill_the_items_of_their_exercise_in_order() -> None:
    """Two items of one exercise are filled one after the other; keys of another plan name nothing here."""
    heavy, light = an_item("heavy", n_sets=2), an_item("light", n_sets=2)
    workout = a_planned_workout("w", a_block("b", heavy, light))
    assert done(*[an_entry()] * 3, workout=workout) == [("heavy", 2, 2), ("light", 1, 2)]
    assert done(an_entry("light-s1"), an_entry("of-another-plan"), workout=workout) == [
        ("heavy", 1, 2),
        ("light", 1, 2),
    ]


def test_a_log_is_done_partial_or_none_of_its_business() -> None:
    """A log never satisfies an unrelated prescription."""
    everything = [an_entry("q1"), an_entry("q2"), an_entry("pl", None)]
    assert fulfilled_state(a_day(), everything) == "done"
    assert fulfilled_state(a_day(), everything[:2]) == "partial"
    assert fulfilled_state(a_day(), [an_entry(None, BENCH)]) is None
    assert fulfilled_state(a_day(), []) is None
    nothing_asked = a_planned_workout("rest", a_block("b", an_item("i", sets=())))
    assert fulfilled_state(nothing_asked, []) == "done"
    assert count_sets(nothing_asked, [an_entry()]) == ()
    assert count_sets(a_day(), everything)[0] == ItemCount(key="squat", n_prescribed=2, n_done=2)
