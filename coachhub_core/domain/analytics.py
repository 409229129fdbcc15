"""
The room *analytics*: who needs a word from the coach today, and why.

Analytics own no truth: everything here is a pure function of facts read
elsewhere, and every flag states its rule and its evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import attrs

from coachhub_core.domain import values as v
from coachhub_core.domain.adherence import AdherenceView, Number, fell_by, hash_inputs

FlagName = Literal["adherence_fell", "nothing_logged", "message_unanswered", "request_expiring", "effort_over_target"]
Evidence = dict[str, str | float | None]

FLAGS: Final[tuple[FlagName, ...]] = (
    "adherence_fell",
    "nothing_logged",
    "message_unanswered",
    "request_expiring",
    "effort_over_target",
)
"""Most urgent first."""

FELL_POINTS: Final = 20
SILENT_DAYS: Final = 7
DEFAULT_PROMISE: Final = timedelta(hours=48)
EFFORT_EXCESS: Final = 2

RULES: Final[Mapping[FlagName, str]] = {
    "adherence_fell": "The set rate of the last 7 days is at least 20 points below that of the 7 days before.",
    "nothing_logged": "No workout was logged for 7 days while the match was active.",
    "message_unanswered": "The trainee's last message waits for an answer longer than the coach promised (48 hours).",
    "request_expiring": "A request has used up two thirds of its time without an answer.",
    "effort_over_target": "The last two sets with a target RPE were each at least 2 above it.",
}


# ── facts ───────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class WaitingMessage:
    """The oldest message of the trainee that the coach has not answered."""

    conversation_id: UUID
    seq: int
    sent_at: datetime


@attrs.frozen(kw_only=True)
class EffortFact:
    """One logged set that had a target RPE."""

    workout_id: UUID
    set_key: str
    local_date: date
    rpe: float
    target_rpe: float


@attrs.frozen(kw_only=True)
class RosterAssignment:
    """What a trainee is working on."""

    assignment_id: UUID
    plan_id: UUID
    plan_title: str
    version_number: int
    status: str
    end_date: date


@attrs.frozen(kw_only=True)
class TraineeFacts:
    """
    What is known of one trainee of a coach.

    Args:
        today: The day it is for the trainee.
        since: The local day the match became active.
        last_7, before_7: Adherence of the last 7 days and of those before; None
            where the coach may not read it.
        efforts: Sets with a target RPE, oldest first.
    """

    trainee_id: UUID
    trainee_name: str
    match_id: UUID
    match_status: Literal["active", "paused"]
    goal: str | None
    since: date
    today: date
    last_7: AdherenceView | None = None
    before_7: AdherenceView | None = None
    last_30: AdherenceView | None = None
    may_read_logs: bool = True
    last_logged_on: date | None = None
    next_due_on: date | None = None
    assignment: RosterAssignment | None = None
    waiting: WaitingMessage | None = None
    n_unread: int = 0
    efforts: tuple[EffortFact, ...] = ()


@attrs.frozen(kw_only=True)
class RequestFact:
    """A request that waits for the coach's answer."""

    match_id: UUID
    trainee_id: UUID
    trainee_name: str
    created_at: datetime
    expires_at: datetime


# ── flags ───────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class AttentionFlag:
    """
    One reason to have a word with somebody.

    ``urgency`` is 1 for the most urgent rule; ``rule`` says it in words; ``number``
    is what was measured, ``evidence`` what it was measured on.
    """

    flag: FlagName
    urgency: int
    trainee_id: UUID
    trainee_name: str
    match_id: UUID
    rule: str
    number: Number
    evidence: Evidence


def _flag(
    name: FlagName,
    who: TraineeFacts | RequestFact,
    *,
    value: float,
    as_of: date,
    window: str | None = None,
    evidence: Evidence,
) -> AttentionFlag:
    return AttentionFlag(
        flag=name,
        urgency=FLAGS.index(name) + 1,
        trainee_id=who.trainee_id,
        trainee_name=who.trainee_name,
        match_id=who.match_id,
        rule=RULES[name],
        number=Number(
            value=value,
            rule=f"attention.{name}.v1",
            window=window,
            as_of=as_of,
            inputs_hash=hash_inputs([name, who.match_id, evidence]),
        ),
        evidence=evidence,
    )


def _hours(span: timedelta) -> float:
    return round(span / timedelta(hours=1), 1)


