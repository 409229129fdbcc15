"""
The link to Redis: short timeouts, and a breaker, so that a Redis that is away costs milliseconds.

redis-py's defaults (ten retries, five seconds) are for those who need an answer.
Here nobody does: without one, the database or this process gives it. Who meets a
Redis that does not answer is the last to wait for it: from then on a thread asks
whether it is back, and until it is everybody is refused at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from coachhub_core.errors import Unavailable, Unwritable
from coachhub_redis.addresses import pool_of, see_files
from coachhub_redis.bounded import bound, within

T = TypeVar("T")

log = logging.getLogger("coachhub.redis")

TIMEOUT_SECONDS: Final = 0.25
AGAIN_SECONDS: Final = 0.5
_TRICKLE_SECONDS: Final = 3 * TIMEOUT_SECONDS
_PAUSE: Final = ExponentialWithJitterBackoff(base=0.01, cap=0.05)
_AWAY: Final = (redis.RedisError, OSError, ValueError, TypeError, LookupError, AttributeError)  # garbage is away, too


class Link:
    """
    One pool of connections, for one purpose.

    Args:
        url: ``redis://``, ``rediss://``, ``unix://``, or sentinels (:mod:`coachhub_redis.addresses`).
        prefix: Before every key, so that installations may share a server.
        name: What connections are called in ``CLIENT LIST``.
    Raises:
        SettingsError: If the URL cannot be read, or a file it names.
    """

    def __init__(self, url: str, *, prefix: str = "", name: str = "coachhub", connections: int = 16) -> None:
        self.prefix = prefix
        self._url = url
        self._name = name
        self._pool = self._connections(connections)
        see_files(self._pool)
        self.client: redis.Redis = redis.Redis(connection_pool=self._pool)
        self._lock = threading.Lock()
        self._is_away = False
        self._closing = threading.Event()

    def _connections(self, n: int) -> redis.ConnectionPool:
        options = {
            "timeout": TIMEOUT_SECONDS,  # more threads than connections is no Redis away: one comes free in time
            "protocol": 3,
            "socket_timeout": TIMEOUT_SECONDS,
            "socket_connect_timeout": TIMEOUT_SECONDS,
            "health_check_interval": 30,
            "max_connections": n,
            "client_name": f"coachhub-{self._name}",
            "maint_notifications_config": MaintNotificationsConfig(enabled=False),  # a round trip for what 7.0 has not
            # a connection that was ended meanwhile is opened again; a wait in vain is not repeated
            "retry": Retry(
                ExponentialWithJitterBackoff(base=0.01, cap=0.05), 1, supported_errors=(redis.ConnectionError,)
            ),
        }
        return bound(pool_of(self._url, options))

    def key(self, name: str) -> str:
        """Return the key as Redis knows it."""
        return f"{self.prefix}{name}"

    @property
    def is_away(self) -> bool:
        """Whether nobody is asking it just now, since it did not answer."""
        return self._is_away

    def ask(self, question: Callable[[redis.Redis], T]) -> T:
        """
        Return the answer to *question*, which also takes it apart: what cannot be is no answer.

        Raises:
            Unavailable: If there is none in time; then at once, without asking, until it is back.
        """
        if self._is_away:
            raise Unavailable(what="Redis")
        began = time.monotonic()
        try:
            with within(_TRICKLE_SECONDS):
                answer = question(self.client)
        except redis.ResponseError as exc:  # it is there and will not: full, read-only, a key of another kind
            log.debug("Redis refuses: %s", exc)
            raise Unavailable(what="Redis") from exc
        except _AWAY as exc:
            self._go_without(exc)
            raise Unavailable(what="Redis") from exc
        if time.monotonic() - began > _TRICKLE_SECONDS:  # each byte came in time, and all of them did not
            self._go_without(TimeoutError())
        return answer

    def ping(self) -> None:
        """
        Ask whether it is there and takes what it is given, breaker or not.

        Raises:
            Unwritable: If it is there and does not.
        """
        began = time.monotonic()
        try:
            with within(_TRICKLE_SECONDS):
                is_set = self.client.set(self.key("probe"), b"1", px=1_000) is True
            if not is_set or time.monotonic() - began > _TRICKLE_SECONDS:
                raise Unavailable(what="Redis")
        except redis.ResponseError as exc:
            raise Unwritable(what="Redis") from exc
        except _AWAY as exc:
            self._pool.disconnect()
            raise Unavailable(what="Redis") from exc

    def pubsub(self) -> Any:
        """Return a subscription on a connection of its own, which waits for as long as its caller says."""
        return self.client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # not annotated there

    def close(self) -> None:
        """Give back every connection."""
        self._closing.set()
        self.client.close()
        self._pool.disconnect()

    # ── away, and back ──

    def _go_without(self, exc: BaseException) -> None:
        with self._lock:
            was_away, self._is_away = self._is_away, True
        if was_away:
            return
        log.warning("Redis does not answer, and %s goes on without it: %s", self._name, type(exc).__name__)
        self._pool.disconnect()  # what half an answer was left on is not read from again
        threading.Thread(target=self._await, name=f"redis-{self._name}-back", daemon=True).start()

    def _await(self) -> None:
        """Ask again and again on a connection that nobody else uses, until it answers."""
        pool = self._connections(1)
        client: redis.Redis = redis.Redis(connection_pool=pool)
        try:
            while not self._closing.wait(AGAIN_SECONDS):
                began = time.monotonic()
                try:
                    with within(_TRICKLE_SECONDS):
                        is_back = client.ping() is True
                    is_back = is_back and time.monotonic() - began < TIMEOUT_SECONDS
                except _AWAY:
                    pool.disconnect()
                    continue
                if is_back:
                    self._is_away = False
                    log.info("Redis answers again, and %s uses it", self._name)
                    return
        finally:
            pool.disconnect()
