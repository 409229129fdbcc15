"""Two models side by side on live traffic: what is noted, compared, counted, and never felt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import pytest

from coachhub_core.config import Matching
from coachhub_core.domain.accounts import Actor, EraseAccount
from coachhub_core.domain.coaches import ChangeCoach, CreateCoach
from coachhub_core.domain.matches import AcceptMatch, DeclineMatch, RequestMatch
from coachhub_core.domain.shadows import ShadowList, is_as_served
from coachhub_core.domain.suggestions import (
    SuggestCoaches,
    Suggestion,
    SuggestionFilters,
    SuggestionSet,
    SuggestionSetView,
    WhatIfProfile,
)
from coachhub_core.domain.trainees import ChangeTrainee
from coachhub_core.errors import Unavailable
from coachhub_core.matching import CoachMatcher
from coachhub_core.matching.hosted import Hosted
from coachhub_core.memory.matcher import NEEDS, PlainMatcher
from coachhub_core.memory.points import Weights
from coachhub_core.services import shadowing
from coachhub_core.services.shadow_report import compare_shadow
from coachhub_core.testing.builders import START
from coachhub_core.testing.story import PASSWORD, House

DEAR_FIRST = Weights(tags=0.0, word=0.0, words_most=0.0, price=-5.0)


@pytest.fixture
def shadow(tmp_path: Path) -> Path:
    """An artefact of rules that put the dearest first."""
    made = CoachMatcher(plugins=[])
    from coachhub_core.memory.matcher import offers

    made._open(Hosted.made("plain", offers()["plain"], PlainMatcher(DEAR_FIRST)), None)
    made.save(tmp_path / "shadow.zip")
    return tmp_path / "shadow.zip"


@pytest.fixture
def house(shadow: Path) -> Iterator[House]:
    """Rules serve, and rules that put the dearest first are their shadow."""
    with House.open(matching=Matching(matcher="plain", shadow=str(shadow), exploration=False)) as made:
        yield made


def coaches(house: House, *prices: int) -> list[Actor]:
    """Return coaches of the same kind at these prices."""
    found = []
    for price in prices:
        actor = house.a_person("coach", name=f"Coach at {price}")
        house.hub.coaches.create(actor, CreateCoach(specialties=("marathon",), pricing=Decimal(price)))
        found.append(house.hub.act_as(actor.account_id))
    return found


def a_runner(house: House) -> Actor:
    sam = house.a_trainee()
    house.hub.trainees.change(sam, ChangeTrainee(goal="run my first marathon", budget=Decimal(100)))
    return sam


def listed(house: House, trainee: Actor, **more: Any) -> SuggestionSetView:
    return house.hub.suggestions.suggest(trainee, SuggestCoaches(**more))


def found(house: House, made: SuggestionSetView) -> ShadowList | None:
    with house.hub.storage.begin(read_only=True) as work:
        return work.shadows.find(made.set_id)


def test_both_are_asked_the_same_and_the_answer_knows_nothing_of_it(house: House) -> None:
    """The list is the live one's; the worker asks again, keeps both orders and both times, and is done."""
    cheap, middle, dear = (coach.coach_id for coach in coaches(house, 10, 50, 90))
    made = listed(house, a_runner(house), limit=2)
    assert [item.coach.id for item in made.items] == [cheap, middle]
    waiting = found(house, made)
    assert waiting == ShadowList(id=made.set_id, created_at=made.created_at, n_asked=2)
    assert house.hub.run_due().done["shadow"] == 1
    done = found(house, made)
    assert done is not None
    assert (done.state, done.live_ids, done.shadow_ids) == ("done", (cheap, middle), (dear, middle))
    assert (done.matcher, done.is_as_served, done.reason) == ("plain", True, None)
    assert done.model_id != made.model_id
    assert min(done.live_ms or 0, done.shadow_ms or 0) > 0
    assert house.hub.run_due().done["shadow"] == 0


def test_filters_and_who_was_asked_before_hold_for_the_shadow_too(house: House) -> None:
    """Not who was asked after the list was shown: they stood on it."""
    cheap, middle, dear = coaches(house, 10, 50, 90)
    sam = a_runner(house)
    assert middle.coach_id is not None
    house.hub.matches.request(sam, RequestMatch(coach_id=middle.coach_id))
    house.clock.advance(60)
    made = listed(house, sam, filters=SuggestionFilters(price_max=Decimal("89.50")))
    assert [item.coach.id for item in made.items] == [cheap.coach_id]
    assert cheap.coach_id is not None
    house.hub.matches.request(sam, RequestMatch(coach_id=cheap.coach_id, suggestion_set_id=made.set_id))
    house.hub.run_due()
    done = found(house, made)
    assert done is not None
    assert (done.live_ids, done.shadow_ids, done.is_as_served) == ((cheap.coach_id,), (cheap.coach_id,), True)
    assert dear.coach_id not in done.shadow_ids


