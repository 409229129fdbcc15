"""
The readers: a few threads that ask the database, so that a storm of joins never delays a commit.

What has waited too long is answered ``unavailable`` without asking: nobody
waits for it any more.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from coachhub_core import deadline
from coachhub_core.errors import CoachHubError, Overloaded, Unavailable

log = logging.getLogger(__name__)

N_THREADS: Final = 4
MAX_WAITING: Final = 10_000
MAX_SECONDS: Final = 5.0

Job = tuple[float, Callable[[], Any], Callable[[Any], None]]


class Readers:
    """
    Runs calls on a pool of threads.

    Args:
        n_threads: Each takes one connection of the storage's pool at a time.
    """

    def __init__(self, n_threads: int = N_THREADS, *, name: str = "chat-reader") -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True) for number in range(n_threads)
        ]

    def start(self) -> None:
        """Begin to read."""
        for thread in self._threads:
            thread.start()

    def submit(self, call: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """
        Run *call* and hand its answer, or the exception it raised, to *done*, in a thread of the pool.

        Raises:
            Overloaded: If too much waits already.
        """
        if self._jobs.qsize() >= MAX_WAITING:
            raise Overloaded(retry_after_seconds=1.0)
        self._jobs.put((time.monotonic(), call, done))

    async def answer(self, call: Callable[[], Any]) -> Any:
        """
        Run *call* and return its answer to the event loop that asks.

        Raises:
            Overloaded: If too much waits already; and whatever *call* raises.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def finish(result: Any) -> None:
            if not future.done():
                future.set_result(result)

        def done(result: Any) -> None:
            loop.call_soon_threadsafe(finish, result)

        self.submit(call, done)
        result = await future
        if isinstance(result, Exception):
            raise result
        return result

    @property
    def n_waiting(self) -> int:
        """How many calls wait for a thread."""
        return self._jobs.qsize()

    def close(self, timeout: float = 5) -> None:
        """Finish what is queued and end the threads."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            queued_at, call, done = job
            result: Any
            left = MAX_SECONDS - (time.monotonic() - queued_at)
            if left <= 0:
                result = Unavailable()
            else:
                try:
                    with deadline.within(left):
                        result = call()
                except CoachHubError as exc:
                    result = exc
                except Exception as exc:
                    log.exception("a reader failed")
                    result = exc
            try:
                done(result)
            except Exception:  # the thread must outlive any answer
                log.exception("a reader's answer could not be told")
            del job, call, done, result  # they hold a connection, which must not outlive itself by an idle hour
