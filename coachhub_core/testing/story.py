"""A small house with people in it, for tests of services: who they are, what they may, and a clock to turn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid5

import attrs
import pytest

from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.clock import ManualClock
from coachhub_core.config import Settings
from coachhub_core.domain.accounts import Actor, Register
from coachhub_core.domain.assignments import AssignmentView, AssignPlan
from coachhub_core.domain.coaches import CreateCoach
from coachhub_core.domain.exercises import NAMESPACE
from coachhub_core.domain.matches import AcceptMatch, MatchView, RequestMatch
from coachhub_core.domain.plan_document import PlanDocument
from coachhub_core.domain.plan_views import PlanView
from coachhub_core.domain.plans import CreatePlan, PublishPlan
from coachhub_core.testing.plan_builders import BENCH, SQUAT

PASSWORD = "three green bicycles at dawn"


@attrs.define
class House:
    """A hub in memory, with short ways to what a story begins with."""

    hub: CoachHub
    clock: ManualClock
    n_people: int = 0

    @classmethod
    def open(cls, **changes: Any) -> House:
        """Return a new, empty one, with *changes* to the settings; close it, or use it with ``with``."""
        clock = ManualClock()
        settings = Settings.in_memory(**changes)
        settings = attrs.evolve(settings, auth=attrs.evolve(settings.auth, bcrypt_cost=10))
        return cls(bootstrap(settings, clock=clock), clock)

    def __enter__(self) -> House:
        return self

    def __exit__(self, *_: object) -> None:
        self.hub.close()

    def today(self) -> date:
        """Return the day it is in UTC."""
        return self.clock().date()

    def a_person(self, role: str, **more: Any) -> Actor:
        """Register somebody and return them as an actor."""
        self.n_people += 1
        given = {"name": f"Person {self.n_people}", "email": f"p{self.n_people}@example.org", **more}
        command = Register(password=PASSWORD, role="coach" if role == "coach" else "trainee", **given)
        signed_in = self.hub.accounts.register(command, source="test")
        return self.hub.act_as(signed_in.account.id)

    def a_coach(self, **more: Any) -> Actor:
        """Return a coach with a profile."""
        actor = self.a_person("coach", **more)
        self.hub.coaches.create(actor, CreateCoach())
        return self.hub.act_as(actor.account_id)

    def a_trainee(self, **more: Any) -> Actor:
        """Return a trainee."""
        return self.a_person("trainee", **more)

    def matched(self, trainee: Actor, coach: Actor) -> MatchView:
        """Match the two."""
        assert coach.coach_id is not None
        asked = self.hub.matches.request(trainee, RequestMatch(coach_id=coach.coach_id))
        return self.hub.matches.accept(coach, AcceptMatch(match_id=asked.id))

    def a_pair(self) -> tuple[Actor, Actor]:
        """Return a coach and a trainee who are matched."""
        coach, trainee = self.a_coach(), self.a_trainee()
        self.matched(trainee, coach)
        return coach, trainee

    def a_published_plan(self, coach: Actor, document: PlanDocument, **more: Any) -> PlanView:
        """Return a plan with one version."""
        command = CreatePlan(title="Base", document=with_known_exercises(document), **more)
        plan = self.hub.plans.create(coach, command)
        return self.hub.plans.publish(coach, PublishPlan(plan_id=plan.id))

    def assigned(
        self, coach: Actor, trainee: Actor, plan: PlanView, *, in_days: int = 0, **more: Any
    ) -> AssignmentView:
        """Put *plan* on the trainee's calendar, beginning *in_days* from today."""
        assert trainee.trainee_id is not None
        start = self.today() + timedelta(days=in_days)
        command = AssignPlan(plan_id=plan.id, trainee_id=trainee.trainee_id, start_date=start, **more)
        return self.hub.assignments.assign(coach, command)


def shipped_exercise(slug: str) -> UUID:
    """Return the id of a shipped exercise: the same in every house."""
    return uuid5(NAMESPACE, slug)


def with_known_exercises(document: PlanDocument) -> PlanDocument:
    """Return a built document with exercises that exist in place of the builders' own."""
    ids = {SQUAT: shipped_exercise("back-squat"), BENCH: shipped_exercise("bench-press")}

    def workout(w: Any) -> Any:
        return attrs.evolve(w, blocks=tuple(attrs.evolve(b, items=tuple(map(item, b.items))) for b in w.blocks))

    def item(i: Any) -> Any:
        return attrs.evolve(i, exercise_id=ids.get(i.exercise_id, i.exercise_id))

    return attrs.evolve(document, workouts=tuple(map(workout, document.workouts)))


@pytest.fixture
def house() -> Iterator[House]:
    """An empty house."""
    with House.open() as opened:
        yield opened
