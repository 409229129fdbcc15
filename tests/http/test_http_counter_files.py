"""The files in which processes count: whole before anything is counted, or not there at all."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from http_door import Door

from coachhub_http.counter_files import MULTIPROC_DIR, SIZES, emptied, give_back, reserve

# a process of its own: the library looks for the folder when it is imported
COUNT = """
import json, sys
from coachhub_http.context import Context
from coachhub_http.metrics import Metrics
from coachhub_http.pool import Pool

metrics = Metrics([Pool("work", threads=1, waiting=1, seconds=1)])
context = Context({}, "r")
for context.route, method, status in json.load(sys.stdin):
    metrics(context, method, status, 0.01)
sys.stdout.buffer.write(metrics.render())
"""
UNASKED = (401, 404, 405, 413, 422, 429, 500, 503)  # what may be said to a method that an address does not take
STATUSES = (200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 428, 429, 500, 503)


def _counted(folder: Path, requests: list[tuple[str, str, int]]) -> str:
    environ = {**os.environ, MULTIPROC_DIR: str(folder)}
    command = [sys.executable, "-c", COUNT]
    done = subprocess.run(command, input=json.dumps(requests).encode(), env=environ, capture_output=True, check=True)
    return done.stdout.decode()


def _requests(said: str) -> set[str]:
    return {line for line in said.splitlines() if line.startswith("coachhub_http_request")}


def test_whatever_is_asked_at_every_address_has_room(door: Door, tmp_path: Path) -> None:
    """A file that grew would have a hole at its end again."""
    requests = []
    for route in door.app.routes:
        taken = {method for method, _ in route.operations()}
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "other"):
            requests += [(route.path, method, status) for status in (STATUSES if method in taken else UNASKED)]
    said = _counted(tmp_path, requests)
    assert said.count("coachhub_http_requests_total{") == len(requests) > 1_000
    sizes = {file.name.rpartition("_")[0]: file.stat().st_size for file in tmp_path.iterdir()}
    assert sizes == SIZES


def test_what_a_dead_process_counted_stays_counted_in_a_short_file(tmp_path: Path) -> None:
    """And a process that gets its number again goes on from there."""
    first = _requests(_counted(tmp_path, [("/api/coaches", "GET", 200)] * 3))
    assert 'coachhub_http_requests_total{method="GET",route="/api/coaches",status="200"} 3.0' in first
    (pid,) = {int(file.stem.rpartition("_")[2]) for file in tmp_path.iterdir()}
    give_back(tmp_path, pid)
    counter = tmp_path / f"counter_{pid}.db"
    assert counter.stat().st_size < 4096
    assert _requests(_counted(tmp_path, [])) == first
    reserve(tmp_path, pid)
    assert counter.stat().st_size == SIZES["counter"]
    assert _requests(_counted(tmp_path, [])) == first


def test_without_room_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a whole file nor a part of one, which a reader would stumble over."""
    write, n_left = os.write, 2_200_000

    def until_full(descriptor: int, data: bytes) -> int:
        nonlocal n_left
        if n_left <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = write(descriptor, data[: min(len(data), n_left)])
        n_left -= done
        return done

    monkeypatch.setattr(os, "write", until_full)
    with pytest.raises(OSError, match="No space"):
        reserve(tmp_path, 7)
    assert list(tmp_path.iterdir()) == []
    n_left = 10_000_000
    reserve(tmp_path, 7)
    assert {file.name for file in tmp_path.iterdir()} == {f"{kind}_7.db" for kind in SIZES}


def test_a_folder_is_emptied_and_kept(tmp_path: Path) -> None:
    """A full disk has room for what is there, and none for a new folder."""
    folder = tmp_path / "metrics" / "http"
    emptied(folder)
    reserve(folder, 7)
    place = folder.stat().st_ino
    emptied(folder)
    assert (list(folder.iterdir()), folder.stat().st_ino) == ([], place)
