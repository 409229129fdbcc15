"""
What the services of plans, calendars and workouts share: reading documents,
fetching plans and assignments for an actor, and freezing days.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import attrs
import msgspec

from coachhub_core import wire
from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.assignments import Assignment
from coachhub_core.domain.exercises import Exercise
from coachhub_core.domain.matches import Match
from coachhub_core.domain.overrides import apply_overrides
from coachhub_core.domain.plan_document import Item, PlanDocument, PlannedWorkout, exercise_ids, places, workout_of
from coachhub_core.domain.plans import Plan, PlanVersion
from coachhub_core.domain.prescriptions import Prescription, prescribe, threshold_facts
from coachhub_core.domain.schedule import ScheduledWorkout, local_day
from coachhub_core.domain.targets import Relative, ThresholdFact
from coachhub_core.domain.trainees import Trainee
from coachhub_core.errors import FieldError, Invalid, MatchNotActive, NotFound
from coachhub_core.ports.storage import UnitOfWork
from coachhub_core.services.access import own_coach_id

log = logging.getLogger("coachhub.plans")


# ── documents ───────────────────────────────────────────────────────────────


def structure_document(value: object) -> PlanDocument:
    """Make a document of plain values, with all its rules."""
    return wire.structure(PlanDocument, value)


@lru_cache(maxsize=32)
def read_document(raw: bytes) -> PlanDocument:
    """Read canonical bytes; the few documents of a busy moment are read once."""
    return structure_document(msgspec.json.decode(raw))


def read_prescription(raw: bytes) -> Prescription:
    """Read what was frozen."""
    return wire.structure(Prescription, msgspec.json.decode(raw))


def refuse_unknown_exercises(
    work: UnitOfWork, document: PlanDocument, coach_id: UUID, *, pointer: str = "/document"
) -> frozenset[UUID]:
    """
    Return the exercises *document* refers to.

    Raises:
        Invalid: If one does not exist or is another coach's, with each place.
    """
    ids = exercise_ids(document)
    found = work.exercises.find_many(sorted(ids))
    unknown = {id for id in ids if id not in found or not found[id].is_visible_to(coach_id)}
    if unknown:
        raise Invalid(errors=tuple(_places_of(document, unknown, pointer))[:50])
    return ids


def _places_of(document: PlanDocument, unknown: set[UUID], pointer: str) -> Iterable[FieldError]:
    for place in places(document):
        if not isinstance(place.part, Item):
            continue
        named = [(f"{place.pointer}/exercise_id", place.part.exercise_id)]
        named += [
            (f"{place.pointer}/sets/{index}/load/exercise_id", each.load.exercise_id)
            for index, each in enumerate(place.part.sets)
            if isinstance(each.load, Relative)
        ]
        for at, id in named:
            if id in unknown:
                yield FieldError(pointer=pointer + at, message=f"there is no exercise {id}", code="unknown")


def visible_exercises(work: UnitOfWork, ids: Iterable[UUID], coach_ids: Iterable[UUID]) -> Mapping[UUID, Exercise]:
    """Return those of *ids* that are everyone's or one of these coaches'."""
    owners = set(coach_ids)
    found = work.exercises.find_many(sorted(set(ids)))
    return {id: e for id, e in found.items() if e.owner_coach_id is None or e.owner_coach_id in owners}


# ── plans and assignments for an actor ──────────────────────────────────────


@attrs.frozen(kw_only=True)
class PlanSeen:
    """A plan as far as an actor may see it: ``newest`` is the highest version shown, None where there is none."""

    plan: Plan
    is_owner: bool
    newest: int | None


def own_plan(work: UnitOfWork, actor: Actor, plan_id: UUID, *, lock: bool = False) -> Plan:
    """Return a plan of the acting coach; anybody else's does not exist for them."""
    coach_id = own_coach_id(actor)
    plan = work.plans.find(plan_id)
    if plan is None or plan.owner_coach_id != coach_id:
        raise NotFound(kind="plan", id=plan_id)
    return work.plans.lock(plan_id) if lock else plan


def plan_seen(work: UnitOfWork, actor: Actor, plan_id: UUID) -> PlanSeen:
    """Return a plan to its owner, or to a trainee it is or was assigned to: they see up to the version assigned."""
    plan = work.plans.find(plan_id)
    if plan is not None and actor.coach_id is not None and plan.owner_coach_id == actor.coach_id:
        return PlanSeen(plan=plan, is_owner=True, newest=plan.head_version)
    if plan is not None and actor.trainee_id is not None:
        assigned = work.assignments.of_plan(plan_id, actor.trainee_id)
        if assigned:
            return PlanSeen(plan=plan, is_owner=False, newest=max(a.version_number for a in assigned))
    raise NotFound(kind="plan", id=plan_id)


def version_seen(work: UnitOfWork, seen: PlanSeen, number: int) -> PlanVersion:
    """Return one version of a plan, if the reader may see it."""
    found = work.plans.find_version(seen.plan.id, number) if number <= (seen.newest or 0) else None
    if found is None:
        raise NotFound(kind="plan version", id=f"{seen.plan.id}/{number}")
    return found


