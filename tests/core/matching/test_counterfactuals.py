"""Counterfactual reasons: each is true when ranked again, none nearer would do, and what cannot be is not told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from askings import a_hub, a_profile, mine, some_coaches

from coachhub_core.errors import Invalid, NotFound, ProfileIncomplete
from coachhub_core.matching import (
    CoachMatcher,
    CoachTable,
    Counterfactual,
    Counterfactuals,
    Hours,
    TraineeRow,
    TraineeTable,
)
from coachhub_core.matching.schema import coach_table

# ── a small hub's tables, and every single change by brute force ────────────


def place(matcher: CoachMatcher, profile: Mapping[str, Any], coach_id: str) -> tuple[int | None, int]:
    found = matcher.find_matches(profile, limit=100)
    return next((one.rank for one in found if one.coach_id == coach_id), None), found.n_eligible


def every_change(profile: Mapping[str, Any], coach: Mapping[str, Any]) -> Iterator[tuple[str, Any, float]]:
    """Give column, value and size of every single change there is: prices in whole steps, all sets of hours."""
    budget = profile["budget"]
    for price in (*range(budget + 1, int(np.ceil(coach["price"]))), coach["price"]):
        if price > budget:
            yield "budget", float(price), 1 - budget / price
    for name in ("city", "fitness_level"):
        for value in coach["levels"] if name == "fitness_level" else [coach["city"]]:
            if value != profile[name]:
                yield name, value, 1.0
    served = {"languages": coach["languages"], "modalities": coach["modalities"]}
    if "hybrid" in coach["modalities"]:
        served["modalities"] = ["hybrid", "in_person", "online"]
    for name, values in served.items():
        for value in values:
            if value not in profile[name]:
                yield name, tuple(sorted({*profile[name], value})), 1 / (len(profile[name]) + 1)
    new = [hour for hour in coach["hours"] if hour not in profile["hours"]]
    for n in range(1, len(new) + 1):
        for some in combinations(new, n):
            yield "hours", tuple(sorted({*profile["hours"], *some})), n / (len(profile["hours"]) + n)


Tried = tuple[str, Any, Any, int | None, int]  # column, value, size, rank, eligible


def check(told: tuple[Counterfactual, ...], will_do: list[Tried]) -> None:
    """Hold what is told against all that would do: nothing else, nothing missing, and the nearest of each line."""
    as_told = [(one.column, one.becomes, pytest.approx(one.size), one.rank_after, one.n_eligible) for one in told]
    assert [one for one in as_told if one not in will_do] == []
    assert [one.size for one in told] == sorted(one.size for one in told)
    for column in {one[0] for one in will_do}:
        mine = [one for one in will_do if one[0] == column]
        if column in ("budget", "hours"):
            (one,) = [one for one in told if one.column == column]
            assert one.size == pytest.approx(min(size for _, _, size, _, _ in mine))
        else:
            assert [one for one in mine if one not in as_told] == []


@pytest.mark.parametrize("name", ["plain", "duet"])
@pytest.mark.parametrize("seed", ["a", "b", "c"])
def test_the_truth_by_brute_force(name: str, seed: str) -> None:
    """Every change told stands where it says, no smaller one of its column does, and nothing possible is left out."""
    rows, profile = some_coaches(seed), a_profile(seed)
    before = {key: value.copy() if isinstance(value, list) else value for key, value in profile.items()}
    matcher = CoachMatcher(coaches=coach_table(rows), matcher=name)
    for coach in rows:
        found = matcher.counterfactuals(profile, coach["id"], limit=20)
        now, n = place(matcher, profile, coach["id"])
        assert (found.rank, found.n_eligible, found.is_complete) == (now, n, True)
        tried: list[Tried] = [
            (column, value, size, *place(matcher, {**profile, column: value}, coach["id"]))
            for column, value, size in every_change(profile, coach)
        ]
        check(found.lets_in, [one for one in tried if now is None and one[3] is not None])
        check(found.puts_first, [one for one in tried if now != 1 and one[3] == 1])
        ranks = [one[3] for one in tried if one[3] is not None and (now is None or one[3] < now)]
        if found.puts_first or not ranks:
            assert found.best is None
        else:
            assert found.best is not None
            assert found.best.rank_after == min(ranks)
            assert found.best.size == pytest.approx(min(one[2] for one in tried if one[3] == min(ranks)))
        assert all(one.rank_before == now for one in (*found.lets_in, *found.puts_first))
    assert profile == before


def test_the_cases_above_hold_all_there_is_to_tell() -> None:
    """Somebody let in, put first, moved up, kept out for good and first already; by each column at least once."""
    seen: set[str] = set()
    for seed in "abc":
        matcher = CoachMatcher(coaches=coach_table(some_coaches(seed)), matcher="plain")
        for id_ in matcher.coaches.ids:
            found = matcher.counterfactuals(a_profile(seed), id_, limit=20)
            told = (*found.lets_in, *found.puts_first, *([] if found.best is None else [found.best]))
            seen |= {one.column for one in told} | {"lets_in"} if found.lets_in else {one.column for one in told}
            seen |= {"puts_first"} if found.puts_first else set()
            seen |= {"out"} if found.rank is None and not found.lets_in else set()
            seen |= {"first"} if found.rank == 1 else set()
            seen |= {"up"} if found.rank is not None and found.best is not None else set()
    every = {"budget", "languages", "modalities", "city", "fitness_level", "hours"}
    assert seen == every | {"lets_in", "puts_first", "out", "first", "up"}


# ── what is told, by hand ───────────────────────────────────────────────────


def test_a_budget_reaches_the_price_and_no_further() -> None:
    """To the cent as it was written, with its currency; a budget is never lowered to shut others out."""
    found = a_hub(price=59.9, specialties=["marathon"], seats_left=5, capacity=5, currency="EUR").counterfactuals(
        {"goal": "marathon", "budget": 45}, "kim"
    )
    (one,) = found.lets_in
    assert one == Counterfactual(
        column="budget",
        kind="number",
        was=45.0,
        becomes=59.9,
        size=pytest.approx(14.9 / 59.9),
        rank_before=None,
        rank_after=one.rank_after,
        n_eligible=2,
        evidence={"column": "budget", "was": 45.0, "becomes": 59.9, "currency": "EUR"},
    )
    assert (found.rank, found.kept_out_by, found.n_rankings) == (None, ("price",), 1)
    dear = a_hub(price=80, specialties=["marathon"]).counterfactuals({"goal": "yoga", "budget": 100}, "lee")
    assert "budget" not in {one.column for one in (*dear.lets_in, *dear.puts_first)}


def test_the_fewest_hours_are_told_and_those_that_lie_together() -> None:
    """Three shared hours are worth most to ``plain``: with one shared, two more, next to the trainee's own."""
    kim = {"specialties": ["marathon"], "hours": [10, 18, 40, 42, 60, 62], "seats_left": 1}
    matcher = CoachMatcher(
        coaches=coach_table([{"id": "kim", **kim}, {**kim, "id": "abe", "hours": [17, 18, 19]}]), matcher="plain"
    )
    profile = {"goal": "marathon", "hours": [17, 18, 19, 41]}
    found = matcher.counterfactuals(profile, "kim")
    assert found.rank == 2
    assert found.puts_first == ()  # level with Abe, whose id is smaller
    assert found.best is None
    (one,) = (
        CoachMatcher(
            coaches=coach_table([{**kim, "id": "kim"}, {**kim, "id": "zoe", "hours": [17, 18, 19]}]), matcher="plain"
        )
        .counterfactuals(profile, "kim")
        .puts_first
    )
    assert one.becomes == (17, 18, 19, 40, 41, 42)
    assert one.evidence["added"] == [40, 42]
    assert one.evidence["n_more"] == 2


