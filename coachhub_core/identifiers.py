"""Ids that sort by the time they were made: UUIDv7 of RFC 9562, monotonic within a process."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from uuid import UUID

NewId = Callable[[], UUID]

_COUNTER_BITS = 42  # rand_a (12 bits) and the first 30 bits of rand_b count within a millisecond
_COUNTER_MAX = (1 << _COUNTER_BITS) - 1


class IdMaker:
    """
    Makes UUIDv7 values that never repeat and never go backwards in one process.

    Layout: 48 bits of Unix milliseconds, version, a 42-bit counter that starts
    at random in each new millisecond (its top bit clear, so that it has room),
    and 32 random bits. A clock that steps back is ignored until it catches up.

    Args:
        now_ms: Milliseconds since the epoch; injected by tests.
    """

    def __init__(self, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._last_ms = -1
        self._counter = 0

    def __call__(self) -> UUID:
        """Return the next id."""
        with self._lock:
            now = self._now_ms()
            if now > self._last_ms:
                self._last_ms = now
                self._counter = secrets.randbits(_COUNTER_BITS - 1)
            elif self._counter < _COUNTER_MAX:
                self._counter += 1
            else:  # 2**41 ids in one millisecond: borrow the next one
                self._last_ms += 1
                self._counter = secrets.randbits(_COUNTER_BITS - 1)
            ms, counter = self._last_ms, self._counter
        value = (ms & 0xFFFF_FFFF_FFFF) << 80
        value |= 0x7 << 76
        value |= (counter >> 30) << 64  # 12 bits
        value |= 0b10 << 62
        value |= (counter & 0x3FFF_FFFF) << 32  # 30 bits
        value |= secrets.randbits(32)
        return UUID(int=value)


new_id: NewId = IdMaker()
