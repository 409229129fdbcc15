"""Rate counters that all processes on one machine share: a small SQLite file that may be lost at any time."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Final

from coachhub_core.memory.rate_counters import MemoryRateCounters
from coachhub_core.ports.rate_counters import Hit

log = logging.getLogger("coachhub.limits")

_BUSY_SECONDS: Final = 0.25
_ALONE_SECONDS: Final = 1.0  # without asking the file again, once it could not be used
_SWEEP_SECONDS: Final = 60.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS hits (key BLOB NOT NULL, at REAL NOT NULL, until REAL NOT NULL);
CREATE INDEX IF NOT EXISTS hits_key ON hits (key, at);
CREATE INDEX IF NOT EXISTS hits_until ON hits (until);
"""


class MachineRateCounters:
    """
    Sliding windows in a file, so that two processes allow no more than one would.

    A key is kept as a digest, for it may hold an address. Where the file cannot
    be used, each process counts by itself. Instants are monotonic, and the
    file is emptied after a restart of the machine.

    Args:
        path: The file; made when the first hit is counted.
        monotonic: Seconds that never go back, the same for all processes.
    """

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._pid = 0
        self._swept_at = 0.0
        self._alone = MemoryRateCounters(monotonic=monotonic)
        self._is_alone = False
        self._alone_until = 0.0

    def hit(self, key: str, *, limit: int, window_seconds: float, cost: int = 1) -> Hit:
        """Count one more, if there is room."""
        with self._lock:
            if self._monotonic() >= self._alone_until:
                try:
                    found = self._counted(_digest(key), limit, window_seconds, cost)
                except (sqlite3.Error, OSError) as exc:
                    self._fall_back(exc)
                else:
                    self._is_alone = False
                    return found
        return self._alone.hit(key, limit=limit, window_seconds=window_seconds, cost=cost)

    def forget(self, key: str) -> None:
        """Start a key anew."""
        self._alone.forget(key)
        with self._lock:
            try:
                self._open().execute("DELETE FROM hits WHERE key = ?", (_digest(key),))
            except (sqlite3.Error, OSError) as exc:
                self._fall_back(exc)

    def _counted(self, key: bytes, limit: int, window_seconds: float, cost: int) -> Hit:
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            now = self._monotonic()
            if now - self._swept_at > _SWEEP_SECONDS:
                connection.execute("DELETE FROM hits WHERE until <= ?", (now,))
                self._swept_at = now
            connection.execute("DELETE FROM hits WHERE key = ? AND at <= ?", (key, now - window_seconds))
            n_hits, first = connection.execute("SELECT count(*), min(at) FROM hits WHERE key = ?", (key,)).fetchone()
            if n_hits + max(cost, 1) > limit:
                wait = first + window_seconds - now if n_hits else window_seconds
                return Hit(False, max(wait, 0.001))
            row = (key, now, now + window_seconds)
            connection.executemany("INSERT INTO hits (key, at, until) VALUES (?, ?, ?)", [row] * cost)
            return Hit(True)
        finally:
            connection.execute("COMMIT")

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._pid != os.getpid():  # no connection is taken through a fork
            connection = sqlite3.connect(
                self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")  # what a power cut takes, a restart would forget anyway
            connection.executescript(_SCHEMA)
            if connection.execute("PRAGMA user_version").fetchone()[0] != _boot():
                connection.execute("DELETE FROM hits")
                connection.execute(f"PRAGMA user_version = {_boot()}")
            self._connection, self._pid = connection, os.getpid()
        return self._connection

    def _fall_back(self, exc: Exception) -> None:
        if not self._is_alone:
            log.warning("the shared counters cannot be used, so each process counts by itself: %s", exc)
        self._is_alone = True
        self._alone_until = self._monotonic() + _ALONE_SECONDS
        connection, self._connection = self._connection, None
        if connection is not None and self._pid == os.getpid():
            connection.close()


def _digest(key: str) -> bytes:
    return blake2b(key.encode(), digest_size=16).digest()


def _boot() -> int:
    """Return a number that another start of this machine does not share."""
    try:
        return zlib.crc32(Path("/proc/sys/kernel/random/boot_id").read_bytes()) & 0x7FFFFFFF
    except OSError:
        return 1
