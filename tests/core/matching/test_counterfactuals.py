"""Counterfactual reasons: each is true when ranked again, none nearer would do, and what cannot be is not told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import attrs
import numpy as np
import pytest

from coachhub_core import hookimpl
from coachhub_core.errors import Invalid, MatcherFault, MatcherTimeout, NotFound, ProfileIncomplete
from coachhub_core.matching import (
    Category,
    CoachMatcher,
    CoachTable,
    Counterfactual,
    Counterfactuals,
    Hours,
    Labels,
    Number,
    TraineeRow,
    TraineeTable,
    Vector,
    matcher_from_scores,
)
from coachhub_core.matching.counterfactuals import counterfactuals
from coachhub_core.matching.host import MatcherHost
from coachhub_core.matching.hosted import Hosted, plain_hosted
from coachhub_core.matching.sample import Draws
from coachhub_core.matching.schema import coach_table, profile_table
from coachhub_core.ports.matcher import NEVER, AllowedPairs, Deadline, MatcherOffer, Ranking

# ── a small hub's tables, and every single change by brute force ────────────

LEVELS = ("beginner", "intermediate", "advanced")
CITIES = ("Berlin", "Porto", "Wien")
LANGUAGES = ("de", "en", "es")
WEEK = (18, 19, 42, 43)


def some_coaches(seed: str, n: int = 9) -> list[dict[str, Any]]:
    """Draw coaches who differ in all that a trainee can come nearer to."""
    draws = Draws(f"counterfactuals.{seed}")
    rows = []
    for i in range(n):
        rows.append(
            {
                "id": f"c{i}",
                "specialties": draws.some(("marathon", "yoga", "strength"), 2),
                "price": draws.pick((38, 44.5, 51, 58, 63, 70)),
                "currency": "EUR",
                "languages": draws.some(LANGUAGES, 2),
                "modalities": draws.some(("online", "in_person", "hybrid"), 1),
                "city": draws.pick(CITIES),
                "levels": [draws.pick(LEVELS)],
                "hours": sorted(draws.some(WEEK, 3)),
                "seats_left": draws.pick((0, 1, 2, 3)),
                "capacity": 3,
            }
        )
    return rows


def a_profile(seed: str) -> dict[str, Any]:
    draws = Draws(f"counterfactuals.profile.{seed}")
    return {
        "goal": draws.pick(("my first marathon", "yoga and strength")),
        "budget": draws.pick((45, 55, 65)),
        "currency": "EUR",
        "languages": draws.some(LANGUAGES, 1),
        "modalities": [draws.pick(("online", "in_person"))],
        "city": draws.pick(CITIES),
        "fitness_level": draws.pick(LEVELS),
        "hours": sorted(draws.some(WEEK, 2)),
    }


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


def a_hub(**kim: Any) -> CoachMatcher:
    """Kim is what a test says; Lee answers the goal and costs 40."""
    lee = {"id": "lee", "specialties": ["marathon"], "price": 40, "seats_left": 1}
    return CoachMatcher(coaches=coach_table([{"id": "kim", **kim}, lee]), matcher="plain")


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


# ── anybody's tables, anybody's matcher ─────────────────────────────────────


def offering(offer: MatcherOffer, name: str = "mine") -> object:
    class Plugin:
        @hookimpl
        def coachhub_matchers(self) -> Mapping[str, MatcherOffer]:
            return {name: offer}

    return Plugin()


def nearest(trainee: TraineeRow, coaches: CoachTable) -> Any:
    """Score papers' reviewers by topics shared, distance in years, and the region."""
    topics = sum(coaches.has("topics", topic).astype(float) for topic in trainee.texts("topics"))
    years = np.nan_to_num(np.abs(coaches.number("years") - (trainee.number("wanted") or 0.0)))
    return topics - 0.1 * years + 0.2 * coaches.has("region", trainee.text("region") or "")


