"""
The built-in plugin: ports without a service behind them, and the ``plain`` matcher.

What stands here is at once the embedded default, the reference that the
conformance kits were written against, and the test double.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from coachhub_core.config import Settings
from coachhub_core.hookspecs import hookimpl
from coachhub_core.memory.broadcast import MemoryBroadcast
from coachhub_core.memory.cache import MemoryCache
from coachhub_core.memory.files import FolderFileStore, MemoryFileStore
from coachhub_core.memory.machine_counters import MachineRateCounters
from coachhub_core.memory.rate_counters import MemoryRateCounters
from coachhub_core.memory.search import MemorySearch
from coachhub_core.ports.offers import BroadcastOffer, CacheOffer, FileStoreOffer, RateCountersOffer, SearchOffer
from coachhub_core.ports.rate_counters import RateCounters

if TYPE_CHECKING:
    from coachhub_core.ports.matcher import AssignerOffer, MatcherOffer


def _cache(settings: Settings) -> MemoryCache:
    return MemoryCache(settings.cache.n_entries)


def _folder(settings: Settings) -> FolderFileStore:
    return FolderFileStore(Path(unquote(urlsplit(settings.files_url).path)))


@hookimpl
def coachhub_caches() -> Mapping[str, CacheOffer]:
    """Offer the cache of this process."""
    return {"memory": CacheOffer(make=_cache, version="1")}


@hookimpl
def coachhub_searches() -> Mapping[str, SearchOffer]:
    """Offer the index of this process: for who embeds CoachHub in one process that does its own due work."""
    return {"memory": SearchOffer(make=lambda *_: MemorySearch(), version="1")}


@hookimpl
def coachhub_broadcasts() -> Mapping[str, BroadcastOffer]:
    """Offer the bus of this process."""
    return {"memory": BroadcastOffer(make=lambda _: MemoryBroadcast(), version="1")}


@hookimpl
def coachhub_rate_counters() -> Mapping[str, RateCountersOffer]:
    """Offer the counters of this process, and those of all processes on this machine."""
    return {
        "file": RateCountersOffer(make=_counters_in_folder, version="1"),
        "memory": RateCountersOffer(make=lambda _: MemoryRateCounters(), version="1"),
    }


def _counters_in_folder(settings: Settings) -> RateCounters:
    return MemoryRateCounters() if settings.data is None else MachineRateCounters(settings.data / "limits.db")


@hookimpl
def coachhub_file_stores() -> Mapping[str, FileStoreOffer]:
    """Offer a folder, and a store that is gone with the process."""
    return {
        "file": FileStoreOffer(make=_folder, version="1"),
        "memory": FileStoreOffer(make=lambda _: MemoryFileStore(), version="1"),
    }


@hookimpl
def coachhub_matchers() -> Mapping[str, MatcherOffer]:
    """Offer ``plain``, the rule-based matcher."""
    from coachhub_core.memory.matcher import offers  # numpy loads here, and here only

    return offers()


@hookimpl
def coachhub_assigners() -> Mapping[str, AssignerOffer]:
    """Offer ``plain``, stable placement in plain Python."""
    from coachhub_core.memory.matcher import assigner_offers

    return assigner_offers()
