"""
Due work: what time brings, done once per call.

Several processes may run this at once; leases keep them apart, and no lock is
held across a call to a neighbour.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import attrs

from coachhub_core import deadline
from coachhub_core.ports.listeners import ListenersOf
from coachhub_core.ports.storage import DeadLetter
from coachhub_core.services.telling import LONGEST_PAUSE, Telling
from coachhub_core.services.units import Context

KEEP_DONE: Final = timedelta(days=7)
KEEP_SESSIONS: Final = timedelta(days=30)
KEEP_SUGGESTIONS: Final = timedelta(days=90)
LEFT: Final = timedelta(minutes=1)  # of a lease, or until an event that was never tried; machines differ by less
_FORGET_SECONDS: Final = 60.0  # row by row, and nobody waits for it


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
        listeners_of: Returns who is told of events of a type. One that raises hears of
            the event again later; they are to be idempotent.
        clockwork: By name, methods that do one due thing and say whether there was one.
    """

    def __init__(
        self,
        context: Context,
        listeners_of: ListenersOf,
        clockwork: Mapping[str, Callable[[], bool]],
    ) -> None:
        self._context = context
        self._telling = Telling(context, listeners_of)
        self._clockwork = dict(clockwork)

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
        done["events"] = self._telling.tell(limit)
        done["forgotten"] = self._forget(limit) if done["events"] < limit else 0  # what waits goes first
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
        """
        Let events that were given up (None: all of them) be told once more; return how many.

        Who has heard of one already is not told again.
        """
        with self._context.storage.begin() as work:
            return work.commit(work.outbox.replay(ids, now=self._context.clock()))

    # ── what nobody needs any more ──

    def _forget(self, limit: int) -> int:
        now = self._context.clock()
        with deadline.within(_FORGET_SECONDS), self._context.storage.begin() as work:
            n = work.idempotency.delete_expired(now=now, limit=limit)
            n += work.outbox.recall(now=now, lease=LEFT, pause=LONGEST_PAUSE + LEFT)
            n += work.outbox.delete_done(before=now - KEEP_DONE, limit=limit)
            n += work.sessions.delete_expired(before=now - KEEP_SESSIONS, limit=limit)
            n += work.suggestions.delete_before(now - KEEP_SUGGESTIONS, limit=limit)
            work.commit()
        return n
