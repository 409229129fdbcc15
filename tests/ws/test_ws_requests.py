"""What each request is answered, and how much one may ask."""

from __future__ import annotations

from uuid import UUID, uuid4

from ws_machine import (
    CONVERSATION,
    ME,
    NOW,
    OTHER,
    a_send,
    joined_view,
    machine,
    shown,
)

from coachhub_core.domain.chat import HistoryView, MarkRead, MessageView, Posted
from coachhub_core.domain.chat import Send as SendCommand
from coachhub_core.errors import (
    ConversationReadOnly,
    Invalid,
    NotFound,
    Unavailable,
)
from coachhub_ws.effects import (
    Close,
    Leave,
    Listen,
    Load,
    Persist,
    Send,
    Sync,
    Tell,
    Unlisten,
)

# ── requests ────────────────────────────────────────────────────────────────


def test_a_message_is_acknowledged_when_it_is_stored() -> None:
    """The sender is the server's word, and the answer waits for the commit."""
    m = machine().joined()
    data = a_send("hello 🏃", attachment_ids=[])
    (persist,) = m.say("send_message", data, id="17")
    assert isinstance(persist, Persist)
    assert isinstance(persist.command, SendCommand)
    assert persist.command.sender_id == ME
    assert persist.command.command.body == "hello 🏃"
    message = MessageView(
        conversation_id=CONVERSATION, seq=8, kind="message", ref_seq=None, sender_id=ME,
        client_id=UUID(data["client_id"]), body="hello 🏃", reply_to=None, created_at=NOW,
    )  # fmt: skip
    (ack,) = m.protocol.persisted(persist, Posted(message=message, duplicate=True))
    assert shown(ack) == {
        "type": "ack", "id": "17", "data": {"seq": 8, "created_at": "2026-01-05T09:00:00Z", "duplicate": True}
    }  # fmt: skip


def test_a_message_that_is_refused_says_why_and_whether_to_try_again() -> None:
    m = machine()
    (persist,) = m.say("send_message", a_send())
    assert isinstance(persist, Persist)
    (final,) = m.protocol.persisted(persist, ConversationReadOnly(conversation_id=CONVERSATION, state="read_only"))
    assert shown(final)["data"]["code"] == "conversation.read_only"
    assert shown(final)["data"]["retryable"] is False
    (persist,) = m.say("send_message", a_send())
    assert isinstance(persist, Persist)
    (later,) = m.protocol.persisted(persist, Unavailable())
    assert shown(later)["data"]["retryable"] is True
    assert shown(later)["data"]["retry_after_ms"] == 1_000


def test_what_the_store_finds_wrong_is_pointed_at_in_the_frame() -> None:
    m = machine()
    (persist,) = m.say("send_message", a_send(reply_to=9))
    assert isinstance(persist, Persist)
    (refusal,) = m.protocol.persisted(persist, Invalid.at("/reply_to", "refers to a message that does not exist"))
    assert [e["pointer"] for e in shown(refusal)["data"]["errors"]] == ["/data/reply_to"]


def test_joining_answers_first_and_then_lets_live_events_follow() -> None:
    m = machine()
    (load,) = m.say("join_chat", {"conversation_id": str(CONVERSATION), "after_seq": 4})
    assert isinstance(load, Load)
    assert load.query == Sync({CONVERSATION: 4}, is_join=True)
    view = joined_view(read={str(ME): 5, str(OTHER): 3, str(uuid4()): 0})
    ack, listen = m.protocol.loaded(load, {CONVERSATION: view})
    assert shown(ack)["data"] == {
        "state": "open", "last_seq": 7, "read": view.read, "online": [str(OTHER)], "events": [], "has_more": False
    }  # fmt: skip
    assert listen == Listen(load, view)


def test_joining_what_is_not_yours_is_not_found_and_no_listener_stays() -> None:
    m = machine()
    (load,) = m.say("join_chat", {"conversation_id": str(CONVERSATION)})
    assert isinstance(load, Load)
    unlisten, refusal = m.protocol.loaded(load, {CONVERSATION: NotFound(kind="conversation", id=CONVERSATION)})
    assert unlisten == Unlisten(load, CONVERSATION)
    assert shown(refusal)["data"]["code"] == "not_found"


def test_sync_answers_each_conversation_by_itself() -> None:
    m, strange = machine(), uuid4()
    (load,) = m.say("sync", {str(CONVERSATION): 6, str(strange): 0})
    assert isinstance(load, Load)
    assert load.query == Sync({CONVERSATION: 6, strange: 0})
    found = {CONVERSATION: joined_view(), strange: NotFound(kind="conversation", id=strange)}
    ack, *after = m.protocol.loaded(load, found)
    assert after == [Listen(load, joined_view()), Unlisten(load, strange)]
    told = shown(ack)["data"]
    assert told[str(CONVERSATION)]["last_seq"] == 7
    assert told[str(strange)]["error"]["code"] == "not_found"


def test_a_conversation_left_before_its_join_is_answered_is_not_joined() -> None:
    m = machine()
    (load,) = m.say("join_chat", {"conversation_id": str(CONVERSATION)})
    assert isinstance(load, Load)
    leave, ack = m.say("leave_chat", {"conversation_id": str(CONVERSATION)})
    assert leave == Leave(CONVERSATION)
    assert shown(ack)["type"] == "ack"
    m.protocol.loaded(load, {CONVERSATION: joined_view()})
    (refusal,) = m.say("typing", {"conversation_id": str(CONVERSATION), "on": True})
    assert shown(refusal)["data"]["code"] == "not_found"


