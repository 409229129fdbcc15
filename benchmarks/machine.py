"""What a table was measured on, and the rules every benchmark here keeps."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


def one_thread() -> None:
    """Start this program anew with one thread per library, where that was not said before numpy loaded."""
    if any(os.environ.get(name) != "1" for name in THREADS):
        os.environ.update(dict.fromkeys(THREADS, "1"))
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 - the same program again


def describe(packages: Sequence[str]) -> str:
    """Give processor, Python and versions on one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].partition(":")[2].strip() if lines else model
    found = []
    for name in packages:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"{name} absent")
    return f"{os.cpu_count()} x {model}; Python {platform.python_version()}; {', '.join(found)}; one thread"


def interleaved(tasks: Mapping[str, Callable[[], object]], n_rounds: int) -> dict[str, np.ndarray]:
    """
    Time tasks in turn, the order rotating from round to round, after a warm-up.

    Returns:
        CPU seconds of each round by name: (n_rounds,).
    """
    names = list(tasks)
    for name in names:
        tasks[name]()
    taken: dict[str, list[float]] = {name: [] for name in names}
    for number in range(n_rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            start = time.process_time()
            tasks[name]()
            taken[name].append(time.process_time() - start)
    return {name: np.array(values) for name, values in taken.items()}


def ratio(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float, float]:
    """Give the ratio of medians, and the smallest and largest ratio of one round."""
    each = ours / np.maximum(theirs, 1e-12)
    return float(np.median(ours) / max(float(np.median(theirs)), 1e-12)), float(each.min()), float(each.max())
