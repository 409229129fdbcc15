"""Placing a cohort, and the check that shares no code with whoever placed it."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest

from coachhub_core import certify, place
from coachhub_core.errors import Invalid, MatcherError, MatcherFault, PluginError
from coachhub_core.matching.sample import Draws
from coachhub_core.memory.assigner import StableAssigner
from coachhub_core.ports.matcher import AssignerOffer, Placements
from coachhub_core.testing.assigner import a_cohort


def test_the_textbook_case() -> None:
    """Everybody wants the first coach, who takes the one they like best; the others get their next wish."""
    scores = [[0.9, 0.5], [0.9, 0.5], [0.9, 0.5]]
    coach_scores = [[0.1, 0.3], [0.8, 0.2], [0.5, 0.9]]
    made = place(None, scores, [1, 1], coach_scores=coach_scores)
    assert made.coaches.tolist() == [[-1], [0], [1]]
    assert made.certificate == {"mode": "stable", "n_placed": 2, "n_unplaced": 1}


def test_trainees_get_the_best_any_stable_placement_gives_them() -> None:
    """Against every placement there is, for drawn cohorts of three by three: each trainee's best stable coach."""
    for seed in range(40):
        draws = Draws(f"best.{seed}")
        scores = np.array([[draws.below(1_000) for _ in range(3)] for _ in range(3)]) / 1_000
        theirs = np.array([[draws.below(1_000) for _ in range(3)] for _ in range(3)]) / 1_000
        every = np.tile(np.arange(3), (3, 1))
        best = np.full(3, -np.inf)
        for choice in product(range(-1, 3), repeat=3):
            claim = certify(every, scores, [1] * 3, [[c] for c in choice], coach_scores=theirs)
            if claim.is_stable:
                got = [scores[i, c] if c >= 0 else -np.inf for i, c in enumerate(choice)]
                best = np.maximum(best, got)
        made = place(None, scores, [1] * 3, coach_scores=theirs)
        assert [scores[i, c] for i, (c,) in enumerate(made.coaches)] == best.tolist()


def test_who_needs_two_coaches_gets_two_different_ones() -> None:
    """In the order they are wanted; a seat goes once."""
    made = place(None, [[0.9, 0.8, 0.7], [0.9, 0.8, 0.1]], [1, 2, 1], need=[2, 1])
    assert made.coaches.tolist() == [[0, 1], [1, -1]]


def test_the_certificate_counts_what_is_true() -> None:
    """Value, worst and who is placed, from the placement alone."""
    found = certify([[0, 1], [0, 1]], [[0.9, 0.5], [0.8, 0.2]], [1, 1], [[0], [1]])
    assert (found.n_placed, found.worst, found.n_blocking, found.broken, found.is_stable) == (2, 0.2, 0, (), True)
    assert found.value == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"coaches": [[0.7], [1]]}, "names coaches by numbers that are not whole"),
        ({"coaches": [[-2], [1]]}, "below -1"),
        ({"coaches": [["0"], [1]]}, "not whole"),
        ({"candidates": [[0, 0], [0, 1]]}, "name a coach twice for one trainee"),
        ({"candidates": [[0, 5], [0, 1]]}, "name no coach from 0 to 1"),
        ({"candidates": [[0], [0, 1]]}, "scores are not one for each of the candidates"),
        ({"scores": [[math.inf, 0.5], [0.8, 0.2]]}, "scores are not numbers, or -inf for a veto"),
        ({"scores": [[math.nan, 0.5], [0.8, 0.2]]}, "scores are not numbers"),
        ({"scores": [[0.9, 0.5]]}, "scores are not one for each"),
        ({"coach_scores": [[0.9], [0.8, 0.2]]}, "coach_scores are not one for each"),
        ({"seats": [-1, 1]}, "seats are not whole numbers"),
        ({"seats": [0.5, 1]}, "seats are not whole numbers"),
        ({"need": [1]}, "need is not 2 whole numbers"),
        ({"need": [1, -1]}, "need is not 2 whole numbers"),
        ({"coaches": [[0]]}, "1 rows for 2 trainees"),
        ({"coaches": [0, 1]}, "the placement: no row per trainee"),
        ({"candidates": None}, "candidates: no row per trainee"),
        ({"scores": [["a", 0.5], [0.8, 0.2]]}, "scores are not numbers"),
        ({"coach_scores": [1, 2]}, "coach_scores: no row per trainee"),
        ({"seats": 2}, "seats: no list"),
        ({"need": 1}, "need: no list"),
    ],
)
def test_what_is_no_placement_is_certified_to_nobody(changed: dict[str, Any], sentence: str) -> None:
    """Numbers that are none and shapes that do not fit are said, and neither read as something else nor an error."""
    whole = {"candidates": [[0, 1], [0, 1]], "scores": [[0.9, 0.5], [0.8, 0.2]], "seats": [1, 1], "coaches": [[0], [1]]}
    assert certify(**whole).broken == ()
    found = certify(**{**whole, **changed})
    assert any(sentence in said for said in found.broken), found.broken
    assert not found.is_stable
    assert not found.is_best()


