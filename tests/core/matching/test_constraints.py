"""Hard constraints and filters, against the slow and obvious way."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from coachhub_core.errors import MatcherError
from coachhub_core.matching.constraints import Filters, HardRules, Ranges, built_in
from coachhub_core.matching.schema import coach_table, trainee_table
from coachhub_core.matching.tables import CoachRow, CoachTable, TraineeRow
from coachhub_core.testing.cases import a_case


def a_coach(id_: str = "c", **members: Any) -> dict[str, Any]:
    return {"id": id_, **members}


def left(coaches: list[dict[str, Any]], profile: dict[str, Any], filters: Filters | None = None) -> list[str]:
    """Give the ids of who is left, and check the count."""
    table = coach_table(coaches)
    found = HardRules(table, built_in()).eligible(trainee_table([{"id": "t", **profile}]).row(0), filters)
    ids = [id_ for row, id_ in enumerate(table.ids) if found.mask >> row & 1]
    assert found.count == len(ids)
    return ids


# ── the rules, said the long way ────────────────────────────────────────────


def passes_profile(name: str, coach: CoachRow, trainee: TraineeRow) -> bool | None:
    """Say whether a coach passes, None where nothing was asked: the definition, one coach at a time."""
    if name == "seats":
        seats, accepting = coach["seats_left"], coach["is_accepting"]
        return (seats is None or seats >= 1) and accepting != 0
    if name == "price":
        if trainee["budget"] is None:
            return None
        if coach["price"] is None:
            return True
        both = trainee["currency"] and coach["currency"]
        return coach["price"] <= trainee["budget"] and (not both or trainee["currency"] == coach["currency"])
    if name == "hours":
        if not trainee["hours"]:
            return None
        return not coach["hours"] or bool(coach["hours"] & trainee["hours"])
    if name == "language":
        wanted = {tag.split("-")[0] for tag in trainee["languages"] or ()}
        spoken = {tag.split("-")[0] for tag in coach["languages"] or ()}
        return None if not wanted else not spoken or bool(wanted & spoken)
    wanted, offered = set(trainee["modalities"] or ()), set(coach["modalities"] or ())
    if not wanted:
        return None
    if not offered:
        return True
    if "hybrid" in offered:
        offered |= {"online", "in_person"}
    if {"online", "in_person"} <= offered:
        offered.add("hybrid")
    near = not (trainee["city"] and coach["city"]) or trainee["city"].casefold() == coach["city"].casefold()
    return any(way in offered and (way == "online" or near) for way in wanted)


def passes_filter(name: str, coach: CoachRow, filters: Filters) -> bool:
    value = getattr(filters, name)
    if name == "specialty":
        return bool(set(value) & set(coach["specialties"] or ()))
    if name == "city":
        return (coach["city"] or "").casefold() == value.casefold()
    if name == "language":
        return value.split("-")[0] in {tag.split("-")[0] for tag in coach["languages"] or ()}
    if name == "price_max":
        is_cheap = coach["price"] is not None and coach["price"] <= value
        return is_cheap and (filters.currency is None or coach["currency"] == filters.currency)
    if name == "modality":
        return value in (coach["modalities"] or ())
    n = coach["n_reviews"] or 0
    return n > 0 and round(coach["rating_sum"] / n, 2) >= value


FILTERS = [
    Filters(),
    Filters(specialty=("yoga", "marathon")),
    Filters(city="berlin", language="de-AT"),
    Filters(price_max=45, currency="EUR", rating_min=4.2),
    Filters(modality="online", specialty=("strength",), rating_min=4),
    Filters(price_max=30, city="Nowhere"),
]


@pytest.mark.parametrize("n", range(len(FILTERS)))
def test_who_is_left_and_what_each_rule_costs_are_exact(n: int) -> None:
    """For drawn coaches and trainees: the set, and for each rule alone how many more dropping it gives."""
    case = a_case("constraints", n_coaches=80, n_trainees=40)
    rules = HardRules(case.coaches, built_in())
    stated = [name for name in attrs.asdict(FILTERS[n]) if getattr(FILTERS[n], name) and name != "currency"]
    for trainee in case.trainees.rows():
        verdicts: dict[str, set[int]] = {}
        for name in built_in():
            passed = [passes_profile(name, coach, trainee) for coach in case.coaches.rows()]
            if passed[0] is not None:
                verdicts[name] = {row for row, ok in enumerate(passed) if ok}
        for name in stated:
            ok = [passes_filter(name, coach, FILTERS[n]) for coach in case.coaches.rows()]
            verdicts[f"filters.{name}"] = {row for row, passed_ in enumerate(ok) if passed_}
        everyone = set(range(len(case.coaches)))
        wanted = everyone.intersection(*verdicts.values())
        more = {
            name: len(everyone.intersection(*(rows for other, rows in verdicts.items() if other != name)) - wanted)
            for name in verdicts
        }
        found = rules.eligible(trainee, FILTERS[n])
        assert {row for row in everyone if found.mask >> row & 1} == wanted
        assert found.relaxations == more


def test_numbers_are_compared_exactly() -> None:
    """At most and at least, over ranks in binary, for sizes around every power of two."""
    for size in (0, 1, 2, 3, 4, 5, 8, 9, 33):
        numbers = np.array([float(i * 7 % size) for i in range(size)] + [np.nan], np.float32)
        ranges = Ranges(numbers)
        for x in (-1.0, 0.0, 0.5, 1.0, 3.0, size - 1.0, size + 1.0):
            assert ranges.at_most(x) == sum(1 << i for i, v in enumerate(numbers) if v <= x)
            assert ranges.at_least(x) == sum(1 << i for i, v in enumerate(numbers) if v >= x)


# ── single decisions a reader may ask for ───────────────────────────────────


def test_only_who_accepts_and_has_a_seat_is_proposed() -> None:
    """Both are needed; a table that counts no seats has them."""
    coaches = [
        a_coach("full", seats_left=0, is_accepting=1),
        a_coach("closed", seats_left=3, is_accepting=0),
        a_coach("open", seats_left=1, is_accepting=1),
        a_coach("unknown"),
    ]
    assert left(coaches, {}) == ["open", "unknown"]


def test_a_budget_is_a_sum_in_a_currency() -> None:
    """Up to and including it; another currency is not comparable; no stated price is not too dear."""
    coaches = [
        a_coach("at", price=60, currency="EUR"),
        a_coach("over", price=60.01, currency="EUR"),
        a_coach("pounds", price=10, currency="GBP"),
        a_coach("silent", currency="EUR"),
        a_coach("somewhere", price=10),
    ]
    assert left(coaches, {"budget": 60, "currency": "EUR"}) == ["at", "silent", "somewhere"]
    assert left(coaches, {"budget": 60}) == ["at", "pounds", "silent", "somewhere"]


def test_who_comes_in_person_is_in_the_same_city() -> None:
    """However it is spelled, and where both have named one; online work knows no city."""
    coaches = [
        a_coach("here", modalities=["in_person"], city="München"),
        a_coach("there", modalities=["in_person"], city="Berlin"),
        a_coach("mixed there", modalities=["hybrid"], city="Berlin"),
        a_coach("nowhere", modalities=["hybrid"]),
        a_coach("online", modalities=["online"], city="Berlin"),
    ]
    assert left(coaches, {"modalities": ["in_person"], "city": "munchen"}) == ["here", "nowhere"]
    assert left(coaches, {"modalities": ["online"], "city": "munchen"}) == ["mixed there", "nowhere", "online"]


def test_a_filter_keeps_to_what_is_known() -> None:
    """Who has not said fails what somebody stated."""
    coaches = [a_coach("said", gender="female", price=20), a_coach("silent")]
    assert left(coaches, {}, Filters(gender="female")) == ["said"]
    assert left(coaches, {}, Filters(price_max=20)) == ["said"]
    assert left(coaches, {}, Filters(currency="EUR")) == []


def test_coaches_out_of_the_question_stay_out() -> None:
    """No relaxation brings back whom the trainee has asked already."""
    table = coach_table([a_coach("a", price=90), a_coach("b", price=90), a_coach("c", price=10)])
    trainee = trainee_table([{"id": "t", "budget": 50}]).row(0)
    found = HardRules(table, built_in()).eligible(trainee, without=["a", "no such"])
    assert found.relaxations == {"seats": 0, "price": 1}


def test_a_rule_that_fails_is_not_dropped() -> None:
    """A plugin's constraint that raises stops the answer, by name."""

    class Broken:
        def compile(self, coaches: CoachTable) -> Broken:
            return self

        def bits(self, trainee: TraineeRow) -> int | None:
            raise RuntimeError("boom")

    class Worse(Broken):
        def compile(self, coaches: CoachTable) -> Broken:
            raise RuntimeError("boom")

    with pytest.raises(MatcherError, match="the constraint 'certified' failed"):
        HardRules(coach_table([a_coach()]), {"certified": Worse()})
    rules = HardRules(coach_table([a_coach()]), {"certified": Broken()})
    with pytest.raises(MatcherError, match="the constraint 'certified' failed"):
        rules.eligible(trainee_table([{"id": "t"}]).row(0))
