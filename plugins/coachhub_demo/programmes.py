"""The plans that coaches of the demo write, as documents: a few kinds of training, each with real numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

import attrs

from coachhub_core.domain.plan_document import (
    Block,
    BlockKind,
    Item,
    Phase,
    PlanDocument,
    PlannedWorkout,
    PlanSet,
    SetType,
)
from coachhub_core.domain.targets import Absolute, Range, Relative, Stop, Target, Unit

Exercises = Mapping[str, UUID]
"""Ids of everyone's exercises by slug."""


@attrs.frozen(kw_only=True)
class Programme:
    """A plan that can be written: its title and its document, made of the exercises there are."""

    title: str
    make: Callable[[Exercises], PlanDocument]


def _just(value: float, unit: Unit) -> Absolute:
    return Absolute(value=value, unit=unit)


def _between(low: float, high: float, unit: Unit) -> Range:
    return Range(min=low, max=high, unit=unit)


class _Writer:
    """Writes items with keys that follow from where they stand."""

    def __init__(self, exercises: Exercises) -> None:
        self._exercises = exercises

    def lift(
        self,
        key: str,
        slug: str,
        n: int,
        reps: Target,
        *,
        load: Target | None = None,
        rpe: tuple[float, float] | None = None,
        rest: int = 120,
        warmup: int = 0,
    ) -> Item:
        effort = _between(*rpe, "rpe") if rpe is not None else None
        light = Relative(of="1RM", percent=50) if isinstance(load, Relative) else None
        sets = [
            PlanSet(key=f"{key}-w{i}", type="warmup", reps=_just(5, "reps"), load=light, rest_seconds=60)
            for i in range(1, warmup + 1)
        ]
        sets += [
            PlanSet(key=f"{key}-{i}", type="working", reps=reps, load=load, effort=effort, rest_seconds=rest)
            for i in range(1, n + 1)
        ]
        return Item(key=key, exercise_id=self._exercises[slug], sets=tuple(sets))

    def hold(self, key: str, slug: str, n: int, seconds: int) -> Item:
        sets = tuple(
            PlanSet(key=f"{key}-{i}", type="working", duration=_just(seconds, "s"), rest_seconds=30)
            for i in range(1, n + 1)
        )
        return Item(key=key, exercise_id=self._exercises[slug], sets=sets)

    def go(
        self,
        key: str,
        slug: str,
        *,
        km: float | None = None,
        minutes: float | None = None,
        rpe: tuple[float, float],
        times: int = 1,
        rest: int | None = None,
        notes: str | None = None,
    ) -> Item:
        kind: SetType = "working"
        sets = tuple(
            PlanSet(
                key=f"{key}-{i}",
                type=kind,
                distance=_just(km, "km") if km is not None else None,
                duration=_just(minutes, "min") if minutes is not None else None,
                effort=_between(*rpe, "rpe"),
                rest_seconds=rest,
            )
            for i in range(1, times + 1)
        )
        return Item(key=key, exercise_id=self._exercises[slug], notes=notes, sets=sets)


def _day(
    key: str, phase: str, offset: int, name: str, *items: Item, kind: BlockKind = "straight", rounds: int = 1
) -> PlannedWorkout:
    block = Block(key=f"{key}-a", kind=kind, rounds=rounds if rounds > 1 else None, items=items)
    return PlannedWorkout(key=key, phase=phase, day_offset=offset, name=name, blocks=(block,))


