"""Messages: dense numbers, one order, repeating without harm, only for the two."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.chat import MarkRead, Posted, PostMessage, ReadHistory, Send
from coachhub_core.domain.matches import EndMatch
from coachhub_core.domain.notifications import ListNotifications, MarkNotificationsRead
from coachhub_core.errors import ClientIdConflict, ConversationReadOnly, Invalid, NotFound
from coachhub_core.testing.story import House


def talk(house: House) -> tuple[Actor, Actor, UUID, UUID]:
    coach, sam = house.a_coach(), house.a_trainee()
    match = house.matched(sam, coach)
    assert match.conversation_id is not None
    return coach, sam, match.conversation_id, match.id


def said(house: House, actor: Actor, conversation_id: UUID, body: str = "hi", client_id: UUID | None = None) -> int:
    command = PostMessage(conversation_id=conversation_id, client_id=client_id or uuid4(), body=body)
    return house.hub.chat.post(actor, command).seq


def test_numbers_are_dense_and_texts_stay_as_they_were(house: House) -> None:
    """From 1, without holes, to the last code point."""
    coach, sam, talk_id, _ = talk(house)
    texts = ["\U0001f3c3\u200d\u2640\ufe0f", "\u0645\u0631\u062d\u0628\u0627", "e\u0301\n\r\n\t", "x" * 8_000, "\u0000"]
    assert [said(house, sam, talk_id, text) for text in texts] == [1, 2, 3, 4, 5]
    events = house.hub.chat.history(coach, ReadHistory(conversation_id=talk_id)).events
    assert [(e.seq, e.body, e.sender_id) for e in events] == [(n, t, sam.account_id) for n, t in enumerate(texts, 1)]


def test_sending_again_is_harmless_for_ever(house: House) -> None:
    """The same id is the same message, also after the end; with another body it is refused."""
    _, sam, talk_id, match_id = talk(house)
    client_id = uuid4()
    assert said(house, sam, talk_id, "once", client_id) == said(house, sam, talk_id, "once", client_id) == 1
    with pytest.raises(ClientIdConflict):
        said(house, sam, talk_id, "other", client_id)
    house.hub.matches.end(sam, EndMatch(match_id=match_id))
    assert said(house, sam, talk_id, "once", client_id) == 1
    with pytest.raises(ConversationReadOnly):
        said(house, sam, talk_id)


def test_a_batch_answers_each_in_its_order(house: House) -> None:
    """Twins inside it, strangers, and what is fine, side by side."""
    coach, sam, talk_id, _ = talk(house)
    stranger = house.a_trainee()
    twin = uuid4()

    def send(actor: Actor, body: str, client_id: UUID | None = None, to: UUID = talk_id, **more: int) -> Send:
        command = PostMessage(conversation_id=to, client_id=client_id or uuid4(), body=body, **more)
        return Send(sender_id=actor.account_id, command=command)

    outcomes = house.hub.chat.post_many(
        [
            send(sam, "a", twin),
            send(coach, "b"),
            send(sam, "a", twin),
            send(stranger, "c"),
            send(sam, "d", to=uuid4()),
            send(sam, "e", reply_to=99),
            send(sam, "f", reply_to=1),
        ]
    )
    shown = [(o.message.seq, o.duplicate) if isinstance(o, Posted) else type(o) for o in outcomes]
    assert shown == [(1, False), (2, False), (1, True), NotFound, NotFound, Invalid, (3, False)]
    assert house.hub.chat.post_many([]) == []


def test_many_writers_make_one_dense_order(house: House) -> None:
    """Two people, ten threads, a hundred messages."""
    coach, sam, talk_id, _ = talk(house)
    with ThreadPoolExecutor(10) as pool:
        seqs = list(pool.map(lambda n: said(house, sam if n % 2 else coach, talk_id, str(n)), range(100)))
    assert sorted(seqs) == list(range(1, 101))
    assert house.hub.storage.check().problems == ()


def test_history_pages_both_ways(house: House) -> None:
    """After a number, before a number, or the newest."""
    _, sam, talk_id, _ = talk(house)
    for n in range(1, 8):
        said(house, sam, talk_id, str(n))

    def page(**query: int) -> tuple[list[int], bool]:
        found = house.hub.chat.history(sam, ReadHistory(conversation_id=talk_id, **query))
        return [e.seq for e in found.events], found.has_more

    assert page(limit=3) == ([5, 6, 7], True)
    assert page(after_seq=2, limit=3) == ([3, 4, 5], True)
    assert page(after_seq=5) == ([6, 7], False)
    assert page(before_seq=3) == ([1, 2], False)
    with pytest.raises(ValueError, match="after_seq"):
        ReadHistory(conversation_id=talk_id, after_seq=1, before_seq=2)


def test_read_marks_only_grow(house: House) -> None:
    """And never beyond what is there; what one wrote one has read."""
    coach, sam, talk_id, _ = talk(house)
    for _ in range(3):
        said(house, sam, talk_id)
    assert [c.unread for c in house.hub.chat.conversations(sam).items] == [0]
    assert [c.unread for c in house.hub.chat.conversations(coach).items] == [3]
    assert house.hub.chat.mark_read(coach, MarkRead(conversation_id=talk_id, seq=2)).seq == 2
    assert house.hub.chat.mark_read(coach, MarkRead(conversation_id=talk_id, seq=1)).seq == 2
    assert house.hub.chat.mark_read(coach, MarkRead(conversation_id=talk_id, seq=99)).seq == 3
    joined = house.hub.chat.join(coach, talk_id, after_seq=1)
    assert (joined.last_seq, [e.seq for e in joined.events], joined.has_more) == (3, [2, 3], False)


def test_others_know_of_no_conversation(house: House) -> None:
    """Neither by reading nor by writing nor by marking."""
    _, _, talk_id, _ = talk(house)
    stranger = house.a_coach()
    for attempt in (
        lambda: house.hub.chat.history(stranger, ReadHistory(conversation_id=talk_id)),
        lambda: said(house, stranger, talk_id),
        lambda: house.hub.chat.mark_read(stranger, MarkRead(conversation_id=talk_id, seq=0)),
        lambda: house.hub.chat.join(stranger, talk_id, None),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert house.hub.chat.conversations(stranger).items == ()


def test_a_chat_grant_taken_back_takes_the_coach_out(house: House) -> None:
    """And given again lets them in again."""
    coach, sam, talk_id, _ = talk(house)
    grant = next(g for g in house.hub.trainees.grants(sam).items if g.scope == "chat")
    house.hub.trainees.revoke(sam, grant.id)
    with pytest.raises(NotFound):
        said(house, coach, talk_id)
    assert said(house, sam, talk_id) == 1
    from coachhub_core.domain.trainees import GiveGrant

    assert coach.coach_id is not None
    house.hub.trainees.grant(sam, GiveGrant(coach_id=coach.coach_id, scope="chat"))
    assert said(house, coach, talk_id) == 2


def test_an_unread_stretch_makes_one_notice(house: House) -> None:
    """Not one per message; reading begins a new one."""
    coach, sam, talk_id, _ = talk(house)

    def n_notices() -> int:
        found = house.hub.notifications.list(coach, ListNotifications(limit=100)).items
        return sum(n.type == "message" for n in found)

    for _ in range(5):
        said(house, sam, talk_id)
    assert n_notices() == 1
    house.hub.chat.mark_read(coach, MarkRead(conversation_id=talk_id, seq=5))
    said(house, sam, talk_id)
    assert n_notices() == 2
    page = house.hub.notifications.mark_read(coach, MarkNotificationsRead())
    assert page.n_unread == 0