def test_the_certificate_says_what_a_placement_does_to_people() -> None:
    """Whose seats are used, who has most of the trainees, and how low on their own list somebody ended."""
    every = [[0, 1, 2]] * 3
    scores = [[0.9, 0.5, 0.1], [0.9, 0.2, 0.5], [0.4, 0.4, 0.4]]
    found = certify(every, scores, [2, 1, 3], [[0], [1], [0]])
    assert (found.seats_used, found.top_tenth, found.worst_place) == (1.0, pytest.approx(2 / 3), 3)
    equal = certify(every, scores, [2, 1, 3], [[-1], [-1], [2]])
    assert (equal.seats_used, equal.top_tenth, equal.worst_place) == (pytest.approx(1 / 3), 1.0, 1)
    nobody = certify(every, scores, [2, 1, 3], [[-1], [-1], [-1]])
    assert (nobody.seats_used, nobody.top_tenth, nobody.worst_place) == (0.0, 0.0, None)
    nothing = certify([], [], [], [])
    assert (nothing.seats_used, nothing.top_tenth, nothing.worst_place) == (0.0, 0.0, None)
    shares = certify([list(range(20))] * 4, [[1.0] * 20] * 4, [1] * 20, [[0], [1], [2], [3]])
    assert (shares.top_tenth, shares.worst_place) == (0.5, 1)  # two coaches are the tenth


@pytest.mark.parametrize(
    ("coaches", "sentence"),
    [
        ([[0], [0]], "coach 0 has 2 trainees and 1 seats"),
        ([[1, 1], [0, -1]], "trainee 0 has a coach twice"),
        ([[0, 1], [-1, -1]], "trainee 0 has 2 coaches and needs 1"),
        ([[2], [0]], "trainee 0 has coach 2, who is no candidate or a veto"),
        ([[0]], "1 rows for 2 trainees"),
    ],
)
def test_what_is_broken_is_said(coaches: Any, sentence: str) -> None:
    """Each broken rule in a sentence of its own."""
    found = certify([[0, 1], [0, 1]], [[0.9, 0.5], [0.8, 0.2]], [1, 1, 1], coaches)
    assert sentence in found.broken
    assert not found.is_stable


def test_a_pair_that_would_rather_have_each_other_is_found() -> None:
    """Swapping two who were well placed makes a blocking pair, and so does leaving a wanted seat empty."""
    arguments = ([[0, 1], [0, 1]], [[0.9, 0.5], [0.8, 0.2]], [1, 1])
    swapped = certify(*arguments, [[1], [0]])
    assert (swapped.n_blocking, swapped.blocking) == (1, ((0, 0),))
    empty = certify(*arguments, [[0], [-1]])
    assert empty.blocking == ((1, 1),)


