"""
The outbox: who listens is told of each event, at least once and in no promised order.

Events are leased in one short transaction, told with no lock held, and settled
in another: one for a whole batch while listeners are quick, one every three
seconds while they are not, and what was not told by then goes back to whoever
is free. An event that cannot be read, or that a listener refuses, goes its own
way: later again, and at last into the dead letters, holding nobody else. What a
listener has heard is kept with the event, so that a failing one hears it again
alone. One that takes long to fail is not asked for a while: what it would hear
waits for it, and the others do not wait. Nor is it held against the event that
finds out, now and then, whether the listener is back.
"""

from __future__ import annotations

import logging
import os
import random
import socket
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

import attrs

from coachhub_core import wire
from coachhub_core.breaker import Breaker
from coachhub_core.domain.events import EVENTS, Event
from coachhub_core.errors import CoachHubError, Unavailable
from coachhub_core.ports.listeners import Listener, ListenersOf
from coachhub_core.ports.storage import StoredEvent
from coachhub_core.services.units import Context, rerun

log = logging.getLogger("coachhub.due")

LEASE: Final = timedelta(seconds=30)
SETTLE_SECONDS: Final = 3.0  # a tenth of the lease: the listener that is told last still has the rest of it
ROUND_SECONDS: Final = 10.0  # then other due work has its turn, and a worker that is told to stop can
MAX_ATTEMPTS: Final = 12  # with the backoff below 15 to 30 hours
SLOW_SECONDS: Final = 1.0  # what a listener may take to fail before it is let rest
REST_SECONDS: Final = 30.0
LONGEST_PAUSE: Final = timedelta(hours=6)
GIVE_UP: Final = timedelta(hours=30)  # from then on it counts as a try that a listener rests or is still away
_RESTS: Final = "it took long to fail, and is not asked for a while"
_BATCH: Final = 100
_jitter = random.Random()  # noqa: S311 - spreads retries, protects nothing


@attrs.frozen(kw_only=True)
class _Told:
    """How the telling of one event went; ``reason`` is None when everybody has heard, or ``is_tried`` is false."""

    event: StoredEvent
    heard: frozenset[str]
    reason: str | None
    is_tried: bool = True


