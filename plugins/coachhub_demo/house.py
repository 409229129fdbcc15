"""Starts a CoachHub of its own for the story, in a temporary folder on free ports, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Final

import attrs

from coachhub_core.config import environment_names
from coachhub_core.environment import PARENT
from coachhub_core.errors import Unavailable

READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 25.0
_TRIES: Final = 3  # a free port may be taken between looking and listening
_PORT_TAKEN: Final = 2


@attrs.frozen(kw_only=True)
class House:
    """Where the server listens, and where it keeps things."""

    host: str
    port: int
    chat_port: int
    folder: Path


@contextmanager
def house() -> Iterator[House]:
    """
    Run ``coachhub up`` while the block runs; stop it, and delete its folder, also on Ctrl-C and SIGTERM.

    Raises:
        Unavailable: If it does not become ready, with its last words.
    """
    with _ending_alike(), tempfile.TemporaryDirectory(prefix="coachhub-demo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        process, found = _started(folder)
        try:
            yield found
        finally:
            with _deaf():  # a second Ctrl-C must not leave processes behind
                _stop(process)


def _started(folder: Path) -> tuple[subprocess.Popen[str], House]:
    said = ""
    for _ in range(_TRIES):
        port, chat_port = _free_ports()
        process = subprocess.Popen(  # noqa: S603 - our own module by our own interpreter
            [sys.executable, "-m", "coachhub_cli", "up", *_options(port, chat_port, folder / "data")],
            cwd=folder,  # so that no coachhub.toml of somebody's is read
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches us alone; we end it in order
        )
        try:
            is_ready, said = _wait(process)
        except BaseException:
            with _deaf():
                _stop(process)
            raise
        if is_ready:
            return process, House(host="127.0.0.1", port=port, chat_port=chat_port, folder=folder / "data")
        _stop(process)
        if process.returncode != _PORT_TAKEN:
            break
    print(said, file=sys.stderr)
    raise Unavailable(what="the server for the story")


def _options(port: int, chat_port: int, data: Path) -> tuple[str, ...]:
    return ("--host", "127.0.0.1", "--port", str(port), "--chat-port", str(chat_port), "--data", str(data))


def _environment() -> dict[str, str]:
    """
    Return the environment without a single setting: the story plays on what everybody gets.

    The server is told whose it is, and ends by itself when this process is killed.
    """
    ours = set(environment_names())
    kept = {n: value for n, value in os.environ.items() if n not in ours and not n.startswith("COACHHUB_")}
    # one list in a hundred swaps two neighbours to learn from it; a story that counts on the order cannot be that one
    told = {"PYTHONUNBUFFERED": "1", PARENT: str(os.getpid()), "COACHHUB_MATCHING_EXPLORATION": "false"}
    return {**kept, **told}


def _wait(process: subprocess.Popen[str]) -> tuple[bool, str]:
    """Read what the server says until it is ready, ends, or takes too long; go on reading so that it never blocks."""
    lines: list[str] = []
    ready, over = threading.Event(), threading.Event()
    assert process.stdout is not None  # noqa: S101 - asked for above

    def read(stream: IO[str]) -> None:
        with stream:
            for line in stream:
                lines.append(line.rstrip())
                if line.startswith("ready"):
                    ready.set()
                    over.set()
        over.set()

    threading.Thread(target=read, args=(process.stdout,), name="coachhub-demo-output", daemon=True).start()
    over.wait(READY_SECONDS)
    if not ready.is_set():
        process.poll()
    return ready.is_set(), "\n".join(lines[-20:])


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        for probe in (first, second):
            probe.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # its children leave by themselves once it is gone
        process.wait()


@contextmanager
def _ending_alike() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the story as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _deaf() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
