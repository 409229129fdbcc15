"""
The comparisons laid out for asking: a trainee is read once, and a few coaches are looked at of many.

The numbers are those of :mod:`coachhub_scipy.comparers`, bit for bit, which learning
uses; a test holds the two against each other. Labels and texts are kept once per
distinct value (:mod:`coachhub_scipy.distinct`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from coachhub_core.domain.vocabulary import shipped
from coachhub_core.matching.tables import N_HOURS, CoachTable, Hours, Labels, Number, Texts, TraineeRow
from coachhub_scipy.arithmetic import Floats, dots, logarithm
from coachhub_scipy.comparers import EVERY, Comparer, Rows, comparer_of
from coachhub_scipy.comparisons import Comparison
from coachhub_scipy.distinct import Distinct
from coachhub_scipy.wordings import Terms, Wordings

FEW = 4_096  #: so many distinct values are computed at once, whoever is asked about


class Question(Protocol):
    """One comparison as one trainee asks it."""

    def values(self, rows: Rows) -> Floats | None:
        """Give its numbers for these coaches, or all: (parts, r)."""

    def look(self, weights: Floats, rows: Rows) -> Floats | None:
        """Give the weighted sum of its numbers: (r,)."""

    def evidence(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Say in facts what was compared, for each of these coaches."""


class ServingIndex:
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
        self.starts: list[int] = np.cumsum([0, *(len(one.parts) for one in self.comparisons)]).tolist()
        self._askers = [_asker(one, coaches, background, n_background) for one in self.comparisons]
        self._looked = [n for n, one in enumerate(self._askers) if one is not None and one.is_sparse]
        self._worth = {
            n: np.nan_to_num(column.array.astype(np.float64))
            for n, one in enumerate(self.comparisons)
            if one.kind == "worth" and isinstance(column := coaches.columns.get(one.coach), Number)
        }

    @property
    def width(self) -> int:
        """Count the numbers per pair."""
        return self.starts[-1]

    def questions(self, trainee: TraineeRow) -> list[Question | None]:
        """Read a trainee once: what each comparison asks, None where the trainee or the snapshot says nothing."""
        return [None if one is None else one.ask(trainee) for one in self._askers]

    def features(self, questions: Sequence[Question | None], rows: Rows = EVERY) -> Floats:
        """Give all numbers for these coaches, or all: (width, r)."""
        made = np.zeros((self.width, self.n if isinstance(rows, slice) else len(rows)))
        for number, question in enumerate(questions):
            found = None if question is None else question.values(rows)
            if found is not None:
                made[self.starts[number] : self.starts[number + 1]] = found
        return made

    def look(self, questions: Sequence[Question | None], weights: Floats, rows: Rows) -> Floats:
        """Give the weighted sum of what is read fast, labels and words that meet: (r,)."""
        made = np.zeros(self.n if isinstance(rows, slice) else len(rows))
        for number in self._looked:
            question = questions[number]
            mine = weights[self.starts[number] : self.starts[number + 1]]
            if question is not None and mine.any():
                found = question.look(mine, rows)
                if found is not None:
                    made += found
        return made

    def worth(self, weights: Floats) -> Floats:
        """Give the weighted sum of what coaches are worth to anybody: (n,)."""
        made = np.zeros(self.n)
        for number, values in self._worth.items():
            made += weights[self.starts[number]] * values
        return made


def _at(array: NDArray[Any], rows: Rows) -> NDArray[Any]:
    """Give these places of an array; ``take`` is twice as fast as an index of numbers."""
    return array[rows] if isinstance(rows, slice) else array.take(rows)


class _Asker(Protocol):
    is_sparse: bool

    def ask(self, trainee: TraineeRow) -> Question | None: ...


def _asker(
    one: Comparison, coaches: CoachTable, background: Mapping[str, Mapping[str, int]], n_background: int
) -> _Asker | None:
    column = coaches.columns.get(one.coach)
    if one.kind in ("labels", "tags"):
        return _Sets(one, column) if isinstance(column, Labels) else None
    if one.kind == "texts":
        if not isinstance(column, Texts):
            return None
        return _Words(one, Wordings.of(column, background.get(one.trainee, {}), n_background))
    comparer = comparer_of(one, coaches, {}, 0)
    if comparer is None:
        return None
    return _EachHours(comparer, one, column) if isinstance(column, Hours) else _Each(comparer)


# ── row by row, as learning does it ─────────────────────────────────────────


class _Each:
    def __init__(self, comparer: Comparer) -> None:
        self.is_sparse = comparer.is_sparse
        self._comparer = comparer

    def ask(self, trainee: TraineeRow) -> Question | None:
        return _AskEach(self._comparer, trainee)


