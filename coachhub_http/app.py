"""
The REST interface as an ASGI application, for gunicorn, uvicorn, hypercorn, granian, or inside a bigger one.

All routes stand here in one table; what each does is said above its responder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import falcon.asgi
import msgspec
from falcon.asgi import Response

from coachhub_core.services.units import Replayed
from coachhub_http import errors
from coachhub_http.context import Context, Request
from coachhub_http.edge import Edge, Observe, Receive, Scope, Send
from coachhub_http.media import render_bytes
from coachhub_http.metrics import Metrics
from coachhub_http.middleware import Gate
from coachhub_http.openapi import document
from coachhub_http.operations import IdConverter, Route, SelfOrIdConverter
from coachhub_http.phase import Phase
from coachhub_http.pool import Pool
from coachhub_http.problems import JSON
from coachhub_http.resources.accounts import Accounts
from coachhub_http.resources.admin import Admin
from coachhub_http.resources.analytics import Analytics
from coachhub_http.resources.assignments import Assignments, Calendar
from coachhub_http.resources.chat import Chat
from coachhub_http.resources.coaches import Coaches
from coachhub_http.resources.cohorts import Cohorts
from coachhub_http.resources.exercises import Exercises
from coachhub_http.resources.health import Operations
from coachhub_http.resources.matches import Matches
from coachhub_http.resources.notifications import Notifications
from coachhub_http.resources.own_data import OwnData
from coachhub_http.resources.plans import Plans
from coachhub_http.resources.reviews import Reviews
from coachhub_http.resources.suggestions import Suggestions
from coachhub_http.resources.trainees import Trainees
from coachhub_http.resources.workouts import Workouts
from coachhub_http.services import Services

if TYPE_CHECKING:
    from coachhub_core.bootstrap import CoachHub


def routes_of(services: Services, operations: Operations) -> tuple[Route, ...]:
    """Return every address there is."""
    accounts, own_data, admin = Accounts(services), OwnData(services), Admin(services)
    coaches, trainees, suggestions = Coaches(services), Trainees(services), Suggestions(services)
    cohorts, matches, reviews = Cohorts(services), Matches(services), Reviews(services)
    chat, notifications = Chat(services), Notifications(services)
    exercises, plans, workouts = Exercises(services), Plans(services), Workouts(services)
    assignments, calendar, analytics = Assignments(services), Calendar(services), Analytics(services)
    return (
        Route("/health", operations),
        Route("/health/live", operations, "live"),
        Route("/health/ready", operations, "ready"),
        Route("/metrics", operations, "metrics"),
        Route("/api/openapi.json", operations, "document"),
        Route("/api/auth/register", accounts, "register"),
        Route("/api/auth/login", accounts, "login"),
        Route("/api/auth/refresh", accounts, "refresh"),
        Route("/api/auth/logout", accounts, "logout"),
        Route("/api/auth/sessions", accounts, "sessions"),
        Route("/api/auth/sessions/{session_id:id}", accounts, "session"),
        Route("/api/auth/password", accounts, "password"),
        Route("/api/accounts/me", accounts, "me"),
        Route("/api/accounts/me/exports", own_data),
        Route("/api/accounts/me/exports/{export_id:id}", own_data, "one"),
        Route("/api/accounts/me/erasure", own_data, "erasure"),
        Route("/api/coaches", coaches),
        Route("/api/coaches/match", suggestions),
        Route("/api/coaches/me/roster", analytics, "roster"),
        Route("/api/coaches/me/attention", analytics, "attention"),
        Route("/api/coaches/{coach_id:self_or_id}", coaches, "one"),
        Route("/api/coaches/{coach_id:self_or_id}/availability", coaches, "availability"),
        Route("/api/coaches/{coach_id:self_or_id}/certifications", coaches, "certifications"),
        Route("/api/coaches/{coach_id:self_or_id}/certifications/{certification_id:id}", coaches, "certification"),
        Route("/api/coaches/{coach_id:self_or_id}/reviews", coaches, "reviews"),
        Route("/api/suggestions/{set_id:id}", suggestions, "one"),
        Route("/api/suggestions/{set_id:id}/outcomes", suggestions, "outcomes"),
        Route("/api/cohort-runs", cohorts),
        Route("/api/cohort-runs/{run_id:id}", cohorts, "one"),
        Route("/api/cohort-runs/{run_id:id}/placements", cohorts, "placements"),
        Route("/api/cohort-runs/{run_id:id}/apply", cohorts, "apply"),
        Route("/api/cohort-runs/{run_id:id}/stop", cohorts, "stop"),
        Route("/api/cohort-runs/{run_id:id}/resume", cohorts, "resume"),
        Route("/api/trainees/{trainee_id:self_or_id}", trainees),
        Route("/api/trainees/{trainee_id:self_or_id}/goals", trainees, "goals"),
        Route("/api/trainees/{trainee_id:self_or_id}/constraints", trainees, "constraints"),
        Route("/api/trainees/{trainee_id:self_or_id}/thresholds", trainees, "thresholds"),
        Route("/api/trainees/{trainee_id:self_or_id}/availability", trainees, "availability"),
        Route("/api/trainees/{trainee_id:self_or_id}/grants", trainees, "grants"),
        Route("/api/trainees/{trainee_id:self_or_id}/grants/{grant_id:id}", trainees, "grant"),
        Route("/api/trainees/{trainee_id:self_or_id}/calendar", calendar),
        Route("/api/trainees/{trainee_id:self_or_id}/adherence", workouts, "adherence"),
        Route("/api/exercises", exercises),
        Route("/api/exercises/{exercise_id:id}", exercises, "one"),
        Route("/api/plans", plans),
        Route("/api/plans/{plan_id:id}", plans, "one"),
        Route("/api/plans/{plan_id:id}/publish", plans, "publish"),
        Route("/api/plans/{plan_id:id}/restore", plans, "restore"),
        Route("/api/plans/{plan_id:id}/copy", plans, "copy"),
        Route("/api/plans/{plan_id:id}/archive", plans, "archive"),
        Route("/api/plans/{plan_id:id}/unarchive", plans, "unarchive"),
        Route("/api/plans/{plan_id:id}/versions", plans, "versions"),
        Route("/api/plans/{plan_id:id}/versions/{number:int}", plans, "version"),
        Route("/api/plans/{plan_id:id}/diff", plans, "diff"),
        Route("/api/assignments", assignments),
        Route("/api/assignments/{assignment_id:id}", assignments, "one"),
        Route("/api/assignments/{assignment_id:id}/upgrade", assignments, "upgrade"),
        Route("/api/assignments/{assignment_id:id}/pause", assignments, "pause"),
        Route("/api/assignments/{assignment_id:id}/resume", assignments, "resume"),
        Route("/api/assignments/{assignment_id:id}/cancel", assignments, "cancel"),
        Route("/api/scheduled-workouts/{scheduled_workout_id:id}", calendar, "one"),
        Route("/api/scheduled-workouts/{scheduled_workout_id:id}/skip", calendar, "skip"),
        Route("/api/workouts", workouts),
        Route("/api/workouts/{workout_id:id}", workouts, "one"),
        Route("/api/workouts/{workout_id:id}/revisions", workouts, "revisions"),
        Route("/api/matches", matches),
        Route("/api/matches/{match_id:id}", matches, "one"),
        Route("/api/matches/{match_id:id}/events", matches, "events"),
        Route("/api/matches/{match_id:id}/accept", matches, "accept"),
        Route("/api/matches/{match_id:id}/decline", matches, "decline"),
        Route("/api/matches/{match_id:id}/withdraw", matches, "withdraw"),
        Route("/api/matches/{match_id:id}/pause", matches, "pause"),
        Route("/api/matches/{match_id:id}/resume", matches, "resume"),
        Route("/api/matches/{match_id:id}/complete", matches, "complete"),
        Route("/api/matches/{match_id:id}/end", matches, "end"),
        Route("/api/matches/{match_id:id}/reviews", matches, "reviews"),
        Route("/api/reviews/{review_id:id}", reviews, "one"),
        Route("/api/conversations", chat),
        Route("/api/conversations/{conversation_id:id}/messages", chat, "messages"),
        Route("/api/conversations/{conversation_id:id}/messages/{seq:int}", chat, "message"),
        Route("/api/conversations/{conversation_id:id}/read", chat, "read"),
        Route("/api/notifications", notifications),
        Route("/api/notifications/read", notifications, "read"),
        Route("/api/admin/accounts", admin, "accounts"),
        Route("/api/admin/accounts/{account_id:id}/suspend", admin, "suspend"),
        Route("/api/admin/accounts/{account_id:id}/reinstate", admin, "reinstate"),
        Route("/api/admin/audit", admin, "audit"),
        Route("/api/admin/backups", admin, "backups"),
        Route("/api/admin/backups/{backup_id:id}/verify", admin, "verify"),
        Route("/api/admin/search/reindex", admin, "reindex"),
        Route("/api/admin/plugins", admin, "plugins"),
    )


class RestApp:
    """
    An ASGI application around a hub.

    It closes its threads, not the hub, at the end of the lifespan or by :meth:`close`.
    """

    def __init__(self, hub: CoachHub, *, phase: Phase, observe: Observe | None) -> None:
        http = hub.settings.http
        work = Pool("work", threads=http.threads, waiting=http.waiting, seconds=http.request_seconds)
        hashing = Pool(
            "hashing",
            threads=os.cpu_count() or 1,
            waiting=hub.settings.auth.hashing_waiting,
            seconds=http.request_seconds,
        )
        self.phase = phase
        self._prober = hub.prober
        self._pools = (work, hashing)
        self._metrics = Metrics(self._pools, hub.prober)
        self._log = observe
        services = Services(hub, work, hashing)
        operations = Operations(services, phase, self._metrics)
        self.routes = routes_of(services, operations)
        self.document = document(self.routes)
        operations.document = msgspec.json.encode(self.document)
        app = falcon.asgi.App(media_type=JSON, request_type=Request)
        app.add_middleware(Gate(hub.settings, hub.tokens.verify, hub.clock))
        app.add_middleware(_Lifespan(self))
        app.req_options.keep_blank_qs_values = True
        app.router_options.converters["id"] = IdConverter
        app.router_options.converters["self_or_id"] = SelfOrIdConverter
        for route in self.routes:
            app.add_route(route.path, route.resource, suffix=route.suffix)
        errors.install(app)
        app.add_error_handler(Replayed, _replay)
        self._edge = Edge(app, self._observe, body_seconds=http.body_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        await self._edge(scope, receive, send)

    async def watch(self) -> None:
        """Begin to watch the neighbours, after a first look: /health must not ask them itself, on the loop."""
        await self._pools[0].call(self._prober.ask_once)
        self._prober.start()

    def close(self) -> None:
        """End the threads."""
        for pool in self._pools:
            pool.close()

    def _observe(self, context: Context, method: str, status: int, seconds: float) -> None:
        self._metrics(context, method, status, seconds)
        if self._log is not None:
            self._log(context, method, status, seconds)


def create_app(hub: CoachHub, *, phase: Phase | None = None, observe: Observe | None = None) -> RestApp:
    """
    Return the REST interface of *hub*.

    Args:
        phase: Where the server is in its life; ready at once by default.
        observe: Told of each answer, such as a :class:`~coachhub_http.logs.RequestLog`.
    """
    return RestApp(hub, phase=phase or Phase(is_started=True), observe=observe)


class _Lifespan:
    """What an application does at its beginning and end, under any server."""

    def __init__(self, app: RestApp) -> None:
        self._app = app

    async def process_startup(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        await self._app.watch()

    async def process_shutdown(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        self._app.close()


async def _replay(req: Request, resp: Response, exc: Replayed, params: dict[str, Any]) -> None:
    """Answer what was answered before: the same status, the same bytes, the same ETag."""
    told = req.context.operation
    resp.status = told.status if told is not None else 200
    resp.set_header("Cache-Control", "no-store")
    render_bytes(req, resp, exc.view)
