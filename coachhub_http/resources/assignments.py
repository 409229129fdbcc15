"""Assignments and the calendar over REST: plans on a trainee's days; part of the room *plans*."""

from __future__ import annotations

from uuid import UUID

from falcon.asgi import Response

from coachhub_core.domain.assignments import (
    AssignmentPage,
    AssignmentView,
    AssignPlan,
    CancelAssignment,
    ChangeAssignment,
    ListAssignments,
    PauseAssignment,
    ResumeAssignment,
    UpgradeAssignment,
)
from coachhub_core.domain.schedule import CalendarView, ReadCalendar, ScheduledWorkoutView, SkipWorkout
from coachhub_core.errors import (
    AlreadyLogged,
    AssignmentIllegalTransition,
    AssignmentWindowOverlap,
    Forbidden,
    GrantMissing,
    MatchNotActive,
    NotFound,
    OverrideConflict,
    PlanIllegalTransition,
    ScheduledWorkoutIllegalTransition,
    VersionMismatch,
)
from coachhub_http.context import Request
from coachhub_http.media import parse, parse_query, render
from coachhub_http.operations import SelfOrId, named, operation
from coachhub_http.services import Services

_COACH = (Forbidden, NotFound, MatchNotActive, AssignmentIllegalTransition)


class Assignments:
    """``/api/assignments``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._assignments = services.hub.assignments

    @operation(
        summary="Put a plan on a trainee's calendar",
        who="coach of an active match",
        command=AssignPlan,
        answer=AssignmentView,
        status=201,
        errors=(Forbidden, NotFound, MatchNotActive, AssignmentWindowOverlap, PlanIllegalTransition),
        keys="required",
        location="/api/assignments/{id}",
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        """POST /assignments."""
        command = await parse(req, AssignPlan)
        assignment = await self._services.call(self._assignments.assign, req, command)
        render(req, resp, assignment)

    @operation(
        summary="List assignments",
        who="coach; trainee (own)",
        query=ListAssignments,
        answer=AssignmentPage,
        errors=(Forbidden, NotFound, GrantMissing),
    )
    async def on_get(self, req: Request, resp: Response) -> None:
        """GET /assignments."""
        query = parse_query(req, ListAssignments)
        page = await self._services.call(self._assignments.list, req, query)
        render(req, resp, page)

    @operation(
        summary="Read an assignment", who="coach; trainee", answer=AssignmentView, errors=(NotFound, GrantMissing)
    )
    async def on_get_one(self, req: Request, resp: Response, assignment_id: UUID) -> None:
        """GET /assignments/{assignment_id}."""
        assignment = await self._services.call(self._assignments.get, req, assignment_id)
        render(req, resp, assignment)

    @operation(
        summary="Replace the personal changes; days to come follow",
        who="coach",
        command=ChangeAssignment,
        answer=AssignmentView,
        errors=(*_COACH, VersionMismatch),
        if_match=True,
    )
    async def on_patch_one(self, req: Request, resp: Response, assignment_id: UUID) -> None:
        """PATCH /assignments/{assignment_id}."""
        command = await parse(req, ChangeAssignment, assignment_id=assignment_id)
        assignment = await self._services.call(self._assignments.change, req, command)
        render(req, resp, assignment)

    @operation(
        summary="Move a running assignment to a newer version",
        who="coach",
        command=UpgradeAssignment,
        answer=AssignmentView,
        errors=(*_COACH, OverrideConflict, AssignmentWindowOverlap),
    )
    async def on_post_upgrade(self, req: Request, resp: Response, assignment_id: UUID) -> None:
        """POST /assignments/{assignment_id}/upgrade."""
        command = await parse(req, UpgradeAssignment, assignment_id=assignment_id)
        assignment = await self._services.call(self._assignments.upgrade, req, command)
        render(req, resp, assignment)

    @operation(
        summary="Stop for a while; nothing is missed meanwhile",
        who="coach",
        command=PauseAssignment,
        answer=AssignmentView,
        errors=_COACH,
    )
    async def on_post_pause(self, req: Request, resp: Response, assignment_id: UUID) -> None:
        """POST /assignments/{assignment_id}/pause."""
        command = await parse(req, PauseAssignment, assignment_id=assignment_id)
        assignment = await self._services.call(self._assignments.pause, req, command)
        render(req, resp, assignment)

    @operation(
        summary="Go on; the days left move by the length of the pause",
        who="coach",
        command=ResumeAssignment,
        answer=AssignmentView,
        errors=(*_COACH, AssignmentWindowOverlap),
    )
    async def on_post_resume(self, req: Request, resp: Response, assignment_id: UUID) -> None:
        """POST /assignments/{assignment_id}/resume."""
        command = await parse(req, ResumeAssignment, assignment_id=assignment_id)
        assignment = await self._services.call(self._assignments.resume, req, command)
        render(req, resp, assignment)

    @operation(
        summary="Take a plan off the calendar; what was logged stays",
        who="coach",
        command=CancelAssignment,
        answer=AssignmentView,
        errors=_COACH,
    )
    async def on_post_cancel(self, req: Request, resp: Response, assignment_id: UUID) -> None:
        """POST /assignments/{assignment_id}/cancel."""
        command = await parse(req, CancelAssignment, assignment_id=assignment_id)
        assignment = await self._services.call(self._assignments.cancel, req, command)
        render(req, resp, assignment)


class Calendar:
    """``/api/scheduled-workouts`` and a trainee's days."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._calendar = services.hub.calendar

    @operation(
        summary="Read a trainee's days",
        who="self, grant plan",
        query=ReadCalendar,
        answer=CalendarView,
        errors=(Forbidden, NotFound, GrantMissing),
    )
    async def on_get(self, req: Request, resp: Response, trainee_id: SelfOrId) -> None:
        """GET /trainees/{trainee_id}/calendar."""
        query = parse_query(req, ReadCalendar, trainee_id=named(trainee_id))
        calendar = await self._services.call(self._calendar.read, req, query)
        render(req, resp, calendar)

    @operation(
        summary="Read one day with what it asks for",
        who="self, grant plan",
        answer=ScheduledWorkoutView,
        errors=(NotFound, GrantMissing),
    )
    async def on_get_one(self, req: Request, resp: Response, scheduled_workout_id: UUID) -> None:
        """GET /scheduled-workouts/{scheduled_workout_id}."""
        day = await self._services.call(self._calendar.get, req, scheduled_workout_id)
        render(req, resp, day)

    @operation(
        summary="Say that one will not, or did not, do a workout",
        who="trainee",
        command=SkipWorkout,
        answer=ScheduledWorkoutView,
        errors=(Forbidden, NotFound, AlreadyLogged, ScheduledWorkoutIllegalTransition),
    )
    async def on_post_skip(self, req: Request, resp: Response, scheduled_workout_id: UUID) -> None:
        """POST /scheduled-workouts/{scheduled_workout_id}/skip."""
        command = await parse(req, SkipWorkout, scheduled_workout_id=scheduled_workout_id)
        day = await self._services.call(self._calendar.skip, req, command)
        render(req, resp, day)
