"""
What a set asks for, and what that means for one person on one day.

A target is one of four kinds. A relative one ("75 % of the 1RM") becomes a
weight that can be loaded once the person's latest threshold is known; without
one it stays unresolved, because a guessed weight is worse than none. Nothing is
ever inferred from one scale to another: RPE does not become RIR.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal
from uuid import UUID

import attrs

from coachhub_core.domain import values as v
from coachhub_core.domain.values import FieldRefused

Unit = Literal["reps", "kg", "lb", "s", "min", "h", "m", "km", "mi", "yd", "rpe", "rir", "bpm", "W"]
ThresholdKind = Literal["1RM", "e1RM", "FTP", "max_heart_rate", "bodyweight"]
ThresholdSource = Literal["tested", "estimated"]
LoadUnit = Literal["kg", "lb"]
RoundingMode = Literal["nearest", "down", "up"]
StopRule = Literal["to_failure", "amrap", "to_rpe"]

UNITS: Final[tuple[Unit, ...]] = ("reps", "kg", "lb", "s", "min", "h", "m", "km", "mi", "yd", "rpe", "rir", "bpm", "W")
THRESHOLD_KINDS: Final[tuple[ThresholdKind, ...]] = ("1RM", "e1RM", "FTP", "max_heart_rate", "bodyweight")
OF_AN_EXERCISE: Final[frozenset[str]] = frozenset({"1RM", "e1RM"})

LIMITS: Final[Mapping[Unit, tuple[float, float]]] = {
    "reps": (0, 10_000),
    "kg": (0, 1_000),
    "lb": (0, 2_204),
    "s": (0, 172_800),
    "min": (0, 2_880),
    "h": (0, 48),
    "m": (0, 1_000_000),
    "km": (0, 1_000),
    "mi": (0, 621),
    "yd": (0, 1_093_613),
    "rpe": (1, 10),
    "rir": (0, 20),
    "bpm": (20, 260),
    "W": (0, 3_000),
}
"""Lowest and highest value of each unit: wide enough for every athlete, narrow enough to catch a slipped key."""

KG_PER_LB: Final = Fraction(45_359_237, 100_000_000)  # exact, by the pound's definition of 1959


def exact(value: float) -> Fraction:
    """Return the decimal number a person wrote, not its nearest binary neighbour: 0.1 is one tenth."""
    return Fraction(Decimal(str(value)))


def to_kg(value: float, unit: LoadUnit) -> float:
    """Return *value* in kilograms, to the gram."""
    return float(round(exact(value) * (KG_PER_LB if unit == "lb" else 1), 3))


def _check_value(member: str, value: float, unit: Unit) -> None:
    low, high = LIMITS[unit]
    if not low <= value <= high:
        raise FieldRefused(member, f"must be from {low:g} to {high:g} {unit}", "range")
    if unit == "reps" and value != int(value):
        raise FieldRefused(member, "must be a whole number of reps", "whole")


# ── the four kinds ──────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class Absolute:
    """Exactly this: 100 kg, 5 reps, RPE 8."""

    kind: Literal["absolute"] = "absolute"
    value: float = v.number(0, 1_093_613)
    unit: Unit = v.choice(UNITS)

    def __attrs_post_init__(self) -> None:
        _check_value("value", self.value, self.unit)


@attrs.frozen(kw_only=True)
class Range:
    """Anything from ``min`` to ``max``, best at ``target`` where one is named."""

    kind: Literal["range"] = "range"
    min: float = v.number(0, 1_093_613)
    target: float | None = v.number(0, 1_093_613, default=None, optional=True)
    max: float = v.number(0, 1_093_613)
    unit: Unit = v.choice(UNITS)

    def __attrs_post_init__(self) -> None:
        _check_value("min", self.min, self.unit)
        _check_value("max", self.max, self.unit)
        if self.min > self.max:
            raise FieldRefused("max", "must not be below min", "order")
        if self.target is not None:
            _check_value("target", self.target, self.unit)
            if not self.min <= self.target <= self.max:
                raise FieldRefused("target", "must lie between min and max", "order")


@attrs.frozen(kw_only=True)
class Relative:
    """
    A share of a threshold, in percent: either ``percent``, or ``min`` and ``max``.

    1RM and e1RM are those of the item's own exercise, unless ``exercise_id``
    names another (a front squat at 70 % of the back squat).
    """

    kind: Literal["relative"] = "relative"
    of: ThresholdKind = v.choice(THRESHOLD_KINDS)
    percent: float | None = v.number(1, 400, default=None, optional=True)
    min: float | None = v.number(1, 400, default=None, optional=True)
    max: float | None = v.number(1, 400, default=None, optional=True)
    exercise_id: UUID | None = None

    def __attrs_post_init__(self) -> None:
        has_range = self.min is not None or self.max is not None
        if (self.percent is not None) == has_range:
            raise FieldRefused("percent", "must be given, or else both min and max", "exactly_one")
        if has_range:
            if self.min is None or self.max is None:
                missing = "min" if self.min is None else "max"
                raise FieldRefused(missing, "is required beside the other end of the range", "required")
            if self.min > self.max:
                raise FieldRefused("max", "must not be below min", "order")
        if self.exercise_id is not None and self.of not in OF_AN_EXERCISE:
            raise FieldRefused("exercise_id", f"makes no sense for {self.of}, which belongs to no exercise", "excess")


@attrs.frozen(kw_only=True)
class Stop:
    """When to stop instead of how much: at failure, after as many as possible, or once the effort is ``value`` RPE."""

    kind: Literal["stop"] = "stop"
    until: StopRule = v.choice(("to_failure", "amrap", "to_rpe"))
    value: float | None = v.number(1, 10, default=None, optional=True)

    def __attrs_post_init__(self) -> None:
        if self.until == "to_rpe" and self.value is None:
            raise FieldRefused("value", "is required for to_rpe", "required")
        if self.until == "to_failure" and self.value is not None:
            raise FieldRefused("value", "makes no sense for to_failure", "excess")


Target = Absolute | Range | Relative | Stop

_TIME: Final = frozenset({"s", "min", "h"})
_DISTANCE: Final = frozenset({"m", "km", "mi", "yd"})
_LOAD: Final = frozenset({"kg", "lb"})
_EFFORT: Final = frozenset({"rpe", "rir", "bpm", "W"})

TAKES: Final[Mapping[str, tuple[frozenset[str], frozenset[str], bool]]] = {
    "reps": (frozenset({"reps"}), frozenset(), True),
    "duration": (_TIME, frozenset(), True),
    "distance": (_DISTANCE, frozenset(), True),
    "load": (_LOAD, frozenset({"1RM", "e1RM", "bodyweight"}), False),
    "effort": (_EFFORT, frozenset({"FTP", "max_heart_rate"}), False),
}
"""For each member of a set: the units it takes, the thresholds it may be relative to, whether it may be a stop."""


def check_target(member: str, target: Target) -> None:
    """
    Check that *target* fits the *member* of a set it stands in.

    Raises:
        FieldRefused: If a load is in beats, reps are relative, and the like.
    """
    units, thresholds, may_stop = TAKES[member]
    match target:
        case Absolute() | Range():
            if target.unit not in units:
                raise FieldRefused(f"{member}/unit", f"must be one of {', '.join(sorted(units))} here", "choice")
        case Relative():
            if target.of not in thresholds:
                known = ", ".join(sorted(thresholds))
                says = f"must be one of {known} here" if known else f"{member} cannot be relative to a threshold"
                raise FieldRefused(f"{member}/of", says, "choice")
        case Stop():
            if not may_stop:
                raise FieldRefused(f"{member}/kind", f"{member} cannot be a rule for stopping", "choice")


# ── what can be loaded ──────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class Rounding:
    """Which weights exist here: steps of ``step`` from zero, nothing below ``min`` (the empty bar)."""

    step: float = v.number(0.1, 100)
    unit: LoadUnit = v.choice(("kg", "lb"))
    mode: RoundingMode | None = v.choice(("nearest", "down", "up"), default=None, optional=True)
    min: float | None = v.number(0, 500, default=None, optional=True)

    def apply(self, load: Fraction) -> float:
        """Return the weight that can be loaded for *load*, in this unit; of two equally near the lighter one."""
        steps = load / exact(self.step)
        match self.mode:
            case "down":
                n = math.floor(steps)
            case "up":
                n = math.ceil(steps)
            case _:
                n = math.ceil(steps - Fraction(1, 2))
        loadable = max(n, 0) * exact(self.step)
        return float(loadable if self.min is None else max(loadable, exact(self.min)))


DEFAULT_ROUNDING: Final[Mapping[LoadUnit, Rounding]] = {
    "kg": Rounding(step=2.5, unit="kg"),  # a pair of the smallest plates most gyms have
    "lb": Rounding(step=5, unit="lb"),
}


# ── thresholds and resolution ───────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class ThresholdFact:
    """One measured or estimated limit of one person, as the trainees' room keeps it."""

    kind: ThresholdKind
    value: float
    unit: Literal["kg", "lb", "W", "bpm"]
    as_of: date
    source: ThresholdSource = "tested"
    exercise_id: UUID | None = None


