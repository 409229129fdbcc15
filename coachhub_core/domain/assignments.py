"""
An assignment: a version of a plan on one trainee's calendar, with personal changes.

::

    scheduled ── its day comes ──► active ⇄ paused ── last day over ──► completed
         └───────────────┴──────────┴── cancel ──► cancelled

A pause shifts the days left by its length and deletes nothing. What the clock
decides (active, completed) is true for every reader from its instant on, whether
or not the worker has written it yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import attrs

from coachhub_core.domain import values as v
from coachhub_core.domain.overrides import Override, overrides_field
from coachhub_core.domain.schedule import Shift, Window, day_field, local_day, start_of_day
from coachhub_core.errors import AssignmentIllegalTransition

AssignmentStatus = Literal["scheduled", "active", "paused", "completed", "cancelled"]
STATUSES: Final[tuple[AssignmentStatus, ...]] = ("scheduled", "active", "paused", "completed", "cancelled")
PauseCause = Literal["coach", "match"]
OPEN: Final[frozenset[str]] = frozenset({"scheduled", "active", "paused"})

ACTIONS: Final[Mapping[AssignmentStatus, tuple[str, ...]]] = {
    "scheduled": ("change", "upgrade", "pause", "cancel"),
    "active": ("change", "upgrade", "pause", "cancel"),
    "paused": ("change", "upgrade", "resume", "cancel"),
}
"""What the coach can do in a status; any other allows nothing."""


@attrs.frozen(kw_only=True)
class Assignment:
    """
    A plan's version on a trainee's calendar, from ``start_date`` to ``end_date`` (both included, rest days too).

    ``start_date`` is the day that was asked for; ``shifts`` are the pauses that
    are over, and ``end_date`` counts them. ``paused_on`` is the local day on which
    the pause began, ``pause_cause`` who wanted it: what the match paused goes on
    with the match.
    """

    id: UUID
    plan_id: UUID
    version_number: int
    trainee_id: UUID
    coach_id: UUID
    match_id: UUID
    start_date: date
    end_date: date
    zone: str
    is_main: bool = True
    overrides: tuple[Override, ...] = ()
    shifts: tuple[Shift, ...] = ()
    status: AssignmentStatus = "scheduled"
    paused_on: date | None = None
    pause_cause: PauseCause | None = None
    reason: str | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @property
    def first_day(self) -> date:
        """The first day with the pauses counted in."""
        day = self.start_date
        for shift in self.shifts:
            if day >= shift.from_day:
                day += timedelta(days=shift.n_days)
        return day

    @property
    def window(self) -> Window:
        """The days it covers."""
        return Window(first=self.first_day, last=self.end_date)

    def status_at(self, now: datetime) -> AssignmentStatus:
        """Return the status as a reader at *now* must see it, even if the worker is late."""
        today = local_day(now, self.zone)
        status = self.status
        if status == "scheduled" and today >= self.first_day:
            status = "active"
        if status == "active" and today > self.end_date:
            status = "completed"
        return status

    @property
    def due_at(self) -> datetime | None:
        """When the clock has something to do: its first day begins, or its last is over; None when never."""
        match self.status:
            case "scheduled":
                return start_of_day(self.first_day, self.zone)
            case "active":
                return start_of_day(self.end_date + timedelta(days=1), self.zone)
        return None

    def allowed_at(self, now: datetime) -> tuple[str, ...]:
        """What its coach can do next."""
        return ACTIONS.get(self.status_at(now), ())

    def check(self, action: str, now: datetime) -> None:
        """
        Check that *action* is allowed now.

        Raises:
            AssignmentIllegalTransition: If it is not; names the state and what is.
        """
        allowed = self.allowed_at(now)
        if action not in allowed:
            raise AssignmentIllegalTransition(state=self.status_at(now), action=action, allowed=allowed)

    # ── transitions ──

    def tick(self, *, now: datetime) -> Assignment:
        """Return it in the status that the clock has brought it to."""
        status = self.status_at(now)
        return self if status == self.status else attrs.evolve(self, status=status, updated_at=now)

    def pause(self, *, now: datetime, cause: PauseCause = "coach") -> Assignment:
        """Return it paused from today on."""
        self.check("pause", now)
        today = local_day(now, self.zone)
        return attrs.evolve(self, status="paused", paused_on=today, pause_cause=cause, updated_at=now)

    @property
    def last_settled(self) -> date | None:
        """The last day a pause leaves alone: what is due after it belongs to the days left. None without a pause."""
        return self.paused_on - timedelta(days=1) if self.paused_on is not None else None

    def push(self, n_days: int, *, now: datetime) -> tuple[Assignment, Shift]:
        """Return it *n_days* later as a whole, to make room for what a pause moved before it."""
        shift = Shift(from_day=self.first_day, n_days=n_days)
        end = self.end_date + timedelta(days=n_days)
        return attrs.evolve(self, shifts=(*self.shifts, shift), end_date=end, updated_at=now), shift

    def resume(self, *, now: datetime) -> tuple[Assignment, Shift | None]:
        """
        Return it going on, and by how much the days left move.

        A pause that cost no day of training (over before the plan's first day, or
        on the day it began) moves nothing: the shift is then None. The caller
        moves the rows by the shift (``schedule.shift_rows``).
        """
        self.check("resume", now)
        today = local_day(now, self.zone)
        from_day = max(self.paused_on or today, self.first_day)
        n_days = min((today - from_day).days, (date.max - self.end_date).days)
        resumed = attrs.evolve(self, paused_on=None, pause_cause=None, updated_at=now)
        shift = None
        if n_days > 0 and from_day <= self.end_date:
            shift = Shift(from_day=from_day, n_days=n_days)
            end = self.end_date + timedelta(days=n_days)
            resumed = attrs.evolve(resumed, shifts=(*self.shifts, shift), end_date=end)
        status: AssignmentStatus = "scheduled" if today < resumed.first_day else "active"
        return attrs.evolve(resumed, status=status), shift

    def cancel(self, reason: str | None, *, now: datetime) -> Assignment:
        """Return it cancelled; days that are due become void, what was logged stays."""
        self.check("cancel", now)
        return attrs.evolve(self, status="cancelled", paused_on=None, pause_cause=None, reason=reason, updated_at=now)

    def upgrade(self, version_number: int, end_date: date, *, now: datetime) -> Assignment:
        """Return it on another version of its plan."""
        self.check("upgrade", now)
        return attrs.evolve(self, version_number=version_number, end_date=end_date, updated_at=now)

    def change(self, overrides: tuple[Override, ...], end_date: date, *, now: datetime) -> Assignment:
        """Return it with other personal changes."""
        self.check("change", now)
        return attrs.evolve(self, overrides=overrides, end_date=end_date, updated_at=now)


# ── commands and queries ────────────────────────────────────────────────────


def _number(**more: Any) -> Any:
    return v.whole(1, 1_000_000, **more)


@attrs.frozen(kw_only=True)
class AssignPlan:
    """
    Put a plan on a trainee's calendar.

    ``version_number`` is the newest by default, ``zone`` the trainee's. Two main
    assignments of one trainee never cover the same day; others may.
    """

    plan_id: UUID
    trainee_id: UUID
    start_date: date = day_field()
    version_number: int | None = _number(default=None, optional=True)
    zone: str | None = v.zone(default=None, optional=True)
    is_main: bool = v.flag(default=True)
    overrides: tuple[Override, ...] = overrides_field(default=())


@attrs.frozen(kw_only=True)
class ChangeAssignment:
    """Replace the personal changes; days to come follow, today and the past do not."""

    assignment_id: UUID
    expected_version: int | None = None
    overrides: tuple[Override, ...] = overrides_field()


@attrs.frozen(kw_only=True)
class UpgradeAssignment:
    """Move a running assignment to a newer version of its plan, the newest by default."""

    assignment_id: UUID
    version_number: int | None = _number(default=None, optional=True)


@attrs.frozen(kw_only=True)
class PauseAssignment:
    """Stop for a while; nothing is missed meanwhile."""

    assignment_id: UUID


@attrs.frozen(kw_only=True)
class ResumeAssignment:
    """Go on; the days left move by the length of the pause."""

    assignment_id: UUID


@attrs.frozen(kw_only=True)
class CancelAssignment:
    """Take a plan off the calendar; what was logged stays."""

    assignment_id: UUID
    reason: str | None = v.text(2_000, default=None, optional=True)


@attrs.frozen(kw_only=True)
class ListAssignments:
    """Assignments one may see, newest first; a coach may name one ``trainee``."""

    trainee: UUID | None = None
    status: AssignmentStatus | None = v.choice(STATUSES, default=None, optional=True)
    limit: int = v.whole(1, 100, default=20)
    cursor: str | None = v.text(1_000, min_len=1, default=None, optional=True)


# ── views ───────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class AssignmentView:
    """An assignment as its coach or its trainee sees it."""

    id: UUID
    plan_id: UUID
    plan_title: str
    version_number: int
    trainee_id: UUID
    coach_id: UUID
    match_id: UUID
    start_date: date
    first_day: date
    end_date: date
    zone: str
    is_main: bool
    overrides: tuple[Override, ...]
    status: AssignmentStatus
    paused_on: date | None
    reason: str | None
    allowed: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, assignment: Assignment, *, plan_title: str, now: datetime, is_coach: bool) -> AssignmentView:
        """Show *assignment*; only its coach can do something with it."""
        return cls(
            id=assignment.id,
            plan_id=assignment.plan_id,
            plan_title=plan_title,
            version_number=assignment.version_number,
            trainee_id=assignment.trainee_id,
            coach_id=assignment.coach_id,
            match_id=assignment.match_id,
            start_date=assignment.start_date,
            first_day=assignment.first_day,
            end_date=assignment.end_date,
            zone=assignment.zone,
            is_main=assignment.is_main,
            overrides=assignment.overrides,
            status=assignment.status_at(now),
            paused_on=assignment.paused_on,
            reason=assignment.reason,
            allowed=assignment.allowed_at(now) if is_coach else (),
            created_at=assignment.created_at,
            updated_at=assignment.updated_at,
            version=assignment.version,
        )


@attrs.frozen(kw_only=True)
class AssignmentPage:
    """One page of assignments."""

    items: tuple[AssignmentView, ...]
    next: str | None
    prev: str | None
