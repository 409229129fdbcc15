"""Times that are none: the order of a file in the place of when it was."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coachhub_core.ports.matcher import OutcomeLog

_log = logging.getLogger("coachhub.matching")

_MANY = 50  # steps from one event of a person to their next, below which an order may be chance
_NEARLY_ALL = 0.95  # of them


def times_of(log: OutcomeLog, trainee: NDArray[np.int64]) -> NDArray[np.int64]:
    """
    Give when each event was; all at one moment, where the log only counts the rows of a sorted file.

    Tables of ratings often come without times, sorted by person and item, and the number of the row is put in the
    place of a time. Whoever then holds out the newest events of each person holds out the items that stand last, and
    what is learned is to choose them. Nobody chooses in the order of the ids.

    Args:
        trainee: Row of who each event is of, below 0 for nobody.
    """
    order = np.lexsort((log.at, trainee))
    order = order[trainee[order] >= 0]
    who, at = trainee[order], log.at[order]
    step = np.flatnonzero((who[1:] == who[:-1]) & (at[1:] > at[:-1]))
    for rank in _ranks(log.coach):
        before, after = rank[order[step]], rank[order[step + 1]]
        moved = before != after
        n_moved = int(moved.sum())
        if n_moved >= _MANY:
            rising = float((after > before)[moved].mean())
            if not 1.0 - _NEARLY_ALL < rising < _NEARLY_ALL:
                _log.warning("the events of each trainee follow the ids of the coaches: their times are not believed")
                return np.zeros(len(log.at), np.int64)
    return log.at


def _ranks(ids: Sequence[str]) -> list[NDArray[np.int64]]:
    """Give the place of each id among all, by text and, where all are numbers, by these."""
    names, number = np.unique(np.array(ids, dtype=np.str_), return_inverse=True)
    made = [number.astype(np.int64)]
    if len(names) and all(name.isascii() and name.isdigit() and len(name) < 19 for name in names.tolist()):
        made.append(names.astype(np.int64)[number])
    return made
