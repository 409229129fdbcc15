"""Lists that explore: newcomers are tried, it is said and remembered, and no matcher has to know of doubt."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray
from services import ENGINES

from coachhub_core import bootstrap, hookimpl
from coachhub_core.clock import ManualClock
from coachhub_core.config import Auth, Matching, Settings
from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.coaches import CreateCoach
from coachhub_core.domain.shadows import is_as_served
from coachhub_core.domain.suggestions import SuggestCoaches
from coachhub_core.domain.trainees import ChangeTrainee
from coachhub_core.matching.scores import ScoreIndex, ScoreMatcher
from coachhub_core.matching.tables import CoachTable, TraineeRow, TraineeTable
from coachhub_core.ports.matcher import MatcherOffer, Reason
from coachhub_core.services.training import training_data
from coachhub_core.testing.story import House

NAMES = tuple(f"Coach {n:02}" for n in range(12))


def by_years(_: TraineeRow, coaches: CoachTable) -> NDArray[np.float64]:
    """The longer in the work, the better; a newcomer has none."""
    made: NDArray[np.float64] = np.nan_to_num(coaches.number("years")) / 100.0
    return made


@attrs.frozen(eq=False)
class DoubtfulIndex(ScoreIndex):
    """Knows nothing of newcomers, and everything of the others."""

    lift: float = 1.0

    def upper(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> NDArray[np.float64]:
        """Who has no years may be better than anybody."""
        scores = self.score(trainees, rows)
        is_new = np.nan_to_num(self.coaches.number("years"))[rows] == 0
        return np.where((rows >= 0) & is_new, scores + self.lift, scores)


@attrs.frozen(eq=False)
class Doubtful(ScoreMatcher):
    """A stranger's matcher with the optional port."""

    lift: float = 1.0

    def index(self, coaches: CoachTable, *, prices: NDArray[np.float64] | None = None) -> DoubtfulIndex:
        """Keep the snapshot."""
        return DoubtfulIndex(self, coaches, prices, self.lift)


class Plugin:
    """Offers it, one that gives bounds below its scores, and one without bounds."""

    @hookimpl
    def coachhub_matchers(self) -> dict[str, MatcherOffer]:
        """Name them."""

        def why(*_: Any) -> list[Reason]:
            return [Reason("mine.years", 0.5, {})]

        made = {
            "doubtful": Doubtful("doubtful", by_years, why),
            "broken": Doubtful("broken", by_years, why, lift=-1.0),
            "certain": ScoreMatcher("certain", by_years, why),
        }
        needs = frozenset({"years"})
        return {name: MatcherOffer(make=lambda one=one: one, version="1", needs=needs) for name, one in made.items()}


def a_house(**matching: Any) -> House:
    """Eleven coaches of 1 to 11 years, and one who begins today."""
    settings = Settings.in_memory(auth=Auth(bcrypt_cost=10), matching=Matching(limit=8, **matching))
    hub = bootstrap(settings, plugins=[*ENGINES, Plugin()])
    house = House(hub, ManualClock())
    for years, name in enumerate(NAMES):
        hub.coaches.create(house.a_person("coach", name=name), CreateCoach(specialties=("marathon",), years=years))
    return house


def a_runner(house: House) -> Actor:
    sam = house.a_trainee()
    house.hub.trainees.change(sam, ChangeTrainee(goal="run my first marathon"))
    return sam


def test_a_newcomer_is_tried_in_one_of_the_first_five_places() -> None:
    """From behind the list, with reasons, marked, and how likely that was is remembered beside what was shown."""
    with a_house(matcher="doubtful", fallback="certain", swap_share=0, explore_share=0.9).hub as hub:
        house = House(hub, ManualClock(), n_people=100)
        made = [hub.suggestions.suggest(a_runner(house), SuggestCoaches()) for _ in range(12)]
        tried = [one for one in made if any(item.is_exploring for item in one.items)]
        assert len(tried) >= 6
        for one in tried:
            (place,) = [item.rank for item in one.items if item.is_exploring]
            assert place <= 5
            assert one.items[place - 1].coach.name == "Coach 00"
            assert [reason.code for reason in one.items[place - 1].reasons] == ["mine.years"]
            rest = [item.coach.name for item in one.items if not item.is_exploring]
            assert rest == list(reversed(NAMES))[:7]
            assert len(one.items) == 8
        with hub.storage.begin(read_only=True) as work:
            shown = list(work.outcomes.since(None, limit=200))
            kept = {one.set_id: work.suggestions.find(one.set_id) for one in made}
        newcomer = tried[0].items[[item.is_exploring for item in tried[0].items].index(True)].coach.id
        for outcome in shown:
            if outcome.coach_id == newcomer:
                assert outcome.propensity == pytest.approx(0.18)  # 0.9 over five places
        for outcome in shown:
            found = kept[outcome.set_id]
            assert found is not None
            assert outcome.position is not None
            assert found.items[outcome.position - 1].propensity == outcome.propensity
        log = training_data(hub.storage, hub.clock, hub.vocabulary).log
        assert log.propensity.tolist() == [np.float32(o.propensity) for o in shown]


@pytest.mark.parametrize(("chosen", "degraded"), [("certain", None), ("broken", "fault")])
def test_without_bounds_to_trust_nobody_is_tried(chosen: str, degraded: str | None) -> None:
    """A matcher that knows no doubt ranks as ever; bounds below the scores are a fault like any other."""
    with a_house(matcher=chosen, fallback="certain", swap_share=0, explore_share=1).hub as hub:
        house = House(hub, ManualClock(), n_people=100)
        made = hub.suggestions.suggest(a_runner(house), SuggestCoaches())
        assert [item.coach.name for item in made.items] == list(reversed(NAMES))[:8]
        assert not any(item.is_exploring for item in made.items)
        assert made.degraded == degraded


def test_where_nothing_is_drawn_every_place_was_certain() -> None:
    """With exploration off, and so it is kept."""
    with a_house(matcher="doubtful", fallback="certain", exploration=False).hub as hub:
        house = House(hub, ManualClock(), n_people=100)
        hub.suggestions.suggest(a_runner(house), SuggestCoaches())
        with hub.storage.begin(read_only=True) as work:
            assert {o.propensity for o in work.outcomes.since(None, limit=20)} == {1.0}


def test_a_list_that_tried_somebody_is_still_the_live_matchers() -> None:
    """Who came from behind the list is left aside by a second look; another order or another coach is not."""
    with a_house(matcher="doubtful", fallback="certain", swap_share=0, explore_share=1).hub as hub:
        house = House(hub, ManualClock(), n_people=100)
        made = hub.suggestions.suggest(a_runner(house), SuggestCoaches())
        with hub.storage.begin(read_only=True) as work:
            kept = work.suggestions.find(made.set_id)
            ids = {record.account.name: record.coach.id for record in work.coaches.all_records()}
        assert kept is not None
        live = [ids[name] for name in reversed(NAMES)][:8]
        assert is_as_served(kept, live)
        assert not is_as_served(kept, live[:7])
        assert not is_as_served(kept, [live[1], live[0], *live[2:]])
        assert not is_as_served(kept, [ids["Coach 01"], *live[1:]])
