"""The host: whatever a matcher does, the answer is sound and in time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import numpy as np
import pytest

from coachhub_core.errors import Invalid, MatcherError, MatcherTimeout
from coachhub_core.matching import Filters, Number, matcher_from_scores
from coachhub_core.matching.host import MatcherHost
from coachhub_core.matching.hosted import Hosted, plain_hosted
from coachhub_core.matching.schema import coach_table, profile_table
from coachhub_core.matching.tables import CoachTable, Column, TraineeTable
from coachhub_core.memory.matcher import plain
from coachhub_core.memory.points import PlainIndex
from coachhub_core.ports.matcher import Deadline, Index, Ranking, Reason

COACHES = coach_table(
    [
        {"id": "a", "specialties": ["yoga"], "price": 30},
        {"id": "b", "specialties": ["yoga"], "price": 40},
        {"id": "c", "specialties": ["golf"], "price": 90},
        {"id": "d", "specialties": ["yoga"], "seats_left": 0, "price": 10},
    ]
)
TRAINEE = profile_table({"goal": "yoga", "budget": 50})
BEST = ["a", "b"]


@attrs.define
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


Rank = Callable[..., Any]


class OddMatcher:
    """The matcher of rules, but for what a test puts in its place."""

    def __init__(self, rank: Rank | None = None, explain: Rank | None = None, index: Rank | None = None) -> None:
        self._rank, self._explain, self._index = rank, explain, index
        self.n_asked = 0

    def save(self, out: Any) -> None:
        out.put_json("odd", {})

    def load(self, source: Any) -> OddMatcher:
        return self

    def fit(self, *_: Any, **__: Any) -> OddMatcher:
        return self

    def index(self, coaches: CoachTable, *, prices: Any = None) -> Index:
        if self._index is not None:
            self._index(coaches)
        return OddIndex(self, plain().index(coaches))


@attrs.define(eq=False)
class OddIndex:
    matcher: OddMatcher
    real: PlainIndex

    def rank(self, trainees: TraineeTable, k: int, allowed: Any, *, deadline: Deadline) -> Ranking:
        self.matcher.n_asked += 1
        right = self.real.rank(trainees, k, allowed, deadline=deadline)
        made: Ranking = right if self.matcher._rank is None else self.matcher._rank(right, deadline)
        return made

    def score(self, trainees: TraineeTable, rows: Any) -> Any:
        return self.real.score(trainees, rows)

    def probabilities(self, trainees: TraineeTable, rows: Any) -> Mapping[str, Any]:
        return {}

    def explain(self, trainees: TraineeTable, rows: Any) -> Any:
        right = self.real.explain(trainees, rows)
        return right if self.matcher._explain is None else self.matcher._explain(right)


def hosted(matcher: Any, name: str = "odd") -> Hosted:
    return Hosted(name=name, matcher=matcher, needs=frozenset({"*"}), model_id="0" * 64)


@pytest.fixture
def made() -> Iterator[list[MatcherHost]]:
    hosts: list[MatcherHost] = []
    yield hosts
    for host in hosts:
        host.close()


def a_host(made: list[MatcherHost], matcher: Any, **how: Any) -> MatcherHost:
    host = MatcherHost(hosted(matcher), **{"timeout_seconds": 30, **how})
    made.append(host)
    return host


def ids(found: Any) -> list[str]:
    return [suggestion.coach_id for suggestion in found]


# ── an honest matcher ───────────────────────────────────────────────────────


def test_the_chosen_matcher_answers(made: list[MatcherHost]) -> None:
    """On its own thread, checked, with its reasons, the strongest first and the base last."""
    host = a_host(made, OddMatcher())
    found = host.suggest(COACHES, TRAINEE, limit=3)
    assert (ids(found), found.matcher, found.degraded) == (BEST, "odd", None)
    assert (found.n_eligible, found.relaxations) == (2, {"seats": 1, "price": 1})
    sizes = [abs(reason.contribution) for reason in found[0].reasons[:-1]]
    assert sizes == sorted(sizes, reverse=True)
    assert found[0].reasons[-1].code == "fits.base"
    assert host.state().n_faults == 0


def test_filters_limit_and_who_is_out_of_the_question(made: list[MatcherHost]) -> None:
    """All three hold whoever answers; the hash of the question changes with each of them."""
    host = a_host(made, OddMatcher())
    lists = [
        host.suggest(COACHES, TRAINEE),
        host.suggest(COACHES, TRAINEE, limit=1),
        host.suggest(COACHES, TRAINEE, without=["a"]),
        host.suggest(COACHES, TRAINEE, filters=Filters(price_max=30)),
        host.suggest(COACHES, TRAINEE, filters=Filters(specialty=("golf",))),
    ]
    assert [ids(found) for found in lists] == [BEST, ["a"], ["b"], ["a"], []]
    assert len({found.input_hash for found in lists}) == 5
    assert host.suggest(COACHES, TRAINEE).input_hash == lists[0].input_hash
    assert lists[4].relaxations == {"seats": 0, "price": 1, "filters.specialty": 2}
    assert host.suggest(COACHES, TRAINEE, explain=False)[0].reasons == ()


def test_a_question_that_is_none_is_refused(made: list[MatcherHost]) -> None:
    """Limits from 1 to 100, one trainee at a time."""
    host = a_host(made, OddMatcher())
    for limit in (0, 101):
        with pytest.raises(Invalid):
            host.suggest(COACHES, TRAINEE, limit=limit)
    with pytest.raises(Invalid):
        host.suggest(COACHES, TRAINEE.take([0, 0]))


# ── faults ──────────────────────────────────────────────────────────────────


def ranking(rows: Any, scores: Any) -> Ranking:
    return Ranking(np.array(rows, np.int32), np.array(scores, np.float64))


def leave(*_: Any) -> Any:
    sys.exit(3)


def boom(*_: Any) -> Any:
    raise ZeroDivisionError


def decline(*_: Any) -> Any:
    raise MatcherError(reason="not today")


INF = np.inf
FAULTS: dict[str, tuple[str, Rank]] = {
    "nothing": ("rank", lambda *_: None),
    "a wrong shape": ("rank", lambda *_: ranking([[0]], [[0.5]])),
    "wrong types": ("rank", lambda r, _: Ranking(r.rows.astype(np.int64), r.scores)),
    "float32 scores": ("rank", lambda r, _: Ranking(r.rows, r.scores.astype(np.float32))),
    "lists": ("rank", lambda *_: Ranking([[0, 1, -1]], [[1.0, 0.5, -INF]])),  # type: ignore[arg-type]
    "not contiguous": ("rank", lambda r, _: Ranking(np.asfortranarray(np.tile(r.rows, (2, 1)))[:1], r.scores)),
    "a coach who was filtered out": ("rank", lambda *_: ranking([[0, 2, -1]], [[0.9, 0.8, -INF]])),
    "a full coach": ("rank", lambda *_: ranking([[3, -1, -1]], [[0.9, -INF, -INF]])),
    "no such coach": ("rank", lambda *_: ranking([[4, -1, -1]], [[0.9, -INF, -INF]])),
    "row -2": ("rank", lambda *_: ranking([[-2, -1, -1]], [[0.9, -INF, -INF]])),
    "one twice": ("rank", lambda *_: ranking([[0, 0, -1]], [[0.9, 0.8, -INF]])),
    "NaN": ("rank", lambda *_: ranking([[0, 1, -1]], [[0.9, np.nan, -INF]])),
    "infinity": ("rank", lambda *_: ranking([[0, 1, -1]], [[INF, 0.5, -INF]])),
    "unsorted": ("rank", lambda *_: ranking([[0, 1, -1]], [[0.1, 0.9, -INF]])),
    "a tie the wrong way": ("rank", lambda *_: ranking([[1, 0, -1]], [[0.5, 0.5, -INF]])),
    "-1 before a coach": ("rank", lambda *_: ranking([[-1, 0, -1]], [[-INF, 0.5, -INF]])),
    "a score for nobody": ("rank", lambda *_: ranking([[0, -1, -1]], [[0.5, 0.4, -INF]])),
    "an exception": ("rank", boom),
    "its own error": ("rank", decline),
    "leaving": ("rank", leave),
    "no reasons": ("explain", lambda _: []),
    "too few reasons": ("explain", lambda right: [right[0][:1]]),
    "a reason for nobody": ("explain", lambda right: [[right[0][0]] * 3]),
    "a reason that is none": ("explain", lambda right: [[("because",), (), ()]]),
    "a contribution that is none": ("explain", lambda right: [[(Reason("x", np.nan),), (), ()]]),
    "evidence that is no JSON": ("explain", lambda right: [[(Reason("x", 0.1, {"who": object()}),), (), ()]]),
    "evidence without end": ("explain", lambda right: [[(Reason("x", 0.1, {"words": "x" * 10_000}),), (), ()]]),
    "an index that fails": ("index", boom),
    "an index that leaves": ("index", leave),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_answered_by_the_fallback(name: str, made: list[MatcherHost]) -> None:
    """Nothing of what went wrong is seen but a list that says so, and is as good as the rules make it."""
    where, what = FAULTS[name]
    host = a_host(made, OddMatcher(**{where: what}))
    found = host.suggest(COACHES, TRAINEE, limit=3)
    assert (ids(found), found.matcher, found.degraded) == (BEST, "plain", "fault")
    assert host.state().n_faults == 1


def test_a_matcher_that_keeps_its_deadline_is_told_from_one_that_breaks(made: list[MatcherHost]) -> None:
    """MatcherTimeout is a fault too, and the list says what it was."""

    def over(right: Ranking, deadline: Deadline) -> Ranking:
        clock.now += 31
        deadline.check()
        return right

    clock = Clock()
    host = a_host(made, OddMatcher(rank=over), clock=clock)
    found = host.suggest(COACHES, TRAINEE)
    assert (ids(found), found.degraded, host.state().n_faults) == (BEST, "timeout", 1)


def test_the_chain_is_walked_in_order(made: list[MatcherHost]) -> None:
    """The configured fallback comes before the rules; when it fails too, the rules answer."""
    cheapest = matcher_from_scores(lambda _, coaches: -coaches.number("price").astype(float), name="cheapest")
    host = a_host(made, OddMatcher(rank=boom), fallback=hosted(cheapest.make(), "cheapest"))
    found = host.suggest(COACHES, TRAINEE)
    assert (found.matcher, found[0].score, found.degraded) == ("cheapest", -30.0, "fault")
    host = a_host(made, OddMatcher(rank=boom), fallback=hosted(OddMatcher(rank=boom), "worse"))
    found = host.suggest(COACHES, TRAINEE)
    assert (ids(found), found.matcher, found.degraded) == (BEST, "plain", "fault")


# ── the breaker ─────────────────────────────────────────────────────────────


def test_three_faults_within_a_minute_open_the_breaker_for_a_minute(made: list[MatcherHost]) -> None:
    """While it is open the matcher is left alone; afterwards it is asked again."""
    clock = Clock()
    matcher = OddMatcher(rank=boom)
    host = a_host(made, matcher, clock=clock)
    assert [host.suggest(COACHES, TRAINEE).degraded for _ in range(5)] == ["fault"] * 3 + ["breaker"] * 2
    assert (matcher.n_asked, host.state().is_open) == (3, True)
    clock.now += 59.9
    assert host.suggest(COACHES, TRAINEE).degraded == "breaker"
    clock.now += 0.2
    matcher._rank = None
    assert host.suggest(COACHES, TRAINEE).degraded is None
    assert not host.state().is_open


def test_faults_far_apart_open_nothing(made: list[MatcherHost]) -> None:
    """Two a minute may happen for ever."""
    clock = Clock()
    host = a_host(made, OddMatcher(rank=boom), clock=clock)
    for _ in range(8):
        assert host.suggest(COACHES, TRAINEE).degraded == "fault"
        clock.now += 31
    assert host.state().n_faults == 1


class Stuck:
    """A matcher that hangs, and a wait that gives up as soon as it does: no test has to sleep."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.hanging = threading.Semaphore(0)
        self.is_patient = False

    def rank(self, right: Ranking, _: Deadline) -> Ranking:
        self.hanging.release()
        self.release.wait(60)
        return right

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if threading.current_thread() is not threading.main_thread():
            return event.wait(seconds)
        if self.is_patient:
            return event.wait(60)
        assert self.hanging.acquire(timeout=60)
        return event.is_set()


