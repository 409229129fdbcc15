"""
The room *matches*: the relation that is requested, accepted and ended.

::

    (none) ── request ──► requested ── accept ───► active ⇄ paused
                              │                       └──┬──┘
                              ├─ decline ► declined      ├─ complete ► completed
                              ├─ withdraw ► withdrawn    └─ end ► ended
                              ├─ expire ► expired
                              └─ supersede ► superseded

What ends never changes again; asking again is a new match. Capacity and "one
active coach" are held by the database in the unit of work of an accept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, get_args
from uuid import UUID

import attrs

from coachhub_core.domain import values as v
from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.suggestions import ReasonView
from coachhub_core.errors import Forbidden, MatchExpired, MatchIllegalTransition, MatchSuperseded, NotReceiver

MatchStatus = Literal[
    "requested", "active", "paused", "declined", "withdrawn", "expired", "superseded", "completed", "ended"
]
Side = Literal["trainee", "coach"]
Initiator = Literal["trainee", "coach", "system"]
DeclineReason = Literal[
    "no_time",
    "not_my_field",
    "schedule",
    "location",
    "language",
    "price",
    "coach_unavailable",
    "account_closed",
    "other",
]
EndReason = Literal[
    "goal_reached",
    "schedule",
    "price",
    "fit",
    "moved",
    "inactive",
    "safety",
    "coach_left",
    "account_closed",
    "other",
]
DECLINE_REASONS: Final = get_args(DeclineReason)
END_REASONS: Final = get_args(EndReason)
STATUSES: Final[tuple[MatchStatus, ...]] = get_args(MatchStatus)

ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "requested": ("accept", "decline", "withdraw"),
    "active": ("pause", "complete", "end"),
    "paused": ("resume", "complete", "end"),
}
"""What a status allows; any other allows nothing."""


@attrs.frozen(kw_only=True)
class Match:
    """One relation between a trainee and a coach, from the request to its end."""

    id: UUID
    trainee_id: UUID
    coach_id: UUID
    level: Literal["primary"] = "primary"
    initiator: Initiator = "trainee"
    status: MatchStatus = "requested"
    message: str | None = None
    suggestion_set_id: UUID | None = None
    explanation: tuple[ReasonView, ...] | None = None
    expires_at: datetime
    remind_at: datetime | None = None
    decided_at: datetime | None = None
    started_at: datetime | None = None
    paused_at: datetime | None = None
    ended_at: datetime | None = None
    decline_reason: DeclineReason | None = None
    end_reason: EndReason | None = None
    end_note: str | None = None
    ended_by: UUID | None = None
    successor_id: UUID | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @classmethod
    def request(
        cls,
        *,
        id: UUID,
        trainee_id: UUID,
        coach_id: UUID,
        now: datetime,
        expires_after: timedelta,
        initiator: Initiator = "trainee",
        message: str | None = None,
        suggestion_set_id: UUID | None = None,
        explanation: tuple[ReasonView, ...] | None = None,
    ) -> Match:
        """Return a new request; its receiver is reminded when two thirds of its time are over."""
        return cls(
            initiator=initiator,
            id=id,
            trainee_id=trainee_id,
            coach_id=coach_id,
            message=message,
            suggestion_set_id=suggestion_set_id,
            explanation=explanation,
            expires_at=now + expires_after,
            remind_at=now + expires_after * 2 / 3,
            created_at=now,
            updated_at=now,
        )

    # ── who ──

    def side_of(self, actor: Actor) -> Side | None:
        """Return which side *actor* is on, or None."""
        if actor.trainee_id is not None and actor.trainee_id == self.trainee_id:
            return "trainee"
        if actor.coach_id is not None and actor.coach_id == self.coach_id:
            return "coach"
        return None

    @property
    def receiver(self) -> Side:
        """The side that must answer: never the initiator."""
        return "trainee" if self.initiator == "coach" else "coach"

    def state_at(self, now: datetime) -> MatchStatus:
        """Return the status as a reader at *now* must see it: past its time a request is expired."""
        return "expired" if self.status == "requested" and now >= self.expires_at else self.status

    def allowed(self, actor: Actor, now: datetime) -> tuple[str, ...]:
        """Return what *actor* can do next."""
        side = self.side_of(actor)
        state = self.state_at(now)
        found = []
        for action in ACTIONS.get(state, ()):
            if action in ("accept", "decline"):
                may = side == self.receiver
            elif action == "withdraw":
                may = side is not None and side != self.receiver
            else:
                may = side is not None or actor.is_admin
            if may:
                found.append(action)
        return tuple(found)

    # ── transitions ──

    def _check(self, action: str, actor: Actor, now: datetime) -> None:
        state = self.state_at(now)
        if action in ACTIONS.get(state, ()):
            return
        if state == "superseded":
            raise MatchSuperseded(match_id=self.id, state=state)
        if state == "expired":
            raise MatchExpired(match_id=self.id, expired_at=self.expires_at, state=state)
        raise MatchIllegalTransition(state=state, action=action, allowed=self.allowed(actor, now))

    def _answer(self, action: str, actor: Actor, now: datetime) -> None:
        if self.side_of(actor) != self.receiver and not (action == "decline" and actor.role == "system"):
            raise NotReceiver
        self._check(action, actor, now)

    def accept(self, *, by: Actor, now: datetime) -> Match:
        """Return the match active; only the receiver says yes."""
        self._answer("accept", by, now)
        return attrs.evolve(self, status="active", decided_at=now, started_at=now, remind_at=None, updated_at=now)

    def decline(self, *, by: Actor, now: datetime, reason: DeclineReason, note: str | None = None) -> Match:
        """Return the request declined, with a reason the initiator reads."""
        self._answer("decline", by, now)
        return attrs.evolve(
            self,
            status="declined",
            decided_at=now,
            decline_reason=reason,
            end_note=note,
            remind_at=None,
            updated_at=now,
        )

    def withdraw(self, *, by: Actor, now: datetime) -> Match:
        """Return the request withdrawn by who made it."""
        if by.role != "system" and self.side_of(by) in (None, self.receiver):
            raise Forbidden(reason="only who made a request can withdraw it")
        self._check("withdraw", by, now)
        return attrs.evolve(self, status="withdrawn", decided_at=now, remind_at=None, updated_at=now)

    def expire(self, *, now: datetime) -> Match:
        """Return the request expired: its time is over."""
        return attrs.evolve(self, status="expired", decided_at=self.expires_at, remind_at=None, updated_at=now)

    def reminded(self, *, now: datetime) -> Match:
        """Return the request with its one reminder sent."""
        return attrs.evolve(self, remind_at=None, updated_at=now)

    def supersede(self, *, now: datetime) -> Match:
        """Return the request superseded: another coach was first."""
        return attrs.evolve(self, status="superseded", decided_at=now, remind_at=None, updated_at=now)

    def pause(self, *, by: Actor, now: datetime) -> Match:
        """Return the match paused; the seat stays taken."""
        self._check("pause", by, now)
        return attrs.evolve(self, status="paused", paused_at=now, updated_at=now)

    def resume(self, *, by: Actor, now: datetime) -> Match:
        """Return the match active again."""
        self._check("resume", by, now)
        return attrs.evolve(self, status="active", paused_at=None, updated_at=now)

    def end(
        self, *, by: Actor, now: datetime, reason: EndReason, note: str | None = None, completed: bool = False
    ) -> Match:
        """Return the match over: its seat is free."""
        self._check("complete" if completed else "end", by, now)
        return attrs.evolve(
            self,
            status="completed" if completed else "ended",
            ended_at=now,
            end_reason=reason,
            end_note=note,
            ended_by=by.account_id if by.role != "system" else None,
            paused_at=None,
            updated_at=now,
        )


@attrs.frozen(kw_only=True)
class MatchEvent:
    """One step in a match's life; (``match_id``, ``seq``) is dense from 1 and never changes."""

    match_id: UUID
    seq: int
    at: datetime
    from_status: MatchStatus | None
    to_status: MatchStatus
    action: str
    actor_id: UUID | None
    reason: str | None = None


