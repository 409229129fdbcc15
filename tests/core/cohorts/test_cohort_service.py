"""Cohort runs as an operator has them: counts, proof, who was left out and why, and requests that hold."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from cohort_parts import Cast

from coachhub_core.config import Matches, Matching
from coachhub_core.domain.accounts import EraseAccount, RequestKey, Suspend
from coachhub_core.domain.coaches import ChangeCoach
from coachhub_core.domain.cohorts import (
    ApplyCohortRun,
    CreateCohortRun,
    ListCohortRuns,
    ListPlacements,
)
from coachhub_core.domain.matches import AcceptMatch, ListMatches, RequestMatch, WithdrawMatch
from coachhub_core.domain.notifications import ListNotifications
from coachhub_core.errors import (
    BadRequest,
    Busy,
    CoachFull,
    CohortIllegalTransition,
    CohortInfeasible,
    CohortStale,
    Forbidden,
    Invalid,
    NotFound,
    SettingsError,
)
from coachhub_core.services.cohorts import MAX_OPEN
from coachhub_core.services.units import Replayed
from coachhub_core.testing.story import PASSWORD, House


def test_everybody_with_a_goal_and_without_a_coach_is_placed(cast: Cast) -> None:
    """Not who said no goal, has a coach, or has asked one; and each coach has no more than the seats left."""
    coaches = [cast.coach(name, capacity=2) for name in ("Ana", "Ben")]
    wanting = [cast.trainee() for _ in range(3)]
    cast.house.a_trainee()
    cast.house.matched(cast.trainee(), coaches[0])
    assert coaches[1].coach_id is not None
    cast.hub.matches.request(cast.trainee(), RequestMatch(coach_id=coaches[1].coach_id))
    run = cast.done()
    assert (run.state, run.allowed, run.assigner, run.mode) == ("done", ("apply",), "duet", "stable")
    assert (run.n_trainees, run.n_placed, run.n_unplaced, run.n_pairs) == (3, 3, 0, 3)
    assert (run.unplaced, run.conflicts, run.reason) == ({}, (), None)
    placements = cast.placements(run)
    assert {p.trainee_id for p in placements} == {t.trainee_id for t in wanting}
    given = [p.coach_name for p in placements]
    assert (given.count("Ana"), given.count("Ben")) == (1, 2)
    assert all(p.score is not None and p.state == "placed" for p in placements)
    assert cast.hub.matches.list(wanting[0], ListMatches()).items == ()  # nothing happens before it is applied


@pytest.mark.parametrize("mode", ["stable", "welfare", "worst_first", "exact"])
def test_a_certificate_says_what_the_mode_promises(cast: Cast, mode: str) -> None:
    """By a check that shares no code with who placed them, over all coaches."""
    for name, tags in (("Ana", ("marathon",)), ("Ben", ("yoga",)), ("Cem", ("strength",))):
        cast.coach(name, specialties=tags)
    for goal in ("first marathon", "yoga for my back", "get strong"):
        cast.trainee(goal=goal)
    run = cast.done(mode=mode)
    said = run.certificate
    assert said is not None
    assert (run.n_placed, said.broken, said.n_outside, said.is_whole) == (3, (), 0, True)
    assert said.value == pytest.approx(sum(p.score or 0 for p in cast.placements(run)))
    assert (said.seats_used, said.worst_place is not None) == (1.0, True)
    assert said.top_tenth == pytest.approx(1 / 3)  # of three coaches one is the tenth
    assert said.n_blocking == (0 if mode == "stable" else None)
    assert said.is_worst_best is (True if mode == "worst_first" else None)
    if mode in ("welfare", "exact"):
        assert said.gap is not None
        assert said.gap <= 1e-4


def test_who_is_left_out_is_named_with_the_reason(cast: Cast) -> None:
    """Too few seats: the set that has them. A budget too small: the rule that alone keeps every coach away."""
    ana = cast.coach("Ana")
    seated = cast.trainee(goal="marathon in spring")
    poor = cast.trainee(budget=Decimal(10))
    more = [cast.trainee(goal="lose some weight") for _ in range(2)]
    run = cast.done()
    assert (run.n_trainees, run.n_placed, run.unplaced) == (4, 1, {"no_coach.price": 1, "no_seat": 2})
    (conflict,) = run.conflicts
    assert (conflict.trainees, conflict.coaches, conflict.n_left_out) == ((seated.trainee_id,), (ana.coach_id,), 2)
    out = {p.trainee_id: (p.reason, p.conflict) for p in cast.placements(run, state="unplaced")}
    assert out == {poor.trainee_id: ("no_coach.price", None)} | {t.trainee_id: ("no_seat", 1) for t in more}
    with pytest.raises(CohortInfeasible) as refused:
        cast.hub.cohorts.apply(cast.admin, ApplyCohortRun(run_id=run.id))
    says = [error.message for error in refused.value.errors]
    assert says[0] == ("3 of 4 could not be placed (no_coach.price 1, no_seat 2); say true to ask for the others")
    assert says[1] == (
        f"set 1: trainee {seated.trainee_id} has all the seats of coach {ana.coach_id}; for 2 more there is none"
    )
    assert cast.applied(run, partial=True).n_requested == 1


def test_hard_constraints_hold_and_a_coach_who_was_asked_is_not_given(cast: Cast) -> None:
    """A score buys nothing off."""
    cast.coach("Dear", pricing=Decimal(90), capacity=9)
    fair = cast.coach("Fair", capacity=9)
    other = cast.coach("Other", specialties=("yoga",), capacity=9)
    sam = cast.trainee()
    assert fair.coach_id is not None
    cast.hub.matches.request(sam, RequestMatch(coach_id=fair.coach_id))
    assert sam.trainee_id is not None
    run = cast.done(trainee_ids=(sam.trainee_id,))
    assert [p.coach_id for p in cast.placements(run)] == [other.coach_id]
    again = cast.done(trainee_ids=(sam.trainee_id,), need=3)
    assert [(p.place, p.coach_id, p.reason) for p in cast.placements(again)] == [
        (1, other.coach_id, None),
        (2, None, "no_coach"),
        (3, None, "no_coach"),
    ]


def test_a_run_takes_as_many_seats_as_it_was_allowed(cast: Cast) -> None:
    """``max_per_coach`` leaves the rest of a coach's seats free."""
    cast.coach("Ana", capacity=5)
    for _ in range(4):
        cast.trainee()
    run = cast.done(max_per_coach=3)
    assert (run.n_placed, run.unplaced) == (3, {"no_seat": 1})


