"""
What revisions are made of: steps that look first, and skip what is there already.

On MySQL and MariaDB every change of the schema commits by itself, so a migration
that was killed leaves the first steps of a revision done. It is run again from the
revision that was reached, and goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op


def create_table(name: str, *parts: sa.schema.SchemaItem, **options: Any) -> None:
    """Create a table with its columns and constraints, unless there is one of this name."""
    if not sa.inspect(op.get_bind()).has_table(name):
        op.create_table(name, *parts, **options)


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add a column to a table, unless it has one of this name."""
    if column.name not in {found["name"] for found in sa.inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, column)


def create_index(name: str, table: str, columns: Sequence[str], *, unique: bool = False) -> None:
    """Create an index of a table, unless it has one of this name."""
    if name not in {found["name"] for found in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, columns, unique=unique)
