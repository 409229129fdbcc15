"""
gunicorn's ``asgi`` worker, mended where it was seen to lack something.

Each override answers one way a client, or the end of a process, did harm to
``gunicorn`` 27.0.1 as it comes:

- a head that never ends held its connection for ever: 408 after ``head_seconds``;
- a reader that never reads held its answer for ever: cut off after ``write_seconds``;
- ``worker_connections`` was not counted: 503 above ``max_connections``;
- the master listened before a worker was ready, and requests hung in its backlog when
  another node would have answered: the first worker that is ready listens;
- one worker took a whole burst and cut the backlog to 100: one connection per wake-up;
- idle connections delayed the end by up to 30 s, and those that were promised
  keep-alive were cut: for a second every answer says ``Connection: close``, then
  the idle ones are closed;
- connections that waited to be taken were reset when the port was closed: they are
  taken first;
- an answer given before the body was read was lost in a reset: what still comes is
  read and dropped for a moment, as RFC 9112 section 9.6 asks;
- its own errors were plain text: they have the one error body.

It overrides private methods, so ``gunicorn`` is pinned to ``>=27.0.1,<27.1`` and
each override has its test in ``tests/http/test_http_worker.py``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
from contextlib import suppress
from functools import partial
from typing import Any, Final

from gunicorn.arbiter import Arbiter
from gunicorn.asgi.lifespan import LifespanManager
from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers.gasgi import ASGIWorker

from coachhub_core.config import Http
from coachhub_http.edge import STATIC_HEADERS
from coachhub_http.problems import JSON, plain_problem, problem

ANNOUNCE_SECONDS: Final = 1.0
"""How long a leaving worker answers ``Connection: close`` before it closes what is idle."""

LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 16 * 1024 * 1024
MAX_LINGERING: Final = 200  # refused connections that may linger; above, they are cut off at once
HEARTBEAT_SECONDS: Final = 0.25  # also how soon a worker notices that its master is gone, and frees the port
ACCEPT_RETRY_SECONDS: Final = 1.0
_RESET: Final = struct.pack("ii", 1, 0)  # linger, for no time


class Connection(ASGIProtocol):  # type: ignore[misc]  # gunicorn is not typed
    """One connection of a client."""

    worker: Worker
    _closed: bool

    def __init__(self, worker: Worker) -> None:
        super().__init__(worker)
        self._http: Http = worker.http
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._linger_timer: asyncio.TimerHandle | None = None
        self._n_dropped = 0
        self._is_refused = False
        self._input_is_broken = False

    # ── its beginning ──

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Serve the connection, or refuse it when there are too many; a head has ``head_seconds`` to come."""
        if self.worker.nr_conns >= self._http.max_connections:
            self._refuse(transport)
            return
        self.worker.connections.add(self)
        super().connection_made(transport)
        self._head_timer = self.worker.loop.call_later(self._http.head_seconds, self._head_is_late)

    def _refuse(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self._is_refused = True
        if self.worker.n_lingering >= MAX_LINGERING:
            transport.abort()
            return
        self._send_error_response(503, "", (("Retry-After", "1"),), code="overloaded")
        self._close_transport()

    def _head_is_late(self) -> None:
        self._head_timer = None
        if getattr(self._callback_parser, "_buffer", None):  # who sent nothing at all is not told that it is late
            self._send_error_response(408, "")
        self._leave()

    def _on_headers_complete(self) -> bool:
        self._cancel_head_timer()
        return bool(super()._on_headers_complete())

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _is_websocket_upgrade(self, request: Any) -> bool:
        return False  # chat has its own server; a request that asks for an upgrade here is answered as it stands

    # ── a reader that does not read ──

    def pause_writing(self) -> None:
        """Wait ``write_seconds`` for a client to read what fills the buffer."""
        super().pause_writing()
        self._arm_write_timer()

    def resume_writing(self) -> None:
        """Go on: the client reads."""
        super().resume_writing()
        if self._write_timer is not None and not self._closed:
            self._write_timer.cancel()
            self._write_timer = None

    def _arm_write_timer(self) -> None:
        if self._write_timer is None:
            self._write_timer = self.worker.loop.call_later(self._http.write_seconds, self._cut_off)

    def _cut_off(self) -> None:
        with suppress(OSError):  # a reset: what the kernel still holds for this client is given up too
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    # ── its end ──

    def _will_close(self, request: Any, response_requires_close: bool) -> bool:
        receiver = self._body_receiver
        return (
            self.worker.is_leaving
            or (receiver is not None and not receiver._complete)  # what is left of the body would be read as a request
            or bool(super()._will_close(request, response_requires_close))
        )

    def close_if_idle(self, *, fresh: bool) -> None:
        """Close a connection that waits for a request; *fresh*: also one that never sent any."""
        if self._awaiting_request and not self._finishing_calls and (fresh or self.req_count > 1):
            self._leave()

    def _leave(self) -> None:
        self._close_transport()
        if self._request_ready is not None:
            self._request_ready.set()  # wakes the serving task, which sees that the connection is closed

    def _close_transport(self) -> None:
        """End the connection: what was written is sent first, what still comes is read and dropped for a moment."""
        if self.transport is None or self._closed:
            return
        self._closed = True
        receiver = self._body_receiver
        may_have_unread = self._is_refused or self._input_is_broken or (receiver is not None and not receiver._complete)
        with suppress(OSError, RuntimeError):
            if self.transport.can_write_eof():
                self.transport.write_eof()
        if may_have_unread and not self.transport.is_closing():
            self.worker.n_lingering += 1
            self._linger_timer = self.worker.loop.call_later(LINGER_SECONDS, self.transport.abort)
            self._resume_reading()
        else:
            self.transport.close()
        if self.transport.get_write_buffer_size():
            self._arm_write_timer()

    def data_received(self, data: bytes) -> None:
        """Parse what came, or drop it once the connection is ending."""
        if self._linger_timer is not None:
            self._n_dropped += len(data)
            if self._n_dropped > LINGER_BYTES:
                self.transport.abort()
        elif not self._closed:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._cancel_head_timer()
        if self._write_timer is not None:
            self._write_timer.cancel()
        if self._linger_timer is not None:
            self._linger_timer.cancel()
            self.worker.n_lingering -= 1
            self._linger_timer = None
        self.worker.connections.discard(self)
        if not self._is_refused:
            super().connection_lost(exc)

    # ── the worker's own errors ──

    def _send_error_response(
        self, status: int, message: str, extra_headers: tuple[tuple[str, str], ...] = (), *, code: str = ""
    ) -> None:
        """Write an error of the server itself; *message* may quote the request, so it stays here."""
        self._input_is_broken = True
        body = (
            problem(503, "overloaded", "too many connections are open; try again in a moment")
            if code == "overloaded"
            else plain_problem(status)
        )
        reason = self._get_reason_phrase(status) if status != 431 else "Request Header Fields Too Large"
        lines = [f"HTTP/1.1 {status} {reason}", f"Content-Type: {JSON}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in extra_headers]
        lines += [f"{name.decode()}: {value.decode()}" for name, value in STATIC_HEADERS]
        lines += ["Cache-Control: no-store", "Connection: close", "", ""]
        self._safe_write("\r\n".join(lines).encode("latin-1") + body)


class Worker(ASGIWorker):  # type: ignore[misc]  # gunicorn is not typed
    """
    One process that serves.

    Its application (``coachhub_http.server.Application``) hands it the settings
    as ``app.http``.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        self.is_leaving = False
        self._is_closing = False
        self._left: asyncio.Event | None = None
        super().__init__(*args, **more)
        self.http: Http = self.app.http
        self.connections: set[Connection] = set()
        self.n_lingering = 0
        self._accepting: set[asyncio.Task[None]] = set()

    @property
    def alive(self) -> bool:
        """
        Whether connections are kept for a next request.

        gunicorn sets this to False when the worker shall go, and cuts each
        connection on seeing it. Here that begins the farewell: it reads as True
        until those that were promised keep-alive had time to be told.
        """
        return not self._is_closing

    @alive.setter
    def alive(self, value: bool) -> None:
        if not value and not self.is_leaving:
            self.is_leaving = True
            if (drain := getattr(getattr(self, "asgi", None), "drain", None)) is not None:
                drain()  # /health/ready says so from now on
            if self._left is not None:
                self._left.set()

    def init_signals(self) -> None:
        """Treat SIGINT as SIGTERM: Ctrl-C reaches every process of a terminal, and is no reason to drop a request."""
        super().init_signals()
        self.loop.add_signal_handler(signal.SIGINT, self.handle_exit_signal)

    def handle_quit_signal(self) -> None:
        """End at once."""
        self._quick_shutdown = True
        self._is_closing = True
        self.alive = False

    def _cleanup(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):  # Ctrl-C and the master's SIGTERM may both come: once is enough
            self.loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
        super()._cleanup()

    async def _serve(self) -> None:
        self._left = asyncio.Event()
        if self.is_leaving:
            self._left.set()
        await self._start_application(self._left)
        if not self.is_leaving:
            self._start_listening()
        while not self.is_leaving:
            self.notify()
            if self._is_alone():
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(self._left.wait(), HEARTBEAT_SECONDS)
        await self._shutdown()

    async def _start_application(self, left: asyncio.Event) -> None:
        """Let the application start, unless the end comes first."""
        self.lifespan = LifespanManager(self.asgi, self.log, self.state)
        starting = self.loop.create_task(self.lifespan.startup())
        leaving = self.loop.create_task(left.wait())
        either = {starting, leaving}
        while not (await asyncio.wait(either, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED))[0]:
            if self._is_alone():
                break
        leaving.cancel()
        if not starting.done():
            starting.cancel()
            self.lifespan = None
        elif (error := starting.exception()) is not None:
            self.log.error("the application did not start: %s", error)
            raise SystemExit(Arbiter.WORKER_BOOT_ERROR) from error

    def _is_alone(self) -> bool:
        """Whether the master is gone; then the port is free for whoever takes its place."""
        if self.ppid == os.getppid():
            return False
        self.log.info("the master is gone, leaving: %s", self)
        self._stop_listening()
        self.alive = False
        return True

    # ── taking connections ──

    def _start_listening(self) -> None:
        for listener in self.sockets:
            try:
                listener.sock.listen(self.cfg.backlog)
            except OSError as exc:
                self.app.refuse_address(exc)
                raise SystemExit(Arbiter.APP_LOAD_ERROR) from exc
            self._listen(listener.sock)

    def _listen(self, listener: socket.socket) -> None:
        self.loop.add_reader(listener.fileno(), self._accept, listener)

    def _stop_listening(self) -> None:
        for listener in self.sockets:
            if listener.sock is not None and listener.sock.fileno() >= 0:
                self.loop.remove_reader(listener.sock.fileno())
                self._take_waiting(listener.sock)
                listener.sock.close()

    def _take_waiting(self, listener: socket.socket) -> None:
        """Take who has connected already: closing the port would reset them, with what they have sent."""
        with suppress(OSError):
            while True:
                self._attach_soon(listener.accept()[0])

    def _accept(self, listener: socket.socket) -> None:
        """Take one connection: asyncio's own server takes a hundred, and the other workers starve."""
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker was faster, or the client left
        except OSError as exc:  # out of descriptors or memory: look again in a moment, or this spins
            self.log.error("cannot take connections: %s", exc.strerror)
            self.loop.remove_reader(listener.fileno())
            self.loop.call_later(ACCEPT_RETRY_SECONDS, self._listen_again, listener)
            return
        self._attach_soon(connection)

    def _attach_soon(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        task = self.loop.create_task(self._attach(connection))
        self._accepting.add(task)
        task.add_done_callback(self._accepting.discard)

    def _listen_again(self, listener: socket.socket) -> None:
        if not self._is_closing and listener.fileno() >= 0:
            self._listen(listener)

    async def _attach(self, connection: socket.socket) -> None:
        try:
            await self.loop.connect_accepted_socket(partial(Connection, self), connection)
        except OSError:
            connection.close()

    # ── leaving ──

    async def _shutdown(self) -> None:
        """Answer what is in flight within ``graceful_timeout``, tell clients to come back elsewhere, close in order."""
        deadline = self.loop.time() + self.cfg.graceful_timeout
        if self._is_busy and not self._quick_shutdown:
            await self._wait(until=min(deadline, self.loop.time() + ANNOUNCE_SECONDS))
        self._is_closing = True
        self._stop_listening()
        fresh_until = self.loop.time() + ANNOUNCE_SECONDS  # who has just connected may still be sending
        while self._is_busy and self.loop.time() < deadline and not self._quick_shutdown:
            for connection in tuple(self.connections):
                connection.close_if_idle(fresh=self.loop.time() >= fresh_until)
            await self._wait(until=self.loop.time() + 0.05)
        if self.connections:
            self.log.warning("closing %d connections that did not finish", len(self.connections))
        if self.lifespan is not None and not self._quick_shutdown:
            await self.lifespan.shutdown()

    @property
    def _is_busy(self) -> bool:
        return bool(self.connections or self._accepting)

    async def _wait(self, *, until: float) -> None:
        while (left := until - self.loop.time()) > 0 and self._is_busy and not self._quick_shutdown:
            self.notify()
            await asyncio.sleep(min(left, 0.05))
