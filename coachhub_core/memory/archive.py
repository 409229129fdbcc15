"""
Backups in one file each: a zip that says of itself what is in it.

``manifest.json`` stands first and names every member with its size and SHA-256;
the zip's comment, its last 64 bytes, is the SHA-256 of all that stands before.
A backup gets its name only when it is whole and on the disk; what is truncated,
has a flipped bit anywhere or a member too many is refused before anything is
restored.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs

from coachhub_core.errors import BackupError
from coachhub_core.memory.files import check_name
from coachhub_core.ports.files import FileStore
from coachhub_core.ports.storage import Storage

FORMAT: Final = "coachhub-backup/1"
DATABASE: Final = "database.sqlite"
_CHUNK: Final = 1 << 20
_MAX_MANIFEST: Final = 64 << 20
_SEAL: Final = 64  # bytes: a SHA-256 in hexadecimal


@attrs.frozen(kw_only=True)
class Manifest:
    """What a backup says of itself."""

    kind: str
    made_at: str
    coachhub: str
    database: Mapping[str, Any] | None
    members: Mapping[str, Mapping[str, Any]]  # name -> {n_bytes, sha256}

    @property
    def n_rows(self) -> dict[str, int]:
        """Rows per table."""
        return dict(self.database["n_rows"]) if self.database else {}

    @property
    def n_files(self) -> int:
        """How many files, the database apart."""
        return sum(1 for name in self.members if name.startswith("files/"))


def write_archive(
    target: Path, *, kind: str, made_at: str, version: str, storage: Storage, files: FileStore
) -> Manifest:
    """
    Write a backup to *target*, which must not exist.

    Raises:
        BackupError: If it cannot be written; nothing is left behind then.
    """
    if target.exists():
        raise BackupError(reason=f"{target.name} exists already")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=target.parent) as name:
            folder = Path(name)
            members: dict[str, dict[str, Any]] = {}
            database = None
            if kind in ("database", "all"):
                database = dict(storage.dump(folder / DATABASE))
                members[DATABASE] = _fingerprint(folder / DATABASE)
            if kind in ("files", "all"):
                members.update(_copy_files(files, folder))
            manifest = Manifest(kind=kind, made_at=made_at, coachhub=version, database=database, members=members)
            unnamed = folder / "backup.zip"
            with zipfile.ZipFile(unnamed, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
                archive.writestr(
                    "manifest.json", json.dumps({"format": FORMAT, **attrs.asdict(manifest)}, sort_keys=True)
                )
                for member in members:
                    archive.write(folder / member, member)
                archive.comment = b"0" * _SEAL
            seal(unnamed)
            unnamed.chmod(0o600)  # everything about everybody is in it
            _sync(unnamed)
            os.replace(unnamed, target)
            _sync(target.parent)
    except OSError as exc:
        raise BackupError(reason=f"the backup cannot be written: {exc.strerror or exc}") from exc
    return manifest


def _copy_files(files: FileStore, folder: Path) -> dict[str, dict[str, Any]]:
    members = {}
    for name in files.names():
        copy = folder / "files" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        with files.open(name) as source, copy.open("wb") as out:
            while chunk := source.read(_CHUNK):
                out.write(chunk)
        members[f"files/{name}"] = _fingerprint(copy)
    return members


def _fingerprint(file: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with file.open("rb") as source:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
    return {"n_bytes": file.stat().st_size, "sha256": digest.hexdigest()}


def fingerprint(file: Path) -> tuple[int, str]:
    """Return size and SHA-256 of a file."""
    found = _fingerprint(file)
    return found["n_bytes"], found["sha256"]


def seal(file: Path) -> None:
    """Write over the last 64 bytes of *file* the SHA-256 of those before."""
    digest = _digest_before_seal(file)
    with file.open("r+b") as out:
        out.seek(-_SEAL, os.SEEK_END)
        out.write(digest)


def _digest_before_seal(file: Path) -> bytes:
    digest = hashlib.sha256()
    left = file.stat().st_size - _SEAL
    with file.open("rb") as source:
        while left > 0 and (chunk := source.read(min(_CHUNK, left))):
            digest.update(chunk)
            left -= len(chunk)
    return digest.hexdigest().encode("ascii")


def _check_seal(file: Path) -> None:
    if file.stat().st_size < _SEAL or not zipfile.is_zipfile(file):
        raise zipfile.BadZipFile("this is no zip file")
    with file.open("rb") as source:
        source.seek(-_SEAL, os.SEEK_END)
        found = source.read()
    if found != _digest_before_seal(file):
        raise BackupError(reason=f"{file.name} is truncated, or was changed after it was written")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def unpacked(source: Path) -> Iterator[tuple[Manifest, Path]]:
    """
    Check a backup whole, then give its manifest and a folder with its members.

    Raises:
        BackupError: Saying what is wrong: no backup, truncated, changed, of another format.
    """
    try:
        _check_seal(source)
        with tempfile.TemporaryDirectory(prefix="coachhub-restore-") as name, zipfile.ZipFile(source) as archive:
            folder = Path(name)
            manifest = _manifest(archive)
            listed = set(archive.namelist()) - {"manifest.json"}
            if listed != set(manifest.members) or len(archive.namelist()) != len(listed) + 1:
                raise BackupError(reason="the backup does not hold exactly what its manifest names")
            for member, said in manifest.members.items():
                _take(archive, member, said, folder)
            yield manifest, folder
    except FileNotFoundError as exc:
        raise BackupError(reason=f"there is no backup {source}") from exc
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,  # raised by zipfile for a compression or version it does not know
        RuntimeError,
        ValueError,
    ) as exc:
        raise BackupError(reason=f"{source.name} is truncated or is no backup: {exc}") from exc
    except OSError as exc:
        raise BackupError(reason=f"{source.name} cannot be read: {exc.strerror or exc}") from exc


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    try:
        info = archive.getinfo("manifest.json")
        if info.file_size > _MAX_MANIFEST:
            raise BackupError(reason="the manifest is larger than any of ours")
        said = json.loads(archive.read(info))
        if said.pop("format") != FORMAT:
            raise BackupError(reason=f"the backup is not of the format {FORMAT}")
        manifest = Manifest(**said)
        for name, member in manifest.members.items():
            if name != DATABASE:
                check_name(name)
            int(member["n_bytes"]), str(member["sha256"])
    except BackupError:
        raise
    except Exception as exc:  # anything unexpected in there means that it is not what we wrote
        raise BackupError(reason="the manifest is missing or damaged") from exc
    return manifest


def _take(archive: zipfile.ZipFile, member: str, said: Mapping[str, Any], folder: Path) -> None:
    info = archive.getinfo(member)
    if info.file_size != said["n_bytes"]:
        raise BackupError(reason=f"{member} has another size than the manifest says")
    target = folder / member
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with archive.open(info) as source, target.open("wb") as out:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            digest.update(chunk)
            out.write(chunk)
    if size != said["n_bytes"] or digest.hexdigest() != said["sha256"]:
        raise BackupError(reason=f"the checksum of {member} is wrong: the backup was changed")
