"""``combined.log`` and ``error.log``: one writer for all children, so that rotation is safe."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

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
        self._files: dict[str, IO[bytes]] = {}
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
            self._show(f"{source}: {said.get('event', '')}")

    def _append(self, name: str, raw: bytes) -> None:
        try:
            file = self._files.get(name)
            if file is None or file.closed:
                file = (self._folder / name).open("ab")
                self._files[name] = file
            if file.tell() + len(raw) > self._max_bytes:
                file = self._rotate(name)
            if self.n_dropped:
                note = {"level": "error", "event": "log lines were dropped", "n": self.n_dropped, "logger": "coachhub"}
                file.write(json.dumps(note).encode() + b"\n")
            file.write(raw)
            file.flush()
            self.n_dropped = 0
        except OSError:
            self.n_dropped += 1

    def _rotate(self, name: str) -> IO[bytes]:
        self._files[name].close()
        for number in range(KEPT - 1, 0, -1):
            older = self._folder / f"{name}.{number}"
            if older.exists():
                older.replace(self._folder / f"{name}.{number + 1}")
        (self._folder / name).replace(self._folder / f"{name}.1")
        self._files[name] = (self._folder / name).open("ab")
        return self._files[name]

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
    return {"timestamp": now, "level": level, "logger": source, "event": line}
