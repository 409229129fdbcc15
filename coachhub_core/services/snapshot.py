"""The matcher's picture of all coaches, made anew when the database says that something changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from coachhub_core.domain.coaches import Availability
from coachhub_core.domain.trainees import Trainee
from coachhub_core.domain.vocabulary import Vocabulary
from coachhub_core.matching.schema import coach_table, trainee_table, week_hours
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.storage import CoachRecord, TraineeRecord, UnitOfWork


class Snapshot:
    """
    Keeps one :class:`CoachTable` and the revision it was made at.

    Args:
        clock: Says which week's offsets turn local hours into UTC ones.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._revision: tuple[object, ...] | None = None
        self._table: CoachTable | None = None

    def table(self, work: UnitOfWork) -> CoachTable:
        """Return the table of now; the same object as long as nothing changed, so that indexes are kept."""
        now = self._clock()
        revision = (*work.coaches.snapshot_revision(), _monday(now))
        with self._lock:
            if self._table is None or self._revision != revision:
                self._table = table_of_coaches(work, work.coaches.all_records(), now)
                self._revision = revision
            return self._table


def table_of_coaches(work: UnitOfWork, records: Sequence[CoachRecord], now: datetime) -> CoachTable:
    """Return the table of some coaches as they were just read."""
    monday = _monday(now)
    weeks = work.availability.of_accounts([record.account.id for record in records])
    return coach_table([_coach_row(record, weeks.get(record.account.id), monday) for record in records])


def table_of_trainees(
    work: UnitOfWork, records: Sequence[TraineeRecord], now: datetime, vocabulary: Vocabulary
) -> TraineeTable:
    """Return the table of some trainees as they were just read."""
    weeks = work.availability.of_accounts([record.account.id for record in records])
    return trainee_table(
        [
            trainee_facts(
                record.trainee,
                city=record.account.city,
                week=weeks.get(record.account.id),
                now=now,
                vocabulary=vocabulary,
            )
            for record in records
        ]
    )


def _monday(now: datetime) -> datetime:
    day = now - timedelta(days=now.weekday())
    return day.replace(hour=0, minute=0, second=0, microsecond=0)


def _hours(week: Availability | None, monday: datetime) -> int | None:
    if week is None:
        return None
    slots = [(h.weekday, h.starts, h.ends, week.zone) for h in week.hours]
    return week_hours(slots, monday=monday.date())


def _coach_row(record: CoachRecord, week: Availability | None, monday: datetime) -> dict[str, object]:
    coach, account = record.coach, record.account
    return {
        "id": coach.id,
        "specialties": list(coach.specialties),
        "certifications": [c.name for c in record.certifications],
        "bio": coach.bio,
        "city": account.city,
        "languages": list(coach.languages),
        "modalities": list(coach.modalities),
        "price": float(coach.pricing) if coach.pricing is not None else None,
        "currency": coach.currency,
        "hours": _hours(week, monday),
        "years": coach.years,
        "rating_sum": coach.rating_sum,
        "n_reviews": coach.n_reviews,
        "capacity": coach.capacity,
        "seats_left": coach.seats_left,
        "is_accepting": int(coach.is_accepting),
        "median_response_seconds": coach.median_response_seconds,
        "gender": account.gender if coach.shows_gender else None,
    }


def trainee_row(
    trainee: Trainee, *, city: str | None, week: Availability | None, now: datetime, vocabulary: Vocabulary
) -> TraineeTable:
    """Return the table of one trainee who asks: what they said, no name and no address, nothing about health."""
    return trainee_table([trainee_facts(trainee, city=city, week=week, now=now, vocabulary=vocabulary)])


def trainee_facts(
    trainee: Trainee, *, city: str | None, week: Availability | None, now: datetime, vocabulary: Vocabulary
) -> dict[str, object]:
    """Return that trainee's row, for a table of many."""
    goals: Sequence[str] = [g for g in (trainee.goal, *(goal.target for goal in trainee.goals)) if g]
    kinds = [tag for goal in trainee.goals if (tag := vocabulary.canonical_tag(goal.kind, "goal")) is not None]
    equipment = [c.value for c in trainee.constraints if c.kind == "equipment"]
    return {
        "id": trainee.id,
        "goal": list(goals),
        "goal_kinds": kinds,
        "specialties": [],
        "fitness_level": trainee.fitness_level,
        "budget": float(trainee.budget) if trainee.budget is not None else None,
        "currency": trainee.currency,
        "languages": list(trainee.languages),
        "modalities": list(trainee.modalities),
        "hours": _hours(week, _monday(now)),
        "city": city,
        "equipment": equipment,
    }
