"""
Every refusal CoachHub makes, as one tree.

The core raises nothing else on purpose. Each class has a stable ``code`` that
callers may rely on (it is documented and never renamed), carries its facts as
data, and builds its sentence in ``__str__``. Which HTTP status or close code a
class becomes is the shells' business.

::

    CoachHubError
    ├── Refusal                     what a caller asked cannot be granted
    │   ├── BadRequest · Invalid (field by field) · TooLarge
    │   ├── Unauthorized · Forbidden · NotFound
    │   ├── Conflict                the state met does not allow it
    │   ├── VersionMismatch · IfMatchRequired
    │   ├── RateLimited
    │   └── Unavailable · Overloaded
    ├── MatcherError                raised by matchers, answered by the fallback
    ├── SettingsError · PluginError the start is refused
    └── BackupError                 a backup is damaged, or cannot be restored here
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import attrs


class CoachHubError(Exception):
    """The root: catch it to catch everything CoachHub raises on purpose."""

    code: ClassVar[str] = "internal"


class Refusal(CoachHubError):
    """What a caller asked cannot be granted; the sentence is meant for them."""


# ── the request itself ──────────────────────────────────────────────────────


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


# ── who you are, and what you may ───────────────────────────────────────────


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


# ── the state met ───────────────────────────────────────────────────────────


@attrs.define(kw_only=True)
class Conflict(Refusal):
    """Raised when the state met does not allow it; ``state`` and ``allowed`` say what it is and what it would allow."""

    code: ClassVar[str] = "conflict"
    state: str | None = None
    allowed: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "another writer was first; read again and decide anew"


@attrs.define(kw_only=True)
class IllegalTransition(Conflict):
    """Raised when a state machine has no arrow for what was asked."""

    what: ClassVar[str] = "thing"
    action: str

    def __str__(self) -> str:
        allowed = ", ".join(self.allowed) or "nothing"
        article = "an" if self.what[0] in "aeiou" else "a"
        return f"{article} {self.what} that is {self.state} cannot {self.action}; allowed now: {allowed}"


@attrs.define(kw_only=True)
class AccountIllegalTransition(IllegalTransition):
    """Raised when an account is suspended or reinstated out of turn."""

    code: ClassVar[str] = "account.illegal_transition"
    what: ClassVar[str] = "account"


@attrs.define(kw_only=True)
class MatchIllegalTransition(IllegalTransition):
    """Raised when a match is asked to do what its state does not allow."""

    code: ClassVar[str] = "match.illegal_transition"
    what: ClassVar[str] = "match"


@attrs.define(kw_only=True)
class AssignmentIllegalTransition(IllegalTransition):
    """Raised when an assignment is asked to do what its state does not allow."""

    code: ClassVar[str] = "assignment.illegal_transition"
    what: ClassVar[str] = "assignment"


@attrs.define(kw_only=True)
class ScheduledWorkoutIllegalTransition(IllegalTransition):
    """Raised when a day of a calendar is asked to do what its state does not allow."""

    code: ClassVar[str] = "scheduled_workout.illegal_transition"
    what: ClassVar[str] = "scheduled workout"


@attrs.define(kw_only=True)
class PlanIllegalTransition(IllegalTransition):
    """Raised when a plan is archived or brought back out of turn."""

    code: ClassVar[str] = "plan.illegal_transition"
    what: ClassVar[str] = "plan"


@attrs.define(kw_only=True)
class EmailTaken(Conflict):
    """Raised when an account with this address exists, however it was spelled."""

    code: ClassVar[str] = "account.email_taken"

    def __str__(self) -> str:
        return "an account with this address exists already"


@attrs.define(kw_only=True)
class ActiveMatch(Conflict):
    """Raised when an account with an active match asks to be erased without ending it."""

    code: ClassVar[str] = "account.active_match"

    def __str__(self) -> str:
        return "this account has an active match; end it first, or say end_matches"


@attrs.define(kw_only=True)
class ExportRunning(Conflict):
    """Raised when an export is asked for while one is being made."""

    code: ClassVar[str] = "export.running"

    def __str__(self) -> str:
        return "an export of this account is being made; fetch that one"


@attrs.define(kw_only=True)
class CoachProfileExists(Conflict):
    """Raised when an account that has a coach profile makes another."""

    code: ClassVar[str] = "coach.profile_exists"

    def __str__(self) -> str:
        return "this account has a coach profile already"


@attrs.define(kw_only=True)
class CapacityBelowActive(Conflict):
    """Raised when a coach wants fewer seats than are taken."""

    code: ClassVar[str] = "coach.capacity_below_active"
    capacity: int
    n_active: int

    def __str__(self) -> str:
        return (
            f"capacity {self.capacity} is below the {self.n_active} active trainees; "
            "set is_accepting to false to take no more"
        )


@attrs.define(kw_only=True)
class GrantNoMatch(Conflict):
    """Raised when a trainee grants something to a coach who does not coach them."""

    code: ClassVar[str] = "grant.no_match"
    coach_id: UUID

    def __str__(self) -> str:
        return f"coach {self.coach_id} has no active match with you to grant this to"


@attrs.define(kw_only=True)
class OpenRequestExists(Conflict):
    """Raised when a trainee asks a coach who is asked, or coaching them, already."""

    code: ClassVar[str] = "match.open_request_exists"
    coach_id: UUID

    def __str__(self) -> str:
        return f"a request to coach {self.coach_id} is open already"


@attrs.define(kw_only=True)
class AlreadyMatched(Conflict):
    """Raised when a trainee who has an active coach asks, or is accepted by, another."""

    code: ClassVar[str] = "match.already_matched"
    trainee_id: UUID

    def __str__(self) -> str:
        return f"trainee {self.trainee_id} has an active coach already"


@attrs.define(kw_only=True)
class CoachFull(Conflict):
    """Raised when a coach has no seat left, whatever a list said a moment ago."""

    code: ClassVar[str] = "match.coach_full"
    coach_id: UUID
    capacity: int

    def __str__(self) -> str:
        return f"coach {self.coach_id} already has {self.capacity} active trainees and no seat left"


@attrs.define(kw_only=True)
class CoachNotAccepting(Conflict):
    """Raised when a coach takes no requests at present."""

    code: ClassVar[str] = "match.not_accepting"
    coach_id: UUID

    def __str__(self) -> str:
        return f"coach {self.coach_id} is not accepting requests"


@attrs.define(kw_only=True)
class TooManyOpenRequests(Conflict):
    """Raised when a trainee waits for as many answers as are allowed at once."""

    code: ClassVar[str] = "match.too_many_open"
    limit: int

    def __str__(self) -> str:
        return f"{self.limit} requests are open already; withdraw one or wait for an answer"


@attrs.define(kw_only=True)
class MatchSuperseded(Conflict):
    """Raised when a request is answered after another coach was first."""

    code: ClassVar[str] = "match.superseded"
    match_id: UUID

    def __str__(self) -> str:
        return f"match {self.match_id} was superseded: another coach accepted this trainee first"


@attrs.define(kw_only=True)
class MatchExpired(Conflict):
    """Raised when a request is answered after its time."""

    code: ClassVar[str] = "match.expired"
    match_id: UUID
    expired_at: datetime

    def __str__(self) -> str:
        return f"match {self.match_id} expired at {self.expired_at.isoformat()} without an answer"


@attrs.define(kw_only=True)
class MatchNotActive(Conflict):
    """Raised when a plan is assigned where no active match stands behind it."""

    code: ClassVar[str] = "match.not_active"
    trainee_id: UUID

    def __str__(self) -> str:
        return f"you have no active match with trainee {self.trainee_id}"


@attrs.define(kw_only=True)
class ExerciseInUse(Conflict):
    """Raised when an exercise that plans or logs refer to is deleted."""

    code: ClassVar[str] = "exercise.in_use"
    exercise_id: UUID

    def __str__(self) -> str:
        return f"exercise {self.exercise_id} is used by plans or logs; archive it instead"


@attrs.define(kw_only=True)
class ExerciseSlugTaken(Conflict):
    """Raised when an owner has an exercise of this slug already."""

    code: ClassVar[str] = "exercise.slug_taken"
    slug: str

    def __str__(self) -> str:
        return f"you have an exercise {self.slug!r} already"


@attrs.define(kw_only=True)
class PlanPublished(Conflict):
    """Raised when a plan that was ever published is deleted."""

    code: ClassVar[str] = "plan.published"
    plan_id: UUID

    def __str__(self) -> str:
        return f"plan {self.plan_id} has published versions and cannot be deleted; archive it instead"


@attrs.define(kw_only=True)
class PlanStaleParent(Conflict):
    """Raised when a version is published from another parent than the head."""

    code: ClassVar[str] = "plan.stale_parent"
    parent: int | None
    head: int | None

    def __str__(self) -> str:
        return f"the newest version is {self.head}, not {self.parent}; look at the difference and publish from there"


@attrs.define(kw_only=True)
class PlanNothingToPublish(Conflict):
    """Raised when a draft is missing, or equal to the newest version."""

    code: ClassVar[str] = "plan.nothing_to_publish"
    plan_id: UUID

    def __str__(self) -> str:
        return f"plan {self.plan_id} has no draft that differs from its newest version"


@attrs.define(kw_only=True)
class AssignmentWindowOverlap(Conflict):
    """Raised when two main assignments of one trainee would cover the same day."""

    code: ClassVar[str] = "assignment.window_overlap"
    other_id: UUID

    def __str__(self) -> str:
        return f"assignment {self.other_id} covers some of these days already"


@attrs.define(kw_only=True)
class OverrideConflict(Conflict):
    """Raised when an upgrade meets overrides whose keys vanished or changed; nothing moved."""

    code: ClassVar[str] = "assignment.override_conflict"
    keys: tuple[str, ...]

    def __str__(self) -> str:
        return f"the new version changed or removed what is overridden: {', '.join(self.keys)}"


@attrs.define(kw_only=True)
class AlreadyLogged(Conflict):
    """Raised when a day that was logged is skipped."""

    code: ClassVar[str] = "scheduled_workout.already_logged"
    scheduled_workout_id: UUID

    def __str__(self) -> str:
        return f"scheduled workout {self.scheduled_workout_id} is {self.state} and can no longer be skipped"


@attrs.define(kw_only=True)
class WorkoutIdReused(Conflict):
    """Raised when a workout's id comes again with other content."""

    code: ClassVar[str] = "workout.id_reused"
    workout_id: UUID

    def __str__(self) -> str:
        return f"workout {self.workout_id} is stored with other content; correct it with PUT"


