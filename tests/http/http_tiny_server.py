"""The server as shipped, around an application of a few lines: what is tested with it is the worker."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from coachhub_core.environment import load_settings
from coachhub_core.log_lines import LineWriter
from coachhub_http.logs import configure
from coachhub_http.server import Application, listen


async def app(scope: Any, receive: Any, send: Any) -> None:
    """/health/live and anything: 200. /slow: after a second. /large: 32 MB. /refuse: 413 before the body. /pid: who."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await asyncio.sleep(float(os.environ.get("START_SECONDS", 0)))
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    body, status = b"fine", 200
    match scope["path"]:
        case "/slow":
            await asyncio.sleep(1)
        case "/large":
            body = b"x" * 32_000_000
        case "/refuse":
            status = 413
        case "/pid":
            body = str(os.getpid()).encode()
        case "/body":
            n = 0
            while (message := await receive())["type"] == "http.request":
                n += len(message["body"])
                if not message["more_body"]:
                    break
            body = str(n).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    settings = load_settings(os.environ, Path("nowhere"))
    configure(settings.log_level, LineWriter())
    Application(settings, listen(settings.http), lambda: app).run()
