"""Personal changes: applied, refused with their pointers, and in the way of an upgrade."""

from __future__ import annotations

import pytest

from coachhub_core import wire
from coachhub_core.domain.overrides import Override, apply_overrides, override_conflicts
from coachhub_core.domain.plan_document import PlanDocument, parts_by_key, to_plain
from coachhub_core.domain.targets import Absolute, Rounding
from coachhub_core.errors import Invalid
from coachhub_core.testing.plan_builders import BENCH, SQUAT, a_document, read_document


def applied(*overrides: Override, document: PlanDocument | None = None) -> PlanDocument:
    return apply_overrides(document or a_document(), overrides, read_document)


def refused(*overrides: Override) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        applied(*overrides)
    return {error.pointer: error.code for error in caught.value.errors}


def edited(key: str, **members: object) -> PlanDocument:
    """Return the built plan with members of one part changed by its author."""
    raw = to_plain(a_document())
    stack = [raw]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if value.get("key") == key:
                value.update(members)
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
    return read_document(raw)


def test_without_overrides_the_document_is_itself() -> None:
    """Nothing in, nothing changed."""
    document = a_document()
    assert applied(document=document) is document


def test_set_gives_one_member_another_value() -> None:
    """A target, a scalar, or null to take it away; all else stays."""
    result = applied(
        Override(key="squat-1", op="set", member="load", value={"kind": "absolute", "value": 80, "unit": "kg"}),
        Override(key="squat-1", op="set", member="effort", value=None),
        Override(key="squat", op="set", member="rounding", value={"step": 1, "unit": "kg"}),
        Override(key="push", op="set", member="day_offset", value=4),
    )
    parts = parts_by_key(result)
    assert parts["squat-1"].part.load == Absolute(value=80, unit="kg")
    assert parts["squat-1"].part.effort is None
    assert parts["squat"].part.rounding == Rounding(step=1, unit="kg")
    assert parts["push"].part.day_offset == 4
    assert parts["squat-2"].part == parts_by_key(a_document())["squat-2"].part


def test_omit_leaves_out_a_part_and_what_stands_in_it() -> None:
    """An injured shoulder does not press."""
    result = applied(Override(key="bench", op="omit"))
    assert parts_by_key(a_document()).keys() - parts_by_key(result).keys() == {"bench", "bench-s1", "bench-s2"}


def test_add_puts_a_new_part_last_and_it_can_be_changed_again() -> None:
    """Also a whole workout, below its phase."""
    row = {"key": "row", "exercise_id": str(BENCH), "sets": [{"key": "row-1", "type": "working"}]}
    result = applied(
        Override(key="push-b1", op="add", member="items", value=row),
        Override(key="row-1", op="set", member="rest_seconds", value=60),
        Override(
            key="p1", op="add", member="workouts", value={"key": "walk", "day_offset": 6, "name": "Walk", "blocks": []}
        ),
    )
    assert [item.key for _, item in result.workouts[1].items()] == ["bench", "row"]
    assert parts_by_key(result)["row-1"].part.rest_seconds == 60
    assert (result.workouts[2].key, result.workouts[2].phase) == ("walk", "p1")


