"""A bus inside one process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger("coachhub.broadcast")


class MemoryBroadcast:
    """Calls each subscriber at once, in the publisher's thread; other processes hear nothing."""

    reaches_other_processes = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, list[Callable[[bytes], None]]] = {}

    def publish(self, channel: str, payload: bytes) -> None:
        """Tell; a listener that fails is logged, the others still hear."""
        with self._lock:
            listeners = list(self._listeners.get(channel, ()))
        for listener in listeners:
            try:
                listener(payload)
            except Exception:  # one listener's fault must not keep the hint from the others
                log.exception("a listener of %s failed", channel)

    def subscribe(self, channel: str, listener: Callable[[bytes], None]) -> Callable[[], None]:
        """Add *listener*."""
        with self._lock:
            self._listeners.setdefault(channel, []).append(listener)

        def unsubscribe() -> None:
            with self._lock:
                found = self._listeners.get(channel, [])
                if listener in found:
                    found.remove(listener)

        return unsubscribe

    def close(self) -> None:
        """Forget every listener."""
        with self._lock:
            self._listeners.clear()
