"""
What a coach writes: phases, days, blocks, items, sets, and what each asks for.

The document is the whole of one version of a plan. Every part has a ``key``,
unique in the document and stable from version to version: logs, personal
changes and comparisons refer to it. A member that is absent and a member that is
null are the same, so the canonical form leaves nulls out, and equal documents
have equal bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, Literal
from uuid import UUID

import attrs
import msgspec

from coachhub_core.domain import values as v
from coachhub_core.domain.targets import Absolute, Range, Relative, Rounding, Stop, Target, check_target
from coachhub_core.domain.values import FieldRefused
from coachhub_core.errors import FieldError, Invalid, TooLarge

MAX_DOCUMENT_BYTES: Final = 512 * 1024
MAX_DAYS: Final = 1_100  # three years: longer is a slipped key, and each day becomes rows
MAX_SCHEDULED: Final = 2_000  # days of training one assignment of the plan makes
MAX_ERRORS: Final = 50

SetType = Literal["warmup", "working", "drop", "backoff", "amrap", "myo"]
BlockKind = Literal["straight", "superset", "circuit", "emom", "amrap", "for_time"]

SET_TYPES: Final[tuple[SetType, ...]] = ("warmup", "working", "drop", "backoff", "amrap", "myo")
BLOCK_KINDS: Final[tuple[BlockKind, ...]] = ("straight", "superset", "circuit", "emom", "amrap", "for_time")

KEY_PATTERN: Final = "^[A-Za-z0-9][A-Za-z0-9_.-]*$"


def key_field(**more: Any) -> Any:
    """Make a field of a part's key: letters, digits, ``_ . -``, at most 64 characters."""
    says = "must start with a letter or digit and go on with letters, digits, '_', '.' or '-'"
    return v.pattern(KEY_PATTERN, says, max_len=64, **more)


def _target() -> Any:
    def check(member: str, value: Any) -> None:
        if not isinstance(value, Absolute | Range | Relative | Stop):
            raise FieldRefused(member, "must be a target", "type")
        check_target(member, value)

    return v.field(check, {}, default=None, optional=True)


def _rounding() -> Any:
    def check(member: str, value: Any) -> None:
        if not isinstance(value, Rounding):
            raise FieldRefused(member, "must be a rounding", "type")

    return v.field(check, {}, default=None, optional=True)


# ── the parts ───────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class PlanSet:
    """One set: how much of what, how heavy, how hard, how long to rest afterwards."""

    key: str = key_field()
    type: SetType = v.choice(SET_TYPES)
    reps: Target | None = _target()
    duration: Target | None = _target()
    distance: Target | None = _target()
    load: Target | None = _target()
    effort: Target | None = _target()
    rest_seconds: int | None = v.whole(0, 86_400, default=None, optional=True)
    is_optional: bool | None = v.flag(default=None, optional=True)

    @property
    def is_counted(self) -> bool:
        """Whether adherence asks for it: neither a warm-up nor optional."""
        return self.type != "warmup" and not self.is_optional


@attrs.frozen(kw_only=True)
class Item:
    """One exercise of a block, from the list (``exercise_id``) or in the coach's own words (``custom_name``)."""

    key: str = key_field()
    exercise_id: UUID | None = None
    custom_name: str | None = v.line(default=None, optional=True)
    notes: str | None = v.text(2_000, default=None, optional=True)
    tempo: str | None = v.line(32, default=None, optional=True)
    rounding: Rounding | None = _rounding()
    sets: tuple[PlanSet, ...] = v.items(100)

    def __attrs_post_init__(self) -> None:
        if (self.exercise_id is None) == (self.custom_name is None):
            raise FieldRefused("exercise_id", "must be given, or else custom_name: exactly one of them", "exactly_one")


@attrs.frozen(kw_only=True)
class Block:
    """
    Items that belong together and are done ``rounds`` times (once if absent).

    ``duration_seconds`` is the clock of the kinds that have one: the cap of
    ``amrap`` and ``for_time``, the interval of ``emom``.
    """

    key: str = key_field()
    kind: BlockKind = v.choice(BLOCK_KINDS)
    rounds: int | None = v.whole(1, 100, default=None, optional=True)
    rest_seconds: int | None = v.whole(0, 86_400, default=None, optional=True)
    duration_seconds: int | None = v.whole(1, 86_400, default=None, optional=True)
    items: tuple[Item, ...] = v.items(50)

    @property
    def n_rounds(self) -> int:
        """How often the items are done."""
        return self.rounds or 1