REVIEWERS = CoachTable.build(
    ids=["ann", "ben", "cyd"],
    topics=Labels([["logic"], ["graphs", "logic"], None]),
    years=Number([3, 12, None]),
    region=Category(["north", "south", None]),
    vector=Vector([[0, 1], [1, 0], [1, 1]]),
)
PAPER = TraineeTable.build(
    ids=["paper"],
    topics=Labels([["logic"]]),
    wanted=Number([4]),
    region=Category(["north"]),
    vector=Vector([[1, 1]]),
    years=Labels([["ten"]]),  # of another kind than the reviewers': nothing to compare
)


def mine(score: Any, coaches: CoachTable, **more: Any) -> CoachMatcher:
    """A matcher of one function."""
    offer = matcher_from_scores(score, name="mine")
    return CoachMatcher(coaches=coaches, plugins=[offering(offer)], matcher="mine", **more)


def test_foreign_columns_move_and_their_pairs_are_named() -> None:
    """A paper's reviewers: topics are added, years come nearer; the list is ``rank``'s."""
    matcher, pairs = mine(nearest, REVIEWERS), {"years": ("wanted", "years")}
    found = matcher.counterfactuals(PAPER, "ben", pairs=pairs)
    assert [(one.column, one.becomes) for one in found.puts_first] == [("topics", ("graphs", "logic")), ("wanted", 9.0)]
    for asked in (PAPER.with_columns(topics=Labels([["graphs", "logic"]])), PAPER.with_columns(wanted=Number([9]))):
        assert matcher.rank(asked, 1).rows[0, 0] == 1
    for nearer in range(5, 9):
        assert matcher.rank(PAPER.with_columns(wanted=Number([nearer])), 1).rows[0, 0] != 1
    assert found == matcher.counterfactuals(PAPER, "ben", pairs=pairs)
    unpaired = matcher.counterfactuals(PAPER, "ben")
    assert [one.column for one in unpaired.puts_first] == ["topics"]
    only = matcher.counterfactuals(PAPER, "ben", pairs=pairs, columns=["region"])
    assert (only.puts_first, only.best) == ((), None)
    assert only.n_rankings == 2


@pytest.mark.parametrize("of_trainee", [True, False])
@pytest.mark.parametrize("of_coach", [True, False])
def test_a_sensitive_column_is_never_proposed(of_trainee: bool, of_coach: bool) -> None:
    """On whichever side it is marked, and although the matcher was consented to see it and would be moved."""

    def score(trainee: TraineeRow, coaches: CoachTable) -> Any:
        return np.array([float(trainee.text("age") == "old"), 0.5])

    coaches = CoachTable.build(ids=["kim", "lee"], age=Category(["old", "young"], is_sensitive=of_coach))
    trainee = TraineeTable.build(ids=["me"], age=Category(["young"], is_sensitive=of_trainee))
    found = mine(score, coaches, consent=("age",)).counterfactuals(trainee, "kim")
    told = [(one.column, one.becomes) for one in found.puts_first]
    assert told == ([] if of_trainee or of_coach else [("age", "old")])


def test_hours_that_do_not_lie_together_are_found_where_there_are_few() -> None:
    """Only 10 with 60 will do, and 40 lies between them."""

    def score(trainee: TraineeRow, coaches: CoachTable) -> Any:
        week = trainee.hours("hours")
        return np.array([float(week >> 10 & week >> 60 & 1), 0.5])

    coaches = CoachTable.build(ids=["kim", "lee"], hours=Hours([[10, 40, 60], [1]]))
    found = mine(score, coaches).counterfactuals(TraineeTable.build(ids=["me"], hours=Hours([[1]])), "kim")
    assert [one.becomes for one in found.puts_first] == [(1, 10, 60)]


