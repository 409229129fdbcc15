"""Words meet whatever their endings, and are told as the trainee said them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coachhub_core.matching import CoachMatcher, CoachTable, OutcomeLog, Texts, TraineeTable
from coachhub_scipy.stems import stem
from coachhub_scipy.text import as_said, counts_of, places, terms
from coachhub_scipy.wordings import Wordings


@pytest.mark.parametrize(
    "words",
    [
        "run runs running",
        "race races raced racing",
        "cycle cycles cycled cycling",
        "lift lifts lifted lifting",
        "row rows rowed rowing",
        "box boxes boxed boxing",
        "squat squats squatted squatting",
        "injury injuries",
        "class classes",
        "create creates created creating",
        "stretch stretches stretched stretching",
        "knee knees",
    ],
)
def test_forms_of_a_word_meet(words: str) -> None:
    """Plural s, -ed and -ing, with what they take and double."""
    assert len({stem(word) for word in words.split()}) == 1


def test_other_words_stay_apart() -> None:
    """What only looks like an ending is none, and nothing is cut to less than three letters."""
    for word in ("string", "spring", "king", "red", "need", "speed", "knee", "as", "bus", "virus", "less", "use"):
        assert stem(word) == word
    apart = ["car", "care", "lose", "loss", "lost", "plan", "plant", "train", "trail", "hop", "hope", "shoulder"]
    assert len({stem(word) for word in apart}) == len(apart)


@given(st.text(alphabet="abcdeginstyzö", max_size=12))
@example("stringinginged")
def test_what_is_left_has_no_ending(word: str) -> None:
    """A stem is its own stem: a model's terms are the same when they are read again."""
    left = stem(word)
    assert stem(left) == left
    assert len(left) >= min(len(word), 3)


def test_a_request_meets_other_forms_and_is_told_in_its_own() -> None:
    """Not in the coach's words, nor in what is left of them."""
    made = Wordings.of(Texts([["Runs races", "yoga"], ["judo"], ["running is fun"]]), {}, 0)
    asked = ["Running and racing after injuries"]
    scores = made.scores(made.found(made.request(asked)))[made.lists.of_row]
    assert scores[0] > scores[2] > scores[1] == 0
    assert made.shared(asked, range(3)) == [["racing", "running"], [], ["running"]]


def test_reasons_say_what_the_trainee_said() -> None:
    """Through the whole matcher."""
    coaches = CoachTable.build(ids=["a", "b", "c"], about=Texts([["I swim and raced"], ["judo"], ["chess"]]))
    people = TraineeTable.build(ids=["t"], wish=Texts([["swimming races"]]))
    index = CoachMatcher.fit(OutcomeLog.build([]), coaches, people).model.index(coaches)
    (said,) = index.explain(people, np.array([[0]], np.int32))[0]
    assert [list(reason.evidence["words"]) for reason in said if "words" in reason.evidence] == [["races", "swimming"]]


def test_terms_of_a_former_model_are_met() -> None:
    """They were kept with their endings: the first of those that meet now speaks for all."""
    kept = ["race", "races", "racing", "run hills", "running", "yoga"]
    place = places(kept)
    assert [place[term] for term in terms("races run hill, yoga") if term in place] == [0, 4, 5, 3]
    assert counts_of({"race": 5, "races": 9, "yoga": 6}) == {"race": 9, "yoga": 6}
    now = sorted(set(terms("running after injuries, cycling hills")))
    assert list(places(now)) == now


def test_terms_are_said_as_they_were_first() -> None:
    """Pairs of words too."""
    said = as_said(["Races and racing", "the races"])
    assert said["race"] == "races"
    assert said["and race"] == "and racing"
    assert set(said) == set(terms("Races and racing")) | set(terms("the races"))
