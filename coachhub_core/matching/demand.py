"""
The price of demand: what is taken off a coach's score so that nobody stands on more lists than a cap allows.

An auction of the places of many lists at once, each coach selling as many as the cap
says, gives a price per coach; where nobody's lists are chosen jointly, ordering each
by score less price comes to the same in expectation. It needs scores and nothing else,
so it works with any matcher, and with any assigner: one that leaves prices makes the
beginning, and a few rounds of raising what is shown too often make the end.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching.placing import place
from coachhub_core.ports.matcher import NEVER, AssignerOffer, Deadline, Reason

CODE = "order.demand"  #: the reason that says so

_ROUNDS = 80  # of finding prices from demand; the second half is averaged
_RAISES = 400  # of raising what is still shown too often
_SLACK = 1.05  # where the cap leaves too few places for all lists, it is this much above an equal share

Floats = NDArray[np.float64]


@attrs.frozen(eq=False)
class Demand:
    """What the auction found."""

    prices: Floats  #: (m,), >= 0
    cap: float  #: showings in these lists that a coach was let have: the one asked for, unless it left too few places
    before: NDArray[np.int64]  #: (m,), showings without prices
    after: NDArray[np.int64]  #: (m,), and with them


def price_demand(
    lists: NDArray[np.int32],
    scores: Floats,
    m: int,
    *,
    k: int,
    cap: float,
    name: str = "",
    offer: AssignerOffer | None = None,
    deadline: Deadline = NEVER,
) -> Demand:
    """
    Find the price of each coach.

    Args:
        lists: int32 (n, L), coaches who might be shown to each, -1 for none; longer than *k*: others can then move up.
        scores: float64 (n, L), larger is better; not read where nobody stands.
        m: How many coaches there are.
        k: Places of a list.
        cap: Showings one coach may have in all these lists together, above 0.
        name: The assigner's, for errors.
        offer: One with the mode ``welfare`` begins; without it, prices begin at 0.
    Raises:
        MatcherTimeout: When *deadline* is over.
        MatcherFault: If the assigner's answer breaks its contract.
    """
    values = np.where(lists >= 0, scores, -np.inf)
    before = shown(lists, values, np.zeros(m), k)
    finite = values[values > -np.inf]
    there = int((np.bincount(lists[lists >= 0], minlength=m) > 0).sum())
    if not finite.size or before.max(initial=0) <= cap:
        return Demand(np.zeros(m), cap, before, before)
    cap = max(cap, _SLACK * float(before.sum()) / there)
    spread = float(finite.std()) or 1.0
    prices = np.zeros(m)
    first = 0.25
    if offer is not None and "welfare" in offer.modes:
        prices, first = _auctioned(lists, values, m, k, cap, name, offer, deadline), 0.02
    prices = _settled(lists, values, prices, k, cap, first * spread, deadline)
    prices = _raised(lists, values, prices, k, cap, 2e-3 * spread, deadline)
    return Demand(prices, cap, before, shown(lists, values, prices, k))


def shown(lists: NDArray[np.int32], values: Floats, prices: Floats, k: int) -> NDArray[np.int64]:
    """Count how often each coach is among the best *k* by score less price: (m,)."""
    net = np.where(values > -np.inf, values - prices[lists], -np.inf)
    width = min(k, net.shape[1])
    best = np.argpartition(-net, width - 1, axis=1)[:, :width] if width < net.shape[1] else np.arange(width)[None, :]
    best = np.broadcast_to(best, (len(net), width))
    rows = np.take_along_axis(lists, best, axis=1)
    return np.bincount(rows[np.take_along_axis(net, best, axis=1) > -np.inf], minlength=len(prices)).astype(np.int64)


def _auctioned(
    lists: NDArray[np.int32],
    values: Floats,
    m: int,
    k: int,
    cap: float,
    name: str,
    offer: AssignerOffer,
    deadline: Deadline,
) -> Floats:
    """Let an assigner sell the places of all lists; staying out is worth nothing, so every score is lifted above it."""
    finite = values[values > -np.inf]
    lift = float(np.ptp(finite)) + 1e-6 - float(finite.min())
    candidates = np.where(values > -np.inf, lists, -1).astype(np.int32)
    made = place(
        candidates,
        np.where(candidates >= 0, values + lift, 0.0),
        np.full(m, max(int(cap), 1), np.int64),
        need=np.full(len(lists), k, np.int64),
        mode="welfare",
        assigner=name,
        offers={name: offer},
        deadline=deadline,
    )
    return np.zeros(m) if made.prices is None else np.maximum(made.prices, 0.0)


def _settled(
    lists: NDArray[np.int32], values: Floats, prices: Floats, k: int, cap: float, step: float, deadline: Deadline
) -> Floats:
    """Raise what is shown more often than the cap and lower what is shown less, by smaller and smaller steps."""
    mean = np.zeros_like(prices)
    for number in range(_ROUNDS):
        deadline.check()
        over = (shown(lists, values, prices, k) - cap) / cap
        prices = np.maximum(0.0, prices + step / (1.0 + 0.1 * number) * np.clip(over, -1.0, 1.0))
        if number >= _ROUNDS // 2:
            mean += prices
    made: Floats = mean / (_ROUNDS - _ROUNDS // 2)
    return made


def _raised(
    lists: NDArray[np.int32], values: Floats, prices: Floats, k: int, cap: float, step: float, deadline: Deadline
) -> Floats:
    """Raise what is still shown too often, until nobody is; longer and longer steps, so that it ends."""
    for number in range(_RAISES):
        deadline.check()
        over = shown(lists, values, prices, k) > cap
        if not over.any():
            break
        prices = prices + np.where(over, step * (1.0 + 0.02 * number), 0.0)
    return prices


def moved(scores: Sequence[float], prices: Sequence[float]) -> list[int]:
    """
    Count for each place of a list how many places lower it is because of its price.

    Args:
        scores: Less the prices, best first; with it ends who stands above whom.
    """
    whole = [score + price for score, price in zip(scores, prices, strict=True)]
    return [sum(above < mine for above in whole[:place]) for place, mine in enumerate(whole)]


def with_reason(reasons: Sequence[Reason], price: float, n_places: int) -> tuple[Reason, ...]:
    """Give the reasons with what demand did: said where it moved somebody, and nowhere else, whoever ranked."""
    kept = tuple(reason for reason in reasons if reason.code != CODE)
    return kept if not n_places else (*kept, Reason(CODE, -price, {"places": n_places}))
