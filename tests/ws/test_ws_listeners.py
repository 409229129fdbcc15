"""Who hears what, with time and reading in the test's hands."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import attrs
import pytest

from coachhub_core.domain.chat import (
    ConversationPulse,
    ConversationState,
    ConversationView,
    JoinedView,
    MessageView,
)
from coachhub_ws.listeners import Listeners

ID, ME, OTHER = uuid4(), uuid4(), uuid4()
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


@attrs.define(eq=False)
class Ear:
    """A connection that only remembers."""

    account_id: UUID
    heard: list[dict[str, Any]] = attrs.field(factory=list)
    states: list[str] = attrs.field(factory=list)
    gone: list[UUID] = attrs.field(factory=list)

    def push(self, frame: bytes, *, is_hint: bool = False) -> None:
        start = 2 if frame[1] < 126 else 4
        self.heard.append(json.loads(frame[start:]))

    def changed(self, conversation_id: UUID, state: ConversationState) -> None:
        self.states.append(state)

    def left(self, conversation_id: UUID) -> None:
        self.gone.append(conversation_id)

    def seqs(self) -> list[int]:
        return [frame["data"]["seq"] for frame in self.heard if frame["type"] == "message"]

    def of(self, type_: str) -> list[dict[str, Any]]:
        return [frame["data"] for frame in self.heard if frame["type"] == type_]


class Room:
    """Listeners whose clock, timers and reads are operated by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.fills: list[tuple[UUID, int]] = []
        self.asked: list[UUID] = []
        self.listeners = Listeners(
            fill=lambda id, seq: self.fills.append((id, seq)),
            introduce=self.asked.append,
            later=lambda seconds, action: self.timers.append((self.now + seconds, action)),
            monotonic=lambda: self.now,
        )

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        due = [action for at, action in self.timers if at <= self.now]
        self.timers = [timer for timer in self.timers if timer[0] > self.now]
        for action in due:
            action()

    def join(self, ear: Ear, last_seq: int = 0, **more: Any) -> Ear:
        load = object()
        self.listeners.begin(ear, ID, load)
        self.listeners.joined(ear, load, snapshot(last_seq, **more))
        return ear


def snapshot(last_seq: int, **more: Any) -> JoinedView:
    values: dict[str, Any] = {
        "conversation_id": ID, "state": "open", "last_seq": last_seq, "read": {}, "events": (),
        "has_more": False, **more,
    }  # fmt: skip
    return JoinedView(**values)


def message(seq: int, sender_id: UUID = OTHER, client_id: UUID | None = None) -> MessageView:
    return MessageView(
        conversation_id=ID, seq=seq, kind="message", ref_seq=None, sender_id=sender_id, client_id=client_id or uuid4(),
        body=f"number {seq}", reply_to=None, created_at=NOW,
    )  # fmt: skip


def listed(last_seq: int, read_seq: int = 0) -> ConversationView:
    return ConversationView(
        id=ID, match_id=uuid4(), state="open", last_seq=last_seq, read_seq=read_seq, unread=last_seq - read_seq,
        with_name="Kim", with_account_id=OTHER,
    )  # fmt: skip


def pulse(last_seq: int, state: ConversationState = "open", members_version: int = 1) -> ConversationPulse:
    return ConversationPulse(id=ID, last_seq=last_seq, state=state, members_version=members_version)


@pytest.fixture
def room() -> Room:
    return Room()


def test_what_comes_while_the_snapshot_is_read_follows_it_once(room: Room) -> None:
    """A listener is one before the read: nothing falls between, and what the snapshot has is dropped."""
    ear, load = Ear(ME), object()
    room.listeners.begin(ear, ID, load)
    room.listeners.deliver([message(5), message(6)])
    assert ear.heard == []
    room.listeners.joined(ear, load, snapshot(5))
    assert ear.seqs() == [6]
    room.listeners.deliver([message(7)])
    assert ear.seqs() == [6, 7]


def test_order_is_by_seq_and_a_double_is_told_once(room: Room) -> None:
    ear = room.join(Ear(ME), 3)
    room.listeners.deliver([message(3), message(5), message(4)])
    room.listeners.deliver([message(4), message(6), message(5)])
    assert ear.seqs() == [4, 5, 6]
    assert room.fills == []


def test_a_gap_is_waited_for_a_fifth_of_a_second_and_then_read(room: Room) -> None:
    ear = room.join(Ear(ME), 3)
    room.listeners.deliver([message(6)])
    room.pass_time(0.19)
    assert room.fills == []
    room.pass_time(0.02)
    assert room.fills == [(ID, 3)]
    room.listeners.filled(ID, [message(4), message(5), message(6)])
    assert ear.seqs() == [4, 5, 6]
    room.pass_time(5)
    assert room.fills == [(ID, 3)]


def test_a_fill_that_failed_is_tried_again(room: Room) -> None:
    ear = room.join(Ear(ME), 3)
    room.listeners.deliver([message(5)])
    room.pass_time(0.2)
    room.listeners.filled(ID, None)
    room.pass_time(1)
    assert room.fills == [(ID, 3), (ID, 3)]
    room.listeners.filled(ID, [message(4)])
    assert ear.seqs() == [4, 5]


