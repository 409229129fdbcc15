"""A chat server that dies, as by ``kill -9``, between the first COMMIT of a message and its acknowledgement."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from coachhub_core.bootstrap import bootstrap
from coachhub_core.environment import load_settings
from coachhub_ws.chat_server import ChatServer
from coachhub_ws.starting import listen


def die() -> None:
    """End without another word."""
    os.kill(os.getpid(), signal.SIGKILL)


async def main() -> None:
    """Serve until then."""
    settings = load_settings(os.environ, Path.cwd())
    server = ChatServer(settings, listen(settings), after_commit=die)
    await server.listen()
    server.open(bootstrap(settings))
    await asyncio.Event().wait()


asyncio.run(main())
