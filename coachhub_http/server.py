"""
``python -m coachhub_http``: the REST server, gunicorn set up.

Settings come from ``coachhub.toml`` (here, or in the data folder) and the
environment. A setting that is wrong, or a port that is taken, is one sentence on
standard error and exit 2. SIGTERM and SIGINT finish what is in flight, exit 0.
"""

from __future__ import annotations

import errno
import gc
import os
import resource
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter, HaltServer
from gunicorn.glogging import Logger
from gunicorn.sock import TCPSocket

from coachhub_core.config import Http, Settings
from coachhub_core.environment import load_settings, parent_of
from coachhub_core.errors import SettingsError
from coachhub_core.log_lines import LineWriter
from coachhub_core.sources import Sources
from coachhub_http.counter_files import MULTIPROC_DIR, emptied, give_back
from coachhub_http.edge import ASGIApp
from coachhub_http.logs import configure

BACKLOG: Final = 2048
GRACEFUL_SECONDS: Final = 20
SUPERVISOR_SECONDS: Final = 30
KEEPALIVE_SECONDS: Final = 5
PORT_WAIT_SECONDS: Final = 20.0  # a server that was killed leaves workers; they free its port once they can look
GC_THRESHOLD: Final = (50_000, 20, 50)
THREAD_NAMES: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class ServerLog(Logger):  # type: ignore[misc]  # gunicorn is not typed
    """gunicorn's own lines, through the process's one way of logging."""

    def setup(self, cfg: Any) -> None:
        """Take gunicorn's handlers away and let its records travel up."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class BoundSocket(TCPSocket):  # type: ignore[misc]  # gunicorn is not typed
    """A socket on which the first worker that is ready begins to listen."""

    @staticmethod
    def _is_listening(_: socket.socket) -> bool:
        return True  # so gunicorn does not


class Master(Arbiter):  # type: ignore[misc]  # gunicorn is not typed
    """gunicorn's arbiter: ends with its parent, treats Ctrl-C as SIGTERM, exits 2 for a wrong setting."""

    APP_LOAD_ERROR: int
    cfg: Any
    log: Any
    LISTENERS: list[BoundSocket]
    parent_pid: int | None = None
    refusals: Refusals | None = None
    _is_halting = False

    def start(self) -> None:
        """Hold the port without listening on it: a proxy then asks another node until a worker is ready."""
        self.LISTENERS = [BoundSocket(None, self.cfg, self.log, fd) for fd in self.cfg.address]
        super().start()

    def handle_int(self) -> None:
        """Finish what is in flight: Ctrl-C is no reason to drop it."""
        raise StopIteration

    def manage_workers(self) -> None:
        """Keep the workers running as long as the parent is there."""
        if self.parent_pid is not None and os.getppid() != self.parent_pid:
            self.log.info("the parent process is gone, leaving")
            raise StopIteration
        super().manage_workers()

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """End; where a worker refused its settings, say its sentence once and exit 2."""
        self._is_halting = True
        if exit_status == self.APP_LOAD_ERROR and self.refusals is not None:
            print(f"coachhub: {self.refusals.first()}", file=sys.stderr)
            exit_status = 2
        super().halt(exit_status=exit_status)

    def reap_workers(self) -> None:
        """Take note of workers that ended; the second that could not start must not interrupt the end."""
        try:
            super().reap_workers()
        except HaltServer:
            if not self._is_halting:
                raise


