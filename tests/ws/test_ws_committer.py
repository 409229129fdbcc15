"""The writer thread over a real store: batches, order, and what is answered when the store is away."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from ws_parts import Pair, a_pair

from coachhub_core.bootstrap import CoachHub
from coachhub_core.config import Chat
from coachhub_core.domain.chat import MarkRead, Posted, PostMessage, ReadHistory
from coachhub_core.domain.chat import Send as SendCommand
from coachhub_core.domain.matches import EndMatch
from coachhub_core.errors import (
    ClientIdConflict,
    ConversationReadOnly,
    NotFound,
    Overloaded,
    Refusal,
    Unavailable,
)
from coachhub_ws.committer import Batch, Committer, Item, Mark, Outcome, Write


class Box:
    """Collects what the writer delivers."""

    def __init__(self) -> None:
        self._queue: queue.Queue[tuple[Item, Outcome]] = queue.Queue()
        self.batches: list[Batch] = []

    def deliver(self, results: list[tuple[Item, Outcome]]) -> None:
        for result in results:
            self._queue.put(result)

    def take(self, n: int) -> dict[Any, Outcome]:
        """Return *n* outcomes by ticket, in the order in which they were delivered."""
        return {item.ticket: outcome for item, outcome in (self._queue.get(timeout=10) for _ in range(n))}


class Gate:
    """A store whose door can be shut: calls wait in front of it."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self.open = threading.Event()
        self.entered = threading.Semaphore(0)
        self.sizes: list[int] = []

    def __call__(
        self, sends: Sequence[SendCommand], marks: Mapping[Mark, int]
    ) -> tuple[list[Posted | Refusal], dict[Mark, int]]:
        self.entered.release()
        assert self.open.wait(10)
        self.sizes.append(len(sends) + len(marks))
        return self._write(sends, marks)


@contextmanager
def writing(write: Write, **chat: Any) -> Iterator[tuple[Committer, Box]]:
    box = Box()
    committer = Committer(write, box.deliver, Chat(**chat), observe=box.batches.append)
    committer.start()
    try:
        yield committer, box
    finally:
        committer.close()


def send(sender_id: UUID, conversation_id: UUID, body: str = "hi", client_id: UUID | None = None) -> SendCommand:
    command = PostMessage(conversation_id=conversation_id, client_id=client_id or uuid4(), body=body)
    return SendCommand(sender_id=sender_id, command=command)


def test_what_comes_while_the_store_is_busy_is_one_batch_in_order(hub: CoachHub, pair: Pair) -> None:
    """The first starts at once; the next hundred share a transaction."""
    gate = Gate(hub.chat.write_many)
    me = pair.trainee.id
    with writing(gate) as (committer, box):
        committer.submit(Item.of(0, me, send(me, pair.conversation_id, "0")))
        assert gate.entered.acquire(timeout=10)
        for number in range(1, 101):
            committer.submit(Item.of(number, me, send(me, pair.conversation_id, str(number))))
        gate.open.set()
        outcomes = box.take(101)
    assert gate.sizes == [1, 100]
    assert list(outcomes) == list(range(101))
    posted = [o for o in outcomes.values() if isinstance(o, Posted)]
    assert [(p.message.seq, p.message.body) for p in posted] == [(n + 1, str(n)) for n in range(101)]
    stored = hub.chat.history(pair.coach.actor, ReadHistory(conversation_id=pair.conversation_id, after_seq=90))
    assert [m.body for m in stored.events] == [str(n) for n in range(90, 101)]


def test_a_batch_ends_at_500_messages_and_at_256_kib(hub: CoachHub, pair: Pair) -> None:
    gate = Gate(hub.chat.write_many)
    me = pair.trainee.id
    with writing(gate) as (committer, box):
        committer.submit(Item.of(0, me, send(me, pair.conversation_id)))
        assert gate.entered.acquire(timeout=10)
        for number in range(1, 502):
            committer.submit(Item.of(number, me, send(me, pair.conversation_id)))
        for number in range(502, 522):
            committer.submit(Item.of(number, me, send(me, pair.conversation_id, "🏃" * 8_000)))
        gate.open.set()
        box.take(522)
    # 8,000 runners are 32,000 bytes: eight of them fit beside the message that was left, nine more next
    assert gate.sizes == [1, 500, 9, 8, 4]


