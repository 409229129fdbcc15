"""What the room *chat* needs of a storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import attrs

from coachhub_core.domain.chat import Conversation, ConversationPulse, ConversationState, Member, Message


@attrs.frozen(kw_only=True)
class ConversationListing:
    """A conversation with one member's place in it and the other side's name."""

    conversation: Conversation
    read_seq: int
    with_account_id: UUID
    with_name: str
    with_left: bool = False


class ConversationRepository(Protocol):
    """Conversations and their members; one conversation per match."""

    def add(self, conversation: Conversation, members: Sequence[UUID]) -> None: ...

    def find(self, id: UUID) -> Conversation | None: ...

    def find_by_match(self, match_id: UUID) -> Conversation | None: ...

    def lock(self, ids: Sequence[UUID]) -> Mapping[UUID, Conversation]:
        """Read those that exist, in the order of their ids, and hold them until the unit ends."""
        ...

    def members(self, id: UUID) -> Sequence[Member]:
        """All of them, also those who left."""
        ...

    def members_of(self, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Member]]: ...

    def set_state(self, match_id: UUID, state: ConversationState) -> None:
        """Open or close the conversation of a match; ``members_version`` grows."""
        ...

    def leave(self, id: UUID, account_id: UUID, *, at: datetime) -> None:
        """Take a member out; ``members_version`` grows."""
        ...

    def rejoin(self, id: UUID, account_id: UUID) -> None:
        """Take a member who left back in; ``members_version`` grows."""
        ...

    def mark_read(self, marks: Mapping[tuple[UUID, UUID], int]) -> None:
        """Move read marks of (conversation, account) forwards, never beyond ``last_seq`` and never back."""
        ...

    def of_account(self, account_id: UUID, *, limit: int) -> Sequence[ConversationListing]:
        """Those the account is a member of, the newest first."""
        ...

    def pulses(self, ids: Sequence[UUID]) -> Sequence[ConversationPulse]: ...


class MessageRepository(Protocol):
    """Events of conversations; (conversation, sender, client_id) is unique."""

    def append(self, messages: Sequence[Message], last_seqs: Mapping[UUID, int]) -> None:
        """Write *messages* and the new ``last_seq`` of each conversation touched."""
        ...

    def find_sent(self, keys: Sequence[tuple[UUID, UUID, UUID]]) -> Mapping[tuple[UUID, UUID, UUID], Message]:
        """Messages that exist by (conversation, sender, client_id)."""
        ...

    def find_at(self, places: Sequence[tuple[UUID, int]]) -> Mapping[tuple[UUID, int], Message]:
        """Events that exist by (conversation, ``seq``)."""
        ...

    def blank(self, places: Sequence[tuple[UUID, int]]) -> None:
        """Empty the body of these messages and of every edit of them; ``seq`` stays dense."""
        ...

    def after(self, conversation_id: UUID, seq: int, *, limit: int) -> Sequence[Message]:
        """The next ones after *seq*, in order."""
        ...

    def before(self, conversation_id: UUID, seq: int | None, *, limit: int) -> Sequence[Message]:
        """The last ones before *seq* (or of all), in order."""
        ...

    def unanswered(self, account_id: UUID, *, before: datetime) -> Sequence[Message]:
        """
        Per open conversation the oldest message of the other side without an answer, if sent before *before*.

        Edits are no messages, and what was deleted asks for nothing and answers nothing.
        """
        ...

    def sent_by(self, account_id: UUID) -> Sequence[Message]: ...

    def blank_sent_by(self, account_id: UUID) -> None:
        """Empty the body of everything *account_id* wrote; ``seq`` stays dense."""
        ...
