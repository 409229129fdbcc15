"""Use cases of one's own data: take everything along, be erased."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final
from uuid import UUID

import attrs

from coachhub_core import deadline, wire
from coachhub_core.domain.accounts import (
    SYSTEM,
    Account,
    AccountView,
    Actor,
    AuditEvent,
    EraseAccount,
    Erasure,
    SessionView,
)
from coachhub_core.domain.chat import MessageView
from coachhub_core.domain.coaches import Coach
from coachhub_core.domain.cohorts import PlacedView
from coachhub_core.domain.events import AccountErased, CoachChanged, Event
from coachhub_core.domain.matches import Match
from coachhub_core.domain.notifications import NotificationView
from coachhub_core.domain.own_data import EXPORT_FORMAT, Export, ExportPage, ExportView
from coachhub_core.domain.reviews import ReviewView
from coachhub_core.domain.trainees import GrantView, Trainee, TraineeView
from coachhub_core.errors import ActiveMatch, ExportRunning, NotFound
from coachhub_core.ports.files import FileStore
from coachhub_core.ports.storage import UnitOfWork
from coachhub_core.services.accounts import AccountService
from coachhub_core.services.closing import Closing
from coachhub_core.services.coaches import copy_key
from coachhub_core.services.copies import Copies
from coachhub_core.services.finding import coach_view
from coachhub_core.services.inbox import notify
from coachhub_core.services.limits import Throttle
from coachhub_core.services.units import Context, rerun

KEPT_EXPORTS: Final = 10
_GATHER_SECONDS: Final = 120.0  # a long life takes longer than a request may

Section = Callable[[UnitOfWork, Account], Any]
"""Returns what a room keeps of an account, as views; None when that is nothing."""

Eraser = Callable[[UnitOfWork, Coach | None, Trainee | None], None]
"""Erases what a room keeps of an account, coach or trainee or neither, in the erasure's unit of work."""


