"""
Connections that have not said who they are: few from one address, and few in all.

Whoever opens many and says nothing must not keep others out: where all places
are taken, the one that has been silent longest makes room for a newcomer.
"""

from __future__ import annotations

from collections import Counter
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


class Strangers:
    """Counts them by the address they come from."""

    def __init__(self, chat: Chat, monotonic: Monotonic) -> None:
        self._per_address = chat.unauthenticated_per_address
        self._in_all = max(1, chat.max_connections // SHARE)
        self._monotonic = monotonic
        self._since: dict[Connection, float] = {}  # the oldest first
        self._by_source: Counter[str] = Counter()

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

    def make_room(self, source: str) -> None:
        """
        See to it that one more may come from *source*.

        Raises:
            RateLimited: If too many of its connections were opened just now.
            Overloaded: If everybody's were.
        """
        if self._by_source[source] >= self._per_address and not self._part_with_oldest(source):
            raise RateLimited(retry_after_seconds=UNDISTURBED_SECONDS)
        if len(self._since) >= self._in_all and not self._part_with_oldest(None):
            raise Overloaded(retry_after_seconds=UNDISTURBED_SECONDS)

    def _part_with_oldest(self, source: str | None) -> bool:
        found = next((c for c in self._since if source is None or c.socket.source == source), None)
        if found is None or self._monotonic() - self._since[found] < UNDISTURBED_SECONDS:
            return False
        self.forget(found)
        found.perform(found.protocol.close(TOO_LATE, "no auth in time"))
        return True

    def __len__(self) -> int:
        return len(self._since)
