"""
Hints between processes over Redis pub/sub.

Publishing puts into a bounded queue and returns; a thread sends. Listening is a
thread that connects again for ever, also when a connection that stands has
become deaf: a beat goes the way of all hints twice a second, and who has not
heard his own for three seconds listens anew. That also finds a server which
answers and is no longer the one that others tell, as after a failover. What is
lost on the way is only a hint: the sweep finds it in the database.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Final

from coachhub_core.errors import Unavailable
from coachhub_core.memory.broadcast import MemoryBroadcast
from coachhub_redis.client import Link

log = logging.getLogger("coachhub.redis")

QUEUE: Final = 1_000
_PAUSE_SECONDS: Final = 0.2
_BEAT_SECONDS: Final = 0.5
_DEAF_SECONDS: Final = 3.0
_WAIT_SECONDS: Final = 0.2  # below the socket's timeout, so that a quiet channel is no error


class RedisBroadcast:
    """Tells every process that subscribed, on every node, this one included."""

    reaches_other_processes = True

    def __init__(self, link: Link) -> None:
        self._link = link
        self._here = MemoryBroadcast()  # who listens in this process, by channel
        self._queue: queue.Queue[tuple[str, bytes] | None] = queue.Queue(QUEUE)
        self._stop = threading.Event()
        self._beat = f"beat:{os.urandom(8).hex()}"  # a channel that nobody else listens to
        self._channels: set[str] = {self._beat}
        self._lock = threading.Lock()
        self._listening = threading.Event()
        self._is_deaf = False  # told once, however often it tries
        self.n_dropped = 0
        self._sender = threading.Thread(target=self._send, name="redis-send", daemon=True)
        self._receiver: threading.Thread | None = None
        self._sender.start()

    def publish(self, channel: str, payload: bytes) -> None:
        """Queue a hint; where the queue is full it is dropped and counted."""
        try:
            self._queue.put_nowait((channel, payload))
        except queue.Full:
            self.n_dropped += 1

    def subscribe(self, channel: str, listener: Callable[[bytes], None]) -> Callable[[], None]:
        """Call *listener* with each payload from a thread of this bus."""
        leave = self._here.subscribe(channel, listener)
        with self._lock:
            is_new = channel not in self._channels
            self._channels.add(channel)
            if self._receiver is None:
                self._receiver = threading.Thread(target=self._receive, name="redis-receive", daemon=True)
                self._receiver.start()
        if is_new:
            self._listening.clear()
            self._listening.wait(timeout=1.0)  # so that what is published next is heard; without Redis nothing is
        return leave

    def close(self) -> None:
        """Send what is queued, if that is possible, and stop."""
        self._stop.set()
        self._here.close()
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            log.warning("%s hints were not sent any more", self._queue.qsize())
        self._sender.join(timeout=2)
        if self._receiver is not None:
            self._receiver.join(timeout=2)
        self._link.close()

    # ── the two threads ──

    def _send(self) -> None:
        while (item := self._next()) is not None:
            channel, payload = item
            try:
                self._link.ask(lambda r, c=channel, p=payload: r.publish(self._link.key(c), p))  # type: ignore[misc]  # bound by default
            except Unavailable:
                self.n_dropped += 1

    def _next(self) -> tuple[str, bytes] | None:
        return self._queue.get()

    def _receive(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except Exception as exc:  # whatever Redis does or says, this thread goes on
                log.log(logging.DEBUG if self._is_deaf else logging.WARNING, "listening to Redis again after: %s", exc)
                self._is_deaf = True
            self._stop.wait(_PAUSE_SECONDS)

    def _tell_that_it_hears(self) -> None:
        if self._is_deaf:
            self._is_deaf = False
            log.info("hints are heard again")

    def _listen(self) -> None:
        subscription = self._link.pubsub()
        try:
            heard: set[str] = set()
            heard_at = time.monotonic()
            beat_at = -_BEAT_SECONDS
            while not self._stop.is_set():
                with self._lock:
                    new = self._channels - heard
                if new:
                    subscription.subscribe(*(self._link.key(channel) for channel in new))
                    heard |= new
                    subscription.get_message(timeout=_WAIT_SECONDS)  # the confirmation, which is ignored
                    self._listening.set()
                now = time.monotonic()
                if now - heard_at > _DEAF_SECONDS:
                    raise Unavailable(what="the subscription to Redis")
                if now - beat_at >= _BEAT_SECONDS:
                    beat_at = now
                    self.publish(self._beat, b"")
                message = subscription.get_message(timeout=_WAIT_SECONDS)
                if message is None:
                    continue
                if message.get("type") == "message" and isinstance(message.get("data"), bytes):
                    channel = message["channel"].decode("utf-8", "replace").removeprefix(self._link.prefix)
                    if channel == self._beat:
                        heard_at = time.monotonic()
                        self._tell_that_it_hears()
                    self._here.publish(channel, message["data"])
        finally:
            subscription.close()