@attrs.frozen(kw_only=True)
class PlannedWorkout:
    """One day of a phase's cycle: ``day_offset`` 0 is the first day of the cycle."""

    key: str = key_field()
    phase: str = key_field()
    day_offset: int = v.whole(0, 27)
    name: str = v.line()
    notes: str | None = v.text(2_000, default=None, optional=True)
    blocks: tuple[Block, ...] = v.items(50)

    def items(self) -> Iterator[tuple[Block, Item]]:
        """Yield every item with its block, in order."""
        for block in self.blocks:
            for item in block.items:
                yield block, item


@attrs.frozen(kw_only=True)
class Phase:
    """A stretch of the plan that repeats its cycle ``n_cycles`` times."""

    key: str = key_field()
    name: str = v.line()
    goal: str | None = v.text(2_000, default=None, optional=True)
    n_cycles: int = v.whole(1, 104)


@attrs.frozen(kw_only=True)
class PlanDocument:
    """
    A whole plan: phases one after another, each repeating its workouts every ``cycle_days`` days.

    Raises:
        Invalid: If a key stands twice, a workout names no phase or a day outside
            the cycle, or the plan is longer than an assignment can hold; each
            with its pointer into the document.
    """

    cycle_days: int = v.whole(1, 28, default=7)
    phases: tuple[Phase, ...] = v.items(60, default=())
    workouts: tuple[PlannedWorkout, ...] = v.items(400, default=())

    def __attrs_post_init__(self) -> None:
        errors = list(_problems(self))
        if errors:
            raise Invalid(errors=tuple(errors[:MAX_ERRORS]))

    @property
    def n_days(self) -> int:
        """How many days the plan covers, from its first to its last."""
        return self.cycle_days * sum(phase.n_cycles for phase in self.phases)


Part = Phase | PlannedWorkout | Block | Item | PlanSet

CHILDREN: Final[Mapping[type, str]] = {PlannedWorkout: "blocks", Block: "items", Item: "sets"}
"""Which member of a part holds the parts below it."""

PART_NAMES: Final[Mapping[type, str]] = {
    Phase: "phase",
    PlannedWorkout: "workout",
    Block: "block",
    Item: "item",
    PlanSet: "set",
}


@attrs.frozen(kw_only=True)
class Place:
    """A part, where it stands (an RFC 6901 pointer into the document), and what it stands in."""

    part: Part
    pointer: str
    parent: str | None
    """The key of the part it stands in; None at the top."""

    @property
    def what(self) -> str:
        """``phase``, ``workout``, ``block``, ``item`` or ``set``."""
        return PART_NAMES[type(self.part)]


def places(document: PlanDocument) -> Iterator[Place]:
    """Yield every part with its place, parents before what they hold, in order."""
    for index, phase in enumerate(document.phases):
        yield Place(part=phase, pointer=f"/phases/{index}", parent=None)
    for index, workout in enumerate(document.workouts):
        yield from below(workout, f"/workouts/{index}", None)


def below(part: Part, pointer: str = "", parent: str | None = None) -> Iterator[Place]:
    """Yield *part* and every part in it."""
    yield Place(part=part, pointer=pointer, parent=parent)
    name = CHILDREN.get(type(part))
    if name is not None:
        for index, child in enumerate(getattr(part, name)):
            yield from below(child, f"{pointer}/{name}/{index}", part.key)


def parts_by_key(document: PlanDocument) -> dict[str, Place]:
    """Return every part under its key, in document order."""
    return {place.part.key: place for place in places(document)}


def workout_of(document: PlanDocument, workout_key: str) -> PlannedWorkout | None:
    """Find the workout of this key."""
    return next((w for w in document.workouts if w.key == workout_key), None)


