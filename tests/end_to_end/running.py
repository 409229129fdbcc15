"""A whole CoachHub, started as an operator does, and people who use it over REST."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

import attrs
from services import CURRENT, environment_of_services

PASSWORD = "lift heavy things 77"
NO_LIMITS = {
    f"COACHHUB_LIMITS_{name}": "0" for name in ("LOGIN", "FAILED_LOGIN", "REGISTER", "PASSWORD", "COSTLY", "GENERAL")
}
PREDICTABLE = {"COACHHUB_AUTH_BCRYPT_COST": "10", "COACHHUB_MATCHING_EXPLORATION": "false"}  # no list is swapped


@attrs.frozen
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The error's code."""
        found: str = self.body["error"]["code"]
        return found


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@attrs.define(eq=False)
class Running:
    """A running instance: its ports, its folder, its supervisor."""

    folder: Path
    port: int
    chat_port: int
    process: subprocess.Popen[str]
    environ: Mapping[str, str] = attrs.field(factory=dict)  # what it was started with, beside the defaults of tests

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 15,
    ) -> Answer:
        """Send one request on a connection of its own."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        content = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, content, sent)
            response = connection.getresponse()
            text = response.read()
            return Answer(response.status, dict(response.getheaders()), json.loads(text) if text else None)
        finally:
            connection.close()

    def register(self, role: str, name: str = "Kim", **more: Any) -> Person:
        """Make somebody."""
        email = f"{uuid.uuid4().hex}@example.org"
        said = {"email": email, "password": PASSWORD, "role": role, "name": name, **more}
        answer = self.ask("POST", "/api/auth/register", said)
        assert answer.status == 201, answer
        return Person(self, email, answer.body["access_token"], answer.body["account"]["id"])

    def coach(self, **profile: Any) -> Person:
        """Make a coach with a profile."""
        person = self.register("coach")
        made = person.ask("POST", "/api/coaches", {"capacity": 10, **profile})
        assert made.status == 201, made
        person.profile_id = made.body["id"]
        return person

    def trainee(self) -> Person:
        """Make a trainee with a goal."""
        person = self.register("trainee", "Sam")
        profile = person.ask("GET", "/api/trainees/me")
        etag = {"If-Match": profile.headers["etag"]}
        assert person.ask("PATCH", "/api/trainees/me", {"goal": "first marathon"}, headers=etag).status == 200
        person.profile_id = profile.body["id"]
        return person

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


@attrs.define(eq=False)
class Person:
    """Somebody who is logged in."""

    server: Running
    email: str
    token: str
    account_id: str
    profile_id: str = ""

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """Send one request as this person; a POST that needs a key gets a new one."""
        headers = dict(more.pop("headers", {}))
        if method == "POST" and path in ("/api/matches", "/api/assignments"):
            headers.setdefault("Idempotency-Key", uuid.uuid4().hex)
        return self.server.ask(method, path, body, token=self.token, headers=headers, **more)

    def request(self, coach: Person) -> str:
        """Ask a coach for a seat and return the match's id."""
        answer = self.ask("POST", "/api/matches", {"coach_id": coach.profile_id})
        assert answer.status == 201, answer
        id: str = answer.body["id"]
        return id


@contextmanager
def running(folder: Path, **environ: str) -> Iterator[Running]:
    """Start ``coachhub up`` in *folder*, with ``--on services`` on those, and wait until it says that it is ready."""
    if os.environ["TEST_ON"] == "embedded" or CURRENT:
        with started(folder, **{**CURRENT, **environ}) as instance:
            yield instance
    else:  # for a whole module: before any of its tests has its own
        with environment_of_services() as services, started(folder, **{**services, **environ}) as instance:
            yield instance


@contextmanager
def started(
    folder: Path, *, ports: tuple[int, int] | None = None, python: str = sys.executable, **environ: str
) -> Iterator[Running]:
    """Start ``coachhub up`` in *folder* with just these settings, and wait until it says that it is ready."""
    port, chat_port = ports or (free_port(), free_port())
    command = [python, "-m", "coachhub_cli", "up", "--data", str(folder)]
    command += ["--port", str(port), "--chat-port", str(chat_port)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COACHHUB_")}
    process = subprocess.Popen(
        command,
        env={**inherited, **NO_LIMITS, **PREDICTABLE, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("ready"):
                break
        else:
            raise AssertionError(f"not ready: {''.join(said)}")
        threading.Thread(target=_read_on, args=(process.stdout,), daemon=True).start()
        yield Running(folder, port, chat_port, process, environ)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _read_on(stream: IO[str]) -> None:
    """Read what a server says until it ends."""
    with stream:
        for _ in stream:
            pass


def until(check: Any, seconds: float = 10.0, pause: float = 0.05) -> Any:
    """Ask again and again until *check* gives something true, at most *seconds*."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found or time.monotonic() > deadline:
            return found
        time.sleep(pause)  # between two questions to another process


def freeze(worker: int, database: Path) -> None:
    """Freeze a worker between two of its writes: within one it keeps SQLite's only lock, and nobody else can write."""
    for _ in range(50):
        os.kill(worker, signal.SIGSTOP)
        assert until(lambda: Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[0] == "T", 5)
        try:
            with closing(sqlite3.connect(database, timeout=1, isolation_level=None)) as free:
                free.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError:
            os.kill(worker, signal.SIGCONT)
            time.sleep(0.05)  # on a busy machine it would be stopped again before it had a turn, in the same write
    raise AssertionError("the worker writes whenever it is looked at")
