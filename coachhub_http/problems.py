"""
The one error body, written: RFC 9457 and the original's ``{"error": {"message", "code"}}`` in one.

Also what is said where only a status is known: by the server about a request it
could not read, and by the outermost layer when all else failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"

_BY_STATUS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("bad_request", "the request cannot be read"),
    404: ("not_found", "there is nothing at this address"),
    405: ("method_not_allowed", "this address does not take this method"),
    406: ("not_acceptable", "answers are application/json"),
    408: ("request_timeout", "the request did not arrive in time"),
    413: ("too_large", "the request is too large"),
    414: ("uri_too_long", "the address is too long"),
    415: ("unsupported_media_type", "the body must be application/json"),
    417: ("bad_request", "the expectation cannot be met"),
    426: ("bad_request", "this protocol is not spoken here"),
    431: ("headers_too_large", "the header fields are too large"),
    500: ("internal", "something went wrong here; it was noted under this request id"),
    501: ("not_implemented", "this method or coding is not spoken here"),
    503: ("unavailable", "the server cannot answer at the moment, try again"),
}


class ErrorSummary(msgspec.Struct):
    """The original's error, inside the problem."""

    message: str
    code: str


class Problem(msgspec.Struct, omit_defaults=True):
    """RFC 9457 and the original's error in one body."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    error: ErrorSummary
    errors: list[dict[str, str]] | None = None
    state: str | None = None
    allowed: list[str] | None = None


def problem(
    status: int, code: str, detail: str, *, title: str = "", instance: str = "", request_id: str = "", **more: Any
) -> bytes:
    """Write the one error body; *more* are ``errors``, ``state`` and ``allowed`` where there are any."""
    return msgspec.json.encode(
        Problem(
            type=f"urn:coachhub:error:{code}",
            title=title or code.replace("_", " ").capitalize(),
            status=status,
            detail=detail,
            instance=instance,
            request_id=request_id,
            error=ErrorSummary(message=detail, code=code),
            **more,
        )
    )


def plain_problem(status: int, *, instance: str = "", request_id: str = "") -> bytes:
    """Write the error body of a status alone: for what happens before or beside any class of ours."""
    code, detail = _BY_STATUS.get(status, ("bad_request", "the request cannot be answered"))
    return problem(status, code, detail, instance=instance, request_id=request_id)
