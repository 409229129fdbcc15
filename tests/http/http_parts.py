"""A small application from the shell's own parts, for what needs no hub: one resource that echoes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from uuid import UUID

import attrs
import falcon.asgi
from falcon.asgi import Response
from falcon.testing import ASGIConductor, Result

from coachhub_core.clock import ManualClock
from coachhub_core.config import Auth, Settings
from coachhub_core.domain import values as v
from coachhub_core.domain.values import UNSET, Unset
from coachhub_core.errors import CoachFull
from coachhub_core.security import Tokens
from coachhub_core.services.units import Replayed
from coachhub_http import errors
from coachhub_http.app import _replay
from coachhub_http.context import Context, Request
from coachhub_http.edge import Edge
from coachhub_http.media import parse, parse_query, render
from coachhub_http.middleware import Gate
from coachhub_http.operations import IdConverter, Route, operation

SECRET = "q7ZLk2w0Vn5rT8yXb3Jm9sPd4Gf6HcAa1Ee2Uu3Ii4Oo5Kk"
ACCOUNT = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


@attrs.frozen(kw_only=True)
class Metres:
    kind: Literal["metres"] = "metres"
    value: int = v.whole(1, 100)


@attrs.frozen(kw_only=True)
class Kilos:
    kind: Literal["kilos"] = "kilos"
    value: float = v.number(0, 500)


@attrs.frozen(kw_only=True)
class ChangeThing:
    """Change a thing."""

    thing_id: UUID
    expected_version: int
    name: str | Unset = v.line(20, default=UNSET)
    targets: tuple[Metres | Kilos, ...] | Unset = UNSET


@attrs.frozen(kw_only=True)
class MakeThing:
    """Make a thing."""

    name: str = v.line(20)
    note: str | None = v.text(100, default=None, optional=True)


@attrs.frozen(kw_only=True)
class FindThings:
    q: str | None = v.text(20, default=None, optional=True)
    limit: int = v.whole(1, 100, default=20)


@attrs.frozen(kw_only=True)
class ThingView:
    """A thing, shown."""

    id: UUID
    name: str
    version: int
    view_rev: int


class Things:
    """Echoes what the shell made of a request; ``commands`` keeps it."""

    def __init__(self) -> None:
        self.commands: list[Any] = []
        self.keys: list[Any] = []
        self.fault: Exception | None = None

    def _take(self, req: Request, command: Any) -> None:
        self.commands.append(command)
        self.keys.append(req.context.key)
        if self.fault is not None:
            raise self.fault

    @operation(summary="Find things", who="anyone", query=FindThings, answer=ThingView, is_public=True)
    async def on_get(self, req: Request, resp: Response) -> None:
        self._take(req, parse_query(req, FindThings))
        render(req, resp, ThingView(id=ACCOUNT, name="thing", version=3, view_rev=7))

    @operation(
        summary="Make a thing",
        who="account",
        command=MakeThing,
        answer=ThingView,
        status=201,
        keys="required",
        location="/api/things/{id}",
        errors=(CoachFull,),
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        command = await parse(req, MakeThing)
        self._take(req, command)
        render(req, resp, ThingView(id=ACCOUNT, name=command.name, version=1, view_rev=1))

    @operation(summary="Change a thing", who="account", command=ChangeThing, answer=ThingView, if_match=True)
    async def on_patch_one(self, req: Request, resp: Response, thing_id: UUID) -> None:
        command = await parse(req, ChangeThing, thing_id=thing_id)
        self._take(req, command)
        render(req, resp, ThingView(id=thing_id, name="thing", version=command.expected_version + 1, view_rev=9))

    @operation(summary="Make one openly", who="anyone", command=MakeThing, answer=ThingView)
    async def on_post_open(self, req: Request, resp: Response) -> None:
        command = await parse(req, MakeThing)
        self._take(req, command)
        render(req, resp, None)


@attrs.define
class Parts:
    """The application and everything a test may want to look at."""

    app: Edge
    things: Things
    routes: tuple[Route, ...]
    clock: ManualClock
    tokens: Tokens
    seen: list[tuple[Context, str, int]]

    def token(self) -> str:
        return self.tokens.issue(account_id=ACCOUNT, role="trainee", session_id=ACCOUNT, jti=ACCOUNT)

    def bearer(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token()}", **{name.replace("_", "-"): more[name] for name in more}}


def make_parts(settings: Settings | None = None, *, body_seconds: float = 5) -> Parts:
    """Build the application as :func:`create_app` does, around :class:`Things`."""
    settings = settings or Settings.in_memory()
    clock = ManualClock()
    tokens = Tokens(Auth(jwt_secret=SECRET), clock)
    things = Things()
    routes = (
        Route("/api/things", things),
        Route("/api/things/{thing_id:id}", things, "one"),
        Route("/api/things/open", things, "open"),
    )
    app = falcon.asgi.App(request_type=Request)
    app.add_middleware(Gate(settings, tokens.verify, clock))
    app.req_options.keep_blank_qs_values = True
    app.router_options.converters["id"] = IdConverter
    for route in routes:
        app.add_route(route.path, route.resource, suffix=route.suffix)
    errors.install(app)
    app.add_error_handler(Replayed, _replay)
    seen: list[tuple[Context, str, int]] = []
    edge = Edge(app, lambda c, m, s, _: seen.append((c, m, s)), body_seconds=body_seconds)
    return Parts(edge, things, routes, clock, tokens, seen)


@contextmanager
def failing(things: Things, fault: Exception) -> Iterator[None]:
    """Let the service behind the resource fail."""
    things.fault = fault
    try:
        yield
    finally:
        things.fault = None


async def drive(app: Edge, messages: list[dict[str, Any]], **scope: Any) -> tuple[int, bytes]:
    """Speak ASGI to *app* by hand: *messages* is what the server receives, then the client has left."""
    sent: list[dict[str, Any]] = []
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    whole = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/api/things/open",
        "query_string": b"",
        "headers": [(b"host", b"x"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 3000),
        "scheme": "http",
        **scope,
    }
    await app(whole, receive, send)
    return sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:])


def code_of(answer: Result) -> str:
    """Return the error code of a refusal whose body is whole."""
    body = answer.json
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["detail"] == body["error"]["message"]
    return str(body["error"]["code"])


async def ask(parts: Parts, method: str, path: str, **more: Any) -> Result:
    """Send one request to the application."""
    async with ASGIConductor(parts.app) as conductor:  # type: ignore[arg-type]  # any ASGI application will do
        return await conductor.simulate_request(method, path, **more)
