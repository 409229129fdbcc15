"""CoachHub's own columns: rows, weeks and profiles become tables."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from coachhub_core.errors import Invalid, ProfileIncomplete
from coachhub_core.matching.schema import (
    COACH_COLUMNS,
    TRAINEE_COLUMNS,
    coach_table,
    hub_schema,
    profile_table,
    sentences,
    week_hours,
)
from coachhub_core.ports.matcher import Schema

MONDAY = date(2024, 1, 8)


def bits(*hours: int) -> int:
    return sum(1 << hour for hour in hours)


def test_rows_become_a_table() -> None:
    """Money, ids and texts arrive as the domain has them; what is not said is missing."""
    id_ = UUID(int=7)
    table = coach_table(
        [
            {
                "id": id_,
                "price": Decimal("49.90"),
                "bio": "I run. I lift!\nAlso yoga.",
                "languages": ["en-GB", "pt_BR"],
            },
            {"id": "x", "specialties": ["beginners", "yoga"], "currency": "eur", "certifications": "A. level"},
        ]
    )
    first, second = table.rows()
    assert (first.id, first["bio"], first["languages"]) == (
        str(id_),
        ("I run.", "I lift!", "Also yoga."),
        ("en-gb", "pt-br"),
    )
    assert first["price"] == pytest.approx(49.9, abs=1e-5)
    assert (second["levels"], second["currency"], second["certifications"]) == (("beginner",), "EUR", ("A. level",))
    assert second["price"] is None
    assert set(table.columns) == set(COACH_COLUMNS)
    assert table["gender"].is_sensitive


@pytest.mark.parametrize(
    ("row", "pointer"),
    [
        ({"id": "a", "name": "Eve"}, "/0/name"),
        ({"price": 3}, "/0/id"),
        ({"id": "a", "price": "dear"}, "/0/price"),
        ({"id": "a", "languages": ["en"], "certifications": [3]}, "/0/certifications/0"),
    ],
)
def test_a_row_that_does_not_fit_is_refused(row: dict[str, Any], pointer: str) -> None:
    """Names and addresses have no column; a wrong value is pointed at."""
    with pytest.raises(Invalid) as refusal:
        coach_table([row])
    assert refusal.value.errors[0].pointer == pointer


def test_the_schema_is_that_of_any_table_of_ours() -> None:
    """What feature blocks are told is what they will find."""
    made = Schema.of(coach_table([{"id": "a"}]), profile_table({"goal": "run"}))
    assert dict(hub_schema().coaches) == dict(made.coaches)
    assert dict(hub_schema().trainees) == dict(made.trainees)
    assert hub_schema().hash == made.hash


def test_sentences_end_where_they_end() -> None:
    """At marks and lines, without the empty ones."""
    assert sentences("One.  Two!\n\nThree") == ["One.", "Two!", "Three"]
    assert sentences("  ") == []


@pytest.mark.parametrize(
    ("slots", "hours"),
    [
        ([(0, time(18), time(20), "UTC")], bits(18, 19)),
        ([(0, time(18), time(20), "Europe/Berlin")], bits(17, 18)),
        ([(0, time(0), time(1), "Europe/Berlin")], bits(167)),  # Monday there is still Sunday here
        ([(6, time(23), time(0), "UTC")], bits(167)),
        ([(0, time(6), time(7), "Asia/Kolkata")], bits(0, 1)),  # half of each
        ([(0, time(6), time(6, 20), "UTC")], 0),
        ([(0, time(6), time(6, 20), "UTC"), (0, time(6, 30), time(6, 50), "UTC")], bits(6)),
        ([], 0),
    ],
)
def test_local_times_become_hours_of_a_utc_week(slots: list[Any], hours: int) -> None:
    """An hour counts when at least half of it is covered, whatever the zone."""
    assert week_hours(slots, monday=MONDAY) == hours


def test_the_season_counts() -> None:
    """Six in the evening in Berlin is another hour in July."""
    assert week_hours([(0, time(18), time(19), "Europe/Berlin")], monday=date(2024, 7, 8)) == bits(16)


def test_a_goal_is_all_a_profile_needs() -> None:
    """Everything else is missing, and known to be."""
    table = profile_table({"goal": "first marathon"})
    row = table.row(0)
    assert (row.id, row["goal"]) == ("me", ("first marathon",))
    assert [name for name in TRAINEE_COLUMNS if row[name] is not None] == ["goal"]


@pytest.mark.parametrize("profile", [{}, {"goal": "  "}, {"goal": None}, {"budget": 3}, {"goal": []}])
def test_without_a_goal_there_is_nothing_to_go_by(profile: dict[str, Any]) -> None:
    """The refusal names the member that is needed."""
    with pytest.raises(ProfileIncomplete) as refusal:
        profile_table(profile)
    assert [error.pointer for error in refusal.value.errors] == ["/goal"]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("budget", -1),
        ("budget", True),
        ("budget", "60"),
        ("budget", float("nan")),
        ("budget", float("inf")),
        ("budget", 10**400),
        ("languages", iter(["en"])),
        ("hours", iter([5])),
        ("goal", iter(["run"])),
        ("fitness_level", "expert"),
        ("modalities", ["by mail"]),
        ("languages", "en"),
        ("languages", [3]),
        ("hours", [168]),
        ("hours", "mornings"),
        ("hours", 1.5),
        ("city", 3),
        ("goal", 3),
        ("goal_kinds", {"a": 1, 3: 4}),
        ("gaol", "run"),
    ],
)
def test_a_wrong_member_is_pointed_at(member: str, value: Any) -> None:
    """Each by its pointer; an unknown one is answered with those known."""
    with pytest.raises(Invalid) as refusal:
        profile_table({"goal": "run", member: value})
    assert [error.pointer for error in refusal.value.errors] == [f"/{member}"]
    if member == "gaol":
        assert "goal goal_kinds" in str(refusal.value)


def test_every_wrong_member_is_named_at_once() -> None:
    """Nobody has to try again for each mistake."""
    with pytest.raises(Invalid) as refusal:
        profile_table({"goal": "run", "budget": -1, "wish": "x", "city": []})
    assert [error.pointer for error in refusal.value.errors] == ["/wish", "/budget", "/city"]
