"""Waiting for a database that is away, as every process of an installation does before it gives up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.config import Settings
from coachhub_core.errors import Unavailable

PATIENCE_SECONDS: Final = 60.0
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 2.0


def boot_patiently(
    settings: Settings,
    *,
    tell: Callable[[Unavailable], None],
    wait: Callable[[float], bool],
    boot: Callable[[Settings], CoachHub] = bootstrap,
    patience: float = PATIENCE_SECONDS,
    monotonic: Callable[[], float] = time.monotonic,
) -> CoachHub | None:
    """
    Make the hub; wait for a database that is down.

    Args:
        tell: Told of each attempt in vain that another one follows.
        wait: Waits so many seconds; True ends the waiting.
        patience: Seconds after which no other attempt begins.
    Returns:
        None when *wait* ended it.
    Raises:
        SettingsError, PluginError: If it would never stand.
        Unavailable: If the database stays away.
    """
    deadline = monotonic() + patience
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return boot(settings)
        except Unavailable as exc:
            if monotonic() + pause > deadline:
                raise
            tell(exc)
        if wait(pause):
            return None
        pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)