# ── commands ────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class RequestMatch:
    """Ask a coach for a seat."""

    coach_id: UUID
    message: str | None = v.text(2_000, default=None, optional=True)
    suggestion_set_id: UUID | None = None


@attrs.frozen(kw_only=True)
class AcceptMatch:
    """Say yes to a match that was requested of you."""

    match_id: UUID


@attrs.frozen(kw_only=True)
class DeclineMatch:
    """Say no, and why."""

    match_id: UUID
    reason: DeclineReason = v.choice(DECLINE_REASONS, default="other")
    note: str | None = v.text(2_000, default=None, optional=True)


@attrs.frozen(kw_only=True)
class WithdrawMatch:
    """Take one's request back."""

    match_id: UUID


@attrs.frozen(kw_only=True)
class PauseMatch:
    """Stop for a while; the seat stays taken."""

    match_id: UUID


@attrs.frozen(kw_only=True)
class ResumeMatch:
    """Go on after a pause; the days left move by its length."""

    match_id: UUID


@attrs.frozen(kw_only=True)
class CompleteMatch:
    """Finish a match that reached what it was for."""

    match_id: UUID
    note: str | None = v.text(2_000, default=None, optional=True)


@attrs.frozen(kw_only=True)
class EndMatch:
    """End a match, and why."""

    match_id: UUID
    reason: EndReason = v.choice(END_REASONS, default="other")
    note: str | None = v.text(2_000, default=None, optional=True)


@attrs.frozen(kw_only=True)
class ListMatches:
    """One's own matches, newest first."""

    status: MatchStatus | None = v.choice(STATUSES, default=None, optional=True)
    limit: int = v.whole(1, 100, default=20)
    cursor: str | None = v.text(1_000, min_len=1, default=None, optional=True)


# ── views ───────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class MatchView:
    """A match as one of its parties (or an admin) sees it, with what they can do next."""

    id: UUID
    trainee_id: UUID
    trainee_name: str
    coach_id: UUID
    coach_name: str
    conversation_id: UUID | None
    level: str
    initiator: Initiator
    status: MatchStatus
    allowed: tuple[str, ...]
    message: str | None
    suggestion_set_id: UUID | None
    explanation: tuple[ReasonView, ...] | None
    coach_full: bool
    expires_at: datetime
    decided_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    decline_reason: DeclineReason | None
    end_reason: EndReason | None
    end_note: str | None
    created_at: datetime
    updated_at: datetime
    version: int


@attrs.frozen(kw_only=True)
class MatchPage:
    """One page of matches."""

    items: tuple[MatchView, ...]
    next: str | None
    prev: str | None


@attrs.frozen(kw_only=True)
class MatchEventView:
    """One step, as a party sees it."""

    seq: int
    at: datetime
    from_status: MatchStatus | None
    to_status: MatchStatus
    action: str
    by: Literal["trainee", "coach", "system"]
    reason: str | None


@attrs.frozen(kw_only=True)
class MatchEventPage:
    """All steps of a match, oldest first."""

    items: tuple[MatchEventView, ...]
    next: str | None = None
    prev: str | None = None
