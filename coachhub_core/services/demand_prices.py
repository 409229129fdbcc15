"""The prices of demand that lists are ordered by, from the newest auction until the next."""

from __future__ import annotations

import threading
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from coachhub_core.config import Matching
from coachhub_core.matching.tables import CoachTable
from coachhub_core.ports.storage import UnitOfWork


class DemandPrices:
    """Keeps them for one snapshot of coaches at a time; nothing is asked while ``matching.max_shown_per_day`` is 0."""

    def __init__(self, settings: Matching) -> None:
        self._is_on = settings.max_shown_per_day > 0
        self._lock = threading.Lock()
        self._known: tuple[datetime | None, CoachTable | None, NDArray[np.float64] | None] = (None, None, None)

    def of(self, work: UnitOfWork, coaches: CoachTable) -> NDArray[np.float64] | None:
        """Give the price of each coach, (n,); the same object until anything changes, None where nobody has one."""
        at = work.demand.in_force() if self._is_on else None
        if at is None:
            return None
        with self._lock:
            if self._known[0] == at and self._known[1] is coaches:
                return self._known[2]
        run = work.demand.newest()
        made = np.zeros(len(coaches))
        for id_, price in ({} if run is None else run.prices).items():
            row = coaches.row_of(id_)
            if row is not None:
                made[row] = price
        made.setflags(write=False)
        found = made if made.any() else None
        with self._lock:
            self._known = (at, coaches, found)
        return found
