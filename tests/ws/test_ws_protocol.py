"""The state machine with strings alone: no socket, no hub, no event loop."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachhub_core.config import Chat
from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.chat import ConversationView, HistoryView, JoinedView, MarkRead, MessageView, Posted
from coachhub_core.domain.chat import Send as SendCommand
from coachhub_core.errors import (
    ConversationReadOnly,
    Invalid,
    NotFound,
    Overloaded,
    TokenExpired,
    Unauthorized,
    Unavailable,
)
from coachhub_core.security import Claims
from coachhub_ws.effects import (
    Admit,
    Admitted,
    Authenticate,
    Close,
    Effect,
    Leave,
    Listen,
    Load,
    Persist,
    Send,
    Sync,
    Tell,
    Unlisten,
)
from coachhub_ws.limits import SendWindows
from coachhub_ws.protocol import ChatProtocol

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
ME, OTHER, SESSION, CONVERSATION = uuid4(), uuid4(), uuid4(), uuid4()
CLAIMS = Claims(account_id=ME, role="trainee", session_id=SESSION, expires_at=NOW + timedelta(hours=24))
ACTOR = Actor(account_id=ME, role="trainee", session_id=SESSION)
LISTED = ConversationView(
    id=CONVERSATION, match_id=uuid4(), state="open", last_seq=7, read_seq=5, unread=2, with_name="Kim",
    with_account_id=OTHER,
)  # fmt: skip


def verify(token: str) -> Claims:
    """Know five tokens."""
    match token:
        case "good":
            return CLAIMS
        case "newer":
            return attrs.evolve(CLAIMS, expires_at=CLAIMS.expires_at + timedelta(hours=1))
        case "another's":
            return attrs.evolve(CLAIMS, account_id=OTHER)
        case "old":
            raise TokenExpired
        case _:
            raise Unauthorized


class Time:
    """A monotonic clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Machine:
    """A protocol and what to say to it."""

    def __init__(self, **chat: Any) -> None:
        settings = Chat(**chat)
        self.time = Time()
        self.protocol = ChatProtocol(
            settings,
            connection_id=uuid4(),
            verify=verify,
            take_send=SendWindows(settings.sends, settings.sends_window_seconds, self.time).take,
            clock=lambda: NOW,
            monotonic=self.time,
        )

    def say(self, type_: str, data: Any = None, *, id: str = "1") -> list[Effect]:
        return self.protocol.receive(json.dumps({"type": type_, "id": id, **({} if data is None else {"data": data})}))

    def opened(self) -> Machine:
        (load,) = self.say("auth", {"token": "good"}, id="0")
        assert isinstance(load, Load)
        self.protocol.loaded(load, Admitted(ACTOR, (LISTED,)))
        return self

    def joined(self, state: str = "open") -> Machine:
        (load,) = self.say("join_chat", {"conversation_id": str(CONVERSATION)})
        assert isinstance(load, Load)
        self.protocol.loaded(load, {CONVERSATION: joined_view(state=state)})
        return self


def machine(**chat: Any) -> Machine:
    """Return a machine to which ME has been admitted."""
    return Machine(**chat).opened()


def joined_view(**more: Any) -> JoinedView:
    values: dict[str, Any] = {
        "conversation_id": CONVERSATION, "state": "open", "last_seq": 7,
        "read": {str(ME): 5}, "events": (), "has_more": False, **more,
    }  # fmt: skip
    return JoinedView(**values)


def shown(effect: Effect) -> dict[str, Any]:
    assert isinstance(effect, Send)
    return dict(json.loads(effect.payload))


def a_send(body: str = "hi", **more: Any) -> dict[str, Any]:
    return {"conversation_id": str(CONVERSATION), "client_id": str(uuid4()), "body": body, **more}


# ── who you are ─────────────────────────────────────────────────────────────


