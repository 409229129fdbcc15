"""The metadata all tables share, and the columns nearly all of them have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from coachhub_sqlalchemy.types import Id, Instant

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    }
)

# Everything is compared byte for byte; what should be equal in another sense has a column of its own (email_key).
MYSQL: Final[Mapping[str, Any]] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_bin",
}


def table(name: str, *parts: sa.schema.SchemaItem) -> sa.Table:
    """Make a table of the one metadata, with the options it needs on MySQL."""
    made: sa.Table = sa.Table(name, metadata, *parts, **MYSQL)
    return made


def id_column() -> sa.Column[object]:
    """Return a primary key made by the core."""
    return sa.Column("id", Id(), primary_key=True)


def times() -> Sequence[sa.Column[object]]:
    """Return ``created_at`` and ``updated_at``: set by the injected clock, with a default for rows written by hand."""
    return (
        sa.Column("created_at", Instant(), nullable=False, server_default=sa.text("(CURRENT_TIMESTAMP)")),
        sa.Column("updated_at", Instant(), nullable=False, server_default=sa.text("(CURRENT_TIMESTAMP)")),
    )


def version() -> sa.Column[int]:
    """Return the number that grows with each change by the owner."""
    return sa.Column("version", sa.Integer, nullable=False, server_default="1")


def ref(name: str, target: str, *, nullable: bool = False) -> tuple[sa.Column[object], sa.ForeignKeyConstraint]:
    """Return a column and its reference to ``table.column``, as a constraint of the table: deletes are RESTRICT."""
    return (
        sa.Column(name, Id(), nullable=nullable),
        sa.ForeignKeyConstraint([name], [target], ondelete="RESTRICT"),
    )


def one_of(column: str, options: Sequence[str]) -> sa.CheckConstraint:
    """Return a CHECK that *column* is one of *options*: what the original's ENUM said."""
    listed = ", ".join(f"'{option}'" for option in options)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)
