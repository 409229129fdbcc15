"""Use cases of administrators: accounts, the audit, the index."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from coachhub_core.domain.accounts import SYSTEM, AccountView, Actor, AuditEvent, Suspend
from coachhub_core.domain.admin import (
    AccountPage,
    AuditPage,
    AuditView,
    ListAccounts,
    ListAudit,
    PluginPage,
    PluginView,
    Reindexed,
)
from coachhub_core.domain.events import AccountSuspended
from coachhub_core.errors import NotFound
from coachhub_core.ports.storage import UnitOfWork
from coachhub_core.services.access import require_role
from coachhub_core.services.closing import Closing
from coachhub_core.services.inbox import notify
from coachhub_core.services.indexing import IndexKeeper, Progress
from coachhub_core.services.paging import ends, read_cursor
from coachhub_core.services.units import Context, rerun

_ACCOUNTS: Final = "accounts"
_AUDIT: Final = "audit"


class AdminService:
    """What only an administrator may see and do."""

    def __init__(
        self, context: Context, closing: Closing, index: IndexKeeper, plugins: tuple[str, ...], matcher: str
    ) -> None:
        self._context = context
        self._closing = closing
        self._index = index
        self._plugins = plugins
        self._matcher = matcher

    def accounts(self, actor: Actor, query: ListAccounts) -> AccountPage:
        """Return a page of accounts, newest first."""
        require_role(actor, "admin")
        name = f"{_ACCOUNTS}:{query.role or ''}:{query.status or ''}"
        keyset = read_cursor(query.cursor, name)
        with self._context.read() as work:
            found = work.accounts.page(role=query.role, status=query.status, keyset=keyset, limit=query.limit)
        after, before = ends(found, keyset, name, lambda a: (a.id,))
        return AccountPage(items=tuple(AccountView.of(a) for a in found.items), next=after, prev=before)

    def audit(self, actor: Actor, query: ListAudit) -> AuditPage:
        """Return a page of the audit, newest first."""
        require_role(actor, "admin")
        name = f"{_AUDIT}:{query.account_id or ''}"
        keyset = read_cursor(query.cursor, name)
        with self._context.read() as work:
            found = work.audit.page(account_id=query.account_id, keyset=keyset, limit=query.limit)
        after, before = ends(found, keyset, name, lambda e: (e.seq,))
        return AuditPage(items=tuple(AuditView.of(e) for e in found.items), next=after, prev=before)

    @rerun
    def suspend(self, actor: Actor, command: Suspend) -> AccountView:
        """
        Suspend an account: its sessions and sockets end, its requests close, its matches pause.

        Raises:
            AccountIllegalTransition: If it is not active.
        """
        require_role(actor, "admin")
        with self._context.write(actor) as work:
            account = work.accounts.find(command.account_id)
            if account is None:
                raise NotFound(kind="account", id=command.account_id)
            now = self._context.clock()
            suspended = account.suspend(now=now)
            coach = work.coaches.find_by_account(account.id)
            if coach is not None:
                self._closing.suspend_coach(work, coach.id)
            self._stop_trainee(work, account.id)
            saved = work.accounts.save(suspended)
            work.sessions.revoke_all(account.id, at=now, reason="suspended")
            if coach is not None:
                work.coaches.touch_view(coach.id, at=now)
                self._closing.coach_changed(work, coach.id)
            notify(
                self._context,
                work,
                [account.id],
                "account_suspended",
                f"{account.id}:{saved.version}",
                reason=command.reason,
            )
            work.outbox.add(AccountSuspended(at=now, aggregate_id=account.id))
            self._line(work, actor, "suspend", account.id)
            return work.commit(AccountView.of(saved))

    def _stop_trainee(self, work: UnitOfWork, account_id: UUID) -> None:
        trainee = work.trainees.find_by_account(account_id)
        if trainee is None:
            return
        work.trainees.lock(trainee.id)  # to the end: who asks in this trainee's name reads the account under it
        self._closing.withdraw_open_of_trainee(work, trainee.id)
        running = work.matches.running_of_trainee(trainee.id)
        if running is not None and running.status == "active":
            self._closing.pause(work, running, SYSTEM, "suspended")

    @rerun
    def reinstate(self, actor: Actor, account_id: UUID) -> AccountView:
        """
        Let a suspended account log in again; its matches stay paused until a side resumes them.

        Raises:
            AccountIllegalTransition: If it is not suspended.
        """
        require_role(actor, "admin")
        with self._context.write(actor) as work:
            account = work.accounts.find(account_id)
            if account is None:
                raise NotFound(kind="account", id=account_id)
            now = self._context.clock()
            coach = work.coaches.find_by_account(account.id)
            if coach is not None:
                work.coaches.lock(coach.id)  # before the account: the order of everybody, see ``closing``
            saved = work.accounts.save(account.reinstate(now=now))
            if coach is not None:
                work.coaches.touch_view(coach.id, at=now)
                self._closing.coach_changed(work, coach.id)
            self._line(work, actor, "reinstate", account.id)
            return work.commit(AccountView.of(saved))

    def _line(self, work: UnitOfWork, actor: Actor, action: str, account_id: UUID) -> None:
        work.audit.add(
            AuditEvent(
                at=self._context.clock(),
                actor_id=actor.account_id if actor.role != "system" else None,
                action=action,
                object=f"account:{account_id}",
                request_id=actor.request_id,
            )
        )

    def reindex(self, actor: Actor, progress: Progress | None = None) -> Reindexed:
        """
        Write every coach into a new index while searches go on, then let it take the place of the old one.

        Raises:
            Busy: If another rebuild is under way.
            Unavailable: If the engine is away; the old index stays.
        """
        require_role(actor, "admin")
        return Reindexed(n_coaches=self._index.rebuild(progress))

    def plugins(self, actor: Actor) -> PluginPage:
        """Return the plugins of this process and the engines in use."""
        require_role(actor, "admin")
        settings = self._context.settings
        engines = {"database": settings.database_scheme, **settings.engines, "matcher": self._matcher}
        return PluginPage(items=tuple(PluginView(name=name) for name in self._plugins), engines=engines)