@pytest.mark.parametrize(("free", "told"), [(18, 24 + 19), (3, 24 + 1), (23, 24 + 1), (24 + 8, 24 + 7)])
def test_of_as_many_hours_those_at_a_likely_time_are_told(free: int, told: int) -> None:
    """Kim is free in Tuesday's small hours, too; they are for who is up then."""

    def score(trainee: TraineeRow, coaches: CoachTable) -> Any:
        return np.array([float(trainee.hours("hours").bit_count() > 1), 0.5])

    coaches = CoachTable.build(ids=["kim", "lee"], hours=Hours([[24 + 1, 24 + 7, 24 + 13, 24 + 19], range(168)]))
    found = mine(score, coaches).counterfactuals(TraineeTable.build(ids=["me"], hours=Hours([[free]])), "kim")
    assert [one.evidence["added"] for one in found.puts_first] == [[told]]


def test_numbers_are_looked_at_before_hours() -> None:
    """They cost a dozen rankings, hours hundreds: whoever allows few still hears of the budget."""

    def score(trainee: TraineeRow, coaches: CoachTable) -> Any:
        return np.array([float((trainee.number("size") or 0) >= 7), 0.5])

    coaches = CoachTable.build(ids=["kim", "lee"], a_week=Hours([range(100), [1]]), size=Number([20, None]))
    me = TraineeTable.build(ids=["me"], a_week=Hours([[0]]), size=Number([2]))
    found = mine(score, coaches).counterfactuals(me, "kim", max_rankings=13)
    assert [(one.column, one.becomes) for one in found.puts_first] == [("size", 7.0)]
    assert not found.is_complete


@pytest.mark.parametrize(
    ("was", "theirs", "first"),
    [(4, 12, 7), (12, 4, 9), (0.5, 0.52, 0.512), (4_000, 100_000, 40_000), (-5, 5, 1), (1e-30, 3e-30, 2e-30)],
)
def test_numbers_move_in_round_steps_either_way(was: float, theirs: float, first: float) -> None:
    """The nearest round number that will do, found by halving, to a step of what lies between."""
    up = theirs > was

    def score(trainee: TraineeRow, coaches: CoachTable) -> Any:
        asked = trainee.number("size") or 0.0
        near = asked >= np.float32(first) if up else asked <= np.float32(first)
        return np.array([float(near), 0.5])

    coaches = CoachTable.build(ids=["kim", "lee"], size=Number([theirs, None]))
    matcher = mine(score, coaches)
    found = matcher.counterfactuals(TraineeTable.build(ids=["me"], size=Number([was])), "kim")
    assert [one.becomes for one in found.puts_first] == [pytest.approx(first)]
    assert found.n_rankings <= 1 + 8 + 4


def test_a_number_that_helps_only_half_way_is_found() -> None:
    """At the coach's own value it would not do; a look on the way sees it."""

    def score(trainee: TraineeRow, coaches: CoachTable) -> Any:
        return np.array([float(40 <= (trainee.number("size") or 0) <= 70), 0.5])

    coaches = CoachTable.build(ids=["kim", "lee"], size=Number([100, None]))
    matcher = mine(score, coaches)
    found = matcher.counterfactuals(TraineeTable.build(ids=["me"], size=Number([1])), "kim")
    assert [one.becomes for one in found.puts_first] == [40.0]


def test_a_category_and_a_set_of_names_are_compared() -> None:
    """The trainee's one name takes each of the coach's; the trainee's set takes the coach's one."""

    def score(trainee: TraineeRow, coaches: CoachTable) -> Any:
        said = {trainee.text("kind"), *trainee.texts("tags")}
        return np.array([float(bool(said & {"b", "z"})), 0.5])

    coaches = CoachTable.build(
        ids=["kim", "lee"], kind=Labels([["a", "b"], None]), tags=Category(["z", None]), none=Number([1, 2])
    )
    matcher = mine(score, coaches)
    me = TraineeTable.build(ids=["me"], kind=Category(["c"]), tags=Labels([["y"]]), none=Number([None]))
    found = matcher.counterfactuals(me, "kim")
    assert [(one.column, one.was, one.becomes) for one in found.puts_first] == [
        ("tags", ("y",), ("y", "z")),
        ("kind", "c", "b"),
    ]


