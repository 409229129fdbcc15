"""
A plan on a calendar: which workout on which day, and what became of it.

A calendar day is a date in the trainee's zone and is never computed by adding
24 hours: twice a year a day has 23 or 25. Everything here is a pure function of
the document, the start and the pauses, so it can be computed again and must give
the same.

::

    due ──► done | partial          a workout fulfils it, also late from missed or skipped
      ├───► missed                  the day is over, and 24 hours more
      ├───► skipped (trainee) · excused (coach)
      └───► void                    cancelled or upgraded
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import attrs
import msgspec

from coachhub_core.domain import values as v
from coachhub_core.domain.plan_document import PlanDocument
from coachhub_core.domain.prescriptions import ItemCount, Prescription, nothing_done
from coachhub_core.domain.values import FieldRefused, zone_of
from coachhub_core.errors import AlreadyLogged, ScheduledWorkoutIllegalTransition

ScheduledState = Literal["due", "done", "partial", "missed", "skipped", "excused", "void"]
FulfilledState = Literal["done", "partial"]

GRACE: Final = timedelta(hours=24)  # a log may come a day late before the workout counts as missed
FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2199, 12, 31)
MAX_CALENDAR_DAYS: Final = 366

ACTIONS: Final[Mapping[ScheduledState, tuple[str, ...]]] = {
    "due": ("log", "skip"),
    "missed": ("log",),
    "skipped": ("log",),
}
"""What the trainee can do next; any other state allows nothing."""


def day_field(**more: Any) -> Any:
    """Make a field of a calendar day from 2000 to 2199."""

    def check(member: str, value: Any) -> None:
        if not isinstance(value, date) or isinstance(value, datetime):
            raise FieldRefused(member, "must be a date such as 2026-01-05", "date")
        if not FIRST_DAY <= value <= LAST_DAY:
            raise FieldRefused(member, "must be a day from 2000 to 2199", "range")

    return v.field(check, {}, **more)


# ── days and instants ───────────────────────────────────────────────────────


def local_day(now: datetime, zone: str) -> date:
    """Return the calendar day that *now* is in *zone*."""
    return now.astimezone(zone_of(zone)).date()


def start_of_day(day: date, zone: str) -> datetime:
    """Return the instant in UTC when *day* begins in *zone*; where midnight is skipped, the instant it is skipped."""
    return datetime.combine(day, time(), tzinfo=zone_of(zone)).astimezone(UTC)


def missed_at(day: date, zone: str) -> datetime:
    """Return the instant from which a workout of *day* that nobody logged is missed: the day's end and 24 hours."""
    return start_of_day(day + timedelta(days=1), zone) + GRACE


# ── from a document to days ─────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class Shift:
    """A pause that is over: days from ``from_day`` on (as they then stood) moved by ``n_days``."""

    from_day: date
    n_days: int


def shifted(day: date, shifts: Iterable[Shift]) -> date:
    """Return where *day* came to stand after all pauses, in their order."""
    for shift in shifts:
        if day >= shift.from_day:
            day += timedelta(days=shift.n_days)
    return day


@attrs.frozen(kw_only=True)
class PlannedDay:
    """One workout of a plan on one day; ``cycle_no`` counts the cycles of its phase from 1."""

    workout_key: str
    cycle_no: int
    local_date: date
    name: str


def planned_days(document: PlanDocument, start: date, shifts: Sequence[Shift] = ()) -> tuple[PlannedDay, ...]:
    """
    Return every workout of a plan that starts on *start*, by day, then in the document's order.

    Phases follow one another in their order; each repeats its cycle of
    ``cycle_days`` days ``n_cycles`` times.
    """
    found: list[PlannedDay] = []
    cycle_start = 0
    for phase in document.phases:
        workouts = [workout for workout in document.workouts if workout.phase == phase.key]
        for cycle_no in range(1, phase.n_cycles + 1):
            for workout in sorted(workouts, key=lambda w: w.day_offset):
                day = shifted(start + timedelta(days=cycle_start + workout.day_offset), shifts)
                found.append(PlannedDay(workout_key=workout.key, cycle_no=cycle_no, local_date=day, name=workout.name))
            cycle_start += document.cycle_days
    return tuple(found)


@attrs.frozen(kw_only=True)
class Window:
    """Days from ``first`` to ``last``, both included."""

    first: date
    last: date

    def overlaps(self, other: Window) -> bool:
        """Say whether the two share a day."""
        return self.first <= other.last and other.first <= self.last


def window(document: PlanDocument, start: date, shifts: Sequence[Shift] = ()) -> Window:
    """Return the days a plan covers, rest days included, once it starts on *start*."""
    last = start + timedelta(days=max(document.n_days, 1) - 1)
    return Window(first=shifted(start, shifts), last=shifted(last, shifts))


