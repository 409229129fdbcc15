"""Times that are none: the order of a file in the place of when it was."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_log = logging.getLogger("coachhub.matching")

_MANY = 50  # steps from one event of a person to their next, below which an order may be chance
_NEARLY_ALL = 0.95  # of them


def times_of(
    at: NDArray[np.int64], trainee: NDArray[np.int64], coach: NDArray[np.int64], ids: Sequence[str]
) -> NDArray[np.int64]:
    """
    Give when each event was; all at one moment, where the log only counts the rows of a sorted file.

    Tables of ratings often come without times, sorted by person and item, and the number of the row is put in the
    place of a time. Whoever then holds out the newest events of each person holds out the items that stand last, and
    what is learned is to choose them. Nobody chooses in the order of the ids.

    Args:
        at: Of each event.
        trainee: Row of who each event is of, below 0 for nobody.
        coach: Row of whom it is about, below 0 for nobody.
        ids: Of the coaches.
    """
    known = np.flatnonzero((trainee >= 0) & (coach >= 0))
    order = known[np.lexsort((at[known], trainee[known]))]
    before, after = order[:-1], order[1:]
    goes_on = (trainee[before] == trainee[after]) & (at[after] > at[before]) & (coach[after] != coach[before])
    before, after = before[goes_on], after[goes_on]
    if len(before) < _MANY:
        return at
    for place in _places(ids):
        rising = float((place[coach[after]] > place[coach[before]]).mean())
        if not 1.0 - _NEARLY_ALL < rising < _NEARLY_ALL:
            _log.warning("the events of each trainee follow the ids of the coaches: their times are not believed")
            return np.zeros(len(at), np.int64)
    return at


def _places(ids: Sequence[str]) -> list[NDArray[np.int64]]:
    """Give the place of each id among all, by text and, where all are numbers, by these."""
    made = [np.argsort(np.argsort(np.array(ids, dtype=np.str_), kind="stable"))]
    if all(id_.isascii() and id_.isdigit() and len(id_) < 19 for id_ in ids):
        made.append(np.array(ids, dtype=np.int64))
    return made
