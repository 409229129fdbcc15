"""What cohort runs need of a storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import attrs

from coachhub_core.domain.cohorts import CohortConflict, CohortRun, Placement, PlacementState

if TYPE_CHECKING:
    from coachhub_core.ports.storage.unit import Keyset, Slice


@attrs.frozen(kw_only=True)
class PlacementContext:
    """A placement with the names an operator reads."""

    placement: Placement
    trainee_name: str
    coach_name: str | None


class CohortRepository(Protocol):
    """Cohort runs, their placements, and the sets of trainees that were too many."""

    def add(self, run: CohortRun) -> None: ...

    def get(self, id: UUID) -> CohortRun: ...

    def find(self, id: UUID) -> CohortRun | None: ...

    def lock(self, id: UUID) -> CohortRun:
        """Read the row and hold it until the unit ends: the first lock of every step of a run."""
        ...

    def save(self, run: CohortRun) -> CohortRun:
        """Write a change based on ``run.version``; ``Contended`` when another writer was first."""
        ...

    def page(self, *, keyset: Keyset | None, limit: int) -> Slice[CohortRun]:
        """Newest first; the sort key is (id,)."""
        ...

    def waiting(self, now: datetime, *, limit: int) -> Sequence[CohortRun]:
        """Those that wait for a worker, or whose worker has not been heard of: oldest first."""
        ...

    def n_open(self) -> int:
        """Count runs that are not at an end: queued, running or applying."""
        ...

    def put_placements(self, run_id: UUID, placements: Sequence[Placement]) -> None:
        """Write these in place of all the run has."""
        ...

    def save_placement(self, placement: Placement) -> None:
        """Write a change of one placement."""
        ...

    def trainee_ids(self, run_id: UUID) -> Sequence[UUID]:
        """Everybody the run is about, each once, ascending."""
        ...

    def placements(
        self, run_id: UUID, *, state: PlacementState | None, after: tuple[UUID, int] | None, limit: int
    ) -> Sequence[Placement]:
        """In the order of (trainee_id, place)."""
        ...

    def placement_page(
        self, run_id: UUID, *, state: PlacementState | None, keyset: Keyset | None, limit: int
    ) -> Slice[PlacementContext]:
        """In the order of (trainee_id, place), which is the sort key."""
        ...

    def placements_of(self, trainee_id: UUID) -> Sequence[Placement]:
        """Every placement of a trainee, in all runs."""
        ...

    def reasons(self, run_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, int]]:
        """Count for each of these runs what is unplaced or refused, by its reason; a run without any is left out."""
        ...

    def put_conflicts(self, run_id: UUID, conflicts: Sequence[CohortConflict]) -> None:
        """Write these in place of all the run has."""
        ...

    def conflicts(self, run_id: UUID) -> Sequence[tuple[CohortConflict, int]]:
        """By number, each with how many placements name it."""
        ...
