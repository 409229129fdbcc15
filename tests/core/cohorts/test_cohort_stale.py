"""Hard constraints hold when a run is applied, whatever held when it was made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from cohort_parts import Cast
from services import ENGINES

from coachhub_core.bootstrap import bootstrap
from coachhub_core.clock import ManualClock
from coachhub_core.config import Auth, Matching, Settings
from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.coaches import ChangeCoach, Hours, SetAvailability
from coachhub_core.domain.cohorts import ApplyCohortRun, CreateCohortRun
from coachhub_core.domain.matches import ListMatches
from coachhub_core.domain.trainees import ChangeTrainee
from coachhub_core.errors import CohortStale
from coachhub_core.hookspecs import hookimpl
from coachhub_core.testing.story import House

CONSTRAINTS = ("seats", "price", "hours", "language", "modality")
MONDAY = Hours(weekday=0, starts=time(9), ends=time(11))
FRIDAY = Hours(weekday=4, starts=time(9), ends=time(11))


def a_smaller_budget(cast: Cast, trainee: Actor, coach: Actor) -> None:
    cast.hub.trainees.change(trainee, ChangeTrainee(budget=Decimal(20)))


def a_higher_price(cast: Cast, trainee: Actor, coach: Actor) -> None:
    cast.hub.coaches.change(coach, ChangeCoach(pricing=Decimal(70), expected_version=_version(cast, coach)))


def another_currency(cast: Cast, trainee: Actor, coach: Actor) -> None:
    cast.hub.trainees.change(trainee, ChangeTrainee(currency="SEK"))


def another_language(cast: Cast, trainee: Actor, coach: Actor) -> None:
    cast.hub.coaches.change(coach, ChangeCoach(languages=("fi",), expected_version=_version(cast, coach)))


def another_way(cast: Cast, trainee: Actor, coach: Actor) -> None:
    cast.hub.trainees.change(trainee, ChangeTrainee(modalities=("in_person",)))


def other_hours(cast: Cast, trainee: Actor, coach: Actor) -> None:
    cast.hub.trainees.set_availability(trainee, SetAvailability(zone="UTC", hours=(FRIDAY,)))


def _version(cast: Cast, coach: Actor) -> int:
    assert coach.coach_id is not None
    return cast.hub.coaches.get(coach.coach_id).version


CHANGES = {
    a_smaller_budget: "price",
    a_higher_price: "price",
    another_currency: "price",
    another_language: "language",
    another_way: "modality",
    other_hours: "hours",
}

Change = Callable[[Cast, Actor, Actor], None]


@pytest.fixture
def cast() -> Iterator[Cast]:
    """A house where all rules that ship hold."""
    with House.open(matching=Matching(constraints=CONSTRAINTS, exploration=False)) as house:
        yield Cast(house)


def two_pairs(cast: Cast) -> tuple[dict[UUID | None, Actor], dict[UUID | None, Actor], Any]:
    """Place two trainees with two coaches of one seat, who have said all that a rule asks for."""
    profile = {"languages": ("de",), "modalities": ("online",)}
    coaches = [cast.coach(name, **profile) for name in ("Ana", "Ben")]
    trainees = [cast.trainee(**profile) for _ in range(2)]
    for coach in coaches:
        cast.hub.coaches.set_availability(coach, SetAvailability(zone="UTC", hours=(MONDAY,)))
    for trainee in trainees:
        cast.hub.trainees.set_availability(trainee, SetAvailability(zone="UTC", hours=(MONDAY,)))
    run = cast.done()
    assert run.n_placed == 2
    return {c.coach_id: c for c in coaches}, {t.trainee_id: t for t in trainees}, run


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_placement_that_breaks_a_rule_by_now_is_refused_with_the_rule(cast: Cast, change: Change) -> None:
    """Whoever changed what: the run is stale, and with ``partial`` the other one alone is asked for."""
    coaches, trainees, run = two_pairs(cast)
    first, second = cast.placements(run)
    change(cast, trainees[first.trainee_id], coaches[first.coach_id])
    with pytest.raises(CohortStale) as refused:
        cast.hub.cohorts.apply(cast.admin, ApplyCohortRun(run_id=run.id))
    rule = CHANGES[change]
    says = f"trainee {first.trainee_id} with coach {first.coach_id}: the rule {rule!r} keeps them apart by now"
    assert (refused.value.n_stale, refused.value.examples) == (1, (says,))
    found = cast.applied(run, partial=True)
    assert (found.state, found.n_requested, found.n_refused) == ("applied", 1, 1)
    assert found.unplaced == {f"no_longer.{rule}": 1}
    assert cast.hub.matches.list(trainees[first.trainee_id], ListMatches()).items == ()
    asked = cast.hub.matches.list(trainees[second.trainee_id], ListMatches()).items
    assert [match.coach_id for match in asked] == [second.coach_id]


def test_a_rule_that_breaks_after_the_yes_holds_too(cast: Cast) -> None:
    """Minutes may lie between an operator's yes and the last request."""
    coaches, trainees, run = two_pairs(cast)
    first, second = cast.placements(run)
    cast.hub.cohorts.apply(cast.admin, ApplyCohortRun(run_id=run.id))
    a_smaller_budget(cast, trainees[second.trainee_id], coaches[second.coach_id])
    cast.hub.run_due()
    states = [(p.trainee_id, p.state, p.reason) for p in cast.placements(run)]
    assert states == [
        (first.trainee_id, "requested", None),
        (second.trainee_id, "refused", "no_longer.price"),
    ]


