"""
Prometheus: how many requests, how they ended, how long they took, how full the pools are.

With ``PROMETHEUS_MULTIPROC_DIR`` set (``server.py`` does) the processes add up in
files there, and any one of them answers for all.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from coachhub_core.domain.shadows import SHADOW_STATES, ShadowBacklog
from coachhub_core.services.due import Backlog
from coachhub_core.services.health import Prober
from coachhub_http.context import Context
from coachhub_http.edge import METHODS
from coachhub_http.pool import Pool

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
MULTIPROC_DIR: Final = "PROMETHEUS_MULTIPROC_DIR"
_METHODS: Final = METHODS | {"HEAD"}
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """What this process counts; one per application."""

    def __init__(self, pools: Sequence[Pool], prober: Prober | None = None) -> None:
        self._registry = CollectorRegistry()
        self._prober = prober
        self._requests = Counter(
            "coachhub_http_requests",
            "Requests answered, by method, route and status.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "coachhub_http_request_seconds",
            "Seconds from the head of a request to the end of its answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._taken = Gauge(
            "coachhub_http_pool_taken",
            "Calls running or waiting in a pool of threads.",
            ("pool",),
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self._backlog = {
            name: Gauge(f"coachhub_outbox_{name}", help_, multiprocess_mode="mostrecent", registry=self._registry)
            for name, help_ in (
                ("waiting", "Events that wait to be told."),
                ("oldest_seconds", "How long the oldest of them has waited."),
                ("dead", "Events that were given up; see coachhub outbox."),
            )
        }
        self._shadow = Gauge(
            "coachhub_shadow_lists",
            "Lists of the last day that the second matcher was to be asked for too, by what became of it.",
            ("state",),
            multiprocess_mode="mostrecent",
            registry=self._registry,
        )
        self._up = Gauge(
            "coachhub_service_up",
            "Whether a neighbour answers: 1 or 0, as /health has it.",
            ("service",),
            multiprocess_mode="livemin",
            registry=self._registry,
        )
        self._pools = pools
        self._counters: dict[tuple[str, str | None, int], tuple[Counter, Histogram]] = {}

    def __call__(self, context: Context, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        place = (method if method in _METHODS else "other", context.route, status)
        found = self._counters.get(place)
        if found is None:  # bounded: known methods, the table's routes, statuses
            route = context.route or "none"
            found = (self._requests.labels(place[0], route, str(status)), self._seconds.labels(route))
            self._counters[place] = found
        found[0].inc()
        found[1].observe(seconds)

    def note(self, backlog: Backlog) -> None:
        """Take down how far behind the outbox is."""
        self._backlog["waiting"].set(backlog.n_waiting)
        self._backlog["oldest_seconds"].set(backlog.oldest_seconds)
        self._backlog["dead"].set(backlog.n_dead)

    def note_shadow(self, backlog: ShadowBacklog) -> None:
        """Take down how the second matcher is doing."""
        for state in SHADOW_STATES:
            self._shadow.labels(state).set(backlog.n_by_state.get(state, 0))

    def render(self) -> bytes:
        """Write everything in Prometheus's text format, of all processes where there are several."""
        for pool in self._pools:
            self._taken.labels(pool.name).set(pool.n_taken)
        if self._prober is not None and self._prober.is_watching:
            for service, state in self._prober.report().services.items():
                if state != "unused":
                    self._up.labels(service).set(state == "up")
        registry = self._registry
        if MULTIPROC_DIR in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library is half typed
        return generate_latest(registry)
