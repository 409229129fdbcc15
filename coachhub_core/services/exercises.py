"""Use cases of exercises: everyone's list, a coach's own, and importing more."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import attrs

from coachhub_core.domain.accounts import SYSTEM, Actor, AuditEvent
from coachhub_core.domain.exercise_import import FREE_EXERCISE_DB, RowNotTaken, read_free_exercise_db
from coachhub_core.domain.exercises import (
    SHIPPED,
    ChangeExercise,
    CreateExercise,
    DeleteExercise,
    Exercise,
    ExercisePage,
    ExerciseView,
    ListExercises,
    shipped,
)
from coachhub_core.domain.values import UNSET
from coachhub_core.domain.vocabulary import EQUIPMENT, words
from coachhub_core.errors import ExerciseInUse, ExerciseSlugTaken, Forbidden, Invalid, NotFound
from coachhub_core.ports.storage import Duplicate, ExerciseFilter, UnitOfWork
from coachhub_core.services.access import require_role
from coachhub_core.services.accounts import check_version
from coachhub_core.services.paging import ends, read_cursor
from coachhub_core.services.units import Context, rerun

_LIST: Final = "exercises"


@attrs.frozen(kw_only=True)
class ExerciseImport:
    """What an import did: how many were new, how many were there before, and every row that was not taken."""

    n_new: int
    n_known: int
    not_taken: tuple[RowNotTaken, ...]


class ExerciseService:
    """Exercises: everyone's are read by every account, own ones by their coach and that coach's trainees."""

    def __init__(self, context: Context) -> None:
        self._context = context

    # ── reading ──

    def list(self, actor: Actor, query: ListExercises) -> ExercisePage:
        """Return a page by name; ``q`` finds words in names and aliases."""
        keyset = read_cursor(query.cursor, _LIST)
        asked = tuple(words(query.q)) if query.q is not None else ()
        if query.q is not None and not asked:
            return ExercisePage(items=(), next=None, prev=None)
        with self._context.read() as work:
            where = ExerciseFilter(
                owners=self._owners(work, actor),
                words=asked,
                category=query.category,
                level=query.level,
                equipment=self._tag(query.equipment) if query.equipment is not None else None,
                muscle=query.muscle,
                archived=bool(query.archived),
            )
            found = work.exercises.page(where, keyset=keyset, limit=query.limit)
            after, before = ends(found, keyset, _LIST, work.exercises.sort_key)
        items = tuple(ExerciseView.of(e, coach_id=actor.coach_id) for e in found.items)
        return ExercisePage(items=items, next=after, prev=before)

    def get(self, actor: Actor, exercise_id: UUID) -> ExerciseView:
        """Return one exercise to who may know of it."""
        with self._context.read() as work:
            return ExerciseView.of(self._seen(work, actor, exercise_id), coach_id=actor.coach_id)

    def _owners(self, work: UnitOfWork, actor: Actor) -> frozenset[UUID]:
        """Return the coaches whose own exercises the actor may know: oneself, or whoever coaches or coached one."""
        if actor.coach_id is not None:
            return frozenset({actor.coach_id})
        if actor.trainee_id is not None:
            ran = (m for m in work.matches.of_trainee(actor.trainee_id) if m.started_at is not None)
            return frozenset(match.coach_id for match in ran)
        return frozenset()

    def _seen(self, work: UnitOfWork, actor: Actor, exercise_id: UUID) -> Exercise:
        found = work.exercises.find(exercise_id)
        is_visible = found is not None and (
            found.owner_coach_id is None or actor.is_admin or found.owner_coach_id in self._owners(work, actor)
        )
        if found is None or not is_visible:
            raise NotFound(kind="exercise", id=exercise_id)
        return found

    def _tag(self, text: str) -> str:
        return self._context.vocabulary.canonical_tag(text, EQUIPMENT) or text

    # ── writing ──

    @rerun
    def create(self, actor: Actor, command: CreateExercise) -> ExerciseView:
        """
        Add an exercise: a coach's own, or an admin's for everyone.

        Raises:
            ExerciseSlugTaken: If its owner has one of this slug.
            Invalid: If the equipment is not in the vocabulary.
        """
        require_role(actor, "coach", "admin")
        if actor.role == "coach" and actor.coach_id is None:
            raise NotFound(kind="coach profile of yours")
        command = attrs.evolve(command, equipment=self._equipment(command.equipment))
        with self._context.write(actor) as work:
            now = self._context.clock()
            exercise = Exercise.create(command, id=self._context.new_id(), owner_coach_id=actor.coach_id, now=now)
            try:
                work.exercises.add(exercise)
            except Duplicate as exc:
                raise ExerciseSlugTaken(slug=exercise.slug) from exc
            self._audit(work, actor, "create_exercise", exercise)
            return work.commit(ExerciseView.of(exercise, coach_id=actor.coach_id))

    @rerun
    def change(self, actor: Actor, command: ChangeExercise) -> ExerciseView:
        """Change or archive one's own exercise, or as an admin any."""
        if command.equipment is not UNSET:
            command = attrs.evolve(command, equipment=self._equipment(command.equipment))
        with self._context.write(actor) as work:
            exercise = self._own(work, actor, command.exercise_id, command.expected_version)
            saved = work.exercises.save(exercise.change(command, now=self._context.clock()))
            self._audit(work, actor, "change_exercise", saved)
            return work.commit(ExerciseView.of(saved, coach_id=actor.coach_id))

    @rerun
    def delete(self, actor: Actor, command: DeleteExercise) -> None:
        """
        Delete an exercise that nothing refers to.

        Raises:
            ExerciseInUse: If plans or logs do; archive it instead.
        """
        with self._context.write(actor) as work:
            exercise = self._own(work, actor, command.exercise_id, command.expected_version)
            if work.exercises.is_used(exercise.id):
                raise ExerciseInUse(exercise_id=exercise.id, allowed=("archive",))
            work.exercises.remove(exercise)
            self._audit(work, actor, "delete_exercise", exercise)
            work.commit()

    def _own(self, work: UnitOfWork, actor: Actor, exercise_id: UUID, expected_version: int | None) -> Exercise:
        require_role(actor, "coach", "admin")
        found = self._seen(work, actor, exercise_id)
        is_own = found.owner_coach_id is not None and found.owner_coach_id == actor.coach_id
        if not is_own and not actor.is_admin:
            raise Forbidden(reason="this exercise is everyone's; add one of your own instead")
        locked = work.exercises.lock(exercise_id)
        check_version("exercise", expected_version, locked.version)
        return locked

    def _equipment(self, text: str | None) -> str | None:
        if text is None:
            return None
        tag = self._context.vocabulary.canonical_tag(text, EQUIPMENT)
        if tag is None:
            known = ", ".join(self._context.vocabulary.tags(EQUIPMENT))
            raise Invalid.at("/equipment", f"is not equipment we know; known: {known}", "vocabulary")
        return tag

    def _audit(self, work: UnitOfWork, actor: Actor, action: str, exercise: Exercise) -> None:
        if actor.is_admin and actor.role != "system":
            work.audit.add(
                AuditEvent(
                    at=self._context.clock(),
                    actor_id=actor.account_id,
                    action=action,
                    object=f"exercise:{exercise.id}",
                    request_id=actor.request_id,
                )
            )

    # ── the lists of others ──

    @rerun
    def ensure_shipped(self) -> int:
        """Add what ships and is not there yet; return how many. Called at every start, and cheap when all is there."""
        now = self._context.clock()
        with self._context.read() as work:
            there = work.exercises.sources(SHIPPED)
        new = [exercise for exercise in shipped(now) if exercise.source_id not in there]
        if not new:
            return 0
        with self._context.write(SYSTEM) as work:
            there = work.exercises.sources(SHIPPED)
            work.exercises.add_many([exercise for exercise in new if exercise.source_id not in there])
            work.commit()
        return len(new)

    @rerun
    def import_free_exercise_db(self, actor: Actor, document: Any) -> ExerciseImport:
        """
        Add the exercises of a file in the free-exercise-db format; what was imported before stays as it is.

        Args:
            document: The parsed JSON.
        Raises:
            Forbidden: Unless the actor is an admin.
            Invalid: If it is no list of exercises.
        """
        require_role(actor, "admin")
        with self._context.write(actor) as work:
            there = work.exercises.sources(FREE_EXERCISE_DB)
            taken = work.exercises.slugs_of_everyone()
            read = read_free_exercise_db(document, now=self._context.clock(), taken_slugs=taken)
            new = [exercise for exercise in read.exercises if exercise.source_id not in there]
            work.exercises.add_many(new)
            n_known = len(read.exercises) - len(new)
            return work.commit(ExerciseImport(n_new=len(new), n_known=n_known, not_taken=read.not_taken))
