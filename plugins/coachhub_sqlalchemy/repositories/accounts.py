"""Repositories of the room *accounts*."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from coachhub_core.domain.accounts import Account, AuditEvent, Erasure, RefreshToken, Session
from coachhub_core.ports.storage import Answered, Duplicate, Keyset, SessionWithAccount, Slice
from coachhub_sqlalchemy.keyset import by_id, sliced
from coachhub_sqlalchemy.later import later
from coachhub_sqlalchemy.mapping import Repository, RowMapping
from coachhub_sqlalchemy.tables.accounts import (
    audit_events,
    erasures,
    idempotency_keys,
    refresh_tokens,
    sessions,
    users,
)
from coachhub_sqlalchemy.tables.coaches import coaches
from coachhub_sqlalchemy.tables.trainees import trainees

ACCOUNTS = RowMapping(Account, users)
SESSIONS = RowMapping(Session, sessions)

_BY_EMAIL = sa.select(*ACCOUNTS.selected).where(users.c.email_key == sa.bindparam("email_key"))
_ACTOR = (
    sa.select(*SESSIONS.selected, *ACCOUNTS.selected, coaches.c.id, trainees.c.id)
    .join_from(sessions, users, sessions.c.account_id == users.c.id)
    .outerjoin(coaches, coaches.c.user_id == users.c.id)
    .outerjoin(trainees, trainees.c.user_id == users.c.id)
    .where(sessions.c.id == sa.bindparam("the_id"))
)
_GOOD_SESSIONS = (
    sa.select(sessions.c.id)
    .join_from(sessions, users, sessions.c.account_id == users.c.id)
    .where(
        sessions.c.id.in_(sa.bindparam("the_ids", expanding=True)),
        sessions.c.revoked_at.is_(None),
        sessions.c.expires_at > sa.bindparam("now"),
        users.c.status == "active",
    )
)


class SqlAccounts(Repository[Account]):
    """Accounts in ``users``."""

    mapping = ACCOUNTS
    kind = "account"

    def find_by_email_key(self, email_key: str) -> Account | None:
        """Return the account of a canonical address."""
        return self._one(_BY_EMAIL, email_key=email_key)

    def page(self, *, role: str | None, status: str | None, keyset: Keyset | None, limit: int) -> Slice[Account]:
        """Newest first."""
        statement = sa.select(*ACCOUNTS.selected)
        if role is not None:
            statement = statement.where(users.c.role == role)
        if status is not None:
            statement = statement.where(users.c.status == status)
        statement = by_id(statement, users.c.id, keyset, limit)
        return sliced(self._all(statement), keyset, limit)


class SqlSessions(Repository[Session]):
    """Logins."""

    mapping = SESSIONS
    kind = "session"

    def find_with_account(self, id: UUID) -> SessionWithAccount | None:
        """Return all that an actor is made of, in one round trip."""
        row = self._connection.execute(_ACTOR, {"the_id": id}).first()
        if row is None:
            return None
        return SessionWithAccount(
            session=SESSIONS.from_row(row),
            account=ACCOUNTS.from_row(row, len(SESSIONS)),
            coach_id=row[-2],
            trainee_id=row[-1],
        )

    def of_account(self, account_id: UUID, *, now: datetime) -> Sequence[Session]:
        """The good ones, newest first."""
        return self._all(
            sa.select(*SESSIONS.selected)
            .where(sessions.c.account_id == account_id, sessions.c.revoked_at.is_(None), sessions.c.expires_at > now)
            .order_by(sessions.c.id.desc())
        )

    def touch(self, id: UUID, *, at: datetime) -> None:
        """Note that it was seen."""
        self._connection.execute(sa.update(sessions).where(sessions.c.id == id).values(last_seen_at=at))

    def extend(self, id: UUID, *, expires_at: datetime, at: datetime) -> None:
        """Let it go on until *expires_at*."""
        self._connection.execute(
            sa.update(sessions).where(sessions.c.id == id).values(expires_at=expires_at, last_seen_at=at)
        )

    def revoke(self, id: UUID, *, at: datetime, reason: str) -> None:
        """End it; the first reason stays."""
        self._connection.execute(
            sa.update(sessions)
            .where(sessions.c.id == id, sessions.c.revoked_at.is_(None))
            .values(revoked_at=at, revoked_reason=reason)
        )

    def revoke_all(self, account_id: UUID, *, at: datetime, reason: str, keep: UUID | None = None) -> None:
        """End all of an account, but *keep*."""
        statement = sa.update(sessions).where(sessions.c.account_id == account_id, sessions.c.revoked_at.is_(None))
        if keep is not None:
            statement = statement.where(sessions.c.id != keep)
        self._connection.execute(statement.values(revoked_at=at, revoked_reason=reason))

    def good_among(self, ids: Sequence[UUID], *, now: datetime) -> frozenset[UUID]:
        """Those that are still good."""
        if not ids:
            return frozenset()
        rows = self._connection.execute(_GOOD_SESSIONS, {"the_ids": list(ids), "now": now})
        return frozenset(row[0] for row in rows)

    def delete_expired(self, *, before: datetime, limit: int) -> int:
        """Delete what ended long ago, tokens first."""
        over = sa.or_(sessions.c.expires_at < before, sessions.c.revoked_at < before)
        ids = [row[0] for row in self._connection.execute(sa.select(sessions.c.id).where(over).limit(limit))]
        if ids:
            self._connection.execute(sa.delete(refresh_tokens).where(refresh_tokens.c.session_id.in_(ids)))
            self._connection.execute(sa.delete(sessions).where(sessions.c.id.in_(ids)))
        return len(ids)


class SqlRefreshTokens(Repository[RefreshToken]):
    """Chains of refresh tokens."""

    mapping = RowMapping(RefreshToken, refresh_tokens)
    kind = "token"

    def find_by_hash(self, token_hash: bytes) -> RefreshToken | None:
        """Return the token with this hash."""
        statement = sa.select(*self.mapping.selected).where(refresh_tokens.c.token_hash == token_hash)
        return self._one(statement)

    def use(self, id: UUID, *, at: datetime) -> bool:
        """Mark it used, once."""
        result = self._connection.execute(
            sa.update(refresh_tokens)
            .where(refresh_tokens.c.id == id, refresh_tokens.c.used_at.is_(None))
            .values(used_at=at)
        )
        return result.rowcount == 1


class SqlAudit(Repository[AuditEvent]):
    """Append-only lines."""

    mapping = RowMapping(AuditEvent, audit_events)
    kind = "audit event"

    def add(self, event: AuditEvent) -> None:
        """Write a line; the database gives its number."""
        row = self.mapping.to_row(event)
        del row["seq"]
        later(self._connection, sa.insert(audit_events).inline(), row)

    def page(self, *, account_id: UUID | None, keyset: Keyset | None, limit: int) -> Slice[AuditEvent]:
        """Newest first."""
        statement = sa.select(*self.mapping.selected)
        if account_id is not None:
            mine = sa.or_(audit_events.c.actor_id == account_id, audit_events.c.object == f"account:{account_id}")
            statement = statement.where(mine)
        statement = by_id(statement, audit_events.c.seq, keyset, limit, read=int)
        return sliced(self._all(statement), keyset, limit)


class SqlErasures(Repository[Erasure]):
    """The chain of erasures."""

    mapping = RowMapping(Erasure, erasures)
    kind = "erasure"

    def add(self, erasure: Erasure) -> None:
        """Write a link; the database gives its number."""
        row = self.mapping.to_row(erasure)
        del row["seq"]
        later(self._connection, sa.insert(erasures).inline(), row)

    def all(self) -> Sequence[Erasure]:
        """All links, oldest first."""
        return self._all(sa.select(*self.mapping.selected).order_by(erasures.c.seq))

    def last(self) -> Erasure | None:
        """The newest link."""
        return self._one(sa.select(*self.mapping.selected).order_by(erasures.c.seq.desc()).limit(1))


class SqlIdempotency:
    """Keys of requests that must happen once."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def claim(
        self, *, account_id: UUID, key: str, operation: str, request_hash: bytes, now: datetime, expires_at: datetime
    ) -> Answered | None:
        """Insert the row; a twin in flight makes this wait, a former one is read."""
        row = {
            "account_id": account_id,
            "key": key,
            "operation": operation,
            "request_hash": request_hash,
            "created_at": now,
            "expires_at": expires_at,
        }
        c = idempotency_keys.c
        mine = sa.and_(c.account_id == account_id, c.key == key)
        try:
            self._connection.execute(sa.insert(idempotency_keys), row)
        except Duplicate:
            found = self._connection.execute(
                sa.select(c.operation, c.request_hash, sa.type_coerce(c.view, sa.LargeBinary), c.expires_at).where(mine)
            ).one()
            if found[3] > now:
                return Answered(operation=found[0], request_hash=bytes(found[1]), view=bytes(found[2] or b"null"))
            self._connection.execute(sa.update(idempotency_keys).where(mine).values(**row, view=None))
        return None

    def answer(self, *, account_id: UUID, key: str, view: bytes) -> None:
        """Keep the answer."""
        c = idempotency_keys.c
        later(
            self._connection,
            sa.update(idempotency_keys)
            .where(c.account_id == account_id, c.key == key)
            .values(view=sa.bindparam("the_view", type_=sa.LargeBinary)),
            {"the_view": view},
        )

    def delete_expired(self, *, now: datetime, limit: int) -> int:
        """Forget keys that are over."""
        c = idempotency_keys.c
        over = self._connection.execute(sa.select(c.account_id, c.key).where(c.expires_at <= now).limit(limit)).all()
        for account_id, key in over:
            self._connection.execute(sa.delete(idempotency_keys).where(c.account_id == account_id, c.key == key))
        return len(over)