def test_a_rule_that_nobody_chose_stops_nothing() -> None:
    """Only those in ``matching.constraints`` are checked again."""
    with House.open(matching=Matching(constraints=("seats", "hours"), exploration=False)) as house:
        cast = Cast(house)
        coaches, trainees, run = two_pairs(cast)
        (first, _) = cast.placements(run)
        a_smaller_budget(cast, trainees[first.trainee_id], coaches[first.coach_id])
        assert cast.applied(run).n_requested == 2


class Moody:
    """A plugin whose rule can be asked until it is told to break."""

    def __init__(self) -> None:
        self.is_broken = False

    @hookimpl
    def coachhub_constraints(self) -> dict[str, Any]:
        return {"moody": self}

    def compile(self, coaches: Any) -> Moody:
        return self

    def bits(self, trainee: Any) -> int | None:
        if self.is_broken:
            raise ZeroDivisionError
        return None


def test_a_rule_that_cannot_be_checked_is_not_dropped() -> None:
    """The run is stale; applied all the same it fails where the rule did, and goes on when that is mended."""
    import coachhub_scipy

    plugin = Moody()
    settings = Settings.in_memory(
        auth=Auth(bcrypt_cost=10), matching=Matching(constraints=("seats", "moody"), exploration=False)
    )
    clock = ManualClock()
    with House(bootstrap(settings, plugins=[*ENGINES, coachhub_scipy, plugin], clock=clock), clock) as house:
        cast = Cast(house)
        cast.coach("Ana")
        cast.trainee()
        run = cast.done()
        plugin.is_broken = True
        with pytest.raises(CohortStale, match="the constraint 'moody' failed: ZeroDivisionError"):
            cast.hub.cohorts.apply(cast.admin, ApplyCohortRun(run_id=run.id))
        failed = cast.applied(run, partial=True)
        assert (failed.state, failed.n_requested, failed.allowed) == ("failed", 0, ("resume",))
        assert failed.reason is not None
        assert "the constraint 'moody' failed" in failed.reason
        plugin.is_broken = False
        cast.hub.cohorts.resume(cast.admin, run.id)
        cast.hub.run_due()
        assert cast.hub.cohorts.get(cast.admin, run.id).n_requested == 1


def test_a_run_made_after_the_change_is_not_stale(cast: Cast) -> None:
    """It was made by the facts it is applied by."""
    coaches, trainees, run = two_pairs(cast)
    first, _ = cast.placements(run)
    a_smaller_budget(cast, trainees[first.trainee_id], coaches[first.coach_id])
    again = cast.hub.cohorts.create(cast.admin, CreateCohortRun())
    cast.hub.run_due()
    found = cast.hub.cohorts.get(cast.admin, again.id)
    assert found.unplaced == {"no_coach.price": 1}
    assert cast.applied(found, partial=True).n_requested == 1
