"""The chat protocol's state machine with strings alone: no socket, no loop, no store."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import attrs

from coachhub_core.config import Chat
from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.chat import ConversationView, JoinedView
from coachhub_core.errors import (
    TokenExpired,
    Unauthorized,
)
from coachhub_core.security import Claims
from coachhub_ws.effects import (
    Admitted,
    Effect,
    Load,
    Send,
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
            is_online=lambda id: id == OTHER,
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
