"""
Placing a whole market from lists that begin short.

Nobody is left out, and nothing is proved, because of what a list cut off: after
each placement the lists of those grow for whom a coach outside of theirs could
change it, until there is nobody. So the answer is the one complete lists give,
at a part of their size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching.certifying import Certificate, certify_as
from coachhub_core.matching.placing import place
from coachhub_core.ports.matcher import NEVER, AssignerOffer, Deadline, Placements

N_FIRST: Final = 50  #: coaches on each list at the start
BATCH: Final = 256  #: trainees who are scored at once
_FACTOR: Final = 4  #: by which a list grows: asking a matcher again is dearer than a longer list
_KEPT: Final = 4_000_000  #: scores that are kept, 64 MB with the coaches' own; beyond it a matcher is asked again
_ROUNDS: Final = 40  #: of placing and growing; then what could still change is counted and said
_CLOSE: Final = 1e-9  #: what an auction's prices leave open, beside scores of 0 to 1

Floats = NDArray[np.float64]


class Scorer(Protocol):
    """Scores some trainees against every coach."""

    def __call__(self, trainees: NDArray[np.int64]) -> tuple[Floats, Floats | None]:
        """Give two arrays (b, m): the trainees' scores and the coaches' own (None: the same); -inf is a veto."""


def _silent(_: int) -> None:
    """Tell nobody."""


@attrs.frozen(eq=False)
class Cohort:
    """A placement of the whole market, and what an independent check says of it."""

    coaches: NDArray[np.int32]  #: (n, max need), -1 = none
    scores: Floats  #: (n, max need), NaN where there is none
    certificate: Certificate
    n_outside: int  #: trainees for whom a coach outside of their list could still change something


def place_market(
    score: Scorer,
    n: int,
    seats: NDArray[np.int64],
    *,
    need: NDArray[np.int64],
    mode: str,
    name: str,
    offer: AssignerOffer,
    deadline: Deadline = NEVER,
    tell: Callable[[int], None] = _silent,
    n_first: int = N_FIRST,
) -> Cohort:
    """
    Place *n* trainees.

    Args:
        score: Asked about every trainee once, and again where a list has to grow.
        seats: (m,), places each coach has.
        need: (n,), coaches each trainee gets.
        mode: One of the offer's.
        name: What the offer is called, for errors.
        tell: Called with how many trainees have been scored.
        n_first: How long the lists are at the start.
    Raises:
        MatcherTimeout: When *deadline* is over.
        MatcherFault: If the assigner's answer breaks its contract.
    """
    market = _Lists(score, n, seats, n_first)
    market.fill(tell, deadline)
    for _ in range(_ROUNDS):
        deadline.check()
        made = market.placed(need, mode, name, offer, deadline)
        growing = market.outside(made, need, mode, deadline)
        if not len(growing):
            break
        market.grow(growing, made, deadline)
    else:
        made = market.placed(need, mode, name, offer, deadline)
        growing = market.outside(made, need, mode, deadline)
    return Cohort(
        coaches=made.coaches,
        scores=market.scores_of(made.coaches),
        certificate=market.certified(made, need, mode),
        n_outside=len(growing),
    )


class _Lists:
    """Each trainee's best coaches so far, and the best score that is not among them."""

    def __init__(self, score: Scorer, n: int, seats: NDArray[np.int64], n_first: int) -> None:
        self._score = score
        self._seats = seats
        self._n_first = n_first
        self._coaches: list[NDArray[np.int32]] = [np.empty(0, np.int32)] * n
        self._mine: list[Floats] = [np.empty(0)] * n
        self._theirs: list[Floats] = [np.empty(0)] * n
        self._rest = np.full(n, -np.inf)
        self._width = np.full(n, n_first, np.int64)
        self._is_mutual = False
        self._known: dict[int, tuple[Floats, Floats]] = {}

    def __len__(self) -> int:
        return len(self._coaches)

    def fill(self, tell: Callable[[int], None], deadline: Deadline) -> None:
        for start in range(0, len(self), BATCH):
            deadline.check()
            trainees = np.arange(start, min(start + BATCH, len(self)))
            for i, mine, theirs in self._scored(trainees):
                self._keep(i, mine, theirs, mine)
            tell(int(trainees[-1]) + 1)

    def grow(self, trainees: NDArray[np.int64], made: Placements, deadline: Deadline) -> None:
        """Let lists hold more; where there are prices, the best at these prices come first."""
        self._width[trainees] *= _FACTOR
        for start in range(0, len(trainees), BATCH):
            deadline.check()
            for i, mine, theirs in self._scored(trainees[start : start + BATCH]):
                worth = mine if made.prices is None else mine - made.prices
                self._keep(i, mine, theirs, worth)

    def _scored(self, trainees: NDArray[np.int64]) -> list[tuple[int, Floats, Floats]]:
        asked = trainees[[int(i) not in self._known for i in trainees]]
        found = {i: (mine, theirs) for i, mine, theirs in self._asked(asked)} if len(asked) else {}
        if (len(self._known) + len(found)) * len(self._seats) <= _KEPT:
            self._known.update(found)
        return [(int(i), *(found.get(int(i)) or self._known[int(i)])) for i in trainees]

    def _asked(self, trainees: NDArray[np.int64]) -> list[tuple[int, Floats, Floats]]:
        mine, theirs = self._score(trainees)
        self._is_mutual = theirs is not None
        back = mine if theirs is None else theirs
        may = (self._seats > 0) & (mine > -np.inf) & (back > -np.inf)
        mine = np.where(may, mine, -np.inf)
        return [(int(i), mine[at].copy(), back[at].copy()) for at, i in enumerate(trainees)]

    def _keep(self, i: int, mine: Floats, theirs: Floats, worth: Floats) -> None:
        """Keep what stands there, and the best beside it."""
        m, width = len(mine), int(self._width[i])
        known = np.zeros(m, np.bool_)
        known[self._coaches[i]] = True
        order = np.lexsort((np.arange(m), -np.where(mine > -np.inf, worth, -np.inf), ~known))
        kept = order[: max(width, int(known.sum()))]
        kept = np.sort(kept[mine[kept] > -np.inf])
        is_out = mine > -np.inf
        is_out[kept] = False
        self._coaches[i], self._mine[i], self._theirs[i] = kept.astype(np.int32), mine[kept], theirs[kept]
        self._rest[i] = mine[is_out].max() if is_out.any() else -np.inf

    # ── placing ──

    def placed(
        self, need: NDArray[np.int64], mode: str, name: str, offer: AssignerOffer, deadline: Deadline
    ) -> Placements:
        width = max((len(row) for row in self._coaches), default=0)
        lists = np.full((len(self), width), -1, np.int32)
        mine, theirs = np.full(lists.shape, -np.inf), np.full(lists.shape, -np.inf)
        for i, row in enumerate(self._coaches):
            lists[i, : len(row)], mine[i, : len(row)], theirs[i, : len(row)] = row, self._mine[i], self._theirs[i]
        back = theirs if self._is_mutual else None
        offers = {name: offer}
        return place(
            lists,
            mine,
            self._seats,
            need=need,
            coach_scores=back,
            mode=mode,
            assigner=name,
            offers=offers,
            deadline=deadline,
        )

    def scores_of(self, coaches: NDArray[np.int32]) -> Floats:
        scores = np.full(coaches.shape, np.nan)
        for i, row in enumerate(coaches.tolist()):
            for place_, coach in enumerate(row):
                if coach >= 0:
                    scores[i, place_] = self._mine[i][np.searchsorted(self._coaches[i], coach)]
        return scores

    # ── what the lists leave out ──

    def outside(self, made: Placements, need: NDArray[np.int64], mode: str, deadline: Deadline) -> NDArray[np.int64]:
        """Give the trainees for whom a coach outside of their list could change the placement, or what proves it."""
        is_cut = self._rest > -np.inf
        grows = is_cut & ((made.coaches >= 0).sum(axis=1) < need)
        weights = made.certificate.get("weights")
        if mode == "worst_first" and weights is None:
            worst = np.nanmin(self.scores_of(made.coaches), initial=np.inf)
            grows |= is_cut & (self._rest > worst)
            crowd = list(made.certificate.get("crowd_at_floor") or ())
            grows[crowd] |= is_cut[crowd]
        elif made.prices is not None:
            grows |= self._gains_outside(made.prices, np.ones(len(self)), need, 0.0, deadline)
        if weights is not None:
            prices = np.asarray(made.certificate["weighted_prices"], np.float64)
            share = np.asarray(weights, np.float64) / np.maximum(need, 1)
            grows |= self._gains_outside(prices, share, need, -np.inf, deadline)
        return np.flatnonzero(grows)

    def _gains_outside(
        self, prices: Floats, share: Floats, need: NDArray[np.int64], least: float, deadline: Deadline
    ) -> NDArray[np.bool_]:
        """Tell who would gain more at these prices by a coach outside of their list than by the last one they need."""
        found = np.zeros(len(self), np.bool_)
        last = self._thresholds(prices, share, need, least) + _CLOSE
        cheapest = prices[self._seats > 0].min(initial=np.inf)
        is_cut = self._rest > -np.inf
        rest = np.where(is_cut, self._rest, 0.0) * share
        might = np.flatnonzero(is_cut & (rest - cheapest > last))
        for start in range(0, len(might), BATCH):
            deadline.check()
            for i, mine, _ in self._scored(might[start : start + BATCH]):
                is_new = mine > -np.inf
                is_new[self._coaches[i]] = False
                found[i] = (share[i] * mine[is_new] - prices[is_new]).max(initial=-np.inf) > last[i]
        return found

    def _thresholds(self, prices: Floats, share: Floats, need: NDArray[np.int64], least: float) -> Floats:
        """Give what a coach outside must be worth, at these prices, to be one of a trainee's best."""
        found = np.full(len(self), max(least, 0.0))
        for i, row in enumerate(self._coaches):
            gains = np.sort(share[i] * self._mine[i] - prices[row])[::-1]
            if 0 < need[i] <= len(gains):
                found[i] = max(least, gains[need[i] - 1])
        return found

    def certified(self, made: Placements, need: NDArray[np.int64], mode: str) -> Certificate:
        """Let the independent check speak about everything that is on a list."""
        says = made.certificate
        return certify_as(
            mode,
            [row.tolist() for row in self._coaches],
            [row.tolist() for row in self._mine],
            self._seats.tolist(),
            made.coaches.tolist(),
            need=need.tolist(),
            coach_scores=[row.tolist() for row in self._theirs] if self._is_mutual else None,
            prices=None if made.prices is None else made.prices.tolist(),
            crowd=says.get("crowd"),
            crowd_at_floor=says.get("crowd_at_floor"),
            weights=says.get("weights"),
            weighted_prices=says.get("weighted_prices"),
        )


def least_gap(found: Certificate) -> float | None:
    """Give the gap as JSON can hold it."""
    return None if found.gap is None or not math.isfinite(found.gap) else found.gap
