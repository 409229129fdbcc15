"""
What was learned, without some people: nobody else's list changes by it, not in the last bit.

A trainee's row goes. A coach's place stays, because others chose that coach and what they chose afterwards was learned
from it; it has no name any more, and no number that only lists with that coach on them would need.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.parts import LinearPart, Side, SparseRows, StepModel

if TYPE_CHECKING:
    from coachhub_scipy.duet import Learned

NOBODY = "\0"  #: stands where the id of a coach was


def without(learned: Learned, ids: Collection[str]) -> Learned:
    """Give what was learned with nothing of these people."""
    gone_ids = frozenset(ids)
    stays = np.array([id_ not in gone_ids for id_ in learned.trainee_ids], np.bool_)
    gone = np.array([id_ in gone_ids or id_ == NOBODY for id_ in learned.coach_ids], np.bool_)
    chosen = _rows(learned.chosen, np.flatnonzero(stays)) if len(learned.chosen.starts) > 1 else learned.chosen
    is_needed = np.zeros(len(gone), np.bool_)
    is_needed[chosen.places] = True  # in the history of somebody who stays
    return attrs.evolve(
        learned,
        steps=tuple(_step(step, stays, gone, gone & ~is_needed) for step in learned.steps),
        coach_ids=tuple(NOBODY if is_gone else id_ for id_, is_gone in zip(learned.coach_ids, gone, strict=True)),
        trainee_ids=tuple(id_ for id_, keep in zip(learned.trainee_ids, stays, strict=True) if keep),
        counts=np.ascontiguousarray(learned.counts[stays]) if len(learned.counts) else learned.counts,
        chosen=chosen,
    )


def _step(step: StepModel, stays: NDArray[np.bool_], gone: NDArray[np.bool_], unneeded: NDArray[np.bool_]) -> StepModel:
    asked = step.asked
    return attrs.evolve(
        step,
        linear=tuple(LinearPart(part.name, _left(part.left, stays), _right(part.right, gone)) for part in step.linear),
        history=None if step.history is None else _cells(step.history, rows=unneeded, places=gone),
        asked=None if asked is None else attrs.evolve(asked, weights=_cells(asked.weights, places=gone)),
        doubt=_blank(step.doubt, gone) if step.doubt is not None and len(step.doubt) else step.doubt,
    )


def _left(side: Side, stays: NDArray[np.bool_]) -> Side:
    return side if side.own is None else attrs.evolve(side, own=np.ascontiguousarray(side.own[stays]))


def _right(side: Side, gone: NDArray[np.bool_]) -> Side:
    return side if side.own is None else attrs.evolve(side, own=_blank(side.own, gone))


def _blank(values: NDArray[Any], gone: NDArray[np.bool_]) -> NDArray[Any]:
    made = np.array(values)
    made[gone] = 0
    return made


def _rows(matrix: SparseRows, rows: NDArray[np.int64]) -> SparseRows:
    """Give these rows alone."""
    sizes = np.diff(matrix.starts)
    kept = np.zeros(len(sizes), np.bool_)
    kept[rows] = True
    cells = np.repeat(kept, sizes)
    starts = np.concatenate([[0], np.cumsum(sizes[kept])]).astype(np.int64)
    return SparseRows(starts, matrix.places[cells], matrix.values[cells])


def _cells(matrix: SparseRows, *, places: NDArray[np.bool_], rows: NDArray[np.bool_] | None = None) -> SparseRows:
    """Give the matrix without what stands in these places, and in these rows."""
    sizes = np.diff(matrix.starts)
    row_of = np.repeat(np.arange(len(sizes)), sizes)
    kept = ~places[matrix.places]
    if rows is not None:
        kept &= ~rows[row_of]
    starts = np.concatenate([[0], np.cumsum(np.bincount(row_of[kept], minlength=len(sizes)))]).astype(np.int64)
    return SparseRows(starts, matrix.places[kept], matrix.values[kept])
