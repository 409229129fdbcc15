"""Edits and deletions: events of the same log, of one's own messages only; of what was taken back no word stays."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from test_chat_service import said, talk

from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.chat import DeleteMessage, EditMessage, Posted, PostMessage, ReadHistory, Send
from coachhub_core.domain.matches import EndMatch
from coachhub_core.domain.notifications import ListNotifications
from coachhub_core.errors import ClientIdConflict, ConversationReadOnly, Forbidden, NotFound
from coachhub_core.testing.story import House


def edit(house: House, actor: Actor, talk_id: UUID, seq: int, body: str, client_id: UUID | None = None) -> int:
    command = EditMessage(conversation_id=talk_id, seq=seq, client_id=client_id or uuid4(), body=body)
    return house.hub.chat.edit(actor, command).seq


def delete(house: House, actor: Actor, talk_id: UUID, seq: int, client_id: UUID | None = None) -> int:
    command = DeleteMessage(conversation_id=talk_id, seq=seq, client_id=client_id or uuid4())
    return house.hub.chat.delete(actor, command).seq


def log(house: House, actor: Actor, talk_id: UUID) -> list[tuple[int, str, int | None, str]]:
    events = house.hub.chat.history(actor, ReadHistory(conversation_id=talk_id)).events
    return [(e.seq, e.kind, e.ref_seq, e.body) for e in events]


def test_an_edit_leaves_a_trail_and_a_deletion_leaves_nothing(house: House) -> None:
    """Both are events with a number of their own; what was taken back is empty, and so are its edits."""
    coach, sam, talk_id, _ = talk(house)
    assert said(house, sam, talk_id, "tomorow") == 1
    assert said(house, coach, talk_id, "fine") == 2
    assert edit(house, sam, talk_id, 1, "tomorrow") == 3
    assert edit(house, sam, talk_id, 1, "tomorrow at 7") == 4
    assert log(house, coach, talk_id) == [
        (1, "message", None, "tomorow"),
        (2, "message", None, "fine"),
        (3, "edit", 1, "tomorrow"),
        (4, "edit", 1, "tomorrow at 7"),
    ]
    assert delete(house, sam, talk_id, 1) == 5
    assert log(house, coach, talk_id) == [
        (1, "message", None, ""),
        (2, "message", None, "fine"),
        (3, "edit", 1, ""),
        (4, "edit", 1, ""),
        (5, "delete", 1, ""),
    ]
    assert house.hub.storage.check().problems == ()


def test_only_ones_own_messages_and_only_while_they_are_there(house: House) -> None:
    """Another's is forbidden; an edit, a deletion, what is gone and what never was are not found."""
    coach, sam, talk_id, match_id = talk(house)
    stranger = house.a_trainee()
    said(house, sam, talk_id, "one")
    said(house, sam, talk_id, "two")
    edit(house, sam, talk_id, 1, "uno")
    deletion = delete(house, sam, talk_id, 2)
    for seq, who, refusal in (
        (1, coach, Forbidden),
        (1, stranger, NotFound),
        (2, sam, NotFound),
        (3, sam, NotFound),
        (deletion, sam, NotFound),
        (99, sam, NotFound),
    ):
        with pytest.raises(refusal):
            edit(house, who, talk_id, seq, "other")
        with pytest.raises(refusal):
            delete(house, who, talk_id, seq)
    house.hub.matches.end(sam, EndMatch(match_id=match_id))
    with pytest.raises(ConversationReadOnly):
        edit(house, sam, talk_id, 1, "after the end")