def test_each_send_has_its_own_refusal(hub: CoachHub, pair: Pair) -> None:
    """A stranger, a used client_id and a closed conversation do not trouble who shares their batch."""
    gate = Gate(hub.chat.write_many)
    other, closed = a_pair(hub), a_pair(hub)
    hub.matches.end(closed.trainee.actor, EndMatch(match_id=closed.match_id))
    me, used = pair.trainee.id, uuid4()
    with writing(gate) as (committer, box):
        committer.submit(Item.of("first", me, send(me, pair.conversation_id, "one", used)))
        assert gate.entered.acquire(timeout=10)
        committer.submit(Item.of("stranger", me, send(me, other.conversation_id)))
        committer.submit(Item.of("again", me, send(me, pair.conversation_id, "one", used)))
        committer.submit(Item.of("conflict", me, send(me, pair.conversation_id, "two", used)))
        committer.submit(Item.of("closed", closed.coach.id, send(closed.coach.id, closed.conversation_id)))
        committer.submit(Item.of("good", me, send(me, pair.conversation_id, "three")))
        gate.open.set()
        outcomes = box.take(6)
    assert isinstance(outcomes["stranger"], NotFound)
    assert isinstance(outcomes["conflict"], ClientIdConflict)
    assert isinstance(outcomes["closed"], ConversationReadOnly)
    first, again, good = outcomes["first"], outcomes["again"], outcomes["good"]
    assert isinstance(first, Posted)
    assert isinstance(again, Posted)
    assert isinstance(good, Posted)
    assert again == Posted(message=first.message, duplicate=True)
    assert (first.message.seq, good.message.seq) == (1, 2)


def test_read_marks_ride_along_and_the_last_one_counts(hub: CoachHub, pair: Pair) -> None:
    gate = Gate(hub.chat.write_many)
    me, coach, id = pair.trainee.id, pair.coach.id, pair.conversation_id
    stranger = a_pair(hub).coach.id
    with writing(gate) as (committer, box):
        committer.submit(Item.of("one", me, send(me, id)))
        assert gate.entered.acquire(timeout=10)
        committer.submit(Item.of("two", me, send(me, id)))
        for ticket, seq in (("early", 1), ("late", 99), ("middle", 2)):
            committer.submit(Item.of(ticket, coach, MarkRead(conversation_id=id, seq=seq)))
        committer.submit(Item.of("strange", stranger, MarkRead(conversation_id=id, seq=1)))
        gate.open.set()
        outcomes = box.take(6)
    assert [outcomes[ticket] for ticket in ("early", "late", "middle")] == [2, 2, 2]
    assert isinstance(outcomes["strange"], NotFound)
    assert [b.n_items for b in box.batches] == [1, 5]
    (listed,) = hub.chat.conversations(pair.coach.actor).items
    assert (listed.last_seq, listed.read_seq, listed.unread) == (2, 2, 0)


def test_a_store_that_is_away_gives_no_ack(hub: CoachHub, pair: Pair) -> None:
    """Everybody in the batch hears ``unavailable``; nothing is stored; the same ids go in later."""
    me, client_ids = pair.trainee.id, [uuid4() for _ in range(3)]
    is_away = threading.Event()
    is_away.set()

    def write(sends: Sequence[SendCommand], marks: Mapping[Mark, int]) -> Any:
        if is_away.is_set():
            raise Unavailable
        return hub.chat.write_many(sends, marks)

    with writing(write) as (committer, box):
        for n, client_id in enumerate(client_ids):
            committer.submit(Item.of(n, me, send(me, pair.conversation_id, str(n), client_id)))
        assert all(isinstance(outcome, Unavailable) for outcome in box.take(3).values())
        is_away.clear()
        for n, client_id in enumerate(client_ids):
            committer.submit(Item.of(n, me, send(me, pair.conversation_id, str(n), client_id)))
        posted = [outcome for outcome in box.take(3).values() if isinstance(outcome, Posted)]
    assert [p.message.seq for p in posted] == [1, 2, 3]
    assert (box.batches[0].is_stored, box.batches[-1].is_stored) == (False, True)