def test_a_matcher_that_hangs_is_abandoned(made: list[MatcherHost]) -> None:
    """The fallback answers; the thread counts as stuck until it comes back, and then serves again."""
    stuck = Stuck()
    matcher = OddMatcher(rank=stuck.rank)
    host = a_host(made, matcher, wait=stuck.wait)
    stuck.is_patient = True
    assert host.prepare(COACHES)
    stuck.is_patient = False
    found = host.suggest(COACHES, TRAINEE)
    assert (ids(found), found.degraded, host.state().n_stuck) == (BEST, "timeout", 1)
    matcher._rank = None
    stuck.is_patient = True
    assert host.suggest(COACHES, TRAINEE).degraded is None  # the other thread
    stuck.release.set()
    while host.state().n_stuck:  # it is on its way back
        assert host.suggest(COACHES, TRAINEE).degraded is None
    assert not host.state().is_lost


def test_when_both_threads_hang_the_breaker_stays_open(made: list[MatcherHost]) -> None:
    """Until the process restarts: even their return changes nothing."""
    stuck = Stuck()
    clock = Clock()
    host = a_host(made, OddMatcher(rank=stuck.rank), wait=stuck.wait, clock=clock)
    stuck.is_patient = True
    assert host.prepare(COACHES)
    stuck.is_patient = False
    assert [host.suggest(COACHES, TRAINEE).degraded for _ in range(2)] == ["timeout"] * 2
    assert host.state().is_lost
    stuck.release.set()
    clock.now += 10_000
    found = host.suggest(COACHES, TRAINEE)
    assert (ids(found), found.degraded, host.state().is_open) == (BEST, "breaker", True)


