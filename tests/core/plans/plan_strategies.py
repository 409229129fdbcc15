"""Hypothesis strategies for whole plan documents: every kind of part and of target, keys unique."""

from __future__ import annotations

import uuid

from hypothesis import strategies as st

from coachhub_core.domain.plan_document import (
    BLOCK_KINDS,
    SET_TYPES,
    Block,
    Item,
    Phase,
    PlanDocument,
    PlannedWorkout,
    PlanSet,
)
from coachhub_core.domain.targets import Absolute, Range, Relative, Rounding, Stop

LINES = st.sampled_from(["Base", "Día de piernas 🏋️", "كتف", "ベンチ", "a"])
NOTES = st.none() | st.sampled_from(["", "slow\ndown", "cafe\u0301 🏃", "x" * 2_000])
UUIDS = st.integers(1, 40).map(lambda n: uuid.UUID(int=n))
NUMBERS = st.integers(1, 20) | st.sampled_from([2.5, 7.25, 10.0, 0.1, 19.9])


def ranges(unit: str, low: float, high: float) -> st.SearchStrategy[Range]:
    ends = st.tuples(st.integers(int(low), int(high)), st.integers(int(low), int(high))).map(sorted)
    return ends.flatmap(
        lambda e: st.builds(
            Range, min=st.just(e[0]), max=st.just(e[1]), target=st.none() | st.integers(e[0], e[1]), unit=st.just(unit)
        )
    )


REPS = st.one_of(
    st.builds(Absolute, value=st.integers(1, 30), unit=st.just("reps")),
    ranges("reps", 1, 30),
    st.builds(Stop, until=st.sampled_from(["to_failure", "amrap"])),
    st.builds(Stop, until=st.just("to_rpe"), value=st.sampled_from([7, 8.5, 9])),
)
LOADS = st.one_of(
    st.builds(Absolute, value=NUMBERS, unit=st.sampled_from(["kg", "lb"])),
    ranges("kg", 20, 200),
    st.builds(Relative, of=st.sampled_from(["1RM", "e1RM", "bodyweight"]), percent=st.integers(1, 120)),
    st.builds(Relative, of=st.just("1RM"), min=st.just(70), max=st.just(82.5), exercise_id=st.none() | UUIDS),
)
EFFORTS = st.one_of(
    st.builds(Absolute, value=st.sampled_from([6, 7.5, 9]), unit=st.just("rpe")),
    ranges("rir", 0, 5),
    ranges("bpm", 100, 180),
    st.builds(Relative, of=st.sampled_from(["FTP", "max_heart_rate"]), min=st.just(60), max=st.just(75)),
)
TIMES = st.builds(Absolute, value=NUMBERS, unit=st.sampled_from(["s", "min"])) | st.just(Stop(until="to_failure"))
DISTANCES = st.builds(Absolute, value=NUMBERS, unit=st.sampled_from(["m", "km", "mi", "yd"]))
ROUNDINGS = st.builds(
    Rounding,
    step=st.sampled_from([0.5, 1, 1.25, 2.5, 5]),
    unit=st.sampled_from(["kg", "lb"]),
    mode=st.none() | st.sampled_from(["nearest", "down", "up"]),
    min=st.none() | st.sampled_from([15, 20]),
)


@st.composite
def documents(draw: st.DrawFn) -> PlanDocument:
    """Small documents of one to three phases, of every shape that is allowed."""
    names = st.sampled_from(["a", "squat", "Bench.press", "x_1", "9"])
    counter = iter(range(10_000))

    def key() -> str:
        return f"{draw(names)}-{next(counter)}"

    def a_set() -> PlanSet:
        return PlanSet(
            key=key(),
            type=draw(st.sampled_from(SET_TYPES)),
            reps=draw(st.none() | REPS),
            duration=draw(st.none() | TIMES),
            distance=draw(st.none() | DISTANCES),
            load=draw(st.none() | LOADS),
            effort=draw(st.none() | EFFORTS),
            rest_seconds=draw(st.none() | st.integers(0, 600)),
            is_optional=draw(st.none() | st.booleans()),
        )

    def an_item() -> Item:
        is_custom = draw(st.booleans())
        return Item(
            key=key(),
            exercise_id=None if is_custom else draw(UUIDS),
            custom_name=draw(LINES) if is_custom else None,
            notes=draw(NOTES),
            tempo=draw(st.none() | st.just("31X0")),
            rounding=draw(st.none() | ROUNDINGS),
            sets=tuple(a_set() for _ in range(draw(st.integers(0, 2)))),
        )

    def a_block() -> Block:
        return Block(
            key=key(),
            kind=draw(st.sampled_from(BLOCK_KINDS)),
            rounds=draw(st.none() | st.integers(1, 5)),
            rest_seconds=draw(st.none() | st.integers(0, 600)),
            duration_seconds=draw(st.none() | st.integers(1, 3_600)),
            items=tuple(an_item() for _ in range(draw(st.integers(0, 2)))),
        )

    cycle_days = draw(st.integers(1, 10))
    phases = tuple(
        Phase(key=key(), name=draw(LINES), goal=draw(NOTES), n_cycles=draw(st.integers(1, 5)))
        for _ in range(draw(st.integers(1, 3)))
    )
    workouts = tuple(
        PlannedWorkout(
            key=key(),
            phase=draw(st.sampled_from([phase.key for phase in phases])),
            day_offset=draw(st.integers(0, cycle_days - 1)),
            name=draw(LINES),
            notes=draw(NOTES),
            blocks=tuple(a_block() for _ in range(draw(st.integers(0, 2)))),
        )
        for _ in range(draw(st.integers(0, 3)))
    )
    return PlanDocument(cycle_days=cycle_days, phases=phases, workouts=workouts)
