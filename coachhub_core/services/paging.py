"""Cursors: opaque, short, and good for one list only."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any, TypeVar

from coachhub_core.errors import BadRequest
from coachhub_core.ports.storage import Keyset, Slice

T = TypeVar("T")


def read_cursor(cursor: str | None, list_name: str) -> Keyset | None:
    """
    Return the place a cursor names.

    Args:
        list_name: Which list, with what changes its order: a cursor of another one is refused.
    Raises:
        BadRequest: If it is not one of ours.
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        name, is_before, *values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError) as exc:
        raise BadRequest(reason="the cursor is not one that was given out") from exc
    is_ours = name == list_name and isinstance(is_before, bool) and all(isinstance(v, str) for v in values)
    if not is_ours or any("\ud800" <= c <= "\udfff" for value in values for c in value):
        raise BadRequest(reason="the cursor does not belong to this list")
    return Keyset(values=tuple(values), is_before=is_before)


def write_cursor(list_name: str, values: tuple[Any, ...], *, is_before: bool) -> str:
    """Return the cursor of a place."""
    text = json.dumps([list_name, is_before, *(str(v) for v in values)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def ends(
    found: Slice[T],
    keyset: Keyset | None,
    list_name: str,
    key_of: Callable[[T], tuple[Any, ...]],
    *,
    skipped: bool = False,
) -> tuple[str | None, str | None]:
    """
    Return the cursors ``next`` and ``prev`` of a page; None at the ends.

    Args:
        skipped: Whether items before the page were passed over by an offset.
    """
    if not found.items:
        return None, None
    goes_back = keyset is not None and keyset.is_before
    has_next = found.has_more if not goes_back else True
    has_prev = found.has_more if goes_back else (keyset is not None or skipped)
    after = write_cursor(list_name, key_of(found.items[-1]), is_before=False) if has_next else None
    before = write_cursor(list_name, key_of(found.items[0]), is_before=True) if has_prev else None
    return after, before
