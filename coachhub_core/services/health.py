"""How the neighbours are: asked each second by a thread of its own, read by everybody without waiting."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal

import attrs

from coachhub_core.clock import Clock
from coachhub_core.errors import Unwritable
from coachhub_core.ports.offers import Probe

log = logging.getLogger("coachhub.health")

ServiceState = Literal["up", "down", "unused"]
LATE_SECONDS: Final = 60.0
SERVICES: Final = ("database", "redis", "elasticsearch")


@attrs.frozen(kw_only=True)
class HealthReport:
    """
    The original's shape: a status, when, and each service up, down or unused.

    A service that answers and takes no changes is up, and the whole is degraded;
    so it is when what happened a minute ago is not told yet.
    """

    status: Literal["healthy", "degraded", "unhealthy"]
    timestamp: datetime
    services: dict[str, ServiceState]


class Prober:
    """
    Asks each probe again and again and remembers the last word.

    Args:
        lag: Seconds that the oldest event in the outbox has waited; asked after a probe of the database.
        every_seconds: Between two rounds.
    """

    def __init__(
        self,
        probes: Mapping[str, Probe],
        clock: Clock,
        *,
        lag: Callable[[], float] = lambda: 0.0,
        every_seconds: float = 1.0,
    ) -> None:
        self._probes = dict(probes)
        self._clock = clock
        self._every = every_seconds
        self._lock = threading.Lock()
        self._states: dict[str, ServiceState] = dict.fromkeys(SERVICES, "unused")
        self._states.update(dict.fromkeys(self._probes, "down"))
        self._unwritable: set[str] = set()
        self._lag = lag
        self._is_late = False
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to ask, each probe in a thread of its own: one that hangs keeps no other waiting."""
        for name in self._probes:
            thread = threading.Thread(target=self._loop, args=(name,), name=f"probe-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Stop asking."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=2)

    @property
    def is_watching(self) -> bool:
        """Whether threads ask, so that a report costs nothing."""
        return bool(self._threads)

    def ask_once(self) -> None:
        """Ask every probe now, in the caller's thread: for who has not started the threads."""
        for name in self._probes:
            self._ask(name)

    def report(self) -> HealthReport:
        """Return the last word about everybody."""
        if not self._threads:
            self.ask_once()
        with self._lock:
            states = dict(self._states)
            is_limping = bool(self._unwritable) or self._is_late
        status: Literal["healthy", "degraded", "unhealthy"] = "healthy"
        if states.get("database") == "down":
            status = "unhealthy"
        elif is_limping or "down" in states.values():
            status = "degraded"
        return HealthReport(status=status, timestamp=self._clock(), services=states)

    def is_down(self, name: str) -> bool:
        """Tell, without waiting, whether a probe that is being asked got no answer the last time."""
        return bool(self._threads) and self._states.get(name) == "down"

    def _loop(self, name: str) -> None:
        while True:
            self._ask(name)
            if self._stop.wait(self._every):
                return

    def _ask(self, name: str) -> None:
        state: ServiceState = "up"
        is_unwritable = False
        try:
            self._probes[name].ask()
            if name == "database":
                self._look_for_lag()
        except Unwritable as exc:
            log.debug("%s takes no changes: %s", name, exc)
            is_unwritable = True
        except Exception as exc:  # whatever a neighbour does, it is down
            log.debug("%s is down: %s", name, exc)
            state = "down"
        with self._lock:
            if (self._states.get(name), name in self._unwritable) != (state, is_unwritable):
                log.info("%s is %s%s", name, state, " and takes no changes" if is_unwritable else "")
            self._states[name] = state
            (self._unwritable.add if is_unwritable else self._unwritable.discard)(name)

    def _look_for_lag(self) -> None:
        is_late = self._lag() > LATE_SECONDS
        if is_late != self._is_late:
            log.warning("the outbox %s", "is not emptied: does a worker run?" if is_late else "is emptied again")
        self._is_late = is_late
