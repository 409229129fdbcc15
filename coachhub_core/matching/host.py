"""
The host: serves any matcher safely, whatever the matcher does.

The chosen matcher is asked on two threads of the host's own, within a deadline.
Its answer is checked. When it does not come, breaks its contract or raises, the
fallback answers and the list says so. Three faults within a minute open the
breaker for a minute; when both threads are stuck it stays open until the process
restarts. The hard constraints are the host's and hold whoever answers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import Invalid, MatcherError, MatcherTimeout
from coachhub_core.matching.asking import Answer, Want, answer, input_hash, ordered, with_demand
from coachhub_core.matching.checks import check_reasons
from coachhub_core.matching.constraints import Filters, HardRules, built_in
from coachhub_core.matching.demand import with_reason
from coachhub_core.matching.features import AnyTable, Features
from coachhub_core.matching.hosted import Hosted, plain_hosted
from coachhub_core.matching.readied import FEATURES_SECONDS, Ready, Snapshots, is_being_built
from coachhub_core.matching.renewing import Renewal
from coachhub_core.matching.runner import NotDone, Runner, Wait
from coachhub_core.matching.suggestions import Suggestion, SuggestionSet
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import (
    NEVER,
    AllowedPairs,
    Deadline,
    FeatureBlock,
    HardConstraint,
    Index,
    Reason,
)

GRACE_SECONDS = 0.25  # beyond the deadline, for a matcher that looks at it only every 20 ms and then cleans up
MAX_FAULTS = 3
FAULT_WINDOW_SECONDS = 60.0
OPEN_SECONDS = 60.0
RENEWAL_SECONDS = 600.0  # for the index of a model that has learned anew, which nobody waits for
_N_TRIES = 4

_log = logging.getLogger("coachhub.matching")


@attrs.frozen(kw_only=True)
class HostState:
    """How the chosen matcher is doing, for health and metrics."""

    matcher: str
    model_id: str
    is_open: bool  #: the breaker: the fallback answers without asking
    n_faults: int  #: within the last minute
    n_stuck: int  #: threads that never came back
    is_lost: bool  #: all of them: open until the process restarts
    differs: tuple[str, ...] = ()  #: columns that are not those the model was fitted on, and how


@attrs.frozen(kw_only=True, eq=False)
class Serving:
    """A model as it served at one moment: its index of the coaches, and the trainees as it may see them."""

    matcher: str
    model_id: str
    rules: HardRules
    index: Index
    seen: TraineeTable
    see: Callable[[TraineeTable], TraineeTable]  #: gives others, too, as it may see them


class MatcherHost:
    """Answers with ranked suggestions from the chosen matcher, or the best there is in its place."""

    def __init__(
        self,
        chosen: Hosted,
        *,
        fallback: Hosted | None = None,
        constraints: Mapping[str, HardConstraint] | None = None,
        features: Sequence[FeatureBlock] = (),
        consent: Collection[str] = (),
        timeout_seconds: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
        wait: Wait = threading.Event.wait,
        renewal: Renewal | None = None,
    ) -> None:
        """
        Args:
            fallback: Who answers when the chosen one does not; behind it always stands ``plain``.
            constraints: By name; those that ship when none are given.
            features: Blocks of extra columns, computed in this order.
            consent: Sensitive columns the operator agreed to, by name.
            timeout_seconds: The matcher's deadline; unanswered 250 ms later, it is abandoned.
            clock: Monotonic seconds, for deadlines and the breaker.
            renewal: Says when the chosen matcher has learned anew: it is then opened, and laid out for the newest
                snapshot, while the one before it still answers.
        """
        self._chosen = chosen
        self._fallbacks = [] if fallback is None else [fallback]
        if fallback is None or not fallback.is_trusted:
            self._fallbacks.append(plain_hosted())
        self._chain = self._chain_of(chosen)
        self._renewal = renewal
        self._is_closed = False
        self._features = Features(features, clock=clock, wait=wait)
        self._consent = frozenset(consent)
        self._timeout = timeout_seconds
        self._clock = clock
        self._wait = wait
        self._runner = Runner(wait=wait)
        self._snapshots = Snapshots(
            built_in() if constraints is None else constraints,
            self._features,
            consent=self._consent,
            features_seconds=timeout_seconds,
            wait=wait,
        )
        self._lock = threading.Lock()
        self._faults: deque[float] = deque()
        self._open_until = -1.0

    # ── the one question ──

    def suggest(
        self,
        coaches: CoachTable,
        trainee: TraineeTable,
        *,
        filters: Filters | None = None,
        limit: int = 10,
        without: Collection[str] = (),
        explain: bool = True,
        pool: int = 0,
        prices: NDArray[np.float64] | None = None,
    ) -> SuggestionSet:
        """
        Propose coaches to one trainee.

        Args:
            coaches: The snapshot. The same object again is not prepared again.
            trainee: A table of one row.
            filters: What the caller stated beside the profile.
            limit: At most so many, 1 to 100.
            without: Ids of coaches who are out of the question.
            explain: Whether to give reasons.
            pool: Of so many at the head of the ranking it is also said how good they may well be, where the matcher
                knows.
            prices: (n,), >= 0, taken off the scores of the snapshot: the price of demand. The same object again is not
                prepared again; a reason ``order.demand`` says whom it moved down, whoever ranked.
        Returns:
            The list, perhaps empty; ``degraded`` says whether somebody else than the chosen matcher made it.
        Raises:
            Invalid: If the limit or the table is not as above.
            MatcherError: If a hard constraint of a plugin fails: it is never dropped.
        """
        if not 1 <= limit <= 100:
            raise Invalid.at("limit", "must be from 1 to 100")
        if len(trainee) != 1:
            raise Invalid.at("trainee", f"needs a table of one trainee, not {len(trainee)}")
        prepared = self._ready(coaches, prices)
        eligible = prepared.rules.eligible(trainee.row(0), filters, without=without)
        allowed = AllowedPairs.shared(eligible.mask, len(coaches))
        asked = self.with_features(trainee, timeout_seconds=self._timeout)
        want = Want(limit, explain, pool)
        hosted, (ranking, reasons, maybe), degraded = self._firstanswer(prepared, asked, allowed, want)
        if prices is not None and explain:
            reasons = with_demand(ranking, reasons, prices)
        items = tuple(
            Suggestion(rank=place + 1, coach_id=coaches.ids[row], score=float(score), reasons=why)
            for place, (row, score, why) in enumerate(
                zip(ranking.rows[0].tolist(), ranking.scores[0].tolist(), ordered(reasons), strict=True)
            )
            if row >= 0
        )
        return SuggestionSet(
            items=items,
            n_eligible=eligible.count,
            relaxations=eligible.relaxations,
            matcher=hosted.name,
            model_id=hosted.model_id,
            input_hash=input_hash(coaches, trainee, filters, limit, without, hosted.model_id, prices),
            degraded=degraded,
            pool=maybe,
        )

    def reasons_of(
        self,
        coaches: CoachTable,
        trainee: TraineeTable,
        coach_ids: Sequence[str],
        *,
        prices: NDArray[np.float64] | None = None,
        model_id: str | None = None,
    ) -> list[tuple[Reason, ...]]:
        """
        Give the chosen matcher's reasons for some coaches of a snapshot; none where it fails to give any.

        Args:
            model_id: Of whom they are wanted; where another model has taken its place, there are none.
        """
        chosen = self._chosen
        if model_id not in (None, chosen.model_id):
            return [() for _ in coach_ids]
        rows = np.array([[row for id_ in coach_ids if (row := coaches.row_of(id_)) is not None]], np.int32)
        try:
            index = self._index(self._ready(coaches, prices), chosen, self._timeout)
            seen = self._seen_by(chosen, trainee, self._timeout)

            def explained() -> list[tuple[Reason, ...]]:
                found = index.explain(seen, rows)
                check_reasons(found, rows.tolist())
                return ordered([with_reason(why, 0.0, 0) for why in found[0]])

            found: list[tuple[Reason, ...]] = (
                explained() if chosen.is_trusted else self._runner.run(explained, self._timeout + GRACE_SECONDS)
            )
        except Exception as exc:  # a list without some reasons is better than none
            _log.warning("matcher %s gave no reasons: %r", chosen.name, exc)
            return [() for _ in coach_ids]
        return found

    def prepare(self, coaches: CoachTable, *, timeout_seconds: float = 60.0) -> bool:
        """Make a snapshot ready before anybody asks; True when the chosen matcher is."""
        prepared = self._ready(coaches)
        for hosted in self._chain:
            try:
                self._index(prepared, hosted, timeout_seconds)
            except MatcherError as exc:
                _log.warning("matcher %s is not ready: %s", hosted.name, exc)
        return self._chosen in prepared.indexes

    def wait_for(
        self, coaches: CoachTable, *, timeout_seconds: float = 600.0, prices: NDArray[np.float64] | None = None
    ) -> None:
        """Make the chosen matcher ready for a snapshot, for a program that would rather wait than hear another one."""
        try:
            self._index(self._ready(coaches, prices), self._chosen, timeout_seconds)
        except MatcherError as exc:  # the list will say who answered, and why
            _log.warning("matcher %s is not ready: %s", self._chosen.name, exc)

    def serving(
        self,
        coaches: CoachTable,
        trainees: TraineeTable,
        *,
        prices: NDArray[np.float64] | None = None,
        timeout_seconds: float = 60.0,
    ) -> Serving:
        """Give all that belongs to one model, for who asks for many at once: another may take its place meanwhile."""
        hosted = self._chosen
        ready = self._ready(coaches, prices)

        def see(table: TraineeTable) -> TraineeTable:
            return self._seen_by(hosted, table, FEATURES_SECONDS)

        return Serving(
            matcher=hosted.name,
            model_id=hosted.model_id,
            rules=ready.rules,
            index=self._index(ready, hosted, timeout_seconds),
            seen=see(trainees),
            see=see,
        )

    def index(
        self, coaches: CoachTable, *, timeout_seconds: float = 60.0, prices: NDArray[np.float64] | None = None
    ) -> Index:
        """Give the chosen matcher's index, for who asks for many at once."""
        return self._index(self._ready(coaches, prices), self._chosen, timeout_seconds)

    def look_for_newer(self, coaches: CoachTable, *, prices: NDArray[np.float64] | None = None) -> None:
        """Take the model that was trained since, soon, where there is one; whoever asks anything does so too."""
        self._ready(coaches, prices)

    def with_features(self, table: AnyTable, *, timeout_seconds: float | None = None) -> AnyTable:
        """
        Give the table with the columns of the chosen blocks: what is served, and what is to be learned from.

        Args:
            timeout_seconds: A block that takes longer is left out, as one that fails is. None: it may take its time.
        """
        return self._features.fill(table, timeout_seconds)

    def seen(self, trainees: TraineeTable, *, timeout_seconds: float = FEATURES_SECONDS) -> TraineeTable:
        """Give of the trainees' table what the chosen matcher may see."""
        return self._seen_by(self._chosen, trainees, timeout_seconds)

    def _seen_by(self, hosted: Hosted, trainees: TraineeTable, timeout_seconds: float) -> TraineeTable:
        asked = self.with_features(trainees, timeout_seconds=timeout_seconds)
        seen = asked.select(hosted.needs, consent=self._consent)
        hosted.watch.look("trainees", seen)
        return seen

    def rules(self, coaches: CoachTable) -> HardRules:
        """Give the hard constraints of a snapshot."""
        return self._ready(coaches).rules

    def rules_of(self, coaches: CoachTable) -> HardRules:
        """Give the hard constraints of a few coaches who are looked at once; nothing is kept."""
        return self._snapshots.rules_of(coaches)

    def state(self) -> HostState:
        """Tell how the chosen matcher is doing."""
        with self._lock:
            self._forget_old_faults()
            return HostState(
                matcher=self._chosen.name,
                model_id=self._chosen.model_id,
                is_open=self._is_open(),
                n_faults=len(self._faults),
                n_stuck=self._runner.n_stuck,
                is_lost=self._runner.is_lost,
                differs=self._chosen.watch.differs,
            )

    def close(self) -> None:
        """Let the threads end."""
        with self._lock:
            self._is_closed = True
        self._runner.close()
        self._features.close()

    # ── who answers ──

    def _firstanswer(
        self, prepared: Ready, trainee: TraineeTable, allowed: AllowedPairs, want: Want
    ) -> tuple[Hosted, Answer, str | None]:
        degraded: str | None = None
        chain = self._chain
        for hosted in chain:
            is_last = hosted is chain[-1]
            guarded = hosted is self._chosen and not hosted.is_trusted
            if not hosted.is_trusted and self._is_refusing(hosted):
                degraded = "breaker"
                continue
            try:
                return hosted, self._ask(prepared, hosted, trainee, allowed, want), degraded
            except NotDone as exc:
                why = "timeout" if exc.was_started else "busy"
                if guarded and exc.was_started:
                    self._count_fault(hosted)
            except MatcherTimeout:
                why = "timeout"
                if guarded:
                    self._count_fault(hosted)
            except Exception as exc:  # a plugin may raise anything; all of it is a fault, and none of it a 500
                if is_being_built(exc):
                    degraded = degraded or "preparing"
                    continue
                if is_last:
                    raise
                _log.warning("matcher %s failed: %r", hosted.name, exc)
                why = "fault"
                if guarded:
                    self._count_fault(hosted)
            degraded = degraded or why
        raise MatcherError(reason="no matcher answered")  # unreachable while plain is last: it has no deadline

    def _ask(self, prepared: Ready, hosted: Hosted, trainee: TraineeTable, allowed: AllowedPairs, want: Want) -> Answer:
        patience = self._timeout + GRACE_SECONDS
        index = self._index(prepared, hosted, patience)
        seen = trainee.select(hosted.needs, consent=self._consent)
        hosted.watch.look("trainees", seen)
        if hosted.is_trusted:
            return answer(index, prepared.coaches, seen, allowed, NEVER, want)
        deadline = Deadline.after(self._timeout, self._clock)
        found: Answer = self._runner.run(
            lambda: answer(index, prepared.coaches, seen, allowed, deadline, want), patience
        )
        return found

    # ── the breaker ──

    def _is_refusing(self, hosted: Hosted) -> bool:
        with self._lock:
            return self._is_open() if hosted is self._chosen else self._runner.is_lost

    def _is_open(self) -> bool:
        return self._runner.is_lost or self._clock() < self._open_until

    def _count_fault(self, hosted: Hosted) -> None:
        with self._lock:
            if hosted is not self._chosen:  # there is a newer model, which did nothing
                return
            self._faults.append(self._clock())
            self._forget_old_faults()
            if len(self._faults) >= MAX_FAULTS:
                self._open_until = self._clock() + OPEN_SECONDS
                self._faults.clear()
                _log.error("matcher %s: %s faults within a minute; the breaker is open", self._chosen.name, MAX_FAULTS)

    def _forget_old_faults(self) -> None:
        while self._faults and self._faults[0] <= self._clock() - FAULT_WINDOW_SECONDS:
            self._faults.popleft()

    # ── snapshots, and newer models ──

    def _ready(self, coaches: CoachTable, prices: NDArray[np.float64] | None = None) -> Ready:
        ready = self._snapshots.of(coaches, prices)
        if self._renewal is not None and self._renewal.is_due():
            threading.Thread(target=self._renew, args=(self._renewal,), name="matcher-renewal", daemon=True).start()
        return ready

    def _renew(self, renewal: Renewal) -> None:
        """Put a model that has learned anew in the place of the one that answers, once it can answer."""
        hosted: Hosted | None = None
        try:
            hosted = renewal.opened()
            for _ in range(_N_TRIES):  # others may come meanwhile
                lacking = self._snapshots.lacking(hosted)
                if not lacking:
                    break
                for ready in lacking:
                    self._snapshots.index(ready, hosted, RENEWAL_SECONDS, is_ours=hosted.is_trusted)
        except Exception as exc:  # whatever is wrong with a file or a plugin, what serves goes on
            if hosted is not None:
                self._snapshots.drop(hosted)
            if renewal.has_failed(str(exc)) and not self._is_closed:
                _log.error("the model in %s cannot be served, and the one before it goes on: %s", renewal.path, exc)
            return
        with self._lock:
            if self._is_closed:
                return
            former, self._chosen, self._chain = self._chosen, hosted, self._chain_of(hosted)
            self._faults.clear()
            self._open_until = -1.0
            if self._runner.is_lost:  # its threads are stuck in the former
                self._runner = Runner(wait=self._wait)
        renewal.has_succeeded()
        _log.info("the model %s of the matcher %s is served from now on", hosted.model_id[:12], hosted.name)
        self._wait(threading.Event(), GRACE_SECONDS)  # for who is about to ask the former
        self._snapshots.drop(former)

    def _chain_of(self, chosen: Hosted) -> list[Hosted]:
        """Give who is asked, one after the other: nobody twice."""
        return [chosen, *(each for each in self._fallbacks if each.name != chosen.name)]

    def _index(self, prepared: Ready, hosted: Hosted, timeout_seconds: float) -> Index:
        is_ours = hosted.is_trusted and hosted is self._chosen
        return self._snapshots.index(prepared, hosted, timeout_seconds, is_ours=is_ours)