def test_whom_the_matcher_never_gives_can_be_let_in() -> None:
    """No constraint keeps Kim out, the score does: -inf is "never" until the region is Kim's."""

    def score(trainee: TraineeRow, coaches: CoachTable) -> Any:
        return np.where(coaches.has("region", trainee.text("region") or ""), 1.0, -np.inf)

    coaches = CoachTable.build(ids=["kim", "lee"], region=Category(["north", "south"]))
    matcher = mine(score, coaches)
    found = matcher.counterfactuals(TraineeTable.build(ids=["me"], region=Category(["south"])), "kim")
    assert (found.rank, found.kept_out_by, found.n_eligible) == (None, (), 2)
    (one,) = found.lets_in
    assert (one.becomes, one.rank_after) == ("north", 1)
    assert found.puts_first == found.lets_in


# ── bounds and faults ───────────────────────────────────────────────────────


def test_rankings_are_bounded() -> None:
    """However few, never more; what is told still holds, and that something may be missing is said."""
    rows, profile = some_coaches("a"), a_profile("a")
    matcher = CoachMatcher(coaches=coach_table(rows), matcher="plain")
    whole = {row["id"]: matcher.counterfactuals(profile, row["id"], limit=20) for row in rows}
    for most in range(1, 12):
        for id_, all_ in whole.items():
            found = matcher.counterfactuals(profile, id_, limit=20, max_rankings=most)
            assert found.n_rankings <= most
            assert found.is_complete == (all_.n_rankings <= most)
            assert set(map(repr, found.puts_first)) <= set(map(repr, all_.puts_first))
            assert set(map(repr, found.lets_in)) <= set(map(repr, all_.lets_in))


def test_a_deadline_ends_the_search_and_not_the_answer() -> None:
    """Over at once, nothing is known; over later, what was found is given."""
    looks = iter(range(1_000))
    rows, profile = some_coaches("a"), a_profile("a")
    matcher = CoachMatcher(coaches=coach_table(rows), matcher="plain")
    id_ = max(matcher.coaches.ids, key=lambda one: matcher.counterfactuals(profile, one).n_rankings)
    over = Deadline(0.0, lambda: 1.0)
    for one in matcher.coaches.ids:  # in the list or not
        with pytest.raises(MatcherTimeout):
            matcher.counterfactuals(profile, one, deadline=over)
    found = matcher.counterfactuals(profile, id_, deadline=Deadline(6.0, lambda: float(next(looks))))
    assert not found.is_complete
    assert 1 <= found.n_rankings < matcher.counterfactuals(profile, id_).n_rankings


def test_a_matcher_is_told_the_deadline() -> None:
    """One that takes long over a ranking stops within it, and what was found before is given."""
    now = [0.0]

    def score(trainee: TraineeRow, coaches: CoachTable) -> Any:
        now[0] += 10 if trainee.text("b") == "new" else 1
        return np.array([float(trainee.text("a") == "new" or trainee.text("b") == "new"), 0.5])

    coaches = CoachTable.build(ids=["kim", "lee"], a=Category(["new", None]), b=Category(["new", None]))
    me = TraineeTable.build(ids=["me"], a=Category(["old"]), b=Category(["old"]))
    found = mine(score, coaches).counterfactuals(me, "kim", deadline=Deadline(5.0, lambda: now[0]))
    assert [one.column for one in found.puts_first] == ["a"]
    assert not found.is_complete


def test_a_matcher_that_would_end_the_program_has_failed() -> None:
    """As everywhere: the hub asks without :class:`CoachMatcher` around it."""

    def score(trainee: TraineeRow, coaches: CoachTable) -> Any:
        raise SystemExit

    host = MatcherHost(Hosted.of("mine", matcher_from_scores(score, name="mine")))
    coaches = CoachTable.build(ids=["kim", "lee"])
    with pytest.raises(MatcherFault, match="'mine' left by SystemExit"):
        counterfactuals(host, coaches, TraineeTable.build(ids=["me"]), "kim")
    host.close()


