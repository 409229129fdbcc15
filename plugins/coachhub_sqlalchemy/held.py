"""
Commits a server has taken and does not finish, as MariaDB does on a disk that is full.

It answers whoever reads, so nothing is wrong with the connection; and the
thread that commits waits for room, however long ago its client went away. To
send another one after it would only add a thread that waits. So the first that
was waited for in vain is remembered by its number, and changes are refused at
once until the server's own list shows it no more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.engine import Connection

from coachhub_core.errors import Contended, Unavailable

HELD_SECONDS: Final = 0.9  # who waited less met the end of his own time
_LOOK_SECONDS: Final = 1.0
_REFUSE_SECONDS: Final = 3.0  # after a commit that the server broke off
_COMMITS_STILL: Final = (
    "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %s AND command <> 'Sleep' AND time >= %s"
)


class Held:
    """What is remembered of one server's unfinished commits, in one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread_id: int | None = None
        self._since = 0.0
        self._look_at = 0.0
        self._refused_until = 0.0

    @property
    def is_known(self) -> bool:
        """Whether a commit was not finished when it was last looked for."""
        return self._thread_id is not None

    @contextmanager
    def watching(self, connection: Connection) -> Iterator[None]:
        """Remember the commit that is done inside, where it is waited for in vain."""
        driver: Any = connection.connection.dbapi_connection
        socket: Any = getattr(driver, "_sock", None)
        if not hasattr(socket, "blames"):  # SQLite, or a socket of the driver's own
            yield
            return
        thread_id, began = driver.thread_id(), time.monotonic()
        socket.blames = False  # whether the server is away is found by who reads
        try:
            yield
        except Contended:
            if time.monotonic() - began > HELD_SECONDS:
                self._since, self._thread_id = began, thread_id
            raise
        except Unavailable:  # the server itself gave up waiting
            if time.monotonic() - began > HELD_SECONDS:
                self._refused_until = time.monotonic() + _REFUSE_SECONDS
            raise
        finally:
            socket.blames = True

    def look(self, connection: Connection, *, is_hurried: bool = True) -> None:
        """
        Refuse a change while a commit before it is not finished.

        Args:
            is_hurried: Whether to take the last word, if it is younger than a second or being asked for.
        Raises:
            Unavailable: If the server's list still shows it.
        """
        if is_hurried and time.monotonic() < self._refused_until:
            raise Unavailable(what="the database")
        thread_id = self._thread_id
        if thread_id is None:
            return
        if not self._lock.acquire(blocking=not is_hurried):
            raise Unavailable(what="the database")
        try:
            if is_hurried and time.monotonic() < self._look_at:
                raise Unavailable(what="the database")
            self._look_at = time.monotonic() + _LOOK_SECONDS
            # not one that has only lost its client, nor another that has this number since the server began anew
            busy_for = int(time.monotonic() - self._since) - 1  # the server counts whole seconds
            if connection.exec_driver_sql(_COMMITS_STILL, (thread_id, busy_for)).scalar_one():
                raise Unavailable(what="the database")
            if self._thread_id == thread_id:
                self._thread_id = None
        finally:
            self._lock.release()
