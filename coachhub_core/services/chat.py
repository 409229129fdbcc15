"""
Use cases of the room *chat*.

One method writes, :meth:`ChatService.write_many`: the chat server gives it whole
batches, REST a batch of one. An answer stands only for what is committed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import attrs

from coachhub_core import wire
from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.chat import (
    REPLY_BYTES_MAX,
    REPLY_EVENTS_MAX,
    ConversationPage,
    ConversationPulse,
    ConversationView,
    DeleteMessage,
    EditMessage,
    HistoryView,
    JoinedView,
    MarkRead,
    Member,
    Message,
    MessageView,
    Posted,
    PostMessage,
    ReadHistory,
    ReadMarkView,
    Send,
)
from coachhub_core.errors import NotFound, Refusal
from coachhub_core.ports.broadcast import Broadcast
from coachhub_core.ports.storage import ConversationListing
from coachhub_core.services.access import Access
from coachhub_core.services.chat_log import Mark, write
from coachhub_core.services.units import Context, rerun

CHANNEL: Final = "chat"
LISTED_MAX: Final = 200


@attrs.frozen(kw_only=True)
class MovedMark:
    """A read mark that moved, and to where."""

    conversation_id: UUID
    account_id: UUID
    seq: int


@attrs.frozen(kw_only=True)
class ChatHint:
    """
    What goes over the bus after a commit: the new messages, and marks that moved.

    A hint may be lost; whoever missed it finds the same in the table.
    """

    format: int = 1
    messages: tuple[MessageView, ...] = ()
    marks: tuple[MovedMark, ...] = ()


class ChatService:
    """Conversations, for REST and for the chat server alike."""

    def __init__(self, context: Context, access: Access, broadcast: Broadcast) -> None:
        self._context = context
        self._access = access
        self._broadcast = broadcast

    # ── writing ──

    def post(self, actor: Actor, command: PostMessage) -> MessageView:
        """
        Say something.

        Raises:
            ConversationReadOnly: If the match is over.
            ClientIdConflict: If the device used this id for another message.
            NotFound: If the actor is no member.
        """
        return self._write_one(actor, command)

    def edit(self, actor: Actor, command: EditMessage) -> MessageView:
        """
        Say a message of one's own in other words; return the edit, an event with a ``seq`` of its own.

        Raises:
            ConversationReadOnly: If the match is over.
            ClientIdConflict: If the device used this id for something else.
            Forbidden: If somebody else wrote the message.
            NotFound: If the actor is no member, there is no such message, or it was taken back.
        """
        return self._write_one(actor, command)

    def delete(self, actor: Actor, command: DeleteMessage) -> MessageView:
        """
        Take a message of one's own back: it and its edits are emptied; return the deletion, an event of its own.

        Raises:
            ConversationReadOnly, ClientIdConflict, Forbidden, NotFound: As :meth:`edit` does.
        """
        return self._write_one(actor, command)

    def _write_one(self, actor: Actor, command: PostMessage | EditMessage | DeleteMessage) -> MessageView:
        (outcome,) = self.post_many([Send(sender_id=actor.account_id, command=command)])
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome.message

    def post_many(self, sends: Sequence[Send]) -> list[Posted | Refusal]:
        """
        Store a batch in one transaction and return, in its order, what became of each.

        An event that was sent before is answered as it was stored, with
        ``duplicate``. Refusals concern one send each; anything that stops the
        whole batch is raised, and then nothing of it is stored.

        Raises:
            Contended, Unavailable: If the storage is away.
        """
        return self.write_many(sends, {})[0]

    @rerun
    def write_many(
        self, sends: Sequence[Send], marks: Mapping[Mark, int]
    ) -> tuple[list[Posted | Refusal], dict[Mark, int]]:
        """
        Store messages, and read marks with them, in one transaction.

        Returns:
            What became of each message, as :meth:`post_many` says; and where the
            marks of members stand now, none beyond ``last_seq`` and none moved
            back. Strangers have no mark and are left out.
        Raises:
            Contended, Unavailable: If the storage is away.
        """
        if not sends and not marks:
            return [], {}
        with self._context.storage.begin() as work:
            ids = {send.command.conversation_id for send in sends} | {id for id, _ in marks}
            locked = work.conversations.lock(sorted(ids))
            members = work.conversations.members_of(list(locked))
            written = write(self._context, work, sends, locked, members)
            last = {id: conversation.last_seq for id, conversation in locked.items()}
            last.update((message.conversation_id, message.seq) for message in written.fresh)
            standing, moved = _move(marks, members, last)
            by_itself = written.marks
            work.conversations.mark_read(
                {key: max(by_itself.get(key, 0), moved.get(key, 0)) for key in by_itself | moved}
            )
            if written.fresh or moved:
                hint = ChatHint(
                    messages=tuple(MessageView.of(m) for m in written.fresh),
                    marks=tuple(
                        MovedMark(conversation_id=id, account_id=account_id, seq=seq)
                        for (id, account_id), seq in moved.items()
                    ),
                )
                work.after_commit.append(lambda: self._hint(hint))
            work.commit()
        return written.outcomes, standing

    def mark_read(self, actor: Actor, command: MarkRead) -> ReadMarkView:
        """
        Move one's read mark forwards, at most to the last message; return where it stands.

        Raises:
            NotFound: If the actor is no member.
        """
        key = (command.conversation_id, actor.account_id)
        _, standing = self.write_many((), {key: command.seq})
        if key not in standing:
            raise NotFound(kind="conversation", id=command.conversation_id)
        return ReadMarkView(conversation_id=command.conversation_id, seq=standing[key])

    def _hint(self, hint: ChatHint) -> None:
        self._broadcast.publish(CHANNEL, wire.dumps(hint))

    # ── reading ──

    def conversations(self, actor: Actor) -> ConversationPage:
        """Return one's conversations, newest first, at most 200."""
        with self._context.read() as work:
            found = work.conversations.of_account(actor.account_id, limit=LISTED_MAX)
        return ConversationPage(items=tuple(_listed(listing) for listing in found))

    def history(self, actor: Actor, query: ReadHistory) -> HistoryView:
        """Return a slice of a conversation, in order: the newest, or those after or before a ``seq``."""
        with self._context.read() as work:
            self._access.conversation(work, actor, query.conversation_id)
            if query.after_seq is not None:
                found = work.messages.after(query.conversation_id, query.after_seq, limit=query.limit + 1)
                kept, has_more = _bounded(found[: query.limit], len(found) > query.limit)
                return HistoryView(events=kept, has_more=has_more)
            found = work.messages.before(query.conversation_id, query.before_seq, limit=query.limit + 1)
        newest_first = found[::-1]
        kept, has_more = _bounded(newest_first[: query.limit], len(found) > query.limit)
        return HistoryView(events=kept[::-1], has_more=has_more)

    def join(self, actor: Actor, conversation_id: UUID, after_seq: int | None) -> JoinedView:
        """
        Return where a conversation stands and what a listener missed after *after_seq*; nothing is missed with None.

        Raises:
            NotFound: If the actor is no member.
        """
        joined = self.sync(actor, {conversation_id: after_seq})[conversation_id]
        if isinstance(joined, Refusal):
            raise joined
        return joined

    def sync(self, actor: Actor, after: Mapping[UUID, int | None]) -> dict[UUID, JoinedView | NotFound]:
        """
        Join many conversations at once: each as :meth:`join` returns it, or its own refusal.

        Args:
            after: Each conversation with the last ``seq`` the device has.
        Returns:
            Events of 256 KiB in all, at least one where any are missing; who had
            no room has ``has_more``.
        """
        joined: dict[UUID, JoinedView | NotFound] = {}
        room = REPLY_BYTES_MAX
        with self._context.read() as work:
            pulses = {pulse.id: pulse for pulse in work.conversations.pulses(list(after))}
            members = work.conversations.members_of(list(pulses))
            for id, seq in after.items():
                pulse, present = pulses.get(id), members.get(id, ())
                if pulse is None or not any(m.account_id == actor.account_id and m.left_at is None for m in present):
                    joined[id] = NotFound(kind="conversation", id=id)
                    continue
                kept: tuple[MessageView, ...] = ()
                has_more = seq is not None and seq < pulse.last_seq
                if seq is not None and has_more and room > 0:
                    found = work.messages.after(id, seq, limit=REPLY_EVENTS_MAX + 1)
                    # the snapshot is the conversation's row; a message stored after it was read arrives live
                    inside = [m for m in found if m.seq <= pulse.last_seq]
                    is_first = room == REPLY_BYTES_MAX
                    more = len(inside) > REPLY_EVENTS_MAX
                    kept, has_more = _bounded(inside[:REPLY_EVENTS_MAX], more, room, at_least_one=is_first)
                    room -= sum(_size(event) for event in kept)
                joined[id] = JoinedView(
                    conversation_id=id,
                    state=pulse.state,
                    last_seq=pulse.last_seq,
                    read={str(m.account_id): m.read_seq for m in present if m.left_at is None},
                    events=kept,
                    has_more=has_more,
                )
        return joined

    def pulses(self, ids: Sequence[UUID]) -> Sequence[ConversationPulse]:
        """Return, for the sweep, where conversations stand; unknown ids are left out."""
        with self._context.read() as work:
            return work.conversations.pulses(ids)

    def members(self, ids: Sequence[UUID]) -> dict[UUID, frozenset[UUID]]:
        """Return, for the sweep, which accounts are members now."""
        with self._context.read() as work:
            found = work.conversations.members_of(ids)
        return {id: frozenset(m.account_id for m in members if m.left_at is None) for id, members in found.items()}

    def after(self, conversation_id: UUID, seq: int, *, limit: int = REPLY_EVENTS_MAX) -> tuple[MessageView, ...]:
        """Return what stands after *seq*, for the server's own gap filling: rights were checked on joining."""
        with self._context.read() as work:
            return tuple(MessageView.of(m) for m in work.messages.after(conversation_id, seq, limit=limit))

    def good_sessions(self, ids: Sequence[UUID]) -> frozenset[UUID]:
        """Return, for the sweep, which sessions are still good."""
        with self._context.read() as work:
            return work.sessions.good_among(ids, now=self._context.clock())