def test_who_is_hundreds_behind_gets_all_of_it_page_by_page(room: Room) -> None:
    """As when another process writes hundreds between two sweeps; what comes live meanwhile keeps its turn."""
    ear = room.join(Ear(ME), 0)
    room.listeners.pulse(pulse(500))
    room.listeners.deliver([message(501)])
    for first in (1, 201, 401):
        assert room.fills[-1] == (ID, first - 1)
        room.listeners.filled(ID, [message(seq) for seq in range(first, min(first + 200, 501))])
    assert ear.seqs() == list(range(1, 502))
    assert ear.of("gap") == []
    assert len(room.fills) == 3


def test_who_is_thousands_behind_is_told_to_read_the_history(room: Room) -> None:
    ear = room.join(Ear(ME), 0)
    room.listeners.pulse(pulse(1_300))
    room.listeners.filled(ID, [message(seq) for seq in range(1, 201)])
    assert ear.seqs() == list(range(1, 201))
    assert ear.of("gap") == [{"conversation_id": str(ID), "from_seq": 201}]
    room.listeners.deliver([message(1_301)])
    assert ear.seqs()[-1] == 1_301


def test_the_connection_that_sent_is_not_told_whatever_way_it_comes(room: Room) -> None:
    phone, laptop, coach = Ear(ME), Ear(ME), Ear(OTHER)
    for ear in (phone, laptop, coach):
        room.join(ear)
    client_id = uuid4()
    room.listeners.sending((ID, ME, client_id), phone)
    room.listeners.deliver([message(2, ME, client_id)])
    room.listeners.sent((ID, ME, client_id))
    room.listeners.deliver([message(1), message(2, ME, client_id)])
    assert phone.seqs() == [1]
    assert laptop.seqs() == coach.seqs() == [1, 2]


def test_ones_own_message_while_joining_again_is_no_gap(room: Room) -> None:
    phone, load, client_id = room.join(Ear(ME), 1), object(), uuid4()
    room.listeners.begin(phone, ID, load)
    room.listeners.sending((ID, ME, client_id), phone)
    room.listeners.deliver([message(2), message(3, ME, client_id), message(4)])
    room.listeners.joined(phone, load, snapshot(1))
    assert phone.seqs() == [2, 4]
    assert phone.of("gap") == []


def test_a_snapshot_older_than_what_was_told_becomes_a_gap(room: Room) -> None:
    """A late copy of the table may answer one of two joins: who got less is told where to read on."""
    first, second, load = Ear(ME), Ear(OTHER), object()
    room.listeners.begin(second, ID, load)
    room.join(first, 9)
    room.listeners.deliver([message(10)])
    room.listeners.joined(second, load, snapshot(7))
    assert second.of("gap") == [{"conversation_id": str(ID), "from_seq": 8}]
    assert second.seqs() == [10]


def test_a_join_that_fails_leaves_things_as_they_were(room: Room) -> None:
    fresh, old, load = Ear(ME), room.join(Ear(OTHER), 1), object()
    room.listeners.begin(fresh, ID, load)
    room.listeners.begin(old, ID, load)
    room.listeners.deliver([message(2)])
    room.listeners.refused(fresh, load, ID)
    room.listeners.refused(old, load, ID)
    room.listeners.deliver([message(3)])
    assert fresh.seqs() == []
    assert old.seqs() == [2, 3]


def test_who_leaves_hears_unread_only_where_it_was_listed(room: Room) -> None:
    ear = Ear(ME)
    room.listeners.watch(ear, [listed(4, read_seq=3)])
    room.join(ear, 4, read={str(ME): 3})
    room.listeners.leave(ear, ID)
    room.listeners.deliver([message(5), message(6)])
    assert ear.seqs() == []
    assert ear.of("unread") == [{"conversation_id": str(ID), "last_seq": 6, "unread": 3}]


def test_a_read_mark_is_told_at_most_once_a_second_and_the_last_one_counts(room: Room) -> None:
    ear, badge = room.join(Ear(ME), 9), Ear(OTHER)
    room.listeners.watch(badge, [listed(9, read_seq=0)])
    for seq in (1, 2, 3):
        room.listeners.mark(ID, OTHER, seq)
    assert [told["seq"] for told in ear.of("read")] == [1]
    room.pass_time(1)
    assert [told["seq"] for told in ear.of("read")] == [1, 3]
    assert [told["unread"] for told in badge.of("unread")] == [8, 6]
    room.listeners.mark(ID, OTHER, 2)
    room.pass_time(1)
    assert [told["seq"] for told in ear.of("read")] == [1, 3]


