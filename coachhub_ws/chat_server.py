"""
A chat server on one listening socket: serves, drains, ends.

It listens before its hub stands, so that /health/live can say that it lives;
sockets are taken once :meth:`ChatServer.open` was given a hub.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import Callable
from typing import Final

from websockets.asyncio.server import Server, ServerConnection, serve

from coachhub_core.bootstrap import CoachHub
from coachhub_core.config import Settings
from coachhub_ws.answers import FRAME_MAX
from coachhub_ws.codes import DRAINED
from coachhub_ws.connection import ABORT_SECONDS, ChatSocket, Connection
from coachhub_ws.metrics import Metrics
from coachhub_ws.node import Node
from coachhub_ws.phase import Phase
from coachhub_ws.starting import BACKLOG
from coachhub_ws.upgrade import SUBPROTOCOL, Upgrade, select_subprotocol

log = logging.getLogger(__name__)

OPEN_SECONDS: Final = 10.0
HINT_SECONDS: Final = 10.0
N_SLICES: Final = 20  # of 5 %
SLICE_SECONDS: Final = 0.1
_jitter = random.Random()  # noqa: S311 - spreads reconnects, protects nothing


class ChatServer:
    """
    Serves the protocol on *listener*.

    Args:
        after_commit: Called between COMMIT and the answers: where a test lets the process die.
    """

    def __init__(
        self, settings: Settings, listener: socket.socket, *, after_commit: Callable[[], None] = lambda: None
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._after_commit = after_commit
        self._phase = Phase()
        self._metrics = Metrics()
        self._server: Server | None = None
        self._upgrade = Upgrade(settings, self._phase, self._metrics, lambda: self.node)
        self.node: Node | None = None

    @property
    def port(self) -> int:
        """The port this server is bound to."""
        port: int = self._listener.getsockname()[1]
        return port

    async def listen(self) -> None:
        """Begin to answer; until :meth:`open`, everything but /health/live is a 503."""
        self._server = await serve(
            self._handle,
            sock=self._listener,
            create_connection=ChatSocket,
            process_request=self._upgrade,
            subprotocols=[SUBPROTOCOL],
            select_subprotocol=select_subprotocol,
            compression=None,  # a frame's bytes are then the same for everybody
            max_size=FRAME_MAX,
            max_queue=16,
            write_limit=32_768,
            ping_interval=None,  # one wheel for all instead of a task each
            open_timeout=OPEN_SECONDS,
            close_timeout=ABORT_SECONDS,
            backlog=BACKLOG,
            server_header="CoachHub",
        )

    def open(self, hub: CoachHub) -> None:
        """Take connections for *hub*."""
        self.node = Node(hub, self._metrics, after_commit=self._after_commit)
        self.node.start()
        self._phase.is_started = True

    async def _handle(self, socket: ServerConnection) -> None:
        assert isinstance(socket, ChatSocket)  # noqa: S101 - as serve() was told to make them
        node = self.node
        if node is None:  # the upgrade refuses everybody until it stands
            return
        connection = Connection(socket, node)
        node.began(connection)
        await connection.serve()

    async def drain(self) -> None:
        """
        Part with everybody: ask to go elsewhere, take sends meanwhile, then close what is left in slices.

        Takes as long as the setting ``chat.drain_seconds`` while clients stay, and
        four seconds more at most; no connection is open afterwards.
        """
        self._phase.is_draining = True
        if self._server is not None:
            self._server.close(close_connections=False)
        node = self.node
        if node is None:
            return
        seconds = self._settings.chat.drain_seconds
        for connection in list(node.connections):
            hint_ms = int(_jitter.uniform(0, min(HINT_SECONDS, seconds * 2 / 3)) * 1000)
            connection.perform(connection.protocol.draining(hint_ms))
        log.info("draining %d connections", len(node.connections))
        await self._until_empty(node, seconds)
        left = list(node.connections)
        _jitter.shuffle(left)
        size = max(1, -(-len(left) // N_SLICES))
        for start in range(0, len(left), size):
            for connection in left[start : start + size]:
                connection.perform(connection.protocol.part(DRAINED, "draining"))
            await asyncio.sleep(SLICE_SECONDS)
        await self._until_empty(node, ABORT_SECONDS)
        for connection in list(node.connections):
            connection.abort()
        await self._until_empty(node, ABORT_SECONDS)

    @staticmethod
    async def _until_empty(node: Node, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while node.connections and asyncio.get_running_loop().time() < deadline:
            node.emptied.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await node.emptied.wait()
            except TimeoutError:
                return

    async def stop(self) -> None:
        """Commit what is queued and end the threads."""
        if self.node is not None:
            await self.node.stop()

    async def close(self) -> None:
        """Close the socket, and whatever is still open on it."""
        if self._server is not None:
            self._server.close(close_connections=True)
            for connection in list(self.node.connections) if self.node is not None else ():
                connection.abort()
            await self._server.wait_closed()
        self._listener.close()