class OwnDataService:
    """Exports and the erasure. Rooms add their sections and erasers in ``bootstrap``."""

    def __init__(
        self,
        context: Context,
        accounts: AccountService,
        closing: Closing,
        throttle: Throttle,
        files: FileStore,
        copies: Copies,
    ) -> None:
        self._context = context
        self._accounts = accounts
        self._closing = closing
        self._throttle = throttle
        self._files = files
        self._copies = copies
        self._sections: dict[str, Section] = {
            "account": lambda _, account: AccountView.of(account),
            "sessions": self._sessions,
            "coach": self._coach,
            "trainee": self._trainee,
            "matches": self._matches,
            "suggestions_outcomes": self._suggestions,
            "placements": self._placements,
            "messages": lambda work, account: [MessageView.of(m) for m in work.messages.sent_by(account.id)],
            "reviews": lambda work, account: [
                ReviewView.of(r, shows_match=True) for r in work.reviews.of_author(account.id)
            ],
            "notifications": self._notifications,
        }
        self._erasers: list[Eraser] = []

    def add_room(self, name: str, section: Section, eraser: Eraser) -> None:
        """Let a room take part; called by ``bootstrap`` only."""
        self._sections[name] = section
        self._erasers.append(eraser)

    # ── taking along ──

    @rerun
    def ask_export(self, actor: Actor) -> ExportView:
        """
        Ask for a copy of everything; due work makes it, within seconds.

        Raises:
            ExportRunning: If one is being made.
        """
        self._throttle.costly(actor.account_id, "export")
        with self._context.write(actor) as work:
            work.accounts.lock(actor.account_id)
            former = work.exports.of_account(actor.account_id)
            if any(export.state == "running" for export in former):
                raise ExportRunning(state="running")
            now = self._context.clock()
            export = Export(id=self._context.new_id(), account_id=actor.account_id, created_at=now, updated_at=now)
            work.exports.add(export)
            for old in former[KEPT_EXPORTS - 1 :]:
                work.exports.remove(old)
                work.after_commit.append(partial(self._files.delete, _file_of(old.id)))
            return work.commit(ExportView.of(export))

    def exports(self, actor: Actor) -> ExportPage:
        """Return one's exports, newest first."""
        with self._context.read() as work:
            found = work.exports.of_account(actor.account_id)
        return ExportPage(items=tuple(ExportView.of(export) for export in found))

    def export(self, actor: Actor, export_id: UUID) -> ExportView:
        """Return one export, with its document when it is done."""
        with self._context.read() as work:
            found = work.exports.find(export_id)
        if found is None or found.account_id != actor.account_id:
            raise NotFound(kind="export", id=export_id)
        if found.state != "done":
            return ExportView.of(found)
        with self._files.open(_file_of(export_id)) as file:
            document: dict[str, Any] = json.load(file)
        return ExportView.of(found, document)

    def make_one(self) -> bool:
        """Make the export that waits the longest; False when none does. Run by due work."""
        with self._context.read() as work:
            waiting = work.exports.running(limit=1)
        if not waiting:
            return False
        with deadline.within(_GATHER_SECONDS):
            raw = self._context.read_lagging(lambda work: self.document(work, work.accounts.get(waiting[0].account_id)))
        self._files.put(_file_of(waiting[0].id), raw)
        self._finish(waiting[0], raw)
        return True

    @rerun
    def _finish(self, export: Export, raw: bytes) -> None:
        with self._context.storage.begin() as work:
            fresh = work.exports.find(export.id)
            if fresh is None or fresh.state != "running":  # erased meanwhile, or made by another worker
                if fresh is None:
                    self._files.delete(_file_of(export.id))
                return
            digest = hashlib.sha256(raw).hexdigest()
            now = self._context.clock()
            work.exports.save(attrs.evolve(fresh, state="done", n_bytes=len(raw), sha256=digest, updated_at=now))
            notify(self._context, work, [export.account_id], "export_done", str(export.id), export_id=export.id)
            work.commit()

    def document(self, work: UnitOfWork, account: Account) -> bytes:
        """Return everything CoachHub keeps of *account*, as JSON."""
        found: dict[str, Any] = {"format": EXPORT_FORMAT, "made_at": self._context.clock()}
        for name, section in self._sections.items():
            said = section(work, account)
            if said is not None:
                found[name] = said
        return wire.dumps(found)

    def _sessions(self, work: UnitOfWork, account: Account) -> Any:
        found = work.sessions.of_account(account.id, now=self._context.clock())
        return [SessionView.of(session, current=None) for session in found]

    def _coach(self, work: UnitOfWork, account: Account) -> Any:
        coach = work.coaches.find_by_account(account.id)
        if coach is None:
            return None
        return {
            "profile": coach_view(work.coaches.record(coach.id)),
            "availability": work.availability.find(account.id),
        }

    def _trainee(self, work: UnitOfWork, account: Account) -> Any:
        trainee = work.trainees.find_by_account(account.id)
        if trainee is None:
            return None
        return {
            "profile": TraineeView.of(trainee, name=account.name, city=account.city),
            "goals": trainee.goals,
            "constraints": trainee.constraints,
            "thresholds": trainee.thresholds,
            "availability": work.availability.find(account.id),
            "grants": [GrantView.of(grant) for grant in work.grants.of_trainee(trainee.id)],
        }

    def _matches(self, work: UnitOfWork, account: Account) -> Any:
        coach, trainee = work.coaches.find_by_account(account.id), work.trainees.find_by_account(account.id)
        found = [*(work.matches.of_coach(coach.id) if coach else ())]
        found += [*(work.matches.of_trainee(trainee.id) if trainee else ())]
        side = "coach" if coach is not None else "trainee"
        return [
            {"match": _own_words(match, side, account.id), "events": work.matches.events(match.id)} for match in found
        ]

    def _suggestions(self, work: UnitOfWork, account: Account) -> Any:
        trainee = work.trainees.find_by_account(account.id)
        return None if trainee is None else work.suggestions.of_trainee(trainee.id)

    def _placements(self, work: UnitOfWork, account: Account) -> Any:
        trainee = work.trainees.find_by_account(account.id)
        return None if trainee is None else [PlacedView.of(p) for p in work.cohorts.placements_of(trainee.id)]

    def _notifications(self, work: UnitOfWork, account: Account) -> Any:
        found = work.notifications.page(account_id=account.id, unread=None, keyset=None, limit=10_000)
        return [NotificationView.of(n) for n in found.items]

    # ── being erased ──

    def erase(self, actor: Actor, command: EraseAccount) -> None:
        """
        Erase one's own account for good.

        Matches end, sessions end, what one wrote is blanked, health data and
        logs are deleted; ids and numbers stay where others need them.

        Raises:
            BadCredentials: If the password is wrong.
            ActiveMatch: If a match runs and ``end_matches`` was not said.
        """
        self._accounts.prove(actor, command.password)
        self._erase(actor, actor.account_id, end_matches=command.end_matches)

    @rerun
    def replay(self, erasure: Erasure) -> bool:
        """Erase again who was erased after a backup was taken; False when nothing was left to erase."""
        with self._context.read() as work:
            account = work.accounts.find(erasure.account_id)
        if account is None or account.status == "erased":
            return False
        self._erase(SYSTEM, erasure.account_id, end_matches=True)
        return True

    @rerun
    def _erase(self, actor: Actor, account_id: UUID, *, end_matches: bool) -> None:
        with self._context.write(actor) as work:
            now = self._context.clock()
            trainee = work.trainees.find_by_account(account_id) if actor.role != "coach" else None
            if trainee is not None:
                self._end_matches(work, actor, trainee, end_matches=end_matches)
            coach_id = actor.coach_id or self._coach_id(work, actor, account_id)
            coach: Coach | None = None
            if coach_id is not None:
                held = self._closing.leave_coach(work, coach_id, actor, end_matches=end_matches)
                coach, account = held.coach, held.account
            else:
                account = work.accounts.lock(account_id)
            names = [_file_of(export.id) for export in work.exports.of_account(account_id)]
            work.personal.forget_answers(_named(account_id, coach, trainee))  # it reads: before what goes as one packet
            for eraser in self._erasers:
                eraser(work, coach, trainee)
            work.messages.blank_sent_by(account_id)
            work.personal.blank_reviews(account_id)
            work.personal.erase_account(account_id)
            if trainee is not None:
                work.personal.erase_trainee(trainee.id, account_id)
            if coach is not None:
                work.personal.erase_coach(coach.id, account_id)
                work.outbox.add(CoachChanged(at=now, aggregate_id=coach.id))
            work.accounts.save_held([account.erase(now=now)])
            work.erasures.add(_chained(work.erasures.last(), account_id, now.isoformat(), now))
            work.outbox.add(AccountErased(at=now, aggregate_id=account_id))
            work.audit.add(
                AuditEvent(
                    at=now, actor_id=None, action="erase", object=f"account:{account_id}", request_id=actor.request_id
                )
            )

            def forget() -> None:
                for name in names:
                    self._files.delete(name)
                if coach is not None:
                    self._copies.forget(copy_key(coach.id))
                self._context.storage.scrub()

            work.after_commit.append(forget)
            work.before_commit.clear()  # nothing of the account is kept, not even the answer to this
            work.commit()

    @rerun
    def forget_late(self, event: Event) -> None:
        """
        Hear of an erasure: forget what others were being answered meanwhile.

        The erasure itself does not wait for all who are under way, since nobody would be erased on a slow database.
        """
        if not isinstance(event, AccountErased):
            return
        with self._context.storage.begin() as work:
            coach = work.coaches.find_by_account(event.aggregate_id)
            trainee = work.trainees.find_by_account(event.aggregate_id)
            work.personal.forget_answers(_named(event.aggregate_id, coach, trainee), is_patient=True)
            work.commit()

    def _coach_id(self, work: UnitOfWork, actor: Actor, account_id: UUID) -> UUID | None:
        if actor.role == "trainee":
            return None
        coach = work.coaches.find_by_account(account_id)
        return None if coach is None else coach.id

    def _end_matches(self, work: UnitOfWork, actor: Actor, trainee: Trainee, *, end_matches: bool) -> None:
        work.trainees.lock(trainee.id)  # to the end: who asks in this trainee's name reads the account under it
        mine = work.matches.running_of_trainee(trainee.id)
        if mine is not None and not end_matches:
            raise ActiveMatch(state=mine.status, allowed=("end_matches",))
        if mine is not None:
            self._closing.end(work, mine, actor, reason="account_closed")
        self._closing.withdraw_open_of_trainee(work, trainee.id)


def _own_words(match: Match, side: str, account_id: UUID) -> Match:
    """Leave out what the other side wrote: it is theirs to take along, and to have erased."""
    ended = account_id == match.ended_by or (match.status == "declined" and side == match.receiver)
    return attrs.evolve(
        match,
        message=match.message if side == match.initiator else None,
        end_note=match.end_note if ended else None,
    )


def _named(account_id: UUID, coach: Coach | None, trainee: Trainee | None) -> list[UUID]:
    """Return by which ids an answer may name somebody."""
    return [account_id, *(found.id for found in (coach, trainee) if found is not None)]


def _file_of(export_id: UUID) -> str:
    return f"exports/{export_id}.json"


def _chained(last: Erasure | None, account_id: UUID, at_text: str, at: Any) -> Erasure:
    """Return the next link: its hash covers the one before, so that none can be taken out unseen."""
    before = last.hash if last is not None else b"\0" * 32
    digest = hashlib.sha256(before + account_id.bytes + at_text.encode()).digest()
    return Erasure(account_id=account_id, at=at, hash=digest)