def test_while_an_index_is_built_the_rules_answer(made: list[MatcherHost]) -> None:
    """A large snapshot takes its time; that is nobody's fault, and opens no breaker."""
    stuck = Stuck()

    def build(_: CoachTable) -> None:
        stuck.hanging.release()
        stuck.release.wait(60)

    host = a_host(made, OddMatcher(index=build), wait=stuck.wait)
    found = host.suggest(COACHES, TRAINEE)
    assert (ids(found), found.degraded, host.state().n_faults) == (BEST, "preparing", 0)
    stuck.release.set()
    stuck.is_patient = True
    assert host.suggest(COACHES, TRAINEE).degraded is None


# ── columns, features, constraints ──────────────────────────────────────────


def test_a_matcher_sees_what_it_named_and_what_was_agreed_to(made: list[MatcherHost]) -> None:
    """Both tables are cut to its columns; a sensitive one takes the operator's consent by name."""
    seen: list[set[str]] = []
    coaches = coach_table([{"id": "a", "price": 3, "gender": "female"}])

    def look(trainee: Any, table: CoachTable) -> Any:
        seen.append({*table.columns} | {*trainee._table.columns})
        return np.zeros(len(table))

    offer = matcher_from_scores(look, name="look", needs={"price", "gender", "budget"})
    for consent in ((), ("gender",)):
        host = MatcherHost(Hosted.of("look", offer), consent=consent, timeout_seconds=30)
        made.append(host)
        assert host.suggest(coaches, TRAINEE).degraded is None
    assert seen[0] == {"price", "budget"}
    assert seen[-1] == {"price", "gender", "budget"}


