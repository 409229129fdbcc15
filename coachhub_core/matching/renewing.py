"""Notices that the file of the chosen model is another one, so that who serves can take it without a restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from coachhub_core.matching.hosted import Hosted

LOOK_SECONDS = 10.0  #: between two looks at the file, while somebody asks
AGAIN_SECONDS = 60.0  #: until a file that could not be served is tried again

_State = tuple[int, int, int]


class Renewal:
    """
    Looks at the file of a model.

    Args:
        path: Where the model lies. To be made before the file is opened for the first time.
        opened: Opens what lies there; it may raise whatever is wrong with it.
        clock: Monotonic seconds.
    """

    def __init__(
        self, path: Path, opened: Callable[[], Hosted], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.path = path
        self.opened = opened
        self._clock = clock
        self._lock = threading.Lock()
        self._served = _state(path)
        self._tried: _State | None = None
        self._is_under_way = False
        self._next_at = clock() + LOOK_SECONDS
        self._said: str | None = None

    def is_due(self) -> bool:
        """Tell, once, that there is another file than the one that is served; who is told so, opens it."""
        with self._lock:
            now = self._clock()
            if self._is_under_way or now < self._next_at:
                return False
            self._next_at = now + LOOK_SECONDS
            state = _state(self.path)
            if state is None or state == self._served:  # a file that is gone leaves its model where it is
                return False
            self._tried, self._is_under_way = state, True
            return True

    def has_succeeded(self) -> None:
        """Note that the file is served."""
        with self._lock:
            self._served, self._said, self._is_under_way = self._tried, None, False

    def has_failed(self, why: str) -> bool:
        """Note that it cannot be served, and will be tried again; tell whether that is news."""
        with self._lock:
            self._is_under_way = False
            self._next_at = self._clock() + AGAIN_SECONDS
            is_news, self._said = why != self._said, why
            return is_news


def _state(path: Path) -> _State | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
