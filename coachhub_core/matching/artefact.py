"""
What a matcher has learned, as one file: ``model.zip``.

A zip of stored members, fixed dates, fixed order: ``manifest.json`` first, with
size and sha256 of every other member, then arrays (``*.npy``) and documents
(``*.json``). Nothing in it can be executed. The same content is the same bytes,
and since the whole file is then known from its manifest and its members, any
bit that differs anywhere is refused. ``model_id`` is the sha256 of the manifest;
what else that says stands in :mod:`coachhub_core.matching.manifest`.

Every array's numbers begin on a multiple of 64 bytes of the file (the header of a
``.npy`` may be as long as it likes, and the manifest ends in spaces), so that a
reader can leave them where they are and map the file into memory.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import mmap
import os
import re
import stat
import struct
import tempfile
import zlib
from collections.abc import Collection, Iterable, Mapping
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
MAPPED_BYTES = 1 << 16  # arrays smaller than this are copied: they would gain nothing by staying in the file

_NAME = re.compile(r"[a-z0-9_][a-z0-9_./-]{0,199}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_DATE = 0x0021  # 1980-01-01, the oldest a zip can say
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_MANIFEST = b"manifest.json"
_ALIGNED = 64  # bytes: a line of the processor's cache, and what numpy itself aligns a .npy to
_MAX_HEAD = 10 + 10_000  # of a .npy; numpy reads no longer one

T = TypeVar("T", bound=Table)


# ── writing ─────────────────────────────────────────────────────────────────


@attrs.frozen
class _Npy:
    """An array that is to become a member."""

    dtype: str
    shape: tuple[int, ...]
    numbers: bytes

    def at(self, start: int) -> bytes:
        """Lay it out as a ``.npy`` that begins there in the file, its numbers aligned."""
        said = f"{{'descr': {self.dtype!r}, 'fortran_order': False, 'shape': {self.shape!r}, }}".encode("ascii")
        padding = -(start + 10 + len(said) + 1) % _ALIGNED
        header = said + b" " * padding + b"\n"
        return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + self.numbers


class ZipArtefactWriter:
    """Collects members and writes them as one file; an :class:`~coachhub_core.ports.matcher.ArtefactWriter`."""

    def __init__(self) -> None:
        self._members: dict[str, bytes | _Npy] = {}

    def put_array(self, name: str, array: NDArray[Any]) -> None:
        """Keep an array of numbers or booleans, little-endian and C-contiguous."""
        values = np.asarray(array)
        if values.dtype.kind not in "biufc":
            raise ArtefactError(reason=f"{name}: an artefact keeps arrays of numbers and booleans, not {values.dtype}")
        plain = np.asarray(values, dtype=values.dtype.newbyteorder("<"))
        self._put(f"{name}.npy", _Npy(plain.dtype.str, plain.shape, plain.tobytes()))

    def put_json(self, name: str, document: Any) -> None:
        """Keep a document as canonical JSON."""
        self._put(f"{name}.json", _canonical(document))

    def _put(self, name: str, data: bytes | _Npy) -> None:
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
        laid: dict[str, bytes] = {}
        at = 0  # the manifest ends on a multiple of what arrays are aligned to: its length need not be known
        for name, member in self._members.items():
            at += _LOCAL.size + len(name)
            laid[name] = member if isinstance(member, bytes) else member.at(at)
            at += len(laid[name])
        members = [
            {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in laid.items()
        ]
        manifest = _canonical({**facts, "format": f"{FORMAT}/{MAJOR}", "members": members})
        manifest += b" " * (-(_LOCAL.size + len(_MANIFEST) + len(manifest)) % _ALIGNED)
        if len(manifest) > MAX_MANIFEST_BYTES:
            raise ArtefactError(reason="the manifest of an artefact may have at most 1 MiB")
        return _zip({"manifest.json": manifest, **laid}), hashlib.sha256(manifest).hexdigest()

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


# ── the zip around it: laid out in exactly one way, as any zip reader expects it ──


def _local(name: bytes, crc: int, size: int) -> bytes:
    return _LOCAL.pack(b"PK\x03\x04", 20, 0, 0, 0, _DATE, crc, size, size, len(name), 0) + name


def _behind(entries: Iterable[tuple[bytes, int, int, int]], at: int) -> bytes:
    """Give what stands behind the members: of each name, crc, size and where it begins; *at* is where this does."""
    directory = [
        _CENTRAL.pack(b"PK\x01\x02", 20, 20, 0, 0, 0, _DATE, crc, size, size, len(name), 0, 0, 0, 0, 0, begins) + name
        for name, crc, size, begins in entries
    ]
    listing = b"".join(directory)
    if at + len(listing) + _END.size > MAX_BYTES:
        raise ArtefactError(reason="an artefact may have at most 4 GiB")
    return listing + _END.pack(b"PK\x05\x06", 0, 0, len(directory), len(directory), len(listing), at, 0)


def _zip(members: Mapping[str, bytes]) -> bytes:
    pieces: list[bytes] = []
    entries: list[tuple[bytes, int, int, int]] = []
    at = 0
    for name, data in members.items():
        raw, crc = name.encode("ascii"), zlib.crc32(data)
        pieces += [_local(raw, crc, len(data)), data]
        entries.append((raw, crc, len(data), at))
        at += len(pieces[-2]) + len(data)
    return b"".join([*pieces, _behind(entries, at)])


# ── reading ─────────────────────────────────────────────────────────────────


@attrs.frozen(eq=False)
class ZipArtefactReader:
    """An artefact that was read and found whole; an :class:`~coachhub_core.ports.matcher.ArtefactReader`."""

    manifest: Mapping[str, Any]
    model_id: str
    _members: Mapping[str, memoryview] = attrs.field(repr=False)

    @classmethod
    def open(cls, path: Path) -> ZipArtefactReader:
        """
        Check a file, and leave its arrays in it: they are mapped into memory, and several processes share them.

        Before anything is given, in this order: the file has at most 4 GiB, its manifest at most 1 MiB and is laid
        out as it must be; all sizes it names fit into the file; the sha256 of every member is the manifest's; and
        every byte between and behind the members is the one that belongs there. All of it is read from the one file
        that was opened: whoever puts another in its place by renaming (``train`` does, and ``mv``) changes nothing
        for those who read this one. A file that is cut or written over in place, as ``cp`` does, is not caught any
        more once it was opened.

        Raises:
            ArtefactError: If it cannot be read, is no artefact, of another major, or differs by as little as one bit.
        """
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size > MAX_BYTES:
                    raise ArtefactError(reason=f"{path}: an artefact may have at most 4 GiB")
                data: Any = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        except OSError as exc:
            raise ArtefactError(reason=f"{path}: cannot be read: {exc.strerror}") from exc
        try:
            return cls._of(memoryview(data))
        except ArtefactError as exc:
            raise ArtefactError(reason=f"{path}: {exc.reason}") from exc

    @classmethod
    def of(cls, data: bytes) -> ZipArtefactReader:
        """Check bytes in memory, and leave the arrays in them; as :meth:`open`."""
        return cls._of(memoryview(bytes(data)))

    @classmethod
    def _of(cls, data: memoryview) -> ZipArtefactReader:
        raw = _first_member(data)
        manifest = _read_manifest(raw)
        at = _LOCAL.size + len(_MANIFEST) + len(raw)
        entries = [(_MANIFEST, zlib.crc32(raw), len(raw), 0)]
        members: dict[str, memoryview] = {}
        if at + sum(member["size"] for member in manifest["members"]) > len(data):
            raise ArtefactError(reason="the artefact is cut off")
        for member in manifest["members"]:
            name, size = member["name"].encode("ascii"), member["size"]
            start = at + _LOCAL.size + len(name)
            found = data[start : start + size]
            if hashlib.sha256(found).hexdigest() != member["sha256"]:
                raise ArtefactError(reason=f"{member['name']} is not what the manifest says: the artefact is damaged")
            crc = zlib.crc32(found)
            if data[at:start] != _local(name, crc, size):
                raise ArtefactError(reason="the artefact is damaged outside its members")
            entries.append((name, crc, size, at))
            members[member["name"]] = found
            at = start + size
        if data[at:] != _behind(entries, at):
            raise ArtefactError(reason="the artefact is damaged outside its members")
        return cls(manifest, hashlib.sha256(raw).hexdigest(), members)

    @property
    def names(self) -> tuple[str, ...]:
        """The members without their endings, in the order they were put."""
        return tuple(name.rpartition(".")[0] for name in self._members)

    def array(self, name: str) -> NDArray[Any]:
        """Give an array, read-only; a large one stays where it is in the file."""
        try:
            values = _array(self._data(f"{name}.npy"))
        except Exception as exc:  # numpy reads a head as Python does, and raises what that raises
            raise ArtefactError(reason=f"{name} is no array: {exc}") from exc
        if values.nbytes < MAPPED_BYTES or not values.flags.aligned:  # a file of before arrays were aligned
            values = np.array(values)
        values.setflags(write=False)
        return values

    def json(self, name: str) -> Any:
        """Give a document."""
        try:
            return json.loads(bytes(self._data(f"{name}.json")))
        except (ValueError, RecursionError) as exc:
            raise ArtefactError(reason=f"{name} is no JSON document: {exc}") from exc

    def _data(self, name: str) -> memoryview:
        if name not in self._members:
            raise ArtefactError(reason=f"the artefact has no {name}")
        return self._members[name]


def _array(data: memoryview) -> NDArray[Any]:
    """Give the array of a ``.npy`` without copying it; one that would have to be unpickled is a ValueError."""
    head = io.BytesIO(data[:_MAX_HEAD])
    if np.lib.format.read_magic(head) != (1, 0):
        raise ValueError("of another version of the format")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(head)
    if dtype.hasobject or any(size < 0 for size in shape):
        raise ValueError("it holds something else than numbers")
    count = math.prod(shape)
    if head.tell() + count * dtype.itemsize != len(data):
        raise ValueError("it is longer or shorter than it says")
    if count == 0:
        return np.zeros(shape, dtype)
    flat: NDArray[Any] = np.frombuffer(data, dtype, count, head.tell())
    return flat.reshape(shape, order="F" if is_fortran else "C")


def _first_member(data: memoryview) -> bytes:
    head = _LOCAL.size + len(_MANIFEST)
    if len(data) < head or bytes(data[:4]) != b"PK\x03\x04" or bytes(data[_LOCAL.size : head]) != _MANIFEST:
        raise ArtefactError(reason="this is not a matcher's artefact")
    size = _LOCAL.unpack_from(data)[7]
    if size > MAX_MANIFEST_BYTES or head + size > len(data):
        raise ArtefactError(reason="the artefact is cut off, or its manifest is no manifest")
    manifest = bytes(data[head : head + size])
    if _local(_MANIFEST, zlib.crc32(manifest), size) != data[:head]:
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


def put_table(out: ZipArtefactWriter, prefix: str, table: Table, *, consent: Collection[str] = ()) -> None:
    """Keep a table under a prefix; of its sensitive columns only those consented to by name."""
    kept = {name: column for name, column in table.columns.items() if not column.is_sensitive or name in consent}
    document: dict[str, Any] = {"ids": list(table.ids), "columns": {}}
    for n, (name, column) in enumerate(kept.items()):
        arrays, rest = column.parts()
        document["columns"][name] = {"kind": column.kind, "place": n, "arrays": sorted(arrays), **rest}
        if column.is_sensitive:
            document["columns"][name]["is_sensitive"] = True
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
                is_sensitive=column.get("is_sensitive", False) is True,
            )
            for name, column in document["columns"].items()
        }
        return kind.build(ids=document["ids"], **columns)
    except (KeyError, TypeError, AttributeError, Invalid) as exc:
        raise ArtefactError(reason=f"{prefix} is no table") from exc
