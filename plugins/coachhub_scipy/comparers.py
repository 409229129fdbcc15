"""
Each kind of comparison, ready for a snapshot: difference, equality, overlap, text score.

It gives a few numbers per pair, each 0 where either side said nothing, computed for all
coaches at once, element by element, so that a pair has the same bits whoever else is
asked about.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from coachhub_core.domain.vocabulary import shipped
from coachhub_core.matching.tables import Category, CoachTable, Hours, Labels, Number, Texts, TraineeRow, Vector
from coachhub_scipy.arithmetic import Floats, logarithm
from coachhub_scipy.comparisons import Comparison
from coachhub_scipy.wordings import Wordings

FAR = 3.0  #: differences beyond so many deviations count as that

Rows = NDArray[np.int64] | slice  #: all of them: slice(None)
EVERY = slice(None)
Some = Sequence[int] | NDArray[np.int64]  #: rows of a few coaches; an array is read faster
Facts = dict[str, Any]  #: one may stand for all coaches of a list who say the same


class Comparer(Protocol):
    """One comparison, ready for a snapshot."""

    is_sparse: bool  #: whether few coaches have anything else than 0, found without a look at all

    def compare(self, trainee: TraineeRow, rows: Rows) -> Floats | None:
        """Give its numbers for these coaches, or all: (parts, r), or None where this trainee said nothing."""

    def evidence(self, trainee: TraineeRow, rows: Some) -> list[Facts]:
        """Say in facts what was compared, for each of these coaches; no words but this trainee's and that coach's."""


def comparer_of(
    one: Comparison, coaches: CoachTable, background: Mapping[str, Mapping[str, int]], n_background: int
) -> Comparer | None:
    """Make a comparison ready, or None where this snapshot lacks the column."""
    column = coaches.columns.get(one.coach)
    kinds = _COMPARERS[one.kind]
    if not isinstance(column, kinds[0]):
        return None
    if one.kind == "texts":
        return _Texts(one, Wordings.of(column, background.get(one.trainee, {}), n_background))
    made: Comparer = kinds[1](one, column)
    return made


class _Numbers:
    is_sparse = False
    _digits = 4  # as a reason shows them

    def __init__(self, one: Comparison, column: Any) -> None:
        self._one = one
        self._values = column.array.astype(np.float64)
        self._known = ~np.isnan(self._values)
        self._filled = np.where(self._known, self._values, 0.0)
        self._shown = _rounded(self._values, self._digits)

    def compare(self, trainee: TraineeRow, rows: Rows) -> Floats | None:
        value = trainee.number(self._one.trainee)
        if value is None:
            return None
        by = np.minimum(np.maximum((self._filled[rows] - value) / self._one.scale, -FAR), FAR)
        above, below = np.maximum(by, 0.0), np.maximum(-by, 0.0)
        parts = np.stack([np.ones_like(by), np.sqrt(np.abs(by)), above, below])
        made: Floats = parts * self._known[rows]
        return made

    def evidence(self, trainee: TraineeRow, rows: Some) -> list[Facts]:
        value = trainee.number(self._one.trainee)
        if value is None:
            return [{} for _ in rows]
        said = self._values.take(rows).tolist()
        facts = self._facts(value, dict(zip(said, self._shown.take(rows).tolist(), strict=True)))
        return [facts[theirs] if theirs == theirs else {} for theirs in said]  # NaN is nothing said

    def _facts(self, mine: float, shown: Mapping[float, float]) -> dict[float, Facts]:
        """Give the facts for each number a coach said, of which is known how it is shown."""
        asked = round(mine, self._digits)
        return {theirs: {"asked": asked, "offers": rounded} for theirs, rounded in shown.items()}


class _Ratio(_Numbers):
    _digits = 2

    def __init__(self, one: Comparison, column: Any) -> None:
        super().__init__(one, column)
        self._log = logarithm(np.maximum(self._filled, 1e-6))

    def compare(self, trainee: TraineeRow, rows: Rows) -> Floats | None:
        value = trainee.number(self._one.trainee)
        if value is None:
            return None
        by = self._log[rows] - logarithm(np.array([max(value, 1e-6)]))[0]
        by = np.minimum(np.maximum(by, -FAR), FAR)
        parts = np.stack([np.ones_like(by), np.maximum(by, 0.0), np.maximum(-by, 0.0)])
        made: Floats = parts * self._known[rows]
        return made

    def _facts(self, mine: float, shown: Mapping[float, float]) -> dict[float, Facts]:
        budget = round(mine, self._digits)
        facts: dict[float, Facts] = {theirs: {"price": price, "budget": budget} for theirs, price in shown.items()}
        if mine > 0:
            for theirs, fact in facts.items():
                over = 100 * (theirs - mine) / mine
                if over > 0:
                    fact["over_percent"] = round(over, 1)
        return facts


class _Categories:
    is_sparse = False

    def __init__(self, one: Comparison, column: Any) -> None:
        self._one, self._column = one, column
        self._place = {name: code for code, name in enumerate(column.names)}

    def compare(self, trainee: TraineeRow, rows: Rows) -> Floats | None:
        name = trainee.text(self._one.trainee)
        if name is None:
            return None
        codes = self._column.codes[rows]
        equal = codes == self._place.get(name, -2)
        made: Floats = np.stack([equal, ~equal & (codes >= 0)]).astype(np.float64)
        return made

    def evidence(self, trainee: TraineeRow, rows: Some) -> list[Facts]:
        asked, names = trainee.text(self._one.trainee), self._column.names
        codes = self._column.codes.take(rows).tolist()
        mine = self._place.get(asked, -2) if asked is not None else -2
        facts: dict[int, Facts] = {-1: {}, mine: {"shared": asked}}
        for code in codes:
            if code not in facts:
                facts[code] = {"asked": asked, "offers": names[code]}
        return [facts[code] for code in codes]


class _Members:
    is_sparse = False

    def __init__(self, one: Comparison, column: Any) -> None:
        self._one, self._column = one, column
        self._silent = column.missing | (np.diff(column.starts) == 0)
        self._nobody = np.zeros(len(column), np.bool_)
        self._has = {name: column.has(name) for name in column.names}

    def compare(self, trainee: TraineeRow, rows: Rows) -> Floats | None:
        name = trainee.text(self._one.trainee)
        if name is None:
            return None
        equal = self._has.get(name, self._nobody)[rows]
        made: Floats = np.stack([equal, ~equal & ~self._silent[rows]]).astype(np.float64)
        return made

    def evidence(self, trainee: TraineeRow, rows: Some) -> list[Facts]:
        asked, at = trainee.text(self._one.trainee), np.asarray(rows)
        starts, codes, names = self._column.starts, self._column.codes, self._column.names
        bounds = zip(starts.take(at).tolist(), starts.take(at + 1).tolist(), strict=True)
        said = [tuple(codes[first:last].tolist()) for first, last in bounds]
        facts: dict[tuple[int, ...], Facts] = {(): {}}
        for theirs in set(said) - {()}:
            offers = [names[code] for code in theirs]
            facts[theirs] = {"shared": asked} if asked in offers else {"asked": asked, "offers": offers}
        return [facts[theirs] for theirs in said]


class _Sets:
    """Labels by overlap, the rare ones weighing more; tags by the vocabulary's neighbours too."""

    is_sparse = True

    def __init__(self, one: Comparison, column: Any) -> None:
        self._one, self._column = one, column
        self._n = len(column)
        self._silent = column.missing | (np.diff(column.starts) == 0)
        rows = np.repeat(np.arange(self._n), np.diff(column.starts))
        self._rows = {name: rows[column.codes == code] for code, name in enumerate(column.names)}
        counts = np.array([len(self._rows[name]) for name in column.names], np.float64)
        rare = logarithm((1.0 + self._n) / (1.0 + counts)) + 0.5 if len(counts) else counts
        self._rare = dict(zip(column.names, rare.tolist(), strict=True))
        self._unknown = float(logarithm(np.array([1.0 + self._n]))[0]) + 0.5
        squares = np.zeros(self._n)
        for name in column.names:
            squares[self._rows[name]] += self._rare[name] ** 2
        self._length = np.sqrt(np.maximum(squares, 1e-12))
        self._is_tags = one.kind == "tags"

    def _near(self, name: str) -> Mapping[str, float]:
        return (shipped().related(name) or {name: 1.0}) if self._is_tags else {name: 1.0}

    def compare(self, trainee: TraineeRow, rows: Rows) -> Floats | None:
        asked = trainee.texts(self._one.trainee)
        if not asked:
            return None
        share, alike = np.zeros(self._n), np.zeros(self._n)
        length = 0.0
        for name in asked:  # sorted by the column: a fixed order of adding
            best = np.zeros(self._n)
            for near, worth in self._near(name).items():
                has = self._rows.get(near)
                if has is not None:
                    best[has] = np.maximum(best[has], worth)
            share += best
            weight = self._rare.get(name, self._unknown)
            length += weight * weight
            has = self._rows.get(name)
            if has is not None:
                alike[has] += weight * weight
        share, alike = share[rows] / len(asked), alike[rows]
        none = ((share == 0) & ~self._silent[rows]).astype(np.float64)
        if self._is_tags:
            return np.stack([share, none])
        return np.stack([share, alike / self._length[rows] / math.sqrt(length), none])

    def evidence(self, trainee: TraineeRow, rows: Some) -> list[Facts]:
        asked, made = trainee.texts(self._one.trainee), list[Facts]()
        for row in rows:
            theirs = self._column.value(row) or ()
            met = [name for name in theirs if any(name in self._near(wish) for wish in asked)]
            made.append({"shared": met} if met else {"asked": list(asked)[:10], "offers": list(theirs)[:10]})
        return made


