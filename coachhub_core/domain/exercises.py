"""
Exercises: the shipped list and a coach's own.

Everyone sees the shipped and imported ones; a coach's own are private to that
coach. What plans and logs refer to is archived, never deleted. What a source
does not say stays missing: nothing is guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Literal
from uuid import UUID, uuid5

import attrs

from coachhub_core.domain import values as v
from coachhub_core.domain.exercises_data import TABLE
from coachhub_core.domain.values import UNSET, Unset, changes
from coachhub_core.domain.vocabulary import fold

Level = Literal["beginner", "intermediate", "advanced"]
Force = Literal["push", "pull", "static"]
Mechanic = Literal["compound", "isolation"]
Category = Literal[
    "strength", "cardio", "stretching", "plyometrics", "powerlifting", "olympic_weightlifting", "strongman"
]

LEVELS: Final[tuple[Level, ...]] = ("beginner", "intermediate", "advanced")
FORCES: Final[tuple[Force, ...]] = ("push", "pull", "static")
MECHANICS: Final[tuple[Mechanic, ...]] = ("compound", "isolation")
CATEGORIES: Final[tuple[Category, ...]] = (
    "strength",
    "cardio",
    "stretching",
    "plyometrics",
    "powerlifting",
    "olympic_weightlifting",
    "strongman",
)
MUSCLES: Final = (
    "abdominals",
    "abductors",
    "adductors",
    "biceps",
    "calves",
    "chest",
    "forearms",
    "glutes",
    "hamstrings",
    "lats",
    "lower_back",
    "middle_back",
    "neck",
    "quadriceps",
    "shoulders",
    "traps",
    "triceps",
)

SLUG_PATTERN: Final = "^[a-z0-9]+(-[a-z0-9]+)*$"
SHIPPED: Final = "coachhub"
OWN: Final = "own"
NAMESPACE: Final = UUID("6f5c1d6e-0d2f-5a52-9c39-5d0c4c2a7b11")  # of shipped ids: the same on every instance, for ever


def slug_of(name: str, otherwise: str) -> str:
    """
    Return *name* as a slug: folded, its words joined by dashes, at most 80 characters.

    Args:
        otherwise: The answer for a name without a single Latin letter or digit.
    """
    text = unicodedata.normalize("NFKD", name.replace("'", "").replace("’", ""))
    words = re.findall(r"[a-z0-9]+", fold(text))
    return "-".join(words)[:80].strip("-") or otherwise


def _slug(**more: Any) -> Any:
    return v.pattern(SLUG_PATTERN, "must be lower-case words joined by dashes", max_len=80, **more)


def _muscles(**more: Any) -> Any:
    return v.items(len(MUSCLES), each=v.choice(MUSCLES), distinct=True, **more)


def _aliases(**more: Any) -> Any:
    return v.items(20, each=v.line(), distinct=True, **more)


# ── entity ──────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class Exercise:
    """One exercise; ``owner_coach_id`` None is everyone's. ``equipment`` is a tag of the vocabulary."""

    id: UUID
    slug: str
    name: str
    category: Category
    level: Level
    force: Force | None = None
    mechanic: Mechanic | None = None
    equipment: str | None = None
    primary_muscles: tuple[str, ...] = ()
    secondary_muscles: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    instructions: str | None = None
    source: str = OWN
    source_id: str | None = None
    licence: str | None = None
    owner_coach_id: UUID | None = None
    is_archived: bool = False
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @classmethod
    def create(cls, command: CreateExercise, *, id: UUID, owner_coach_id: UUID | None, now: datetime) -> Exercise:
        """Return a new exercise of a coach, or with None of everyone (an admin's)."""
        return cls(
            id=id,
            slug=command.slug or slug_of(command.name, otherwise=f"exercise-{id.hex[-12:]}"),
            name=command.name,
            category=command.category,
            level=command.level,
            force=command.force,
            mechanic=command.mechanic,
            equipment=command.equipment,
            primary_muscles=command.primary_muscles,
            secondary_muscles=command.secondary_muscles,
            aliases=command.aliases,
            instructions=command.instructions,
            owner_coach_id=owner_coach_id,
            created_at=now,
            updated_at=now,
        )

    def change(self, command: ChangeExercise, *, now: datetime) -> Exercise:
        """Return the exercise with what *command* carries; its slug and its id stay."""
        changed = changes(
            command,
            "name",
            "category",
            "level",
            "force",
            "mechanic",
            "equipment",
            "primary_muscles",
            "secondary_muscles",
            "aliases",
            "instructions",
            "is_archived",
        )
        return attrs.evolve(self, **changed, updated_at=now)

    def is_visible_to(self, coach_id: UUID | None) -> bool:
        """Say whether a coach may know of it: everyone's, or their own."""
        return self.owner_coach_id is None or self.owner_coach_id == coach_id

    def words(self) -> str:
        """Return the folded text a search looks through: name and aliases."""
        return fold(" ".join((self.name, *self.aliases)))


