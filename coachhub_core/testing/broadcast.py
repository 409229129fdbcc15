"""The promises of the port *broadcast*."""

from __future__ import annotations

import threading

import pytest

from coachhub_core.ports.broadcast import Broadcast

PATIENCE_SECONDS = 5.0


class Heard:
    """Collects what a listener hears."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self._changed = threading.Condition()

    def __call__(self, payload: bytes) -> None:
        with self._changed:
            self.payloads.append(payload)
            self._changed.notify_all()

    def wait_for(self, n: int) -> list[bytes]:
        """Return all payloads once there are *n*, or what there is after five seconds."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.payloads) >= n, timeout=PATIENCE_SECONDS)
            return list(self.payloads)


class BroadcastContract:
    """Subclass and supply ``broadcast``."""

    @pytest.fixture
    def broadcast(self) -> Broadcast:
        """Return a bus nobody uses yet; every subclass supplies it."""
        raise LookupError("a BroadcastContract needs a fixture named broadcast")

    def test_every_subscriber_of_the_channel_hears(self, broadcast: Broadcast) -> None:
        """All of them, and nobody of another channel."""
        first, second, other = Heard(), Heard(), Heard()
        broadcast.subscribe("chat", first)
        broadcast.subscribe("chat", second)
        broadcast.subscribe("else", other)
        broadcast.publish("chat", b"\x00hi")
        assert first.wait_for(1) == [b"\x00hi"]
        assert second.wait_for(1) == [b"\x00hi"]
        assert other.payloads == []

    def test_one_publisher_is_heard_in_order(self, broadcast: Broadcast) -> None:
        """As long as nothing is lost, nothing overtakes."""
        heard = Heard()
        broadcast.subscribe("chat", heard)
        sent = [str(n).encode() for n in range(100)]
        for payload in sent:
            broadcast.publish("chat", payload)
        assert heard.wait_for(100) == sent

    def test_who_unsubscribed_hears_no_more(self, broadcast: Broadcast) -> None:
        """And doing it twice is harmless."""
        gone, stays = Heard(), Heard()
        leave = broadcast.subscribe("chat", gone)
        broadcast.subscribe("chat", stays)
        leave()
        leave()
        broadcast.publish("chat", b"late")
        assert stays.wait_for(1) == [b"late"]
        assert gone.payloads == []

    def test_publishing_to_nobody_is_no_error(self, broadcast: Broadcast) -> None:
        """A hint nobody waits for is lost, and that is all."""
        broadcast.publish("nobody", b"")

    def test_a_listener_that_fails_keeps_no_other_from_hearing(self, broadcast: Broadcast) -> None:
        """The publisher does not hear of it either."""

        def fail(_: bytes) -> None:
            raise ValueError("a listener's own mistake")

        heard = Heard()
        broadcast.subscribe("chat", fail)
        broadcast.subscribe("chat", heard)
        broadcast.publish("chat", b"x")
        assert heard.wait_for(1) == [b"x"]
