"""
The link to Redis: short timeouts, one retry, and a breaker, so that a Redis that is away costs milliseconds.

redis-py's defaults (ten retries, five seconds) are for those who need an answer.
Here nobody does: without one, the database or this process gives it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from coachhub_core.errors import Unavailable

T = TypeVar("T")

TIMEOUT_SECONDS: Final = 0.25
OPEN_SECONDS: Final = 1.0
_AWAY: Final = (redis.RedisError, OSError, ValueError, UnicodeError)  # garbage counts as away, too


class Link:
    """
    One pool of connections, for one purpose.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        prefix: Before every key, so that installations may share a server.
        name: What connections are called in ``CLIENT LIST``.
    """

    def __init__(self, url: str, *, prefix: str = "", name: str = "coachhub", connections: int = 16) -> None:
        self.prefix = prefix
        self._pool = redis.ConnectionPool.from_url(
            url,
            protocol=3,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            health_check_interval=30,
            max_connections=connections,
            client_name=f"coachhub-{name}",
            retry=Retry(ExponentialWithJitterBackoff(base=0.01, cap=0.05), 1),
        )
        self.client: redis.Redis = redis.Redis(connection_pool=self._pool)
        self._lock = threading.Lock()
        self._open_until = 0.0

    def key(self, name: str) -> str:
        """Return the key as Redis knows it."""
        return f"{self.prefix}{name}"

    def ask(self, question: Callable[[redis.Redis], T]) -> T:
        """
        Return the answer to *question*.

        Raises:
            Unavailable: If there is none in time; for a second after that at once, without asking.
        """
        if time.monotonic() < self._open_until:
            raise Unavailable(what="Redis")
        try:
            return question(self.client)
        except _AWAY as exc:
            with self._lock:
                self._open_until = time.monotonic() + OPEN_SECONDS
            raise Unavailable(what="Redis") from exc

    def ping(self) -> None:
        """Ask whether it is there, breaker or not."""
        self.client.ping()

    def pubsub(self) -> Any:
        """Return a subscription on a connection of its own, which waits for as long as its caller says."""
        return self.client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # not annotated there

    def close(self) -> None:
        """Give back every connection."""
        self.client.close()
        self._pool.disconnect()
