"""What comparing a second matcher needs of a storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from coachhub_core.domain.shadows import ShadowList, ShadowRecord


class ShadowRepository(Protocol):
    """Lists that are asked for again; each goes with the set it is about."""

    def add(self, shadow: ShadowList) -> None: ...

    def find(self, id: UUID) -> ShadowList | None: ...

    def waits_since(self, now: datetime) -> datetime | None:
        """Return since when the oldest waits that nobody holds; None where none does."""
        ...

    def take(self, *, now: datetime, until: datetime, limit: int) -> Sequence[ShadowList]:
        """Lease waiting ones that nobody holds, the oldest first; ``n_tries`` grows."""
        ...

    def finish(self, shadow: ShadowList) -> bool:
        """Write how a waiting one ended; False when it has ended, or is gone."""
        ...

    def drop(self, *, before: datetime, reason: str) -> int:
        """End what has waited since before *before*; return how many."""
        ...

    def n_by_state(self, *, after: UUID | None = None) -> Mapping[str, int]: ...

    def since(self, after: UUID | None, *, created_from: datetime | None, limit: int) -> Sequence[ShadowRecord]:
        """Return those that ended, in the order of their ids, after *after*."""
        ...
