"""
The two tables a matcher is given: coaches and trainees, columns by name.

A table is an immutable store of columns, CoachHub's own or anybody's; any
column may be missing, and so may any value. It never holds a name or an
address, only ids and what may be ranked by. ``content_hash`` stands for the
whole content: two tables with the same hash answer every question alike.

::

    coaches = CoachTable.build(ids=["a", "b"], price=Number([40, None]), tags=Labels([["yoga"], ["boxing"]]))
    coaches.number("price")       # float32 (2,), NaN where nobody said; all NaN where there is no such column
    coaches.row(0)["tags"]        # ("yoga",)
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Self
from uuid import UUID

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from coachhub_core.errors import Invalid
from coachhub_core.matching.columns import (
    KINDS,
    N_HOURS,
    Category,
    Column,
    Hours,
    Labels,
    Number,
    Texts,
    Vector,
    column_of,
    frozen_array,
)
from coachhub_core.matching.entries import name_of, per_row

__all__ = [
    "EVERY_COLUMN",
    "KINDS",
    "N_HOURS",
    "Category",
    "CoachRow",
    "CoachTable",
    "Column",
    "Hours",
    "Labels",
    "Number",
    "Row",
    "Table",
    "Texts",
    "TraineeRow",
    "TraineeTable",
    "Vector",
    "column_of",
    "frozen_array",
]

EVERY_COLUMN = frozenset({"*"})  #: what a matcher names that wants all columns but the sensitive ones


class Row:
    """
    One person of a table, read by column name.

    A column the table does not have reads as None, exactly like a value that is
    missing: no matcher breaks because a table is poorer than another.
    """

    __slots__ = ("_row", "_table", "id")

    def __init__(self, table: Table, row: int) -> None:
        self._table = table
        self._row = row
        self.id = table.ids[row]  #: opaque; what ties are broken by

    def __getitem__(self, name: str) -> Any:
        column = self._table.columns.get(name)
        return None if column is None else column.value(self._row)

    def get(self, name: str, default: Any = None) -> Any:
        """Give the value, or *default* where nothing is known."""
        value = self[name]
        return default if value is None else value

    def number(self, name: str) -> float | None:
        """Give the number of a ``Number`` column, or None."""
        value = self[name]
        return value if isinstance(value, float) else None

    def text(self, name: str) -> str | None:
        """Give the name of a ``Category`` column, or None."""
        value = self[name]
        return value if isinstance(value, str) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """Give the names or texts of a ``Labels`` or ``Texts`` column; () where nothing is known."""
        value = self[name]
        return value if isinstance(value, tuple) else ()

    def hours(self, name: str) -> int:
        """Give the bits of an ``Hours`` column; 0 where nothing is known."""
        value = self[name]
        return value if isinstance(value, int) else 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"


class CoachRow(Row):
    """One coach of a :class:`CoachTable`."""

    __slots__ = ()


class TraineeRow(Row):
    """One trainee of a :class:`TraineeTable`."""

    __slots__ = ()


@attrs.frozen(eq=False, repr=False, slots=False)
class Table:
    """Columns by name over the same rows; see :class:`CoachTable` and :class:`TraineeTable`."""

    ids: tuple[str, ...]
    columns: Mapping[str, Column]

    @classmethod
    def build(cls, *, ids: Sequence[str | int | UUID], **columns: Column) -> Self:
        """
        Make a table.

        Args:
            ids: One text, whole number or UUID per row. Coaches' ids are unique.
            columns: Columns of as many rows as there are ids.
        Raises:
            Invalid: If a column has another length or is none, or an id is not a text or comes twice.
        """
        known = tuple(name_of(id_, f"/ids/{row}") for row, id_ in enumerate(per_row(ids, "/ids")))
        for name, column in columns.items():
            if not isinstance(column, Column):
                raise Invalid.at(f"/{name}", f"needs a column, one of {', '.join(c.__name__ for c in KINDS.values())}")
            if len(column) != len(known):
                raise Invalid.at(f"/{name}", f"has {len(column)} rows, and there are {len(known)} ids")
        cls._check_ids(known)
        return cls(known, dict(sorted(columns.items())))

    @classmethod
    def _check_ids(cls, ids: Sequence[str]) -> None:
        """Refuse ids this side cannot have."""

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} rows: {', '.join(self.columns)}>"

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    @cached_property
    def content_hash(self) -> str:
        """Stand for the whole content: sha256 in hex over side, ids and columns."""
        digest = hashlib.sha256(f"{type(self).__name__} {len(self)}\n".encode())
        for id_ in self.ids:
            raw = id_.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(4, "little") + raw)
        for name, column in self.columns.items():  # sorted by build
            digest.update(f"\n{name}\n".encode())
            column.update(digest)
        return digest.hexdigest()

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {id_: row for row, id_ in enumerate(self.ids)}

    def row_of(self, id_: str) -> int | None:
        """Find the row of an id, or None."""
        return self._row_of.get(id_)

    @cached_property
    def id_order(self) -> NDArray[np.int64]:
        """Give each row's place when the ids are sorted bytewise: int64 (n,). The smaller place wins a tie."""
        by_id = sorted(range(len(self)), key=lambda row: self.ids[row].encode("utf-8", "surrogatepass"))
        order = np.empty(len(self), np.int64)
        order[by_id] = np.arange(len(self))
        return frozen_array(order, np.int64)

    def take(self, rows: ArrayLike) -> Self:
        """Give the table of these rows, in this order."""
        index = np.asarray(rows, dtype=np.int64).reshape(-1)
        ids = [self.ids[row] for row in index.tolist()]
        return type(self).build(ids=ids, **{name: column.take(index) for name, column in self.columns.items()})

    def select(self, names: Collection[str], *, consent: Collection[str] = ()) -> Self:
        """
        Give the table a matcher may see.

        Args:
            names: The columns it named; those the table lacks stay lacking. ``{"*"}`` means all.
            consent: Sensitive columns the operator agreed to, by name. All other sensitive ones stay away.
        """
        kept = {
            name: column
            for name, column in self.columns.items()
            if (name in names or "*" in names) and (not column.is_sensitive or name in consent)
        }
        if len(kept) == len(self.columns):
            return self
        return type(self)(self.ids, kept)

    def with_columns(self, **columns: Column) -> Self:
        """Give the table with these columns added, or put in the place of those of the same name."""
        return type(self).build(ids=self.ids, **{**self.columns, **columns})

    # ── whole columns, for those who calculate ──

    def number(self, name: str) -> NDArray[np.float32]:
        """Give a ``Number`` column as float32 (n,); all NaN where the table has none of this name."""
        column = self.columns.get(name)
        return column.array if isinstance(column, Number) else np.full(len(self), np.nan, np.float32)

    def has(self, name: str, label: str) -> NDArray[np.bool_]:
        """Tell for every row whether the ``Labels`` or ``Category`` column *name* has *label*: bool (n,)."""
        column = self.columns.get(name)
        if isinstance(column, Labels):
            return column.has(label)
        if isinstance(column, Category) and label in column.names:
            return np.equal(column.codes, column.names.index(label))
        return np.zeros(len(self), np.bool_)

    def values(self, name: str) -> list[Any]:
        """Give any column as plain Python values, None where one is missing."""
        column = self.columns.get(name)
        return [None] * len(self) if column is None else column.values()


class CoachTable(Table):
    """The coaches of one moment: what is ranked."""

    @classmethod
    def _check_ids(cls, ids: Sequence[str]) -> None:
        if len(set(ids)) != len(ids):
            seen: set[str] = set()
            twice = next(id_ for id_ in ids if id_ in seen or seen.add(id_))  # type: ignore[func-returns-value]
            raise Invalid.at("/ids", f"{twice!r} comes twice; ties between coaches are broken by id")

    def row(self, row: int) -> CoachRow:
        """Give one coach."""
        return CoachRow(self, row)

    def rows(self) -> Iterator[CoachRow]:
        """Walk all coaches."""
        return (CoachRow(self, row) for row in range(len(self)))


class TraineeTable(Table):
    """The trainees who ask: one, or a batch."""

    def row(self, row: int) -> TraineeRow:
        """Give one trainee."""
        return TraineeRow(self, row)

    def rows(self) -> Iterator[TraineeRow]:
        """Walk all trainees."""
        return (TraineeRow(self, row) for row in range(len(self)))
