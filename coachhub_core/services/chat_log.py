"""
What becomes of each event of a batch, under the locks of its conversations: stored, known already, or refused.

Edits and deletions stand in the log like messages, each with a ``seq`` of its
own, so whoever resumes gets them. Only one's own messages can be changed, and
none that was taken back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import attrs

from coachhub_core.domain.chat import Conversation, Member, Message, MessageView, Posted, Send
from coachhub_core.domain.events import MessagesPosted
from coachhub_core.errors import ClientIdConflict, ConversationReadOnly, Forbidden, Invalid, NotFound, Refusal
from coachhub_core.ports.storage import UnitOfWork
from coachhub_core.services.inbox import notify
from coachhub_core.services.units import Context

Mark = tuple[UUID, UUID]
"""Whose read mark: (conversation, account)."""

Place = tuple[UUID, int]
"""(conversation, ``seq``)."""


@attrs.frozen
class Written:
    """What became of a batch, the events that are new, and the read marks that moved with them."""

    outcomes: list[Posted | Refusal]
    fresh: list[Message]
    marks: dict[Mark, int]


def write(
    context: Context,
    work: UnitOfWork,
    sends: Sequence[Send],
    locked: Mapping[UUID, Conversation],
    members: Mapping[UUID, Sequence[Member]],
) -> Written:
    """Append what may be appended, empty what was taken back, and tell those who had read everything so far."""
    now = context.clock()
    batch = _Batch(work, sends, locked, members)
    outcomes = [batch.take(send, now) for send in sends]
    fresh = batch.fresh
    if fresh:
        work.messages.append(fresh, {m.conversation_id: batch.last[m.conversation_id] for m in fresh})
        work.messages.blank([(m.conversation_id, m.ref_seq) for m in fresh if m.kind == "delete" and m.ref_seq])
    by_talk: dict[UUID, list[Message]] = {}
    for message in fresh:
        by_talk.setdefault(message.conversation_id, []).append(message)
    marks: dict[Mark, int] = {}
    for id, said in by_talk.items():
        work.outbox.add(MessagesPosted(at=now, aggregate_id=id, last_seq=said[-1].seq))
        for member in members[id]:
            seq = _read_on(context, work, member, said)
            if seq > member.read_seq:
                marks[(id, member.account_id)] = seq
    return Written(outcomes, fresh, marks)


def _read_on(context: Context, work: UnitOfWork, member: Member, said: Sequence[Message]) -> int:
    """Return where a member's mark stands after *said*; one line in the inbox says where an unread stretch began."""
    seq = member.read_seq
    for event in said:
        is_next = seq >= event.seq - 1
        is_own = event.sender_id == member.account_id  # what one has written one has read
        if is_own or (is_next and event.kind == "delete"):  # which leaves nothing to be read
            seq = event.seq
        elif is_next and member.left_at is None:
            id = event.conversation_id
            notify(context, work, [member.account_id], "message", f"{id}:{event.seq}", conversation_id=id)
    return seq


class _Batch:
    """The log as it grows within one batch: what stood before, and what was taken so far."""

    def __init__(
        self,
        work: UnitOfWork,
        sends: Sequence[Send],
        locked: Mapping[UUID, Conversation],
        members: Mapping[UUID, Sequence[Member]],
    ) -> None:
        self.last = {id: conversation.last_seq for id, conversation in locked.items()}
        self.fresh: list[Message] = []
        self._locked = locked
        self._present = {(id, m.account_id) for id, found in members.items() for m in found if m.left_at is None}
        self._known = dict(work.messages.find_sent([send.key for send in sends])) if sends else {}
        about = {(send.key[0], send.ref_seq) for send in sends if send.ref_seq is not None}
        self._at: dict[Place, Message] = dict(work.messages.find_at(sorted(about))) if about else {}

    def take(self, send: Send, now: datetime) -> Posted | Refusal:
        """Give *send* its place, or find the one it has, or say why not."""
        conversation, stored = self._locked.get(send.key[0]), self._known.get(send.key)
        if conversation is None or send.key[:2] not in self._present:
            return NotFound(kind="conversation", id=send.key[0])
        if stored is not None:  # sent before: its answer stands even after the conversation was closed
            is_same = (stored.kind, stored.ref_seq) == (send.kind, send.ref_seq) and stored.body in (send.body, "")
            if not is_same:  # a body that was emptied since is like any
                return ClientIdConflict(client_id=send.key[2])
            return Posted(message=MessageView.of(stored), duplicate=True)
        refusal = self._refuse(send, conversation)
        return refusal if refusal is not None else Posted(message=MessageView.of(self._append(send, now)))

    def _refuse(self, send: Send, conversation: Conversation) -> Refusal | None:
        id = conversation.id
        if conversation.state != "open":
            return ConversationReadOnly(conversation_id=id, state=conversation.state)
        if send.reply_to is not None and send.reply_to > self.last[id]:
            return Invalid.at("/reply_to", "refers to a message that does not exist", "unknown")
        if send.ref_seq is None:
            return None
        about = self._at.get((id, send.ref_seq))
        if about is None or about.kind != "message" or not about.body:
            return NotFound(kind="message", id=str(send.ref_seq))
        if about.sender_id != send.sender_id:
            return Forbidden(reason="only who wrote a message can change it or take it back")
        return None

    def _append(self, send: Send, now: datetime) -> Message:
        id = send.key[0]
        self.last[id] += 1
        message = Message(
            conversation_id=id,
            seq=self.last[id],
            kind=send.kind,
            ref_seq=send.ref_seq,
            sender_id=send.sender_id,
            client_id=send.command.client_id,
            body=send.body,
            reply_to=send.reply_to,
            created_at=now,
        )
        self._known[send.key] = self._at[(id, message.seq)] = message
        if send.kind == "delete" and send.ref_seq is not None:
            self._at[(id, send.ref_seq)] = attrs.evolve(self._at[(id, send.ref_seq)], body="")
        self.fresh.append(message)
        return message
