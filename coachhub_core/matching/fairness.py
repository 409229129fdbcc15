"""What lists do to those who stand on them: who is seen, whose seats fill, and who gets nobody."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching.tables import CoachTable


@attrs.frozen(kw_only=True)
class Fairness:
    """How a set of lists treats coaches and trainees."""

    top_tenth: float  #: share of all places on lists that the most shown tenth of the coaches has; 0.1 is even
    coverage: float  #: share of the coaches who are on a list at all
    seats_used: float  #: of the seats this many trainees could fill, when each asks down the list
    n_without: int  #: trainees whose whole list was full by then
    worst_place: int  #: the lowest place on a list that somebody ended with, from 1; 0 where nobody ended anywhere


def fairness(rows: NDArray[np.integer], seats: NDArray[np.int64]) -> Fairness:
    """
    Count who is shown, and where people end when each in turn takes the first on the list with a seat.

    Args:
        rows: (n, k), rows of coaches, -1 = none: a list per trainee, in the order in which they ask.
        seats: (m,), places per coach.
    """
    m = len(seats)
    shown = times_shown(rows, m)
    n_top = a_tenth_of(m)
    n_shown = int(shown.sum())
    left = seats.copy()
    places = []
    for list_ in rows.tolist():
        place = next((at for at, row in enumerate(list_, start=1) if row >= 0 and left[row] > 0), 0)
        if place:
            left[list_[place - 1]] -= 1
        places.append(place)
    n_placed = sum(place > 0 for place in places)
    could = min(int(seats.sum()), len(rows))
    return Fairness(
        top_tenth=float(np.sort(shown)[m - n_top :].sum() / n_shown) if n_shown else 0.0,
        coverage=float((shown > 0).mean()) if m else 0.0,
        seats_used=n_placed / could if could else 0.0,
        n_without=len(places) - n_placed,
        worst_place=max(places, default=0),
    )


def a_tenth_of(n: int) -> int:
    """Return how many coaches a tenth of *n* is, rounded up."""
    return -(-n // 10)


def times_shown(rows: NDArray[np.integer], m: int) -> NDArray[np.int64]:
    """Give on how many lists each of *m* coaches stands."""
    made: NDArray[np.int64] = np.bincount(rows[rows >= 0].ravel(), minlength=m).astype(np.int64)
    return made


def seats_of(coaches: CoachTable) -> NDArray[np.int64]:
    """Give each coach's places: the capacity, where it is not known what is left, one where nothing is known."""
    capacity, left = coaches.number("capacity"), coaches.number("seats_left")
    known = np.where(np.isnan(capacity), left, capacity)
    made: NDArray[np.int64] = np.maximum(np.where(np.isnan(known), 1, known), 0).astype(np.int64)
    return made