@attrs.define(kw_only=True)
class AlreadyFulfilled(Conflict):
    """Raised when a scheduled workout is fulfilled by a second log."""

    code: ClassVar[str] = "workout.already_fulfilled"
    scheduled_workout_id: UUID

    def __str__(self) -> str:
        return f"scheduled workout {self.scheduled_workout_id} is fulfilled by another workout"


@attrs.define(kw_only=True)
class ReviewNotEnded(Conflict):
    """Raised when a match is reviewed that never ran or is not over."""

    code: ClassVar[str] = "review.not_ended"
    match_id: UUID

    def __str__(self) -> str:
        return f"match {self.match_id} can be reviewed once it has run and is over"


@attrs.define(kw_only=True)
class AlreadyReviewed(Conflict):
    """Raised when one side reviews a match twice."""

    code: ClassVar[str] = "review.already_reviewed"
    match_id: UUID

    def __str__(self) -> str:
        return f"you have reviewed match {self.match_id} already; change that review instead"


@attrs.define(kw_only=True)
class ReviewWindowClosed(Conflict):
    """Raised when a review comes, or changes, after its window."""

    code: ClassVar[str] = "review.window_closed"
    closed_at: datetime

    def __str__(self) -> str:
        return f"the time to review this match ended at {self.closed_at.isoformat()}"


