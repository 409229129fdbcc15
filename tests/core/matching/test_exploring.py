"""Exploration: what may be drawn, how often, and how likely each coach was to stand where they do."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from coachhub_core.matching.exploring import FIRST, Maybe, arranged

RANKED = ["a", "b", "c", "d", "e", "f", "g"]
#: by mean a to j; of those behind, h may yet be the best of all, and d better than b and c
POOL = [Maybe(coach_id=id_, score=1.0 - n / 100, upper=1.0 - n / 100) for n, id_ in enumerate("abcdefghij")]
POOL[7] = Maybe(coach_id="h", score=POOL[7].score, upper=2.0)
NEAR = [
    Maybe(coach_id=id_, score=1.0 - n / 100, upper=2.0 if id_ == "d" else 1.0 - n / 100)
    for n, id_ in enumerate("abcdefg")
]


def lists(n: int, pool: list[Maybe], *, swap: float, explore: float) -> list[list[tuple[str, bool, float]]]:
    return [
        [
            (one.coach_id, one.is_exploring, one.propensity)
            for one in arranged(RANKED, pool, question=f"q{i}", swap_share=swap, explore_share=explore)
        ]
        for i in range(n)
    ]


def test_nothing_is_changed_where_nothing_may_be() -> None:
    """With both shares at nought the list is the ranking, and each place was certain."""
    assert lists(1, POOL, swap=0, explore=0) == [[(id_, False, 1.0) for id_ in RANKED]]
    assert arranged([], POOL, question="q", swap_share=1, explore_share=1) == []


def test_the_same_question_gives_the_same_list() -> None:
    """And another one may give another."""
    assert lists(50, POOL, swap=0.3, explore=0.6) == lists(50, POOL, swap=0.3, explore=0.6)
    assert len({tuple(map(str, one)) for one in lists(50, POOL, swap=0.3, explore=0.6)}) > 5


def test_a_swap_moves_two_neighbours_and_marks_both() -> None:
    """Every pair of neighbours has its turn."""
    seen = Counter()
    for one in lists(600, [], swap=1, explore=1):
        moved = [place for place, (_, is_exploring, _) in enumerate(one) if is_exploring]
        assert moved == [moved[0], moved[0] + 1]
        order = [id_ for id_, _, _ in one]
        order[moved[0]], order[moved[1]] = order[moved[1]], order[moved[0]]
        assert order == RANKED
        seen[moved[0]] += 1
    assert set(seen) == set(range(6))
    assert max(seen.values()) < 150  # of 600 over six pairs


def test_one_of_the_first_five_places_goes_to_who_may_yet_be_best() -> None:
    """From behind the list too; the others keep their order, the last falls out, and one place is marked."""
    places = Counter()
    for one in lists(500, POOL, swap=0, explore=1):
        order = [id_ for id_, _, _ in one]
        (place,) = [place for place, (_, is_exploring, _) in enumerate(one) if is_exploring]
        assert order[place] == "h"
        assert [id_ for id_ in order if id_ != "h"] == RANKED[:-1]
        places[place] += 1
    assert set(places) == set(range(FIRST))
    assert max(places.values()) < 150


def test_nobody_is_marked_where_the_best_by_mean_may_also_be_the_best() -> None:
    """Who stands in the drawn place already is there by mean."""
    for one in lists(200, NEAR, swap=0, explore=1):
        order = [id_ for id_, _, _ in one]
        marked = [place for place, (_, is_exploring, _) in enumerate(one) if is_exploring]
        assert (order == RANKED) == (not marked)
        assert marked in ([], [0], [1], [2])  # d moves up, and in its own place nothing changes
        assert sorted(order) == sorted(RANKED)


@pytest.mark.parametrize("pool", [POOL, NEAR, []])
def test_propensities_are_what_happens(pool: list[Maybe]) -> None:
    """How often a coach stands in a place, over many questions, is the number given; over all they add to 1."""
    n = 20_000
    made = lists(n, pool, swap=0.2, explore=0.5)
    told: dict[tuple[int, str], float] = {}
    counted: dict[tuple[int, str], int] = defaultdict(int)
    for one in made:
        for place, (id_, _, propensity) in enumerate(one):
            assert told.setdefault((place, id_), propensity) == propensity
            counted[place, id_] += 1
    for key, propensity in told.items():
        assert counted[key] / n == pytest.approx(propensity, abs=4 * (propensity * (1 - propensity) / n) ** 0.5 + 1e-9)
    for place in range(len(RANKED)):
        assert sum(p for (at, _), p in told.items() if at == place) == pytest.approx(1.0)
