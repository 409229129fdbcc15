"""
Due work: what time brings, done once per call.

The outbox tells plugins and the index, at least once and in no promised order:
whoever hears of an event reads the row anew. Several processes may run this at
once; leases keep them apart, and no lock is held across a call to a neighbour.
"""

from __future__ import annotations

import logging
import os
import random
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import attrs

from coachhub_core import deadline, wire
from coachhub_core.domain.events import EVENTS, Event
from coachhub_core.errors import CoachHubError
from coachhub_core.ports.storage import DeadLetter, StoredEvent
from coachhub_core.services.units import Context

log = logging.getLogger("coachhub.due")

LEASE: Final = timedelta(seconds=30)
MAX_ATTEMPTS: Final = 12  # with the backoff below about a day
KEEP_DONE: Final = timedelta(days=7)
KEEP_SESSIONS: Final = timedelta(days=30)
KEEP_SUGGESTIONS: Final = timedelta(days=90)
_BATCH: Final = 100
_FORGET_SECONDS: Final = 60.0  # row by row, and nobody waits for it
_jitter = random.Random()  # noqa: S311 - spreads retries, protects nothing


@attrs.frozen(kw_only=True)
class DueReport:
    """What one call did, by kind of work."""

    done: Mapping[str, int]

    @property
    def total(self) -> int:
        """How many things were done in all."""
        return sum(self.done.values())


@attrs.frozen(kw_only=True)
class Backlog:
    """What waits in the outbox, for how long the oldest has waited, and what was given up."""

    n_waiting: int
    oldest_seconds: float
    n_dead: int


class DueService:
    """
    Does what is due.

    Args:
        consumers: Called with each event; one that raises makes the event come
            again later. They are to be idempotent.
        clockwork: By name, methods that do one due thing and say whether there was one.
    """

    def __init__(
        self,
        context: Context,
        consumers: Sequence[Callable[[Event], None]],
        clockwork: Mapping[str, Callable[[], bool]],
    ) -> None:
        self._context = context
        self._consumers = tuple(consumers)
        self._clockwork = dict(clockwork)
        self._owner = f"{socket.gethostname()[:40]}:{os.getpid()}:{_jitter.randrange(2**32):08x}"

    def run(self, limit: int = 1_000, *, without: Collection[str] = ()) -> DueReport:
        """
        Do up to *limit* things of each kind that are due now; return how many of each.

        Args:
            without: Kinds that somebody else does.
        """
        done: dict[str, int] = {}
        for name, step in self._clockwork.items():
            if name in without:
                continue
            n = 0
            while n < limit and step():
                n += 1
            done[name] = n
        done["events"] = self._tell(limit)
        done["forgotten"] = self._forget(limit)
        return DueReport(done=done)

    # ── the outbox ──

    def backlog(self) -> Backlog:
        """Return how far behind the telling is."""
        with self._context.read() as work:
            n_waiting, oldest_at, n_dead = work.outbox.backlog()
        waited = 0.0 if oldest_at is None else (self._context.clock() - oldest_at).total_seconds()
        return Backlog(n_waiting=n_waiting, oldest_seconds=max(0.0, waited), n_dead=n_dead)

    def dead(self, limit: int = 100) -> Sequence[DeadLetter]:
        """Return events that were given up, the oldest first, each with what its last try said."""
        with self._context.read() as work:
            return work.outbox.dead(limit=limit)

    def replay(self, ids: Sequence[UUID] | None = None) -> int:
        """Let events that were given up (None: all of them) be told once more; return how many."""
        with self._context.storage.begin() as work:
            return work.commit(work.outbox.replay(ids, now=self._context.clock()))

    def _tell(self, limit: int) -> int:
        told = 0
        while told < limit:
            now = self._context.clock()
            with self._context.storage.begin() as work:
                leased = work.outbox.lease(
                    owner=self._owner, now=now, until=now + LEASE, limit=min(_BATCH, limit - told)
                )
                work.commit()
            if not leased:
                break
            failed = {event.id: reason for event in leased if (reason := self._consume(event)) is not None}
            now = self._context.clock()
            with self._context.storage.begin() as work:
                work.outbox.done([e.id for e in leased if e.id not in failed], owner=self._owner, now=now)
                for event in leased:
                    if event.id in failed:
                        retry_at = None if event.n_attempts >= MAX_ATTEMPTS else now + _backoff(event.n_attempts)
                        work.outbox.failed(
                            event.id, owner=self._owner, now=now, retry_at=retry_at, reason=failed[event.id]
                        )
                work.commit()
            told += len(leased)
        return told

    def _consume(self, stored: StoredEvent) -> str | None:
        cls = EVENTS.get(stored.type)
        if cls is None:
            log.warning("the outbox holds an event of an unknown type, %s", stored.type)
            return None
        event = wire.structure(cls, dict(stored.payload))
        for consumer in self._consumers:
            try:
                consumer(event)
            except CoachHubError as exc:
                log.warning("telling of %s will be tried again: %s", stored.type, exc)
                return str(exc)
            except Exception as exc:
                log.exception("telling of %s failed", stored.type)
                return repr(exc)
        return None

    # ── what nobody needs any more ──

    def _forget(self, limit: int) -> int:
        now = self._context.clock()
        with self._context.read() as work:
            n_waiting, _, _ = work.outbox.backlog()
        if n_waiting >= limit:
            return 0  # what waits goes first
        with deadline.within(_FORGET_SECONDS), self._context.storage.begin() as work:
            n = work.idempotency.delete_expired(now=now, limit=limit)
            n += work.outbox.delete_done(before=now - KEEP_DONE, limit=limit)
            n += work.sessions.delete_expired(before=now - KEEP_SESSIONS, limit=limit)
            n += work.suggestions.delete_before(now - KEEP_SUGGESTIONS, limit=limit)
            work.commit()
        return n


def _backoff(n_attempts: int) -> timedelta:
    """Return 2, 4, 8 … seconds up to six hours, with full jitter above half."""
    longest = min(2.0**n_attempts, 21_600.0)
    return timedelta(seconds=longest * _jitter.uniform(0.5, 1.0))
