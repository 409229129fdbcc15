"""
The auction of demand on a hub, once a day, by a worker; ``demand_prices`` tells what it found.

Off unless ``matching.max_shown_per_day`` is above 0. What is expected of a day is what
the last days brought: whoever got a list then is asked for again as they are now.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core import deadline
from coachhub_core.domain.accounts import SYSTEM
from coachhub_core.domain.demand import DemandRun
from coachhub_core.errors import MatcherError, PluginError
from coachhub_core.matching.checks import check_ranking
from coachhub_core.matching.demand import Demand, price_demand
from coachhub_core.matching.host import MatcherHost, Serving
from coachhub_core.matching.tables import CoachTable
from coachhub_core.ports.matcher import AllowedPairs, AssignerOffer, Deadline
from coachhub_core.services.cohort_market import CohortMarket, Market
from coachhub_core.services.units import Context, rerun

log = logging.getLogger("coachhub.demand")

DAYS: Final = 7  #: whose lists stand for a day to come
MAX_LISTS: Final = 2_000  #: the newest so many: more of them say no more
KEEP: Final = timedelta(days=30)
LEASE: Final = timedelta(minutes=15)
_WIDTH: Final = 200  # coaches of each list who may move up
_BATCH: Final = 64
_INDEX_SECONDS: Final = 60.0
_GATHER_SECONDS: Final = 60.0
_DAY: Final = timedelta(days=1)  # the longest there is nothing to do: what seems longer, a former clock said


class DemandWork:
    """
    Holds the auction.

    Args:
        market: Gathers both sides as a cohort run does.
        assigner: The name of *offer*, which sells the places where it knows the mode ``welfare``.
    """

    def __init__(
        self, context: Context, market: CohortMarket, host: MatcherHost, assigner: str, offer: AssignerOffer
    ) -> None:
        self._context = context
        self._market = market
        self._host = host
        self._assigner = assigner
        self._offer = offer
        self._owner = f"{socket.gethostname()[:40]}:{os.getpid()}:{context.new_id().hex[-8:]}"
        self._not_before: datetime | None = None  # until then there is nothing to do

    def work_one(self, stop: Callable[[], bool] = lambda: False) -> bool:
        """Hold the auction of today, once; False when there is nothing to do."""
        now = self._context.clock()
        today = now.date()
        is_off = self._context.settings.matching.max_shown_per_day == 0
        if is_off or (self._not_before is not None and self._not_before - _DAY <= now < self._not_before):
            return False
        run = self._take()
        if run is None:
            return False
        try:
            done = self._held(run, stop)
        except (MatcherError, PluginError) as exc:
            if stop():  # somebody else begins it anew when the lease is over
                return False
            done = attrs.evolve(run, state="failed", reason=str(exc)[:255])
        self._keep(attrs.evolve(done, finished_at=self._context.clock()))
        self._not_before = _next_day(now)
        if done.state == "failed":
            log.error("the auction of %s has failed, yesterday's prices stay: %s", today, done.reason)
        else:
            log.info(
                "demand of %s: %s lists, %s coaches priced, most shown a day %.1f and with prices %.1f (cap %s)",
                *(today, done.n_lists, len(done.prices), done.top_before or 0, done.top_after or 0, done.max_shown),
            )
        return True

    @rerun
    def _take(self) -> DemandRun | None:
        now = self._context.clock()
        with self._context.write(SYSTEM) as work:
            run = work.demand.lock(now.date())
            if run is not None and not run.is_free(now):
                self._not_before = run.lease_until if run.state == "running" else _next_day(now)
                return None
            if run is not None:
                taken = run.taken(self._owner, now + LEASE)
                work.demand.save(taken)
                return work.commit(taken)
            begun = DemandRun(
                day=now.date(),
                state="running",
                owner=self._owner,
                lease_until=now + LEASE,
                max_shown=self._context.settings.matching.max_shown_per_day,
                created_at=now,
            )
            work.demand.add(begun)  # a twin that was first is met in the second run
            work.demand.delete_before(now.date() - KEEP)
            return work.commit(begun)

    @rerun
    def _keep(self, run: DemandRun) -> None:
        with self._context.write(SYSTEM) as work:
            held = work.demand.lock(run.day)
            if held is not None and held.owner == self._owner and held.state == "running":
                work.demand.save(run)
                work.commit()

    def _held(self, run: DemandRun, stop: Callable[[], bool]) -> DemandRun:
        settings = self._context.settings.matching
        now = self._context.clock()
        with deadline.within(_GATHER_SECONDS), self._context.read() as work:
            asked = work.suggestions.asked_since(now - timedelta(days=DAYS), limit=MAX_LISTS)
            n_all = work.suggestions.count_since(now - timedelta(days=DAYS))
            records = work.trainees.records(sorted({trainee_id for trainee_id, _ in asked}))
            market = self._market.gather(work, records, max_per_coach=None)
        state = self._host.state()
        done = attrs.evolve(run, state="done", matcher=state.matcher, model_id=state.model_id)
        row_of = {id_: row for row, id_ in enumerate(market.trainee_ids)}
        of_list = np.array([row_of[id_] for id_, _ in asked if id_ in row_of], np.int64)
        if not len(of_list) or not len(market.coaches):
            return done
        serving = self._host.serving(market.coaches, market.trainees, timeout_seconds=_INDEX_SECONDS)
        done = attrs.evolve(done, matcher=serving.matcher, model_id=serving.model_id)
        oldest = min(at for _, at in asked)
        days = min(max((now - oldest) / timedelta(days=1), 1.0), float(DAYS))
        if n_all > len(asked):  # the newest only: what they are of all the lists, the days are of the week
            days = max(DAYS * len(asked) / n_all, 1e-3)
        until = Deadline.after(settings.cohort_seconds, _Stopped(stop))
        lists, scores = self._lists(market, serving, until)
        found = price_demand(
            lists[of_list],
            scores[of_list],
            len(market.coaches),
            k=settings.limit,
            cap=max(run.max_shown * days, 1.0),
            name=self._assigner,
            offer=self._offer,
            deadline=until,
        )
        return attrs.evolve(
            done,
            n_lists=len(of_list),
            top_before=float(found.before.max()) / days,
            top_after=float(found.after.max()) / days,
            prices=_by_id(market.coaches, found),
        )

    def _lists(
        self, market: Market, serving: Serving, until: Deadline
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Rank for everybody, without prices: whoever may be shown, and far enough down that others can move up."""
        coaches, n = market.coaches, len(market.trainee_ids)
        width = min(_WIDTH, len(coaches))
        rules = self._host.rules(coaches)
        index, seen = serving.index, serving.seen
        lists = np.full((n, width), -1, np.int32)
        scores = np.full((n, width), -np.inf)
        for start in range(0, n, _BATCH):
            until.check()
            part = range(start, min(start + _BATCH, n))
            masks = [rules.eligible(market.trainees.row(i), without=market.asked[i]).mask for i in part]
            allowed = AllowedPairs.each(masks, len(coaches))
            found = index.rank(seen.take(part), width, allowed, deadline=until)
            check_ranking(found, coaches, allowed, len(part), width)
            lists[part.start : part.stop], scores[part.start : part.stop] = found.rows, found.scores
        return lists, scores


def _next_day(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


class _Stopped:
    """A clock that jumps to the end when the worker is told to stop."""

    def __init__(self, stop: Callable[[], bool]) -> None:
        self._stop = stop

    def __call__(self) -> float:
        return float("inf") if self._stop() else time.monotonic()


def _by_id(coaches: CoachTable, found: Demand) -> dict[str, float]:
    return {coaches.ids[row]: float(found.prices[row]) for row in np.flatnonzero(found.prices > 0).tolist()}
