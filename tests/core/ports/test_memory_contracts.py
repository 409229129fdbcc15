"""The kits, on what needs no service."""

from __future__ import annotations

from pathlib import Path

import pytest

from coachhub_core.memory.broadcast import MemoryBroadcast
from coachhub_core.memory.cache import MemoryCache
from coachhub_core.memory.files import FolderFileStore, MemoryFileStore
from coachhub_core.memory.rate_counters import MemoryRateCounters
from coachhub_core.testing.broadcast import BroadcastContract
from coachhub_core.testing.cache import CacheContract
from coachhub_core.testing.clocks import HandClock
from coachhub_core.testing.files import FileStoreContract
from coachhub_core.testing.rate_counters import RateCountersContract


class TestMemoryCache(CacheContract):
    @pytest.fixture
    def clock(self) -> HandClock:
        return HandClock()

    @pytest.fixture
    def cache(self, clock: HandClock) -> MemoryCache:  # type: ignore[override]  # the kit's fixture, supplied
        return MemoryCache(100, clock)

    def test_the_longest_unused_goes_first(self, clock: HandClock) -> None:
        """It is bounded: what nobody asks for makes room."""
        cache = MemoryCache(2, clock)
        for key in ("a", "b"):
            cache.set(key, b"v", ttl_seconds=10)
        cache.get("a")
        cache.set("c", b"v", ttl_seconds=10)
        assert set(cache.get_many(["a", "b", "c"])) == {"a", "c"}


class TestMemoryBroadcast(BroadcastContract):
    @pytest.fixture
    def broadcast(self) -> MemoryBroadcast:
        return MemoryBroadcast()


class TestMemoryRateCounters(RateCountersContract):
    @pytest.fixture
    def clock(self) -> HandClock:
        return HandClock()

    @pytest.fixture
    def counters(self, clock: HandClock) -> MemoryRateCounters:  # type: ignore[override]  # the kit's fixture, supplied
        return MemoryRateCounters(monotonic=clock)


class TestFolderFileStore(FileStoreContract):
    @pytest.fixture
    def files(self, tmp_path: Path) -> FolderFileStore:
        return FolderFileStore(tmp_path / "files")


class TestMemoryFileStore(FileStoreContract):
    @pytest.fixture
    def files(self) -> MemoryFileStore:
        return MemoryFileStore()