# ── commands ────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class CreateExercise:
    """Add an exercise of one's own."""

    name: str = v.line()
    slug: str | None = _slug(default=None, optional=True)
    category: Category = v.choice(CATEGORIES, default="strength")
    level: Level = v.choice(LEVELS, default="beginner")
    force: Force | None = v.choice(FORCES, default=None, optional=True)
    mechanic: Mechanic | None = v.choice(MECHANICS, default=None, optional=True)
    equipment: str | None = v.line(80, default=None, optional=True)
    primary_muscles: tuple[str, ...] = _muscles(default=())
    secondary_muscles: tuple[str, ...] = _muscles(default=())
    aliases: tuple[str, ...] = _aliases(default=())
    instructions: str | None = v.text(10_000, default=None, optional=True)


@attrs.frozen(kw_only=True)
class ChangeExercise:
    """Change one's own exercise, or archive it; absent members stay."""

    exercise_id: UUID
    expected_version: int | None = None
    name: str | Unset = v.line(default=UNSET)
    category: Category | Unset = v.choice(CATEGORIES, default=UNSET)
    level: Level | Unset = v.choice(LEVELS, default=UNSET)
    force: Force | None | Unset = v.choice(FORCES, default=UNSET, optional=True)
    mechanic: Mechanic | None | Unset = v.choice(MECHANICS, default=UNSET, optional=True)
    equipment: str | None | Unset = v.line(80, default=UNSET, optional=True)
    primary_muscles: tuple[str, ...] | Unset = _muscles(default=UNSET)
    secondary_muscles: tuple[str, ...] | Unset = _muscles(default=UNSET)
    aliases: tuple[str, ...] | Unset = _aliases(default=UNSET)
    instructions: str | None | Unset = v.text(10_000, default=UNSET, optional=True)
    is_archived: bool | Unset = v.flag(default=UNSET)


@attrs.frozen(kw_only=True)
class DeleteExercise:
    """Delete one's own exercise that nothing refers to."""

    exercise_id: UUID
    expected_version: int | None = None


@attrs.frozen(kw_only=True)
class ListExercises:
    """Everyone's exercises and one's own, by name; ``q`` looks for words in names and aliases."""

    q: str | None = v.text(200, min_len=1, default=None, optional=True)
    category: Category | None = v.choice(CATEGORIES, default=None, optional=True)
    level: Level | None = v.choice(LEVELS, default=None, optional=True)
    equipment: str | None = v.line(80, default=None, optional=True)
    muscle: str | None = v.choice(MUSCLES, default=None, optional=True)
    archived: bool | None = v.flag(default=None, optional=True)
    limit: int = v.whole(1, 100, default=20)
    cursor: str | None = v.text(1_000, min_len=1, default=None, optional=True)


# ── views ───────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class ExerciseView:
    """An exercise as anyone who may know of it sees it; ``is_own`` says whether the reader may change it."""

    id: UUID
    slug: str
    name: str
    category: Category
    level: Level
    force: Force | None
    mechanic: Mechanic | None
    equipment: str | None
    primary_muscles: tuple[str, ...]
    secondary_muscles: tuple[str, ...]
    aliases: tuple[str, ...]
    instructions: str | None
    source: str
    licence: str | None
    is_own: bool
    is_archived: bool
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, exercise: Exercise, *, coach_id: UUID | None) -> ExerciseView:
        """Show *exercise* to the coach of this id, or to anybody else."""
        shown = {f.name: getattr(exercise, f.name) for f in attrs.fields(cls) if f.name != "is_own"}
        return cls(**shown, is_own=exercise.owner_coach_id is not None and exercise.owner_coach_id == coach_id)


@attrs.frozen(kw_only=True)
class ExercisePage:
    """One page of exercises."""

    items: tuple[ExerciseView, ...]
    next: str | None
    prev: str | None


# ── the list that ships ─────────────────────────────────────────────────────


@lru_cache(maxsize=1)
def _rows() -> tuple[tuple[str, ...], ...]:
    lines = (line.split("|") for line in TABLE.strip().splitlines())
    return tuple(tuple(cell.strip() for cell in cells) for cells in lines)


def _cell(cell: str) -> str | None:
    return None if cell == "-" else cell


def _list(cell: str, separator: str) -> tuple[str, ...]:
    return () if cell == "-" else tuple(part.strip() for part in cell.split(separator))


def shipped(now: datetime) -> tuple[Exercise, ...]:
    """Return the exercises every instance starts with; ids come from slugs, so plans can move between instances."""
    found = []
    for name, slug, aliases, category, level, force, mechanic, equipment, primary, secondary in _rows():
        command = CreateExercise(
            name=name,
            slug=slug,
            category=category,  # type: ignore[arg-type]  # the field checks each word of the table
            level=level,  # type: ignore[arg-type]
            force=_cell(force),  # type: ignore[arg-type]
            mechanic=_cell(mechanic),  # type: ignore[arg-type]
            equipment=_cell(equipment),
            primary_muscles=_list(primary, ","),
            secondary_muscles=_list(secondary, ","),
            aliases=_list(aliases, ";"),
        )
        exercise = Exercise.create(command, id=uuid5(NAMESPACE, slug), owner_coach_id=None, now=now)
        found.append(attrs.evolve(exercise, source=SHIPPED, source_id=slug, licence="MIT"))
    return tuple(found)


def in_order(exercises: Iterable[Exercise]) -> tuple[Exercise, ...]:
    """Return *exercises* as lists show them: by folded name, then id."""
    return tuple(sorted(exercises, key=lambda e: (fold(e.name), e.id.bytes)))
