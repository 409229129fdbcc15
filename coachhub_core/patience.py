"""Waits for a database that is away when a program starts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from coachhub_core.errors import Unavailable

T = TypeVar("T")

START_SECONDS: Final = 60.0
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0


def started(
    make: Callable[[], T],
    tell: Callable[[str], None],
    stop: threading.Event,
    *,
    seconds: float | None = None,
) -> T | None:
    """
    Return what *make* makes, trying again with growing pauses while it says that something is away.

    Args:
        tell: Told why each try failed.
        seconds: How long to go on trying; :data:`START_SECONDS` when not given.
    Returns:
        None when *stop* was set meanwhile.
    Raises:
        Unavailable: If it stays away. Whatever else *make* raises, such as a setting it will not take, at once.
    """
    deadline = time.monotonic() + (START_SECONDS if seconds is None else seconds)
    pause = _FIRST_PAUSE
    while not stop.is_set():
        try:
            return make()
        except Unavailable as exc:
            if time.monotonic() + pause > deadline:
                raise
            tell(str(exc))
        stop.wait(pause)
        pause = min(_LONGEST_PAUSE, pause * 2)
    return None
