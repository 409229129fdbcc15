"""Whatever ends while the disk is full is started again: it reads as ever, and takes nobody along."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from urllib.request import urlopen

import pytest
from room import descendants, no_room
from running import Running, running, until

pytestmark = pytest.mark.embedded  # what is full is the disk of the SQLite file


def test_who_starts_while_there_is_no_room_reads_as_ever(tmp_path: Path) -> None:
    """A worker of REST, then the chat server, then the worker; and once there is room, all of it writes and counts."""
    with running(tmp_path / "data", LOG_LEVEL="warning", COACHHUB_HTTP_WORKERS="2") as server:
        coach, trainee = server.coach(), server.trainee()
        up = server.process.pid
        with no_room(up):
            for module in ("coachhub_http", "coachhub_ws", "coachhub_cli"):
                victim = _youngest(up, module)
                others = set(descendants(up)) - {victim}
                os.kill(victim, signal.SIGKILL)
                assert until(lambda: _is_ready(server) and len(descendants(up)) > len(others)), module  # noqa: B023
                for _ in range(20):  # whichever worker is asked
                    assert server.ask("GET", f"/api/coaches/{coach.profile_id}").status == 200
                    assert trainee.ask("GET", "/api/matches").status == 200
                refused = trainee.ask("POST", "/api/matches", {"coach_id": coach.profile_id})
                assert (refused.status, refused.code) == (503, "unavailable")
                assert others <= set(descendants(up)), f"the end of {module} took others along"
        assert until(lambda: trainee.ask("POST", "/api/matches", {"coach_id": coach.profile_id}).status == 201)
        http = [each for each in descendants(up) if _module(each) == "coachhub_http"]
        folder = server.folder / "metrics" / "http"
        assert until(lambda: _counting(server, folder) >= set(http[1:]))


def _counting(server: Running, folder: Path) -> set[int]:
    """Look at what is counted, and return who counts."""
    with urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=5) as answer:
        assert b"coachhub_http_requests_total" in answer.read()
    return {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_livesum_*.db")}


def _is_ready(server: Running) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{server.chat_port}/health/ready", timeout=5) as chat:
            return chat.status == 200 and server.ask("GET", "/health/ready").status == 200
    except OSError:
        return False


def _youngest(up: int, module: str) -> int:
    return max(each for each in descendants(up) if _module(each) == module)


def _module(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return words[2].decode() if len(words) > 2 else ""
