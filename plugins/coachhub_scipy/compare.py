"""
What the same column says on both sides, compared: difference, equality, overlap, text score.

A comparison gives a few numbers per pair, each 0 where either side said nothing.
They are computed for all coaches at once, element by element, so that a pair has
the same bits whoever else is asked about.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.domain.vocabulary import shipped
from coachhub_core.matching.tables import Category, CoachTable, Hours, Labels, Number, Table, Texts, TraineeRow, Vector
from coachhub_scipy.arithmetic import Floats, logarithm
from coachhub_scipy.hub import PAIRS, TAGS
from coachhub_scipy.text import TextIndex

WORTH = ("free_seats", "rating")  #: of a hub's coaches: see coachhub_scipy.hub
FAR = 3.0  #: differences beyond so many deviations count as that


@attrs.frozen(kw_only=True)
class Comparison:
    """Which two columns are compared, and how; the same for every snapshot."""

    name: str
    trainee: str
    coach: str
    kind: str  # number ratio category member labels tags texts hours vector
    scale: float = 1.0

    @property
    def parts(self) -> tuple[str, ...]:
        """Name the numbers it gives."""
        return PARTS[self.kind]


PARTS: Mapping[str, tuple[str, ...]] = {
    "number": ("known", "far", "above", "below"),
    "ratio": ("known", "over", "under"),
    "category": ("equal", "differs"),
    "member": ("equal", "differs"),
    "labels": ("share", "alike", "none"),
    "tags": ("share", "none"),
    "texts": ("words",),
    "hours": ("some", "many", "none"),
    "vector": ("alike", "near"),
    "worth": ("value",),
}

PRIOR: Mapping[str, tuple[float, ...]] = {
    "number": (0.0, -0.3, 0.0, 0.0),
    "ratio": (0.0, -2.5, 0.3),
    "category": (0.5, 0.0),
    "member": (0.4, -0.4),
    "labels": (1.0, 0.8, -0.2),
    "tags": (2.4, -0.9),
    "texts": (6.0,),
    "hours": (0.3, 0.3, -0.6),
    "vector": (1.2, 0.3),
    "worth": (0.0,),
}  #: what a comparison is worth to a trainee before anything was learned, on the logit's scale
PRIOR_BY_NAME: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    "wants": {"languages": (0.2, 0.2, -1.5), "modalities": (0.2, 0.2, -0.8), "city": (0.5, -0.1), "rating": (0.6,)},
    "accepts": {"free_seats": (0.6,), "levels": (0.2, -0.2), "specialties": (0.3, -0.3)},
    "goes_well": {"rating": (0.6,), "levels": (0.2, -0.2), "specialties": (0.5, -0.3)},
}  #: of CoachHub's own columns, where more is known than the kind


def prior_weights(comparisons: Sequence[Comparison], step: str = "wants") -> Floats:
    """Give what comparisons are worth for a step before anything was learned: (f,)."""
    n_texts = max(sum(one.kind == "texts" for one in comparisons), 1)
    listed: list[float] = []
    for one in comparisons:
        said = PRIOR_BY_NAME.get(step, {}).get(one.name)
        if said is None or len(said) != len(one.parts):
            said = PRIOR[one.kind] if step == "wants" else (0.0,) * len(one.parts)
        listed += [value / n_texts if one.kind == "texts" else value for value in said]
    return np.array(listed, np.float64)


def comparisons_of(coaches: Table, trainees: Table, pairs: Mapping[str, tuple[str, str]]) -> tuple[Comparison, ...]:
    """
    Give what can be compared between two tables.

    Args:
        pairs: Name -> (trainee's column, coach's column), beside those of one name and kind.
    """
    found: dict[str, tuple[str, str]] = {n: (n, n) for n in coaches.columns if n in trainees.columns}
    found.update({n: p for n, p in PAIRS.items() if p[0] in trainees and p[1] in coaches})
    found.update(pairs)
    made = []
    for name, (mine, theirs) in sorted(found.items()):
        if mine in trainees and theirs in coaches:
            one = _comparison(name, mine, theirs, trainees.columns[mine], coaches.columns[theirs])
            if one is not None:
                made.append(one)
    for name in WORTH:  # what a coach is worth to anybody; compared with nothing
        if isinstance(coaches.columns.get(name), Number):
            made.append(Comparison(name=name, trainee=name, coach=name, kind="worth"))
    texts = [n for n, c in trainees.columns.items() if isinstance(c, Texts)]
    known = {(c.trainee, c.coach) for c in made}
    for mine in texts:
        for theirs, column in coaches.columns.items():
            if isinstance(column, Texts) and (mine, theirs) not in known:
                made.append(Comparison(name=f"{mine}.{theirs}", trainee=mine, coach=theirs, kind="texts"))
    return tuple(made)


def _comparison(name: str, mine: str, theirs: str, left: Any, right: Any) -> Comparison | None:
    said: dict[str, Any] = {"name": name, "trainee": mine, "coach": theirs}
    if isinstance(left, Category) and isinstance(right, Labels):
        return Comparison(**said, kind="member")
    if left.kind != right.kind:
        return None
    if isinstance(left, Number):
        # of coaches alone: what a batch of trainees says must not count
        theirs_known = right.array[~np.isnan(right.array)].astype(np.float64)
        if len(theirs_known) == 0:
            return None
        if name == "price" and theirs_known.min() >= 0:
            return Comparison(**said, kind="ratio")
        return Comparison(**said, kind="number", scale=float(theirs_known.std()) or 1.0)
    if isinstance(left, Vector):
        if left.array.shape[1] != right.array.shape[1]:
            return None
        known = right.array[~np.isnan(right.array).any(axis=1)]
        return Comparison(**said, kind="vector", scale=(float(known.std()) or 1.0) if len(known) else 1.0)
    if isinstance(left, Labels):
        return Comparison(**said, kind="tags" if name == TAGS else "labels")
    return Comparison(**said, kind=left.kind)


# ── ready for a snapshot ────────────────────────────────────────────────────

Rows = NDArray[np.int64] | slice  #: all of them: slice(None)
EVERY = slice(None)


class Comparer(Protocol):
    """One comparison, ready for a snapshot."""

    is_sparse: bool  #: whether few coaches have anything else than 0, found without a look at all

    def compare(self, trainee: TraineeRow, rows: Rows) -> Floats | None:
        """Give its numbers for these coaches, or all: (parts, r), or None where this trainee said nothing."""

    def evidence(self, trainee: TraineeRow, row: int) -> dict[str, Any]:
        """Say in facts what was compared; nobody's words but this trainee's and this coach's."""