def test_of_many_hours_neighbours_are_tried() -> None:
    """Forty hours of a coach's have too many triples to try each; eight are the most that are ever added."""
    coaches = CoachTable.build(ids=["kim", "lee"], hours=Hours([range(0, 80, 2), [1]]))
    tried: list[int] = []

    def score(trainee: TraineeRow, table: CoachTable) -> Any:
        tried.append((trainee.hours("hours") & ~2).bit_count())
        return np.array([float(trainee.hours("hours").bit_count() > 30), 0.5])

    matcher = mine(score, coaches)
    found = matcher.counterfactuals(TraineeTable.build(ids=["me"], hours=Hours([[1]])), "kim")
    assert [one.becomes for one in found.lets_in] == [(0, 1)]
    assert found.puts_first == ()
    counts = {n: tried.count(n) for n in set(tried)}
    assert {n: counts[n] for n in range(1, 9)} == {n: 40 - n + 1 for n in range(1, 9)}
    assert set(counts) == set(range(1, 9))  # alone with hour 1 nobody shares any with Kim, which needs no ranking


def test_a_hybrid_coach_is_reached_online() -> None:
    """Hybrid is both: from afar it is not the coach's own word that helps, but the half of it that is online."""
    found = a_hub(specialties=["marathon"], modalities=["hybrid"], city="Porto").counterfactuals(
        {"goal": "marathon", "modalities": ["in_person"], "city": "Wien"}, "kim"
    )
    assert ("modalities", ("in_person", "online")) in {(one.column, one.becomes) for one in found.lets_in}


