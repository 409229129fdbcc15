"""
What differs between two documents, part by part.

Parts are told apart by their keys, so a set that moved to another item, or an
item that changed places with its neighbour, is seen as what it is and not as
one part lost and another found. Two documents without a difference are equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import attrs

from coachhub_core.domain.plan_document import CHILDREN, Part, Place, PlanDocument, parts_by_key, to_plain

PartName = Literal["plan", "phase", "workout", "block", "item", "set"]


@attrs.frozen(kw_only=True)
class Added:
    """A part of the newer document that the older had not; what stands in it is not listed again."""

    kind: Literal["added"] = "added"
    what: PartName
    key: str
    pointer: str
    """Where it stands in the newer document."""
    value: Any


@attrs.frozen(kw_only=True)
class Removed:
    """A part of the older document that the newer has no more; what stood in it is not listed again."""

    kind: Literal["removed"] = "removed"
    what: PartName
    key: str
    pointer: str
    """Where it stood in the older document."""
    value: Any


@attrs.frozen(kw_only=True)
class Changed:
    """
    One member of one part with its value before and after, null where it was absent.

    ``parent`` is the key of the part it stands in. The members that hold other
    parts (``phases workouts blocks items sets``) show only an order that changed,
    as the keys that stand there before and after. The plan itself has the empty
    key and the empty pointer.
    """

    kind: Literal["changed"] = "changed"
    what: PartName
    key: str
    pointer: str
    """Where the part stands in the newer document."""
    member: str
    before: Any
    after: Any


Change = Added | Removed | Changed


def own_members(part: Part | PlanDocument) -> dict[str, Any]:
    """Return a part's members without its key, its nulls and the parts below it."""
    without = {"key", "phases", "workouts", CHILDREN.get(type(part), "")}
    return {name: value for name, value in to_plain(part).items() if name not in without}


def _name(place: Place) -> Any:
    return place.what


def _members(what: Any, key: str, pointer: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Changed]:
    for member in sorted(before.keys() | after.keys()):
        old, new = before.get(member), after.get(member)
        if old != new or type(old) is not type(new):
            yield Changed(what=what, key=key, pointer=pointer, member=member, before=old, after=new)


def _order(what: Any, key: str, pointer: str, member: str, before: list[str], after: list[str]) -> Iterator[Changed]:
    common = set(before) & set(after)
    old, new = [k for k in before if k in common], [k for k in after if k in common]
    if old != new:
        yield Changed(what=what, key=key, pointer=pointer, member=member, before=old, after=new)


def _keys(part: Part) -> list[str]:
    name = CHILDREN.get(type(part))
    return [child.key for child in getattr(part, name)] if name else []


def diff(before: PlanDocument, after: PlanDocument) -> tuple[Change, ...]:
    """
    Return what changed from *before* to *after*: first the plan itself, then what
    the newer document has, in its order, then what it has no more.

    A key that names another kind of part than before (a set that became an item)
    counts as removed and added.
    """
    old, new = parts_by_key(before), parts_by_key(after)
    same = {key for key, place in new.items() if key in old and old[key].what == place.what}
    changes: list[Change] = list(_members("plan", "", "", own_members(before), own_members(after)))
    for member in ("phases", "workouts"):
        was, now = ([part.key for part in getattr(document, member)] for document in (before, after))
        changes.extend(_order("plan", "", "", member, [k for k in was if k in same], [k for k in now if k in same]))
    for key, place in new.items():
        what = _name(place)
        if key not in same:
            if place.parent is None or place.parent in same:
                changes.append(Added(what=what, key=key, pointer=place.pointer, value=to_plain(place.part)))
            continue
        was_at = old[key]
        if was_at.parent != place.parent:
            changes.append(
                Changed(
                    what=what,
                    key=key,
                    pointer=place.pointer,
                    member="parent",
                    before=was_at.parent,
                    after=place.parent,
                )
            )
        changes.extend(_members(what, key, place.pointer, own_members(was_at.part), own_members(place.part)))
        child = CHILDREN.get(type(place.part))
        if child is not None:
            changes.extend(_order(what, key, place.pointer, child, _keys(was_at.part), _keys(place.part)))
    for key, place in old.items():
        if key not in same and (place.parent is None or place.parent in same):
            changes.append(Removed(what=_name(place), key=key, pointer=place.pointer, value=to_plain(place.part)))
    return tuple(changes)
