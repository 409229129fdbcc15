"""Builders of plans for tests: a small whole document, and its parts with every member that matters named."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from coachhub_core import wire
from coachhub_core.domain.plan_document import (
    Block,
    Item,
    Phase,
    PlanDocument,
    PlannedWorkout,
    PlanSet,
)
from coachhub_core.domain.targets import Absolute, Range, Relative

SQUAT = UUID("00000000-0000-7000-8000-0000000005a1")
BENCH = UUID("00000000-0000-7000-8000-0000000005a2")


def read_document(value: Any) -> PlanDocument:
    """Make a document of plain values, as the wire does."""
    return wire.structure(PlanDocument, value)


def a_set(key: str = "s1", **members: Any) -> PlanSet:
    """Return a working set of five."""
    return PlanSet(**{"key": key, "type": "working", "reps": Absolute(value=5, unit="reps"), **members})


def an_item(key: str = "i1", *, n_sets: int = 3, exercise_id: UUID | None = SQUAT, **members: Any) -> Item:
    """Return an item of *n_sets* sets, whose keys begin with its own."""
    sets = tuple(a_set(f"{key}-s{n}") for n in range(1, n_sets + 1))
    return Item(**{"key": key, "exercise_id": exercise_id, "sets": sets, **members})


def a_block(key: str = "b1", *items: Item, **members: Any) -> Block:
    """Return a straight block."""
    return Block(**{"key": key, "kind": "straight", "items": items or (an_item(f"{key}-i1"),), **members})


def a_planned_workout(key: str = "w1", *blocks: Block, phase: str = "p1", **members: Any) -> PlannedWorkout:
    """Return a workout on the first day of the cycle."""
    given = {"key": key, "phase": phase, "day_offset": 0, "name": f"Workout {key}", **members}
    return PlannedWorkout(**given, blocks=blocks or (a_block(f"{key}-b1"),))


def a_document(*workouts: PlannedWorkout, n_cycles: int = 4, **members: Any) -> PlanDocument:
    """Return a plan of one phase; by default squats on the first day and presses on the fourth, for four weeks."""
    squats = an_item(
        "squat",
        sets=(
            a_set("squat-warm", type="warmup"),
            a_set("squat-1", load=Relative(of="1RM", percent=75), effort=Range(min=7, max=8, unit="rpe")),
            a_set("squat-2", load=Relative(of="1RM", percent=75), effort=Range(min=7, max=8, unit="rpe")),
        ),
    )
    presses = an_item("bench", exercise_id=BENCH, n_sets=2)
    given = workouts or (
        a_planned_workout("legs", a_block("legs-b1", squats)),
        a_planned_workout("push", a_block("push-b1", presses), day_offset=3),
    )
    phases = (Phase(key="p1", name="Base", n_cycles=n_cycles),)
    return PlanDocument(**{"cycle_days": 7, "phases": phases, "workouts": given, **members})