def test_repeating_is_harmless_and_one_id_is_one_thing(house: House) -> None:
    """Also after the words have gone; but an id stands for one event, of one kind, about one message."""
    _, sam, talk_id, _ = talk(house)
    first, changed, gone = uuid4(), uuid4(), uuid4()
    said(house, sam, talk_id, "one", first)
    said(house, sam, talk_id, "two")
    assert edit(house, sam, talk_id, 1, "uno", changed) == edit(house, sam, talk_id, 1, "uno", changed) == 3
    with pytest.raises(ClientIdConflict):
        edit(house, sam, talk_id, 1, "eins", changed)
    with pytest.raises(ClientIdConflict):
        edit(house, sam, talk_id, 2, "uno", changed)
    with pytest.raises(ClientIdConflict):
        said(house, sam, talk_id, "uno", changed)
    with pytest.raises(ClientIdConflict):
        delete(house, sam, talk_id, 1, first)
    assert delete(house, sam, talk_id, 1, gone) == delete(house, sam, talk_id, 1, gone) == 4
    assert edit(house, sam, talk_id, 1, "uno", changed) == 3
    assert said(house, sam, talk_id, "one", first) == 1
    with pytest.raises(ClientIdConflict):
        delete(house, sam, talk_id, 2, gone)


def test_one_batch_is_as_good_as_many(house: House) -> None:
    """Said, changed and taken back in one transaction, each judged by what stood before it."""
    coach, sam, talk_id, _ = talk(house)
    me = sam.account_id

    def post(body: str) -> Send:
        return Send(sender_id=me, command=PostMessage(conversation_id=talk_id, client_id=uuid4(), body=body))

    def change(seq: int) -> Send:
        command = EditMessage(conversation_id=talk_id, seq=seq, client_id=uuid4(), body="changed")
        return Send(sender_id=me, command=command)

    def take_back(seq: int) -> Send:
        return Send(sender_id=me, command=DeleteMessage(conversation_id=talk_id, seq=seq, client_id=uuid4()))

    sends = [change(1), post("one"), change(1), take_back(1), change(1), take_back(1), post("two")]
    outcomes = house.hub.chat.post_many(sends)
    shown = [o.message.seq if isinstance(o, Posted) else type(o) for o in outcomes]
    assert shown == [NotFound, 1, 2, 3, NotFound, NotFound, 4]
    assert [body for _, _, _, body in log(house, coach, talk_id)] == ["", "", "", "two"]


def test_what_is_taken_back_need_not_be_read(house: House) -> None:
    """Who had read everything has read everything still, and is told of what comes next; an edit is news."""
    coach, sam, talk_id, _ = talk(house)

    def unread() -> int:
        return house.hub.chat.conversations(coach).items[0].unread

    def told() -> int:
        page = house.hub.notifications.list(coach, ListNotifications())
        return sum(item.type == "message" for item in page.items)

    said(house, sam, talk_id, "one")
    house.hub.chat.write_many((), {(talk_id, coach.account_id): 1})
    assert (unread(), told()) == (0, 1)
    delete(house, sam, talk_id, 1)
    assert (unread(), told()) == (0, 1)
    said(house, sam, talk_id, "two")
    assert (unread(), told()) == (1, 2)
    delete(house, sam, talk_id, 3)  # the first unread one: what stands in the log is still to be looked at
    assert (unread(), told()) == (2, 2)
    house.hub.chat.write_many((), {(talk_id, coach.account_id): 4})
    said(house, coach, talk_id, "three")
    said(house, sam, talk_id, "four")
    house.hub.chat.write_many((), {(talk_id, coach.account_id): 6})
    edit(house, sam, talk_id, 6, "for")
    assert (unread(), told()) == (1, 4)


def test_nobody_owes_an_answer_to_what_was_taken_back(house: House) -> None:
    """Nor to an edit; and an answer that was taken back is none."""
    coach, sam, talk_id, _ = talk(house)

    def owed() -> list[int]:
        with house.hub.storage.begin(read_only=True) as work:
            later = house.hub.clock() + timedelta(days=3)
            return [m.seq for m in work.messages.unanswered(coach.account_id, before=later)]

    said(house, sam, talk_id, "are you there?")
    said(house, sam, talk_id, "hello?")
    assert owed() == [1]
    delete(house, sam, talk_id, 1)
    assert owed() == [2]
    answer = said(house, coach, talk_id, "yes")
    assert owed() == []
    edit(house, sam, talk_id, 2, "hello!")
    assert owed() == []
    delete(house, coach, talk_id, answer)
    assert owed() == [2]
