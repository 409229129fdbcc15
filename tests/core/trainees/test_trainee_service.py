"""What a trainee keeps, and whom they let see it."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal

import pytest

from coachhub_core.domain.coaches import Hours, SetAvailability
from coachhub_core.domain.matches import EndMatch
from coachhub_core.domain.trainees import (
    ChangeTrainee,
    Constraint,
    GiveGrant,
    Goal,
    SetConstraints,
    SetGoals,
    SetThresholds,
    Threshold,
)
from coachhub_core.errors import Forbidden, GrantMissing, GrantNoMatch, NotFound, VersionMismatch
from coachhub_core.testing.story import House


def test_a_profile_is_changed_by_its_owner_alone(house: House) -> None:
    """Absent members stay; another's is not even known."""
    sam, other = house.a_trainee(), house.a_trainee()
    changed = house.hub.trainees.change(sam, ChangeTrainee(goal="5k \U0001f3c3", budget=Decimal("49.90")))
    assert (changed.goal, changed.budget) == ("5k \U0001f3c3", Decimal("49.90"))
    assert house.hub.trainees.change(sam, ChangeTrainee(expected_version=2, goal=None)).budget == Decimal("49.90")
    with pytest.raises(VersionMismatch):
        house.hub.trainees.change(sam, ChangeTrainee(expected_version=2, goal="late"))
    with pytest.raises(NotFound):
        house.hub.trainees.change(other, ChangeTrainee(trainee_id=sam.trainee_id, goal="mine"))
    with pytest.raises(NotFound):
        house.hub.trainees.get(other, sam.trainee_id)


def test_lists_are_replaced_whole(house: House) -> None:
    """Goals, thresholds and hours come back as they were sent."""
    sam = house.a_trainee()
    goals = (Goal(kind="marathon", target="under 4 hours", due=date(2026, 9, 27)), Goal(kind="mobility", priority=2))
    assert house.hub.trainees.set_goals(sam, SetGoals(goals=goals)).goals == goals
    thresholds = (Threshold(kind="1RM", value=100.0, unit="kg", as_of=date(2026, 1, 1)),)
    assert house.hub.trainees.set_thresholds(sam, SetThresholds(thresholds=thresholds)).thresholds == thresholds
    hours = (Hours(weekday=5, starts=time(9), ends=time(11, 30)),)
    week = house.hub.trainees.set_availability(sam, SetAvailability(zone="Asia/Kathmandu", hours=hours))
    assert (week.hours, week.zone, week.version) == (hours, "Asia/Kathmandu", 1)
    assert house.hub.trainees.goals(sam, None).goals == goals
    assert house.hub.trainees.availability(sam, None) == week


def test_health_is_private_until_it_is_granted_and_after_it_is_taken_back(house: House) -> None:
    """The rest is granted by the match; revocation acts at the next request."""
    coach, sam = house.a_pair()
    assert coach.coach_id is not None
    constraints = (Constraint(kind="injury", value="left knee"), Constraint(kind="equipment", value="kettlebell"))
    house.hub.trainees.set_constraints(sam, SetConstraints(constraints=constraints))
    seen = house.hub.trainees.constraints(coach, sam.trainee_id).constraints
    assert [c.kind for c in seen] == ["equipment"]
    grant = house.hub.trainees.grant(sam, GiveGrant(coach_id=coach.coach_id, scope="health"))
    assert house.hub.trainees.grant(sam, GiveGrant(coach_id=coach.coach_id, scope="health")) == grant
    assert len(house.hub.trainees.constraints(coach, sam.trainee_id).constraints) == 2
    house.hub.trainees.revoke(sam, grant.id)
    assert len(house.hub.trainees.constraints(coach, sam.trainee_id).constraints) == 1
    assert len(house.hub.trainees.constraints(sam, None).constraints) == 2


def test_a_coach_sees_what_was_granted_and_learns_what_was_not(house: House) -> None:
    """Who was granted nothing learns nothing."""
    coach, sam = house.a_pair()
    stranger = house.a_coach()
    assert house.hub.trainees.get(coach, sam.trainee_id).id == sam.trainee_id
    with pytest.raises(NotFound):
        house.hub.trainees.get(stranger, sam.trainee_id)
    profile = next(g for g in house.hub.trainees.grants(sam).items if g.scope == "profile")
    house.hub.trainees.revoke(sam, profile.id)
    with pytest.raises(GrantMissing) as caught:
        house.hub.trainees.get(coach, sam.trainee_id)
    assert caught.value.scope == "profile"
    assert house.hub.trainees.thresholds(coach, sam.trainee_id).thresholds == ()


def test_the_end_of_a_match_takes_all_grants_but_chat(house: House) -> None:
    """From the commit on, not from the token's expiry."""
    coach, sam = house.a_coach(), house.a_trainee()
    match = house.matched(sam, coach)
    house.hub.matches.end(sam, EndMatch(match_id=match.id, reason="moved"))
    standing = {g.scope for g in house.hub.trainees.grants(sam).items if g.revoked_at is None}
    assert standing == {"chat"}
    with pytest.raises(NotFound):
        house.hub.trainees.get(coach, sam.trainee_id)
    assert coach.coach_id is not None
    with pytest.raises(GrantNoMatch):
        house.hub.trainees.grant(sam, GiveGrant(coach_id=coach.coach_id, scope="health"))


def test_coaches_have_no_trainee_profile(house: House) -> None:
    """`me` is theirs only where the role fits."""
    with pytest.raises(Forbidden):
        house.hub.trainees.get(house.a_coach(), None)
