"""A storage whose database a test takes away, and gives back."""

from __future__ import annotations

from typing import Any

from coachhub_core.errors import Unavailable
from coachhub_core.ports.storage import Storage, UnitOfWork


class Losable:
    """A storage that is away when the test says so."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.is_away = False

    def begin(self, **said: Any) -> UnitOfWork:
        if self.is_away:
            raise Unavailable(what="the database")
        return self._storage.begin(**said)
