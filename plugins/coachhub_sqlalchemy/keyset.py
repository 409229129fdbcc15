"""Pages by key, not by offset: stable under inserts, as fast at the end as at the start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from coachhub_core.errors import BadRequest
from coachhub_core.ports.storage import Keyset, Slice

T = TypeVar("T")


def read_key(keyset: Keyset, *reads: Callable[[Any], Any]) -> tuple[Any, ...]:
    """Return the key's values as the columns hold them; ``BadRequest`` when the cursor is not of this list."""
    if len(keyset.values) != len(reads):
        raise BadRequest(reason="the cursor does not belong to this list")
    try:
        return tuple(read(value) for read, value in zip(reads, keyset.values, strict=True))
    except (ValueError, TypeError, ArithmeticError) as exc:
        raise BadRequest(reason="the cursor does not belong to this list") from exc


def by_id(
    statement: sa.Select[Any],
    column: sa.ColumnElement[Any],
    keyset: Keyset | None,
    limit: int,
    *,
    read: Callable[[Any], Any] = UUID,
) -> sa.Select[Any]:
    """Order *statement* newest first by *column*, from *keyset* on, one row more than *limit*."""
    if keyset is None:
        return statement.order_by(column.desc()).limit(limit + 1)
    (value,) = read_key(keyset, read)
    if keyset.is_before:
        return statement.where(column > value).order_by(column.asc()).limit(limit + 1)
    return statement.where(column < value).order_by(column.desc()).limit(limit + 1)


def by_pair(
    statement: sa.Select[Any],
    first: sa.ColumnElement[Any],
    second: sa.ColumnElement[Any],
    keyset: Keyset | None,
    limit: int,
    *,
    descending: bool,
    read: Callable[[Any], Any],
) -> sa.Select[Any]:
    """Order by *first* (descending or not), then by *second* ascending, from *keyset* on."""
    is_back = keyset is not None and keyset.is_before
    if keyset is not None:
        value, tie = read_key(keyset, read, UUID)
        goes_down = descending != is_back
        beyond = first < value if goes_down else first > value
        beside = second < tie if is_back else second > tie
        statement = statement.where(sa.or_(beyond, sa.and_(first == value, beside)))
    order = first.desc() if descending != is_back else first.asc()
    return statement.order_by(order, second.desc() if is_back else second.asc()).limit(limit + 1)


def sliced(found: Sequence[T], keyset: Keyset | None, limit: int) -> Slice[T]:
    """Cut the one row too many and bring a backward page into list order."""
    items = list(found[:limit])
    if keyset is not None and keyset.is_before:
        items.reverse()
    return Slice(items=tuple(items), has_more=len(found) > limit)
