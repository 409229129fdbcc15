"""Mutants that break ties, filter, remember snapshots, or look at columns in ways of their own."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
from mutants import Mutants, with_index
from reference import NEEDS, Reference, ReferenceIndex

from coachhub_core.matching.pairs import AllowedPairs
from coachhub_core.ports.matcher import Ranking


def _ordered_by(key: Callable[[Any, int], Any]) -> type[Reference]:
    class Index(ReferenceIndex):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            by_key = sorted(range(len(self.coaches)), key=lambda row: key(self.coaches, row))
            self.order = np.argsort(np.array(by_key, np.int64))

    return with_index(Index)


def _filtered_by(rows: Callable[[Any, int], Any]) -> type[Reference]:
    class Index(ReferenceIndex):
        def rows(self, allowed: Any, i: int) -> Any:
            return np.asarray(rows(allowed, i), np.int64)

    return with_index(Index)


def _big_endian(allowed: Any, i: int) -> Any:
    bits = np.unpackbits(np.frombuffer(allowed.bitmap(i), np.uint8), count=allowed.n_coaches)
    return np.flatnonzero(bits)


class FilteredAfterwards(ReferenceIndex):
    """Takes the best k of all, and then those who are allowed."""

    def rank(self, trainees: Any, k: int, allowed: Any, *, deadline: Any) -> Any:
        n = allowed.n_coaches
        whole = super().rank(trainees, k, AllowedPairs.shared((1 << n) - 1, n), deadline=deadline)
        made = Ranking.empty(len(trainees), k)
        for i in range(len(trainees)):
            kept = [p for p, row in enumerate(whole.rows[i].tolist()) if row >= 0 and allowed.is_allowed(i, row)]
            made.rows[i, : len(kept)], made.scores[i, : len(kept)] = whole.rows[i, kept], whole.scores[i, kept]
        return made


class Remembering(ReferenceIndex):
    """Knows people by their ids, whatever they say of themselves today."""

    def every(self, trainee: Any) -> Any:
        known = self.__dict__.setdefault("known", {})
        if trainee.id not in known:
            known[trainee.id] = super().every(trainee)
        return known[trainee.id]


class ByTheRow(ReferenceIndex):
    """Likes those who stand further up in the table."""

    def every(self, trainee: Any) -> Any:
        return super().every(trainee) - 0.01 * np.arange(len(self.coaches))


SNAPSHOTS: dict[int, Any] = {}


class OldSnapshot(Reference):
    """Keeps an index by the number of coaches, for all."""

    def index(self, coaches: Any, *, prices: Any = None) -> Any:
        return SNAPSHOTS.setdefault(len(coaches), ReferenceIndex(self, coaches, prices))


def _takes_for_granted(read: Callable[[Any], object]) -> type[Reference]:
    class Index(ReferenceIndex):
        def __init__(self, matcher: Any, coaches: Any, *given: Any) -> None:
            read(coaches)
            super().__init__(matcher, coaches, *given)

    return with_index(Index)


def _asks_for_granted(read: Callable[[Any], object]) -> type[Reference]:
    class Index(ReferenceIndex):
        def every(self, trainee: Any) -> Any:
            read(trainee)
            return super().every(trainee)

    return with_index(Index)


class Nosy(ReferenceIndex):
    """Reads a column it did not name."""

    def __init__(self, matcher: Any, coaches: Any, *given: Any) -> None:
        super().__init__(matcher, coaches, *given)
        self.ease = self.ease + np.nan_to_num(coaches.number("n_reviews"))


class NosyOfTrainees(ReferenceIndex):
    def every(self, trainee: Any) -> Any:
        return super().every(trainee) * (0.5 if trainee.text("city") else 1.0)


def order_and_filter() -> Mutants:
    """Break ties, filters and columns."""
    orders: dict[str, Callable[[Any, int], Any]] = {
        "by row": lambda coaches, row: row,
        "by row, the last first": lambda coaches, row: -row,
        "by id, the last first": lambda coaches, row: [-b for b in coaches.ids[row].encode()],
        "by id, capitals aside": lambda coaches, row: coaches.ids[row].casefold(),
        "by the length of the id": lambda coaches, row: (len(coaches.ids[row]), coaches.ids[row]),
        "by numbers in the id": lambda coaches, row: [
            (0, int("".join(filter(str.isdigit, coaches.ids[row])) or 0)),
            coaches.ids[row],
        ],
        "by what sounds alike": lambda coaches, row: coaches.ids[row].replace("é", "e"),
        "by hash": lambda coaches, row: uuid.uuid5(uuid.NAMESPACE_OID, coaches.ids[row]).hex,
    }
    for what, key in orders.items():
        yield f"ties {what}", _ordered_by(key)
    filters: dict[str, Callable[[Any, int], Any]] = {
        "nobody is filtered": lambda allowed, i: np.arange(allowed.n_coaches),
        "the first trainee's for all": lambda allowed, i: allowed.rows(0),
        "bits from the other end": _big_endian,
        "bits shifted by one": lambda allowed, i: (allowed.rows(i) + 1) % max(allowed.n_coaches, 1),
        "the first row never": lambda allowed, i: [row for row in allowed.rows(i) if row],
        "the last row never": lambda allowed, i: [row for row in allowed.rows(i) if row < allowed.n_coaches - 1],
        "whole bytes only": lambda allowed, i: [row for row in allowed.rows(i) if row < allowed.n_coaches // 8 * 8 - 8],
        "the first half only": lambda allowed, i: allowed.rows(i)[: (len(allowed.rows(i)) + 1) // 2],
        "turned round": lambda allowed, i: np.setdiff1d(np.arange(allowed.n_coaches), allowed.rows(i)),
    }
    for what, rows in filters.items():
        yield f"filter: {what}", _filtered_by(rows)
    yield "filter: after the best k", with_index(FilteredAfterwards)
    yield "knows people by id", with_index(Remembering)
    yield "likes the first rows", with_index(ByTheRow)
    yield "an old snapshot", OldSnapshot
    for name in sorted(NEEDS - {"goal"}):
        yield f"takes {name} for granted", _takes_for_granted(lambda coaches, name=name: coaches[name])
    yield "takes a goal for granted", _asks_for_granted(lambda trainee: trainee["goal"][0])
    yield "takes it that there is somebody", _takes_for_granted(lambda coaches: coaches.row(0))
    yield "takes it that all have years", _takes_for_granted(lambda coaches: min(coaches["years"].values()))
    yield "a coach's column not named", with_index(Nosy)
    yield "a trainee's column not named", with_index(NosyOfTrainees)
