"""Cohort runs over REST: many trainees placed at once, looked at, and asked for."""

from __future__ import annotations

from uuid import UUID

from falcon.asgi import Response

from coachhub_core.domain.cohorts import (
    ApplyCohortRun,
    CohortRunPage,
    CohortRunView,
    CreateCohortRun,
    ListCohortRuns,
    ListPlacements,
    PlacementPage,
)
from coachhub_core.errors import (
    Busy,
    CohortIllegalTransition,
    CohortInfeasible,
    CohortStale,
    Forbidden,
    NotFound,
)
from coachhub_http.context import Request
from coachhub_http.media import parse, parse_query, read_nothing, render
from coachhub_http.operations import operation
from coachhub_http.services import Services


class Cohorts:
    """``/api/cohort-runs``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._cohorts = services.hub.cohorts

    @operation(
        summary="Place many trainees at once; nothing changes until the run is applied",
        who="admin",
        command=CreateCohortRun,
        answer=CohortRunView,
        status=202,
        errors=(Forbidden, Busy),
        keys="required",
        location="/api/cohort-runs/{id}",
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        """POST /cohort-runs."""
        command = await parse(req, CreateCohortRun)
        run = await self._services.call(self._cohorts.create, req, command)
        render(req, resp, run)

    @operation(
        summary="List cohort runs, newest first",
        who="admin",
        query=ListCohortRuns,
        answer=CohortRunPage,
        errors=(Forbidden,),
    )
    async def on_get(self, req: Request, resp: Response) -> None:
        """GET /cohort-runs."""
        query = parse_query(req, ListCohortRuns)
        page = await self._services.call(self._cohorts.list, req, query)
        render(req, resp, page)

    @operation(
        summary="Read a cohort run: how far it is, its counts and certificate, who was one too many",
        who="admin",
        answer=CohortRunView,
        errors=(Forbidden, NotFound),
    )
    async def on_get_one(self, req: Request, resp: Response, run_id: UUID) -> None:
        """GET /cohort-runs/{run_id}."""
        run = await self._services.call(self._cohorts.get, req, run_id)
        render(req, resp, run)

    @operation(
        summary="List who was given to whom, and who to nobody and why",
        who="admin",
        query=ListPlacements,
        answer=PlacementPage,
        errors=(Forbidden, NotFound),
    )
    async def on_get_placements(self, req: Request, resp: Response, run_id: UUID) -> None:
        """GET /cohort-runs/{run_id}/placements."""
        query = parse_query(req, ListPlacements)
        page = await self._services.call(self._cohorts.placements, req, run_id, query)
        render(req, resp, page)

    @operation(
        summary="Say yes: each placement becomes a request to its coach",
        who="admin",
        command=ApplyCohortRun,
        answer=CohortRunView,
        status=202,
        errors=(Forbidden, NotFound, CohortIllegalTransition, CohortStale, CohortInfeasible),
    )
    async def on_post_apply(self, req: Request, resp: Response, run_id: UUID) -> None:
        """POST /cohort-runs/{run_id}/apply."""
        command = await parse(req, ApplyCohortRun, run_id=run_id)
        run = await self._services.call(self._cohorts.apply, req, command)
        render(req, resp, run)

    @operation(
        summary="Stop a cohort run where it is",
        who="admin",
        answer=CohortRunView,
        errors=(Forbidden, NotFound, CohortIllegalTransition),
    )
    async def on_post_stop(self, req: Request, resp: Response, run_id: UUID) -> None:
        """POST /cohort-runs/{run_id}/stop."""
        await read_nothing(req)
        run = await self._services.call(self._cohorts.stop, req, run_id)
        render(req, resp, run)

    @operation(
        summary="Let a stopped or failed cohort run go on",
        who="admin",
        answer=CohortRunView,
        status=202,
        errors=(Forbidden, NotFound, CohortIllegalTransition),
    )
    async def on_post_resume(self, req: Request, resp: Response, run_id: UUID) -> None:
        """POST /cohort-runs/{run_id}/resume."""
        await read_nothing(req)
        run = await self._services.call(self._cohorts.resume, req, run_id)
        render(req, resp, run)
