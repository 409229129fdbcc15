"""One's own data over REST: take it along, be erased."""

from __future__ import annotations

from uuid import UUID

from falcon.asgi import Response

from coachhub_core.domain.accounts import EraseAccount
from coachhub_core.domain.own_data import ExportPage, ExportView
from coachhub_core.errors import ActiveMatch, BadCredentials, ExportRunning, NotFound
from coachhub_http.context import Request
from coachhub_http.media import parse, read_nothing, render
from coachhub_http.operations import operation
from coachhub_http.services import Services


class OwnData:
    """``/api/accounts/me/exports`` and ``/api/accounts/me/erasure``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._own_data = services.hub.own_data

    @operation(
        summary="Ask for a copy of everything",
        who="self",
        answer=ExportView,
        status=202,
        errors=(ExportRunning,),
        location="/api/accounts/me/exports/{id}",
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        """POST /accounts/me/exports."""
        await read_nothing(req)
        export = await self._services.call(self._own_data.ask_export, req)
        render(req, resp, export)

    @operation(summary="List one's exports", who="self", answer=ExportPage)
    async def on_get(self, req: Request, resp: Response) -> None:
        """GET /accounts/me/exports."""
        page = await self._services.call(self._own_data.exports, req)
        render(req, resp, page)

    @operation(
        summary="Read an export; its document is there once it is done",
        who="self",
        answer=ExportView,
        errors=(NotFound,),
    )
    async def on_get_one(self, req: Request, resp: Response, export_id: UUID) -> None:
        """GET /accounts/me/exports/{export_id}."""
        export = await self._services.call(self._own_data.export, req, export_id)
        render(req, resp, export)

    @operation(
        summary="Erase one's own account for good",
        who="self",
        command=EraseAccount,
        status=204,
        errors=(BadCredentials, ActiveMatch),
        keys="never",
        hashes=True,
    )
    async def on_post_erasure(self, req: Request, resp: Response) -> None:
        """POST /accounts/me/erasure."""
        command = await parse(req, EraseAccount)
        await self._services.call(self._own_data.erase, req, command)
        render(req, resp, None)
