"""Repository of cohort runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from coachhub_core.domain.cohorts import CohortConflict, CohortRun, Placement, PlacementState
from coachhub_core.domain.leases import LONGEST
from coachhub_core.errors import Contended
from coachhub_core.ports.storage import Keyset, PlacementContext, Slice
from coachhub_sqlalchemy.keyset import by_id, read_key, sliced
from coachhub_sqlalchemy.later import later
from coachhub_sqlalchemy.mapping import Repository, RowMapping
from coachhub_sqlalchemy.tables.accounts import users
from coachhub_sqlalchemy.tables.coaches import coaches
from coachhub_sqlalchemy.tables.cohorts import cohort_conflicts, cohort_placements, cohort_runs
from coachhub_sqlalchemy.tables.trainees import trainees

RUNS = RowMapping(CohortRun, cohort_runs)
PLACEMENTS = RowMapping(Placement, cohort_placements)
CONFLICTS = RowMapping(CohortConflict, cohort_conflicts)

_p = cohort_placements.c
_trainee_user = users.alias("trainee_user")
_coach_user = users.alias("coach_user")
_CONTEXTS = (
    sa.select(*PLACEMENTS.selected, _trainee_user.c.name, _coach_user.c.name)
    .join_from(cohort_placements, trainees, _p.trainee_id == trainees.c.id)
    .join(_trainee_user, trainees.c.user_id == _trainee_user.c.id)
    .outerjoin(coaches, _p.coach_id == coaches.c.id)
    .outerjoin(_coach_user, coaches.c.user_id == _coach_user.c.id)
)
_ROWS_AT_ONCE = 500


class SqlCohorts(Repository[CohortRun]):
    """Runs, placements and conflicts."""

    mapping = RUNS
    kind = "cohort run"

    def add(self, run: CohortRun) -> None:
        """Write it with what comes after it."""
        later(self._connection, self._insert, RUNS.to_row(run))

    def page(self, *, keyset: Keyset | None, limit: int) -> Slice[CohortRun]:
        """Newest first."""
        statement = by_id(sa.select(*RUNS.selected), cohort_runs.c.id, keyset, limit)
        return sliced(self._all(statement), keyset, limit)

    def waiting(self, now: datetime, *, limit: int) -> Sequence[CohortRun]:
        """Those a worker may take."""
        c = cohort_runs.c
        is_free = sa.or_(c.lease_until.is_(None), c.lease_until <= now, c.lease_until > now + LONGEST)
        statement = sa.select(*RUNS.selected).where(c.state.in_(("queued", "running", "applying")), is_free)
        return self._all(statement.order_by(c.id).limit(limit))

    def n_open(self) -> int:
        """Count those that are not at an end."""
        statement = sa.select(sa.func.count()).where(cohort_runs.c.state.in_(("queued", "running", "applying")))
        return int(self._connection.execute(statement).scalar_one())

    # ── placements ──

    def put_placements(self, run_id: UUID, placements: Sequence[Placement]) -> None:
        """Replace them."""
        later(self._connection, sa.delete(cohort_placements).where(_p.run_id == run_id))
        for start in range(0, len(placements), _ROWS_AT_ONCE):
            rows = [PLACEMENTS.to_row(placement) for placement in placements[start : start + _ROWS_AT_ONCE]]
            later(self._connection, sa.insert(cohort_placements), rows)

    def save_placement(self, placement: Placement) -> None:
        """Write one."""
        row = PLACEMENTS.to_row(placement)
        key = (_p.run_id == placement.run_id, _p.trainee_id == placement.trainee_id, _p.place == placement.place)
        if self._connection.execute(sa.update(cohort_placements).where(*key).values(row)).rowcount != 1:
            raise Contended(what="this placement")

    def trainee_ids(self, run_id: UUID) -> Sequence[UUID]:
        """Each once."""
        statement = sa.select(_p.trainee_id).where(_p.run_id == run_id, _p.place == 1).order_by(_p.trainee_id)
        return [row[0] for row in self._connection.execute(statement)]

    def placements(
        self, run_id: UUID, *, state: PlacementState | None, after: tuple[UUID, int] | None, limit: int
    ) -> Sequence[Placement]:
        """By trainee and place."""
        statement = sa.select(*PLACEMENTS.selected).where(_p.run_id == run_id)
        if state is not None:
            statement = statement.where(_p.state == state)
        if after is not None:
            statement = statement.where(_beyond(*after, is_back=False))
        rows = self._connection.execute(statement.order_by(_p.trainee_id, _p.place).limit(limit))
        return [PLACEMENTS.from_row(row) for row in rows]

    def placement_page(
        self, run_id: UUID, *, state: PlacementState | None, keyset: Keyset | None, limit: int
    ) -> Slice[PlacementContext]:
        """By trainee and place, with names."""
        is_back = keyset is not None and keyset.is_before
        statement = _CONTEXTS.where(_p.run_id == run_id)
        if state is not None:
            statement = statement.where(_p.state == state)
        if keyset is not None:
            statement = statement.where(_beyond(*read_key(keyset, UUID, int), is_back=is_back))
        order = (_p.trainee_id.desc(), _p.place.desc()) if is_back else (_p.trainee_id, _p.place)
        n = len(PLACEMENTS)
        found = [
            PlacementContext(placement=PLACEMENTS.from_row(row), trainee_name=row[n], coach_name=row[n + 1])
            for row in self._connection.execute(statement.order_by(*order).limit(limit + 1))
        ]
        return sliced(found, keyset, limit)

    def placements_of(self, trainee_id: UUID) -> Sequence[Placement]:
        """In all runs, the oldest first."""
        statement = sa.select(*PLACEMENTS.selected).where(_p.trainee_id == trainee_id).order_by(_p.run_id, _p.place)
        return [PLACEMENTS.from_row(row) for row in self._connection.execute(statement)]

    def reasons(self, run_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, int]]:
        """Count by reason."""
        if not run_ids:
            return {}
        statement = (
            sa.select(_p.run_id, _p.reason, sa.func.count())
            .where(_p.run_id.in_(list(run_ids)), _p.reason.is_not(None))
            .group_by(_p.run_id, _p.reason)
            .order_by(_p.run_id, _p.reason)
        )
        found: dict[UUID, dict[str, int]] = {}
        for run_id, reason, n in self._connection.execute(statement):
            found.setdefault(run_id, {})[reason] = int(n)
        return found

    # ── conflicts ──

    def put_conflicts(self, run_id: UUID, conflicts: Sequence[CohortConflict]) -> None:
        """Replace them."""
        self._connection.execute(sa.delete(cohort_conflicts).where(cohort_conflicts.c.run_id == run_id))
        if conflicts:
            self._connection.execute(sa.insert(cohort_conflicts), [CONFLICTS.to_row(found) for found in conflicts])

    def conflicts(self, run_id: UUID) -> Sequence[tuple[CohortConflict, int]]:
        """By number."""
        n_left_out = (
            sa.select(sa.func.count())
            .where(_p.run_id == run_id, _p.conflict == cohort_conflicts.c.number)
            .scalar_subquery()
        )
        statement = (
            sa.select(*CONFLICTS.selected, n_left_out)
            .where(cohort_conflicts.c.run_id == run_id)
            .order_by(cohort_conflicts.c.number)
        )
        n = len(CONFLICTS)
        return [(CONFLICTS.from_row(row), int(row[n])) for row in self._connection.execute(statement)]


def _beyond(trainee_id: UUID, place: int, *, is_back: bool) -> sa.ColumnElement[bool]:
    if is_back:
        return sa.or_(_p.trainee_id < trainee_id, sa.and_(_p.trainee_id == trainee_id, _p.place < place))
    return sa.or_(_p.trainee_id > trainee_id, sa.and_(_p.trainee_id == trainee_id, _p.place > place))
