"""The room *plans* over REST: documents, their immutable versions, and what changed between them."""

from __future__ import annotations

from uuid import UUID

from falcon.asgi import Response

from coachhub_core.domain.plan_views import PlanDiffView, PlanPage, PlanVersionPage, PlanVersionView, PlanView
from coachhub_core.domain.plans import (
    ArchivePlan,
    ChangePlan,
    CopyPlan,
    CreatePlan,
    DeletePlan,
    DiffPlan,
    ListPlans,
    ListPlanVersions,
    PublishPlan,
    RestorePlan,
    UnarchivePlan,
)
from coachhub_core.errors import (
    Forbidden,
    NotFound,
    PlanIllegalTransition,
    PlanNothingToPublish,
    PlanPublished,
    PlanStaleParent,
    TooLarge,
    VersionMismatch,
)
from coachhub_http.context import Request
from coachhub_http.media import expected_version, parse, parse_query, render
from coachhub_http.operations import operation
from coachhub_http.services import Services

_OWNER = (Forbidden, NotFound)


class Plans:
    """``/api/plans``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._plans = services.hub.plans

    @operation(
        summary="Begin a plan for one trainee, or a template",
        who="coach",
        command=CreatePlan,
        answer=PlanView,
        status=201,
        errors=(*_OWNER, TooLarge),
        location="/api/plans/{id}",
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        """POST /plans."""
        command = await parse(req, CreatePlan)
        plan = await self._services.call(self._plans.create, req, command)
        render(req, resp, plan)

    @operation(summary="List one's own plans", who="coach", query=ListPlans, answer=PlanPage, errors=_OWNER)
    async def on_get(self, req: Request, resp: Response) -> None:
        """GET /plans."""
        query = parse_query(req, ListPlans)
        page = await self._services.call(self._plans.list, req, query)
        render(req, resp, page)

    @operation(
        summary="Read a plan: its owner the draft too, a trainee the version assigned to them",
        who="owner; trainee assigned",
        answer=PlanView,
        errors=(NotFound,),
    )
    async def on_get_one(self, req: Request, resp: Response, plan_id: UUID) -> None:
        """GET /plans/{plan_id}."""
        plan = await self._services.call(self._plans.get, req, plan_id)
        render(req, resp, plan)

    @operation(
        summary="Change the title or the draft; absent members stay",
        who="owner",
        command=ChangePlan,
        answer=PlanView,
        errors=(*_OWNER, VersionMismatch, TooLarge, PlanIllegalTransition),
        if_match=True,
    )
    async def on_patch_one(self, req: Request, resp: Response, plan_id: UUID) -> None:
        """PATCH /plans/{plan_id}."""
        command = await parse(req, ChangePlan, plan_id=plan_id)
        plan = await self._services.call(self._plans.change, req, command)
        render(req, resp, plan)

    @operation(
        summary="Delete a plan that was never published",
        who="owner",
        status=204,
        errors=(*_OWNER, VersionMismatch, PlanPublished),
        if_match=True,
    )
    async def on_delete_one(self, req: Request, resp: Response, plan_id: UUID) -> None:
        """DELETE /plans/{plan_id}."""
        command = DeletePlan(plan_id=plan_id, expected_version=expected_version(req.context))
        await self._services.call(self._plans.delete, req, command)
        render(req, resp, None)

    @operation(
        summary="Make the draft a version that never changes",
        who="owner",
        command=PublishPlan,
        answer=PlanView,
        errors=(*_OWNER, PlanStaleParent, PlanNothingToPublish, PlanIllegalTransition),
    )
    async def on_post_publish(self, req: Request, resp: Response, plan_id: UUID) -> None:
        """POST /plans/{plan_id}/publish."""
        command = await parse(req, PublishPlan, plan_id=plan_id)
        plan = await self._services.call(self._plans.publish, req, command)
        render(req, resp, plan)

    @operation(
        summary="Put a published plan away",
        who="owner",
        command=ArchivePlan,
        answer=PlanView,
        errors=(*_OWNER, PlanIllegalTransition),
    )
    async def on_post_archive(self, req: Request, resp: Response, plan_id: UUID) -> None:
        """POST /plans/{plan_id}/archive."""
        command = await parse(req, ArchivePlan, plan_id=plan_id)
        plan = await self._services.call(self._plans.archive, req, command)
        render(req, resp, plan)

    @operation(
        summary="Bring an archived plan back",
        who="owner",
        command=UnarchivePlan,
        answer=PlanView,
        errors=(*_OWNER, PlanIllegalTransition),
    )
    async def on_post_unarchive(self, req: Request, resp: Response, plan_id: UUID) -> None:
        """POST /plans/{plan_id}/unarchive."""
        command = await parse(req, UnarchivePlan, plan_id=plan_id)
        plan = await self._services.call(self._plans.unarchive, req, command)
        render(req, resp, plan)

    @operation(
        summary="Copy an old version into the draft",
        who="owner",
        command=RestorePlan,
        answer=PlanView,
        errors=(*_OWNER, PlanIllegalTransition),
    )
    async def on_post_restore(self, req: Request, resp: Response, plan_id: UUID) -> None:
        """POST /plans/{plan_id}/restore."""
        command = await parse(req, RestorePlan, plan_id=plan_id)
        plan = await self._services.call(self._plans.restore, req, command)
        render(req, resp, plan)

    @operation(
        summary="Begin a new plan from a version of this one",
        who="owner",
        command=CopyPlan,
        answer=PlanView,
        status=201,
        errors=_OWNER,
        location="/api/plans/{id}",
    )
    async def on_post_copy(self, req: Request, resp: Response, plan_id: UUID) -> None:
        """POST /plans/{plan_id}/copy."""
        command = await parse(req, CopyPlan, plan_id=plan_id)
        plan = await self._services.call(self._plans.copy, req, command)
        render(req, resp, plan)

    @operation(
        summary="List a plan's versions, newest first",
        who="owner; trainee assigned, also after the end",
        query=ListPlanVersions,
        answer=PlanVersionPage,
        errors=(NotFound,),
    )
    async def on_get_versions(self, req: Request, resp: Response, plan_id: UUID) -> None:
        """GET /plans/{plan_id}/versions."""
        query = parse_query(req, ListPlanVersions, plan_id=plan_id)
        page = await self._services.call(self._plans.versions, req, query)
        render(req, resp, page)

    @operation(
        summary="Read one version with its document",
        who="owner; trainee assigned, also after the end",
        answer=PlanVersionView,
        errors=(NotFound,),
    )
    async def on_get_version(self, req: Request, resp: Response, plan_id: UUID, number: int) -> None:
        """GET /plans/{plan_id}/versions/{number}."""
        version = await self._services.call(self._plans.version, req, plan_id, number)
        render(req, resp, version)

    @operation(
        summary="Read what changed between two versions",
        who="owner; trainee assigned, also after the end",
        query=DiffPlan,
        answer=PlanDiffView,
        errors=(NotFound,),
    )
    async def on_get_diff(self, req: Request, resp: Response, plan_id: UUID) -> None:
        """GET /plans/{plan_id}/diff."""
        query = parse_query(req, DiffPlan, plan_id=plan_id)
        diff = await self._services.call(self._plans.diff, req, query)
        render(req, resp, diff)
