"""The room *trainees* over REST: ``me`` for oneself, an id for a coach who was granted it."""

from __future__ import annotations

from uuid import UUID

from falcon.asgi import Response

from coachhub_core.domain.coaches import AvailabilityView, SetAvailability
from coachhub_core.domain.trainees import (
    ChangeTrainee,
    ConstraintsView,
    GiveGrant,
    GoalsView,
    GrantPage,
    GrantView,
    SetConstraints,
    SetGoals,
    SetThresholds,
    ThresholdsView,
    TraineeView,
)
from coachhub_core.errors import (
    AvailabilityOverlap,
    Forbidden,
    GrantMissing,
    GrantNoMatch,
    NotFound,
    VersionMismatch,
)
from coachhub_http.context import Request
from coachhub_http.media import parse, render
from coachhub_http.operations import SelfOrId, named, operation
from coachhub_http.services import Services

_READS = (NotFound, Forbidden, GrantMissing)
_CHANGES = (Forbidden, NotFound, VersionMismatch)


class Trainees:
    """``/api/trainees``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._trainees = services.hub.trainees

    @operation(summary="Read a trainee's profile", who="self, grant profile", answer=TraineeView, errors=_READS)
    async def on_get(self, req: Request, resp: Response, trainee_id: SelfOrId) -> None:
        """GET /trainees/{trainee_id}."""
        trainee = await self._services.call(self._trainees.get, req, named(trainee_id))
        render(req, resp, trainee)

    @operation(
        summary="Change one's own profile; absent members stay",
        who="trainee",
        command=ChangeTrainee,
        answer=TraineeView,
        errors=_CHANGES,
        if_match=True,
    )
    async def on_patch(self, req: Request, resp: Response, trainee_id: SelfOrId) -> None:
        """PATCH /trainees/{trainee_id}."""
        command = await parse(req, ChangeTrainee, trainee_id=named(trainee_id))
        trainee = await self._services.call(self._trainees.change, req, command)
        render(req, resp, trainee)

    @operation(summary="Read a trainee's goals", who="self, grant profile", answer=GoalsView, errors=_READS)
    async def on_get_goals(self, req: Request, resp: Response, trainee_id: SelfOrId) -> None:
        """GET /trainees/{trainee_id}/goals."""
        goals = await self._services.call(self._trainees.goals, req, named(trainee_id))
        render(req, resp, goals)

    @operation(
        summary="Replace one's goals",
        who="trainee",
        command=SetGoals,
        answer=GoalsView,
        errors=_CHANGES,
        if_match=True,
    )
    async def on_put_goals(self, req: Request, resp: Response, trainee_id: SelfOrId) -> None:
        """PUT /trainees/{trainee_id}/goals."""
        command = await parse(req, SetGoals, trainee_id=named(trainee_id))
        goals = await self._services.call(self._trainees.set_goals, req, command)
        render(req, resp, goals)

    @operation(
        summary="Read a trainee's constraints; private ones need the grant health",
        who="self, grant profile",
        answer=ConstraintsView,
        errors=_READS,
    )
    async def on_get_constraints(self, req: Request, resp: Response, trainee_id: SelfOrId) -> None:
        """GET /trainees/{trainee_id}/constraints."""
        constraints = await self._services.call(self._trainees.constraints, req, named(trainee_id))
        render(req, resp, constraints)

    @operation(
        summary="Replace one's constraints",
        who="trainee",
        command=SetConstraints,
        answer=ConstraintsView,
        errors=_CHANGES,
        if_match=True,
    )
    async def on_put_constraints(self, req: Request, resp: Response, trainee_id: SelfOrId) -> None:
        """PUT /trainees/{trainee_id}/constraints."""
        command = await parse(req, SetConstraints, trainee_id=named(trainee_id))
        constraints = await self._services.call(self._trainees.set_constraints, req, command)
        render(req, resp, constraints)

    @operation(summary="Read a trainee's thresholds", who="self, grant plan", answer=ThresholdsView, errors=_READS)
    async def on_get_thresholds(self, req: Request, resp: Response, trainee_id: SelfOrId) -> None:
        """GET /trainees/{trainee_id}/thresholds."""
        thresholds = await self._services.call(self._trainees.thresholds, req, named(trainee_id))
        render(req, resp, thresholds)

    @operation(
        summary="Replace one's thresholds",
        who="trainee",
        command=SetThresholds,
        answer=ThresholdsView,
        errors=_CHANGES,
        if_match=True,
    )
    async def on_put_thresholds(self, req: Request, resp: Response, trainee_id: SelfOrId) -> None:
        """PUT /trainees/{trainee_id}/thresholds."""
        command = await parse(req, SetThresholds, trainee_id=named(trainee_id))
        thresholds = await self._services.call(self._trainees.set_thresholds, req, command)
        render(req, resp, thresholds)

    @operation(summary="Read a trainee's week", who="self, grant profile", answer=AvailabilityView, errors=_READS)
    async def on_get_availability(self, req: Request, resp: Response, trainee_id: SelfOrId) -> None:
        """GET /trainees/{trainee_id}/availability."""
        week = await self._services.call(self._trainees.availability, req, named(trainee_id))
        render(req, resp, week)

    @operation(
        summary="Replace one's own week",
        who="trainee",
        command=SetAvailability,
        answer=AvailabilityView,
        errors=(*_CHANGES, AvailabilityOverlap),
        if_match=True,
        trusted=("coach_id",),
    )
    async def on_put_availability(self, req: Request, resp: Response, trainee_id: SelfOrId) -> None:
        """PUT /trainees/{trainee_id}/availability."""
        command = await parse(req, SetAvailability, trainee_id=named(trainee_id), coach_id=None)
        week = await self._services.call(self._trainees.set_availability, req, command)
        render(req, resp, week)

    @operation(summary="List what one lets coaches see", who="trainee", answer=GrantPage, errors=(Forbidden, NotFound))
    async def on_get_grants(self, req: Request, resp: Response, trainee_id: SelfOrId) -> None:
        """GET /trainees/{trainee_id}/grants."""
        grants = await self._services.call(self._trainees.grants, req, named(trainee_id))
        render(req, resp, grants)

    @operation(
        summary="Let one's coach see something more",
        who="trainee",
        command=GiveGrant,
        answer=GrantView,
        status=201,
        errors=(Forbidden, NotFound, GrantNoMatch),
    )
    async def on_post_grants(self, req: Request, resp: Response, trainee_id: SelfOrId) -> None:
        """POST /trainees/{trainee_id}/grants."""
        command = await parse(req, GiveGrant, trainee_id=named(trainee_id))
        grant = await self._services.call(self._trainees.grant, req, command)
        render(req, resp, grant)

    @operation(summary="Take a grant back", who="trainee", status=204, errors=(Forbidden, NotFound))
    async def on_delete_grant(self, req: Request, resp: Response, trainee_id: SelfOrId, grant_id: UUID) -> None:
        """DELETE /trainees/{trainee_id}/grants/{grant_id}."""
        await self._services.call(self._trainees.revoke, req, grant_id, named(trainee_id))
        render(req, resp, None)
