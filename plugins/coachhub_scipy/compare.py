"""What the same column says on both sides, compared for one trainee and all coaches: what learning reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from coachhub_core.matching.tables import CoachTable, TraineeRow
from coachhub_scipy.arithmetic import Floats
from coachhub_scipy.comparers import EVERY, Rows, comparer_of
from coachhub_scipy.comparisons import Comparison


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
        return {} if comparer is None else comparer.evidence(trainee, [row])[0]
