"""The relation: asked for, answered, run, ended; seats and clocks kept whatever happens."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from coachhub_core.domain.accounts import SYSTEM, Actor, Suspend
from coachhub_core.domain.coaches import ChangeCoach
from coachhub_core.domain.matches import (
    AcceptMatch,
    CompleteMatch,
    DeclineMatch,
    EndMatch,
    ListMatches,
    MatchView,
    PauseMatch,
    RequestMatch,
    ResumeMatch,
    WithdrawMatch,
)
from coachhub_core.domain.notifications import ListNotifications
from coachhub_core.errors import (
    AlreadyMatched,
    CoachFull,
    CoachNotAccepting,
    Forbidden,
    Invalid,
    MatchExpired,
    MatchIllegalTransition,
    MatchSuperseded,
    NotFound,
    NotReceiver,
    OpenRequestExists,
    TooManyOpenRequests,
)
from coachhub_core.testing.story import House


def ask(house: House, trainee: Actor, coach: Actor) -> MatchView:
    assert coach.coach_id is not None
    return house.hub.matches.request(trainee, RequestMatch(coach_id=coach.coach_id))


def inbox(house: House, actor: Actor) -> list[str]:
    return [n.type for n in house.hub.notifications.list(actor, ListNotifications(limit=100)).items]


def test_accepting_takes_a_seat_opens_a_conversation_and_tells_all(house: House) -> None:
    """Everything in one transaction: seat, coach of the trainee, grants, talk, notices."""
    coach, sam = house.a_coach(), house.a_trainee()
    asked = ask(house, sam, coach)
    assert (asked.status, asked.allowed) == ("requested", ("withdraw",))
    assert house.hub.matches.get(coach, asked.id).allowed == ("accept", "decline")
    match = house.hub.matches.accept(coach, AcceptMatch(match_id=asked.id))
    assert (match.status, match.allowed) == ("active", ("pause", "complete", "end"))
    assert match.conversation_id is not None
    assert house.hub.coaches.get(coach.coach_id).seats_left == 9
    assert house.hub.trainees.get(sam, None).matched_coach_id == coach.coach_id
    assert {g.scope for g in house.hub.trainees.grants(sam).items} == {"profile", "plan", "logs", "chat"}
    assert "match_accepted" in inbox(house, sam)
    assert [e.action for e in house.hub.matches.events(sam, match.id).items] == ["request", "accept"]
    assert house.hub.storage.check().problems == ()


def test_only_the_receiver_answers_and_only_the_asker_withdraws(house: House) -> None:
    """Others do not know of it; who knows of it is told that it is not theirs."""
    coach, sam, stranger = house.a_coach(), house.a_trainee(), house.a_coach()
    match = ask(house, sam, coach)
    with pytest.raises(NotReceiver):
        house.hub.matches.accept(sam, AcceptMatch(match_id=match.id))
    with pytest.raises(Forbidden):
        house.hub.matches.withdraw(coach, WithdrawMatch(match_id=match.id))
    with pytest.raises(NotFound):
        house.hub.matches.accept(stranger, AcceptMatch(match_id=match.id))
    assert house.hub.matches.list(stranger, ListMatches()).items == ()


def test_the_last_seat_is_given_once_and_the_others_stay_open(house: House) -> None:
    """Whatever a list said a moment ago."""
    coach = house.a_coach()
    house.hub.coaches.change(coach, ChangeCoach(capacity=1))
    first, second = house.a_trainee(), house.a_trainee()
    asked = [ask(house, first, coach), ask(house, second, coach)]
    house.hub.matches.accept(coach, AcceptMatch(match_id=asked[0].id))
    with pytest.raises(CoachFull):
        house.hub.matches.accept(coach, AcceptMatch(match_id=asked[1].id))
    waiting = house.hub.matches.get(second, asked[1].id)
    assert (waiting.status, waiting.coach_full) == ("requested", True)
    with pytest.raises(CoachFull):
        ask(house, house.a_trainee(), coach)


def test_the_first_acceptance_supersedes_the_others_in_the_same_transaction(house: House) -> None:
    """And whoever answers later is told so."""
    sam, coaches = house.a_trainee(), [house.a_coach() for _ in range(3)]
    asked = [ask(house, sam, coach) for coach in coaches]
    house.hub.matches.accept(coaches[1], AcceptMatch(match_id=asked[1].id))
    assert [house.hub.matches.get(sam, m.id).status for m in asked] == ["superseded", "active", "superseded"]
    with pytest.raises(MatchSuperseded):
        house.hub.matches.accept(coaches[0], AcceptMatch(match_id=asked[0].id))
    assert "match_superseded" in inbox(house, coaches[2])
    with pytest.raises(AlreadyMatched):
        ask(house, sam, coaches[0])
    with pytest.raises(OpenRequestExists):
        ask(house, sam, coaches[1])


def test_a_request_ends_by_the_clock_even_if_the_worker_is_late(house: House) -> None:
    """For every reader; who meets it closes it."""
    coach, sam = house.a_coach(), house.a_trainee()
    match = ask(house, sam, coach)
    house.clock.advance(hours=73)
    late = house.hub.matches.get(coach, match.id)
    assert (late.status, late.allowed) == ("expired", ())
    assert [m.id for m in house.hub.matches.list(sam, ListMatches(status="expired")).items] == [match.id]
    assert house.hub.matches.list(sam, ListMatches(status="requested")).items == ()
    with pytest.raises(MatchExpired):
        house.hub.matches.accept(coach, AcceptMatch(match_id=match.id))
    assert [e.action for e in house.hub.matches.events(sam, match.id).items] == ["request", "expire"]
    assert ask(house, sam, coach).status == "requested"


def test_due_work_reminds_once_and_then_expires(house: House) -> None:
    """After two thirds of the time, and at its end."""
    coach, sam = house.a_coach(), house.a_trainee()
    match = ask(house, sam, coach)
    assert house.hub.run_due().done["reminded"] == 0
    house.clock.advance(hours=49)
    assert house.hub.run_due().done["reminded"] == 1
    assert house.hub.run_due().done["reminded"] == 0
    assert inbox(house, coach).count("match_reminder") == 1
    house.clock.advance(hours=24)
    assert house.hub.run_due().done["expired"] == 1
    assert house.hub.matches.get(sam, match.id).status == "expired"
    assert "match_expired" in inbox(house, sam)


def test_five_open_requests_are_enough(house: House) -> None:
    """A withdrawn one makes room."""
    sam = house.a_trainee()
    asked = [ask(house, sam, house.a_coach()) for _ in range(5)]
    with pytest.raises(TooManyOpenRequests):
        ask(house, sam, house.a_coach())
    assert house.hub.matches.withdraw(sam, WithdrawMatch(match_id=asked[0].id)).status == "withdrawn"
    assert ask(house, sam, house.a_coach()).status == "requested"


def test_a_decline_has_a_reason_and_asking_again_is_a_new_match(house: House) -> None:
    """Terminal states never change."""
    coach, sam = house.a_coach(), house.a_trainee()
    match = ask(house, sam, coach)
    house.clock.advance(hours=2)
    declined = house.hub.matches.decline(coach, DeclineMatch(match_id=match.id, reason="schedule", note="summer?"))
    assert (declined.status, declined.decline_reason, declined.end_note) == ("declined", "schedule", "summer?")
    assert house.hub.coaches.get(coach.coach_id).median_response_seconds == 7_200
    with pytest.raises(MatchIllegalTransition) as caught:
        house.hub.matches.accept(coach, AcceptMatch(match_id=match.id))
    assert (caught.value.state, caught.value.allowed) == ("declined", ())
    assert ask(house, sam, coach).id != match.id


def test_who_goes_away_declines_what_is_open(house: House) -> None:
    """So that nobody waits in vain."""
    coach, sam = house.a_coach(), house.a_trainee()
    match = ask(house, sam, coach)
    house.hub.coaches.change(coach, ChangeCoach(is_accepting=False))
    closed = house.hub.matches.get(sam, match.id)
    assert (closed.status, closed.decline_reason) == ("declined", "coach_unavailable")
    with pytest.raises(CoachNotAccepting):
        ask(house, sam, coach)


def test_who_goes_away_with_many_waiting_reads_once(house: House) -> None:
    """Each is told, who was past their time is expired; what is read does not grow with how many wait."""
    engine = house.hub.storage.engine  # type: ignore[attr-defined]  # of the storage over SQLAlchemy
    said: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda _c, _u, text, *_: said.append(text.split()[0]))
    n_reads = []
    for n_waiting in (2, 6):
        coach, late = house.a_coach(), house.a_trainee()
        missed = ask(house, late, coach)
        house.clock.advance(days=6)
        waiting = [(sam, ask(house, sam, coach)) for sam in (house.a_trainee() for _ in range(n_waiting))]
        house.clock.advance(hours=2)
        said.clear()
        house.hub.coaches.change(coach, ChangeCoach(is_accepting=False))
        n_reads.append(said.count("SELECT"))
        for sam, match in waiting:
            assert house.hub.matches.get(sam, match.id).decline_reason == "coach_unavailable"
            assert "match_declined" in inbox(house, sam)
        assert house.hub.matches.get(late, missed.id).status == "expired"
        assert house.hub.coaches.get(coach.coach_id).median_response_seconds == 7_200
    assert n_reads[0] == n_reads[1]


def test_a_match_pauses_resumes_and_ends(house: House) -> None:
    """The seat stays taken in a pause and is free at the end; the talk stays readable."""
    coach, sam = house.a_coach(), house.a_trainee()
    match = house.matched(sam, coach)
    assert house.hub.matches.pause(sam, PauseMatch(match_id=match.id)).allowed == ("resume", "complete", "end")
    assert house.hub.coaches.get(coach.coach_id).seats_left == 9
    assert house.hub.matches.resume(coach, ResumeMatch(match_id=match.id)).status == "active"
    ended = house.hub.matches.end(coach, EndMatch(match_id=match.id, reason="fit", note="all the best"))
    assert (ended.status, ended.end_reason, ended.allowed) == ("ended", "fit", ())
    assert house.hub.coaches.get(coach.coach_id).seats_left == 10
    assert house.hub.trainees.get(sam, None).matched_coach_id is None
    assert [c.state for c in house.hub.chat.conversations(sam).items] == ["read_only"]
    again = ask(house, sam, coach)
    assert house.hub.matches.accept(coach, AcceptMatch(match_id=again.id)).id != match.id
    assert house.hub.storage.check().problems == ()


def test_completing_is_an_end_with_its_goal_reached(house: House) -> None:
    """Either side says so."""
    coach, sam = house.a_coach(), house.a_trainee()
    match = house.matched(sam, coach)
    done = house.hub.matches.complete(sam, CompleteMatch(match_id=match.id))
    assert (done.status, done.end_reason) == ("completed", "goal_reached")


def test_suspension_closes_requests_and_pauses_matches(house: House) -> None:
    """A suspended coach's trainees may end."""
    coach, sam, waiting = house.a_coach(), house.a_trainee(), house.a_trainee()
    running, asked = house.matched(sam, coach), ask(house, waiting, coach)
    house.hub.admin.suspend(SYSTEM, Suspend(account_id=coach.account_id, reason="reported"))
    assert house.hub.matches.get(sam, running.id).status == "paused"
    assert house.hub.matches.get(waiting, asked.id).decline_reason == "coach_unavailable"
    assert house.hub.matches.end(sam, EndMatch(match_id=running.id, reason="coach_left")).status == "ended"


def test_a_set_of_suggestions_must_be_ones_own(house: House) -> None:
    """A match copies the reasons it was asked with."""
    coach, sam = house.a_coach(), house.a_trainee()
    assert coach.coach_id is not None
    with pytest.raises(Invalid):
        house.hub.matches.request(sam, RequestMatch(coach_id=coach.coach_id, suggestion_set_id=house.hub.new_id()))
    with pytest.raises(NotFound):
        house.hub.matches.request(sam, RequestMatch(coach_id=house.hub.new_id()))
    with pytest.raises(Forbidden):
        house.hub.matches.request(coach, RequestMatch(coach_id=coach.coach_id))
