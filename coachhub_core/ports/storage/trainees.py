"""What the room *trainees* needs of a storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import attrs

from coachhub_core.domain.accounts import Account
from coachhub_core.domain.trainees import Grant, GrantScope, Trainee


@attrs.frozen(kw_only=True)
class TraineeRecord:
    """A trainee with the account that has name and city."""

    trainee: Trainee
    account: Account


class TraineeRepository(Protocol):
    """Trainees; one per account (``trainees.user_id``)."""

    def add(self, trainee: Trainee) -> None: ...

    def get(self, id: UUID) -> Trainee: ...

    def find(self, id: UUID) -> Trainee | None: ...

    def find_by_account(self, account_id: UUID) -> Trainee | None: ...

    def lock(self, id: UUID) -> Trainee:
        """Read the row and hold it until the unit ends: the first lock of every change of a match."""
        ...

    def lock_many(self, ids: Sequence[UUID]) -> Sequence[Trainee]:
        """Return them and hold the rows of *ids* until the unit ends, locked in the order of their ids."""
        ...

    def save(self, trainee: Trainee) -> Trainee:
        """Write the owner's change; ``version`` grows. Never writes ``matched_coach_id``."""
        ...

    def records(self, ids: Sequence[UUID]) -> Sequence[TraineeRecord]:
        """Return those of *ids* whose account is active, ascending."""
        ...

    def without_coach(self, now: datetime, *, after: UUID | None, limit: int) -> Sequence[TraineeRecord]:
        """
        Return trainees of active accounts with no match that runs or is open at *now*, ascending.

        Args:
            after: Begin behind this one.
        """
        ...

    def set_matched_coach(self, id: UUID, coach_id: UUID | None, *, at: datetime) -> None: ...


class GrantRepository(Protocol):
    """What coaches may see; at most one standing grant per trainee, coach and scope."""

    def add(self, grant: Grant) -> None:
        """Add *grant*, of whose scope none stands: see :meth:`scopes`."""
        ...

    def give(self, grant: Grant) -> Grant:
        """Add *grant*, or return the standing one of the same scope."""
        ...

    def find(self, id: UUID) -> Grant | None: ...

    def of_trainee(self, trainee_id: UUID) -> Sequence[Grant]:
        """All of them, newest first."""
        ...

    def scopes(self, trainee_id: UUID, coach_id: UUID) -> frozenset[GrantScope]:
        """What stands now."""
        ...

    def trainees_of(self, coach_id: UUID) -> Mapping[GrantScope, frozenset[UUID]]:
        """Return for each scope the trainees who let this coach see it now; a scope that nobody granted is left out."""
        ...

    def revoke(self, id: UUID, *, at: datetime) -> None: ...

    def revoke_all(
        self, trainee_id: UUID, coach_id: UUID, *, at: datetime, keep: Sequence[GrantScope] = ()
    ) -> None: ...
