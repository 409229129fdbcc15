"""``python -m coachhub_ws`` as it ships: how it starts, refuses to start, dies, and ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from ws_parts import Pair, a_pair

from coachhub_core.bootstrap import bootstrap
from coachhub_core.config import Auth, Limits, Settings
from coachhub_core.domain.chat import ReadHistory
from coachhub_demo.chat_client import ChatClient, ChatClosed

COMMAND = (sys.executable, "-m", "coachhub_ws")
DOOMED = (sys.executable, str(Path(__file__).with_name("ws_doomed_server.py")))


class Server:
    """A server process with a data folder and a port of its own."""

    def __init__(self, folder: Path, *, command: tuple[str, ...] = COMMAND, port: int = 0, **environ: str) -> None:
        self.port = port or free_port()
        self.output = folder / "output.log"
        self.environ = {
            **{n: v for n, v in os.environ.items() if not n.startswith(("COACHHUB_", "PORT", "CHAT_", "JWT_"))},
            "CHAT_PORT": str(self.port),
            "COACHHUB_DATA": str(folder / "data"),
            "COACHHUB_AUTH_BCRYPT_COST": "10",
            **environ,
        }
        self.folder = folder
        self.command = command
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(command, cwd=folder, env=self.environ, stdout=output, stderr=output)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/v1"

    def status(self, path: str) -> int:
        """Return the status of a GET, 0 where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code
        except OSError:
            return 0

    def wait_until_ready(self, timeout: float = 30) -> None:
        deadline = time.monotonic() + timeout
        pause = threading.Event()
        while self.status("/health/ready") != 200:
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            pause.wait(0.05)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.read_text().splitlines()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(folder: Path, **more: Any) -> Iterator[Server]:
    server = Server(folder, **more)
    try:
        yield server
    finally:
        with suppress(ProcessLookupError):
            server.process.kill()
        server.process.wait(10)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", auth=Auth(bcrypt_cost=10), limits=Limits(register=0, login=0))


@pytest.fixture
def pair(settings: Settings) -> Pair:
    """Two people whose conversation is in the data folder of the server."""
    with bootstrap(settings) as hub:
        return a_pair(hub)


def test_killed_between_commit_and_answer_a_message_is_there_once(
    tmp_path: Path, settings: Settings, pair: Pair
) -> None:
    """The client hears nothing, comes back and says it again: the same place in the log, and one row."""
    acks: list[dict[str, Any]] = []
    id, client_id = pair.conversation_id, uuid4()
    with running(tmp_path, command=DOOMED) as doomed:
        doomed.wait_until_ready()
        sender = ChatClient(doomed.url, pair.trainee.token)
        listener = ChatClient(doomed.url, pair.coach.token)
        sender.connect()
        listener.connect()
        listener.join(id)

        def send() -> None:
            acks.append(sender.send(id, "are you there?", client_id=client_id))

        sending = threading.Thread(target=send)
        sending.start()
        assert doomed.process.wait(20) == -signal.SIGKILL
        with running(tmp_path, port=doomed.port) as server:
            server.wait_until_ready()
            sending.join(20)
            assert listener.listen(lambda: len(listener.bodies(id)) == 1)
            sender.send(id, "at last")
            assert listener.listen(lambda: len(listener.bodies(id)) == 2)
            sender.close()
            listener.close()
    assert [(ack["seq"], ack["duplicate"]) for ack in acks] == [(1, True)]
    assert listener.bodies(id) == ["are you there?", "at last"]
    with bootstrap(settings) as hub:
        stored = hub.chat.history(pair.coach.actor, ReadHistory(conversation_id=id))
    assert [(m.seq, m.client_id == client_id) for m in stored.events] == [(1, True), (2, False)]


def test_sigterm_asks_everybody_to_go_and_exits_with_0(tmp_path: Path, pair: Pair) -> None:
    """A client that obeys finds its way to the next server; nothing said in between is lost."""
    id = pair.conversation_id
    with running(tmp_path, COACHHUB_CHAT_DRAIN_SECONDS="3") as server:
        server.wait_until_ready()
        client = ChatClient(server.url, pair.trainee.token)
        client.connect()
        client.join(id)
        server.process.send_signal(signal.SIGTERM)
        assert client.listen(lambda: any(push["type"] == "draining" for push in client.pushes))
        assert client.send(id, "before you go")["seq"] == 1
        client.close()
        assert server.process.wait(20) == 0
        with running(tmp_path, port=server.port) as next_one:
            next_one.wait_until_ready()
            assert client.send(id, "hello again")["seq"] == 2
            client.close()
        lines = server.lines()
    assert pair.trainee.token not in server.output.read_text()
    assert {"level", "logger", "event", "at"} <= set(lines[0])
    closed = [line for line in lines if line["event"] == "connection closed"]
    assert closed[0]["account_id"] == str(pair.trainee.id)
    assert closed[0]["code"] == 1000


def test_a_token_that_is_wrong_stops_the_client(tmp_path: Path, pair: Pair) -> None:
    with running(tmp_path) as server:
        server.wait_until_ready()
        assert server.status("/health/live") == 200
        assert server.status("/metrics") == 200
        client = ChatClient(server.url, "forged")
        with pytest.raises(Exception, match="unauthorized") as refused:
            client.connect()
        assert not isinstance(refused.value, ChatClosed)
        client.cut()


def test_the_server_drains_and_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    """``coachhub up`` was killed: nobody else would stop its children."""
    starter = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'coachhub_ws'],"
        " env={**os.environ, 'COACHHUB_PARENT_PID': str(os.getpid())}, stdout=subprocess.DEVNULL)\n"
        "print(child.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    port = free_port()
    environ = {**os.environ, "CHAT_PORT": str(port), "COACHHUB_DATA": str(tmp_path / "data")}
    parent = subprocess.Popen(
        [sys.executable, "-c", starter], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    child = int(parent.stdout.readline())
    pause = threading.Event()
    deadline = time.monotonic() + 30
    while not answers(port):
        assert time.monotonic() < deadline
        pause.wait(0.05)
    parent.kill()
    parent.wait(10)
    parent.stdout.close()
    parent.stdin.close()
    while is_alive(child):
        assert time.monotonic() < deadline
        pause.wait(0.05)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its adopter to notice does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"CHAT_PORT": "many"}, "CHAT_PORT must be a whole number"),
        ({"COACHHUB_CHAT_COLOUR": "red"}, "there is no setting COACHHUB_CHAT_COLOUR"),
        ({"JWT_SECRET": "short"}, "JWT_SECRET must have at least 32 bytes"),
        ({"COACHHUB_HTTP_TRUSTED_PROXIES": "nowhere"}, "http.trusted_proxies"),
        ({"COACHHUB_DATA": "file/below"}, "data"),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_exit_2(tmp_path: Path, environ: dict[str, str], says: str) -> None:
    (tmp_path / "file").touch()
    with running(tmp_path, **environ) as server:
        assert server.process.wait(30) == 2
        text = server.output.read_text()
    assert says in text
    assert text.startswith("coachhub: ")
    assert text.count("\n") == 1


def test_a_port_that_is_taken_is_one_sentence_and_exit_2(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running(tmp_path, port=port) as server:
            assert server.process.wait(30) == 2
            assert server.output.read_text() == (
                f"coachhub: chat.port (CHAT_PORT): {port} on 127.0.0.1 is taken by another process\n"
            )
