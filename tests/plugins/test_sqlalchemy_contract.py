"""The storage kit: on SQLite in a file and in memory, and on MariaDB where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from services import a_database

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


@pytest.mark.external_service
class TestMariaDB(StorageContract):
    @pytest.fixture
    def storage(self) -> Iterator[SqlStorage]:  # type: ignore[override]  # supplied and closed
        with a_database() as url:
            made = SqlStorage(url)
            made.migrate()
            yield made
            made.close()