@attrs.frozen
class Cheapness:
    side: Any = "coaches"
    kinds: Mapping[str, str] = attrs.field(factory=lambda: {"cheap": "number"})

    def fill(self, table: Any) -> Mapping[str, Column]:
        return {"cheap": Number(-table.number("price"))}


@attrs.frozen
class Broken(Cheapness):
    def fill(self, table: Any) -> Mapping[str, Column]:
        raise RuntimeError("boom")


def test_features_are_columns_like_any_other(made: list[MatcherHost]) -> None:
    """They are computed once per snapshot; a block that fails is left out, and the list is made without it."""
    offer = matcher_from_scores(lambda _, c: np.nan_to_num(c.number("cheap")).astype(float), name="f", needs={"cheap"})
    for blocks, scores in (
        ([Cheapness()], [-30.0, -40.0]),
        ([Broken(), Cheapness()], [-30.0, -40.0]),
        ([Broken()], [0, 0]),
    ):
        host = MatcherHost(Hosted.of("f", offer), features=blocks, timeout_seconds=30)
        made.append(host)
        assert [suggestion.score for suggestion in host.suggest(COACHES, TRAINEE)] == scores
        assert ("cheap" in host.with_features(COACHES).columns) == (scores[0] != 0)
        assert host.with_features(TRAINEE) is TRAINEE