def test_what_is_asked_for_is_checked_with_a_pointer(cast: Cast) -> None:
    """Who is named, how many, and how."""
    coach, matched = cast.house.a_pair()
    silent = cast.house.a_trainee()
    stranger = UUID(int=5)
    ids = (stranger, matched.trainee_id, silent.trainee_id)
    with pytest.raises(Invalid) as refused:
        cast.hub.cohorts.create(cast.admin, CreateCohortRun(trainee_ids=ids))  # type: ignore[arg-type]
    assert [(e.pointer, e.code) for e in refused.value.errors] == [
        ("/trainee_ids/0", "unknown"),
        ("/trainee_ids/1", "matched"),
        ("/trainee_ids/2", "required"),
    ]
    for said, pointer in (({}, "/trainee_ids"), ({"mode": "greedy"}, "/mode"), ({"need": 6}, "/need")):
        with pytest.raises(Invalid) as refused:
            cast.hub.cohorts.create(cast.admin, CreateCohortRun(**said))
        assert [e.pointer for e in refused.value.errors] == [pointer]
    for actor in (coach, silent):
        with pytest.raises(Forbidden):
            cast.hub.cohorts.create(actor, CreateCohortRun())


def test_so_many_runs_wait_at_once_and_no_more(cast: Cast) -> None:
    """Of all admins together; what is at an end makes room."""
    cast.coach("Ana")
    cast.trainee()
    for _ in range(MAX_OPEN):
        cast.hub.cohorts.create(cast.admin, CreateCohortRun())
    with pytest.raises(Busy):
        cast.hub.cohorts.create(cast.admin, CreateCohortRun())
    cast.hub.run_due()
    runs = cast.hub.cohorts.list(cast.admin, ListCohortRuns(limit=3))
    assert [run.state for run in runs.items] == ["done"] * 3
    rest = cast.hub.cohorts.list(cast.admin, ListCohortRuns(limit=3, cursor=runs.next))
    assert len(rest.items) == MAX_OPEN - 3
    assert rest.next is None
    with pytest.raises(BadRequest):
        cast.hub.cohorts.placements(cast.admin, runs.items[0].id, ListPlacements(cursor=runs.next))


# ── applying ──


