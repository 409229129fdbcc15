"""``coachhub demo``."""

from __future__ import annotations

import io
import sys
import time
from importlib.util import find_spec
from typing import Final

import click

from coachhub_core.errors import SettingsError
from coachhub_demo.house import house
from coachhub_demo.telling import Teller

EXIT_FAILED: Final = 1
_NEEDS: Final = ("falcon", "gunicorn", "websockets")


@click.command()
def demo() -> int:
    """
    Play one person's story through a server started for it, and check every step.

    Starts REST, chat and the worker on free ports of this machine with a
    temporary folder, talks to them as any app would, and leaves nothing behind.
    Exit code 0 only if every step did what it says.
    """
    if missing := [name for name in _NEEDS if find_spec(name) is None]:
        raise SettingsError.of([f"coachhub demo needs coachhub[http,chat]: {', '.join(missing)} is not installed"])
    from coachhub_demo.doors import Rest
    from coachhub_demo.story import Story  # websockets loads here

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show 🏃 is no reason to stop
    teller = Teller()
    began = time.monotonic()
    teller.say("A CoachHub starts for this story: REST, chat and a worker, with a database in a temporary folder …")
    with house() as found:
        teller.say(
            f"REST  http://{found.host}:{found.port}/api      chat  ws://{found.host}:{found.chat_port}/ws/v1      "
            f"ready after {time.monotonic() - began:.1f} s"
        )
        rest = Rest(found.host, found.port)
        try:
            is_well = Story(rest, f"ws://{found.host}:{found.chat_port}/ws/v1", teller).play()
        finally:
            rest.close()
        errors = found.folder / "error.log"
        if not is_well and errors.is_file():
            teller.say(
                "\n".join(["", "What the server wrote into error.log:", *errors.read_text("utf-8").splitlines()[-10:]])
            )
    seconds = time.monotonic() - began
    if not is_well:
        teller.say(f"\nThe step above did not do what it says; the story ended after {seconds:.1f} s.")
        return EXIT_FAILED
    teller.say(f"\nEvery step did what it says, in {seconds:.1f} s. The server has ended and its folder is gone.")
    teller.say("Your own: coachhub up --demo")
    return 0
