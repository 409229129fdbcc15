"""The promises of the port *file store*."""

from __future__ import annotations

import pytest

from coachhub_core.errors import NotFound
from coachhub_core.ports.files import FileStore


class FileStoreContract:
    """Subclass and supply ``files``."""

    @pytest.fixture
    def files(self) -> FileStore:
        """Return an empty store; every subclass supplies it."""
        raise LookupError("a FileStoreContract needs a fixture named files")

    def test_what_was_put_comes_back(self, files: FileStore) -> None:
        """Byte for byte, whatever its size."""
        for name, content in (("a.bin", bytes(range(256))), ("deep/er/b.json", b"{}"), ("c", b"x" * 3_000_000)):
            files.put(name, content)
            with files.open(name) as file:
                assert file.read() == content

    def test_putting_again_replaces(self, files: FileStore) -> None:
        """Whole: old or new, never half."""
        files.put("a", b"old and longer")
        files.put("a", b"new")
        with files.open("a") as file:
            assert file.read() == b"new"

    def test_names_are_sorted(self, files: FileStore) -> None:
        """All of them, folders spelled out."""
        for name in ("b", "a/c", "a/b"):
            files.put(name, b"")
        assert list(files.names()) == ["a/b", "a/c", "b"]

    def test_what_is_not_there_is_not_found(self, files: FileStore) -> None:
        """Nor is a folder a file; deleting it is no error."""
        files.put("a/b", b"")
        for name in ("nothing", "a"):
            with pytest.raises(NotFound):
                files.open(name)
        files.delete("nothing")

    def test_what_was_deleted_is_gone(self, files: FileStore) -> None:
        """From the list as well."""
        files.put("a", b"1")
        files.delete("a")
        assert list(files.names()) == []
        with pytest.raises(NotFound):
            files.open("a")

    @pytest.mark.parametrize("name", ["", "/etc/passwd", "../a", "a/../b", "a//b", ".hidden", "a\\b", "a\0", "a" * 300])
    def test_no_name_leads_out_of_the_store(self, files: FileStore, name: str) -> None:
        """Names that are none are not found, whatever is asked."""
        with pytest.raises(NotFound):
            files.put(name, b"")
        with pytest.raises(NotFound):
            files.open(name)
