"""The promises of the port *rate counters*."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from coachhub_core.ports.rate_counters import RateCounters
from coachhub_core.testing.clocks import KitClock


class RateCountersContract:
    """Subclass and supply ``counters`` and ``clock``."""

    @pytest.fixture
    def counters(self) -> RateCounters:
        """Return counters that have counted nothing; every subclass supplies it."""
        raise LookupError("a RateCountersContract needs a fixture named counters")

    @pytest.fixture
    def clock(self) -> KitClock:
        """Return what moves their time; every subclass supplies it."""
        raise LookupError("a RateCountersContract needs a fixture named clock")

    def test_as_many_as_the_limit_pass(self, counters: RateCounters) -> None:
        """The next is refused, and told when to come back: within the window."""
        assert [counters.hit("k", limit=3, window_seconds=10).is_allowed for _ in range(5)] == [True] * 3 + [False] * 2
        refused = counters.hit("k", limit=3, window_seconds=10)
        assert 0 < refused.retry_after_seconds <= 10

    def test_keys_do_not_share(self, counters: RateCounters) -> None:
        """One key's storm is not another's."""
        assert counters.hit("a", limit=1, window_seconds=10).is_allowed
        assert counters.hit("b", limit=1, window_seconds=10).is_allowed
        assert not counters.hit("a", limit=1, window_seconds=10).is_allowed

    def test_a_window_later_there_is_room_again(self, counters: RateCounters, clock: KitClock) -> None:
        """Refused hits were not counted, so asking on and on keeps nobody out for ever."""
        for _ in range(5):
            counters.hit("k", limit=2, window_seconds=1)
        clock.advance(1.1)
        assert counters.hit("k", limit=2, window_seconds=1).is_allowed

    def test_asking_costs_nothing(self, counters: RateCounters) -> None:
        """With cost 0 one learns whether there is room and takes none of it."""
        for _ in range(5):
            assert counters.hit("k", limit=1, window_seconds=10, cost=0).is_allowed
        assert counters.hit("k", limit=1, window_seconds=10).is_allowed
        assert not counters.hit("k", limit=1, window_seconds=10, cost=0).is_allowed

    def test_a_forgotten_key_starts_anew(self, counters: RateCounters) -> None:
        """Forgetting what was never counted is no error."""
        counters.forget("never")
        counters.hit("k", limit=1, window_seconds=10)
        counters.forget("k")
        assert counters.hit("k", limit=1, window_seconds=10).is_allowed

    def test_sixty_at_once_do_not_pass_a_limit_of_ten(self, counters: RateCounters) -> None:
        """Counting and deciding are one."""
        with ThreadPoolExecutor(16) as pool:
            hits = list(pool.map(lambda _: counters.hit("k", limit=10, window_seconds=60), range(60)))
        assert sum(hit.is_allowed for hit in hits) == 10
