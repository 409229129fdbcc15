"""
What all connections of one process share: the hub, the writer, the readers, and who is here.

The event loop's thread owns everything in here; the writer's and the readers'
threads hand their answers over with ``call_soon_threadsafe``.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from coachhub_core import wire
from coachhub_core.bootstrap import CoachHub
from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.chat import ConversationPulse, ConversationView, MarkRead, MessageView, Posted
from coachhub_core.domain.chat import Send as SendCommand
from coachhub_core.errors import Overloaded, Refusal
from coachhub_core.services.chat import CHANNEL, ChatHint
from coachhub_ws import presence
from coachhub_ws.codes import TOO_MANY
from coachhub_ws.committer import Committer, Item, Outcome
from coachhub_ws.connection import Connection
from coachhub_ws.effects import Admitted, Authenticate, Load, Persist, Query, Sync
from coachhub_ws.limits import SendWindows
from coachhub_ws.listeners import Key, Listeners
from coachhub_ws.metrics import Metrics
from coachhub_ws.presence import Presence
from coachhub_ws.readers import Readers
from coachhub_ws.strangers import Strangers
from coachhub_ws.sweep import Sweep
from coachhub_ws.wheel import Wheel

log = logging.getLogger(__name__)

TIDY_SECONDS: Final = 0.5
STRANGERS_MAX: Final = 10_000
HINT_FORMAT: Final = 1


class Node:
    """
    The shared half of a chat server.

    Args:
        after_commit: Handed to the committer; see there.
    """

    def __init__(self, hub: CoachHub, metrics: Metrics, *, after_commit: Callable[[], None] = lambda: None) -> None:
        chat = hub.settings.chat
        self.hub = hub
        self.metrics = metrics
        self._loop = asyncio.get_running_loop()
        self.wheel = Wheel(self._loop)
        self.sends = SendWindows(chat.sends, chat.sends_window_seconds, self._loop.time)
        self.connections: set[Connection] = set()
        self.emptied = asyncio.Event()
        self.strangers = Strangers(chat, self._loop.time)
        self._accounts: dict[UUID, dict[Connection, None]] = {}
        self._strangers: OrderedDict[UUID, None] = OrderedDict()
        self.readers = Readers()
        self.committer = Committer(
            hub.chat.write_many,
            partial(self._soon, self._committed),
            chat,
            observe=metrics.observe,
            after_commit=after_commit,
        )
        self.listeners = Listeners(
            fill=self._fill,
            introduce=self._introduce,
            later=self.wheel.after,
            monotonic=self._loop.time,
            delivered=metrics.caught_up,
        )
        bus = hub.broadcast
        self.presence = Presence(
            hub.new_id(),
            publish=partial(bus.publish, presence.CHANNEL) if bus.reaches_other_processes else None,
            tell=self.listeners.present,
            later=self.wheel.after,
            monotonic=self._loop.time,
        )
        self.sweep = Sweep(self)
        self._unsubscribe: list[Callable[[], None]] = []

    def start(self) -> None:
        """Begin to write, read, hear and sweep."""
        self.committer.start()
        self.readers.start()
        bus = self.hub.broadcast
        self._unsubscribe.append(bus.subscribe(CHANNEL, self._heard))
        if bus.reaches_other_processes:
            self._unsubscribe.append(bus.subscribe(presence.CHANNEL, partial(self._soon, self.presence.heard)))
        self.presence.start()
        self.sweep.start()
        self._tidy()
        self.metrics.watch(
            {
                "connections": ("Open connections.", lambda: len(self.connections)),
                "accounts": ("Accounts with a connection.", lambda: len(self._accounts)),
                "listeners": ("Listeners, once per conversation.", lambda: self.listeners.n_listeners),
                "queue_length": ("Messages and marks that wait for the writer.", lambda: self.committer.n_queued),
                "queue_age_seconds": ("How long the oldest has waited.", lambda: self.committer.age_seconds),
                "readers_waiting": ("Reads that wait for a thread.", lambda: self.readers.n_waiting),
                "buffer_bytes": ("Bytes that wait for their readers.", self._buffered),
            }
        )

    def _buffered(self) -> float:
        return sum(c.socket.transport.get_write_buffer_size() for c in list(self.connections))

    async def stop(self) -> None:
        """Commit what is queued and end every thread; connections are gone by now."""
        self.presence.stop()
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        await self.sweep.stop()
        await self._loop.run_in_executor(None, self.committer.close)
        await self._loop.run_in_executor(None, self.readers.close)
        self.wheel.close()

    # ── coming and going ──

    def began(self, connection: Connection) -> None:
        """Count a connection that nobody has been admitted to yet."""
        self.connections.add(connection)
        self.strangers.came(connection)

    def admit(self, connection: Connection, conversations: Sequence[ConversationView]) -> None:
        """Let a connection be an account's; the oldest goes where there are too many."""
        self.strangers.forget(connection)
        mine = self._accounts.setdefault(connection.account_id, {})
        mine[connection] = None
        self.presence.came(connection.account_id)
        while len(mine) > self.hub.settings.chat.connections_per_account:
            oldest = next(iter(mine))
            del mine[oldest]
            oldest.perform(oldest.protocol.close(TOO_MANY, "too many connections of this account"))
        self.listeners.watch(connection, conversations)

    def closing(self, connection: Connection) -> None:
        """Count a connection that is being closed no longer as its account's."""
        if connection.protocol.has_actor:
            mine = self._accounts.get(connection.account_id, {})
            if connection in mine:
                del mine[connection]
                if not mine:
                    del self._accounts[connection.account_id]
                    self.presence.went(connection.account_id)

    def ended(self, connection: Connection, code: int) -> None:
        """Forget a connection."""
        self.closing(connection)
        self.strangers.forget(connection)
        self.connections.discard(connection)
        if not self.connections:
            self.emptied.set()
        self.listeners.forget(connection)
        self.metrics.closed(code)

    # ── writing ──

    def persist(self, connection: Connection, persist: Persist) -> None:
        """Queue what a connection wants stored."""
        item = Item.of((connection, persist), connection.account_id, persist.command)
        key = _key(item)
        if key is not None:
            self.listeners.sending(key, connection)
        try:
            self.committer.submit(item)
        except Refusal as exc:
            if key is not None:
                self.listeners.sent(key)
            connection.persisted(persist, exc)

    def _committed(self, results: list[tuple[Item, Outcome]]) -> None:
        messages: list[MessageView] = []
        for item, outcome in results:
            connection, persist = item.ticket
            connection.persisted(persist, outcome)
            if isinstance(outcome, Posted):
                messages.append(outcome.message)
            elif isinstance(item.command, MarkRead) and isinstance(outcome, int):
                self.listeners.mark(item.command.conversation_id, item.account_id, outcome)
        # also what was stored before: a batch that was run again after a broken COMMIT finds its own messages so
        self.listeners.deliver(messages)
        for item, _ in results:
            if (key := _key(item)) is not None:
                self.listeners.sent(key)

    def _tidy(self) -> None:
        """Answer what waits for a database that hangs, and free what no longer counts."""
        if expired := self.committer.expired():
            self._committed(expired)
        self.sends.forget_old()
        self.wheel.after(TIDY_SECONDS, self._tidy)

    # ── reading ──

    def load(self, connection: Connection, load: Load) -> None:
        """Ask a reader for a connection; where it joins, it listens from now on."""
        query = load.query
        if isinstance(query, Sync):
            for id in query.after:
                self.listeners.begin(connection, id, load)
        if isinstance(query, Authenticate):  # with a genuine token, though its session may be over
            self.strangers.forget(connection)
        actor = None if isinstance(query, Authenticate) else connection.protocol.actor
        try:
            self.readers.submit(partial(self.ask, query, actor), partial(self._soon, partial(connection.loaded, load)))
        except Overloaded as exc:
            connection.loaded(load, exc)

    def ask(self, query: Query, actor: Actor | None) -> Any:
        """Answer a query; runs in a reader's thread."""
        if isinstance(query, Authenticate):
            actor = self.hub.accounts.authenticate(query.claims)
            return Admitted(actor, self.hub.chat.conversations(actor).items)
        assert actor is not None  # noqa: S101 - only what admits somebody is asked by nobody
        if isinstance(query, Sync):
            return self.hub.chat.sync(actor, query.after)
        return self.hub.chat.history(actor, query)

    def _fill(self, conversation_id: UUID, after_seq: int) -> None:
        def done(result: Any) -> None:
            messages = None if isinstance(result, Exception) else result
            self._soon(self.listeners.filled, conversation_id, messages)

        try:
            self.readers.submit(partial(self.hub.chat.after, conversation_id, after_seq), done)
        except Overloaded:
            self._loop.call_soon(self.listeners.filled, conversation_id, None)

    def _introduce(self, conversation_id: UUID) -> None:
        """Look once whose a conversation is that nobody here hears of: it may be younger than a ``welcome``."""
        if conversation_id in self._strangers or not self._accounts:
            return
        self._strangers[conversation_id] = None
        if len(self._strangers) > STRANGERS_MAX:
            self._strangers.popitem(last=False)

        def ask() -> tuple[Sequence[ConversationPulse], frozenset[UUID]]:
            pulses = self.hub.chat.pulses([conversation_id])
            return pulses, self.hub.chat.members([conversation_id]).get(conversation_id, frozenset())

        try:
            self.readers.submit(ask, partial(self._soon, self._introduced, conversation_id))
        except Overloaded:
            self._strangers.pop(conversation_id, None)

    def _introduced(self, conversation_id: UUID, result: Any) -> None:
        if isinstance(result, Exception):
            self._strangers.pop(conversation_id, None)  # its next message asks again
            return
        pulses, members = result
        for pulse in pulses:
            self.listeners.introduced(pulse, members, [c for id in members for c in self._accounts.get(id, ())])

    def presence_for(self, connection: Connection, account_ids: Sequence[UUID]) -> dict[UUID, bool]:
        """Return who of these is here, as far as that connection's account may know; it hears of them from now on."""
        return {id: self.presence.is_online(id) for id in self.listeners.ask_presence(connection, account_ids)}

    # ── the bus ──

    def _heard(self, payload: bytes) -> None:
        """Take a hint; in any thread. What the writer publishes it delivers by itself."""
        if threading.get_ident() == self.committer.thread_id:
            return
        try:
            hint = wire.view(ChatHint, payload)
        except Exception:  # of another version: still a hint that something happened
            log.debug("a hint could not be read", exc_info=True)
            self._soon(self.sweep.wake)
            return
        self._soon(self._hinted, hint)

    def _hinted(self, hint: ChatHint) -> None:
        if hint.format != HINT_FORMAT:
            self.sweep.wake()
            return
        self.listeners.deliver(hint.messages)
        for moved in hint.marks:
            self.listeners.mark(moved.conversation_id, moved.account_id, moved.seq)

    def _soon(self, action: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(action, *arguments)
        except RuntimeError:
            log.debug("the loop has ended")  # at the very end: nobody is left to be told


def _key(item: Item) -> Key | None:
    return item.command.key if isinstance(item.command, SendCommand) else None
