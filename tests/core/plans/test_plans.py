"""The chain of versions: what publishing, restoring, copying and archiving do and refuse."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import attrs
import pytest

from coachhub_core import wire
from coachhub_core.domain.plan_document import PlanDocument, canonical, sha256
from coachhub_core.domain.plan_views import PlanRow, PlanVersionView, PlanView
from coachhub_core.domain.plans import ChangePlan, CopyPlan, CreatePlan, DiffPlan, Plan, PlanVersion, PublishPlan
from coachhub_core.errors import (
    Invalid,
    PlanIllegalTransition,
    PlanNothingToPublish,
    PlanPublished,
    PlanStaleParent,
)
from coachhub_core.testing.plan_builders import a_document, read_document

NOW = datetime(2026, 3, 4, tzinfo=UTC)
ID, COACH, AUTHOR = UUID(int=1), UUID(int=2), UUID(int=3)
ONE, TWO = a_document(), a_document(n_cycles=5)


def a_plan(document: PlanDocument | None = ONE) -> Plan:
    return Plan.create(CreatePlan(title="Base", document=document), id=ID, owner_coach_id=COACH, now=NOW)


def published(plan: Plan, head: PlanVersion | None = None, *, parent: int | None = None) -> tuple[Plan, PlanVersion]:
    draft = read_document(json.loads(plan.draft)) if plan.draft is not None else None
    return plan.publish(PublishPlan(plan_id=ID, parent=parent), draft, head, author_id=AUTHOR, now=NOW)


def edited(plan: Plan, document: PlanDocument | None) -> Plan:
    return plan.change(ChangePlan(plan_id=ID, document=document), now=NOW)


def test_the_first_publish_makes_version_one() -> None:
    """The draft becomes the version, byte for byte, and is gone."""
    plan, version = published(a_plan())
    assert (plan.status, plan.head_version, plan.draft) == ("published", 1, None)
    assert version == PlanVersion(
        plan_id=ID,
        number=1,
        parent=None,
        document=canonical(ONE),
        sha256=sha256(canonical(ONE)),
        author_id=AUTHOR,
        note=None,
        created_at=NOW,
    )


def test_a_version_is_published_from_the_head_or_not_at_all() -> None:
    """Two browser windows: the second one is told to look again."""
    plan, head = published(a_plan())
    plan = edited(plan, TWO)
    with pytest.raises(PlanStaleParent) as caught:
        published(plan, head, parent=None)
    assert (caught.value.parent, caught.value.head) == (None, 1)
    after, second = published(plan, head, parent=1)
    assert (after.head_version, second.number, second.parent) == (2, 2, 1)


def test_what_does_not_differ_is_not_published() -> None:
    """No draft, an empty change: there would be nothing to see in the difference."""
    plan, head = published(a_plan())
    with pytest.raises(PlanNothingToPublish):
        published(plan, head, parent=1)
    with pytest.raises(PlanNothingToPublish):
        published(edited(plan, ONE), head, parent=1)


def test_an_unfinished_draft_is_saved_but_not_published() -> None:
    """The refusal points into the draft."""
    plan = a_plan(None)
    assert plan.draft == b'{"cycle_days":7,"phases":[],"workouts":[]}'
    with pytest.raises(Invalid) as caught:
        published(plan)
    assert [error.pointer for error in caught.value.errors] == ["/draft/phases"]


def test_restoring_copies_an_old_version_into_the_draft() -> None:
    """The chain only grows: publishing it makes version three, equal to version one."""
    plan, first = published(a_plan())
    plan, second = published(edited(plan, TWO), first, parent=1)
    plan = plan.restore(first, now=NOW)
    assert plan.draft == first.document
    plan, third = published(plan, second, parent=2)
    assert (third.number, third.sha256) == (3, first.sha256)


def test_an_archived_plan_is_read_and_copied_but_not_written() -> None:
    """And comes back as it was."""
    plan, _ = published(a_plan())
    archived = plan.archive(now=NOW)
    for attempt in (lambda: edited(archived, TWO), lambda: published(archived), lambda: archived.archive(now=NOW)):
        with pytest.raises(PlanIllegalTransition) as caught:
            attempt()
        assert (caught.value.state, caught.value.allowed) == ("archived", ("unarchive", "copy"))
    assert archived.unarchive(now=NOW) == plan
    with pytest.raises(PlanIllegalTransition):
        a_plan().archive(now=NOW)
    with pytest.raises(PlanIllegalTransition):
        plan.unarchive(now=NOW)


def test_only_what_was_never_published_is_deleted() -> None:
    """Logs may refer to everything else."""
    a_plan().check_deletable()
    plan, _ = published(a_plan())
    for kept in (plan, plan.archive(now=NOW)):
        with pytest.raises(PlanPublished):
            kept.check_deletable()


def test_a_copy_is_a_new_draft_with_the_same_keys() -> None:
    """For another trainee, under another title."""
    plan, version = published(a_plan())
    command = CopyPlan(plan_id=ID, title="For Ana", trainee_id=UUID(int=9))
    copy = plan.copy(command, version.document, id=UUID(int=8), owner_coach_id=COACH, now=NOW)
    assert (copy.id, copy.title, copy.trainee_id, copy.status, copy.draft, copy.head_version) == (
        UUID(int=8),
        "For Ana",
        UUID(int=9),
        "draft",
        canonical(ONE),
        None,
    )


def test_a_change_carries_only_what_was_sent() -> None:
    """Absent members stay; a null document throws the edits away."""
    plan = a_plan()
    titled = plan.change(wire.structure(ChangePlan, {"title": "Peak"}, trusted={"plan_id": ID}), now=NOW)
    assert (titled.title, titled.draft) == ("Peak", plan.draft)
    dropped = titled.change(wire.structure(ChangePlan, {"document": None}, trusted={"plan_id": ID}), now=NOW)
    assert (dropped.title, dropped.draft) == ("Peak", None)


def test_a_trainee_sees_the_assigned_version_and_never_a_draft() -> None:
    """Not even that there is a newer one."""
    plan, first = published(a_plan())
    plan, second = published(edited(plan, TWO), first, parent=1)
    plan = edited(plan, ONE)
    owner = json.loads(wire.dumps(PlanView.for_owner(plan, second)))
    trainee = json.loads(wire.dumps(PlanView.for_trainee(plan, first)))
    assert (owner["version_number"], owner["document"]["phases"][0]["n_cycles"]) == (2, 5)
    assert owner["draft"] == json.loads(canonical(ONE))
    assert (trainee["version_number"], trainee["document"]["phases"][0]["n_cycles"]) == (1, 4)
    assert (trainee["draft"], trainee["allowed"]) == (None, [])
    assert not any("head" in member for member in trainee)


def test_a_document_leaves_the_house_byte_for_byte() -> None:
    """The view carries the canonical bytes and does not write them anew."""
    _, version = published(a_plan())
    assert b'"document":' + canonical(ONE) in wire.dumps(PlanVersionView.of(version))
    assert wire.structure(PlanDocument, json.loads(wire.dumps(PlanVersionView.of(version)))["document"]) == ONE


def test_a_list_shows_no_documents() -> None:
    """It says only that there is a draft."""
    row = PlanRow.of(attrs.evolve(a_plan(), trainee_id=UUID(int=9)))
    assert (row.has_draft, row.is_template, row.head_version) == (True, False, None)


def test_the_command_refuses_with_pointers_into_the_document() -> None:
    """POST /plans answers 422 where the mistake stands."""
    document = json.loads(canonical(ONE))
    document["workouts"][0]["phase"] = "p7"
    with pytest.raises(Invalid) as caught:
        wire.structure(CreatePlan, {"title": "Base", "document": document})
    assert [error.pointer for error in caught.value.errors] == ["/document/workouts/0/phase"]


def test_a_difference_is_asked_for_from_and_to() -> None:
    """Words that Python has taken are parameters all the same."""
    query = wire.structure_query(DiffPlan, {"from": ["1"], "to": ["2"]}, trusted={"plan_id": ID})
    assert (query.from_, query.to) == (1, 2)
    with pytest.raises(Invalid) as caught:
        wire.structure_query(DiffPlan, {"from": ["0"], "to": ["2"], "from_": ["1"]}, trusted={"plan_id": ID})
    assert [error.pointer for error in caught.value.errors] == ["from_"]
