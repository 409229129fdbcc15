"""Plans as coaches and trainees meet them: rights, versions, exercises, over a real storage."""

from __future__ import annotations

import json
from uuid import UUID

import attrs
import pytest

from coachhub_core.domain.assignments import UpgradeAssignment
from coachhub_core.domain.exercises import ChangeExercise, CreateExercise, DeleteExercise, ListExercises
from coachhub_core.domain.matches import EndMatch
from coachhub_core.domain.plan_document import canonical
from coachhub_core.domain.plans import (
    ArchivePlan,
    ChangePlan,
    CopyPlan,
    CreatePlan,
    DeletePlan,
    DiffPlan,
    ListPlans,
    ListPlanVersions,
    PublishPlan,
    RestorePlan,
    UnarchivePlan,
)
from coachhub_core.errors import (
    ExerciseInUse,
    ExerciseSlugTaken,
    Forbidden,
    Invalid,
    NotFound,
    PlanPublished,
    PlanStaleParent,
    VersionMismatch,
)
from coachhub_core.testing.plan_builders import a_block, a_document, a_planned_workout, an_item
from coachhub_core.testing.story import House, shipped_exercise, with_known_exercises

ONE, TWO = with_known_exercises(a_document()), with_known_exercises(a_document(n_cycles=5))


def errors_of(caught: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str]]:
    return [(error.pointer, error.code) for error in caught.value.errors]


# ── plans ───────────────────────────────────────────────────────────────────


def test_a_plan_comes_back_byte_for_byte(house: House) -> None:
    """What was written is what is stored, shown and versioned."""
    coach = house.a_coach()
    plan = house.hub.plans.create(coach, CreatePlan(title="Base 🏋️", document=ONE))
    assert bytes(house.hub.plans.get(coach, plan.id).draft or b"") == canonical(ONE)
    published = house.hub.plans.publish(coach, PublishPlan(plan_id=plan.id, note="first"))
    assert (published.version_number, published.status, published.draft) == (1, "published", None)
    version = house.hub.plans.version(coach, plan.id, 1)
    assert (bytes(version.document), version.note) == (canonical(ONE), "first")


def test_versions_are_listed_compared_and_restored(house: House) -> None:
    """The chain only grows."""
    coach = house.a_coach()
    plan = house.a_published_plan(coach, a_document())
    plans = house.hub.plans
    plans.change(coach, ChangePlan(plan_id=plan.id, document=TWO))
    with pytest.raises(PlanStaleParent):
        plans.publish(coach, PublishPlan(plan_id=plan.id))
    plans.publish(coach, PublishPlan(plan_id=plan.id, parent=1))
    plans.restore(coach, RestorePlan(plan_id=plan.id, number=1))
    plans.publish(coach, PublishPlan(plan_id=plan.id, parent=2))
    page = plans.versions(coach, ListPlanVersions(plan_id=plan.id, limit=2))
    assert [(v.number, v.parent) for v in page.items] == [(3, 2), (2, 1)]
    rest = plans.versions(coach, ListPlanVersions(plan_id=plan.id, limit=2, cursor=page.next))
    assert ([v.number for v in rest.items], rest.next) == ([1], None)
    (change,) = plans.diff(coach, DiffPlan(plan_id=plan.id, from_=1, to=2)).changes
    assert (change.pointer, change.before, change.after) == ("/phases/0", 4, 5)
    assert plans.diff(coach, DiffPlan(plan_id=plan.id, from_=1, to=3)).changes == ()


def test_a_plan_is_its_coachs(house: House) -> None:
    """To anybody else it does not exist."""
    coach, other, trainee = house.a_coach(), house.a_coach(), house.a_trainee()
    plan = house.a_published_plan(coach, a_document())
    for stranger in (other, trainee):
        with pytest.raises(NotFound):
            house.hub.plans.get(stranger, plan.id)
        with pytest.raises(NotFound):
            house.hub.plans.version(stranger, plan.id, 1)
        with pytest.raises((NotFound, Forbidden)):
            house.hub.plans.change(stranger, ChangePlan(plan_id=plan.id, title="mine"))
    assert house.hub.plans.list(other, ListPlans()).items == ()
    with pytest.raises(Forbidden):
        house.hub.plans.create(trainee, CreatePlan(title="x"))


