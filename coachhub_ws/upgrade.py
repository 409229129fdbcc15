"""
Before the upgrade: who may open a socket here, and the few plain HTTP answers of this port.

A refusal has REST's body. A token in the address is refused whatever else is
right with the request: addresses end in logs, histories and traces.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import ClassVar, Final
from urllib.parse import parse_qsl, urlsplit

import attrs
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from coachhub_core import wire
from coachhub_core.config import Settings
from coachhub_core.errors import (
    BadRequest,
    Forbidden,
    NotFound,
    Overloaded,
    RateLimited,
    Refusal,
    Unauthorized,
    Unavailable,
)
from coachhub_core.sources import Sources
from coachhub_ws.connection import ChatSocket
from coachhub_ws.effects import Admitted, Authenticate
from coachhub_ws.metrics import CONTENT_TYPE, Metrics
from coachhub_ws.node import Node
from coachhub_ws.phase import Phase

PATH: Final = "/ws/v1"
SUBPROTOCOL: Final = Subprotocol("coachhub.chat.v1")
BEARER: Final = "bearer."
_TOKEN_NAMES: Final = frozenset({"token", "access_token", "jwt", "authorization", "bearer"})
_STATUSES: Final = (
    (Unauthorized, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (RateLimited, 429),
    (Unavailable, 503),
    (Overloaded, 503),
)


@attrs.define(kw_only=True)
class TokenInUrl(BadRequest):
    """Raised when an access token stands in the address, where logs and histories keep it."""

    code: ClassVar[str] = "token_in_url"
    reason: str = "an access token must not stand in a URL; send it in the first frame, and log out: it has leaked"


@attrs.define(kw_only=True)
class MethodNotAllowed(Refusal):
    """Raised for any method but GET and HEAD."""

    code: ClassVar[str] = "method_not_allowed"

    def __str__(self) -> str:
        return "this address takes GET"


@attrs.define(kw_only=True)
class NotReady(Unavailable):
    """Raised while the server starts or drains."""

    what: str = "this server"

    def __str__(self) -> str:
        return "this server is starting or ending; ask again in a moment"


def select_subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Select the protocol, never the token beside it; :class:`Upgrade` has refused who does not offer it."""
    return SUBPROTOCOL if SUBPROTOCOL in offered else None


class Upgrade:
    """
    Answers the request that would become a WebSocket.

    Args:
        node: Returns the node once it stands.
    """

    def __init__(self, settings: Settings, phase: Phase, metrics: Metrics, node: Callable[[], Node | None]) -> None:
        self._chat = settings.chat
        self._has_metrics = settings.http.metrics
        self._origins = frozenset(o.lower() for o in settings.chat.origins or settings.http.cors_origins)
        self._sources = Sources(settings.http.trusted_proxies)
        self._phase = phase
        self._metrics = metrics
        self._node = node

    async def __call__(self, socket: ServerConnection, request: Request) -> Response | None:
        """Return an answer, or None to go on with the handshake."""
        assert isinstance(socket, ChatSocket)  # noqa: S101 - as the server was told to make them
        try:
            return await self._answer(socket, request)
        except Refusal as exc:
            return _problem(socket, request, exc)

    async def _answer(self, socket: ChatSocket, request: Request) -> Response | None:
        address = urlsplit(request.path)
        names = {name.lower() for name, _ in parse_qsl(address.query, keep_blank_values=True)}
        if names & _TOKEN_NAMES:
            raise TokenInUrl
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed
        match address.path:
            case "/health/live":
                return _plain(socket, request, 200, wire.dumps({"status": "alive"}))
            case "/health/ready":
                if not self._phase.is_ready:
                    raise NotReady
                return _plain(socket, request, 200, wire.dumps({"status": "ready"}))
            case "/metrics" if self._has_metrics:
                return _plain(socket, request, 200, self._metrics.render(), content_type=CONTENT_TYPE)
            case path if path != PATH:
                raise NotFound(kind="address")
        node = self._node()
        if node is None or not self._phase.is_ready:
            raise NotReady
        offered = _offered(request.headers)
        self._check(request.headers, offered)
        peer = socket.remote_address
        socket.source = self._sources.of(peer[0] if peer else "", request.headers.get_all("X-Forwarded-For"))
        if len(node.connections) >= self._chat.max_connections:
            raise Overloaded(retry_after_seconds=5)
        await self._identify(node, socket, request.headers, offered)
        if socket.admitted is None:
            await node.strangers.make_room(socket.source)
        return None

    def _check(self, headers: Headers, offered: Sequence[str]) -> None:
        origins = headers.get_all("Origin")
        if len(origins) > 1 or (origins and origins[0].lower() not in self._origins):
            raise Forbidden(reason="pages of this origin may not open a chat here; see the setting chat.origins")
        if SUBPROTOCOL not in offered:
            raise BadRequest(reason=f"offer the subprotocol {SUBPROTOCOL}: the version of the protocol is its name")

    async def _identify(self, node: Node, socket: ChatSocket, headers: Headers, offered: Sequence[str]) -> None:
        """Take a token from a header; what is in no header comes in the first frame."""
        given = headers.get_all("Authorization")
        if given:
            scheme, _, token = given[0].partition(" ")
            if len(given) > 1 or scheme.lower() != "bearer":
                raise Unauthorized
            claims = node.hub.tokens.verify(token.strip())
            found = await node.readers.answer(lambda: node.ask(Authenticate(claims), None))
            if isinstance(found, Admitted):
                socket.admitted = (claims, found)
            return
        # a browser cannot see a status, so a wrong token beside the subprotocol is told by a close code
        socket.token = next((name[len(BEARER) :] for name in offered if name.startswith(BEARER)), None)


def _offered(headers: Headers) -> list[str]:
    given = ",".join(headers.get_all("Sec-WebSocket-Protocol"))
    return [name.strip() for name in given.split(",") if name.strip()]


# ── answers ─────────────────────────────────────────────────────────────────


def _problem(socket: ServerConnection, request: Request, exc: Refusal) -> Response:
    status = (
        405 if isinstance(exc, MethodNotAllowed) else next((s for kind, s in _STATUSES if isinstance(exc, kind)), 400)
    )
    request_id = secrets.token_hex(12)
    body = {
        "type": f"urn:coachhub:error:{exc.code}",
        "title": exc.code.replace("_", " ").replace(".", " ").capitalize(),
        "status": status,
        "detail": str(exc),
        "instance": urlsplit(request.path).path,
        "request_id": request_id,
        "error": {"message": str(exc), "code": exc.code},
    }
    response = _plain(socket, request, status, wire.dumps(body))
    response.headers["X-Request-ID"] = request_id
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="CoachHub"'
    if status == 405:
        response.headers["Allow"] = "GET, HEAD"
    if isinstance(exc, RateLimited | Unavailable | Overloaded):
        response.headers["Retry-After"] = str(max(1, round(exc.retry_after_seconds)))
    return response


def _plain(
    socket: ServerConnection, request: Request, status: int, body: bytes, *, content_type: str = "application/json"
) -> Response:
    response = socket.respond(status, "")
    headers = response.headers
    for name, value in {
        "Content-Type": content_type,
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    }.items():
        if name in headers:
            del headers[name]
        headers[name] = value
    response.body = b"" if request.method == "HEAD" else body
    return response