def comparer_of(
    one: Comparison, coaches: CoachTable, background: Mapping[str, Mapping[str, int]], n_background: int
) -> Comparer | None:
    """Make a comparison ready, or None where this snapshot lacks the column."""
    column = coaches.columns.get(one.coach)
    kinds = _COMPARERS[one.kind]
    if not isinstance(column, kinds[0]):
        return None
    if one.kind == "texts":
        return _Texts(one, TextIndex.of(column.values(), background.get(one.trainee, {}), n_background))
    made: Comparer = kinds[1](one, column)
    return made


class _Numbers:
    is_sparse = False

    def __init__(self, one: Comparison, column: Any) -> None:
        self._one = one
        self._values = column.array.astype(np.float64)
        self._known = ~np.isnan(self._values)
        self._filled = np.where(self._known, self._values, 0.0)

    def compare(self, trainee: TraineeRow, rows: Rows) -> Floats | None:
        value = trainee.number(self._one.trainee)
        if value is None:
            return None
        by = np.minimum(np.maximum((self._filled[rows] - value) / self._one.scale, -FAR), FAR)
        above, below = np.maximum(by, 0.0), np.maximum(-by, 0.0)
        parts = np.stack([np.ones_like(by), np.sqrt(np.abs(by)), above, below])
        made: Floats = parts * self._known[rows]
        return made

    def evidence(self, trainee: TraineeRow, row: int) -> dict[str, Any]:
        value = trainee.number(self._one.trainee)
        if value is None or not self._known[row]:
            return {}
        return {"asked": round(value, 4), "offers": round(float(self._values[row]), 4)}


