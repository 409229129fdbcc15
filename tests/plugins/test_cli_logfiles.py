"""One writer for all children's lines."""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coachhub_cli.logfiles import LogFiles
from coachhub_cli.up import show


def read(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_all_lines_go_into_one_file_and_errors_into_another(tmp_path: Path) -> None:
    """What is no JSON is wrapped, and who watches sees what is loud."""
    shown: list[str] = []
    logs = LogFiles(tmp_path, shown.append)
    logs.write('{"level": "info", "event": "hello"}', source="http")
    logs.write('{"level": "error", "event": "broken"}', source="chat")
    logs.write("Traceback (most recent call last):", source="worker")
    logs.close()
    assert [line["event"] for line in read(tmp_path / "combined.log")][:2] == ["hello", "broken"]
    assert [line["event"] for line in read(tmp_path / "error.log")] == ["broken", "Traceback (most recent call last):"]
    assert shown == ["chat: broken", "worker: Traceback (most recent call last):"]


def test_a_file_that_is_full_is_rotated(tmp_path: Path) -> None:
    """Five old ones are kept."""
    logs = LogFiles(tmp_path, max_bytes=200)
    for number in range(60):
        logs.write(json.dumps({"level": "info", "event": f"line {number}"}), source="http")
    logs.close()
    files = sorted(p.name for p in tmp_path.glob("combined.log*"))
    assert files == ["combined.log", *(f"combined.log.{n}" for n in range(1, 6))]
    assert all(p.stat().st_size <= 200 for p in tmp_path.glob("combined.log*"))
    assert read(tmp_path / "combined.log")[-1]["event"] == "line 59"


def test_lines_that_cannot_be_written_are_counted_and_the_count_is_told(tmp_path: Path) -> None:
    """A full disk stops nobody."""
    logs = LogFiles(tmp_path / "missing")
    for _ in range(3):
        logs.write('{"level": "info", "event": "lost"}', source="http")
    assert logs.n_dropped == 3
    (tmp_path / "missing").mkdir()
    logs.write('{"level": "info", "event": "here"}', source="http")
    logs.close()
    told = read(tmp_path / "missing" / "combined.log")
    assert [(line["event"], line.get("n")) for line in told] == [("log lines were dropped", 3), ("here", None)]


@contextmanager
def room_for(n_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond *n_bytes*, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_fills_up_and_is_freed_leaves_whole_lines(tmp_path: Path) -> None:
    """What fitted only in part is not there at all, and comes back neither late nor twice."""
    logs = LogFiles(tmp_path)
    with room_for(230):
        for number in range(10):
            logs.write(json.dumps({"level": "info", "event": f"line {number} {'x' * 30}"}), source="http")
        n_dropped = logs.n_dropped
    logs.write('{"level": "info", "event": "room again"}', source="http")
    logs.close()
    told = read(tmp_path / "combined.log")
    n_kept = 10 - n_dropped
    assert 0 < n_kept < 10
    assert [str(line["event"])[:6] for line in told] == [f"line {n}" for n in range(n_kept)] + ["log li", "room a"]
    assert told[-2]["n"] == n_dropped


def test_a_terminal_that_is_gone_stops_no_log(tmp_path: Path) -> None:
    """The lines go on being read and written when nobody can be shown any."""

    def show(text: str) -> None:
        raise BrokenPipeError

    logs = LogFiles(tmp_path, show)
    for number in range(3):
        logs.write(json.dumps({"level": "warning", "event": f"loud {number}"}), source="chat")
    logs.close()
    assert [line["event"] for line in read(tmp_path / "combined.log")] == ["loud 0", "loud 1", "loud 2"]


@pytest.mark.timeout(10)
def test_a_terminal_that_stands_still_stops_no_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-S, a pager, a pipe that nobody reads: the children's lines go on into the files."""
    reader, descriptor = os.pipe()
    with os.fdopen(descriptor, "w", buffering=1) as stream:
        monkeypatch.setattr("sys.stderr", stream)
        logs = LogFiles(tmp_path, show)
        for number in range(3_000):
            logs.write(json.dumps({"level": "warning", "event": f"loud {number} {'x' * 60}"}), source="http")
        logs.close()
        monkeypatch.undo()
        os.close(reader)
    assert len(read(tmp_path / "combined.log")) == 3_000
