"""One file for what a matcher has learned: the same bytes for the same content, and nothing damaged is read."""

from __future__ import annotations

import hashlib
import json
import mmap
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coachhub_core.errors import ArtefactError
from coachhub_core.matching.artefact import ZipArtefactReader, ZipArtefactWriter, get_table, put_table
from coachhub_core.matching.sample import sample_rows
from coachhub_core.matching.schema import coach_table
from coachhub_core.matching.tables import CoachTable, Number


def a_writer() -> ZipArtefactWriter:
    out = ZipArtefactWriter()
    out.put_array("towers/left", np.arange(6, dtype=np.float32).reshape(2, 3))
    out.put_json("vocabulary", {"words": ["ä", "b"], "n": 2})
    out.put_array("flags", np.array([True, False]))
    return out


def test_what_was_put_is_given_back() -> None:
    """Arrays with type and shape, read-only; documents; and what the manifest was told."""
    data, model_id = a_writer().to_bytes(matcher="duet", version="1", seed=7)
    source = ZipArtefactReader.of(data)
    assert source.names == ("towers/left", "vocabulary", "flags")
    assert source.array("towers/left").tolist() == [[0, 1, 2], [3, 4, 5]]
    assert source.array("towers/left").dtype == np.float32
    assert source.json("vocabulary") == {"words": ["ä", "b"], "n": 2}
    assert (source.manifest["matcher"], source.manifest["seed"], source.model_id) == ("duet", 7, model_id)
    with pytest.raises(ValueError, match="read-only"):
        source.array("flags")[0] = False


def test_the_same_content_is_the_same_bytes_and_a_zip_to_everybody() -> None:
    """No date, no order of luck; the model_id is the manifest's sha256, and other tools can look inside."""
    data, model_id = a_writer().to_bytes(matcher="m", version="1")
    assert a_writer().to_bytes(version="1", matcher="m") == (data, model_id)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["manifest.json", "towers/left.npy", "vocabulary.json", "flags.npy"]
        assert hashlib.sha256(archive.read("manifest.json")).hexdigest() == model_id
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_any_flipped_bit_is_refused() -> None:
    """All of them, in members, manifest and what lies between."""
    data, _ = a_writer().to_bytes(matcher="m", version="1")
    for bit in range(8 * len(data)):
        broken = bytearray(data)
        broken[bit >> 3] ^= 1 << (bit & 7)
        with pytest.raises(ArtefactError):
            ZipArtefactReader.of(bytes(broken))


@pytest.mark.parametrize("cut", [0, 1, 3, 29, 43, 60, 200, -1])
def test_a_cut_or_longer_file_is_refused(cut: int) -> None:
    """Neither a part of an artefact nor one with something behind it is an artefact."""
    data, _ = a_writer().to_bytes(matcher="m", version="1")
    with pytest.raises(ArtefactError):
        ZipArtefactReader.of(data[:cut])
    with pytest.raises(ArtefactError):
        ZipArtefactReader.of(data + b"x")


def _with_manifest(**changes: Any) -> bytes:
    """Build a file whose manifest says something else, and is otherwise as it should be."""
    out = ZipArtefactWriter()
    data, _ = out.to_bytes(matcher="m", version="1")
    manifest = json.loads(zipfile.ZipFile(BytesIO(data)).read("manifest.json"))
    raw = json.dumps({**manifest, **changes}, sort_keys=True, separators=(",", ":")).encode()
    from coachhub_core.matching.artefact import _zip

    return _zip({"manifest.json": raw})


def test_another_major_is_refused_and_another_minor_read() -> None:
    """What a later version added may be unknown; what it changed may not be guessed."""
    assert ZipArtefactReader.of(_with_manifest(format="coachhub-matcher/1.7", new="x")).manifest["new"] == "x"
    for other in ("coachhub-matcher/2", "somebody-else/1", "coachhub-matcher", 3):
        with pytest.raises(ArtefactError):
            ZipArtefactReader.of(_with_manifest(format=other))


@pytest.mark.parametrize(
    "members",
    [
        [{"name": "a.json"}],
        [{"name": "../../etc/passwd", "size": 0, "sha256": "0" * 64}],
        [{"name": "a.json", "size": -1, "sha256": "0" * 64}],
        [{"name": "a.json", "size": 1 << 40, "sha256": "0" * 64}],
        [{"name": "a.json", "size": 0, "sha256": "x"}],
        "none",
        None,
    ],
    ids=["no size", "a path", "negative", "huge", "no hash", "a text", "null"],
)
def test_a_manifest_that_lies_is_refused(members: Any) -> None:
    """Sizes are checked before anything is read, and names lead nowhere."""
    with pytest.raises(ArtefactError):
        ZipArtefactReader.of(_with_manifest(members=members))


def test_only_numbers_and_json_are_kept() -> None:
    """No object, no NaN in a document, no name that leads elsewhere, no name twice."""
    out = a_writer()
    for put in (
        lambda: out.put_array("o", np.array([object()])),
        lambda: out.put_array("s", np.array(["text"])),
        lambda: out.put_json("n", float("nan")),
        lambda: out.put_json("s", {1, 2}),
        lambda: out.put_json("../up", 1),
        lambda: out.put_json("Capital", 1),
        lambda: out.put_json("vocabulary", 1),
        lambda: out.put_json("manifest", 1),
    ):
        with pytest.raises(ArtefactError):
            put()
    for ask in (lambda s: s.array("vocabulary"), lambda s: s.json("flags"), lambda s: s.json("nothing")):
        with pytest.raises(ArtefactError):
            ask(ZipArtefactReader.of(out.to_bytes()[0]))