class _Ratio(_Numbers):
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

    def evidence(self, trainee: TraineeRow, row: int) -> dict[str, Any]:
        budget = trainee.number(self._one.trainee)
        if budget is None or not self._known[row]:
            return {}
        price = float(self._values[row])
        said = {"price": round(price, 2), "budget": round(budget, 2)}
        over = 100 * (price - budget) / budget if budget > 0 else 0.0
        return {**said, "over_percent": round(over, 1)} if over > 0 else said


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

    def evidence(self, trainee: TraineeRow, row: int) -> dict[str, Any]:
        theirs = self._column.value(row)
        return {} if theirs is None else {"asked": trainee.text(self._one.trainee), "offers": theirs}


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

    def evidence(self, trainee: TraineeRow, row: int) -> dict[str, Any]:
        theirs = self._column.value(row)
        return {} if not theirs else {"asked": trainee.text(self._one.trainee), "offers": list(theirs)}


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

    def evidence(self, trainee: TraineeRow, row: int) -> dict[str, Any]:
        asked, theirs = trainee.texts(self._one.trainee), self._column.value(row) or ()
        met = [name for name in theirs if any(name in self._near(wish) for wish in asked)]
        return {"shared": met} if met else {"asked": list(asked)[:10], "offers": list(theirs)[:10]}


class _Texts:
    is_sparse = True

    def __init__(self, one: Comparison, index: TextIndex) -> None:
        self._one, self.index = one, index

    def compare(self, trainee: TraineeRow, rows: Rows) -> Floats | None:
        said = trainee.texts(self._one.trainee)
        return self.index.scores(self.index.request(said))[rows][None, :] if said else None

    def evidence(self, trainee: TraineeRow, row: int) -> dict[str, Any]:
        return {"words": self.index.shared(self.index.request(trainee.texts(self._one.trainee)), row)}


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

    def evidence(self, trainee: TraineeRow, row: int) -> dict[str, Any]:
        shared = trainee.hours(self._one.trainee) & (self._column.value(row) or 0)
        return {"n_shared": shared.bit_count(), "hours": [h for h in range(168) if shared >> h & 1][:24]}


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

    def evidence(self, trainee: TraineeRow, row: int) -> dict[str, Any]:
        return {}


class _Worth:
    is_sparse = False

    def __init__(self, one: Comparison, column: Any) -> None:
        self._values = np.nan_to_num(column.array.astype(np.float64))

    def compare(self, trainee: TraineeRow, rows: Rows) -> Floats | None:
        made: Floats = self._values[rows][None, :]
        return made

    def evidence(self, trainee: TraineeRow, row: int) -> dict[str, Any]:
        return {"value": round(float(self._values[row]), 3)}


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


class CompareIndex:
    """All comparisons, ready for a snapshot."""

    def __init__(
        self,
        comparisons: Sequence[Comparison],
        coaches: CoachTable,
        background: Mapping[str, Mapping[str, int]],
        n_background: int,
    ) -> None:
        self.comparisons = tuple(comparisons)
        self.n = len(coaches)
        self.starts = np.cumsum([0, *(len(one.parts) for one in self.comparisons)]).tolist()
        self.comparers = [comparer_of(one, coaches, background, n_background) for one in self.comparisons]

    @property
    def width(self) -> int:
        """Count the numbers per pair."""
        return int(self.starts[-1])

    def features(self, trainee: TraineeRow, rows: Rows = EVERY, *, only_sparse: bool = False) -> Floats:
        """Give all numbers for these coaches, or all: (width, r)."""
        made = np.zeros((self.width, self.n if isinstance(rows, slice) else len(rows)))
        for number, comparer in enumerate(self.comparers):
            if comparer is not None and (comparer.is_sparse or not only_sparse):
                found = comparer.compare(trainee, rows)
                if found is not None:
                    made[self.starts[number] : self.starts[number + 1]] = found
        return made

    def evidence(self, number: int, trainee: TraineeRow, row: int) -> dict[str, Any]:
        """Say in facts what the n-th comparison compared."""
        comparer = self.comparers[number]
        return {} if comparer is None else comparer.evidence(trainee, row)
