"""
Two models side by side on live traffic: what a second matcher would have shown.

A list that is served notes itself in its own transaction, one row more; that is
all its answer knows of the shadow. A worker asks both matchers the same question
again, right after each other, and keeps both orders and both times. A shadow
that is slow, wrong, broken or cannot be loaded is counted there, and what a
worker does not get to within minutes is dropped: nobody waits for any of it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import attrs

from coachhub_core import wire
from coachhub_core.domain.shadows import ShadowBacklog, ShadowList, is_as_served
from coachhub_core.domain.suggestions import SuggestionFilters, SuggestionSet
from coachhub_core.errors import NotFound, Unavailable
from coachhub_core.matching.host import MatcherHost
from coachhub_core.matching.suggestions import SuggestionSet as Ranked
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.storage import UnitOfWork
from coachhub_core.services.snapshot import trainee_row
from coachhub_core.services.suggestions import SuggestionService
from coachhub_core.services.units import Context, rerun

log = logging.getLogger("coachhub.shadow")

LEASE: Final = timedelta(minutes=5)
MAX_AGE: Final = timedelta(minutes=10)  #: of what waits: later the question is another one
RECENT: Final = timedelta(days=1)  #: what metrics count
MAX_TRIES: Final = 3  #: workers that took a list and did not come back; then the shadow has failed
_BATCH: Final = 50  #: in one transaction to take them and one to keep what came out
_READY_SECONDS: Final = 25.0  #: for an index that is being built


@attrs.frozen(kw_only=True)
class _Question:
    """What a trainee asked, put together again."""

    made: SuggestionSet
    row: TraineeTable
    filters: SuggestionFilters | None
    without: Sequence[str]


class ShadowService:
    """
    Asks the second matcher what the first was asked.

    Args:
        make: Opens the shadow, the first time a worker needs it; None: there is none.
        monotonic: Seconds, for how long each takes.
    """

    def __init__(
        self,
        context: Context,
        suggestions: SuggestionService,
        make: Callable[[], MatcherHost] | None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._suggestions = suggestions
        self._make = make
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._host: MatcherHost | None = None
        self._why_not: str | None = None
        self._waited_for: CoachTable | None = None

    @property
    def is_on(self) -> bool:
        """Whether there is a second matcher."""
        return self._make is not None

    def backlog(self) -> ShadowBacklog:
        """Return how many lists of the last day are in which state."""
        # ids carry their milliseconds in front
        first = UUID(int=int((self._context.clock() - RECENT).timestamp() * 1_000) << 80)
        with self._context.read() as work:
            return ShadowBacklog(n_by_state=work.shadows.n_by_state(after=first))

    def close(self) -> None:
        """Let the shadow's threads end."""
        if self._host is not None:
            self._host.close()

    # ── what a worker does ──

    def work_one(self) -> bool:
        """Compare some lists that wait; False where none does. Several processes may; each has its own lists."""
        if self._make is None:
            return False
        taken = self._take()
        if not taken:
            return False
        shadow = self._opened()
        self._finish([self._ended(waiting, shadow) for waiting in taken])
        return True

    def _ended(self, waiting: ShadowList, shadow: MatcherHost | None) -> ShadowList:
        try:
            return self._compared(waiting, shadow)
        except Unavailable:
            raise  # the database is away: the lease runs out, and somebody asks again
        except NotFound:
            return waiting.ended("dropped", "the trainee is gone")
        except Exception as exc:  # a plugin may raise anything, and the next list is to be asked for all the same
            log.exception("the shadow failed")
            return waiting.ended("failed", f"{type(exc).__name__}: {exc}")

    @rerun
    def _take(self) -> Sequence[ShadowList]:
        now = self._context.clock()
        with self._context.read() as work:
            oldest = work.shadows.waits_since(now)
        if oldest is None:
            return []
        with self._context.storage.begin() as work:
            work.shadows.drop(before=now - MAX_AGE, reason="no worker came to it in time")
            return work.commit(work.shadows.take(now=now, until=now + LEASE, limit=_BATCH))

    @rerun
    def _finish(self, ended: Sequence[ShadowList]) -> None:
        with self._context.storage.begin() as work:
            for one in ended:
                work.shadows.finish(one)
            work.commit()

    def _opened(self) -> MatcherHost | None:
        with self._lock:
            if self._host is None and self._why_not is None and self._make is not None:
                try:
                    self._host = self._make()
                except Exception as exc:  # whatever a file or a plugin does: it is the shadow's, and it is counted
                    self._why_not = f"cannot be opened: {exc}"
                    log.error("the shadow %s", self._why_not)
            return self._host

    # ── the two answers ──

    def _compared(self, waiting: ShadowList, shadow: MatcherHost | None) -> ShadowList:
        if shadow is None:
            return waiting.ended("failed", self._why_not)
        state = shadow.state()
        mine: dict[str, Any] = {"matcher": state.matcher, "model_id": state.model_id}
        if waiting.n_tries > MAX_TRIES:
            return waiting.ended("failed", f"{MAX_TRIES} workers began it, and none came back", **mine)
        with self._context.read() as work:
            question = self._question(work, waiting)
            coaches = self._suggestions.snapshot.table(work)
            prices = self._suggestions.demand.of(work, coaches)  # whoever ranks is ordered by them
        if question is None:
            return waiting.ended("dropped", "its list is gone")
        live = self._suggestions.host
        live.look_for_newer(coaches, prices=prices)
        serving = live.state()
        if (serving.matcher, serving.model_id) != (question.made.matcher, question.made.model_id):
            return waiting.ended("dropped", "this worker serves another model than the list's", **mine)
        if coaches is not self._waited_for:  # once for a snapshot: one that is never ready would hold up all others
            self._waited_for = coaches
            for host in (live, shadow):
                host.wait_for(coaches, timeout_seconds=_READY_SECONDS, prices=prices)
        found: dict[str, tuple[Ranked, float]] = {}
        # who goes second finds the memory warm: they take turns
        turns = ("live", "shadow") if waiting.id.int % 2 else ("shadow", "live")
        hosts = {"live": live, "shadow": shadow}
        for name in turns:
            found[name] = self._asked(hosts[name], coaches, prices, question, waiting.n_asked)
        served, live_ms = found["live"]
        other, shadow_ms = found["shadow"]
        if served.degraded is not None:
            return waiting.ended("dropped", f"the live matcher did not answer again: {served.degraded}", **mine)
        if other.degraded is not None:
            return waiting.ended("failed", other.degraded, live_ms=live_ms, shadow_ms=shadow_ms, **mine)
        live_ids = _ids(served)
        return waiting.ended(
            "done",
            live_ids=live_ids,
            shadow_ids=_ids(other),
            live_ms=live_ms,
            shadow_ms=shadow_ms,
            is_as_served=is_as_served(question.made, live_ids),
            **mine,
        )

    def _asked(
        self,
        host: MatcherHost,
        coaches: CoachTable,
        prices: Any,
        question: _Question,
        limit: int,
    ) -> tuple[Ranked, float]:
        started = self._monotonic()
        ranked = host.suggest(
            coaches,
            question.row,
            filters=self._suggestions.filters(question.filters),
            limit=limit,
            without=question.without,
            explain=False,
            prices=prices,
        )
        return ranked, (self._monotonic() - started) * 1_000

    def _question(self, work: UnitOfWork, waiting: ShadowList) -> _Question | None:
        made = work.suggestions.find(waiting.id)
        if made is None:
            return None
        trainee = work.trainees.get(made.trainee_id)
        account = work.accounts.get(trainee.account_id)
        week = work.availability.find(account.id)
        # who was asked after the list was shown stood on it
        asked = [m for m in work.matches.open_of_trainee(trainee.id) if m.created_at < made.created_at]
        return _Question(
            made=made,
            row=trainee_row(
                trainee, city=account.city, week=week, now=made.created_at, vocabulary=self._context.vocabulary
            ),
            filters=_filters(made.filters),
            without=[str(match.coach_id) for match in asked],
        )


def _ids(ranked: Ranked) -> tuple[UUID, ...]:
    return tuple(UUID(item.coach_id) for item in ranked)


def _filters(said: Mapping[str, Any]) -> SuggestionFilters | None:
    return wire.structure(SuggestionFilters, dict(said)) if said else None
