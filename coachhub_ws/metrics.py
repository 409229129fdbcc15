"""Prometheus: how many listen, how batches go, what the bus missed, why connections end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from coachhub_ws.committer import Batch

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """What this process counts."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._sizes = Histogram(
            "coachhub_chat_batch_size", "Messages and marks per transaction.", buckets=_SIZES, registry=self._registry
        )
        self._seconds = Histogram(
            "coachhub_chat_commit_seconds",
            "Seconds per transaction of a batch.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._failed = Counter(
            "coachhub_chat_batches_failed", "Batches that could not be stored.", registry=self._registry
        )
        self._swept = Counter(
            "coachhub_chat_events_caught_up",
            "Messages told only after the table was asked, because no hint or an incomplete one came.",
            registry=self._registry,
        )
        self._closed = Counter(
            "coachhub_chat_connections_closed", "Connections that ended, by code.", ("code",), registry=self._registry
        )
        self._hints_dropped = Counter(
            "coachhub_chat_hints_dropped",
            "Hints such as typing that a slow reader did not get.",
            registry=self._registry,
        )

    def observe(self, batch: Batch) -> None:
        """Count one batch; called in the writer's thread."""
        self._sizes.observe(batch.n_items)
        self._seconds.observe(batch.seconds)
        if not batch.is_stored:
            self._failed.inc()

    def caught_up(self, n: int) -> None:
        """Count messages that a fill had to tell."""
        self._swept.inc(n)

    def closed(self, code: int) -> None:
        """Count a connection that ended."""
        self._closed.labels(str(code)).inc()

    def hint_dropped(self) -> None:
        """Count a hint that was dropped."""
        self._hints_dropped.inc()

    def watch(self, gauges: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        """Show values that are asked for when somebody looks: name to sentence and function."""
        for name, (sentence, ask) in gauges.items():
            Gauge(f"coachhub_chat_{name}", sentence, registry=self._registry).set_function(ask)

    def render(self) -> bytes:
        """Write everything in Prometheus's text format."""
        return generate_latest(self._registry)
