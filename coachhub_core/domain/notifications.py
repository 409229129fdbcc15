"""The room *notifications*: the inbox, written in the transaction of its cause."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import attrs

from coachhub_core.domain import values as v


@attrs.frozen(kw_only=True)
class Notification:
    """One line of somebody's inbox; the same cause never makes two (``dedupe_key``)."""

    id: UUID
    account_id: UUID
    type: str
    payload: dict[str, Any]
    dedupe_key: str
    created_at: datetime
    read_at: datetime | None = None


@attrs.frozen(kw_only=True)
class ListNotifications:
    """One's inbox, newest first."""

    unread: bool | None = v.flag(default=None, optional=True)
    limit: int = v.whole(1, 100, default=20)
    cursor: str | None = v.text(1_000, min_len=1, default=None, optional=True)


@attrs.frozen(kw_only=True)
class MarkNotificationsRead:
    """Mark some, or with an empty list all, of one's notifications as read."""

    ids: tuple[UUID, ...] = v.items(100, default=())


@attrs.frozen(kw_only=True)
class NotificationView:
    """A notification; ``payload`` holds ids and facts, ``type`` says what happened."""

    id: UUID
    type: str
    payload: dict[str, Any]
    created_at: datetime
    read_at: datetime | None

    @classmethod
    def of(cls, notification: Notification) -> NotificationView:
        """Show *notification*."""
        return cls(**{f.name: getattr(notification, f.name) for f in attrs.fields(cls)})


@attrs.frozen(kw_only=True)
class NotificationPage:
    """One page of the inbox, with how many are unread in all."""

    items: tuple[NotificationView, ...]
    next: str | None
    prev: str | None
    n_unread: int
