"""A market is placed from short lists as it would be from complete ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from coachhub_core.errors import MatcherFault, MatcherTimeout
from coachhub_core.matching.certifying import certify
from coachhub_core.matching.cohort import place_market
from coachhub_core.matching.placing import place
from coachhub_core.memory.matcher import assigner_offers
from coachhub_core.ports.matcher import AssignerOffer, Deadline, Placements
from coachhub_scipy import coachhub_assigners

PLAIN = assigner_offers()["plain"]
DUET = coachhub_assigners()["duet"]


class Drawn:
    """A market of two sides, drawn; some pairs are vetoes, some scores are equal."""

    def __init__(self, seed: int, n: int = 40, m: int = 25, *, seats: int = 2) -> None:
        draws = np.random.default_rng(seed)
        taste = draws.random((n, m)) * 0.6 + draws.random(m) * 0.4  # some are wanted by all
        self.mine = np.where(draws.random((n, m)) < 0.15, -np.inf, np.round(taste, 2))
        self.theirs = np.round(draws.random((n, m)), 2)
        self.seats = draws.integers(0, seats + 1, m)
        self.n_asked = 0

    def __call__(self, trainees: Any) -> Any:
        self.n_asked += len(trainees)
        return self.mine[trainees], self.theirs[trainees]


def placed(drawn: Drawn, mode: str, *, n_first: int, offer: AssignerOffer = DUET, need: int = 1, **more: Any) -> Any:
    n = len(drawn.mine)
    wanted = np.full(n, need, np.int64)
    return place_market(drawn, n, drawn.seats, need=wanted, mode=mode, name="x", offer=offer, n_first=n_first, **more)


@pytest.mark.parametrize("offer", [PLAIN, DUET], ids=["plain", "duet"])
@pytest.mark.parametrize("need", [1, 2])
def test_a_stable_placement_from_short_lists_is_that_of_complete_ones(offer: AssignerOffer, need: int) -> None:
    """Pair for pair, in twenty markets with too few seats; and nobody blocks it among all coaches."""
    for seed in range(20):
        drawn = Drawn(seed)
        found = placed(drawn, "stable", n_first=3, offer=offer, need=need)
        wanted = np.full(40, need, np.int64)
        whole = place(None, drawn.mine, drawn.seats, need=wanted, coach_scores=drawn.theirs)
        assert found.coaches.tolist() == whole.coaches.tolist()
        assert (found.n_outside, found.certificate.n_blocking, found.certificate.broken) == (0, 0, ())
        lists = np.tile(np.arange(25), (40, 1))
        checked = certify(lists, drawn.mine, drawn.seats, found.coaches, need=wanted, coach_scores=drawn.theirs)
        assert checked.is_stable


@pytest.mark.parametrize("mode", ["welfare", "exact", "worst_first"])
def test_what_is_proved_of_short_lists_holds_among_all_coaches(mode: str) -> None:
    """The bound is one for the whole market: the best sum of complete lists does not exceed it."""
    for seed in range(8):
        drawn = Drawn(seed, seats=3)
        found = placed(drawn, mode, n_first=2)
        whole = place(None, drawn.mine, drawn.seats, mode=mode, assigner="duet", coach_scores=drawn.theirs)
        lists = np.tile(np.arange(25), (40, 1))
        best = certify(lists, drawn.mine, drawn.seats, whole.coaches)
        assert found.certificate.broken == ()
        assert found.n_outside == 0
        if mode == "worst_first":
            assert found.certificate.worst == best.worst
            assert found.certificate.is_worst_best is True
            assert (found.coaches >= 0).sum() == (whole.coaches >= 0).sum()
            assert found.certificate.is_most is True
        else:
            assert found.certificate.bound is not None
            assert best.value <= found.certificate.bound + 1e-9
            assert found.certificate.gap is not None
            assert found.certificate.gap <= (1e-9 if mode == "exact" else 1e-4)


def test_the_least_mean_of_short_lists_is_that_of_the_whole_market() -> None:
    """Two coaches each: lists grow until nobody outside of them could change it, and the bound holds for all."""
    for seed in range(3):
        drawn = Drawn(seed, n=12, seats=3)
        found = placed(drawn, "worst_first", n_first=3, need=2)
        whole = place(None, drawn.mine, drawn.seats, mode="worst_first", need=np.full(12, 2), assigner="duet")
        assert found.n_outside == 0
        assert found.certificate.broken == ()
        assert found.certificate.least_mean == pytest.approx(whole.certificate["least_mean"], rel=2e-3)
        assert found.certificate.least_mean_bound is not None
        assert found.certificate.least_mean_bound >= whole.certificate["least_mean"] - 1e-9


def test_scores_stand_beside_the_coaches_and_most_are_asked_once() -> None:
    """What a matcher has said of a market that fits into memory it is not asked again, though lists grow."""
    drawn = Drawn(1, seats=4)
    found = placed(drawn, "stable", n_first=5)
    assert drawn.n_asked == 40
    for i, coach in enumerate(found.coaches[:, 0].tolist()):
        if coach < 0:
            assert np.isnan(found.scores[i, 0])
        else:
            assert found.scores[i, 0] == drawn.mine[i, coach]


def test_a_market_too_large_to_keep_is_scored_again_and_placed_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only for those whose list grows."""
    kept = placed(Drawn(6), "welfare", n_first=2)
    monkeypatch.setattr("coachhub_core.matching.cohort._KEPT", 0)
    drawn = Drawn(6)
    found = placed(drawn, "welfare", n_first=2)
    assert drawn.n_asked > 40
    assert found.coaches.tolist() == kept.coaches.tolist()


def test_it_ends_when_its_time_is_over_and_tells_how_far_it_is() -> None:
    """The deadline is asked before each batch."""
    told: list[int] = []
    drawn = Drawn(2, n=300)
    placed(drawn, "stable", n_first=5, tell=told.append)
    assert told == [256, 300]
    with pytest.raises(MatcherTimeout):
        placed(drawn, "stable", n_first=5, deadline=Deadline(0.0, lambda: 1.0))


def test_an_assigner_that_breaks_a_rule_is_found_out() -> None:
    """Whoever offers it: the answer is checked before anybody sees it."""

    class Greedy:
        def assign(self, candidates: Any, *_: Any, **__: Any) -> Placements:
            return Placements(np.zeros((len(candidates), 1), np.int32))

    offer = AssignerOffer(make=Greedy, version="1", modes=frozenset({"stable"}))
    with pytest.raises(MatcherFault):
        placed(Drawn(3), "stable", n_first=5, offer=offer)


def test_nobody_and_no_coach_are_placed_too() -> None:
    """Empty in, empty out."""
    none = Drawn(4, n=0)
    assert placed(none, "stable", n_first=5).coaches.shape == (0, 0)
    alone = Drawn(5, n=3, m=0)
    found = placed(alone, "stable", n_first=5)
    assert found.coaches.tolist() == [[-1], [-1], [-1]]
