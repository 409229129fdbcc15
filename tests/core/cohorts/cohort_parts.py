"""A house with an admin, coaches and trainees, for the tests of cohort runs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.coaches import CreateCoach
from coachhub_core.domain.cohorts import (
    ApplyCohortRun,
    CohortRunView,
    CreateCohortRun,
    ListPlacements,
    PlacementView,
)
from coachhub_core.domain.trainees import ChangeTrainee
from coachhub_core.testing.story import PASSWORD, House


class Cast:
    """A house with an admin, coaches by name and trainees by number."""

    def __init__(self, house: House) -> None:
        self.house, self.hub = house, house.hub
        made = self.hub.accounts.create_admin(email="root@example.org", password=PASSWORD, name="Root")
        self.admin = self.hub.act_as(made.id)

    def coach(self, name: str, **profile: Any) -> Actor:
        actor = self.house.a_person("coach", name=name)
        said = {"specialties": ("marathon",), "capacity": 1, "pricing": Decimal(50), **profile}
        self.hub.coaches.create(actor, CreateCoach(**said))
        return self.hub.act_as(actor.account_id)

    def trainee(self, **said: Any) -> Actor:
        actor = self.house.a_trainee()
        self.hub.trainees.change(actor, ChangeTrainee(**{"goal": "my first marathon", "budget": Decimal(60), **said}))
        return actor

    def done(self, **said: Any) -> CohortRunView:
        run = self.hub.cohorts.create(self.admin, CreateCohortRun(**said))
        self.hub.run_due()
        return self.hub.cohorts.get(self.admin, run.id)

    def applied(self, run: CohortRunView, *, partial: bool = False) -> CohortRunView:
        self.hub.cohorts.apply(self.admin, ApplyCohortRun(run_id=run.id, partial=partial))
        self.hub.run_due()
        return self.hub.cohorts.get(self.admin, run.id)

    def placements(self, run: CohortRunView, **said: Any) -> list[PlacementView]:
        return list(self.hub.cohorts.placements(self.admin, run.id, ListPlacements(limit=100, **said)).items)


@pytest.fixture
def cast(house: House) -> Cast:
    return Cast(house)
