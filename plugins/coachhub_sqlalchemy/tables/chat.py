"""Tables of the room *chat* (``chat.md`` 4)."""

from __future__ import annotations

import sqlalchemy as sa

from coachhub_sqlalchemy.tables.base import id_column, one_of, ref, table
from coachhub_sqlalchemy.types import Id, Instant, long_text

conversations = table(
    "conversations",
    id_column(),
    *ref("match_id", "matches.id"),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("last_seq", sa.BigInteger, nullable=False),
    sa.Column("members_version", sa.Integer, nullable=False),
    sa.Column("created_at", Instant(), nullable=False),
    sa.UniqueConstraint("match_id"),
    one_of("state", ("open", "read_only")),
)

conversation_members = table(
    "conversation_members",
    *ref("conversation_id", "conversations.id"),
    *ref("account_id", "users.id"),
    sa.Column("read_seq", sa.BigInteger, nullable=False),
    sa.Column("left_at", Instant()),
    sa.PrimaryKeyConstraint("conversation_id", "account_id"),
    sa.Index(None, "account_id"),
)

messages = table(
    "messages",
    *ref("conversation_id", "conversations.id"),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("ref_seq", sa.BigInteger),
    *ref("sender_id", "users.id"),
    sa.Column("client_id", Id(), nullable=False),
    sa.Column("body", long_text(), nullable=False),
    sa.Column("reply_to", sa.BigInteger),
    sa.Column("created_at", Instant(), nullable=False),
    sa.PrimaryKeyConstraint("conversation_id", "seq"),
    sa.UniqueConstraint("conversation_id", "sender_id", "client_id"),
    one_of("kind", ("message", "edit", "delete")),
    sa.Index(None, "sender_id"),
)
