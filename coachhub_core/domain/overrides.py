"""
One trainee's personal changes to a plan, laid over a version without touching it.

An override names a part by its key: ``set`` gives one member another value (null
takes it away), ``omit`` leaves the part out, ``add`` puts a new part below it.
They are applied in order. When an assignment moves to a newer version, an
override whose part vanished or changed there is a conflict: nobody guesses what
the coach would want now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Literal

import attrs

from coachhub_core.domain import values as v
from coachhub_core.domain.plan_diff import own_members
from coachhub_core.domain.plan_document import (
    Block,
    Item,
    Phase,
    PlanDocument,
    PlannedWorkout,
    PlanSet,
    key_field,
    parts_by_key,
    to_plain,
)
from coachhub_core.domain.values import FieldRefused
from coachhub_core.errors import FieldError, Invalid

Op = Literal["set", "omit", "add"]
ReadDocument = Callable[[Any], PlanDocument]
"""Makes a document of plain JSON values, or raises :exc:`Invalid` with pointers into them (``wire.structure``)."""

MAX_OVERRIDES: Final = 200

_SHAPE: Final = {"phase": Phase, "workout": PlannedWorkout, "block": Block, "item": Item, "set": PlanSet}
_BELOW: Final = {"workout": ("blocks", "block"), "block": ("items", "item"), "item": ("sets", "set")}
_SETTABLE: Final = {
    what: frozenset(f.name for f in attrs.fields(cls)) - {"key", _BELOW.get(what, ("", ""))[0]}
    for what, cls in _SHAPE.items()
}


@attrs.frozen(kw_only=True)
class Override:
    """
    One personal change.

    ``set`` needs ``member`` and takes ``value``; ``omit`` takes neither; ``add``
    needs ``member`` (``blocks`` of a workout, ``items`` of a block, ``sets`` of an
    item, ``workouts`` of a phase) and a ``value`` with a key of its own.
    """

    key: str = key_field()
    op: Op = v.choice(("set", "omit", "add"))
    member: str | None = v.line(32, default=None, optional=True)
    value: Any = None

    def __attrs_post_init__(self) -> None:
        if self.op == "omit":
            if self.member is not None or self.value is not None:
                raise FieldRefused("op", "omit takes neither member nor value", "excess")
        elif self.member is None:
            raise FieldRefused("member", f"is required for {self.op}", "required")
        if not _is_bounded(self.value):
            raise FieldRefused("value", "must not hold a number beyond 9007199254740992", "range")
        if self.op == "add" and not (isinstance(self.value, dict) and isinstance(self.value.get("key"), str)):
            raise FieldRefused("value", "must be the new part, an object with a key of its own", "type")


def _is_bounded(value: Any) -> bool:
    """Say whether every number in a JSON value is one that all readers agree on: at most 2 to the 53."""
    if isinstance(value, dict):
        return all(_is_bounded(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(_is_bounded(item) for item in value)
    return not isinstance(value, int | float) or abs(value) <= 2**53


def overrides_field(**more: Any) -> Any:
    """Make a field of overrides."""
    made = v.items(MAX_OVERRIDES, **more)
    made.metadata["schema"]["examples"] = [[{"key": "squat-1", "op": "set", "member": "rest_seconds", "value": 180}]]
    return made


@attrs.define
class _Node:
    """A part of a document as plain values, and the list it stands in."""

    what: str
    value: dict[str, Any]
    home: list[Any]


def _nodes(what: str, home: list[Any]) -> Iterator[_Node]:
    for value in home:
        if not isinstance(value, dict):
            continue
        yield _Node(what, value, home)
        if what in _BELOW:
            member, below = _BELOW[what]
            children = value.setdefault(member, [])
            if isinstance(children, list):
                yield from _nodes(below, children)


def apply_overrides(document: PlanDocument, overrides: Sequence[Override], read: ReadDocument) -> PlanDocument:
    """
    Return the document as one trainee has it.

    Args:
        read: Makes the changed values a document again, with all its rules.
    Raises:
        Invalid: If an override names no part, or the result breaks a rule;
            pointers lead into ``/overrides``.
    """
    if not overrides:
        return document
    plain = to_plain(document)
    index: dict[str, _Node] = {}
    for what, name in (("phase", "phases"), ("workout", "workouts")):
        index |= {node.value["key"]: node for node in _nodes(what, plain[name])}
    touched: list[tuple[int, dict[str, Any], str]] = []
    errors: list[FieldError] = []
    for number, override in enumerate(overrides):
        at = f"/overrides/{number}"
        node = index.get(override.key)
        if node is None:
            says = f"there is no part {override.key!r} in this version, or it was omitted before"
            errors.append(FieldError(pointer=f"{at}/key", message=says, code="reference"))
            continue
        try:
            touched.extend((number, *what) for what in _apply(override, node, plain, index))
        except FieldRefused as exc:
            errors.append(FieldError(pointer=f"{at}/{exc.member}", message=exc.sentence, code=exc.code))
    if errors:
        raise Invalid(errors=tuple(errors))
    try:
        return read(plain)
    except Invalid as exc:
        places = [
            (_pointer(plain, value) + (f"/{member}" if member else ""), number) for number, value, member in touched
        ]
        raise Invalid(errors=tuple(_blame(error, places) for error in exc.errors)) from exc


def _apply(
    override: Override, node: _Node, plain: dict[str, Any], index: dict[str, _Node]
) -> Iterator[tuple[dict[str, Any], str]]:
    """Change *plain*; yield the object and member that any error below is the override's doing."""
    member = override.member or ""
    match override.op:
        case "set":
            if member not in _SETTABLE[node.what]:
                known = ", ".join(sorted(_SETTABLE[node.what]))
                raise FieldRefused("member", f"must be a member of a {node.what}: {known}", "choice")
            node.value[member] = to_plain(override.value)
            yield node.value, member
        case "omit":
            if node.what == "phase":
                raise FieldRefused("key", "a phase cannot be omitted; omit its workouts, or write another version")
            node.home.remove(node.value)
            for gone in _nodes(node.what, [node.value]):
                index.pop(str(gone.value.get("key")), None)
        case "add":
            takes, what = ("workouts", "workout") if node.what == "phase" else _BELOW.get(node.what, ("nothing", ""))
            if member != takes:
                raise FieldRefused("member", f"must be {takes}: that is what a {node.what} holds", "choice")
            value = to_plain(override.value)
            if value["key"] in index:
                raise FieldRefused("value/key", "stands in this plan already; keys are unique in a plan", "distinct")
            home = node.value[takes] if node.what != "phase" else plain["workouts"]
            if node.what == "phase":
                value = {"phase": override.key, **value}
            home.append(value)
            index.update({str(n.value.get("key")): n for n in _nodes(what, [value])})
            index[value["key"]] = _Node(what, value, home)
            yield value, ""