def test_each_placement_becomes_a_request_of_the_system(cast: Cast) -> None:
    """Both are told, the coach answers, the trainee may withdraw, and the run says which request it became."""
    ana, ben = cast.coach("Ana"), cast.coach("Ben")
    sam, kim = cast.trainee(), cast.trainee()
    run = cast.applied(cast.done())
    assert (run.state, run.n_requested, run.n_refused) == ("applied", 2, 0)
    assert (run.progress.done, run.progress.total, run.allowed) == (2, 2, ())
    placements = {p.trainee_id: p for p in cast.placements(run)}
    match = cast.hub.matches.list(sam, ListMatches()).items[0]
    assert (match.initiator, match.status, match.allowed) == ("system", "requested", ("withdraw",))
    assert placements[match.trainee_id].match_id == match.id
    assert placements[match.trainee_id].state == "requested"
    assert [s.by for s in cast.hub.matches.events(sam, match.id).items] == ["system"]
    coach = ana if match.coach_id == ana.coach_id else ben
    for actor, told in ((sam, "match_proposed"), (coach, "match_requested"), (cast.admin, "cohort_applied")):
        assert told in [n.type for n in cast.hub.notifications.list(actor, ListNotifications()).items]
    assert cast.hub.matches.accept(coach, AcceptMatch(match_id=match.id)).status == "active"
    other = cast.hub.matches.list(kim, ListMatches()).items[0]
    assert cast.hub.matches.withdraw(kim, WithdrawMatch(match_id=other.id)).status == "withdrawn"
    actions = [row.action for row in cast.hub.admin.audit(cast.admin, _audit()).items]
    assert actions[:2] == ["cohort.apply", "cohort.create"]


def _audit() -> Any:
    from coachhub_core.domain.admin import ListAudit

    return ListAudit()


def test_a_run_whose_placements_no_longer_hold_is_stale(cast: Cast) -> None:
    """Each is named with why; with ``partial`` the others are asked for, and these say which refusal they met."""
    closed, full, gone = (cast.coach(name) for name in ("Closed", "Full", "Gone"))
    trainees = [cast.trainee() for _ in range(4)]
    cast.coach("Open")
    run = cast.done()
    assert run.n_placed == 4
    of = {p.coach_name: p.trainee_id for p in cast.placements(run)}
    cast.hub.coaches.change(closed, ChangeCoach(is_accepting=False, expected_version=1))
    cast.house.matched(cast.trainee(), full)
    cast.hub.admin.suspend(cast.admin, Suspend(account_id=gone.account_id, reason="a test"))
    with pytest.raises(CohortStale) as refused:
        cast.hub.cohorts.apply(cast.admin, ApplyCohortRun(run_id=run.id))
    assert (refused.value.n_stale, refused.value.allowed) == (3, ("apply",))
    says = "\n".join(refused.value.examples)
    assert f"trainee {of['Full']} with coach {full.coach_id}: the coach has 0 seats left by now" in says
    assert says.count("the coach takes no requests any more") == 2
    found = cast.applied(run, partial=True)
    assert (found.state, found.n_requested, found.n_refused) == ("applied", 1, 3)
    assert found.unplaced == {"match.coach_full": 1, "match.not_accepting": 2}
    asked = [len(cast.hub.matches.list(t, ListMatches()).items) for t in trainees]
    assert sorted(asked) == [0, 0, 0, 1]


def test_trainees_who_helped_themselves_make_a_run_stale(cast: Cast) -> None:
    """One has a coach by now, one has asked the same, one is gone."""
    cast.coach("Ana", capacity=9)
    other = cast.coach("Other", specialties=("yoga",), capacity=9)
    sam, kim, lee = (cast.trainee() for _ in range(3))
    run = cast.done()
    given = {p.trainee_id: p.coach_id for p in cast.placements(run)}
    cast.house.matched(sam, other)
    assert kim.trainee_id is not None
    assert given[kim.trainee_id] is not None
    cast.hub.matches.request(kim, RequestMatch(coach_id=given[kim.trainee_id]))  # type: ignore[arg-type]
    cast.hub.own_data.erase(lee, EraseAccount(password=PASSWORD))
    with pytest.raises(CohortStale) as refused:
        cast.hub.cohorts.apply(cast.admin, ApplyCohortRun(run_id=run.id))
    why = sorted(example.partition(": ")[2] for example in refused.value.examples)
    assert why == ["the trainee has a coach by now", "the trainee has asked this coach by now"]
    found = cast.applied(run, partial=True)
    assert found.unplaced == {"match.already_matched": 1, "match.open_request_exists": 1}
    assert found.n_requested == 0


