"""
An independent check of a placement: what it breaks, who would rather have each other, and how good it can be proved.

Shares no code with any assigner: it reads the placement as somebody else's
claim, pair by pair, in plain Python.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Certificate:
    """What is true of a placement."""

    n_trainees: int
    n_placed: int  #: trainees with as many coaches as they need
    value: float  #: the sum of the scores of all pairs made
    worst: float | None  #: the smallest score of a pair made; None where none was
    n_blocking: int  #: pairs that would both rather have each other
    blocking: tuple[tuple[int, int], ...]  #: the first hundred of them: (trainee, coach)
    broken: tuple[str, ...]  #: every rule that does not hold, in a sentence
    bound: float | None = None  #: what no placement's sum can exceed, by the prices given
    is_most: bool | None = None  #: whether it is proved that no more pairs can be made
    is_worst_best: bool | None = None  #: whether it is proved that as many pairs cannot all be above ``worst``
    seats_used: float = 0.0  #: pairs made, as a part of those that seats and needs alone would let be made
    top_tenth: float = 0.0  #: share of the pairs that the tenth of the coaches with most of them has; 0.1 is even
    worst_place: int | None = None  #: the lowest place on a trainee's own list that any pair has, from 1
    least_mean: float | None = None  #: the smallest mean of a trainee's scores, over all the coaches they need
    least_mean_bound: float | None = None  #: what it cannot exceed, by the weights given, where needs are met

    @property
    def gap(self) -> float | None:
        """How far the sum may be below the best, as a part of the sum; None without prices, or a sum to compare."""
        if self.bound is None or (self.value <= 0 and self.bound > 0):
            return None
        return max(0.0, self.bound / self.value - 1) if self.value > 0 else 0.0

    def is_best(self, within: float = 1e-4) -> bool:
        """Tell whether every rule holds and the prices prove the sum the largest, but for a part of *within*."""
        return not self.broken and self.gap is not None and self.gap <= within

    @property
    def is_stable(self) -> bool:
        """Tell whether every rule holds and no pair blocks it."""
        return not self.broken and self.n_blocking == 0


def certify(
    candidates: Sequence[Sequence[int]] | Any,
    scores: Sequence[Sequence[float]] | Any,
    seats: Sequence[int] | Any,
    coaches: Sequence[Sequence[int]] | Any,
    *,
    need: Sequence[int] | Any | None = None,
    coach_scores: Sequence[Sequence[float]] | Any | None = None,
    floor: float = -math.inf,
    prices: Sequence[float] | Any | None = None,
    crowd: Sequence[int] | Any | None = None,
    crowd_at_floor: Sequence[int] | Any | None = None,
    weights: Sequence[float] | Any | None = None,
    weighted_prices: Sequence[float] | Any | None = None,
) -> Certificate:
    """
    Check a placement against its scores and seats.

    Args:
        candidates: (n, L), padded with -1; scores, coach_scores, need and floor as in ``place``.
        coaches: (n, at least max need), -1 = none: the placement in question.
        prices: (m,), what a seat of each coach costs, 0 or more, whoever says so: any prices prove a bound.
        crowd: Trainees said to be too many for the seats they like better than the worst pair made.
        crowd_at_floor: Trainees said to be too many for the seats there are.
        weights: (n,), 0 or more, how much each trainee's mean counts, whoever says so, and
        weighted_prices: (m,), 0 or more, what a seat costs beside means that are weighted so.
    Returns:
        What holds and what does not. At any prices, no sum exceeds what everybody would gain by their best coaches
        and what all seats cost together. However a set of trainees is chosen, no more pairs can be made than the
        others need and the set finds seats for; where that is less than were made, of better pairs than the worst,
        the worst is the best there is. A pair blocks when it is acceptable to both, not made, the trainee
        lacks a coach or likes one it has less, and the coach has a seat or likes a trainee it has less;
        what is equally liked is not liked less. No least mean is above the weighted mean, and that is at most what
        everybody's best coaches are worth at the weighted prices and what all seats cost.
    """
    unreadable = _unreadable(candidates, scores, seats, coaches, need, coach_scores)
    if unreadable:
        return Certificate(
            n_trainees=len(candidates) if _is_list(candidates) else 0,
            n_placed=0,
            value=0.0,
            worst=None,
            n_blocking=0,
            blocking=(),
            broken=tuple(unreadable),
            bound=None,
            is_most=None,
            is_worst_best=None,
        )
    lists = [[int(c) for c in row] for row in candidates]
    mine = [[float(s) for s in row] for row in scores]
    theirs = mine if coach_scores is None else [[float(s) for s in row] for row in coach_scores]
    free = [int(s) for s in seats]
    needed = [1] * len(lists) if need is None else [int(n) for n in need]
    got = [[int(c) for c in row if int(c) != -1] for row in coaches]
    broken: list[str] = []
    if len(got) != len(lists):
        broken.append(f"{len(got)} rows for {len(lists)} trainees")
        got = (got + [[] for _ in lists])[: len(lists)]

    likes: list[dict[int, tuple[float, float]]] = []  # trainee -> coach -> both sides' scores, acceptable pairs only
    for row, given, back in zip(lists, mine, theirs, strict=True):
        likes.append(
            {
                coach: (a, b)
                for coach, a, b in zip(row, given, back, strict=True)
                if coach >= 0 and a >= floor and a > -math.inf and b > -math.inf
            }
        )
    taken_by: list[list[int]] = [[] for _ in free]
    for i, row in enumerate(got):
        if len(set(row)) < len(row):
            broken.append(f"trainee {i} has a coach twice")
        if len(row) > needed[i]:
            broken.append(f"trainee {i} has {len(row)} coaches and needs {needed[i]}")
        for coach in row:
            if coach not in likes[i]:
                broken.append(f"trainee {i} has coach {coach}, who is no candidate or a veto")
            else:
                taken_by[coach].append(i)
    for coach, trainees in enumerate(taken_by):
        if len(trainees) > free[coach]:
            broken.append(f"coach {coach} has {len(trainees)} trainees and {free[coach]} seats")

    blocking: list[tuple[int, int]] = []
    n_blocking = 0
    for i, options in enumerate(likes):
        held = [options[coach][0] for coach in got[i] if coach in options]
        is_short = len(got[i]) < needed[i]
        for coach, (own, other) in options.items():
            if coach in got[i] or needed[i] == 0 or free[coach] == 0:
                continue
            wants = is_short or own > min(held, default=math.inf)
            rivals = [likes[t][coach][1] for t in taken_by[coach]]
            if wants and (len(rivals) < free[coach] or other > min(rivals)):
                n_blocking += 1
                if len(blocking) < 100:
                    blocking.append((i, coach))
    priced = _numbers(prices, len(free), "prices", broken)
    shares = _numbers(weights, len(lists), "weights", broken)
    share_prices = _numbers(weighted_prices, len(free), "weighted_prices", broken)
    for name, members in (("crowd", crowd), ("crowd_at_floor", crowd_at_floor)):
        if members is not None and not {int(i) for i in members} <= set(range(len(lists))):
            broken.append(f"{name} names a trainee outside 0 to {len(lists) - 1}")
    made = [likes[i][coach][0] for i, row in enumerate(got) for coach in row if coach in likes[i]]
    could = min(sum(free), sum(needed))
    loads = sorted((len(trainees) for trainees in taken_by), reverse=True)
    return Certificate(
        n_trainees=len(lists),
        n_placed=sum(len(row) >= n for row, n in zip(got, needed, strict=True)),
        value=math.fsum(made),
        worst=min(made, default=None),
        n_blocking=n_blocking,
        blocking=tuple(blocking),
        broken=tuple(broken),
        bound=None if priced is None else _bound(likes, free, needed, priced),
        is_most=None if crowd_at_floor is None else _room(likes, free, needed, crowd_at_floor, -math.inf) <= len(made),
        is_worst_best=None if crowd is None else not made or _room(likes, free, needed, crowd, min(made)) < len(made),
        seats_used=len(made) / could if could else 0.0,
        top_tenth=sum(loads[: math.ceil(len(loads) / 10)]) / len(made) if made else 0.0,
        worst_place=_worst_place(likes, got),
        least_mean=_least_mean(likes, got, needed),
        least_mean_bound=(
            None if shares is None or share_prices is None else _mean_bound(likes, free, needed, shares, share_prices)
        ),
    )


def _numbers(given: Sequence[float] | Any | None, n: int, name: str, broken: list[str]) -> list[float] | None:
    """Read numbers of 0 or more; None, and a rule that is broken, where they are none."""
    if given is None:
        return None
    read = [float(value) for value in given]
    if len(read) == n and all(0 <= value < math.inf for value in read):
        return read
    broken.append(f"{name} are not {n} numbers, 0 or more")
    return None


def certify_as(
    mode: str | None, *placement: Any, need: Any, prices: Any | None, weights: Any | None, **said: Any
) -> Certificate:
    """
    Check a placement as what it claims to be.

    Args:
        mode: What it was made for; prices of ``worst_first`` without weights bound those placements whose worst pair is
            as good, all others all placements.
        placement: Candidates, scores, seats and coaches, as :func:`certify` takes them.
        said: ``coach_scores``, ``crowd``, ``crowd_at_floor`` and ``weighted_prices``, as there.
    """
    is_by_pairs = mode == "worst_first" and weights is None
    found = certify(*placement, need=need, prices=None if is_by_pairs else prices, weights=weights, **said)
    if is_by_pairs and prices is not None and found.worst is not None:
        above = certify(*placement, need=need, floor=found.worst, prices=prices)
        found = attrs.evolve(found, bound=above.bound)
    return found


def _unreadable(
    candidates: Any, scores: Any, seats: Any, coaches: Any, need: Any | None, coach_scores: Any | None
) -> list[str]:
    """Say what is no placement at all: numbers that are none, or shapes that do not fit together."""
    rows = {"candidates": candidates, "scores": scores, "the placement": coaches}
    if coach_scores is not None:
        rows["coach_scores"] = coach_scores
    found = [f"{name}: no row per trainee" for name, given in rows.items() if not _is_list(given, of_lists=True)]
    found += [
        f"{name}: no list"
        for name, given in (("seats", seats), ("need", [] if need is None else need))
        if not _is_list(given)
    ]
    if found:
        return found
    m = len(seats)
    if not all(_is_whole(s) and s >= 0 for s in seats):
        found.append("seats are not whole numbers, 0 or more")
    if need is not None and (len(need) != len(candidates) or not all(_is_whole(n) and n >= 0 for n in need)):
        found.append(f"need is not {len(candidates)} whole numbers, 0 or more")
    for row in candidates:
        if not all(_is_whole(c) and -1 <= c < m for c in row):
            found.append(f"candidates name no coach from 0 to {m - 1}, nor -1")
            break
        known = [int(c) for c in row if c >= 0]
        if len(set(known)) < len(known):
            found.append("candidates name a coach twice for one trainee")
            break
    for name, given in (("scores", scores), ("coach_scores", coach_scores)):
        if given is None:
            continue
        if [len(row) for row in given] != [len(row) for row in candidates]:
            found.append(f"{name} are not one for each of the candidates")
        elif not all(_is_score(s) for row in given for s in row):
            found.append(f"{name} are not numbers, or -inf for a veto")
    if not all(_is_whole(c) and c >= -1 for row in coaches for c in row):
        found.append("the placement names coaches by numbers that are not whole, or below -1")
    return found


def _is_list(given: Any, *, of_lists: bool = False) -> bool:
    try:
        return all(not of_lists or len(row) >= 0 for row in given) and len(given) >= 0
    except TypeError:
        return False


def _is_score(value: Any) -> bool:
    try:
        return float(value) < math.inf  # NaN is not below either
    except (TypeError, ValueError):
        return False


def _is_whole(value: Any) -> bool:
    try:
        return bool(math.isfinite(value) and int(value) == value)
    except (TypeError, ValueError):
        return False


def _worst_place(likes: list[dict[int, tuple[float, float]]], got: list[list[int]]) -> int | None:
    """Give the lowest place of a pair on its trainee's list; what is equally liked shares the better place."""
    places = [
        1 + sum(own > options[coach][0] for own, _ in options.values())
        for options, row in zip(likes, got, strict=True)
        for coach in row
        if coach in options
    ]
    return max(places, default=None)


