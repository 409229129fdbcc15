"""The kit is worth something: each way of breaking the port is caught by a test that says so."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from coachhub_core.errors import ArtefactError, MatcherError
from coachhub_core.matching.pairs import AllowedPairs
from coachhub_core.memory.assigner import StableAssigner
from coachhub_core.memory.matcher import NEEDS, PlainMatcher
from coachhub_core.memory.points import PlainIndex
from coachhub_core.ports.matcher import NEVER, AssignerOffer, MatcherOffer, Placements, Ranking, Reason
from coachhub_core.testing.matcher import AssignerContract, MatcherContract

KIT = MatcherContract()
CAUGHT = (AssertionError, MatcherError, pytest.fail.Exception)


class Mutant(PlainMatcher):
    """The matcher of rules with one thing wrong."""

    index_class: type[PlainIndex] = PlainIndex

    def index(self, coaches: Any, *, prices: Any = None) -> PlainIndex:
        return self.index_class(coaches, self.weights, self._vocabulary, prices)

    def fit(self, *_: Any, **__: Any) -> Any:
        return type(self)(self.weights, self._vocabulary)

    def load(self, source: Any) -> Any:
        return type(self)(super().load(source).weights, self._vocabulary)


def changed(change: Callable[[Any, Any, Ranking], Ranking]) -> type[Mutant]:
    """Make a mutant whose ranking is what *change* makes of the right one."""

    class Index(PlainIndex):
        def rank(self, trainees: Any, k: int, allowed: Any, *, deadline: Any) -> Ranking:
            return change(self, trainees, super().rank(trainees, k, allowed, deadline=deadline))

    class Changed(Mutant):
        index_class = Index

    return Changed


def explaining(change: Callable[[Any, Any], Any]) -> type[Mutant]:
    class Index(PlainIndex):
        def explain(self, trainees: Any, rows: Any) -> Any:
            return change(trainees, super().explain(trainees, rows))

    class Explaining(Mutant):
        index_class = Index

    return Explaining


def scaled(by: Callable[[Any, Any, Ranking], Any]) -> Callable[[Any, Any, Ranking], Ranking]:
    """Change the scores and keep the order."""
    return lambda index, trainees, r: Ranking(r.rows, np.where(r.rows >= 0, r.scores * by(index, trainees, r), -np.inf))


class Forgetful(Mutant):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.n_asked = 0

    def index(self, coaches: Any, *, prices: Any = None) -> PlainIndex:
        self.n_asked += 1
        weights = attrs.evolve(self.weights, base=self.weights.base + (0.1 if self.n_asked > 1 else 0))
        return PlainIndex(coaches, weights, self._vocabulary, prices)


class Impatient(PlainIndex):
    """Never looks at its deadline."""

    def rank(self, trainees: Any, k: int, allowed: Any, *, deadline: Any) -> Ranking:
        return super().rank(trainees, k, allowed, deadline=NEVER)


class Unfiltered(PlainIndex):
    """Lets everybody through."""

    def rank(self, trainees: Any, k: int, allowed: AllowedPairs, *, deadline: Any) -> Ranking:
        n = allowed.n_coaches
        return super().rank(trainees, k, AllowedPairs.shared((1 << n) - 1, n), deadline=deadline)


class Greedy(PlainIndex):
    """Looks at the first half of the coaches only."""

    def rank(self, trainees: Any, k: int, allowed: AllowedPairs, *, deadline: Any) -> Ranking:
        n = allowed.n_coaches
        half = (1 << max(n // 2, 1)) - 1
        masks = [allowed.mask(i) & half for i in range(len(trainees))]
        return super().rank(trainees, k, AllowedPairs.each(masks, n), deadline=deadline)


class ByRow(PlainIndex):
    """Breaks ties by row instead of id."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._order = list(range(self._n))


def with_index(index: type[PlainIndex]) -> type[Mutant]:
    return type("WithIndex", (Mutant,), {"index_class": index})


class Deaf(Mutant):
    """Loads anything, and nothing of it."""

    def load(self, source: Any) -> Any:
        return type(self)(attrs.evolve(self.weights, base=0.5), self._vocabulary)


class Rude(Mutant):
    def load(self, source: Any) -> Any:
        try:
            return super().load(source)
        except ArtefactError:
            raise KeyError("weights") from None


