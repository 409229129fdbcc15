"""
The matcher ready for one snapshot of coaches: ranks, scores, explains, and gives the same bits every time.

Up to 5,000 coaches all are scored; above, those that look best at first sight are,
200 unless the matcher was told otherwise. A first look is a product of matrices, whose
last bits depend on the batch; what could change a place is therefore computed again,
dimension by dimension in a fixed order, before anything is sorted.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching.schema import COACH_COLUMNS, trainee_table
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import AllowedPairs, Deadline, Ranking, Reason
from coachhub_scipy.arithmetic import Floats, sigmoid
from coachhub_scipy.comparers import EVERY
from coachhub_scipy.explain import Explainer
from coachhub_scipy.first_look import FirstLook
from coachhub_scipy.prepared import Asking, Prepared
from coachhub_scipy.scan_one import may_win

if TYPE_CHECKING:
    from coachhub_scipy.duet import DuetMatcher, Learned

WHOLE = 5_000  #: coaches up to which all are scored
_NEAR = 1e-9  # what the first look at all may be wrong by
_CHUNK = 64  # trainees whose first look is taken together
_CHUNK_OF_MANY = 8  # where there are many coaches: bounds what is held for all of them at once


@attrs.frozen(eq=False)
class _Ready:
    """A model laid out, with its first look where there are many coaches."""

    prepared: Prepared
    look: FirstLook | None
    explainer: Explainer

    @classmethod
    def of(cls, learned: Learned, coaches: CoachTable, prices: NDArray[np.float64] | None) -> _Ready:
        prepared = Prepared(learned, coaches, prices)
        return cls(prepared, None if len(coaches) <= WHOLE else FirstLook(prepared), Explainer(prepared))


class DuetIndex:
    """See the module."""

    def __init__(self, matcher: DuetMatcher, coaches: CoachTable, prices: NDArray[np.float64] | None) -> None:
        self._matcher = matcher
        self._coaches = matcher.hub.of_coaches(coaches)
        self._prices = None if prices is None else np.array(prices, np.float64)
        self._lock = threading.Lock()
        self._by_schema: dict[tuple[tuple[str, str], ...], _Ready] = {}
        self._ready = None if matcher.learned is None else _Ready.of(matcher.learned, self._coaches, self._prices)
        if self._ready is None and not self._coaches.columns.keys().isdisjoint(COACH_COLUMNS):
            self._of(trainee_table([]))  # a hub's: the first who asks has a deadline
        self._asked = threading.local()  # the last question of each thread: who ranks asks for the reasons next

    def _of(self, trainees: TraineeTable) -> tuple[_Ready, TraineeTable]:
        made = self._matcher.hub.of_trainees(trainees)
        if self._ready is not None:
            return self._ready, made
        schema = tuple((name, column.kind) for name, column in made.columns.items())
        with self._lock:
            ready = self._by_schema.get(schema)
        if ready is None:
            ready = _Ready.of(self._matcher.of_schema(self._coaches, made), self._coaches, self._prices)
            with self._lock:
                if len(self._by_schema) < 64:  # a snapshot is asked with few kinds of tables
                    ready = self._by_schema.setdefault(schema, ready)
        return ready, made

    def _asking(self, trainees: TraineeTable) -> tuple[_Ready, Sequence[Asking]]:
        """Read trainees who ask, all at once; one alone is read once however often the same table is handed in."""
        last = getattr(self._asked, "last", None)
        if last is not None and last[0] is trainees:
            return last[1], last[2]
        ready, made = self._of(trainees)
        asking = ready.prepared.asking(made)
        if len(trainees) == 1:
            self._asked.last = (trainees, ready, asking)
        return ready, asking

    def _each(self, trainees: TraineeTable) -> Iterator[tuple[int, _Ready, Asking]]:
        """Read trainees a few at a time: what is made of a question is large where columns or coaches are many."""
        for part, ready, askings in self._parts(trainees):
            for i, asking in zip(part, askings, strict=True):
                yield i, ready, asking
                self._done(trainees, asking)

    def _parts(self, trainees: TraineeTable) -> Iterator[tuple[range, _Ready, Sequence[Asking]]]:
        chunk = _CHUNK if len(self._coaches) <= WHOLE else _CHUNK_OF_MANY
        for start in range(0, len(trainees), chunk):
            part = range(start, min(start + chunk, len(trainees)))
            yield part, *self._asking(trainees.take(part) if len(trainees) > chunk else trainees)

    @staticmethod
    def _done(trainees: TraineeTable, asking: Asking) -> None:
        """Forget the comparisons of one of many: who asks alone is asked for reasons next, and is not read again."""
        if len(trainees) > 1:
            asking.compared.clear()

    def rank(self, trainees: TraineeTable, k: int, allowed: AllowedPairs, *, deadline: Deadline) -> Ranking:
        """Rank the allowed coaches for each trainee; see the port."""
        deadline.check()
        ranking = Ranking.empty(len(trainees), k)
        if not len(trainees) or not len(self._coaches) or not k:
            return ranking
        shared = _flags(allowed, 0) if allowed.is_shared else None
        is_exact = True
        for part, ready, asking in self._parts(trainees):
            is_exact = ready.look is None
            looks = None
            if ready.look is None and len(part) > 1:
                looks = [
                    np.stack([one.left[s] for one in asking]) @ step.right.T
                    for s, step in enumerate(ready.prepared.steps)
                ]
            for at, i in enumerate(part):
                deadline.check()
                is_allowed = shared if allowed.is_shared else _flags(allowed, i)
                if ready.look is None:
                    mine = None if looks is None else [one[at] for one in looks]
                    rows, scores = _best_of_all(ready.prepared, asking[at], mine, k, is_allowed)
                else:
                    rows, scores = _best_of_many(
                        ready.prepared, ready.look, asking[at], k, is_allowed, self._matcher.n_candidates
                    )
                ranking.rows[i, : len(rows)] = rows
                ranking.scores[i, : len(rows)] = scores
                self._done(trainees, asking[at])
        deadline.check()
        return ranking if is_exact else attrs.evolve(ranking, is_exact=False)

    def score(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> NDArray[np.float64]:
        """Score these coaches as :meth:`rank` does."""
        made = np.full(rows.shape, -np.inf, np.float64)
        if not rows.size:
            return made
        for i, ready, asking in self._each(trainees):
            wanted = np.flatnonzero(rows[i] >= 0)
            if len(wanted):
                made[i, wanted] = ready.prepared.scores(asking, rows[i, wanted].astype(np.int64))
        return made

    def upper(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> NDArray[np.float64]:
        """Score these coaches as if each had a better record than was seen, by one standard deviation."""
        made = np.full(rows.shape, -np.inf, np.float64)
        for i, ready, asking in self._each(trainees):
            wanted = np.flatnonzero(rows[i] >= 0)
            if len(wanted):
                made[i, wanted] = ready.prepared.upper(asking, rows[i, wanted].astype(np.int64))
        return made

    def probabilities(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> Mapping[str, NDArray[np.float64]]:
        """Give the probability of each step; nan where the row is -1."""
        prepared = self._of(trainees)[0].prepared
        made = {one.step.name: np.full(rows.shape, np.nan) for one in prepared.steps}
        for i, _, asking in self._each(trainees):
            wanted = np.flatnonzero(rows[i] >= 0)
            if len(wanted):
                for one, logit in zip(
                    prepared.steps, prepared.logits(asking, rows[i, wanted].astype(np.int64)), strict=True
                ):
                    made[one.step.name][i, wanted] = sigmoid(logit)
        return made

    def explain(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> list[list[tuple[Reason, ...]]]:
        """Give the reasons for each pair: per step a base and contributions that add up to its logit."""
        return [ready.explainer.reasons(asking, rows[i].tolist()) for i, ready, asking in self._each(trainees)]


def _flags(allowed: AllowedPairs, i: int) -> NDArray[np.bool_] | None:
    """Give one trainee's bitmap as flags, None where everybody is allowed."""
    if allowed.count(i) == allowed.n_coaches:
        return None
    raw = np.frombuffer(allowed.bitmap(i), np.uint8)
    return np.unpackbits(raw, count=allowed.n_coaches, bitorder="little").view(np.bool_)


