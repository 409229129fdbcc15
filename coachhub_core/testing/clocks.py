"""Clocks for kits: time stands still until a test moves it, or really passes where it cannot be moved."""

from __future__ import annotations

import time
from typing import Protocol


class KitClock(Protocol):
    """What a kit moves time with."""

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass."""
        ...


class HandClock:
    """Monotonic seconds moved by hand; call it to read them."""

    def __init__(self) -> None:
        self._now = 1_000.0

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass at once."""
        self._now += seconds


class RealClock:
    """For implementations that keep their own time: advancing it is waiting."""

    def advance(self, seconds: float) -> None:
        """Wait *seconds* and a little: a server's timers are not ours."""
        time.sleep(seconds + 0.02)
