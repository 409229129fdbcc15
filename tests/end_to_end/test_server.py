"""``python -m coachhub_http`` as it ships: how it starts, serves, refuses to start, and ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from select import select
from typing import Any

import pytest

COMMAND = (sys.executable, "-m", "coachhub_http")
PASSWORD = "three green bicycles at dawn"


class Server:
    """A server process with a data folder of its own."""

    def __init__(self, folder: Path, port: int, **environ: str) -> None:
        self.port = port
        self.output = folder / "output.log"
        self.environ = environ_for(folder, port, **environ)
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(COMMAND, cwd=folder, env=self.environ, stdout=output, stderr=output)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - as above
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.loads(refused.read())

    def wait_until_ready(self, timeout: float = 30) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.output.read_text()
            with suppress(OSError):
                if self.ask("GET", "/health/ready")[0] == 200:
                    return
            select([], [], [], 0.05)
        raise AssertionError(f"not ready in time: {self.output.read_text()}")

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.read_text().splitlines()]


def environ_for(folder: Path, port: int, **more: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("COACHHUB_", "PORT", "JWT_"))}
    return {
        **ours,
        "PORT": str(port),
        "COACHHUB_DATA": str(folder / "data"),
        "COACHHUB_HTTP_WORKERS": "2",
        "COACHHUB_AUTH_BCRYPT_COST": "10",
        **more,
    }


def children_of(pid: int) -> list[int]:
    """Return the processes that *pid* has started, as the kernel lists them."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_open(port: int) -> bool:
    """Say whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


@contextmanager
def running(folder: Path, **environ: str) -> Iterator[Server]:
    server = Server(folder, free_port(), **environ)
    try:
        server.wait_until_ready()
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


def test_a_person_registers_logs_in_and_out_over_http(tmp_path: Path) -> None:
    """Two workers, one database: what one answers the other knows. SIGTERM ends it with 0; no line holds a secret."""
    with running(tmp_path) as server:
        person = {"email": "sam@example.org", "password": PASSWORD, "role": "trainee", "name": "Sam"}
        status, told = server.ask("POST", "/api/auth/register", person)
        assert status == 201
        bearer = {"Authorization": f"Bearer {told['access_token']}"}
        for _ in range(6):
            status, account = server.ask("GET", "/api/accounts/me", **bearer)
            assert (status, account["email"]) == (200, "sam@example.org")
        assert server.ask("POST", "/api/auth/logout", **bearer)[0] == 204
        for _ in range(6):
            assert server.ask("GET", "/api/accounts/me", **bearer)[0] == 401
        assert server.ask("GET", "/health")[1]["status"] == "healthy"
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=5) as answer:
            counted = answer.read().decode()
        assert 'coachhub_http_requests_total{method="GET",route="/api/accounts/me",status="401"} 6.0' in counted
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        requests = [line for line in server.lines() if line["event"] == "request"]
        assert {"POST", "GET"} <= {line["method"] for line in requests}
        text = server.output.read_text()
        for secret in (told["access_token"], told["refresh_token"], PASSWORD, "sam@example.org"):
            assert secret not in text


def test_what_is_in_flight_is_answered_before_the_end(tmp_path: Path) -> None:
    """SIGINT to the whole group, as Ctrl-C sends it, loses nothing."""
    with running(tmp_path, COACHHUB_AUTH_BCRYPT_COST="12", LOG_LEVEL="warning") as server:
        body = json.dumps({"email": "sam@example.org", "password": PASSWORD, "role": "coach", "name": "Sam"}).encode()
        connections = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(4)]
        for number, connection in enumerate(connections):
            mine = body.replace(b"sam@", b"sam%d@" % number)
            connection.sendall(
                b"POST /api/auth/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(mine), mine)
            )
        select([], [], [], 0.1)
        for pid in (server.process.pid, *children_of(server.process.pid)):
            os.kill(pid, signal.SIGINT)
        for connection in connections:
            with connection:
                assert connection.recv(65536).startswith(b"HTTP/1.1 201 ")
        assert server.process.wait(20) == 0


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    """kill -9 of one: the other goes on, and within moments there are two again."""
    with running(tmp_path, LOG_LEVEL="warning") as server:

        def children() -> list[int]:
            found = subprocess.run(
                ["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=False
            )
            return [int(pid) for pid in found.stdout.split()]

        before = children()
        os.kill(before[0], signal.SIGKILL)
        deadline = time.monotonic() + 5
        while (now := children()) == before or len(now) < 2:
            assert time.monotonic() < deadline
            select([], [], [], 0.02)
        server.wait_until_ready()


def refused(folder: Path, *, port: int | None = None, **environ: str) -> str:
    """Start a server that must not start; return its sentence."""
    ended = subprocess.run(
        COMMAND,
        cwd=folder,
        env=environ_for(folder, port or free_port(), **environ),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout
    sentences = [line for line in ended.stderr.splitlines() if line]
    assert len(sentences) == 1, sentences
    return sentences[0]


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """One sentence with the setting, exit 2."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert "http.port (PORT)" in refused(tmp_path, port=other.getsockname()[1])


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"COACHHUB_HTTP_WORKERS": "many"}, "COACHHUB_HTTP_WORKERS"),
        ({"COACHHUB_HTPP_PORT": "1"}, "COACHHUB_HTPP_PORT"),
        ({"COACHHUB_HTTP_HOST": "no such host"}, "http.host"),
        ({"COACHHUB_HTTP_TRUSTED_PROXIES": "proxy"}, "http.trusted_proxies"),
        ({"JWT_SECRET": "secret"}, "JWT_SECRET"),
        ({"COACHHUB_PROFILE": "production"}, "JWT_SECRET"),
        ({"COACHHUB_DATABASE_URL": "oracle://x"}, "database.url"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, environ: dict[str, str], named: str) -> None:
    """Also one that only the hub finds, in a worker: one sentence, exit 2, no traceback."""
    assert named in refused(tmp_path, **environ)


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Below a regular file there is no folder."""
    (tmp_path / "file").touch()
    assert "data" in refused(tmp_path, COACHHUB_DATA=str(tmp_path / "file" / "data"))


def test_settings_come_from_a_file_here_or_in_the_data_folder(tmp_path: Path) -> None:
    """coachhub.toml is read, and the environment wins over it."""
    (tmp_path / "coachhub.toml").write_text("[http]\nopenapi = false\nmetrics = false\n")
    with running(tmp_path, COACHHUB_HTTP_METRICS="true", LOG_LEVEL="warning") as server:
        assert server.ask("GET", "/api/openapi.json")[0] == 404
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=5) as answer:
            assert answer.status == 200


def test_a_server_whose_parent_is_gone_ends(tmp_path: Path) -> None:
    """Started by ``coachhub up``, it does not outlive it."""
    port = free_port()
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, subprocess, sys, time\n"
            "os.environ['COACHHUB_PARENT_PID'] = str(os.getpid())\n"
            f"child = subprocess.Popen({list(COMMAND)!r}, stdout=subprocess.DEVNULL)\n"
            "print(child.pid, flush=True)\n"
            "time.sleep(60)\n",
        ],
        cwd=tmp_path,
        env=environ_for(tmp_path, port, LOG_LEVEL="warning"),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    with parent, parent.stdout:
        child = int(parent.stdout.readline())
        deadline = time.monotonic() + 30
        while not is_open(port):
            assert time.monotonic() < deadline
            select([], [], [], 0.05)
        parent.kill()
        parent.wait()
        while is_open(port):
            assert time.monotonic() < deadline
            select([], [], [], 0.05)
        while time.monotonic() < deadline and Path(f"/proc/{child}").exists():
            if Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                break  # ended; whoever adopted it has not looked yet
            select([], [], [], 0.05)
        else:
            assert not Path(f"/proc/{child}").exists()
