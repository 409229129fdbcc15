"""Rate counters inside one process: exact sliding windows, bounded memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from coachhub_core.ports.rate_counters import Hit


class MemoryRateCounters:
    """
    Remembers the instants of recent hits per key.

    Args:
        n_keys: Keys at most; the longest unseen goes first.
        monotonic: Seconds that never go back.
    """

    def __init__(self, n_keys: int = 100_000, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._n_keys = n_keys
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._hits: OrderedDict[str, deque[float]] = OrderedDict()

    def hit(self, key: str, *, limit: int, window_seconds: float, cost: int = 1) -> Hit:
        """Count one more, if there is room."""
        with self._lock:
            now = self._monotonic()
            hits = self._hits.setdefault(key, deque())
            self._hits.move_to_end(key)
            while hits and hits[0] <= now - window_seconds:
                hits.popleft()
            if len(hits) + max(cost, 1) > limit:
                wait = hits[0] + window_seconds - now if hits else window_seconds
                return Hit(False, max(wait, 0.001))
            hits.extend([now] * cost)
            if not hits:
                del self._hits[key]
            while len(self._hits) > self._n_keys:
                self._hits.popitem(last=False)
            return Hit(True)

    def forget(self, key: str) -> None:
        """Start a key anew."""
        with self._lock:
            self._hits.pop(key, None)