def test_the_sweep_finds_a_closed_conversation_and_who_left(room: Room) -> None:
    mine, theirs = room.join(Ear(ME)), room.join(Ear(OTHER))
    room.listeners.members(pulse(0), {ME, OTHER})
    assert not room.listeners.pulse(pulse(0))
    assert room.listeners.pulse(pulse(0, "read_only", 2))
    assert mine.of("conversation") == [{"conversation_id": str(ID), "state": "read_only"}]
    assert mine.states == ["read_only"]
    room.listeners.members(pulse(0, "read_only", 2), {ME})
    assert theirs.of("left") == [{"conversation_id": str(ID)}]
    assert theirs.gone == [ID]
    room.listeners.deliver([message(1)])
    assert mine.seqs() == [1]
    assert theirs.seqs() == []


def test_a_conversation_younger_than_the_welcome_is_looked_up(room: Room) -> None:
    ear = Ear(ME)
    room.listeners.deliver([message(1)])
    assert room.asked == [ID]
    room.listeners.introduced(pulse(1), [ME, OTHER], [ear])
    assert ear.of("unread") == [{"conversation_id": str(ID), "last_seq": 1, "unread": 1}]


def test_nothing_is_kept_of_who_has_ended(room: Room) -> None:
    ears = [Ear(ME), Ear(OTHER)]
    for ear in ears:
        room.listeners.watch(ear, [listed(1)])
        room.join(ear, 1)
        room.listeners.begin(ear, uuid4(), object())
    assert room.listeners.n_listeners == 4
    for ear in ears:
        room.listeners.forget(ear)
        room.listeners.forget(ear)
    assert room.listeners.ids == []


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_lost_doubled_or_mixed_up_each_listener_has_all_in_order(room: Room, seed: int) -> None:
    """Hints arrive in any order or not at all, joins at any time; the table fills what is missing."""
    rng = random.Random(seed)
    table: list[MessageView] = []
    joined: list[tuple[Ear, int]] = []
    waiting: list[tuple[Ear, object, int]] = []
    for _ in range(200):
        match rng.randrange(5):
            case 0 | 1:
                table.append(message(len(table) + 1))
                if rng.random() < 0.7:
                    room.listeners.deliver(rng.sample(table[-4:], k=min(len(table), rng.randint(1, 4))))
            case 2:
                load, ear = object(), Ear(ME)
                room.listeners.begin(ear, ID, load)
                waiting.append((ear, load, len(table)))
            case 3 if waiting:
                ear, load, _ = waiting.pop(rng.randrange(len(waiting)))
                last = len(table)
                room.listeners.joined(ear, load, snapshot(last))
                joined.append((ear, last))
            case _:
                room.pass_time(0.1)
        while room.fills and rng.random() < 0.5:
            id, after = room.fills.pop(0)
            room.listeners.filled(id, table[after : after + 200])
    for ear, load, _ in waiting:
        room.listeners.joined(ear, load, snapshot(len(table)))
        joined.append((ear, len(table)))
    room.listeners.pulse(pulse(len(table)))
    for _ in range(20):
        room.pass_time(1)
        while room.fills:
            id, after = room.fills.pop(0)
            room.listeners.filled(id, table[after : after + 200])
    for ear, last in joined:
        assert ear.seqs() == list(range(last + 1, len(table) + 1))
        assert ear.of("gap") == []


def test_what_changes_before_the_snapshot_comes_is_told_after_it(room: Room) -> None:
    """A state and a mark: neither goes to who may have no right, and neither is lost for who has."""
    room.join(Ear(OTHER), 3, read={str(ME): 0, str(OTHER): 0})
    ear, load = Ear(ME), object()
    room.listeners.begin(ear, ID, load)
    room.listeners.pulse(pulse(3, "read_only"))
    room.listeners.mark(ID, OTHER, 2)
    room.listeners.members(pulse(3, "read_only", members_version=2), [OTHER])
    assert (ear.heard, ear.states, ear.gone) == ([], [], [])
    room.listeners.joined(ear, load, snapshot(3, read={str(ME): 0, str(OTHER): 0}))
    assert ear.of("read") == [{"conversation_id": str(ID), "account_id": str(OTHER), "seq": 2}]
    assert (ear.of("conversation")[0]["state"], ear.states) == ("read_only", ["read_only"])
    assert room.listeners.pulse(pulse(3, "read_only", members_version=2)), "who is a member now is to be asked again"
    room.listeners.members(pulse(3, "read_only", members_version=2), [OTHER])
    assert ear.gone == [ID]


def test_who_was_parted_with_is_not_back_by_an_older_list(room: Room) -> None:
    """What a device was told on connecting may have been read before: the sweep looks again, and nobody is told."""
    laptop, coach, phone = Ear(ME), Ear(OTHER), Ear(ME)
    for ear in (laptop, coach):
        room.listeners.watch(ear, [listed(0)])
    assert room.listeners.pulse(pulse(0))
    room.listeners.members(pulse(0), [ME])
    assert coach.gone == [ID]
    assert not room.listeners.pulse(pulse(0))
    room.listeners.watch(phone, [listed(0)])
    assert room.listeners.ask_presence(coach, [ME]) == set()
    room.listeners.present(ME, True)
    assert coach.of("presence") == []
    assert room.listeners.pulse(pulse(0))
