"""What the room *notifications* needs of a storage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from coachhub_core.domain.notifications import Notification

if TYPE_CHECKING:
    from coachhub_core.ports.storage.unit import Keyset, Slice


class NotificationRepository(Protocol):
    """Inboxes."""

    def add(self, notification: Notification) -> None:
        """Write it; one with the same ``dedupe_key`` stands already: nothing happens."""
        ...

    def page(self, *, account_id: UUID, unread: bool | None, keyset: Keyset | None, limit: int) -> Slice[Notification]:
        """Newest first; the sort key is (id,)."""
        ...

    def n_unread(self, account_id: UUID) -> int: ...

    def mark_read(self, account_id: UUID, ids: Sequence[UUID], *, at: datetime) -> None:
        """Mark those of *ids* that are the account's; all of them when *ids* is empty."""
        ...

    def delete_of(self, account_id: UUID) -> int: ...
