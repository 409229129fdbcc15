"""``duet``'s assigner: the kit, against everything there is for small cohorts, and what its certificates prove."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations, product

import numpy as np
import pytest
from numpy.typing import NDArray
from placements import checked, everything, placed

from coachhub_core.errors import PluginError
from coachhub_core.matching import certify, conflicts, place
from coachhub_core.ports.matcher import NEVER, AssignerOffer
from coachhub_core.testing.assigner import AssignerContract, Cohort, a_cohort
from coachhub_scipy import assigner, coachhub_assigners

MODES = ("stable", "welfare", "worst_first", "exact")


class TestDuetAssigner(AssignerContract):
    """The kit, in all four modes."""

    @pytest.fixture
    def offer(self) -> AssignerOffer:
        return coachhub_assigners()["duet"]


def _drawn(seed: int) -> Cohort:
    """Give up to forty trainees and nine coaches, with few different scores in every second cohort."""
    draws = np.random.default_rng(seed)
    n, m = draws.integers(1, 40), draws.integers(1, 10)
    length = draws.integers(1, m + 1)
    steps = draws.choice([4, 1_000_000])

    def scores() -> NDArray[np.float64]:
        return np.where(draws.random((n, length)) < 0.08, -np.inf, draws.integers(0, steps, (n, length)) / steps)

    lists = np.argsort(draws.random((n, m)), axis=1)[:, :length].astype(np.int32)
    return Cohort(
        candidates=np.where(draws.random(lists.shape) < 0.1, -1, lists).astype(np.int32),
        scores=scores(),
        coach_scores=scores() if draws.random() < 0.6 else None,
        seats=draws.integers(0, 5, m),
        need=draws.choice([0, 1, 1, 1, 2, 3], n),
        floor=draws.choice([-np.inf, 0.25]),
    )


def _small(seed: int) -> Cohort:
    """Give a drawn cohort of at most six by six, with scores below 0 in every second."""
    cohort = a_cohort(seed)
    is_in = cohort.candidates[:6] < 6
    return Cohort(
        candidates=np.where(is_in, cohort.candidates[:6], -1),
        scores=cohort.scores[:6] - (0.3 if seed % 2 else 0.0),
        coach_scores=None if cohort.coach_scores is None else cohort.coach_scores[:6],
        seats=cohort.seats[:6],
        need=cohort.need[:6],
        floor=cohort.floor,
    )


def _strict(seed: int) -> Cohort:
    """Give a drawn cohort whose scores are all different and above 0, so that one placement alone is best."""
    cohort = a_cohort(seed)
    draws = np.random.default_rng(seed)
    scores = np.where(cohort.scores > -np.inf, 0.5 + 0.5 * draws.random(cohort.scores.shape), -np.inf)
    return Cohort(
        candidates=cohort.candidates,
        scores=scores,
        coach_scores=None,
        seats=cohort.seats,
        need=cohort.need,
        floor=-np.inf,
    )


def test_stable_is_what_the_plain_assigner_gives() -> None:
    """The same coaches in the same places, for five hundred drawn cohorts."""
    for seed in range(500):
        cohort = _drawn(seed)
        made = placed(cohort, "stable")
        assert made.coaches.tolist() == placed(cohort, "stable", "plain").coaches.tolist()
        assert made.certificate.get("n_blocking", 0) == 0


@pytest.mark.parametrize("block", range(4))
def test_of_every_placement_there_is_none_is_better(block: int) -> None:
    """Up to six by six, needs of two, vetoes and scores below 0 among them; and each gap that is claimed is proved."""
    for seed in range(25 * block, 25 * block + 25):
        cohort = _small(seed)
        largest, (n_pairs, best_worst, sum_above) = everything(cohort)
        for mode, within in (("welfare", 1e-4), ("exact", 1e-9)):
            made = placed(cohort, mode)
            true = checked(cohort, made.coaches, made)
            assert true.broken == ()
            assert largest * (1 - within) - 1e-12 <= true.value <= largest + 1e-12
            assert true.is_best(1.001 * within) or (largest == 0 and true.bound is not None and true.bound < 1e-6)
        made = placed(cohort, "worst_first")
        true = checked(cohort, made.coaches, made)
        assert int((made.coaches >= 0).sum()) == n_pairs
        if n_pairs:
            by_mean = n_pairs == cohort.need.sum() and cohort.need.max() > 1
            assert (true.least_mean if by_mean else true.worst) == pytest.approx(best_worst, abs=2e-9)
            assert true.value >= sum_above - 1e-4 * abs(sum_above) - 1e-12
            assert true.is_most
            if by_mean:
                assert true.least_mean_bound is not None
                assert true.least_mean_bound >= best_worst - 2e-9
            else:
                assert true.is_worst_best


def _mutants(cohort: Cohort, coaches: NDArray[np.int32]) -> list[NDArray[np.int32]]:
    """Give every change of one trainee's one coach."""
    found = []
    for i, at in np.ndindex(coaches.shape):
        for other in range(-1, len(cohort.seats)):
            if at < cohort.need[i] and other != coaches[i, at]:
                mutant = coaches.copy()
                mutant[i, at] = other
                if sorted(mutant[i]) != sorted(coaches[i]):
                    found.append(mutant)
    return found


