"""
Connections whose answers end in time.

A socket's timeout counts the time without a byte, so an answer that trickles in
would be waited for without end; the answer to a new connection's greeting alone
has a hundred and fifty bytes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis

_time = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let no answer that is waited for inside, in this thread, take longer altogether; then it is a timeout."""
    _time.until = time.monotonic() + seconds
    try:
        yield
    finally:
        _time.until = None


def bound(pool: redis.ConnectionPool) -> redis.ConnectionPool:
    """Return *pool*, whose connections keep to :func:`within`."""
    kind: Any = pool.connection_class

    def connect(self: Any) -> _Socket:
        return _Socket(kind._connect(self))

    pool.connection_class = type(kind.__name__, (kind,), {"_connect": connect})
    return pool


class _Socket:
    """A socket, with or without TLS, that looks at the clock before it waits again."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def recv(self, *arguments: Any) -> Any:
        _look()
        return self._real.recv(*arguments)

    def recv_into(self, *arguments: Any) -> Any:
        _look()
        return self._real.recv_into(*arguments)


def _look() -> None:
    until: float | None = getattr(_time, "until", None)
    if until is not None and time.monotonic() > until:
        raise TimeoutError("the time is over")