def test_a_trainee_sees_what_was_assigned_also_after_the_end(house: House) -> None:
    """Never a draft and never a version they are not on."""
    coach, trainee = house.a_pair()
    plan = house.a_published_plan(coach, a_document())
    assignment = house.assigned(coach, trainee, plan)
    plans = house.hub.plans
    plans.change(coach, ChangePlan(plan_id=plan.id, document=TWO))
    plans.publish(coach, PublishPlan(plan_id=plan.id, parent=1))
    plans.change(coach, ChangePlan(plan_id=plan.id, document=ONE))
    seen = plans.get(trainee, plan.id)
    assert (seen.version_number, bytes(seen.document or b""), seen.draft) == (1, canonical(ONE), None)
    assert [v.number for v in plans.versions(trainee, ListPlanVersions(plan_id=plan.id)).items] == [1]
    with pytest.raises(NotFound):
        plans.version(trainee, plan.id, 2)
    with pytest.raises(NotFound):
        plans.diff(trainee, DiffPlan(plan_id=plan.id, from_=1, to=2))
    house.hub.assignments.upgrade(coach, UpgradeAssignment(assignment_id=assignment.id))
    assert plans.get(trainee, plan.id).version_number == 2
    house.hub.matches.end(trainee, EndMatch(match_id=assignment.match_id))
    assert plans.get(trainee, plan.id).version_number == 2


def test_a_plan_for_a_trainee_needs_the_match(house: House) -> None:
    """A stranger's id is refused where it stands, whether it exists or not."""
    coach, trainee = house.a_pair()
    stranger = house.a_trainee()
    plan = house.hub.plans.create(coach, CreatePlan(title="For you", trainee_id=trainee.trainee_id))
    assert (plan.is_template, plan.trainee_id) == (False, trainee.trainee_id)
    for id in (stranger.trainee_id, UUID(int=7)):
        with pytest.raises(Invalid) as caught:
            house.hub.plans.create(coach, CreatePlan(title="For you", trainee_id=id))
        assert errors_of(caught) == [("/trainee_id", "unknown")]


def test_lists_keep_templates_apart_and_page(house: House) -> None:
    """Newest first, without documents."""
    coach, trainee = house.a_pair()
    plans = house.hub.plans
    for number in range(3):
        plans.create(coach, CreatePlan(title=f"T{number}"))
    plans.create(coach, CreatePlan(title="Own", trainee_id=trainee.trainee_id))
    assert [row.title for row in plans.list(coach, ListPlans(template=False)).items] == ["Own"]
    first = plans.list(coach, ListPlans(template=True, limit=2))
    assert [row.title for row in first.items] == ["T2", "T1"]
    rest = plans.list(coach, ListPlans(template=True, limit=2, cursor=first.next))
    assert ([row.title for row in rest.items], rest.next) == (["T0"], None)
    assert plans.list(coach, ListPlans(status="archived")).items == ()


def test_deleting_copying_and_putting_away(house: House) -> None:
    """Only what was never published goes for good."""
    coach = house.a_coach()
    plans = house.hub.plans
    draft = plans.create(coach, CreatePlan(title="Draft", document=ONE))
    with pytest.raises(VersionMismatch):
        plans.delete(coach, DeletePlan(plan_id=draft.id, expected_version=7))
    plans.delete(coach, DeletePlan(plan_id=draft.id, expected_version=1))
    with pytest.raises(NotFound):
        plans.get(coach, draft.id)
    plan = house.a_published_plan(coach, a_document())
    with pytest.raises(PlanPublished):
        plans.delete(coach, DeletePlan(plan_id=plan.id))
    copy = plans.copy(coach, CopyPlan(plan_id=plan.id, title="Second"))
    assert (copy.title, bytes(copy.draft or b""), copy.version_number) == ("Second", canonical(ONE), None)
    archived = plans.archive(coach, ArchivePlan(plan_id=plan.id))
    assert (archived.status, archived.allowed) == ("archived", ("unarchive", "copy"))
    assert plans.unarchive(coach, UnarchivePlan(plan_id=plan.id)).status == "published"


# ── exercises ───────────────────────────────────────────────────────────────


