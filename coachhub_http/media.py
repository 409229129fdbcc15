"""
In and out: a command from a body, a query from parameters, an answer from a view.

The body is read here and nowhere else: bounded in size and in time, only JSON,
and a client that left in its middle is not taken for its end.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import attrs
import msgspec
from falcon.asgi import Response

from coachhub_core import wire
from coachhub_core.domain.accounts import RequestKey
from coachhub_core.errors import BadRequest, IfMatchRequired, TooLarge
from coachhub_core.services.copies import Copy
from coachhub_http.context import RECEIVE, Context, Request
from coachhub_http.errors import RequestTimeout, UnsupportedMediaType
from coachhub_http.problems import JSON

T = TypeVar("T")

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_PARAMETERS: Final = 100
DEGRADED: Final = "X-Degraded"  # which neighbour's absence makes this answer older or fewer: cache, search

_JSON_TYPE = re.compile(r'application/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?', re.IGNORECASE)
_ETAG = re.compile(r'"(\d{1,18})(?:\.\d{1,18})?"')
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


# ── in ──────────────────────────────────────────────────────────────────────


async def parse(req: Request, command: type[T], **trusted: Any) -> T:
    """
    Read the body as *command*.

    An empty body is an empty object. *trusted* members are the server's and win:
    a body that holds one is refused. Where the operation needs ``If-Match``, its
    version is ``expected_version``; where it takes an Idempotency-Key, the
    context then carries the key with a hash of what is asked.

    Raises:
        BadRequest: If it is not JSON, or ended before its length.
        Invalid: With a pointer for everything wrong in it.
        TooLarge: Above 1 MiB.
        RequestTimeout: If it does not arrive in time.
        UnsupportedMediaType: If it is not sent as JSON.
    """
    raw = await read_body(req)
    value = wire.loads(raw) if raw else {}
    context = req.context
    told = context.operation
    if told is not None and told.if_match:
        trusted["expected_version"] = expected_version(context)
    made = wire.structure(command, value, trusted=trusted)
    if context.key_text is not None and told is not None:
        asked = hashlib.sha256(f"{req.method} {req.path}\n".encode())
        asked.update(wire.canonical(value))
        context.key = RequestKey(key=context.key_text, operation=told.name, request_hash=asked.digest())
    return made


@attrs.frozen
class Nothing:
    """The body of a POST that needs none: empty, or an empty object."""


async def read_nothing(req: Request) -> None:
    """Read a body that must say nothing; see :func:`parse` for what is refused."""
    await parse(req, Nothing)


def parse_query(req: Request, query: type[T], **trusted: Any) -> T:
    """
    Read the parameters of the address as *query*.

    Raises:
        BadRequest: If they are not UTF-8, or too many.
        Invalid: Naming each parameter that is unknown or wrong.
    """
    params: dict[str, list[str]] = {}
    if req.query_string:
        if _BROKEN_ESCAPE.search(req.query_string):
            raise BadRequest(reason="the query holds a % that is not followed by two hexadecimal digits")
        try:
            pairs = parse_qsl(req.query_string, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
        except ValueError as exc:
            raise BadRequest(reason=f"the query is not UTF-8, or has more than {MAX_PARAMETERS} parameters") from exc
        for name, value in pairs:
            params.setdefault(name, []).append(value)
    return wire.structure_query(query, params, trusted=trusted or None)


async def read_body(req: Request) -> bytes:
    """Return the whole body, within 1 MiB and within its time; see :func:`parse` for what is refused."""
    headers = req.context.headers
    length = _length_of(headers)
    if length == 0 or (length is None and b"transfer-encoding" not in headers and req.scope["http_version"][0] == "1"):
        return b""
    if length is not None and length > MAX_BODY_BYTES:
        raise TooLarge(what="the body", limit=MAX_BODY_BYTES)
    if not _JSON_TYPE.fullmatch(headers.get(b"content-type", b"").decode("latin-1").strip()):
        raise UnsupportedMediaType
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise UnsupportedMediaType
    seconds = req.context.body_seconds
    try:
        async with asyncio.timeout(seconds):
            raw = await _gather(req)
    except TimeoutError as exc:
        raise RequestTimeout(seconds=seconds) from exc
    if length is not None and len(raw) != length:
        raise BadRequest(reason="the body ended before its length")
    return raw


async def _gather(req: Request) -> bytes:
    receive = req.scope[RECEIVE]
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise BadRequest(reason="the client left before the end of the body")
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > MAX_BODY_BYTES:
            raise TooLarge(what="the body", limit=MAX_BODY_BYTES)
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


def _length_of(headers: dict[bytes, bytes]) -> int | None:
    value = headers.get(b"content-length")
    if value is None:
        return None
    if not value.isdigit():
        raise BadRequest(reason="Content-Length must be a number")
    return int(value)


def expected_version(context: Context) -> int:
    """
    Return the version that ``If-Match`` names.

    ``*`` names none, and so is refused as if the header were missing: it would
    overwrite whatever is there, which is what the header is asked for to prevent.

    Raises:
        IfMatchRequired: If it is missing, or ``*``.
        BadRequest: If it is no ETag of ours.
    """
    text = context.header(b"if-match")
    if text is None or text.strip() == "*":
        raise IfMatchRequired
    found = _ETAG.fullmatch(text.strip())
    if found is None:
        raise BadRequest(reason='If-Match must be one ETag as it was read, such as "7"')
    return int(found.group(1))


# ── out ─────────────────────────────────────────────────────────────────────


def render(req: Request, resp: Response, view: Any) -> None:
    """Answer with *view*; its ETag comes from its ``version`` (and ``view_rev``), None is an answer without a body."""
    if view is None:
        resp.data = None
        return
    _render(req, resp, wire.dumps(view), _Versions.of(view))


def render_bytes(req: Request, resp: Response, written: bytes) -> None:
    """Answer with a view that was written before, exactly as the first time."""
    if written == b"null":
        resp.data = None
        return
    _render(req, resp, written, msgspec.json.decode(written, type=_Versions))


def render_copy(req: Request, resp: Response, copy: Copy, *, is_list: bool = False) -> None:
    """Answer with bytes that are kept ready, saying so where they are older than they should be."""
    if copy.degraded is not None:
        resp.set_header(DEGRADED, copy.degraded)
    if is_list:  # a page has neither an id nor a version
        resp.data = copy.value
        resp.content_type = JSON
    else:
        render_bytes(req, resp, copy.value)


class _Versions(msgspec.Struct):
    """What the headers of an answer are made from."""

    id: Any = None
    version: Any = None
    view_rev: Any = None

    @classmethod
    def of(cls, view: Any) -> _Versions:
        return cls(getattr(view, "id", None), getattr(view, "version", None), getattr(view, "view_rev", None))


def _render(req: Request, resp: Response, written: bytes, versions: _Versions) -> None:
    resp.data = written
    resp.content_type = JSON
    if versions.version is not None:
        rev = "" if versions.view_rev is None else f".{versions.view_rev}"
        resp.set_header("ETag", f'"{versions.version}{rev}"')
    told = req.context.operation
    if told is not None and told.location is not None and versions.id is not None:
        resp.set_header("Location", told.location.format(id=versions.id))