class Moved(Mutant):
    def fit(self, *_: Any, **__: Any) -> Any:
        self.weights = attrs.evolve(self.weights, base=2.0)
        return Moved(self.weights, self._vocabulary)


class Same(Mutant):
    def fit(self, *_: Any, **__: Any) -> Any:
        return self


class Fragile(PlainIndex):
    """Takes it for granted that everybody has a price."""

    def __init__(self, coaches: Any, *given: Any) -> None:
        super().__init__(coaches, *given)
        self.cheapest = min(coaches["price"].values(), key=lambda price: price or 0)


class Nosy(PlainIndex):
    """Reads a column it did not name."""

    def __init__(self, coaches: Any, weights: Any, *given: Any) -> None:
        years = coaches.number("years")
        more = 0.0 if np.isnan(years).all() else 0.25
        super().__init__(coaches, attrs.evolve(weights, base=weights.base + more), *given)


def gossip(trainees: Any, right: Any) -> Any:
    """Show every coach what somebody else wished for."""
    other = trainees.row(0).texts("goal")
    return [[(*reasons, Reason("order.others", 0.0, {"also": list(other)})) for reasons in mine] for mine in right]


def once_fitted(wrong: type[Mutant]) -> type[Mutant]:
    """Make a matcher that is right until it has learned from a log, and *wrong* from then on."""

    class Fitted(Mutant):
        def fit(self, log: Any, *given: Any, **named: Any) -> Any:
            return (wrong if len(log) else Fitted)(self.weights, self._vocabulary)

    return Fitted


def clock(index: Any, trainees: Any, r: Ranking) -> Ranking:
    time.monotonic()
    return r


def dice(index: Any, trainees: Any, r: Ranking) -> Ranking:
    random.random()
    return r


