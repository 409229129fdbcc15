"""Repository of the price of demand."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa

from coachhub_core.domain.demand import DemandRun
from coachhub_sqlalchemy.mapping import Repository, RowMapping
from coachhub_sqlalchemy.tables.demand import demand_runs

_c = demand_runs.c


class SqlDemand(Repository[DemandRun]):
    """A run a day."""

    mapping = RowMapping(DemandRun, demand_runs)
    kind = "demand run"
    _newest = sa.select(*mapping.selected).where(_c.state == "done").order_by(_c.day.desc()).limit(1)

    def lock(self, day: date) -> DemandRun | None:  # type: ignore[override]  # a run is known by its day
        """Read one and hold it."""
        return self._one(sa.select(*self.mapping.selected).where(_c.day == day).with_for_update())

    def save(self, run: DemandRun) -> None:  # type: ignore[override]  # held by its lock, it needs no version
        """Write a change."""
        self._connection.execute(sa.update(demand_runs).where(_c.day == run.day).values(self.mapping.to_row(run)))

    def in_force(self) -> datetime | None:
        """Ask for the newest."""
        statement = sa.select(_c.finished_at).where(_c.state == "done").order_by(_c.day.desc()).limit(1)
        found: datetime | None = self._connection.execute(statement).scalar()
        return found

    def newest(self) -> DemandRun | None:
        """With its prices."""
        return self._one(self._newest)

    def delete_before(self, day: date) -> int:
        """Forget older ones."""
        return self._connection.execute(sa.delete(demand_runs).where(_c.day < day)).rowcount