def _move(
    marks: Mapping[Mark, int], members: Mapping[UUID, Sequence[Member]], last: Mapping[UUID, int]
) -> tuple[dict[Mark, int], dict[Mark, int]]:
    """Return where the marks of members stand afterwards, and those of them that move."""
    standing: dict[Mark, int] = {}
    moved: dict[Mark, int] = {}
    for (id, account_id), seq in marks.items():
        mine = next((m for m in members.get(id, ()) if m.account_id == account_id and m.left_at is None), None)
        if mine is None:
            continue
        bounded = min(seq, last[id])
        standing[(id, account_id)] = max(bounded, mine.read_seq)
        if bounded > mine.read_seq:
            moved[(id, account_id)] = bounded
    return standing, moved


def _size(event: Message | MessageView) -> int:
    return len(event.body.encode()) + 300  # ids and instants around a body


def _bounded(
    found: Sequence[Message], has_more: bool, room: int = REPLY_BYTES_MAX, *, at_least_one: bool = True
) -> tuple[tuple[MessageView, ...], bool]:
    """Cut after *room* bytes, 256 KiB for a whole reply."""
    kept: list[MessageView] = []
    for message in found:
        room -= _size(message)
        if room < 0 and (kept or not at_least_one):
            return tuple(kept), True
        kept.append(MessageView.of(message))
    return tuple(kept), has_more


def _listed(listing: ConversationListing) -> ConversationView:
    conversation = listing.conversation
    return ConversationView(
        id=conversation.id,
        match_id=conversation.match_id,
        state=conversation.state,
        last_seq=conversation.last_seq,
        read_seq=listing.read_seq,
        unread=max(0, conversation.last_seq - listing.read_seq),
        with_name=listing.with_name,
        with_account_id=listing.with_account_id,
        with_left=listing.with_left,
    )
