"""
The matcher's kit: subclass, supply ``offer``, and every promise of the port is checked.

::

    class TestMine(MatcherContract):
        @pytest.fixture
        def offer(self) -> MatcherOffer:
            return my_offers()["mine"]

Tables are seeded; set ``seed``, or override :meth:`MatcherContract.case` for
columns of your own. What an offer promises (``explains``, ``exact``, ...) is
checked where it is promised; where it is not, there is nothing to check.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from coachhub_core.errors import ArtefactError, MatcherError, MatcherTimeout
from coachhub_core.matching.artefact import ZipArtefactReader, ZipArtefactWriter
from coachhub_core.matching.checks import check_offer, check_ranking, check_reasons
from coachhub_core.matching.logistic import logit, sigmoid
from coachhub_core.matching.tables import EVERY_COLUMN, CoachTable, Texts, TraineeTable
from coachhub_core.ports.matcher import NEVER, AllowedPairs, Deadline, Index, MatcherOffer, OutcomeLog, Ranking, Reason
from coachhub_core.testing.assigner import AssignerContract
from coachhub_core.testing.cases import Case, a_case, copies, history, names, without

__all__ = ["AssignerContract", "MatcherContract", "logit_of"]

K = 10
OVER = Deadline(0.0, lambda: 1.0)  # a deadline that has passed


def logit_of(reasons: Sequence[Reason]) -> float:
    """Give the logit of the score that reasons stand for: the product of their groups' probabilities."""
    groups: dict[str, list[float]] = {}
    for reason in reasons:
        group = reason.code.partition(".")[0]
        if group != "order":  # what moved the place and not the score
            groups.setdefault(group, []).append(reason.contribution)
    sums = [math.fsum(parts) for parts in groups.values()]
    return sums[0] if len(sums) == 1 else logit(math.prod(map(sigmoid, sums)))


def same(a: Ranking, b: Ranking) -> bool:
    """Tell whether two rankings are equal bit for bit."""
    return a.rows.tobytes() == b.rows.tobytes() and a.scores.tobytes() == b.scores.tobytes()


def _saved(matcher: Any) -> tuple[bytes, str]:
    out = ZipArtefactWriter()
    matcher.save(out)
    return out.to_bytes(matcher="mine", version="1")


def _numpy_state() -> str:
    return repr(np.random.get_state())


