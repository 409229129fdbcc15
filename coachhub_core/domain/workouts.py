"""
The room *workouts*: what really happened, set by set, as the device wrote it.

A workout's id is made by the device, so sending it twice is harmless for ever:
the same id with the same content is the same log. A correction keeps what stood
there before, so that a number of the past can be computed again. What was not
said stays missing; it is never zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import attrs
import msgspec

from coachhub_core.domain import values as v
from coachhub_core.domain.plan_document import SetType, canonical_json, sha256
from coachhub_core.domain.prescriptions import Prescription
from coachhub_core.domain.schedule import FulfilledState, day_field, local_day
from coachhub_core.domain.set_logs import Load, SetEntry, SetLog, Side, TargetSnapshot, number_sets
from coachhub_core.domain.values import FieldRefused

Source = Literal["device", "import", "demo"]

MAX_SETS: Final = 500
MAX_LENGTH: Final = timedelta(hours=48)
MAX_AHEAD: Final = timedelta(hours=24)  # a device's clock may be wrong, but not by more than a day

_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


# ── commands ────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class WorkoutContent:
    """
    What a workout says, however it came to be said.

    ``zone`` is the device's; without it the trainee's own is taken. The workout
    belongs to the local day on which it started, also over midnight.
    """

    started_at: datetime = v.instant()
    ended_at: datetime | None = v.instant(default=None, optional=True)
    zone: str | None = v.zone(default=None, optional=True)
    overall_rpe: float | None = v.number(0, 10, default=None, optional=True)
    notes: str | None = v.text(2_000, default=None, optional=True)
    sets: tuple[SetEntry, ...] = v.items(MAX_SETS, default=())

    def __attrs_post_init__(self) -> None:
        if not _EARLIEST <= self.started_at < _LATEST:
            raise FieldRefused("started_at", "must be an instant from 1970 to 2199", "range")
        if self.ended_at is not None:
            if self.ended_at < self.started_at:
                raise FieldRefused("ended_at", "must not be before started_at", "order")
            if self.ended_at - self.started_at > MAX_LENGTH:
                raise FieldRefused("ended_at", "may be at most 48 hours after started_at", "range")

    def content(self) -> bytes:
        """Return what a workout of this content is compared and kept by: canonical JSON, instants in UTC."""
        own = {f.name: getattr(self, f.name) for f in attrs.fields(WorkoutContent)}
        own["started_at"] = v.to_utc(self.started_at)
        own["ended_at"] = v.to_utc(self.ended_at) if self.ended_at is not None else None
        return canonical_json(own)

    def content_hash(self) -> str:
        """Return the hash of the content."""
        return sha256(self.content())

    def check_time(self, now: datetime) -> None:
        """
        Check that it did not happen tomorrow.

        Raises:
            FieldRefused: If it starts more than a day ahead.
        """
        if self.started_at > now + MAX_AHEAD:
            raise FieldRefused("started_at", "must not lie more than a day ahead", "range")


@attrs.frozen(kw_only=True)
class LogWorkout(WorkoutContent):
    """Log a workout under an id made by the device; sent again it changes nothing."""

    id: UUID
    scheduled_workout_id: UUID | None = None

    def log_hash(self) -> str:
        """Return the hash of the whole log: its content and what it is meant to fulfil."""
        return sha256(canonical_json([self.content_hash(), self.scheduled_workout_id]))


@attrs.frozen(kw_only=True)
class CorrectWorkout(WorkoutContent):
    """Replace what a workout says; what it said before is kept as a revision."""

    workout_id: UUID
    expected_version: int | None = None


@attrs.frozen(kw_only=True)
class DeleteWorkout:
    """Take a workout back; the day it fulfilled is due or missed again."""

    workout_id: UUID
    expected_version: int | None = None


@attrs.frozen(kw_only=True)
class ListWorkouts:
    """Workouts by their local day, newest first; a coach names a ``trainee`` who granted logs."""

    from_: date | None = day_field(default=None, optional=True)
    to: date | None = day_field(default=None, optional=True)
    exercise: UUID | None = None
    trainee: UUID | None = None
    limit: int = v.whole(1, 100, default=20)
    cursor: str | None = v.text(1_000, min_len=1, default=None, optional=True)


# ── entities ────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class WorkoutRevision:
    """What a workout said from ``recorded_at`` until ``replaced_at``; ``content`` is canonical JSON."""

    workout_id: UUID
    number: int
    recorded_at: datetime
    replaced_at: datetime
    content: bytes


@attrs.frozen(kw_only=True)
class Fulfilment:
    """Which workout fulfils which scheduled one; each stands here once at most."""

    scheduled_workout_id: UUID
    workout_id: UUID


@attrs.frozen(kw_only=True)
class Workout:
    """
    One workout of one trainee.

    ``logged_hash`` is of the log as first sent, ``content_hash`` of what it says
    now, so that a late repetition of either is recognized. ``recorded_at`` is
    when the present content was written; ``deleted_at`` when it was taken back.
    """

    id: UUID
    trainee_id: UUID
    started_at: datetime
    ended_at: datetime | None = None
    zone: str
    local_date: date
    overall_rpe: float | None = None
    notes: str | None = None
    source: Source = "device"
    plan_id: UUID | None = None
    version_number: int | None = None
    sets: tuple[SetLog, ...] = ()
    logged_hash: str
    content_hash: str
    n_revisions: int = 0
    recorded_at: datetime
    deleted_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @classmethod
    def log(
        cls,
        command: LogWorkout,
        *,
        trainee_id: UUID,
        zone: str,
        now: datetime,
        prescription: Prescription | None = None,
        source: Source = "device",
    ) -> Workout:
        """
        Return the workout that *command* tells of.

        Args:
            zone: The trainee's, taken where the device named none.
            prescription: What was asked for, if it fulfils a scheduled workout; its
                targets are copied beside the sets.
        """
        zone = command.zone or zone
        started = v.to_utc(command.started_at)
        return cls(
            id=command.id,
            trainee_id=trainee_id,
            started_at=started,
            ended_at=v.to_utc(command.ended_at) if command.ended_at is not None else None,
            zone=zone,
            local_date=local_day(started, zone),
            overall_rpe=command.overall_rpe,
            notes=command.notes,
            source=source,
            plan_id=prescription.plan_id if prescription else None,
            version_number=prescription.version_number if prescription else None,
            sets=number_sets(command.sets, prescription),
            logged_hash=command.log_hash(),
            content_hash=command.content_hash(),
            recorded_at=now,
            created_at=now,
            updated_at=now,
        )

    def is_same(self, command: LogWorkout, *, fulfils: UUID | None) -> bool:
        """
        Say whether *command* is this log once more, as it was first sent or as it is stored now.

        Args:
            fulfils: The scheduled workout that this one fulfils, if any.
        """
        if command.log_hash() == self.logged_hash:
            return True
        return command.content_hash() == self.content_hash and command.scheduled_workout_id == fulfils

    def content(self) -> WorkoutContent:
        """Return what it says now."""
        return WorkoutContent(
            started_at=self.started_at,
            ended_at=self.ended_at,
            zone=self.zone,
            overall_rpe=self.overall_rpe,
            notes=self.notes,
            sets=tuple(log.entry for log in self.sets),
        )

    def correct(
        self, command: CorrectWorkout, *, now: datetime, prescription: Prescription | None = None
    ) -> tuple[Workout, WorkoutRevision | None]:
        """
        Return the workout saying what *command* says, and what it said before.

        The local day is fixed by the first log's zone unless the command names
        another. A correction that changes nothing makes no revision.
        """
        if command.content_hash() == self.content_hash:
            return self, None
        zone = command.zone or self.zone
        started = v.to_utc(command.started_at)
        revision = WorkoutRevision(
            workout_id=self.id,
            number=self.n_revisions + 1,
            recorded_at=self.recorded_at,
            replaced_at=now,
            content=self.content().content(),
        )
        corrected = attrs.evolve(
            self,
            started_at=started,
            ended_at=v.to_utc(command.ended_at) if command.ended_at is not None else None,
            zone=zone,
            local_date=local_day(started, zone),
            overall_rpe=command.overall_rpe,
            notes=command.notes,
            sets=number_sets(command.sets, prescription),
            content_hash=command.content_hash(),
            n_revisions=revision.number,
            recorded_at=now,
            updated_at=now,
        )
        return corrected, revision

    def delete(self, *, now: datetime) -> Workout:
        """Return it taken back: no list shows it, and its id is never free for another."""
        return attrs.evolve(self, deleted_at=now, updated_at=now)


def content_at(workout: Workout, revisions: Iterable[WorkoutRevision], instant: datetime) -> bytes | None:
    """
    Return what a workout said at *instant*, as canonical JSON.

    Returns:
        None if it had not been logged yet, or had been taken back by then.
    """
    if workout.created_at > instant or (workout.deleted_at is not None and workout.deleted_at <= instant):
        return None
    if workout.recorded_at <= instant:
        return workout.content().content()
    for revision in revisions:
        if revision.recorded_at <= instant < revision.replaced_at:
            return revision.content
    return None


# ── views ───────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class SetLogView:
    """One set as it was entered, with its canonical load and what was asked for."""

    ordinal: int
    set_key: str | None
    exercise_id: UUID | None
    custom_name: str | None
    type: SetType
    reps: int | None
    load: Load | None
    load_kg: float | None
    duration_seconds: float | None
    distance_metres: float | None
    rpe: float | None
    rir: float | None
    rest_seconds: int | None
    substituted_for: UUID | None
    side: Side | None
    notes: str | None
    target: TargetSnapshot | None

    @classmethod
    def of(cls, log: SetLog) -> SetLogView:
        """Show *log*."""
        entry: dict[str, Any] = {f.name: getattr(log.entry, f.name) for f in attrs.fields(SetEntry)}
        return cls(ordinal=log.ordinal, load_kg=log.load_kg, target=log.target, **entry)


@attrs.frozen(kw_only=True)
class WorkoutView:
    """A workout as its trainee, or a coach with their grant, sees it."""

    id: UUID
    trainee_id: UUID
    scheduled_workout_id: UUID | None
    fulfils: FulfilledState | None
    started_at: datetime
    ended_at: datetime | None
    zone: str
    local_date: date
    overall_rpe: float | None
    notes: str | None
    source: Source
    plan_id: UUID | None
    version_number: int | None
    sets: tuple[SetLogView, ...]
    n_revisions: int
    recorded_at: datetime
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(
        cls,
        workout: Workout,
        *,
        scheduled_workout_id: UUID | None = None,
        fulfils: FulfilledState | None = None,
    ) -> WorkoutView:
        """Show *workout*, and which scheduled one it fulfils and how."""
        own = ("sets", "scheduled_workout_id", "fulfils")
        shown = {f.name: getattr(workout, f.name) for f in attrs.fields(cls) if f.name not in own}
        return cls(
            **shown,
            sets=tuple(SetLogView.of(log) for log in workout.sets),
            scheduled_workout_id=scheduled_workout_id,
            fulfils=fulfils,
        )


@attrs.frozen(kw_only=True)
class WorkoutPage:
    """One page of workouts."""

    items: tuple[WorkoutView, ...]
    next: str | None
    prev: str | None


@attrs.frozen(kw_only=True)
class WorkoutRevisionView:
    """What a workout said before a correction."""

    number: int
    recorded_at: datetime
    replaced_at: datetime
    content: msgspec.Raw = attrs.field(metadata={"model": WorkoutContent})

    @classmethod
    def of(cls, revision: WorkoutRevision) -> WorkoutRevisionView:
        """Show *revision*."""
        return cls(
            number=revision.number,
            recorded_at=revision.recorded_at,
            replaced_at=revision.replaced_at,
            content=msgspec.Raw(revision.content),
        )


@attrs.frozen(kw_only=True)
class WorkoutRevisionPage:
    """All revisions of a workout, oldest first."""

    items: tuple[WorkoutRevisionView, ...]
    next: str | None = None
    prev: str | None = None
