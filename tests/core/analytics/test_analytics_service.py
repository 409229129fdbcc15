"""Roster and attention over a real storage, each within what a trainee granted."""

from __future__ import annotations

from datetime import date
from uuid import UUID, uuid4

import pytest

from coachhub_core.domain.analytics import ReadAttention, ReadRoster
from coachhub_core.domain.chat import PostMessage
from coachhub_core.domain.matches import ListMatches, PauseMatch, RequestMatch
from coachhub_core.domain.set_logs import SetEntry
from coachhub_core.domain.trainees import GiveGrant
from coachhub_core.domain.workouts import LogWorkout
from coachhub_core.errors import Forbidden
from coachhub_core.testing.plan_builders import a_document
from coachhub_core.testing.story import House, shipped_exercise


def test_the_roster_shows_who_works_on_what(house: House) -> None:
    """By name, page after page, with the next day and the last log."""
    coach = house.a_coach()
    trainees = [house.a_trainee(name=name) for name in ("Zoë", "ana", "Émile")]
    for trainee in trainees:
        house.matched(trainee, coach)
    plan = house.a_published_plan(coach, a_document())
    house.assigned(coach, trainees[0], plan)
    entry = SetEntry(exercise_id=shipped_exercise("plank"), duration_seconds=60)
    house.hub.workouts.log(trainees[1], LogWorkout(id=uuid4(), started_at=house.clock(), sets=(entry,)))
    first = house.hub.analytics.roster(coach, ReadRoster(limit=2))
    assert [row.trainee_name for row in first.items] == ["ana", "Émile"]
    rest = house.hub.analytics.roster(coach, ReadRoster(limit=2, cursor=first.next))
    assert ([row.trainee_name for row in rest.items], rest.next) == (["Zoë"], None)
    assert house.hub.analytics.roster(coach, ReadRoster(limit=2, cursor=rest.prev)).items == first.items
    ana, zoe = first.items[0], rest.items[0]
    assert (ana.last_logged_on, ana.assignment, ana.next_due_on) == (date(2026, 1, 5), None, None)
    assert zoe.assignment is not None
    assert (zoe.assignment.plan_title, zoe.assignment.status, zoe.next_due_on) == ("Base", "active", date(2026, 1, 5))


def test_attention_names_rule_and_evidence_most_urgent_first(house: House) -> None:
    """Silence, an unanswered message and a request that runs out, each in its turn."""
    coach, trainee = house.a_pair()
    assert coach.coach_id is not None
    match = house.hub.matches.list(trainee, ListMatches()).items[0]
    assert match.conversation_id is not None
    house.clock.advance(days=4)
    message = PostMessage(conversation_id=match.conversation_id, client_id=uuid4(), body="My knee hurts")
    house.hub.chat.post(trainee, message)
    house.clock.advance(days=1)
    asking = house.a_trainee()
    house.hub.matches.request(asking, RequestMatch(coach_id=coach.coach_id))
    assert house.hub.analytics.attention(coach, ReadAttention()).items == ()
    house.clock.advance(days=2)
    found = house.hub.analytics.attention(coach, ReadAttention()).items
    assert [(flag.flag, flag.urgency) for flag in found] == [
        ("nothing_logged", 2),
        ("message_unanswered", 3),
        ("request_expiring", 4),
    ]
    assert found[0].evidence == {"last_logged_on": None, "active_since": "2026-01-05"}
    assert (found[1].evidence["conversation_id"], found[1].number.value) == (str(match.conversation_id), 72.0)
    assert found[2].trainee_id == asking.trainee_id
    assert len(house.hub.analytics.attention(coach, ReadAttention(limit=1)).items) == 1
    answer = PostMessage(conversation_id=match.conversation_id, client_id=uuid4(), body="Rest it")
    house.hub.chat.post(coach, answer)
    assert [f.flag for f in house.hub.analytics.attention(coach, ReadAttention()).items] == [
        "nothing_logged",
        "request_expiring",
    ]


def test_a_week_of_missed_days_shows_as_a_fall(house: House) -> None:
    """From everything done to nothing: 100 points, with both rates."""
    coach, trainee = house.a_pair()
    plan = house.a_published_plan(coach, a_document())
    house.assigned(coach, trainee, plan)
    squat, bench = shipped_exercise("back-squat"), shipped_exercise("bench-press")

    def log(day: UUID, exercise: UUID) -> None:
        sets = (SetEntry(exercise_id=exercise, reps=5), SetEntry(exercise_id=exercise, reps=5))
        command = LogWorkout(id=uuid4(), started_at=house.clock(), scheduled_workout_id=day, sets=sets)
        house.hub.workouts.log(trainee, command)

    with house.hub.storage.begin(read_only=True) as work:
        days = [row.id for row in work.scheduled.between([trainee.trainee_id], date(2026, 1, 5), date(2026, 1, 8))]
    log(days[0], squat)
    log(days[1], bench)
    house.clock.advance(days=9)
    house.hub.run_due()
    flag = house.hub.analytics.attention(coach, ReadAttention()).items[0]
    assert (flag.flag, flag.number.value, flag.evidence["set_rate"], flag.evidence["set_rate_before"]) == (
        "adherence_fell",
        50.0,
        0.5,
        1.0,
    )


def test_a_pause_and_a_missing_grant_keep_their_silence(house: House) -> None:
    """Nobody is asked to train in a pause, and nobody reads what was not granted."""
    coach, trainee = house.a_pair()
    assert coach.coach_id is not None
    house.clock.advance(days=8)
    match = house.hub.matches.list(trainee, ListMatches()).items[0]
    grants = house.hub.trainees.grants(trainee).items
    logs = next(grant for grant in grants if grant.scope == "logs")
    house.hub.trainees.revoke(trainee, logs.id)
    assert house.hub.analytics.attention(coach, ReadAttention()).items == ()
    (row,) = house.hub.analytics.roster(coach, ReadRoster()).items
    assert (row.set_rate_7, row.last_logged_on, row.status) == (None, None, None)
    house.hub.trainees.grant(trainee, GiveGrant(coach_id=coach.coach_id, scope="logs"))
    assert len(house.hub.analytics.attention(coach, ReadAttention()).items) == 1
    house.hub.matches.pause(trainee, PauseMatch(match_id=match.id))
    assert house.hub.analytics.attention(coach, ReadAttention()).items == ()
    assert house.hub.analytics.roster(coach, ReadRoster()).items[0].match_status == "paused"


def test_the_queue_is_a_coachs_own(house: House) -> None:
    """A trainee has none."""
    with pytest.raises(Forbidden):
        house.hub.analytics.attention(house.a_trainee(), ReadAttention())
    assert house.hub.analytics.roster(house.a_coach(), ReadRoster()).items == ()
