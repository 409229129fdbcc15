"""
A socket and its protocol: reads frames, performs effects, and looks at how well its reader keeps up.

Frames are written to the transport as they are, without a task and without
waiting; so at each write the bytes that still wait are counted.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import OPEN, State

from coachhub_core.domain.chat import ConversationState, Posted
from coachhub_core.security import Claims
from coachhub_ws import frames
from coachhub_ws.codes import EXPIRED, OUR_FAULT, TOO_LATE, TOO_SLOW
from coachhub_ws.effects import (
    Admit,
    Admitted,
    Close,
    Effect,
    Leave,
    Listen,
    Load,
    Persist,
    Send,
    Tell,
    Unlisten,
)
from coachhub_ws.protocol import ChatProtocol
from coachhub_ws.wheel import Deadline

if TYPE_CHECKING:
    from coachhub_ws.node import Node

log = logging.getLogger(__name__)

CLOSE_SECONDS: Final = 3.0  # for the client to answer a Close
ABORT_SECONDS: Final = 1.0  # where it is known not to read
SLOW_LOOK_SECONDS: Final = 1.0
EXPIRING_SECONDS: Final = 60.0
_jitter = random.Random()  # noqa: S311 - spreads pings, protects nothing


class ChatSocket(ServerConnection):
    """A socket that remembers when it was last heard, and whom the upgrade has admitted."""

    heard_at: float = 0.0
    source: str = ""
    token: str | None = None
    admitted: tuple[Claims, Admitted] | None = None

    def data_received(self, data: bytes) -> None:
        """Take note: anything received counts as a sign of life."""
        self.heard_at = self.loop.time()
        super().data_received(data)


class Connection:
    """One client: performs what its protocol decides, and is told what others say."""

    def __init__(self, socket: ChatSocket, node: Node) -> None:
        self.socket = socket
        self.id = node.hub.new_id()
        self.close_code = 0
        self._node = node
        self._chat = node.hub.settings.chat
        self._loop = asyncio.get_running_loop()
        self._opened_at = self._loop.time()
        self._waiter: asyncio.Future[None] | None = None
        self._is_closing = False
        self._n_written = 0
        self._n_drained = 0
        self._moved_at = 0.0
        self._is_looking = False
        self._deadlines: dict[str, Deadline] = {}
        self.protocol = ChatProtocol(
            self._chat,
            connection_id=self.id,
            verify=node.hub.tokens.verify,
            take_send=node.sends.take,
            clock=node.hub.clock,
            monotonic=self._loop.time,
        )

    @property
    def account_id(self) -> UUID:
        """Whose connection this is, once admitted."""
        return self.protocol.actor.account_id

    # ── reading ──

    async def serve(self) -> None:
        """Carry frames in and effects out until the connection ends."""
        self._after("auth", self._chat.auth_seconds, self._not_in_time)
        self._after("ping", self._beat(), self._ping)
        try:
            if self.socket.admitted is not None:
                claims, admitted = self.socket.admitted
                self.socket.admitted = None
                self.perform(self.protocol.admit(admitted=admitted, claims=claims))
            elif self.socket.token is not None:
                token, self.socket.token = self.socket.token, None
                self.perform(self.protocol.admit(token))
            while True:
                if self.protocol.is_full:
                    await self._room()
                frame = await self.socket.recv()
                self._take(frame)
        except ConnectionClosed:
            pass  # leaving is how connections end
        finally:
            self._end()

    def _take(self, frame: str | bytes) -> None:
        try:
            self.perform(self.protocol.receive(frame))
        except Exception:  # one client's frame must not take its connection's task, or a batch, with it
            log.exception("a frame could not be handled", extra={"connection_id": self.id})
            self.perform(self.protocol.close(OUR_FAULT, "internal"))

    async def _room(self) -> None:
        """Read nothing for now: TCP tells the client to wait."""
        while self.protocol.is_full:
            self._waiter = self._loop.create_future()
            await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done() and not self.protocol.is_full:
            self._waiter.set_result(None)

    def persisted(self, persist: Persist, outcome: Posted | int | Exception) -> None:
        """Hear from the committer."""
        self.perform(self.protocol.persisted(persist, outcome))
        self._wake()

    def loaded(self, load: Load, result: Any) -> None:
        """Hear from a reader."""
        self.perform(self.protocol.loaded(load, result))
        self._wake()

    # ── performing ──

    def perform(self, effects: list[Effect]) -> None:
        """Do what the protocol wants done, in order."""
        listeners = self._node.listeners
        for effect in effects:
            match effect:
                case Send():
                    self.push(frames.framed(effect.payload))
                case Persist():
                    self._node.persist(self, effect)
                case Load():
                    self._node.load(self, effect)
                case Listen():
                    listeners.joined(self, effect.load, effect.joined)
                case Unlisten():
                    listeners.refused(self, effect.load, effect.conversation_id)
                case Leave():
                    listeners.leave(self, effect.conversation_id)
                case Tell():
                    listeners.typing(effect.conversation_id, self, is_on=effect.is_on)
                case Admit():
                    self._admit(effect)
                case Close():
                    self._close(effect.code, effect.reason)

    def _admit(self, admit: Admit) -> None:
        self._cancel("auth")
        self._expire_at(admit.claims)
        if admit.conversations is not None:
            self._node.admit(self, admit.conversations)

    def push(self, frame: bytes, *, is_hint: bool = False) -> None:
        """Write a frame at once; drop a hint, or the reader itself, when too much waits for it."""
        socket = self.socket
        if self._is_closing or socket.protocol.state is not OPEN:
            return
        transport = socket.transport
        waiting = transport.get_write_buffer_size()
        if waiting > self._chat.slow_close_bytes:
            self.perform(self.protocol.close(TOO_SLOW, "too slow"))
            return
        if is_hint and waiting > self._chat.slow_hint_bytes:
            self._node.metrics.hint_dropped()
            return
        transport.write(frame)
        self._n_written += len(frame)
        if not self._is_looking and transport.get_write_buffer_size():
            self._is_looking = True
            self._n_drained, self._moved_at = 0, self._loop.time()
            self._after("slow", 0, self._look)

    def _look(self) -> None:
        """Look each second whether what waits goes out, as long as anything waits."""
        waiting = self.socket.transport.get_write_buffer_size()
        now = self._loop.time()
        if waiting == 0:
            self._is_looking = False
            return
        drained = self._n_written - waiting
        if drained > self._n_drained:
            self._n_drained, self._moved_at = drained, now
        if waiting > self._chat.slow_close_bytes or now - self._moved_at >= self._chat.slow_seconds:
            self.perform(self.protocol.close(TOO_SLOW, "too slow"))
        else:
            self._after("slow", min(SLOW_LOOK_SECONDS, self._chat.slow_seconds / 4), self._look)

    def changed(self, conversation_id: UUID, state: ConversationState) -> None:
        """Take note of a conversation's new state."""
        self.protocol.changed(conversation_id, state)

    def left(self, conversation_id: UUID) -> None:
        """Take note that the account is no member any more."""
        self.protocol.left(conversation_id)

    # ── deadlines ──

    def _after(self, name: str, seconds: float, action: Any) -> None:
        self._cancel(name)
        self._deadlines[name] = self._node.wheel.after(seconds, action)

    def _cancel(self, name: str) -> None:
        if (deadline := self._deadlines.pop(name, None)) is not None:
            deadline.cancel()

    def _not_in_time(self) -> None:
        if self.protocol.is_new:
            self.perform(self.protocol.close(TOO_LATE, "no auth in time"))

    def _beat(self) -> float:
        return self._chat.heartbeat_seconds * _jitter.uniform(0.9, 1.1)

    def _ping(self) -> None:
        if self.protocol.claims is not None and self._left_seconds() <= 0:
            self._expired()  # armed it was by another clock: the wall clock may have been set since
            return
        silent = self._loop.time() - self.socket.heard_at
        if silent >= self._chat.silence_seconds:
            self.perform(self.protocol.close(TOO_LATE, "no heartbeat"))
            return
        if self.socket.protocol.state is OPEN:
            self.socket.protocol.send_ping(b"")
            self.socket.send_data()
        # the second beat in a row may come after the silence has lasted long enough
        self._after("ping", min(self._beat(), self._chat.silence_seconds - silent + 0.1), self._ping)

    def _expire_at(self, claims: Claims) -> None:
        """Arm both ends of a token's time; the wall clock may be set meanwhile, so it is asked again then."""
        left = (claims.expires_at - self._node.hub.clock()).total_seconds()
        self._after("expiring", max(0.0, left - EXPIRING_SECONDS), self._expiring)
        self._after("expired", max(0.0, left), self._expired)

    def _left_seconds(self) -> float:
        claims = self.protocol.claims
        return 0.0 if claims is None else (claims.expires_at - self._node.hub.clock()).total_seconds()

    def _expiring(self) -> None:
        if (left := self._left_seconds() - EXPIRING_SECONDS) > 1:
            self._after("expiring", left, self._expiring)
        else:
            self.perform(self.protocol.expiring())

    def _expired(self) -> None:
        if (left := self._left_seconds()) > 0:
            self._after("expired", left, self._expired)
        else:
            self.perform(self.protocol.close(EXPIRED, "token expired"))

    # ── the end ──

    def _close(self, code: int, reason: str) -> None:
        if self._is_closing:
            return
        self._is_closing = True
        self.close_code = code
        if self.socket.protocol.state is OPEN:
            self.socket.protocol.send_close(code, reason)
            self.socket.send_data()
        is_deaf = code in (TOO_SLOW, TOO_LATE)
        self._after("abort", ABORT_SECONDS if is_deaf else CLOSE_SECONDS, self.abort)
        self._node.closing(self)

    def abort(self) -> None:
        """Cut the connection without another word."""
        if self.socket.protocol.state is not State.CLOSED:
            self.socket.transport.abort()

    def _end(self) -> None:
        self.protocol.close(0, "")
        for name in list(self._deadlines):
            self._cancel(name)
        code = self.close_code or self.socket.close_code or 1006
        self._node.ended(self, code)
        log.info(
            "connection closed",
            extra={
                "connection_id": self.id,
                "code": code,
                "seconds": round(self._loop.time() - self._opened_at, 1),
                **({"account_id": self.account_id} if self.protocol.has_actor else {}),
            },
        )
