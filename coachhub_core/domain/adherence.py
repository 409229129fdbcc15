"""
Adherence: how much of what was asked for was done, by a published rule.

A number is never alone: it carries its rule, its window, the day it is as of, and
a hash of what went into it, so that anybody can compute it again and must get
the same. Trainee and coach read the same definition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import attrs

from coachhub_core.domain import values as v
from coachhub_core.domain.plan_document import canonical_json, sha256
from coachhub_core.domain.prescriptions import ItemCount
from coachhub_core.domain.schedule import ScheduledState, day_field
from coachhub_core.domain.values import FieldRefused

AdherenceStatus = Literal["on_track", "partial", "off", "missed"]
WINDOWS: Final = (7, 30, 90)
DEFAULT_WINDOW: Final = 30
ON_TRACK_PERCENT: Final = 80
PARTIAL_PERCENT: Final = 65

RULES: Final[Mapping[str, str]] = {
    "adherence.due.v1": (
        "Scheduled workouts dated in the window, less those excused, void or paused, and less those still to come: "
        "one counts once it is logged or skipped, or when its day and 24 hours more are over as the as_of day begins."
    ),
    "adherence.set_rate.v1": (
        "Sets done divided by sets prescribed, over all due workouts. Per item at most what was prescribed counts; "
        "warm-ups and optional sets are not asked for, substitutions count, extras do not. A workout that prescribes "
        "no set counts as one. Null when nothing was due."
    ),
    "adherence.status.v1": (
        "on_track from 80 % of the sets, partial from 65 %, off below, missed when none was done; null when nothing "
        "was due."
    ),
    "adherence.done.v1": "Due workouts of which at least one prescribed set was done.",
}
"""The published definitions, by the name each number carries."""


@attrs.frozen(kw_only=True)
class Number:
    """
    One number with what it takes to compute it again.

    Args:
        rule: The name of its definition (``RULES``).
        window: The days it looks at, such as ``7d``; null where it looks at none.
        inputs_hash: SHA-256 of the canonical inputs; equal inputs give equal numbers.
    """

    value: float | str | None
    rule: str
    window: str | None
    as_of: date
    inputs_hash: str


def hash_inputs(value: Any) -> str:
    """Return the hash a number carries of what went into it."""
    return sha256(canonical_json(value))


# ── facts ───────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class DueFact:
    """
    What is known of one scheduled workout.

    Args:
        is_paused: Whether a pause that is not over covers its day.
        logged_on: The local day on which its log was recorded; None without one.
        counts: Sets prescribed and done per item, as of the day that is asked about.
    """

    scheduled_workout_id: UUID
    local_date: date
    state: ScheduledState
    is_paused: bool = False
    logged_on: date | None = None
    counts: tuple[ItemCount, ...] = ()

    def is_logged(self, as_of: date) -> bool:
        """Say whether its log was known on *as_of*."""
        return self.state in ("done", "partial") and self.logged_on is not None and self.logged_on <= as_of

    def is_due(self, first: date, as_of: date) -> bool:
        """Say whether it counts in the window from *first* to *as_of* (``adherence.due.v1``)."""
        if self.state in ("excused", "void") or not first <= self.local_date <= as_of:
            return False
        if self.is_logged(as_of) or self.state == "skipped":
            return True
        if self.is_paused:
            return False
        return self.local_date + timedelta(days=2) <= as_of  # its own day and the day after are over

    def sets(self, as_of: date) -> tuple[int, int]:
        """Return sets done and sets prescribed; a workout that prescribes none counts as one."""
        is_logged = self.is_logged(as_of)
        if not self.counts:
            return int(is_logged), 1
        done = sum(min(count.n_done, count.n_prescribed) for count in self.counts) if is_logged else 0
        return done, sum(count.n_prescribed for count in self.counts)


def status_of(n_done: int, n_prescribed: int) -> AdherenceStatus | None:
    """Return the word for a share of sets, in whole numbers so that 80 % is exactly 80 %."""
    if n_prescribed == 0:
        return None
    if n_done == 0:
        return "missed"
    if 100 * n_done >= ON_TRACK_PERCENT * n_prescribed:
        return "on_track"
    return "partial" if 100 * n_done >= PARTIAL_PERCENT * n_prescribed else "off"


def rate_of(n_done: int, n_prescribed: int) -> float | None:
    """Return a share of sets in [0, 1], to four places; None of nothing."""
    return round(n_done / n_prescribed, 4) if n_prescribed else None


# ── the view ────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class WorkoutAdherence:
    """One due workout of the window."""

    scheduled_workout_id: UUID
    local_date: date
    n_prescribed: int
    n_done: int
    status: AdherenceStatus


@attrs.frozen(kw_only=True)
class AdherenceView:
    """Adherence of one trainee over one window, with the workouts it was computed from and the rules in words."""

    trainee_id: UUID
    window: int
    as_of: date
    first: date
    set_rate: Number
    status: Number
    n_due: Number
    n_done: Number
    workouts: tuple[WorkoutAdherence, ...]
    rules: dict[str, str]


def adherence(trainee_id: UUID, facts: Iterable[DueFact], *, window: int, as_of: date) -> AdherenceView:
    """
    Compute a trainee's adherence over the *window* days that end with *as_of*.

    Args:
        facts: Scheduled workouts of any day and state, in any order.
    """
    first = as_of - timedelta(days=window - 1)
    due = sorted(
        (fact for fact in facts if fact.is_due(first, as_of)),
        key=lambda fact: (fact.local_date, fact.scheduled_workout_id.bytes),
    )
    workouts = tuple(_one(fact, as_of) for fact in due)
    n_done = sum(workout.n_done for workout in workouts)
    n_prescribed = sum(workout.n_prescribed for workout in workouts)
    digest = hash_inputs([trainee_id, window, as_of, workouts])

    def number(rule: str, value: float | str | None) -> Number:
        return Number(value=value, rule=rule, window=f"{window}d", as_of=as_of, inputs_hash=digest)

    return AdherenceView(
        trainee_id=trainee_id,
        window=window,
        as_of=as_of,
        first=first,
        set_rate=number("adherence.set_rate.v1", rate_of(n_done, n_prescribed)),
        status=number("adherence.status.v1", status_of(n_done, n_prescribed)),
        n_due=number("adherence.due.v1", len(workouts)),
        n_done=number("adherence.done.v1", sum(1 for workout in workouts if workout.n_done)),
        workouts=workouts,
        rules=dict(RULES),
    )


def _one(fact: DueFact, as_of: date) -> WorkoutAdherence:
    n_done, n_prescribed = fact.sets(as_of)
    return WorkoutAdherence(
        scheduled_workout_id=fact.scheduled_workout_id,
        local_date=fact.local_date,
        n_prescribed=n_prescribed,
        n_done=n_done,
        status=status_of(n_done, n_prescribed) or "missed",
    )


def fell_by(before: Number, now: Number) -> float | None:
    """Return by how much a rate fell from *before* to *now*, in points of 100; None where either is null."""
    if not isinstance(before.value, int | float) or not isinstance(now.value, int | float):
        return None
    return round(100 * (before.value - now.value), 2)


# ── query ───────────────────────────────────────────────────────────────────


def window_field() -> Any:
    """Make a field of a window: 7, 30 or 90 days."""

    def check(member: str, value: Any) -> None:
        if isinstance(value, bool) or value not in WINDOWS:
            raise FieldRefused(member, "must be one of 7, 30, 90", "choice")

    return v.field(check, {"enum": list(WINDOWS)}, default=DEFAULT_WINDOW)


@attrs.frozen(kw_only=True)
class ReadAdherence:
    """A trainee's adherence over 7, 30 or 90 days as of a day, today by default; no ``trainee_id`` is oneself."""

    trainee_id: UUID | None = None
    window: int = window_field()
    as_of: date | None = day_field(default=None, optional=True)


def windows_before(facts: Sequence[DueFact], trainee_id: UUID, *, as_of: date) -> tuple[AdherenceView, AdherenceView]:
    """Return the last 7 days' adherence as of *as_of*, and that of the 7 days before them."""
    now = adherence(trainee_id, facts, window=7, as_of=as_of)
    return now, adherence(trainee_id, facts, window=7, as_of=as_of - timedelta(days=7))
