"""``coachhub up``: everything on one machine, supervised."""

from __future__ import annotations

import errno
import http.client
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Final

import click

from coachhub_cli.logfiles import LogFiles
from coachhub_cli.options import environment
from coachhub_cli.supervisor import Program, Supervisor
from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.config import Settings
from coachhub_core.environment import load_settings, parent_of
from coachhub_core.errors import SettingsError
from coachhub_core.log_lines import takes_more
from coachhub_core.patience import started
from coachhub_core.plugins import load_plugins

READY_SECONDS: Final = 90.0
_ONE_THREAD: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")  # one per worker: matching.md 3

PROGRAMS: Final = (
    Program(name="http", module="coachhub_http"),
    Program(name="chat", module="coachhub_ws"),
    Program(name="worker", module="coachhub_cli", arguments=("worker",)),
)


@click.command()
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="The data folder [COACHHUB_DATA].")
@click.option("--host", help="The address to listen on [COACHHUB_HTTP_HOST].")
@click.option("--port", type=int, help="The port of REST [PORT].")
@click.option("--chat-port", type=int, help="The port of chat [CHAT_PORT].")
@click.option("--workers", type=int, help="Processes that serve REST [COACHHUB_HTTP_WORKERS].")
@click.option("--demo", is_flag=True, help="Fill an empty folder with people to look at.")
def up(
    data: Path | None, host: str | None, port: int | None, chat_port: int | None, workers: int | None, demo: bool
) -> int:
    """
    Start REST, chat and the worker, and keep them running until Ctrl-C.

    Migrates the database, makes the signing secret, prints the addresses and,
    once everything answers, a line that begins with "ready".
    """
    parent = parent_of(os.environ)  # set by who starts us for a while, as the demo does
    environ = environment(
        COACHHUB_DATA=data, COACHHUB_HTTP_HOST=host, PORT=port, CHAT_PORT=chat_port, COACHHUB_HTTP_WORKERS=workers
    )
    for name in _ONE_THREAD:
        environ.setdefault(name, "1")
    check_programs()
    settings = load_settings(environ, Path())
    folder = prepare_folder(settings)
    check_port("PORT", settings.http.host, settings.http.port)
    check_port("CHAT_PORT", settings.chat_host, settings.chat.port)
    if settings.http.port == settings.chat.port:
        raise SettingsError.of(["CHAT_PORT must be another port than PORT"])
    if demo and settings.profile == "production":
        raise SettingsError.of(["--demo is refused in the production profile"])
    if not _prepared(settings, demo):
        return 0
    return _serve(settings, folder, environ, parent)


def prepare_folder(settings: Settings) -> Path:
    """Make the data folder; ``SettingsError`` when it cannot be made or written."""
    if settings.data is None:
        raise SettingsError.of(["COACHHUB_DATA must name a folder"])
    folder = settings.data.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".write-probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as exc:
        raise SettingsError.of([f"COACHHUB_DATA (--data): the folder {folder} cannot be used: {exc.strerror}"]) from exc
    return folder


def check_programs() -> None:
    """Refuse to start what is not installed, and say how it is."""
    needs = {"http": ("falcon", "gunicorn"), "chat": ("websockets",)}
    lacking = [extra for extra, modules in needs.items() if not all(find_spec(module) for module in modules)]
    if lacking:
        raise SettingsError.of([f"coachhub up needs what is not installed: install coachhub[{','.join(lacking)}]"])


def check_port(setting: str, host: str, port: int) -> None:
    """Refuse a port that is taken, or an address that is not this machine's, by the setting's name."""
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as exc:
        raise SettingsError.of([f"COACHHUB_HTTP_HOST: {host!r} is no address: {exc.strerror or exc}"]) from exc
    family, kind, protocol, _, address = infos[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                raise SettingsError.of([f"{setting}: port {port} on {host} is taken"]) from exc
            raise SettingsError.of([f"{setting}: cannot listen on {host}:{port}: {exc.strerror}"]) from exc


def _prepared(settings: Settings, demo: bool) -> bool:
    """Migrate, make the secret, and refuse here what any child would refuse; False when told to stop meanwhile."""
    stop = threading.Event()
    former = {number: signal.signal(number, lambda _, __: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    told: set[str] = set()

    def tell(why: str) -> None:
        if why not in told:
            told.add(why)
            show(f"waiting to start: {why}")

    try:
        hub = started(partial(bootstrap, settings), tell, stop)
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    if hub is None:
        return False
    with hub:
        if demo:
            fill(hub)
    return True


def fill(hub: CoachHub) -> None:
    """Let the plugin that has a demo population fill an empty instance; say so where there is none."""
    found = load_plugins().get_plugin("demo")
    if found is None:
        raise SettingsError.of(["--demo needs the plugin coachhub_demo, which is not installed"])
    found.fill(hub, lambda text: click.echo(text))


def show(text: str) -> None:
    """Show a line to who watches; a terminal that stands still is not waited for: it would stop every server."""
    if takes_more(sys.stderr.fileno()):
        click.echo(text, err=True)


def _serve(settings: Settings, folder: Path, environ: dict[str, str], parent: int | None) -> int:
    logs = LogFiles(folder, show)
    supervisor = Supervisor(PROGRAMS, environ, lambda line, source: logs.write(line, source=source))

    def stop(_: int, __: FrameType | None) -> None:
        supervisor.stop()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    base, chat = _addresses(settings)
    click.echo(f"REST  http://{base}/api\nchat  ws://{chat}/ws/v1\nlogs  {folder}/combined.log")
    click.echo(_try_these(base))
    ready = _Readiness(settings, supervisor, lambda: click.echo(f"ready  http://{base}  ws://{chat}  (Ctrl-C ends it)"))

    def tick() -> None:
        if parent and os.getppid() != parent:
            supervisor.stop()
        ready()

    code = supervisor.run(tick)
    logs.close()
    if ready.gave_up:
        click.echo(f"coachhub: not ready after {READY_SECONDS:.0f} s; see {folder}/error.log", err=True)
        return 1
    return code


def _addresses(settings: Settings) -> tuple[str, str]:
    def shown(host: str, port: int) -> str:
        host = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104 - compared, not bound
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    return shown(settings.http.host, settings.http.port), shown(settings.chat_host, settings.chat.port)


def _try_these(base: str) -> str:
    return "\n".join(
        (
            "Try:",
            f"  curl -s http://{base}/health",
            f"  curl -s 'http://{base}/api/coaches?q=marathon&limit=3'",
            "  coachhub demo    # one person's whole story, on a server of its own",
        )
    )


class _Readiness:
    """Asks both ports until both are ready, once."""

    def __init__(self, settings: Settings, supervisor: Supervisor, tell: Callable[[], None]) -> None:
        self._doors = [(settings.http.host, settings.http.port), (settings.chat_host, settings.chat.port)]
        self._supervisor = supervisor
        self._tell = tell
        self._deadline = time.monotonic() + READY_SECONDS
        self._is_ready = False
        self.gave_up = False

    def __call__(self) -> None:
        if self._is_ready or self._supervisor.is_stopping:
            return
        if all(is_ready(host, port) for host, port in self._doors):
            self._is_ready = True
            self._tell()
            sys.stdout.flush()
        elif time.monotonic() > self._deadline:
            self.gave_up = True
            self._supervisor.stop()


def is_ready(host: str, port: int) -> bool:
    """Say whether ``/health/ready`` answers 200 there."""
    host = "127.0.0.1" if host in ("0.0.0.0", "") else "::1" if host == "::" else host  # noqa: S104 - compared, not bound
    connection = http.client.HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
