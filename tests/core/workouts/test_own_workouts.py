"""Plans and workouts are taken along in an export, and gone after an erasure."""

from __future__ import annotations

import json
from uuid import uuid4

from coachhub_core.domain.accounts import EraseAccount
from coachhub_core.domain.exercises import CreateExercise
from coachhub_core.domain.plans import CreatePlan
from coachhub_core.domain.set_logs import SetEntry
from coachhub_core.domain.workouts import LogWorkout
from coachhub_core.testing.plan_builders import a_document
from coachhub_core.testing.story import PASSWORD, House, shipped_exercise


def a_story(house: House) -> tuple:
    coach, trainee = house.a_pair()
    plan = house.a_published_plan(coach, a_document())
    house.assigned(coach, trainee, plan)
    sets = (SetEntry(set_key="squat-1", exercise_id=shipped_exercise("back-squat"), reps=5),)
    with house.hub.storage.begin(read_only=True) as work:
        day = work.scheduled.between([trainee.trainee_id], house.today(), house.today())[0]
    command = LogWorkout(id=uuid4(), started_at=house.clock(), scheduled_workout_id=day.id, sets=sets, notes="heavy")
    house.hub.workouts.log(trainee, command)
    return coach, trainee, command


def exported(house: House, who) -> dict:
    house.hub.own_data.ask_export(who)
    house.hub.run_due()
    (export,) = house.hub.own_data.exports(who).items
    document = house.hub.own_data.export(who, export.id).document
    assert document is not None
    return json.loads(json.dumps(document))


def test_an_export_holds_plans_days_and_workouts(house: House) -> None:
    """The trainee's own, and the coach's own."""
    coach, trainee, command = a_story(house)
    mine = exported(house, trainee)
    assert [w["workout"]["id"] for w in mine["workouts"]] == [str(command.id)]
    assert mine["workouts"][0]["workout"]["notes"] == "heavy"
    (assigned,) = mine["plans"]["assignments"]
    assert (len(assigned["days"]), assigned["days"][0]["state"]) == (8, "partial")
    theirs = exported(house, coach)
    assert [v["document"]["phases"][0]["n_cycles"] for v in theirs["plans"]["plans"][0]["versions"]] == [4]
    assert theirs.get("workouts") is None


def test_an_erased_trainee_leaves_no_log_and_no_day(house: House) -> None:
    """And nothing that points to nothing."""
    _, trainee, _ = a_story(house)
    house.hub.own_data.erase(trainee, EraseAccount(password=PASSWORD, end_matches=True))
    report = house.hub.storage.check()
    assert report.problems == ()
    for table in ("workouts", "set_logs", "fulfilments", "workout_revisions", "assignments", "scheduled_workouts"):
        assert report.n_rows[table] == 0


def test_an_erased_coach_leaves_what_trainees_logs_refer_to(house: House) -> None:
    """Drafts and unused exercises go; published versions stay."""
    coach, trainee, command = a_story(house)
    house.hub.plans.create(coach, CreatePlan(title="Draft"))
    house.hub.exercises.create(coach, CreateExercise(name="Never used"))
    house.hub.own_data.erase(coach, EraseAccount(password=PASSWORD, end_matches=True))
    report = house.hub.storage.check()
    assert (report.problems, report.n_rows["plans"], report.n_rows["exercises"]) == ((), 1, 123)
    assert house.hub.workouts.get(trainee, command.id).notes == "heavy"


def test_the_check_finds_a_day_whose_workout_is_gone(house: House) -> None:
    """``coachhub check`` counts what no constraint can hold."""
    _, trainee, command = a_story(house)
    assert house.hub.storage.check().problems == ()
    with house.hub.storage.begin() as work:
        work.workouts.unfulfil(command.id)
        work.commit()
    assert house.hub.storage.check().problems == ("scheduled_workouts.state: 1 days and their workouts disagree",)
    assert trainee.trainee_id is not None
