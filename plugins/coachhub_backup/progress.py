"""Shows that long work goes on: a live line on a terminal, plain lines otherwise."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_EVERY_SECONDS: Final = 0.2

Measure = Callable[[], int]


@contextmanager
def working(what: str, measure: Measure, total: int | None = None) -> Iterator[None]:
    """
    Say *what* is being done while the block runs.

    Args:
        measure: Returns how many bytes are done so far; asked five times a second, only on a terminal.
        total: How many there will be, where that is known.
    """
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        console.print(f"{what} …")
        yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=total)
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(_EVERY_SECONDS):
                try:
                    progress.update(task, completed=measure())
                except OSError:  # a file went away while it was counted
                    continue

        watcher = threading.Thread(target=look, name="coachhub-backup-progress", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()


def size_text(n_bytes: int) -> str:
    """Return a size as people read it."""
    if n_bytes < 1_000:
        return f"{n_bytes} bytes"
    size = n_bytes / 1_000
    for unit in ("kB", "MB", "GB"):
        if size < 1_000:
            return f"{size:.1f} {unit}"
        size /= 1_000
    return f"{size:.1f} TB"
