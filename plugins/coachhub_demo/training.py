"""What demo trainees did in the gym: each day of a plan done, done in part, skipped or missed, as they are."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID

from coachhub_core.domain.assignments import Assignment
from coachhub_core.domain.exercises import Exercise
from coachhub_core.domain.plan_document import Item, PlanSet
from coachhub_core.domain.prescriptions import Prescription
from coachhub_core.domain.schedule import ScheduledWorkout
from coachhub_core.domain.set_logs import Load, SetEntry, count_sets, state_of
from coachhub_core.domain.targets import Absolute, Range, Stop, Target
from coachhub_core.domain.values import to_utc, zone_of
from coachhub_core.domain.workouts import Fulfilment, LogWorkout, Workout
from coachhub_core.services.plan_parts import Prescriber
from coachhub_demo.population import Character, TraineePerson
from coachhub_demo.stage import Stage
from coachhub_demo.texts import NOTES, SKIPS

_WEIGHTS: Final = {"barbell": 40.0, "dumbbell": 12.5, "kettlebell": 16.0, "machines": 45.0, "cable-machine": 25.0}
"""What an average beginner takes of each, in kilograms, where the plan leaves it open."""

_SECONDS: Final = {"s": 1, "min": 60, "h": 3_600}
_METRES: Final = {"m": 1, "km": 1_000}
_DILIGENCE: Final[Mapping[Character, float]] = {
    "steady": 0.95,
    "normal": 0.82,
    "loose": 0.55,
    "fading": 0.92,
    "silent": 0.95,
    "too_hard": 0.88,
}
_FADES: Final = timedelta(days=12)
_STOPS: Final = timedelta(days=8)
_TOO_HARD: Final = 2.5  # on top of what was asked for, in RPE


class Trainer:
    """
    Fills in what was done on the days of assignments.

    Args:
        now: The end of the play: who fades does so shortly before it.
    """

    def __init__(self, stage: Stage, chance: random.Random, exercises: Mapping[UUID, Exercise], now: datetime) -> None:
        self._stage = stage
        self._chance = chance
        self._exercises = exercises
        self._now = now
        self.n_workouts = 0

    def train(self, person: TraineePerson, match_id: UUID) -> None:
        """Log everything up to the stage's clock for the plans of one match."""
        work, until = self._stage.work, self._stage.clock()
        for assignment in work.assignments.open_of_match(match_id):
            prescriber = Prescriber(work, until)
            for row in work.scheduled.of_assignment(assignment.id):
                self._day(person, assignment, row, prescriber)
            ticked = assignment.tick(now=until)
            if ticked is not assignment:
                work.assignments.save(ticked)

    def _day(
        self, person: TraineePerson, assignment: Assignment, row: ScheduledWorkout, prescriber: Prescriber
    ) -> None:
        until = self._stage.clock()
        if row.state != "due":
            return
        starts = self._starts(row)
        if starts + timedelta(hours=3) > until:  # to come, or in the middle of it
            prescriber.tick(assignment, row)
            return
        chance, work = self._chance.random(), self._stage.work
        diligence = self._diligence(person, starts)
        if chance > diligence:
            if chance > diligence + (1 - diligence) / 3:
                prescriber.tick(assignment, row)
            else:
                frozen = prescriber.frozen(assignment, row)
                work.scheduled.save(frozen.skip(self._chance.choice(SKIPS), now=starts))
            return
        prescription = prescriber.prescription(assignment, row)
        self._log(person, row, prescription, starts)

    def _starts(self, row: ScheduledWorkout) -> datetime:
        hour = self._chance.choice((6, 7, 12, 17, 18, 19))
        local = datetime.combine(row.local_date, time(hour, self._chance.randrange(0, 60, 5)), zone_of(row.zone))
        return to_utc(local)

    def _diligence(self, person: TraineePerson, at: datetime) -> float:
        if person.character == "fading" and at > self._now - _FADES:
            return 0.12
        if person.character == "silent" and at > self._now - _STOPS:
            return 0.0
        return _DILIGENCE[person.character]

    def _log(self, person: TraineePerson, row: ScheduledWorkout, prescription: Prescription, starts: datetime) -> None:
        work = self._stage.work
        items = [(block, item) for block, item in prescription.workout.items()]
        if self._chance.random() < 0.12 and len(items) > 1:
            items = items[:-1]  # out of time
        entries: list[SetEntry] = []
        for block, item in items:
            for _ in range(block.n_rounds):
                entries += self._sets(person, item, prescription, row.cycle_no)
        ends = starts + timedelta(minutes=self._chance.randint(25, 80))
        efforts = [entry.rpe for entry in entries if entry.rpe is not None]
        command = LogWorkout(
            id=UUID(int=self._chance.getrandbits(128), version=4),
            started_at=starts,
            ended_at=ends,
            overall_rpe=max(efforts) if efforts else None,
            notes=self._chance.choice(NOTES) if self._chance.random() < 0.2 else None,
            sets=tuple(entries),
            scheduled_workout_id=row.id,
        )
        workout = Workout.log(
            command, trainee_id=row.trainee_id, zone=row.zone, now=ends, prescription=prescription, source="demo"
        )
        work.workouts.add(workout)
        frozen = row.freeze(prescription, now=starts)
        counts = count_sets(prescription.workout, [log.entry for log in workout.sets])
        state = state_of(counts)
        if state is not None:
            work.workouts.fulfil(Fulfilment(scheduled_workout_id=row.id, workout_id=workout.id))
            frozen = frozen.fulfil(state, counts, now=ends)
        work.scheduled.save(frozen)
        self.n_workouts += 1

    def _sets(self, person: TraineePerson, item: Item, prescription: Prescription, cycle_no: int) -> Iterator[SetEntry]:
        exercise = self._exercises.get(item.exercise_id) if item.exercise_id is not None else None
        resolved = {each.set_key: each for each in prescription.resolved if each.member == "load"}
        for asked in item.sets:
            seconds = self._amount(asked.duration, _SECONDS)
            metres = self._amount(asked.distance, _METRES)
            if metres is not None and seconds is None:
                seconds = round(metres * self._chance.uniform(0.33, 0.4))  # 5:30 to 6:40 a kilometre
            given = resolved.get(asked.key)
            load = None
            if given is not None and given.value is not None:
                load = Load(value=given.value, unit="kg")
            elif isinstance(asked.load, Absolute):
                load = Load(value=asked.load.value, unit="kg")
            elif exercise is not None and exercise.equipment in _WEIGHTS and asked.reps is not None:
                share = person.strength / 100 * (1 + 0.03 * (cycle_no - 1))
                load = Load(value=max(2.5, round(_WEIGHTS[exercise.equipment] * share / 2.5) * 2.5), unit="kg")
            yield SetEntry(
                set_key=asked.key,
                exercise_id=item.exercise_id,
                custom_name=item.custom_name,
                type=asked.type,
                reps=self._reps(asked),
                load=load,
                duration_seconds=seconds,
                distance_metres=metres,
                rpe=self._rpe(person, asked),
                rest_seconds=asked.rest_seconds,
            )

    def _reps(self, asked: PlanSet) -> int | None:
        match asked.reps:
            case Absolute(value=value):
                return int(value)
            case Range(min=low, max=high):
                return self._chance.randint(int(low), int(high))
            case Stop():
                return self._chance.randint(6, 16)
        return None

    def _amount(self, target: Target | None, units: Mapping[str, int]) -> float | None:
        if not isinstance(target, Absolute) or target.unit not in units:
            return None
        return float(round(target.value * units[target.unit] * self._chance.choice((1, 1, 1, 1.02, 0.98))))

    def _rpe(self, person: TraineePerson, asked: PlanSet) -> float | None:
        if not isinstance(asked.effort, Range) or asked.effort.unit != "rpe":
            return None
        felt = self._chance.uniform(asked.effort.min, asked.effort.max)
        if person.character == "too_hard":
            felt = asked.effort.max + _TOO_HARD
        return min(10.0, round(felt * 2) / 2)