class Telling:
    """
    Tells what the outbox holds.

    Args:
        listeners_of: Returns who hears of events of a type; they are to be idempotent.
    """

    def __init__(
        self, context: Context, listeners_of: ListenersOf, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._context = context
        self._listeners_of = listeners_of
        self._monotonic = monotonic
        self._n_at_once = _BATCH
        self._breakers: dict[str, Breaker] = {}
        self._owner = f"{socket.gethostname()[:40]}:{os.getpid()}:{_jitter.randrange(2**32):08x}"

    def tell(self, limit: int) -> int:
        """Tell up to *limit* events, for about ten seconds at most; return how many were tried."""
        n_told = 0
        end = self._monotonic() + ROUND_SECONDS
        while n_told < limit and self._monotonic() < end:
            leased = self._lease(min(self._n_at_once, limit - n_told))
            if not leased:
                break
            n_told += self._tell_some(leased)
        return n_told

    def _tell_some(self, leased: Sequence[StoredEvent]) -> int:
        begun = self._monotonic()
        told: list[_Told] = []
        for event in leased:
            told.append(self._tell_one(event))
            if self._monotonic() - begun >= SETTLE_SECONDS:
                break
        untold = leased[len(told) :]
        self._settle(told, untold)
        # a slow listener: take what it hears in half that time, and leave the rest to other workers
        self._n_at_once = max(1, len(told) // 2) if untold else min(_BATCH, 2 * self._n_at_once)
        return len(told)

    def _tell_one(self, stored: StoredEvent) -> _Told:
        event = _read(stored)
        if isinstance(event, str):
            log.warning("event %s (%s) waits: %s", stored.id, stored.type, event)
            return _Told(event=stored, heard=stored.heard, reason=event)
        heard, reasons, is_tried = set(stored.heard), [], False
        for listener in self._listeners_of(stored.type):
            if listener.name in heard:
                continue
            reason, is_of_event = self._why_not_heard(listener, event, stored)
            if reason is None:
                heard.add(listener.name)
            else:
                is_tried = is_tried or is_of_event
                reasons.append(f"{listener.name}: {reason}")
        said = "; ".join(reasons) or None
        return _Told(event=stored, heard=frozenset(heard), reason=said, is_tried=is_tried or said is None)

    def _why_not_heard(self, listener: Listener, event: Event, stored: StoredEvent) -> tuple[str | None, bool]:
        """Tell one listener; return None when it has heard, else why not, and whether that was a try of the event's."""
        breaker = self._breaker_of(listener)
        is_looking = False
        try:
            is_looking = breaker.admit()
        except Unavailable:
            if stored.n_attempts < MAX_ATTEMPTS:  # no event is given up untried
                return _RESTS, False
        began = self._monotonic()
        reason: str | None = None
        try:
            listener.tell(event, stored.id)
        except CoachHubError as exc:
            log.warning("%s will hear of %s again: %s", listener.name, stored.type, exc)
            reason = str(exc)
        except Exception as exc:  # a plugin's own fault; what happened is committed, and others want to hear
            log.exception("%s failed to hear of %s", listener.name, stored.type)
            reason = repr(exc)
        if reason is None or self._monotonic() - began < SLOW_SECONDS:
            breaker.succeeded()  # a quick no is an answer too, and holds nobody
            return reason, True
        breaker.failed()
        return reason, not is_looking  # who only looks whether it is back waits like the others, and no longer

    def _breaker_of(self, listener: Listener) -> Breaker:
        if listener.name not in self._breakers:
            self._breakers[listener.name] = Breaker(listener.name, open_seconds=REST_SECONDS, monotonic=self._monotonic)
        return self._breakers[listener.name]

    # ── short transactions before and after ──

    @rerun
    def _lease(self, limit: int) -> Sequence[StoredEvent]:
        now = self._context.clock()
        with self._context.storage.begin() as work:
            return work.commit(work.outbox.lease(owner=self._owner, now=now, until=now + LEASE, limit=limit))

    @rerun
    def _settle(self, told: Sequence[_Told], untold: Sequence[StoredEvent]) -> None:
        now = self._context.clock()
        with self._context.storage.begin() as work:
            work.outbox.done([one.event.id for one in told if one.reason is None], now=now)
            for one in told:
                if one.reason is not None:
                    age = now - one.event.created_at
                    is_last = one.event.n_attempts >= MAX_ATTEMPTS
                    pause = backoff(one.event.n_attempts) if one.is_tried else rest(age)
                    work.outbox.failed(
                        one.event.id,
                        owner=self._owner,
                        now=now,
                        retry_at=None if is_last else now + pause,
                        reason=one.reason,
                        heard=one.heard,
                        counts=one.is_tried or age > GIVE_UP,
                    )
            work.outbox.give_back([event.id for event in untold], owner=self._owner, now=now)
            work.commit()


def _read(stored: StoredEvent) -> Event | str:
    """Return the event, or why it cannot be read: by this version, perhaps, and by the next one it can."""
    cls = EVENTS.get(stored.type)
    if cls is None:
        return f"this version of CoachHub knows no event {stored.type!r}"
    if stored.payload is None:
        return "what is stored of it is damaged"
    try:
        return wire.structure(cls, dict(stored.payload))
    except Exception as exc:  # whatever is wrong with one event, the others are told
        return f"it cannot be read: {exc}"


def backoff(n_attempts: int) -> timedelta:
    """Return 4, 16, 64 … seconds up to six hours, with full jitter above half."""
    longest = min(4.0 ** min(n_attempts, 10), LONGEST_PAUSE.total_seconds())
    return timedelta(seconds=longest * _jitter.uniform(0.5, 1.0))


def rest(age: timedelta) -> timedelta:
    """Return how long an event waits for a listener that rests: a tenth of its age, half a minute to a quarter hour."""
    seconds = min(900.0, max(REST_SECONDS, age.total_seconds() / 10))
    return timedelta(seconds=seconds * _jitter.uniform(1.0, 1.5))
