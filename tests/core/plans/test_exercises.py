"""The shipped list, a coach's own exercises, and the importer of the free-exercise-db format."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from coachhub_core import wire
from coachhub_core.domain import vocabulary
from coachhub_core.domain.exercise_import import RowNotTaken, read_free_exercise_db
from coachhub_core.domain.exercises import (
    ChangeExercise,
    CreateExercise,
    Exercise,
    ExerciseView,
    in_order,
    shipped,
    slug_of,
)
from coachhub_core.errors import Invalid

NOW = datetime(2026, 3, 4, tzinfo=UTC)
COACH = UUID(int=2)


def an_entry(**members: object) -> dict[str, object]:
    return {
        "id": "Barbell_Thing",
        "name": "Barbell Thing",
        "force": "pull",
        "level": "expert",
        "mechanic": "compound",
        "equipment": "barbell",
        "primaryMuscles": ["lower back"],
        "secondaryMuscles": ["glutes", "glutes"],
        "instructions": ["Stand.", "Lift."],
        "category": "olympic weightlifting",
        "images": ["Barbell_Thing/0.jpg"],
        **members,
    }


def imported(*entries: object) -> tuple[Exercise, ...]:
    return read_free_exercise_db(list(entries), now=NOW).exercises


def test_about_120_exercises_ship_and_all_are_different() -> None:
    """Names, slugs and ids; nothing is said in anybody else's words."""
    found = shipped(NOW)
    assert 110 <= len(found) <= 130
    for member in ("id", "slug", "name"):
        assert len({getattr(exercise, member) for exercise in found}) == len(found)
    assert all(e.primary_muscles and e.instructions is None and e.owner_coach_id is None for e in found)
    known = vocabulary.shipped().tags("equipment")
    assert {e.equipment for e in found} - {None} <= set(known)
    names = [name.casefold() for e in found for name in (e.name, *e.aliases)]
    assert len(set(names)) == len(names)


def test_shipped_ids_never_change() -> None:
    """Plans move between instances, and mean the same exercise there."""
    assert shipped(NOW)[0].id == UUID("4dab81f6-f67f-5f9e-9c95-aa6946def990")
    assert [e.id for e in shipped(NOW)] == [e.id for e in shipped(datetime(2030, 1, 1, tzinfo=UTC))]


def test_an_entry_is_read_with_our_words() -> None:
    """Expert is advanced, spaces are underscores, images are not read."""
    (found,) = imported(an_entry())
    assert (found.level, found.category, found.primary_muscles, found.secondary_muscles) == (
        "advanced",
        "olympic_weightlifting",
        ("lower_back",),
        ("glutes",),
    )
    assert (found.instructions, found.source, found.source_id, found.licence) == (
        "Stand.\nLift.",
        "free-exercise-db",
        "Barbell_Thing",
        "Unlicense",
    )


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("body only", "none"),
        ("e-z curl bar", "ez-bar"),
        ("kettlebells", "kettlebell"),
        ("other", "other"),
        (None, None),
    ],
)
def test_equipment_is_a_tag(theirs: str | None, ours: str | None) -> None:
    """The vocabulary's where it has one."""
    (found,) = imported(an_entry(equipment=theirs))
    assert found.equipment == ours


def test_what_is_missing_stays_missing() -> None:
    """Null, an empty list and no member at all are the same."""
    bare = {name: value for name, value in an_entry().items() if name in ("id", "name", "level", "category")}
    for entry in (bare, an_entry(force=None, mechanic=None, equipment=None, instructions=[])):
        (found,) = imported(entry)
        assert (found.force, found.mechanic, found.equipment, found.instructions) == (None, None, None, None)


def test_reading_a_file_twice_gives_the_same_exercises() -> None:
    """Their ids come from the entries."""
    entries = [an_entry(), an_entry(id="Other", name="Other")]
    assert imported(*entries) == imported(*entries)