class _Texts:
    is_sparse = True

    def __init__(self, one: Comparison, wordings: Wordings) -> None:
        self._one, self._wordings = one, wordings

    def compare(self, trainee: TraineeRow, rows: Rows) -> Floats | None:
        said = trainee.texts(self._one.trainee)
        if not said:
            return None
        wordings = self._wordings
        made: Floats = wordings.scores(wordings.found(wordings.request(said)))
        return made.take(wordings.lists.of_row[rows])[None, :]

    def evidence(self, trainee: TraineeRow, rows: Some) -> list[Facts]:
        asked = trainee.texts(self._one.trainee)
        return [{"words": words} for words in self._wordings.shared(asked, list(rows))]


_N_BITS = np.array([bin(byte).count("1") for byte in range(256)], np.float64)


class _Hours:
    is_sparse = False

    def __init__(self, one: Comparison, column: Any) -> None:
        self._one, self._column = one, column
        self._silent = column.missing | ~column.bits.any(axis=1)

    def _shared(self, week: int, rows: Rows) -> Floats:
        mine = np.frombuffer(week.to_bytes(21, "little"), np.uint8)
        made: Floats = _N_BITS[self._column.bits[rows] & mine].sum(axis=1)  # whole numbers: any order gives the same
        return made

    def compare(self, trainee: TraineeRow, rows: Rows) -> Floats | None:
        week = trainee.hours(self._one.trainee)
        if not week:
            return None
        shared = self._shared(week, rows)
        some = np.minimum(shared, 3.0) / 3.0
        many = np.minimum(shared / week.bit_count(), 1.0)
        made: Floats = np.stack([some, many, (shared == 0) & ~self._silent[rows]]).astype(np.float64)
        return made

    def evidence(self, trainee: TraineeRow, rows: Some) -> list[Facts]:
        week = trainee.hours(self._one.trainee)
        mine: list[tuple[int, int, int]] = []
        while week:
            hour = (week & -week).bit_length() - 1  # the lowest
            mine.append((hour >> 3, 1 << (hour & 7), hour))
            week &= week - 1
        made: list[Facts] = []
        for said in self._column.bits.take(rows, axis=0).tolist():
            shared = [hour for byte, bit, hour in mine if said[byte] & bit]
            made.append({"n_shared": len(shared), "hours": shared[:24]})
        return made


