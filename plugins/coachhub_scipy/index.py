"""
The matcher ready for one snapshot of coaches: ranks, scores, explains, and gives the same bits every time.

Up to 5,000 coaches all are scored; above, the 200 that look best at first sight
are. A first look is a product of matrices, whose last bits depend on the batch; what
could change a place is therefore computed again, dimension by dimension in a fixed
order, before anything is sorted.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching.tables import CoachTable, TraineeRow, TraineeTable
from coachhub_core.ports.matcher import AllowedPairs, Deadline, Ranking, Reason
from coachhub_scipy.arithmetic import Floats, dots, logarithm, sigmoid
from coachhub_scipy.compare import EVERY, CompareIndex, Rows
from coachhub_scipy.explain import Explainer
from coachhub_scipy.material import request_terms
from coachhub_scipy.parts import Side, StepModel, mixed, trust

if TYPE_CHECKING:
    from coachhub_scipy.duet import DuetMatcher, Learned

WHOLE = 5_000  #: coaches up to which all are scored
N_CANDIDATES = 200  #: above, so many are
N_COARSE = 48  #: dimensions of the first look
_NEAR = 1e-9  # what the first look may be wrong by
_NEAR_COARSE = 1e-4  # and the first look in single precision
_CHUNK = 64  # trainees whose first look is taken together


@attrs.frozen(eq=False)
class Asking:
    """One trainee, read once: what every step needs of it."""

    trainee: TraineeRow
    features: Floats  # (p,)
    row: int  # when the model was fitted, -1 for a newcomer
    share: float  # how much the own history counts
    left: tuple[Floats, ...]  # per step, (d,), gains within
    base: tuple[float, ...]


@attrs.frozen(eq=False)
class StepIndex:
    """One step, ready for the snapshot."""

    step: StepModel
    right: Floats  # (d, n)
    left_constant: Floats  # (d,)
    left_map: Floats  # (p, d)
    widths: tuple[int, ...]  # of each linear part
    term_of: Mapping[str, int]


class Prepared:
    """A model laid out for a snapshot; for the prior, also for the names of the trainees' columns."""

    def __init__(self, learned: Learned, coaches: CoachTable, prices: NDArray[np.float64] | None) -> None:
        self.learned, self.coaches, self.prices = learned, coaches, prices
        self.n = len(coaches)
        self.encoded = learned.code_coach.encode(coaches)
        fitted = {id_: row for row, id_ in enumerate(learned.coach_ids)}
        self.fitted_row = np.array([fitted.get(id_, -1) for id_ in coaches.ids], np.int64).reshape(self.n)
        self.place = np.full(len(learned.coach_ids), -1, np.int64)  # fitted row -> row of this snapshot
        known = np.flatnonzero(self.fitted_row >= 0)
        self.place[self.fitted_row[known]] = known
        self.trainee_row = {id_: row for row, id_ in enumerate(learned.trainee_ids)}
        self.compare = CompareIndex(learned.comparisons, coaches, learned.background, learned.n_background)
        self.steps = tuple(self._laid_out(step) for step in learned.steps)
        self.is_whole = self.n <= WHOLE
        self.coarse = None if self.is_whole else _Coarse(self)

    def _laid_out(self, step: StepModel) -> StepIndex:
        rights, constants, maps, widths = [], [], [], []
        for part in step.linear:
            rights.append(fixed_vectors(part.right, self.encoded.values, self.fitted_row))
            constants.append(part.left.constant)
            p = self.learned.code_trainee.width
            maps.append(np.zeros((p, part.left.width)) if part.left.map is None else part.left.map)
            widths.append(part.left.width)
        d = sum(widths)
        right = np.concatenate(rights, axis=1) if rights else np.zeros((self.n, 0))
        return StepIndex(
            step,
            np.ascontiguousarray(right.T),
            np.concatenate(constants) if constants else np.zeros(0),
            np.concatenate(maps, axis=1) if maps else np.zeros((self.learned.code_trainee.width, d)),
            tuple(widths),
            {} if step.asked is None else {term: at for at, term in enumerate(step.asked.terms)},
        )

    # ── reading a trainee ──

    def asking(self, trainees: TraineeTable) -> list[Asking]:
        """Read trainees; each the same whoever else is asked for."""
        features = self.learned.code_trainee.encode(trainees).values
        return [self._asking(trainees.row(i), features[i]) for i in range(len(trainees))]

    def _asking(self, trainee: TraineeRow, features: Floats) -> Asking:
        row = self.trainee_row.get(trainee.id, -1)
        share = float(trust(self.learned.counts[row : row + 1])[0]) if row >= 0 else 0.0
        lefts, bases = [], []
        for one in self.steps:
            left = one.left_constant + dots(features, one.left_map)
            at = 0
            for part, width, gain in zip(one.step.linear, one.widths, one.step.gains, strict=True):
                if part.left.own is not None and row >= 0:
                    left[at : at + width] += part.left.own[row]
                left[at : at + width] *= mixed(gain, share)
                at += width
            lefts.append(left)
            bases.append(mixed(one.step.base, share))
        return Asking(trainee, features, row, share, tuple(lefts), tuple(bases))

    # ── what a pair gets ──

    def extras(self, asking: Asking, rows: Rows = EVERY) -> list[Floats]:
        """Give for each step what is not a product of vectors, for these coaches: the same bits in any company."""
        n = self.n if isinstance(rows, slice) else len(rows)
        features = self.compare.features(asking.trainee, rows) if self.compare.width else np.zeros((0, n))
        made = []
        for one in self.steps:
            gain = mixed(one.step.compare_gain, asking.share)
            total = gain * dots(one.step.compare, features) if self.compare.width else np.zeros(n)
            if one.step.history is not None and asking.row >= 0:
                total = total + mixed(one.step.history_gain, asking.share) * self.history(one, asking)[rows]
            if one.step.asked is not None:
                total = total + mixed(one.step.asked_gain, asking.share) * self.asked(one, asking)[rows]
            made.append(total)
        return made

    def history(self, one: StepIndex, asking: Asking) -> Floats:
        """Give what the earlier choices speak for: (n,)."""
        found = np.zeros(self.n)
        assert one.step.history is not None  # noqa: S101 - called only where it is
        for earlier in self.learned.chosen.row(asking.row)[0].tolist():
            places, values = one.step.history.row(earlier)
            self._add(found, places, values, 1.0)
        return found

    def asked(self, one: StepIndex, asking: Asking) -> Floats:
        """Give what was chosen after words like these: (n,)."""
        found = np.zeros(self.n)
        assert one.step.asked is not None  # noqa: S101 - called only where it is
        for at, weight in self.terms_asked(one, asking):
            places, values = one.step.asked.weights.row(at)
            self._add(found, places, values, weight)
        return found

    def terms_asked(self, one: StepIndex, asking: Asking) -> list[tuple[int, float]]:
        """Give the known terms of a request with their weights."""
        assert one.step.asked is not None  # noqa: S101 - called only where it is
        texts = [text for name in one.step.asked.columns for text in asking.trainee.texts(name)]
        return request_terms(texts, one.term_of, one.step.asked.idf)

    def _add(self, found: Floats, places: NDArray[np.int64], values: Floats, weight: float) -> None:
        here = self.place[places]
        is_here = here >= 0
        found[here[is_here]] += weight * values[is_here]

    def logits(self, asking: Asking, rows: NDArray[np.int64], extras: list[Floats] | None = None) -> list[Floats]:
        """Give each step's logits of these coaches, in the fixed order: (r,) each."""
        if extras is None:
            extras = self.extras(asking, rows)
        return [
            asking.base[s] + dots(asking.left[s], one.right[:, rows]) + extras[s] for s, one in enumerate(self.steps)
        ]

    def scores(self, asking: Asking, rows: NDArray[np.int64], extras: list[Floats] | None = None) -> Floats:
        """Give the scores of these coaches, in the fixed order: (r,)."""
        return self.scored(self.logits(asking, rows, extras), rows)

    def scored(self, logits: list[Floats], rows: Rows) -> Floats:
        """Make scores of logits: the product of the probabilities, less the price of demand."""
        total = np.ones(len(logits[0]))
        for logit in logits:
            total = total * sigmoid(logit)
        return total if self.prices is None else total - self.prices[rows]


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


