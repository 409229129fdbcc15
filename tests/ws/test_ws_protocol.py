"""Who may speak, what a frame must be, and that any frame is answered: with strings alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ws_machine import (
    ACTOR,
    CLAIMS,
    CONVERSATION,
    LISTED,
    ME,
    OTHER,
    Machine,
    a_send,
    joined_view,
    machine,
    shown,
    verify,
)

from coachhub_core.domain.chat import HistoryView
from coachhub_core.errors import (
    NotFound,
    Overloaded,
    Unauthorized,
    Unavailable,
)
from coachhub_ws.effects import (
    Admit,
    Admitted,
    Authenticate,
    Close,
    Effect,
    Load,
    Persist,
    Send,
    Sync,
)
from coachhub_ws.protocol import ChatProtocol

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
    (refusal,) = machine().say("shout", {})
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