# ── scheduled workouts ──────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class ScheduledWorkout:
    """
    One workout due on one day of an assignment.

    Unique by (``assignment_id``, ``version_number``, ``workout_key``,
    ``cycle_no``). ``prescription`` is canonical JSON, frozen on the day; ``counts``
    are the sets it asks for and those done so far, None until then. ``zone`` is
    the assignment's.
    """

    id: UUID
    assignment_id: UUID
    trainee_id: UUID
    plan_id: UUID
    version_number: int
    workout_key: str
    cycle_no: int
    name: str
    local_date: date
    zone: str
    moved_from: date | None = None
    state: ScheduledState = "due"
    reason: str | None = None
    prescription: bytes | None = None
    counts: tuple[ItemCount, ...] | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @property
    def allowed(self) -> tuple[str, ...]:
        """What the trainee can do next."""
        return ACTIONS.get(self.state, ())

    @property
    def due_at(self) -> datetime | None:
        """When the clock has something to do: freeze it as its day begins, or call it missed; None when never."""
        if self.state != "due":
            return None
        if self.prescription is None:
            return start_of_day(self.local_date, self.zone)
        return missed_at(self.local_date, self.zone)

    def at(self, now: datetime) -> ScheduledWorkout:
        """Return it as a reader at *now* must see it, even if the worker is late: past its time it is missed."""
        is_over = self.state == "due" and now >= missed_at(self.local_date, self.zone)
        return attrs.evolve(self, state="missed") if is_over else self

    def _refuse(self, action: str) -> ScheduledWorkoutIllegalTransition:
        return ScheduledWorkoutIllegalTransition(state=self.state, action=action, allowed=self.allowed)

    def freeze(self, prescription: Prescription, *, now: datetime) -> ScheduledWorkout:
        """Return it with what is asked for on its day; what is frozen already stays."""
        if self.prescription is not None:
            return self
        return attrs.evolve(
            self,
            prescription=prescription.canonical(),
            counts=nothing_done(prescription.workout),
            updated_at=now,
        )

    def fulfil(self, state: FulfilledState, counts: tuple[ItemCount, ...], *, now: datetime) -> ScheduledWorkout:
        """
        Return it done or partial: a workout was logged for it, in time, late, or corrected.

        Raises:
            ScheduledWorkoutIllegalTransition: If it is excused or void.
        """
        if self.state not in ("due", "missed", "skipped", "done", "partial"):
            raise self._refuse("be fulfilled")
        return attrs.evolve(self, state=state, reason=None, counts=counts, updated_at=now)

    def unfulfil(self, *, now: datetime) -> ScheduledWorkout:
        """Return it as if nothing had been logged: due, or missed once its time is over."""
        if self.state not in ("done", "partial"):
            raise self._refuse("lose its log")
        counts = tuple(attrs.evolve(count, n_done=0) for count in self.counts or ())
        return attrs.evolve(self, state="due", counts=counts, updated_at=now).at(now)

    def miss(self, *, now: datetime) -> ScheduledWorkout:
        """Return it missed: nobody logged it in time."""
        if self.state != "due":
            raise self._refuse("be missed")
        return attrs.evolve(self, state="missed", updated_at=now)

    def skip(self, reason: str | None, *, now: datetime) -> ScheduledWorkout:
        """
        Return it skipped by the trainee.

        Raises:
            AlreadyLogged: If a workout fulfils it.
            ScheduledWorkoutIllegalTransition: If it is not due any more.
        """
        if self.state in ("done", "partial"):
            raise AlreadyLogged(state=self.state, allowed=self.allowed, scheduled_workout_id=self.id)
        if self.state != "due":
            raise self._refuse("be skipped")
        return attrs.evolve(self, state="skipped", reason=reason, updated_at=now)

    def void(self, reason: str, *, now: datetime) -> ScheduledWorkout:
        """Return it void: its assignment was cancelled, or moved to a newer version."""
        if self.state != "due":
            raise self._refuse("become void")
        return attrs.evolve(self, state="void", reason=reason, updated_at=now)

    def shift(self, n_days: int, *, now: datetime) -> ScheduledWorkout:
        """Return it *n_days* later; a prescription is made anew when its day comes again."""
        day = self.local_date + timedelta(days=n_days)
        return attrs.evolve(self, local_date=day, prescription=None, counts=None, updated_at=now)


def shift_rows(rows: Iterable[ScheduledWorkout], shift: Shift, *, now: datetime) -> tuple[ScheduledWorkout, ...]:
    """Return the rows that a pause moves, moved: those still due on or after its first day."""
    return tuple(
        row.shift(shift.n_days, now=now) for row in rows if row.state == "due" and row.local_date >= shift.from_day
    )


# ── another version, or other personal changes, for a running assignment ───


@attrs.frozen(kw_only=True)
class Replanned:
    """
    What changes on the calendar.

    ``changed`` are existing rows with their new values (void, moved, or taken up
    again); ``made`` are days that need a new row. Rows in neither stay as they are.
    """

    changed: tuple[ScheduledWorkout, ...]
    made: tuple[PlannedDay, ...]


