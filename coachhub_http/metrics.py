"""
Prometheus: how many requests, how they ended, how long they took, how full the pools are.

With ``PROMETHEUS_MULTIPROC_DIR`` set (``server.py`` does) the processes add up in
files there, and any one of them answers for all. A process that finds no room for
its files does not count until there is.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from coachhub_core.domain.shadows import SHADOW_STATES, ShadowBacklog
from coachhub_core.services.due import Backlog
from coachhub_core.services.health import Prober
from coachhub_http.context import Context
from coachhub_http.counter_files import MULTIPROC_DIR, reserve
from coachhub_http.edge import METHODS
from coachhub_http.pool import Pool

log = logging.getLogger(__name__)

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_METHODS: Final = METHODS | {"HEAD"}
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """What this process counts; one per application."""

    def __init__(self, pools: Sequence[Pool], prober: Prober | None = None) -> None:
        self._pools = pools
        self._prober = prober
        self._counts: _Counts | None = None
        self._is_told = False
        self._begin()

    def __call__(self, context: Context, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        if self._counts is not None:
            self._counts.request(method if method in _METHODS else "other", context.route, status, seconds)

    def note(self, backlog: Backlog) -> None:
        """Take down how far behind the outbox is; called again and again."""
        if self._counts is None:
            self._begin()
        if self._counts is not None:
            self._counts.backlog["waiting"].set(backlog.n_waiting)
            self._counts.backlog["oldest_seconds"].set(backlog.oldest_seconds)
            self._counts.backlog["dead"].set(backlog.n_dead)

    def note_shadow(self, backlog: ShadowBacklog) -> None:
        """Take down how the second matcher is doing."""
        if self._counts is not None:
            for state in SHADOW_STATES:
                self._counts.shadow.labels(state).set(backlog.n_by_state.get(state, 0))

    def render(self) -> bytes:
        """Write everything in Prometheus's text format, of all processes where there are several."""
        registry = CollectorRegistry()
        if self._counts is not None:
            registry = self._counts.registry
            for pool in self._pools:
                self._counts.taken.labels(pool.name).set(pool.n_taken)
            if self._prober is not None and self._prober.is_watching:
                for service, state in self._prober.report().services.items():
                    if state != "unused":
                        self._counts.up.labels(service).set(state == "up")
        if MULTIPROC_DIR in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library is half typed
        return generate_latest(registry)

    def _begin(self) -> None:
        """Begin to count, if there is room for it."""
        if MULTIPROC_DIR in os.environ:
            try:
                reserve(Path(os.environ[MULTIPROC_DIR]), os.getpid())
            except OSError as exc:
                if not self._is_told:
                    log.warning("no request is counted by this process until there is room: %s", exc)
                self._is_told = True
                return
        self._counts = _Counts()


class _Counts:
    """The library's objects; each that is made, and each new label, is a line in a file where there are several."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "coachhub_http_requests",
            "Requests answered, by method, route and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "coachhub_http_request_seconds",
            "Seconds from the head of a request to the end of its answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.taken = Gauge(
            "coachhub_http_pool_taken",
            "Calls running or waiting in a pool of threads.",
            ("pool",),
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self.backlog = {
            name: Gauge(f"coachhub_outbox_{name}", help_, multiprocess_mode="mostrecent", registry=self.registry)
            for name, help_ in (
                ("waiting", "Events that wait to be told."),
                ("oldest_seconds", "How long the oldest of them has waited."),
                ("dead", "Events that were given up; see coachhub outbox."),
            )
        }
        self.shadow = Gauge(
            "coachhub_shadow_lists",
            "Lists of the last day that the second matcher was to be asked for too, by what became of it.",
            ("state",),
            multiprocess_mode="mostrecent",
            registry=self.registry,
        )
        self.up = Gauge(
            "coachhub_service_up",
            "Whether a neighbour answers: 1 or 0, as /health has it.",
            ("service",),
            multiprocess_mode="livemin",
            registry=self.registry,
        )
        self._labelled: dict[tuple[str, str | None, int], tuple[Counter, Histogram]] = {}

    def request(self, method: str, route: str | None, status: int, seconds: float) -> None:
        place = (method, route, status)
        found = self._labelled.get(place)
        if found is None:  # bounded: known methods, the table's routes, statuses
            name = route or "none"
            found = (self._requests.labels(method, name, str(status)), self._seconds.labels(name))
            self._labelled[place] = found
        found[0].inc()
        found[1].observe(seconds)
