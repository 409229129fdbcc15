#!/usr/bin/env python3
"""
Starts MariaDB, Redis, Elasticsearch and nginx on this machine, for trying CoachHub on them and for its tests.

    python deploy/services.py start                    # every one that is installed; says what the others need
    eval "$(python deploy/services.py env)"            # DB_HOST, REDIS_HOST, ELASTICSEARCH_URL: coachhub up uses them
    python deploy/services.py run --all -- COMMAND     # start all or fail, run COMMAND with TEST_…_URL set, stop
    python deploy/services.py stop

Nothing is installed by it. Each service listens on 127.0.0.1 alone, on a free
port, with its data in a folder of its own below ``--dir``; it is ended by its
process id; what runs stands in ``services.json`` in that folder, which may be
deleted afterwards. Standard library only: it runs before anything else is
there. How each is started: ``local_servers``, beside this file.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from local_servers import START, Failed, Missing, free_port, is_alive

DEFAULT_DIR = Path(tempfile.gettempdir()) / f"coachhub-services-{os.getuid()}"
STOP_SECONDS = 20


def load(directory: Path) -> dict[str, dict[str, Any]]:
    """Return what was started from *directory* and still runs."""
    file = directory / "services.json"
    known: dict[str, dict[str, Any]] = json.loads(file.read_text()) if file.exists() else {}
    return {name: service for name, service in known.items() if is_alive(service["pid"])}


def save(directory: Path, services: dict[str, dict[str, Any]]) -> None:
    """Remember what runs; the new file replaces the old one whole."""
    new = directory / "services.json.new"
    new.write_text(json.dumps(services, indent=1))
    new.replace(directory / "services.json")


def start(options: argparse.Namespace) -> bool:
    """Start what is asked for; return whether all of it runs."""
    directory: Path = options.dir
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)  # Elasticsearch's user has to reach its folder in it
    running = load(directory)
    is_whole = True
    for name in options.names or list(START):
        if name in running:
            continue
        folder = directory / name
        folder.mkdir(exist_ok=True)
        try:
            running[name] = START[name](folder, free_port(), options)
        except Missing as missing:
            say(f"{name}: not here. {missing}")
            is_whole = False
        except Failed as failed:
            say(f"{name}: {failed}")
            is_whole = False
        else:
            say(f"{name}: 127.0.0.1:{running[name]['port']}, process {running[name]['pid']}")
        save(directory, running)
    return is_whole


def stop(options: argparse.Namespace) -> None:
    """End what runs, each by its process id; who does not go in time is killed."""
    running = load(options.dir)
    chosen = [name for name in running if not options.names or name in options.names]
    for name in chosen:
        with contextlib.suppress(ProcessLookupError):
            os.kill(running[name]["pid"], signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for name in chosen:
        pid = running[name]["pid"]
        while is_alive(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        if is_alive(pid):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        say(f"{name}: stopped")
        del running[name]
    if options.dir.exists():
        save(options.dir, running)


def variables(directory: Path, kind: str) -> dict[str, str]:
    """Return the addresses: ``env`` for CoachHub, ``tests`` for its tests."""
    return {name: value for service in load(directory).values() for name, value in service[kind].items()}


def say(text: str) -> None:
    """Tell a person; standard output is for what another program reads."""
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that what was started is stopped."""

    def leave(number: int, _: Any) -> None:
        raise SystemExit(128 + number)

    former = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def run(options: argparse.Namespace) -> int:
    """Start, run a command with the tests' variables, stop; return the command's exit code."""
    with ended_by_signals():
        try:
            if not start(options) and options.all:
                return 1
            command = subprocess.run(options.command, env={**os.environ, **variables(options.dir, "tests")})
            return command.returncode
        finally:
            options.names = []
            stop(options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description="Start and stop MariaDB, Redis, Elasticsearch and nginx for CoachHub.")
    parser.add_argument("--dir", type=Path, default=DEFAULT_DIR, help="where their data lie (%(default)s)")
    commands = parser.add_subparsers(dest="what", required=True)
    for name, help_ in (("start", "start them"), ("run", "start them, run a command, stop them")):
        command = commands.add_parser(name, help=help_)
        command.add_argument("--all", action="store_true", help="fail when one of them is not installed")
        command.add_argument("--elasticsearch", default=os.environ.get("ELASTICSEARCH_DIST"), metavar="PATH")
        command.add_argument("--rest", default="127.0.0.1:3000", help="nodes behind nginx, with commas between them")
        command.add_argument("--chat", default="127.0.0.1:3001", help="their chat addresses")
        command.add_argument("--only", dest="names", nargs="+", choices=list(START), default=[])
        if name == "run":
            command.add_argument("command", nargs=argparse.REMAINDER, help="-- COMMAND ARGUMENT…")
    env = commands.add_parser("env", help="print the addresses for a shell")
    env.add_argument("--tests", action="store_true", help="as the tests read them, TEST_…_URL")
    ending = commands.add_parser("stop", help="stop them")
    ending.add_argument("names", nargs="*", choices=[*START, []], help="which; all of them by default")
    commands.add_parser("status", help="say what runs")
    options = parser.parse_args(arguments)
    options.dir = options.dir.absolute()
    if options.what == "start":
        is_whole = start(options)
        print_variables(options.dir, "env")
        return 0 if is_whole or not options.all else 1
    if options.what == "run":
        options.command = options.command[1:] if options.command[:1] == ["--"] else options.command
        if not options.command:
            parser.error("run needs a command after --")
        return run(options)
    if options.what == "env":
        print_variables(options.dir, "tests" if options.tests else "env")
    elif options.what == "stop":
        stop(options)
    else:
        for name, service in load(options.dir).items():
            print(f"{name}: 127.0.0.1:{service['port']}, process {service['pid']}")
    return 0


def print_variables(directory: Path, kind: str) -> None:
    """Write the addresses as a shell reads them."""
    for name, value in variables(directory, kind).items():
        print(f"export {name}={shlex.quote(value)}")


if __name__ == "__main__":
    raise SystemExit(main())
