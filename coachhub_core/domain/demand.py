"""The price of demand: what a coach whom many would be shown costs a place, settled once a day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, Literal, Self, get_args

import attrs

from coachhub_core.domain.leases import is_over

DemandState = Literal["running", "done", "failed"]
DEMAND_STATES: Final = get_args(DemandState)


@attrs.frozen(kw_only=True)
class DemandRun:
    """
    One day's auction: ``prices`` by coach id, above 0 only, as the matcher's scores count.

    ``n_lists`` are the lists of the last days it was held on, ``top_before`` and ``top_after`` how often the most
    shown coach would be shown a day without prices and with them. Who is erased stays as an id that leads nowhere.
    """

    day: date
    state: DemandState
    owner: str
    lease_until: datetime
    max_shown: int
    n_lists: int = 0
    top_before: float | None = None
    top_after: float | None = None
    prices: dict[str, float] = attrs.field(factory=dict)
    matcher: str | None = None
    model_id: str | None = None
    reason: str | None = None
    created_at: datetime
    finished_at: datetime | None = None

    def is_free(self, now: datetime) -> bool:
        """Tell whether whoever held it has not come back in time."""
        return self.state == "running" and is_over(self.lease_until, now)

    def taken(self, owner: str, until: datetime) -> Self:
        """Give it to another worker."""
        return attrs.evolve(self, owner=owner, lease_until=until)
