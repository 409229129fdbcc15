"""Many at once: one version per parent, one main plan per day, one log per id, and no plan after the end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

from coachhub_core.domain.assignments import AssignPlan
from coachhub_core.domain.matches import EndMatch, ListMatches
from coachhub_core.domain.plans import ChangePlan, PublishPlan
from coachhub_core.domain.set_logs import SetEntry
from coachhub_core.domain.workouts import LogWorkout
from coachhub_core.errors import AssignmentWindowOverlap, CoachHubError, MatchNotActive, PlanStaleParent
from coachhub_core.testing.plan_builders import a_document
from coachhub_core.testing.story import House, shipped_exercise, with_known_exercises

N = 8


def at_once(*doings: Callable[[], object]) -> list[object]:
    """Run all of them at the same time; return what each returned or refused."""
    barrier = Barrier(len(doings))

    def run(do: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return do()
        except CoachHubError as exc:
            return exc

    with ThreadPoolExecutor(len(doings)) as pool:
        return list(pool.map(run, doings))


def test_of_many_who_publish_from_one_parent_one_does(house: House) -> None:
    """The others are told that they are behind."""
    coach = house.a_coach()
    plan = house.a_published_plan(coach, a_document())
    document = with_known_exercises(a_document(n_cycles=5))
    house.hub.plans.change(coach, ChangePlan(plan_id=plan.id, document=document))
    command = PublishPlan(plan_id=plan.id, parent=1)
    answers = at_once(*[lambda: house.hub.plans.publish(coach, command)] * N)
    assert sum(isinstance(a, PlanStaleParent) for a in answers) == N - 1
    assert house.hub.plans.get(coach, plan.id).version_number == 2


def test_of_many_main_plans_for_one_day_one_is_assigned(house: House) -> None:
    """Windows are compared with the trainee's row held."""
    coach, trainee = house.a_pair()
    plan = house.a_published_plan(coach, a_document())
    answers = at_once(*[lambda: house.assigned(coach, trainee, plan)] * N)
    assert sum(isinstance(a, AssignmentWindowOverlap) for a in answers) == N - 1
    assert house.hub.storage.check().n_rows["scheduled_workouts"] == 8


def test_one_log_sent_many_times_at_once_is_one(house: House) -> None:
    """A device that lost the answer tries again, and again."""
    trainee = house.a_trainee()
    sets = (SetEntry(exercise_id=shipped_exercise("plank"), duration_seconds=60),)
    command = LogWorkout(id=uuid4(), started_at=house.clock(), sets=sets)
    answers = at_once(*[lambda: house.hub.workouts.log(trainee, command)] * N)
    assert sorted(is_new for _, is_new in answers) == [False] * (N - 1) + [True]
    assert {view.id for view, _ in answers} == {command.id}
    assert house.hub.storage.check().n_rows["set_logs"] == 1


def test_no_plan_is_assigned_by_a_coach_who_no_longer_may(house: House) -> None:
    """Check and act are one: whichever comes first, no day is due after the end."""
    for _ in range(5):
        coach, trainee = house.a_pair()
        plan = house.a_published_plan(coach, a_document())
        match = house.hub.matches.list(trainee, ListMatches()).items[0]
        assert trainee.trainee_id is not None
        command = AssignPlan(plan_id=plan.id, trainee_id=trainee.trainee_id, start_date=house.today())
        assigned, ended = at_once(
            lambda coach=coach, command=command: house.hub.assignments.assign(coach, command),
            lambda trainee=trainee, match=match: house.hub.matches.end(trainee, EndMatch(match_id=match.id)),
        )
        assert not isinstance(ended, CoachHubError)
        assert isinstance(assigned, MatchNotActive) or not isinstance(assigned, CoachHubError)
        with house.hub.storage.begin(read_only=True) as work:
            assert not work.assignments.open_of_trainee(trainee.trainee_id)
            assert not work.scheduled.next_days([trainee.trainee_id], house.today())
