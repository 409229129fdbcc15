"""
One conversation as this process tells it: in ``seq`` order, without a hole.

A *listener* joined the conversation and gets its events; a *watcher* saw it
listed in its ``welcome`` and gets ``unread``.
"""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

import attrs

from coachhub_core.domain.chat import ConversationState, MessageView


class Hearer(Protocol):
    """A connection, as those who tell it something see it."""

    @property
    def account_id(self) -> UUID:
        """Whose it is."""
        ...

    def push(self, frame: bytes, *, is_hint: bool = False) -> None:
        """Write a frame; a hint may be dropped when the reader is slow."""
        ...

    def changed(self, conversation_id: UUID, state: ConversationState) -> None:
        """Take note of a conversation's new state."""
        ...

    def left(self, conversation_id: UUID) -> None:
        """Take note that its account is no member any more."""
        ...


@attrs.define(eq=False)
class Listening:
    """
    One listener of one stream: what waits for its snapshots, and up to where they reached.

    ``states`` are those the conversation took while it was not known whether this one may hear of them.
    """

    waiting_for: set[object] = attrs.field(factory=set)
    after: int | None = None
    held: dict[int, bytes] = attrs.field(factory=dict)
    states: list[ConversationState] = attrs.field(factory=list)


@attrs.define(eq=False)
class Stream:
    """
    What is known of one conversation.

    ``last`` is what was told up to here, None until a snapshot says where it
    stands; ``target`` what is known to exist; ``early`` came before its turn,
    each with the connection that sent it.
    """

    id: UUID
    last: int | None = None
    target: int = 0
    state: ConversationState = "open"
    members_version: int = 0
    members: set[UUID] = attrs.field(factory=set)
    reads: dict[UUID, int] = attrs.field(factory=dict)
    pushed_at: dict[UUID, float] = attrs.field(factory=dict)
    listeners: dict[Hearer, Listening] = attrs.field(factory=dict)
    watchers: set[Hearer] = attrs.field(factory=set)
    early: dict[int, tuple[MessageView, Hearer | None]] = attrs.field(factory=dict)
    is_filling: bool = False
    is_timed: bool = False

    @property
    def is_behind(self) -> bool:
        """Whether something is known to exist that was not told."""
        return self.last is not None and (self.target > self.last or bool(self.early))

    @property
    def n_behind(self) -> int:
        """How many are known to exist that were not told, those that came early among them."""
        return 0 if self.last is None else max([self.target, *self.early, self.last]) - self.last

    @property
    def settled(self) -> list[Hearer]:
        """Listeners whose right to listen is known, since they had a snapshot."""
        return [hearer for hearer, listening in self.listeners.items() if listening.after is not None]

    @property
    def admitted(self) -> set[Hearer]:
        """Everybody whose right to hear of it is known."""
        return self.watchers.union(self.settled)
