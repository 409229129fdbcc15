"""Exercises over REST: everyone's, and one's own; part of the room *plans*."""

from __future__ import annotations

from uuid import UUID

from falcon.asgi import Response

from coachhub_core.domain.exercises import (
    ChangeExercise,
    CreateExercise,
    DeleteExercise,
    ExercisePage,
    ExerciseView,
    ListExercises,
)
from coachhub_core.errors import ExerciseInUse, ExerciseSlugTaken, Forbidden, NotFound, VersionMismatch
from coachhub_http.context import Request
from coachhub_http.media import expected_version, parse, parse_query, render
from coachhub_http.operations import operation
from coachhub_http.services import Services


class Exercises:
    """``/api/exercises``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._exercises = services.hub.exercises

    @operation(summary="Find exercises", who="account", query=ListExercises, answer=ExercisePage)
    async def on_get(self, req: Request, resp: Response) -> None:
        """GET /exercises."""
        query = parse_query(req, ListExercises)
        page = await self._services.call(self._exercises.list, req, query)
        render(req, resp, page)

    @operation(
        summary="Add an exercise of one's own",
        who="coach, admin",
        command=CreateExercise,
        answer=ExerciseView,
        status=201,
        errors=(Forbidden, NotFound, ExerciseSlugTaken),
        location="/api/exercises/{id}",
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        """POST /exercises."""
        command = await parse(req, CreateExercise)
        exercise = await self._services.call(self._exercises.create, req, command)
        render(req, resp, exercise)

    @operation(summary="Read an exercise", who="account", answer=ExerciseView, errors=(NotFound,))
    async def on_get_one(self, req: Request, resp: Response, exercise_id: UUID) -> None:
        """GET /exercises/{exercise_id}."""
        exercise = await self._services.call(self._exercises.get, req, exercise_id)
        render(req, resp, exercise)

    @operation(
        summary="Change one's own exercise, or archive it; absent members stay",
        who="coach (own), admin",
        command=ChangeExercise,
        answer=ExerciseView,
        errors=(Forbidden, NotFound, VersionMismatch, ExerciseSlugTaken),
        if_match=True,
    )
    async def on_patch_one(self, req: Request, resp: Response, exercise_id: UUID) -> None:
        """PATCH /exercises/{exercise_id}."""
        command = await parse(req, ChangeExercise, exercise_id=exercise_id)
        exercise = await self._services.call(self._exercises.change, req, command)
        render(req, resp, exercise)

    @operation(
        summary="Delete one's own exercise that nothing refers to",
        who="coach (own), admin",
        status=204,
        errors=(Forbidden, NotFound, VersionMismatch, ExerciseInUse),
        if_match=True,
    )
    async def on_delete_one(self, req: Request, resp: Response, exercise_id: UUID) -> None:
        """DELETE /exercises/{exercise_id}."""
        command = DeleteExercise(exercise_id=exercise_id, expected_version=expected_version(req.context))
        await self._services.call(self._exercises.delete, req, command)
        render(req, resp, None)
