"""The port *file store*: exports, attachments and artefacts, by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Protocol


class FileStore(Protocol):
    """Keeps files under names such as ``exports/01890a5d….json``; a file is there whole or not at all."""

    def put(self, name: str, content: bytes) -> None:
        """Write durably: once this returns the file survives a power cut."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Open for reading; ``NotFound`` when there is none."""
        ...

    def delete(self, name: str) -> None:
        """Delete; an unknown name is no error."""
        ...

    def names(self) -> Iterator[str]:
        """All names, sorted."""
        ...
