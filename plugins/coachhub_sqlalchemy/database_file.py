"""
The file of a SQLite database: made once, and missed when it is away.

SQLite makes an empty file where a name has none, and throws the log away
that lies beside it. A process that started while the file was away would so
destroy what is in that log: every change since the last checkpoint. Nobody
opens a file here that is not there, and nobody makes one where one was.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy.engine import URL

from coachhub_core.errors import Unavailable

log = logging.getLogger(__name__)

_MADE: Final = "The database beside this file was made here. Where it is missing, it was taken away.\n"


class DatabaseFile:
    """
    A database's file, which must not be mistaken for another that has its name for a while.

    Args:
        path: Where it is, or is going to be.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path).absolute()
        self._mark = Path(f"{path}.migrating")  # the lock of migrations, which stays

    @classmethod
    def of(cls, url: URL) -> DatabaseFile | None:
        """Return the file *url* names, or None where the database is in memory or a server's."""
        is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
        return cls(str(url.database)) if is_file else None

    def open(self, **how: Any) -> sqlite3.Connection:
        """
        Open it; never is one made.

        Raises:
            Unavailable: If it is not there.
        """
        self.inode()
        opened: sqlite3.Connection = sqlite3.connect(f"{self._path.as_uri()}?mode=rw", uri=True, **how)
        return opened

    def inode(self) -> tuple[int, int]:
        """Return which file has the name now; ``Unavailable`` when none has."""
        try:
            found = os.stat(self._path)
        except OSError as exc:
            raise Unavailable(what="the database file") from exc
        return found.st_dev, found.st_ino

    def make_the_first(self) -> None:
        """
        Make an empty one, where there never was one.

        Raises:
            Unavailable: If there was one.
        """
        if self._path.exists():
            return
        changes = Path(f"{self._path}-wal")
        if _has_something(self._mark) or _has_something(changes):
            raise Unavailable(
                what=f"the database file {self._path} (it was here, as {self._mark.name} or {changes.name} shows: "
                "put it back, or move these away as well to begin with an empty one)"
            )
        try:
            self._path.touch()
        except OSError as exc:
            raise Unavailable(what=f"the database file {self._path}") from exc

    def mark_made(self) -> None:
        """Leave beside it that it was made."""
        if _has_something(self._mark):
            return
        try:
            self._mark.write_text(_MADE)
        except OSError as exc:
            log.warning("%s cannot be written: %s", self._mark, exc.strerror)


def _has_something(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False
