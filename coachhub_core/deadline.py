"""
Until when an answer is worth having: one deadline for all that is done for one request.

Whoever takes a request says how long it may take, with :func:`within`; whatever
waits for a neighbour below asks how much of that is :func:`left`. A deadline
inside another one can only be nearer. It travels with the thread's context, so
no signature has to carry it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

UNIT_SECONDS: Final = 4.5
"""What a unit of work may take when nobody said otherwise: inside the 5 s a request has."""

_until: ContextVar[float | None] = ContextVar("coachhub_until", default=None)


def left(default: float) -> float:
    """Return the seconds that are left, below 0 when the time is over; *default* where nobody set a deadline."""
    until = _until.get()
    return default if until is None else until - time.monotonic()


def is_set() -> bool:
    """Say whether somebody set a deadline."""
    return _until.get() is not None


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let what is done inside take *seconds* from now, or what an outer deadline leaves."""
    until = time.monotonic() + seconds
    outer = _until.get()
    token = _until.set(until if outer is None else min(until, outer))
    try:
        yield
    finally:
        _until.reset(token)
