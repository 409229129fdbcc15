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

import numpy as np
import pytest
from numpy.typing import NDArray

from coachhub_core.errors import ArtefactError, MatcherError, MatcherTimeout
from coachhub_core.matching.artefact import ZipArtefactReader, ZipArtefactWriter
from coachhub_core.matching.checks import check_offer, check_reasons
from coachhub_core.matching.logistic import logit, sigmoid
from coachhub_core.matching.tables import EVERY_COLUMN, CoachTable, Texts, TraineeTable
from coachhub_core.ports.matcher import NEVER, AllowedPairs, Forgetful, Index, MatcherOffer, OutcomeLog, Reason
from coachhub_core.testing.assigner import AssignerContract
from coachhub_core.testing.cases import Case, copies, history, names, without
from coachhub_core.testing.matcher_asking import AskingContract
from coachhub_core.testing.matcher_base import OVER, K, same, saved
from coachhub_core.testing.matcher_world import watching

__all__ = ["AssignerContract", "MatcherContract", "logit_of"]


def logit_of(reasons: Sequence[Reason]) -> float:
    """Give the logit of the score that reasons stand for: the product of their groups' probabilities."""
    groups: dict[str, list[float]] = {}
    for reason in reasons:
        group = reason.code.partition(".")[0]
        if group != "order":  # what moved the place and not the score
            groups.setdefault(group, []).append(reason.contribution)
    sums = [math.fsum(parts) for parts in groups.values()]
    return sums[0] if len(sums) == 1 else logit(math.prod(map(sigmoid, sums)))


