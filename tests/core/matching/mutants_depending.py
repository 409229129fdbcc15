"""Mutants whose scores depend on what they may not: the batch, the clock, the world, the calls before."""

from __future__ import annotations

import datetime
import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from mutants import Asked, Change, Mutants, count, ranking

from coachhub_core.ports.matcher import Ranking

CALLS = {"everywhere": 0}


def _scaled(by: Callable[[Asked, Any], Any]) -> Change:
    def change(asked: Asked, right: Any) -> Any:
        factor = by(asked, right)
        return Ranking(right.rows, np.where(right.rows >= 0, right.scores * factor, -np.inf))

    return change


def _everywhere(*_: Any) -> float:
    CALLS["everywhere"] += 1
    return 1 / CALLS["everywhere"]


DEPENDS: dict[str, Callable[[Asked, Any], Any]] = {
    "the size of the batch": lambda a, r: 1 / max(len(a.trainees), 1),
    "the place in the batch": lambda a, r: 1 / (1 + np.arange(len(a.trainees)))[:, None],
    "the place in the batch, from the eighth": lambda a, r: np.where(np.arange(len(a.trainees)) > 7, 0.5, 1)[:, None],
    "the last of the batch": lambda a, r: np.where(np.arange(len(a.trainees)) == len(a.trainees) - 1, 0.5, 1)[:, None],
    "k": lambda a, r: 1 - 1 / (2 + a.k),
    "k odd or even": lambda a, r: 1 - 0.1 * (a.k % 2),
    "how many are allowed": lambda a, r: 1 / (1 + a.allowed.n_coaches - (a.allowed.count(0) if a.allowed.masks else 0)),
    "how often this index was asked": lambda a, r: 1 / count(a.index),
    "how often this matcher was asked": lambda a, r: 1 / count(a.index.matcher),
    "how often any was asked": _everywhere,
    "the thread": lambda a, r: 1.0 if threading.current_thread() is threading.main_thread() else 0.5,
    "the best of the batch": lambda a, r: 1 / (1 + np.max(r.scores, initial=0.0)),
    "an object's address": lambda a, r: 1 + (id(a.trainees) >> 4) % 97 / 1_000,
    "dice": lambda a, r: 1 + random.random() / 10,
    "numpy's dice": lambda a, r: 1 + np.random.random() / 10,
    "a new generator": lambda a, r: 1 + np.random.default_rng().random() / 10,
    "the system's dice": lambda a, r: 1 + os.urandom(1)[0] / 2_560,
    "a new id": lambda a, r: 1 + uuid.uuid4().int % 97 / 1_000,
    "the clock": lambda a, r: 1 + time.time_ns() % 97 / 1_000,
}


def _reads_file() -> None:
    with open(__file__):
        pass


def _opens_socket() -> None:
    socket.socket().close()


TOUCHES: dict[str, Callable[[], object]] = {
    "time.time": lambda: time.time(),
    "time.monotonic under a name of its own": lambda: monotonic(),
    "time.perf_counter_ns": lambda: time.perf_counter_ns(),
    "time.process_time": lambda: time.process_time(),
    "time.localtime": lambda: time.localtime(),
    "datetime.now": lambda: datetime.datetime.now(datetime.UTC),
    "date.today": lambda: datetime.date.today(),
    "random.random": lambda: random.random(),
    "random.seed": lambda: random.seed(3),
    "random.shuffle": lambda: random.shuffle([1, 2, 3]),
    "np.random.random": lambda: np.random.random(),
    "np.random.seed": lambda: np.random.seed(3),
    "open": _reads_file,
    "a path": lambda: Path(__file__).read_bytes(),
    "os.open": lambda: os.close(os.open(__file__, os.O_RDONLY)),
    "os.listdir": lambda: os.listdir("."),
    "a socket": _opens_socket,
}


def depending() -> Mutants:
    """Let scores depend on what they may not, or touch the world and not even use it."""
    for what, by in DEPENDS.items():
        yield f"depends on {what}", ranking(_scaled(by))
    for what, touch in TOUCHES.items():

        def change(asked: Asked, right: Any, touch: Any = touch) -> Any:
            touch()
            return right

        yield f"touches {what}", ranking(change)
