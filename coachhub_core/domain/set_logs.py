"""
The sets of a workout: as the device wrote them, and what they count for.

Units are kept as they were entered, with a canonical value beside them. What was
not said stays missing; it is never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal
from uuid import UUID

import attrs

from coachhub_core.domain import values as v
from coachhub_core.domain.plan_document import SET_TYPES, PlannedWorkout, SetType, key_field
from coachhub_core.domain.prescriptions import ItemCount, Prescription, prescribed_items
from coachhub_core.domain.schedule import FulfilledState
from coachhub_core.domain.targets import Absolute, LoadUnit, Range, Resolved, Target, to_kg
from coachhub_core.domain.values import FieldRefused

Basis = Literal["total", "per_side", "added", "assisted"]
Side = Literal["left", "right", "both"]


@attrs.frozen(kw_only=True)
class Load:
    """
    A weight as it was entered.

    ``total`` is everything that moved, ``per_side`` what was in each hand or on
    each end, ``added`` to one's own body, ``assisted`` taken off it by a machine
    or a band.
    """

    value: float = v.number(0, 2_204)
    unit: LoadUnit = v.choice(("kg", "lb"))
    basis: Basis = v.choice(("total", "per_side", "added", "assisted"), default="total")

    @property
    def kg(self) -> float:
        """The external load in kilograms, to the gram: twice what is per side, negative where it assists."""
        factor = {"per_side": 2, "assisted": -1}.get(self.basis, 1)
        return round(factor * to_kg(self.value, self.unit), 3)


@attrs.frozen(kw_only=True)
class SetEntry:
    """
    One set as the device logs it.

    Args:
        set_key: The set of the prescription it was done for, if any.
        exercise_id: What was done; or ``custom_name`` where the list has no such exercise.
        substituted_for: The prescribed exercise in whose place it was done.
    """

    set_key: str | None = key_field(default=None, optional=True)
    exercise_id: UUID | None = None
    custom_name: str | None = v.line(default=None, optional=True)
    type: SetType = v.choice(SET_TYPES, default="working")
    reps: int | None = v.whole(0, 10_000, default=None, optional=True)
    load: Load | None = None
    duration_seconds: float | None = v.number(0, 172_800, default=None, optional=True)
    distance_metres: float | None = v.number(0, 1_000_000, default=None, optional=True)
    rpe: float | None = v.number(0, 10, default=None, optional=True)
    rir: float | None = v.number(0, 20, default=None, optional=True)
    rest_seconds: int | None = v.whole(0, 86_400, default=None, optional=True)
    substituted_for: UUID | None = None
    side: Side | None = v.choice(("left", "right", "both"), default=None, optional=True)
    notes: str | None = v.text(2_000, default=None, optional=True)

    def __attrs_post_init__(self) -> None:
        if (self.exercise_id is None) == (self.custom_name is None):
            raise FieldRefused("exercise_id", "must be given, or else custom_name: exactly one of them", "exactly_one")

    @property
    def is_performed(self) -> bool:
        """Whether something was done: an attempt of zero repetitions, with nothing else, was not."""
        if self.reps is None and self.duration_seconds is None and self.distance_metres is None:
            return True  # not said is not zero
        return bool(self.reps or self.duration_seconds or self.distance_metres)


@attrs.frozen(kw_only=True)
class TargetSnapshot:
    """What the set was asked to be, copied when it was logged."""

    reps: Target | None = None
    duration: Target | None = None
    distance: Target | None = None
    load: Target | None = None
    effort: Target | None = None
    resolved_load: Resolved | None = None
    resolved_effort: Resolved | None = None

    @property
    def rpe(self) -> float | None:
        """The highest RPE that was asked for; None where effort was not asked for in RPE."""
        match self.effort:
            case Absolute(value=value, unit="rpe"):
                return value
            case Range(max=value, unit="rpe"):
                return value
        return None


@attrs.frozen(kw_only=True)
class SetLog:
    """One set of a workout: what the device wrote, its place from 1, and what was asked for."""

    ordinal: int
    entry: SetEntry
    target: TargetSnapshot | None = None

    @property
    def load_kg(self) -> float | None:
        """The external load in kilograms; None where none was entered."""
        return self.entry.load.kg if self.entry.load is not None else None


def number_sets(entries: Sequence[SetEntry], prescription: Prescription | None) -> tuple[SetLog, ...]:
    """Return *entries* numbered from 1, each with what *prescription* asked of it."""
    asked = snapshots(prescription) if prescription is not None else {}
    return tuple(
        SetLog(ordinal=ordinal, entry=entry, target=asked.get(entry.set_key) if entry.set_key is not None else None)
        for ordinal, entry in enumerate(entries, start=1)
    )


def snapshots(prescription: Prescription) -> dict[str, TargetSnapshot]:
    """Return what each set of *prescription* asks for, by its key."""
    resolved = {(r.set_key, r.member): r for r in prescription.resolved}
    return {
        each.key: TargetSnapshot(
            reps=each.reps,
            duration=each.duration,
            distance=each.distance,
            load=each.load,
            effort=each.effort,
            resolved_load=resolved.get((each.key, "load")),
            resolved_effort=resolved.get((each.key, "effort")),
        )
        for _, item in prescription.workout.items()
        for each in item.sets
    }


# ── what a log fulfils ──────────────────────────────────────────────────────


def count_sets(workout: PlannedWorkout, entries: Iterable[SetEntry]) -> tuple[ItemCount, ...]:
    """
    Count the sets of *entries* towards the items of *workout*.

    A set counts for the item whose set it names, whatever was done there
    (substitutions count); one that names no set of this workout for the item whose
    exercise was done or substituted, in the items' order while one has sets left.
    Warm-ups, optional sets, failed attempts and extras count for nothing.

    Returns:
        One count per item that has sets to count, in order; empty if there is none.
    """
    items = prescribed_items(workout)
    known = {each.key for _, item in workout.items() for each in item.sets}
    done = [0] * len(items)
    unnamed: list[SetEntry] = []
    for entry in entries:
        if not entry.is_performed:
            continue
        if entry.set_key is None or entry.set_key not in known:
            if entry.type != "warmup":
                unnamed.append(entry)
            continue
        for place, item in enumerate(items):
            if entry.set_key in item.set_keys:
                done[place] += 1
                break
    for entry in unnamed:
        for place, item in enumerate(items):
            if done[place] < item.n_sets and _is_of(entry, item.exercise_id, item.custom_name):
                done[place] += 1
                break
    return tuple(
        ItemCount(key=item.key, n_prescribed=item.n_sets, n_done=min(n, item.n_sets))
        for item, n in zip(items, done, strict=True)
    )


def _is_of(entry: SetEntry, exercise_id: UUID | None, custom_name: str | None) -> bool:
    if exercise_id is not None:
        return exercise_id in (entry.exercise_id, entry.substituted_for)
    return entry.custom_name is not None and entry.custom_name == custom_name


def fulfilled_state(workout: PlannedWorkout, entries: Sequence[SetEntry]) -> FulfilledState | None:
    """
    Say what a log makes of the workout that was asked for.

    Returns:
        ``done`` if every counted set was done (or none was asked for), ``partial``
        if some were, None if the log has nothing to do with it.
    """
    return state_of(count_sets(workout, entries))


def state_of(counts: Sequence[ItemCount]) -> FulfilledState | None:
    """Say what counts amount to, as :func:`fulfilled_state` does."""
    if not counts:
        return "done"
    if all(count.n_done == count.n_prescribed for count in counts):
        return "done"
    return "partial" if any(count.n_done for count in counts) else None