class Refusals:
    """How a worker tells the master why it cannot start: through a pipe, so that one sentence is printed for all."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)

    def tell(self, sentence: str) -> None:
        """Say, in a worker, why the start is refused."""
        os.write(self._writer, sentence.replace("\n", " ").encode()[:4_000] + b"\n")

    def first(self) -> str:
        """Return what the first worker said."""
        with suppress(BlockingIOError):
            return os.read(self._reader, 65_536).decode(errors="replace").partition("\n")[0]
        return "the settings are refused"


class Application(BaseApplication):  # type: ignore[misc]  # gunicorn is not typed
    """What gunicorn runs: *make* builds the ASGI application in each worker, after the fork."""

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        make: Callable[[], ASGIApp],
        *,
        parent_pid: int | None = None,
        refusals: Refusals | None = None,
    ) -> None:
        self.settings = settings
        self.http: Http = settings.http
        self._make = make
        self._parent_pid = parent_pid
        self._refusals = refusals
        self._bind = f"fd://{listener.detach()}"
        super().__init__()

    def load_config(self) -> None:
        """Say everything that differs from gunicorn's defaults, and why where it is not plain."""
        for name, value in {
            "bind": self._bind,
            "backlog": BACKLOG,
            "workers": self.http.workers,
            "worker_class": "coachhub_http.worker.Worker",
            "asgi_loop": "asyncio",
            "asgi_lifespan": "on",
            "http_parser": "python",
            "keepalive": KEEPALIVE_SECONDS,
            "timeout": SUPERVISOR_SECONDS,
            "graceful_timeout": GRACEFUL_SECONDS,
            "max_requests": 0,
            "forwarded_allow_ips": ",".join(self.http.trusted_proxies),
            "limit_request_line": 8190,
            "limit_request_fields": 100,
            "limit_request_field_size": 8190,
            "control_socket_disable": True,  # its default path is shared by every instance of one user
            "logger_class": ServerLog,
            "loglevel": self.settings.log_level,
            "proc_name": "coachhub_http",
            "child_exit": _forget_metrics,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> ASGIApp:
        """Build the application."""
        app: ASGIApp = self._make()
        return app

    def refuse_address(self, exc: OSError) -> None:
        """Say, in a worker, that another process listens there since this one bound the port."""
        if self._refusals is not None:
            self._refusals.tell(why_not(exc, self.http))

    def run(self) -> None:
        """Serve until a signal says otherwise."""
        master = Master(self)
        master.parent_pid = self._parent_pid
        master.refusals = self._refusals
        master.run()


def _forget_metrics(_: Any, worker: Any) -> None:
    if MULTIPROC_DIR in os.environ:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the library is half typed
        give_back(Path(os.environ[MULTIPROC_DIR]), worker.pid)


# ── from settings to a listening socket ─────────────────────────────────────


def listen(http: Http, *, patience: float = 0) -> socket.socket:
    """
    Return a socket bound to the configured address; a worker listens on it once it is ready.

    Args:
        patience: Seconds to wait for a port that is taken.
    Raises:
        SettingsError: Naming the setting, if the address cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            http.host, http.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as exc:
        raise SettingsError.of([f"http.host: {http.host!r} is no address to listen on"]) from exc
    deadline = time.monotonic() + patience
    while True:
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            return listener
        except OSError as exc:
            listener.close()
            if exc.errno == errno.EADDRINUSE and time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            raise SettingsError.of([why_not(exc, http)]) from exc


def why_not(exc: OSError, http: Http) -> str:
    """Return the sentence about an address that cannot be had."""
    if exc.errno == errno.EADDRINUSE:
        return f"http.port (PORT): {http.port} on {http.host} is taken by another process"
    if exc.errno in (errno.EACCES, errno.EPERM):
        return f"http.port (PORT): {http.port} is not yours to listen on"
    return f"http.host: cannot listen on {http.host!r}: {exc.strerror}"


def _prepare_metrics(settings: Settings) -> None:
    """Empty the folder in which the workers' counters add up."""
    if settings.data is None or not settings.http.metrics:
        return
    folder = settings.data / "metrics" / "http"
    try:
        emptied(folder)
    except OSError as exc:
        raise SettingsError.of([f"data (COACHHUB_DATA): {settings.data} cannot be used: {exc.strerror}"]) from exc
    os.environ[MULTIPROC_DIR] = str(folder)


def _raise_descriptor_limit() -> None:
    """Allow as many descriptors as the system lets this user have: each connection takes one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _settle() -> None:
    """Let what stands stay: no later collection walks it, and the default's haste finds little in requests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)


def main() -> int:
    """Run the server; return the exit code if it never started."""
    _raise_descriptor_limit()
    for name in THREAD_NAMES:  # before anything loads numpy: a process per core needs no threads inside a product
        os.environ.setdefault(name, "1")
    try:
        settings = load_settings(os.environ, Path.cwd())
        parent = parent_of(os.environ)
        Sources(settings.http.trusted_proxies)  # refuses what is no network
        listener = listen(settings.http, patience=PORT_WAIT_SECONDS if parent else 0)
        _prepare_metrics(settings)
    except SettingsError as exc:
        print(f"coachhub: {exc}", file=sys.stderr)
        return 2
    refusals = Refusals()
    observe = configure(settings.log_level, LineWriter())

    def make() -> ASGIApp:  # in each worker, after the fork
        from coachhub_core.bootstrap import bootstrap
        from coachhub_http.starting import Starting

        return Starting(settings, bootstrap, refusals.tell, observe=observe, settle=_settle)

    Application(settings, listener, make, parent_pid=parent, refusals=refusals).run()
    return 0