@attrs.define(kw_only=True)
class ConversationReadOnly(Conflict):
    """Raised when somebody writes into a conversation whose match is over."""

    code: ClassVar[str] = "conversation.read_only"
    conversation_id: UUID

    def __str__(self) -> str:
        return f"conversation {self.conversation_id} is read-only"


@attrs.define(kw_only=True)
class ClientIdConflict(Conflict):
    """Raised when a device's message id comes again with another body."""

    code: ClassVar[str] = "client_id_conflict"
    client_id: UUID

    def __str__(self) -> str:
        return f"client_id {self.client_id} was used for another message"


@attrs.define(kw_only=True)
class Busy(Conflict):
    """Raised when a long job is asked for while one of its kind runs."""

    code: ClassVar[str] = "busy"
    what: str

    def __str__(self) -> str:
        return f"{self.what} is running already"


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


# ── how much, and whether at all ────────────────────────────────────────────


@attrs.define(kw_only=True)
class RateLimited(Refusal):
    """Raised when somebody asks too often; ``retry_after_seconds`` says when to come back."""

    code: ClassVar[str] = "rate_limited"
    retry_after_seconds: float

    def __str__(self) -> str:
        return f"too many requests; try again in {max(1, round(self.retry_after_seconds))} s"


@attrs.define(kw_only=True)
class Unavailable(Refusal):
    """Raised when what an answer depends on is away; nothing was written."""

    code: ClassVar[str] = "unavailable"
    what: str = "the database"
    retry_after_seconds: float = 1.0

    def __str__(self) -> str:
        return f"{self.what} cannot be reached at the moment; nothing was changed, try again"