class MatcherContract(AskingContract):
    """Subclass, supply ``offer``, and every promise of the port is checked."""

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
        twins = copies(tables.coaches, ["z", "b", "B", "é", "a10", "a9"])
        ranking = self._rank(offer.make().index(twins), twins, tables.trainees.take([0]), 6)
        assert [twins.ids[row] for row in ranking.rows[0] if row >= 0] in (["B", "a10", "a9", "b", "z", "é"], [])

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
        self._misses_nobody(offer, index, tables.coaches, tables.trainees)

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
        index = offer.make().index(coaches)
        ranking = self._rank(index, coaches, tables.trainees)
        assert (ranking.rows < n).all()
        self._misses_nobody(offer, index, coaches, tables.trainees)

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
        self._misses_nobody(offer, index, coaches, asking)

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
        third = sum(1 << r for r in range(0, n, 3))
        each = [third << (i % 3) & ((1 << n) - 1) for i in range(len(tables.trainees))]
        for allowed in (
            AllowedPairs.shared(third, n),
            AllowedPairs.shared(0b1001, n),
            AllowedPairs.each(each, n),
        ):
            for k in (n, 3):
                part = self._rank(index, tables.coaches, tables.trainees, k, allowed)
                for i in range(len(tables.trainees)):
                    both = zip(whole.rows[i].tolist(), whole.scores[i].tolist(), strict=True)
                    left = [(r, s) for r, s in both if r >= 0 and allowed.is_allowed(i, r)]
                    found = [
                        (r, s) for r, s in zip(part.rows[i].tolist(), part.scores[i].tolist(), strict=True) if r >= 0
                    ]
                    assert found == left[:k]

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
        thrice = self._rank(index, tables.coaches, tables.trainees.take([5, 5, 5]), 3)
        for place in range(3):
            assert np.array_equal(thrice.rows[place], first.rows[5, :3])
        index.explain(tables.trainees, first.rows)
        assert same(self._rank(index, tables.coaches, tables.trainees), first)
        assert same(self._rank(offer.make().index(tables.coaches), tables.coaches, tables.trainees), first)

    def test_many_threads_may_ask_at_once(self, index: Index, tables: Case) -> None:
        """An index is immutable: what two threads are told at the same time is what one is told."""
        alone = self._rank(index, tables.coaches, tables.trainees)
        with ThreadPoolExecutor(2) as pool:
            together = list(pool.map(lambda _: self._rank(index, tables.coaches, tables.trainees), range(4)))
        assert all(same(ranking, alone) for ranking in together)

    def test_it_asks_nothing_of_the_world(self, index: Index, tables: Case) -> None:
        """Ranking reads no clock, no file and no network, and neither uses nor moves the global random state."""
        first = self._rank(index, tables.coaches, tables.trainees)
        everyone = AllowedPairs.everyone().bound_to(tables.coaches, tables.trainees)
        state, numpy_state = random.getstate(), np.random.get_state()
        try:
            random.seed(1)
            np.random.seed(1)
            drawn = random.getstate(), repr(np.random.get_state())
            with watching() as asked:
                again = index.rank(tables.trainees, K, everyone, deadline=NEVER)
            assert asked == [], "a matcher asks nothing of the world while it ranks"
            assert (random.getstate(), repr(np.random.get_state())) == drawn
            assert same(again, first)
        finally:
            random.setstate(state)
            np.random.set_state(numpy_state)

    # ── time and errors ──

    def test_a_deadline_that_is_over_ends_the_work(self, index: Index, tables: Case) -> None:
        """Asked after its time, a matcher says so, and with nothing but MatcherTimeout."""
        for trainees in (tables.trainees, tables.trainees.take([0])):
            everyone = AllowedPairs.everyone().bound_to(tables.coaches, trainees)
            with pytest.raises(MatcherTimeout):
                index.rank(trainees, K, everyone, deadline=OVER)

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
        data, _ = saved(matcher)
        loaded = offer.make().load(ZipArtefactReader.of(data))
        ranking = self._rank(matcher.index(tables.coaches), tables.coaches, tables.trainees)
        assert same(self._rank(loaded.index(tables.coaches), tables.coaches, tables.trainees), ranking)
        assert saved(loaded)[0] == data

    def test_what_was_learned_is_kept(self, offer: MatcherOffer, tables: Case) -> None:
        """The same log and seed give the same bytes, as often as they are saved; loaded elsewhere, the same lists."""
        log = history(tables, loved=1)
        first, second = (offer.make().fit(log, tables.coaches, tables.trainees, seed=5) for _ in range(2))
        data, _ = saved(first)
        assert saved(first)[0] == data
        assert saved(second)[0] == data
        empty = offer.make()
        before, _ = saved(empty)
        loaded = empty.load(ZipArtefactReader.of(data))
        assert loaded is not empty
        assert saved(empty)[0] == before
        assert saved(loaded)[0] == data
        ranking = self._rank(first.index(tables.coaches), tables.coaches, tables.trainees)
        assert same(self._rank(loaded.index(tables.coaches), tables.coaches, tables.trainees), ranking)

    def test_one_that_learned_answers_alike(self, offer: MatcherOffer, tables: Case) -> None:
        """After a log as before it: alone or together, ranked or scored, a pair has one score, and nobody is missed."""
        fitted = offer.make().fit(history(tables, loved=1), tables.coaches, tables.trainees)
        index = fitted.index(tables.coaches)
        whole = self._rank(index, tables.coaches, tables.trainees)
        assert index.score(tables.trainees, whole.rows).tobytes() == whole.scores.tobytes()
        for i in reversed(range(len(tables.trainees))):
            alone = self._rank(index, tables.coaches, tables.trainees.take([i]))
            assert alone.rows.tobytes() == whole.rows[i : i + 1].tobytes()
            assert alone.scores.tobytes() == whole.scores[i : i + 1].tobytes()
        self._misses_nobody(offer, index, tables.coaches, tables.trainees)

    def test_the_erased_are_left_out(self, offer: MatcherOffer, tables: Case) -> None:
        """A log may speak of coaches and trainees who are in neither table any more."""
        n, b = len(tables.coaches), len(tables.trainees)
        left = Case(coaches=tables.coaches.take(range(0, n, 2)), trainees=tables.trainees.take(range(1, b, 2)))
        fitted = offer.make().fit(history(tables), left.coaches, left.trainees)
        self._rank(fitted.index(left.coaches), left.coaches, left.trainees)

    def test_one_that_can_forget_forgets(self, offer: MatcherOffer, tables: Case) -> None:
        """Who was erased leaves no id in what is saved, and everybody else's list stays what it was."""
        fitted = offer.make().fit(history(tables, loved=1), tables.coaches, tables.trainees)
        if not isinstance(fitted, Forgetful):
            return  # the port is optional
        n, b = len(tables.coaches), len(tables.trainees)
        left = Case(coaches=tables.coaches.take(range(0, n, 2)), trainees=tables.trainees.take(range(1, b, 2)))
        gone = {*tables.coaches.ids, *tables.trainees.ids} - {*left.coaches.ids, *left.trainees.ids}
        before, _ = saved(fitted)
        ranking = self._rank(fitted.index(left.coaches), left.coaches, left.trainees)
        made = fitted.without(gone)
        assert saved(fitted)[0] == before
        assert isinstance(made, Forgetful)
        assert not gone.intersection(made.people)
        data, _ = saved(made)
        assert not [id_ for id_ in gone if json.dumps(id_).encode() in data]
        loaded = offer.make().load(ZipArtefactReader.of(data))
        assert same(self._rank(loaded.index(left.coaches), left.coaches, left.trainees), ranking)

    def test_a_flipped_bit_is_refused(self, offer: MatcherOffer) -> None:
        """Of an artefact with any one bit changed, nothing is loaded."""
        data, _ = saved(offer.make())
        draw = random.Random(11)  # noqa: S311 (no secret: any bits would do)
        n_bits = 8 * len(data)
        for bit in draw.sample(range(n_bits), min(n_bits, 600)):
            broken = bytearray(data)
            broken[bit >> 3] ^= 1 << (bit & 7)
            with pytest.raises(ArtefactError):
                ZipArtefactReader.of(bytes(broken))

    def test_somebody_elses_artefact_is_refused(self, offer: MatcherOffer) -> None:
        """Where its members are missing, a matcher raises MatcherError, not whatever comes."""
        if not ZipArtefactReader.of(saved(offer.make())[0]).names:
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
        fitted = offer.make().fit(history(tables, loved=1), tables.coaches, tables.trainees)
        for one in (index, fitted.index(tables.coaches)):
            ranking = self._rank(one, tables.coaches, tables.trainees, 20)
            explained = one.explain(tables.trainees, ranking.rows)
            for i, row in enumerate(ranking.rows.tolist()):
                for place, coach in enumerate(row):
                    if coach >= 0:
                        assert abs(logit_of(explained[i][place]) - logit(ranking.scores[i, place])) <= 1e-9

    def test_no_reason_shows_another_persons_words(self, offer: MatcherOffer) -> None:
        """A word only one person used is evidence for that person's pairs and no others."""
        case = self._seen(offer, self.case("canaries", canaries=True))
        fitted = offer.make().fit(history(case, loved=1), case.coaches, case.trainees)
        for matcher in (offer.make(), fitted):  # and nobody learns them from those a coach accepted before
            index = matcher.index(case.coaches)
            ranking = self._rank(index, case.coaches, case.trainees)
            explained = index.explain(case.trainees, ranking.rows)
            for i, row in enumerate(ranking.rows.tolist()):
                for place, coach in enumerate(row):
                    shown = json.dumps([[reason.code, dict(reason.evidence)] for reason in explained[i][place]])
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
        n, b = len(tables.coaches) // 2, len(tables.trainees) // 2
        old = Case(coaches=tables.coaches.take(range(n)), trainees=tables.trainees.take(range(b)))
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
