"""
Who hears what in this process.

What comes before its turn is held for a fifth of a second, then what is missing
is read. A listener is one before its snapshot is read; live events wait for the
snapshot, and those that stand in it are dropped.

Everything here runs in the event loop's thread and never waits: reading and
time are handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final
from uuid import UUID

from coachhub_core.domain.chat import (
    REPLY_EVENTS_MAX,
    ConversationPulse,
    ConversationState,
    ConversationView,
    JoinedView,
    MessageView,
)
from coachhub_ws import frames
from coachhub_ws.company import Company
from coachhub_ws.limits import Monotonic
from coachhub_ws.streams import Hearer, Listening, Stream

HOLD_SECONDS: Final = 0.2
MARK_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 1.0
BEHIND_MAX: Final = 1_000  # messages that are read for everybody here; of more each client is told to ask

Key = tuple[UUID, UUID, UUID]
"""A message before it has a ``seq``: (conversation, sender, client_id)."""


class Listeners:
    """
    All streams of this process.

    Args:
        fill: Reads what stands after a ``seq`` and hands it to :meth:`filled`.
        introduce: Finds out about a conversation nobody here knows, and hands it to :meth:`introduced`.
        later: Runs an action after some seconds.
        delivered: Told how many messages were told by a fill, for the counters.
    """

    def __init__(
        self,
        *,
        fill: Callable[[UUID, int], None],
        introduce: Callable[[UUID], None],
        later: Callable[[float, Callable[[], None]], object],
        monotonic: Monotonic,
        delivered: Callable[[int], None] = lambda n: None,
    ) -> None:
        self._fill = fill
        self._introduce = introduce
        self._later = later
        self._monotonic = monotonic
        self._delivered = delivered
        self._company = Company()
        self._streams: dict[UUID, Stream] = {}
        self._heard_by: dict[Hearer, set[UUID]] = {}
        self._senders: dict[Key, Hearer] = {}
        self._due_marks: dict[tuple[UUID, UUID], int] = {}

    # ── coming and going ──

    def watch(self, hearer: Hearer, conversations: Iterable[ConversationView]) -> None:
        """Tell *hearer* ``unread`` of what its ``welcome`` lists."""
        for shown in conversations:
            stream = self._stream(shown.id)
            self._known(stream, shown.last_seq, shown.state)
            stream.reads[hearer.account_id] = max(shown.read_seq, stream.reads.get(hearer.account_id, 0))
            stream.watchers.add(hearer)
            self._company.met(
                stream, {hearer.account_id} if shown.with_left else {hearer.account_id, shown.with_account_id}
            )
            self._heard_by.setdefault(hearer, set()).add(shown.id)

    def begin(self, hearer: Hearer, conversation_id: UUID, load: object) -> None:
        """Make *hearer* a listener, before its snapshot is read: what happens meanwhile waits for it."""
        stream = self._stream(conversation_id)
        stream.listeners.setdefault(hearer, Listening()).waiting_for.add(load)
        self._heard_by.setdefault(hearer, set()).add(conversation_id)

    def joined(self, hearer: Hearer, load: object, view: JoinedView) -> None:
        """Let what waited since *load* follow its snapshot, which has been sent."""
        stream = self._streams.get(view.conversation_id)
        listening = stream.listeners.get(hearer) if stream is not None else None
        if stream is None or listening is None or load not in listening.waiting_for:
            return  # left meanwhile
        read = {UUID(account_id): seq for account_id, seq in view.read.items()}
        self._company.met(stream, read)
        for account_id, seq in read.items():
            if stream.reads.get(account_id, 0) > seq:  # moved since the snapshot, while this one was not told of marks
                hearer.push(frames.mark(stream.id, account_id, stream.reads[account_id]), is_hint=True)
            stream.reads[account_id] = max(seq, stream.reads.get(account_id, 0))
        self._known(stream, view.last_seq, view.state)  # while this one still waits: what follows is kept for it
        listening.waiting_for.discard(load)
        listening.after = max(view.last_seq, listening.after or 0)
        states, listening.states = listening.states, []
        for state in states:
            hearer.changed(stream.id, state)
            hearer.push(frames.state(stream.id, state))
        self._release(stream, hearer, listening)

    def refused(self, hearer: Hearer, load: object, conversation_id: UUID) -> None:
        """Joining failed: who listened before still does, who did not goes."""
        stream = self._streams.get(conversation_id)
        listening = stream.listeners.get(hearer) if stream is not None else None
        if stream is None or listening is None or load not in listening.waiting_for:
            return
        listening.waiting_for.discard(load)
        if listening.waiting_for:
            return
        if listening.after is None:
            self.leave(hearer, conversation_id)
        else:
            self._release(stream, hearer, listening)

    def leave(self, hearer: Hearer, conversation_id: UUID) -> None:
        """Let *hearer* listen no longer; ``unread`` still comes where it was listed."""
        stream = self._streams.get(conversation_id)
        if stream is None or stream.listeners.pop(hearer, None) is None:
            return
        if hearer not in stream.watchers:
            self._heard_by.get(hearer, set()).discard(conversation_id)
            self._drop_if_unheard(stream)

    def forget(self, hearer: Hearer) -> None:
        """Forget a connection that has ended."""
        self._company.forget(hearer)
        for id in self._heard_by.pop(hearer, ()):
            stream = self._streams[id]  # it stands as long as anybody hears of it
            stream.listeners.pop(hearer, None)
            stream.watchers.discard(hearer)
            self._drop_if_unheard(stream)

    def _stream(self, id: UUID) -> Stream:
        stream = self._streams.get(id)
        if stream is None:
            stream = self._streams[id] = Stream(id)
        return stream

    def _drop_if_unheard(self, stream: Stream) -> None:
        if not stream.listeners and not stream.watchers:
            self._streams.pop(stream.id, None)
            self._company.dropped(stream)

    def _known(self, stream: Stream, last_seq: int, state: ConversationState) -> None:
        if stream.last is None:
            stream.last, stream.state = last_seq, state
            stream.early = {seq: early for seq, early in stream.early.items() if seq > last_seq}
        stream.target = max(stream.target, last_seq)
        self._advance(stream)

    def _release(self, stream: Stream, hearer: Hearer, listening: Listening) -> None:
        if listening.waiting_for or listening.after is None:
            return
        held, listening.held = listening.held, {}
        expected = listening.after + 1
        for seq, frame in sorted(held.items()):
            if seq < expected:
                continue
            if seq > expected:  # told before this listener began, though its snapshot did not have it: a late replica
                hearer.push(frames.gap(stream.id, expected))
            if frame:  # its own message is known to it by its ack
                hearer.push(frame)
            expected = seq + 1
        if stream.last is not None and expected <= stream.last:
            hearer.push(frames.gap(stream.id, expected))
        listening.after = max(listening.after, expected - 1)

    # ── what is told ──

    def sending(self, key: Key, hearer: Hearer) -> None:
        """Remember who sends a message: whatever way it comes back, its own connection is not told."""
        self._senders[key] = hearer

    def sent(self, key: Key) -> None:
        """Forget who sent a message, once it has been delivered or refused."""
        self._senders.pop(key, None)

    def deliver(self, messages: Iterable[MessageView]) -> None:
        """Tell new messages, from whatever source; those told before are passed over."""
        touched: dict[UUID, Stream] = {}
        for message in messages:
            stream = self._streams.get(message.conversation_id)
            if stream is None:
                self._introduce(message.conversation_id)
            elif stream.last is None or message.seq > stream.last:
                key = (message.conversation_id, message.sender_id, message.client_id)
                _, sender = stream.early.get(message.seq, (None, None))  # it may come twice before its turn
                stream.early[message.seq] = (message, self._senders.get(key, sender))
                touched[stream.id] = stream
        for stream in touched.values():
            self._advance(stream)

    def _advance(self, stream: Stream) -> None:
        if stream.last is None:
            self._hold_back(stream)
            return
        before = stream.last
        while (found := stream.early.pop(stream.last + 1, None)) is not None:
            self._tell(stream, *found)
        if stream.last > before:
            self._tell_unread(stream)
        if stream.is_behind and not stream.is_timed and not stream.is_filling:
            stream.is_timed = True
            self._later(HOLD_SECONDS, lambda: self._overdue(stream))

    def _hold_back(self, stream: Stream) -> None:
        """Give those who wait for a snapshot what comes meanwhile; where the stream stands is not known yet."""
        for seq in sorted(stream.early):
            message, sender = stream.early[seq]
            frame = frames.event(message)
            for hearer, listening in stream.listeners.items():
                listening.held[seq] = b"" if hearer is sender else frame

    def _tell(self, stream: Stream, message: MessageView, sender: Hearer | None) -> None:
        stream.last = message.seq
        # what one has written one has read; and what was taken back leaves nothing to be read, as the core has it
        stream.reads[message.sender_id] = max(message.seq, stream.reads.get(message.sender_id, 0))
        if message.kind == "delete":
            stream.reads |= {id: message.seq for id, seq in stream.reads.items() if seq == message.seq - 1}
        if not stream.listeners:
            return
        frame = frames.event(message)
        for hearer, listening in list(stream.listeners.items()):
            if listening.waiting_for:
                listening.held[message.seq] = b"" if hearer is sender else frame
            elif hearer is not sender and (listening.after is None or message.seq > listening.after):
                hearer.push(frame)

    def _tell_unread(self, stream: Stream, account_id: UUID | None = None) -> None:
        for hearer in list(stream.watchers):
            if hearer in stream.listeners or (account_id is not None and hearer.account_id != account_id):
                continue
            last = stream.last or 0
            unread = max(0, last - stream.reads.get(hearer.account_id, 0))
            told = {"conversation_id": stream.id, "last_seq": last, "unread": unread}
            hearer.push(frames.framed(frames.push("unread", told)), is_hint=True)

    def mark(self, conversation_id: UUID, account_id: UUID, seq: int) -> None:
        """Tell that a member has read up to *seq*, at most once a second; the last one counts."""
        stream = self._streams.get(conversation_id)
        if stream is None or seq <= stream.reads.get(account_id, 0):
            return
        stream.reads[account_id] = seq
        key = (conversation_id, account_id)
        if key in self._due_marks:
            self._due_marks[key] = seq
            return
        wait = stream.pushed_at.get(account_id, -MARK_SECONDS) + MARK_SECONDS - self._monotonic()
        if wait <= 0:
            self._tell_mark(stream, account_id, seq)
        else:
            self._due_marks[key] = seq
            self._later(wait, lambda: self._mark_due(key))

    def _mark_due(self, key: tuple[UUID, UUID]) -> None:
        seq, stream = self._due_marks.pop(key), self._streams.get(key[0])
        if stream is not None:
            self._tell_mark(stream, key[1], seq)

    def _tell_mark(self, stream: Stream, account_id: UUID, seq: int) -> None:
        stream.pushed_at[account_id] = self._monotonic()
        frame = frames.mark(stream.id, account_id, seq)
        for hearer in stream.settled:
            hearer.push(frame, is_hint=True)
        self._tell_unread(stream, account_id)

    def typing(self, conversation_id: UUID, sender: Hearer, *, is_on: bool) -> None:
        """Tell the other listeners that somebody types."""
        stream = self._streams.get(conversation_id)
        if stream is None or sender not in stream.listeners:
            return
        told = {"conversation_id": conversation_id, "account_id": sender.account_id, "on": is_on}
        frame = frames.framed(frames.push("typing", told))
        for hearer in stream.settled:
            if hearer is not sender:
                hearer.push(frame, is_hint=True)

    def present(self, account_id: UUID, is_online: bool) -> None:
        """Tell those who talk with an account that it came or went."""
        self._company.present(account_id, is_online)

    def ask_presence(self, hearer: Hearer, account_ids: Collection[UUID]) -> set[UUID]:
        """Tell *hearer* of these from now on; return whose presence it may know."""
        return self._company.ask(hearer, account_ids)

    # ── gaps ──

    def _overdue(self, stream: Stream) -> None:
        stream.is_timed = False
        self._catch_up(stream)

    def _catch_up(self, stream: Stream) -> None:
        if stream.is_behind and not stream.is_filling and stream.last is not None and stream.id in self._streams:
            stream.is_filling = True
            self._fill(stream.id, stream.last)

    def filled(self, conversation_id: UUID, messages: Sequence[MessageView] | None) -> None:
        """Take what a fill has read, in order; None where it failed and is to be tried again."""
        stream = self._streams.get(conversation_id)
        if stream is None or stream.last is None:
            return
        stream.is_filling = False
        fresh = [message for message in messages or () if message.seq > stream.last]
        self._delivered(len(fresh))
        self.deliver(fresh)
        if not stream.is_behind:
            return
        if fresh and len(fresh) >= REPLY_EVENTS_MAX:
            if stream.n_behind > BEHIND_MAX:  # so far that a client reads it better page by page
                self._skip(stream)
            else:
                self._catch_up(stream)
        elif not stream.is_timed:
            stream.is_timed = True
            self._later(RETRY_SECONDS, lambda: self._overdue(stream))

    def _skip(self, stream: Stream) -> None:
        if stream.last is None:
            return
        frame = frames.gap(stream.id, stream.last + 1)
        stream.last += stream.n_behind
        stream.early.clear()
        for hearer, listening in list(stream.listeners.items()):
            if not listening.waiting_for:  # else its own snapshot says what is missing
                hearer.push(frame)
        self._tell_unread(stream)

    # ── the sweep ──

    @property
    def ids(self) -> list[UUID]:
        """Every conversation that somebody here hears of."""
        return list(self._streams)

    @property
    def n_listeners(self) -> int:
        """How many listen, counted once per conversation."""
        return sum(len(stream.listeners) for stream in self._streams.values())

    def pulse(self, pulse: ConversationPulse) -> bool:
        """
        Compare with what the table says; what differs is read and told.

        Returns:
            Whether the members may have changed, so that they should be read.
        """
        stream = self._streams.get(pulse.id)
        if stream is None or stream.last is None:
            return False
        if pulse.state != stream.state:
            stream.state = pulse.state
            frame = frames.state(pulse.id, pulse.state)
            for hearer in stream.admitted:
                hearer.changed(pulse.id, pulse.state)
                hearer.push(frame)
            for hearer, listening in stream.listeners.items():
                if listening.after is None and hearer not in stream.watchers:
                    listening.states.append(pulse.state)
        stream.target = max(stream.target, pulse.last_seq)
        self._catch_up(stream)
        return pulse.members_version != stream.members_version

    def members(self, pulse: ConversationPulse, account_ids: Collection[UUID]) -> None:
        """Part with those who are members no longer, as of *pulse*."""
        conversation_id = pulse.id
        stream = self._streams.get(conversation_id)
        if stream is None:
            return
        stream.members_version = pulse.members_version
        self._company.now(stream, account_ids)
        frame = frames.framed(frames.push("left", {"conversation_id": conversation_id}))
        for hearer in stream.admitted:  # who waits for a first snapshot is told by that whether they may listen
            if hearer.account_id not in account_ids:
                stream.watchers.discard(hearer)
                stream.listeners.pop(hearer, None)
                self._heard_by.get(hearer, set()).discard(conversation_id)
                hearer.left(conversation_id)
                hearer.push(frame)
        self._drop_if_unheard(stream)

    def introduced(self, pulse: ConversationPulse, members: Collection[UUID], watchers: Iterable[Hearer]) -> None:
        """Let members who are connected hear of a conversation that began after their ``welcome``."""
        for hearer in watchers:
            stream = self._stream(pulse.id)
            self._company.met(stream, members)
            stream.watchers.add(hearer)
            self._heard_by.setdefault(hearer, set()).add(pulse.id)
            self._known(stream, pulse.last_seq, pulse.state)
        if (known := self._streams.get(pulse.id)) is not None:
            self._tell_unread(known)
