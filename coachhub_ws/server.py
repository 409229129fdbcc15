"""
``python -m coachhub_ws``: the chat server.

Settings come from ``coachhub.toml`` (here, or in the data folder) and the
environment. A setting that is wrong, or a port that is taken, is one sentence on
standard error and exit 2. SIGTERM and SIGINT drain: clients are asked to go
elsewhere, sends are still taken, and the exit is 0.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import signal
import socket
import sys
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.config import Settings
from coachhub_core.environment import load_settings, parent_of
from coachhub_core.errors import PluginError, SettingsError, Unavailable
from coachhub_core.log_lines import LineWriter
from coachhub_core.patience import started
from coachhub_ws.chat_server import ChatServer
from coachhub_ws.logs import configure
from coachhub_ws.starting import FILES_BESIDE, listen

log = logging.getLogger(__name__)

PORT_WAIT_SECONDS: Final = 5.0  # a server that was killed frees its port within a second
PARENT_LOOK_SECONDS: Final = 1.0
EXIT_SETTINGS: Final = 2
EXIT_UNAVAILABLE: Final = 1


def raise_descriptor_limit(settings: Settings) -> None:
    """Allow as many descriptors as the system lets this user have, and say so where that is too few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    needed = settings.chat.max_connections + FILES_BESIDE
    if soft != resource.RLIM_INFINITY and soft < needed:
        log.warning(
            "chat.max_connections is %d, but this process may open %d files only; raise RLIMIT_NOFILE to %d",
            settings.chat.max_connections,
            soft,
            needed,
        )


async def run(settings: Settings, listener: socket.socket, *, parent: int | None = None) -> int:
    """Serve until a signal, or the end of *parent*, says otherwise; return the exit code."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watch = loop.create_task(_watch(parent, stop)) if parent is not None else None
    server = ChatServer(settings, listener)
    await server.listen()
    is_stopped = threading.Event()
    first = asyncio.Event()
    booted: asyncio.Future[CoachHub] = loop.create_future()
    # a thread of its own, and a daemon: an end that comes before the hub stands does not wait for it
    threading.Thread(
        target=_boot_into, args=(booted, loop, settings, is_stopped), name="chat-start", daemon=True
    ).start()
    stopping = loop.create_task(stop.wait())
    try:
        booted.add_done_callback(lambda _: first.set())
        stopping.add_done_callback(lambda _: first.set())
        await first.wait()
        if not booted.done():
            is_stopped.set()
            await server.drain()
            return 0
        try:
            hub = booted.result()
        except (SettingsError, PluginError) as exc:
            print(f"coachhub: {exc}", file=sys.stderr)
            return EXIT_SETTINGS
        except Exception as exc:
            log.critical("the server cannot start: %s", exc, exc_info=not isinstance(exc, Unavailable))
            return EXIT_UNAVAILABLE
        with hub:
            server.open(hub)
            gc.collect()
            gc.freeze()  # what stands now stays: no later collection walks it
            log.info("chat is ready on port %d", settings.chat.port)
            await stopping
            await server.drain()
            await server.stop()
        return 0
    finally:
        for task in (watch, stopping):
            if task is not None:
                task.cancel()
        await server.close()


async def _watch(parent: int, stop: asyncio.Event) -> None:
    while os.getppid() == parent:
        await asyncio.sleep(PARENT_LOOK_SECONDS)
    log.info("the parent process is gone, leaving")
    stop.set()


def _boot_into(
    booted: asyncio.Future[CoachHub], loop: asyncio.AbstractEventLoop, settings: Settings, is_stopped: threading.Event
) -> None:
    def tell(hub: CoachHub | None, exc: Exception | None) -> None:
        if booted.done():
            return
        if exc is not None:
            booted.set_exception(exc)
        elif hub is not None:
            booted.set_result(hub)

    hub: CoachHub | None = None
    exc: Exception | None = None
    try:
        hub = started(partial(bootstrap, settings), lambda text: log.warning("waiting to start: %s", text), is_stopped)
    except Exception as caught:
        exc = caught
    with suppress(RuntimeError):  # the loop has ended: nobody waits any more
        loop.call_soon_threadsafe(tell, hub, exc)


def main() -> int:
    """Run the server; return the exit code."""
    try:
        settings = load_settings(os.environ, Path.cwd())
        parent = parent_of(os.environ)
        listener = listen(settings, patience=PORT_WAIT_SECONDS if parent else 0)
    except SettingsError as exc:
        print(f"coachhub: {exc}", file=sys.stderr)
        return EXIT_SETTINGS
    configure(settings.log_level, LineWriter())
    raise_descriptor_limit(settings)
    try:
        return asyncio.run(run(settings, listener, parent=parent))
    except SettingsError as exc:
        print(f"coachhub: {exc}", file=sys.stderr)
        return EXIT_SETTINGS
