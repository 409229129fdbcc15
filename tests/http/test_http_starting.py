"""A server process before its hub stands, and how it gives up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from http_parts import drive

from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.config import Http, Settings
from coachhub_core.errors import SettingsError, Unavailable
from coachhub_http.starting import EXIT_SETTINGS, EXIT_UNAVAILABLE, Starting


@contextlib.asynccontextmanager
async def living(app: Starting) -> AsyncIterator[None]:
    """Run the lifespan of *app* as a server does."""
    received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan"}, received.get, sent.put))
    await received.put({"type": "lifespan.startup"})
    assert (await sent.get())["type"] == "lifespan.startup.complete"
    yield
    await received.put({"type": "lifespan.shutdown"})
    assert (await sent.get())["type"] == "lifespan.shutdown.complete"
    await task


def nothing(sentence: str) -> None:
    raise AssertionError(sentence)


async def test_it_serves_once_its_hub_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start-up is over when requests can be answered; a database that comes late is waited for."""
    asked: list[int] = []

    def boot(settings: Settings) -> CoachHub:
        asked.append(1)
        if len(asked) < 3:
            raise Unavailable
        return bootstrap(settings)

    app = Starting(Settings.in_memory(), boot, nothing)
    async with living(app):
        assert len(asked) == 3
        assert (await drive(app, [], method="GET", path="/health/ready"))[0] == 200
        app.drain()
        assert (await drive(app, [], method="GET", path="/health/ready"))[0] == 503


async def test_a_start_that_takes_long_answers_that_it_lives() -> None:
    """After its silence it listens: alive, not ready, and everything else is to be asked again."""
    gate = threading.Event()

    def boot(settings: Settings) -> CoachHub:
        gate.wait(10)
        return bootstrap(settings)

    impatient = Settings.in_memory(http=Http(request_seconds=1))
    app = Starting(impatient, boot, nothing, silent_seconds=0.01)
    async with living(app):
        assert await drive(app, [], method="GET", path="/health/live") == (200, b'{"status":"alive"}')
        for path in ("/health/ready", "/health", "/api/accounts/me"):
            status, body = await drive(app, [], method="GET", path=path)
            assert (status, json.loads(body)["error"]["code"]) == (503, "unavailable")
        gate.set()
        while (await drive(app, [], method="GET", path="/health/ready"))[0] != 200:
            await asyncio.sleep(0.01)


async def test_a_request_that_comes_early_is_answered_when_the_start_is_over() -> None:
    """A node that comes back among others fails nobody."""
    nearly, gate = threading.Event(), threading.Event()

    def boot(settings: Settings) -> CoachHub:
        hub = bootstrap(settings)
        nearly.set()
        gate.wait(10)
        return hub

    app = Starting(Settings.in_memory(), boot, nothing, silent_seconds=0.01)
    async with living(app):
        await asyncio.to_thread(nearly.wait)  # what is tested is not how long a schema takes to be made
        early = asyncio.create_task(drive(app, [], method="GET", path="/api/coaches"))
        await asyncio.sleep(0.05)
        assert not early.done()
        gate.set()
        assert (await early)[0] == 200


@pytest.mark.parametrize(
    ("fault", "code", "told"),
    [
        (SettingsError.of(["http.port is odd"]), EXIT_SETTINGS, ["http.port is odd"]),
        (Unavailable(), EXIT_UNAVAILABLE, []),
        (RuntimeError("what nobody thought of"), EXIT_UNAVAILABLE, []),
    ],
)
async def test_it_gives_up_with_an_exit_code(
    fault: Exception, code: int, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong setting is told in a sentence; a database that stays away, or a fault, ends the process too."""
    exits: list[int] = []
    monkeypatch.setattr("coachhub_http.starting.sys.exit", exits.append)
    heard: list[str] = []

    def boot(settings: Settings) -> CoachHub:
        raise fault

    app = Starting(Settings.in_memory(), boot, heard.append, seconds=0)
    async with living(app):
        await asyncio.sleep(0)
    assert (exits, heard) == ([code], told)