def test_a_mutated_placement_is_refused() -> None:
    """Of placements with strict wishes, every change of a single coach breaks a rule or makes a pair block."""
    n_mutants = 0
    for seed in range(60):
        cohort = a_cohort(seed)
        draws = Draws(f"strict.{seed}")
        strict = cohort.scores + np.array([[draws.below(10**6) / 10**9 for _ in row] for row in cohort.scores])
        theirs = None if cohort.coach_scores is None else cohort.coach_scores + strict / 10**6
        same = {"need": cohort.need, "coach_scores": theirs, "floor": cohort.floor}
        made = place(cohort.candidates, strict, cohort.seats, **same)
        assert certify(cohort.candidates, strict, cohort.seats, made.coaches, **same).is_stable
        for i, at in np.ndindex(made.coaches.shape):
            for other in range(-1, len(cohort.seats)):
                if other != made.coaches[i, at] and at < cohort.need[i]:
                    mutant = made.coaches.copy()
                    mutant[i, at] = other
                    if sorted(mutant[i]) != sorted(made.coaches[i]):
                        n_mutants += 1
                        assert not certify(cohort.candidates, strict, cohort.seats, mutant, **same).is_stable
    assert n_mutants > 1_000


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [
        ({"scores": [[0.1, 0.2, 0.3]]}, "/scores"),
        ({"scores": [0.1, 0.2]}, "/scores"),
        ({"scores": [[0.1, float("nan")]]}, "/scores"),
        ({"seats": [1, -1]}, "/seats"),
        ({"seats": [1, 0.5]}, "/seats"),
        ({"need": [1, 1]}, "/need"),
        ({"coach_scores": [[0.1]]}, "/coach_scores"),
        ({"candidates": [[0, 2]]}, "/candidates"),
        ({"candidates": [[1, 1]]}, "/candidates"),
        ({"candidates": [[0]]}, "/candidates"),
        ({"scores": [["much", "little"]]}, "/scores"),
        ({"scores": [[0.1, 0.2], [0.3]]}, "/scores"),
        ({"seats": ["one", "two"]}, "/seats"),
        ({"seats": [math.inf, 1]}, "/seats"),
        ({"need": [math.nan]}, "/need"),
        ({"need": [1_001]}, "/need"),
        ({"need": [2**70]}, "/need"),
        ({"candidates": [[0.7, 0]]}, "/candidates"),
        ({"candidates": [[math.nan, 0]]}, "/candidates"),
    ],
    ids=[
        *("width", "flat", "nan", "negative", "half", "need", "coach", "outside", "twice", "shape"),
        *("words", "ragged", "seats in words", "endless", "need nan", "need much", "need endless", "no row"),
        "gap",
    ],
)
def test_what_does_not_fit_together_is_refused(arguments: dict[str, Any], pointer: str) -> None:
    """By the name of the argument."""
    given: dict[str, Any] = {"candidates": None, "scores": [[0.1, 0.2]], "seats": [1, 1], **arguments}
    with pytest.raises(Invalid) as refusal:
        place(given.pop("candidates"), given.pop("scores"), given.pop("seats"), **given)
    assert refusal.value.errors[0].pointer == pointer


def test_who_needs_more_coaches_than_there_are_gets_those() -> None:
    """All of two where three are asked for, and the third place stays empty; of 1,200 coaches 1,200 can be had."""
    assert place(None, [[0.9, 0.8]], [1, 1], need=[3]).coaches.tolist() == [[0, 1, -1]]
    made = place(None, np.linspace(1, 0, 1_200)[None], np.ones(1_200), need=[1_200])
    assert made.coaches[0].tolist() == list(range(1_200))


def test_assigners_and_modes_are_chosen_by_name() -> None:
    """Who is not offered cannot be chosen; a mode the assigner lacks neither."""
    with pytest.raises(PluginError, match=r"no assigner 'nobody' is offered; known: .*plain"):
        place(None, [[1.0]], [1], assigner="nobody")
    with pytest.raises(PluginError, match="no mode 'welfare'; known: stable"):
        place(None, [[1.0]], [1], mode="welfare")
    liar = AssignerOffer(make=StableAssigner, version="1", modes=frozenset({"welfare"}))
    with pytest.raises(MatcherError, match="no mode 'welfare'"):
        place(None, [[1.0]], [1], mode="welfare", assigner="liar", offers={"liar": liar})


@pytest.mark.parametrize(
    "answer",
    [
        np.array([[0], [0]], np.int32),
        np.array([[0], [1]], np.int64),
        np.array([[0]], np.int32),
        np.array([[0], [-2]], np.int32),
        [[0], [1]],
    ],
    ids=["one seat twice", "int64", "a row short", "nobody", "a list"],
)
def test_an_answer_that_breaks_the_contract_is_a_fault(answer: Any) -> None:
    """Whatever an assigner gives is read before it is handed on."""

    class Wrong:
        def assign(self, *_: Any, **__: Any) -> Placements:
            return Placements(answer)

    offers = {"wrong": AssignerOffer(make=Wrong, version="1", modes=frozenset({"stable"}))}
    with pytest.raises(MatcherFault):
        place(None, [[0.5, 0.4], [0.5, 0.4]], [1, 1], assigner="wrong", offers=offers)
