"""A cache inside one process: bounded, and honest about time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence


class MemoryCache:
    """
    Keeps the newest *n_entries* entries of this process.

    Args:
        monotonic: Seconds that never go back; injected by tests.
    """

    def __init__(self, n_entries: int = 10_000, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._n_entries = n_entries
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    def get(self, key: str) -> bytes | None:
        """Return what is kept, or None."""
        found = self.get_with_life(key)
        return None if found is None else found[0]

    def get_with_life(self, key: str) -> tuple[bytes, float] | None:
        """Return what is kept with the seconds it has left, or None."""
        with self._lock:
            now = self._monotonic()
            return self._get(key, now)

    def _get(self, key: str, now: float) -> tuple[bytes, float] | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if now >= entry[0]:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry[1], entry[0] - now

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return those that are kept."""
        with self._lock:
            now = self._monotonic()
            return {key: found[0] for key in keys if (found := self._get(key, now)) is not None}

    def set(self, key: str, value: bytes, *, ttl_seconds: float) -> None:
        """Keep *value*; the longest unused entry goes when there is no room."""
        with self._lock:
            self._entries[key] = (self._monotonic() + ttl_seconds, value)
            self._entries.move_to_end(key)
            while len(self._entries) > self._n_entries:
                self._entries.popitem(last=False)

    def delete(self, *keys: str) -> None:
        """Forget keys."""
        with self._lock:
            for key in keys:
                self._entries.pop(key, None)
