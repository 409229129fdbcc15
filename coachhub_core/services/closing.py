"""
What closing a request or a match sets in motion, written once.

Each method works inside the caller's unit of work, with the trainee's row held.

Everybody holds in one order: trainees, ascending; their matches; the coach; the
coach's account. So nobody waits in a ring. A trainee's row orders all that is
done with their matches, and nothing is asked for but under it: who erases or
suspends a trainee holds it to the end, and who asks reads under it whether the
trainee is still here. Of a coach many ask at once, so they share the row: who
leaves, is suspended or stops accepting holds it alone, after the trainees that
are known, and looks whether others came: :meth:`Closing.hold_coach`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from statistics import median
from typing import Final, Protocol
from uuid import UUID

import attrs

from coachhub_core.domain import events
from coachhub_core.domain.accounts import SYSTEM, Account, Actor
from coachhub_core.domain.coaches import Coach
from coachhub_core.domain.matches import DeclineReason, EndReason, Match, MatchEvent, MatchStatus
from coachhub_core.domain.suggestions import Outcome, OutcomeKind
from coachhub_core.errors import ActiveMatch, Contended
from coachhub_core.ports.storage import MatchContext, UnitOfWork
from coachhub_core.services.inbox import notify
from coachhub_core.services.units import Context

RESPONSES_OVER: Final = timedelta(days=90)
OPEN: Final[tuple[MatchStatus, ...]] = ("requested",)
_RUNNING: Final[tuple[MatchStatus, ...]] = ("active", "paused")
_ANSWERS: Final = ("declined", "expired")  # what a coach said, or did not: it counts for how fast they answer


class MatchListener(Protocol):
    """A room that has something to do when a match pauses, resumes or ends: plans stop with it."""

    def match_paused(self, work: UnitOfWork, match: Match) -> None: ...

    def match_resumed(self, work: UnitOfWork, match: Match, *, was_paused: Match) -> None: ...

    def matches_over(self, work: UnitOfWork, matches: Sequence[Match]) -> None: ...


@attrs.frozen(kw_only=True)
class HeldCoach:
    """A coach whose row, account and trainees a unit holds, with the matches it asked for."""

    coach: Coach
    account: Account
    contexts: Sequence[MatchContext]


class Closing:
    """The consequences of transitions that several rooms cause."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._listeners: list[MatchListener] = []

    def add_listener(self, listener: MatchListener) -> None:
        """Let a room follow the life of matches; called by ``bootstrap`` only."""
        self._listeners.append(listener)

    def record(
        self, work: UnitOfWork, before: Match | None, after: Match, action: str, by: Actor, reason: str | None = None
    ) -> None:
        """Append the step to the match's history."""
        work.matches.add_event(
            MatchEvent(
                match_id=after.id,
                seq=0,
                at=self._context.clock(),
                from_status=before.status if before is not None else None,
                to_status=after.status,
                action=action,
                actor_id=by.account_id if by.role != "system" else None,
                reason=reason,
            )
        )

    def outcome(self, work: UnitOfWork, match: Match, event: OutcomeKind, value: float | None = None) -> None:
        """Append to the log that matchers learn from."""
        work.outcomes.add(
            [
                Outcome(
                    id=self._context.new_id(),
                    at=self._context.clock(),
                    trainee_id=match.trainee_id,
                    coach_id=match.coach_id,
                    event=event,
                    value=value,
                    set_id=match.suggestion_set_id,
                )
            ]
        )

    def parties(self, work: UnitOfWork, match: Match) -> tuple[UUID, UUID]:
        """Return the accounts of trainee and coach."""
        context = work.matches.context(match.id)
        return context.trainee_account_id, context.coach_account_id

    def accounts_of(self, work: UnitOfWork, match: Match, side: str) -> tuple[UUID, ...]:
        """Return the account on *side* as a tuple of one."""
        trainee, coach = self.parties(work, match)
        return (trainee,) if side == "trainee" else (coach,)

    # ── requests ──

    def close_request(
        self, work: UnitOfWork, match: Match, after: Match, action: str, by: Actor, reason: str | None
    ) -> Match:
        """Save the end of a request, with history, notice, event and outcome."""
        saved = work.matches.save(after)
        self._closed(work, match, saved, action, by, reason, self.parties(work, match))
        if saved.status in _ANSWERS:
            self.update_response(work, saved.coach_id)
        return saved

    def _closed(
        self,
        work: UnitOfWork,
        match: Match,
        saved: Match,
        action: str,
        by: Actor,
        reason: str | None,
        parties: tuple[UUID, UUID],
    ) -> None:
        now = self._context.clock()
        trainee, coach = parties
        self.record(work, match, saved, action, by, reason)
        event = {
            "declined": events.MatchDeclined,
            "withdrawn": events.MatchWithdrawn,
            "expired": events.MatchExpiredEvent,
            "superseded": events.MatchSupersededEvent,
        }[saved.status]
        work.outbox.add(event(at=now, aggregate_id=saved.id, trainee_id=saved.trainee_id, coach_id=saved.coach_id))
        told = {
            "declined": (trainee,),
            "withdrawn": (coach,),
            "expired": (trainee, coach),
            "superseded": (trainee, coach),
        }[saved.status]
        notify(self._context, work, told, f"match_{saved.status}", str(saved.id), match_id=saved.id, reason=reason)
        if saved.status in _ANSWERS:
            self.outcome(work, saved, "declined")

    def expire(self, work: UnitOfWork, match: Match) -> Match:
        """Close a request whose time is over."""
        return self.close_request(work, match, match.expire(now=self._context.clock()), "expire", SYSTEM, "no answer")

    def expire_due(self, work: UnitOfWork, requests: Sequence[Match]) -> list[Match]:
        """Close what is late of a trainee's requests and return those that are really open."""
        now = self._context.clock()
        still_open = []
        for match in requests:
            if match.state_at(now) == "expired":
                self.expire(work, match)
            else:
                still_open.append(match)
        return still_open

    def supersede_others(self, work: UnitOfWork, accepted: Match) -> None:
        """Close the trainee's other requests: another coach was first."""
        now = self._context.clock()
        for match in work.matches.open_of_trainee(accepted.trainee_id):
            if match.id != accepted.id:
                after = match.supersede(now=now)
                self.close_request(work, match, after, "supersede", SYSTEM, "another coach was first")

    def hold_coach(self, work: UnitOfWork, coach_id: UUID, statuses: Sequence[MatchStatus]) -> HeldCoach:
        """
        Hold a coach who acts no longer, with the trainees of all matches in *statuses*: nobody asks any more.

        Who asks holds the coach as well: a request was made before, and is among the matches, or comes after the unit,
        and is refused. To hold a trainee who came meanwhile would be against the order: the unit runs again, and
        knows them.

        Raises:
            Contended: If a match in *statuses* was made since they were read.
        """
        found = work.matches.contexts_of_coach(coach_id, statuses=statuses)
        trainee_ids = sorted({context.match.trainee_id for context in found})
        work.trainees.lock_many(trainee_ids)
        coach, account = work.coaches.lock_with_account(coach_id)
        # read again under the locks: who was answered meanwhile is not open any more, and who came is not held
        contexts = work.matches.contexts_of_coach(coach_id, statuses=statuses)
        if not {context.match.trainee_id for context in contexts} <= set(trainee_ids):
            raise Contended(what=f"coach {coach_id}")
        return HeldCoach(coach=coach, account=account, contexts=contexts)

    def stop_accepting(self, work: UnitOfWork, held: HeldCoach) -> None:
        """Decline everything a coach has not answered, in as many round trips as one."""
        waiting = [context for context in held.contexts if context.match.status == "requested"]
        self._decline_all(work, waiting, "coach_unavailable")
        if waiting:
            self.update_response(work, held.coach.id)

    def suspend_coach(self, work: UnitOfWork, coach_id: UUID) -> None:
        """Decline what is open and pause what runs with a coach who is suspended; both rows of theirs are held then."""
        held = self.hold_coach(work, coach_id, ("requested", "active"))
        self.stop_accepting(work, held)
        for context in held.contexts:
            if context.match.status == "active":
                self.pause(work, context.match, SYSTEM, "suspended")

    def leave_coach(self, work: UnitOfWork, coach_id: UUID, by: Actor, *, end_matches: bool) -> HeldCoach:
        """
        End what runs with a coach whose account is closed and decline what is open, in as many round trips as one.

        Raises:
            ActiveMatch: If a match runs and *end_matches* is not said.
        """
        held = self.hold_coach(work, coach_id, (*OPEN, *_RUNNING))
        running = [context for context in held.contexts if context.match.status in _RUNNING]
        if running and not end_matches:
            raise ActiveMatch(state=running[0].match.status, allowed=("end_matches",))
        now = self._context.clock()
        saved = work.matches.save_held([c.match.end(by=by, now=now, reason="account_closed") for c in running])
        for listener in self._listeners:
            listener.matches_over(work, saved)
        for context, match in zip(running, saved, strict=True):
            self._ended(work, context.match, match, by, _parties(context), completed=False)
        self._decline_all(work, [c for c in held.contexts if c.match.status in OPEN], "account_closed")
        return held

    def _decline_all(self, work: UnitOfWork, waiting: Sequence[MatchContext], reason: DeclineReason) -> None:
        now = self._context.clock()
        after = [
            c.match.expire(now=now)
            if c.match.state_at(now) == "expired"
            else c.match.decline(by=SYSTEM, now=now, reason=reason)
            for c in waiting
        ]
        for context, saved in zip(waiting, work.matches.save_held(after), strict=True):
            action, why = ("expire", "no answer") if saved.status == "expired" else ("decline", reason)
            self._closed(work, context.match, saved, action, SYSTEM, why, _parties(context))

    def withdraw_open_of_trainee(self, work: UnitOfWork, trainee_id: UUID) -> None:
        """Withdraw everything a trainee has asked."""
        now = self._context.clock()
        for match in work.matches.open_of_trainee(trainee_id):
            after = match.withdraw(by=SYSTEM, now=now) if match.state_at(now) == "requested" else match.expire(now=now)
            action = "withdraw" if after.status == "withdrawn" else "expire"
            self.close_request(work, match, after, action, SYSTEM, "account_closed")

    def update_response(self, work: UnitOfWork, coach_id: UUID) -> None:
        """Say anew how long this coach takes to answer: the median over 90 days."""
        now = self._context.clock()
        seconds = work.matches.decided_seconds(coach_id, since=now - RESPONSES_OVER)
        work.coaches.set_response(coach_id, median_seconds=round(median(seconds)) if seconds else None, at=now)
        self.coach_changed(work, coach_id)

    def coach_changed(self, work: UnitOfWork, coach_id: UUID) -> None:
        """Tell that the public view of a coach is another."""
        work.outbox.add(events.CoachChanged(at=self._context.clock(), aggregate_id=coach_id))

    # ── matches ──

    def pause(self, work: UnitOfWork, match: Match, by: Actor, reason: str | None = None) -> Match:
        """Pause a match; its assignments pause with it."""
        now = self._context.clock()
        saved = work.matches.save(match.pause(by=by, now=now))
        parties = self.parties(work, saved)
        self.record(work, match, saved, "pause", by, reason)
        work.outbox.add(
            events.MatchPaused(at=now, aggregate_id=saved.id, trainee_id=saved.trainee_id, coach_id=saved.coach_id)
        )
        cause = f"{saved.id}:{saved.version}"
        notify(self._context, work, parties, "match_paused", cause, match_id=saved.id, reason=reason)
        for listener in self._listeners:
            listener.match_paused(work, saved)
        return saved

    def resume(self, work: UnitOfWork, match: Match, by: Actor) -> Match:
        """Resume a match; days left shift by the pause."""
        now = self._context.clock()
        saved = work.matches.save(match.resume(by=by, now=now))
        parties = self.parties(work, saved)
        self.record(work, match, saved, "resume", by)
        work.outbox.add(
            events.MatchResumed(at=now, aggregate_id=saved.id, trainee_id=saved.trainee_id, coach_id=saved.coach_id)
        )
        cause = f"{saved.id}:{saved.version}"
        notify(self._context, work, parties, "match_resumed", cause, match_id=saved.id)
        for listener in self._listeners:
            listener.match_resumed(work, saved, was_paused=match)
        return saved

    def end(
        self,
        work: UnitOfWork,
        match: Match,
        by: Actor,
        *,
        reason: EndReason,
        note: str | None = None,
        completed: bool = False,
    ) -> Match:
        """End a running match: the seat is free, grants but chat go, plans stop, the conversation is read-only."""
        now = self._context.clock()
        saved = work.matches.save(match.end(by=by, now=now, reason=reason, note=note, completed=completed))
        for listener in self._listeners:
            listener.matches_over(work, [saved])
        self._ended(work, match, saved, by, self.parties(work, saved), completed=completed)
        return saved

    def _ended(
        self,
        work: UnitOfWork,
        match: Match,
        saved: Match,
        by: Actor,
        parties: tuple[UUID, UUID],
        *,
        completed: bool,
    ) -> None:
        now, reason = self._context.clock(), saved.end_reason
        self.record(work, match, saved, "complete" if completed else "end", by, reason)
        work.coaches.free_seat(saved.coach_id, at=now)
        work.trainees.set_matched_coach(saved.trainee_id, None, at=now)
        work.grants.revoke_all(saved.trainee_id, saved.coach_id, at=now, keep=("chat",))
        work.conversations.set_state(saved.id, "read_only")
        work.outbox.add(
            events.MatchEnded(at=now, aggregate_id=saved.id, trainee_id=saved.trainee_id, coach_id=saved.coach_id)
        )
        self.coach_changed(work, saved.coach_id)
        notify(self._context, work, parties, f"match_{saved.status}", str(saved.id), match_id=saved.id, reason=reason)
        self.outcome(work, saved, "completed" if completed else "cancelled")


def _parties(context: MatchContext) -> tuple[UUID, UUID]:
    return context.trainee_account_id, context.coach_account_id
