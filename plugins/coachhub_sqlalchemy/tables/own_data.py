"""Tables of exports and backups."""

from __future__ import annotations

import sqlalchemy as sa

from coachhub_sqlalchemy.tables.base import id_column, one_of, ref, table, times, version
from coachhub_sqlalchemy.types import Document, Instant

exports = table(
    "exports",
    id_column(),
    *ref("account_id", "users.id"),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("n_bytes", sa.BigInteger),
    sa.Column("sha256", sa.String(64)),
    *times(),
    version(),
    one_of("state", ("running", "done", "failed")),
    sa.Index(None, "account_id", "id"),
    sa.Index(None, "state", "id"),
)

backups = table(
    "backups",
    id_column(),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("file", sa.String(255), nullable=False),
    sa.Column("n_bytes", sa.BigInteger),
    sa.Column("sha256", sa.String(64)),
    sa.Column("n_rows", Document(), nullable=False),
    sa.Column("n_files", sa.Integer, nullable=False),
    sa.Column("schema_version", sa.String(32)),
    sa.Column("reason", sa.String(255)),
    sa.Column("verified_at", Instant()),
    *times(),
    version(),
    one_of("kind", ("database", "files", "all")),
    one_of("state", ("running", "done", "failed", "verified")),
)