@pytest.mark.parametrize("mode", ["stable", "exact", "worst_first"])
def test_a_mutated_placement_is_refused(mode: str) -> None:
    """Each of a thousand: it breaks a rule, a pair blocks it, or the prices or the crowd show something better."""
    n_mutants = 0
    for seed in range(200):
        cohort = _strict(seed)
        made = placed(cohort, mode)
        if not (made.coaches >= 0).any():
            continue
        true = checked(cohort, made.coaches, made)
        holds = {
            "stable": lambda found: found.is_stable,
            "exact": lambda found: found.is_best(1e-9),
            "worst_first": lambda found, true=true: (
                not found.broken
                and found.is_most
                and (found.is_worst_best if true.least_mean_bound is None else found.least_mean >= true.least_mean)
                and found.value >= true.value * (1 - 1e-4)
            ),
        }[mode]
        assert holds(true)
        for mutant in _mutants(cohort, made.coaches):
            n_mutants += 1
            assert not holds(checked(cohort, mutant, made))
        if n_mutants >= 1_000:
            break
    assert n_mutants >= 1_000


def test_any_prices_prove_a_bound_and_wrong_ones_are_said() -> None:
    """The bound holds for the best placement there is, whatever the prices; below 0 they are no prices."""
    for seed in range(40):
        cohort = _small(seed)
        largest, _ = everything(cohort)
        prices = np.random.default_rng(seed).random(len(cohort.seats))
        same = {"need": cohort.need, "coach_scores": cohort.coach_scores, "floor": cohort.floor}
        nobody = np.full((len(cohort.scores), 1), -1)
        found = certify(cohort.candidates, cohort.scores, cohort.seats, nobody, prices=prices, **same)
        assert found.bound is not None
        assert found.bound >= largest - 1e-12
    wrong = certify([[0]], [[0.5]], [1], [[0]], prices=[-1.0], crowd=[3])
    assert "prices are not 1 numbers, 0 or more" in wrong.broken
    assert "crowd names a trainee outside 0 to 0" in wrong.broken


def test_a_crowd_that_has_room_proves_nothing() -> None:
    """Two who both fit above the worst are no reason for it; three who want two seats are."""
    scores = [[0.9, 0.1, 0.5], [0.8, 0.2, 0.4], [0.7, 0.3, 0.2]]
    every = [[0, 1, 2]] * 3
    made = place(every, scores, [1, 1, 1], mode="worst_first", assigner="duet")
    assert made.certificate["worst"] == 0.3
    claim = certify(every, scores, [1, 1, 1], made.coaches, crowd=made.certificate["crowd"])
    assert claim.is_worst_best
    assert not certify(every, scores, [1, 1, 1], made.coaches, crowd=[0]).is_worst_best
    assert not certify(every, scores, [1, 1, 1], [[1], [0], [2]], crowd=made.certificate["crowd"]).is_worst_best


def test_who_is_left_out_is_told_who_stands_in_the_way() -> None:
    """The set cannot be placed, and with anyone taken out it can: checked against every way to place it."""
    n_conflicts = n_moves = 0
    for seed in range(100):
        cohort = a_cohort(seed)
        made = placed(cohort, "stable")
        able = cohort.scores >= cohort.floor
        able &= (cohort.scores > -np.inf) & (cohort.candidates >= 0)
        if cohort.coach_scores is not None:
            able &= cohort.coach_scores > -np.inf

        def fits(trainees: tuple[int, ...], cohort: Cohort = cohort, able: NDArray[np.bool_] = able) -> bool:
            wishes = [list(combinations(cohort.candidates[i][able[i]].tolist(), int(cohort.need[i]))) for i in trainees]
            return any(
                all(sum(c in chosen for chosen in choice) <= free for c, free in enumerate(cohort.seats))
                for choice in product(*wishes)
            )

        same = {"need": cohort.need, "coach_scores": cohort.coach_scores, "floor": cohort.floor}
        found = conflicts(cohort.candidates, cohort.scores, cohort.seats, made.coaches, **same)
        assert [one.trainee for one in found] == np.flatnonzero((made.coaches >= 0).sum(1) < cohort.need).tolist()
        for conflict in found:
            if len(conflict.trainees) > 5:
                continue
            if not conflict.trainees:
                n_moves += 1
                assert fits((conflict.trainee,))
                continue
            n_conflicts += 1
            assert conflict.trainee in conflict.trainees
            assert not fits(conflict.trainees)
            for one in conflict.trainees:
                assert fits(tuple(other for other in conflict.trainees if other != one))
    assert n_conflicts > 50
    assert n_moves > 3