def test_seats_hold_whoever_accepts(cast: Cast) -> None:
    """A run takes no seat: of two requests for the last one the first that is accepted gets it."""
    ana = cast.coach("Ana")
    sam, kim = cast.trainee(), cast.trainee()
    assert ana.coach_id is not None
    assert kim.trainee_id is not None
    by_hand = cast.hub.matches.request(sam, RequestMatch(coach_id=ana.coach_id))
    run = cast.applied(cast.done(trainee_ids=(kim.trainee_id,)))
    assert run.n_requested == 1
    placed = cast.hub.matches.list(kim, ListMatches()).items[0]
    cast.hub.matches.accept(ana, AcceptMatch(match_id=by_hand.id))
    with pytest.raises(CoachFull):
        cast.hub.matches.accept(ana, AcceptMatch(match_id=placed.id))


def test_asked_twice_with_one_key_there_is_one_run(cast: Cast) -> None:
    """And applying twice is refused, not done twice."""
    cast.coach("Ana")
    cast.trainee()
    import attrs

    key = RequestKey(key="k", operation="cohorts_post", request_hash=b"x" * 32)
    keyed = attrs.evolve(cast.admin, key=key)
    run = cast.hub.cohorts.create(keyed, CreateCohortRun())
    with pytest.raises(Replayed):
        cast.hub.cohorts.create(keyed, CreateCohortRun())
    assert len(cast.hub.cohorts.list(cast.admin, ListCohortRuns()).items) == 1
    cast.hub.run_due()
    cast.hub.cohorts.apply(cast.admin, ApplyCohortRun(run_id=run.id))
    with pytest.raises(CohortIllegalTransition):
        cast.hub.cohorts.apply(cast.admin, ApplyCohortRun(run_id=run.id))


def test_an_erased_trainee_leaves_no_placement(cast: Cast) -> None:
    """What was said of them is deleted with them; until then it is in their export."""
    cast.coach("Ana")
    sam = cast.trainee()
    run = cast.done()
    with cast.hub.storage.begin(read_only=True) as work:
        document = cast.hub.own_data.document(work, work.accounts.get(sam.account_id))
    assert str(run.id).encode() in document
    cast.hub.own_data.erase(sam, EraseAccount(password=PASSWORD))
    assert cast.placements(run) == []


def test_the_settings_choose_assigner_and_mode() -> None:
    """And a mode that the assigner does not have stops the start by name."""
    with House.open(matching=Matching(assigner="duet", mode="worst_first", exploration=False)) as house:
        cast = Cast(house)
        cast.coach("Ana")
        cast.trainee()
        run = cast.done()
        assert (run.assigner, run.mode, run.state) == ("duet", "worst_first", "done")
    with House.open(matching=Matching(assigner="plain", exploration=False)) as house:
        cast = Cast(house)
        cast.coach("Ana")
        cast.trainee()
        assert cast.done().assigner == "plain"
        with pytest.raises(Invalid, match="has no mode 'welfare'; known: stable"):
            cast.hub.cohorts.create(cast.admin, CreateCohortRun(mode="welfare"))
    with pytest.raises(SettingsError, match=r"matching\.mode: the assigner 'plain' has no such mode; known: stable"):
        House.open(matching=Matching(assigner="plain", mode="welfare"))


def test_a_run_of_more_requests_than_a_trainee_may_have_open_is_stale() -> None:
    """The limit counts what is open already."""
    with House.open(matches=Matches(max_open=2)) as house:
        cast = Cast(house)
        for name in ("Ana", "Ben", "Cem"):
            cast.coach(name)
        sam = cast.trainee()
        assert sam.trainee_id is not None
        run = cast.done(need=2)
        assert run.n_pairs == 2
        left = ({"Ana", "Ben", "Cem"} - {p.coach_name for p in cast.placements(run)}).pop()
        listed = {c.coach.name: c.coach.id for c in cast.hub.suggestions.suggest(sam, _suggest()).items}
        cast.hub.matches.request(sam, RequestMatch(coach_id=listed[left]))
        with pytest.raises(CohortStale, match="has 2 open requests by now"):
            cast.hub.cohorts.apply(cast.admin, ApplyCohortRun(run_id=run.id))
        found = cast.applied(run, partial=True)
        assert (found.n_requested, found.unplaced) == (1, {"match.too_many_open": 1})
        house.clock.advance(timedelta(hours=73).total_seconds())
        with pytest.raises(NotFound):
            cast.hub.cohorts.get(cast.admin, UUID(int=1))


def _suggest() -> Any:
    from coachhub_core.domain.suggestions import SuggestCoaches

    return SuggestCoaches()
