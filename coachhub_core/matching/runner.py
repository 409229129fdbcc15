"""
Two threads that run what may hang, so that nobody who asks hangs with it.

Python cannot end a thread. What is not done in time is abandoned: whoever asked
goes on, and the thread counts as stuck until the work returns by itself. When
all threads are stuck at once, the runner is lost until the process restarts.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from coachhub_core.errors import MatcherError

Wait = Callable[[threading.Event, float], bool]


class NotDone(Exception):  # a signal between two modules, caught by the host; nobody else sees it
    """Says that work was given up; ``was_started`` tells whether it or the queue before it took the time."""

    def __init__(self, *, was_started: bool) -> None:
        super().__init__()
        self.was_started = was_started


class _Job:
    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work
        self.done = threading.Event()
        self.is_started = False
        self.abandoned = threading.Event()
        self.result: Any = None
        self.error: Exception | None = None


class Runner:
    """Runs work on threads of its own and waits for it no longer than it was told."""

    def __init__(self, n_threads: int = 2, *, wait: Wait = threading.Event.wait) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._wait = wait
        self._threads: list[threading.Thread] = []
        self._n_threads = n_threads
        self._n_stuck = 0
        self._is_lost = False

    @property
    def n_stuck(self) -> int:
        """Count the threads that run work nobody waits for any more."""
        return self._n_stuck

    @property
    def is_lost(self) -> bool:
        """Tell whether all threads were stuck at once; this never changes back."""
        return self._is_lost

    def run(self, work: Callable[[], Any], timeout_seconds: float) -> Any:
        """
        Run *work* and give what it gives.

        Raises:
            NotDone: If it was not done in time; it is abandoned.
            Exception: Whatever *work* raised.
        """
        job = _Job(work)
        with self._lock:
            if not self._threads:  # only now: who never needs them never has them
                self._threads = [
                    threading.Thread(target=self._loop, name=f"matcher-{n}", daemon=True)
                    for n in range(self._n_threads)
                ]
                for thread in self._threads:
                    thread.start()
        self._jobs.put(job)
        if not self._wait(job.done, timeout_seconds):
            with self._lock:
                if not job.done.is_set():
                    job.abandoned.set()
                    if job.is_started:
                        self._n_stuck += 1
                        self._is_lost = self._is_lost or self._n_stuck >= self._n_threads
                    raise NotDone(was_started=job.is_started)
        if job.error is not None:
            raise job.error
        return job.result

    def _loop(self) -> None:
        while (job := self._jobs.get()) is not None:
            with self._lock:
                if job.abandoned.is_set():
                    continue
                job.is_started = True
            try:
                job.result = job.work()
            except Exception as exc:
                job.error = exc
            except BaseException as exc:  # a plugin that calls sys.exit() ends neither this thread nor who asked
                job.error = MatcherError(reason=f"left by {exc!r}")
            with self._lock:
                job.done.set()
                if job.abandoned.is_set():
                    self._n_stuck -= 1
            del job  # a result may be large, and the next job may be long in coming

    def close(self) -> None:
        """Let the threads end after what they have; stuck ones end with the process."""
        with self._lock:
            threads, self._threads = self._threads, []
        for _ in threads:
            self._jobs.put(None)
