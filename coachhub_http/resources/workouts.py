"""The room *workouts* over REST: what really happened, and how much of what was asked for it was."""

from __future__ import annotations

from uuid import UUID

from falcon.asgi import Response

from coachhub_core.domain.adherence import AdherenceView, ReadAdherence
from coachhub_core.domain.workouts import (
    CorrectWorkout,
    DeleteWorkout,
    ListWorkouts,
    LogWorkout,
    WorkoutPage,
    WorkoutRevisionPage,
    WorkoutView,
)
from coachhub_core.errors import (
    AlreadyFulfilled,
    Forbidden,
    GrantMissing,
    NotFound,
    VersionMismatch,
    WorkoutIdReused,
)
from coachhub_http.context import Request
from coachhub_http.media import expected_version, parse, parse_query, render
from coachhub_http.operations import SelfOrId, named, operation
from coachhub_http.services import Services

_READS = (Forbidden, NotFound, GrantMissing)


class Workouts:
    """``/api/workouts`` and a trainee's adherence."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._workouts = services.hub.workouts

    @operation(
        summary="Log a workout under an id made by the device; sent again it changes nothing",
        who="trainee",
        command=LogWorkout,
        answer=WorkoutView,
        status=201,
        again=200,
        errors=(Forbidden, WorkoutIdReused, AlreadyFulfilled),
        keys="never",
        location="/api/workouts/{id}",
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        """POST /workouts."""
        command = await parse(req, LogWorkout)
        workout, is_new = await self._services.call(self._workouts.log, req, command)
        resp.status = 201 if is_new else 200
        render(req, resp, workout)

    @operation(
        summary="List workouts by their local day, newest first",
        who="self, grant logs",
        query=ListWorkouts,
        answer=WorkoutPage,
        errors=_READS,
    )
    async def on_get(self, req: Request, resp: Response) -> None:
        """GET /workouts."""
        query = parse_query(req, ListWorkouts)
        page = await self._services.call(self._workouts.list, req, query)
        render(req, resp, page)

    @operation(summary="Read a workout", who="self, grant logs", answer=WorkoutView, errors=_READS)
    async def on_get_one(self, req: Request, resp: Response, workout_id: UUID) -> None:
        """GET /workouts/{workout_id}."""
        workout = await self._services.call(self._workouts.get, req, workout_id)
        render(req, resp, workout)

    @operation(
        summary="Replace what a workout says; what it said before is kept",
        who="trainee",
        command=CorrectWorkout,
        answer=WorkoutView,
        errors=(Forbidden, NotFound, VersionMismatch),
        if_match=True,
    )
    async def on_put_one(self, req: Request, resp: Response, workout_id: UUID) -> None:
        """PUT /workouts/{workout_id}."""
        command = await parse(req, CorrectWorkout, workout_id=workout_id)
        workout = await self._services.call(self._workouts.correct, req, command)
        render(req, resp, workout)

    @operation(
        summary="Take a workout back; its day is due or missed again",
        who="trainee",
        status=204,
        errors=(Forbidden, NotFound, VersionMismatch),
        if_match=True,
    )
    async def on_delete_one(self, req: Request, resp: Response, workout_id: UUID) -> None:
        """DELETE /workouts/{workout_id}."""
        command = DeleteWorkout(workout_id=workout_id, expected_version=expected_version(req.context))
        await self._services.call(self._workouts.delete, req, command)
        render(req, resp, None)

    @operation(
        summary="Read what a workout said before its corrections",
        who="self, grant logs",
        answer=WorkoutRevisionPage,
        errors=_READS,
    )
    async def on_get_revisions(self, req: Request, resp: Response, workout_id: UUID) -> None:
        """GET /workouts/{workout_id}/revisions."""
        page = await self._services.call(self._workouts.revisions, req, workout_id)
        render(req, resp, page)

    @operation(
        summary="Read how much of what was asked for was done",
        who="self, grant logs",
        query=ReadAdherence,
        answer=AdherenceView,
        errors=_READS,
    )
    async def on_get_adherence(self, req: Request, resp: Response, trainee_id: SelfOrId) -> None:
        """GET /trainees/{trainee_id}/adherence."""
        query = parse_query(req, ReadAdherence, trainee_id=named(trainee_id))
        found = await self._services.call(self._workouts.adherence, req, query)
        render(req, resp, found)
