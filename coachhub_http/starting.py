"""
The application of a server process: it listens at once, and builds its hub behind.

A database that is down at the start is waited for, a minute at most, while
/health/live says that the process lives and everything else is a 503.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

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

PATIENCE_SECONDS: Final = 60.0
CLOSE_SECONDS: Final = 10.0
EXIT_UNAVAILABLE: Final = 3  # gunicorn's WORKER_BOOT_ERROR
EXIT_SETTINGS: Final = 4  # gunicorn's APP_LOAD_ERROR, which the master turns into exit 2
_GC_THRESHOLD: Final = (50_000, 20, 50)  # requests leave few cycles behind; the default looks for them all the time


class Starting:
    """
    An ASGI application that becomes :class:`RestApp` once its hub stands.

    Args:
        boot: Builds the hub, on a thread; :func:`coachhub_core.bootstrap.bootstrap`.
        patience: Seconds to wait for a database that is down.
    """

    def __init__(
        self, settings: Settings, boot: Boot, *, observe: Observe | None = None, patience: float = PATIENCE_SECONDS
    ) -> None:
        self._settings = settings
        self._boot = boot
        self._observe = observe
        self._patience = patience
        self._phase = Phase()
        self._thread = Pool("start", threads=1, waiting=1, seconds=patience + CLOSE_SECONDS + 60)
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
            await self._answer_early(scope, send)

    def drain(self) -> None:
        """Let /health/ready say that this process is leaving."""
        self._phase.is_draining = True

    # ── the life of the process ──

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._task = asyncio.get_running_loop().create_task(self._start())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._task.cancel()
        if self._app is not None and self._hub is not None:
            self._app.close()
            await self._thread.call(self._hub.close)
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._hub = await self._thread.call(self._boot_patiently)
            self._app = create_app(self._hub, phase=self._phase, observe=self._observe)
        except (SettingsError, PluginError) as exc:
            print(f"coachhub: {exc}", file=sys.stderr, flush=True)
            loop.call_soon(sys.exit, EXIT_SETTINGS)
            return
        except Exception as exc:
            log.critical("the server cannot start: %s", exc, exc_info=not isinstance(exc, Unavailable))
            loop.call_soon(sys.exit, EXIT_UNAVAILABLE)
            return
        gc.collect()
        gc.freeze()  # what stands now stays: no later collection walks it, and no page of it is copied for that
        gc.set_threshold(*_GC_THRESHOLD)
        self._phase.is_started = True

    def _boot_patiently(self) -> CoachHub:
        deadline = time.monotonic() + self._patience
        pause = 0.1
        while True:
            try:
                return self._boot(self._settings)
            except Unavailable as exc:
                if time.monotonic() + pause > deadline:
                    raise
                log.warning("waiting to start: %s", exc)
            time.sleep(pause)
            pause = min(2.0, pause * 2)

    # ── before that ──

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
