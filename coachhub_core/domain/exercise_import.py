"""
The reader of the free-exercise-db JSON format, for a file that the operator supplies.

What an entry does not say stays missing: nothing is guessed. Reading the same
file again gives the same exercises, so importing twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import uuid5

import attrs

from coachhub_core.domain.exercises import NAMESPACE, CreateExercise, Exercise, Level, slug_of
from coachhub_core.domain.values import FieldRefused
from coachhub_core.errors import Invalid

FREE_EXERCISE_DB: Final = "free-exercise-db"

_LEVELS: Final[Mapping[str, Level]] = {
    "beginner": "beginner",
    "intermediate": "intermediate",
    "expert": "advanced",
    "advanced": "advanced",
}
_EQUIPMENT: Final[Mapping[str, str]] = {
    "body only": "none",
    "bands": "resistance-band",
    "cable": "cable-machine",
    "machine": "machines",
    "kettlebells": "kettlebell",
    "medicine ball": "medicine-ball",
    "exercise ball": "stability-ball",
    "foam roll": "foam-roller",
    "e-z curl bar": "ez-bar",
}
"""Their words for ours; any other word is kept as a tag."""


@attrs.frozen(kw_only=True)
class RowNotTaken:
    """An entry of a file that could not be read, with the reason."""

    index: int
    source_id: str | None
    reason: str


@attrs.frozen(kw_only=True)
class ImportedExercises:
    """What a file held: exercises to store, and every row that was not taken."""

    exercises: tuple[Exercise, ...]
    not_taken: tuple[RowNotTaken, ...]


def read_free_exercise_db(document: Any, *, now: datetime, taken_slugs: Iterable[str] = ()) -> ImportedExercises:
    """
    Read a file in the free-exercise-db JSON format.

    Missing equipment, mechanic, force and instructions stay missing; ``expert``
    becomes ``advanced``; images are not read. An id comes from the entry's own,
    so reading the same file again gives the same exercises.

    Args:
        document: The parsed JSON, an array of entries.
        taken_slugs: Those that everyone's exercises have already; an entry that
            would take one gets its id's first digits behind its own.
    Returns:
        Exercises of everyone, in the file's order, and the rows not taken.
    Raises:
        Invalid: If it is no array.
    """
    if not isinstance(document, list):
        raise Invalid.at("", "must be a list of exercises", "type")
    found: list[Exercise] = []
    not_taken: list[RowNotTaken] = []
    seen: set[str] = set()
    slugs = set(taken_slugs)
    for index, entry in enumerate(document):
        source_id = entry.get("id") if isinstance(entry, dict) else None
        known_id = source_id if isinstance(source_id, str) else None
        try:
            exercise = _read_entry(entry, now)
            if exercise.source_id in seen:
                raise FieldRefused("id", "stands in this file already", "distinct")
        except FieldRefused as exc:
            not_taken.append(RowNotTaken(index=index, source_id=known_id, reason=str(exc)))
            continue
        if exercise.slug in slugs:  # taken, or two names that differ in signs alone
            exercise = attrs.evolve(exercise, slug=f"{exercise.slug[:71]}-{exercise.id.hex[:8]}")
        seen.add(exercise.source_id or "")
        slugs.add(exercise.slug)
        found.append(exercise)
    return ImportedExercises(exercises=tuple(found), not_taken=tuple(not_taken))


def _read_entry(entry: Any, now: datetime) -> Exercise:
    if not isinstance(entry, dict):
        raise FieldRefused("entry", "must be an object", "type")
    source_id = entry.get("id")
    if not isinstance(source_id, str) or not 0 < len(source_id) <= 255:
        raise FieldRefused("id", "must be a string of at most 255 characters", "type")
    level = entry.get("level")
    if not isinstance(level, str) or level not in _LEVELS:
        raise FieldRefused("level", f"must be one of {', '.join(_LEVELS)}", "choice")
    command = CreateExercise(
        name=entry.get("name"),  # type: ignore[arg-type]  # the fields check whatever stands in the file
        category=_word(entry, "category"),  # type: ignore[arg-type]
        level=_LEVELS[level],
        force=_word(entry, "force"),  # type: ignore[arg-type]
        mechanic=_word(entry, "mechanic"),  # type: ignore[arg-type]
        equipment=_equipment(entry.get("equipment")),
        primary_muscles=_words(entry, "primaryMuscles"),
        secondary_muscles=_words(entry, "secondaryMuscles"),
        instructions=_instructions(entry.get("instructions")),
    )
    id = uuid5(NAMESPACE, f"{FREE_EXERCISE_DB}/{source_id}")
    exercise = Exercise.create(command, id=id, owner_coach_id=None, now=now)
    return attrs.evolve(exercise, source=FREE_EXERCISE_DB, source_id=source_id, licence="Unlicense")


def _word(entry: Mapping[str, Any], member: str) -> str | None:
    value = entry.get(member)
    if value is None:
        return None
    if not isinstance(value, str):
        raise FieldRefused(member, "must be a string", "type")
    return value.replace(" ", "_")


def _words(entry: Mapping[str, Any], member: str) -> tuple[str, ...]:
    value = entry.get(member)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise FieldRefused(member, "must be a list of strings", "type")
    return tuple(dict.fromkeys(word.replace(" ", "_") for word in value))


def _equipment(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise FieldRefused("equipment", "must be a string", "type")
    return _EQUIPMENT.get(value) or slug_of(value, otherwise="other")


def _instructions(value: Any) -> str | None:
    if not value:
        return None
    if not isinstance(value, list) or not all(isinstance(step, str) for step in value):
        raise FieldRefused("instructions", "must be a list of strings", "type")
    return "\n".join(value)
