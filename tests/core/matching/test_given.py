"""What a program hands in is refused by name where it is of another kind, and a log that teaches nothing is told of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from coachhub_core.errors import Invalid
from coachhub_core.matching import (
    AllowedPairs,
    CoachMatcher,
    CoachTable,
    Number,
    OutcomeLog,
    Texts,
    TraineeTable,
    Vector,
    matcher_from_scores,
)

EVENT = {"at": 1, "trainee": "a", "coach": "x", "event": "clicked"}
STEPS = {"wants": ("clicked",)}
LOG = OutcomeLog.build([EVENT], steps=STEPS)
COACHES, TRAINEES = CoachTable.build(ids=["x", "y"]), TraineeTable.build(ids=["a", "b"])
NONE: Any = None
FIT: Any = CoachMatcher.fit  # asked with what its annotations refuse
SCORES: Any = matcher_from_scores


def model() -> Any:
    """Give a matcher that has learned nothing."""
    return CoachMatcher(coaches=COACHES)


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        pytest.param(lambda: FIT([EVENT], COACHES, TRAINEES), "log: needs an OutcomeLog, not a list", id="log"),
        pytest.param(lambda: FIT(LOG, COACHES, NONE), "trainees: needs a TraineeTable, not a NoneType", id="none"),
        pytest.param(
            lambda: FIT(LOG, TRAINEES, COACHES),
            "coaches: needs a CoachTable, not a TraineeTable",
            id="swapped",
        ),
        pytest.param(
            lambda: FIT(LOG, COACHES, TRAINEES, seed=-1),
            "seed: must be a whole number, 0 or more",
            id="seed",
        ),
        pytest.param(
            lambda: FIT(LOG, COACHES, TRAINEES, seed=NONE),
            "seed: must be a whole number, 0 or more",
            id="no seed",
        ),
        pytest.param(lambda: model().rank(TRAINEES, 2.0), "k: must be a whole number, 0 or more", id="k"),
        pytest.param(lambda: model().rank(["a"], 2), "trainees: needs a TraineeTable, not a list", id="ids"),
        pytest.param(lambda: model().score(COACHES), "trainees: needs a TraineeTable, not a CoachTable", id="score"),
        pytest.param(lambda: model().probabilities("a"), "trainees: needs a TraineeTable, not a str", id="chances"),
        pytest.param(lambda: model().place({}), "trainees: needs a TraineeTable, not a dict", id="place"),
        pytest.param(
            lambda: model().rank_together(TRAINEES, 2, max_shown=1.5),
            "max_shown: must be a whole number, 0 or more",
            id="cap",
        ),
        pytest.param(
            lambda: FIT(LOG, COACHES, TRAINEES, prior="model.zip"),
            "prior: needs a CoachMatcher, not a str",
            id="prior",
        ),
        pytest.param(
            lambda: model().place(TRAINEES, seats=[[1], [1, 2]]), "seats: needs whole numbers, 0 or more", id="seats"
        ),
        pytest.param(lambda: model().counterfactuals(NONE, "x"), "trainee_profile: must be a mapping", id="no wish"),
        pytest.param(
            lambda: model().counterfactuals(COACHES, "x"), "trainee_profile: must be a mapping", id="whose wish"
        ),
        pytest.param(lambda: model().rank(TRAINEES, 10**9), "k: must be at most 10000: there are 2 coaches", id="long"),
        pytest.param(
            lambda: model().rank_together(TRAINEES, 10**9, max_shown=1), "k: must be at most 10000", id="long together"
        ),
        pytest.param(lambda: model().rank(TRAINEES, 2, allowed=[0]), "allowed: needs an AllowedPairs", id="allowed"),
        pytest.param(
            lambda: model().rank(TRAINEES, 2, allowed=AllowedPairs.shared(1, 9)),
            "allowed: is for all trainees and 9 coaches, and not for these tables",
            id="other coaches",
        ),
        pytest.param(
            lambda: model().rank_together(TRAINEES, 2, max_shown=1, allowed=AllowedPairs.each([1], 2)),
            "allowed: is for 1 trainees and 2 coaches, and not for these tables",
            id="other trainees",
        ),
        *(
            pytest.param(
                lambda mask=mask: model().rank(TRAINEES, 2, allowed=AllowedPairs.shared(mask, 2)),
                "allowed: names a coach outside 0 to 1",
                id=f"mask {mask}",
            )
            for mask in (-1, 4)
        ),
        pytest.param(lambda: AllowedPairs.of(["a"]), "rows: 'a' is no row of a table", id="rows of pairs"),
        pytest.param(lambda: AllowedPairs.of(7), "rows: needs a list or an array", id="one row"),
        *(
            pytest.param(lambda rows=rows: model().score(TRAINEES, rows), sentence, id=f"rows {rows}")
            for rows, sentence in (
                ([["x"], ["y"]], "rows: needs whole numbers"),
                ([[0.5], [1]], "rows: needs whole numbers"),
                ([[0], [1, 0]], "rows: needs as many for each trainee"),
                ([[0], [2]], "rows: names a coach outside 0 to 1"),
            )
        ),
        pytest.param(lambda: SCORES(7, name="m"), "score: needs a function, not 7", id="no function"),
        pytest.param(lambda: SCORES(min, name="m", reasons="r"), "reasons: needs a function", id="no reasons"),
        pytest.param(lambda: SCORES(min, name="m", needs="price"), "needs: needs a list", id="a text of needs"),
        pytest.param(
            lambda: model().counterfactuals(TraineeTable.build(ids=["a"]), "x", limit=2.5),
            "limit: must be a whole number, 0 or more",
            id="limit",
        ),
    ],
)
def test_what_is_of_another_kind_is_refused_by_name(ask: Callable[[], Any], sentence: str) -> None:
    """A sentence that names the argument and the rule, and no error from within."""
    with pytest.raises(Invalid) as refused:
        ask()
    assert sentence in str(refused.value)


def test_what_is_too_much_but_has_a_meaning_is_taken() -> None:
    """Lists longer than there are coaches, a cap nobody reaches, and the nobody that ends a list."""
    assert model().rank(TRAINEES, 3).rows[:, 2].tolist() == [-1, -1]
    assert model().rank_together(TRAINEES, 2, max_shown=2**70).rows.min() == 0
    assert AllowedPairs.of([1, 2**40, -1]).bound_to(COACHES, TRAINEES).mask(0) == 0b10


COSTLY = CoachTable.build(
    ids=["x", "y"],
    cost=Number([1, 2]),
    age=Number([30, 40], is_sensitive=True),
    about=Texts([["a"], ["b"]]),
    place=Vector([[1, 2], [3, 4]]),
)
PAYING = TraineeTable.build(ids=["a", "b"], purse=Number([1, 2]), home=Vector([[1, 2, 3], [4, 5, 6]]))


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        ({"price": ("pruse", "cost")}, "pairs/price: the trainees have no column 'pruse'; known: home, purse"),
        (
            {"price": ("purse", "costs")},
            "pairs/price: the coaches have no column 'costs'; known: about, age, cost, place",
        ),
        ({"price": ("cost", "purse")}, "pairs/price: the trainees have no column 'cost'"),
        ({"years": ("purse", "age")}, "pairs/years: the coaches' column 'age' is sensitive and not consented to"),
        ({"price": ("purse",)}, "pairs/price: needs (trainee's column, coach's column), not ('purse',)"),
        ({"price": "ab"}, "pairs/price: needs (trainee's column, coach's column), not 'ab'"),
        ({"price": 7}, "pairs/price: needs (trainee's column, coach's column), not 7"),
        (
            {"price": ("purse", "about")},
            "pairs/price: 'purse' is a number column and 'about' a texts column: nothing compares them",
        ),
        ({"near": ("home", "place")}, "pairs/near: vectors of 3 and 2 numbers a row cannot be compared"),
        ([("purse", "cost")], "pairs: needs a Mapping, not a list"),
    ],
)
def test_a_pair_of_columns_that_cannot_be_compared_is_refused_by_name(pairs: Any, sentence: str) -> None:
    """A slip of the pen is told, and not learned past; who consented may name the sensitive one."""
    with pytest.raises(Invalid) as refused:
        FIT(LOG, COSTLY, PAYING, pairs=pairs)
    assert sentence in str(refused.value)
    FIT(LOG, COSTLY, PAYING, pairs={"years": ("purse", "age")}, consent=("age",))


@pytest.mark.parametrize(
    ("log", "sentence"),
    [
        pytest.param(
            OutcomeLog.build([EVENT]), "no event of the log decides a step, so nothing is learned (clicked)", id="step"
        ),
        pytest.param(
            OutcomeLog.build([{**EVENT, "coach": "z"}], steps=STEPS),
            "no event of the log is of people in both tables, so nothing is learned ('a', 'z')",
            id="people",
        ),
    ],
)
def test_a_log_that_teaches_nothing_is_told_of(
    log: OutcomeLog, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An event no step was named for, or ids of other tables: the prior answers, and the program's log says why."""
    CoachMatcher.fit(LOG, COACHES, TRAINEES)
    CoachMatcher.fit(OutcomeLog.build(), COACHES, TRAINEES)
    assert caplog.messages == []
    CoachMatcher.fit(log, COACHES, TRAINEES).rank(TRAINEES, 1)
    assert len(caplog.messages) == 1
    assert sentence in caplog.text


def test_ids_of_a_hub_are_ids_of_a_table() -> None:
    """A UUID is an id in tables as it is in a log."""
    known = UUID(int=7)
    assert (
        TraineeTable.build(ids=[known]).ids == OutcomeLog.build([{**EVENT, "trainee": known}]).trainee == (str(known),)
    )


@pytest.mark.parametrize("at", [1.7e9, "2026-01-01T00:00:00Z", None])
def test_the_sentence_says_what_an_instant_is(at: object) -> None:
    """Seconds, texts and nothing are refused with what would have done."""
    with pytest.raises(Invalid, match="an aware datetime, or whole microseconds since 1970"):
        OutcomeLog.build([{**EVENT, "at": at}])
    with pytest.raises(Invalid, match="needs a time zone"):
        OutcomeLog.build([{**EVENT, "at": datetime(2026, 1, 1)}])
