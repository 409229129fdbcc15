"""The room *notifications* over REST: one's own inbox."""

from __future__ import annotations

from falcon.asgi import Response

from coachhub_core.domain.notifications import ListNotifications, MarkNotificationsRead, NotificationPage
from coachhub_http.context import Request
from coachhub_http.media import parse, parse_query, render
from coachhub_http.operations import operation
from coachhub_http.services import Services


class Notifications:
    """``/api/notifications``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._notifications = services.hub.notifications

    @operation(summary="Read one's inbox", who="self", query=ListNotifications, answer=NotificationPage)
    async def on_get(self, req: Request, resp: Response) -> None:
        """GET /notifications."""
        query = parse_query(req, ListNotifications)
        page = await self._services.call(self._notifications.list, req, query)
        render(req, resp, page)

    @operation(
        summary="Mark notifications as read; none named means all",
        who="self",
        command=MarkNotificationsRead,
        answer=NotificationPage,
    )
    async def on_post_read(self, req: Request, resp: Response) -> None:
        """POST /notifications/read."""
        command = await parse(req, MarkNotificationsRead)
        page = await self._services.call(self._notifications.mark_read, req, command)
        render(req, resp, page)
