"""Shows that long work goes on: a bar on a terminal, a plain line now and then otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_EVERY_SECONDS: Final = 2.0


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """
    Show how far a count has come while the block runs.

    Yields:
        What to call with how many are done and how many there are.
    """
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _lines(what, console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def lasting(what: str, seconds: float | None) -> Iterator[Callable[[float], None]]:
    """
    Show how long the block has been at it, of at most *seconds* where there is a most.

    Yields:
        What to call with the seconds that have passed.
    """
    console = Console(stderr=True, highlight=False)
    most = "" if seconds is None else f" of at most {seconds:g}"
    if not console.is_terminal:
        next_at = _EVERY_SECONDS

        def line(passed: float) -> None:
            nonlocal next_at
            if passed >= next_at:
                next_at = passed + _EVERY_SECONDS
                console.print(f"{what}: {passed:.0f} s{most}")

        yield line
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn(most))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=seconds)
        yield lambda passed: progress.update(task, completed=passed)


def _lines(what: str, console: Console) -> Callable[[int, int], None]:
    next_at = 0.0

    def show(done: int, total: int) -> None:
        nonlocal next_at
        if time.monotonic() >= next_at or done == total:
            next_at = time.monotonic() + _EVERY_SECONDS
            console.print(f"{what}: {done} of {total}")

    return show
