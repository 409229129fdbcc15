"""Time is handed in: a clock is any function that returns an aware UTC datetime."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the wall clock's instant, aware, in UTC, to the microsecond."""
    return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until :meth:`advance` moves it: for tests, demos and replays."""

    def __init__(self, start: datetime = datetime(2026, 1, 5, 9, tzinfo=UTC)) -> None:
        self._now = start

    def __call__(self) -> datetime:
        return self._now

    def advance(self, seconds: float = 0, **more: float) -> datetime:
        """Move by *seconds* and whatever else :class:`timedelta` takes (``hours=73``); return the new instant."""
        self._now += timedelta(seconds=seconds, **more)
        return self._now