def test_without_a_shadow_and_for_what_was_only_tried_nothing_is_noted(house: House) -> None:
    """Nor where another matcher stood in, or nobody was proposed."""
    coaches(house, 10)
    sam = a_runner(house)
    assert found(house, listed(house, sam, profile=WhatIfProfile(goal="yoga"))) is None
    assert found(house, listed(house, sam, filters=SuggestionFilters(language="xx"))) is None
    with House.open(matching=Matching(matcher="plain")) as plain:
        coaches(plain, 10)
        assert found(plain, listed(plain, a_runner(plain))) is None
        assert plain.hub.run_due().done["shadow"] == 0
        assert not plain.hub.shadow.is_on


def test_a_shadow_that_cannot_be_opened_is_counted_and_not_felt(tmp_path: Path) -> None:
    """The hub starts, lists are served, and each says why it was not compared."""
    with House.open(matching=Matching(matcher="plain", shadow=str(tmp_path / "no.zip"))) as house:
        coaches(house, 10)
        made = listed(house, a_runner(house))
        assert len(made.items) == 1
        house.hub.run_due()
        failed = found(house, made)
        assert failed is not None
        assert failed.state == "failed"
        assert "no.zip: cannot be read: No such file or directory" in (failed.reason or "")
        assert house.hub.shadow.backlog().n_by_state == {"failed": 1}


@pytest.mark.parametrize(("how", "reason"), [("raises", "fault"), ("lies", "fault"), ("dies", "fault")])
def test_a_shadow_that_fails_is_counted_and_not_felt(
    house: House, monkeypatch: pytest.MonkeyPatch, how: str, reason: str
) -> None:
    """Whatever it does, the list was served, and the next one is."""
    coaches(house, 10, 50)
    sam = a_runner(house)
    breaking = a_breaking_host(house, how)
    monkeypatch.setattr(house.hub.shadow, "_make", breaking)
    lists = [listed(house, sam) for _ in range(2)]
    assert all(len(made.items) == 2 for made in lists)
    assert house.hub.run_due().done["shadow"] == 1  # both in one go
    ended = [found(house, made) for made in lists]
    assert [(s.state, s.reason) for s in ended if s is not None] == [("failed", reason)] * 2


def a_breaking_host(house: House, how: str) -> Callable[[], Any]:
    """Return what opens a shadow that breaks in this way."""

    class Breaking(PlainMatcher):
        def index(self, coaches: Any, *, prices: Any = None) -> Any:
            inner = super().index(coaches, prices=prices)

            class Index:
                def rank(self, trainees: Any, k: int, allowed: Any, *, deadline: Any) -> Any:
                    if how == "raises":
                        raise RuntimeError("broken")
                    if how == "dies":
                        raise SystemExit(1)
                    ranking = inner.rank(trainees, k, allowed, deadline=deadline)
                    return attrs.evolve(ranking, scores=ranking.scores[:, ::-1].copy())

            return Index()

    def make() -> Any:
        from coachhub_core.matching.host import MatcherHost

        return MatcherHost(Hosted(name="breaking", matcher=Breaking(), needs=NEEDS, model_id="b"))

    return make


def test_who_serves_another_model_compares_nothing(house: House, shadow: Path) -> None:
    """A worker that was not started again with the servers does not speak for them."""
    coaches(house, 10)
    made = listed(house, a_runner(house))
    with house.hub.storage.begin() as work:
        kept = work.suggestions.find(made.set_id)
        assert kept is not None
    other = attrs.evolve(kept, id=house.hub.new_id(), model_id="older")
    with house.hub.storage.begin() as work:
        work.suggestions.add(other)
        work.shadows.add(ShadowList(id=other.id, created_at=other.created_at, n_asked=10))
        work.commit()
    house.hub.run_due()
    with house.hub.storage.begin(read_only=True) as work:
        ended = work.shadows.find(other.id)
    assert ended is not None
    assert (ended.state, ended.reason) == ("dropped", "this worker serves another model than the list's")


