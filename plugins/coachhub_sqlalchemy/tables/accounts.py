"""Tables of the room *accounts*, with idempotency keys, the audit and the erasures."""

from __future__ import annotations

import sqlalchemy as sa

from coachhub_sqlalchemy.tables.base import id_column, one_of, ref, table, times, version
from coachhub_sqlalchemy.types import Document, Hash, Id, Instant

users = table(
    "users",
    id_column(),
    sa.Column("email", sa.String(255), nullable=False),
    sa.Column("email_key", sa.String(255), nullable=False, unique=True),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("age", sa.Integer),
    sa.Column("gender", sa.String(16)),
    sa.Column("city", sa.String(255)),
    sa.Column("zone", sa.String(64), nullable=False, server_default="UTC"),
    sa.Column("locale", sa.String(35), nullable=False, server_default="en"),
    sa.Column("status", sa.String(16), nullable=False, server_default="active"),
    sa.Column("email_verified_at", Instant()),
    sa.Column("password_changed_at", Instant(), nullable=False),
    *times(),
    version(),
    one_of("role", ("coach", "trainee", "admin")),
    one_of("gender", ("male", "female", "other")),
    one_of("status", ("active", "suspended", "erased")),
)

sessions = table(
    "sessions",
    id_column(),
    *ref("account_id", "users.id"),
    sa.Column("created_at", Instant(), nullable=False),
    sa.Column("last_seen_at", Instant(), nullable=False),
    sa.Column("expires_at", Instant(), nullable=False),
    sa.Column("revoked_at", Instant()),
    sa.Column("revoked_reason", sa.String(64)),
    sa.Index(None, "account_id"),
    sa.Index(None, "expires_at"),
)

refresh_tokens = table(
    "refresh_tokens",
    id_column(),
    *ref("session_id", "sessions.id"),
    sa.Column("token_hash", Hash(), nullable=False, unique=True),
    sa.Column("created_at", Instant(), nullable=False),
    sa.Column("expires_at", Instant(), nullable=False),
    sa.Column("used_at", Instant()),
    sa.Index(None, "session_id"),
)

idempotency_keys = table(
    "idempotency_keys",
    *ref("account_id", "users.id"),
    sa.Column("key", sa.String(255), nullable=False),
    sa.Column("operation", sa.String(120), nullable=False),
    sa.Column("request_hash", Hash(), nullable=False),
    sa.Column("view", Document()),
    sa.Column("created_at", Instant(), nullable=False),
    sa.Column("expires_at", Instant(), nullable=False),
    sa.PrimaryKeyConstraint("account_id", "key"),
    sa.Index(None, "expires_at"),
)

audit_events = table(
    "audit_events",
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("at", Instant(), nullable=False),
    sa.Column("actor_id", Id()),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("object", sa.String(255), nullable=False),
    sa.Column("before_sha256", Hash()),
    sa.Column("after_sha256", Hash()),
    sa.Column("request_id", sa.String(64)),
    sa.Index(None, "actor_id"),
)

erasures = table(
    "erasures",
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("account_id", Id(), nullable=False),
    sa.Column("at", Instant(), nullable=False),
    sa.Column("hash", Hash(), nullable=False),
)
