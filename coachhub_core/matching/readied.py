"""Snapshots made ready for who answers: hard rules, the plugins' columns, and an index for each matcher."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import MatcherError
from coachhub_core.matching.constraints import HardRules
from coachhub_core.matching.features import Features
from coachhub_core.matching.hosted import Hosted
from coachhub_core.matching.runner import Wait
from coachhub_core.matching.tables import CoachTable
from coachhub_core.ports.matcher import HardConstraint, Index

FEATURES_SECONDS = 60.0  # for plugins' columns of a whole snapshot, while the fallback answers, or of a batch
_N_SNAPSHOTS = 2  # the newest, and the one before it that requests under way still hold


@attrs.define(eq=False)
class Ready:
    """One snapshot made ready: rules, and an index per matcher."""

    coaches: CoachTable  # as given
    rules: HardRules
    prices: NDArray[np.float64] | None = None
    enriched: CoachTable | None = None  # with the features, once they are there
    filling: threading.Lock = attrs.field(factory=threading.Lock)
    indexes: dict[Hosted, Index] = attrs.field(factory=dict)
    failed: dict[Hosted, MatcherError] = attrs.field(factory=dict)
    building: dict[Hosted, threading.Event] = attrs.field(factory=dict)


class _Unready(MatcherError):
    """Says that the index is still being built; no fault of anybody."""


def is_being_built(error: Exception) -> bool:
    """Tell whether this is no fault: the index will be there in a moment."""
    return isinstance(error, _Unready)


class Snapshots:
    """
    Keeps the newest snapshots ready.

    Args:
        constraints: By name.
        features: What fills the plugins' columns.
        consent: Sensitive columns the operator agreed to, by name.
        features_seconds: How long a matcher of ours, which has no deadline, waits for the plugins' columns.
    """

    def __init__(
        self,
        constraints: Mapping[str, HardConstraint],
        features: Features,
        *,
        consent: Collection[str],
        features_seconds: float,
        wait: Wait,
    ) -> None:
        self._constraints = dict(constraints)
        self._features = features
        self._consent = consent
        self._features_seconds = features_seconds
        self._wait = wait
        self._lock = threading.Lock()
        self._preparing = threading.Lock()  # taken before the other one, never within it
        self._kept: OrderedDict[tuple[int, int], Ready] = OrderedDict()

    def rules_of(self, coaches: CoachTable) -> HardRules:
        """Give the hard constraints of a few coaches who are looked at once; nothing is kept."""
        return HardRules(coaches, self._constraints)

    def of(self, coaches: CoachTable, prices: NDArray[np.float64] | None = None) -> Ready:
        """Make a snapshot ready; the same object again is not made again."""
        key = (id(coaches), id(prices))  # the entry holds both, so the ids cannot be others'
        with self._preparing:  # a lock of its own: a plugin's rules may take long, and health must not wait for them
            ready = self._kept.get(key)
            if ready is None:
                ready = self._kept[key] = Ready(coaches, self.rules_of(coaches), prices)
                while len(self._kept) > _N_SNAPSHOTS:
                    self._kept.popitem(last=False)
            else:
                self._kept.move_to_end(key)
            return ready

    def lacking(self, hosted: Hosted) -> list[Ready]:
        """Give the snapshots that have no index of this matcher, the newest first."""
        with self._preparing:
            kept = list(reversed(self._kept.values()))
        return [ready for ready in kept if hosted not in ready.indexes]

    def drop(self, hosted: Hosted) -> None:
        """Forget all that was made for a matcher that is asked no more."""
        with self._preparing:
            kept = list(self._kept.values())
        with self._lock:
            for ready in kept:
                for made in (ready.indexes, ready.failed, ready.building):
                    made.pop(hosted, None)

    def index(self, ready: Ready, hosted: Hosted, timeout_seconds: float, *, is_ours: bool) -> Index:
        """
        Give a matcher's index of a snapshot, built on a thread of its own unless the matcher is ours.

        Args:
            is_ours: Whether it is of this project and the chosen one: it then waits for the plugins' columns.
        Raises:
            MatcherError: If it cannot be built, or is not there in time; it is then built all the same
                (:func:`is_being_built`).
        """
        if is_ours:
            self._enrich(ready, self._features_seconds)
        with self._lock:
            if hosted in ready.indexes:
                return ready.indexes[hosted]
            if hosted in ready.failed:
                raise ready.failed[hosted]
            if hosted.is_trusted:
                index = _made(ready, hosted, self._consent)
                ready.indexes[hosted] = index
                return index
            event = ready.building.get(hosted)
            if event is None:
                event = ready.building[hosted] = threading.Event()
                name = f"matcher-index-{hosted.name}"
                threading.Thread(target=self._build, args=(ready, hosted, event), name=name, daemon=True).start()
        if not self._wait(event, timeout_seconds):
            raise _Unready(reason=f"the index of {hosted.name!r} is being built")
        with self._lock:
            if hosted in ready.failed:
                raise ready.failed[hosted]
            return ready.indexes[hosted]

    def _enrich(self, ready: Ready, timeout_seconds: float) -> None:
        if ready.enriched is None:
            with ready.filling:
                if ready.enriched is None:
                    ready.enriched = self._features.fill(ready.coaches, timeout_seconds)

    def _build(self, ready: Ready, hosted: Hosted, event: threading.Event) -> None:
        try:
            self._enrich(ready, FEATURES_SECONDS)
            index = _made(ready, hosted, self._consent)
            with self._lock:
                ready.indexes[hosted] = index
        except BaseException as exc:  # it belongs to those who ask, not to a thread nobody joins
            with self._lock:
                ready.failed[hosted] = MatcherError(reason=f"the index of {hosted.name!r} failed: {exc!r}")
        finally:
            event.set()


def _made(ready: Ready, hosted: Hosted, consent: Collection[str]) -> Index:
    # whoever stands in does not wait for a plugin's columns
    table = ready.coaches if ready.enriched is None else ready.enriched
    seen = table.select(hosted.needs, consent=consent)
    hosted.watch.look("coaches", seen)
    if ready.prices is None:
        return hosted.matcher.index(seen)
    return hosted.matcher.index(seen, prices=ready.prices)
