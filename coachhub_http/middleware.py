"""
What is looked at before any address: who asks, from where, how often, and whether it is HTTP as it should be.

One component, because each costs: the general limit, CORS, the token. A token's
signature is checked here, on the loop, and remembered by its bytes until it
expires; whether its session is still good is read inside the request's pool job.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

import falcon.util.mediatypes
from falcon.asgi import Response

from coachhub_core.clock import Clock
from coachhub_core.config import Settings
from coachhub_core.errors import BadRequest, RateLimited, Unauthorized
from coachhub_core.security import Claims
from coachhub_core.sources import Sources
from coachhub_http.context import Context, Request
from coachhub_http.errors import NotAcceptable, TokenInUrl
from coachhub_http.problems import JSON, PROBLEM_JSON

MAX_TOKENS: Final = 10_000
MAX_BUCKETS: Final = 20_000
MAX_TOKEN_BYTES: Final = 4_096
BURST: Final = 10  # times the limit per second
PREFLIGHT_SECONDS: Final = 600

_ALLOWED_HEADERS: Final = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-ID, Traceparent"
)
_EXPOSED_HEADERS: Final = "ETag, Location, Retry-After, X-Degraded, X-Request-ID"
_ALLOWED_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
_TEXT: Final = "text/plain"


class Gate:
    """Falcon's middleware: every request passes here before its address is looked up."""

    def __init__(self, settings: Settings, verify: Callable[[str], Claims], clock: Clock) -> None:
        self._tokens = Tokens(verify, clock)
        self._sources = RequestSources(settings.http.trusted_proxies)
        self._limit = GeneralLimit(settings.limits.general)
        self._origins = frozenset(origin for origin in settings.http.cors_origins if origin != "null")

    async def process_request(self, req: Request, resp: Response) -> None:
        """Understand who asks; refuse what is malformed, comes too often, or carries its token in the address."""
        context = req.context
        if self._origins:
            self._allow_origin(req, resp, context)
            if resp.complete:
                return
        if b"host" not in context.headers and req.scope["http_version"] == "1.1":
            raise BadRequest(reason="an HTTP/1.1 request names its Host")
        if req.query_string and _holds_token(req.query_string):
            raise TokenInUrl
        context.claims = self._tokens.claims_of(context.headers.get(b"authorization"))
        context.source = self._sources.of(req)
        if not req.path.startswith("/health"):
            who = context.claims.account_id.hex if context.claims is not None else context.source
            self._limit.hit(who)
        accept = context.headers.get(b"accept")
        if accept is not None and not _takes_json(accept):
            raise NotAcceptable

    def _allow_origin(self, req: Request, resp: Response, context: Context) -> None:
        resp.append_header("Vary", "Origin")
        origin = context.header(b"origin")
        if origin not in self._origins:
            return
        resp.set_header("Access-Control-Allow-Origin", origin)
        resp.set_header("Access-Control-Expose-Headers", _EXPOSED_HEADERS)
        if req.method == "OPTIONS" and b"access-control-request-method" in context.headers:
            resp.set_header("Access-Control-Allow-Methods", _ALLOWED_METHODS)
            resp.set_header("Access-Control-Allow-Headers", _ALLOWED_HEADERS)
            resp.set_header("Access-Control-Max-Age", str(PREFLIGHT_SECONDS))
            resp.status = 204
            resp.complete = True


def _holds_token(query: str) -> bool:
    names = (part.partition("=")[0].casefold() for part in query.split("&"))
    return any(name in ("token", "access_token") for name in names)


@lru_cache(maxsize=256)
def _takes_json(accept: bytes) -> bool:
    text = accept.decode("latin-1")
    try:
        return any(falcon.util.mediatypes.quality(kind, text) > 0 for kind in (JSON, PROBLEM_JSON, _TEXT))
    except ValueError:  # what cannot be read excludes nothing
        return True


# ── who ─────────────────────────────────────────────────────────────────────


class Tokens:
    """Signatures once checked, kept by the token's bytes until it expires; the least recently seen go first."""

    def __init__(self, verify: Callable[[str], Claims], clock: Clock) -> None:
        self._verify = verify
        self._clock = clock
        self._seen: OrderedDict[bytes, tuple[Claims, datetime]] = OrderedDict()  # and when its times were looked at

    def claims_of(self, header: bytes | None) -> Claims | None:
        """Return what a genuine token says, or None for a missing, malformed, forged or expired one."""
        if header is None:
            return None
        token = header[7:]
        if header[:7].lower() != b"bearer " or len(token) > MAX_TOKEN_BYTES:
            return None
        claims, looked_at = self._seen.get(token, (None, None))
        now = self._now()
        if claims is not None and looked_at is not None and looked_at <= now < claims.expires_at:
            self._seen.move_to_end(token)
            return claims
        try:
            claims = self._verify(token.decode("ascii"))
        except (Unauthorized, UnicodeDecodeError):
            self._seen.pop(token, None)
            return None
        self._seen[token] = (claims, now)
        if len(self._seen) > MAX_TOKENS:
            self._seen.popitem(last=False)
        return claims

    def _now(self) -> datetime:
        return self._clock()


# ── from where ──────────────────────────────────────────────────────────────


class RequestSources:
    """The client's address as limits count it, read from a request's scope by the rule of every door."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self._sources = Sources(trusted)

    def of(self, req: Request) -> str:
        """Return the source of a request."""
        client = req.scope.get("client")
        said = [value.decode("latin-1") for name, value in req.scope["headers"] if name == b"x-forwarded-for"]
        return self._sources.of(client[0] if client else "", said)


# ── how often ───────────────────────────────────────────────────────────────


class GeneralLimit:
    """
    So many requests a second per account or source, ten times as many at once, counted in this process.

    Args:
        per_second: 0 switches it off.
        now: Seconds that only grow.
    """

    def __init__(self, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_second
        self._burst = per_second * BURST
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # who: tokens left, at what time

    def hit(self, who: str) -> None:
        """
        Count one request of *who*.

        Raises:
            RateLimited: With the time after which one more is taken.
        """
        if not self._rate:
            return
        now = self._now()
        left, at = self._buckets.get(who, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        if left < 1:
            self._buckets[who] = (left, now)
            raise RateLimited(retry_after_seconds=(1 - left) / self._rate)
        self._buckets[who] = (left - 1, now)
        self._buckets.move_to_end(who)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
