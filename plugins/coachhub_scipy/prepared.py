"""
A model laid out for one snapshot of coaches: what a trainee is worth to a pair, part by part, in one order of adding.

Everything here gives the same bits for a pair whoever else is asked about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching.tables import CoachTable, TraineeRow, TraineeTable
from coachhub_scipy.arithmetic import Floats, dots, sigmoid
from coachhub_scipy.comparers import EVERY, Rows
from coachhub_scipy.material import request_terms
from coachhub_scipy.parts import Side, SparseRows, StepModel, mixed, trust
from coachhub_scipy.serving import Question, ServingIndex
from coachhub_scipy.text import places

if TYPE_CHECKING:
    from coachhub_scipy.duet import Learned


_KEPT = 512  # comparisons of so many coaches are kept until the reasons were asked for


@attrs.frozen(eq=False)
class Asking:
    """One trainee, read once: what every step needs of it."""

    trainee: TraineeRow
    features: Floats  # (p,)
    row: int  # when the model was fitted, -1 for a newcomer
    share: float  # how much the own history counts
    left: tuple[Floats, ...]  # per step, (d,), gains within
    base: tuple[float, ...]
    gains: tuple[float, ...]  # per step, how much the comparisons count
    questions: Sequence[Question | None]  # per comparison
    compared: list[tuple[Rows, Floats]]  # the last rows whose comparisons were made, and what they gave
    best: list[NDArray[np.int64]]  # the places among them of those who were ranked
    told: tuple[tuple[tuple[str, Floats], ...], ...]  # per step, (n,) each, what earlier choices and words speak for


@attrs.frozen(eq=False)
class StepIndex:
    """One step, ready for the snapshot."""

    step: StepModel
    right: Floats  # (n, d)
    left_constant: Floats  # (d,)
    left_map: Floats  # (p, d)
    widths: tuple[int, ...]  # of each linear part
    term_of: Mapping[str, int]


class Prepared:
    """A model laid out for a snapshot; for the prior, also for the names of the trainees' columns."""

    def __init__(self, learned: Learned, coaches: CoachTable, prices: NDArray[np.float64] | None) -> None:
        self.learned, self.coaches, self.prices = learned, coaches, prices
        self.n = len(coaches)
        self.id_order = coaches.id_order
        self.encoded = learned.code_coach.encode(coaches)
        fitted = {id_: row for row, id_ in enumerate(learned.coach_ids)}
        self.fitted_row = np.array([fitted.get(id_, -1) for id_ in coaches.ids], np.int64).reshape(self.n)
        self.place = np.full(len(learned.coach_ids), -1, np.int64)  # fitted row -> row of this snapshot
        known = np.flatnonzero(self.fitted_row >= 0)
        self.place[self.fitted_row[known]] = known
        self.trainee_row = {id_: row for row, id_ in enumerate(learned.trainee_ids)}
        self.compare = ServingIndex(learned.comparisons, coaches, learned.background, learned.n_background)
        self.steps = tuple(self._laid_out(step) for step in learned.steps)
        self._doubts = [self._doubted(step) for step in learned.steps]

    def _laid_out(self, step: StepModel) -> StepIndex:
        rights, constants, maps, widths = [], [], [], []
        for part in step.linear:
            rights.append(fixed_vectors(part.right, self.encoded.values, self.fitted_row))
            constants.append(part.left.constant)
            p = self.learned.code_trainee.width
            maps.append(np.zeros((p, part.left.width)) if part.left.map is None else part.left.map)
            widths.append(part.left.width)
        d = sum(widths)
        return StepIndex(
            step,
            np.ascontiguousarray(np.concatenate(rights, axis=1)) if rights else np.zeros((self.n, 0)),
            np.concatenate(constants) if constants else np.zeros(0),
            np.concatenate(maps, axis=1) if maps else np.zeros((self.learned.code_trainee.width, d)),
            tuple(widths),
            {} if step.asked is None else places(step.asked.terms),
        )

    def _doubted(self, step: StepModel) -> Floats | None:
        if step.doubt is None:
            return None
        known = step.doubt[self.fitted_row] if len(step.doubt) else np.zeros(self.n)
        made: Floats = np.where(self.fitted_row >= 0, known, step.doubt_new)
        return made

    # ── reading a trainee ──

    def asking(self, trainees: TraineeTable) -> list[Asking]:
        """Read trainees; each the same whoever else is asked for."""
        features = self.learned.code_trainee.encode(trainees).values
        return [self._asking(trainees.row(i), features[i]) for i in range(len(trainees))]

    def _asking(self, trainee: TraineeRow, features: Floats) -> Asking:
        row = self.trainee_row.get(trainee.id, -1)
        share = float(trust(self.learned.counts[row : row + 1])[0]) if row >= 0 else 0.0
        lefts, told = [], []
        for one in self.steps:
            left = one.left_constant + dots(features, one.left_map)
            at = 0
            for part, width, gain in zip(one.step.linear, one.widths, one.step.gains, strict=True):
                if part.left.own is not None and row >= 0:
                    left[at : at + width] += part.left.own[row]
                left[at : at + width] *= mixed(gain, share)
                at += width
            lefts.append(left)
            told.append(self._told(one, trainee, row, share))
        return Asking(
            trainee,
            features,
            row,
            share,
            tuple(lefts),
            tuple(mixed(one.step.base, share) for one in self.steps),
            tuple(mixed(one.step.compare_gain, share) for one in self.steps),
            self.compare.questions(trainee),
            [],
            [],
            tuple(told),
        )

    def _told(self, one: StepIndex, trainee: TraineeRow, row: int, share: float) -> tuple[tuple[str, Floats], ...]:
        made = []
        if one.step.history is not None and row >= 0:
            made.append(("history", self._history(one, row, share)))
        if one.step.asked is not None:
            made.append(("asked", mixed(one.step.asked_gain, share) * self._wordings(one, trainee)))
        return tuple(made)

    # ── what a pair gets ──

    def extras(self, asking: Asking, rows: Rows = EVERY) -> list[Floats]:
        """Give for each step what is not a product of vectors, for these coaches: the same bits in any company."""
        n = self.n if isinstance(rows, slice) else len(rows)
        features = self.compare.features(asking.questions, rows) if self.compare.width else None
        if features is not None and n <= _KEPT:
            asking.compared[:] = [(rows, features)]
        made = []
        for one, gain, told in zip(self.steps, asking.gains, asking.told, strict=True):
            total = np.zeros(n) if features is None else gain * dots(one.step.compare, features)
            for _, values in told:
                total = total + values[rows]
            made.append(total)
        return made

    def compared(self, asking: Asking, rows: NDArray[np.int64]) -> Floats:
        """Give all comparisons with these coaches: (f, r); those made for the ranking are not made again."""
        for seen, features in asking.compared:
            at = rows if isinstance(seen, slice) else _found(seen, rows, asking.best)
            if at is not None:
                made: Floats = features.take(at, axis=1)
                return made
        return self.compare.features(asking.questions, rows)

    def _history(self, one: StepIndex, row: int, share: float) -> Floats:
        """Give what the earlier choices of a trainee known to the model speak for: (n,)."""
        found = np.zeros(self.n)
        assert one.step.history is not None  # noqa: S101 - called only where it is
        gain, of_recent = mixed(one.step.history_gain, share), mixed(one.step.lately_gain, share)
        places, recent = self.learned.chosen.row(row)
        for earlier, weight in zip(places.tolist(), (gain + of_recent * recent).tolist(), strict=True):
            self._add(found, one.step.history, earlier, weight)
        return found

    def _wordings(self, one: StepIndex, trainee: TraineeRow) -> Floats:
        """Give what was chosen after words like these: (n,)."""
        found = np.zeros(self.n)
        assert one.step.asked is not None  # noqa: S101 - called only where it is
        texts = [text for name in one.step.asked.columns for text in trainee.texts(name)]
        for at, weight in request_terms(texts, one.term_of, one.step.asked.idf):
            self._add(found, one.step.asked.weights, at, weight)
        return found

    def _add(self, found: Floats, of: SparseRows, row: int, weight: float) -> None:
        places, values = of.row(row)
        here = self.place[places]
        is_here = here >= 0
        found[here[is_here]] += weight * values[is_here]

    def logits(self, asking: Asking, rows: NDArray[np.int64], extras: list[Floats] | None = None) -> list[Floats]:
        """Give each step's logits of these coaches, in the fixed order: (r,) each."""
        if extras is None:
            extras = self.extras(asking, rows)
        return [
            asking.base[s] + dots(asking.left[s], one.right[rows].T) + extras[s] for s, one in enumerate(self.steps)
        ]

    def scores(self, asking: Asking, rows: NDArray[np.int64], extras: list[Floats] | None = None) -> Floats:
        """Give the scores of these coaches, in the fixed order: (r,)."""
        return self.scored(self.logits(asking, rows, extras), rows)

    def upper(self, asking: Asking, rows: NDArray[np.int64]) -> Floats:
        """Give the scores of these coaches were each step's logit one standard deviation higher: (r,)."""
        raised = []
        for logit, doubt, one in zip(self.logits(asking, rows), self._doubts, self.steps, strict=True):
            gain = mixed(one.step.doubt_gain, asking.share)
            raised.append(logit if doubt is None else logit + max(gain, 0.0) * doubt[rows])
        return self.scored(raised, rows)

    def scored(self, logits: list[Floats], rows: Rows) -> Floats:
        """Make scores of logits: the product of the probabilities, less the price of demand."""
        total = np.ones(len(logits[0]))
        for probability in sigmoid(np.stack(logits)):
            total = total * probability
        return total if self.prices is None else total - self.prices[rows]


def _found(
    seen: NDArray[np.int64], rows: NDArray[np.int64], likely: Sequence[NDArray[np.int64]]
) -> NDArray[np.int64] | None:
    """Give where these rows stand among those that were seen, None where one does not; likely places come first."""
    if not len(seen):
        return None
    raw = rows.tobytes()
    for at in likely:
        if seen.take(at, mode="clip").tobytes() == raw:
            return at
    at = (seen == rows[:, None]).argmax(axis=1)
    return at if seen.take(at).tobytes() == raw else None


def fixed_vectors(side: Side, features: Floats, rows: NDArray[np.int64]) -> Floats:
    """Give vectors as :meth:`Side.vectors` does, feature after feature, so that no library's order matters."""
    made = np.tile(side.constant, (len(rows), 1))
    if side.map is not None:
        for j in range(features.shape[1]):
            hit = np.flatnonzero(features[:, j])
            if len(hit):
                made[hit] += features[hit, j, None] * side.map[j]
    if side.own is not None:
        known = np.flatnonzero(rows >= 0)
        made[known] += side.own[rows[known]]
    return made
