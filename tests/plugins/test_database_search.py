"""The search kit on the database's own search, and what is only its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services import a_database

from coachhub_core.testing.search import CATALOGUE, SearchIndexContract, documents
from coachhub_sqlalchemy.search import DatabaseSearch, is_one_edit_away
from coachhub_sqlalchemy.storage import SqlStorage


@contextmanager
def filled(url: str) -> Iterator[DatabaseSearch]:
    """A database with the catalogue's coaches, indexed."""
    storage = SqlStorage(url)
    storage.migrate()
    with storage.begin() as work:
        for record in CATALOGUE:
            work.accounts.add(record.account)
            work.coaches.add(record.coach)
        work.commit()
    index = DatabaseSearch(storage)
    index.rebuild(documents())
    yield index
    storage.close()


class TestSqliteSearch(SearchIndexContract):
    @pytest.fixture
    def index(self) -> Iterator[DatabaseSearch]:  # type: ignore[override]  # supplied and closed
        with filled("sqlite://") as index:
            yield index


@pytest.mark.external_service
class TestMariaDBSearch(SearchIndexContract):
    @pytest.fixture
    def index(self) -> Iterator[DatabaseSearch]:  # type: ignore[override]  # supplied and closed
        with a_database() as url, filled(url) as index:
            yield index


def edits(word: str) -> set[str]:
    """Every word one edit away, by trying them all: the oracle."""
    letters = "ab"
    found = {word[:i] + c + word[i:] for i in range(len(word) + 1) for c in letters}
    found |= {word[:i] + word[i + 1 :] for i in range(len(word))}
    found |= {word[:i] + c + word[i + 1 :] for i in range(len(word)) for c in letters}
    found |= {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
    return found - {word}


@given(st.text("ab", max_size=5), st.text("ab", max_size=6))
def test_one_edit_is_what_trying_them_all_finds(a: str, b: str) -> None:
    """An insertion, a deletion, a replacement, a swap of neighbours."""
    assert is_one_edit_away(a, b) == (b in edits(a))
