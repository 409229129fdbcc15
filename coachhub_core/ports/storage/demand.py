"""What the price of demand needs of a storage."""

from __future__ import annotations

from datetime import date, datetime
from typing import Protocol

from coachhub_core.domain.demand import DemandRun


class DemandRepository(Protocol):
    """One run a day; the newest that is done holds."""

    def add(self, run: DemandRun) -> None:
        """Begin a day; ``Duplicate`` where somebody else has."""
        ...

    def lock(self, day: date) -> DemandRun | None:
        """Read a day's run and hold its row until the unit ends."""
        ...

    def save(self, run: DemandRun) -> None:
        """Write a change of a run that is locked."""
        ...

    def in_force(self) -> datetime | None:
        """Say when the newest run that is done was finished; None where there is none."""
        ...

    def newest(self) -> DemandRun | None:
        """Give the newest run that is done, with its prices."""
        ...

    def delete_before(self, day: date) -> int:
        """Forget older runs; return how many."""
        ...
