"""The price of demand on a hub: off by default, found once a day, taken off the scores, said where it counted."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray
from services import ENGINES

import coachhub_scipy
from coachhub_core import bootstrap, hookimpl
from coachhub_core.clock import ManualClock
from coachhub_core.config import Auth, Matching, Settings
from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.coaches import CreateCoach
from coachhub_core.domain.suggestions import SuggestCoaches
from coachhub_core.domain.trainees import ChangeTrainee
from coachhub_core.errors import MatcherError
from coachhub_core.matching.scores import matcher_from_scores
from coachhub_core.matching.tables import CoachTable, TraineeRow
from coachhub_core.ports.matcher import MatcherOffer, SuggestionAudit
from coachhub_core.services.cohort_market import CohortMarket
from coachhub_core.services.demand_work import LEASE, DemandWork
from coachhub_core.services.units import Context
from coachhub_core.testing.story import House
from coachhub_scipy.stable import Held

N_COACHES, N_TRAINEES, LIMIT = 6, 12, 2


def by_years(_: TraineeRow, coaches: CoachTable) -> NDArray[np.float64]:
    """Everybody has the same order: the most in demand is the one with the most years."""
    made: NDArray[np.float64] = np.nan_to_num(coaches.number("years")) / 100.0
    return made


class Plugin:
    """Offers that matcher, and hears of every list."""

    def __init__(self) -> None:
        self.heard: list[SuggestionAudit] = []

    @hookimpl
    def coachhub_matchers(self) -> dict[str, MatcherOffer]:
        """A stranger's, made of one function."""
        return {"mine": matcher_from_scores(by_years, name="mine", needs={"years"})}

    @hookimpl
    def coachhub_suggestions_made(self, audit: SuggestionAudit) -> None:
        """Keep it."""
        self.heard.append(audit)


class Town:
    """A hub with six coaches of 1 to 6 years, and trainees who ask."""

    def __init__(self, **matching: Any) -> None:
        self.plugin = Plugin()
        self.clock = ManualClock()
        chosen = {"matcher": "mine", "fallback": "mine", "limit": LIMIT, "exploration": False, **matching}
        settings = Settings.in_memory(auth=Auth(bcrypt_cost=10), matching=Matching(**chosen))
        self.hub = bootstrap(settings, plugins=[*ENGINES, coachhub_scipy, self.plugin], clock=self.clock)
        house = House(self.hub, self.clock)
        for years in range(1, N_COACHES + 1):
            coach = house.a_person("coach", name=f"Coach {years}")
            self.hub.coaches.create(coach, CreateCoach(specialties=("marathon",), years=years, capacity=50))
        self.people: list[Actor] = []
        for _ in range(N_TRAINEES):
            sam = house.a_trainee()
            self.hub.trainees.change(sam, ChangeTrainee(goal="run my first marathon"))
            self.people.append(sam)

    def __enter__(self) -> Town:
        return self

    def __exit__(self, *_: object) -> None:
        self.hub.close()

    def a_day(self) -> Counter[str]:
        """Let everybody ask once, over the day; count who was shown."""
        shown: Counter[str] = Counter()
        for sam in self.people:
            for item in self.hub.suggestions.suggest(sam, SuggestCoaches()).items:
                shown[item.coach.name] += 1
        return shown

    def another_worker(self) -> DemandWork:
        """One in a process of its own, on the same storage."""
        hub = self.hub
        context = Context(
            storage=hub.storage, clock=hub.clock, new_id=hub.new_id, settings=hub.settings, vocabulary=hub.vocabulary
        )
        market = CohortMarket(context, hub.suggestions.host, hub.suggestions.snapshot)
        return DemandWork(context, market, hub.suggestions.host, hub.cohorts.assigner, hub.cohorts.offer)


def test_it_is_off_unless_the_operator_wants_it() -> None:
    """Nothing is asked of the database, nothing is due, and the order is the matcher's."""
    with Town() as town:
        assert town.a_day() == {"Coach 6": N_TRAINEES, "Coach 5": N_TRAINEES}
        town.clock.advance(86_400)
        assert town.hub.run_due().done["demand"] == 0
        with town.hub.storage.begin(read_only=True) as work:
            assert work.demand.newest() is None
        assert not any(audit.prices for audit in town.plugin.heard)


@pytest.mark.parametrize("assigner", ["duet", "plain"])
def test_a_worker_prices_what_the_last_days_asked_for(assigner: str) -> None:
    """Once a day, whoever comes first; the two everybody was shown cost something, and others get their turn."""
    with Town(max_shown_per_day=8, assigner=assigner) as town:
        first = town.a_day()
        assert first.most_common(1)[0][1] == N_TRAINEES
        assert town.hub.run_due().done["demand"] == 1
        assert town.hub.run_due().done["demand"] == 0
        assert not town.another_worker().work_one()
        with town.hub.storage.begin(read_only=True) as work:
            run = work.demand.newest()
        assert run is not None
        assert (run.state, run.n_lists, run.top_before, run.matcher) == ("done", N_TRAINEES, float(N_TRAINEES), "mine")
        assert run.prices
        assert all(price > 0 for price in run.prices.values())


