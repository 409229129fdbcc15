"""
The sweep: asks the table what the bus may have missed.

Conversations that somebody here hears of are compared by ``last_seq``, state and
members; sessions of open connections by whether they are still good. This alone
loses nothing; the bus only makes it fast. Each second where no bus reaches the
other processes, or where it has fallen silent; each five seconds otherwise.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID

from coachhub_core.domain.chat import ConversationPulse
from coachhub_ws.codes import REVOKED
from coachhub_ws.readers import Readers

if TYPE_CHECKING:
    from coachhub_ws.connection import Connection
    from coachhub_ws.node import Node

log = logging.getLogger(__name__)

NEAR_SECONDS: Final = 0.8  # with the time of the question itself, what ended is closed within a second
FAR_SECONDS: Final = 5.0
CHUNK: Final = 500
NONCE_SECONDS: Final = 0.5
SILENT_SECONDS: Final = 1.0
NONCES: Final = "chat-nonce"


class Sweep:
    """Sweeps for one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._loop = asyncio.get_running_loop()
        self._readers = Readers(1, name="chat-sweep")  # of its own: a storm of joins must not delay it
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_failing = False
        self._nonce = os.urandom(8)
        self._nonce_heard_at = -FAR_SECONDS
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin to sweep, and to listen whether the bus is alive."""
        self._readers.start()
        bus = self._node.hub.broadcast
        if bus.reaches_other_processes:
            self._unsubscribe = bus.subscribe(NONCES, self._heard)
            self._say_nonce()
        self._task = self._loop.create_task(self._run())

    async def stop(self) -> None:
        """End."""
        self._unsubscribe()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._loop.run_in_executor(None, self._readers.close)

    def wake(self) -> None:
        """Sweep now: somebody said that something happened."""
        self._wake.set()

    # ── the bus ──

    def _say_nonce(self) -> None:
        self._node.hub.broadcast.publish(NONCES, self._nonce)
        self._node.wheel.after(NONCE_SECONDS, self._say_nonce)

    def _heard(self, payload: bytes) -> None:
        if payload == self._nonce:  # in any thread: one assignment
            self._nonce_heard_at = self._loop.time()

    @property
    def interval_seconds(self) -> float:
        """How long to wait between two sweeps, as things stand."""
        if not self._node.hub.broadcast.reaches_other_processes:
            return NEAR_SECONDS
        is_heard = self._loop.time() - self._nonce_heard_at < SILENT_SECONDS
        return FAR_SECONDS if is_heard else NEAR_SECONDS

    # ── sweeping ──

    async def _run(self) -> None:
        swept_at = self._loop.time()
        while True:
            with suppress(TimeoutError):
                # never longer than the short interval: the bus may fall silent while we wait
                async with asyncio.timeout(NEAR_SECONDS):
                    await self._wake.wait()
            if not self._wake.is_set() and self._loop.time() - swept_at < self.interval_seconds - 0.05:
                continue
            self._wake.clear()
            swept_at = self._loop.time()
            try:
                await self.once()
                self._is_failing = False
            except Exception as exc:  # the database is away: the next sweep finds what this one would have
                if not self._is_failing:
                    log.warning("the sweep failed and will be tried again: %s", exc)
                self._is_failing = True

    async def once(self) -> None:
        """Compare everything once."""
        await self._conversations(self._node.listeners.ids)
        await self._sessions()

    async def _conversations(self, ids: Sequence[UUID]) -> None:
        chat, listeners = self._node.hub.chat, self._node.listeners
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            pulses: Sequence[ConversationPulse] = await self._readers.answer(partial(chat.pulses, chunk))
            changed = {pulse.id: pulse for pulse in pulses if listeners.pulse(pulse)}
            if changed:
                found = await self._readers.answer(partial(chat.members, list(changed)))
                for id, pulse in changed.items():
                    listeners.members(pulse, found.get(id, frozenset()))

    async def _sessions(self) -> None:
        by_session: dict[UUID, list[Connection]] = {}
        for connection in self._node.connections:
            claims = connection.protocol.claims
            if claims is not None and connection.protocol.is_open:
                by_session.setdefault(claims.session_id, []).append(connection)
        ids = list(by_session)
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            good = await self._readers.answer(partial(self._node.hub.chat.good_sessions, chunk))
            for id in chunk:
                if id in good:
                    continue
                for connection in by_session[id]:
                    claims = connection.protocol.claims
                    if claims is not None and claims.session_id == id:  # not renewed meanwhile
                        connection.perform(connection.protocol.close(REVOKED, "session ended"))
