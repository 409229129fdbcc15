"""The room *suggestions* over REST."""

from __future__ import annotations

from uuid import UUID

from falcon.asgi import Response

from coachhub_core.domain.suggestions import ReportOutcome, SuggestCoaches, SuggestionSetView
from coachhub_core.errors import Forbidden, NotFound, ProfileIncomplete
from coachhub_http.context import Request
from coachhub_http.media import parse, render
from coachhub_http.operations import operation
from coachhub_http.services import Services


class Suggestions:
    """``/api/coaches/match`` and ``/api/suggestions``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._suggestions = services.hub.suggestions

    @operation(
        summary="Suggest coaches, best first, each with its reasons",
        who="trainee, admin",
        command=SuggestCoaches,
        answer=SuggestionSetView,
        errors=(Forbidden, NotFound, ProfileIncomplete),
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        """POST /coaches/match."""
        command = await parse(req, SuggestCoaches)
        suggested = await self._services.call(self._suggestions.suggest, req, command)
        render(req, resp, suggested)

    @operation(summary="Read a list one was given", who="self, admin", answer=SuggestionSetView, errors=(NotFound,))
    async def on_get_one(self, req: Request, resp: Response, set_id: UUID) -> None:
        """GET /suggestions/{set_id}."""
        suggested = await self._services.call(self._suggestions.get, req, set_id)
        render(req, resp, suggested)

    @operation(
        summary="Tell that a suggested coach was looked at",
        who="self",
        command=ReportOutcome,
        status=204,
        errors=(NotFound,),
    )
    async def on_post_outcomes(self, req: Request, resp: Response, set_id: UUID) -> None:
        """POST /suggestions/{set_id}/outcomes."""
        command = await parse(req, ReportOutcome, set_id=set_id)
        await self._services.call(self._suggestions.report, req, command)
        render(req, resp, None)
