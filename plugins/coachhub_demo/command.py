"""``coachhub demo``."""

from __future__ import annotations

import io
import secrets
import sys
import time
from importlib.util import find_spec
from typing import Final
from urllib.parse import urlsplit

import click

from coachhub_core.errors import SettingsError
from coachhub_demo.house import house
from coachhub_demo.telling import Teller

EXIT_FAILED: Final = 1
_NEEDS: Final = ("falcon", "gunicorn", "websockets")


@click.command()
@click.option("--at", "address", metavar="URL", help="Play on a running, empty CoachHub, or on a proxy.")
@click.option("--chat-at", metavar="URL", help="Its chat, ws://HOST:PORT/ws/v1; by default at the same address.")
def demo(address: str | None, chat_at: str | None) -> int:
    """
    Play one person's story through a server started for it, and check every step.

    Starts REST, chat and the worker on free ports of this machine with a
    temporary folder, talks to them as any app would, and leaves nothing behind.
    With --at it plays on a server of yours, and the story's people stay there.
    Exit code 0 only if every step did what it says.
    """
    if missing := [name for name in _NEEDS if find_spec(name) is None]:
        raise SettingsError.of([f"coachhub demo needs coachhub[http,chat]: {', '.join(missing)} is not installed"])
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show 🏃 is no reason to stop
    teller = Teller()
    began = time.monotonic()
    if address is None:
        if chat_at is not None:
            raise SettingsError.of(["--chat-at says where the chat of --at is, and --at is not given"])
        is_well = _play_here(teller, began)
    else:
        is_well = _play_there(teller, address, chat_at)
    seconds = time.monotonic() - began
    if not is_well:
        teller.say(f"\nThe step above did not do what it says; the story ended after {seconds:.1f} s.")
        return EXIT_FAILED
    if address is None:
        teller.say(f"\nEvery step did what it says, in {seconds:.1f} s. The server has ended and its folder is gone.")
        teller.say("Your own: coachhub up --demo")
    else:
        teller.say(f"\nEvery step did what it says, in {seconds:.1f} s. The people of the story are still there.")
    return 0


def _play_here(teller: Teller, began: float) -> bool:
    teller.say("A CoachHub starts for this story: REST, chat and a worker, with a database in a temporary folder …")
    with house() as found:
        teller.say(
            f"REST  http://{found.host}:{found.port}/api      chat  ws://{found.host}:{found.chat_port}/ws/v1      "
            f"ready after {time.monotonic() - began:.1f} s"
        )
        is_well = _play(teller, found.host, found.port, f"ws://{found.host}:{found.chat_port}/ws/v1", mark="")
        errors = found.folder / "error.log"
        if not is_well and errors.is_file():
            teller.say(
                "\n".join(["", "What the server wrote into error.log:", *errors.read_text("utf-8").splitlines()[-10:]])
            )
    return is_well


def _play_there(teller: Teller, address: str, chat_at: str | None) -> bool:
    parts = urlsplit(address if "//" in address else f"http://{address}")
    if parts.scheme != "http" or parts.hostname is None or parts.path not in ("", "/"):
        raise SettingsError.of([f"--at must be an address such as http://127.0.0.1:3000, not {address!r}"])
    port = parts.port or 80
    chat_url = chat_at or f"ws://{parts.hostname}:{port}/ws/v1"
    if urlsplit(chat_url).scheme != "ws":
        raise SettingsError.of([f"--chat-at must be an address such as ws://127.0.0.1:3001/ws/v1, not {chat_url!r}"])
    teller.say(f"The story is played on REST  http://{parts.hostname}:{port}/api      chat  {chat_url}")
    return _play(teller, parts.hostname, port, chat_url, mark=f"-{secrets.token_hex(3)}")


def _play(teller: Teller, host: str, port: int, chat_url: str, *, mark: str) -> bool:
    from coachhub_demo.doors import Rest
    from coachhub_demo.story import Story  # websockets loads here

    rest = Rest(host, port)
    try:
        return Story(rest, chat_url, teller, mark=mark).play()
    finally:
        rest.close()
