"""The one table from error class to status, and nothing that is missing in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import coachhub_http.pool
import coachhub_http.resources.health
from coachhub_core import errors as e
from coachhub_core.services.units import Replayed
from coachhub_http import errors as h
from coachhub_http.problems import plain_problem

EXPECTED = {
    e.BadRequest: 400,
    h.TokenInUrl: 400,
    e.IdempotencyKeyRequired: 400,
    e.Unauthorized: 401,
    e.BadCredentials: 401,
    e.TokenReused: 401,
    e.Forbidden: 403,
    e.GrantMissing: 403,
    e.NotFound: 404,
    h.MethodNotAllowed: 405,
    h.NotAcceptable: 406,
    h.RequestTimeout: 408,
    e.Conflict: 409,
    e.CoachFull: 409,
    e.EmailTaken: 409,
    e.VersionMismatch: 412,
    e.TooLarge: 413,
    h.UnsupportedMediaType: 415,
    e.Invalid: 422,
    e.PasswordWeak: 422,
    e.ProfileIncomplete: 422,
    e.IdempotencyKeyReused: 422,
    e.IfMatchRequired: 428,
    e.RateLimited: 429,
    e.Unavailable: 503,
    e.Contended: 503,
    e.Unwritable: 503,
    e.OutcomeUnknown: 503,
    e.Overloaded: 503,
    coachhub_http.pool.TookTooLong: 503,
    e.SettingsError: 500,
    e.PluginError: 500,
    RuntimeError: 500,
}


def every(cls: type[e.CoachHubError]) -> Iterator[type[e.CoachHubError]]:
    for child in cls.__subclasses__():
        if child.__module__.startswith(("coachhub_core", "coachhub_http")):  # chat and commands say their own
            yield child
        yield from every(child)


@pytest.mark.parametrize(("error", "status"), EXPECTED.items(), ids=lambda x: getattr(x, "__name__", x))
def test_each_error_has_its_status(error: type[BaseException], status: int) -> None:
    """The table says what the design says."""
    assert h.status_of(error) == status


def test_every_refusal_has_a_status_of_its_own_kind() -> None:
    """A refusal that nobody placed would be a 500, which blames us for what a caller did."""
    found = [cls for cls in every(e.Refusal) if not issubclass(cls, Replayed)]
    assert len(found) > 40
    assert [cls.__name__ for cls in found if h.status_of(cls) == 500] == []


def test_titles_are_words() -> None:
    """A title is the same for each occurrence, and readable."""
    assert h.title_of(e.CoachFull) == "Coach full"
    assert h.title_of(e.IfMatchRequired) == "If match required"


def test_a_status_alone_has_a_body_too() -> None:
    """What the server itself refuses is told in the same shape."""
    assert plain_problem(503, request_id="r") == (
        b'{"type":"urn:coachhub:error:unavailable","title":"Unavailable","status":503,'
        b'"detail":"the server cannot answer at the moment, try again","instance":"","request_id":"r",'
        b'"error":{"message":"the server cannot answer at the moment, try again","code":"unavailable"}}'
    )
