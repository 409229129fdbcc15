"""Counterfactual reasons of anybody's tables and anybody's matcher, and where the search ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import attrs
import numpy as np
import pytest
from askings import a_hub, a_profile, mine, some_coaches

from coachhub_core.errors import Invalid, MatcherFault, MatcherTimeout
from coachhub_core.matching import (
    Category,
    CoachMatcher,
    CoachTable,
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
from coachhub_core.matching.schema import coach_table, profile_table
from coachhub_core.ports.matcher import NEVER, AllowedPairs, Deadline, Ranking


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


def test_a_pair_with_a_column_that_no_coach_has_is_refused() -> None:
    """A slip of the pen would find nothing, and say that nothing helps."""
    matcher = mine(nearest, REVIEWERS)
    for pair, why in ((("region", "regoin"), "the coaches have no column 'regoin'"), ("region", "needs \\(trainee")):
        wrong: Any = {"where": pair}
        with pytest.raises(Invalid, match=f"pairs/where: {why}"):
            matcher.counterfactuals(PAPER, REVIEWERS.ids[0], pairs=wrong)


def test_a_coach_is_meant_by_the_number_the_table_was_built_with() -> None:
    """As by its text; what is no id is refused, and who is out of the question is so by number, too."""

    def score(trainee: TraineeRow, coaches: CoachTable) -> Any:
        return np.array([1.0, 1.0 + (trainee.number("years") or 0.0) / 10])

    coaches = CoachTable.build(ids=[7, 8], years=Number([3, 9]))
    trainee = TraineeTable.build(ids=[7], years=Number([2]))
    matcher = mine(score, coaches)
    by_number: Any = [matcher.counterfactuals(trainee, coach_id) for coach_id in (7, np.int64(7))]
    assert by_number == [matcher.counterfactuals(trainee, "7")] * 2
    assert (by_number[0].coach_id, by_number[0].rank) == ("7", 2)
    with pytest.raises(Invalid, match="coach_id: None is not a text"):
        matcher.counterfactuals(trainee, cast(Any, None))
    host = MatcherHost(plain_hosted())
    assert counterfactuals(host, coaches, trainee, 8, without=[8]).rank is None


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
