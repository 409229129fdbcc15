"""Ranked lists: reasons that add up, seats that are real, rules that hold, and what is remembered."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from services import ENGINES

from coachhub_core import CoachMatcher, bootstrap, hookimpl
from coachhub_core.clock import ManualClock
from coachhub_core.config import Matching, Settings
from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.coaches import ChangeCoach, CreateCoach
from coachhub_core.domain.matches import RequestMatch
from coachhub_core.domain.suggestions import ReportOutcome, SuggestCoaches, SuggestionFilters, WhatIfProfile
from coachhub_core.domain.trainees import ChangeTrainee
from coachhub_core.errors import Forbidden, Invalid, NotFound, ProfileIncomplete, SettingsError
from coachhub_core.matching.scores import ScoreMatcher
from coachhub_core.ports.matcher import MatcherOffer
from coachhub_core.testing.story import House


def a_runner(house: House) -> Actor:
    sam = house.a_trainee()
    house.hub.trainees.change(sam, ChangeTrainee(goal="run my first marathon", budget=Decimal(60)))
    return sam


def a_profile(house: House, name: str, **profile: Any) -> Actor:
    actor = house.a_person("coach", name=name)
    house.hub.coaches.create(actor, CreateCoach(**profile))
    return house.hub.act_as(actor.account_id)


@pytest.mark.parametrize(
    ("chosen", "groups"),
    [("", ("wants", "accepts", "goes_well")), ("duet", ("wants", "accepts", "goes_well")), ("plain", ("fits",))],
)
def test_reasons_add_up_to_the_score(chosen: str, groups: tuple[str, ...]) -> None:
    """
    The score is the product of the probabilities, and each group's reasons add up to its logit.

    By default the learned matcher answers, before it has learned anything; ``plain`` where that is chosen.
    """
    with House.open(matching=Matching(exploration=False, matcher=chosen)) as house:
        a_profile(house, "Ana", specialties=("marathon",), pricing=Decimal(50), bio="First marathons are my thing.")
        a_profile(house, "Ben", specialties=("yoga",), pricing=Decimal(20))
        made = house.hub.suggestions.suggest(a_runner(house), SuggestCoaches())
        assert [s.coach.name for s in made.items] == ["Ana", "Ben"]
        for s in made.items:
            product = 1.0
            for group in groups:
                mine = [reason.contribution for reason in s.reasons if reason.code.startswith(f"{group}.")]
                product *= 1 / (1 + math.exp(-sum(mine)))
            assert product == pytest.approx(s.score, abs=1e-9)
            assert all(reason.text and reason.code not in reason.text for reason in s.reasons)
        assert (made.matcher, made.degraded, made.n_eligible) == (chosen or "duet", None, 2)
        admin = attrs.evolve(house.a_trainee(), role="admin")
        assert house.hub.admin.plugins(admin).engines["matcher"] == (chosen or "duet")


def test_without_the_learning_plugin_rules_answer() -> None:
    """A bare install starts and suggests; whoever names duet there is told that nobody offers it."""
    with bootstrap(Settings.in_memory(), plugins=[*ENGINES]) as hub:
        house = House(hub, ManualClock())
        a_profile(house, "Ana", specialties=("marathon",))
        made = hub.suggestions.suggest(a_runner(house), SuggestCoaches())
        assert (made.matcher, made.degraded, len(made.items)) == ("plain", None, 1)
    with pytest.raises(SettingsError, match="no installed plugin offers 'duet'"):
        bootstrap(Settings.in_memory(matching=Matching(matcher="duet")), plugins=[*ENGINES])


@pytest.mark.parametrize("plugins", [None, []])
def test_an_artefact_is_answered_by_its_own_matcher(plugins: list[object] | None, tmp_path: Path) -> None:
    """Without a name in the settings, the file says who answers: what learned, or rules."""
    model_id = CoachMatcher(plugins=plugins).save(tmp_path / "m.zip")
    with House.open(matching=Matching(artefact=str(tmp_path / "m.zip"), exploration=False)) as house:
        a_profile(house, "Ana", specialties=("marathon",))
        made = house.hub.suggestions.suggest(a_runner(house), SuggestCoaches())
        assert (made.matcher, made.model_id) == ("duet" if plugins is None else "plain", model_id)


@attrs.frozen(eq=False)
class Short(ScoreMatcher):
    """Looks closely at so many coaches, and says how many: by the score of everybody."""

    def with_candidates(self, n: int) -> Short:
        return attrs.evolve(self, score=lambda _, coaches: np.full(len(coaches), float(n)))


class ShortPlugin:
    """Offers it."""

    @hookimpl
    def coachhub_matchers(self) -> dict[str, MatcherOffer]:
        made = Short("short", lambda _, coaches: np.zeros(len(coaches)))
        return {"short": MatcherOffer(make=lambda: made, version="1", needs=frozenset({"price"}))}


def test_settings_say_how_long_lists_are() -> None:
    """One for who names no limit, one for matchers that look closely at some only; whoever names a limit gets it."""
    chosen = Matching(matcher="short", fallback="short", limit=2, n_candidates=37, exploration=False)
    with bootstrap(Settings.in_memory(matching=chosen), plugins=[*ENGINES, ShortPlugin()]) as hub:
        house = House(hub, ManualClock())
        for name in ("Ana", "Ben", "Cem", "Dov"):
            a_profile(house, name, specialties=("marathon",))
        sam = a_runner(house)
        assert [s.score for s in hub.suggestions.suggest(sam, SuggestCoaches()).items] == [37.0, 37.0]
        assert len(hub.suggestions.suggest(sam, SuggestCoaches(limit=3)).items) == 3


def test_a_list_that_explores_swaps_two_neighbours_and_says_so() -> None:
    """Chosen from the question, so asking again gives the same; the ranks follow the places, the scores the coaches."""
    with House.open(matching=Matching(exploration=True, swap_share=1.0)) as house:
        for name, price in (("Ana", 10), ("Ben", 20), ("Cem", 30)):
            a_profile(house, name, specialties=("marathon",), pricing=Decimal(price))
        sam = a_runner(house)
        made = house.hub.suggestions.suggest(sam, SuggestCoaches())
        assert [s.rank for s in made.items] == [1, 2, 3]
        first = next(i for i, s in enumerate(made.items) if s.is_exploring)
        assert [s.is_exploring for s in made.items].count(True) == 2
        assert made.items[first + 1].is_exploring
        unswapped = list(made.items)
        unswapped[first : first + 2] = reversed(unswapped[first : first + 2])
        assert [s.score for s in unswapped] == sorted((s.score for s in made.items), reverse=True)
        again = house.hub.suggestions.suggest(sam, SuggestCoaches())
        assert [s.coach.id for s in again.items] == [s.coach.id for s in made.items]


def test_only_coaches_who_can_be_asked_are_proposed(house: House) -> None:
    """Not the full one, not the closed one, not the one that was asked; and what each rule costs is said."""
    free = a_profile(house, "Free", specialties=("marathon",))
    full = a_profile(house, "Full", specialties=("marathon",), capacity=0)
    closed = a_profile(house, "Closed", specialties=("marathon",), is_accepting=False)
    dear = a_profile(house, "Dear", specialties=("marathon",), pricing=Decimal(90))
    sam = a_runner(house)
    made = house.hub.suggestions.suggest(sam, SuggestCoaches())
    assert [s.coach.id for s in made.items] == [free.coach_id]
    relaxed = {r.constraint: r.n_more for r in made.relaxations}
    assert relaxed["seats"] == 2
    assert relaxed["price"] == 1
    assert {full.coach_id, closed.coach_id, dear.coach_id}.isdisjoint({s.coach.id for s in made.items})
    assert free.coach_id is not None
    house.hub.matches.request(sam, RequestMatch(coach_id=free.coach_id, suggestion_set_id=made.set_id))
    assert house.hub.suggestions.suggest(sam, SuggestCoaches()).items == ()


def test_a_seat_that_went_is_seen_at_once(house: House) -> None:
    """The snapshot follows every change."""
    coach = a_profile(house, "Ana", specialties=("marathon",), capacity=1)
    sam = a_runner(house)
    assert len(house.hub.suggestions.suggest(sam, SuggestCoaches()).items) == 1
    house.matched(house.a_trainee(), coach)
    assert house.hub.suggestions.suggest(sam, SuggestCoaches()).items == ()
    house.hub.coaches.change(coach, ChangeCoach(capacity=2))
    assert len(house.hub.suggestions.suggest(sam, SuggestCoaches()).items) == 1


def test_a_stated_filter_is_never_relaxed(house: House) -> None:
    """An unknown specialty is refused by name."""
    a_profile(house, "Ana", specialties=("marathon",), languages=("en",))
    sam = a_runner(house)
    german = SuggestCoaches(filters=SuggestionFilters(language="de"))
    assert house.hub.suggestions.suggest(sam, german).items == ()
    with pytest.raises(Invalid) as caught:
        house.hub.suggestions.suggest(sam, SuggestCoaches(filters=SuggestionFilters(specialty="knitting")))
    assert caught.value.errors[0].pointer == "/filters/specialty"


def test_what_if_is_answered_and_not_stored(house: House) -> None:
    """The profile stays as it was, and a goal is all it takes."""
    a_profile(house, "Ana", specialties=("yoga",))
    sam = house.a_trainee()
    with pytest.raises(ProfileIncomplete):
        house.hub.suggestions.suggest(sam, SuggestCoaches())
    made = house.hub.suggestions.suggest(sam, SuggestCoaches(profile=WhatIfProfile(goal="yoga for my back")))
    assert [s.coach.name for s in made.items] == ["Ana"]
    assert house.hub.trainees.get(sam, None).goal is None


def test_the_same_question_gives_the_same_list(house: House) -> None:
    """Same order, same scores, same reasons."""
    for n in range(8):
        a_profile(house, f"Coach {n}", specialties=("marathon",))
    sam = a_runner(house)
    first, second = (house.hub.suggestions.suggest(sam, SuggestCoaches()) for _ in range(2))
    assert [(s.coach.id, s.score) for s in first.items] == [(s.coach.id, s.score) for s in second.items]


def test_lists_are_kept_for_who_got_them(house: House) -> None:
    """And what became of a suggestion is remembered, without a name."""
    coach = a_profile(house, "Ana", specialties=("marathon",))
    sam, other = a_runner(house), house.a_trainee()
    made = house.hub.suggestions.suggest(sam, SuggestCoaches())
    assert house.hub.suggestions.get(sam, made.set_id) == made
    with pytest.raises(NotFound):
        house.hub.suggestions.get(other, made.set_id)
    assert coach.coach_id is not None
    house.hub.suggestions.report(sam, ReportOutcome(set_id=made.set_id, coach_id=coach.coach_id, event="opened"))
    stranger = house.hub.new_id()
    with pytest.raises(Invalid):
        house.hub.suggestions.report(sam, ReportOutcome(set_id=made.set_id, coach_id=stranger, event="opened"))
    with house.hub.storage.begin(read_only=True) as work:
        assert [o.event for o in work.outcomes.since(None, limit=10)] == ["shown", "opened"]


def test_coaches_get_no_suggestions_of_coaches(house: House) -> None:
    """And nobody asks in another's name but an admin."""
    with pytest.raises(Forbidden):
        house.hub.suggestions.suggest(house.a_coach(), SuggestCoaches())
    sam, other = a_runner(house), house.a_trainee()
    with pytest.raises(NotFound):
        house.hub.suggestions.suggest(other, SuggestCoaches(trainee_id=sam.trainee_id))
