"""
Bytes that go out: envelopes, and the frames around them.

Without compression the bytes of a server's frame are the same for everybody, so
a push is built once and written to many. Members of an envelope stand in the
order ``type``, ``id``, ``data``; what is inside comes from the core's encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from coachhub_core import wire
from coachhub_core.domain.chat import ConversationState, MessageView
from coachhub_core.errors import BadRequest, Conflict, Invalid, Overloaded, RateLimited, Refusal, Unavailable

EMPTY: Final[Mapping[str, Any]] = {}
_EVENTS: Final = {"message": "message", "edit": "message_edited", "delete": "message_deleted"}
_TEXT: Final = 0x81  # FIN and the opcode of a text frame


def framed(payload: bytes) -> bytes:
    """Return *payload* as one unmasked text frame."""
    n = len(payload)
    if n < 126:
        return bytes((_TEXT, n)) + payload
    if n < 65_536:
        return bytes((_TEXT, 126)) + n.to_bytes(2, "big") + payload
    return bytes((_TEXT, 127)) + n.to_bytes(8, "big") + payload


def reply(type_: str, request_id: str | None, data: Any = EMPTY) -> bytes:
    """Write the envelope that answers a request; *request_id* is None where none could be read."""
    id_ = b"" if request_id is None else b',"id":' + wire.dumps(request_id)
    return b'{"type":"' + type_.encode() + b'"' + id_ + b',"data":' + wire.dumps(data) + b"}"


def push(type_: str, data: Any = EMPTY) -> bytes:
    """Write an envelope that nobody asked for: it has no id."""
    return reply(type_, None, data)


def event(message: MessageView) -> bytes:
    """Return the frame of an event of a conversation: something said, changed or taken back."""
    return framed(push(_EVENTS[message.kind], message))


def state(conversation_id: UUID, state: ConversationState) -> bytes:
    """Return the frame that says that a conversation was opened or closed."""
    return framed(push("conversation", {"conversation_id": conversation_id, "state": state}))


def mark(conversation_id: UUID, account_id: UUID, seq: int) -> bytes:
    """Return the frame that says how far a member has read."""
    return framed(push("read", {"conversation_id": conversation_id, "account_id": account_id, "seq": seq}))


def gap(conversation_id: UUID, from_seq: int) -> bytes:
    """Return the frame that asks a client to read the history from there."""
    return framed(push("gap", {"conversation_id": conversation_id, "from_seq": from_seq}))


def error(request_id: str | None, exc: Exception) -> bytes:
    """Write the envelope of a refusal."""
    return reply("error", request_id, problem(exc))


def problem(exc: Exception) -> dict[str, Any]:
    """
    Return what a client is told about *exc*: REST's code, the core's sentence.

    What is no refusal is a fault of ours, and said without a detail.
    """
    if not isinstance(exc, Refusal):
        return {"code": "internal", "message": "something went wrong here; it was noted", "retryable": True}
    told: dict[str, Any] = {"code": exc.code, "message": str(exc)}
    if isinstance(exc, RateLimited | Unavailable | Overloaded):
        told["retryable"] = True
        told["retry_after_ms"] = max(1, round(exc.retry_after_seconds * 1000))
    else:
        told["retryable"] = False
    if isinstance(exc, Invalid):
        told["errors"] = [{"pointer": f.pointer, "code": f.code, "message": f.message} for f in exc.errors]
    elif isinstance(exc, BadRequest):
        told["errors"] = [{"pointer": "", "code": exc.code, "message": exc.reason}]
    elif isinstance(exc, Conflict) and exc.state is not None:
        told["state"] = exc.state
    return told
