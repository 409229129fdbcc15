"""The room *chat*: conversations of dense, never-ending logs; the wire stands in ``chat.md``."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import attrs

from coachhub_core.domain import values as v

ConversationState = Literal["open", "read_only"]
MessageKind = Literal["message", "edit", "delete"]

BODY_MAX: Final = 8_000  # characters: at most 32 KB of UTF-8, half a 64 KiB frame
PAGE_MAX: Final = 100
REPLY_EVENTS_MAX: Final = 200
REPLY_BYTES_MAX: Final = 256 * 1024


@attrs.frozen(kw_only=True)
class Conversation:
    """The log of one match. ``last_seq`` is dense; ``members_version`` grows with state, party or grant."""

    id: UUID
    match_id: UUID
    state: ConversationState = "open"
    last_seq: int = 0
    members_version: int = 1
    created_at: datetime


@attrs.frozen(kw_only=True)
class Member:
    """One account's place in a conversation; ``read_seq`` only grows."""

    conversation_id: UUID
    account_id: UUID
    read_seq: int = 0
    left_at: datetime | None = None


@attrs.frozen(kw_only=True)
class Message:
    """
    One event of a conversation.

    An edit and a deletion are events of their own; ``ref_seq`` says of which
    message. A deletion empties its message and all edits of it.
    """

    conversation_id: UUID
    seq: int
    kind: MessageKind = "message"
    ref_seq: int | None = None
    sender_id: UUID
    client_id: UUID
    body: str
    reply_to: int | None = None
    created_at: datetime


# ── commands ────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class PostMessage:
    """Say something; ``client_id`` is made by the device, so sending twice is harmless for ever."""

    conversation_id: UUID
    client_id: UUID
    body: str = v.text(BODY_MAX, min_len=1)
    reply_to: int | None = v.whole(1, 2**53, default=None, optional=True)


@attrs.frozen(kw_only=True)
class EditMessage:
    """Say a message of one's own in other words; what it was stays in the log, as a trail."""

    conversation_id: UUID
    seq: int = v.whole(1, 2**53)
    client_id: UUID
    body: str = v.text(BODY_MAX, min_len=1)


@attrs.frozen(kw_only=True)
class DeleteMessage:
    """Take a message of one's own back: it and its edits are emptied, its place stays."""

    conversation_id: UUID
    seq: int = v.whole(1, 2**53)
    client_id: UUID


@attrs.frozen(kw_only=True)
class Send:
    """One event on its way into the log, and whose it is."""

    sender_id: UUID
    command: PostMessage | EditMessage | DeleteMessage

    @property
    def key(self) -> tuple[UUID, UUID, UUID]:
        """What makes it the same when it comes again: (conversation, sender, client_id)."""
        return self.command.conversation_id, self.sender_id, self.command.client_id

    @property
    def kind(self) -> MessageKind:
        """What it will be in the log."""
        if isinstance(self.command, PostMessage):
            return "message"
        return "edit" if isinstance(self.command, EditMessage) else "delete"

    @property
    def ref_seq(self) -> int | None:
        """Which message it is about; None where it is one itself."""
        return None if isinstance(self.command, PostMessage) else self.command.seq

    @property
    def body(self) -> str:
        """What it says: nothing, where something is taken back."""
        return "" if isinstance(self.command, DeleteMessage) else self.command.body

    @property
    def reply_to(self) -> int | None:
        """Which message it answers."""
        return self.command.reply_to if isinstance(self.command, PostMessage) else None


@attrs.frozen(kw_only=True)
class Posted:
    """The acknowledgement of a stored event."""

    message: MessageView
    duplicate: bool = False


@attrs.frozen(kw_only=True)
class MarkRead:
    """Move one's read mark; it only goes forwards."""

    conversation_id: UUID
    seq: int = v.whole(0, 2**53)


@attrs.frozen(kw_only=True)
class ReadHistory:
    """A slice of a conversation: after or before a ``seq``, the newest without either."""

    conversation_id: UUID
    after_seq: int | None = v.whole(0, 2**53, default=None, optional=True)
    before_seq: int | None = v.whole(1, 2**53, default=None, optional=True)
    limit: int = v.whole(1, PAGE_MAX, default=PAGE_MAX)

    def __attrs_post_init__(self) -> None:
        if self.after_seq is not None and self.before_seq is not None:
            raise v.FieldRefused("before_seq", "cannot be combined with after_seq", "exclusive")


# ── views ───────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class MessageView:
    """An event as every member sees it, on every door."""

    conversation_id: UUID
    seq: int
    kind: MessageKind
    ref_seq: int | None
    sender_id: UUID
    client_id: UUID
    body: str
    reply_to: int | None
    created_at: datetime

    @classmethod
    def of(cls, message: Message) -> MessageView:
        """Show *message*."""
        return cls(**{f.name: getattr(message, f.name) for f in attrs.fields(cls)})


@attrs.frozen(kw_only=True)
class HistoryView:
    """Events in ``seq`` order, and whether there are more beyond them."""

    events: tuple[MessageView, ...]
    has_more: bool


@attrs.frozen(kw_only=True)
class ConversationView:
    """A conversation as one of its members sees it; ``with_left`` where the other side may read it no longer."""

    id: UUID
    match_id: UUID
    state: ConversationState
    last_seq: int
    read_seq: int
    unread: int
    with_name: str
    with_account_id: UUID
    with_left: bool = False


@attrs.frozen(kw_only=True)
class ConversationPage:
    """One's conversations, the most recently opened first."""

    items: tuple[ConversationView, ...]
    next: str | None = None
    prev: str | None = None


@attrs.frozen(kw_only=True)
class ReadMarkView:
    """Where a member has read to."""

    conversation_id: UUID
    seq: int


@attrs.frozen(kw_only=True)
class JoinedView:
    """A conversation as a listener gets it on joining: where it stands, who read how far, and the gap."""

    conversation_id: UUID
    state: ConversationState
    last_seq: int
    read: dict[str, int]
    events: tuple[MessageView, ...]
    has_more: bool


@attrs.frozen(kw_only=True)
class ConversationPulse:
    """What the sweep compares: cheap to read for many conversations at once."""

    id: UUID
    last_seq: int
    state: ConversationState
    members_version: int
