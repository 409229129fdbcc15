"""
CoachHub's own columns, and how rows and profiles become tables.

Rows are plain mappings of the members below; any may be missing. What may be
ranked by is here and nothing else: no name, no address, no injury, no age. A
coach's ``gender`` serves a stated filter only and is marked sensitive, so that
no matcher sees it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from coachhub_core.domain.vocabulary import MAX_CHARS
from coachhub_core.errors import FieldError, Invalid, ProfileIncomplete
from coachhub_core.matching.columns import week_of
from coachhub_core.matching.tables import (
    N_HOURS,
    Category,
    CoachTable,
    Column,
    Hours,
    Labels,
    Number,
    Texts,
    TraineeTable,
)
from coachhub_core.ports.matcher import Schema

COACH_COLUMNS: Mapping[str, type[Column]] = {
    "specialties": Labels,  # tags of the vocabulary
    "certifications": Texts,
    "bio": Texts,  # its sentences
    "levels": Labels,  # beginner, intermediate, advanced: whom the coach says to be for
    "city": Category,
    "languages": Labels,  # BCP 47
    "modalities": Labels,  # in_person, online, hybrid
    "price": Number,
    "currency": Category,
    "hours": Hours,
    "years": Number,  # of experience
    "rating_sum": Number,
    "n_reviews": Number,
    "capacity": Number,
    "seats_left": Number,
    "is_accepting": Number,  # 1 or 0
    "median_response_seconds": Number,
    "gender": Category,  # only of those who show it
}
TRAINEE_COLUMNS: Mapping[str, type[Column]] = {
    "goal": Texts,  # in their own words
    "goal_kinds": Labels,
    "specialties": Labels,  # tags they asked for
    "fitness_level": Category,
    "budget": Number,
    "currency": Category,
    "languages": Labels,
    "modalities": Labels,
    "hours": Hours,
    "city": Category,
    "equipment": Labels,
}
SENSITIVE = frozenset({"gender"})
LEVELS = ("beginner", "intermediate", "advanced")
MODALITIES = ("in_person", "online", "hybrid")

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n+")
_LEVELS_OF_TAG = {"beginners": "beginner", "competition-prep": "advanced"}


def hub_schema() -> Schema:
    """Give CoachHub's own columns as a feature block reads them: name and kind."""
    return Schema(
        coaches={name: kind.kind for name, kind in COACH_COLUMNS.items()},
        trainees={name: kind.kind for name, kind in TRAINEE_COLUMNS.items()},
    )


def hubs_own(coaches: CoachTable) -> CoachTable:
    """Give the columns that are CoachHub's; one of such a name and another kind is somebody else's, and left out."""
    texts = (Labels, Texts)  # read alike
    kinds = {name: texts if kind in texts else kind for name, kind in COACH_COLUMNS.items()}
    kept = {name: column for name, column in coaches.columns.items() if isinstance(column, kinds.get(name, ()))}
    return coaches if len(kept) == len(coaches.columns) else CoachTable(coaches.ids, kept)


def coach_table(rows: Iterable[Mapping[str, Any]]) -> CoachTable:
    """
    Make the coaches' table of one moment.

    Args:
        rows: ``id`` and any of COACH_COLUMNS. A bio or a certification may be one text; ``levels``
            that are not said follow from the specialties ("beginners", "competition-prep").
    Raises:
        Invalid: If a row has a member that is none of these, or a value of another kind.
    """
    listed = [_row(row, COACH_COLUMNS, f"/{i}") for i, row in enumerate(rows)]
    for row in listed:
        if row["levels"] is None and row["specialties"] is not None:
            row["levels"] = [_LEVELS_OF_TAG[tag] for tag in row["specialties"] if tag in _LEVELS_OF_TAG]
    return CoachTable.build(ids=[row["id"] for row in listed], **_columns(listed, COACH_COLUMNS))


def trainee_table(rows: Iterable[Mapping[str, Any]]) -> TraineeTable:
    """
    Make the table of trainees who ask.

    Args:
        rows: ``id`` and any of TRAINEE_COLUMNS; ``goal`` may be one text.
    Raises:
        Invalid: As :func:`coach_table`.
    """
    listed = [_row(row, TRAINEE_COLUMNS, f"/{i}") for i, row in enumerate(rows)]
    return TraineeTable.build(ids=[row["id"] for row in listed], **_columns(listed, TRAINEE_COLUMNS))


def _row(row: Mapping[str, Any], columns: Mapping[str, type[Column]], pointer: str) -> dict[str, Any]:
    unknown = [name for name in row if name != "id" and name not in columns]
    if unknown or "id" not in row:
        known = f"known are: id {' '.join(columns)}"
        raise Invalid.at(f"{pointer}/{unknown[0] if unknown else 'id'}", f"unknown; {known}" if unknown else "needed")
    made: dict[str, Any] = {name: row.get(name) for name in columns}
    for name, kind in columns.items():
        if kind is Texts and isinstance(made[name], str):
            made[name] = sentences(made[name]) if name == "bio" else [made[name]]
    if made["languages"] is not None:
        made["languages"] = [language.replace("_", "-").lower() for language in made["languages"]]
    if made["currency"] is not None:
        made["currency"] = made["currency"].upper()
    made["id"] = str(row["id"]) if isinstance(row["id"], UUID) else row["id"]
    return made


