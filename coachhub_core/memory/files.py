"""File stores without a service: a folder, written so that a power cut leaves old or new, never half; and a dict."""

from __future__ import annotations

import io
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from coachhub_core.errors import NotFound, SettingsError, Unavailable
from coachhub_core.identifiers import new_id

_NAME = re.compile(r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$")


def check_name(name: str) -> str:
    """Return *name* if it stays inside the store."""
    if len(name) > 255 or not _NAME.match(name):
        raise NotFound(kind="file", id=name)
    return name


class FolderFileStore:
    """Keeps files below *folder*, which is made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise SettingsError.of([f"files: the folder {folder} cannot be made: {exc.strerror}"]) from exc

    def put(self, name: str, content: bytes) -> None:
        """Write a temporary file, sync it, rename it, sync the folder."""
        target = self._folder / check_name(name)
        temporary = target.with_name(f".{new_id().hex}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as exc:
            temporary.unlink(missing_ok=True)
            raise Unavailable(what="the file store") from exc

    def open(self, name: str) -> BinaryIO:
        """Open for reading."""
        try:
            return (self._folder / check_name(name)).open("rb")
        except (FileNotFoundError, IsADirectoryError) as exc:
            raise NotFound(kind="file", id=name) from exc
        except OSError as exc:
            raise Unavailable(what="the file store") from exc

    def delete(self, name: str) -> None:
        """Delete."""
        (self._folder / check_name(name)).unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        """All names, sorted; unfinished ones are not files."""
        found = (p for p in self._folder.rglob("*") if p.is_file() and not p.name.startswith("."))
        yield from sorted(p.relative_to(self._folder).as_posix() for p in found)


class MemoryFileStore:
    """Keeps files in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, bytes] = {}

    def put(self, name: str, content: bytes) -> None:
        """Keep."""
        with self._lock:
            self._files[check_name(name)] = content

    def open(self, name: str) -> BinaryIO:
        """Open for reading."""
        with self._lock:
            content = self._files.get(check_name(name))
        if content is None:
            raise NotFound(kind="file", id=name)
        return io.BytesIO(content)

    def delete(self, name: str) -> None:
        """Delete."""
        with self._lock:
            self._files.pop(check_name(name), None)

    def names(self) -> Iterator[str]:
        """All names, sorted."""
        with self._lock:
            names = sorted(self._files)
        yield from names
