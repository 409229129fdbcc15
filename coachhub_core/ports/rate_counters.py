"""The port *rate counters*: how often in a sliding window."""

from __future__ import annotations

from typing import Protocol

import attrs


@attrs.frozen
class Hit:
    """Whether there was room, and if not, when there will be."""

    is_allowed: bool
    retry_after_seconds: float = 0.0


class RateCounters(Protocol):
    """Counts hits per key over a sliding window."""

    def hit(self, key: str, *, limit: int, window_seconds: float, cost: int = 1) -> Hit:
        """
        Count one more, if there is room for it.

        Args:
            limit: Hits in a window, at least 1.
            cost: 0 asks without counting.
        """
        ...

    def forget(self, key: str) -> None:
        """Start a key anew."""
        ...
