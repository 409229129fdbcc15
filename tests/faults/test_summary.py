"""What ``python -m tests.faults`` says at its end: each point of the criterion, and a verdict that follows from all."""

from __future__ import annotations

from typing import Any

import pytest

from .__main__ import criterion, show
from .breaking import KINDS

CLEAN: dict[str, Any] = {
    "faults": dict.fromkeys(KINDS, 200),
    "counts": {"acknowledged": 40_000, "answers": 160_000},
    "slowest": 4.4,
    "longest_healing": 6.2,
    "wrong": [],
}


def test_a_clean_thousand_holds(capsys: pytest.CaptureFixture[str]) -> None:
    """Each point says yes and its figure; the exit code is 0."""
    assert show(CLEAN) == 0
    said = capsys.readouterr().out
    assert "yes of 40000 acknowledged 0 lost, 0 doubled, 0 invented: 0, 0, 0" in said
    assert "yes every answer within 5 s: 0 of 160000 later, slowest 4.40 s" in said
    assert said.endswith("of the whole thousand: all of it holds\n")


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("lost", "lost"),
        ("doubled", "doubled"),
        ("invented", "invented"),
        ("differs", "say the same"),
        ("unsettled", "settled"),
        ("answers over 5 s", "within 5 s"),
        ("not healed", "within 30 s"),
    ],
)
def test_one_of_anything_is_enough_to_break_it(name: str, point: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The point is named, and no other."""
    found = {**CLEAN, "counts": {**CLEAN["counts"], name: 1}}
    (broken,) = [line for holds, line in criterion(found) if not holds]
    assert point in broken
    assert show(found) == 1
    assert capsys.readouterr().out.endswith("NOT all of it holds\n")


def test_a_part_says_that_it_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """And a slice that ended in the middle of a round of kinds is no fault of anybody."""
    part = {**CLEAN, "faults": {**dict.fromkeys(KINDS, 2), KINDS[0]: 3}}
    assert show(part) == 0
    assert capsys.readouterr().out.endswith("of the 11 so far: all of it holds\n")