def test_what_waits_too_long_is_dropped_and_a_worker_that_dies_is_survived(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line is as long as ten minutes; a list that kills whoever takes it is given up after three."""
    coaches(house, 10)
    sam = a_runner(house)
    old = listed(house, sam)
    house.clock.advance(shadowing.MAX_AGE.total_seconds() + 1)
    new = listed(house, sam)
    with monkeypatch.context() as dying:

        def die(*_: object) -> None:
            raise Unavailable(what="the database")

        dying.setattr(house.hub.shadow, "_compared", die)
        for _ in range(shadowing.MAX_TRIES):
            with pytest.raises(Unavailable):
                house.hub.shadow.work_one()
            assert not house.hub.shadow.work_one()  # somebody holds it
            dying.setattr(shadowing, "MAX_AGE", timedelta(days=1))
            house.clock.advance(shadowing.LEASE.total_seconds())
    monkeypatch.setattr(shadowing, "MAX_AGE", timedelta(days=1))
    assert house.hub.shadow.work_one()
    dropped, failed = found(house, old), found(house, new)
    assert dropped is not None
    assert (dropped.state, dropped.reason) == ("dropped", "no worker came to it in time")
    assert failed is not None
    assert (failed.state, failed.reason) == ("failed", "3 workers began it, and none came back")


def test_an_erased_trainee_leaves_no_shadow(house: House) -> None:
    """Neither what was compared, nor what waits; and a worker that held it meanwhile writes nothing."""
    coaches(house, 10)
    sam = a_runner(house)
    first, second = listed(house, sam), listed(house, sam)
    house.hub.run_due()
    third = listed(house, sam)
    house.hub.own_data.erase(sam, EraseAccount(password=PASSWORD))
    assert [found(house, made) for made in (first, second, third)] == [None] * 3
    assert not house.hub.shadow.work_one()
    assert house.hub.storage.check().problems == ()


def test_the_report_says_what_would_change_and_who_was_right(house: House) -> None:
    """Three trainees, two orders: who was asked, accepted or declined stood higher with the one or the other."""
    cheap, middle, dear = coaches(house, 10, 50, 90)
    people = [a_runner(house) for _ in range(3)]
    lists = [listed(house, sam) for sam in people]
    house.clock.advance(5)
    asked = [
        house.hub.matches.request(sam, RequestMatch(coach_id=_id(coach), suggestion_set_id=made.set_id))
        for sam, coach, made in zip(people, (cheap, dear, middle), lists, strict=True)
    ]
    house.hub.matches.accept(cheap, AcceptMatch(match_id=asked[0].id))
    house.hub.matches.decline(dear, DeclineMatch(match_id=asked[1].id))
    house.hub.run_due()
    with house.hub.storage.begin(read_only=True) as work:
        (pair,) = compare_shadow(work, k=2)
        assert compare_shadow(work, created_from=house.clock()) == ()
    assert (pair.live, pair.shadow, pair.n_lists, pair.n_compared) == ("plain", "plain", 3, 3)
    assert pair.overlap.mean == 0.5  # two of each, one in common
    assert pair.rank_correlation.n == 0  # too few in common to have an order
    assert (pair.first_changed.share, pair.as_served.share) == (1.0, 1.0)
    assert (pair.failures, pair.dropped) == ({}, {})
    told = {v.event: (v.n_live, v.n_shadow, v.n_level) for v in pair.verdicts}
    assert told == {"contacted": (1, 1, 1), "accepted": (1, 0, 0), "declined": (1, 0, 0)}
    accepted = next(v for v in pair.verdicts if v.event == "accepted")
    assert (accepted.shadow.share, accepted.shadow.low) == (0.0, 0.0)
    with house.hub.storage.begin(read_only=True) as work:
        (whole,) = compare_shadow(work)
    assert (whole.overlap.mean, whole.rank_correlation.mean) == (1.0, -1.0)


def _id(coach: Actor) -> Any:
    assert coach.coach_id is not None
    return coach.coach_id


def test_what_exploration_moved_counts_as_served() -> None:
    """The same list but for whom it moved, also where that one stood behind the list before; not another order."""
    ids = [UUID(int=n) for n in range(5)]

    def made(*places: tuple[int, bool]) -> SuggestionSet:
        items = tuple(
            Suggestion(rank=n, coach_id=ids[place], score=1.0, reasons=(), is_exploring=is_moved)
            for n, (place, is_moved) in enumerate(places, start=1)
        )
        return SuggestionSet(
            id=ids[0], trainee_id=ids[0], matcher="", model_id="", input_hash=b"", filters={}, n_eligible=5,
            relaxations=(), degraded=None, items=items, created_at=START,
        )  # fmt: skip

    plain = made((0, False), (1, False), (2, False))
    assert is_as_served(plain, ids[:3])
    assert not is_as_served(plain, ids[:4])
    assert not is_as_served(plain, ids[:2])
    assert not is_as_served(plain, [ids[1], ids[0], ids[2]])
    swapped = made((1, True), (0, True), (2, False))
    assert is_as_served(swapped, ids[:3])
    tried = made((0, False), (4, True), (1, False))
    assert is_as_served(tried, ids[:3])
    assert not is_as_served(tried, [ids[1], ids[0], ids[2]])


def test_a_snapshot_that_changed_meanwhile_is_told_apart(house: House) -> None:
    """Both are asked about the coaches of now; that the list came out otherwise is said."""
    cheap, _ = coaches(house, 10, 50)
    made = listed(house, a_runner(house))
    house.hub.coaches.change(cheap, ChangeCoach(is_accepting=False))
    house.hub.run_due()
    done = found(house, made)
    assert done is not None
    assert (done.state, len(done.live_ids), len(done.shadow_ids), done.is_as_served) == ("done", 1, 1, False)
