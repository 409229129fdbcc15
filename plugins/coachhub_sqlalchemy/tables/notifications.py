"""Tables of what goes out: inboxes and the outbox."""

from __future__ import annotations

import sqlalchemy as sa

from coachhub_sqlalchemy.tables.base import id_column, one_of, ref, table
from coachhub_sqlalchemy.types import Document, Id, Instant

notifications = table(
    "notifications",
    id_column(),
    *ref("account_id", "users.id"),
    sa.Column("type", sa.String(64), nullable=False),
    sa.Column("payload", Document(), nullable=False),
    sa.Column("dedupe_key", sa.String(255), nullable=False, unique=True),
    sa.Column("created_at", Instant(), nullable=False),
    sa.Column("read_at", Instant()),
    sa.Index(None, "account_id", "id"),
)

outbox_events = table(
    "outbox_events",
    id_column(),
    sa.Column("type", sa.String(64), nullable=False),
    sa.Column("aggregate_id", Id(), nullable=False),
    sa.Column("payload", Document(), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("created_at", Instant(), nullable=False),
    sa.Column("due_at", Instant(), nullable=False),
    sa.Column("owner", sa.String(64)),
    sa.Column("n_attempts", sa.Integer, nullable=False),
    sa.Column("done_at", Instant()),
    sa.Column("error", sa.String(255)),
    sa.Column("heard", Document()),
    one_of("state", ("waiting", "leased", "done", "dead")),
    sa.Index(None, "state", "due_at"),
)
