"""``coachhub demo`` and ``coachhub up --demo`` as a newcomer types them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from services import CURRENT

STEPS = (
    "Four coaches offer what they do",
    "Sam registers and says a goal in his own words",
    "Sam gets coaches, best first, each with reasons",
    "Sam asks Mara",
    "Mara accepts; Lee, who comes second, is told why not",
    "Mara publishes a plan and puts it on Sam's calendar",
    "Sam and Mara talk",
    "Sam's connection is cut, and nothing is lost",
    "Sam logs what really happened",
    "Mara sees who needs a word today",
    "Sam takes everything along",
)


def environment(tmp: Path, **more: str) -> dict[str, str]:
    ours = ("COACHHUB_", "PORT", "CHAT_PORT", "JWT_", "DB_", "REDIS_", "ELASTICSEARCH_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "TMPDIR": str(tmp), "PYTHONUNBUFFERED": "1", **CURRENT, **more}


@contextmanager
def started(words: Sequence[str], folder: Path, **more: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "coachhub_cli", *words],
        cwd=folder,
        env=environment(folder, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        preexec_fn=hears_interrupts,
    )
    assert process.stdout is not None
    try:
        with process.stdout:
            yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def hears_interrupts() -> None:
    """Hear Ctrl-C also where the tests were started in the background, which deafens all that comes after."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for_line(process: subprocess.Popen[str], start: str) -> list[str]:
    """Read lines until one begins with *start*, and return them; the test's time limit bounds it."""
    found = []
    assert process.stdout is not None
    for line in process.stdout:
        found.append(line.rstrip("\n"))
        if line.startswith(start):
            return found
    raise AssertionError(f"no line began with {start!r}: {found}")


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of processes that have *folder* in theirs, or in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                said = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in said:
                found.append(said.replace(b"\0", b" ")[:200].decode(errors="replace"))
    return found


def test_the_story_does_what_it_says(tmp_path: Path) -> None:
    """Every step is told and checked, within a minute, and nothing is left: no file, no process."""
    began = time.monotonic()
    # settings of the machine must not reach the story
    with started(["demo"], tmp_path, COACHHUB_PROFILE="production", PORT="1", COACHHUB_NONSENSE="x") as process:
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert time.monotonic() - began < 60
    titles = re.findall(r"^\d+\. (.*)$", out, re.MULTILINE)
    assert tuple(titles) == STEPS
    assert "refused, 409 match.coach_full: “coach " in out
    assert "numbers 1 to 6 without a hole on both devices" in out
    assert "✗" not in out
    assert "Every step did what it says" in out
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_story_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C in the middle ends the servers and deletes the folder."""
    with started(["demo"], tmp_path) as process:
        wait_for_line(process, "2. ")
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(number)
        out, _ = process.communicate(timeout=40)
    assert process.returncode == 130, out
    assert "Traceback" not in out
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []


def test_a_story_that_is_killed_leaves_no_server_running(tmp_path: Path) -> None:
    """Nobody could tell the servers to end; they see by themselves that their parent is gone."""
    with started(["demo"], tmp_path) as process:
        wait_for_line(process, "2. ")
        process.kill()
        process.wait()
        assert processes_of(tmp_path)
        deadline = time.monotonic() + 25
        while processes_of(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.1)  # between two looks at other processes
        assert processes_of(tmp_path) == []


def free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        for probe in (first, second):
            probe.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def ask(port: int, path: str, body: Any = None, token: str | None = None) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own server
        return json.loads(answer.read())


@pytest.mark.timeout(400)  # on a server of its own each of the past's many rows is a round trip
@pytest.mark.embedded
def test_up_with_demo_people_twice_in_a_row(tmp_path: Path) -> None:
    """The first start fills the folder and prints whom to log in as; the second keeps what is there."""
    port, chat_port = free_ports()
    words = ["up", "--demo", "--data", "house", "--workers", "1", "--port", str(port), "--chat-port", str(chat_port)]
    n_coaches = []
    for is_second in (False, True):
        with started(words, tmp_path) as process:
            said = wait_for_line(process, "ready")
            password = next(line for line in said if line.startswith("Log in")).partition(": ")[2]
            emails = [line.split()[0] for line in said if "@example.org" in line]
            assert len(emails) == 3
            assert ("There are accounts here already: nothing was added." in said) == is_second
            signed_in = ask(port, "/auth/login", {"email": emails[0], "password": password})
            attention = ask(port, "/coaches/me/attention", token=signed_in["access_token"])
            assert {item["flag"] for item in attention["items"]} >= {"message_unanswered", "effort_over_target"}
            n_coaches.append(ask(port, "/coaches?total=true")["total"])
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=25)
        assert process.returncode == 0
    assert n_coaches == [200, 200]
    check = subprocess.run(
        [sys.executable, "-m", "coachhub_cli", "check", "--data", "house"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stderr
    assert check.stdout.splitlines()[-1].endswith(" 0 problems")
