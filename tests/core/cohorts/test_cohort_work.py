"""What workers do for cohort runs: one at a time, given back when told to end, taken over when one dies."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from cohort_parts import Cast
from losable import Losable
from services import ENGINES

from coachhub_core.bootstrap import bootstrap
from coachhub_core.clock import ManualClock
from coachhub_core.config import Auth, Matching, Settings
from coachhub_core.domain.cohorts import ApplyCohortRun, CreateCohortRun
from coachhub_core.domain.matches import ListMatches
from coachhub_core.domain.notifications import ListNotifications
from coachhub_core.errors import Unavailable
from coachhub_core.hookspecs import hookimpl
from coachhub_core.memory.matcher import assigner_offers
from coachhub_core.ports.matcher import AssignerOffer, MatcherOffer, Placements
from coachhub_core.services.cohort_work import LEASE, MAX_TRIES, CohortWork
from coachhub_core.services.units import Context
from coachhub_core.testing.story import House

PLAIN = assigner_offers()["plain"]


class Assigners:
    """A plugin whose assigner does what the test says, and then what the plain one does."""

    def __init__(self, meet: Any) -> None:
        self.meet = meet

    @hookimpl
    def coachhub_assigners(self) -> dict[str, AssignerOffer]:
        return {"mine": AssignerOffer(make=lambda: self, version="1", modes=frozenset({"stable"}))}

    def assign(self, *arrays: Any, **more: Any) -> Placements:
        if (made := self.meet(more["deadline"])) is not None:
            return made
        return PLAIN.make().assign(*arrays, **more)


def house_with(meet: Any, **matching: Any) -> House:
    """Open a house whose cohorts are placed by the test's own assigner, and nobody else's plugins but the engines'."""
    settings = Settings.in_memory(
        auth=Auth(bcrypt_cost=10), matching=Matching(assigner="mine", exploration=False, **matching)
    )
    clock = ManualClock()
    return House(bootstrap(settings, plugins=[*ENGINES, Assigners(meet)], clock=clock), clock)


def another_worker(cast: Cast, **more: Any) -> CohortWork:
    """A worker of its own on the same storage, as a second process would be."""
    hub = cast.hub
    context = Context(
        storage=hub.storage,
        clock=cast.house.clock,
        new_id=hub.new_id,
        settings=hub.settings,
        vocabulary=hub.vocabulary,
    )
    return CohortWork(context, hub.cohort_market, hub.matches, PLAIN, **more)


def on_a_losable(cast: Cast, offer: AssignerOffer = PLAIN) -> tuple[CohortWork, Losable]:
    """A worker of its own, and the way to take its database from it."""
    hub, storage = cast.hub, Losable(cast.hub.storage)
    context = Context(
        storage=storage,  # type: ignore[arg-type]  # of a storage it needs no more than this
        clock=cast.house.clock,
        new_id=hub.new_id,
        settings=hub.settings,
        vocabulary=hub.vocabulary,
    )
    return CohortWork(context, hub.cohort_market, hub.matches, offer), storage


class Killed(BaseException):
    """Ends a worker where it stands, as a signal would."""


def three_waiting(cast: Cast) -> None:
    for name in ("Ana", "Ben", "Cem"):
        cast.coach(name)
        cast.trainee()


def test_a_run_is_in_one_workers_hands(cast: Cast) -> None:
    """What one has taken another does not see; what nobody has asked for, nobody does."""
    three_waiting(cast)
    other = another_worker(cast)
    assert cast.hub.cohort_work.work_one() is False
    cast.hub.cohorts.create(cast.admin, CreateCohortRun())
    seen = []
    # the first is asked about its end in the middle of its work: then the second looks
    assert cast.hub.cohort_work.work_one(lambda: bool(seen.append(other.work_one()))) is True
    assert seen
    assert not any(seen)


def test_a_run_whose_worker_died_while_placing_is_placed_by_another() -> None:
    """Not before its lease is over, and then from the beginning; the state in between is seen."""
    deaths = [Killed()]

    def meet(_: Any) -> None:
        if deaths:
            raise deaths.pop()

    with house_with(meet) as house:
        cast = Cast(house)
        three_waiting(cast)
        run = cast.hub.cohorts.create(cast.admin, CreateCohortRun())
        with pytest.raises(Killed):
            cast.hub.cohort_work.work_one()
        assert cast.hub.cohorts.get(cast.admin, run.id).state == "running"
        other = another_worker(cast)
        assert other.work_one() is False
        house.clock.advance(LEASE.total_seconds())
        assert other.work_one() is True
        found = cast.hub.cohorts.get(cast.admin, run.id)
        assert (found.state, found.n_placed) == ("done", 3)


