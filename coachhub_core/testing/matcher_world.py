"""Watches a matcher while it ranks: what it may not ask of the world, under whatever name it asks."""

from __future__ import annotations

import gc
import random
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_CLOCKS = frozenset(
    {
        *("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time"),
        *("process_time_ns", "thread_time", "thread_time_ns", "clock_gettime", "clock_gettime_ns"),
        *("localtime", "gmtime", "ctime"),
    }
)
_FILES = frozenset({"open", "listdir", "scandir", "stat", "lstat", "mkdir", "unlink", "remove", "rename"})
_SOCKET = socket.socket.__init__.__code__
_DICE: Any = random.random.__self__  # type: ignore[attr-defined]


def _forbidden(function: Any) -> str | None:
    """Name what a call into C asks of the world, None where it may be asked."""
    name = getattr(function, "__name__", "")
    owner = getattr(function, "__self__", None)
    module = getattr(function, "__module__", None) or getattr(owner, "__name__", "")
    if (module == "time" or owner is time) and name in _CLOCKS:
        return f"the clock: time.{name}"
    if name in ("now", "utcnow", "today") and isinstance(owner, type):
        return f"the clock: {owner.__name__}.{name}"
    if name in _FILES and module in ("_io", "io", "posix", "nt"):
        return f"a file: {name}"
    if owner is _DICE:
        return f"the global random state: {name}"
    return None


@contextmanager
def watching() -> Iterator[list[str]]:
    """
    Watch this thread, and those it starts, while the block runs.

    Yields:
        What was asked of the world, to be read afterwards: empty when all is well.
    """
    found: list[str] = []
    former = sys.getprofile()

    def look(frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call" and (what := _forbidden(argument)) is not None:
            found.append(what)
        elif (
            event == "call"
            and frame.f_code.co_name == "__init__"
            and type(frame.f_locals.get("self")).__name__ in ("socket",)
        ):
            found.append("the network: a socket")

    collects = gc.isenabled()
    gc.disable()  # a collection calls back whoever asked to be told, and some read a clock then
    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(former)
        threading.setprofile(None)
        if collects:
            gc.enable()
