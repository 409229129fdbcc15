"""What an administrator lists and does; part of the room *accounts*."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import attrs

from coachhub_core.domain import values as v
from coachhub_core.domain.accounts import AccountStatus, AccountView, AuditEvent
from coachhub_core.domain.values import Role


@attrs.frozen(kw_only=True)
class ListAccounts:
    """Accounts, newest first."""

    role: Role | None = v.choice(("coach", "trainee", "admin"), default=None, optional=True)
    status: AccountStatus | None = v.choice(("active", "suspended", "erased"), default=None, optional=True)
    limit: int = v.whole(1, 100, default=20)
    cursor: str | None = v.text(1_000, min_len=1, default=None, optional=True)


@attrs.frozen(kw_only=True)
class ListAudit:
    """The audit, newest first, of everybody or of one account."""

    account_id: UUID | None = None
    limit: int = v.whole(1, 100, default=20)
    cursor: str | None = v.text(1_000, min_len=1, default=None, optional=True)


@attrs.frozen(kw_only=True)
class AccountPage:
    """One page of accounts."""

    items: tuple[AccountView, ...]
    next: str | None
    prev: str | None


@attrs.frozen(kw_only=True)
class AuditView:
    """One line of the audit."""

    seq: int
    at: datetime
    actor_id: UUID | None
    action: str
    object: str
    request_id: str | None

    @classmethod
    def of(cls, event: AuditEvent) -> AuditView:
        """Show *event*; hashes stay inside."""
        return cls(**{f.name: getattr(event, f.name) for f in attrs.fields(cls)})


@attrs.frozen(kw_only=True)
class AuditPage:
    """One page of the audit."""

    items: tuple[AuditView, ...]
    next: str | None
    prev: str | None


@attrs.frozen(kw_only=True)
class PluginView:
    """An installed plugin."""

    name: str


@attrs.frozen(kw_only=True)
class PluginPage:
    """All plugins of this process, and which engines they were chosen for."""

    items: tuple[PluginView, ...]
    engines: dict[str, str]
    next: str | None = None
    prev: str | None = None


@attrs.frozen(kw_only=True)
class Reindexed:
    """How many coaches were written into the index anew."""

    n_coaches: int
