"""
Rows to entities and back, explicitly: columns and members have the same names.

A :class:`Mapping` is checked when it is made: a member without a column, or a
column nobody writes, stops the import. Statements are built once, here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as AbstractMapping
from typing import Any, Generic, TypeVar
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from coachhub_core.errors import Contended, NotFound
from coachhub_sqlalchemy.later import later

E = TypeVar("E")

_ROW_LOCK = "FOR UPDATE"


class RowMapping(Generic[E]):
    """
    How one entity is kept in one table.

    Args:
        renamed: Member name to column name, where they differ.
        derived: Column name to a function of the entity: written, never read back.
        unread: Columns that are neither written nor read here (generated ones, counters of others).
    """

    def __init__(
        self,
        entity: type[E],
        table: sa.Table,
        *,
        renamed: AbstractMapping[str, str] | None = None,
        derived: AbstractMapping[str, Callable[[E], Any]] | None = None,
        unread: Sequence[str] = (),
        omitted: Sequence[str] = (),
    ) -> None:
        renamed = renamed or {}
        self.entity = entity
        self.table = table
        self.derived = dict(derived or {})
        members = [f.name for f in attrs.fields(entity) if f.name not in omitted]  # type: ignore[arg-type]  # an attrs class
        self.columns = {name: renamed.get(name, name) for name in members}
        missing = set(self.columns.values()) - set(table.c.keys())
        strangers = set(table.c.keys()) - set(self.columns.values()) - set(self.derived) - set(unread)
        if missing or strangers:
            raise TypeError(f"{entity.__name__} and {table.name} differ: {sorted(missing)} {sorted(strangers)}")
        self.selected = [table.c[column] for column in self.columns.values()]
        self._members = tuple(self.columns)

    def to_row(self, entity: E) -> dict[str, Any]:
        """Return the columns' values of *entity*."""
        row = {column: getattr(entity, member) for member, column in self.columns.items()}
        for column, value_of in self.derived.items():
            row[column] = value_of(entity)
        return row

    def from_row(self, row: Row[Any] | Sequence[Any], offset: int = 0) -> E:
        """Make the entity from the columns of :attr:`selected`, which begin at *offset* in *row*."""
        values = row[offset : offset + len(self._members)]
        return self.entity(**dict(zip(self._members, values, strict=True)))

    def __len__(self) -> int:
        return len(self._members)


class Repository(Generic[E]):
    """
    Add, read and save one kind of entity by its ``id``.

    Args:
        kind: What it is called in refusals.
        frozen: Columns that :meth:`save` never writes (counters kept by other statements).
    """

    mapping: RowMapping[Any]
    kind: str
    frozen: Sequence[str] = ()

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "mapping" not in cls.__dict__:
            return
        table = cls.mapping.table
        cls._insert = sa.insert(table)
        if "id" in table.c:
            cls._by_id = sa.select(*cls.mapping.selected).where(table.c.id == sa.bindparam("the_id"))
            cls._by_id_locked = cls._by_id.with_for_update()
            cls._by_ids = sa.select(*cls.mapping.selected).where(
                table.c.id.in_(sa.bindparam("the_ids", expanding=True))
            )
            cls._by_ids_locked = cls._by_ids.order_by(table.c.id).with_for_update()
        if "id" in table.c and "version" in table.c:
            cls._update = sa.update(table).where(
                table.c.id == sa.bindparam("the_id"), table.c.version == sa.bindparam("the_version")
            )

    _insert: sa.Insert
    _by_id: sa.Select[Any]
    _by_id_locked: sa.Select[Any]
    _by_ids: sa.Select[Any]
    _by_ids_locked: sa.Select[Any]
    _update: sa.Update

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, entity: E) -> None:
        """Write a new row."""
        self._connection.execute(self._insert, self.mapping.to_row(entity))

    def find(self, id: UUID) -> E | None:
        """Return the entity, or None."""
        row = self._connection.execute(self._by_id, {"the_id": id}).first()
        return None if row is None else self.mapping.from_row(row)

    def get(self, id: UUID) -> E:
        """Return the entity or raise ``NotFound``."""
        found = self.find(id)
        if found is None:
            raise NotFound(kind=self.kind, id=id)
        return found

    def lock(self, id: UUID) -> E:
        """Return the entity and hold its row until the unit ends; SQLite's writer holds everything anyway."""
        row = self._connection.execute(self._by_id_locked, {"the_id": id}).first()
        if row is None:
            raise NotFound(kind=self.kind, id=id)
        found: E = self.mapping.from_row(row)
        return found

    def lock_many(self, ids: Sequence[UUID]) -> list[E]:
        """Hold the rows of *ids* until the unit ends; ascending, so that two who do it never wait in a ring."""
        if not ids:
            return []
        rows = self._connection.execute(self._by_ids_locked, {"the_ids": sorted(ids)})
        return [self.mapping.from_row(row) for row in rows]

    def find_many(self, ids: Sequence[UUID]) -> dict[UUID, E]:
        """Return those of *ids* that exist."""
        if not ids:
            return {}
        rows = self._connection.execute(self._by_ids, {"the_ids": list(ids)})
        found = [self.mapping.from_row(row) for row in rows]
        return {entity.id: entity for entity in found}

    def save(self, entity: E) -> E:
        """Write a change over the version it was based on and return it with the next one."""
        based_on = entity.version  # type: ignore[attr-defined]  # only versioned entities are saved
        saved: E = attrs.evolve(entity, version=based_on + 1)  # type: ignore[misc]  # an attrs class
        result = self._connection.execute(self._update, self._changes(saved))
        if result.rowcount != 1:
            raise Contended(what=f"this {self.kind}")
        return saved

    def save_held(self, entities: Sequence[E]) -> list[E]:
        """Write changes of rows that this unit holds: nobody can have been first, so nobody waits for it."""
        saved: list[E] = [
            attrs.evolve(entity, version=entity.version + 1)  # type: ignore[attr-defined, misc]  # as above
            for entity in entities
        ]
        if saved:
            later(self._connection, self._update, [self._changes(entity) for entity in saved])
        return saved

    def _changes(self, saved: E) -> dict[str, Any]:
        row = self.mapping.to_row(saved)
        values = {name: value for name, value in row.items() if name not in self.frozen and name != "id"}
        # which columns are set is read off the parameters: the statement is compiled once
        return {**values, "the_id": row["id"], "the_version": row["version"] - 1}

    def _one(self, statement: sa.Select[Any], **parameters: Any) -> E | None:
        row = self._connection.execute(statement, parameters).first()
        return None if row is None else self.mapping.from_row(row)

    def _all(self, statement: sa.Select[Any], **parameters: Any) -> list[E]:
        return [self.mapping.from_row(row) for row in self._connection.execute(statement, parameters)]