@attrs.define
class Hanging:
    """Columns that come when they are let."""

    side: Any
    kinds: Mapping[str, str] = attrs.field(factory=lambda: {"cheap": "number"})
    let: threading.Event = attrs.field(factory=threading.Event)
    n_asked: int = 0

    def fill(self, table: Any) -> Mapping[str, Column]:
        self.n_asked += 1
        self.let.wait(30)
        return {"cheap": Number([0] * len(table))}


def test_columns_of_who_asks_that_are_late_are_left_out(
    made: list[MatcherHost], caplog: pytest.LogCaptureFixture
) -> None:
    """A request waits for a plugin's columns no longer than for a matcher; stuck twice, it is asked no more."""
    block = Hanging("trainees")

    def wait(event: threading.Event, seconds: float) -> bool:
        return event.wait(0.01 if seconds <= 30 else seconds)  # the matcher has its grace beyond the deadline

    host = a_host(made, OddMatcher(), features=[block], wait=wait)
    host.prepare(COACHES)
    for n_asked in (1, 2, 2):
        found = host.suggest(COACHES, TRAINEE)
        assert (ids(found), found.matcher, block.n_asked) == (BEST, "odd", n_asked)
    assert [record.getMessage() for record in caplog.records] == ["the features cheap are late and are left out"] * 3
    assert not host.state().is_open  # nobody's fault but the block's
    block.let.set()


def test_columns_of_coaches_that_are_late_keep_nobody_waiting(
    made: list[MatcherHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fallback answers meanwhile; then the snapshot is served without them, and the next is not held up."""
    monkeypatch.setattr("coachhub_core.matching.host.GRACE_SECONDS", 0.0)
    block = Hanging("coaches")
    host = a_host(made, OddMatcher(), features=[block], timeout_seconds=0.02)
    found = host.suggest(COACHES, TRAINEE)
    assert (ids(found), found.degraded) == (BEST, "preparing")
    block.let.set()
    assert host.prepare(COACHES)
    block.let.clear()
    monkeypatch.setattr("coachhub_core.matching.readied.FEATURES_SECONDS", 0.02)
    for n in range(3):  # both threads get stuck, and the third snapshot does not ask
        later = COACHES.take([0, 1, 2, 3][: 4 - n])
        assert host.prepare(later)
        assert ids(host.suggest(later, TRAINEE)) == BEST
    assert block.n_asked == 3
    block.let.set()


def test_rules_that_were_chosen_wait_for_columns_no_longer_than_for_themselves(made: list[MatcherHost]) -> None:
    """``plain`` has no deadline of its own, and a plugin's columns do not become its own."""
    block = Hanging("coaches")
    host = MatcherHost(plain_hosted(), features=[block], timeout_seconds=0.02)
    made.append(host)
    assert ids(host.suggest(COACHES, TRAINEE)) == BEST
    block.let.set()


def test_no_constraints_are_no_constraints(made: list[MatcherHost]) -> None:
    """The operator chooses them; none chosen, everybody is eligible and price is a matter of score."""
    host = MatcherHost(plain_hosted(), constraints={})
    made.append(host)
    found = host.suggest(COACHES, TRAINEE)
    assert (found.n_eligible, found.relaxations) == (4, {})
    against = [r for s in found if s.coach_id == "c" for r in s.reasons if r.code == "fits.price"]
    assert against[0].evidence["over_percent"] == 80.0


def test_snapshots_are_prepared_once(made: list[MatcherHost]) -> None:
    """The same table again costs nothing; the two newest are kept."""
    n_built = []
    host = a_host(made, OddMatcher(index=lambda table: n_built.append(table.ids)))
    others = [COACHES.take([0, 1]), COACHES.take([0])]
    for table in (COACHES, COACHES, others[0], COACHES, others[1], COACHES, others[0]):
        host.suggest(table, TRAINEE)
    assert n_built == [COACHES.ids, others[0].ids, others[1].ids, others[0].ids]


def test_a_timeout_is_a_matcher_error() -> None:
    """One class catches all a matcher may raise."""
    assert issubclass(MatcherTimeout, MatcherError)