@attrs.define(kw_only=True)
class Contended(Unavailable):
    """
    Raised by a storage when a unit of work lost a race it can be run again after.

    Deadlocks, lock waits and a busy SQLite file are meant. The services rerun
    the unit inside its deadline; a caller sees this only when time ran out.
    """


@attrs.define(kw_only=True)
class Overloaded(Refusal):
    """Raised when every worker is taken and the queue is full."""

    code: ClassVar[str] = "overloaded"
    retry_after_seconds: float = 1.0

    def __str__(self) -> str:
        return "too much is being asked at once; try again in a moment"


# ── matchers ────────────────────────────────────────────────────────────────


@attrs.define(kw_only=True)
class MatcherError(CoachHubError):
    """Raised by a matcher that cannot answer: the only error a matcher may raise."""

    code: ClassVar[str] = "matcher.failed"
    reason: str
    is_retryable: bool = False

    def __str__(self) -> str:
        return self.reason


@attrs.define(kw_only=True)
class MatcherTimeout(MatcherError):
    """Raised by a matcher whose deadline is over."""

    code: ClassVar[str] = "matcher.timeout"
    reason: str = "the matcher's deadline is over"
    is_retryable: bool = True


@attrs.define(kw_only=True)
class MatcherFault(MatcherError):
    """Raised by the host when a matcher's answer breaks its contract."""

    code: ClassVar[str] = "matcher.fault"


@attrs.define(kw_only=True)
class ArtefactError(MatcherError):
    """Raised when a model file is damaged, of another format, or not a model at all."""

    code: ClassVar[str] = "matcher.artefact"


# ── the start is refused ────────────────────────────────────────────────────


@attrs.define(kw_only=True)
class SettingsError(CoachHubError):
    """Raised when settings are wrong; names each one, never a secret's value."""

    code: ClassVar[str] = "settings"
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return "; ".join(self.problems)

    @classmethod
    def of(cls, problems: Sequence[str]) -> SettingsError:
        """Build from any sequence of sentences."""
        return cls(problems=tuple(problems))


@attrs.define(kw_only=True)
class PluginError(CoachHubError):
    """Raised when plugins contradict each other, or a chosen name is offered by none."""

    code: ClassVar[str] = "plugin"
    reason: str

    def __str__(self) -> str:
        return self.reason


@attrs.define(kw_only=True)
class BackupError(CoachHubError):
    """Raised when a backup is damaged, or cannot be restored where it was asked to be."""

    code: ClassVar[str] = "backup.checksum"
    reason: str

    def __str__(self) -> str:
        return self.reason