def test_a_member_that_is_no_array_is_refused() -> None:
    """Pickled arrays are not read."""
    out = ZipArtefactWriter()
    pickled = BytesIO()
    np.save(pickled, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    out._put("evil.npy", pickled.getvalue())
    with pytest.raises(ArtefactError, match="evil"):
        ZipArtefactReader.of(out.to_bytes()[0]).array("evil")


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    """Nothing but the file is left, and it is read back; a missing one is refused by name."""
    path = tmp_path / "model.zip"
    model_id = a_writer().write(path, matcher="m", version="1")
    assert [p.name for p in tmp_path.iterdir()] == ["model.zip"]
    assert ZipArtefactReader.open(path).model_id == model_id
    with pytest.raises(ArtefactError, match=r"nothing\.zip: cannot be read"):
        ZipArtefactReader.open(tmp_path / "nothing.zip")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ArtefactError, match="text: this is not a matcher's artefact"):
        ZipArtefactReader.open(tmp_path / "text")


def whose(array: Any) -> list[type]:
    """Name what an array's numbers belong to, from the array down."""
    found = []
    while array is not None:
        array = array.obj if isinstance(array, memoryview) else getattr(array, "base", None)
        found.append(type(array))
    return found


def test_large_arrays_stay_in_the_file(tmp_path: Path) -> None:
    """They are mapped, aligned and read-only, and stay what they were when another file takes the name."""
    large = np.arange(20_000, dtype=np.float64).reshape(100, 200)
    out = a_writer()
    out.put_array("large", large)
    out.put_array("none", np.zeros((0, 3)))
    out.write(tmp_path / "m.zip", matcher="m", version="1")
    source = ZipArtefactReader.open(tmp_path / "m.zip")
    found = source.array("large")
    assert mmap.mmap in whose(found)
    assert mmap.mmap not in whose(source.array("towers/left"))  # a page has room for it
    assert (found.flags.aligned, found.flags.writeable, found.ctypes.data % 64) == (True, False, 0)
    assert source.array("none").shape == (0, 3)
    a_writer().write(tmp_path / "m.zip", matcher="other", version="1")
    assert found.tobytes() == large.tobytes()
    with zipfile.ZipFile(BytesIO(out.to_bytes(matcher="m", version="1")[0])) as archive:
        assert np.load(BytesIO(archive.read("large.npy"))).tobytes() == large.tobytes()  # numpy's own reader, too
    in_memory = ZipArtefactReader.of(out.to_bytes()[0]).array("large")
    assert bytes in whose(in_memory)
    assert in_memory.tobytes() == large.tobytes()


def test_a_file_of_before_arrays_were_aligned_is_read() -> None:
    """As numpy writes them, they begin anywhere; such a one is copied to where numbers are quick to read."""
    large = np.arange(20_000, dtype=np.float64)
    out = ZipArtefactWriter()
    for name, array in (("odd", np.arange(3)), ("turned", np.asfortranarray(large.reshape(2, -1))), ("large", large)):
        plain = BytesIO()
        np.lib.format.write_array(plain, array, version=(1, 0), allow_pickle=False)
        out._put(f"{name}.npy", plain.getvalue())
    source = ZipArtefactReader.of(out.to_bytes()[0])
    assert source.array("large").flags.aligned
    assert source.array("large").tolist() == large.tolist()
    assert source.array("turned").tolist() == large.reshape(2, -1).tolist()
    assert not source.array("large").flags.writeable


@pytest.mark.parametrize(
    "head",
    [
        "'<f8', 'fortran_order': False, 'shape': (9,)",
        "'<f8', 'fortran_order': False, 'shape': (-1,)",
        "'|O', 1: 2",
        "(",
    ],
)
def test_an_array_that_lies_is_refused(head: str) -> None:
    """One that is longer or shorter than it says, that holds objects, or whose head is no head."""
    said = f"{{'descr': {head}, }}\n".encode()
    out = ZipArtefactWriter()
    out._put("evil.npy", b"\x93NUMPY\x01\x00" + len(said).to_bytes(2, "little") + said + bytes(64))
    with pytest.raises(ArtefactError, match="evil is no array"):
        ZipArtefactReader.of(out.to_bytes()[0]).array("evil")


def test_a_table_survives_without_its_sensitive_columns() -> None:
    """Everything else comes back equal, to the hash."""
    table = coach_table(sample_rows(20))
    out = ZipArtefactWriter()
    put_table(out, "coaches", table.with_columns(age=Number([30] * 20, is_sensitive=True)))
    source = ZipArtefactReader.of(out.to_bytes()[0])
    open_columns = table.select({"*"})
    assert get_table(source, "coaches", CoachTable).content_hash == open_columns.content_hash
    other = ZipArtefactWriter()
    other.put_json("coaches/table", {"ids": ["a"], "columns": {"x": {"kind": "number"}}})
    with pytest.raises(ArtefactError, match="is no table"):
        get_table(ZipArtefactReader.of(other.to_bytes()[0]), "coaches", CoachTable)