MUTANTS: dict[str, tuple[type[Mutant], str]] = {
    "ties by row": (with_index(ByRow), "test_equal_coaches_are_ordered_by_id"),
    "half the market": (with_index(Greedy), "test_an_exact_matcher_misses_nobody"),
    "no filter": (with_index(Unfiltered), "test_only_the_allowed_are_proposed"),
    "no deadline": (with_index(Impatient), "test_a_deadline_that_is_over_ends_the_work"),
    "a fragile column": (with_index(Fragile), "test_any_column_may_be_missing"),
    "a column not named": (with_index(Nosy), "test_it_lives_on_the_columns_it_named"),
    "float32": (
        changed(lambda i, t, r: Ranking(r.rows, r.scores.astype(np.float32))),  # type: ignore[arg-type]
        "test_a_ranking_is_whole",
    ),
    "worst first": (
        changed(lambda i, t, r: Ranking(r.rows[:, ::-1].copy(), r.scores[:, ::-1].copy())),
        "test_a_ranking_is_whole",
    ),
    "depends on k": (
        changed(scaled(lambda i, t, r: 1 - 1 / (2 + r.rows.shape[1]))),
        "test_a_shorter_list_is_the_head_of_a_longer_one",
    ),
    "depends on the batch": (
        changed(scaled(lambda i, t, r: 1 / len(t) if len(t) else 1)),
        "test_a_batch_changes_nothing",
    ),
    "depends on the order": (
        changed(scaled(lambda i, t, r: 1 / (1 + np.arange(len(t)))[:, None])),
        "test_the_order_of_a_batch_changes_nothing",
    ),
    "score and rank differ": (
        changed(scaled(lambda i, t, r: 0.999)),
        "test_scores_are_the_same_however_they_are_asked_for",
    ),
    "reads the clock": (changed(clock), "test_it_asks_nothing_of_the_world"),
    "throws dice": (changed(dice), "test_it_asks_nothing_of_the_world"),
    "fit changes itself": (Moved, "test_fitting_gives_another_matcher"),
    "fit gives itself": (Same, "test_fitting_gives_another_matcher"),
    "load forgets": (Deaf, "test_what_was_saved_is_what_answers"),
    "load raises anything": (Rude, "test_somebody_elses_artefact_is_refused"),
    "sums are off": (
        explaining(lambda t, right: [[(*r, Reason("fits.luck", 1e-6)) if r else r for r in mine] for mine in right]),
        "test_contributions_add_up_to_the_score",
    ),
    "gossip": (explaining(gossip), "test_no_reason_shows_another_persons_words"),
    "gossip, once fitted": (once_fitted(explaining(gossip)), "test_no_reason_shows_another_persons_words"),
    "gossip in a code, once fitted": (
        once_fitted(
            explaining(
                lambda t, right: [
                    [(*r, Reason(f"said.{t.row(0).texts('goal')[0].split()[-1]}", 0.0)) for r in mine] for mine in right
                ]
            )
        ),
        "test_no_reason_shows_another_persons_words",
    ),
    "sums are off, once fitted": (
        once_fitted(
            explaining(lambda t, right: [[(*r, Reason("fits.luck", 1e-6)) if r else r for r in mine] for mine in right])
        ),
        "test_contributions_add_up_to_the_score",
    ),
    "depends on the batch, once fitted": (
        once_fitted(changed(scaled(lambda i, t, r: 1 / len(t) if len(t) else 1))),
        "test_one_that_learned_answers_alike",
    ),
    "half the market, once fitted": (once_fitted(with_index(Greedy)), "test_one_that_learned_answers_alike"),
    "reasons for nobody": (
        explaining(lambda t, right: [[(Reason("fits.base", 0.1),)] * len(mine) for mine in right]),
        "test_reasons_are_one_tuple_per_pair",
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the test that is named for it."""
    make, test = MUTANTS[name]
    offer = MatcherOffer(make=make, version="1", needs=NEEDS, promises={"exact", "explains"})
    tables = KIT._seen(offer, KIT.case("kit"))
    given: dict[str, Any] = {"offer": offer, "tables": tables, "monkeypatch": monkeypatch, "size": 7}
    check = getattr(KIT, test)
    wanted = check.__func__.__code__.co_varnames[1 : check.__func__.__code__.co_argcount]
    if "index" in wanted:
        given["index"] = make().index(tables.coaches)
    with pytest.raises((*CAUGHT, KeyError)):  # what a mutant lets through is what the author sees
        check(**{name: given[name] for name in wanted})


class Unstable(StableAssigner):
    """Leaves the last trainee out."""

    def assign(self, *given: Any, **named: Any) -> Placements:
        made = super().assign(*given, **named)
        made.coaches[-1:] = -1
        return made


class Overfull(StableAssigner):
    def assign(self, candidates: Any, scores: Any, seats: Any, **named: Any) -> Placements:
        return super().assign(candidates, scores, seats + 1, **named)


class Indifferent(StableAssigner):
    """Asks nobody what the coaches want."""

    def assign(self, *given: Any, coach_scores: Any, **named: Any) -> Placements:
        return super().assign(*given, coach_scores=None, **named)


@pytest.mark.parametrize("make", [Unstable, Overfull, Indifferent])
def test_a_wrong_assigner_is_caught(make: Any) -> None:
    """Over the kit's own cohorts, one that is not stable, or not within the seats, does not pass."""
    offer = AssignerOffer(make=make, version="1", modes={"stable"})
    kit = AssignerContract()
    n_caught = 0
    for seed in range(25):
        try:
            kit.test_a_stable_placement_has_no_blocking_pair(offer, seed)
            kit.test_every_rule_holds(offer, seed)
        except CAUGHT:
            n_caught += 1
    assert n_caught >= 3


class Once(StableAssigner):
    """Gives nobody a second coach."""

    def assign(self, *given: Any, **named: Any) -> Placements:
        made = super().assign(*given, **{**named, "mode": "stable"})
        made.coaches[:, 1:] = -1
        return made


class Idle(StableAssigner):
    """Breaks no rule, by placing nobody."""

    def assign(self, *given: Any, **named: Any) -> Placements:
        made = super().assign(*given, **{**named, "mode": "stable"})
        made.coaches[:] = -1
        return made


class Keen(StableAssigner):
    """Gives everybody what nobody would change, which is seldom the best for all."""

    def assign(self, *given: Any, **named: Any) -> Placements:
        return super().assign(*given, **{**named, "mode": "stable"})


@pytest.mark.parametrize("mode", ["welfare", "exact", "worst_first"])
@pytest.mark.parametrize("make", [Once, Idle, Keen])
def test_an_assigner_that_is_not_the_best_is_caught(make: Any, mode: str) -> None:
    """Whatever mode it offers: keeping every rule is not enough."""
    offer = AssignerOffer(make=make, version="1", modes={mode})
    for seed in range(25):
        AssignerContract().test_every_rule_holds(offer, seed)
    with pytest.raises(AssertionError, match="can be"):
        AssignerContract().test_no_placement_is_better(offer, mode)
