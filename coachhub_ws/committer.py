"""
The writer thread: one transaction per batch of messages, answers after COMMIT.

Idle, it starts at once with what there is; busy, what arrives meanwhile is the
next batch. So one message costs no wait, and a thousand cost few commits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import attrs

from coachhub_core.config import Chat
from coachhub_core.domain.chat import MarkRead, Posted
from coachhub_core.domain.chat import Send as SendCommand
from coachhub_core.errors import NotFound, Overloaded, Refusal, Unavailable

log = logging.getLogger(__name__)

BATCH_MESSAGES: Final = 500
BATCH_BYTES: Final = 256 * 1024
AGAIN_AFTER_SECONDS: Final = 0.05
AGAIN_WITHIN_SECONDS: Final = 1.0  # a database that hangs longer is not asked twice: answers are due in 5 s

Mark = tuple[UUID, UUID]
Write = Callable[[Sequence[SendCommand], Mapping[Mark, int]], tuple[list[Posted | Refusal], dict[Mark, int]]]
"""What stores a batch: ``hub.chat.write_many``."""

Outcome = Posted | int | Exception
"""What was stored; where a read mark stands; why not."""


@attrs.define(eq=False)
class Item:
    """Something to be stored for *account_id*, and whom to answer."""

    ticket: Any
    account_id: UUID
    command: SendCommand | MarkRead
    n_bytes: int
    queued_at: float = 0.0

    @classmethod
    def of(cls, ticket: Any, account_id: UUID, command: SendCommand | MarkRead) -> Item:
        """Measure *command*: a body counts in bytes, a mark a few."""
        n_bytes = len(command.body.encode()) if isinstance(command, SendCommand) else 32
        return cls(ticket, account_id, command, n_bytes)


@attrs.frozen
class Batch:
    """What one transaction did, for the counters."""

    n_items: int
    seconds: float
    is_stored: bool


class Committer:
    """
    Stores what is submitted, in order, in batches.

    Args:
        deliver: Told in the writer's thread, after COMMIT, of every item and its outcome.
        observe: Told of each batch.
        after_commit: Called between COMMIT and the answers: where a test lets the process die.
    """

    def __init__(
        self,
        write: Write,
        deliver: Callable[[list[tuple[Item, Outcome]]], None],
        chat: Chat,
        *,
        observe: Callable[[Batch], None] = lambda batch: None,
        after_commit: Callable[[], None] = lambda: None,
    ) -> None:
        self._write = write
        self._deliver = deliver
        self._max_messages = chat.queue_messages
        self._max_seconds = chat.queue_seconds
        self._observe = observe
        self._after_commit = after_commit
        self._queue: deque[Item] = deque()
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="chat-writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    @property
    def thread_id(self) -> int | None:
        """The writer's thread: what it publishes is told here by :meth:`_deliver` already."""
        return self._thread.ident

    def submit(self, item: Item) -> None:
        """
        Queue *item*; its outcome is delivered later, unless this raises.

        Raises:
            Overloaded: If the queue is full.
            Unavailable: If its head has waited too long, or no more is taken.
        """
        item.queued_at = time.monotonic()
        with self._changed:
            if self._is_closing:
                raise Unavailable(what="this server")
            if len(self._queue) >= self._max_messages:
                raise Overloaded(retry_after_seconds=1.0)
            if self._queue and item.queued_at - self._queue[0].queued_at > self._max_seconds:
                raise Unavailable
            self._queue.append(item)
            self._changed.notify()

    def expired(self) -> list[tuple[Item, Outcome]]:
        """Take out what has waited too long because the database hangs, for its answer."""
        limit = time.monotonic() - self._max_seconds
        found: list[tuple[Item, Outcome]] = []
        with self._changed:
            while self._queue and self._queue[0].queued_at <= limit:
                found.append((self._queue.popleft(), Unavailable()))
        return found

    @property
    def n_queued(self) -> int:
        """How many items wait."""
        return len(self._queue)

    @property
    def age_seconds(self) -> float:
        """How long the head of the queue has waited."""
        with self._changed:
            return time.monotonic() - self._queue[0].queued_at if self._queue else 0.0

    def close(self, timeout: float = 10) -> None:
        """Store what is queued, then end the thread."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout)

    # ── the writer's thread ──

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._is_closing:
                    self._changed.wait()
                if not self._queue:
                    return
                batch = self._take()
            try:
                self._commit(batch)
            except Exception:  # the one thread that writes must outlive any batch
                log.exception("a batch could not be answered")
            del batch  # it holds connections, which must not outlive themselves by an idle hour

    def _take(self) -> list[Item]:
        batch = [self._queue.popleft()]
        room = BATCH_BYTES - batch[0].n_bytes
        while self._queue and len(batch) < BATCH_MESSAGES and self._queue[0].n_bytes <= room:
            batch.append(self._queue.popleft())
            room -= batch[-1].n_bytes
        return batch

    def _commit(self, batch: list[Item]) -> None:
        started = time.monotonic()
        try:
            outcomes = self._store_again(batch, started)
        except Unavailable as exc:  # away, or contended beyond its deadline: nothing of it is known to be stored
            log.warning("a batch of %d was not stored: %s", len(batch), exc)
            self._done(batch, started, is_stored=False)
            behind = self._behind() if time.monotonic() - started > AGAIN_WITHIN_SECONDS else []
            self._deliver([(item, exc) for item in (*batch, *behind)])
            return
        except Exception as exc:
            if len(batch) > 1:  # one of them is at fault: the others shall not suffer for it
                log.warning("a batch of %d is written one by one after %s", len(batch), type(exc).__name__)
                for item in batch:
                    self._commit([item])
                return
            log.exception("a message could not be stored")
            self._done(batch, started, is_stored=False)
            self._deliver([(batch[0], exc)])
            return
        self._done(batch, started, is_stored=True)
        self._after_commit()
        self._deliver(outcomes)

    def _behind(self) -> list[Item]:
        """Take out all that waited while the store hung: tried after it, it would be answered twice as late."""
        with self._changed:
            behind = list(self._queue)
            self._queue.clear()
        return behind

    def _store_again(self, batch: list[Item], started: float) -> list[tuple[Item, Outcome]]:
        try:
            return self._store(batch)
        except Unavailable:
            if time.monotonic() - started > AGAIN_WITHIN_SECONDS:
                raise
        # a connection that broke in COMMIT leaves open whether it happened: what is found stored now is ours
        time.sleep(AGAIN_AFTER_SECONDS)
        return self._store(batch)

    def _store(self, batch: list[Item]) -> list[tuple[Item, Outcome]]:
        sends: list[SendCommand] = []
        marks: dict[Mark, int] = {}
        for item in batch:
            if isinstance(item.command, SendCommand):
                sends.append(item.command)
            else:
                key = (item.command.conversation_id, item.account_id)
                marks[key] = max(item.command.seq, marks.get(key, 0))
        posted, standing = self._write(sends, marks)
        answers = iter(posted)
        return [(item, self._outcome(item, answers, standing)) for item in batch]

    @staticmethod
    def _outcome(item: Item, answers: Any, standing: Mapping[Mark, int]) -> Outcome:
        if isinstance(item.command, SendCommand):
            answer: Posted | Refusal = next(answers)
            return answer
        id = item.command.conversation_id
        stands = standing.get((id, item.account_id))
        return NotFound(kind="conversation", id=id) if stands is None else stands

    def _done(self, batch: list[Item], started: float, *, is_stored: bool) -> None:
        self._observe(Batch(len(batch), time.monotonic() - started, is_stored))