class _Coarse:
    """The first look at many coaches: a few dimensions in single precision, and whatever words and labels meet."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        worth = [1.0 - float(sigmoid(np.array([one.step.base[1]]))[0]) for one in prepared.steps]
        self._worth = worth  # what a logit moves the logarithm of a probability by
        stacked = np.concatenate([one.right for one in prepared.steps]) if prepared.steps else np.zeros((0, prepared.n))
        gram = stacked @ stacked.T
        if len(stacked) > N_COARSE:
            _, directions = np.linalg.eigh(gram)
            turn = directions[:, ::-1][:, :N_COARSE]
        else:
            turn = np.eye(len(stacked))
        self._turn = turn
        self.right = np.ascontiguousarray(fixed_product(turn, stacked))  # (d, n)
        self.right32 = self.right.astype(np.float32)

    def left(self, asking: Asking) -> Floats:
        """Turn a trainee's vectors into the few dimensions."""
        joined = [worth * left for worth, left in zip(self._worth, asking.left, strict=True)]
        return dots(np.concatenate(joined), self._turn) if joined else np.zeros(0)

    def extras(self, asking: Asking) -> Floats:
        """Give what words and labels that meet are worth: (n,)."""
        p = self._prepared
        found = np.zeros(p.n)
        if p.compare.width:
            features = p.compare.features(asking.trainee, only_sparse=True)
            weights = np.zeros(p.compare.width)
            for worth, one in zip(self._worth, p.steps, strict=True):
                weights += worth * mixed(one.step.compare_gain, asking.share) * one.step.compare
            used = np.flatnonzero(weights)
            found = dots(weights[used], features[used])
        for worth, one in zip(self._worth, p.steps, strict=True):
            if one.step.history is not None and asking.row >= 0:
                found += worth * mixed(one.step.history_gain, asking.share) * p.history(one, asking)
            if one.step.asked is not None:
                found += worth * mixed(one.step.asked_gain, asking.share) * p.asked(one, asking)
        if p.prices is not None:
            found = found - p.prices
        return found

    def candidates(self, asking: Asking, is_allowed: NDArray[np.bool_] | None, n: int) -> NDArray[np.int64]:
        """Give the *n* allowed coaches that look best at first sight, best first."""
        p = self._prepared
        left = self.left(asking)
        extras = self.extras(asking)
        look = left.astype(np.float32) @ self.right32 + extras
        if is_allowed is not None:
            look[~is_allowed] = -np.inf
        if p.n > n:
            cut = -np.partition(-look, n - 1)[n - 1]
            rows = np.flatnonzero(look >= max(cut - _NEAR_COARSE, -1e300))
        else:
            rows = np.flatnonzero(look > -np.inf)
        exact = dots(left, self.right[:, rows]) + extras[rows]
        return rows[np.lexsort((p.coaches.id_order[rows], -exact))][:n]