def coached(work: UnitOfWork, coach_id: UUID, trainee_id: UUID, *, active: bool = False) -> tuple[Match, Trainee]:
    """
    Return the running match of a coach with a trainee, and the trainee, whose row is then held.

    Args:
        active: Whether a paused one is not enough.
    Raises:
        MatchNotActive: If there is none.
    """
    try:
        trainee = work.trainees.lock(trainee_id)
    except NotFound as exc:
        raise MatchNotActive(trainee_id=trainee_id) from exc
    match = work.matches.running_of_trainee(trainee_id)
    if match is None or match.coach_id != coach_id:
        raise MatchNotActive(trainee_id=trainee_id)
    if active and match.status != "active":
        raise MatchNotActive(trainee_id=trainee_id, state=match.status)
    return match, trainee


def own_assignment(work: UnitOfWork, actor: Actor, assignment_id: UUID) -> tuple[Assignment, Match]:
    """
    Return an assignment its coach may change, with the match behind it; the trainee's row is held.

    Raises:
        NotFound: If it is not the actor's.
        MatchNotActive: If the match is over.
    """
    coach_id = own_coach_id(actor)
    found = work.assignments.find(assignment_id)
    if found is None or found.coach_id != coach_id:
        raise NotFound(kind="assignment", id=assignment_id)
    match, _ = coached(work, coach_id, found.trainee_id)
    fresh = work.assignments.find(assignment_id)
    if fresh is None:
        raise NotFound(kind="assignment", id=assignment_id)
    return fresh, match


# ── freezing days ───────────────────────────────────────────────────────────


class Prescriber:
    """
    Says what a day asks for. Made for one unit of work; reads each document and each trainee once.

    Args:
        now: The instant that decides which thresholds are known.
    """

    def __init__(self, work: UnitOfWork, now: datetime) -> None:
        self._work = work
        self._now = now
        self._documents: dict[tuple[UUID, int], tuple[PlanDocument, PlanDocument]] = {}
        self._facts: dict[UUID, tuple[ThresholdFact, ...]] = {}

    def version(self, plan_id: UUID, number: int) -> PlanDocument:
        """Return the document of a version."""
        found = self._work.plans.find_version(plan_id, number)
        if found is None:
            raise NotFound(kind="plan version", id=f"{plan_id}/{number}")
        return read_document(found.document)

    def _both(self, assignment: Assignment, number: int) -> tuple[PlanDocument, PlanDocument]:
        place = (assignment.id, number)
        if place not in self._documents:
            document = self.version(assignment.plan_id, number)
            try:
                mine = apply_overrides(document, assignment.overrides, structure_document)
            except Invalid as exc:  # an older version's day after the overrides were written for a newer one
                log.info("the overrides of assignment %s do not fit version %s: %s", assignment.id, number, exc)
                mine = document
            self._documents[place] = (document, mine)
        return self._documents[place]

    def workout(self, assignment: Assignment, row: ScheduledWorkout) -> PlannedWorkout:
        """Return the workout a row stands for, with the personal changes."""
        document, mine = self._both(assignment, row.version_number)
        found = workout_of(mine, row.workout_key) or workout_of(document, row.workout_key)
        if found is None:
            raise NotFound(kind="planned workout", id=row.workout_key)
        return found

    def prescription(self, assignment: Assignment, row: ScheduledWorkout) -> Prescription:
        """Return what *row* asks for, with the thresholds known on its day, or today if that is earlier."""
        if row.trainee_id not in self._facts:
            trainee = self._work.trainees.get(row.trainee_id)
            self._facts[row.trainee_id] = threshold_facts(trainee.thresholds)
        return prescribe(
            self.workout(assignment, row),
            plan_id=row.plan_id,
            version_number=row.version_number,
            thresholds=self._facts[row.trainee_id],
            day=min(row.local_date, local_day(self._now, row.zone)),
        )

    def frozen(self, assignment: Assignment, row: ScheduledWorkout) -> ScheduledWorkout:
        """Return *row* with its prescription; one that has it stays as it is."""
        if row.prescription is not None:
            return row
        return row.freeze(self.prescription(assignment, row), now=self._now)

    def up_to_date(self, assignment: Assignment) -> None:
        """Write what the clock owes the days of *assignment*: freeze what has begun, miss what is over."""
        if assignment.status in ("paused", "cancelled"):
            return
        for row in self._work.scheduled.of_assignment(assignment.id):
            self.tick(assignment, row)

    def tick(self, assignment: Assignment, row: ScheduledWorkout) -> ScheduledWorkout:
        """Write what the clock owes one day and return it."""
        caught_up = self.caught_up(assignment, row)
        return row if caught_up is row else self._work.scheduled.save(caught_up)

    def caught_up(self, assignment: Assignment, row: ScheduledWorkout) -> ScheduledWorkout:
        """Return *row* with what the clock owes it; the same object when that is nothing."""
        while row.due_at is not None and row.due_at <= self._now:
            is_frozen = row.prescription is not None
            row = row.miss(now=self._now) if is_frozen else self.frozen(assignment, row)
        return row