def _barbell(exercises: Exercises) -> PlanDocument:
    w = _Writer(exercises)

    def of(percent: float) -> Relative:
        return Relative(of="1RM", percent=percent)

    five, row = _just(5, "reps"), _between(8, 10, "reps")
    days = []
    for phase, percent, n in (("base", 72.5, 3), ("build", 80, 4)):
        days += [
            _day(
                f"{phase}-squat",
                phase,
                0,
                "Squat and press",
                w.lift(f"{phase}-sq", "back-squat", n, five, load=of(percent), rpe=(7, 8), rest=180, warmup=2),
                w.lift(f"{phase}-op", "overhead-press", 3, five, load=of(percent - 5), rpe=(7, 8)),
                w.hold(f"{phase}-pl", "plank", 3, 45),
            ),
            _day(
                f"{phase}-bench",
                phase,
                2,
                "Bench and row",
                w.lift(f"{phase}-be", "bench-press", n, five, load=of(percent), rpe=(7, 8), rest=150, warmup=1),
                w.lift(f"{phase}-ro", "barbell-row", 3, row, rpe=(7, 8), rest=90),
            ),
            _day(
                f"{phase}-pull",
                phase,
                4,
                "Deadlift",
                w.lift(
                    f"{phase}-dl",
                    "deadlift",
                    3,
                    _just(3, "reps"),
                    load=of(percent + 5),
                    rpe=(7, 8),
                    rest=210,
                    warmup=2,
                ),
                w.lift(f"{phase}-lu", "walking-lunge", 2, _between(10, 12, "reps"), rpe=(6, 8), rest=90),
            ),
        ]
    phases = (
        Phase(key="base", name="Base", goal="Even reps, same depth", n_cycles=4),
        Phase(key="build", name="Build", n_cycles=4),
    )
    return PlanDocument(phases=phases, workouts=tuple(days))


def _upper_lower(exercises: Exercises) -> PlanDocument:
    w = _Writer(exercises)
    ten, twelve = _between(8, 10, "reps"), _between(10, 15, "reps")
    upper = ("incline-dumbbell-press", "chest-supported-row", "lat-pulldown", "lateral-raise")
    lower = ("leg-press", "romanian-deadlift", "lying-leg-curl", "standing-calf-raise")
    days = [
        _day(
            f"{name}{round_}",
            "grow",
            offset,
            f"{name.title()} {round_}",
            *(
                w.lift(f"{name}{round_}-{i}", slug, 3, ten if i < 2 else twelve, rpe=(7, 9), rest=90)
                for i, slug in enumerate(slugs)
            ),
        )
        for name, slugs, round_, offset in (
            ("upper", upper, 1, 0),
            ("lower", lower, 1, 1),
            ("upper", upper, 2, 3),
            ("lower", lower, 2, 4),
        )
    ]
    return PlanDocument(phases=(Phase(key="grow", name="Grow", n_cycles=8),), workouts=tuple(days))


def _first_steps(exercises: Exercises) -> PlanDocument:
    w = _Writer(exercises)
    days = [
        _day(
            f"steps{i}",
            "start",
            offset,
            f"Whole body {i}",
            w.lift(f"s{i}-sq", "goblet-squat", 3, _between(8, 12, "reps"), rpe=(5, 7), rest=75),
            w.lift(f"s{i}-ro", "dumbbell-row", 3, _between(8, 12, "reps"), rpe=(5, 7), rest=75),
            w.lift(f"s{i}-pu", "push-up", 2, Stop(until="to_rpe", value=7), rest=75),
            w.go(f"s{i}-wa", "walking", minutes=20, rpe=(3, 5)),
        )
        for i, offset in ((1, 0), (2, 3))
    ]
    return PlanDocument(
        phases=(Phase(key="start", name="Six weeks", goal="Come back each time", n_cycles=6),), workouts=tuple(days)
    )