def threshold_at(
    facts: Iterable[ThresholdFact], kind: ThresholdKind, day: date, exercise_id: UUID | None = None
) -> ThresholdFact | None:
    """
    Find the latest threshold that was known on *day*.

    Args:
        exercise_id: Looked at for 1RM and e1RM only.
    Returns:
        The fact with the latest ``as_of`` on or before *day*; of two of one day
        the tested one, then the later in order. None if there is none.
    """
    best: ThresholdFact | None = None
    for fact in facts:
        if fact.kind != kind or fact.as_of > day:
            continue
        if kind in OF_AN_EXERCISE and (exercise_id is None or fact.exercise_id != exercise_id):
            continue
        rank = (fact.as_of, fact.source == "tested")
        if best is None or rank >= (best.as_of, best.source == "tested"):
            best = fact
    return best


@attrs.frozen(kw_only=True)
class Resolved:
    """What a relative target came to: ``value``, or ``min`` and ``max``, with the threshold it was taken from."""

    set_key: str
    member: Literal["load", "effort"]
    value: float | None = None
    min: float | None = None
    max: float | None = None
    unit: Unit
    of: ThresholdKind
    threshold_value: float
    threshold_unit: Unit
    threshold_as_of: date
    threshold_source: ThresholdSource


@attrs.frozen(kw_only=True)
class Unresolved:
    """A relative target without a threshold to take it from; the trainee decides, nobody guesses."""

    set_key: str
    member: Literal["load", "effort"]
    of: ThresholdKind
    exercise_id: UUID | None = None


