"""How long work is lent: by the wall clock, since workers on several machines share it, and so for a bounded time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

LONGEST: Final = timedelta(minutes=30)  # twice the longest lease that is given; machines' clocks differ by less


def is_over(until: datetime | None, now: datetime) -> bool:
    """
    Tell whether work that was lent until then may be taken by another.

    Nothing is lent for longer than :data:`LONGEST`: what seems to be was lent before the clock went back, and whoever
    still works on it lends it to themselves anew with every beat.
    """
    return until is None or until <= now or until > now + LONGEST