def _circuits(exercises: Exercises) -> PlanDocument:
    w = _Writer(exercises)
    first = (
        w.lift("c1-sw", "kettlebell-swing", 1, _just(15, "reps"), load=_just(16, "kg"), rest=15),
        w.lift("c1-pu", "push-up", 1, _between(8, 12, "reps"), rest=15),
        w.lift("c1-sq", "goblet-squat", 1, _just(12, "reps"), load=_just(16, "kg"), rest=60),
    )
    second = (
        w.lift("c2-cp", "kettlebell-clean-and-press", 1, _just(6, "reps"), load=_just(12, "kg"), rest=15),
        w.lift("c2-mc", "mountain-climber", 1, _just(20, "reps"), rest=15),
        w.hold("c2-pl", "plank", 1, 40),
    )
    days = (
        _day("circ1", "six", 0, "Swings", *first, kind="circuit", rounds=4),
        _day("circ2", "six", 2, "Press", *second, kind="circuit", rounds=4),
        _day("circ3", "six", 4, "Jump rope", w.go("c3-jr", "jump-rope", minutes=2, rpe=(6, 8), times=6, rest=45)),
    )
    return PlanDocument(phases=(Phase(key="six", name="Short and often", n_cycles=6),), workouts=days)


def _half_marathon(exercises: Exercises) -> PlanDocument:
    w = _Writer(exercises)
    days = []
    for phase, easy, long, reps in (("base", 6, 10, 4), ("build", 7, 14, 5), ("sharpen", 6, 17, 6)):
        days += [
            _day(
                f"{phase}-easy",
                phase,
                1,
                "Easy run",
                w.go(f"{phase}-e", "running", km=easy, rpe=(3, 4), notes="You can talk in sentences"),
            ),
            _day(
                f"{phase}-int",
                phase,
                3,
                "Intervals",
                w.go(f"{phase}-iw", "running", minutes=15, rpe=(3, 4)),
                w.go(f"{phase}-i", "running", km=1, rpe=(7, 8), times=reps, rest=120),
            ),
            _day(f"{phase}-long", phase, 6, "Long run", w.go(f"{phase}-l", "running", km=long, rpe=(4, 5))),
        ]
    names = (("base", "Base", 4), ("build", "Build", 4), ("sharpen", "Sharpen", 2))
    return PlanDocument(phases=tuple(Phase(key=k, name=n, n_cycles=c) for k, n, c in names), workouts=tuple(days))


def _couch(exercises: Exercises) -> PlanDocument:
    w = _Writer(exercises)
    days = []
    for phase, run, times in (("walk", 1.5, 8), ("mix", 4, 5), ("run", 12, 2)):
        days += [
            _day(
                f"{phase}{i}",
                phase,
                offset,
                f"Run and walk {i}",
                w.go(f"{phase}{i}-r", "running", minutes=run, rpe=(4, 6), times=times, rest=90),
            )
            for i, offset in ((1, 0), (2, 2), (3, 5))
        ]
    names = (("walk", "Mostly walking"), ("mix", "Half and half"), ("run", "Mostly running"))
    return PlanDocument(phases=tuple(Phase(key=k, name=n, n_cycles=3) for k, n in names), workouts=tuple(days))


def _triathlon(exercises: Exercises) -> PlanDocument:
    w = _Writer(exercises)
    days = (
        _day(
            "swim",
            "tri",
            0,
            "Swim",
            w.go("sw", "swimming", km=0.1, rpe=(5, 7), times=10, rest=20, notes="Long strokes"),
        ),
        _day("bike", "tri", 2, "Ride", w.go("bi", "cycling", minutes=60, rpe=(5, 6))),
        _day("run", "tri", 4, "Run", w.go("ru", "running", km=6, rpe=(5, 6))),
        _day(
            "brick",
            "tri",
            6,
            "Brick",
            w.go("br1", "cycling", minutes=45, rpe=(6, 7)),
            w.go("br2", "running", km=3, rpe=(6, 8)),
        ),
    )
    return PlanDocument(phases=(Phase(key="tri", name="Twelve weeks", n_cycles=12),), workouts=days)


def _mobility(exercises: Exercises) -> PlanDocument:
    w = _Writer(exercises)
    days = tuple(
        _day(
            f"mob{i}",
            "calm",
            offset,
            "Ten minutes",
            w.hold(f"m{i}-cc", "cat-cow", 2, 40),
            w.hold(f"m{i}-hf", "hip-flexor-stretch", 2, 45),
            w.hold(f"m{i}-ch", "chest-stretch", 2, 45),
            w.hold(f"m{i}-cp", "childs-pose", 1, 60),
        )
        for i, offset in enumerate((0, 1, 3, 4), 1)
    )
    return PlanDocument(phases=(Phase(key="calm", name="Mornings", n_cycles=6),), workouts=days)


