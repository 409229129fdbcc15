"""
What happened, in the past tense: written with the change, told after it.

Events go into the outbox in the transaction of their cause. They carry ids, not
copies: whoever hears of one reads the row anew, so order does not matter.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

import attrs


@attrs.frozen(kw_only=True)
class Event:
    """The base: ``type`` names it in the outbox and ``aggregate_id`` the thing it happened to."""

    type: ClassVar[str]
    at: datetime
    aggregate_id: UUID


@attrs.frozen(kw_only=True)
class AccountRegistered(Event):
    """Somebody made an account."""

    type: ClassVar[str] = "account_registered"
    role: str


@attrs.frozen(kw_only=True)
class AccountSuspended(Event):
    """An admin suspended an account."""

    type: ClassVar[str] = "account_suspended"


@attrs.frozen(kw_only=True)
class AccountErased(Event):
    """An account was erased for good."""

    type: ClassVar[str] = "account_erased"


@attrs.frozen(kw_only=True)
class CoachChanged(Event):
    """What the public sees of a coach changed: profile, seats or rating."""

    type: ClassVar[str] = "coach_changed"


@attrs.frozen(kw_only=True)
class MatchEventBase(Event):
    """What the events of a match have in common; ``aggregate_id`` is the match."""

    trainee_id: UUID
    coach_id: UUID


@attrs.frozen(kw_only=True)
class MatchRequested(MatchEventBase):
    """A trainee asked a coach."""

    type: ClassVar[str] = "match_requested"


@attrs.frozen(kw_only=True)
class MatchAccepted(MatchEventBase):
    """The receiver said yes: a seat is taken."""

    type: ClassVar[str] = "match_accepted"


@attrs.frozen(kw_only=True)
class MatchDeclined(MatchEventBase):
    """The receiver said no."""

    type: ClassVar[str] = "match_declined"


@attrs.frozen(kw_only=True)
class MatchWithdrawn(MatchEventBase):
    """The initiator took the request back."""

    type: ClassVar[str] = "match_withdrawn"


@attrs.frozen(kw_only=True)
class MatchExpiredEvent(MatchEventBase):
    """A request's time ran out."""

    type: ClassVar[str] = "match_expired"


@attrs.frozen(kw_only=True)
class MatchSupersededEvent(MatchEventBase):
    """Another coach was first."""

    type: ClassVar[str] = "match_superseded"


@attrs.frozen(kw_only=True)
class MatchPaused(MatchEventBase):
    """An active match pauses."""

    type: ClassVar[str] = "match_paused"


@attrs.frozen(kw_only=True)
class MatchResumed(MatchEventBase):
    """A paused match goes on."""

    type: ClassVar[str] = "match_resumed"


@attrs.frozen(kw_only=True)
class MatchEnded(MatchEventBase):
    """A match was completed or ended: its seat is free."""

    type: ClassVar[str] = "match_ended"


@attrs.frozen(kw_only=True)
class PlanVersionPublished(Event):
    """A plan has a new immutable version."""

    type: ClassVar[str] = "plan_published"
    number: int


@attrs.frozen(kw_only=True)
class PlanAssigned(Event):
    """A plan was put on a trainee's calendar; ``aggregate_id`` is the assignment."""

    type: ClassVar[str] = "plan_assigned"
    trainee_id: UUID


@attrs.frozen(kw_only=True)
class WorkoutLogged(Event):
    """A trainee logged what really happened."""

    type: ClassVar[str] = "workout_logged"
    trainee_id: UUID


@attrs.frozen(kw_only=True)
class ReviewWritten(Event):
    """One side of a match reviewed the other."""

    type: ClassVar[str] = "review_written"
    match_id: UUID


@attrs.frozen(kw_only=True)
class MessagesPosted(Event):
    """A conversation has new events up to ``last_seq``; ``aggregate_id`` is the conversation."""

    type: ClassVar[str] = "messages_posted"
    last_seq: int


EVENTS: dict[str, type[Event]] = {
    cls.type: cls
    for cls in (
        AccountRegistered, AccountSuspended, AccountErased, CoachChanged, MatchRequested,
        MatchAccepted, MatchDeclined, MatchWithdrawn, MatchExpiredEvent, MatchSupersededEvent, MatchPaused,
        MatchResumed, MatchEnded, PlanVersionPublished, PlanAssigned, WorkoutLogged, ReviewWritten,
        MessagesPosted,
    )
}  # fmt: skip
"""Every event by the name it has in the outbox; each has a hook ``coachhub_<name>``."""
