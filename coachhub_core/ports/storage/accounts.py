"""What the room *accounts* needs of a storage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import attrs

from coachhub_core.domain.accounts import Account, AuditEvent, Erasure, RefreshToken, Session

if TYPE_CHECKING:
    from coachhub_core.ports.storage.unit import Keyset, Slice


@attrs.frozen(kw_only=True)
class SessionWithAccount:
    """Everything an actor is made of, read in one statement."""

    session: Session
    account: Account
    coach_id: UUID | None
    trainee_id: UUID | None


class AccountRepository(Protocol):
    """Accounts; ``email_key`` is unique (``Duplicate`` with ``users.email_key``)."""

    def add(self, account: Account) -> None: ...

    def get(self, id: UUID) -> Account:
        """Raise ``NotFound`` when there is none."""
        ...

    def find(self, id: UUID) -> Account | None: ...

    def find_by_email_key(self, email_key: str) -> Account | None: ...

    def save(self, account: Account) -> Account:
        """Write a change based on ``account.version``; return it with the next version. ``Contended`` when stale."""
        ...

    def save_held(self, accounts: Sequence[Account]) -> Sequence[Account]:
        """Write changes of rows that this unit holds, in no round trip of their own."""
        ...

    def lock(self, id: UUID) -> Account:
        """Read the row and hold it until the unit ends; ``NotFound`` when there is none."""
        ...

    def page(self, *, role: str | None, status: str | None, keyset: Keyset | None, limit: int) -> Slice[Account]:
        """Newest first; the sort key is (id,)."""
        ...


class SessionRepository(Protocol):
    """Logins."""

    def add(self, session: Session) -> None: ...

    def find(self, id: UUID) -> Session | None: ...

    def find_with_account(self, id: UUID) -> SessionWithAccount | None: ...

    def of_account(self, account_id: UUID, *, now: datetime) -> Sequence[Session]:
        """The good ones, newest first."""
        ...

    def touch(self, id: UUID, *, at: datetime) -> None: ...

    def extend(self, id: UUID, *, expires_at: datetime, at: datetime) -> None: ...

    def revoke(self, id: UUID, *, at: datetime, reason: str) -> None: ...

    def revoke_all(self, account_id: UUID, *, at: datetime, reason: str, keep: UUID | None = None) -> None: ...

    def good_among(self, ids: Sequence[UUID], *, now: datetime) -> frozenset[UUID]:
        """Those of *ids* that are still good and belong to active accounts."""
        ...

    def delete_expired(self, *, before: datetime, limit: int) -> int:
        """Delete sessions, with their refresh tokens, that ended before *before*."""
        ...


class RefreshTokenRepository(Protocol):
    """Chains of refresh tokens."""

    def add(self, token: RefreshToken) -> None: ...

    def find_by_hash(self, token_hash: bytes) -> RefreshToken | None: ...

    def use(self, id: UUID, *, at: datetime) -> bool:
        """Mark it used; False when somebody was first."""
        ...


class AuditRepository(Protocol):
    """Append-only lines of who did what."""

    def add(self, event: AuditEvent) -> None: ...

    def page(self, *, account_id: UUID | None, keyset: Keyset | None, limit: int) -> Slice[AuditEvent]:
        """Newest first; the sort key is (seq,)."""
        ...


class ErasureRepository(Protocol):
    """The chain of erasures."""

    def add(self, erasure: Erasure) -> None: ...

    def all(self) -> Sequence[Erasure]: ...

    def last(self) -> Erasure | None: ...
