"""The check of what a program hands in: the right table in each place, whole numbers, a log that tells something."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import Invalid
from coachhub_core.matching.tables import CoachTable, Table, TraineeTable
from coachhub_core.ports.matcher import AllowedPairs, OutcomeLog

_log = logging.getLogger("coachhub.matching")
_NAMED = 5  # events named in a warning
MOST_PLACES = 10_000  #: of a list, where there are fewer coaches: an answer has room for all of them


def check_kind(value: Any, kind: type, name: str) -> None:
    """
    Refuse what is no table or log, or stands in the place of another.

    Raises:
        Invalid: Naming the argument.
    """
    if not isinstance(value, kind):
        raise Invalid.at(name, f"needs {_with_article(kind)}, not {_with_article(type(value))}")


def whole(value: Any, name: str) -> int:
    """
    Give a whole number, 0 or more.

    Raises:
        Invalid: If it is none, naming the argument.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        raise Invalid.at(name, "must be a whole number, 0 or more")
    return int(value)


def wide(value: Any, name: str, n_coaches: int) -> int:
    """
    Give how long lists are to be: 0 or more, and no longer than anybody could fill.

    Raises:
        Invalid: If it is no such number, naming the argument; a list keeps all its places, empty ones too.
    """
    number, most = whole(value, name), max(n_coaches, MOST_PLACES)
    if number > most:
        raise Invalid.at(name, f"must be at most {most}: there are {n_coaches} coaches")
    return number


def check_allowed(allowed: Any, coaches: CoachTable, trainees: TraineeTable) -> AllowedPairs:
    """
    Give the pairs for these tables; None allows all.

    Raises:
        Invalid: If they are none, or were made for other tables.
    """
    pairs = AllowedPairs.everyone() if allowed is None else allowed
    check_kind(pairs, AllowedPairs, "allowed")
    bound = pairs.bound_to(coaches, trainees)
    if bound.n_coaches != len(coaches) or len(bound.masks) != (1 if bound.is_shared else len(trainees)):
        n = "all" if bound.is_shared else len(bound.masks)
        raise Invalid.at("allowed", f"is for {n} trainees and {bound.n_coaches} coaches, and not for these tables")
    if any(mask < 0 or mask >> len(coaches) for mask in bound.masks):
        raise Invalid.at("allowed", f"names a coach outside 0 to {len(coaches) - 1}")
    return bound


def check_rows(rows: Any, n_trainees: int, n_coaches: int) -> NDArray[np.int32]:
    """
    Give the rows of coaches that are asked about.

    Raises:
        Invalid: If there is not a row of them per trainee, or one is no coach's.
    """
    try:
        given = np.asarray(rows)
    except ValueError:  # of several lengths
        raise Invalid.at("rows", "needs as many for each trainee; fill up with -1") from None
    if given.ndim != 2 or len(given) != n_trainees:
        raise Invalid.at("rows", f"needs a row per trainee, not the shape {given.shape}")
    if given.size and given.dtype.kind not in "iu":
        raise Invalid.at("rows", "needs whole numbers: rows of the coaches' table, -1 for none")
    if given.size and (given.min() < -1 or given.max() >= n_coaches):
        raise Invalid.at("rows", f"names a coach outside 0 to {n_coaches - 1}")
    return np.ascontiguousarray(given, dtype=np.int32)


def check_learning(log: OutcomeLog, coaches: CoachTable, trainees: TraineeTable, seed: int) -> int:
    """
    Check what is learned from, and say in the program's log where that is nothing although there are events.

    Returns:
        The seed.
    Raises:
        Invalid: If one stands in the place of another, or the seed is none.
    """
    check_kind(log, OutcomeLog, "log")
    check_kind(coaches, CoachTable, "coaches")
    check_kind(trainees, TraineeTable, "trainees")
    if len(log) and not any(log.step):
        named = ", ".join(sorted(set(log.event))[:_NAMED])
        _log.warning("no event of the log decides a step, so nothing is learned (%s): name them in steps=", named)
    elif len(log):
        known = set(trainees.ids)
        pairs = zip(log.trainee, log.coach, strict=True)
        if not any(trainee in known and coaches.row_of(coach) is not None for trainee, coach in pairs):
            first = (log.trainee[0], log.coach[0])
            _log.warning("no event of the log is of people in both tables, so nothing is learned (%r, %r)", *first)
    return whole(seed, "seed")


def check_pairs(
    pairs: Mapping[str, tuple[str, str]], coaches: CoachTable, trainees: TraineeTable, *, consent: Collection[str]
) -> dict[str, tuple[str, str]]:
    """
    Give the pairs of columns that are to be compared.

    Raises:
        Invalid: If one is no pair, or a column is unknown, or sensitive and not consented to: naming pair and column.
    """
    made = pairs_of(pairs)
    for name, (mine, theirs) in made.items():
        for whose, column, table in (("trainees", mine, trainees), ("coaches", theirs, coaches)):
            check_has(table, column, whose, f"pairs/{name}")
            if table[column].is_sensitive and column not in consent:
                raise Invalid.at(f"pairs/{name}", f"the {whose}' column {column!r} is sensitive and not consented to")
    return made


def pairs_of(pairs: Any) -> dict[str, tuple[str, str]]:
    """
    Give pairs of columns as they are meant.

    Raises:
        Invalid: If one is no pair.
    """
    check_kind(pairs, Mapping, "pairs")
    made: dict[str, tuple[str, str]] = {}
    for name, pair in pairs.items():
        if isinstance(pair, str) or not isinstance(pair, Collection) or len(pair) != 2:
            raise Invalid.at(f"pairs/{name}", f"needs (trainee's column, coach's column), not {pair!r}")
        mine, theirs = pair
        made[str(name)] = str(mine), str(theirs)
    return made


def check_has(table: Table, column: str, whose: str, pointer: str) -> None:
    """
    Refuse a column that a table lacks.

    Raises:
        Invalid: Naming it, and those that are there.
    """
    if column not in table:
        known = ", ".join(sorted(table.columns)) or "none"
        raise Invalid.at(pointer, f"the {whose} have no column {column!r}; known: {known}")


def _with_article(kind: type) -> str:
    return f"{'an' if kind.__name__[0] in 'AEIOUaeiou' else 'a'} {kind.__name__}"
