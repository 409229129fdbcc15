"""
What a matcher has learned, as one file: ``model.zip``.

A zip of stored members, fixed dates, fixed order: ``manifest.json`` first, with
size and sha256 of every other member, then arrays (``*.npy``) and documents
(``*.json``). Nothing in it can be executed. The same content is the same bytes,
and since the whole file is then known from its manifest and its members, any
bit that differs anywhere is refused. ``model_id`` is the sha256 of the manifest.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import struct
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import ArtefactError, Invalid
from coachhub_core.matching.tables import Table, column_of

FORMAT = "coachhub-matcher"
MAJOR = 1
MAX_MANIFEST_BYTES = 1 << 20
MAX_BYTES = (1 << 32) - 1  # a zip without its 64-bit extension ends at 4 GiB

_NAME = re.compile(r"[a-z0-9_][a-z0-9_./-]{0,199}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_DATE = 0x0021  # 1980-01-01, the oldest a zip can say
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")

T = TypeVar("T", bound=Table)


# ── writing ─────────────────────────────────────────────────────────────────


class ZipArtefactWriter:
    """Collects members and writes them as one file; an :class:`~coachhub_core.ports.matcher.ArtefactWriter`."""

    def __init__(self) -> None:
        self._members: dict[str, bytes] = {}

    def put_array(self, name: str, array: NDArray[Any]) -> None:
        """Keep an array of numbers or booleans, little-endian and C-contiguous."""
        values = np.asarray(array)
        if values.dtype.kind not in "biufc":
            raise ArtefactError(reason=f"{name}: an artefact keeps arrays of numbers and booleans, not {values.dtype}")
        out = io.BytesIO()
        plain = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).reshape(values.shape)
        np.lib.format.write_array(out, plain, version=(1, 0), allow_pickle=False)
        self._put(f"{name}.npy", out.getvalue())

    def put_json(self, name: str, document: Any) -> None:
        """Keep a document as canonical JSON."""
        self._put(f"{name}.json", _canonical(document))

    def _put(self, name: str, data: bytes) -> None:
        if not _NAME.match(name) or ".." in name:
            raise ArtefactError(reason=f"{name!r} is no name for a member; use a-z 0-9 _ - . /")
        if name in self._members or name == "manifest.json":
            raise ArtefactError(reason=f"{name!r} is there already")
        self._members[name] = data

    def to_bytes(self, **facts: Any) -> tuple[bytes, str]:
        """
        Give the file and its model_id.

        Args:
            facts: What the manifest says beside the members: ``matcher``, ``version`` and whatever else is JSON.
        """
        members = [
            {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in self._members.items()
        ]
        manifest = _canonical({**facts, "format": f"{FORMAT}/{MAJOR}", "members": members})
        if len(manifest) > MAX_MANIFEST_BYTES:
            raise ArtefactError(reason="the manifest of an artefact may have at most 1 MiB")
        return _zip({"manifest.json": manifest, **self._members}), hashlib.sha256(manifest).hexdigest()

    def write(self, path: Path, **facts: Any) -> str:
        """Write the file in one step, so that nobody ever reads half of it, and give its model_id."""
        data, model_id = self.to_bytes(**facts)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
                out.flush()
                if path.exists():  # whoever may read the former may read this
                    os.fchmod(out.fileno(), stat.S_IMODE(path.stat().st_mode))
                os.fsync(out.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        return model_id


def _canonical(document: Any) -> bytes:
    try:
        text = json.dumps(document, sort_keys=True, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    except (TypeError, ValueError) as exc:
        raise ArtefactError(reason=f"an artefact keeps JSON with finite numbers only: {exc}") from exc
    return text.encode("ascii")


def _local(name: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(data)
    return _LOCAL.pack(b"PK\x03\x04", 20, 0, 0, 0, _DATE, crc, len(data), len(data), len(name), 0) + name


def _zip(members: Mapping[str, bytes]) -> bytes:
    """Lay the members out as a zip reader expects them, and in exactly one way."""
    pieces: list[bytes] = []
    directory: list[bytes] = []
    at = 0
    for name, data in members.items():
        raw = name.encode("ascii")
        local = _local(raw, data)
        crc, size = zlib.crc32(data), len(data)
        fixed = _CENTRAL.pack(b"PK\x01\x02", 20, 20, 0, 0, 0, _DATE, crc, size, size, len(raw), 0, 0, 0, 0, 0, at)
        pieces += [local, data]
        directory.append(fixed + raw)
        at += len(local) + size
    listing = b"".join(directory)
    if at + len(listing) + _END.size > MAX_BYTES:
        raise ArtefactError(reason="an artefact may have at most 4 GiB")
    end = _END.pack(b"PK\x05\x06", 0, 0, len(members), len(members), len(listing), at, 0)
    return b"".join([*pieces, listing, end])


# ── reading ─────────────────────────────────────────────────────────────────


@attrs.frozen(eq=False)
class ZipArtefactReader:
    """An artefact that was read and found whole; an :class:`~coachhub_core.ports.matcher.ArtefactReader`."""

    manifest: Mapping[str, Any]
    model_id: str
    _members: Mapping[str, bytes] = attrs.field(repr=False)

    @classmethod
    def open(cls, path: Path) -> ZipArtefactReader:
        """
        Read and check a file.

        Raises:
            ArtefactError: If it cannot be read, is no artefact, of another major, or differs by as little as one bit.
        """
        try:
            if path.stat().st_size > MAX_BYTES:
                raise ArtefactError(reason=f"{path}: an artefact may have at most 4 GiB")
            data = path.read_bytes()
        except OSError as exc:
            raise ArtefactError(reason=f"{path}: cannot be read: {exc.strerror}") from exc
        try:
            return cls.of(data)
        except ArtefactError as exc:
            raise ArtefactError(reason=f"{path}: {exc.reason}") from exc

    @classmethod
    def of(cls, data: bytes) -> ZipArtefactReader:
        """Read and check bytes; as :meth:`open`."""
        manifest_bytes = _first_member(data)
        manifest = _read_manifest(manifest_bytes)
        members: dict[str, bytes] = {}
        at = _LOCAL.size + len("manifest.json") + len(manifest_bytes)
        for member in manifest["members"]:
            start = at + _LOCAL.size + len(member["name"])
            at = start + member["size"]
            if at > len(data):
                raise ArtefactError(reason="the artefact is cut off")
            members[member["name"]] = data[start:at]
            if hashlib.sha256(members[member["name"]]).hexdigest() != member["sha256"]:
                raise ArtefactError(reason=f"{member['name']} is not what the manifest says: the artefact is damaged")
        if _zip({"manifest.json": manifest_bytes, **members}) != data:
            raise ArtefactError(reason="the artefact is damaged outside its members")
        return cls(manifest, hashlib.sha256(manifest_bytes).hexdigest(), members)

    @property
    def names(self) -> tuple[str, ...]:
        """The members without their endings, in the order they were put."""
        return tuple(name.rpartition(".")[0] for name in self._members)

    def array(self, name: str) -> NDArray[Any]:
        """Give an array, read-only."""
        try:
            values: NDArray[Any] = np.lib.format.read_array(io.BytesIO(self._data(f"{name}.npy")), allow_pickle=False)
        except (ValueError, EOFError, OSError) as exc:
            raise ArtefactError(reason=f"{name} is no array: {exc}") from exc
        values.setflags(write=False)
        return values

    def json(self, name: str) -> Any:
        """Give a document."""
        try:
            return json.loads(self._data(f"{name}.json"))
        except (ValueError, RecursionError) as exc:
            raise ArtefactError(reason=f"{name} is no JSON document: {exc}") from exc

    def _data(self, name: str) -> bytes:
        if name not in self._members:
            raise ArtefactError(reason=f"the artefact has no {name}")
        return self._members[name]


def _first_member(data: bytes) -> bytes:
    head = _LOCAL.size + len("manifest.json")
    if len(data) < head or data[:4] != b"PK\x03\x04" or data[_LOCAL.size : head] != b"manifest.json":
        raise ArtefactError(reason="this is not a matcher's artefact")
    size = _LOCAL.unpack_from(data)[7]
    if size > MAX_MANIFEST_BYTES or head + size > len(data):
        raise ArtefactError(reason="the artefact is cut off, or its manifest is no manifest")
    manifest = data[head : head + size]
    if _local(b"manifest.json", manifest) != data[:head]:
        raise ArtefactError(reason="the manifest is damaged")
    return manifest


def _read_manifest(raw: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(raw)
        name, _, version = str(manifest["format"]).partition("/")
        major = int(version.partition(".")[0])
        members = manifest["members"]
        is_sound = all(
            set(m) == {"name", "size", "sha256"}
            and isinstance(m["size"], int)
            and m["size"] >= 0
            and _NAME.match(m["name"])
            and _SHA256.match(m["sha256"])
            for m in members
        )
        is_sound = is_sound and len({m["name"] for m in members}) == len(members) and isinstance(manifest, dict)
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise ArtefactError(reason="the manifest cannot be read") from exc
    if name != FORMAT or not is_sound:
        raise ArtefactError(reason="this is not a matcher's artefact")
    if major != MAJOR:
        raise ArtefactError(reason=f"the artefact has format {version}; this version reads {MAJOR}")
    return dict(manifest)


# ── tables inside ───────────────────────────────────────────────────────────


def put_table(out: ZipArtefactWriter, prefix: str, table: Table) -> None:
    """Keep a table under a prefix, without its sensitive columns."""
    kept = {name: column for name, column in table.columns.items() if not column.is_sensitive}
    document: dict[str, Any] = {"ids": list(table.ids), "columns": {}}
    for n, (name, column) in enumerate(kept.items()):
        arrays, rest = column.parts()
        document["columns"][name] = {"kind": column.kind, "place": n, "arrays": sorted(arrays), **rest}
        for part, array in sorted(arrays.items()):
            out.put_array(f"{prefix}/{n}.{part}", array)
    out.put_json(f"{prefix}/table", document)


def get_table(source: ZipArtefactReader, prefix: str, kind: type[T]) -> T:
    """Give a table that was kept by :func:`put_table`."""
    document = source.json(f"{prefix}/table")
    try:
        columns = {
            name: column_of(
                column["kind"],
                {part: source.array(f"{prefix}/{column['place']}.{part}") for part in column["arrays"]},
                column,
            )
            for name, column in document["columns"].items()
        }
        return kind.build(ids=document["ids"], **columns)
    except (KeyError, TypeError, AttributeError, Invalid) as exc:
        raise ArtefactError(reason=f"{prefix} is no table") from exc