def test_the_shipped_list_is_searchable_on_the_first_run(house: House) -> None:
    """By words of names and aliases, by muscle, equipment and level; by name, page after page."""
    anyone = house.a_trainee()
    exercises = house.hub.exercises
    names = [e.name for e in exercises.list(anyone, ListExercises(q="Military PRESS")).items]
    assert names == ["Overhead Press"]
    assert exercises.list(anyone, ListExercises(q="🏋️")).items == ()
    assert exercises.list(anyone, ListExercises(q="100% _")).items == ()
    found = exercises.list(anyone, ListExercises(muscle="glutes", equipment="Barbell", level="beginner")).items
    assert [e.slug for e in found] == ["trap-bar-deadlift"]
    seen: list[str] = []
    cursor = None
    while True:
        page = exercises.list(anyone, ListExercises(limit=50, cursor=cursor))
        seen += [e.name for e in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 123
    assert exercises.ensure_shipped() == 0
    back = exercises.list(anyone, ListExercises(limit=50, cursor=page.prev))
    assert [e.name for e in back.items] == seen[50:100]


def test_own_exercises_are_private_to_their_coach_and_their_trainees(house: House) -> None:
    """Another coach cannot see, use or change them."""
    coach, trainee = house.a_pair()
    other = house.a_coach()
    exercises = house.hub.exercises
    own = exercises.create(coach, CreateExercise(name="Zercher Squat", equipment="Barbell"))
    assert (own.slug, own.equipment, own.is_own) == ("zercher-squat", "barbell", True)
    assert [e.id for e in exercises.list(coach, ListExercises(q="zercher")).items] == [own.id]
    assert exercises.get(trainee, own.id).name == "Zercher Squat"
    assert exercises.list(other, ListExercises(q="zercher")).items == ()
    with pytest.raises(NotFound):
        exercises.get(other, own.id)
    with pytest.raises(NotFound):
        exercises.change(other, ChangeExercise(exercise_id=own.id, name="Mine"))
    document = a_document(a_planned_workout("w", a_block("b", an_item("i", exercise_id=own.id))))
    with pytest.raises(Invalid) as caught:
        house.hub.plans.create(other, CreatePlan(title="x", document=document))
    assert errors_of(caught) == [("/document/workouts/0/blocks/0/items/0/exercise_id", "unknown")]
    with pytest.raises(ExerciseSlugTaken):
        exercises.create(coach, CreateExercise(name="Zercher  squat"))
    assert exercises.create(other, CreateExercise(name="Zercher Squat")).slug == "zercher-squat"


def test_an_exercise_in_use_is_archived_not_deleted(house: House) -> None:
    """A draft counts as use; archived ones leave the list."""
    coach = house.a_coach()
    exercises = house.hub.exercises
    own = exercises.create(coach, CreateExercise(name="Zercher Squat"))
    document = a_document(a_planned_workout("w", a_block("b", an_item("i", exercise_id=own.id))))
    house.hub.plans.create(coach, CreatePlan(title="x", document=document))
    with pytest.raises(ExerciseInUse):
        exercises.delete(coach, DeleteExercise(exercise_id=own.id))
    exercises.change(coach, ChangeExercise(exercise_id=own.id, is_archived=True))
    assert exercises.list(coach, ListExercises(q="zercher")).items == ()
    assert [e.id for e in exercises.list(coach, ListExercises(q="zercher", archived=True)).items] == [own.id]
    unused = exercises.create(coach, CreateExercise(name="Never used"))
    exercises.delete(coach, DeleteExercise(exercise_id=unused.id))
    with pytest.raises(Forbidden):
        exercises.delete(coach, DeleteExercise(exercise_id=shipped_exercise("plank")))
    with pytest.raises(Invalid) as caught:
        exercises.create(coach, CreateExercise(name="x", equipment="warp core"))
    assert errors_of(caught) == [("/equipment", "vocabulary")]


def test_an_admin_imports_a_file_once(house: House) -> None:
    """The second time nothing changes; a slug that ships keeps its owner."""
    admin = attrs.evolve(house.a_coach(), role="admin", coach_id=None)
    entry = {"id": "Deadlift_X", "name": "Deadlift", "level": "expert", "category": "powerlifting"}
    document = json.loads(json.dumps([entry, {"id": "broken"}]))
    exercises = house.hub.exercises
    first = exercises.import_free_exercise_db(admin, document)
    assert (first.n_new, first.n_known, [row.index for row in first.not_taken]) == (1, 0, [1])
    again = exercises.import_free_exercise_db(admin, document)
    assert (again.n_new, again.n_known) == (0, 1)
    with pytest.raises(Forbidden):
        exercises.import_free_exercise_db(house.a_coach(), document)