def test_the_first_frame_carries_the_token_and_the_answer_is_a_welcome() -> None:
    """It is checked by signature at once, by session later; nothing is read meanwhile."""
    m = Machine()
    (load,) = m.say("auth", {"token": "good"}, id="0")
    assert isinstance(load, Load)
    assert load.query == Authenticate(CLAIMS)
    assert m.protocol.is_full
    admit, welcome = m.protocol.loaded(load, Admitted(ACTOR, (LISTED,)))
    assert admit == Admit(CLAIMS, (LISTED,))
    told = shown(welcome)
    assert list(told) == ["type", "id", "data"]
    assert (told["type"], told["id"]) == ("welcome", "0")
    assert told["data"]["account_id"] == str(ME)
    assert told["data"]["heartbeat_ms"] == 25_000
    assert told["data"]["conversations"] == [
        {"id": str(CONVERSATION), "state": "open", "last_seq": 7, "read_seq": 5, "unread": 2}
    ]
    assert m.protocol.is_open
    assert not m.protocol.is_full


@pytest.mark.parametrize(
    ("token", "code", "close"),
    [("forged", "unauthorized", 4401), ("old", "account.token_expired", 4402)],
)
def test_a_token_that_is_not_good_closes(token: str, code: str, close: int) -> None:
    """Wrong: the user must act. Expired: a refresh helps, so the code differs."""
    refusal, closed = Machine().say("auth", {"token": token})
    assert shown(refusal)["data"]["code"] == code
    assert closed == Close(close, "token refused" if close == 4401 else "token expired")


@pytest.mark.parametrize(
    ("found", "code", "close"),
    [
        (Unauthorized(), "unauthorized", 4401),
        (Unavailable(), "unavailable", 1013),
        (Overloaded(), "overloaded", 1013),
        (RuntimeError("a secret detail"), "internal", 1011),
    ],
)
def test_a_session_that_cannot_be_confirmed_closes(found: Exception, code: str, close: int) -> None:
    """Ended, unknown because the database is away, or our own fault: each says which, none says why in detail."""
    m = Machine()
    (load,) = m.say("auth", {"token": "good"})
    assert isinstance(load, Load)
    refusal, closed = m.protocol.loaded(load, found)
    assert shown(refusal)["data"]["code"] == code
    assert "secret" not in str(shown(refusal))
    assert isinstance(closed, Close)
    assert closed.code == close


def test_before_auth_there_is_only_auth() -> None:
    refusal, closed = Machine().say("ping")
    assert shown(refusal)["data"]["code"] == "unauthorized"
    assert closed == Close(4401, "authenticate first")


def test_before_auth_frames_are_small() -> None:
    """4 KiB are enough for a token; 64 are for those who have one."""
    frame = json.dumps({"type": "ping", "id": "1", "data": {"pad": "x" * 5_000}})
    refusal, closed = Machine().protocol.receive(frame)
    assert shown(refusal)["data"]["code"] == "too_large"
    assert isinstance(closed, Close)
    assert closed.code == 1009
    (answer,) = machine().protocol.receive(frame)
    assert shown(answer)["data"]["code"] == "validation_failed"


def test_a_newer_token_renews_and_nothing_reconnects() -> None:
    m = machine()
    (load,) = m.say("auth", {"token": "newer"}, id="9")
    assert isinstance(load, Load)
    assert not m.protocol.is_full
    admit, ack = m.protocol.loaded(load, Admitted(ACTOR, ()))
    assert admit == Admit(verify("newer"), None)
    assert shown(ack)["id"] == "9"
    assert m.protocol.claims == verify("newer")


@pytest.mark.parametrize(
    ("token", "code"), [("another's", "forbidden"), ("forged", "unauthorized"), ("old", "account.token_expired")]
)
def test_a_renewal_that_fails_leaves_the_old_token(token: str, code: str) -> None:
    m = machine()
    (refusal,) = m.say("auth", {"token": token})
    assert shown(refusal)["data"]["code"] == code
    assert m.protocol.is_open
    assert m.protocol.claims == CLAIMS


