"""
The application of a server process: it builds its hub, and serves once that stands.

A worker takes no connection before, so that those which are ready take them all.
A database that is down is waited for, a minute at most; after ten seconds of that
the process listens all the same: /health/live says that it lives, /health and
/health/ready that it is not ready, and everything else waits a while for the
start to end, then is a 503.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from coachhub_core import patience
from coachhub_core.config import Settings
from coachhub_core.errors import PluginError, SettingsError, Unavailable
from coachhub_http.app import RestApp, create_app
from coachhub_http.edge import STATIC_HEADERS, Observe, Receive, Scope, Send, context_of, send_problem
from coachhub_http.phase import Phase
from coachhub_http.pool import Pool
from coachhub_http.problems import JSON

if TYPE_CHECKING:
    from coachhub_core.bootstrap import CoachHub

log = logging.getLogger(__name__)

Boot = Callable[[Settings], "CoachHub"]

SILENT_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 1.0  # of a request's time, kept for answering it
EXIT_UNAVAILABLE: Final = 3  # gunicorn's WORKER_BOOT_ERROR
EXIT_SETTINGS: Final = 4  # gunicorn's APP_LOAD_ERROR, which the master turns into exit 2


class Starting:
    """
    An ASGI application that becomes :class:`RestApp` once its hub stands.

    Args:
        boot: Builds the hub, on a thread; :func:`coachhub_core.bootstrap.bootstrap`.
        refuse: Told, before the process exits, which setting the hub would not take.
        settle: Called once all stands, before the first request.
        seconds: How long to wait for a database that is down.
        silent_seconds: After which it listens though its hub does not stand.
    """

    def __init__(
        self,
        settings: Settings,
        boot: Boot,
        refuse: Callable[[str], None],
        *,
        observe: Observe | None = None,
        settle: Callable[[], None] = lambda: None,
        seconds: float = patience.START_SECONDS,
        silent_seconds: float = SILENT_SECONDS,
    ) -> None:
        self._settings = settings
        self._boot = boot
        self._refuse = refuse
        self._observe = observe
        self._settle = settle
        self._seconds = seconds
        self._stop = threading.Event()
        self._silent_seconds = silent_seconds
        self._phase = Phase()
        self._thread = Pool("start", threads=1, waiting=1, seconds=seconds + CLOSE_SECONDS + 60)
        self._task: asyncio.Task[None] | None = None
        self._hub: CoachHub | None = None
        self._app: RestApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._app is not None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            app = None if scope["path"].startswith("/health") else await self._soon()
            await (app(scope, receive, send) if app is not None else self._answer_early(scope, send))

    def drain(self) -> None:
        """Let /health/ready say that this process is leaving."""
        self._phase.is_draining = True

    # ── the life of the process ──

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._task = asyncio.get_running_loop().create_task(self._start())
        await asyncio.wait({self._task}, timeout=self._silent_seconds)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._stop.set()
        self._task.cancel()
        if self._app is not None and self._hub is not None:
            self._app.close()
            await self._thread.call(self._hub.close)
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._hub = hub = await self._thread.call(self._wait_for_the_hub)
            if hub is None:
                return
            app = create_app(hub, phase=self._phase, observe=self._observe)
            await app.watch()
            self._app = app
        except (SettingsError, PluginError) as exc:
            self._refuse(str(exc))
            loop.call_soon(sys.exit, EXIT_SETTINGS)
            return
        except Exception as exc:
            log.critical("the server cannot start: %s", exc, exc_info=not isinstance(exc, Unavailable))
            loop.call_soon(sys.exit, EXIT_UNAVAILABLE)
            return
        self._settle()
        self._phase.is_started = True

    def _wait_for_the_hub(self) -> CoachHub | None:
        return patience.started(
            self._make, lambda text: log.warning("waiting to start: %s", text), self._stop, seconds=self._seconds
        )

    def _make(self) -> CoachHub:
        """Return a hub whose database takes changes; a server that can write nothing does not begin to serve."""
        hub = self._boot(self._settings)
        try:
            hub.storage.ping()
        except BaseException:
            hub.close()
            raise
        return hub

    # ── before that ──

    async def _soon(self) -> RestApp | None:
        """Wait for the end of the start as long as a request may wait; give what answers then, if it stands."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=self._settings.http.request_seconds - ANSWER_SECONDS)
        return self._app

    async def _answer_early(self, scope: Scope, send: Send) -> None:
        context = context_of(scope)
        is_head = scope["method"] == "HEAD"
        if scope["path"] == "/health/live" and scope["method"] in ("GET", "HEAD"):
            body = msgspec.json.encode({"status": "alive"})
            headers = [
                (b"content-type", JSON.encode()),
                (b"content-length", str(len(body)).encode()),
                (b"cache-control", b"no-store"),
                *STATIC_HEADERS,
            ]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if is_head else body})
            return
        await send_problem(send, 503, context, scope["path"], has_body=not is_head, headers=((b"retry-after", b"1"),))
