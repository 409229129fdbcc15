"""
One question to an index, and what is made of its answer: checked, ordered, and marked with what was asked.

Nothing here waits, counts or remembers: that is the host's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching.checks import check_ranking, check_reasons, check_upper
from coachhub_core.matching.constraints import Filters
from coachhub_core.matching.demand import moved, with_reason
from coachhub_core.matching.exploring import Maybe
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import AllowedPairs, Deadline, Index, Ranking, Reason, Unsure

Answer = tuple[Ranking, list[tuple[Reason, ...]], tuple[Maybe, ...]]


@attrs.frozen
class Want:
    """What is asked of a matcher beside the question."""

    limit: int
    explain: bool
    pool: int  # of so many it is asked how good they may well be


def answer(
    index: Index,
    coaches: CoachTable,
    trainee: TraineeTable,
    allowed: AllowedPairs,
    deadline: Deadline,
    want: Want,
) -> Answer:
    """Rank, check what came, and give it with its reasons and what may yet be, as far as they are wanted."""
    is_unsure = want.pool > 0 and isinstance(index, Unsure)
    k = max(want.limit, want.pool) if is_unsure else want.limit
    whole = index.rank(trainee, k, allowed, deadline=deadline)
    check_ranking(whole, coaches, allowed, len(trainee), k)
    ranking = whole
    if k > want.limit:  # a shorter list is the head of a longer one
        ranking = attrs.evolve(
            whole,
            rows=np.ascontiguousarray(whole.rows[:, : want.limit]),
            scores=np.ascontiguousarray(whole.scores[:, : want.limit]),
        )
    reasons: list[tuple[Reason, ...]] = [()] * want.limit
    if want.explain:
        found = index.explain(trainee, ranking.rows)
        check_reasons(found, ranking.rows.tolist())
        reasons = found[0]
    return ranking, reasons, _may_be(index, coaches, trainee, whole) if is_unsure else ()


def _may_be(index: Index, coaches: CoachTable, trainee: TraineeTable, ranking: Ranking) -> tuple[Maybe, ...]:
    """Ask how good each who was ranked may well be."""
    assert isinstance(index, Unsure)  # noqa: S101 - the caller has looked
    upper = index.upper(trainee, ranking.rows)
    check_upper(upper, ranking.scores)
    parts = (ranking.rows[0].tolist(), ranking.scores[0].tolist(), upper[0].tolist())
    return tuple(
        Maybe(coach_id=coaches.ids[row], score=score, upper=bound)
        for row, score, bound in zip(*parts, strict=True)
        if row >= 0
    )


def with_demand(
    ranking: Ranking, reasons: list[tuple[Reason, ...]], prices: NDArray[np.float64]
) -> list[tuple[Reason, ...]]:
    """Say whom the price of demand moved down within the list, and by how many places."""
    rows = [row for row in ranking.rows[0].tolist() if row >= 0]
    mine = prices[rows].tolist()
    places = moved(ranking.scores[0, : len(rows)].tolist(), mine)
    told = [with_reason(why, price, n) for why, price, n in zip(reasons, mine, places, strict=False)]
    return [*told, *reasons[len(told) :]]


def ordered(listed: Sequence[Sequence[Reason]]) -> list[tuple[Reason, ...]]:
    """Put each coach's strongest first and the bases last, so that the first line is what a reader needs."""
    bases = {code for code in {reason.code for reasons in listed for reason in reasons} if code.endswith(".base")}
    made: list[tuple[Reason, ...]] = []
    for reasons in listed:
        first, last = [], []
        for reason in reasons:
            if reason.code in bases:
                last.append(reason)
            else:
                first.append(reason)
        first.sort(key=_strength, reverse=True)
        last.sort(key=_strength, reverse=True)
        made.append((*first, *last))
    return made


def _strength(reason: Reason) -> float:
    return abs(reason.contribution)


def input_hash(
    coaches: CoachTable,
    trainee: TraineeTable,
    filters: Filters | None,
    limit: int,
    without: Collection[str],
    model_id: str,
    prices: NDArray[np.float64] | None,
) -> str:
    """Name all that a list was made of, so that the same question is known again: 64 hex digits."""
    stated = attrs.asdict(filters) if filters is not None else {}
    asked = [coaches.content_hash, trainee.content_hash, stated, limit, sorted(without), model_id]
    if prices is not None:
        asked.append(hashlib.sha256(prices.tobytes()).hexdigest())
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