# ── envelopes ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("frame", "id", "pointers"),
    [
        ("[]", None, [""]),
        ('"ping"', None, [""]),
        ('{"type":"ping"}', None, ["/id"]),
        ('{"type":"ping","id":""}', None, ["/id"]),
        ('{"type":"ping","id":7}', None, ["/id"]),
        ('{"type":"ping","id":"' + "x" * 37 + '"}', None, ["/id"]),
        ('{"id":"a"}', "a", ["/type"]),
        ('{"type":null,"id":"a","data":[]}', "a", ["/type", "/data"]),
        ('{"type":"ping","id":"a","to":"you","a/b":1}', "a", ["/a~1b", "/to"]),
        ('{"type":"ping","id":"a","id":"b"}', None, [""]),
        ('{"type":"ping","id":"a","data":NaN}', None, [""]),
        ('{"type":"ping","id":"\\ud800"}', None, [""]),
        ("\ufeff{}", None, [""]),
        ("[" * 9 + "]" * 9, None, [""]),
        ("[" * 60_000, None, [""]),
        ("", None, [""]),
    ],
)
def test_a_bad_envelope_is_told_where_it_is_bad(frame: str, id: str | None, pointers: list[str]) -> None:
    (refusal,) = machine().protocol.receive(frame)
    told = shown(refusal)
    assert told["type"] == "error"
    assert told.get("id") == id
    assert told["data"]["code"] in ("bad_request", "validation_failed")
    assert told["data"]["retryable"] is False
    assert [e["pointer"] for e in told["data"]["errors"]] == pointers


def test_five_bad_envelopes_close() -> None:
    m = machine()
    for _ in range(4):
        assert [type(effect) for effect in m.protocol.receive("nonsense")] == [Send]
    refusal, closed = m.protocol.receive("nonsense")
    assert shown(refusal)["data"]["code"] == "bad_request"
    assert closed == Close(4400, "five bad envelopes")
    assert m.protocol.receive("nonsense") == []


def test_an_unknown_type_is_named_with_the_known_ones() -> None:
    (refusal,) = machine().say("edit_message", {})
    told = shown(refusal)["data"]
    assert told["code"] == "unknown_type"
    assert told["errors"][0]["pointer"] == "/type"
    assert "send_message" in told["errors"][0]["message"]


def test_a_binary_frame_and_a_huge_one_close() -> None:
    assert machine().protocol.receive(b"{}") == [Close(1003, "text frames only")]
    _, closed = machine().protocol.receive("x" * 65_537)
    assert closed == Close(1009, "frame too big")


