"""Repository of lists that a second matcher is asked for too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import attrs
import sqlalchemy as sa

from coachhub_core.domain.leases import LONGEST
from coachhub_core.domain.shadows import ShadowList, ShadowRecord
from coachhub_sqlalchemy.later import later
from coachhub_sqlalchemy.mapping import Repository, RowMapping
from coachhub_sqlalchemy.tables.shadows import shadow_lists
from coachhub_sqlalchemy.tables.suggestions import suggestion_sets

SHADOWS = RowMapping(ShadowList, shadow_lists)
_c = shadow_lists.c


def _is_free(now: datetime) -> sa.ColumnElement[bool]:
    is_over = sa.or_(_c.lease_until.is_(None), _c.lease_until <= now, _c.lease_until > now + LONGEST)
    return sa.and_(_c.state == "waiting", is_over)


class SqlShadows(Repository[ShadowList]):
    """Waiting, compared, or given up."""

    mapping = SHADOWS
    kind = "shadow list"

    def add(self, shadow: ShadowList) -> None:
        """Let one wait."""
        later(self._connection, self._insert, self.mapping.to_row(shadow))

    def waits_since(self, now: datetime) -> datetime | None:
        """Look at the oldest."""
        statement = sa.select(_c.created_at).where(_is_free(now)).order_by(_c.id).limit(1)
        found: datetime | None = self._connection.execute(statement).scalar_one_or_none()
        return found

    def take(self, *, now: datetime, until: datetime, limit: int) -> Sequence[ShadowList]:
        """Lease what nobody holds."""
        found = self._all(
            sa.select(*SHADOWS.selected)
            .where(_is_free(now))
            .order_by(_c.id.desc())
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        if found:
            self._connection.execute(
                sa.update(shadow_lists)
                .where(_c.id.in_([shadow.id for shadow in found]))
                .values(lease_until=until, n_tries=_c.n_tries + 1)
            )
        return [attrs.evolve(shadow, lease_until=until, n_tries=shadow.n_tries + 1) for shadow in found]

    def finish(self, shadow: ShadowList) -> bool:
        """Write the end of one that still waits."""
        row = {name: value for name, value in SHADOWS.to_row(shadow).items() if name != "id"}
        statement = sa.update(shadow_lists).where(_c.id == shadow.id, _c.state == "waiting").values(row)
        return self._connection.execute(statement).rowcount == 1

    def drop(self, *, before: datetime, reason: str) -> int:
        """End what is too old."""
        statement = (
            sa.update(shadow_lists)
            .where(_c.state == "waiting", _c.created_at < before)
            .values(state="dropped", reason=reason, lease_until=None)
        )
        return int(self._connection.execute(statement).rowcount)

    def n_by_state(self, *, after: UUID | None = None) -> Mapping[str, int]:
        """Count."""
        statement = sa.select(_c.state, sa.func.count()).group_by(_c.state).order_by(_c.state)
        if after is not None:
            statement = statement.where(_c.id > after)
        return {row[0]: int(row[1]) for row in self._connection.execute(statement)}

    def since(self, after: UUID | None, *, created_from: datetime | None, limit: int) -> Sequence[ShadowRecord]:
        """With the model that served each."""
        statement = (
            sa.select(*SHADOWS.selected, suggestion_sets.c.matcher, suggestion_sets.c.model_id)
            .join_from(shadow_lists, suggestion_sets, _c.id == suggestion_sets.c.id)
            .where(_c.state != "waiting")
            .order_by(_c.id)
            .limit(limit)
        )
        if after is not None:
            statement = statement.where(_c.id > after)
        if created_from is not None:
            statement = statement.where(_c.created_at >= created_from)
        n = len(SHADOWS)
        return [
            ShadowRecord(shadow=SHADOWS.from_row(row), live_matcher=row[n], live_model_id=row[n + 1])
            for row in self._connection.execute(statement)
        ]
