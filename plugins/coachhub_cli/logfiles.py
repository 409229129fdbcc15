"""``combined.log`` and ``error.log``: one writer for all children, so that rotation is safe."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

MAX_BYTES: Final = 20 * 1024 * 1024
KEPT: Final = 5
_LOUD: Final = ("warning", "error", "critical")
_ERRORS: Final = ("error", "critical")


class LogFiles:
    """
    Writes lines of JSON into the data folder.

    A full disk stops no server: lines that cannot be written are counted, and the
    count is written with the next line that can.

    Args:
        show: Called with each line at warning and above, for a person who watches.
    """

    def __init__(self, folder: Path, show: Callable[[str], None] | None = None, *, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._show = show
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._files: dict[str, BinaryIO] = {}
        self.n_dropped = 0

    def write(self, line: str, *, source: str) -> None:
        """Write one line of a child; what is no JSON (a traceback at the interpreter's end) is wrapped."""
        said = _read(line, source)
        level = str(said.get("level", "info"))
        raw = json.dumps(said, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        with self._lock:
            self._append("combined.log", raw)
            if level in _ERRORS:
                self._append("error.log", raw)
        if level in _LOUD and self._show is not None:
            try:
                self._show(f"{source}: {said.get('event', '')}")
            except OSError:  # nobody watches any more: no reason to stop reading what the children say
                self._show = None

    def _append(self, name: str, raw: bytes) -> None:
        try:
            file = self._files.get(name)
            if file is None or file.closed:
                file = self._open(name)
            if file.tell() + len(raw) > self._max_bytes:
                file = self._rotate(name)
            if self.n_dropped:
                note = {"level": "error", "event": "log lines were dropped", "n": self.n_dropped, "logger": "coachhub"}
                raw = json.dumps(note).encode() + b"\n" + raw
            self._write(file, raw)
            self.n_dropped = 0
        except OSError:
            self.n_dropped += 1

    def _open(self, name: str) -> BinaryIO:
        # unbuffered: a buffer that a full disk refused would be written later, in pieces, between whole lines
        file: BinaryIO = (self._folder / name).open("ab", buffering=0)
        self._files[name] = file
        return file

    @staticmethod
    def _write(file: BinaryIO, raw: bytes) -> None:
        """Write all of *raw*, or nothing: half a line would spoil the next one."""
        before = file.tell()
        if file.write(raw) < len(raw):
            file.truncate(before)
            file.seek(before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _rotate(self, name: str) -> BinaryIO:
        self._files[name].close()
        for number in range(KEPT - 1, 0, -1):
            older = self._folder / f"{name}.{number}"
            if older.exists():
                older.replace(self._folder / f"{name}.{number + 1}")
        (self._folder / name).replace(self._folder / f"{name}.1")
        return self._open(name)

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            for file in self._files.values():
                file.close()
            self._files.clear()


def _read(line: str, source: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    if isinstance(said, dict):
        return said
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    level = "error" if "Error" in line or "Traceback" in line else "info"
    return {"at": now, "level": level, "logger": source, "event": line}
