"""The kits, on what needs no service."""

from __future__ import annotations

from pathlib import Path

import pytest

from coachhub_core.memory.broadcast import MemoryBroadcast
from coachhub_core.memory.cache import MemoryCache
from coachhub_core.memory.files import FolderFileStore, MemoryFileStore
from coachhub_core.memory.machine_counters import MachineRateCounters
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


class TestMachineRateCounters(RateCountersContract):
    @pytest.fixture
    def clock(self) -> HandClock:
        return HandClock()

    @pytest.fixture
    def counters(self, clock: HandClock, tmp_path: Path) -> MachineRateCounters:  # type: ignore[override]  # supplied
        return MachineRateCounters(tmp_path / "limits.db", clock)

    def test_two_processes_allow_no_more_than_one(self, clock: HandClock, tmp_path: Path) -> None:
        """Each opens the file for itself; neither an address nor a key can be read in it."""
        first, second = (MachineRateCounters(tmp_path / "limits.db", clock) for _ in range(2))
        hits = [c.hit("kim@example.org", limit=3, window_seconds=10) for c in (first, second) * 3]
        assert [hit.is_allowed for hit in hits] == [True] * 3 + [False] * 3
        second.forget("kim@example.org")
        assert first.hit("kim@example.org", limit=3, window_seconds=10).is_allowed
        assert all(b"kim@" not in file.read_bytes() for file in tmp_path.iterdir())

    def test_without_its_file_a_process_counts_by_itself(self, clock: HandClock, tmp_path: Path) -> None:
        """No login fails because a limit cannot be counted together."""
        counters = MachineRateCounters(tmp_path / "no such folder" / "limits.db", clock)
        assert [counters.hit("k", limit=1, window_seconds=10).is_allowed for _ in range(2)] == [True, False]
        counters.forget("k")
        assert counters.hit("k", limit=1, window_seconds=10).is_allowed
