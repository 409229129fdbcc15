"""The check of what a program hands in: the right table in each place, whole numbers, a log that tells something."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from coachhub_core.errors import Invalid
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import OutcomeLog

_log = logging.getLogger("coachhub.matching")
_NAMED = 5  # events named in a warning


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
    check_kind(pairs, Mapping, "pairs")
    made: dict[str, tuple[str, str]] = {}
    for name, pair in pairs.items():
        if isinstance(pair, str) or not isinstance(pair, Collection) or len(pair) != 2:
            raise Invalid.at(f"pairs/{name}", f"needs (trainee's column, coach's column), not {pair!r}")
        mine, theirs = (str(column) for column in pair)
        for whose, column, table in (("trainees", mine, trainees), ("coaches", theirs, coaches)):
            if column not in table:
                known = ", ".join(sorted(table.columns)) or "none"
                raise Invalid.at(f"pairs/{name}", f"the {whose} have no column {column!r}; known: {known}")
            if table[column].is_sensitive and column not in consent:
                raise Invalid.at(f"pairs/{name}", f"the {whose}' column {column!r} is sensitive and not consented to")
        made[str(name)] = mine, theirs
    return made


def _with_article(kind: type) -> str:
    return f"{'an' if kind.__name__[0] in 'AEIOUaeiou' else 'a'} {kind.__name__}"
