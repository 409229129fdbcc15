"""
What a trainee could say otherwise: for each compared column the values between what they said and what a coach has.

Only what was said is changed, and one column at a time. Nobody's goal is touched, no text is made up, and a
sensitive column is left alone even where a matcher may see it. A budget is a limit, so it is only raised.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from itertools import combinations
from typing import Any, Final

import attrs
import numpy as np

from coachhub_core.matching.columns import N_HOURS, Category, Hours, Labels, Number
from coachhub_core.matching.tables import CoachRow, CoachTable, TraineeTable

#: CoachHub's own that are compared under two names: the trainee's column and the coach's.
HUB_PAIRS: Final = (("budget", "price"), ("fitness_level", "levels"))
#: Goals are what all is about; a budget in another currency is another budget.
UNTOUCHED: Final = frozenset({"goal", "goal_kinds", "currency"})
MOST_HOURS: Final = 8  #: more than a working day is no small change
_MOST_SETS = 150  # of so many hours that all of them are tried; else those of neighbours


@attrs.frozen(kw_only=True)
class Way:
    """
    One column of the trainee, and the values it could have instead.

    Values are plain: a float, a name, or a sorted tuple of names or of hours (0 is Monday 00:00 UTC, to 167).
    """

    column: str
    kind: str
    was: Any
    line: tuple[float, ...] = ()  #: of numbers: ever nearer to the coach's, which is the last
    choices: tuple[Any, ...] = ()  #: of names: equally far
    hours: tuple[int, ...] = ()  #: the coach's that the trainee has not

    def added(self, value: Any) -> tuple[Any, ...]:
        """Give the names or hours of a value that are new; none of a number or a single name."""
        return tuple(one for one in value if one not in self.was) if isinstance(value, tuple) else ()

    def size(self, value: Any) -> float:
        """Give the share of a value that is new: one less what was and is, over what is (Jaccard's distance)."""
        if self.kind == Number.kind:
            return float(abs(value - self.was) / max(abs(value), abs(self.was)))
        return len(self.added(value)) / len(value) if isinstance(value, tuple) else 1.0

    def rungs(self) -> Iterator[list[Any]]:
        """
        Give the values that are no numbers, the nearest first; those of a rung are equally far.

        Hours come by how many are added, up to :data:`MOST_HOURS`: every set of so many, or, where there are more
        than 150 of those, each of neighbours among the coach's; first those that leave the week in few pieces, then
        those nearest to the time of day at which the trainee is free, then the earliest.
        """
        if self.choices:
            yield list(self.choices)
        for n in range(1, min(len(self.hours), MOST_HOURS) + 1):
            if math.comb(len(self.hours), n) <= _MOST_SETS:
                more = list(combinations(self.hours, n))
            else:
                more = [self.hours[at : at + n] for at in range(len(self.hours) - n + 1)]
            weeks = [(tuple(sorted({*self.was, *some})), some) for some in more]
            weeks.sort(key=lambda week: (_n_pieces(week[0]), sum(self._hours_off(hour) for hour in week[1]), week[1]))
            yield [week for week, _ in weeks]

    def _hours_off(self, hour: int) -> int:
        """Give how far an hour is from the time of day of the nearest that was said: 0 to 12."""
        return min(min((hour - said) % 24, (said - hour) % 24) for said in tuple[int, ...](self.was))

    def said(self, trainee: TraineeTable, value: Any) -> TraineeTable:
        """Give the table of the trainee who says this instead."""
        made = type(trainee[self.column])([value])  # type: ignore[call-arg]
        return trainee.with_columns(**{self.column: made})


def ways(
    trainee: TraineeTable,
    coaches: CoachTable,
    row: int,
    *,
    pairs: Mapping[str, tuple[str, str]] | None = None,
    columns: Collection[str] | None = None,
) -> list[Way]:
    """
    Find what one trainee could say otherwise, to come nearer to one coach.

    Args:
        trainee: A table of one row.
        row: The coach's.
        pairs: Name -> (trainee's column, coach's column): compared beside those of one name, as in ``fit``.
        columns: The trainee's that may change; None: all that are compared.
    Returns:
        Numbers first, then names, then hours, each by column: in the order of what it costs to look.
    """
    coach = coaches.row(row)
    found = {}
    for mine, theirs in _compared(trainee, coaches, pairs):
        if mine in UNTOUCHED or (columns is not None and mine not in columns):
            continue
        if trainee[mine].is_sensitive or coaches[theirs].is_sensitive:
            continue
        way = _way(trainee, coaches, coach, mine, theirs)
        if way is not None:
            found[mine, theirs] = way
    order = (Number.kind, Category.kind, Labels.kind, Hours.kind)
    return sorted(found.values(), key=lambda way: (order.index(way.kind), way.column))


def _compared(
    trainee: TraineeTable, coaches: CoachTable, pairs: Mapping[str, tuple[str, str]] | None
) -> Iterator[tuple[str, str]]:
    for mine, theirs in (*((name, name) for name in trainee.columns), *HUB_PAIRS, *(pairs or {}).values()):
        if mine in trainee and theirs in coaches:
            yield mine, theirs


def _way(trainee: TraineeTable, coaches: CoachTable, coach: CoachRow, mine: str, theirs: str) -> Way | None:
    """Give the way from what was said to the coach's value; None where either is missing, or they are the same."""
    was, has = trainee.row(0)[mine], coach[theirs]
    match trainee[mine], coaches[theirs]:
        case Number(), Number() if was is not None and has is not None:
            if (mine, theirs) == ("budget", "price") and has < was:
                return None  # a limit: to lower it would only shut others out
            return Way(column=mine, kind=Number.kind, was=_short(was), line=_line(_short(was), _short(has)))
        case Category(), Category() | Labels() if was and has:
            return Way(column=mine, kind=Category.kind, was=was, choices=_others(has, (was,)))
        case Labels(), Category() | Labels() if was and has:
            new = _others(_served(has) if mine == "modalities" else has, was)
            choices = tuple(tuple(sorted({*was, one})) for one in new)
            return Way(column=mine, kind=Labels.kind, was=was, choices=choices)
        case Hours(), Hours() if was and has:
            more = tuple(hour for hour in _hours(has) if not was >> hour & 1)
            return Way(column=mine, kind=Hours.kind, was=_hours(was), hours=more)
    return None


def _others(has: Any, was: Collection[str]) -> tuple[str, ...]:
    names = (has,) if isinstance(has, str) else has
    return tuple(sorted(name for name in names if name not in was))


def _served(has: Any) -> Any:
    """Give the ways of working a coach serves: hybrid is both."""
    return {*has, "online", "in_person"} if isinstance(has, tuple) and "hybrid" in has else has


def _hours(week: int) -> tuple[int, ...]:
    return tuple(hour for hour in range(N_HOURS) if week >> hour & 1)


def _n_pieces(hours: tuple[int, ...]) -> int:
    return sum(hour - 1 not in hours for hour in hours)


def _short(number: float) -> float:
    """Give the number of a column as somebody would write it: 39.9, and not 39.900001525878906."""
    return float(str(np.float32(number)))


def _line(was: float, theirs: float) -> tuple[float, ...]:
    """
    Give the round numbers from *was* to *theirs*, and that one last.

    They are 10 to 100 steps of a power of ten; of one at least, where both are whole.
    """
    if was == theirs:
        return ()
    exponent = math.floor(math.log10(abs(theirs - was))) - 1
    if was.is_integer() and theirs.is_integer():
        exponent = max(exponent, 0)
    step = Decimal(1).scaleb(exponent)
    start, end = Decimal(str(was)), Decimal(str(theirs))
    way = 1 if end > start else -1
    k = math.floor(start * way / step) + 1  # the first round number beyond
    line = []
    while step * k < end * way:
        line.append(_short(float(step * k * way)))
        k += 1
    return (*line, theirs)
