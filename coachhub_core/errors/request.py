"""The request itself: what cannot be read, what breaks a rule, which version it was made for."""

from __future__ import annotations

from typing import ClassVar

import attrs

from coachhub_core.errors.base import Refusal


@attrs.define(kw_only=True)
class BadRequest(Refusal):
    """Raised when a request cannot be read at all: broken JSON, a bad cursor, a malformed header."""

    code: ClassVar[str] = "bad_request"
    reason: str

    def __str__(self) -> str:
        return self.reason


@attrs.frozen(kw_only=True)
class FieldError:
    """
    One thing wrong with one member.

    ``pointer`` is an RFC 6901 JSON Pointer into the body, or the bare name of a
    query parameter or header.
    """

    pointer: str
    message: str
    code: str = "invalid"


@attrs.define(kw_only=True)
class Invalid(Refusal):
    """Raised when input was readable but breaks a rule; names every field and the rule."""

    code: ClassVar[str] = "validation_failed"
    errors: tuple[FieldError, ...]

    def __str__(self) -> str:
        return "; ".join(f"{e.pointer or 'the body'}: {e.message}" for e in self.errors)

    @classmethod
    def at(cls, pointer: str, message: str, code: str = "invalid") -> Invalid:
        """Build the refusal of a single field."""
        return cls(errors=(FieldError(pointer=pointer, message=message, code=code),))


@attrs.define(kw_only=True)
class ProfileIncomplete(Invalid):
    """Raised when suggestions are asked for a trainee who has not said what is needed for one."""

    code: ClassVar[str] = "trainee.profile_incomplete"


@attrs.define(kw_only=True)
class CohortInfeasible(Invalid):
    """Raised when a run that left somebody out is applied as a whole; each error names a set that is one too many."""

    code: ClassVar[str] = "cohort.infeasible"


@attrs.define(kw_only=True)
class PasswordWeak(Invalid):
    """Raised when a password is too short, too long, or one that everybody tries first."""

    code: ClassVar[str] = "account.password_weak"


@attrs.define(kw_only=True)
class AvailabilityOverlap(Invalid):
    """Raised when two hours of one weekday overlap."""

    code: ClassVar[str] = "availability.overlap"


@attrs.define(kw_only=True)
class IdempotencyKeyRequired(Refusal):
    """Raised when an operation that must not happen twice came without its key."""

    code: ClassVar[str] = "idempotency_key_required"
    operation: str

    def __str__(self) -> str:
        return f"{self.operation} needs an Idempotency-Key header, so that sending it twice is harmless"


@attrs.define(kw_only=True)
class IdempotencyKeyReused(Refusal):
    """Raised when a key comes back with another request than the one it was made for."""

    code: ClassVar[str] = "idempotency_key_reused"
    key: str

    def __str__(self) -> str:
        return f"the idempotency key {self.key!r} was used for another request; make a new one"


@attrs.define(kw_only=True)
class TooLarge(Refusal):
    """Raised when a body, document or upload is over its limit."""

    code: ClassVar[str] = "too_large"
    what: str
    limit: int
    unit: str = "bytes"

    def __str__(self) -> str:
        return f"{self.what} may have at most {self.limit} {self.unit}"


@attrs.define(kw_only=True)
class VersionMismatch(Refusal):
    """Raised when a change was based on another version than the stored one."""

    code: ClassVar[str] = "version_mismatch"
    kind: str
    expected: int
    found: int

    def __str__(self) -> str:
        return f"this {self.kind} is at version {self.found}, not {self.expected}; read it again"


@attrs.define(kw_only=True)
class IfMatchRequired(Refusal):
    """Raised when a versioned row is changed without saying which version was read."""

    code: ClassVar[str] = "if_match_required"
    kind: str = "resource"

    def __str__(self) -> str:
        return f"changing a {self.kind} needs If-Match with the ETag you read"
