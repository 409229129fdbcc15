"""What the protocol answers, as values that :mod:`coachhub_ws.frames` writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from coachhub_core.config import Chat
from coachhub_core.domain.chat import BODY_MAX, JoinedView
from coachhub_ws.effects import Admitted

FRAME_MAX: Final = 64 * 1024  # bytes
TYPING_EVERY_SECONDS: Final = 2.0


def welcome(chat: Chat, admitted: Admitted, *, connection_id: UUID, now: datetime) -> dict[str, Any]:
    """Say to whom the connection belongs now, under which limits, and where their conversations stand."""
    return {
        "connection_id": connection_id,
        "account_id": admitted.actor.account_id,
        "heartbeat_ms": round(chat.heartbeat_seconds * 1000),
        "limits": {
            "frame_bytes": FRAME_MAX,
            "body_chars": BODY_MAX,
            "sends": chat.sends,
            "sends_window_ms": round(chat.sends_window_seconds * 1000),
            "frames_per_second": chat.frames_per_second,
            "typing_every_ms": round(TYPING_EVERY_SECONDS * 1000),
            "joined": chat.joined_per_connection,
            "waiting": chat.waiting_per_connection,
        },
        "server_time": now,
        "conversations": [
            {"id": c.id, "state": c.state, "last_seq": c.last_seq, "read_seq": c.read_seq, "unread": c.unread}
            for c in admitted.conversations
        ],
    }


def joined(view: JoinedView, *, online: Sequence[UUID]) -> dict[str, Any]:
    """Show a conversation to who joins it, and which of the others are here."""
    return {
        "state": view.state,
        "last_seq": view.last_seq,
        "read": view.read,
        "online": online,
        "events": view.events,
        "has_more": view.has_more,
    }