@pytest.mark.parametrize(
    ("override", "pointer", "code"),
    [
        ({"key": "gone", "op": "omit"}, "/overrides/0/key", "reference"),
        ({"key": "squat-1", "op": "set", "member": "weight", "value": 1}, "/overrides/0/member", "choice"),
        ({"key": "squat", "op": "set", "member": "sets", "value": []}, "/overrides/0/member", "choice"),
        ({"key": "squat-1", "op": "set", "member": "key", "value": "x"}, "/overrides/0/member", "choice"),
        ({"key": "squat-1", "op": "set", "member": "type", "value": "hard"}, "/overrides/0/value", "choice"),
        ({"key": "squat-1", "op": "set", "member": "type", "value": None}, "/overrides/0/value", "choice"),
        ({"key": "push", "op": "set", "member": "day_offset", "value": 9}, "/overrides/0/value", "range"),
        (
            {
                "key": "squat-1",
                "op": "set",
                "member": "load",
                "value": {"kind": "absolute", "value": 2_000, "unit": "kg"},
            },
            "/overrides/0/value/value",
            "range",
        ),
        ({"key": "squat", "op": "add", "member": "items", "value": {"key": "x"}}, "/overrides/0/member", "choice"),
        (
            {"key": "squat", "op": "add", "member": "sets", "value": {"key": "squat-1", "type": "working"}},
            "/overrides/0/value/key",
            "distinct",
        ),
        (
            {"key": "squat", "op": "add", "member": "sets", "value": {"key": "x", "type": "hard"}},
            "/overrides/0/value/type",
            "choice",
        ),
        ({"key": "p1", "op": "omit"}, "/overrides/0/key", "invalid"),
    ],
)
def test_an_override_that_cannot_be_is_refused_where_it_stands(override: dict, pointer: str, code: str) -> None:
    """The pointer leads into the list of overrides, not into a document the coach did not write."""
    assert refused(wire.structure(Override, override)) == {pointer: code}


@pytest.mark.parametrize(
    ("override", "pointer"),
    [
        ({"key": "a", "op": "omit", "member": "load"}, "/op"),
        ({"key": "a", "op": "set", "value": 1}, "/member"),
        ({"key": "a", "op": "add", "member": "sets"}, "/value"),
        ({"key": "a", "op": "add", "member": "sets", "value": {"type": "working"}}, "/value"),
        ({"key": "a", "op": "merge"}, "/op"),
        ({"key": "a", "op": "set", "member": "tempo", "value": 10**30}, "/value"),
        ({"key": "a", "op": "set", "member": "load", "value": [{"max": -1e300}]}, "/value"),
    ],
)
def test_an_override_without_its_members_is_refused(override: dict, pointer: str) -> None:
    """Each operation says what it needs."""
    with pytest.raises(Invalid) as caught:
        wire.structure(Override, override)
    assert [error.pointer for error in caught.value.errors] == [pointer]


LOAD = Override(key="squat-1", op="set", member="rest_seconds", value=240)
OMIT = Override(key="bench", op="omit")
ADD = Override(key="squat", op="add", member="sets", value={"key": "extra", "type": "drop"})


def test_an_upgrade_without_a_change_of_the_parts_has_no_conflict() -> None:
    """What changed elsewhere is none of an override's business."""
    newer = edited("push", name="Push harder")
    assert override_conflicts(a_document(), newer, (LOAD, OMIT, ADD)) == ()


def test_every_override_whose_part_vanished_or_changed_is_listed() -> None:
    """A set's own members, anything below an omitted part, the parent of an addition, a key that is taken."""
    assert override_conflicts(a_document(), edited("squat-1", rest_seconds=120), (LOAD, OMIT)) == ("squat-1",)
    assert override_conflicts(a_document(), edited("bench-s1", rest_seconds=120), (LOAD, OMIT)) == ("bench",)
    assert override_conflicts(a_document(), edited("squat", notes="deeper"), (LOAD, ADD)) == ("squat",)
    vanished = a_document(a_document().workouts[1])
    assert override_conflicts(a_document(), vanished, (LOAD, OMIT, ADD)) == ("squat-1", "squat")
    taken = applied(ADD)
    assert override_conflicts(a_document(), taken, (ADD,)) == ("extra",)


def test_an_override_of_what_another_added_is_no_conflict() -> None:
    """The newer version cannot have changed what only this trainee has."""
    again = Override(key="extra", op="set", member="rest_seconds", value=30)
    assert override_conflicts(a_document(), edited("push", name="Push"), (ADD, again)) == ()


def test_the_exercise_can_be_exchanged_for_one_trainee() -> None:
    """An id on the wire is text, in the document an id."""
    result = applied(Override(key="squat", op="set", member="exercise_id", value=str(BENCH)))
    assert parts_by_key(result)["squat"].part.exercise_id == BENCH
    assert parts_by_key(a_document())["squat"].part.exercise_id == SQUAT
