"""``duet``'s assigner: a whole cohort at once, in four modes, each with a certificate."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import MatcherError
from coachhub_core.ports.matcher import Deadline, Placements
from coachhub_scipy.auction import Sale, auction, proved_bound
from coachhub_scipy.stable import propose

MODES = frozenset({"stable", "welfare", "worst_first", "exact"})
LONG = 128  #: a list that is so long, and longer ones, make an auction slow
GAP = 1e-4  #: how far below the proved bound a sum may stay in ``welfare``


Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]  # rows and columns of the lists


@attrs.frozen(eq=False)
class _Cohort:
    """The question, made ready: what may not be made is -inf, and nobody has seats for more than could ever come."""

    lists: NDArray[np.int32]  # what is no pair points at coach 0
    values: NDArray[np.float64]
    theirs: NDArray[np.float64]
    seats: NDArray[np.int64]
    need: NDArray[np.int64]

    def only(self, is_pair: NDArray[np.bool_]) -> _Cohort:
        """Give the same without some pairs."""
        return self if is_pair.all() else attrs.evolve(self, values=np.where(is_pair, self.values, -np.inf))


class CohortAssigner:
    """
    Places a cohort by rounds in which everybody who is short moves at once.

    ``stable``: no pair would both rather have each other. ``welfare``: the largest sum within a ten-thousandth,
    proved by the prices. ``exact``: the largest sum. ``worst_first``: as many pairs as can be made, the worst of them
    as good as can be, then the largest sum; where trainees get several coaches each, and all of them can, it is the
    mean of what each gets whose least is as good as can be.
    """

    def assign(
        self,
        candidates: NDArray[np.int32],
        scores: NDArray[np.float64],
        seats: NDArray[np.int64],
        *,
        mode: str,
        need: NDArray[np.int64],
        coach_scores: NDArray[np.float64] | None,
        floor: float,
        deadline: Deadline,
    ) -> Placements:
        """Place the cohort; see the port."""
        if mode not in MODES:
            raise MatcherError(reason=f"the assigner duet has no mode {mode!r}; it knows: {', '.join(sorted(MODES))}")
        deadline.check()
        cohort = _ready(candidates, scores, seats, need, coach_scores, floor)
        width = int(need.max(initial=0))
        says: dict[str, Any] = {"mode": mode}
        if cohort.values.size == 0 or not (cohort.values > -np.inf).any():
            empty = Sale(np.empty(0, np.int64), np.empty(0, np.int64), np.zeros(len(seats)))
            return _placements(cohort, empty, width, says)
        if mode == "stable":
            rows, columns = propose(cohort.lists, cohort.values, cohort.theirs, cohort.seats, cohort.need, deadline)
            says["n_blocking"] = _count_blocking(cohort, rows, columns)
            return _placements(cohort, Sale(rows, columns, np.zeros(len(seats))), width, says, has_prices=False)
        if mode == "worst_first":
            cohort, sale = _worst_first(cohort, says, deadline)
        else:
            cohort = cohort.only(cohort.values >= 0)  # staying without a coach is worth 0
            sale, step = _sell(cohort, 0.0, deadline)
            if mode == "exact":
                sale = _exactly(cohort, sale, step, deadline)
        value = float(cohort.values[sale.rows, sale.columns].sum())
        bound = max(value, proved_bound(cohort.lists, cohort.values, seats, cohort.need, sale.prices))
        says.update(value=value, bound=bound, gap=bound / value - 1 if value > 0 else None)
        return _placements(cohort, sale, width, says)


def _ready(
    candidates: NDArray[np.int32],
    scores: NDArray[np.float64],
    seats: NDArray[np.int64],
    need: NDArray[np.int64],
    coach_scores: NDArray[np.float64] | None,
    floor: float,
) -> _Cohort:
    theirs = scores if coach_scores is None else coach_scores
    is_pair = (scores >= floor) & (scores > -np.inf)
    if theirs is not scores:
        is_pair &= theirs > -np.inf
    lists = candidates
    if candidates.min(initial=0) < 0:
        is_pair &= candidates >= 0
        lists = np.where(candidates >= 0, candidates, 0)
    if need.min(initial=1) <= 0:
        is_pair &= (need > 0)[:, None]
    if seats.min(initial=1) <= 0:
        is_pair &= seats[lists] > 0
    is_whole = bool(is_pair.all())  # nothing to take out, as in most questions: nothing to copy
    degree = np.bincount(lists.ravel() if is_whole else lists[is_pair], minlength=len(seats))
    values = scores if is_whole else np.where(is_pair, scores, -np.inf)
    return _Cohort(lists, values, theirs, np.minimum(seats, degree + 1), need)


def _sell(cohort: _Cohort, outside: float, deadline: Deadline, most: Pairs | None = None) -> tuple[Sale, float]:
    """Auction with smaller and smaller steps until the sum is proved good enough; *most*: a placement of everybody."""
    is_pair = cohort.values > -np.inf
    finite = cohort.values.ravel() if is_pair.all() else cohort.values[is_pair]
    if not len(finite):
        return Sale(np.empty(0, np.int64), np.empty(0, np.int64), np.zeros(len(cohort.seats))), 1.0
    spread = float(np.ptp(finite)) or abs(float(finite[0])) or 1.0
    # a step is small beside what a pair is worth that is made: where most are worth nothing, the mean says little of it
    best = cohort.values.max(axis=1)
    typical = max(float(np.abs(finite).mean()), 0.5 * float(np.abs(best[best > -np.inf]).mean()))
    step = min(10 * GAP * typical, 0.25 * spread) or 1e-3 * spread
    # four times and more what lists of ordinary scores took; where a bid reads a long one, there is a quicker way
    patience = 40.0 * (int(cohort.need.sum()) + 2_000) * max(0.2, min(1.0, LONG / cohort.lists.shape[1]))
    while True:
        sale = auction(
            cohort.lists,
            cohort.values,
            cohort.seats,
            cohort.need,
            step=step,
            outside=outside,
            patience=patience,
            deadline=deadline,
        )
        if not sale.is_over:
            return _solved(cohort, outside, sale.prices, deadline, most), step
        value = float(cohort.values[sale.rows, sale.columns].sum())
        room = GAP * abs(value)
        if proved_bound(cohort.lists, cohort.values, cohort.seats, cohort.need, sale.prices, outside) - value <= room:
            return sale, step
        enough = 0.5 * room / max(len(sale.rows), 1)  # with this step the sum is good enough whatever happens
        if step <= max(enough, 1e-9 * spread):
            return sale, step
        step = max(0.2 * step, enough, 1e-9 * spread)


def _worst_first(cohort: _Cohort, says: dict[str, Any], deadline: Deadline) -> tuple[_Cohort, Sale]:
    from coachhub_scipy.worst_first import Flow, search

    most = Flow.through(cohort.lists, cohort.values > -np.inf, cohort.seats, cohort.need)
    is_whole = most.n_pairs == int(cohort.need.sum())
    says["crowd_at_floor"] = list(most.crowd)
    if is_whole and cohort.need.max() > 1:
        from coachhub_scipy.least_mean import raise_the_least

        sale, _ = _sell(cohort, -np.inf, deadline, (most.rows, most.columns))
        raised = raise_the_least(cohort.lists, cohort.values, cohort.seats, cohort.need, sale, deadline)
        says.update(
            worst=raised.least,
            least_mean=raised.least,
            least_mean_bound=raised.bound,
            weights=raised.weights.tolist(),
            weighted_prices=raised.prices.tolist(),
        )
        return cohort, Sale(raised.rows, raised.columns, sale.prices)
    found = search(cohort.lists, cohort.values, cohort.seats, cohort.need, most.n_pairs, deadline)
    says.update(worst=found.worst, crowd=list(found.crowd))
    above = cohort.only(cohort.values >= found.worst)
    if is_whole:
        sale, _ = _sell(above, -np.inf, deadline)
        return above, sale
    # who cannot be placed would bid without end
    return above, _solved(above, -np.inf, np.zeros(len(cohort.seats)), deadline)


def _solved(
    cohort: _Cohort, outside: float, prices: NDArray[np.float64], deadline: Deadline, most: Pairs | None = None
) -> Sale:
    """Give the largest sum where the auction was broken off; of as many pairs as *most* where staying is no choice."""
    from coachhub_scipy.exact import least_prices
    from coachhub_scipy.simplex import largest_sum

    asked = (cohort.lists, cohort.values, cohort.seats, cohort.need)
    if outside == 0:
        within = 0.1 * GAP if cohort.lists.shape[1] > LONG else 0.0
        return _filled(cohort, largest_sum(*asked, prices, within=within, deadline=deadline))
    if most is None:
        from coachhub_scipy.worst_first import Flow

        flow = Flow.through(cohort.lists, cohort.values > -np.inf, cohort.seats, cohort.need)
        most = flow.rows, flow.columns
    sale = largest_sum(*asked, prices, most=most, deadline=deadline)
    # the program's own prices may ask more of somebody than a coach is worth to them, and then prove little
    return attrs.evolve(sale, prices=least_prices(*asked, sale.rows, sale.columns, deadline))


def _filled(cohort: _Cohort, sale: Sale) -> Sale:
    """Give whoever is short coaches who are worth exactly nothing to them and have a seat: the sum stays what it is."""
    n_more = cohort.need - np.bincount(sale.rows, minlength=len(cohort.need))
    free = cohort.seats - np.bincount(cohort.lists[sale.rows, sale.columns], minlength=len(cohort.seats))
    rows, columns = [sale.rows], [sale.columns]
    for i in np.flatnonzero(n_more > 0).tolist():
        at = np.flatnonzero((cohort.values[i] == 0) & (free[cohort.lists[i]] > 0))[: n_more[i]]
        free[cohort.lists[i, at]] -= 1
        rows.append(np.full(len(at), i))
        columns.append(at)
    return attrs.evolve(sale, rows=np.concatenate(rows), columns=np.concatenate(columns))


def _exactly(cohort: _Cohort, sale: Sale, step: float, deadline: Deadline) -> Sale:
    """Turn a sale that is good enough into the best."""
    asked = (cohort.lists, cohort.values, cohort.seats, cohort.need)
    if cohort.lists.shape[1] > LONG:
        from coachhub_scipy.simplex import largest_sum

        return _filled(cohort, largest_sum(*asked, sale.prices, deadline=deadline))
    from coachhub_scipy.exact import finish

    return finish(*asked, sale, 4 * step, deadline)


def _count_blocking(cohort: _Cohort, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> int:
    """Count the pairs that would both rather have each other; what is equally liked is not liked less."""
    n, m = len(cohort.lists), len(cohort.seats)
    held_score, least = np.full(n, np.inf), np.full(m, np.inf)
    np.minimum.at(held_score, rows, cohort.values[rows, columns])
    coach = cohort.lists[rows, columns]
    np.minimum.at(least, coach, cohort.theirs[rows, columns])
    held_score[np.bincount(rows, minlength=n) < cohort.need] = -np.inf
    least[np.bincount(coach, minlength=m) < cohort.seats] = -np.inf
    is_wanted = cohort.values > held_score[:, None]
    is_wanted[rows, columns] = False
    pair = np.flatnonzero(is_wanted)  # few: most get a coach near the top of their list
    return int((cohort.theirs.ravel()[pair] > least[cohort.lists.ravel()[pair]]).sum())


def _placements(
    cohort: _Cohort, sale: Sale, width: int, says: dict[str, Any], *, has_prices: bool = True
) -> Placements:
    """Write each trainee's coaches side by side, the best first, equal ones by number."""
    coach = cohort.lists[sale.rows, sale.columns]
    order = np.lexsort((coach, -cohort.values[sale.rows, sale.columns], sale.rows))
    rows = sale.rows[order]
    coaches = np.full((len(cohort.lists), width), -1, np.int32)
    n_each = np.bincount(rows, minlength=len(cohort.lists))
    coaches[rows, np.arange(len(rows)) - np.repeat(np.cumsum(n_each) - n_each, n_each)] = coach[order]
    n_placed = int((n_each > 0).sum())
    says.update(n_placed=n_placed, n_unplaced=len(n_each) - n_placed)
    return Placements(coaches, prices=sale.prices if has_prices else None, certificate=says)
