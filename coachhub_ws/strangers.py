"""
Connections that have not said who they are: few from one address, and few in all.

Whoever opens many and says nothing must not keep others out: where all places
are taken, the one that has been silent longest makes room for a newcomer.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import suppress
from typing import Final

from coachhub_core.config import Chat
from coachhub_core.errors import Overloaded, RateLimited
from coachhub_ws.codes import TOO_LATE
from coachhub_ws.connection import Connection
from coachhub_ws.limits import Monotonic

SHARE: Final = 10
"""One in this many connections may be a stranger's."""

UNDISTURBED_SECONDS: Final = 0.5
"""Nobody makes room earlier: even a client on a bad line has said by then who it is."""

PATIENCE_SECONDS: Final = 0.25
"""A newcomer waits for a place as long: when a house full of clients comes back at once, each is a stranger briefly."""


class Strangers:
    """Counts them by the address they come from."""

    def __init__(self, chat: Chat, monotonic: Monotonic) -> None:
        self._per_address = chat.unauthenticated_per_address
        self._in_all = max(1, chat.max_connections // SHARE)
        self._monotonic = monotonic
        self._since: dict[Connection, float] = {}  # the oldest first
        self._by_source: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def came(self, connection: Connection) -> None:
        """Count a connection that was opened."""
        self._since[connection] = self._monotonic()
        self._by_source[connection.socket.source] += 1

    def forget(self, connection: Connection) -> None:
        """Count one no longer: it has shown a genuine token, or has ended."""
        if self._since.pop(connection, None) is None:
            return
        source = connection.socket.source
        self._by_source[source] -= 1
        if self._by_source[source] <= 0:
            del self._by_source[source]
        for waiter in self._waiting.get(source, ()):
            if not waiter.done():
                waiter.set_result(None)
                return

    async def make_room(self, source: str) -> None:
        """
        See to it that one more may come from *source*.

        Raises:
            RateLimited: If too many of its connections were opened just now, and none of them makes room soon.
            Overloaded: If everybody's were.
        """
        deadline = self._monotonic() + PATIENCE_SECONDS
        while self._by_source[source] >= self._per_address and not self._part_with_oldest(source):
            if self._monotonic() >= deadline:
                raise RateLimited(retry_after_seconds=UNDISTURBED_SECONDS)
            await self._one_has_gone(source, deadline)
        if len(self._since) >= self._in_all and not self._part_with_oldest(None):
            raise Overloaded(retry_after_seconds=UNDISTURBED_SECONDS)

    async def _one_has_gone(self, source: str, deadline: float) -> None:
        """Wait in line, at most until *deadline*, for somebody of *source* to say who they are, or to go."""
        waiter = asyncio.get_running_loop().create_future()
        line = self._waiting.setdefault(source, deque())
        line.append(waiter)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await waiter
        finally:
            line.remove(waiter)
            if not line:
                self._waiting.pop(source, None)

    def _part_with_oldest(self, source: str | None) -> bool:
        found = next((c for c in self._since if source is None or c.socket.source == source), None)
        if found is None or self._monotonic() - self._since[found] < UNDISTURBED_SECONDS:
            return False
        self.forget(found)
        found.perform(found.protocol.close(TOO_LATE, "no auth in time"))
        return True

    def __len__(self) -> int:
        return len(self._since)
