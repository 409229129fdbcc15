"""
Refusals become answers: one table from class to status, one body for all.

The body is RFC 9457 and the original's ``{"error": {"message", "code"}}`` in
one, so a client may read either. What is not a refusal is a fault of ours: it
is logged whole and answered with one sentence that says nothing.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import attrs
import falcon
from falcon.asgi import Response

from coachhub_core import errors as e
from coachhub_http.context import Request
from coachhub_http.problems import JSON, PROBLEM_JSON, plain_problem, problem

log = logging.getLogger(__name__)


# ── what only HTTP refuses ──────────────────────────────────────────────────


@attrs.define(kw_only=True)
class TokenInUrl(e.BadRequest):
    """Raised when an access token stands in the URL, where logs and histories keep it."""

    code: ClassVar[str] = "token_in_url"
    reason: str = (
        "an access token must not stand in a URL; send it as Authorization: Bearer, and log out: it has leaked"
    )


@attrs.define(kw_only=True)
class MethodNotAllowed(e.Refusal):
    """Raised when an address exists and does not take this method; ``allowed`` names those it takes."""

    code: ClassVar[str] = "method_not_allowed"
    allowed: tuple[str, ...]

    def __str__(self) -> str:
        return f"this address takes {', '.join(self.allowed)}"


@attrs.define(kw_only=True)
class NotAcceptable(e.Refusal):
    """Raised when the client accepts nothing that is written here."""

    code: ClassVar[str] = "not_acceptable"

    def __str__(self) -> str:
        return "answers are application/json; the Accept header excludes it"


@attrs.define(kw_only=True)
class RequestTimeout(e.Refusal):
    """Raised when a head or a body takes longer than its time to arrive."""

    code: ClassVar[str] = "request_timeout"
    seconds: float

    def __str__(self) -> str:
        return f"the request did not arrive within {self.seconds:g} s"


@attrs.define(kw_only=True)
class UnsupportedMediaType(e.Refusal):
    """Raised for a body that is not JSON: forms can be sent across sites without asking."""

    code: ClassVar[str] = "unsupported_media_type"
    reason: str = "the body must be application/json in UTF-8, not compressed"

    def __str__(self) -> str:
        return self.reason


STATUSES: Final[Mapping[type[e.CoachHubError], int]] = {
    e.BadRequest: 400,
    e.IdempotencyKeyRequired: 400,
    e.Unauthorized: 401,
    e.Forbidden: 403,
    e.NotFound: 404,
    MethodNotAllowed: 405,
    NotAcceptable: 406,
    RequestTimeout: 408,
    e.Conflict: 409,
    e.VersionMismatch: 412,
    e.TooLarge: 413,
    UnsupportedMediaType: 415,
    e.Invalid: 422,
    e.IdempotencyKeyReused: 422,
    e.BackupError: 422,
    e.IfMatchRequired: 428,
    e.RateLimited: 429,
    e.Unavailable: 503,
    e.Overloaded: 503,
}
"""A class has the status of its nearest ancestor in here; any other error is a 500 without a detail."""


def status_of(error: type[BaseException]) -> int:
    """Return the HTTP status of an error class, 500 for what is no refusal."""
    for ancestor in error.__mro__:
        if (status := STATUSES.get(ancestor)) is not None:
            return status
    return 500


def title_of(error: type[BaseException]) -> str:
    """Return a short title, the same for every occurrence: the class's name in words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", error.__name__).capitalize()


# ── into Falcon ─────────────────────────────────────────────────────────────


def _media_type(req: Request) -> str:
    accept = req.context.headers.get(b"accept", b"")
    return PROBLEM_JSON if PROBLEM_JSON.encode() in accept else JSON


def _answer(req: Request, resp: Response, status: int, body: bytes) -> None:
    req.context.route = req.uri_template  # also where no responder was reached
    resp.status = status
    resp.data = body
    resp.content_type = _media_type(req)
    resp.set_header("Cache-Control", "no-store")
    if status == 401:
        resp.set_header("WWW-Authenticate", 'Bearer realm="CoachHub"')


def _whole_seconds(seconds: float) -> str:
    return str(max(1, math.ceil(seconds)))


async def refuse(req: Request, resp: Response, exc: e.CoachHubError, params: Mapping[str, Any]) -> None:
    """Answer an error of ours."""
    status = status_of(type(exc))
    if status == 500:
        await fail(req, resp, exc, params)
        return
    context = req.context
    more: dict[str, Any] = {}
    if isinstance(exc, e.Invalid):
        more["errors"] = [{"pointer": f.pointer, "code": f.code, "message": f.message} for f in exc.errors]
    if isinstance(exc, e.Conflict):
        more["state"] = exc.state
        more["allowed"] = list(exc.allowed) or None
    body = problem(
        status,
        exc.code,
        str(exc),
        title=title_of(type(exc)),
        instance=req.path,
        request_id=context.request_id,
        **more,
    )
    _answer(req, resp, status, body)
    context.error_code = exc.code
    if isinstance(exc, e.RateLimited | e.Unavailable | e.Overloaded):
        resp.set_header("Retry-After", _whole_seconds(exc.retry_after_seconds))
    if isinstance(exc, MethodNotAllowed):
        resp.set_header("Allow", ", ".join(exc.allowed))


async def refuse_http(req: Request, resp: Response, exc: falcon.HTTPError, params: Mapping[str, Any]) -> None:
    """Answer what Falcon itself refuses: an address or a method that is not there."""
    if isinstance(exc, falcon.HTTPMethodNotAllowed):
        allow = dict(exc.headers or ()).get("Allow", "")
        methods = [name for name in allow.split(", ") if name]
        if "GET" in methods:
            methods.insert(methods.index("GET") + 1, "HEAD")
        await refuse(req, resp, MethodNotAllowed(allowed=tuple(methods)), params)
        return
    status = exc.status_code
    if status == 404:
        await refuse(req, resp, e.NotFound(kind="address"), params)
    elif 400 <= status < 500:
        await refuse(req, resp, e.BadRequest(reason="the request cannot be read"), params)
    else:
        await fail(req, resp, exc, params)


async def fail(req: Request, resp: Response, exc: Exception, params: Mapping[str, Any]) -> None:
    """Answer what should not have happened: all of it into the log, none of it to the client."""
    log.error("request failed: %s", type(exc).__name__, exc_info=exc)
    _answer(req, resp, 500, plain_problem(500, instance=req.path, request_id=req.context.request_id))
    req.context.error_code = "internal"


def install(app: falcon.asgi.App[Request, Response]) -> None:
    """Let *app* answer every error in this module's way."""
    app.add_error_handler(e.CoachHubError, refuse)
    app.add_error_handler(falcon.HTTPError, refuse_http)
    app.add_error_handler(Exception, fail)
