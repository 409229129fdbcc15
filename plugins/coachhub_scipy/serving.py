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
from coachhub_core.matching.tables import CoachTable, Labels, Number, Texts, TraineeRow
from coachhub_scipy.arithmetic import Floats, dots, logarithm
from coachhub_scipy.comparers import EVERY, Comparer, Facts, Rows, Some, comparer_of
from coachhub_scipy.comparisons import Comparison
from coachhub_scipy.distinct import Distinct, Ints, Joined
from coachhub_scipy.wordings import Wordings

FEW = 4_096  #: so many distinct values are computed at once, whoever is asked about
_PER_BUNCH = 8  # lists of several columns are joined while a bunch of them has so many coaches on average
_ROOM = 2_000_000  # places kept of the labels that answer a wish
_N_LABELS = 10_000  # lists whose labels are kept as names


class Question(Protocol):
    """One comparison as one trainee asks it."""

    def values(self, rows: Rows) -> Floats | None:
        """Give its numbers for these coaches, or all: (parts, r)."""

    def evidence(self, rows: Some) -> list[Facts]:
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
        looked = [(n, one) for n, one in enumerate(self._askers) if isinstance(one, _Sets | _Words)]
        self._looked = [n for n, _ in looked]
        self._joined = Joined.of([one.lists.of_row for _, one in looked], self.n // _PER_BUNCH)
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
        n = self.n if isinstance(rows, slice) else len(rows)
        joined = self._joined.lists if n > len(self._joined) else ()
        made = np.zeros(len(self._joined) if joined else n)
        for at, number in enumerate(self._looked):
            if joined and at == len(joined):
                made = made.take(_at(self._joined.of_row, rows))
            question = questions[number]
            mine = weights[self.starts[number] : self.starts[number + 1]]
            if isinstance(question, _AskSets | _AskWords) and mine.any():
                found = question.by_list(mine).take(joined[at]) if at < len(joined) else question.look(mine, rows)
                made += found
        return made.take(_at(self._joined.of_row, rows)) if joined and len(joined) == len(self._looked) else made

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
    return _Each(comparer)


# ── row by row, as learning does it ─────────────────────────────────────────


class _Each:
    def __init__(self, comparer: Comparer) -> None:
        self._comparer = comparer

    def ask(self, trainee: TraineeRow) -> Question | None:
        return _AskEach(self._comparer, trainee)


class _AskEach:
    def __init__(self, comparer: Comparer, trainee: TraineeRow) -> None:
        self._comparer, self._trainee = comparer, trainee

    def values(self, rows: Rows) -> Floats | None:
        return self._comparer.compare(self._trainee, rows)

    def evidence(self, rows: Some) -> list[Facts]:
        return self._comparer.evidence(self._trainee, rows)


# ── labels ──────────────────────────────────────────────────────────────────


class _Sets:
    """Labels by overlap, the rare ones weighing more; tags by the vocabulary's neighbours too."""

    def __init__(self, one: Comparison, column: Labels) -> None:
        self._one, self._column, self._is_tags = one, column, one.kind == "tags"
        self.lists = Distinct.of(column.starts.tolist(), column.codes)
        having = self.lists.having(len(column.names))
        self._having = dict(zip(column.names, having, strict=True))
        n = len(column)
        counts = np.bincount(column.codes, minlength=len(column.names)).astype(np.float64)
        rare = (logarithm((1.0 + n) / (1.0 + counts)) + 0.5 if len(counts) else counts).tolist()
        self._rare = dict(zip(column.names, rare, strict=True))
        self._unknown = float(logarithm(np.array([1.0 + n]))[0]) + 0.5
        squares = np.zeros(len(self.lists))
        for places, weight in zip(having, rare, strict=True):
            squares[places] += weight**2
        self._length = np.sqrt(np.maximum(squares, 1e-12))
        self._is_said = self.lists.sizes > 0
        self._near: dict[str, Mapping[str, float]] = {}
        self._answers: dict[str, tuple[Ints, Floats]] = {}
        self._room = _ROOM
        self._labels: dict[int, tuple[str, ...]] = {}
        self._met: dict[tuple[tuple[str, ...], int], tuple[str, ...]] = {}

    def near(self, name: str) -> Mapping[str, float]:
        """Give the labels that answer a wish for this one, each with how well."""
        found = self._near.get(name)
        if found is None:
            found = (shipped().related(name) or {name: 1.0}) if self._is_tags else {name: 1.0}
            if len(self._near) < 10_000:  # people's own words may be labels: keep a bounded number
                self._near[name] = found
        return found

    def _answering(self, name: str) -> tuple[Ints, Floats]:
        """Give the lists that answer a wish for this label, each with how well."""
        found = self._answers.get(name)
        if found is None:
            best = np.zeros(len(self.lists))
            for near, worth in self.near(name).items():
                has = self._having.get(near)
                if has is not None:
                    best[has] = np.maximum(best[has], worth)
            places = np.flatnonzero(best)
            found = places, best[places]
            if len(places) < self._room and len(self._answers) < 10_000:
                self._answers[name] = found
                self._room -= len(places)
        return found

    def ask(self, trainee: TraineeRow) -> Question | None:
        asked = trainee.texts(self._one.trainee)
        if not asked:
            return None
        parts = np.zeros((2 if self._is_tags else 3, len(self.lists)))
        share, none = parts[0], parts[-1]
        for name in asked:  # sorted by the column: a fixed order of adding
            places, worth = self._answering(name)
            share[places] += worth
        share /= len(asked)
        np.multiply(share == 0, self._is_said, out=none)
        if not self._is_tags:
            parts[1] = self._alike(asked)
        return _AskSets(self, asked, parts)

    def _alike(self, asked: Sequence[str]) -> Floats:
        """Give what the cosine of the labels is, the rare ones weighing more: (p,)."""
        alike, length = np.zeros(len(self.lists)), 0.0
        for name in asked:
            weight = self._rare.get(name, self._unknown)
            length += weight * weight
            has = self._having.get(name)
            if has is not None:
                alike[has] += weight * weight
        made: Floats = alike / self._length / math.sqrt(length)
        return made

    def labels(self, at: int) -> tuple[str, ...]:
        """Give the labels of a list."""
        found = self._labels.get(at)
        if found is None:
            part = slice(int(self.lists.starts[at]), int(self.lists.starts[at + 1]))
            found = tuple([self._column.names[code] for code in self.lists.codes[part].tolist()])
            if len(self._labels) < _N_LABELS:
                self._labels[at] = found
        return found

    def met(self, asked: tuple[str, ...], at: int) -> tuple[str, ...]:
        """Give the labels of a list that answer one of these wishes."""
        found = self._met.get((asked, at))
        if found is None:
            wanted = frozenset[str]().union(*map(self.near, asked))
            found = tuple([name for name in self.labels(at) if name in wanted])
            if len(self._met) < _N_LABELS:
                self._met[asked, at] = found
        return found


class _AskSets:
    def __init__(self, sets: _Sets, asked: tuple[str, ...], parts: Floats) -> None:
        self._sets, self._asked, self._parts, self._of_row = sets, asked, parts, sets.lists.of_row

    def values(self, rows: Rows) -> Floats | None:
        made: Floats = self._parts.take(_at(self._of_row, rows), axis=1)
        return made

    def by_list(self, weights: Floats) -> Floats:
        """Give the weighted sum of its numbers for each different list: (p,)."""
        return dots(weights, self._parts)

    def look(self, weights: Floats, rows: Rows) -> Floats:
        """Give the weighted sum of its numbers for these coaches, or all: (r,)."""
        made: Floats = self.by_list(weights).take(_at(self._of_row, rows))
        return made

    def evidence(self, rows: Some) -> list[Facts]:
        sets, asked = self._sets, self._asked
        lists = self._of_row.take(rows).tolist()
        facts: dict[int, Facts] = {}
        for at in set(lists):
            met = sets.met(asked, at)
            facts[at] = {"shared": [*met]} if met else {"asked": [*asked[:10]], "offers": [*sets.labels(at)[:10]]}
        return [facts[at] for at in lists]


# ── words ───────────────────────────────────────────────────────────────────


class _Words:
    def __init__(self, one: Comparison, wordings: Wordings) -> None:
        self._one, self._wordings = one, wordings
        self.lists = wordings.lists

    def ask(self, trainee: TraineeRow) -> Question | None:
        said = trainee.texts(self._one.trainee)
        return _AskWords(self._wordings, said) if said else None


class _AskWords:
    def __init__(self, wordings: Wordings, asked: Sequence[str]) -> None:
        self._wordings, self._asked = wordings, asked
        self._request = wordings.request(asked)
        self._found = wordings.found(self._request)
        self._whole = wordings.scores(self._found) if len(wordings.lists) <= FEW else None

    def _scores(self, rows: Rows) -> Floats:
        lists = _at(self._wordings.lists.of_row, rows)
        if self._whole is None and 4 * len(lists) > len(self._wordings.lists):
            self._whole = self._wordings.scores(self._found)
        return self._wordings.scores(self._found, lists) if self._whole is None else self._whole.take(lists)

    def values(self, rows: Rows) -> Floats | None:
        return self._scores(rows)[None, :]

    def by_list(self, weights: Floats) -> Floats:
        """Give the weighted sum of its numbers for each different list: (p,)."""
        if self._whole is None:
            self._whole = self._wordings.scores(self._found)
        made: Floats = self._whole * weights[0]
        return made

    def look(self, weights: Floats, rows: Rows) -> Floats:
        """Give the weighted sum of its numbers for these coaches, or all: (r,)."""
        lists = _at(self._wordings.lists.of_row, rows)
        if self._whole is None and 4 * len(lists) <= len(self._wordings.lists):
            made: Floats = self._wordings.scores(self._found, lists) * weights[0]
        else:
            made = self.by_list(weights).take(lists)
        return made

    def evidence(self, rows: Some) -> list[Facts]:
        said = self._wordings.shared(self._asked, rows, request=self._request, found=self._found)
        facts: dict[int, Facts] = {id(words): {"words": words} for words in said}  # those who say the same get one list
        return [facts[id(words)] for words in said]
