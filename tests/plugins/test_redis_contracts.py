"""The kits on a real Redis, and what happens when there is none."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from services import address

from coachhub_core.errors import Unavailable
from coachhub_core.testing.broadcast import BroadcastContract, Heard
from coachhub_core.testing.cache import CacheContract
from coachhub_core.testing.clocks import RealClock
from coachhub_core.testing.rate_counters import RateCountersContract
from coachhub_redis.broadcast import RedisBroadcast
from coachhub_redis.cache import RedisCache
from coachhub_redis.client import Link
from coachhub_redis.rate_counters import RedisRateCounters


@pytest.fixture
def link() -> Iterator[Link]:
    """A link with a key prefix of the test's own."""
    made = Link(address("TEST_REDIS_URL"), prefix=f"test:{uuid4().hex}:")
    yield made
    made.close()


@pytest.mark.external_service
class TestRedisCache(CacheContract):
    @pytest.fixture
    def clock(self) -> RealClock:
        return RealClock()

    @pytest.fixture
    def cache(self, link: Link) -> RedisCache:  # type: ignore[override]  # the kit's fixture, supplied
        return RedisCache(link)


@pytest.mark.external_service
class TestRedisRateCounters(RateCountersContract):
    @pytest.fixture
    def clock(self) -> RealClock:
        return RealClock()

    @pytest.fixture
    def counters(self, link: Link) -> RedisRateCounters:  # type: ignore[override]  # the kit's fixture, supplied
        return RedisRateCounters(link)


@pytest.mark.external_service
class TestRedisBroadcast(BroadcastContract):
    @pytest.fixture
    def broadcast(self, link: Link) -> Iterator[RedisBroadcast]:  # type: ignore[override]  # supplied and closed
        made = RedisBroadcast(link)
        yield made
        made.close()

    def test_another_process_hears(self, link: Link) -> None:
        """Which is what it is for."""
        here = RedisBroadcast(link)
        there = RedisBroadcast(Link(address("TEST_REDIS_URL"), prefix=link.prefix))
        heard = Heard()
        there.subscribe("chat", heard)
        here.publish("chat", b"across")
        assert heard.wait_for(1) == [b"across"]
        here.close()
        there.close()


@pytest.fixture
def nowhere() -> Iterator[Link]:
    """A link to a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Link(f"redis://127.0.0.1:{port}/0")
    yield made
    made.close()


def test_without_redis_every_key_is_a_miss_and_costs_little(nowhere: Link) -> None:
    """After the first refusal nothing is asked for a second."""
    cache = RedisCache(nowhere)
    cache.set("k", b"v", ttl_seconds=10)
    started = time.monotonic()
    for _ in range(100):
        assert cache.get("k") is None
        assert cache.get_many(["k"]) == {}
        cache.delete("k")
    assert time.monotonic() - started < 0.5
    with pytest.raises(Unavailable):
        nowhere.ask(lambda r: r.get("k"))


def test_without_redis_a_process_counts_to_half_the_limit(nowhere: Link) -> None:
    """Stricter, since it sees only its own."""
    counters = RedisRateCounters(nowhere)
    allowed = [counters.hit("k", limit=10, window_seconds=60).is_allowed for _ in range(10)]
    assert allowed == [True] * 5 + [False] * 5
    counters.forget("k")
    assert counters.hit("k", limit=10, window_seconds=60).is_allowed


def test_without_redis_publishing_neither_blocks_nor_raises(nowhere: Link) -> None:
    """What cannot be sent is counted."""
    bus = RedisBroadcast(nowhere)
    started = time.monotonic()
    for _ in range(3_000):
        bus.publish("chat", b"lost")
    assert time.monotonic() - started < 1
    bus.close()
    assert bus.n_dropped > 0