@pytest.mark.parametrize(
    ("kim", "why"),
    [
        ({"seats_left": 0}, ("seats",)),
        ({"price": 90, "languages": ["es"]}, ("price", "language")),
        ({"currency": "USD", "price": 10}, ("price",)),
    ],
    ids=["full", "two at once", "another currency"],
)
def test_what_no_single_change_mends_is_not_told(kim: dict[str, Any], why: tuple[str, ...]) -> None:
    """Nothing is told, and nothing ranked either: the constraints say no each time."""
    profile = {"goal": "marathon", "budget": 60, "languages": ["en"], "currency": "EUR"}
    found = a_hub(specialties=["marathon"], **kim).counterfactuals(profile, "kim")
    assert found == Counterfactuals(
        coach_id="kim",
        rank=None,
        n_eligible=1,
        kept_out_by=why,
        lets_in=(),
        puts_first=(),
        best=None,
        matcher="plain",
        model_id=found.model_id,
        n_rankings=0,
        is_complete=True,
    )


def test_who_is_first_needs_nothing() -> None:
    """One ranking tells so."""
    found = a_hub(specialties=["yoga"]).counterfactuals({"goal": "marathon", "budget": 60}, "lee")
    assert (found.rank, found.lets_in, found.puts_first, found.best, found.n_rankings) == (1, (), (), None, 1)


def test_what_was_not_said_is_not_changed() -> None:
    """Without languages or hours of their own, nobody is told to learn one or to be free."""
    found = a_hub(specialties=["yoga"], languages=["es"], hours=[3], city="Porto").counterfactuals(
        {"goal": "marathon", "languages": [], "hours": []}, "kim"
    )
    assert (found.rank, found.puts_first, found.best, found.n_rankings) == (2, (), None, 1)


def test_wrong_questions_are_refused() -> None:
    """By name: an id nobody has, numbers below 1, two trainees, a profile that ``find_matches`` would not take."""
    matcher = a_hub()
    with pytest.raises(NotFound, match="coach nobody"):
        matcher.counterfactuals({"goal": "yoga"}, "nobody")
    for wrong in ({"limit": 0}, {"max_rankings": 0}):
        with pytest.raises(Invalid, match=next(iter(wrong))):
            matcher.counterfactuals({"goal": "yoga"}, "kim", **wrong)  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="one trainee, not 2"):
        matcher.counterfactuals(TraineeTable.build(ids=["a", "b"]), "kim")
    with pytest.raises(ProfileIncomplete):
        matcher.counterfactuals({"budget": 3}, "kim")
    with pytest.raises(Invalid, match="shoe_size"):
        matcher.counterfactuals({"goal": "yoga", "shoe_size": 3}, "kim")
