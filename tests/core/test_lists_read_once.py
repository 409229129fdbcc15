"""What is read for a page does not grow with what is on it: an instance whose database is far away pays each time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from coachhub_core.domain.analytics import ReadAttention, ReadRoster
from coachhub_core.domain.cohorts import CreateCohortRun, ListCohortRuns
from coachhub_core.domain.matches import RequestMatch
from coachhub_core.domain.schedule import ReadCalendar
from coachhub_core.domain.set_logs import SetEntry
from coachhub_core.domain.trainees import ChangeTrainee
from coachhub_core.domain.workouts import ListWorkouts, LogWorkout
from coachhub_core.testing.plan_builders import a_document
from coachhub_core.testing.story import PASSWORD, House, house, shipped_exercise

__all__ = ["house"]


class Statements:
    """Counts what a hub asks its database."""

    def __init__(self, house: House) -> None:
        self._n = 0
        engine = house.hub.storage.engine  # type: ignore[attr-defined]  # of the storage over SQLAlchemy
        sa.event.listen(engine, "before_cursor_execute", self._one_more)

    def _one_more(self, *_: Any) -> None:
        self._n += 1

    def of(self, ask: Callable[[], Any]) -> int:
        """Return how many statements it takes."""
        before = self._n
        ask()
        return self._n - before


def test_a_roster_and_who_needs_a_word(house: House) -> None:
    """Two trainees or six, each with a plan, a log and a request beside them."""
    coach = house.a_coach()
    assert coach.coach_id is not None
    plan = house.a_published_plan(coach, a_document())
    statements = Statements(house)
    entry = SetEntry(exercise_id=shipped_exercise("plank"), duration_seconds=60)

    def another() -> None:
        trainee = house.a_trainee()
        house.matched(trainee, coach)
        house.assigned(coach, trainee, plan)
        house.hub.workouts.log(trainee, LogWorkout(id=uuid4(), started_at=house.clock(), sets=(entry,)))
        house.hub.matches.request(house.a_trainee(), RequestMatch(coach_id=coach.coach_id))

    found = []
    for n in (2, 4):
        for _ in range(n):
            another()
        shown = house.hub.analytics.roster(coach, ReadRoster()).items
        found.append(
            (
                statements.of(lambda: house.hub.analytics.roster(coach, ReadRoster())),
                statements.of(lambda: house.hub.analytics.attention(coach, ReadAttention())),
            )
        )
    assert len(shown) == 6
    assert found[0] == found[1]


def test_workouts_with_the_days_they_fulfil(house: House) -> None:
    """One or three."""
    coach, trainee = house.a_pair()
    assert trainee.trainee_id is not None
    house.assigned(coach, trainee, house.a_published_plan(coach, a_document(n_cycles=2)))
    asked = ReadCalendar(trainee_id=trainee.trainee_id, from_=date(2026, 1, 1), to=date(2026, 1, 31))
    days = list(house.hub.calendar.read(trainee, asked).items)[:3]
    statements = Statements(house)
    entry = SetEntry(set_key="squat-1", exercise_id=shipped_exercise("back-squat"), reps=5)
    found = []
    for some in (days[:1], days[1:]):
        for day in some:
            said = LogWorkout(id=uuid4(), started_at=house.clock(), scheduled_workout_id=day.id, sets=(entry,))
            house.hub.workouts.log(trainee, said)
        found.append(statements.of(lambda: house.hub.workouts.list(trainee, ListWorkouts())))
    assert len(house.hub.workouts.list(trainee, ListWorkouts()).items) == 3
    assert found[0] == found[1]


def test_cohort_runs_with_why_somebody_was_left_out(house: House) -> None:
    """One or three."""
    made = house.hub.accounts.create_admin(email="root@example.org", password=PASSWORD, name="Root")
    admin = house.hub.act_as(made.id)
    house.hub.trainees.change(house.a_trainee(), ChangeTrainee(goal="my first marathon"))  # and no coach for it
    statements = Statements(house)
    found = []
    for n in (1, 2):
        for _ in range(n):
            house.hub.cohorts.create(admin, CreateCohortRun())
        house.hub.run_due()
        found.append(statements.of(lambda: house.hub.cohorts.list(admin, ListCohortRuns())))
    assert found[0] == found[1]