def test_history_read_and_ping() -> None:
    m = machine()
    (load,) = m.say("history", {"conversation_id": str(CONVERSATION), "before_seq": 5, "limit": 2})
    assert isinstance(load, Load)
    (ack,) = m.protocol.loaded(load, HistoryView(events=(), has_more=True))
    assert shown(ack)["data"] == {"events": [], "has_more": True}
    (persist,) = m.say("read", {"conversation_id": str(CONVERSATION), "seq": 6})
    assert isinstance(persist, Persist)
    assert persist.command == MarkRead(conversation_id=CONVERSATION, seq=6)
    (ack,) = m.protocol.persisted(persist, 7)
    assert shown(ack)["data"] == {"seq": 7}
    (pong,) = m.say("ping", id="p")
    assert (shown(pong)["type"], shown(pong)["id"]) == ("pong", "p")


def test_typing_is_told_to_the_others_once_in_two_seconds() -> None:
    m = machine().joined()
    on = {"conversation_id": str(CONVERSATION), "on": True}
    off = {"conversation_id": str(CONVERSATION), "on": False}
    ack, tell = m.say("typing", on)
    assert shown(ack)["type"] == "ack"
    assert tell == Tell(CONVERSATION, is_on=True)
    (refusal,) = m.say("typing", on)
    assert shown(refusal)["data"]["code"] == "rate_limited"
    assert m.say("typing", off)[1] == Tell(CONVERSATION, is_on=False)
    assert [type(effect) for effect in m.say("typing", off)] == [Send]
    m.time.now += 2
    assert m.say("typing", on)[1] == Tell(CONVERSATION, is_on=True)


def test_typing_in_a_closed_conversation_is_refused() -> None:
    m = machine().joined("read_only")
    (refusal,) = m.say("typing", {"conversation_id": str(CONVERSATION), "on": True})
    assert shown(refusal)["data"]["code"] == "conversation.read_only"


# ── limits ──────────────────────────────────────────────────────────────────


def test_twenty_messages_in_ten_seconds_and_then_wait_as_told() -> None:
    m = machine()
    for _ in range(20):
        (persist,) = m.say("send_message", a_send())
        assert isinstance(persist, Persist)
        m.protocol.persisted(persist, Unavailable())
    m.time.now += 1
    (refusal,) = m.say("send_message", a_send())
    assert shown(refusal)["data"]["code"] == "rate_limited"
    assert shown(refusal)["data"]["retry_after_ms"] == 9_000
    m.time.now += 9
    assert isinstance(m.say("send_message", a_send())[0], Persist)


def test_fifty_frames_a_second_then_refusals_then_the_end() -> None:
    m = machine()
    m.time.now += 10
    for _ in range(50):
        assert shown(m.say("ping")[0])["type"] == "pong"
    for _ in range(50):
        assert shown(m.say("ping")[0])["data"]["code"] == "rate_limited"
    assert m.say("ping") == [Close(4429, "too many frames")]


def test_limits_of_zero_are_switched_off() -> None:
    m = machine(sends=0, frames_per_second=0, waiting_per_connection=1_000)
    assert all(isinstance(m.say("send_message", a_send())[0], Persist) for _ in range(200))


def test_reading_pauses_while_twenty_requests_wait() -> None:
    m = machine()
    waiting: list[Persist] = []
    for _ in range(20):
        assert not m.protocol.is_full
        (persist,) = m.say("send_message", a_send())
        assert isinstance(persist, Persist)
        waiting.append(persist)
    assert m.protocol.is_full
    m.protocol.persisted(waiting.pop(), Unavailable())
    assert not m.protocol.is_full


def test_a_connection_joins_no_more_than_it_may() -> None:
    m = machine(joined_per_connection=2)
    for _ in range(2):
        (load,) = m.say("join_chat", {"conversation_id": str(uuid4())})
        assert isinstance(load, Load)
    (refusal,) = m.say("join_chat", {"conversation_id": str(uuid4())})
    assert shown(refusal)["data"]["code"] == "too_large"


def test_what_happens_by_itself() -> None:
    m = machine()
    assert shown(m.protocol.expiring()[0]) == {
        "type": "token_expiring", "data": {"expires_at": "2026-01-06T09:00:00Z"}
    }  # fmt: skip
    assert shown(m.protocol.draining(700)[0]) == {"type": "draining", "data": {"reconnect_in_ms": 700}}
    assert m.protocol.close(4403, "session ended") == [Close(4403, "session ended")]
    assert m.protocol.close(4403, "session ended") == []
    assert m.protocol.expiring() == []


def test_who_parts_is_answered_first_and_asks_no_more() -> None:
    m = machine()
    (persist,) = m.say("send_message", a_send("stored already"))
    (load,) = m.say("history", {"conversation_id": str(CONVERSATION)})
    assert isinstance(persist, Persist)
    assert isinstance(load, Load)
    assert m.protocol.part(1001, "draining") == []
    assert m.say("ping") == []
    (ack,) = m.protocol.persisted(persist, 8)
    assert shown(ack)["type"] == "ack"
    history, end = m.protocol.loaded(load, HistoryView(events=(), has_more=False))
    assert shown(history)["type"] == "ack"
    assert end == Close(1001, "draining")
    assert m.protocol.part(1001, "draining") == []
    assert machine().protocol.part(1001, "draining") == [Close(1001, "draining")]