def _best_of_all(
    prepared: Prepared, asking: Asking, looks: list[Floats] | None, k: int, is_allowed: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int64], Floats]:
    some = None if is_allowed is None else np.flatnonzero(is_allowed)
    within = EVERY if some is None else some
    if looks is None:
        lefts = zip(asking.left, prepared.steps, strict=True)
        looks = [(one.right if some is None else one.right[some]) @ left for left, one in lefts]
    elif some is not None:
        looks = [look[some] for look in looks]
    extras = prepared.extras(asking, within)
    first = prepared.scored([asking.base[s] + looks[s] + extras[s] for s in range(len(looks))], within)
    kept = may_win(first, k, _NEAR)
    rows = kept if some is None else some[kept]
    scores = prepared.scores(asking, rows, [extra[kept] for extra in extras])
    order = np.lexsort((prepared.id_order[rows], -scores))[:k]
    asking.best[:] = [kept[order]]
    return rows[order], scores[order]


def _best_of_many(
    prepared: Prepared,
    look: FirstLook,
    asking: Asking,
    k: int,
    is_allowed: NDArray[np.bool_] | None,
    n_candidates: int,
) -> tuple[NDArray[np.int64], Floats]:
    """Rank the candidates by their scores; behind them, the rest go on in the order of the first look."""
    looked = look.candidates(asking, is_allowed, max(n_candidates, k))
    head, tail = looked[:n_candidates], looked[n_candidates:]
    scores = prepared.scores(asking, head)
    order = np.lexsort((prepared.id_order[head], -scores))
    asking.best[:] = [order[:k]]
    rows, scores = head[order], scores[order]
    if len(tail):
        later = np.minimum.accumulate(np.concatenate([scores[-1:], prepared.scores(asking, tail)]))[1:]
        later = later - np.arange(1, len(tail) + 1) * 1e-12  # below all before: the order is the first look's
        rows, scores = np.concatenate([rows, tail]), np.concatenate([scores, later])
    return rows[:k], scores[:k]
