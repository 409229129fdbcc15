"""What the tests of the matcher's kit share: its tables, its index, and how an answer is asked for and read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from coachhub_core.matching.artefact import ZipArtefactWriter
from coachhub_core.matching.checks import check_ranking
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import NEVER, AllowedPairs, Deadline, Index, MatcherOffer, Ranking
from coachhub_core.testing.cases import Case, a_case

K = 10
OVER = Deadline(0.0, lambda: 1.0)  # a deadline that has passed


def same(a: Ranking, b: Ranking) -> bool:
    """Tell whether two rankings are equal bit for bit."""
    return a.rows.tobytes() == b.rows.tobytes() and a.scores.tobytes() == b.scores.tobytes()


def saved(matcher: Any) -> tuple[bytes, str]:
    """Give the artefact of a matcher, and its id."""
    out = ZipArtefactWriter()
    matcher.save(out)
    return out.to_bytes(matcher="mine", version="1")


def every_row(coaches: CoachTable, trainees: TraineeTable) -> NDArray[np.int32]:
    """Ask for every coach, for each trainee: int32 (b, n)."""
    n = len(coaches)
    return np.ascontiguousarray(np.broadcast_to(np.arange(n, dtype=np.int32), (len(trainees), n)))


class MatcherKit:
    """Tables, index and helpers; the promises stand in the classes below this one."""

    seed = "kit"  #: another seed draws other tables

    def case(self, seed: str, **how: Any) -> Case:
        """Draw the tables of one seed; override it for columns of your own."""
        return a_case(seed, **how)

    @pytest.fixture
    def tables(self, offer: MatcherOffer) -> Case:
        """The tables of this class's seed, as the matcher may see them."""
        return self._seen(offer, self.case(self.seed))

    @pytest.fixture
    def index(self, offer: MatcherOffer, tables: Case) -> Index:
        """The matcher, ready for those tables."""
        return offer.make().index(tables.coaches)

    def _seen(self, offer: MatcherOffer, case: Case) -> Case:
        return Case(coaches=case.coaches.select(offer.needs), trainees=case.trainees.select(offer.needs))

    def _rank(
        self,
        index: Index,
        coaches: CoachTable,
        trainees: TraineeTable,
        k: int = K,
        allowed: AllowedPairs | None = None,
    ) -> Ranking:
        """Rank, and read the answer as the host does: shape, order, ties, doubles, the allowed; scores as asked for."""
        pairs = (allowed or AllowedPairs.everyone()).bound_to(coaches, trainees)
        ranking = index.rank(trainees, k, pairs, deadline=NEVER)
        check_ranking(ranking, coaches, pairs, len(trainees), k)
        assert index.score(trainees, ranking.rows).tobytes() == ranking.scores.tobytes()
        return ranking

    def _misses_nobody(
        self, offer: MatcherOffer, index: Index, coaches: CoachTable, trainees: TraineeTable, k: int = K
    ) -> None:
        """Where it promises to be exact, rank as if every coach had been scored and sorted."""
        if "exact" not in offer.promises:
            return
        scores = index.score(trainees, every_row(coaches, trainees))
        ranking = self._rank(index, coaches, trainees, k)
        for i, row in enumerate(scores):
            best = np.lexsort((coaches.id_order, -row))
            wanted = [r for r in best[:k].tolist() if row[r] > -np.inf]
            assert [r for r in ranking.rows[i].tolist() if r >= 0] == wanted