def test_a_worker_killed_while_asking_is_followed_by_one_that_goes_on(cast: Cast) -> None:
    """Each trainee is asked for once, whoever did it."""
    three_waiting(cast)
    run = cast.done()
    cast.hub.cohorts.apply(cast.admin, ApplyCohortRun(run_id=run.id))
    calls = iter([False, False, Killed()])

    def stop() -> bool:
        call = next(calls)
        if isinstance(call, Killed):
            raise call
        return call

    with pytest.raises(Killed):
        cast.hub.cohort_work.work_one(stop)
    between = cast.hub.cohorts.get(cast.admin, run.id)
    assert (between.state, between.n_requested, between.progress.done, between.progress.total) == ("applying", 2, 2, 3)
    other = another_worker(cast)
    assert other.work_one() is False
    cast.house.clock.advance(LEASE.total_seconds())
    assert other.work_one() is True
    found = cast.hub.cohorts.get(cast.admin, run.id)
    assert (found.state, found.n_requested, found.n_refused) == ("applied", 3, 0)
    matches = cast.hub.matches.list(cast.admin, ListMatches()).items
    assert len({m.trainee_id for m in matches}) == len({m.coach_id for m in matches}) == len(matches) == 3
    assert {p.match_id for p in cast.placements(run)} == {m.id for m in matches}


def test_a_worker_that_is_told_to_end_gives_its_run_back(cast: Cast) -> None:
    """At once, for whoever comes next, in the middle of placing as of asking."""
    three_waiting(cast)
    run = cast.hub.cohorts.create(cast.admin, CreateCohortRun())
    assert cast.hub.cohort_work.work_one(lambda: True) is True
    assert cast.hub.cohorts.get(cast.admin, run.id).state == "queued"
    other = another_worker(cast)
    assert other.work_one() is True
    assert cast.hub.cohorts.get(cast.admin, run.id).state == "done"
    cast.hub.cohorts.apply(cast.admin, ApplyCohortRun(run_id=run.id))
    calls = iter([False, True])
    assert other.work_one(lambda: next(calls)) is True
    assert cast.hub.cohorts.get(cast.admin, run.id).n_requested == 1
    assert cast.hub.cohort_work.work_one() is True
    assert cast.hub.cohorts.get(cast.admin, run.id).n_requested == 3


def test_a_worker_that_loses_its_database_goes_on_when_it_is_back(cast: Cast) -> None:
    """At once, not when its lease is over; however often, and nobody is asked twice."""
    three_waiting(cast)
    run = cast.done()
    cast.hub.cohorts.apply(cast.admin, ApplyCohortRun(run_id=run.id))
    worker, storage = on_a_losable(cast)

    def lose() -> bool:
        storage.is_away = next(calls)
        return False

    for n_asked in (1, 2, 3):
        calls = iter([False, True])
        with pytest.raises(Unavailable):
            worker.work_one(lose)
        with pytest.raises(Unavailable):
            worker.work_one(lose)  # and it is not forgotten by asking in vain
        found = cast.hub.cohorts.get(cast.admin, run.id)
        assert (found.state, found.n_requested) == ("applying", n_asked)
        assert another_worker(cast).work_one() is False  # it is held still
        storage.is_away = False
    assert worker.work_one() is True
    found = cast.hub.cohorts.get(cast.admin, run.id)
    assert (found.state, found.n_requested, found.n_refused) == ("applied", 3, 0)
    asked = cast.hub.matches.list(cast.admin, ListMatches()).items
    assert len({m.trainee_id for m in asked}) == len(asked) == 3


def test_a_database_that_goes_again_and_again_does_not_make_a_run_fail() -> None:
    """It is nobody's death: a run is given up for workers that never came back, not for those that wait."""

    def meet(_: Any) -> None:
        storage.is_away = is_flapping

    with house_with(meet) as house:
        cast = Cast(house)
        three_waiting(cast)
        run = cast.hub.cohorts.create(cast.admin, CreateCohortRun())
        worker, storage = on_a_losable(cast, cast.hub.cohorts.offer)
        is_flapping = True
        for _ in range(MAX_TRIES + 2):
            with pytest.raises(Unavailable):
                worker.work_one()
            assert cast.hub.cohorts.get(cast.admin, run.id).state in ("running", "queued")
            storage.is_away = False
        is_flapping = False
        assert worker.work_one() is True
        assert cast.hub.cohorts.get(cast.admin, run.id).state == "done"


def test_a_run_can_be_stopped_and_goes_on_where_it_was(cast: Cast) -> None:
    """Before it begins, and between two requests; nothing is asked for after the stop."""
    three_waiting(cast)
    run = cast.hub.cohorts.create(cast.admin, CreateCohortRun())
    stopped = cast.hub.cohorts.stop(cast.admin, run.id)
    assert (stopped.state, stopped.allowed) == ("stopped", ("resume",))
    assert cast.hub.cohort_work.work_one() is False
    assert cast.hub.cohorts.resume(cast.admin, run.id).state == "queued"
    assert cast.hub.cohort_work.work_one() is True
    cast.hub.cohorts.apply(cast.admin, ApplyCohortRun(run_id=run.id))
    n_calls = 0

    def stop() -> bool:
        nonlocal n_calls
        n_calls += 1
        if n_calls == 2:
            cast.hub.cohorts.stop(cast.admin, run.id)
        return False

    assert cast.hub.cohort_work.work_one(stop) is True
    between = cast.hub.cohorts.get(cast.admin, run.id)
    assert (between.state, between.n_requested) == ("stopped", 1)
    assert cast.hub.cohorts.resume(cast.admin, run.id).state == "applying"
    assert cast.hub.cohort_work.work_one() is True
    assert cast.hub.cohorts.get(cast.admin, run.id).n_requested == 3