def replan(
    rows: Iterable[ScheduledWorkout],
    wanted: Iterable[PlannedDay],
    *,
    version_number: int,
    today: date,
    now: datetime,
    reason: str,
) -> Replanned:
    """
    Compare the calendar of a running assignment with the one it should have.

    Only rows that are due after *today* move: today's prescription may be frozen
    and a logged, skipped or excused day is somebody's word. What such a row
    stands for (workout and cycle) is not made a second time.

    Args:
        rows: All rows of the assignment, of every version.
        wanted: The days of the document in force, from :func:`planned_days`.
        version_number: The version *wanted* was computed from.
        reason: What a row that becomes void says.
    """
    settled: set[tuple[str, int]] = set()
    open_rows: dict[tuple[str, int], ScheduledWorkout] = {}
    void_rows: dict[tuple[str, int], ScheduledWorkout] = {}
    changed: list[ScheduledWorkout] = []
    for row in rows:
        place = (row.workout_key, row.cycle_no)
        if row.state == "void":
            if row.version_number == version_number:
                void_rows[place] = row
        elif row.state != "due" or row.local_date <= today:
            settled.add(place)
        elif row.version_number == version_number:
            open_rows[place] = row
        else:
            changed.append(row.void(reason, now=now))
    made: list[PlannedDay] = []
    for day in wanted:
        place = (day.workout_key, day.cycle_no)
        planned = open_rows.pop(place, None)
        if place in settled or day.local_date <= today:
            if planned is not None:
                changed.append(planned.void(reason, now=now))
        elif planned is not None:
            if (planned.local_date, planned.name) != (day.local_date, day.name):
                changed.append(attrs.evolve(planned, local_date=day.local_date, name=day.name, updated_at=now))
        elif (void := void_rows.get(place)) is not None:
            again = attrs.evolve(void, state="due", reason=None, prescription=None, counts=None, updated_at=now)
            changed.append(attrs.evolve(again, local_date=day.local_date, name=day.name))
        else:
            made.append(day)
    changed.extend(row.void(reason, now=now) for row in open_rows.values())
    return Replanned(changed=tuple(changed), made=tuple(made))


# ── commands, queries, views ────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class SkipWorkout:
    """Say that one will not, or did not, do a workout, and why."""

    scheduled_workout_id: UUID
    reason: str | None = v.text(2_000, default=None, optional=True)


@attrs.frozen(kw_only=True)
class ReadCalendar:
    """A trainee's days from ``from`` to ``to``, both included, at most 366; no ``trainee_id`` is oneself."""

    trainee_id: UUID | None = None
    from_: date = day_field()
    to: date = day_field()

    def __attrs_post_init__(self) -> None:
        if self.to < self.from_:
            raise FieldRefused("to", "must not be before from", "order")
        if (self.to - self.from_).days >= MAX_CALENDAR_DAYS:
            raise FieldRefused("to", f"may be at most {MAX_CALENDAR_DAYS} days from from", "range")


@attrs.frozen(kw_only=True)
class ScheduledWorkoutView:
    """
    One day's workout.

    Until ``is_frozen`` the prescription is a preview of the plan as it stands
    now; it is null where a list leaves it out.
    """

    id: UUID
    assignment_id: UUID
    plan_id: UUID
    version_number: int
    workout_key: str
    cycle_no: int
    name: str
    local_date: date
    moved_from: date | None
    state: ScheduledState
    is_paused: bool
    reason: str | None
    is_frozen: bool
    prescription: msgspec.Raw | None = attrs.field(metadata={"model": Prescription})
    workout_id: UUID | None
    allowed: tuple[str, ...]
    version: int

    @classmethod
    def of(
        cls,
        row: ScheduledWorkout,
        *,
        workout_id: UUID | None = None,
        is_paused: bool = False,
        preview: Prescription | None = None,
        may_log: bool,
    ) -> ScheduledWorkoutView:
        """Show *row*; *preview* stands in for a prescription that is not frozen yet."""
        raw = row.prescription if row.prescription is not None else preview.canonical() if preview else None
        return cls(
            id=row.id,
            assignment_id=row.assignment_id,
            plan_id=row.plan_id,
            version_number=row.version_number,
            workout_key=row.workout_key,
            cycle_no=row.cycle_no,
            name=row.name,
            local_date=row.local_date,
            moved_from=row.moved_from,
            state=row.state,
            is_paused=is_paused and row.state == "due",
            reason=row.reason,
            is_frozen=row.prescription is not None,
            prescription=msgspec.Raw(raw) if raw is not None else None,
            workout_id=workout_id,
            allowed=row.allowed if may_log else (),
            version=row.version,
        )


@attrs.frozen(kw_only=True)
class CalendarView:
    """The days asked for, by date; a day without a workout is not listed."""

    trainee_id: UUID
    first: date
    last: date
    items: tuple[ScheduledWorkoutView, ...]
