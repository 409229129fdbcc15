"""Redis on a wire that fails: it costs milliseconds, it never gives a wrong answer, and it is used again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import redis
from services import address

from coachhub_core.errors import Unavailable, Unwritable
from coachhub_core.testing.broadcast import Heard
from coachhub_redis.broadcast import RedisBroadcast
from coachhub_redis.cache import RedisCache
from coachhub_redis.client import TIMEOUT_SECONDS, Link
from coachhub_redis.rate_counters import RedisRateCounters

from .proxy import AnswerLost, CutAfter, Fault, Garbage, Hang, Proxy, Refuse, Reset, Slow, Trickle
from .servers import Server, until, why_absent

pytestmark = pytest.mark.external_service

FAULTS: list[Fault] = [
    Refuse(),
    Reset(),
    Hang(),
    Slow(0.5),
    CutAfter(3),
    Garbage("html"),
    Garbage("noise"),
    AnswerLost(),
    Trickle(5),
]


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    parts = urlsplit(address("TEST_REDIS_URL"))
    with Proxy((parts.hostname or "127.0.0.1", parts.port or 6379)) as made:
        yield made


@pytest.fixture
def link(proxy: Proxy) -> Iterator[Link]:
    made = Link(f"redis://127.0.0.1:{proxy.port}/0", prefix=f"test:{uuid4().hex}:")
    yield made
    made.close()


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_hundred_questions_cost_one_wait(proxy: Proxy, link: Link, fault: Fault) -> None:
    """Each key is a miss; and the cache is used again soon after it is healed."""
    cache = RedisCache(link)
    cache.set("k", b"right", ttl_seconds=60)
    assert cache.get("k") == b"right"
    proxy.fault = fault
    began = time.monotonic()
    for _ in range(100):
        assert cache.get("k") is None
        assert cache.get_many(["k", "l"]) == {}
        cache.set("l", b"l", ttl_seconds=1)
        cache.delete("l")
    assert time.monotonic() - began < 2 * TIMEOUT_SECONDS + 3  # and what a busy machine adds
    assert link.is_away
    proxy.heal()
    assert until(lambda: cache.get("k") == b"right", 5)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_counters_count_here_to_half_the_limit(proxy: Proxy, link: Link, fault: Fault) -> None:
    counters = RedisRateCounters(link)
    assert counters.hit("k", limit=10, window_seconds=60).is_allowed
    proxy.fault = fault
    allowed = [counters.hit("k", limit=10, window_seconds=60).is_allowed for _ in range(10)]
    assert allowed == [True] * 5 + [False] * 5


def test_what_was_counted_before_its_clock_went_back_shuts_nobody_out(link: Link) -> None:
    """Neither the hits that seem to be of tomorrow, nor the mark of a Redis that came back empty then."""
    counters, day = RedisRateCounters(link), 86_400_000
    key, mark = counters._key("k"), link.key("rate-mark")
    allowed = [counters.hit("k", limit=4, window_seconds=60).is_allowed for _ in range(5)]
    assert allowed == [True] * 4 + [False]

    def as_of_tomorrow(redis: Any) -> None:
        for hit in redis.zrange(key, 0, -1):
            redis.zincrby(key, day, hit)
        redis.set(mark, f"{redis.time()[0] * 1000 + day}:x")

    link.ask(as_of_tomorrow)
    allowed = [counters.hit("k", limit=4, window_seconds=60).is_allowed for _ in range(5)]
    link.ask(lambda r: r.delete(mark))
    assert allowed == [True] * 4 + [False]


def test_what_is_frozen_is_asked_by_one_thread_only(proxy: Proxy, link: Link) -> None:
    """No caller reaches it, and so none waits, however long it is frozen."""
    proxy.fault = Hang()
    with pytest.raises(Unavailable):
        link.ask(lambda r: r.get("k"))
    asked: list[object] = []
    until_at = time.monotonic() + 3
    while time.monotonic() < until_at:
        with pytest.raises(Unavailable):
            link.ask(asked.append)
        time.sleep(0.01)  # so as not to take the machine from the thread that asks
    assert asked == []


def test_half_an_answer_is_no_part_of_the_next(proxy: Proxy, link: Link) -> None:
    """A connection that was left in the middle of an answer is not read from again."""
    cache = RedisCache(link)
    for name in ("a", "b"):
        cache.set(name, name.encode() * 100, ttl_seconds=60)
    proxy.fault = CutAfter(40)
    assert cache.get("a") is None
    proxy.heal()
    assert until(lambda: cache.get("b") is not None, 5)
    assert cache.get("b") == b"b" * 100
    assert cache.get("a") == b"a" * 100


def test_a_key_of_another_kind_is_a_miss_and_no_outage(link: Link) -> None:
    """Somebody else wrote it."""
    cache = RedisCache(link)
    link.ask(lambda r: r.rpush(link.key("k"), "a list"))
    assert cache.get("k") is None
    assert not link.is_away
    link.ask(lambda r: r.delete(link.key("k")))


def test_the_bus_hears_again(proxy: Proxy, link: Link) -> None:
    """After a hang, which no connection notices by itself."""
    bus = RedisBroadcast(link)
    heard: list[bytes] = []
    bus.subscribe("chat", heard.append)
    try:
        proxy.fault = Hang()
        time.sleep(0.3)  # for the fault to meet what is on its way
        bus.publish("chat", b"lost, or late")
        proxy.heal()

        def said() -> bool:
            bus.publish("chat", b"again")
            return b"again" in heard

        assert until(said, 10)
    finally:
        bus.close()


def test_a_subscription_that_answers_and_hears_nothing_is_left(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connected and deaf: the connection stands, and what others say does not come by it."""
    subscriptions = []

    def subscribing() -> Any:
        subscriptions.append(Link.pubsub(link))
        return subscriptions[-1]

    monkeypatch.setattr(link, "pubsub", subscribing)
    bus, heard = RedisBroadcast(link), Heard()
    bus.subscribe("chat", heard)
    bus.publish("chat", b"before")
    assert heard.wait_for(1) == [b"before"]
    try:
        subscriptions[0].connection.send_command("UNSUBSCRIBE")
        began = time.monotonic()

        def said() -> bool:
            bus.publish("chat", b"after")
            return b"after" in heard.payloads

        assert until(lambda: len(subscriptions) > 1, 10)
        assert time.monotonic() - began > 2  # not before it has been silent for long
        assert until(said, 5)
    finally:
        bus.close()


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Redis that a test may fill and empty."""
    if (absent := why_absent("redis")) is not None:
        pytest.skip(absent)
    server = Server("redis", tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


def test_a_full_redis_is_degraded_and_still_read(own: Server) -> None:
    link = Link(f"redis://127.0.0.1:{own.port}/0")
    cache, counters = RedisCache(link), RedisRateCounters(link)
    cache.set("k", b"v", ttl_seconds=60)
    link.ping()
    own.redis("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(Unwritable):
        link.ping()
    cache.set("l", b"no room", ttl_seconds=60)
    assert cache.get("k") == b"v"
    assert cache.get("l") is None
    assert counters.hit("k", limit=2, window_seconds=60).is_allowed
    assert not counters.hit("k", limit=2, window_seconds=60).is_allowed  # half of it, counted here
    own.redis("CONFIG", "SET", "maxmemory", "64mb")
    link.ping()
    cache.set("l", b"room", ttl_seconds=60)
    assert cache.get("l") == b"room"
    link.close()


def test_an_emptied_redis_counts_to_half_for_a_window(own: Server) -> None:
    """What was counted is forgotten, so whoever had used up a limit does not get all of it again."""
    link = Link(f"redis://127.0.0.1:{own.port}/0")
    counters = RedisRateCounters(link)
    assert [counters.hit("a", limit=4, window_seconds=1.5).is_allowed for _ in range(5)] == [True] * 4 + [False]
    assert redis.Redis(port=own.port).flushall()
    assert [counters.hit("a", limit=4, window_seconds=1.5).is_allowed for _ in range(3)] == [True, True, False]
    newcomer = RedisRateCounters(link)  # another process, which never saw the former mark
    assert [newcomer.hit("b", limit=4, window_seconds=1.5).is_allowed for _ in range(3)] == [True, True, False]
    assert until(lambda: counters.hit("c", limit=4, window_seconds=1.5, cost=4).is_allowed, 5)  # the window is over
    link.close()
