"""What the room *reviews* needs of a storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from coachhub_core.domain.reviews import Review

if TYPE_CHECKING:
    from coachhub_core.ports.storage.unit import Keyset, Slice


class ReviewRepository(Protocol):
    """Reviews; one per match and side (``reviews.match_id+author_side``)."""

    def add(self, review: Review) -> None: ...

    def find(self, id: UUID) -> Review | None: ...

    def save(self, review: Review) -> Review: ...

    def remove(self, review: Review) -> None: ...

    def of_author(self, account_id: UUID) -> Sequence[Review]: ...

    def of_match(self, match_id: UUID) -> Sequence[Review]: ...

    def page(self, *, coach_id: UUID, keyset: Keyset | None, limit: int) -> Slice[Review]:
        """Visible ones written by trainees, newest first; the sort key is (id,)."""
        ...
