"""Counterfactuals in sentences: by column or kind, in the trainee's own zone, and in any language a plugin brings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from coachhub_core.matching import Counterfactual
from coachhub_core.services.reason_texts import ReasonTexts

ENGLISH = ReasonTexts(lambda locale: [])


def a_change(column: str, kind: str, was: Any, becomes: Any, **more: Any) -> Counterfactual:
    """A change from place 4 to the first of 9, unless a test says otherwise."""
    facts: dict[str, Any] = {"column": column, "was": was, "becomes": becomes}
    if isinstance(becomes, tuple):
        added = [one for one in becomes if one not in was]
        facts |= {"was": list(was), "becomes": list(becomes), "added": added, "n_more": len(added)}
    places = {"rank_before": more.pop("before", 4), "rank_after": more.pop("after", 1), "n_eligible": 9}
    return Counterfactual(
        column=column, kind=kind, was=was, becomes=becomes, size=0.5, evidence={**facts, **more}, **places
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (a_change("budget", "number", 60.0, 75.5, currency="EUR"), "A budget of 75.5 EUR instead of 60"),
        (a_change("budget", "number", 60.0, 75.0), "75 instead of 60 as budget"),
        (a_change("years_abroad", "number", 2.0, 3.0), "3 instead of 2 as years abroad"),
        (a_change("languages", "labels", ("de",), ("de", "en")), "Adding en to your languages"),
        (a_change("modalities", "labels", ("online",), ("in_person", "online")), "Being coached in person too"),
        (a_change("specialties", "labels", ("yoga",), ("running", "yoga")), "Looking for running too"),
        (a_change("tags", "labels", ("a",), ("a", "b")), "Adding b to tags"),
        (a_change("city", "category", "Wien", "Porto"), "Porto instead of Wien as your city"),
        (a_change("fitness_level", "category", "beginner", "advanced"), "advanced instead of beginner as your level"),
        (a_change("region", "category", "north", "south"), "south instead of north as region"),
        (a_change("hours", "hours", (1,), (1, 42)), "1 more free hour (Tuesday 18:00-19:00 UTC)"),
        (a_change("slots", "hours", (1,), (1, 42, 43)), "2 more free hours (Tuesday 18:00-20:00 UTC)"),
    ],
)
def test_every_kind_of_change_has_a_sentence(change: Counterfactual, said: str) -> None:
    """CoachHub's columns have their own, others that of their kind; a fact that is missing leaves the plainer one."""
    assert ENGLISH.change(change, "en") == f"{said} would put this coach first"


def test_what_comes_of_it_is_said() -> None:
    """First, in the list, or further up."""
    moves = ({"after": 1, "before": None}, {"after": 3, "before": None}, {"after": 3, "before": 4})
    said = [ENGLISH.change(a_change("city", "category", "Wien", "Porto", **places), "en") for places in moves]
    assert said == [
        "Porto instead of Wien as your city would put this coach first",
        "Porto instead of Wien as your city would bring this coach into your list, at place 3 of 9",
        "Porto instead of Wien as your city would move this coach from place 4 up to 3 of 9",
    ]


@pytest.mark.parametrize(
    ("zone", "monday", "said"),
    [
        (None, date(2024, 7, 1), "Tuesday 18:00-20:00 UTC, Sunday 23:00-02:00 UTC"),
        ("Europe/Berlin", date(2024, 7, 1), "Monday 01:00-04:00, Tuesday 20:00-22:00"),
        ("Europe/Berlin", date(2024, 1, 1), "Monday 00:00-03:00, Tuesday 19:00-21:00"),
        ("Asia/Kolkata", date(2024, 1, 1), "Monday 04:30-07:30, Tuesday 23:30-01:30"),
        ("America/New_York", date(2024, 1, 1), "Tuesday 13:00-15:00, Sunday 18:00-21:00"),
    ],
)
def test_hours_are_told_in_the_zone_of_who_asks(zone: str | None, monday: date, said: str) -> None:
    """As spans, as the season has it; the week has no end, so Sunday's last hour meets Monday's first."""
    change = a_change("hours", "hours", (9,), (0, 1, 9, 42, 43, 167))
    text = ENGLISH.change(change, "en", zone=zone, monday=monday)
    assert text == f"5 more free hours ({said}) would put this coach first"


def test_a_plugin_translates_all_of_it() -> None:
    """Template by template, the weekday's and the span's too; what it leaves out stays English."""
    german = {
        "change.hours": "{n_more} weitere freie Stunden ({when})",
        "change.first": "{change}: damit stünde dieser Coach vorn",
        "when": "{weekday} {starts} bis {ends}",
        "weekday.1": "Dienstag",
    }

    def ask(locale: str) -> list[Mapping[str, str]]:
        return [german] if locale == "de" else []

    texts = ReasonTexts(ask)
    change = a_change("hours", "hours", (1,), (1, 42, 43))
    said = texts.change(change, "de-AT", zone="Europe/Berlin", monday=date(2024, 1, 1))
    assert said == "2 weitere freie Stunden (Dienstag 19:00 bis 21:00): damit stünde dieser Coach vorn"
    up = a_change("hours", "hours", (1,), (1, 42), after=2)
    assert texts.change(up, "de") == (
        "1 more free hour (Dienstag 18:00 bis 19:00 UTC) would move this coach from place 4 up to 2 of 9"
    )


def test_a_template_that_names_what_is_not_there_breaks_nothing() -> None:
    """The plainest that can be said is said."""
    texts = ReasonTexts(
        lambda locale: [
            {"change.city": "{moon}", "change.category": "{moon}", "change.first": "{moon}", "when": "{moon}"}
        ]
    )
    assert texts.change(a_change("city", "category", "Wien", "Porto"), "en") == "city"
    said = texts.change(a_change("hours", "hours", (1,), (1, 42), after=2), "en")
    assert said == "1 more free hour (18:00-19:00 UTC) would move this coach from place 4 up to 2 of 9"
