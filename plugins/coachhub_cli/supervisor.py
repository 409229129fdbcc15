"""
Keeps child processes running: starts them, starts again what died, ends them in order.

A child knows its parent by ``COACHHUB_PARENT_PID`` and leaves by itself when that
process is gone, so that ``kill -9`` of the supervisor leaves nothing behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs

from coachhub_core.environment import PARENT

STOP_SECONDS: Final = 20.0
_SOON: Final = 0.1  # after a death; a child that dies at once again waits longer, up to a second
_LATEST: Final = 1.0
_STEADY_SECONDS: Final = 2.0  # longer than a start takes: who was up and is killed is not made to wait
EXIT_SETTINGS: Final = 2


@attrs.frozen(kw_only=True)
class Program:
    """What to run, under a name."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()


@attrs.define(eq=False)
class _Child:
    program: Program
    process: subprocess.Popen[str] | None = None
    started: float = 0.0
    start_at: float = 0.0
    n_quick: int = 0


class Supervisor:
    """
    Runs *programs* until told to stop.

    Args:
        write: Called with each line a child prints and the program's name.
    """

    def __init__(
        self, programs: Sequence[Program], environ: Mapping[str, str], write: Callable[[str, str], None]
    ) -> None:
        self._children = [_Child(program) for program in programs]
        self._environ = {**environ, PARENT: str(os.getpid()), "PYTHONUNBUFFERED": "1"}
        self._write = write
        self._stop = threading.Event()
        self._readers: list[threading.Thread] = []
        self.refused: str | None = None

    def stop(self) -> None:
        """Ask for the end; :meth:`run` then returns."""
        self._stop.set()

    @property
    def is_stopping(self) -> bool:
        """Whether the end was asked for."""
        return self._stop.is_set()

    def run(self, tick: Callable[[], None] = lambda: None) -> int:
        """
        Start everything and keep it running; return the exit code.

        Args:
            tick: Called about ten times a second.
        """
        try:
            while not self._stop.is_set():
                for child in self._children:
                    self._look_after(child)
                tick()
                self._stop.wait(_SOON)
        finally:
            is_clean = self._end()
        if self.refused is not None:
            return EXIT_SETTINGS
        return 0 if is_clean else 1

    def _look_after(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_at:
                self._start(child)
            return
        code = child.process.poll()
        if code is None:
            return
        if code == EXIT_SETTINGS:  # it said why on its way out; starting again would say the same
            self.refused = child.program.name
            self._stop.set()
            return
        is_quick = now - child.started < _STEADY_SECONDS
        child.n_quick = child.n_quick + 1 if is_quick else 0
        child.start_at = now + min(_LATEST, _SOON * 2**child.n_quick if child.n_quick else 0.0)
        child.process = None
        self._write(f"{child.program.name} ended with {code} and is started again", "coachhub")

    def _start(self, child: _Child) -> None:
        program = child.program
        process = subprocess.Popen(  # noqa: S603 - our own module by our own interpreter
            [sys.executable, "-m", program.module, *program.arguments],
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches us alone; we pass it on in order
        )
        child.process, child.started = process, time.monotonic()
        reader = threading.Thread(target=self._read, args=(process, program.name), daemon=True)
        self._readers.append(reader)
        reader.start()

    def _read(self, process: subprocess.Popen[str], name: str) -> None:
        assert process.stdout is not None  # noqa: S101 - asked for above
        with process.stdout:
            for line in process.stdout:
                if text := line.rstrip("\n"):
                    self._write(text, name)

    def _end(self) -> bool:
        """Pass SIGTERM on, wait, kill what stays; True when everybody left by itself."""
        running = [c.process for c in self._children if c.process is not None and c.process.poll() is None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        is_clean = True
        for process in running:
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                is_clean = False
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for reader in self._readers:
            reader.join(timeout=1)
        return is_clean