@attrs.frozen
class _Liar:
    """An index that proposes somebody twice."""

    inner: Any

    def rank(self, trainees: TraineeTable, k: int, allowed: AllowedPairs, *, deadline: Deadline) -> Ranking:
        ranking: Ranking = self.inner.rank(trainees, k, allowed, deadline=NEVER)
        ranking.rows[0, 1] = ranking.rows[0, 0]
        return ranking


def test_an_answer_that_breaks_the_contract_is_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever answers is checked each time, and nobody else answers in their place."""
    matcher = a_hub(specialties=["yoga"])
    index = type(matcher.model.index(matcher.coaches))
    inner = index.rank
    monkeypatch.setattr(index, "rank", lambda self, *a, **b: _Liar(_Bound(inner, self)).rank(*a, **b))
    with pytest.raises(MatcherFault, match="comes twice"):
        matcher.counterfactuals({"goal": "marathon"}, "kim")


@attrs.frozen
class _Bound:
    function: Any
    of: Any

    def rank(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(self.of, *args, **kwargs)


# ── as a hub asks ───────────────────────────────────────────────────────────


def test_who_was_asked_already_and_the_price_of_demand_count() -> None:
    """As in ``suggest``: left out is left out whatever is said, and a price has to be made up for."""
    rows, profile = some_coaches("b"), profile_table(a_profile("b"))
    coaches = coach_table(rows)
    host = MatcherHost(plain_hosted())
    prices = np.full(len(coaches), 0.0)
    listed = [one.coach_id for one in host.suggest(coaches, profile, limit=20)]
    prices[coaches.row_of(listed[0])] = 0.9
    gone = counterfactuals(host, coaches, profile, listed[1], without=[listed[1]])
    assert (gone.rank, gone.lets_in, gone.puts_first, gone.n_rankings) == (None, (), (), 0)
    for id_ in coaches.ids:
        found = counterfactuals(host, coaches, profile, id_, prices=prices, without=listed[2:3])
        if found.rank is not None:
            mine = host.suggest(coaches, profile, limit=20, prices=prices, without=listed[2:3])
            assert mine[found.rank - 1].coach_id == id_
        for one in (*found.lets_in, *found.puts_first):
            value = [one.becomes]
            column = type(profile[one.column])(value)  # type: ignore[call-arg]
            changed = profile.with_columns(**{one.column: column})
            list_ = host.suggest(coaches, changed, limit=20, prices=prices, without=listed[2:3])
            assert list_[one.rank_after - 1].coach_id == id_
    assert counterfactuals(host, coaches, profile, listed[0], prices=prices).rank != 1
    host.close()


def test_the_columns_of_plugins_are_computed_anew() -> None:
    """A feature block reads what the trainee would say, and is not asked to change itself."""

    @attrs.frozen
    class Twice:
        side: str = "trainees"
        kinds: Mapping[str, str] = attrs.field(factory=lambda: {"twice": "number"})

        def fill(self, table: Any) -> Mapping[str, Any]:
            return {"twice": Number(2 * table.number("size"))}

    def score(trainee: TraineeRow, coaches: CoachTable) -> Any:
        return np.array([float((trainee.number("twice") or 0) >= 16), 0.5])

    coaches = CoachTable.build(ids=["kim", "lee"], size=Number([20, None]), twice=Number([40, None]))
    offer = matcher_from_scores(score, name="mine")
    host = MatcherHost(Hosted.of("mine", offer), features=[Twice()])  # type: ignore[list-item]
    found = counterfactuals(host, coaches, TraineeTable.build(ids=["me"], size=Number([2])), "kim")
    assert [(one.column, one.becomes) for one in found.puts_first] == [("size", 8.0)]
    host.close()