class _Vectors:
    is_sparse = False

    def __init__(self, one: Comparison, column: Any) -> None:
        self._one = one
        gone = np.isnan(column.array).any(axis=1)
        self._known = ~gone
        self._columns = np.ascontiguousarray(np.where(gone[:, None], 0.0, column.array.astype(np.float64)).T)
        self._length = np.sqrt(np.maximum(_added(self._columns * self._columns), 1e-12))

    def compare(self, trainee: TraineeRow, rows: Rows) -> Floats | None:
        value = trainee[self._one.trainee]
        if not isinstance(value, np.ndarray) or len(value) != len(self._columns):
            return None
        mine = value.astype(np.float64)
        own = math.sqrt(max(math.fsum(v * v for v in mine.tolist()), 1e-12))
        columns = self._columns[:, rows]
        alike = _added(columns * mine[:, None]) / self._length[rows] / own
        apart = _added((columns - mine[:, None]) ** 2)
        near = -np.sqrt(apart) / (self._one.scale * math.sqrt(2 * len(mine)))
        made: Floats = np.stack([alike, near]) * self._known[rows]
        return made

    def evidence(self, trainee: TraineeRow, rows: Some) -> list[Facts]:
        return [{} for _ in rows]


class _Worth:
    is_sparse = False

    def __init__(self, one: Comparison, column: Any) -> None:
        self._values = np.nan_to_num(column.array.astype(np.float64))
        self._shown = _rounded(self._values, 3)

    def compare(self, trainee: TraineeRow, rows: Rows) -> Floats | None:
        made: Floats = self._values[rows][None, :]
        return made

    def evidence(self, trainee: TraineeRow, rows: Some) -> list[Facts]:
        said = self._shown.take(rows).tolist()
        facts: dict[float, Facts] = {value: {"value": value} for value in set(said) if value}  # 0 may have a sign
        return [facts.get(value) or {"value": value} for value in said]


def _rounded(values: Floats, digits: int) -> Floats:
    """Round as ``round`` does and numpy does not, each different number once."""
    different, place = np.unique(values.view(np.int64), return_inverse=True)  # by their bits: 0 may have a sign
    shown = np.array([round(value, digits) for value in different.view(np.float64).tolist()], np.float64)
    return shown[place.reshape(values.shape)]


def _added(products: Floats) -> Floats:
    """Add the rows up one after the other."""
    total = np.zeros(products.shape[1])
    for row in products:
        total = total + row
    return total


_COMPARERS: Mapping[str, tuple[Any, Any]] = {
    "number": (Number, _Numbers),
    "ratio": (Number, _Ratio),
    "category": (Category, _Categories),
    "member": (Labels, _Members),
    "labels": (Labels, _Sets),
    "tags": (Labels, _Sets),
    "texts": (Texts, _Texts),
    "hours": (Hours, _Hours),
    "vector": (Vector, _Vectors),
    "worth": (Number, _Worth),
}