class MatcherContract:
    """Subclass, supply ``offer``, and every promise of the port is checked."""

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
        """Rank, and let the host's check read the answer: shape, order, ties, doubles, the allowed."""
        pairs = (allowed or AllowedPairs.everyone()).bound_to(coaches, trainees)
        ranking = index.rank(trainees, k, pairs, deadline=NEVER)
        check_ranking(ranking, coaches, pairs, len(trainees), k)
        return ranking

    # ── the offer ──

    def test_the_offer_can_be_selected(self, offer: MatcherOffer) -> None:
        """It is for this port, has a version, names its columns and promises only what is known."""
        check_offer("mine", offer)
        assert offer.version
        assert offer.needs

    # ── the answer ──

    def test_a_ranking_is_whole(self, index: Index, tables: Case) -> None:
        """Rows and scores have type and shape, best first, ties by id, nobody twice."""
        ranking = self._rank(index, tables.coaches, tables.trainees)
        assert (ranking.rows >= 0).any()

    def test_equal_coaches_are_ordered_by_id(self, offer: MatcherOffer, tables: Case) -> None:
        """Of coaches who differ in nothing but the id, the smaller id comes first, bytewise, wherever it stands."""
        twins = copies(tables.coaches, ["b", "B", "é", "a10", "a9"])
        ranking = self._rank(offer.make().index(twins), twins, tables.trainees.take([0]), 5)
        assert [twins.ids[row] for row in ranking.rows[0] if row >= 0] in (["B", "a10", "a9", "b", "é"], [])

    def test_a_shorter_list_is_the_head_of_a_longer_one(self, index: Index, tables: Case) -> None:
        """Asking for one more adds one at the end and moves nobody."""
        longest = self._rank(index, tables.coaches, tables.trainees, 20)
        for k in (1, 2, 9, 19):
            ranking = self._rank(index, tables.coaches, tables.trainees, k)
            assert np.array_equal(ranking.rows, longest.rows[:, :k])
            assert np.array_equal(ranking.scores, longest.scores[:, :k])

    def test_scores_are_the_same_however_they_are_asked_for(self, index: Index, tables: Case) -> None:
        """``score`` gives, bit for bit, what ``rank`` ranked by; nobody scores -inf."""
        ranking = self._rank(index, tables.coaches, tables.trainees)
        scores = index.score(tables.trainees, ranking.rows)
        assert scores.dtype == np.float64
        assert scores.tobytes() == ranking.scores.tobytes()

    def test_an_exact_matcher_misses_nobody(self, offer: MatcherOffer, index: Index, tables: Case) -> None:
        """Whoever promises to be exact ranks as if every coach had been scored and sorted."""
        if "exact" not in offer.promises:
            return  # does not promise to be exact
        n = len(tables.coaches)
        every = np.ascontiguousarray(np.broadcast_to(np.arange(n, dtype=np.int32), (len(tables.trainees), n)))
        scores = index.score(tables.trainees, every)
        ranking = self._rank(index, tables.coaches, tables.trainees)
        for i, row in enumerate(scores):
            best = np.lexsort((tables.coaches.id_order, -row))
            wanted = [r for r in best[:K].tolist() if row[r] > -np.inf]
            assert [r for r in ranking.rows[i].tolist() if r >= 0] == wanted

    # ── little, nothing, too much ──

    def test_no_trainees_give_no_lists(self, index: Index, tables: Case) -> None:
        """An empty batch is a question like any other."""
        ranking = self._rank(index, tables.coaches, tables.trainees.take([]))
        assert ranking.rows.shape == (0, K)

    def test_nobody_allowed_gives_nobody(self, index: Index, tables: Case) -> None:
        """A trainee whom no coach may be proposed to gets a row of -1, and no exception."""
        nobody = AllowedPairs.shared(0, len(tables.coaches))
        assert (self._rank(index, tables.coaches, tables.trainees, K, nobody).rows == -1).all()

    def test_more_than_there_are_is_fine(self, index: Index, tables: Case) -> None:
        """A list longer than the coaches, or the allowed, ends in -1; a list of none is empty."""
        few = AllowedPairs.of([0, 3])
        ranking = self._rank(index, tables.coaches, tables.trainees, 5, few)
        assert (ranking.rows[:, 2:] == -1).all()
        ranking = self._rank(index, tables.coaches, tables.trainees, len(tables.coaches) + 3)
        assert (ranking.rows[:, -3:] == -1).all()
        assert self._rank(index, tables.coaches, tables.trainees, 0).rows.shape == (len(tables.trainees), 0)

    @pytest.mark.parametrize("n", [0, 1])
    def test_a_small_hub_is_a_hub(self, offer: MatcherOffer, tables: Case, n: int) -> None:
        """No coach at all, or a single one, is a snapshot like any other."""
        coaches = tables.coaches.take(range(n))
        ranking = self._rank(offer.make().index(coaches), coaches, tables.trainees)
        assert (ranking.rows < n).all()

    def test_any_column_may_be_missing(self, offer: MatcherOffer, tables: Case) -> None:
        """Each column is taken away in turn, then all, then every value: there is an answer, and reasons for it."""
        matcher = offer.make()
        trainees = tables.trainees.take(range(4))
        poorer = [(without(tables.coaches, name), without(trainees, name)) for name in names(tables)]
        poorer.append((CoachTable(tables.coaches.ids, {}), TraineeTable(trainees.ids, {})))
        for coaches, asking in poorer:
            index = matcher.index(coaches)
            ranking = self._rank(index, coaches, asking)
            check_reasons(index.explain(asking, ranking.rows), ranking.rows.tolist())

    # ── who may be proposed ──

    def test_only_the_allowed_are_proposed(self, index: Index, tables: Case) -> None:
        """One bitmap for all, or one for each: nobody outside it is ever in a list."""
        n = len(tables.coaches)
        third = sum(1 << r for r in range(0, n, 3))
        self._rank(index, tables.coaches, tables.trainees, n, AllowedPairs.shared(third, n))
        masks = [third << (i % 3) & ((1 << n) - 1) for i in range(len(tables.trainees))]
        self._rank(index, tables.coaches, tables.trainees, n, AllowedPairs.each(masks, n))

    def test_a_filter_leaves_the_rest_in_order(self, index: Index, tables: Case) -> None:
        """Taking coaches away moves none of those who stay, and changes no score."""
        n = len(tables.coaches)
        whole = self._rank(index, tables.coaches, tables.trainees, n)
        kept = set(range(0, n, 2))
        half = self._rank(index, tables.coaches, tables.trainees, n, AllowedPairs.of(kept))
        for i in range(len(tables.trainees)):
            left = [(r, s) for r, s in zip(whole.rows[i].tolist(), whole.scores[i].tolist(), strict=True) if r in kept]
            found = [(r, s) for r, s in zip(half.rows[i].tolist(), half.scores[i].tolist(), strict=True) if r >= 0]
            assert found == left

    # ── the same question, the same answer ──

    @pytest.mark.parametrize("size", [1, 7, 64])
    def test_a_batch_changes_nothing(self, index: Index, tables: Case, size: int) -> None:
        """Whether trainees are asked for alone or together, each gets the same list, bit for bit."""
        whole = self._rank(index, tables.coaches, tables.trainees)
        for start in range(0, len(tables.trainees), size):
            rows = range(start, min(start + size, len(tables.trainees)))
            part = self._rank(index, tables.coaches, tables.trainees.take(rows))
            assert part.rows.tobytes() == whole.rows[rows.start : rows.stop].tobytes()
            assert part.scores.tobytes() == whole.scores[rows.start : rows.stop].tobytes()

    def test_the_order_of_a_batch_changes_nothing(self, index: Index, tables: Case) -> None:
        """A shuffled batch gives the shuffled lists."""
        order = list(range(len(tables.trainees)))
        random.Random(7).shuffle(order)  # noqa: S311 (no secret: any other order would do)
        whole = self._rank(index, tables.coaches, tables.trainees)
        shuffled = self._rank(index, tables.coaches, tables.trainees.take(order))
        assert np.array_equal(shuffled.rows, whole.rows[order])
        assert shuffled.scores.tobytes() == whole.scores[order].tobytes()

    def test_asking_leaves_nothing_behind(self, offer: MatcherOffer, index: Index, tables: Case) -> None:
        """A second time, after other questions, and from a fresh object, the answer is the same."""
        first = self._rank(index, tables.coaches, tables.trainees)
        self._rank(index, tables.coaches, tables.trainees.take([5, 5, 5]), 3, AllowedPairs.of([1, 2]))
        index.explain(tables.trainees, first.rows)
        assert same(self._rank(index, tables.coaches, tables.trainees), first)
        assert same(self._rank(offer.make().index(tables.coaches), tables.coaches, tables.trainees), first)

    def test_many_threads_may_ask_at_once(self, index: Index, tables: Case) -> None:
        """An index is immutable: what two threads are told at the same time is what one is told."""
        alone = self._rank(index, tables.coaches, tables.trainees)
        with ThreadPoolExecutor(2) as pool:
            together = list(pool.map(lambda _: self._rank(index, tables.coaches, tables.trainees), range(4)))
        assert all(same(ranking, alone) for ranking in together)

    def test_it_asks_nothing_of_the_world(self, index: Index, tables: Case, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ranking reads no clock, no file and no network, and neither uses nor moves the global random state."""
        first = self._rank(index, tables.coaches, tables.trainees)

        def refuse(*_: Any, **__: Any) -> Any:
            raise AssertionError("a matcher reads no clock, no file and no network while it ranks")

        state, numpy_state = random.getstate(), _numpy_state()
        with monkeypatch.context() as world:
            for name in ("time", "monotonic", "perf_counter", "time_ns", "monotonic_ns", "perf_counter_ns"):
                world.setattr(f"time.{name}", refuse)
            world.setattr("builtins.open", refuse)
            world.setattr("socket.socket", refuse)
            again = index.rank(
                tables.trainees, K, AllowedPairs.everyone().bound_to(tables.coaches, tables.trainees), deadline=NEVER
            )
        assert same(again, first)
        assert random.getstate() == state
        assert _numpy_state() == numpy_state
        random.seed(1)
        np.random.seed(1)
        assert same(self._rank(index, tables.coaches, tables.trainees), first)

    # ── time and errors ──

    def test_a_deadline_that_is_over_ends_the_work(self, index: Index, tables: Case) -> None:
        """Asked after its time, a matcher says so, and with nothing but MatcherTimeout."""
        everyone = AllowedPairs.everyone().bound_to(tables.coaches, tables.trainees)
        with pytest.raises(MatcherTimeout):
            index.rank(tables.trainees, K, everyone, deadline=OVER)

    # ── learning and keeping ──

    def test_fitting_gives_another_matcher(self, offer: MatcherOffer, index: Index, tables: Case) -> None:
        """The one that was fitted stays as it was, and an empty log is legal."""
        matcher = offer.make()
        before = self._rank(matcher.index(tables.coaches), tables.coaches, tables.trainees)
        fitted = matcher.fit(OutcomeLog.build(), tables.coaches, tables.trainees, prior=matcher, seed=3)
        assert fitted is not matcher
        self._rank(fitted.index(tables.coaches), tables.coaches, tables.trainees)
        assert same(self._rank(matcher.index(tables.coaches), tables.coaches, tables.trainees), before)

    def test_what_was_saved_is_what_answers(self, offer: MatcherOffer, tables: Case) -> None:
        """An artefact loaded elsewhere gives the same lists, and saved again the same bytes."""
        matcher = offer.make().fit(OutcomeLog.build(), tables.coaches, tables.trainees)
        data, _ = _saved(matcher)
        loaded = offer.make().load(ZipArtefactReader.of(data))
        ranking = self._rank(matcher.index(tables.coaches), tables.coaches, tables.trainees)
        assert same(self._rank(loaded.index(tables.coaches), tables.coaches, tables.trainees), ranking)
        assert _saved(loaded)[0] == data

    def test_a_flipped_bit_is_refused(self, offer: MatcherOffer) -> None:
        """Of an artefact with any one bit changed, nothing is loaded."""
        data, _ = _saved(offer.make())
        draw = random.Random(11)  # noqa: S311 (no secret: any bits would do)
        n_bits = 8 * len(data)
        for bit in draw.sample(range(n_bits), min(n_bits, 600)):
            broken = bytearray(data)
            broken[bit >> 3] ^= 1 << (bit & 7)
            with pytest.raises(ArtefactError):
                ZipArtefactReader.of(bytes(broken))

    def test_somebody_elses_artefact_is_refused(self, offer: MatcherOffer) -> None:
        """Where its members are missing, a matcher raises MatcherError, not whatever comes."""
        if not ZipArtefactReader.of(_saved(offer.make())[0]).names:
            return  # keeps nothing, so there is nothing to miss
        empty, _ = ZipArtefactWriter().to_bytes(matcher="somebody else", version="1")
        with pytest.raises(MatcherError):
            offer.make().load(ZipArtefactReader.of(empty))

    # ── columns ──

    def test_it_lives_on_the_columns_it_named(self, offer: MatcherOffer, index: Index, tables: Case) -> None:
        """Given more than it asked for, a matcher answers the same: it reads nothing it did not name."""
        if offer.needs == EVERY_COLUMN:
            return  # names all columns
        case = self.case(self.seed)
        more = self._rank(offer.make().index(case.coaches), case.coaches, case.trainees)
        assert same(more, self._rank(index, tables.coaches, tables.trainees))

    def test_no_sensitive_column_is_seen(self, offer: MatcherOffer) -> None:
        """Without consent by name, a sensitive column is not there, whatever was asked for."""
        seen = self._seen(offer, self.case(self.seed))
        columns = [*seen.coaches.columns.values(), *seen.trainees.columns.values()]
        assert not any(column.is_sensitive for column in columns)

    # ── reasons ──

    def test_reasons_are_one_tuple_per_pair(self, index: Index, tables: Case) -> None:
        """Every coach of every list has its reasons, finite and as JSON; nobody has none."""
        ranking = self._rank(index, tables.coaches, tables.trainees, 5, AllowedPairs.of([1, 2, 3]))
        check_reasons(index.explain(tables.trainees, ranking.rows), ranking.rows.tolist())

    def test_contributions_add_up_to_the_score(self, offer: MatcherOffer, index: Index, tables: Case) -> None:
        """Base and contributions are the logit of the score, within 1e-9."""
        if "explains" not in offer.promises:
            return  # does not promise to explain
        ranking = self._rank(index, tables.coaches, tables.trainees, 20)
        explained = index.explain(tables.trainees, ranking.rows)
        for i, row in enumerate(ranking.rows.tolist()):
            for place, coach in enumerate(row):
                if coach >= 0:
                    assert abs(logit_of(explained[i][place]) - logit(ranking.scores[i, place])) <= 1e-9

    def test_no_reason_shows_another_persons_words(self, offer: MatcherOffer) -> None:
        """A word only one person used is evidence for that person's pairs and no others."""
        case = self._seen(offer, self.case("canaries", canaries=True))
        index = offer.make().index(case.coaches)
        ranking = self._rank(index, case.coaches, case.trainees)
        explained = index.explain(case.trainees, ranking.rows)
        for i, row in enumerate(ranking.rows.tolist()):
            for place, coach in enumerate(row):
                shown = json.dumps([dict(reason.evidence) for reason in explained[i][place]])
                for mine in (f"zqtrainee{i}x", f"zqcoach{coach}x"):
                    shown = shown.replace(mine, "")
                assert "zqtrainee" not in shown
                assert "zqcoach" not in shown

    # ── promises ──

    def test_a_matcher_of_text_reads_it(self, offer: MatcherOffer) -> None:
        """Of two coaches alike, the one who wrote the trainee's rare word comes first."""
        if "text" not in offer.promises:
            return  # does not promise to read text
        case = self._seen(offer, self.case("canaries", canaries=True))
        texts = [f"I teach {'quidditch' if i == 4 else 'something'}" for i in range(9)]
        twins = copies(case.coaches, [f"c{i}" for i in range(9)]).with_columns(bio=Texts([[text] for text in texts]))
        trainee = case.trainees.take([0])
        asking = trainee.with_columns(goal=Texts([["learn quidditch"]]))
        ranking = self._rank(offer.make().index(twins), twins, asking, 9)
        assert twins.ids[ranking.rows[0, 0]] == "c4"

    @pytest.mark.parametrize("promise", ["cold_coach", "cold_trainee"])
    def test_newcomers_are_served(self, offer: MatcherOffer, tables: Case, promise: str) -> None:
        """Fitted without them, a matcher still ranks new coaches, and ranks for new trainees."""
        if promise not in offer.promises:
            return  # does not promise that
        old = Case(coaches=tables.coaches.take(range(30)), trainees=tables.trainees.take(range(30)))
        fitted = offer.make().fit(history(old), old.coaches, old.trainees)
        coaches = tables.coaches if promise == "cold_coach" else old.coaches
        trainees = tables.trainees if promise == "cold_trainee" else old.trainees
        ranking = self._rank(fitted.index(coaches), coaches, trainees, len(coaches))
        assert set(ranking.rows.ravel().tolist()) >= set(range(len(coaches)))

    def test_a_learner_learns(self, offer: MatcherOffer, tables: Case) -> None:
        """Whom everybody wanted and who always said yes stands higher after the log than before it."""
        if "learns" not in offer.promises:
            return  # does not promise to learn
        matcher = offer.make()
        loved = int(self._rank(matcher.index(tables.coaches), tables.coaches, tables.trainees, 1).rows[0, 0]) ^ 1
        fitted = matcher.fit(history(tables, loved=loved), tables.coaches, tables.trainees)
        places = []
        for one in (matcher, fitted):
            ranking = self._rank(one.index(tables.coaches), tables.coaches, tables.trainees, len(tables.coaches))
            places.append(float(np.argmax(ranking.rows == loved, axis=1).mean()))
        assert places[1] < places[0]

    def test_a_two_sided_matcher_knows_both_sides(self, offer: MatcherOffer, index: Index, tables: Case) -> None:
        """It gives a probability that the trainee wants and one that the coach accepts."""
        if "two_sided" not in offer.promises:
            return  # does not promise to know both sides
        ranking = self._rank(index, tables.coaches, tables.trainees)
        found: Mapping[str, NDArray[np.float64]] = index.probabilities(tables.trainees, ranking.rows)
        for step in ("wants", "accepts"):
            known = found[step][ranking.rows >= 0]
            assert ((known > 0) & (known < 1)).all()
