"""Use cases of the room *notifications*."""

from __future__ import annotations

from typing import Final

from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.notifications import (
    ListNotifications,
    MarkNotificationsRead,
    NotificationPage,
    NotificationView,
)
from coachhub_core.services.paging import ends, read_cursor
from coachhub_core.services.units import Context, rerun

_LIST: Final = "notifications"


class NotificationService:
    """One's own inbox."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def list(self, actor: Actor, query: ListNotifications) -> NotificationPage:
        """Return a page, newest first."""
        keyset = read_cursor(query.cursor, _LIST)
        with self._context.read() as work:
            found = work.notifications.page(
                account_id=actor.account_id, unread=query.unread, keyset=keyset, limit=query.limit
            )
            n_unread = work.notifications.n_unread(actor.account_id)
        after, before = ends(found, keyset, _LIST, lambda n: (n.id,))
        return NotificationPage(
            items=tuple(NotificationView.of(n) for n in found.items), next=after, prev=before, n_unread=n_unread
        )

    @rerun
    def mark_read(self, actor: Actor, command: MarkNotificationsRead) -> NotificationPage:
        """Mark some or all as read and return the newest page; ids of others are passed over."""
        with self._context.write(actor) as work:
            work.notifications.mark_read(actor.account_id, command.ids, at=self._context.clock())
            found = work.notifications.page(account_id=actor.account_id, unread=None, keyset=None, limit=20)
            n_unread = work.notifications.n_unread(actor.account_id)
            after, before = ends(found, None, _LIST, lambda n: (n.id,))
            items = tuple(NotificationView.of(n) for n in found.items)
            return work.commit(NotificationPage(items=items, next=after, prev=before, n_unread=n_unread))
