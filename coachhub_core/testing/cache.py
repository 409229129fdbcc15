"""The promises of the port *cache*, as tests anybody can run on their own implementation."""

from __future__ import annotations

import pytest

from coachhub_core.ports.cache import Cache
from coachhub_core.testing.clocks import KitClock


class CacheContract:
    """Subclass, supply ``cache`` and ``clock``, and every promise of the port is checked."""

    @pytest.fixture
    def cache(self) -> Cache:
        """Return an empty cache; every subclass supplies it."""
        raise LookupError("a CacheContract needs a fixture named cache")

    @pytest.fixture
    def clock(self) -> KitClock:
        """Return what moves its time; every subclass supplies it."""
        raise LookupError("a CacheContract needs a fixture named clock")

    def test_what_was_never_kept_is_a_miss(self, cache: Cache) -> None:
        """Nothing in, nothing out."""
        assert cache.get("k") is None
        assert cache.get_many([]) == {}
        assert cache.get_many(["k", "l"]) == {}

    def test_what_was_kept_comes_back_byte_for_byte(self, cache: Cache) -> None:
        """Any bytes, any size up to a megabyte, under any key."""
        for key, value in (("k", b"v"), ("coach:1", bytes(range(256))), ("\U0001f3c3", b""), ("big", b"x" * 1_000_000)):
            cache.set(key, value, ttl_seconds=10)
            assert cache.get(key) == value

    def test_a_second_value_replaces_the_first(self, cache: Cache) -> None:
        """The newest wins, with its own time."""
        cache.set("k", b"old", ttl_seconds=10)
        cache.set("k", b"new", ttl_seconds=10)
        assert cache.get("k") == b"new"

    def test_an_expired_key_is_a_miss(self, cache: Cache, clock: KitClock) -> None:
        """What has outlived its time is gone, not merely old."""
        cache.set("k", b"v", ttl_seconds=1)
        clock.advance(1)
        assert cache.get("k") is None
        assert cache.get_many(["k"]) == {}

    def test_a_key_says_how_long_it_lives(self, cache: Cache, clock: KitClock) -> None:
        """Never more than it was given, and less as time goes by."""
        cache.set("k", b"v", ttl_seconds=5)
        clock.advance(0.2)
        found = cache.get_with_life("k")
        assert found is not None
        assert found[0] == b"v"
        assert 3 < found[1] <= 4.85
        assert cache.get_with_life("never-there") is None

    def test_keys_expire_each_at_its_own_time(self, cache: Cache, clock: KitClock) -> None:
        """A fraction of a second is a time like any other."""
        cache.set("short", b"v", ttl_seconds=0.2)
        cache.set("long", b"v", ttl_seconds=30)
        clock.advance(0.3)
        assert cache.get_many(["short", "long"]) == {"long": b"v"}

    def test_a_deleted_key_is_a_miss(self, cache: Cache) -> None:
        """Deleting what is not there is no error."""
        cache.set("a", b"1", ttl_seconds=10)
        cache.set("b", b"2", ttl_seconds=10)
        cache.delete("a", "never-there")
        cache.delete()
        assert cache.get_many(["a", "b"]) == {"b": b"2"}
