"""Repositories of the room *trainees*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa

from coachhub_core.domain.trainees import Grant, GrantScope, Trainee
from coachhub_core.ports.storage import TraineeRecord
from coachhub_sqlalchemy.later import later
from coachhub_sqlalchemy.mapping import Repository, RowMapping
from coachhub_sqlalchemy.repositories.accounts import ACCOUNTS
from coachhub_sqlalchemy.repositories.matches import is_standing
from coachhub_sqlalchemy.tables.accounts import users
from coachhub_sqlalchemy.tables.matches import matches
from coachhub_sqlalchemy.tables.trainees import grants, trainees

TRAINEES = RowMapping(Trainee, trainees, renamed={"account_id": "user_id"})
GRANTS = RowMapping(Grant, grants)

_RECORDS = (
    sa.select(*TRAINEES.selected, *ACCOUNTS.selected)
    .join_from(trainees, users, trainees.c.user_id == users.c.id)
    .where(users.c.status == "active")
    .order_by(trainees.c.id)
)


class SqlTrainees(Repository[Trainee]):
    """Trainees."""

    mapping = TRAINEES
    kind = "trainee"
    frozen = ("matched_coach_id",)

    def find_by_account(self, account_id: UUID) -> Trainee | None:
        """Return the profile of an account."""
        return self._one(sa.select(*TRAINEES.selected).where(trainees.c.user_id == account_id))

    def records(self, ids: Sequence[UUID]) -> Sequence[TraineeRecord]:
        """Those who are active."""
        found: list[TraineeRecord] = []
        listed = sorted(ids)
        for start in range(0, len(listed), 500):
            found += self._records(_RECORDS.where(trainees.c.id.in_(listed[start : start + 500])))
        return found

    def without_coach(self, now: datetime, *, after: UUID | None, limit: int) -> Sequence[TraineeRecord]:
        """Those who have and have asked nobody."""
        standing = sa.exists().where(matches.c.trainee_id == trainees.c.id, is_standing(now))
        statement = _RECORDS.where(~standing).limit(limit)
        return self._records(statement if after is None else statement.where(trainees.c.id > after))

    def _records(self, statement: sa.Select[Any]) -> list[TraineeRecord]:
        rows = self._connection.execute(statement)
        n = len(TRAINEES)
        return [TraineeRecord(trainee=TRAINEES.from_row(r), account=ACCOUNTS.from_row(r, n)) for r in rows]

    def set_matched_coach(self, id: UUID, coach_id: UUID | None, *, at: datetime) -> None:
        """Note the coach of the one active match."""
        statement = sa.update(trainees).where(trainees.c.id == id).values(matched_coach_id=coach_id, updated_at=at)
        later(self._connection, statement)


class SqlGrants(Repository[Grant]):
    """What coaches may see."""

    mapping = GRANTS
    kind = "grant"

    def add(self, grant: Grant) -> None:
        """Write one of which it is known that none of its scope stands."""
        later(self._connection, self._insert, GRANTS.to_row(grant))

    def give(self, grant: Grant) -> Grant:
        """Add it, unless one of the scope stands."""
        standing = self._one(
            sa.select(*GRANTS.selected).where(
                grants.c.trainee_id == grant.trainee_id,
                grants.c.coach_id == grant.coach_id,
                grants.c.scope == grant.scope,
                grants.c.revoked_at.is_(None),
            )
        )
        if standing is None:
            self.add(grant)
        return standing or grant

    def of_trainee(self, trainee_id: UUID) -> Sequence[Grant]:
        """All of them, newest first."""
        return self._all(
            sa.select(*GRANTS.selected).where(grants.c.trainee_id == trainee_id).order_by(grants.c.id.desc())
        )

    def scopes(self, trainee_id: UUID, coach_id: UUID) -> frozenset[GrantScope]:
        """What stands now."""
        rows = self._connection.execute(
            sa.select(grants.c.scope).where(
                grants.c.trainee_id == trainee_id, grants.c.coach_id == coach_id, grants.c.revoked_at.is_(None)
            )
        )
        return frozenset(cast(GrantScope, row[0]) for row in rows)

    def trainees_of(self, coach_id: UUID) -> Mapping[GrantScope, frozenset[UUID]]:
        """Who lets this coach see what."""
        rows = self._connection.execute(
            sa.select(grants.c.scope, grants.c.trainee_id).where(
                grants.c.coach_id == coach_id, grants.c.revoked_at.is_(None)
            )
        )
        found: dict[GrantScope, set[UUID]] = {}
        for scope, trainee_id in rows:
            found.setdefault(cast(GrantScope, scope), set()).add(trainee_id)
        return {scope: frozenset(ids) for scope, ids in found.items()}

    def revoke(self, id: UUID, *, at: datetime) -> None:
        """Take one back."""
        self._connection.execute(
            sa.update(grants).where(grants.c.id == id, grants.c.revoked_at.is_(None)).values(revoked_at=at)
        )

    def revoke_all(self, trainee_id: UUID, coach_id: UUID, *, at: datetime, keep: Sequence[GrantScope] = ()) -> None:
        """Take all back, but those of *keep*."""
        statement = sa.update(grants).where(
            grants.c.trainee_id == trainee_id, grants.c.coach_id == coach_id, grants.c.revoked_at.is_(None)
        )
        if keep:
            statement = statement.where(grants.c.scope.not_in(list(keep)))
        later(self._connection, statement.values(revoked_at=at))