def test_lists_are_ordered_by_score_less_price_and_say_so() -> None:
    """The reason names how many places, and is there only where somebody stands lower; the log has every price."""
    with Town(max_shown_per_day=8) as town:
        best = {
            item.coach.name: str(item.coach.id)
            for item in town.hub.suggestions.suggest(town.people[0], SuggestCoaches(limit=N_COACHES)).items
        }
        now = town.clock()
        taken = town.hub.demand_work._take()
        assert taken is not None
        prices = {best["Coach 6"]: 0.025, best["Coach 1"]: 0.001, str(town.hub.new_id()): 0.5}  # one who left
        town.hub.demand_work._keep(attrs.evolve(taken, state="done", prices=prices, finished_at=now))
        made = town.hub.suggestions.suggest(town.people[0], SuggestCoaches(limit=N_COACHES))
        assert [item.coach.name for item in made.items] == [f"Coach {n}" for n in (5, 4, 6, 3, 2, 1)]
        assert [item.score for item in made.items] == pytest.approx([0.05, 0.04, 0.035, 0.03, 0.02, 0.009])
        said = {item.coach.name: item.reasons for item in made.items if item.reasons}
        assert list(said) == ["Coach 6"]
        (reason,) = said["Coach 6"]
        assert (reason.code, reason.contribution, reason.evidence) == ("order.demand", -0.025, {"places": 2})
        assert reason.text == "Is asked by many at present, so stands a little lower"
        assert town.plugin.heard[-1].prices == {best["Coach 6"]: 0.025, best["Coach 1"]: 0.001}
        assert town.plugin.heard[-1].input_hash != town.plugin.heard[0].input_hash


def test_of_two_workers_one_holds_the_auction_and_a_dead_one_is_replaced() -> None:
    """By the lease on the day's row."""
    with Town(max_shown_per_day=8) as town:
        town.a_day()
        dead = town.another_worker()
        assert dead._take() is not None
        assert not town.hub.demand_work.work_one()
        town.clock.advance(LEASE.total_seconds() + 1)
        assert town.hub.demand_work.work_one()
        assert not town.another_worker().work_one()


def test_a_worker_told_to_stop_in_the_middle_of_an_auction_leaves_it_to_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its thread comes back from among the bids, the day stays under its lease, and the next one holds the auction."""
    has_begun, stop = threading.Event(), threading.Event()
    n_rounds: list[int] = []

    class Watched(Held):
        """The seats of an auction, seen from outside: in the second round the worker is told."""

        def take(self, *offers: Any) -> NDArray[np.int64]:
            n_rounds.append(len(offers[0]))
            if len(n_rounds) == 2:
                has_begun.set()
                assert stop.wait(60)
            return super().take(*offers)

    with Town(max_shown_per_day=8, assigner="duet") as town:
        town.a_day()
        monkeypatch.setattr("coachhub_scipy.auction.Held", Watched)
        worked: list[bool] = []
        worker = threading.Thread(target=lambda: worked.append(town.hub.demand_work.work_one(stop.is_set)))
        worker.start()
        assert has_begun.wait(60)
        stop.set()
        worker.join(60)
        assert not worker.is_alive()
        assert worked == [False]
        assert len(n_rounds) == 2, "no round is begun after it was told"
        monkeypatch.undo()
        with town.hub.storage.begin() as work:
            left = work.demand.lock(town.clock().date())
        assert left is not None
        assert (left.state, left.reason, left.prices) == ("running", None, {})
        assert not town.another_worker().work_one()
        town.clock.advance(LEASE.total_seconds() + 1)
        assert town.another_worker().work_one()
        with town.hub.storage.begin(read_only=True) as work:
            run = work.demand.newest()
        assert run is not None
        assert (run.state, run.n_lists) == ("done", N_TRAINEES)


def test_a_failed_auction_leaves_the_prices_of_yesterday(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said in the log and in its row, and not tried again before tomorrow."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise MatcherError(reason="not today")

    with Town(max_shown_per_day=8) as town:
        town.a_day()
        assert town.hub.demand_work.work_one()
        with town.hub.storage.begin(read_only=True) as work:
            before = work.demand.newest()
        town.clock.advance(86_400)
        monkeypatch.setattr("coachhub_core.services.demand_work.price_demand", refuse)
        assert town.hub.demand_work.work_one()
        assert not town.hub.demand_work.work_one()
        with town.hub.storage.begin() as work:
            assert work.demand.newest() == before
            failed = work.demand.lock(town.clock().date())
        assert failed is not None
        assert (failed.state, failed.reason) == ("failed", "not today")
        monkeypatch.undo()
        town.clock.advance(timedelta(days=1).total_seconds())
        assert town.hub.demand_work.work_one()


def test_a_quiet_week_prices_nobody() -> None:
    """Also on a hub that nobody has asked yet."""
    with Town(max_shown_per_day=8) as town:
        assert town.hub.demand_work.work_one()
        with town.hub.storage.begin(read_only=True) as work:
            run = work.demand.newest()
        assert run is not None
        assert (run.state, run.n_lists, run.prices) == ("done", 0, {})
        assert town.a_day() == {"Coach 6": N_TRAINEES, "Coach 5": N_TRAINEES}
