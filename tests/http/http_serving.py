"""A real server on a free port, for what only sockets can show."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

TINY = Path(__file__).with_name("http_tiny_server.py")


class Server:
    """A server process and the raw connections a test opens to it."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def connect(self, timeout: float = 10) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def ask(self, request: bytes, timeout: float = 10) -> bytes:
        """Send *request* on a connection of its own and return all that comes until the server closes it."""
        with self.connect(timeout) as connection:
            connection.sendall(request)
            return read_all(connection)

    def get(self, path: str) -> bytes:
        return self.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def workers(self) -> list[int]:
        """Give the processes that answer, or will."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def wait(self, timeout: float = 25) -> int:
        return self.process.wait(timeout)


def read_all(connection: socket.socket) -> bytes:
    """Read until the other side closes, or cuts, the connection."""
    found = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            found += piece
    return bytes(found)


def read_answer(connection: socket.socket) -> bytes:
    """Read one answer that has a Content-Length, and no more."""
    found = bytearray()
    while b"\r\n\r\n" not in found:
        piece = connection.recv(65536)
        assert piece, f"the connection ended in a head: {bytes(found)!r}"
        found += piece
    head, _, body = bytes(found).partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        piece = connection.recv(65536)
        assert piece, "the connection ended in a body"
        body += piece
    return head + b"\r\n\r\n" + body


def wait_for_port(port: int, process: subprocess.Popen[bytes], timeout: float = 20) -> None:
    """Return once the server answers."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            if b" 200 " in read_all(connection).split(b"\r\n")[0]:
                return
        select_nothing()
    raise AssertionError("the server did not answer in time")


def select_nothing() -> None:
    """Give the other process a moment."""
    os.sched_yield()
    import select

    select.select([], [], [], 0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def tiny_server(
    *, port: int = 0, is_awaited: bool = True, start_seconds: float = 0, **http: object
) -> Iterator[Server]:
    """
    Run ``http_tiny_server.py`` with these settings of ``[http]``; it is killed at the end if it still runs.

    Args:
        port: By default a free one.
        is_awaited: Whether to wait until it answers.
        start_seconds: How long its application takes to start.
    """
    port = port or free_port()
    environ = {
        **os.environ,
        "PORT": str(port),
        "START_SECONDS": str(start_seconds),
        "COACHHUB_HTTP_WORKERS": "1",
        "LOG_LEVEL": "warning",
        **{f"COACHHUB_HTTP_{name.upper()}": str(value) for name, value in http.items()},
    }
    process = subprocess.Popen([sys.executable, str(TINY)], env=environ, stdout=subprocess.DEVNULL)
    try:
        if is_awaited:
            wait_for_port(port, process)
        yield Server(process, port)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(25)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
