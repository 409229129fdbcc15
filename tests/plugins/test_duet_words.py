"""A request against lists of texts: what it scores by the book, and which words are told."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest

from coachhub_core.matching import Texts
from coachhub_scipy.text import terms
from coachhub_scipy.wordings import Wordings, tidied

WORDS = ["easy", "miles", "hard", "weeks", "slow", "yoga", "calm", "back", "pain", "first", "marathon", "taper"]


def _texts(n: int, seed: int) -> list[list[str] | None]:
    rng = np.random.default_rng(seed)
    lists = [[" ".join(rng.choice(WORDS, rng.integers(1, 6))) for _ in range(rng.integers(0, 9))] for _ in range(n)]
    return [None if rng.random() < 0.1 else mine for mine in lists]


def _by_the_book(texts: list[list[str] | None], background: dict[str, int], n_more: int, said: str) -> list[float]:
    """Score every list from the definition alone, with dictionaries."""
    every = [Counter(terms(text)) for mine in texts for text in mine or ()]
    df = Counter(background) + Counter(term for count in every for term in count)
    n = len(every) + n_more

    def rare(term: str) -> float:
        return math.log((n + 1) / (df[term] + 0.5))

    def unit(count: Mapping[str, float]) -> dict[str, float]:
        length = math.sqrt(math.fsum(value * value for value in count.values()))
        return {term: value / length for term, value in count.items()}

    def weighed(count: Counter[str]) -> dict[str, float]:
        return unit({term: (1 + math.log(times)) * rare(term) for term, times in count.items()})

    def cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
        return math.fsum(value * other.get(term, 0.0) for term, value in one.items())

    asked = weighed(Counter(terms(said)))
    sizes = [sum(len(terms(text)) for text in mine or ()) for mine in texts]
    middle_size = sum(sizes) / sum(size > 0 for size in sizes)
    made = []
    for mine, size in zip(texts, sizes, strict=True):
        if not mine:
            made.append(0.0)
            continue
        units = [weighed(Counter(terms(text))) for text in mine]
        best = sorted((cosine(asked, one) for one in units), reverse=True)[: math.ceil(0.3 * len(mine))]
        summed, times = Counter[str](), Counter(term for text in mine for term in terms(text))
        for one in units:
            summed.update(one)
        slow = 1.5 * (0.25 + 0.75 * size / middle_size)
        covered = math.fsum(rare(term) * times[term] / (times[term] + slow) for term in asked)
        covered /= math.fsum(rare(term) for term in asked)
        made.append((sum(best) / len(best) + cosine(asked, unit(summed)) + covered) / 3)
    return made


@pytest.mark.parametrize("at_once", [40, 2_000_000])
def test_wordings_score_by_the_book(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of nought to eight texts, many of them said by several, read in one go and in many."""
    monkeypatch.setattr("coachhub_scipy.together._AT_ONCE", at_once)
    monkeypatch.setattr("coachhub_scipy.wordings._READ", {})
    texts = _texts(300, 7)
    made = Wordings.of(Texts(texts), {"calm": 3}, 5)
    assert made.n_texts < sum(len(mine or ()) for mine in texts)
    for said in ("calm hard weeks", "first marathon first marathon taper", "nothing of it"):
        request = made.request([said])
        scores = made.scores(made.found(request))
        assert scores[made.lists.of_row] == pytest.approx(_by_the_book(texts, {"calm": 3}, 5, said), abs=1e-7)
        some = np.array([4, 0, 2])
        assert made.scores(made.found(request), some).tolist() == scores[some].tolist()
        named = made.shared([said], range(300), 99)
        asked = {term for term in terms(said) if term in made.place}
        for words, mine in zip(named, texts, strict=True):
            theirs = {term for text in mine or () for term in terms(text)}
            assert set(" ".join(words).split()) <= set(said.split())  # as the request says them
            cut = [terms(word)[-1] for word in words]
            assert cut == tidied([term for term in cut if term in asked & theirs])
            assert bool(words) == bool(asked & theirs)
        assert made.shared([said], range(300), 1, request=request) == [words[:1] for words in named]


def test_a_word_that_all_say_decides_nothing() -> None:
    """Of two coaches the one with the rare word is ahead by far, however often the other says what all say."""
    made = Wordings.of(
        Texts([["with you every day"], ["with you, with you, you"], ["with you to the marathon"]]), {}, 0
    )
    near, often, right = made.scores(made.found(made.request(["a marathon with you"])))[made.lists.of_row]
    assert right > 4 * max(near, often)


def test_what_stands_in_many_texts_together_counts() -> None:
    """Two words asked for, each in another of many texts: ahead of who has only one of them, as often."""
    filler = ["rowing", "yoga", "swimming", "golf"]
    made = Wordings.of(Texts([["knee", "marathon", *filler], ["knee", "judo", *filler]]), {}, 0)
    both, one = made.scores(made.found(made.request(["marathon knee"])))[made.lists.of_row]
    assert both > 1.2 * one


def test_shared_words_are_said_once() -> None:
    """A pair says its words too; little words and those of every sentence stand only where nothing else does."""
    assert tidied(["first", "first marathon", "my first", "marathon", "my", "go", "taper"]) == [
        "first marathon",
        "taper",
    ]
    assert tidied(["are", "knee", "the knee", "are the", "für den", "rücken"]) == ["knee", "rücken"]
    assert tidied(["go", "my"]) == ["go"]
    assert tidied(["are", "my"]) == ["are"]


@pytest.mark.parametrize("many", [2, 9])
def test_shared_words_are_this_trainee_s_and_that_coach_s(many: int) -> None:
    """Where texts are alike, where more than the best text counts, and where nothing was scored before."""
    texts = [
        ["calm hard weeks"],
        ["easy miles", "calm legs"],
        None,
        [],
        ["calm hard weeks"],
        ["slow"] * many + ["hard"],
    ]
    made = Wordings.of(Texts(texts), {}, 0)
    asked = ["calm and hard"]
    found = made.found(made.request(asked))
    said = [["calm", "hard"], ["calm"], [], [], ["calm", "hard"], ["hard"]]
    for scored in (None, found):
        for _ in range(2):  # the second time from what was kept
            assert [sorted(words) for words in made.shared(asked, range(6), found=scored)] == said
    assert made.shared(asked, []) == []