def _columns(rows: list[dict[str, Any]], columns: Mapping[str, type[Column]]) -> dict[str, Column]:
    made: dict[str, Column] = {}
    for name, kind in columns.items():
        try:
            made[name] = kind([row[name] for row in rows], is_sensitive=name in SENSITIVE)  # type: ignore[call-arg]
        except Invalid as exc:  # the column knows the row, this place knows the name
            first, _, rest = exc.errors[0].pointer.lstrip("/").partition("/")
            raise Invalid.at(f"/{first}/{name}" + (f"/{rest}" if rest else ""), exc.errors[0].message) from None
    return made


def sentences(text: str) -> list[str]:
    """Cut a text at the ends of its sentences and lines; the first 20,000 characters count."""
    return [sentence.strip() for sentence in _SENTENCE_END.split(text[:MAX_CHARS]) if sentence.strip()]


# ── hours ───────────────────────────────────────────────────────────────────


def week_hours(slots: Iterable[tuple[int, time, time, str]], *, monday: date) -> int:
    """
    Give the hours of a UTC week that local times cover, as 168 bits.

    Args:
        slots: Weekday (0 is Monday), start, end (00:00 is the end of the day) and IANA zone.
        monday: Monday of the week whose offsets count: zones move with the seasons.
    Returns:
        Bit h is set where at least half of hour h is covered; what runs over Sunday's end goes on on Monday.
    """
    minutes = [0] * N_HOURS
    start_of_week = datetime.combine(monday, time(), UTC)
    for weekday, starts, ends, zone in slots:
        day = monday + timedelta(days=weekday)
        last = day + timedelta(days=1) if ends == time() else day
        begin = datetime.combine(day, starts, ZoneInfo(zone)) - start_of_week
        end = datetime.combine(last, ends, ZoneInfo(zone)) - start_of_week
        at, until = int(begin.total_seconds() // 60), int(end.total_seconds() // 60)
        while at < until:
            step = min(60 - at % 60, until - at)
            minutes[at // 60 % N_HOURS] += step
            at += step
    return sum(1 << hour for hour, covered in enumerate(minutes) if covered >= 30)


# ── a profile said by a person ──────────────────────────────────────────────


def profile_table(profile: Mapping[str, Any], *, trainee_id: str = "me") -> TraineeTable:
    """
    Make the table of the one trainee a profile describes.

    Args:
        profile: Members of TRAINEE_COLUMNS; only ``goal`` is needed.
    Raises:
        ProfileIncomplete: If there is no goal.
        Invalid: With the pointer of each member that is unknown or has a wrong value.
    """
    errors = [
        FieldError(pointer=f"/{name}", message=f"unknown; known are: {' '.join(TRAINEE_COLUMNS)}", code="unknown")
        for name in profile
        if name not in TRAINEE_COLUMNS
    ]
    for name, value in profile.items():
        if name in TRAINEE_COLUMNS and value is not None and (problem := _problem(name, value)):
            errors.append(FieldError(pointer=f"/{name}", message=problem))
    if errors:
        raise Invalid(errors=tuple(errors))
    goal = profile.get("goal")
    if not any(text.strip() for text in ([goal] if isinstance(goal, str) else goal or ())):
        raise ProfileIncomplete.at("/goal", "say what you want to reach; it is all a suggestion needs", "required")
    return trainee_table([{**profile, "id": trainee_id}])


def _problem(name: str, value: Any) -> str | None:
    kind = TRAINEE_COLUMNS[name]
    allowed = {"fitness_level": LEVELS, "modalities": MODALITIES}.get(name)
    if isinstance(value, Iterator):  # what looks at it here would leave nothing to rank by
        return "must be a list, which can be read twice"
    if kind is Number:
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = -1.0
        return None if 0 <= number < 1e12 and not isinstance(value, bool | str) else "must be a number, 0 or more"
    if kind is Hours:
        try:
            week_of(value, "")
        except (Invalid, TypeError):
            return "must be a list of hours of the week, 0 (Monday 00:00 UTC) to 167"
        return None
    if kind is Category:
        if not isinstance(value, str):
            return "must be a text"
        return f"must be one of {', '.join(allowed)}" if allowed and value not in allowed else None
    if isinstance(value, str) and kind is Texts:
        return None
    if isinstance(value, str) or not isinstance(value, Iterable) or not all(isinstance(v, str) for v in value):
        return "must be a list of texts"
    return f"must be of {', '.join(allowed)}" if allowed and not set(value) <= set(allowed) else None
