"""The room *analytics* over REST: a coach's trainees, and who of them needs a word today."""

from __future__ import annotations

from falcon.asgi import Response

from coachhub_core.domain.analytics import AttentionView, ReadAttention, ReadRoster, RosterPage
from coachhub_core.errors import Forbidden, NotFound
from coachhub_http.context import Request
from coachhub_http.media import parse_query, render
from coachhub_http.operations import operation
from coachhub_http.services import Services


class Analytics:
    """``/api/coaches/me/roster`` and ``/api/coaches/me/attention``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._analytics = services.hub.analytics

    @operation(
        summary="Read one's trainees",
        who="coach",
        query=ReadRoster,
        answer=RosterPage,
        errors=(Forbidden, NotFound),
    )
    async def on_get_roster(self, req: Request, resp: Response) -> None:
        """GET /coaches/me/roster."""
        query = parse_query(req, ReadRoster)
        page = await self._services.call(self._analytics.roster, req, query)
        render(req, resp, page)

    @operation(
        summary="Read who needs attention, most urgent first",
        who="coach",
        query=ReadAttention,
        answer=AttentionView,
        errors=(Forbidden, NotFound),
    )
    async def on_get_attention(self, req: Request, resp: Response) -> None:
        """GET /coaches/me/attention."""
        query = parse_query(req, ReadAttention)
        found = await self._services.call(self._analytics.attention, req, query)
        render(req, resp, found)
