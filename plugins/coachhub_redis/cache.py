"""
The cache all nodes share. One that is away is one where every key is a miss.

A key ends at an instant of Redis's own clock (``PXAT``), reckoned when it is
kept: a command that lay in the buffers of a Redis that was frozen arrives with
its time already over, and so never brings back what has changed meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from coachhub_core.errors import Unavailable
from coachhub_redis.client import Link

_CLOCK_GOOD_SECONDS: Final = 10.0  # then Redis is asked again what time it is


class RedisCache:
    """
    Keeps bytes in Redis with a time to live in milliseconds.

    Args:
        monotonic: Seconds of this process that never go back; injected by tests.
    """

    def __init__(self, link: Link, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._link = link
        self._monotonic = monotonic
        self._clock: tuple[float, float] | None = None  # when it was asked, Redis's clock less ours

    def get(self, key: str) -> bytes | None:
        """Return what is kept, or None."""
        try:
            return self._link.ask(lambda r: _bytes(r.get(self._link.key(key))))
        except Unavailable:
            return None

    def get_with_life(self, key: str) -> tuple[bytes, float] | None:
        """Return what is kept with the seconds it has left, or None; in one round trip."""

        def ask(r: Any) -> list[object]:
            with r.pipeline(transaction=True) as both:
                both.get(self._link.key(key))
                both.pttl(self._link.key(key))
                found: list[object] = both.execute()
            return found

        try:
            value, milliseconds = self._link.ask(ask)
        except Unavailable:
            return None
        if not isinstance(value, bytes) or not isinstance(milliseconds, int) or milliseconds <= 0:
            return None
        return value, milliseconds / 1000

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return those that are kept, in one round trip."""
        if not keys:
            return {}
        try:
            values = self._link.ask(lambda r: self._paired(keys, r.mget([self._link.key(key) for key in keys])))
        except Unavailable:
            return {}
        return {key: value for key, value in values.items() if value is not None}

    @staticmethod
    def _paired(keys: Sequence[str], found: Any) -> dict[str, bytes | None]:
        return {key: _bytes(value) for key, value in zip(keys, found, strict=True)}

    def set(self, key: str, value: bytes, *, ttl_seconds: float) -> None:
        """Keep *value*; where that is not possible nothing is kept."""
        ends_at = self._monotonic() + ttl_seconds
        try:
            at = round((ends_at + self._ahead()) * 1000)
            self._link.ask(lambda r: r.set(self._link.key(key), value, pxat=at))
        except Unavailable:
            return

    def _ahead(self) -> float:
        """Return how far Redis's clock is ahead of this process's; rather a little too little than too much."""
        known = self._clock
        if known is not None and self._monotonic() - known[0] < _CLOCK_GOOD_SECONDS:
            return known[1]
        seconds, microseconds = self._link.ask(lambda r: r.time())
        now = self._monotonic()  # after the answer: it took as long as it took
        ahead: float = seconds + microseconds / 1e6 - now
        self._clock = (now, ahead)
        return ahead

    def delete(self, *keys: str) -> None:
        """Forget keys; where that is not possible their time to live is what ends them."""
        if not keys:
            return
        try:
            self._link.ask(lambda r: r.delete(*(self._link.key(key) for key in keys)))
        except Unavailable:
            return

    def close(self) -> None:
        """Give back every connection."""
        self._link.close()


def _bytes(value: object) -> bytes | None:
    """Return bytes as bytes, and nothing as None; any other answer is not one of ours."""
    if value is not None and not isinstance(value, bytes):
        raise ValueError("this is no value of the cache")
    return value