def _pointer(plain: dict[str, Any], wanted: dict[str, Any]) -> str:
    stack: list[tuple[str, Any]] = [("", plain)]
    while stack:
        pointer, value = stack.pop()
        if value is wanted:
            return pointer
        if isinstance(value, dict):
            stack.extend((f"{pointer}/{name}", child) for name, child in value.items())
        elif isinstance(value, list):
            stack.extend((f"{pointer}/{place}", child) for place, child in enumerate(value))
    return "\0"  # omitted again by a later override: no error can lie below it


def _blame(error: FieldError, places: Iterable[tuple[str, int]]) -> FieldError:
    best = max(
        (p for p in places if error.pointer == p[0] or error.pointer.startswith(p[0] + "/")),
        key=lambda p: len(p[0]),
        default=None,
    )
    if best is None:
        return attrs.evolve(error, pointer="/overrides", message=f"{error.message} (at {error.pointer})")
    prefix, number = best
    return attrs.evolve(error, pointer=f"/overrides/{number}/value{error.pointer[len(prefix) :]}")


def _keys_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("key"), str):
            yield value["key"]
        for child in value.values():
            yield from _keys_in(child)
    elif isinstance(value, list | tuple):
        for child in value:
            yield from _keys_in(child)


def override_conflicts(assigned: PlanDocument, newer: PlanDocument, overrides: Sequence[Override]) -> tuple[str, ...]:
    """
    List the keys that stand in the way of an upgrade, in the order of the overrides.

    A key conflicts when its part vanished or became another kind of part, when
    the part's own members changed (for ``omit``, anything below it as well), or
    when an added part's key is taken in the newer version.
    """
    before, after = parts_by_key(assigned), parts_by_key(newer)
    own: set[str] = set()
    found: dict[str, None] = {}
    for override in overrides:
        if override.op == "add":
            added = set(_keys_in(override.value))
            found |= dict.fromkeys(sorted(added & after.keys()))
            own |= added
        if override.key in own and override.key not in before:
            continue  # it changes what another override added
        old, new = before.get(override.key), after.get(override.key)
        if old is None or new is None or old.what != new.what:
            found[override.key] = None
        elif override.op == "omit":
            if to_plain(old.part) != to_plain(new.part):
                found[override.key] = None
        elif own_members(old.part) != own_members(new.part):
            found[override.key] = None
    return tuple(found)
