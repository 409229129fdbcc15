"""Who you are, and what you may."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

import attrs

from coachhub_core.errors.base import Refusal


@attrs.define(kw_only=True)
class Unauthorized(Refusal):
    """Raised when a token is missing, malformed, expired or revoked; one sentence for all."""

    code: ClassVar[str] = "unauthorized"

    def __str__(self) -> str:
        return "log in: the access token is missing, invalid, expired or revoked"


@attrs.define(kw_only=True)
class BadCredentials(Unauthorized):
    """Raised for an unknown address, a wrong password and a suspended account alike."""

    code: ClassVar[str] = "account.bad_credentials"

    def __str__(self) -> str:
        return "the address or the password is wrong"


@attrs.define(kw_only=True)
class TokenReused(Unauthorized):
    """Raised when a refresh token comes a second time: somebody else has it, so its session ends."""

    code: ClassVar[str] = "account.token_reused"

    def __str__(self) -> str:
        return "this refresh token was used before; its session has been ended, log in again"


@attrs.define(kw_only=True)
class TokenExpired(Unauthorized):
    """Raised when a token of ours, or the session a refresh token belongs to, is over."""

    code: ClassVar[str] = "account.token_expired"

    def __str__(self) -> str:
        return "this token has expired; log in again"


@attrs.define(kw_only=True)
class Forbidden(Refusal):
    """Raised when the thing is known to the caller but not theirs to do."""

    code: ClassVar[str] = "forbidden"
    reason: str = "this is not yours to do"

    def __str__(self) -> str:
        return self.reason


@attrs.define(kw_only=True)
class NotReceiver(Forbidden):
    """Raised when somebody other than the receiver answers a request."""

    code: ClassVar[str] = "match.not_receiver"
    reason: str = "only the receiver of a request can answer it"


@attrs.define(kw_only=True)
class GrantMissing(Forbidden):
    """Raised when a coach reads what the trainee has not granted."""

    code: ClassVar[str] = "grant.scope_missing"
    scope: str
    reason: str = "the trainee has not granted this"

    def __str__(self) -> str:
        return f"the trainee has not granted you {self.scope!r}"


@attrs.define(kw_only=True)
class NotFound(Refusal):
    """Raised when a thing does not exist, or is not yours to know of: the two look the same."""

    code: ClassVar[str] = "not_found"
    kind: str
    id: UUID | str | None = None

    def __str__(self) -> str:
        return f"there is no {self.kind} {self.id}" if self.id is not None else f"there is no such {self.kind}"
