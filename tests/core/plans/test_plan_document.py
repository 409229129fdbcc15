"""What a plan document takes, refuses, and keeps byte for byte."""

from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given, settings
from plan_strategies import documents

from coachhub_core import wire
from coachhub_core.domain.plan_document import (
    MAX_DOCUMENT_BYTES,
    PlanDocument,
    canonical,
    check_complete,
    exercise_ids,
    parts_by_key,
    sha256,
)
from coachhub_core.errors import Invalid, TooLarge
from coachhub_core.testing.plan_builders import BENCH, SQUAT, a_block, a_document, a_planned_workout, an_item


def plain() -> dict:
    return json.loads(canonical(a_document()))


def refused(document: dict) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        wire.structure(PlanDocument, document)
    return {error.pointer: error.code for error in caught.value.errors}


@given(documents())
@settings(max_examples=80, deadline=None)
def test_a_document_round_trips_byte_for_byte(document: PlanDocument) -> None:
    """What is read from the canonical bytes writes the same bytes, and is equal."""
    raw = canonical(document)
    again = wire.structure(PlanDocument, wire.loads(raw))
    assert again == document
    assert canonical(again) == raw


def test_what_is_sent_is_what_comes_back() -> None:
    """No member is added: a document without nulls keeps its members and its order of lists."""
    sent = plain()
    assert json.loads(canonical(wire.structure(PlanDocument, sent))) == sent


def test_the_canonical_form_does_not_depend_on_how_it_was_written() -> None:
    """Order of members, nulls and 80.0 for 80 make no difference to the hash."""
    document = plain()
    document["workouts"][0]["notes"] = None
    squat = document["workouts"][0]["blocks"][0]["items"][0]["sets"][1]
    squat["load"] = {"percent": 75.0, "of": "1RM", "kind": "relative", "min": None}
    assert sha256(canonical(wire.structure(PlanDocument, document))) == sha256(canonical(a_document()))


ITEM = "workouts/0/blocks/0/items/0"
SET = f"{ITEM}/sets/1"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("workouts/0/phase", "p9", "reference"),
        ("workouts/1/day_offset", 7, "range"),
        ("workouts/1/key", "legs", "distinct"),
        ("workouts/0/blocks/0/key", "p1", "distinct"),
        ("workouts/0/key", "no spaces", "pattern"),
        ("workouts/0/blocks/0/kind", "giant", "choice"),
        (f"{SET}/load/percent", 0, "range"),
        (f"{SET}/load/kind", "magic", "choice"),
        (f"{SET}/weight", 80, "unknown_member"),
        ("phases/0/n_cycles", "4", "type"),
        ("cycle_days", 29, "range"),
    ],
)
def test_each_mistake_has_its_pointer(path: str, value: object, code: str) -> None:
    """A coach is told where in the document the mistake stands."""
    document = plain()
    *steps, last = path.split("/")
    at = document
    for step in steps:
        at = at[int(step)] if step.isdigit() else at[step]
    at[last] = value
    assert refused(document) == {f"/{path}": code}


def test_an_item_has_an_exercise_or_a_name_of_its_own() -> None:
    """Both would contradict each other, and neither says nothing."""
    document = plain()
    item = document["workouts"][0]["blocks"][0]["items"][0]
    item["custom_name"] = "Squat"
    assert refused(document) == {f"/{ITEM}/exercise_id": "exactly_one"}
    del item["custom_name"], item["exercise_id"]
    assert refused(document) == {f"/{ITEM}/exercise_id": "exactly_one"}


@pytest.mark.parametrize(
    ("member", "target", "pointer"),
    [
        ("load", {"kind": "absolute", "value": 120, "unit": "bpm"}, "load/unit"),
        ("load", {"kind": "relative", "of": "FTP", "percent": 80}, "load/of"),
        ("load", {"kind": "stop", "until": "to_failure"}, "load/kind"),
        ("reps", {"kind": "relative", "of": "1RM", "percent": 80}, "reps/of"),
        ("reps", {"kind": "absolute", "value": 5.5, "unit": "reps"}, "reps/value"),
        ("reps", {"kind": "range", "min": 8, "max": 5, "unit": "reps"}, "reps/max"),
        ("reps", {"kind": "range", "min": 5, "target": 9, "max": 8, "unit": "reps"}, "reps/target"),
        ("reps", {"kind": "stop", "until": "to_rpe"}, "reps/value"),
        ("effort", {"kind": "absolute", "value": 11, "unit": "rpe"}, "effort/value"),
        ("effort", {"kind": "relative", "of": "FTP", "percent": 80, "min": 70, "max": 90}, "effort/percent"),
        ("effort", {"kind": "relative", "of": "FTP", "min": 70}, "effort/max"),
    ],
)
def test_a_target_that_makes_no_sense_is_refused(member: str, target: dict, pointer: str) -> None:
    """A load is not in beats, half a repetition is none, and a range has two ends in order."""
    document = plain()
    document["workouts"][0]["blocks"][0]["items"][0]["sets"][1][member] = target
    assert list(refused(document)) == [f"/workouts/0/blocks/0/items/0/sets/1/{pointer}"]


def test_a_document_over_its_limit_is_refused() -> None:
    """512 KiB of canonical bytes is the end."""
    workouts = tuple(
        a_planned_workout(f"w{n}", a_block(f"b{n}", an_item(f"i{n}", notes="é" * 2_000))) for n in range(130)
    )
    assert len(canonical(a_document(*workouts[:100]))) < MAX_DOCUMENT_BYTES
    with pytest.raises(TooLarge) as caught:
        canonical(a_document(*workouts))
    assert str(caught.value) == "a plan document may have at most 524288 bytes"


def test_a_plan_longer_than_three_years_is_refused() -> None:
    """A slipped key would make rows without end."""
    with pytest.raises(Invalid) as caught:
        a_document(n_cycles=104, cycle_days=28)
    assert [error.pointer for error in caught.value.errors] == ["/phases"]


def test_a_draft_may_be_unfinished_and_a_version_may_not() -> None:
    """An empty document can be saved; published it would put nothing on a calendar."""
    empty = PlanDocument()
    assert canonical(empty) == b'{"cycle_days":7,"phases":[],"workouts":[]}'
    with pytest.raises(Invalid) as caught:
        check_complete(empty)
    assert [error.pointer for error in caught.value.errors] == ["/draft/phases"]
    check_complete(a_document())


def test_parts_are_found_by_key_with_their_pointers() -> None:
    """A pointer leads to the part, and every part knows what it stands in."""
    document = a_document()
    place = parts_by_key(document)["squat-1"]
    assert (place.what, place.pointer, place.parent) == ("set", "/workouts/0/blocks/0/items/0/sets/1", "squat")
    assert exercise_ids(document) == {SQUAT, BENCH}


def test_keys_are_unique_also_between_kinds_of_parts() -> None:
    """One name, one part: an override could not say which it means."""
    legs = a_planned_workout("legs")
    with pytest.raises(Invalid, match="the key 'legs' stands at /workouts/0 already"):
        attrs.evolve(a_document(legs), workouts=(legs, attrs.evolve(legs, blocks=())))
