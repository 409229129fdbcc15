"""What the shell knows of one request: ``req.context`` is one of these, and so is what a log line may ask."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import falcon.asgi

from coachhub_core.domain.accounts import RequestKey
from coachhub_core.security import Claims

if TYPE_CHECKING:
    from coachhub_http.operations import Operation

CONTEXT: Final = "coachhub.context"
RECEIVE: Final = "coachhub.receive"
"""Where a scope keeps its request's context, and the server's own ``receive``, which gives ``media.py`` the body."""


class Context:
    """
    One request, as far as the shell has understood it.

    ``claims`` are what a genuine token says; whether it is still good is read
    with the session row, inside the pool job. ``source`` is the client's
    address, from a trusted proxy's word or from the connection.
    """

    __slots__ = (
        "body_seconds",
        "claims",
        "error_code",
        "headers",
        "key",
        "key_text",
        "operation",
        "request_id",
        "route",
        "source",
        "trace_id",
    )

    def __init__(self, headers: dict[bytes, bytes], request_id: str) -> None:
        self.headers = headers
        self.request_id = request_id
        self.body_seconds = 10.0
        self.trace_id: str | None = None
        self.claims: Claims | None = None
        self.source = ""
        self.operation: Operation | None = None
        self.route: str | None = None
        self.key_text: str | None = None
        self.key: RequestKey | None = None
        self.error_code: str | None = None

    def header(self, name: bytes) -> str | None:
        """Return a header's value, or None; *name* in lower case."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


current: ContextVar[Context | None] = ContextVar("coachhub_http.current", default=None)
"""The request being worked on, also in the pool's threads: log lines take its id from here."""


class Request(falcon.asgi.Request):
    """Falcon's request, whose context was made by the outermost layer."""

    context: Context  # type: ignore[assignment]  # Falcon types it as its own bag of attributes

    def context_type(self) -> Any:  # type: ignore[override]  # Falcon calls it, and a class it need not be
        """Return the context that the outermost layer put into the scope."""
        return self.scope[CONTEXT]
