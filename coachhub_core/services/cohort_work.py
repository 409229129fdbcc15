"""
What a worker does for cohort runs: place, and ask for what was said yes to.

A run is in one worker's hands at a time, by a lease that is renewed while the
work goes on. A worker that dies loses it within the lease; another begins the
placing anew, or goes on asking at the first placement that was not asked for:
each request is made in one transaction with the note that it was. A worker that
lives and only lost its database gives the run back as soon as there is one again.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

import attrs

from coachhub_core import deadline
from coachhub_core.domain.accounts import SYSTEM
from coachhub_core.domain.cohorts import CohortRun, Placement
from coachhub_core.errors import (
    CoachHubError,
    Conflict,
    Contended,
    MatcherError,
    NotFound,
    OutcomeUnknown,
    PluginError,
    Unavailable,
)
from coachhub_core.ports.matcher import AssignerOffer, Deadline
from coachhub_core.ports.storage import UnitOfWork
from coachhub_core.services.cohort_market import CohortMarket, Computed
from coachhub_core.services.inbox import notify
from coachhub_core.services.matches import MatchService
from coachhub_core.services.units import Context, rerun

log = logging.getLogger("coachhub.cohorts")

LEASE: Final = timedelta(seconds=10)  #: five beats: how long a run waits for whoever takes over from the dead
MAX_TRIES: Final = 5  #: workers that took a run and did not come back; then it has failed
_BEAT_SECONDS: Final = 2.0
_GATHER_SECONDS: Final = 120.0
_ASK_SECONDS: Final = 8.0  #: for one request, of a database that is far away; less than the lease
_KEEP_SECONDS: Final = 120.0  #: for ten thousand rows, and nobody waits for it

Stop = Callable[[], bool]


class CohortWork:
    """
    Takes runs that wait. Several processes may; each has its own.

    Args:
        monotonic: Seconds, for how long a run takes.
    """

    def __init__(
        self,
        context: Context,
        market: CohortMarket,
        matches: MatchService,
        offer: AssignerOffer,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._context = context
        self._market = market
        self._matches = matches
        self._offer = offer
        self._owner = f"{socket.gethostname()[:40]}:{os.getpid()}:{context.new_id().hex[-8:]}"
        self._owed: UUID | None = None  # a run that could not be given back while the database was away

    def work_one(self, stop: Stop = lambda: False) -> bool:
        """
        Do all there is to do for the run that waits the longest; False when none does.

        Args:
            stop: Asked every now and then; once it says True the run is given back, as if nobody had begun.
        Raises:
            Unavailable: If the database is away; what was begun is given back, at the latest by the next call.
        """
        if self._owed is not None:
            self._given_back(self._owed)
            self._owed = None
        run = self._take()
        if run is None:
            return False
        try:
            if run.state == "failed":
                log.error("cohort run %s has failed: %s", run.id, run.reason)
            elif run.state == "applying":
                self._ask_all(run.id, stop)
            else:
                self._place(run, stop)
        except Unavailable:
            self._give_back(run.id)
            raise
        return True

    @rerun
    def _take(self) -> CohortRun | None:
        with self._context.read() as work:
            waiting = work.cohorts.waiting(self._context.clock(), limit=1)
        if not waiting:
            return None
        try:
            return self._taken(waiting[0].id)
        except OutcomeUnknown:
            self._owed = waiting[0].id  # ours perhaps, and nobody works on it
            raise

    def _taken(self, run_id: UUID) -> CohortRun | None:
        with self._context.write(SYSTEM) as work:
            now = self._context.clock()
            run = work.cohorts.lock(run_id)
            if not run.is_free(now):  # another worker was first
                return None
            if run.n_tries >= MAX_TRIES:
                reason = f"{MAX_TRIES} workers began it, and none came back"
                return work.commit(work.cohorts.save(run.ended("failed", now=now, reason=reason)))
            return work.commit(work.cohorts.save(run.taken(self._owner, now=now, until=now + LEASE)))

    # ── placing ──

    def _place(self, run: CohortRun, stop: Stop) -> None:
        seconds = self._context.settings.matching.cohort_seconds
        with _Heart(self, run.id, self._monotonic, seconds, stop) as heart:
            try:
                found = self._computed(run, heart)
            except (MatcherError, PluginError) as exc:
                if heart.is_lost:
                    log.info("cohort run %s was taken away: stopped, or with another worker", run.id)
                elif heart.is_stopping():
                    self._give_back(run.id)
                else:
                    late = f"not done within matching.cohort_seconds ({seconds:g})"
                    self._fail(run.id, late if heart.is_late() else str(exc))
                return
            except Unavailable:
                raise  # of the database, not of this run
            except Exception as exc:  # a plugin may raise anything; the run says so, and the worker goes on
                log.exception("cohort run %s failed", run.id)
                self._fail(run.id, f"{type(exc).__name__}: {exc}")
                return
        self._keep(run.id, found)

    def _computed(self, run: CohortRun, heart: _Heart) -> Computed:
        with deadline.within(_GATHER_SECONDS), self._context.read() as work:
            records = work.trainees.records(work.cohorts.trainee_ids(run.id))
            market = self._market.gather(work, records, max_per_coach=run.max_per_coach)
        return self._market.compute(
            market,
            run_id=run.id,
            need=run.need,
            mode=run.mode,
            assigner=run.assigner,
            offer=self._offer,
            deadline=Deadline(1.0, heart.time),
            tell=heart.tell,
        )

    def _keep(self, run_id: UUID, found: Computed) -> None:
        with deadline.within(_KEEP_SECONDS):
            for tries_left in (2, 1, 0):
                try:
                    self._kept(run_id, found)
                except Contended:
                    if not tries_left:
                        raise
                else:
                    return

    def _kept(self, run_id: UUID, found: Computed) -> None:
        with self._context.write(SYSTEM) as work:
            run = work.cohorts.lock(run_id)
            if not run.is_held_by(self._owner):
                return
            now = self._context.clock()
            active = {record.trainee.id for record in work.trainees.records(work.cohorts.trainee_ids(run_id))}
            placements = [p for p in found.placements if p.trainee_id in active]  # nobody comes back who was erased
            work.cohorts.put_placements(run_id, placements)
            work.cohorts.put_conflicts(run_id, found.conflicts)
            is_broken = bool(found.certificate["broken"])
            done = run.ended(
                "failed" if is_broken else "done",
                now=now,
                reason="the check found rules broken: " + "; ".join(found.certificate["broken"][:3])
                if is_broken
                else None,
                n_done=run.n_trainees,
                n_total=run.n_trainees,
                n_placed=found.n_placed,
                n_pairs=sum(p.state == "placed" for p in placements),
                matcher=found.matcher,
                model_id=found.model_id,
                input_hash=found.input_hash,
                certificate=found.certificate,
            )
            if done.reason is not None:
                done = attrs.evolve(done, reason=done.reason[:255])
            work.cohorts.save(done)
            self._tell(work, done)
            work.commit()

    def _tell(self, work: UnitOfWork, run: CohortRun) -> None:
        if run.account_id is not None:
            cause = f"{run.id}:{run.version}"
            notify(self._context, work, [run.account_id], f"cohort_{run.state}", cause, run_id=run.id)

    @rerun
    def _fail(self, run_id: UUID, reason: str) -> None:
        with self._context.write(SYSTEM) as work:
            run = work.cohorts.lock(run_id)
            if run.is_held_by(self._owner):
                saved = work.cohorts.save(run.ended("failed", now=self._context.clock(), reason=reason[:255]))
                self._tell(work, saved)
                work.commit()

    def _give_back(self, run_id: UUID) -> None:
        try:
            self._given_back(run_id)
        except Unavailable as exc:  # by the next call, or by the end of the lease where there is none
            self._owed = run_id
            log.warning("cohort run %s could not be given back yet: %s", run_id, exc)

    @rerun
    def _given_back(self, run_id: UUID) -> None:
        with self._context.write(SYSTEM) as work:
            run = work.cohorts.lock(run_id)
            if run.is_held_by(self._owner):
                work.cohorts.save(run.given_back(now=self._context.clock()))
                work.commit()

    @rerun
    def beat(self, run_id: UUID, n_done: int) -> bool:
        """Renew the lease and note how far it has come; False when the run is no longer ours."""
        with self._context.write(SYSTEM) as work:
            run = work.cohorts.lock(run_id)
            if not run.is_held_by(self._owner):
                return False
            now = self._context.clock()
            work.cohorts.save(attrs.evolve(run, n_done=n_done, lease_until=now + LEASE, updated_at=now))
            work.commit()
        return True

    # ── asking ──

    def _ask_all(self, run_id: UUID, stop: Stop) -> None:
        while not stop():
            if not self._ask_next(run_id):
                return
        self._give_back(run_id)

    def _ask_next(self, run_id: UUID) -> bool:
        """Ask for one placement; False when there is none left, or the run is no longer ours."""
        try:
            return self._asked(run_id)
        except (Conflict, NotFound) as exc:
            return self._asked(run_id, refusal=exc.code)  # nothing of it is left: noted in a unit of its own
        except MatcherError as exc:  # a rule that cannot be checked is not dropped
            self._fail(run_id, str(exc))
            return False

    @partial(rerun, seconds=_ASK_SECONDS)
    def _asked(self, run_id: UUID, *, refusal: str | None = None) -> bool:
        with self._context.write(SYSTEM) as work:
            run = work.cohorts.lock(run_id)
            if not run.is_held_by(self._owner):
                return False
            now = self._context.clock()
            left = work.cohorts.placements(run_id, state="placed", after=None, limit=1)
            if not left:
                done = work.cohorts.save(run.ended("applied", now=now))
                self._tell(work, done)
                work.commit()
                return False
            placement = left[0]
            refusal = refusal or self._no_longer(work, placement)
            if refusal is not None:
                made = attrs.evolve(placement, state="refused", reason=refusal[:64])
                run = attrs.evolve(run, n_refused=run.n_refused + 1)
            else:
                assert placement.coach_id is not None  # noqa: S101 - what is placed has a coach
                match = self._matches.ask_for(work, placement.trainee_id, placement.coach_id)
                made = attrs.evolve(placement, state="requested", match_id=match.id)
                run = attrs.evolve(run, n_requested=run.n_requested + 1)
            work.cohorts.save_placement(made)
            # it comes on, so those who began it before did not fail for what is in it
            work.cohorts.save(
                attrs.evolve(run, n_done=run.n_done + 1, n_tries=1, lease_until=now + LEASE, updated_at=now)
            )
            work.commit()
        return True

    def _no_longer(self, work: UnitOfWork, placement: Placement) -> str | None:
        """Say which hard constraint keeps them apart, whatever held when they were placed."""
        trainees = work.trainees.records([placement.trainee_id])
        coaches = [] if placement.coach_id is None else [*work.coaches.records([placement.coach_id]).values()]
        if not trainees or not coaches:
            return None  # the request says who is missing
        broken = self._market.broken_rules(work, [(trainees[0], coaches[0])])
        return next((f"no_longer.{rule}" for rule in broken.values()), None)


class _Heart:
    """Keeps a lease while the block runs, and knows why the work should end before it is done."""

    def __init__(
        self, work: CohortWork, run_id: UUID, monotonic: Callable[[], float], seconds: float, stop: Stop
    ) -> None:
        self._work = work
        self._run_id = run_id
        self._monotonic = monotonic
        self._until = monotonic() + seconds
        self.is_stopping = stop
        self.is_lost = False
        self._n_done = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="coachhub-cohort-lease", daemon=True)

    def __enter__(self) -> _Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(_BEAT_SECONDS) and not self.is_late():
            try:
                self.is_lost = self.is_lost or not self._work.beat(self._run_id, self._n_done)
            except CoachHubError as exc:  # the database is away: the next beat may find it, or the lease is over
                log.warning("the lease of cohort run %s could not be renewed: %s", self._run_id, exc)

    def tell(self, n_done: int) -> None:
        self._n_done = n_done

    def is_late(self) -> bool:
        return self._monotonic() >= self._until

    def time(self) -> float:
        """Be the clock of a deadline at 1."""
        return 1.0 if self.is_lost or self.is_late() or self.is_stopping() else 0.0
