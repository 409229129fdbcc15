"""Stable placement in rounds: every trainee who is short proposes at once, and each coach keeps the best."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.ports.matcher import Deadline

WINDOW = 6  #: wishes looked through in one round


def propose(
    lists: NDArray[np.int32],
    values: NDArray[np.float64],
    theirs: NDArray[np.float64],
    seats: NDArray[np.int64],
    need: NDArray[np.int64],
    deadline: Deadline,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """
    Place by deferred acceptance.

    In one round each trainee who is short goes down the list to the first coaches who would take them as things
    stand: the others are full of people they rather have, and that never changes again. So the work of a round is
    that of those who were turned away in the one before, and of the coaches they come to.

    Args:
        lists: (n, L), coaches; what stands where *values* is -inf is not read.
        values: (n, L), the trainee's scores, -inf where the pair is not to be made.
        theirs: (n, L), the coach's scores.
        seats: (m,), places each coach has.
        need: (n,), coaches each trainee gets.
    Returns:
        The pairs made, as rows and columns of *lists*. Whatever the order of proposals, it is this one answer:
        wishes are strict, since equal scores are ordered by number.

    Source: D. Gale and L. S. Shapley, American Mathematical Monthly 69(1), 1962, doi:10.2307/2312726.
    """
    n, length = lists.shape
    order = wish_order(lists, values)
    wishes, likings = (
        taken if order is None else np.take_along_axis(taken, order, axis=1) for taken in (lists, theirs)
    )
    wishes, likings = wishes.ravel(), likings.ravel()
    n_wishes = (values > -np.inf).sum(axis=1)
    held = Held.none(seats, n)
    asked, n_held = np.zeros(n, np.int64), np.zeros(n, np.int64)  # wishes each trainee has spent, coaches they have
    is_short = (need > 0) & (n_wishes > 0)
    while len(short := np.flatnonzero(is_short)):
        deadline.check()
        is_short[short] = False
        ahead = asked[short, None] + np.arange(min(WINDOW, length))
        where = short[:, None] * length + np.minimum(ahead, length - 1)
        has_hope = held.would_take(wishes[where], likings[where], short[:, None]) & (ahead < n_wishes[short, None])
        n_hopes, n_more = has_hope.cumsum(axis=1), (need[short] - n_held[short])[:, None]
        asked[short] += np.minimum((n_hopes < n_more).sum(axis=1) + 1, ahead.shape[1])
        pair = where[has_hope & (n_hopes <= n_more)]
        comes = pair // length
        goes = held.take(wishes[pair], likings[pair], comes, pair) // length
        np.add.at(n_held, comes, 1)
        np.subtract.at(n_held, goes, 1)
        look = np.concatenate([short, goes])
        is_short[look] = (n_held[look] < need[look]) & (asked[look] < n_wishes[look])
    rows, columns = np.divmod(held.pairs(), length)
    return rows, columns if order is None else order[rows, columns]


@attrs.frozen(eq=False)
class Held:
    """Who each coach holds: a stretch of places for every coach, as long as their seats."""

    seats: NDArray[np.int64]
    first: NDArray[np.int64]  # where the coach's places begin
    n_taken: NDArray[np.int64]
    pair: NDArray[np.int64]  # of each place: trainee times length of the lists, plus the wish
    liking: NDArray[np.float64]
    trainee: NDArray[np.int64]
    worst: NDArray[np.float64]  # of each coach who is full: the least liked held, and whose it is
    last: NDArray[np.int64]

    @classmethod
    def none(cls, seats: NDArray[np.int64], n: int) -> Held:
        total = int(seats.sum())
        return cls(
            seats=seats,
            first=np.cumsum(seats) - seats,
            n_taken=np.zeros(len(seats), np.int64),
            pair=np.empty(total, np.int64),
            liking=np.empty(total),
            trainee=np.empty(total, np.int64),
            worst=np.where(seats > 0, -np.inf, np.inf),
            last=np.full(len(seats), n, np.int64),
        )

    def would_take(
        self, coach: NDArray[np.int32], liking: NDArray[np.float64], trainee: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        worst = self.worst[coach]
        made: NDArray[np.bool_] = liking > worst
        is_level = liking == worst
        if is_level.any():
            made |= is_level & (trainee < self.last[coach])
        return made

    def take(
        self, coach: NDArray[np.int32], liking: NDArray[np.float64], trainee: NDArray[np.int64], pair: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Let each coach keep the best of those held and those who come; give the pairs that are turned away."""
        is_asked = np.zeros(len(self.seats), np.bool_)
        is_asked[coach] = True
        asked = np.flatnonzero(is_asked)
        n_there = self.n_taken[asked]
        there = np.repeat(self.first[asked] - np.cumsum(n_there) + n_there, n_there) + np.arange(n_there.sum())
        coach = np.concatenate([np.repeat(asked, n_there), coach])
        liking = np.concatenate([self.liking[there], liking])
        trainee = np.concatenate([self.trainee[there], trainee])
        pair = np.concatenate([self.pair[there], pair])
        order, rank, full, at = keep_best(coach, liking, trainee, self.seats)
        is_kept = rank < self.seats[coach[order]]
        self.worst[full], self.last[full] = liking[order[at]], trainee[order[at]]
        kept = order[is_kept]
        place = self.first[coach[kept]] + rank[is_kept]
        self.pair[place], self.liking[place], self.trainee[place] = pair[kept], liking[kept], trainee[kept]
        self.n_taken[asked] = np.minimum(np.bincount(coach, minlength=len(self.seats))[asked], self.seats[asked])
        return pair[order[~is_kept]]

    def pairs(self) -> NDArray[np.int64]:
        place = np.repeat(self.first - np.cumsum(self.n_taken) + self.n_taken, self.n_taken)
        return self.pair[place + np.arange(len(place))]


