"""
A TCP proxy that fails on purpose.

    with Proxy(("127.0.0.1", 3306)) as proxy:
        proxy.fault = Hang()            # from now on, also for connections that stand
        …
        proxy.heal()

A fault is a value: what to do with new connections, and with each piece of what
is answered. Threads of its own move the bytes, so it serves pytest and scripts
alike, and needs nothing of the machine (``tc netem`` would need rights).
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Final, Self

import attrs

PIECE: Final = 64 * 1024
_TICK: Final = 0.02


@attrs.frozen
class Healthy:
    """Everything passes."""


@attrs.frozen
class Refuse:
    """Nobody listens: new connections are refused, those that stand are reset."""


@attrs.frozen
class Hang:
    """Connections are taken and stand; no byte passes in either direction until it is healed."""


@attrs.frozen
class Slow:
    """Each answer comes *seconds* late: once per round trip, however large it is."""

    seconds: float = 0.3


@attrs.frozen
class Trickle:
    """Answers come byte by byte."""

    bytes_per_second: float = 20.0


@attrs.frozen
class Reset:
    """Connections are taken and reset, those that stand as well."""


@attrs.frozen
class CutAfter:
    """Each connection ends in the middle of an answer, after *n_bytes* of answers."""

    n_bytes: int = 20


@attrs.frozen
class Garbage:
    """Answers are replaced: by HTML, as a wrong address would give, or by noise."""

    kind: str = "html"
    seed: int = 1

    def of(self, length: int) -> bytes:
        """Return something of about this length."""
        if self.kind == "html":
            return b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html><body>no</body></html>\r\n"
        return random.Random(self.seed).randbytes(max(length, 16))


@attrs.frozen
class AnswerLost:
    """What is asked arrives, and is done; what is answered does not come back, and the connection ends."""


Fault = Healthy | Refuse | Hang | Slow | Trickle | Reset | CutAfter | Garbage | AnswerLost

HEALTHY: Final = Healthy()


class Proxy:
    """
    Listens on a port of its own and passes everything to *target*.

    Args:
        target: Host and port of the real server; may be changed while it runs.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.n_connections = 0
        """How many were taken in all."""
        self.n_round_trips = 0
        """How often somebody asked and was answered."""
        self._fault: Fault = HEALTHY
        self._lock = threading.Lock()
        self._pairs: set[_Pair] = set()
        self._closed = threading.Event()
        self._listener: socket.socket | None = self._listen(0)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name=f"proxy-{self.port}", daemon=True)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return "127.0.0.1", self.port

    @property
    def fault(self) -> Fault:
        """What it does now."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        with self._lock:
            self._fault = fault
            if isinstance(fault, Refuse):
                self._stop_listening()
            elif self._listener is None:
                self._listener = self._listen(self.port)
        if isinstance(fault, Refuse | Reset):
            self._drop_all()

    def heal(self) -> None:
        """Pass everything again; what hung flows."""
        self.fault = HEALTHY

    def drop(self) -> None:
        """Reset the connections that stand, once; new ones are served as the fault says."""
        self._drop_all()

    def close(self) -> None:
        """End."""
        self._closed.set()
        with self._lock:
            self._stop_listening()
        self._drop_all()
        self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # ── inside ──

    @staticmethod
    def _listen(port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
        listener.settimeout(_TICK)
        return listener

    def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # at once, though a thread waits on it
            listener.close()

    def _drop_all(self) -> None:
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            pair.reset()

    def _accept(self) -> None:
        while not self._closed.is_set():
            listener = self._listener
            if listener is None:
                self._closed.wait(_TICK)
                continue
            try:
                client, _ = listener.accept()
            except OSError:  # nobody came, or it was closed meanwhile
                continue
            self.n_connections += 1
            if isinstance(self._fault, Reset | Refuse):
                _reset(client)
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self.target, timeout=5)
        except OSError:
            _reset(client)
            return
        pair = _Pair(self, client, server)
        with self._lock:
            self._pairs.add(pair)
        try:
            pair.run()
        finally:
            with self._lock:
                self._pairs.discard(pair)


class _Pair:
    """A client and its server, and a thread for each direction."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client, self._server = client, server
        self._n_answered = 0
        self._asked = threading.Event()  # since the last answer
        self._ended = threading.Event()
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.settimeout(None)

    def run(self) -> None:
        asking = threading.Thread(target=self._ask, daemon=True)
        asking.start()
        self._answer()
        self._ended.set()
        asking.join()

    def reset(self) -> None:
        """End both sides, the client's with a reset."""
        self._ended.set()
        for end in (self._client, self._server):
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads
            end.close()

    def _ask(self) -> None:
        try:
            while piece := self._client.recv(PIECE):
                if not self._pass_hanging():
                    return
                self._asked.set()
                self._server.sendall(piece)
            self._server.shutdown(socket.SHUT_WR)
        except OSError:
            self.reset()

    def _answer(self) -> None:
        try:
            while piece := self._server.recv(PIECE):
                if not self._pass_hanging() or not self._say(piece):
                    break
        except OSError:
            pass
        self.reset()

    def _pass_hanging(self) -> bool:
        """Wait for the end of a hang; False when the connection ended meanwhile."""
        while isinstance(self._proxy.fault, Hang):
            if self._ended.wait(_TICK):
                return False
        return not self._ended.is_set()

    def _say(self, piece: bytes) -> bool:
        """Do to an answer what the fault says; False ends the connection."""
        fault = self._proxy.fault
        if self._asked.is_set():
            self._asked.clear()
            self._proxy.n_round_trips += 1
            if isinstance(fault, Slow):
                time.sleep(fault.seconds)  # the network's time, which is the fault
        if isinstance(fault, AnswerLost):
            return False
        if isinstance(fault, Garbage):
            self._client.sendall(fault.of(len(piece)))
            return True
        if isinstance(fault, CutAfter):
            room = fault.n_bytes - self._n_answered
            self._client.sendall(piece[: max(room, 0)])
            self._n_answered += len(piece)
            return room > len(piece)
        if isinstance(fault, Trickle):
            for index in range(len(piece)):
                self._client.sendall(piece[index : index + 1])
                if self._proxy.fault is not fault:
                    self._client.sendall(piece[index + 1 :])
                    break
                if self._ended.wait(1 / fault.bytes_per_second):
                    return False
            return True
        self._client.sendall(piece)
        return True


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()