def test_a_run_stopped_while_it_is_placed_keeps_nothing() -> None:
    """What its worker finds afterwards is not written over the stop."""
    cast: Cast

    def meet(_: Any) -> None:
        cast.hub.cohorts.stop(cast.admin, run.id)

    with house_with(meet) as house:
        cast = Cast(house)
        three_waiting(cast)
        run = cast.hub.cohorts.create(cast.admin, CreateCohortRun())
        assert cast.hub.cohort_work.work_one() is True
        found = cast.hub.cohorts.get(cast.admin, run.id)
        assert (found.state, found.n_placed) == ("stopped", None)
        assert {p.state for p in cast.placements(run)} == {"waiting"}


def broken_rule(_: Any) -> Placements:
    return Placements(np.zeros((3, 1), np.int32))  # all with the one seat of the first


def crash(_: Any) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("meet", "reason"),
    [(crash, "ZeroDivisionError: "), (broken_rule, "coach 0 has more trainees than seats")],
)
def test_a_run_that_fails_says_why_and_may_be_tried_again(meet: Any, reason: str) -> None:
    """Whatever a plugin does; the operator is told, and the worker goes on."""
    with house_with(meet) as house:
        cast = Cast(house)
        three_waiting(cast)
        run = cast.done()
        assert run.state == "failed"
        assert run.reason is not None
        assert reason in run.reason
        assert run.allowed == ("resume",)
        told = [n.type for n in cast.hub.notifications.list(cast.admin, ListNotifications()).items]
        assert "cohort_failed" in told
        assert cast.hub.cohorts.resume(cast.admin, run.id).state == "queued"


def test_a_run_that_takes_too_long_ends(cast: Cast) -> None:
    """After ``matching.cohort_seconds``, which the reason names."""
    three_waiting(cast)
    run = cast.hub.cohorts.create(cast.admin, CreateCohortRun())
    ticks = itertools.count(step=1_000)
    assert another_worker(cast, monotonic=lambda: float(next(ticks))).work_one() is True
    found = cast.hub.cohorts.get(cast.admin, run.id)
    assert (found.state, found.reason) == ("failed", "not done within matching.cohort_seconds (600)")


def test_a_run_that_kills_its_workers_is_given_up() -> None:
    """Or it would take one after the other."""

    def meet(_: Any) -> None:
        raise Killed

    with house_with(meet) as house:
        cast = Cast(house)
        three_waiting(cast)
        run = cast.hub.cohorts.create(cast.admin, CreateCohortRun())
        for _ in range(MAX_TRIES):
            with pytest.raises(Killed):
                cast.hub.cohort_work.work_one()
            house.clock.advance((LEASE + timedelta(seconds=1)).total_seconds())
        assert cast.hub.cohort_work.work_one() is True
        found = cast.hub.cohorts.get(cast.admin, run.id)
        assert (found.state, found.reason) == ("failed", "5 workers began it, and none came back")


class Stranger:
    """A plugin with a matcher that likes yoga."""

    @hookimpl
    def coachhub_matchers(self) -> dict[str, MatcherOffer]:
        from coachhub_core.matching import matcher_from_scores
        from coachhub_core.matching.tables import CoachTable, TraineeRow

        def score(trainee: TraineeRow, coaches: CoachTable) -> Any:
            return np.where([name == "yoga" for (name,) in coaches.values("specialties")], 0.9, 0.8)

        offer = matcher_from_scores(score, name="strange", version="1", needs={"specialties", "goal"})
        return {"strange": offer}


def test_a_strangers_matcher_scores_the_cohort() -> None:
    """Whatever ranks suggestions places cohorts; who is wanted most goes to the smaller id."""
    import coachhub_scipy

    settings = Settings.in_memory(auth=Auth(bcrypt_cost=10), matching=Matching(matcher="strange", exploration=False))
    clock = ManualClock()
    plugins = [*ENGINES, coachhub_scipy, Stranger()]
    with House(bootstrap(settings, plugins=plugins, clock=clock), clock) as house:
        cast = Cast(house)
        cast.coach("Run", specialties=("marathon",))
        cast.coach("Yog", specialties=("yoga",))
        first, second = cast.trainee(), cast.trainee()
        run = cast.done()
        assert run.matcher == "strange"
        found = [(p.trainee_id, p.coach_name, p.score) for p in cast.placements(run)]
        assert found == [(first.trainee_id, "Yog", 0.9), (second.trainee_id, "Run", 0.8)]