def exercise_ids(document: PlanDocument) -> frozenset[UUID]:
    """Return every exercise the plan names, in items and in targets relative to another lift."""
    found: set[UUID] = set()
    for workout in document.workouts:
        for _, item in workout.items():
            if item.exercise_id is not None:
                found.add(item.exercise_id)
            for each in item.sets:
                if isinstance(each.load, Relative) and each.load.exercise_id is not None:
                    found.add(each.load.exercise_id)
    return frozenset(found)


def _problems(document: PlanDocument) -> Iterator[FieldError]:
    seen: dict[str, str] = {}
    for place in places(document):
        first = seen.setdefault(place.part.key, place.pointer)
        if first != place.pointer:
            says = f"the key {place.part.key!r} stands at {first} already; keys are unique in a plan"
            yield FieldError(pointer=f"{place.pointer}/key", message=says, code="distinct")
    cycles = {phase.key: phase.n_cycles for phase in document.phases}
    for index, workout in enumerate(document.workouts):
        if workout.phase not in cycles:
            says = f"there is no phase {workout.phase!r} in this plan"
            yield FieldError(pointer=f"/workouts/{index}/phase", message=says, code="reference")
        if workout.day_offset >= document.cycle_days:
            says = f"must be below cycle_days ({document.cycle_days}); the first day is 0"
            yield FieldError(pointer=f"/workouts/{index}/day_offset", message=says, code="range")
    if document.n_days > MAX_DAYS:
        says = f"the plan covers {document.n_days} days; at most {MAX_DAYS} are taken"
        yield FieldError(pointer="/phases", message=says, code="too_long")
    n_scheduled = sum(cycles.get(workout.phase, 0) for workout in document.workouts)
    if n_scheduled > MAX_SCHEDULED:
        says = f"the plan makes {n_scheduled} workouts; at most {MAX_SCHEDULED} are taken"
        yield FieldError(pointer="/workouts", message=says, code="too_long")


def check_complete(document: PlanDocument, *, pointer: str = "/draft") -> None:
    """
    Check what a draft may lack and a version may not.

    Raises:
        Invalid: If there is no phase, no workout, or a phase without a workout.
    """
    errors = []
    if not document.phases:
        errors.append(FieldError(pointer=f"{pointer}/phases", message="must have at least one phase", code="too_short"))
    used = {workout.phase for workout in document.workouts}
    for index, phase in enumerate(document.phases):
        if phase.key not in used:
            says = f"the phase {phase.key!r} has no workout"
            errors.append(FieldError(pointer=f"{pointer}/phases/{index}", message=says, code="reference"))
    if errors:
        raise Invalid(errors=tuple(errors[:MAX_ERRORS]))


# ── the canonical form ──────────────────────────────────────────────────────

_encoder = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical", order="deterministic")


@lru_cache(maxsize=256)
def _names(cls: Any) -> tuple[tuple[str, str], ...]:
    return tuple((f.name, f.alias or f.name) for f in attrs.fields(cls))


def to_plain(value: Any) -> Any:
    """Return *value* as dicts, lists and scalars, without nulls; a whole number is an int however it was written."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {name: to_plain(item) for name, item in value.items() if item is not None}
    cls: type = type(value)
    if attrs.has(cls):
        return {alias: to_plain(item) for name, alias in _names(cls) if (item := getattr(value, name)) is not None}
    return msgspec.to_builtins(value)  # ids, dates, instants, decimals


def canonical_json(value: Any) -> bytes:
    """Write *value* as JSON with sorted members and no nulls: equal values give equal bytes."""
    return _encoder.encode(to_plain(value))


def canonical(document: PlanDocument) -> bytes:
    """
    Write *document* in its canonical form, the one that is stored, hashed and sent.

    Raises:
        TooLarge: If it is over 512 KiB.
    """
    raw = canonical_json(document)
    if len(raw) > MAX_DOCUMENT_BYTES:
        raise TooLarge(what="a plan document", limit=MAX_DOCUMENT_BYTES)
    return raw


def sha256(raw: bytes) -> str:
    """Return the hash of canonical bytes, in hexadecimal."""
    return hashlib.sha256(raw).hexdigest()
