"""Use cases of analytics: a coach's roster, and who needs a word today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.adherence import DueFact, adherence, windows_before
from coachhub_core.domain.analytics import (
    AttentionView,
    ReadAttention,
    ReadRoster,
    RequestFact,
    RosterAssignment,
    RosterPage,
    RosterRow,
    TraineeFacts,
    WaitingMessage,
    attention,
)
from coachhub_core.domain.schedule import local_day
from coachhub_core.domain.trainees import GrantScope
from coachhub_core.domain.vocabulary import fold
from coachhub_core.ports.storage import MatchContext, Slice, UnitOfWork
from coachhub_core.services.access import own_coach_id
from coachhub_core.services.paging import ends, read_cursor
from coachhub_core.services.units import Context
from coachhub_core.services.workouts import DueFacts

Entitled = Mapping[GrantScope, frozenset[UUID]]
"""Who lets a coach see what."""

_LIST: Final = "roster"
_MANY: Final = 1_000  # conversations read for their unread counts


class AnalyticsService:
    """Numbers for coaches about their own trainees, each within what that trainee granted."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def roster(self, actor: Actor, query: ReadRoster) -> RosterPage:
        """Return a page of one's trainees, active and paused, by name."""
        coach_id = own_coach_id(actor)
        keyset = read_cursor(query.cursor, _LIST)
        now = self._context.clock()

        everyone, may = self._entitled(coach_id)
        is_back = keyset is not None and keyset.is_before
        if keyset is not None:
            place = _place(keyset.values)
            everyone = [c for c in everyone if (_key(c) < place if is_back else _key(c) > place)]
        page = everyone[-query.limit :] if is_back else everyone[: query.limit]
        shown = Slice(items=tuple(page), has_more=len(everyone) > query.limit)
        facts = self._context.read_lagging(lambda work: self._facts(work, actor, may, shown.items, now))
        after, before = ends(shown, keyset, _LIST, _key)
        return RosterPage(items=tuple(RosterRow.of(each, now=now) for each in facts), next=after, prev=before)

    def attention(self, actor: Actor, query: ReadAttention) -> AttentionView:
        """Return everything one should look at, most urgent first."""
        coach_id = own_coach_id(actor)
        now = self._context.clock()

        everyone, may = self._entitled(coach_id)
        with self._context.read() as work:
            asked = work.matches.contexts_of_coach(coach_id, statuses=("requested",))
            today = local_day(now, work.accounts.get(actor.account_id).zone)
        facts = self._context.read_lagging(lambda work: self._facts(work, actor, may, everyone, now))
        requests = [
            RequestFact(
                match_id=context.match.id,
                trainee_id=context.match.trainee_id,
                trainee_name=context.trainee_name,
                created_at=context.match.created_at,
                expires_at=context.match.expires_at,
            )
            for context in asked
            if context.match.receiver == "coach"
        ]
        found = attention(facts, requests, now=now, today=today)
        return AttentionView(as_of=now, items=found[: query.limit])

    def _entitled(self, coach_id: UUID) -> tuple[Sequence[MatchContext], Entitled]:
        """
        Return whose coach this is, by name, and what each of them lets the coach see.

        The database itself says so, never a replica: that may not know yet that a match has ended or that something
        was taken back.
        """
        with self._context.read() as work:
            found = work.matches.contexts_of_coach(coach_id, statuses=("active", "paused"))
            return sorted(found, key=_key), work.grants.trainees_of(coach_id)

    def _facts(
        self, work: UnitOfWork, actor: Actor, may: Entitled, contexts: Sequence[MatchContext], now: datetime
    ) -> list[TraineeFacts]:
        ids = [context.match.trainee_id for context in contexts]
        may_logs, may_plans = may.get("logs", frozenset()), may.get("plan", frozenset())
        today = {c.match.trainee_id: local_day(now, c.trainee_zone) for c in contexts}
        logged = [id for id in ids if id in may_logs]
        last_days = work.workouts.last_days(logged)
        efforts = work.workouts.efforts(logged, limit=2)
        planned = [id for id in ids if id in may_plans]
        next_days = self._next_days(work, planned, today)
        assignments = self._assignments(work, planned, now)
        conversations = {c.conversation_id: c.match.id for c in contexts if c.conversation_id is not None}
        waiting = {
            conversations[m.conversation_id]: WaitingMessage(
                conversation_id=m.conversation_id, seq=m.seq, sent_at=m.created_at
            )
            for m in work.messages.unanswered(actor.account_id, before=now)
            if m.conversation_id in conversations
        }
        unread = {
            listing.conversation.match_id: listing.conversation.last_seq - listing.read_seq
            for listing in work.conversations.of_account(actor.account_id, limit=_MANY)
        }
        due = self._due(work, logged, today)
        found = []
        for context in contexts:
            match = context.match
            id, day = match.trainee_id, today[match.trainee_id]
            rates = due.get(id, ()) if id in may_logs else None
            last_7, before_7 = windows_before(rates, id, as_of=day) if rates is not None else (None, None)
            last_30 = adherence(id, rates, window=30, as_of=day) if rates is not None else None
            found.append(
                TraineeFacts(
                    trainee_id=id,
                    trainee_name=context.trainee_name,
                    match_id=match.id,
                    match_status="paused" if match.status == "paused" else "active",
                    goal=context.trainee_goal,
                    since=local_day(match.started_at or match.created_at, context.trainee_zone),
                    today=day,
                    last_7=last_7,
                    before_7=before_7,
                    last_30=last_30,
                    may_read_logs=id in may_logs,
                    last_logged_on=last_days.get(id),
                    next_due_on=next_days.get(id),
                    assignment=assignments.get(id),
                    waiting=waiting.get(match.id),
                    n_unread=max(unread.get(match.id, 0), 0),
                    efforts=tuple(efforts.get(id, ())),
                )
            )
        return found

    def _due(
        self, work: UnitOfWork, ids: Sequence[UUID], today: Mapping[UUID, date]
    ) -> Mapping[UUID, Sequence[DueFact]]:
        if not ids:
            return {}
        days = [today[id] for id in ids]
        return DueFacts(work).of(ids, min(days) - timedelta(days=30), max(days))

    def _next_days(self, work: UnitOfWork, ids: Sequence[UUID], today: Mapping[UUID, date]) -> Mapping[UUID, date]:
        return work.scheduled.next_days(ids, min(today[id] for id in ids)) if ids else {}

    def _assignments(self, work: UnitOfWork, ids: Sequence[UUID], now: datetime) -> Mapping[UUID, RosterAssignment]:
        """Return what each trainee is working on: the main one that runs, or comes next."""
        found: dict[UUID, RosterAssignment] = {}
        running = [a for a in work.assignments.open_of_trainees(ids) if a.is_main]
        plans = work.plans.find_many(sorted({a.plan_id for a in running}))
        for a in running:
            status = a.status_at(now)
            if a.trainee_id in found or status in ("completed", "cancelled"):
                continue
            found[a.trainee_id] = RosterAssignment(
                assignment_id=a.id,
                plan_id=a.plan_id,
                plan_title=plans[a.plan_id].title,
                version_number=a.version_number,
                status=status,
                end_date=a.end_date,
            )
        return found


def _key(context: MatchContext) -> tuple[str, str]:
    return fold(context.trainee_name)[:255], str(context.match.id)


def _place(values: tuple[str, ...]) -> tuple[str, str]:
    return (values[0], values[1]) if len(values) == 2 else ("", "")
