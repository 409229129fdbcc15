"""
The outermost layer: what holds for every answer, whatever happened inside.

Plain ASGI around Falcon's application. It gives Falcon the head of a request at
once (Falcon would wait for the first piece of the body, and so could refuse
nothing before it), answers HEAD as GET without the body, adds the headers that
every answer carries, and has the last word when all else failed.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from coachhub_http.context import CONTEXT, RECEIVE, Context, current
from coachhub_http.problems import JSON, plain_problem

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Observe = Callable[[Context, str, int, float], None]

log = logging.getLogger(__name__)

STATIC_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"server", b"CoachHub"),  # whatever serves would otherwise name itself
)
"""What every answer carries."""

METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class Edge:
    """
    An ASGI application: CoachHub's REST interface.

    Args:
        app: What answers: Falcon's application.
        observe: Told of each answer: the context, the method, the status, the seconds it took.
        body_seconds: How long a body may take to arrive.
    """

    def __init__(self, app: ASGIApp, observe: Observe, *, body_seconds: float) -> None:
        self._app = app
        self._observe = observe
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        context = context_of(scope)
        context.body_seconds = self._body_seconds
        current.set(context)
        method: str = scope["method"]
        has_body = method != "HEAD"
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    *STATIC_HEADERS,
                    (b"x-request-id", context.request_id.encode()),
                ]
            elif not has_body:
                message["body"] = b""
            await send(message)

        try:
            if not scope["query_string"].isascii():
                status = 400
                await send_problem(send, 400, context, scope["path"], has_body=has_body)
            else:
                await self._app(_inner(scope, context, receive), _Head(receive), answer)
        except Exception as exc:
            log.error("a request failed outside of every handler: %s", type(exc).__name__, exc_info=exc)
            if status:  # half an answer is out: the server must cut the connection
                raise
            status = 500
            await send_problem(send, 500, context, scope["path"], has_body=has_body)
        finally:
            self._observe(context, method, status, time.perf_counter() - started)


def context_of(scope: Scope) -> Context:
    """Make the context of a request from its head; a request id that a proxy gave is kept."""
    headers = dict(scope["headers"])
    given = headers.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        context = Context(headers, given.decode())
    else:
        context = Context(headers, secrets.token_hex(12))
    parent = headers.get(b"traceparent")
    if parent is not None and (found := _TRACEPARENT.fullmatch(parent)) is not None:
        context.trace_id = found.group(1).decode()
    return context


def _inner(scope: Scope, context: Context, receive: Receive) -> Scope:
    method, path, root = scope["method"], scope["path"], scope.get("root_path", "")
    if method == "HEAD":
        method = "GET"
    elif method not in METHODS:
        method = "TRACE"  # which no resource takes: an unknown method is answered 405, with Allow, as that is
    if root and path.startswith(root):  # mounted in a bigger application
        path = path[len(root) :]
    return {**scope, "method": method, "path": path, CONTEXT: context, RECEIVE: receive}


class _Head:
    """The ``receive`` that Falcon gets: no body, so that it starts at once, and later whatever the server says."""

    __slots__ = ("_is_told", "_receive")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_told = False

    async def __call__(self) -> Message:
        if self._is_told:
            return await self._receive()
        self._is_told = True
        return {"type": "http.request", "body": b"", "more_body": False}


async def send_problem(
    send: Send,
    status: int,
    context: Context,
    path: str,
    *,
    has_body: bool = True,
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> None:
    """Answer an error without Falcon, in the one error body."""
    body = plain_problem(status, instance=path, request_id=context.request_id)
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", JSON.encode()),
                (b"content-length", str(len(body)).encode()),
                (b"cache-control", b"no-store"),
                (b"x-request-id", context.request_id.encode()),
                *headers,
                *STATIC_HEADERS,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body if has_body else b""})