def _strong_back(exercises: Exercises) -> PlanDocument:
    w = _Writer(exercises)
    days = tuple(
        _day(
            f"back{i}",
            "care",
            offset,
            "Strong back",
            w.lift(f"k{i}-db", "dead-bug", 3, _between(8, 10, "reps"), rpe=(4, 6), rest=45),
            w.lift(f"k{i}-bd", "bird-dog", 3, _between(8, 10, "reps"), rpe=(4, 6), rest=45),
            w.lift(f"k{i}-gb", "glute-bridge", 3, _between(10, 12, "reps"), rpe=(4, 6), rest=45),
            w.hold(f"k{i}-sp", "side-plank", 2, 25),
        )
        for i, offset in enumerate((0, 2, 4), 1)
    )
    return PlanDocument(
        phases=(Phase(key="care", name="Care", goal="No flare-up for six weeks", n_cycles=6),), workouts=days
    )


def _steady(exercises: Exercises) -> PlanDocument:
    w = _Writer(exercises)
    days = tuple(
        _day(
            f"steady{i}",
            "stand",
            offset,
            "Steady and strong",
            w.lift(f"y{i}-st", "step-up", 2, _between(6, 8, "reps"), rpe=(4, 6), rest=90),
            w.lift(f"y{i}-cr", "standing-calf-raise", 2, _between(8, 12, "reps"), rpe=(4, 6), rest=60),
            w.go(f"y{i}-wa", "walking", minutes=25, rpe=(3, 5)),
        )
        for i, offset in ((1, 1), (2, 4))
    )
    return PlanDocument(phases=(Phase(key="stand", name="Eight weeks", n_cycles=8),), workouts=days)


def _pull_up(exercises: Exercises) -> PlanDocument:
    w = _Writer(exercises)
    days = []
    for phase, main, reps in (
        ("hang", "assisted-pull-up", _between(5, 8, "reps")),
        ("pull", "pull-up", _between(2, 4, "reps")),
    ):
        days += [
            _day(
                f"{phase}{i}",
                phase,
                offset,
                "Pull",
                w.lift(f"{phase}{i}-m", main, 4, reps, rpe=(7, 9), rest=150),
                w.lift(f"{phase}{i}-r", "inverted-row", 3, _between(8, 12, "reps"), rpe=(7, 8), rest=90),
                w.hold(f"{phase}{i}-h", "dead-hang", 3, 30),
            )
            for i, offset in ((1, 0), (2, 3))
        ]
    return PlanDocument(
        phases=(Phase(key="hang", name="Hang", n_cycles=4), Phase(key="pull", name="Pull", n_cycles=4)),
        workouts=tuple(days),
    )


PROGRAMMES: Final[Mapping[str, Programme]] = {
    "barbell": Programme(title="First barbell block", make=_barbell),
    "upper-lower": Programme(title="Upper / lower, four days", make=_upper_lower),
    "first-steps": Programme(title="First steps", make=_first_steps),
    "circuits": Programme(title="Twenty-five minute circuits", make=_circuits),
    "half-marathon": Programme(title="Ten weeks to the half marathon", make=_half_marathon),
    "couch-to-5k": Programme(title="From the couch to 5 km", make=_couch),
    "sprint-triathlon": Programme(title="Sprint triathlon", make=_triathlon),
    "mobility-mornings": Programme(title="Mobility mornings", make=_mobility),
    "strong-back": Programme(title="Strong back", make=_strong_back),
    "steady": Programme(title="Steady and strong", make=_steady),
    "pull-up": Programme(title="The first pull-up", make=_pull_up),
}
