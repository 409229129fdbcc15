"""From settings to a listening socket."""

from __future__ import annotations

import errno
import socket
import time
from typing import Final

from coachhub_core.config import Settings
from coachhub_core.errors import SettingsError

BACKLOG: Final = 4096  # with asyncio's 100, 1,500 connects at once took ten seconds; with this, a quarter of one
FILES_BESIDE: Final = 300
"""Descriptors that are no connection of a client: the database, health checks, logs."""


def listen(settings: Settings, *, patience: float = 0) -> socket.socket:
    """
    Return a socket bound to the configured address, listening.

    Args:
        patience: Seconds to wait for a port that is taken.
    Raises:
        SettingsError: Naming the setting, if the address cannot be had.
    """
    host, port = settings.chat_host, settings.chat.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as exc:
        raise SettingsError.of([f"chat.host: {host!r} is no address to listen on"]) from exc
    family, kind, protocol, _, address = found[0]
    deadline = time.monotonic() + patience
    while True:
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(BACKLOG)
            listener.setblocking(False)
            return listener
        except OSError as exc:
            listener.close()
            if exc.errno == errno.EADDRINUSE and time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            raise SettingsError.of([_why(exc, host, port)]) from exc


def _why(exc: OSError, host: str, port: int) -> str:
    if exc.errno == errno.EADDRINUSE:
        return f"chat.port (CHAT_PORT): {port} on {host} is taken by another process"
    if exc.errno in (errno.EACCES, errno.EPERM):
        return f"chat.port (CHAT_PORT): {port} is not yours to listen on"
    return f"chat.host: cannot listen on {host!r}: {exc.strerror}"
