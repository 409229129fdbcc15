"""The room *coaches* over REST: profiles, weeks, certifications; the list and the search."""

from __future__ import annotations

from uuid import UUID

from falcon.asgi import Response

from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.coaches import (
    AddCertification,
    AvailabilityView,
    ChangeCoach,
    CoachPage,
    CoachView,
    CreateCoach,
    FindCoaches,
    RemoveCertification,
    SetAvailability,
)
from coachhub_core.domain.reviews import ListReviews, ReviewPage
from coachhub_core.errors import (
    AvailabilityOverlap,
    CapacityBelowActive,
    CoachProfileExists,
    Conflict,
    Forbidden,
    NotFound,
    Unauthorized,
    VersionMismatch,
)
from coachhub_core.services.copies import Copy
from coachhub_http.context import Request
from coachhub_http.media import parse, parse_query, render, render_copy
from coachhub_http.operations import SelfOrId, named, operation
from coachhub_http.services import Services


class Coaches:
    """``/api/coaches``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._coaches = services.hub.coaches
        self._reviews = services.hub.reviews

    @operation(
        summary="Find coaches by words and filters",
        who="anyone",
        query=FindCoaches,
        answer=CoachPage,
        errors=(Unauthorized,),
        is_public=True,
    )
    async def on_get(self, req: Request, resp: Response) -> None:
        """GET /coaches."""
        asked = req.query_string
        copy = None
        if self._services.may_get_copy(req.context):
            copy = self._coaches.peek_found(asked, is_away=self._services.is_database_away())
        if copy is None:
            query = parse_query(req, FindCoaches)
            copy = await self._services.call(self._find, req, asked, query)
        render_copy(req, resp, copy, is_list=True)

    def _find(self, actor: Actor | None, asked: str, query: FindCoaches) -> Copy:
        return self._coaches.find_written(asked, query, actor)

    @operation(
        summary="Make a coach profile",
        who="coach, admin",
        command=CreateCoach,
        answer=CoachView,
        status=201,
        errors=(Forbidden, CoachProfileExists),
        location="/api/coaches/{id}",
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        """POST /coaches."""
        command = await parse(req, CreateCoach)
        coach = await self._services.call(self._coaches.create, req, command)
        render(req, resp, coach)

    @operation(
        summary="Read a coach",
        who="anyone",
        answer=CoachView,
        errors=(NotFound, Unauthorized, Forbidden),
        is_public=True,
    )
    async def on_get_one(self, req: Request, resp: Response, coach_id: SelfOrId) -> None:
        """GET /coaches/{coach_id}."""
        id = named(coach_id)
        copy = None
        if id is not None and self._services.may_get_copy(req.context):
            copy = self._coaches.peek(id, is_away=self._services.is_database_away())
        if copy is None:
            copy = await self._services.call(self._show, req, id)
        render_copy(req, resp, copy)

    def _show(self, actor: Actor | None, coach_id: UUID | None) -> Copy:
        return self._coaches.show(coach_id, actor)

    @operation(
        summary="Change a coach's profile; absent members stay",
        who="self, admin",
        command=ChangeCoach,
        answer=CoachView,
        errors=(NotFound, Forbidden, CapacityBelowActive, VersionMismatch),
        if_match=True,
    )
    async def on_patch_one(self, req: Request, resp: Response, coach_id: SelfOrId) -> None:
        """PATCH /coaches/{coach_id}."""
        command = await parse(req, ChangeCoach, coach_id=named(coach_id))
        coach = await self._services.call(self._coaches.change, req, command)
        render(req, resp, coach)

    @operation(
        summary="Read a coach's week",
        who="anyone",
        answer=AvailabilityView,
        errors=(NotFound, Unauthorized, Forbidden),
        is_public=True,
    )
    async def on_get_availability(self, req: Request, resp: Response, coach_id: SelfOrId) -> None:
        """GET /coaches/{coach_id}/availability."""
        week = await self._services.call(self._week, req, named(coach_id))
        render(req, resp, week)

    def _week(self, actor: Actor | None, coach_id: UUID | None) -> AvailabilityView:
        return self._coaches.availability(coach_id, actor)

    @operation(
        summary="Replace a coach's week",
        who="self, admin",
        command=SetAvailability,
        answer=AvailabilityView,
        errors=(NotFound, Forbidden, AvailabilityOverlap, VersionMismatch),
        if_match=True,
    )
    async def on_put_availability(self, req: Request, resp: Response, coach_id: SelfOrId) -> None:
        """PUT /coaches/{coach_id}/availability."""
        command = await parse(req, SetAvailability, coach_id=named(coach_id))
        week = await self._services.call(self._coaches.set_availability, req, command)
        render(req, resp, week)

    @operation(
        summary="Claim a certification",
        who="self, admin",
        command=AddCertification,
        answer=CoachView,
        status=201,
        errors=(NotFound, Forbidden, Conflict),
    )
    async def on_post_certifications(self, req: Request, resp: Response, coach_id: SelfOrId) -> None:
        """POST /coaches/{coach_id}/certifications."""
        command = await parse(req, AddCertification, coach_id=named(coach_id))
        coach = await self._services.call(self._coaches.add_certification, req, command)
        render(req, resp, coach)

    @operation(
        summary="Take a certification back",
        who="self, admin",
        answer=CoachView,
        errors=(NotFound, Forbidden),
    )
    async def on_delete_certification(
        self, req: Request, resp: Response, coach_id: SelfOrId, certification_id: UUID
    ) -> None:
        """DELETE /coaches/{coach_id}/certifications/{certification_id}."""
        command = RemoveCertification(coach_id=named(coach_id), certification_id=certification_id)
        coach = await self._services.call(self._coaches.remove_certification, req, command)
        render(req, resp, coach)

    @operation(
        summary="Read what trainees thought of a coach",
        who="anyone",
        query=ListReviews,
        answer=ReviewPage,
        errors=(NotFound, Unauthorized, Forbidden),
        is_public=True,
    )
    async def on_get_reviews(self, req: Request, resp: Response, coach_id: SelfOrId) -> None:
        """GET /coaches/{coach_id}/reviews."""
        query = parse_query(req, ListReviews, coach_id=named(coach_id))
        page = await self._services.call(self._reviewed, req, query)
        render(req, resp, page)

    def _reviewed(self, actor: Actor | None, query: ListReviews) -> ReviewPage:
        return self._reviews.of_coach(query, actor)