@pytest.mark.parametrize(
    ("type_", "data", "pointers"),
    [
        ("auth", {}, ["/data/token"]),
        ("join_chat", {"conversation_id": 1}, ["/data/conversation_id"]),
        ("join_chat", {"conversation_id": str(CONVERSATION), "after_seq": -1}, ["/data/after_seq"]),
        ("leave_chat", {"conversation": str(CONVERSATION)}, ["/data/conversation", "/data/conversation_id"]),
        ("send_message", a_send(""), ["/data/body"]),
        ("send_message", a_send("x" * 8_001), ["/data/body"]),
        ("send_message", a_send(sender_id=str(OTHER)), ["/data/sender_id"]),
        ("send_message", a_send(attachment_ids=[str(uuid4())]), ["/data/attachment_ids"]),
        ("send_message", a_send(reply_to=0), ["/data/reply_to"]),
        ("history", {"conversation_id": str(CONVERSATION), "limit": 101}, ["/data/limit"]),
        ("history", {"conversation_id": str(CONVERSATION), "after_seq": 1, "before_seq": 3}, ["/data/before_seq"]),
        ("sync", {"nobody": 1}, ["/data/nobody"]),
        ("sync", {str(CONVERSATION): "1"}, [f"/data/{CONVERSATION}"]),
        ("sync", {str(uuid4()): 0 for _ in range(201)}, ["/data"]),
        ("read", {"conversation_id": str(CONVERSATION), "seq": 1.5}, ["/data/seq"]),
        ("typing", {"conversation_id": str(CONVERSATION), "on": "yes"}, ["/data/on"]),
        ("ping", {"pong": True}, ["/data/pong"]),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_pointer(type_: str, data: Any, pointers: list[str]) -> None:
    (refusal,) = machine().say(type_, data, id="x")
    told = shown(refusal)
    assert told["id"] == "x"
    assert told["data"]["code"] == "validation_failed"
    assert sorted(e["pointer"] for e in told["data"]["errors"]) == pointers


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
    view = joined_view()
    ack, listen = m.protocol.loaded(load, {CONVERSATION: view})
    assert shown(ack)["data"] == {
        "state": "open", "last_seq": 7, "read": {str(ME): 5}, "online": [], "events": [], "has_more": False
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


# ── anything at all ─────────────────────────────────────────────────────────

ids = st.sampled_from([str(CONVERSATION), str(uuid4()), "no id", ""])
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), ids)
names = st.sampled_from(
    ["conversation_id", "client_id", "body", "seq", "after_seq", "before_seq", "on", "token", "limit", "attachment_ids"]
)
datas = st.one_of(st.dictionaries(st.one_of(names, st.text(max_size=5), ids), scalars, max_size=5), scalars)
types = st.sampled_from(
    ["auth", "join_chat", "leave_chat", "send_message", "history", "sync", "read", "typing", "ping", "edit_message", ""]
)
envelopes = st.builds(
    lambda type_, id_, data: json.dumps({"type": type_, "id": id_, "data": data}),
    types,
    st.one_of(st.text(max_size=40), scalars),
    datas,
)
tokens = st.sampled_from(["good", "newer", "another's", "old", "forged"]).map(
    lambda token: json.dumps({"type": "auth", "id": "a", "data": {"token": token}})
)
sends = st.builds(
    lambda body: json.dumps({"type": "send_message", "id": "s", "data": a_send(body)}), st.text(max_size=10)
)
anything = st.one_of(envelopes, tokens, sends, st.text(max_size=200), st.binary(max_size=50))
answers = st.sampled_from([None, Unavailable(), Unauthorized(), NotFound(kind="conversation"), ValueError("bug")])


def answered(effect: Effect, answer: Exception | None) -> Callable[[ChatProtocol], list[Effect]] | None:
    """Return how the server would answer an effect, if it waits for an answer."""
    if isinstance(effect, Persist):
        return lambda protocol: protocol.persisted(effect, answer or 3)
    if not isinstance(effect, Load):
        return None
    found: Any = answer
    if answer is None:
        match effect.query:
            case Authenticate():
                found = Admitted(ACTOR, (LISTED,))
            case Sync(after):
                found = {id: joined_view(conversation_id=id) for id in after}
            case _:
                found = HistoryView(events=(), has_more=False)
    return lambda protocol: protocol.loaded(effect, found)


@given(st.booleans(), st.lists(st.tuples(anything, answers), max_size=25))
def test_any_frames_in_any_order_are_answered_or_close(
    is_admitted: bool, frames: list[tuple[str | bytes, Exception | None]]
) -> None:
    """Never an exception; one reply per request, with its id where it had one; nothing after a close."""
    m = machine().joined() if is_admitted else Machine()
    is_closed = False
    for frame, answer in frames:
        effects = m.protocol.receive(frame)
        told = list(effects)
        for effect in effects:
            if (reply := answered(effect, answer)) is not None:
                told += reply(m.protocol)
        sent = [shown(effect) for effect in told if isinstance(effect, Send)]
        closes = [effect for effect in told if isinstance(effect, Close)]
        if is_closed:
            assert told == []
            continue
        assert len(sent) == 1 or (closes and not sent)
        for envelope in sent:
            assert envelope["type"] in ("ack", "error", "welcome", "pong")
        assert len(closes) <= 1
        is_closed = bool(closes)
        assert m.protocol.n_waiting == 0
