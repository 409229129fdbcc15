"""Lines of a log: who reads them, or does not, stops nobody."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator

import attrs
import pytest

from coachhub_core.breaker import Breaker
from coachhub_core.log_lines import MAX_LINE_BYTES, LineWriter, takes_more


@attrs.define
class Pipe:
    """A pipe whose reader stands still until it is told to read."""

    reader: int
    descriptor: int

    def fill(self) -> None:
        """Write until nothing more goes in."""
        os.set_blocking(self.descriptor, False)
        try:
            while True:
                os.write(self.descriptor, b"x" * 1_000 + b"\n")
        except BlockingIOError:
            os.set_blocking(self.descriptor, True)

    def read(self) -> list[str]:
        """Take what is there now."""
        os.set_blocking(self.reader, False)
        found = b""
        try:
            while True:
                found += os.read(self.reader, 1 << 16)
        except BlockingIOError:
            return found.decode().splitlines()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe(*os.pipe())
    yield made
    os.close(made.reader)
    os.close(made.descriptor)


@pytest.mark.timeout(10)
def test_a_reader_that_stands_still_costs_lines_and_no_time(pipe: Pipe) -> None:
    """What it does not take is dropped; the first line it takes again is preceded by how many those were."""
    writer = LineWriter(pipe.descriptor)
    pipe.fill()
    assert not takes_more(pipe.descriptor)
    for number in range(3):
        writer.write({"event": f"lost {number}"})
    assert writer.n_dropped == 3
    pipe.read()
    writer.write({"event": "here"})
    told = [json.loads(line) for line in pipe.read()]
    assert [(line["event"], line.get("n")) for line in told] == [("log lines were dropped", 3), ("here", None)]
    assert writer.n_dropped == 0


@pytest.mark.timeout(10)
def test_many_threads_and_a_reader_that_stands_still(pipe: Pipe) -> None:
    """None of them waits, although the pipe fills up between them."""
    writer = LineWriter(pipe.descriptor)

    def say() -> None:
        for number in range(100):
            writer.write({"event": f"{number} {'y' * 300}"})

    threads = [threading.Thread(target=say, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [json.loads(line) for line in pipe.read()]
    assert kept
    assert writer.n_dropped > 0
    assert len(kept) + writer.n_dropped == 400


def test_a_long_line_fits_into_what_a_pipe_takes_whole(pipe: Pipe) -> None:
    """Its texts keep their beginnings and more of their ends."""
    LineWriter(pipe.descriptor).write({"event": "begin " + "é🏃" * 5_000 + " end"})
    (line,) = pipe.read()
    assert len(line.encode()) < MAX_LINE_BYTES
    event = json.loads(line)["event"]
    assert event.startswith("begin ")
    assert event.endswith(" end")


def test_a_full_disk_is_counted() -> None:
    """And a descriptor that is closed, too."""
    full = os.open("/dev/full", os.O_WRONLY)
    writer = LineWriter(full)
    writer.write({"event": "x"})
    os.close(full)
    writer.write({"event": "y"})
    assert writer.n_dropped == 2


def test_a_breaker_is_free_while_it_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who writes the log may wait; who asks the breaker must not."""
    breaker = Breaker("the database")
    asked: list[bool] = []

    def warn(*_: object) -> None:
        other = threading.Thread(target=breaker.failed, daemon=True)
        other.start()
        other.join(5)
        asked.append(not other.is_alive())

    monkeypatch.setattr("coachhub_core.breaker.log.warning", warn)
    breaker.failed()
    assert asked == [True]