def _least_mean(likes: list[dict[int, tuple[float, float]]], got: list[list[int]], needed: list[int]) -> float | None:
    """Give the smallest mean of a trainee over what they need; a coach who is missing counts 0."""
    means = [
        math.fsum(options[coach][0] for coach in row if coach in options) / n
        for options, row, n in zip(likes, got, needed, strict=True)
        if n
    ]
    return min(means, default=None)


def _mean_bound(
    likes: list[dict[int, tuple[float, float]]],
    free: list[int],
    needed: list[int],
    weights: list[float],
    prices: list[float],
) -> float | None:
    """Give what no least mean exceeds at these weights and prices; None where nobody could have all they need."""
    total = math.fsum(weight for weight, n in zip(weights, needed, strict=True) if n)
    if not total:
        return None
    terms = [price * n for price, n in zip(prices, free, strict=True)]
    for options, n, weight in zip(likes, needed, weights, strict=True):
        if not n:
            continue
        share = weight / n
        gains = sorted(
            (share * own - prices[coach] for coach, (own, _) in options.items() if free[coach]), reverse=True
        )
        if len(gains) < n:
            return None
        terms += gains[:n]
    return math.fsum(terms) / total


def _bound(
    likes: list[dict[int, tuple[float, float]]], free: list[int], needed: list[int], prices: list[float]
) -> float:
    """Give what no sum exceeds at these prices."""
    terms = [price * n for price, n in zip(prices, free, strict=True)]
    for options, n in zip(likes, needed, strict=True):
        gains = sorted((own - prices[coach] for coach, (own, _) in options.items() if free[coach]), reverse=True)
        terms += [gain for gain in gains[:n] if gain > 0]
    return math.fsum(terms)


def _room(
    likes: list[dict[int, tuple[float, float]]],
    free: list[int],
    needed: list[int],
    crowd: Sequence[int] | Any,
    above: float,
) -> int:
    """Give how many pairs of a score over *above* can be made at most: the others' needs, and seats for the crowd."""
    members = {int(i) for i in crowd}
    suitors = [0] * len(free)
    for i in members & set(range(len(likes))):
        for coach, (own, _) in likes[i].items():
            suitors[coach] += own > above
    others = sum(n for i, n in enumerate(needed) if i not in members)
    return others + sum(min(pair) for pair in zip(suitors, free, strict=True))
