"""What the room *workouts* needs of a storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import attrs

from coachhub_core.domain.analytics import EffortFact
from coachhub_core.domain.workouts import Fulfilment, Workout, WorkoutRevision

if TYPE_CHECKING:
    from coachhub_core.ports.storage.unit import Keyset, Slice


@attrs.frozen(kw_only=True)
class WorkoutStamp:
    """When a workout was first logged, and when it was last made to say what it says."""

    workout_id: UUID
    created_at: datetime
    recorded_at: datetime


class WorkoutRepository(Protocol):
    """
    Workouts with their sets, revisions and what they fulfil.

    ``Duplicate`` with ``workouts.id`` for an id that is there,
    ``fulfilments.scheduled_workout_id`` for a day that is fulfilled.
    """

    def add(self, workout: Workout) -> None: ...

    def find(self, id: UUID) -> Workout | None:
        """Return it, also if it was taken back."""
        ...

    def find_many(self, ids: Sequence[UUID]) -> Mapping[UUID, Workout]: ...

    def save(self, workout: Workout) -> Workout:
        """Write a change based on ``workout.version``, replacing all its sets; ``Contended`` when stale."""
        ...

    def add_revision(self, revision: WorkoutRevision) -> None: ...

    def revisions(self, workout_id: UUID) -> Sequence[WorkoutRevision]:
        """Oldest first."""
        ...

    def page(
        self,
        *,
        trainee_id: UUID,
        first: date | None,
        last: date | None,
        exercise_id: UUID | None,
        keyset: Keyset | None,
        limit: int,
    ) -> Slice[Workout]:
        """Newest start first, none that was taken back; the sort key is (started_at, id)."""
        ...

    def of_trainee(self, trainee_id: UUID) -> Sequence[Workout]:
        """All, oldest start first, also those taken back."""
        ...

    def stamps(self, ids: Sequence[UUID]) -> Mapping[UUID, WorkoutStamp]:
        """The stamps of these, without reading their sets."""
        ...

    def last_days(self, trainee_ids: Sequence[UUID]) -> Mapping[UUID, date]:
        """Per trainee the local day of the latest workout."""
        ...

    def efforts(self, trainee_ids: Sequence[UUID], *, limit: int) -> Mapping[UUID, Sequence[EffortFact]]:
        """Per trainee the last *limit* sets with an RPE and a target RPE, oldest first."""
        ...

    def fulfil(self, fulfilment: Fulfilment) -> None: ...

    def unfulfil(self, workout_id: UUID) -> None: ...

    def fulfilled_by(self, scheduled_workout_ids: Sequence[UUID]) -> Mapping[UUID, UUID]:
        """Which workout fulfils each of these days."""
        ...

    def fulfils(self, workout_ids: Sequence[UUID]) -> Mapping[UUID, UUID]:
        """Which day each of these workouts fulfils."""
        ...

    def delete_of(self, trainee_id: UUID) -> None:
        """Delete a trainee's workouts with all that hangs on them."""
        ...
