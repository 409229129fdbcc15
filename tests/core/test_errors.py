"""Every refusal: its code, its status over REST, its sentence. A class without a row fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from coachhub_core import errors as e
from coachhub_core.ports.storage import Duplicate
from coachhub_core.services.units import Replayed
from coachhub_http.errors import status_of

ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
AT = datetime(2026, 1, 5, 9, tzinfo=UTC)

ROWS: list[tuple[e.CoachHubError, str, int, str]] = [
    (e.BadRequest(reason="the body is not JSON"), "bad_request", 400, "the body is not JSON"),
    (e.Invalid.at("/name", "is required"), "validation_failed", 422, "/name: is required"),
    (e.ProfileIncomplete.at("/goal", "is required"), "trainee.profile_incomplete", 422, "/goal: is required"),
    (
        e.CohortInfeasible.at("/partial", "1 of 3 could not be placed (no_seat 1)"),
        "cohort.infeasible",
        422,
        "/partial: 1 of 3 could not be placed (no_seat 1)",
    ),
    (e.PasswordWeak.at("/password", "is too short"), "account.password_weak", 422, "/password: is too short"),
    (e.AvailabilityOverlap.at("/hours/1", "overlaps"), "availability.overlap", 422, "/hours/1: overlaps"),
    (
        e.IdempotencyKeyRequired(operation="matches_post"),
        "idempotency_key_required",
        400,
        "matches_post needs an Idempotency-Key header, so that sending it twice is harmless",
    ),
    (
        e.IdempotencyKeyReused(key="k"),
        "idempotency_key_reused",
        422,
        "the idempotency key 'k' was used for another request; make a new one",
    ),
    (e.TooLarge(what="the body", limit=5), "too_large", 413, "the body may have at most 5 bytes"),
    (
        e.Unauthorized(),
        "unauthorized",
        401,
        "log in: the access token is missing, invalid, expired or revoked",
    ),
    (e.BadCredentials(), "account.bad_credentials", 401, "the address or the password is wrong"),
    (
        e.TokenReused(),
        "account.token_reused",
        401,
        "this refresh token was used before; its session has been ended, log in again",
    ),
    (e.TokenExpired(), "account.token_expired", 401, "this token has expired; log in again"),
    (e.Forbidden(), "forbidden", 403, "this is not yours to do"),
    (e.NotReceiver(), "match.not_receiver", 403, "only the receiver of a request can answer it"),
    (e.GrantMissing(scope="logs"), "grant.scope_missing", 403, "the trainee has not granted you 'logs'"),
    (e.NotFound(kind="match", id=ID), "not_found", 404, f"there is no match {ID}"),
    (e.Conflict(), "conflict", 409, "another writer was first; read again and decide anew"),
    (Duplicate(constraint="users.email_key"), "conflict", 409, "another writer was first; read again and decide anew"),
    (
        e.IllegalTransition(state="done", action="start"),
        "conflict",
        409,
        "a thing that is done cannot start; allowed now: nothing",
    ),
    (
        e.AccountIllegalTransition(state="erased", action="suspend"),
        "account.illegal_transition",
        409,
        "an account that is erased cannot suspend; allowed now: nothing",
    ),
    (
        e.MatchIllegalTransition(state="active", action="accept", allowed=("pause", "end")),
        "match.illegal_transition",
        409,
        "a match that is active cannot accept; allowed now: pause, end",
    ),
    (
        e.AssignmentIllegalTransition(state="completed", action="pause"),
        "assignment.illegal_transition",
        409,
        "an assignment that is completed cannot pause; allowed now: nothing",
    ),
    (
        e.ScheduledWorkoutIllegalTransition(state="void", action="skip"),
        "scheduled_workout.illegal_transition",
        409,
        "a scheduled workout that is void cannot skip; allowed now: nothing",
    ),
    (
        e.PlanIllegalTransition(state="draft", action="archive", allowed=("publish",)),
        "plan.illegal_transition",
        409,
        "a plan that is draft cannot archive; allowed now: publish",
    ),
    (
        e.CohortIllegalTransition(state="applied", action="stop"),
        "cohort.illegal_transition",
        409,
        "a cohort run that is applied cannot stop; allowed now: nothing",
    ),
    (
        e.CohortStale(n_stale=2, examples=("trainee a with coach b: the trainee has a coach by now",)),
        "cohort.stale",
        409,
        "2 placements no longer hold: trainee a with coach b: the trainee has a coach by now; and 1 more; "
        "make a new run, or apply the rest with partial",
    ),
    (e.EmailTaken(), "account.email_taken", 409, "an account with this address exists already"),
    (
        e.ActiveMatch(),
        "account.active_match",
        409,
        "this account has an active match; end it first, or say end_matches",
    ),
    (e.ExportRunning(), "export.running", 409, "an export of this account is being made; fetch that one"),
    (e.CoachProfileExists(), "coach.profile_exists", 409, "this account has a coach profile already"),
    (
        e.CapacityBelowActive(capacity=1, n_active=2),
        "coach.capacity_below_active",
        409,
        "capacity 1 is below the 2 active trainees; set is_accepting to false to take no more",
    ),
    (
        e.GrantNoMatch(coach_id=ID),
        "grant.no_match",
        409,
        f"coach {ID} has no active match with you to grant this to",
    ),
    (e.OpenRequestExists(coach_id=ID), "match.open_request_exists", 409, f"a request to coach {ID} is open already"),
    (e.AlreadyMatched(trainee_id=ID), "match.already_matched", 409, f"trainee {ID} has an active coach already"),
    (
        e.CoachFull(coach_id=ID, capacity=3),
        "match.coach_full",
        409,
        f"coach {ID} already has 3 active trainees and no seat left",
    ),
    (e.CoachNotAccepting(coach_id=ID), "match.not_accepting", 409, f"coach {ID} is not accepting requests"),
    (
        e.TooManyOpenRequests(limit=5),
        "match.too_many_open",
        409,
        "5 requests are open already; withdraw one or wait for an answer",
    ),
    (
        e.MatchSuperseded(match_id=ID),
        "match.superseded",
        409,
        f"match {ID} was superseded: another coach accepted this trainee first",
    ),
    (
        e.MatchExpired(match_id=ID, expired_at=AT),
        "match.expired",
        409,
        f"match {ID} expired at 2026-01-05T09:00:00+00:00 without an answer",
    ),
    (e.MatchNotActive(trainee_id=ID), "match.not_active", 409, f"you have no active match with trainee {ID}"),
    (
        e.ExerciseInUse(exercise_id=ID),
        "exercise.in_use",
        409,
        f"exercise {ID} is used by plans or logs; archive it instead",
    ),
    (e.ExerciseSlugTaken(slug="squat"), "exercise.slug_taken", 409, "you have an exercise 'squat' already"),
    (
        e.PlanPublished(plan_id=ID),
        "plan.published",
        409,
        f"plan {ID} has published versions and cannot be deleted; archive it instead",
    ),
    (
        e.PlanStaleParent(parent=1, head=2),
        "plan.stale_parent",
        409,
        "the newest version is 2, not 1; look at the difference and publish from there",
    ),
    (
        e.PlanNothingToPublish(plan_id=ID),
        "plan.nothing_to_publish",
        409,
        f"plan {ID} has no draft that differs from its newest version",
    ),
    (
        e.AssignmentWindowOverlap(other_id=ID),
        "assignment.window_overlap",
        409,
        f"assignment {ID} covers some of these days already",
    ),
    (
        e.OverrideConflict(keys=("a", "b")),
        "assignment.override_conflict",
        409,
        "the new version changed or removed what is overridden: a, b",
    ),
    (
        e.AlreadyLogged(scheduled_workout_id=ID, state="done"),
        "scheduled_workout.already_logged",
        409,
        f"scheduled workout {ID} is done and can no longer be skipped",
    ),
    (
        e.WorkoutIdReused(workout_id=ID),
        "workout.id_reused",
        409,
        f"workout {ID} is stored with other content; correct it with PUT",
    ),
    (
        e.AlreadyFulfilled(scheduled_workout_id=ID),
        "workout.already_fulfilled",
        409,
        f"scheduled workout {ID} is fulfilled by another workout",
    ),
    (e.ReviewNotEnded(match_id=ID), "review.not_ended", 409, f"match {ID} can be reviewed once it has run and is over"),
    (
        e.AlreadyReviewed(match_id=ID),
        "review.already_reviewed",
        409,
        f"you have reviewed match {ID} already; change that review instead",
    ),
    (
        e.ReviewWindowClosed(closed_at=AT),
        "review.window_closed",
        409,
        "the time to review this match ended at 2026-01-05T09:00:00+00:00",
    ),
    (e.ConversationReadOnly(conversation_id=ID), "conversation.read_only", 409, f"conversation {ID} is read-only"),
    (e.ClientIdConflict(client_id=ID), "client_id_conflict", 409, f"client_id {ID} was used for another message"),
    (e.Busy(what="a backup"), "busy", 409, "a backup is running already"),
    (
        e.VersionMismatch(kind="plan", expected=1, found=2),
        "version_mismatch",
        412,
        "this plan is at version 2, not 1; read it again",
    ),
    (e.IfMatchRequired(), "if_match_required", 428, "changing a resource needs If-Match with the ETag you read"),
    (e.RateLimited(retry_after_seconds=2.4), "rate_limited", 429, "too many requests; try again in 2 s"),
    (
        e.Unavailable(),
        "unavailable",
        503,
        "the database cannot be reached at the moment; nothing was changed, try again",
    ),
    (
        e.Contended(what="this plan"),
        "unavailable",
        503,
        "this plan cannot be reached at the moment; nothing was changed, try again",
    ),
    (
        e.Unwritable(),
        "unavailable",
        503,
        "the database takes no changes at the moment; nothing was changed, try again",
    ),
    (
        e.OutcomeUnknown(),
        "unavailable",
        503,
        "the database did not say whether the change was made; look before doing it again, or send it again under "
        "the same key",
    ),
    (
        e.IndexMissing(),
        "unavailable",
        503,
        "there is no search index yet; it is built from the database by itself, try again",
    ),
    (e.Overloaded(), "overloaded", 503, "too much is being asked at once; try again in a moment"),
    (e.MatcherError(reason="no model"), "matcher.failed", 500, "no model"),
    (e.MatcherTimeout(), "matcher.timeout", 500, "the matcher's deadline is over"),
    (e.MatcherFault(reason="NaN"), "matcher.fault", 500, "NaN"),
    (e.ArtefactError(reason="a bit is flipped"), "matcher.artefact", 500, "a bit is flipped"),
    (e.SettingsError.of(["PORT must be a whole number"]), "settings", 500, "PORT must be a whole number"),
    (e.PluginError(reason="offered twice"), "plugin", 500, "offered twice"),
    (e.BackupError(reason="truncated"), "backup.checksum", 422, "truncated"),
    (Replayed(view=b"{}"), "internal", 500, "this request was answered before"),
]


def every_class(root: type[e.CoachHubError] = e.CoachHubError) -> Iterator[type[e.CoachHubError]]:
    """The tree below *root*, as far as it is the core's."""
    for cls in root.__subclasses__():
        if cls.__module__.startswith("coachhub_core.") and not cls.__name__.startswith("_"):
            yield cls
        yield from every_class(cls)


@pytest.mark.parametrize(("error", "code", "status", "sentence"), ROWS, ids=lambda value: type(value).__name__)
def test_a_refusal_has_its_code_its_status_and_its_sentence(
    error: e.CoachHubError, code: str, status: int, sentence: str
) -> None:
    """These are promises: callers rely on the code, people read the sentence."""
    assert (error.code, status_of(type(error)), str(error)) == (code, status, sentence)


def test_every_refusal_has_a_row() -> None:
    """A new class arrives with its code, its status and its sentence."""
    assert {type(error) for error, *_ in ROWS} == set(every_class()) - {e.Refusal}


def test_codes_are_told_apart() -> None:
    """One code, one meaning; only what a caller need not tell apart shares one."""
    shared = {"conflict", "unavailable"}
    codes = [code for _, code, _, _ in ROWS if code not in shared]
    assert len(codes) == len(set(codes))
