"""Stable placement in rounds: every trainee who is short proposes at once, and each coach keeps the best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coachhub_core.ports.matcher import Deadline


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
    n = len(lists)
    wishes = wish_order(lists, values)
    n_wishes = (values > -np.inf).sum(axis=1)
    asked = np.zeros(n, np.int64)  # wishes each trainee has spent
    held = np.zeros(n, np.int64)
    mine, column = np.empty(0, np.int64), np.empty(0, np.int64)
    worst, last = np.full(len(seats), -np.inf), np.full(len(seats), n, np.int64)  # the least wanted of a full coach
    worst[seats == 0] = np.inf
    short = np.flatnonzero((need > 0) & (n_wishes > 0))
    while len(short):
        deadline.check()
        n_more = np.minimum(need[short] - held[short], n_wishes[short] - asked[short])
        who = np.repeat(short, n_more)
        step = np.arange(len(who)) - np.repeat(np.cumsum(n_more) - n_more, n_more)
        where = wishes[who, asked[who] + step].astype(np.int64)
        asked[short] += n_more
        coach, liking = lists[who, where], theirs[who, where]
        has_hope = (liking > worst[coach]) | ((liking == worst[coach]) & (who < last[coach]))
        who, where, coach = who[has_hope], where[has_hope], coach[has_hope]
        is_touched = np.zeros(len(seats), np.bool_)
        is_touched[coach] = True
        goes_again = is_touched[lists[mine, column]]
        who, where = np.concatenate([mine[goes_again], who]), np.concatenate([column[goes_again], where])
        coach, liking = lists[who, where], theirs[who, where]
        order, is_kept, full, at = keep_best(coach, liking, who, seats)
        worst[full], last[full] = liking[order[at]], who[order[at]]
        kept = order[is_kept]
        mine = np.concatenate([mine[~goes_again], who[kept]])
        column = np.concatenate([column[~goes_again], where[kept]])
        held = np.bincount(mine, minlength=n)
        short = np.flatnonzero((held < need) & (asked < n_wishes))
    return mine, column


def wish_order(lists: NDArray[np.int32], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give each row's columns, the largest value first, equal ones by the smaller coach."""
    order = np.argsort(-values, axis=1)
    sorted_values = np.take_along_axis(values, order, axis=1)
    is_tied = (sorted_values[:, 1:] == sorted_values[:, :-1]) & (sorted_values[:, 1:] > -np.inf)
    for_them = np.flatnonzero(is_tied.any(axis=1))
    if len(for_them):
        order[for_them] = np.lexsort((lists[for_them], -values[for_them]), axis=1)
    return order


def keep_best(
    coach: NDArray[np.int32], offer: NDArray[np.float64], trainee: NDArray[np.int64], seats: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int32], NDArray[np.int64]]:
    """
    Let each coach keep as many offers as there are seats: the largest, equal ones by the smaller trainee.

    Returns:
        An order of the offers by coach, the best first; which of them, in that order, are kept; the coaches who
        are full now, each once; and where in the order the last one each of them keeps stands.
    """
    order = np.lexsort((trainee, -offer, coach))
    by_coach = coach[order]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = by_coach[1:] != by_coach[:-1]
    start = np.flatnonzero(is_first)
    rank = np.arange(len(order)) - np.repeat(start, np.diff(np.append(start, len(order))))
    at = np.flatnonzero(rank == seats[by_coach] - 1)
    return order, rank < seats[by_coach], by_coach[at], at
