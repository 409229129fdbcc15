"""
What each responder does, said once: routes, rights and the OpenAPI document come from here.

:func:`operation` stands above a responder. It refuses what no service needs to
see (no token, a malformed key, an unknown parameter), and after the responder
it adds what follows from the operation: the status, caching, 304.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from functools import wraps
from typing import Any, Final, Literal, TypeVar
from uuid import UUID

import attrs
import falcon.routing
from falcon.asgi import Response

from coachhub_core.errors import (
    BadRequest,
    CoachHubError,
    IdempotencyKeyRequired,
    Unauthorized,
)
from coachhub_http.context import Context, Request
from coachhub_http.media import parse_query

Responder = Callable[..., Awaitable[None]]
R = TypeVar("R", bound=Responder)

Keys = Literal["never", "taken", "required"]

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@attrs.frozen
class NoParameters:
    """The query of an operation that takes none."""


@attrs.frozen(kw_only=True)
class Operation:
    """
    One method of one address, as the document shows it.

    ``who`` is in words, as the rights table has it; only *anyone* is decided
    here, all else by the service. ``trusted`` are members of the command that
    the server fills in, so that no body may hold them.
    """

    name: str
    summary: str
    who: str
    command: type | None = None
    query: type = NoParameters
    answer: Any = None
    status: int = 200
    again: int | None = None
    errors: tuple[type[CoachHubError], ...] = ()
    keys: Keys = "never"
    if_match: bool = False
    is_public: bool = False
    hashes: bool = False
    location: str | None = None
    trusted: frozenset[str] = frozenset()
    media_type: str = "application/json"
    room: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it answers without a token."""
        return self.who == "anyone"


def operation(
    *,
    summary: str,
    who: str,
    command: type | None = None,
    query: type = NoParameters,
    answer: Any = None,
    status: int = 200,
    again: int | None = None,
    errors: tuple[type[CoachHubError], ...] = (),
    keys: Keys | None = None,
    if_match: bool = False,
    is_public: bool = False,
    hashes: bool = False,
    location: str | None = None,
    trusted: tuple[str, ...] = (),
    media_type: str = "application/json",
) -> Callable[[R], R]:
    """
    Say what the responder below does.

    Args:
        summary: One line for people.
        who: ``anyone``, or whom the rights table names.
        command: What the body is read as.
        query: What the parameters are read as.
        answer: The view it gives, or None for an answer without a body.
        status: Of success; 204 needs no *answer*.
        again: Of the same answer to what a device had sent before.
        errors: Beyond the common ones.
        keys: Whether an Idempotency-Key is ``never``, ``taken`` or ``required``; by default a POST of somebody
            logged in takes one.
        if_match: Whether the change needs the version that was read; the command then has ``expected_version``.
        is_public: Whether the answer is the same for everybody, and may be kept where it is revalidated.
        hashes: Whether it waits for bcrypt, and so belongs in that pool.
        location: Address of what was made, such as ``/api/matches/{id}``.
        trusted: Members of *command* the server fills in, beside those in the path.
        media_type: Of the answer.
    """

    def attach(responder: R) -> R:
        # a responder is called on_post or on_post_accept; a class's name and the rest name the operation
        method = responder.__name__.split("_")[1].upper()
        told = Operation(
            name=responder.__qualname__.replace(".on_", "_").replace(".", "_").lower(),
            summary=summary,
            who=who,
            command=command,
            query=query,
            answer=answer,
            status=status,
            again=again,
            errors=errors,
            keys=keys if keys is not None else ("taken" if method == "POST" and who != "anyone" else "never"),
            if_match=if_match,
            is_public=is_public,
            hashes=hashes,
            location=location,
            trusted=frozenset(trusted) | ({"expected_version"} if if_match else frozenset()),
            media_type=media_type,
            room=responder.__module__.rpartition(".")[2],
        )

        @wraps(responder)
        async def respond(self: Any, req: Request, resp: Response, **params: Any) -> None:
            context = req.context
            context.operation = told
            context.route = req.uri_template
            if context.claims is None and not told.is_open:
                raise Unauthorized
            if req.query_string and told.query is NoParameters:
                parse_query(req, NoParameters)  # refuses each by name
            if told.keys != "never":
                context.key_text = _key_of(context, told)
            resp.status = told.status
            await responder(self, req, resp, **params)
            if not told.is_public:
                resp.set_header("Cache-Control", "no-store")
            else:
                resp.set_header("Cache-Control", "no-cache")
            if method == "GET" and (asked := context.header(b"if-none-match")) is not None:
                _answer_304(resp, asked)

        respond.operation = told  # type: ignore[attr-defined]  # read by operation_of
        return respond  # type: ignore[return-value]  # the same signature, wrapped

    return attach


def _key_of(context: Context, told: Operation) -> str | None:
    text = context.header(b"idempotency-key")
    if text is None:
        if told.keys == "required":
            raise IdempotencyKeyRequired(operation=told.name)
        return None
    if not _KEY.fullmatch(text):
        raise BadRequest(reason="an Idempotency-Key has from 1 to 255 visible ASCII characters")
    return text


def _answer_304(resp: Response, asked: str) -> None:
    etag = resp.etag
    if etag is None or resp.status_code != 200:
        return
    if asked.strip() == "*" or etag in (part.strip().removeprefix("W/") for part in asked.split(",")):
        resp.status = 304
        resp.data = None


# ── the table of routes ─────────────────────────────────────────────────────


@attrs.frozen
class Route:
    """An address, the resource that answers there, and the suffix of its responders' names."""

    path: str
    resource: Any
    suffix: str | None = None

    def operations(self) -> Iterator[tuple[str, Operation]]:
        """
        Yield each method with its operation.

        Raises:
            TypeError: If a responder does not say what it does.
        """
        methods = falcon.routing.map_http_methods(self.resource, suffix=self.suffix)
        for method, responder in sorted(methods.items()):
            told = getattr(responder, "operation", None)
            if told is None:
                raise TypeError(f"{responder} has no @operation")
            yield method, told


class IdConverter(falcon.routing.BaseConverter):
    """An id in a path: canonical, lower case, or there is nothing at that address."""

    _pattern: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")

    def convert(self, value: str) -> UUID | None:
        """Return the id, or None for what is none."""
        return UUID(value) if self._pattern.fullmatch(value) else None


class SelfOrIdConverter(IdConverter):
    """An id in a path, or ``me``: one's own, which a responder gets as :data:`ME`."""

    def convert(self, value: str) -> Any:
        """Return the id, :data:`ME`, or None for what is neither."""
        return ME if value == "me" else super().convert(value)


class Me:
    """The type of :data:`ME`."""

    def __repr__(self) -> str:
        return "ME"


ME: Final = Me()
"""One's own id, which is known once the actor is."""

SelfOrId = UUID | Me
"""What a ``self_or_id`` in a path becomes."""


def named(id: SelfOrId) -> UUID | None:
    """Return the id a path names, or None for ``me``: services take None for the actor's own."""
    return None if isinstance(id, Me) else id
