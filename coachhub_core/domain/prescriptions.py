"""
What was asked of one person on one day, frozen.

On its day a scheduled workout takes its part of the plan, the personal changes
and the resolved weights into its own row. From then on no edit of plan, changes
or thresholds reaches it, and every log can show what was in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final
from uuid import UUID

import attrs

from coachhub_core.domain.plan_document import Block, Item, PlannedWorkout, canonical_json
from coachhub_core.domain.targets import Relative, Resolved, ThresholdFact, Unresolved, resolve
from coachhub_core.domain.trainees import Threshold

_UNITS: Final = {"kg": "kg", "lb": "lb", "lbs": "lb", "w": "W", "watt": "W", "watts": "W", "bpm": "bpm"}
_FITS: Final = {
    "1RM": ("kg", "lb"),
    "e1RM": ("kg", "lb"),
    "bodyweight": ("kg", "lb"),
    "FTP": ("W",),
    "max_heart_rate": ("bpm",),
}


def threshold_facts(thresholds: Iterable[Threshold]) -> tuple[ThresholdFact, ...]:
    """Return a trainee's thresholds as targets read them; one in a unit its kind has not is left out."""
    found = []
    for threshold in thresholds:
        unit = _UNITS.get(threshold.unit.casefold())
        if unit is not None and unit in _FITS[threshold.kind]:
            found.append(
                ThresholdFact(
                    kind=threshold.kind,
                    value=threshold.value,
                    unit=unit,  # type: ignore[arg-type]  # one of the four just looked up
                    as_of=threshold.as_of,
                    source=threshold.source,
                    exercise_id=threshold.exercise_id,
                )
            )
    return tuple(found)


@attrs.frozen(kw_only=True)
class Prescription:
    """One day's workout with every relative target resolved, or listed as unresolved."""

    plan_id: UUID
    version_number: int
    day: date
    workout: PlannedWorkout
    resolved: tuple[Resolved, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()

    def canonical(self) -> bytes:
        """Return it as canonical JSON, the form that is frozen into the row."""
        return canonical_json(self)


def prescribe(
    workout: PlannedWorkout,
    *,
    plan_id: UUID,
    version_number: int,
    thresholds: Iterable[ThresholdFact],
    day: date,
) -> Prescription:
    """
    Resolve a planned workout for one person on one day.

    Args:
        workout: With the trainee's overrides applied already.
        thresholds: Everything known of the trainee; the latest on *day* counts.
    """
    facts = tuple(thresholds)
    resolved: list[Resolved] = []
    unresolved: list[Unresolved] = []
    for _, item in workout.items():
        for each in item.sets:
            for member, target in (("load", each.load), ("effort", each.effort)):
                if not isinstance(target, Relative):
                    continue
                answer = resolve(
                    target,
                    set_key=each.key,
                    member="load" if member == "load" else "effort",
                    exercise_id=item.exercise_id,
                    rounding=item.rounding,
                    thresholds=facts,
                    day=day,
                )
                if isinstance(answer, Resolved):
                    resolved.append(answer)
                else:
                    unresolved.append(answer)
    return Prescription(
        plan_id=plan_id,
        version_number=version_number,
        day=day,
        workout=workout,
        resolved=tuple(resolved),
        unresolved=tuple(unresolved),
    )


@attrs.frozen(kw_only=True)
class PrescribedItem:
    """What adherence asks of one item: how many sets, under which keys, of which exercise."""

    key: str
    exercise_id: UUID | None
    custom_name: str | None
    set_keys: frozenset[str]
    """Keys of the sets that count; a warm-up or an optional set is not among them."""
    other_keys: frozenset[str]
    n_sets: int
    """Sets that count, over all rounds of the block."""


def prescribed_items(workout: PlannedWorkout) -> tuple[PrescribedItem, ...]:
    """Return the items of which at least one set counts, in order."""
    return tuple(_prescribed(workout))


def _prescribed(workout: PlannedWorkout) -> Iterator[PrescribedItem]:
    for block, item in workout.items():
        counted = frozenset(each.key for each in item.sets if each.is_counted)
        if counted:
            yield PrescribedItem(
                key=item.key,
                exercise_id=item.exercise_id,
                custom_name=item.custom_name,
                set_keys=counted,
                other_keys=frozenset(each.key for each in item.sets) - counted,
                n_sets=_n_sets(block, item),
            )


def _n_sets(block: Block, item: Item) -> int:
    return block.n_rounds * sum(1 for each in item.sets if each.is_counted)


@attrs.frozen(kw_only=True)
class ItemCount:
    """How many sets of one prescribed item were asked for and done; more than asked do not count."""

    key: str
    n_prescribed: int
    n_done: int


def nothing_done(workout: PlannedWorkout) -> tuple[ItemCount, ...]:
    """Return the counts of *workout* before anything is logged."""
    return tuple(ItemCount(key=item.key, n_prescribed=item.n_sets, n_done=0) for item in prescribed_items(workout))