class _AskEach:
    def __init__(self, comparer: Comparer, trainee: TraineeRow) -> None:
        self._comparer, self._trainee = comparer, trainee

    def values(self, rows: Rows) -> Floats | None:
        return self._comparer.compare(self._trainee, rows)

    def look(self, weights: Floats, rows: Rows) -> Floats | None:
        found = self.values(rows)
        if found is None or len(found) > 1:
            return None if found is None else dots(weights, found)
        made: Floats = found[0] * weights[0]
        return made

    def evidence(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        return [self._comparer.evidence(self._trainee, row) for row in rows]


class _EachHours(_Each):
    def __init__(self, comparer: Comparer, one: Comparison, column: Hours) -> None:
        super().__init__(comparer)
        self._one, self._column = one, column

    def ask(self, trainee: TraineeRow) -> Question | None:
        week = trainee.hours(self._one.trainee)
        return _AskHours(self._comparer, trainee, week, self._column) if week else None


class _AskHours(_AskEach):
    def __init__(self, comparer: Comparer, trainee: TraineeRow, week: int, column: Hours) -> None:
        super().__init__(comparer, trainee)
        self._week, self._column = week, column
        self._mine = [(hour, 1 << hour) for hour in range(N_HOURS) if week >> hour & 1]

    def evidence(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        for row in rows:
            shared = self._week & (self._column.value(row) or 0)
            made.append(
                {"n_shared": shared.bit_count(), "hours": [hour for hour, bit in self._mine if shared & bit][:24]}
            )
        return made


# ── labels ──────────────────────────────────────────────────────────────────


class _Sets:
    """Labels by overlap, the rare ones weighing more; tags by the vocabulary's neighbours too."""

    is_sparse = True

    def __init__(self, one: Comparison, column: Labels) -> None:
        self._one, self._column, self._is_tags = one, column, one.kind == "tags"
        self._sets = Distinct.of(column.starts.tolist(), column.codes)
        having = self._sets.having(len(column.names))
        self._having = dict(zip(column.names, having, strict=True))
        n = len(column)
        counts = np.bincount(column.codes, minlength=len(column.names)).astype(np.float64)
        rare = (logarithm((1.0 + n) / (1.0 + counts)) + 0.5 if len(counts) else counts).tolist()
        self._rare = dict(zip(column.names, rare, strict=True))
        self._unknown = float(logarithm(np.array([1.0 + n]))[0]) + 0.5
        squares = np.zeros(len(self._sets))
        for places, weight in zip(having, rare, strict=True):
            squares[places] += weight**2
        self._length = np.sqrt(np.maximum(squares, 1e-12))
        self._silent = self._sets.sizes == 0
        self._near: dict[str, Mapping[str, float]] = {}

    def near(self, name: str) -> Mapping[str, float]:
        """Give the labels that answer a wish for this one, each with how well."""
        found = self._near.get(name)
        if found is None:
            found = (shipped().related(name) or {name: 1.0}) if self._is_tags else {name: 1.0}
            if len(self._near) < 10_000:  # people's own words may be labels: keep a bounded number
                self._near[name] = found
        return found

    def ask(self, trainee: TraineeRow) -> Question | None:
        asked = trainee.texts(self._one.trainee)
        if not asked:
            return None
        p = len(self._sets)
        share, alike = np.zeros(p), np.zeros(p)
        length = 0.0
        for name in asked:  # sorted by the column: a fixed order of adding
            best = np.zeros(p)
            for near, worth in self.near(name).items():
                has = self._having.get(near)
                if has is not None:
                    best[has] = np.maximum(best[has], worth)
            share += best
            weight = self._rare.get(name, self._unknown)
            length += weight * weight
            has = self._having.get(name)
            if has is not None:
                alike[has] += weight * weight
        share = share / len(asked)
        none = ((share == 0) & ~self._silent).astype(np.float64)
        parts = [share, none] if self._is_tags else [share, alike / self._length / math.sqrt(length), none]
        return _AskSets(self, asked, np.stack(parts), self._sets.of_row, self._column)


class _AskSets:
    def __init__(
        self, sets: _Sets, asked: tuple[str, ...], parts: Floats, of_row: NDArray[np.int32], column: Labels
    ) -> None:
        self._sets, self._asked, self._parts, self._of_row, self._column = sets, asked, parts, of_row, column

    def values(self, rows: Rows) -> Floats | None:
        made: Floats = np.take(self._parts, _at(self._of_row, rows), axis=1)
        return made

    def look(self, weights: Floats, rows: Rows) -> Floats | None:
        made: Floats = dots(weights, self._parts).take(_at(self._of_row, rows))
        return made

    def evidence(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        wanted = {name for wish in self._asked for name in self._sets.near(wish)}
        made: list[dict[str, Any]] = []
        for row in rows:
            theirs = self._column.value(row) or ()
            met = [name for name in theirs if name in wanted]
            made.append({"shared": met} if met else {"asked": list(self._asked)[:10], "offers": list(theirs)[:10]})
        return made


# ── words ───────────────────────────────────────────────────────────────────


class _Words:
    is_sparse = True

    def __init__(self, one: Comparison, wordings: Wordings) -> None:
        self._one, self._wordings = one, wordings

    def ask(self, trainee: TraineeRow) -> Question | None:
        said = trainee.texts(self._one.trainee)
        return _AskWords(self._wordings, self._wordings.request(said)) if said else None


class _AskWords:
    def __init__(self, wordings: Wordings, request: Terms) -> None:
        self._wordings, self._request = wordings, request
        self._found = wordings.found(request)
        self._whole = wordings.scores(self._found) if len(wordings.lists) <= FEW else None

    def _scores(self, rows: Rows) -> Floats:
        lists = _at(self._wordings.lists.of_row, rows)
        if self._whole is None and 4 * len(lists) > len(self._wordings.lists):
            self._whole = self._wordings.scores(self._found)
        return self._wordings.scores(self._found, lists) if self._whole is None else self._whole.take(lists)

    def values(self, rows: Rows) -> Floats | None:
        return self._scores(rows)[None, :]

    def look(self, weights: Floats, rows: Rows) -> Floats | None:
        made: Floats = self._scores(rows) * weights[0]
        return made

    def evidence(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        return [{"words": words} for words in self._wordings.shared(self._request, rows)]