def flags_of(facts: TraineeFacts, *, now: datetime, promise: timedelta = DEFAULT_PROMISE) -> Iterator[AttentionFlag]:
    """
    Yield what one trainee's facts give cause for, most urgent first.

    A paused match gives none but an unanswered message: nobody is asked to train.

    Args:
        promise: How long the coach lets a message wait.
    """
    is_active = facts.match_status == "active"
    if is_active and facts.last_7 is not None and facts.before_7 is not None:
        fell = fell_by(facts.before_7.set_rate, facts.last_7.set_rate)
        if fell is not None and fell >= FELL_POINTS:
            yield _flag(
                "adherence_fell",
                facts,
                value=fell,
                as_of=facts.today,
                window="7d",
                evidence={
                    "set_rate": _value(facts.last_7.set_rate),
                    "set_rate_before": _value(facts.before_7.set_rate),
                    "inputs_hash": facts.last_7.set_rate.inputs_hash,
                    "inputs_hash_before": facts.before_7.set_rate.inputs_hash,
                },
            )
    if is_active and facts.may_read_logs:
        quiet_since = max(facts.last_logged_on or facts.since, facts.since)
        n_days = (facts.today - quiet_since).days
        if n_days >= SILENT_DAYS:
            yield _flag(
                "nothing_logged",
                facts,
                value=n_days,
                as_of=facts.today,
                window=f"{SILENT_DAYS}d",
                evidence={
                    "last_logged_on": facts.last_logged_on.isoformat() if facts.last_logged_on else None,
                    "active_since": facts.since.isoformat(),
                },
            )
    if facts.waiting is not None and now - facts.waiting.sent_at > promise:
        yield _flag(
            "message_unanswered",
            facts,
            value=_hours(now - facts.waiting.sent_at),
            as_of=facts.today,
            evidence={
                "conversation_id": str(facts.waiting.conversation_id),
                "seq": facts.waiting.seq,
                "sent_at": facts.waiting.sent_at.isoformat(),
                "promise_hours": _hours(promise),
            },
        )
    last_two = facts.efforts[-2:]
    if is_active and len(last_two) == 2 and all(e.rpe >= e.target_rpe + EFFORT_EXCESS for e in last_two):
        first, last = last_two
        yield _flag(
            "effort_over_target",
            facts,
            value=round(min(e.rpe - e.target_rpe for e in last_two), 2),
            as_of=facts.today,
            evidence={
                "workout_id": str(last.workout_id),
                "set_key": last.set_key,
                "rpe": last.rpe,
                "target_rpe": last.target_rpe,
                "workout_id_before": str(first.workout_id),
                "set_key_before": first.set_key,
                "rpe_before": first.rpe,
                "target_rpe_before": first.target_rpe,
            },
        )


def _value(number: Number) -> float | None:
    return number.value if isinstance(number.value, int | float) else None


def flag_of_request(request: RequestFact, *, now: datetime, today: date) -> AttentionFlag | None:
    """Return the flag of a request that is about to expire; None before, and once it has."""
    left = request.expires_at - now
    if left <= timedelta(0) or left * 3 > request.expires_at - request.created_at:
        return None
    return _flag(
        "request_expiring",
        request,
        value=_hours(left),
        as_of=today,
        evidence={"created_at": request.created_at.isoformat(), "expires_at": request.expires_at.isoformat()},
    )


def attention(
    trainees: Iterable[TraineeFacts],
    requests: Iterable[RequestFact],
    *,
    now: datetime,
    today: date,
    promise: timedelta = DEFAULT_PROMISE,
) -> tuple[AttentionFlag, ...]:
    """
    Return everything a coach should look at, most urgent first.

    Among flags of one rule the stronger comes first (the deeper fall, the longer
    silence, the sooner end), then the smaller trainee id: same facts, same order.

    Args:
        today: The day it is for the coach.
    """
    found = [flag for facts in trainees for flag in flags_of(facts, now=now, promise=promise)]
    found.extend(flag for r in requests if (flag := flag_of_request(r, now=now, today=today)) is not None)
    return tuple(sorted(found, key=_order))


def _order(flag: AttentionFlag) -> tuple[int, float, bytes, bytes]:
    value = _value(flag.number) or 0.0
    strength = value if flag.flag == "request_expiring" else -value
    return flag.urgency, strength, flag.trainee_id.bytes, flag.match_id.bytes


# ── roster ──────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class RosterRow:
    """One trainee in a coach's roster; null where nothing is known, or not granted."""

    trainee_id: UUID
    trainee_name: str
    match_id: UUID
    match_status: str
    goal: str | None
    since: date
    assignment: RosterAssignment | None
    set_rate_7: Number | None
    set_rate_30: Number | None
    status: Number | None
    last_logged_on: date | None
    next_due_on: date | None
    n_unread: int
    flags: tuple[FlagName, ...]

    @classmethod
    def of(cls, facts: TraineeFacts, *, now: datetime, promise: timedelta = DEFAULT_PROMISE) -> RosterRow:
        """Show what is known of one trainee, with the names of the flags it gives cause for."""
        return cls(
            trainee_id=facts.trainee_id,
            trainee_name=facts.trainee_name,
            match_id=facts.match_id,
            match_status=facts.match_status,
            goal=facts.goal,
            since=facts.since,
            assignment=facts.assignment,
            set_rate_7=facts.last_7.set_rate if facts.last_7 else None,
            set_rate_30=facts.last_30.set_rate if facts.last_30 else None,
            status=facts.last_7.status if facts.last_7 else None,
            last_logged_on=facts.last_logged_on,
            next_due_on=facts.next_due_on,
            n_unread=facts.n_unread,
            flags=tuple(flag.flag for flag in flags_of(facts, now=now, promise=promise)),
        )


@attrs.frozen(kw_only=True)
class RosterPage:
    """One page of a coach's roster, by name."""

    items: tuple[RosterRow, ...]
    next: str | None
    prev: str | None


@attrs.frozen(kw_only=True)
class AttentionView:
    """Who needs attention now, most urgent first."""

    as_of: datetime
    items: tuple[AttentionFlag, ...]


@attrs.frozen(kw_only=True)
class ReadRoster:
    """One's own trainees, active and paused, by name."""

    limit: int = v.whole(1, 100, default=20)
    cursor: str | None = v.text(1_000, min_len=1, default=None, optional=True)


@attrs.frozen(kw_only=True)
class ReadAttention:
    """One's own attention queue."""

    limit: int = v.whole(1, 100, default=20)
