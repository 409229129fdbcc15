"""Servers of a fault test's own: started for it, killed, frozen, thawed and started again as it likes."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import attrs

from coachhub_core.config import Settings
from coachhub_core.plugins import load_plugins

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = {"mariadb": ("mariadbd",), "redis": ("redis-server",), "elasticsearch": ("java",)}


def _local() -> ModuleType:
    """Return ``deploy/local_servers``, which knows how each server is started."""
    if (place := str(ROOT / "deploy")) not in sys.path:
        sys.path.append(place)  # programs of an operator, and no part of a package
    return importlib.import_module("local_servers")


def why_absent(kind: str) -> str | None:
    """Say why nothing of this kind can be broken here; None when it can."""
    if kind == "elasticsearch":
        if not is_offered(kind):
            return "no package offers the search engine elasticsearch"
        if os.environ.get("TEST_ELASTICSEARCH_URL"):
            return None  # one that others use, too: broken on its way here only
        if not os.environ.get("ELASTICSEARCH_DIST"):
            return "TEST_ELASTICSEARCH_URL names no server, ELASTICSEARCH_DIST no Elasticsearch to start"
    for program in PROGRAMS[kind]:
        if not (shutil.which(program) or shutil.which(f"/usr/sbin/{program}")):
            return f"{program} is not installed"
    return None


def is_offered(engine: str) -> bool:
    """Whether an installed package brings this search engine."""
    answers = load_plugins().hook.coachhub_searches(settings=Settings.in_memory())
    return any(engine in offers for offers in answers)


def a_server(kind: str, folder: Path) -> Server:
    """Return a server to be started: one of our own, or for Elasticsearch the one that is there."""
    if kind == "elasticsearch" and os.environ.get("TEST_ELASTICSEARCH_URL"):
        return Elsewhere(kind, folder)
    return Server(kind, folder)


@attrs.define(eq=False)
class Server:
    """
    One server, in a folder and on a port of its own.

    Args:
        kind: ``mariadb``, ``redis`` or ``elasticsearch``.
    """

    kind: str
    folder: Path
    port: int = 0
    pid: int = 0
    holding: subprocess.Popen[str] | None = None
    facts: dict[str, Any] = attrs.field(factory=dict)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return "127.0.0.1", self.port

    def start(self) -> None:
        """Start it, on the data and the port it had before."""
        local = _local()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or local.free_port()
        options = argparse.Namespace(elasticsearch=os.environ.get("ELASTICSEARCH_DIST"))
        former = os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = str(self.folder)  # two of them would meet in one folder for temporary tables
        try:
            self.facts = local.START[self.kind](self.folder, self.port, options)
        finally:
            del os.environ["TMPDIR"]
            if former is not None:
                os.environ["TMPDIR"] = former
        self.pid = self.facts["pid"]

    def kill(self) -> None:
        """End it as a power cut would."""
        self._signal(signal.SIGKILL)
        self._gone()

    def freeze(self) -> None:
        """Let it stand still, its connections open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it in order."""
        if self.pid:
            self._signal(signal.SIGCONT)
            self._signal(signal.SIGTERM)
            self._gone()

    def is_running(self) -> bool:
        """Whether its process is there."""
        return bool(self.pid) and _local().is_alive(self.pid)

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)  # it leads a group of its own; Elasticsearch has a Java below a shell
        except ProcessLookupError:
            return

    def _gone(self) -> None:
        process: subprocess.Popen[bytes] = _local().STARTED.pop(self.pid)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            process.wait()
        self.pid = 0

    # ── what only one kind can ──

    def sql(self, statements: str) -> str:
        """Let the root of MariaDB say something; return what came."""
        command = ["mariadb", "--no-defaults", f"--socket={self.facts['socket']}", "--user=root", "--batch", "-N"]
        command += ["--comments", "--max-allowed-packet=1G"]
        return subprocess.run(command, input=statements, check=True, capture_output=True, text=True).stdout

    def fill(self) -> None:
        """
        Leave MariaDB no room to write down another change.

        Its binary log is made its longest file, and no file of the process may
        then grow beyond that: a write fails as on a full disk, which takes no
        right that others do not have. Nothing else of it is harmed.
        """
        folder = self.folder / "data"
        log = max(folder.glob("binlog.0*"))
        self.sql("CREATE DATABASE IF NOT EXISTS ballast; CREATE OR REPLACE TABLE ballast.t (a INT) ENGINE=MEMORY;")
        longest = max(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        while log.stat().st_size <= longest:
            self.sql(f"INSERT INTO ballast.t VALUES (1) /* {'x' * 15_000_000} */;")  # a statement is logged as it is
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (log.stat().st_size, resource.RLIM_INFINITY))

    def make_room(self) -> None:
        """Let the files of MariaDB grow again, and forget the long one."""
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.sql("RESET MASTER; DROP DATABASE ballast;")

    def hold_commits(self) -> None:
        """
        Let every commit wait, and whoever only reads go on.

        So it is where the log of MariaDB is on a disk without room: it waits
        for some, as long as it takes, and says so to nobody.
        """
        command = ["mariadb", "--no-defaults", f"--socket={self.facts['socket']}", "--user=root", "--batch", "-N"]
        command.append("--unbuffered")
        self.holding = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self.holding.stdin is not None
        assert self.holding.stdout is not None
        self.holding.stdin.write("BACKUP STAGE START; BACKUP STAGE BLOCK_COMMIT; SELECT 'held';\n")
        assert self.holding.stdout.readline() == "held\n"

    def let_commit(self) -> None:
        """Let them go on."""
        holding, self.holding = self.holding, None
        if holding is not None:
            holding.communicate()

    def lose_data(self) -> None:
        """Forget everything it had; it does not run."""
        shutil.rmtree(self.folder / "data")

    def redis(self, *words: str) -> bytes:
        """Say something to Redis; return its answer's first line."""
        said = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in words)
        with socket.create_connection(self.address, timeout=5) as connection:
            connection.sendall(said)
            return connection.makefile("rb").readline().strip()

    @property
    def alias(self) -> str:
        """The name under which Elasticsearch is searched."""
        return f"{self.facts['env'].get('COACHHUB_ELASTICSEARCH_PREFIX', '')}coaches"

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        """Ask Elasticsearch past every proxy; return what it says."""
        request = urllib.request.Request(  # noqa: S310 - http on loopback
            f"{self.facts['env']['ELASTICSEARCH_URL']}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - the same
            return json.load(answer)


class Elsewhere(Server):
    """The Elasticsearch of ``TEST_ELASTICSEARCH_URL``: nobody's to stop, and its indices carry a prefix."""

    def start(self) -> None:
        parts = urlsplit(os.environ["TEST_ELASTICSEARCH_URL"])
        self.port = parts.port or 9200
        prefix = f"t{uuid.uuid4().hex[:12]}-"
        self.facts = {"env": {"ELASTICSEARCH_URL": parts.geturl(), "COACHHUB_ELASTICSEARCH_PREFIX": prefix}}

    def kill(self) -> None:
        raise PermissionError("this server is not ours")

    def stop(self) -> None:
        return

    def _signal(self, number: int) -> None:
        return


def until(check: Callable[[], Any], seconds: float) -> Any:
    """Ask again and again until *check* gives something true, at most *seconds*; a refusal is a no."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = check()
        except (OSError, AssertionError, ValueError, KeyError):
            found = None
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)  # between two questions to another process