def test_a_commit_whose_answer_was_lost_is_found_and_acknowledged(hub: CoachHub, pair: Pair) -> None:
    """The connection broke in COMMIT: the batch runs again and meets its own messages, each once."""
    me = pair.trainee.id
    calls: list[int] = []

    def write(sends: Sequence[SendCommand], marks: Mapping[Mark, int]) -> Any:
        calls.append(len(sends))
        outcomes = hub.chat.write_many(sends, marks)
        if len(calls) == 1:
            raise Unavailable
        return outcomes

    with writing(write) as (committer, box):
        committer.submit(Item.of("one", me, send(me, pair.conversation_id)))
        (outcome,) = box.take(1).values()
    assert isinstance(outcome, Posted)
    assert outcome.message.seq == 1
    assert calls == [1, 1]
    stored = hub.chat.history(pair.trainee.actor, ReadHistory(conversation_id=pair.conversation_id))
    assert len(stored.events) == 1


def test_one_that_the_store_chokes_on_does_not_take_the_others_along(hub: CoachHub, pair: Pair) -> None:
    me = pair.trainee.id
    gate = threading.Event()

    def write(sends: Sequence[SendCommand], marks: Mapping[Mark, int]) -> Any:
        assert gate.wait(10)
        if any(s.command.body == "poison" for s in sends):
            raise ValueError("a bug of ours")
        return hub.chat.write_many(sends, marks)

    with writing(write) as (committer, box):
        for body in ("one", "two", "poison", "three"):
            committer.submit(Item.of(body, me, send(me, pair.conversation_id, body)))
        gate.set()
        outcomes = box.take(4)
    assert isinstance(outcomes["poison"], ValueError)
    seqs = {body: outcome.message.seq for body, outcome in outcomes.items() if isinstance(outcome, Posted)}
    assert seqs == {"one": 1, "two": 2, "three": 3}


def test_a_full_queue_is_overloaded_and_an_old_one_unavailable(hub: CoachHub, pair: Pair) -> None:
    gate = Gate(hub.chat.write_many)
    me = pair.trainee.id
    with writing(gate, queue_messages=3, queue_seconds=0.2) as (committer, box):
        committer.submit(Item.of("taken", me, send(me, pair.conversation_id)))
        assert gate.entered.acquire(timeout=10)
        for n in range(3):
            committer.submit(Item.of(n, me, send(me, pair.conversation_id)))
        with pytest.raises(Overloaded):
            committer.submit(Item.of("full", me, send(me, pair.conversation_id)))
        expired: list[tuple[Item, Outcome]] = []
        waited = threading.Event()
        while not expired:
            waited.wait(0.02)
            expired = committer.expired()
        assert [item.ticket for item, _ in expired] == [0, 1, 2]
        assert all(isinstance(outcome, Unavailable) for _, outcome in expired)
        gate.open.set()
        box.take(1)


def test_what_waits_behind_a_store_that_hangs_is_answered_with_it(
    hub: CoachHub, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second hang after the first would answer twice as late as anybody may wait; what comes later is tried."""
    monkeypatch.setattr("coachhub_ws.committer.AGAIN_WITHIN_SECONDS", 0.0)  # any failure is a hang
    is_away = threading.Event()
    is_away.set()

    def write(sends: Sequence[SendCommand], marks: Mapping[Mark, int]) -> Any:
        if is_away.is_set():
            raise Unavailable
        return hub.chat.write_many(sends, marks)

    gate = Gate(write)
    me = pair.trainee.id
    with writing(gate) as (committer, box):
        committer.submit(Item.of("first", me, send(me, pair.conversation_id)))
        assert gate.entered.acquire(timeout=10)
        for n in range(3):
            committer.submit(Item.of(n, me, send(me, pair.conversation_id)))
        gate.open.set()
        outcomes = box.take(4)
        assert list(outcomes) == ["first", 0, 1, 2]
        assert all(isinstance(outcome, Unavailable) for outcome in outcomes.values())
        assert gate.sizes == [1]
        is_away.clear()
        committer.submit(Item.of("later", me, send(me, pair.conversation_id)))
        assert isinstance(box.take(1)["later"], Posted)


def test_closing_stores_what_is_queued_and_takes_no_more(hub: CoachHub, pair: Pair) -> None:
    me = pair.trainee.id
    box = Box()
    committer = Committer(hub.chat.write_many, box.deliver, Chat())
    for n in range(5):
        committer.submit(Item.of(n, me, send(me, pair.conversation_id, str(n))))
    committer.start()
    committer.close()
    assert len(box.take(5)) == 5
    with pytest.raises(Unavailable):
        committer.submit(Item.of("late", me, send(me, pair.conversation_id)))
