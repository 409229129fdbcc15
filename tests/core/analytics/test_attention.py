"""Who needs a word today: each flag with its rule and its evidence, the most urgent first."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from coachhub_core.domain.adherence import AdherenceView, DueFact, adherence
from coachhub_core.domain.analytics import (
    FLAGS,
    RULES,
    AttentionFlag,
    EffortFact,
    RequestFact,
    RosterRow,
    TraineeFacts,
    WaitingMessage,
    attention,
)
from coachhub_core.domain.prescriptions import ItemCount

NOW = datetime(2026, 3, 31, 9, tzinfo=UTC)
TODAY = date(2026, 3, 31)


def a_rate(n_done: int, *, before: bool = False, trainee: int = 1) -> AdherenceView:
    as_of = TODAY - timedelta(days=7 if before else 0)
    fact = DueFact(
        scheduled_workout_id=UUID(int=9),
        local_date=as_of,
        state="partial",
        logged_on=as_of,
        counts=(ItemCount(key="i", n_prescribed=100, n_done=n_done),),
    )
    return adherence(UUID(int=trainee), [fact], window=7, as_of=as_of)


def facts(trainee: int = 1, **members: object) -> TraineeFacts:
    given = {
        "match_status": "active",
        "goal": None,
        "since": date(2026, 1, 1),
        "last_logged_on": TODAY,
        **members,
    }
    return TraineeFacts(
        trainee_id=UUID(int=trainee), trainee_name=f"T{trainee}", match_id=UUID(int=trainee), today=TODAY, **given
    )


def flags(*trainees: TraineeFacts, requests: tuple[RequestFact, ...] = ()) -> tuple[AttentionFlag, ...]:
    return attention(trainees, requests, now=NOW, today=TODAY)


def waiting(hours: float) -> WaitingMessage:
    return WaitingMessage(conversation_id=UUID(int=50), seq=3, sent_at=NOW - timedelta(hours=hours))


def efforts(*pairs: tuple[float, float]) -> tuple[EffortFact, ...]:
    return tuple(
        EffortFact(workout_id=UUID(int=n), set_key=f"s{n}", local_date=TODAY, rpe=rpe, target_rpe=target)
        for n, (rpe, target) in enumerate(pairs, start=1)
    )


def a_request(hours_left: float, trainee: int = 7) -> RequestFact:
    expires = NOW + timedelta(hours=hours_left)
    return RequestFact(
        match_id=UUID(int=trainee),
        trainee_id=UUID(int=trainee),
        trainee_name=f"T{trainee}",
        created_at=expires - timedelta(hours=72),
        expires_at=expires,
    )


def test_a_quiet_day_has_no_flags() -> None:
    """Somebody who trains, logs and is answered needs nothing."""
    assert flags(facts(last_7=a_rate(80), before_7=a_rate(90, before=True), waiting=waiting(2))) == ()


def test_a_fall_of_twenty_points_is_the_most_urgent() -> None:
    """19 are none; the evidence holds both rates and what they were computed from."""
    assert flags(facts(last_7=a_rate(61), before_7=a_rate(80, before=True))) == ()
    (flag,) = flags(facts(last_7=a_rate(60), before_7=a_rate(80, before=True)))
    assert (flag.flag, flag.urgency, flag.number.value, flag.rule) == ("adherence_fell", 1, 20, RULES["adherence_fell"])
    assert (flag.evidence["set_rate"], flag.evidence["set_rate_before"]) == (0.6, 0.8)
    assert flag.evidence["inputs_hash"] == a_rate(60).set_rate.inputs_hash


def test_a_week_without_a_log_is_a_flag() -> None:
    """Counted from the last log, or from the beginning of the match."""
    week = TODAY - timedelta(days=7)
    assert flags(facts(last_logged_on=week + timedelta(days=1))) == ()
    (flag,) = flags(facts(last_logged_on=week))
    assert (flag.flag, flag.number.value, flag.evidence["last_logged_on"]) == ("nothing_logged", 7, "2026-03-24")
    assert flags(facts(last_logged_on=None, since=week + timedelta(days=1))) == ()
    (flag,) = flags(facts(last_logged_on=None, since=week))
    assert flag.evidence == {"last_logged_on": None, "active_since": "2026-03-24"}


def test_without_the_grant_silence_is_not_a_flag() -> None:
    """A coach who may not read logs is not told about them."""
    assert flags(facts(last_logged_on=None, may_read_logs=False)) == ()


def test_a_message_waits_no_longer_than_promised() -> None:
    """48 hours by default."""
    assert flags(facts(waiting=waiting(48))) == ()
    (flag,) = flags(facts(waiting=waiting(49)))
    assert (flag.flag, flag.number.value, flag.evidence["seq"]) == ("message_unanswered", 49, 3)


def test_a_request_is_a_flag_in_its_last_third() -> None:
    """And no more once it has expired."""
    assert flags(requests=(a_request(25), a_request(0), a_request(-1))) == ()
    (flag,) = flags(requests=(a_request(24),))
    assert (flag.flag, flag.number.value, flag.evidence["expires_at"]) == (
        "request_expiring",
        24,
        "2026-04-01T09:00:00+00:00",
    )


def test_effort_far_above_its_target_twice_running_is_a_flag() -> None:
    """The last two count; once is a bad day."""
    assert flags(facts(efforts=efforts((10, 8)))) == ()
    assert flags(facts(efforts=efforts((10, 8), (9.5, 8)))) == ()
    assert flags(facts(efforts=efforts((10, 8), (10, 8), (8, 8)))) == ()
    (flag,) = flags(facts(efforts=efforts((7, 8), (10, 8), (10, 7))))
    assert (flag.flag, flag.number.value) == ("effort_over_target", 2)
    assert (flag.evidence["set_key"], flag.evidence["set_key_before"]) == ("s3", "s2")


def test_nobody_is_asked_to_train_in_a_pause() -> None:
    """Only an unanswered message remains."""
    everything = facts(
        match_status="paused",
        last_7=a_rate(0),
        before_7=a_rate(100, before=True),
        last_logged_on=None,
        waiting=waiting(60),
        efforts=efforts((10, 8), (10, 8)),
    )
    assert [flag.flag for flag in flags(everything)] == ["message_unanswered"]


def test_the_queue_is_sorted_by_urgency_and_strength() -> None:
    """The deeper fall, the longer silence, the sooner end come first."""
    found = flags(
        facts(1, efforts=efforts((10, 8), (10, 8))),
        facts(2, waiting=waiting(50)),
        facts(3, last_logged_on=TODAY - timedelta(days=8)),
        facts(4, last_logged_on=TODAY - timedelta(days=9)),
        facts(5, last_7=a_rate(10), before_7=a_rate(90, before=True)),
        requests=(a_request(20, 6), a_request(10, 7)),
    )
    assert [flag.trainee_name for flag in found] == ["T5", "T4", "T3", "T2", "T7", "T6", "T1"]
    assert [flag.urgency for flag in found] == [1, 2, 2, 3, 4, 4, 5]
    assert {FLAGS[flag.urgency - 1] for flag in found} == set(FLAGS)


@given(st.permutations(range(1, 7)))
def test_the_order_does_not_depend_on_the_order_of_the_facts(order: list[int]) -> None:
    """Same facts, same queue: a page can be read again."""
    trainees = [facts(n, waiting=waiting(49 + n % 2), last_logged_on=TODAY - timedelta(days=8)) for n in order]
    expected = flags(*sorted(trainees, key=lambda f: f.trainee_id.bytes))
    assert flags(*trainees) == expected
    assert len(expected) == 12


def test_the_roster_names_the_flags() -> None:
    """And shows null where nothing is known."""
    row = RosterRow.of(facts(waiting=waiting(60), last_7=a_rate(90)), now=NOW)
    assert (row.flags, row.set_rate_30) == (("message_unanswered",), None)
    assert row.set_rate_7 is not None
    assert (row.set_rate_7.value, row.status and row.status.value) == (0.9, "on_track")
