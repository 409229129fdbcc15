"""
A breaker: who asks a neighbour that is known to be away is told so at once.

The first who waited in vain opens it. While it is open everybody is refused
without waiting; when its time is over one caller at a time tries whether the
neighbour is back, and the others are still refused. Whoever watches the
neighbour anyway may close it earlier, or keep it open, with :meth:`succeeded`
and :meth:`failed`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from coachhub_core.errors import Unavailable

log = logging.getLogger("coachhub.breaker")


class Breaker:
    """
    Stands before one neighbour, in one process.

    Args:
        what: The neighbour, as refusals call it.
        open_seconds: How long everybody is refused after a failure.
        monotonic: Seconds that never go back; injected by tests.
    """

    def __init__(
        self, what: str, *, open_seconds: float = 2.5, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.what = what
        self._open_seconds = open_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._open_until: float | None = None
        self._refused = ""

    @property
    def is_open(self) -> bool:
        """Whether the last word about the neighbour is that it is away."""
        return self._open_until is not None

    def admit(self) -> bool:
        """
        Let the caller pass; say whether it is the one that tries.

        Who tries owes :meth:`succeeded` or :meth:`failed`.

        Raises:
            Unavailable: If the neighbour is away and somebody tried lately.
        """
        if not self.is_open:
            return False
        with self._lock:
            until, now = self._open_until, self._monotonic()
            if until is None:
                return False
            if now < until:
                raise Unavailable(what=self.what)
            self._open_until = now + self._open_seconds  # the others wait for what this one finds
            return True

    def failed(self) -> None:
        """Open, or stay open for longer."""
        with self._lock:
            was_closed = self._open_until is None
            self._open_until = self._monotonic() + self._open_seconds
        if was_closed:  # told without the lock: everybody who finds the neighbour away needs it
            log.warning("%s does not answer; it is not asked for a while", self.what)

    def succeeded(self) -> None:
        """Close."""
        if self._open_until is None:
            return
        with self._lock:
            was_open, self._open_until = self._open_until is not None, None
        if was_open:
            log.info("%s answers again", self.what)

    def refused(self, reason: str) -> None:
        """Tell why a neighbour that is there lets nobody in, once until it gives another reason or lets somebody in."""
        with self._lock:
            is_new, self._refused = reason != self._refused, reason
        if is_new:
            log.warning("%s lets nobody in: %s", self.what, reason)

    def let_in(self) -> None:
        """Forget why it did not."""
        if not self._refused:
            return
        with self._lock:
            was_refused, self._refused = bool(self._refused), ""
        if was_refused:
            log.info("%s lets us in again", self.what)
