"""The state met does not allow it."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

import attrs

from coachhub_core.errors.base import Refusal


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
class CohortIllegalTransition(IllegalTransition):
    """Raised when a cohort run is asked to do what its state does not allow."""

    code: ClassVar[str] = "cohort.illegal_transition"
    what: ClassVar[str] = "cohort run"


@attrs.define(kw_only=True)
class CohortStale(Conflict):
    """Raised when a run is applied and some of its placements no longer hold; ``examples`` says which and why."""

    code: ClassVar[str] = "cohort.stale"
    n_stale: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        named = "; ".join(self.examples)
        more = f"; and {self.n_stale - len(self.examples)} more" if self.n_stale > len(self.examples) else ""
        held = "placement no longer holds" if self.n_stale == 1 else "placements no longer hold"
        return f"{self.n_stale} {held}: {named}{more}; make a new run, or apply the rest with partial"


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
