"""``coachhub backup create`` in the columns of the table: a process that starts while something is broken."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Final

from .columns import Column
from .house import House
from .probes import Seen

ROW: Final = "backup: command"
SECONDS: Final = 20.0  # it starts, connects, gives up and ends; a minute is what it waits for a packet
LATE: Final = ("trickle", "slow by 300 ms")  # it has the patience to see these through

_SAYS: Final = ("the database cannot be reached at the moment", "the database takes no changes at the moment")


def is_asked(column: Column, *, is_whole: bool) -> bool:
    """Whether the command is run in *column*: where it answers soon, and in the short form where it may fail."""
    return column.name not in LATE and (is_whole or column.neighbour == "mariadb")


def backup_create(house: House) -> Seen:
    """Make a backup; ``503`` where it ends with a code and a sentence, and leaves no file."""
    folder = house.server.folder / "backups"
    before = set(folder.glob("*.zip"))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COACHHUB_")}
    command = [sys.executable, "-m", "coachhub_cli", "backup", "create", "--kind", "database"]
    command += ["--data", str(house.server.folder)]
    began = time.monotonic()
    done = subprocess.run(
        command, env={**inherited, **house.settings}, capture_output=True, text=True, timeout=60, check=False
    )
    seconds, made = time.monotonic() - began, set(folder.glob("*.zip")) - before
    if done.returncode == 0:
        is_right = "read back: whole" in done.stdout and len(made) > 0
        return Seen("ok" if is_right else "no backup", seconds, done.stdout)
    is_right = any(said in done.stderr.splitlines()[-1] for said in _SAYS) and not made
    return Seen("503" if is_right else f"exit {done.returncode}", seconds, f"{done.stderr} {made or ''}")