def wish_order(lists: NDArray[np.int32], values: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """Give each row's columns, the largest value first, equal ones by the smaller coach; None: as they stand."""
    if _stands_so(lists, values):
        return None
    order = np.argsort(-values, axis=1)
    sorted_values = np.take_along_axis(values, order, axis=1)
    is_tied = (sorted_values[:, 1:] == sorted_values[:, :-1]) & (sorted_values[:, 1:] > -np.inf)
    for_them = np.flatnonzero(is_tied.any(axis=1))
    if len(for_them):
        order[for_them] = np.lexsort((lists[for_them], -values[for_them]), axis=1)
    return order


def _stands_so(lists: NDArray[np.int32], values: NDArray[np.float64]) -> bool:
    left, right = values[:, :-1], values[:, 1:]
    if (left > right).all():
        return True
    if (left < right).any():
        return False
    is_tied = (left == right) & (left > -np.inf)
    return bool((lists[:, :-1] < lists[:, 1:])[is_tied].all())


def keep_best(
    coach: NDArray[np.integer], offer: NDArray[np.float64], trainee: NDArray[np.int64], seats: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.integer], NDArray[np.int64]]:
    """
    Let each coach keep as many offers as there are seats: the largest, equal ones by the smaller trainee.

    Returns:
        An order of the offers by coach, the best first; the place of each in that order at its coach, from 0, those
        below the coach's seats being kept; the coaches who are full now, each once; and where in the order the last
        one each of them keeps stands.
    """
    order = np.argsort(-offer)
    order = order[np.argsort(coach[order].astype(np.min_scalar_type(len(seats))), kind="stable")]
    by_coach, by_offer = coach[order], offer[order]
    if ((by_coach[1:] == by_coach[:-1]) & (by_offer[1:] == by_offer[:-1])).any():
        order = np.lexsort((trainee, -offer, coach))  # slower, and only for ties
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = by_coach[1:] != by_coach[:-1]
    start = np.flatnonzero(is_first)
    rank = np.arange(len(order)) - np.repeat(start, np.diff(np.append(start, len(order))))
    at = np.flatnonzero(rank == seats[by_coach] - 1)
    return order, rank, by_coach[at], at
