"""
The assigner's kit: subclass, supply ``offer``, and every promise of the port is checked.

Stability is counted by ``certify``, which shares no code with any assigner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations, product
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

from coachhub_core.errors import MatcherTimeout
from coachhub_core.matching.certifying import Certificate, certify
from coachhub_core.matching.checks import check_offer
from coachhub_core.matching.placing import place
from coachhub_core.matching.sample import Draws
from coachhub_core.ports.matcher import AssignerOffer, Deadline, Placements

N_CASES = 25


@attrs.frozen(kw_only=True, eq=False)
class Cohort:
    """One seeded question."""

    candidates: NDArray[np.int32]
    scores: NDArray[np.float64]
    seats: NDArray[np.int64]
    need: NDArray[np.int64]
    coach_scores: NDArray[np.float64] | None
    floor: float

    def placed(self, mode: str, assigner: str, offers: Mapping[str, AssignerOffer]) -> Placements:
        """Place it by one of the offers, and let the check of every answer read that: shape, seats, needs, vetoes."""
        return place(
            self.candidates,
            self.scores,
            self.seats,
            need=self.need,
            coach_scores=self.coach_scores,
            floor=self.floor,
            mode=mode,
            assigner=assigner,
            offers=offers,
        )

    def certified(self, coaches: Any, **proof: Any) -> Certificate:
        """Check a placement, by what shares no code with whoever placed it."""
        return certify(
            self.candidates,
            self.scores,
            self.seats,
            coaches,
            need=self.need,
            coach_scores=self.coach_scores,
            floor=self.floor,
            **proof,
        )


def a_cohort(seed: int) -> Cohort:
    """Draw a cohort: lists of uneven length, ties, vetoes, seats from none to many, needs from none to two."""
    draws = Draws(f"cohort.{seed}")
    n, m = draws.below(14) + 1, draws.below(7) + 1
    length = draws.below(m) + 1
    candidates = np.full((n, length), -1, np.int32)
    for i in range(n):
        chosen = draws.some(range(m), draws.below(length + 1))
        candidates[i, : len(chosen)] = chosen
    steps = draws.pick((4, 1_000))  # few steps make ties

    def drawn() -> NDArray[np.float64]:
        values = np.array([[draws.below(steps) / steps for _ in range(length)] for _ in range(n)])
        vetoes = np.array([[draws.chance(8) for _ in range(length)] for _ in range(n)])
        return np.where(vetoes, -np.inf, values)

    return Cohort(
        candidates=candidates,
        scores=drawn(),
        coach_scores=drawn() if draws.chance(60) else None,
        seats=np.array([draws.pick((0, 1, 1, 2, 3)) for _ in range(m)], np.int64),
        need=np.array([draws.pick((0, 1, 1, 1, 2)) for _ in range(n)], np.int64),
        floor=draws.pick((-np.inf, 0.25)),
    )


def a_small_cohort(seed: int) -> Cohort:
    """Draw the first cohort of a row of them that is small enough to try everything."""
    return next(
        c for c in map(a_cohort, range(100 * seed, 100 * seed + 100)) if c.scores.shape[0] < 5 and len(c.seats) < 5
    )


def every_placement(cohort: Cohort) -> Iterator[list[tuple[int, float]]]:
    """Walk all placements that keep the rules, each as the trainees and the scores of its pairs."""
    theirs = cohort.scores if cohort.coach_scores is None else cohort.coach_scores
    may = (cohort.candidates >= 0) & (cohort.scores >= cohort.floor) & (cohort.scores > -np.inf) & (theirs > -np.inf)
    rows = [
        [
            chosen
            for size in range(n + 1)
            for chosen in combinations([(int(c), float(s)) for c, s in zip(ids[ok], own[ok], strict=True)], size)
        ]
        for ids, own, ok, n in zip(cohort.candidates, cohort.scores, may, cohort.need.tolist(), strict=True)
    ]
    for chosen in product(*rows):
        pairs = [(i, *pair) for i, row in enumerate(chosen) for pair in row]
        loads = np.bincount([coach for _, coach, _ in pairs], minlength=len(cohort.seats))
        if (loads <= cohort.seats).all():
            yield [(i, score) for i, _, score in pairs]


def _worst(pairs: list[tuple[int, float]], *, by_mean: bool) -> float:
    """Give the smallest score of a pair, or the smallest mean of a trainee who has all they need."""
    if not by_mean:
        return min((score for _, score in pairs), default=0.0)
    got: dict[int, list[float]] = {}
    for i, score in pairs:
        got.setdefault(i, []).append(score)
    return min(sum(mine) / len(mine) for mine in got.values())


class AssignerContract:
    """Subclass, supply ``offer``, and every promise of the port is checked, in each of its modes."""

    def test_the_offer_can_be_selected(self, offer: AssignerOffer) -> None:
        """It is for this port, has a version, and a mode."""
        check_offer("mine", offer)
        assert offer.version
        assert offer.modes

    @pytest.mark.parametrize("seed", range(N_CASES))
    def test_every_rule_holds(self, offer: AssignerOffer, seed: int) -> None:
        """Seats are hard, nobody is given twice, vetoes and the floor are kept, in every mode."""
        cohort = a_cohort(seed)
        for mode in sorted(offer.modes):
            assert cohort.certified(cohort.placed(mode, "mine", {"mine": offer}).coaches).broken == ()

    @pytest.mark.parametrize("seed", range(N_CASES))
    def test_a_stable_placement_has_no_blocking_pair(self, offer: AssignerOffer, seed: int) -> None:
        """No trainee and coach would both rather have each other; no seat stays empty that both want filled."""
        if "stable" not in offer.modes:
            return  # has no stable mode
        cohort = a_cohort(1_000 + seed)
        assert cohort.certified(cohort.placed("stable", "mine", {"mine": offer}).coaches).blocking == ()

    def test_welfare_is_the_largest_sum(self, offer: AssignerOffer) -> None:
        """On cohorts small enough to try everything, no placement has a larger sum."""
        if "welfare" not in offer.modes:
            return  # has no welfare mode
        for seed in range(N_CASES):
            draws = Draws(f"small.{seed}")
            scores = np.array([[draws.below(1_000) / 1_000 for _ in range(4)] for _ in range(4)])
            seats = np.array([draws.below(3) for _ in range(4)])
            best = 0.0
            for choice in product(range(-1, 4), repeat=4):
                if all(choice.count(coach) <= seats[coach] for coach in range(4)):
                    best = max(best, sum(scores[i, coach] for i, coach in enumerate(choice) if coach >= 0))
            made = place(None, scores, seats, mode="welfare", assigner="mine", offers={"mine": offer})
            assert certify(np.tile(np.arange(4), (4, 1)), scores, seats, made.coaches).value >= best - 1e-6

    @pytest.mark.parametrize("mode", ["welfare", "exact", "worst_first"])
    def test_no_placement_is_better(self, offer: AssignerOffer, mode: str) -> None:
        """
        On short lists with needs, vetoes and a floor, everything is tried.

        ``welfare`` has the largest sum but for a ten-thousandth, ``exact`` the
        largest; ``worst_first`` makes as many pairs as can be, the worst of
        them as good as can be, and of those the largest sum. Where all needs
        are met and some are above 1, the worst is no pair but the mean of
        what one trainee gets.
        """
        if mode not in offer.modes:
            return  # has no such mode
        part = 0.0 if mode == "exact" else 1e-4
        for seed in range(N_CASES):
            cohort = a_small_cohort(seed)
            made = cohort.placed(mode, "mine", {"mine": offer})
            shown = cohort.certified(made.coaches)
            every = list(every_placement(cohort))
            if mode == "worst_first":
                most = max(map(len, every))
                assert int((made.coaches >= 0).sum()) == most, "more pairs can be made"
                every = [pairs for pairs in every if len(pairs) == most]
                by_mean = most == cohort.need.sum() and cohort.need.max() > 1
                worst = max(_worst(pairs, by_mean=by_mean) for pairs in every)
                got = shown.least_mean if by_mean else shown.worst
                assert (got or 0.0) >= worst - 1e-9, "the worst can be better"
                every = [pairs for pairs in every if _worst(pairs, by_mean=by_mean) >= worst - 1e-9]
            largest = max(sum(score for _, score in pairs) for pairs in every)
            assert shown.value >= largest * (1 - part) - 1e-9, "the sum can be larger"

    def test_nobody_and_nothing_are_answers(self, offer: AssignerOffer) -> None:
        """No trainees, no seats, no candidates: there is an answer, and it is empty."""
        for mode in sorted(offer.modes):
            for candidates, scores, seats in (
                (np.empty((0, 3), np.int32), np.empty((0, 3)), [1, 1]),
                ([[0, 1]], [[0.5, 0.6]], [0, 0]),
                ([[-1, -1]], [[0.5, 0.6]], [1, 1]),
                (np.empty((2, 0), np.int32), np.empty((2, 0)), [1]),
            ):
                made = place(candidates, scores, seats, mode=mode, assigner="mine", offers={"mine": offer})
                assert (made.coaches == -1).all()

    def test_equal_scores_go_to_the_smaller_number(self, offer: AssignerOffer) -> None:
        """Where nothing else decides, the smaller trainee and the smaller coach come first."""
        if "stable" not in offer.modes:
            return  # has no stable mode
        made = place([[1, 0]] * 3, [[0.5, 0.5]] * 3, [1, 1], assigner="mine", offers={"mine": offer})
        assert made.coaches.tolist() == [[0], [1], [-1]]

    def test_the_same_question_has_the_same_answer(self, offer: AssignerOffer) -> None:
        """A second time, from a fresh object, every number is the same."""
        for mode in sorted(offer.modes):
            for seed in range(5):
                first, second = (a_cohort(seed).placed(mode, "mine", {"mine": offer}) for _ in range(2))
                assert first.coaches.tobytes() == second.coaches.tobytes()

    def test_a_deadline_that_is_over_ends_the_work(self, offer: AssignerOffer) -> None:
        """Asked after its time, an assigner says so, and with nothing but MatcherTimeout."""
        for mode in sorted(offer.modes):
            with pytest.raises(MatcherTimeout):
                place(
                    None,
                    [[0.5]],
                    [1],
                    mode=mode,
                    assigner="mine",
                    offers={"mine": offer},
                    deadline=Deadline(0.0, lambda: 1.0),
                )
