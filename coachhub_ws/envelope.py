"""
Frames that come in: read strictly, or refused with the place that is wrong.

A pointer is relative to the whole frame: ``/data/body``, ``/type``.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

import attrs

from coachhub_core import wire
from coachhub_core.domain import values as v
from coachhub_core.domain.chat import PostMessage
from coachhub_core.errors import BadRequest, FieldError, Invalid, Refusal

MAX_DEPTH: Final = 8
ID_MAX: Final = 36
TOKEN_MAX: Final = 8_000  # a header holds no longer one either
SYNC_MAX: Final = 200
PRESENCE_MAX: Final = 200
_MEMBERS: Final = ("type", "id", "data")

T = TypeVar("T")


@attrs.define(kw_only=True)
class UnknownType(Invalid):
    """Raised for a request that this version does not know."""

    code: ClassVar[str] = "unknown_type"

    @classmethod
    def named(cls, known: tuple[str, ...]) -> UnknownType:
        """Build it with the types that are known."""
        sentence = f"is not known here; known types: {', '.join(known)}"
        return cls(errors=(FieldError(pointer="/type", message=sentence, code="unknown_type"),))


@attrs.frozen
class Envelope:
    """A frame that could be read."""

    type: str
    id: str
    data: dict[str, Any]


@attrs.frozen
class Unreadable:
    """A frame that could not; ``id`` is None where not even that was readable."""

    id: str | None
    refusal: Refusal


def read(raw: bytes) -> Envelope | Unreadable:
    """Read a frame's envelope: ``{"type", "id", "data"}``, nothing else, data an object or absent."""
    try:
        frame = wire.loads(raw, max_depth=MAX_DEPTH)
    except BadRequest as exc:
        return Unreadable(None, exc)
    if type(frame) is not dict:
        return Unreadable(None, Invalid.at("", "must be an object", "type"))
    type_, id_, data = frame.get("type"), frame.get("id"), frame.get("data", {})
    is_id = isinstance(id_, str) and 1 <= len(id_) <= ID_MAX
    if (
        isinstance(id_, str)
        and is_id
        and isinstance(type_, str)
        and type(data) is dict
        and all(name in _MEMBERS for name in frame)
    ):
        return Envelope(type_, id_, data)
    errors = []
    if not is_id:
        errors.append(FieldError(pointer="/id", message=f"must be a string of 1 to {ID_MAX} characters", code="type"))
    if type(type_) is not str:
        errors.append(FieldError(pointer="/type", message="must be a string", code="type"))
    if type(data) is not dict:
        errors.append(FieldError(pointer="/data", message="must be an object", code="type"))
    for name in sorted(set(frame) - set(_MEMBERS))[: wire.MAX_ERRORS]:
        pointer = "/" + name.replace("~", "~0").replace("/", "~1")
        known = f"is not known here; known members: {', '.join(_MEMBERS)}"
        errors.append(FieldError(pointer=pointer, message=known, code="unknown_member"))
    return Unreadable(id_ if is_id else None, Invalid(errors=tuple(errors)))


# ── what stands in data ─────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class Auth:
    """Say who you are, or show a newer token."""

    token: str = v.text(TOKEN_MAX, min_len=1)


@attrs.frozen(kw_only=True)
class JoinChat:
    """Listen to a conversation, and get what came after ``after_seq``."""

    conversation_id: UUID
    after_seq: int | None = v.whole(0, 2**53, default=None, optional=True)


@attrs.frozen(kw_only=True)
class LeaveChat:
    """Listen no longer."""

    conversation_id: UUID


@attrs.frozen(kw_only=True)
class SendMessage(PostMessage):
    """Say something. Attachments are not taken yet: the list must be empty."""

    attachment_ids: tuple[UUID, ...] = v.items(0, factory=tuple)

    def command(self) -> PostMessage:
        """Return what the core takes."""
        return PostMessage(
            conversation_id=self.conversation_id, client_id=self.client_id, body=self.body, reply_to=self.reply_to
        )


@attrs.frozen(kw_only=True)
class Presence:
    """Ask who of these is here, and hear of them from now on; those of an earlier question are told no longer."""

    account_ids: tuple[UUID, ...] = v.items(PRESENCE_MAX)


@attrs.frozen(kw_only=True)
class Typing:
    """Tell the others that you type, or no longer do."""

    conversation_id: UUID
    on: bool


@attrs.frozen(kw_only=True)
class Ping:
    """Nothing: the answer is the point."""


@attrs.frozen(kw_only=True)
class _Synced:
    conversations: dict[UUID, int]

    def __attrs_post_init__(self) -> None:
        if len(self.conversations) > SYNC_MAX:
            raise v.FieldRefused("conversations", f"may have at most {SYNC_MAX} members", "too_long")
        for id, seq in self.conversations.items():
            if not 0 <= seq <= 2**53:
                raise v.FieldRefused(f"conversations/{id}", f"must be from 0 to {2**53}", "range")


def structure(cls: type[T], data: dict[str, Any]) -> T:
    """
    Make a request from its data.

    Raises:
        Invalid: With pointers into the frame.
    """
    try:
        return wire.structure(cls, data)
    except Invalid as exc:
        raise in_frame(exc) from exc


def structure_sync(data: dict[str, Any]) -> dict[UUID, int]:
    """
    Read ``{conversation_id: last_seq, …}``, at most 200 of them.

    Raises:
        Invalid: With pointers into the frame.
    """
    try:
        return wire.structure(_Synced, {"conversations": data}).conversations
    except Invalid as exc:
        raise in_frame(exc, instead_of="/conversations") from exc


def in_frame(exc: Invalid, *, instead_of: str = "") -> Invalid:
    """Return *exc* with pointers from the root of the frame: the core's begin where ``data`` does."""
    return Invalid(
        errors=tuple(attrs.evolve(e, pointer="/data" + e.pointer.removeprefix(instead_of)) for e in exc.errors)
    )
