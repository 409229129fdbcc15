"""What operators and programs ask: is it alive, is it ready, how is it, what does it offer."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, ClassVar, Literal

import attrs
from falcon.asgi import Response

from coachhub_core.errors import NotFound, Unavailable
from coachhub_core.services.health import HealthReport
from coachhub_http import metrics
from coachhub_http.context import Request
from coachhub_http.media import render
from coachhub_http.operations import operation
from coachhub_http.phase import Phase
from coachhub_http.problems import JSON
from coachhub_http.services import Services


@attrs.define(kw_only=True)
class NotReady(Unavailable):
    """Raised while a server starts or drains: send requests elsewhere."""

    code: ClassVar[str] = "unavailable"
    what: str = "this server"
    is_draining: bool

    def __str__(self) -> str:
        return "this server is ending; ask another" if self.is_draining else "this server is starting; ask again"


@attrs.frozen(kw_only=True)
class Alive:
    """A process that answers."""

    status: Literal["alive", "ready"]


class Operations:
    """``/health``, ``/metrics`` and the document."""

    def __init__(self, services: Services, phase: Phase, counted: metrics.Metrics) -> None:
        self._services = services
        self._hub = services.hub
        self._phase = phase
        self._counted = counted
        self.document = b""  # made from the table of routes, which this is a part of

    @operation(
        summary="How the server and its neighbours are; 503 with the same body when the database is down",
        who="anyone",
        answer=HealthReport,
    )
    async def on_get(self, req: Request, resp: Response) -> None:
        """GET /health."""
        report = self._hub.health()
        render(req, resp, report)
        resp.status = 503 if report.status == "unhealthy" else 200

    @operation(summary="Whether the process answers", who="anyone", answer=Alive)
    async def on_get_live(self, req: Request, resp: Response) -> None:
        """GET /health/live."""
        render(req, resp, Alive(status="alive"))

    @operation(summary="Whether to send requests here", who="anyone", answer=Alive)
    async def on_get_ready(self, req: Request, resp: Response) -> None:
        """GET /health/ready."""
        if not self._phase.is_ready:
            raise NotReady(is_draining=self._phase.is_draining)
        render(req, resp, Alive(status="ready"))

    @operation(summary="Prometheus's metrics", who="anyone", answer=str, media_type="text/plain", errors=(NotFound,))
    async def on_get_metrics(self, req: Request, resp: Response) -> None:
        """GET /metrics."""
        if not self._hub.settings.http.metrics:
            raise NotFound(kind="address")
        with suppress(Unavailable):  # the database is away: its gauges stay as they were, and the others are told
            self._counted.note(await self._services.call_openly(self._hub.due.backlog, req))
            self._counted.note_shadow(await self._services.call_openly(self._hub.shadow.backlog, req))
        resp.data = self._counted.render()
        resp.content_type = metrics.CONTENT_TYPE

    @operation(summary="This document", who="anyone", answer=dict[str, Any], is_public=True, errors=(NotFound,))
    async def on_get_document(self, req: Request, resp: Response) -> None:
        """GET /api/openapi.json."""
        if not self._hub.settings.http.openapi:
            raise NotFound(kind="address")
        resp.data = self.document
        resp.content_type = JSON
