"""The matcher's kit, on what is asked beside a ranking: scores, prices, probabilities, reasons; and its arguments."""

from __future__ import annotations

import numpy as np

from coachhub_core.matching.checks import check_reasons
from coachhub_core.matching.tables import Table
from coachhub_core.ports.matcher import STEPS, AllowedPairs, Index, MatcherOffer, OutcomeLog, Unsure
from coachhub_core.testing.cases import Case, history
from coachhub_core.testing.matcher_base import MatcherKit, every_row


def _digest(table: Table) -> str:
    """Stand for a table as it is now; its own hash is kept from when it was first asked."""
    return type(table)(table.ids, dict(table.columns)).content_hash


class AskingContract(MatcherKit):
    """What holds of every answer but the ranking itself."""

    def test_any_pairs_may_be_scored(self, index: Index, tables: Case) -> None:
        """One coach or many, in any order, twice, or nobody: each pair has the one score it has, nobody -inf."""
        n, b = len(tables.coaches), len(tables.trainees)
        whole = index.score(tables.trainees, every_row(tables.coaches, tables.trainees))
        assert whole.shape == (b, n)
        assert whole.dtype == np.float64
        places = np.arange(b)[:, None]
        for asked in ((7 * places + [[3, 0, 3, 1]]) % n, np.full((b, 1), n - 1), np.empty((b, 0))):
            rows = np.ascontiguousarray(asked, dtype=np.int32)
            rows[::2, 1:2] = -1
            kept = rows.copy()
            found = index.score(tables.trainees, rows)
            assert np.array_equal(rows, kept), "the rows that were asked for were written to"
            wanted = np.where(
                rows >= 0, np.take_along_axis(whole, np.maximum(rows, 0).astype(np.int64), axis=1), -np.inf
            )
            assert found.shape == rows.shape
            assert found.tobytes() == wanted.tobytes()
        assert index.score(tables.trainees.take([]), np.empty((0, 3), np.int32)).shape == (0, 3)

    def test_prices_are_taken_off(self, offer: MatcherOffer, index: Index, tables: Case) -> None:
        """Made ready with a price per coach, a matcher ranks by score less price, and leaves the prices alone."""
        rows = every_row(tables.coaches, tables.trainees)
        prices = (np.arange(len(tables.coaches)) % 5) / 20.0
        given = prices.copy()
        priced = offer.make().index(tables.coaches, prices=given)
        assert np.array_equal(given, prices), "the prices were written to"
        scores = priced.score(tables.trainees, rows)
        assert np.allclose(scores, index.score(tables.trainees, rows) - prices, rtol=0, atol=1e-9)
        self._rank(priced, tables.coaches, tables.trainees)
        self._misses_nobody(offer, priced, tables.coaches, tables.trainees)

    def test_what_a_pair_may_yet_be_is_never_below_its_score(
        self, offer: MatcherOffer, index: Index, tables: Case
    ) -> None:
        """Where an index knows how little it knows: a bound above each score, the same in any company."""
        fitted = offer.make().fit(history(tables, loved=1), tables.coaches, tables.trainees)
        for asked in (index, fitted.index(tables.coaches)):
            if not isinstance(asked, Unsure):
                return  # it knows nothing of that kind
            rows = self._rank(asked, tables.coaches, tables.trainees, 5).rows.copy()
            rows[::2, 3] = -1
            kept = rows.copy()
            upper = asked.upper(tables.trainees, rows)
            assert np.array_equal(rows, kept), "the rows that were asked for were written to"
            assert upper.shape == rows.shape
            assert upper.dtype == np.float64
            scores = asked.score(tables.trainees, rows)
            assert (upper >= scores).all()
            assert np.isfinite(upper[rows >= 0]).all()
            assert (upper[rows < 0] == -np.inf).all()
            alone = asked.upper(tables.trainees.take([2]), np.ascontiguousarray(rows[2:3, ::-1]))
            assert alone[0].tolist() == upper[2, ::-1].tolist()

    def test_probabilities_are_probabilities(self, index: Index, tables: Case) -> None:
        """Those steps it knows, from 0 to 1 for every pair, the same whether asked alone or together."""
        rows = self._rank(index, tables.coaches, tables.trainees, 5, AllowedPairs.of([0, 1, 2, 3, 4])).rows
        known = rows >= 0
        found = index.probabilities(tables.trainees, rows)
        assert set(found) <= set(STEPS)
        alone = index.probabilities(tables.trainees.take([0]), rows[:1])
        for step, chances in found.items():
            assert chances.shape == rows.shape
            assert chances.dtype == np.float64
            assert ((chances[known] >= 0) & (chances[known] <= 1)).all()
            assert np.array_equal(alone[step][0][known[0]], chances[0][known[0]])

    def test_reasons_are_the_same_however_they_are_asked_for(self, index: Index, tables: Case) -> None:
        """Tuples of ``group.what``; twice the same, and alone as together; what was asked for is left alone."""
        rows = self._rank(index, tables.coaches, tables.trainees, 4).rows.copy()  # who scores -inf needs no reasons
        rows[:, 1], rows[::2, 3] = rows[:, 0], -1
        kept = rows.copy()
        explained = index.explain(tables.trainees, rows)
        assert np.array_equal(rows, kept), "the rows that were asked for were written to"
        check_reasons(explained, rows.tolist())
        for pair in (pair for mine in explained for pair in mine):
            assert isinstance(pair, tuple)
            for reason in pair:
                group, dot, what = reason.code.partition(".")
                assert group, f"{reason.code!r} is not group.what"
                assert dot, f"{reason.code!r} is not group.what"
                assert what, f"{reason.code!r} is not group.what"
        assert index.explain(tables.trainees, rows) == explained
        assert index.explain(tables.trainees.take([2]), rows[2:3]) == explained[2:3]

    def test_an_id_is_no_profile(self, offer: MatcherOffer, index: Index, tables: Case) -> None:
        """Who says something else of themselves today gets the list of today: nobody is remembered by id."""
        self._rank(index, tables.coaches, tables.trainees)
        moved = tables.trainees.take([*range(1, len(tables.trainees)), 0])
        today = type(moved)(tables.trainees.ids, moved.columns)
        fresh = self._rank(offer.make().index(tables.coaches), tables.coaches, today)
        again = self._rank(index, tables.coaches, today)
        assert again.rows.tobytes() == fresh.rows.tobytes()
        assert again.scores.tobytes() == fresh.scores.tobytes()

    def test_a_row_is_no_merit(self, offer: MatcherOffer, index: Index, tables: Case) -> None:
        """Whatever row a coach stands in, and whatever snapshot was there before, the score is the coach's own."""
        order = np.random.Generator(np.random.PCG64(3)).permutation(len(tables.coaches))
        moved = tables.coaches.take(order)
        rows = every_row(tables.coaches, tables.trainees)
        scores = index.score(tables.trainees, rows)
        found = offer.make().index(moved).score(tables.trainees, rows)
        assert np.allclose(found, scores[:, order], rtol=1e-9, atol=1e-9)

    def test_what_it_is_given_stays_as_it_was(self, offer: MatcherOffer, tables: Case) -> None:
        """Neither indexing nor asking nor fitting adds, takes or changes a column."""
        before = _digest(tables.coaches), _digest(tables.trainees)
        matcher = offer.make()
        index = matcher.index(tables.coaches)
        ranking = self._rank(index, tables.coaches, tables.trainees)
        index.explain(tables.trainees, ranking.rows)
        index.probabilities(tables.trainees, ranking.rows)
        for log in (OutcomeLog.build(), history(tables)):
            matcher.fit(log, tables.coaches, tables.trainees)
        assert (_digest(tables.coaches), _digest(tables.trainees)) == before
