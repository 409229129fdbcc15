"""Repositories of the room *chat*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from coachhub_core.domain.chat import Conversation, ConversationPulse, ConversationState, Member, Message
from coachhub_core.ports.storage import ConversationListing
from coachhub_sqlalchemy.later import later
from coachhub_sqlalchemy.mapping import Repository, RowMapping
from coachhub_sqlalchemy.tables.accounts import users
from coachhub_sqlalchemy.tables.chat import conversation_members, conversations, messages

CONVERSATIONS = RowMapping(Conversation, conversations)
MEMBERS = RowMapping(Member, conversation_members)
MESSAGES = RowMapping(Message, messages)

_C, _M, _E = conversations.c, conversation_members.c, messages.c

_LOCK = (
    sa.select(*CONVERSATIONS.selected)
    .where(_C.id.in_(sa.bindparam("the_ids", expanding=True)))
    .order_by(_C.id)
    .with_for_update()
)
_PULSES = sa.select(_C.id, _C.last_seq, _C.state, _C.members_version).where(
    _C.id.in_(sa.bindparam("the_ids", expanding=True))
)
_MEMBERS_OF = (
    sa.select(*MEMBERS.selected)
    .where(_M.conversation_id.in_(sa.bindparam("the_ids", expanding=True)))
    .order_by(_M.conversation_id, _M.account_id)
)
_AFTER = (
    sa.select(*MESSAGES.selected)
    .where(_E.conversation_id == sa.bindparam("the_id"), _E.seq > sa.bindparam("the_seq"))
    .order_by(_E.seq)
    .limit(sa.bindparam("the_limit"))
)
_BEFORE = (
    sa.select(*MESSAGES.selected)
    .where(_E.conversation_id == sa.bindparam("the_id"), _E.seq < sa.bindparam("the_seq"))
    .order_by(_E.seq.desc())
    .limit(sa.bindparam("the_limit"))
)
_INSERT = sa.insert(messages)
_SET_LAST = sa.update(conversations).where(_C.id == sa.bindparam("the_id")).values(last_seq=sa.bindparam("the_seq"))
_MARK = (
    sa.update(conversation_members)
    .where(
        _M.conversation_id == sa.bindparam("the_id"),
        _M.account_id == sa.bindparam("the_account"),
        _M.read_seq < sa.bindparam("the_seq"),
    )
    .values(read_seq=sa.bindparam("the_seq"))
)
_SENT = sa.select(*MESSAGES.selected).where(
    _E.conversation_id.in_(sa.bindparam("the_conversations", expanding=True)),
    _E.client_id.in_(sa.bindparam("the_client_ids", expanding=True)),
)
_AT = sa.select(*MESSAGES.selected).where(
    _E.conversation_id.in_(sa.bindparam("the_conversations", expanding=True)),
    _E.seq.in_(sa.bindparam("the_seqs", expanding=True)),
)
_BLANK = (
    sa.update(messages)
    .where(
        _E.conversation_id == sa.bindparam("the_id"),
        _E.seq >= sa.bindparam("the_seq"),
        sa.or_(_E.seq == sa.bindparam("the_seq"), _E.ref_seq == sa.bindparam("the_seq")),
    )
    .values(body="")
)
_IS_SAID = sa.and_(_E.kind == "message", _E.body != "")  # neither an edit nor taken back


class SqlConversations(Repository[Conversation]):
    """Conversations and members."""

    mapping = CONVERSATIONS
    kind = "conversation"

    def add(self, conversation: Conversation, members: Sequence[UUID]) -> None:  # type: ignore[override]  # with members
        """Open a conversation between *members*."""
        later(self._connection, self._insert, self.mapping.to_row(conversation))
        rows = [
            MEMBERS.to_row(Member(conversation_id=conversation.id, account_id=account_id)) for account_id in members
        ]
        later(self._connection, sa.insert(conversation_members), rows)

    def find_by_match(self, match_id: UUID) -> Conversation | None:
        """Return the conversation of a match."""
        return self._one(sa.select(*CONVERSATIONS.selected).where(_C.match_id == match_id))

    def lock(self, ids: Sequence[UUID]) -> Mapping[UUID, Conversation]:  # type: ignore[override]  # many at once
        """Read and hold, in one order, so that two batches never cross."""
        rows = self._connection.execute(_LOCK, {"the_ids": sorted(ids)})
        return {c.id: c for c in (CONVERSATIONS.from_row(row) for row in rows)}

    def members(self, id: UUID) -> Sequence[Member]:
        """All of one conversation."""
        return self.members_of([id]).get(id, ())

    def members_of(self, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Member]]:
        """All of many conversations."""
        found: dict[UUID, list[Member]] = {}
        if ids:
            for row in self._connection.execute(_MEMBERS_OF, {"the_ids": list(ids)}):
                member = MEMBERS.from_row(row)
                found.setdefault(member.conversation_id, []).append(member)
        return found

    def set_state(self, match_id: UUID, state: ConversationState) -> None:
        """Open or close."""
        changed = sa.update(conversations).where(_C.match_id == match_id)
        later(self._connection, changed.values(state=state, members_version=_C.members_version + 1))

    def _bump(self, id: UUID) -> None:
        self._connection.execute(
            sa.update(conversations).where(_C.id == id).values(members_version=_C.members_version + 1)
        )

    def leave(self, id: UUID, account_id: UUID, *, at: datetime) -> None:
        """Take a member out."""
        self._connection.execute(
            sa.update(conversation_members)
            .where(_M.conversation_id == id, _M.account_id == account_id, _M.left_at.is_(None))
            .values(left_at=at)
        )
        self._bump(id)

    def rejoin(self, id: UUID, account_id: UUID) -> None:
        """Take a member back in."""
        self._connection.execute(
            sa.update(conversation_members)
            .where(_M.conversation_id == id, _M.account_id == account_id)
            .values(left_at=None)
        )
        self._bump(id)

    def mark_read(self, marks: Mapping[tuple[UUID, UUID], int]) -> None:
        """Only forwards."""
        rows = [
            {"the_id": conversation_id, "the_account": account_id, "the_seq": seq}
            for (conversation_id, account_id), seq in sorted(marks.items())
        ]
        if rows:
            self._connection.execute(_MARK, rows)

    def of_account(self, account_id: UUID, *, limit: int) -> Sequence[ConversationListing]:
        """Newest first, with the other side's name."""
        mine = conversation_members.alias("mine")
        theirs = conversation_members.alias("theirs")
        statement = (
            sa.select(*CONVERSATIONS.selected, mine.c.read_seq, theirs.c.account_id, users.c.name, theirs.c.left_at)
            .join_from(mine, conversations, mine.c.conversation_id == _C.id)
            .join(theirs, sa.and_(theirs.c.conversation_id == _C.id, theirs.c.account_id != mine.c.account_id))
            .join(users, users.c.id == theirs.c.account_id)
            .where(mine.c.account_id == account_id, mine.c.left_at.is_(None))
            .order_by(_C.id.desc())
            .limit(limit)
        )
        n = len(CONVERSATIONS)
        return [
            ConversationListing(
                conversation=CONVERSATIONS.from_row(row),
                read_seq=row[n],
                with_account_id=row[n + 1],
                with_name=row[n + 2],
                with_left=row[n + 3] is not None,
            )
            for row in self._connection.execute(statement)
        ]

    def pulses(self, ids: Sequence[UUID]) -> Sequence[ConversationPulse]:
        """By primary key, cheap for many."""
        if not ids:
            return []
        return [
            ConversationPulse(id=row[0], last_seq=row[1], state=row[2], members_version=row[3])
            for row in self._connection.execute(_PULSES, {"the_ids": list(ids)})
        ]


