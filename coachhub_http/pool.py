"""
The one way from the loop to the synchronous services: bounded threads, a bounded queue, a deadline.

What waits for bcrypt has a pool of its own, so that a storm of logins cannot
hold plans and matches. A request that ran out of time is answered, and what its
thread brings later is dropped: the drivers' own timeouts end the thread.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, Final, TypeVar

import attrs

from coachhub_core import deadline
from coachhub_core.errors import Overloaded, Unavailable

T = TypeVar("T")

log = logging.getLogger(__name__)

_JOIN_SECONDS: Final = 5.0
_MARGIN: Final = 0.05  # of a call's time, for the way back: who gives up in a thread still answers


@attrs.define(kw_only=True)
class TookTooLong(Unavailable):
    """Raised when a request's time is over; whether it was done is not known."""

    what: str = "the answer"
    seconds: float

    def __str__(self) -> str:
        return (
            f"this took longer than {self.seconds:g} s; whether it was done is not known, so look before doing it again"
        )


class _Job:
    """One call on its way through a thread."""

    __slots__ = ("call", "context", "future", "is_wanted", "loop", "until")

    def __init__(self, call: Callable[[], Any], loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self.call = call
        self.until = time.monotonic() + seconds
        self.context: Context = copy_context()
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.is_wanted = True  # until its deadline, or until the client left

    def run(self) -> Any:
        """Call, in its context, within what is left of its time."""
        return self.context.run(self._within)

    def _within(self) -> Any:
        with deadline.within(self.until - time.monotonic()):
            return self.call()


class Pool:
    """
    A bounded pool of threads for calls from one event loop.

    The threads are daemons and start with the first call: none exists before a
    fork, and one that hangs in a driver cannot hold the end of the process.

    Args:
        name: Of its threads and metrics.
        threads: How many calls run at once.
        waiting: How many may wait beside them.
        seconds: How long a call may take from here, waiting included.
    """

    def __init__(self, name: str, *, threads: int, waiting: int, seconds: float) -> None:
        self.name = name
        self.n_taken = 0  # running and waiting; touched on the loop only
        self._n_threads = threads
        self._bound = threads + waiting
        self._seconds = seconds
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    async def call(self, function: Callable[..., T], *args: Any, **named: Any) -> T:
        """
        Run *function* on a thread, in a copy of this task's context, and return what it returns.

        Raises:
            Overloaded: If as many calls wait as may wait; nothing was started.
            TookTooLong: If the time is over.
        """
        if self.n_taken >= self._bound:
            raise Overloaded
        if not self._threads:
            self._start()
        loop = asyncio.get_running_loop()
        job = _Job(lambda: function(*args, **named), loop, self._seconds * (1 - _MARGIN))
        self.n_taken += 1
        self._queue.put(job)
        timer = loop.call_later(self._seconds, self._expire, job)
        try:
            result: T = await job.future
            return result
        finally:
            job.is_wanted = False
            timer.cancel()

    def close(self) -> None:
        """Let what is running finish, for a few seconds, and end the threads."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)
        self._threads.clear()

    def _start(self) -> None:
        for number in range(self._n_threads):
            thread = threading.Thread(target=self._work, name=f"{self.name}-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _expire(self, job: _Job) -> None:
        if not job.future.done():
            job.future.set_exception(TookTooLong(seconds=self._seconds))

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            result: Any = None
            error: BaseException | None = None
            if job.is_wanted:
                try:
                    result = job.run()
                except BaseException as exc:
                    error = exc
            try:
                job.loop.call_soon_threadsafe(self._deliver, job, result, error)
            except RuntimeError:  # the loop has ended: nobody is waiting any more
                log.info("an answer came after the end of the loop, and was dropped")

    def _deliver(self, job: _Job, result: Any, error: BaseException | None) -> None:
        self.n_taken -= 1
        if job.future.done():
            return
        if error is None:
            job.future.set_result(result)
        elif isinstance(error, Exception):
            job.future.set_exception(error)
        else:
            job.future.set_exception(RuntimeError(f"a thread was ended by {type(error).__name__}"))
