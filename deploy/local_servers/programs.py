"""What it takes to start any program here and to know that it is up; each outlives the one that started it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

START_SECONDS = 240  # Elasticsearch takes 12 s on two idle cores, and a minute and a half on busy ones


class Missing(Exception):
    """A service is not installed; the text says what to install."""


class Failed(Exception):
    """A service did not start; the text says where its own words are."""


def find(*names: str, hint: str) -> str:
    """Return the first of these programs that is there."""
    for name in names:
        for place in (name, f"/usr/sbin/{name}"):
            if found := shutil.which(place):
                return found
    raise Missing(hint)


def free_port() -> int:
    """Return a port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def await_true(check: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until *check* holds; fail when *process* ends first or time runs out."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if check():
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)  # it leads a group: below runuser there is a Java, below that another
    tail = log.read_text(errors="replace")[-1500:] if log.exists() else ""
    raise Failed(f"it did not come up; its log is {log}\n{tail}")


STARTED: dict[int, subprocess.Popen[bytes]] = {}  # by process id, for whoever uses this as a module and waits for them


def launch(command: Sequence[str], log: Path, **more: Any) -> subprocess.Popen[bytes]:
    """Start a program that outlives this one, its output in *log*."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            list(command), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, **more
        )
    STARTED[process.pid] = process
    return process


def listens(port: int) -> bool:
    """Tell whether somebody answers on *port*."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_alive(pid: int) -> bool:
    """Tell whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