def resolve(
    target: Relative,
    *,
    set_key: str,
    member: Literal["load", "effort"],
    exercise_id: UUID | None,
    rounding: Rounding | None,
    thresholds: Iterable[ThresholdFact],
    day: date,
) -> Resolved | Unresolved:
    """
    Turn a share of a threshold into a number for one person on one day.

    Args:
        exercise_id: The item's own exercise; the target's overrules it.
        rounding: What can be loaded; None takes the usual steps of the threshold's unit.
    """
    exercise = target.exercise_id or exercise_id if target.of in OF_AN_EXERCISE else None
    fact = threshold_at(thresholds, target.of, day, exercise)
    if fact is None:
        return Unresolved(set_key=set_key, member=member, of=target.of, exercise_id=exercise)
    unit: Unit = fact.unit
    if fact.unit == "kg" or fact.unit == "lb":
        rounding = rounding or DEFAULT_ROUNDING[fact.unit]
        unit = rounding.unit

    def part(percent: float | None) -> float | None:
        if percent is None:
            return None
        share = exact(percent) * exact(fact.value) / 100
        if rounding is None or fact.unit not in _LOAD:
            return float(math.ceil(share - Fraction(1, 2)))  # beats and watts are whole
        if fact.unit != rounding.unit:
            share = share * KG_PER_LB if fact.unit == "lb" else share / KG_PER_LB
        return rounding.apply(share)

    return Resolved(
        set_key=set_key,
        member=member,
        value=part(target.percent),
        min=part(target.min),
        max=part(target.max),
        unit=unit,
        of=target.of,
        threshold_value=fact.value,
        threshold_unit=fact.unit,
        threshold_as_of=fact.as_of,
        threshold_source=fact.source,
    )


# ── estimated one-repetition maximum ────────────────────────────────────────

E1RM_FORMULA: Final = "epley"
E1RM_REPS: Final = (1, 12)  # beyond a dozen the formulas part ways, and one of them divides by zero at 37


@attrs.frozen(kw_only=True)
class OneRepEstimate:
    """An estimated 1RM with the formula and the inputs it came from."""

    value: float
    formula: str
    load: float
    reps: int


def estimate_one_rep_max(load: float, reps: int) -> OneRepEstimate | None:
    """
    Estimate the weight that could be lifted once.

    Args:
        load: What was lifted, > 0; the answer is in the same unit.
        reps: How often, in one set.
    Returns:
        Epley's load x (1 + reps / 30), and the load itself for a single; None
        outside of 1 to 12 repetitions, where the formula is not valid.
    Source: B. Epley, Poundage Chart, Boyd Epley Workout, 1985.
    """
    low, high = E1RM_REPS
    if not low <= reps <= high or load <= 0:
        return None
    value = exact(load) if reps == 1 else exact(load) * (1 + Fraction(reps, 30))
    return OneRepEstimate(value=float(round(value, 2)), formula=E1RM_FORMULA, load=load, reps=reps)
