"""
Who is here: an account is, while a connection of it is open in any process.

Nothing of it is stored. Each process says on the bus who came and who went, and
every twenty seconds who is still here; what it said holds for a minute, so a
process that dies takes nobody's presence with it for longer. Without a bus each
process knows of its own. Whoever goes is here for ten more seconds: a reconnect
is not an absence.

Everything here runs in the event loop's thread and never waits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final
from uuid import UUID

import attrs

from coachhub_core import wire
from coachhub_ws.limits import Monotonic

log = logging.getLogger(__name__)

CHANNEL: Final = "chat-presence"
FORMAT: Final = 1
GRACE_SECONDS: Final = 10.0
LEASE_SECONDS: Final = 60.0
RENEW_SECONDS: Final = 20.0
LOOK_SECONDS: Final = 5.0
GATHER_SECONDS: Final = 0.2
PAYLOAD_IDS: Final = 1_000


@attrs.frozen(kw_only=True)
class PresenceHint:
    """What one process says of its accounts: who is here for ``seconds``, who went, and whether others shall say."""

    format: int = FORMAT
    node: UUID
    online: tuple[UUID, ...] = ()
    offline: tuple[UUID, ...] = ()
    seconds: float = LEASE_SECONDS
    asks: bool = False


class Presence:
    """
    Knows who is here.

    Args:
        node: Names this process among all on the bus.
        publish: Tells the other processes; None where no bus reaches them.
        tell: Told of each account that came or went, wherever it did.
        later: Runs an action after some seconds.
    """

    def __init__(
        self,
        node: UUID,
        *,
        publish: Callable[[bytes], None] | None,
        tell: Callable[[UUID, bool], None],
        later: Callable[[float, Callable[[], None]], object],
        monotonic: Monotonic,
    ) -> None:
        self._node = node
        self._publish = publish
        self._tell = tell
        self._later = later
        self._monotonic = monotonic
        self._here: dict[UUID, object | None] = {}  # with what its going waits for
        self._elsewhere: dict[UUID, dict[UUID, float]] = {}  # account, process, until when
        self._news: dict[UUID, bool] = {}
        self._renewed_at = monotonic()

    def start(self) -> None:
        """Ask the others who is with them, and begin to renew."""
        if self._publish is not None:
            self._say(PresenceHint(node=self._node, asks=True))
            self._later(LOOK_SECONDS, self._look)

    def stop(self) -> None:
        """Let the others wait for those who were here: they are about to come to them."""
        self._say_all(GRACE_SECONDS)
        self._publish = None

    def is_online(self, account_id: UUID) -> bool:
        """Whether an account is here, or was a moment ago."""
        return account_id in self._here or account_id in self._elsewhere

    # ── this process ──

    def came(self, account_id: UUID) -> None:
        """Take note of an account's first connection here."""
        was_online = self.is_online(account_id)
        is_new = account_id not in self._here
        self._here[account_id] = None
        if not was_online:
            self._tell(account_id, True)
        if is_new:
            self._spread(account_id, is_online=True)

    def went(self, account_id: UUID) -> None:
        """Take note that an account's last connection here has ended."""
        if account_id in self._here:
            wait = self._here[account_id] = object()
            self._later(GRACE_SECONDS, lambda: self._gone(account_id, wait))

    def _gone(self, account_id: UUID, wait: object) -> None:
        if self._here.get(account_id) is not wait:
            return  # came back
        del self._here[account_id]
        self._spread(account_id, is_online=False)
        if not self.is_online(account_id):
            self._tell(account_id, False)

    # ── the others ──

    def heard(self, payload: bytes) -> None:
        """Take what a process says; one of another version is passed over."""
        try:
            hint = wire.view(PresenceHint, payload)
        except Exception:  # of another version, or nonsense: presence is a hint and nothing more
            log.debug("a presence could not be read", exc_info=True)
            return
        if hint.node == self._node or hint.format != FORMAT:
            return
        until = self._monotonic() + min(max(hint.seconds, 0.0), LEASE_SECONDS)
        for account_id in hint.online:
            was_online = self.is_online(account_id)
            self._elsewhere.setdefault(account_id, {})[hint.node] = until
            if not was_online:
                self._tell(account_id, True)
        for account_id in hint.offline:
            self._forget(account_id, hint.node)
        if hint.asks:
            self._say_all(LEASE_SECONDS)

    def _forget(self, account_id: UUID, node: UUID) -> None:
        leases = self._elsewhere.get(account_id)
        if leases is None or leases.pop(node, None) is None:
            return
        if not leases:
            del self._elsewhere[account_id]
        if not self.is_online(account_id):
            self._tell(account_id, False)

    def _look(self) -> None:
        """End what was not renewed, and renew."""
        if self._publish is None:
            return
        now = self._monotonic()
        over = [(id, node) for id, leases in self._elsewhere.items() for node, until in leases.items() if until <= now]
        for account_id, node in over:
            self._forget(account_id, node)
        if now - self._renewed_at >= RENEW_SECONDS:
            self._renewed_at = now
            self._say_all(LEASE_SECONDS)
        self._later(LOOK_SECONDS, self._look)

    # ── the bus ──

    def _spread(self, account_id: UUID, *, is_online: bool) -> None:
        """Say it with what else happens in these moments: many come at once when a process has ended."""
        if self._publish is None:
            return
        if not self._news:
            self._later(GATHER_SECONDS, self._say_news)
        self._news[account_id] = is_online

    def _say_news(self) -> None:
        news, self._news = self._news, {}
        for online in _parts([id for id, is_online in news.items() if is_online]):
            self._say(PresenceHint(node=self._node, online=online))
        for offline in _parts([id for id, is_online in news.items() if not is_online]):
            self._say(PresenceHint(node=self._node, offline=offline))

    def _say_all(self, seconds: float) -> None:
        for online in _parts(list(self._here)):
            self._say(PresenceHint(node=self._node, online=online, seconds=seconds))

    def _say(self, hint: PresenceHint) -> None:
        if self._publish is not None:
            self._publish(wire.dumps(hint))


def _parts(ids: Sequence[UUID]) -> Iterator[tuple[UUID, ...]]:
    for start in range(0, len(ids), PAYLOAD_IDS):
        yield tuple(ids[start : start + PAYLOAD_IDS])