def test_every_row_not_taken_is_listed_with_its_reason() -> None:
    """The others are taken all the same."""
    answer = read_free_exercise_db(
        [
            an_entry(),
            an_entry(),
            {"id": "x"},
            "text",
            an_entry(id="y", level="mythic"),
            an_entry(id="z", force="twist"),
        ],
        now=NOW,
    )
    assert [e.source_id for e in answer.exercises] == ["Barbell_Thing"]
    assert answer.not_taken == (
        RowNotTaken(index=1, source_id="Barbell_Thing", reason="id: stands in this file already"),
        RowNotTaken(index=2, source_id="x", reason="level: must be one of beginner, intermediate, expert, advanced"),
        RowNotTaken(index=3, source_id=None, reason="entry: must be an object"),
        RowNotTaken(index=4, source_id="y", reason="level: must be one of beginner, intermediate, expert, advanced"),
        RowNotTaken(index=5, source_id="z", reason="force: must be one of push, pull, static"),
    )


def test_a_slug_that_is_taken_gets_a_mark() -> None:
    """By a shipped exercise, or by an entry above; the name stays."""
    answer = read_free_exercise_db(
        [an_entry(id="a", name="Deadlift"), an_entry(id="b", name="Pull Up"), an_entry(id="c", name="Pull-Up")],
        now=NOW,
        taken_slugs={"deadlift"},
    )
    slugs = [e.slug for e in answer.exercises]
    assert slugs[0].startswith("deadlift-")
    assert slugs[1] == "pull-up"
    assert slugs[2].startswith("pull-up-")
    assert [e.name for e in answer.exercises] == ["Deadlift", "Pull Up", "Pull-Up"]


def test_a_file_that_is_no_list_is_refused() -> None:
    """One sentence, nothing taken."""
    with pytest.raises(Invalid, match="must be a list of exercises"):
        read_free_exercise_db({"exercises": []}, now=NOW)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Élévation latérale", "elevation-laterale"),
        ("Child's Pose", "childs-pose"),
        ("45° Leg  Press!", "45-leg-press"),
        ("ベンチ", "else"),
    ],
)
def test_a_slug_is_made_of_the_name(name: str, slug: str) -> None:
    """Accents fall away; a name without Latin letters gets another word."""
    assert slug_of(name, otherwise="else") == slug


def test_an_own_exercise_is_its_coachs() -> None:
    """Others may not know of it."""
    command = wire.structure(CreateExercise, {"name": "Zercher Squat", "equipment": "barbell"})
    own = Exercise.create(command, id=UUID(int=7), owner_coach_id=COACH, now=NOW)
    assert (own.slug, own.source) == ("zercher-squat", "own")
    assert [own.is_visible_to(coach) for coach in (COACH, UUID(int=9), None)] == [True, False, False]
    assert ExerciseView.of(own, coach_id=COACH).is_own
    assert not ExerciseView.of(shipped(NOW)[0], coach_id=COACH).is_own


def test_a_change_keeps_the_slug() -> None:
    """And archiving is a change."""
    own = Exercise.create(CreateExercise(name="Zercher"), id=UUID(int=7), owner_coach_id=COACH, now=NOW)
    body = {"name": "Zercher Squat", "is_archived": True, "force": None}
    changed = own.change(wire.structure(ChangeExercise, body, trusted={"exercise_id": own.id}), now=NOW)
    assert (changed.name, changed.slug, changed.is_archived, changed.force) == ("Zercher Squat", "zercher", True, None)


def test_a_muscle_that_does_not_exist_is_refused() -> None:
    """With the place in the list."""
    with pytest.raises(Invalid) as caught:
        wire.structure(CreateExercise, {"name": "x", "primary_muscles": ["glutes", "wing"]})
    assert [error.pointer for error in caught.value.errors] == ["/primary_muscles/1"]


def test_lists_are_in_order_of_folded_names() -> None:
    """Case and accents do not matter; a search looks through aliases too."""
    names = [e.name for e in in_order(shipped(NOW))]
    assert names[:3] == ["Ab Wheel Rollout", "Arnold Press", "Assisted Pull-Up"]
    squat = next(e for e in shipped(NOW) if e.slug == "overhead-press")
    assert "military press" in squat.words()
