"""Takes the room to write away from an instance, and gives it back."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def no_room(pid: int) -> Iterator[None]:
    """Let no process below *pid*, nor whoever they start meanwhile, write beyond the first page of any file."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)  # ours, which all of them began with
    _limit(pid, (4096, limits[1]))
    try:
        yield
    finally:
        _limit(pid, limits)


def _limit(pid: int, limits: tuple[int, int]) -> None:
    done: set[int] = set()
    n_calm = 0
    while n_calm < 3:  # one may have been born since the last look, and the list may lack one while another ends
        left = set(descendants(pid)) - done
        for each in left:
            with suppress(ProcessLookupError):  # it ended
                resource.prlimit(each, resource.RLIMIT_FSIZE, limits)
        done |= left
        n_calm = 0 if left else n_calm + 1


def descendants(pid: int) -> list[int]:
    """Return the processes below *pid*, as the kernel lists them."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        try:
            children = [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
        except OSError:  # it ended
            continue
        found += children
        waiting += children
    assert found
    assert os.getpid() not in found
    return found
