"""Differences between two documents: all of them, and none where there is none."""

from __future__ import annotations

import attrs
from hypothesis import given, settings
from plan_strategies import documents

from coachhub_core.domain.plan_diff import Added, Changed, Removed, diff
from coachhub_core.domain.plan_document import PlanDocument, canonical, parts_by_key, to_plain
from coachhub_core.testing.plan_builders import a_block, a_document, a_planned_workout, a_set, an_item, read_document


@given(documents())
@settings(max_examples=50, deadline=None)
def test_a_document_does_not_differ_from_itself(document: PlanDocument) -> None:
    """Identical documents give no difference."""
    assert diff(document, document) == ()


@given(documents(), documents())
@settings(max_examples=80, deadline=None)
def test_documents_without_a_difference_are_equal(before: PlanDocument, after: PlanDocument) -> None:
    """And unequal ones have at least one, the same whichever way one looks for members and their number."""
    changes, back = diff(before, after), diff(after, before)
    assert (changes == ()) == (canonical(before) == canonical(after))
    assert sum(isinstance(c, Added) for c in changes) == sum(isinstance(c, Removed) for c in back)
    for change in changes:
        document = before if isinstance(change, Removed) else after
        if change.key:
            assert parts_by_key(document)[change.key].pointer == change.pointer


def test_a_changed_member_is_named_with_both_values() -> None:
    """One percent more is one change, however deep it stands."""
    before = a_document()
    raw = to_plain(before)
    raw["workouts"][0]["blocks"][0]["items"][0]["sets"][1]["load"]["percent"] = 80
    assert diff(before, read_document(raw)) == (
        Changed(
            what="set",
            key="squat-1",
            pointer="/workouts/0/blocks/0/items/0/sets/1",
            member="load",
            before={"kind": "relative", "of": "1RM", "percent": 75},
            after={"kind": "relative", "of": "1RM", "percent": 80},
        ),
    )


def test_a_whole_workout_is_one_addition() -> None:
    """What stands in an added part is not listed again, and leaving it out is one removal."""
    legs, push = a_planned_workout("legs"), a_planned_workout("push", day_offset=3)
    one, two = a_document(legs), a_document(legs, push)
    assert diff(one, two) == (Added(what="workout", key="push", pointer="/workouts/1", value=to_plain(push)),)
    assert diff(two, one) == (Removed(what="workout", key="push", pointer="/workouts/1", value=to_plain(push)),)


def test_a_set_that_moves_to_another_item_is_a_change_of_parent() -> None:
    """Moved is not lost and found: logs still refer to the same set."""
    moving = a_set("moving")
    first, second = an_item("first", sets=(a_set("stays"), moving)), an_item("second", sets=())
    before = a_document(a_planned_workout("w", a_block("b", first, second)))
    after = a_document(
        a_planned_workout(
            "w", a_block("b", attrs.evolve(first, sets=(a_set("stays"),)), attrs.evolve(second, sets=(moving,)))
        )
    )
    assert diff(before, after) == (
        Changed(
            what="set",
            key="moving",
            pointer="/workouts/0/blocks/0/items/1/sets/0",
            member="parent",
            before="first",
            after="second",
        ),
    )


def test_an_exchange_of_places_is_one_change_of_order() -> None:
    """Inserting above does not make everything below look changed; exchanging two does show."""
    one, two, new = an_item("one"), an_item("two"), an_item("new")
    before = a_document(a_planned_workout("w", a_block("b", one, two)))
    inserted = a_document(a_planned_workout("w", a_block("b", new, one, two)))
    assert [type(change) for change in diff(before, inserted)] == [Added]
    swapped = a_document(a_planned_workout("w", a_block("b", two, one)))
    assert diff(before, swapped) == (
        Changed(
            what="block",
            key="b",
            pointer="/workouts/0/blocks/0",
            member="items",
            before=["one", "two"],
            after=["two", "one"],
        ),
    )


def test_the_plan_itself_changes_under_the_empty_key() -> None:
    """A cycle of eight days is a change of the plan, not of a part."""
    (change,) = diff(a_document(), a_document(cycle_days=8))
    assert (change.what, change.key, change.member, change.before, change.after) == ("plan", "", "cycle_days", 7, 8)