def fixed_product(turn: Floats, stacked: Floats) -> Floats:
    """Give ``turn.T @ stacked``, row after row."""
    made = np.zeros((turn.shape[1], stacked.shape[1]))
    for j in range(len(stacked)):
        made += turn[j][:, None] * stacked[j]
    return made


class DuetIndex:
    """See the module."""

    def __init__(self, matcher: DuetMatcher, coaches: CoachTable, prices: NDArray[np.float64] | None) -> None:
        self._matcher = matcher
        self._coaches = matcher.hub.of_coaches(coaches)
        self._prices = None if prices is None else np.array(prices, np.float64)
        self._lock = threading.Lock()
        self._by_schema: dict[tuple[tuple[str, str], ...], Prepared] = {}
        self._prepared = None if matcher.learned is None else Prepared(matcher.learned, self._coaches, self._prices)

    def _ready(self, trainees: TraineeTable) -> tuple[Prepared, TraineeTable]:
        made = self._matcher.hub.of_trainees(trainees)
        if self._prepared is not None:
            return self._prepared, made
        schema = tuple((name, column.kind) for name, column in made.columns.items())
        with self._lock:
            prepared = self._by_schema.get(schema)
        if prepared is None:
            prepared = Prepared(self._matcher.of_schema(self._coaches, made), self._coaches, self._prices)
            with self._lock:
                if len(self._by_schema) < 64:  # a snapshot is asked with few kinds of tables
                    prepared = self._by_schema.setdefault(schema, prepared)
        return prepared, made

    def rank(self, trainees: TraineeTable, k: int, allowed: AllowedPairs, *, deadline: Deadline) -> Ranking:
        """Rank the allowed coaches for each trainee; see the port."""
        deadline.check()
        ranking = Ranking.empty(len(trainees), k)
        if not len(trainees) or not len(self._coaches) or not k:
            return ranking
        prepared, trainees = self._ready(trainees)
        shared = _flags(allowed, 0) if allowed.is_shared else None
        for start in range(0, len(trainees), _CHUNK):
            part = range(start, min(start + _CHUNK, len(trainees)))
            asking = prepared.asking(trainees.take(part) if len(trainees) > _CHUNK else trainees)
            looks = None
            if prepared.is_whole:
                looks = [
                    np.stack([one.left[s] for one in asking]) @ step.right for s, step in enumerate(prepared.steps)
                ]
            for at, i in enumerate(part):
                deadline.check()
                is_allowed = shared if shared is not None else _flags(allowed, i)
                if looks is not None:
                    rows, scores = _best_of_all(prepared, asking[at], [one[at] for one in looks], k, is_allowed)
                else:
                    rows, scores = _best_of_many(prepared, asking[at], k, is_allowed)
                ranking.rows[i, : len(rows)] = rows
                ranking.scores[i, : len(rows)] = scores
        deadline.check()
        return ranking if prepared.is_whole else attrs.evolve(ranking, is_exact=False)

    def score(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> NDArray[np.float64]:
        """Score these coaches as :meth:`rank` does."""
        made = np.full(rows.shape, -np.inf, np.float64)
        if not rows.size:
            return made
        prepared, trainees = self._ready(trainees)
        for i, asking in enumerate(prepared.asking(trainees)):
            wanted = np.flatnonzero(rows[i] >= 0)
            if len(wanted):
                made[i, wanted] = prepared.scores(asking, rows[i, wanted].astype(np.int64))
        return made

    def probabilities(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> Mapping[str, NDArray[np.float64]]:
        """Give the probability of each step; nan where the row is -1."""
        prepared, trainees = self._ready(trainees)
        made = {one.step.name: np.full(rows.shape, np.nan) for one in prepared.steps}
        for i, asking in enumerate(prepared.asking(trainees)):
            wanted = np.flatnonzero(rows[i] >= 0)
            if len(wanted):
                for one, logit in zip(
                    prepared.steps, prepared.logits(asking, rows[i, wanted].astype(np.int64)), strict=True
                ):
                    made[one.step.name][i, wanted] = sigmoid(logit)
        return made

    def explain(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> list[list[tuple[Reason, ...]]]:
        """Give the reasons for each pair: per step a base and contributions that add up to its logit."""
        if not len(trainees):
            return []
        prepared, trainees = self._ready(trainees)
        explainer = Explainer(prepared)
        return [explainer.reasons(asking, rows[i].tolist()) for i, asking in enumerate(prepared.asking(trainees))]


def _flags(allowed: AllowedPairs, i: int) -> NDArray[np.bool_] | None:
    """Give one trainee's bitmap as flags, None where everybody is allowed."""
    if allowed.count(i) == allowed.n_coaches:
        return None
    raw = np.frombuffer(allowed.bitmap(i), np.uint8)
    return np.unpackbits(raw, count=allowed.n_coaches, bitorder="little").view(np.bool_)


def _best_of_all(
    prepared: Prepared, asking: Asking, looks: list[Floats], k: int, is_allowed: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int64], Floats]:
    extras = prepared.extras(asking)
    logits = [asking.base[s] + looks[s] + extras[s] for s in range(len(looks))]
    first = prepared.scored(logits, EVERY)
    if is_allowed is not None:
        first = np.where(is_allowed, first, -np.inf)
    if k < prepared.n:
        cut = -np.partition(-first, k - 1)[k - 1]
        rows = np.flatnonzero(first >= cut - _NEAR) if cut > -np.inf else np.flatnonzero(first > -np.inf)
    else:
        rows = np.flatnonzero(first > -np.inf)
    scores = prepared.scores(asking, rows, [extra[rows] for extra in extras])
    order = np.lexsort((prepared.coaches.id_order[rows], -scores))[:k]
    return rows[order], scores[order]


def _best_of_many(
    prepared: Prepared, asking: Asking, k: int, is_allowed: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int64], Floats]:
    """Rank the candidates by their scores; behind them, the rest go on in the order of the first look."""
    assert prepared.coarse is not None  # noqa: S101 - there are many
    looked = prepared.coarse.candidates(asking, is_allowed, max(N_CANDIDATES, k))
    head, tail = looked[:N_CANDIDATES], looked[N_CANDIDATES:]
    scores = prepared.scores(asking, head)
    order = np.lexsort((prepared.coaches.id_order[head], -scores))
    rows, scores = head[order], scores[order]
    if len(tail):
        later = np.minimum.accumulate(np.concatenate([scores[-1:], prepared.scores(asking, tail)]))[1:]
        later = later - np.arange(1, len(tail) + 1) * 1e-12  # below all before: the order is the first look's
        rows, scores = np.concatenate([rows, tail]), np.concatenate([scores, later])
    return rows[:k], scores[:k]


__all__ = ["Asking", "DuetIndex", "Prepared", "StepIndex", "logarithm"]
