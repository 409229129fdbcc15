"""
The files in which the counters of several processes add up.

``prometheus_client`` makes them of holes and maps them into memory: where the disk
has no room for a page of one, the process that counts is ended by SIGBUS. So all of
a file is written before it is counted in, and who finds no room does not count.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final

MULTIPROC_DIR: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Read by ``prometheus_client`` when it is imported: so it is set first, and nothing here imports that."""

_KIB: Final = 1 << 10
SIZES: Final = {
    "counter": 2048 * _KIB,
    "histogram": 1024 * _KIB,
    "gauge_livemin": 64 * _KIB,
    "gauge_livesum": 64 * _KIB,
    "gauge_mostrecent": 64 * _KIB,
}  #: bytes of each kind's file; every route with every answer it gives needs a fraction of them, see the tests
_USED: Final = struct.Struct("i")  # what a file begins with: how many of its bytes hold something


def reserve(folder: Path, pid: int) -> None:
    """
    Make the files of a process, whole.

    Raises:
        OSError: If there is no room; nothing of them is left then.
    """
    made: list[Path] = []
    try:
        for kind, size in SIZES.items():
            file = folder / f"{kind}_{pid}.db"
            if file.exists():  # of an earlier process with this number, which is counted on
                with file.open("ab", buffering=0) as out:
                    _fill(out.fileno(), size - out.tell())
                continue
            new = file.with_suffix(".new")  # read by nobody before it is whole
            made.append(new)
            with new.open("wb", buffering=0) as out:
                _fill(out.fileno(), size)
        for new in made:
            new.replace(new.with_suffix(".db"))
    except OSError:
        for new in made:
            with suppress(OSError):
                new.unlink(missing_ok=True)
        raise


def _fill(descriptor: int, size: int) -> None:
    rest = memoryview(bytes(max(size, 0)))
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def give_back(folder: Path, pid: int) -> None:
    """Cut the files of a process that ended to what they hold; its counts stay counted."""
    for kind in SIZES:
        file = folder / f"{kind}_{pid}.db"
        with suppress(OSError, struct.error):
            with file.open("rb") as of_the_dead:
                used = int(_USED.unpack(of_the_dead.read(_USED.size))[0])
            os.truncate(file, max(used, 2 * _USED.size))


def emptied(folder: Path) -> None:
    """
    Take away what former processes counted; the folder is made where it is missing.

    Raises:
        OSError: If it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)  # and kept: a full disk has no room for a new one
    for file in folder.iterdir():
        with suppress(OSError):
            file.unlink()
