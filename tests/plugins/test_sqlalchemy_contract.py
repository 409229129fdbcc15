"""The storage kit, on SQLite: in a file, and in the temporary one of an instance in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coachhub_core.testing.storage import StorageContract
from coachhub_sqlalchemy.storage import SqlStorage


class TestSqliteFile(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Iterator[SqlStorage]:  # type: ignore[override]  # supplied and closed
        made = SqlStorage(f"sqlite:///{tmp_path / 'coachhub.db'}")
        made.migrate()
        yield made
        made.close()


class TestSqliteInMemory(StorageContract):
    @pytest.fixture
    def storage(self) -> Iterator[SqlStorage]:  # type: ignore[override]  # supplied and closed
        made = SqlStorage("sqlite://")
        made.migrate()
        yield made
        made.close()
