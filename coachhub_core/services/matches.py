"""Use cases of the room *matches*: ask, answer, run, end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

import attrs

from coachhub_core.domain import events
from coachhub_core.domain.accounts import SYSTEM, Actor
from coachhub_core.domain.chat import Conversation
from coachhub_core.domain.matches import (
    AcceptMatch,
    CompleteMatch,
    DeclineMatch,
    EndMatch,
    ListMatches,
    Match,
    MatchEventPage,
    MatchEventView,
    MatchPage,
    MatchView,
    PauseMatch,
    RequestMatch,
    ResumeMatch,
    WithdrawMatch,
)
from coachhub_core.domain.trainees import GRANTED_BY_ACCEPTING, Grant
from coachhub_core.errors import (
    AlreadyMatched,
    CoachFull,
    CoachNotAccepting,
    Invalid,
    MatchExpired,
    NotFound,
    OpenRequestExists,
    TooManyOpenRequests,
    Unauthorized,
)
from coachhub_core.ports.storage import Duplicate, MatchContext, TraineeRecord, UnitOfWork
from coachhub_core.services.access import Access, own_trainee_id
from coachhub_core.services.closing import Closing
from coachhub_core.services.inbox import notify
from coachhub_core.services.paging import ends, read_cursor
from coachhub_core.services.units import Context, rerun

_LIST: Final = "matches"


class MatchService:
    """The relation between a trainee and a coach. Each change holds them in the order of ``closing``."""

    def __init__(self, context: Context, access: Access, closing: Closing) -> None:
        self._context = context
        self._access = access
        self._closing = closing

    # ── asking ──

    @rerun
    def request(self, actor: Actor, command: RequestMatch) -> MatchView:
        """
        Ask a coach for a seat.

        Raises:
            AlreadyMatched: If the trainee has an active coach.
            OpenRequestExists: If this coach is asked already.
            TooManyOpenRequests: If too many wait for an answer.
            CoachNotAccepting, CoachFull: If there is nothing to ask for.
            Unauthorized: If the trainee was erased or suspended meanwhile.
        """
        trainee_id = own_trainee_id(actor)
        with self._context.write(actor) as work:
            if self._held(work, trainee_id) is None:
                raise Unauthorized
            match = self._request(work, actor, trainee_id, command)
            self._closing.outcome(work, match, "contacted")
            return work.commit(self._view(work, match.id, actor))

    def ask_for(self, work: UnitOfWork, trainee_id: UUID, coach_id: UUID) -> Match:
        """
        Ask a coach for a trainee who was placed, in the caller's unit of work: the system's request.

        The coach answers as ever, the trainee may withdraw, and both are told.

        Raises:
            NotFound: If the trainee's account is no longer active.
            AlreadyMatched, OpenRequestExists, TooManyOpenRequests, CoachNotAccepting, CoachFull: As for a trainee.
        """
        record = self._held(work, trainee_id)
        if record is None:
            raise NotFound(kind="trainee", id=trainee_id)
        match = self._request(work, SYSTEM, trainee_id, RequestMatch(coach_id=coach_id))
        told = {"match_id": match.id, "coach_id": coach_id}
        notify(self._context, work, (record.account.id,), "match_proposed", str(match.id), **told)
        return match

    def _held(self, work: UnitOfWork, trainee_id: UUID) -> TraineeRecord | None:
        """Hold a trainee; None for one who was erased or suspended, be it while this waited for the row."""
        work.trainees.lock(trainee_id)
        return next(iter(work.trainees.records([trainee_id])), None)

    def _request(self, work: UnitOfWork, actor: Actor, trainee_id: UUID, command: RequestMatch) -> Match:
        """Make a request for a trainee who is held: whoever it comes from, the same checks."""
        settings = self._context.settings.matches
        unfinished = work.matches.unfinished_of_trainee(trainee_id)
        for running in unfinished:
            if running.status != "requested":
                state = running.status
                if running.coach_id == command.coach_id:
                    raise OpenRequestExists(coach_id=command.coach_id, state=state)
                raise AlreadyMatched(trainee_id=trainee_id, state=state)
        still_open = self._closing.expire_due(work, unfinished)
        # who leaves comes before this, and is seen to be gone, or after the unit, and sees the request
        coach, coach_account = work.coaches.lock_with_account(command.coach_id, is_shared=True)
        if coach_account.status == "erased":
            raise NotFound(kind="coach", id=command.coach_id)
        if any(match.coach_id == coach.id for match in still_open):
            raise OpenRequestExists(coach_id=coach.id, state="requested")
        if len(still_open) >= settings.max_open:
            raise TooManyOpenRequests(limit=settings.max_open, state="requested")
        if not coach.is_accepting or coach_account.status != "active":
            raise CoachNotAccepting(coach_id=coach.id)
        if coach.seats_left <= 0:
            raise CoachFull(coach_id=coach.id, capacity=coach.capacity)
        explanation = None
        if command.suggestion_set_id is not None:
            found = work.suggestions.find(command.suggestion_set_id)
            if found is None or found.trainee_id != trainee_id:
                raise Invalid.at("/suggestion_set_id", "is not one of your suggestion sets", "unknown")
            explanation = next((s.reasons for s in found.items if s.coach_id == coach.id), None)
        now = self._context.clock()
        match = Match.request(
            id=self._context.new_id(),
            trainee_id=trainee_id,
            coach_id=coach.id,
            now=now,
            expires_after=timedelta(hours=settings.expire_hours),
            initiator="system" if actor.role == "system" else "trainee",
            message=command.message,
            suggestion_set_id=command.suggestion_set_id,
            explanation=explanation,
        )
        try:
            work.matches.add(match)
        except Duplicate as exc:
            raise OpenRequestExists(coach_id=coach.id, state="requested") from exc
        self._closing.record(work, None, match, "request", actor)
        work.outbox.add(events.MatchRequested(at=now, aggregate_id=match.id, trainee_id=trainee_id, coach_id=coach.id))
        notify(self._context, work, (coach_account.id,), "match_requested", str(match.id), match_id=match.id)
        return match

    # ── answering ──

    @rerun
    def accept(self, actor: Actor, command: AcceptMatch) -> MatchView:
        """
        Say yes: a seat is taken, or nothing happens.

        Raises:
            NotReceiver: If it was not asked of the actor.
            CoachFull: If no seat is left; the request stays open.
            MatchSuperseded, MatchExpired, MatchIllegalTransition: If it is no longer open.
        """
        with self._closing_late(command.match_id), self._context.write(actor) as work:
            match = self._access.match(work, actor, command.match_id, lock=True)
            now = self._context.clock()
            accepted = match.accept(by=actor, now=now)
            running = work.matches.running_of_trainee(match.trainee_id)
            if running is not None:
                raise AlreadyMatched(trainee_id=match.trainee_id, state=running.status)
            try:
                saved = work.matches.save(accepted)
            except Duplicate as exc:  # I1, held by the database whatever was read above
                raise AlreadyMatched(trainee_id=match.trainee_id) from exc
            work.coaches.take_seat(match.coach_id, at=now)
            context = work.matches.context(saved.id)
            parties = (context.trainee_account_id, context.coach_account_id)
            standing = work.grants.scopes(saved.trainee_id, saved.coach_id)
            self._closing.supersede_others(work, saved)
            for scope in GRANTED_BY_ACCEPTING:
                if scope not in standing:
                    work.grants.add(
                        Grant(
                            id=self._context.new_id(),
                            trainee_id=saved.trainee_id,
                            coach_id=saved.coach_id,
                            scope=scope,
                            granted_at=now,
                        )
                    )
            work.trainees.set_matched_coach(saved.trainee_id, saved.coach_id, at=now)
            conversation = Conversation(id=self._context.new_id(), match_id=saved.id, created_at=now)
            work.conversations.add(conversation, parties)
            self._closing.record(work, match, saved, "accept", actor)
            self._closing.outcome(work, saved, "accepted")
            self._closing.outcome(work, saved, "started")
            self._closing.update_response(work, saved.coach_id)
            work.outbox.add(
                events.MatchAccepted(
                    at=now, aggregate_id=saved.id, trainee_id=saved.trainee_id, coach_id=saved.coach_id
                )
            )
            told = {"match_id": saved.id, "conversation_id": conversation.id}
            notify(self._context, work, parties, "match_accepted", str(saved.id), **told)
            now_is = attrs.evolve(context, match=saved, conversation_id=conversation.id)
            return work.commit(self._shown(now_is, actor))

    @contextmanager
    def _closing_late(self, match_id: UUID) -> Iterator[None]:
        """Whoever meets a request past its time closes it, in a unit of its own; the refusal follows all the same."""
        try:
            yield
        except MatchExpired:
            self._expire(match_id)
            raise

    @rerun
    def _expire(self, match_id: UUID) -> None:
        with self._context.write(SYSTEM) as work:
            work.trainees.lock(work.matches.get(match_id).trainee_id)
            match = work.matches.get(match_id)
            if match.status == "requested":
                self._closing.expire(work, match)
                work.commit()

    @rerun
    def decline(self, actor: Actor, command: DeclineMatch) -> MatchView:
        """Say no, with a reason that the initiator reads."""
        with self._closing_late(command.match_id), self._context.write(actor) as work:
            match = self._access.match(work, actor, command.match_id, lock=True)
            after = match.decline(by=actor, now=self._context.clock(), reason=command.reason, note=command.note)
            self._closing.close_request(work, match, after, "decline", actor, command.reason)
            return work.commit(self._view(work, match.id, actor))

    @rerun
    def withdraw(self, actor: Actor, command: WithdrawMatch) -> MatchView:
        """Take one's own request back."""
        with self._closing_late(command.match_id), self._context.write(actor) as work:
            match = self._access.match(work, actor, command.match_id, lock=True)
            after = match.withdraw(by=actor, now=self._context.clock())
            self._closing.close_request(work, match, after, "withdraw", actor, None)
            return work.commit(self._view(work, match.id, actor))

    # ── running ──

    @rerun
    def pause(self, actor: Actor, command: PauseMatch) -> MatchView:
        """Stop for a while; the seat stays taken and the plans pause."""
        with self._context.write(actor) as work:
            match = self._access.match(work, actor, command.match_id, lock=True)
            self._closing.pause(work, match, actor)
            return work.commit(self._view(work, match.id, actor))

    @rerun
    def resume(self, actor: Actor, command: ResumeMatch) -> MatchView:
        """Go on; days left move by the length of the pause."""
        with self._context.write(actor) as work:
            match = self._access.match(work, actor, command.match_id, lock=True)
            self._closing.resume(work, match, actor)
            return work.commit(self._view(work, match.id, actor))

    @rerun
    def complete(self, actor: Actor, command: CompleteMatch) -> MatchView:
        """Finish: the goal is reached, the seat is free, both can review."""
        with self._context.write(actor) as work:
            match = self._access.match(work, actor, command.match_id, lock=True)
            self._closing.end(work, match, actor, reason="goal_reached", note=command.note, completed=True)
            return work.commit(self._view(work, match.id, actor))

    @rerun
    def end(self, actor: Actor, command: EndMatch) -> MatchView:
        """End, with a reason; the seat is free, both can review."""
        with self._context.write(actor) as work:
            match = self._access.match(work, actor, command.match_id, lock=True)
            self._closing.end(work, match, actor, reason=command.reason, note=command.note)
            return work.commit(self._view(work, match.id, actor))

    # ── looking ──

    def get(self, actor: Actor, match_id: UUID) -> MatchView:
        """Return one match to a party or an admin."""
        with self._context.read() as work:
            self._access.match(work, actor, match_id)
            return self._view(work, match_id, actor)

    def list(self, actor: Actor, query: ListMatches) -> MatchPage:
        """Return a page of one's own matches, newest first; an admin sees all."""
        name = f"{_LIST}:{query.status or ''}"
        keyset = read_cursor(query.cursor, name)
        if actor.trainee_id is None and actor.coach_id is None and not actor.is_admin:
            return MatchPage(items=(), next=None, prev=None)
        with self._context.read() as work:
            found = work.matches.page(
                trainee_id=None if actor.is_admin else actor.trainee_id,
                coach_id=None if actor.is_admin else actor.coach_id,
                status=query.status,
                now=self._context.clock(),
                keyset=keyset,
                limit=query.limit,
            )
            after, before = ends(found, keyset, name, lambda id: (id,))
            items = tuple(self._shown(context, actor) for context in work.matches.contexts(found.items))
        return MatchPage(items=items, next=after, prev=before)

    def events(self, actor: Actor, match_id: UUID) -> MatchEventPage:
        """Return every step of a match, oldest first."""
        with self._context.read() as work:
            match = self._access.match(work, actor, match_id)
            trainee, coach = self._closing.parties(work, match)
            found = work.matches.events(match_id)
        names = {trainee: "trainee", coach: "coach"}
        return MatchEventPage(
            items=tuple(
                MatchEventView(
                    seq=e.seq,
                    at=e.at,
                    from_status=e.from_status,
                    to_status=e.to_status,
                    action=e.action,
                    by=names.get(e.actor_id, "system") if e.actor_id else "system",  # type: ignore[arg-type]  # one of three
                    reason=e.reason,
                )
                for e in found
            )
        )

    def _view(self, work: UnitOfWork, match_id: UUID, actor: Actor) -> MatchView:
        return self._shown(work.matches.context(match_id), actor)

    def _shown(self, context: MatchContext, actor: Actor) -> MatchView:
        match = context.match
        now = self._context.clock()
        return MatchView(
            id=match.id,
            trainee_id=match.trainee_id,
            trainee_name=context.trainee_name,
            coach_id=match.coach_id,
            coach_name=context.coach_name,
            conversation_id=context.conversation_id,
            level=match.level,
            initiator=match.initiator,
            status=match.state_at(now),
            allowed=match.allowed(actor, now),
            message=match.message,
            suggestion_set_id=match.suggestion_set_id,
            explanation=match.explanation,
            coach_full=match.status == "requested" and context.coach_full,
            expires_at=match.expires_at,
            decided_at=match.decided_at,
            started_at=match.started_at,
            ended_at=match.ended_at,
            decline_reason=match.decline_reason,
            end_reason=match.end_reason,
            end_note=match.end_note,
            created_at=match.created_at,
            updated_at=match.updated_at,
            version=match.version,
        )

    # ── what the clock does ──

    @rerun
    def expire_one(self) -> bool:
        """Close the request whose time is over the longest; False when there is none."""
        now = self._context.clock()
        with self._context.write(SYSTEM) as work:
            due = work.matches.expired(now, limit=1)
            if not due:
                return False
            work.trainees.lock(due[0].trainee_id)
            match = work.matches.find(due[0].id)
            if match is not None and match.status == "requested":
                self._closing.expire(work, match)
            work.commit()
        return True

    @rerun
    def remind_one(self) -> bool:
        """Remind the receiver of a request of which two thirds of the time are over; False when there is none."""
        now = self._context.clock()
        with self._context.write(SYSTEM) as work:
            due = work.matches.to_remind(now, limit=1)
            if not due:
                return False
            work.trainees.lock(due[0].trainee_id)
            match = work.matches.find(due[0].id)
            if match is None:
                raise NotFound(kind="match", id=due[0].id)
            if match.status == "requested" and match.remind_at is not None:
                saved = work.matches.save(match.reminded(now=now))
                told = self._closing.accounts_of(work, saved, saved.receiver)
                expires_at = saved.expires_at.isoformat()
                notify(
                    self._context,
                    work,
                    told,
                    "match_reminder",
                    str(saved.id),
                    match_id=saved.id,
                    expires_at=expires_at,
                )
            work.commit()
        return True