class SqlMessages:
    """Events of conversations."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, new: Sequence[Message], last_seqs: Mapping[UUID, int]) -> None:
        """One multi-row INSERT, one UPDATE per conversation touched in one call."""
        if new:
            self._connection.execute(_INSERT, [MESSAGES.to_row(message) for message in new])
        if last_seqs:
            self._connection.execute(
                _SET_LAST, [{"the_id": id, "the_seq": seq} for id, seq in sorted(last_seqs.items())]
            )

    def find_sent(self, keys: Sequence[tuple[UUID, UUID, UUID]]) -> Mapping[tuple[UUID, UUID, UUID], Message]:
        """Ask by the two selective columns, then keep the exact keys."""
        wanted = set(keys)
        found: dict[tuple[UUID, UUID, UUID], Message] = {}
        ordered = sorted(wanted)
        for start in range(0, len(ordered), 400):
            part = ordered[start : start + 400]
            parameters: dict[str, Any] = {
                "the_conversations": sorted({key[0] for key in part}),
                "the_client_ids": sorted({key[2] for key in part}),
            }
            for row in self._connection.execute(_SENT, parameters):
                message = MESSAGES.from_row(row)
                key = (message.conversation_id, message.sender_id, message.client_id)
                if key in wanted:
                    found[key] = message
        return found

    def find_at(self, places: Sequence[tuple[UUID, int]]) -> Mapping[tuple[UUID, int], Message]:
        """Ask by conversation and number, then keep the exact pairs."""
        wanted = set(places)
        found: dict[tuple[UUID, int], Message] = {}
        ordered = sorted(wanted)
        for start in range(0, len(ordered), 400):
            part = ordered[start : start + 400]
            parameters: dict[str, Any] = {
                "the_conversations": sorted({id for id, _ in part}),
                "the_seqs": sorted({seq for _, seq in part}),
            }
            for row in self._connection.execute(_AT, parameters):
                message = MESSAGES.from_row(row)
                if (message.conversation_id, message.seq) in wanted:
                    found[(message.conversation_id, message.seq)] = message
        return found

    def blank(self, places: Sequence[tuple[UUID, int]]) -> None:
        """Leave tombstones; an edit stands after what it changes, so no more than that is looked through."""
        if places:
            self._connection.execute(_BLANK, [{"the_id": id, "the_seq": seq} for id, seq in sorted(places)])

    def after(self, conversation_id: UUID, seq: int, *, limit: int) -> Sequence[Message]:
        """Forwards."""
        rows = self._connection.execute(_AFTER, {"the_id": conversation_id, "the_seq": seq, "the_limit": limit})
        return [MESSAGES.from_row(row) for row in rows]

    def before(self, conversation_id: UUID, seq: int | None, *, limit: int) -> Sequence[Message]:
        """Backwards, given forwards."""
        bound = seq if seq is not None else 2**62
        rows = self._connection.execute(_BEFORE, {"the_id": conversation_id, "the_seq": bound, "the_limit": limit})
        return [MESSAGES.from_row(row) for row in rows][::-1]

    def unanswered(self, account_id: UUID, *, before: datetime) -> Sequence[Message]:
        """Per open conversation the first message after this account's own last one."""
        mine = (
            sa.select(_E.conversation_id, sa.func.max(_E.seq).label("last"))
            .where(_E.sender_id == account_id, _IS_SAID)
            .group_by(_E.conversation_id)
            .subquery()
        )
        first = (
            sa.select(_E.conversation_id, sa.func.min(_E.seq).label("seq"))
            .join_from(messages, conversation_members, _M.conversation_id == _E.conversation_id)
            .join(conversations, sa.and_(_C.id == _E.conversation_id, _C.state == "open"))
            .outerjoin(mine, mine.c.conversation_id == _E.conversation_id)
            .where(
                _M.account_id == account_id,
                _M.left_at.is_(None),
                _E.sender_id != account_id,
                _IS_SAID,
                _E.seq > sa.func.coalesce(mine.c.last, 0),
            )
            .group_by(_E.conversation_id)
            .subquery()
        )
        rows = self._connection.execute(
            sa.select(*MESSAGES.selected)
            .join_from(messages, first, sa.and_(first.c.conversation_id == _E.conversation_id, first.c.seq == _E.seq))
            .where(_E.created_at < before)
            .order_by(_E.created_at)
        )
        return [MESSAGES.from_row(row) for row in rows]

    def sent_by(self, account_id: UUID) -> Sequence[Message]:
        """Everything an account wrote, in order."""
        rows = self._connection.execute(
            sa.select(*MESSAGES.selected).where(_E.sender_id == account_id).order_by(_E.conversation_id, _E.seq)
        )
        return [MESSAGES.from_row(row) for row in rows]

    def blank_sent_by(self, account_id: UUID) -> None:
        """Leave tombstones."""
        later(self._connection, sa.update(messages).where(_E.sender_id == account_id).values(body=""))
