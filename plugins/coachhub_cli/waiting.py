"""Waits for a database that is away when a program starts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.config import Settings
from coachhub_core.errors import Unavailable

PATIENCE_SECONDS: Final = 60.0


def booted(settings: Settings, stop: threading.Event, tell: Callable[[str], None]) -> CoachHub | None:
    """
    Make the hub; a database that is away is waited for, a minute at most.

    Args:
        tell: Told why each try failed.
    Returns:
        None when *stop* was set meanwhile.
    Raises:
        SettingsError, PluginError: If it would never stand.
        Unavailable: If the database stays away.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = 0.1
    while not stop.is_set():
        try:
            return bootstrap(settings)
        except Unavailable as exc:
            if time.monotonic() > deadline:
                raise
            tell(str(exc))
        stop.wait(pause)
        pause = min(2.0, pause * 2)
    return None