def test_a_larger_cohort_keeps_what_it_promises() -> None:
    """Six hundred trainees, uneven seats and needs, lists of ten: proved, and serving the worst first costs little."""
    draws = np.random.default_rng(3)
    n, m = 600, 60
    candidates = np.argsort(draws.random((n, m)), axis=1)[:, :10]
    scores = draws.random((n, 10))
    seats = 6 + np.minimum(draws.pareto(2, m).astype(int) * 4, 30)
    need = draws.choice([1, 2], n, p=[0.8, 0.2])
    seats += int(np.ceil(max(0, 1.2 * need.sum() - seats.sum()) / m))
    best = place(candidates, scores, seats, need=need, mode="exact", assigner="duet")
    near = place(candidates, scores, seats, need=need, mode="welfare", assigner="duet")
    assert best.certificate["gap"] <= 1e-9
    assert near.certificate["gap"] <= 1e-4
    assert best.certificate["value"] * (1 - 1e-4) <= near.certificate["value"] <= best.certificate["value"] + 1e-9
    fair = place(candidates, scores, seats, need=need, mode="worst_first", assigner="duet")
    claim = certify(
        candidates,
        scores,
        seats,
        fair.coaches,
        need=need,
        crowd_at_floor=fair.certificate["crowd_at_floor"],
        weights=fair.certificate["weights"],
        weighted_prices=fair.certificate["weighted_prices"],
    )
    assert claim.broken == ()
    assert claim.is_most
    assert claim.least_mean == pytest.approx(fair.certificate["least_mean"])
    assert claim.least_mean_bound == pytest.approx(fair.certificate["least_mean_bound"])
    assert claim.least_mean >= 0.97 * claim.least_mean_bound
    assert claim.value >= 0.98 * best.certificate["value"]


@pytest.mark.parametrize("mode", ["welfare", "exact", "worst_first"])
def test_equal_scores_and_too_few_seats_come_to_an_end(mode: str) -> None:
    """Where everybody bids for the same and prices would only creep, all seats go, and it is proved."""
    made = place(None, np.full((300, 20), 0.5), np.full(20, 10), mode=mode, assigner="duet")
    assert made.certificate["n_placed"] == 200
    claim = certify(
        np.tile(np.arange(20), (300, 1)), np.full((300, 20), 0.5), [10] * 20, made.coaches, prices=made.prices
    )
    assert claim.is_best(1e-9)


def test_scipy_loads_only_where_it_is_used() -> None:
    """Stable placements and auctions run on numpy alone."""
    program = (
        "import sys; from coachhub_core.matching import place; "
        "place(None, [[0.5, 0.4]], [1, 1], assigner='duet'); "
        "place(None, [[0.5, 0.4]], [1, 1], assigner='duet', mode='welfare'); "
        "sys.exit('scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_without_scipy_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the first use, and by the name of the extra."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(PluginError, match=r"install coachhub\[matching\], or set assigner = plain"):
        coachhub_assigners()["duet"].make()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n_more", [0, -1])
def test_what_is_solved_past_an_auction_is_proved_by_its_prices(seed: int, n_more: int) -> None:
    """As many pairs as can be made, with seats for everybody or too few, and of such placements the largest sum."""
    draws = np.random.default_rng(seed)
    scores = draws.random((40, 12)) + draws.random(12)
    seats = np.full(12, 3) + draws.permutation(np.arange(12) % 3) + n_more
    every = np.tile(np.arange(12, dtype=np.int32), (40, 1))
    cohort = assigner._ready(every, scores, seats, np.ones(40, np.int64), None, -np.inf)
    sale = assigner._solved(cohort, -np.inf, np.zeros(12), NEVER)
    assert len(sale.rows) == min(40, seats.sum())
    coaches = np.full((40, 1), -1)
    coaches[sale.rows, 0] = sale.columns
    assert certify(every, scores, seats, coaches, prices=sale.prices).is_best(1e-9)
