"""Two people talk over real sockets; links are cut, and nothing is lost."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from ws_parts import Door, Pair, a_message, a_pair, person, serving

import coachhub_sqlalchemy
from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.config import Auth, Chat, Engine, Limits, Settings
from coachhub_core.domain.chat import MarkRead, PostMessage, ReadHistory
from coachhub_core.domain.matches import EndMatch
from coachhub_core.hookspecs import hookimpl
from coachhub_core.memory.broadcast import MemoryBroadcast
from coachhub_core.ports.offers import BroadcastOffer
from coachhub_demo.chat_client import ChatClient, ChatRefused


def post(hub: CoachHub, pair: Pair, body: str) -> int:
    """Say something as the trainee, over REST's way."""
    command = PostMessage(conversation_id=pair.conversation_id, client_id=uuid.uuid4(), body=body)
    return hub.chat.post(pair.trainee.actor, command).seq


async def test_a_message_reaches_the_other_side_and_ones_own_other_device(door: Door, pair: Pair) -> None:
    """It is acknowledged once it is stored, with its place in the log."""
    id = pair.conversation_id
    phone, laptop = await door.device(pair.trainee, id), await door.device(pair.trainee, id)
    coach = await door.device(pair.coach, id)
    client_id = uuid.uuid4()
    ack = await phone.say(id, "hello 🏃", client_id)
    assert (ack["seq"], ack["duplicate"]) == (1, False)
    for device in (laptop, coach):
        message = await device.push("message")
        assert message["body"] == "hello 🏃"
        assert message["seq"] == 1
        assert message["client_id"] == str(client_id)
        assert message["sender_id"] == str(pair.trainee.id)
        assert message["created_at"] == ack["created_at"]
    assert await phone.quiet() == []
    again = await laptop.say(id, "hello 🏃", client_id)
    assert again == {**ack, "duplicate": True}
    refused = await phone.refusal("send_message", a_message(id, "another", client_id))
    assert refused["code"] == "client_id_conflict"
    assert await coach.quiet() == []


async def test_an_edit_and_a_deletion_reach_everybody_and_who_comes_later(door: Door, pair: Pair) -> None:
    """Each as an event of its own; repeated, it is the same; another's message is not to be touched."""
    id = pair.conversation_id
    phone, laptop = await door.device(pair.trainee, id), await door.device(pair.trainee, id)
    coach = await door.device(pair.coach, id)
    await phone.say(id, "tomorow")
    about = {"conversation_id": str(id), "seq": 1}
    edit = {**about, "client_id": str(uuid.uuid4()), "body": "tomorrow"}
    ack = await phone.ack("edit_message", edit)
    assert (ack["seq"], ack["duplicate"]) == (2, False)
    for device in (laptop, coach):
        told = await device.push("message_edited")
        assert (told["seq"], told["kind"], told["ref_seq"], told["body"]) == (2, "edit", 1, "tomorrow")
        assert told["created_at"] == ack["created_at"]
    assert await laptop.ack("edit_message", edit) == {**ack, "duplicate": True}
    refused = await coach.refusal("delete_message", {**about, "client_id": str(uuid.uuid4())})
    assert refused["code"] == "forbidden"
    ack = await laptop.ack("delete_message", {**about, "client_id": str(uuid.uuid4())})
    for device in (phone, coach):
        told = await device.push("message_deleted")
        assert (told["seq"], told["kind"], told["ref_seq"], told["body"]) == (3, "delete", 1, "")
    refused = await phone.refusal("edit_message", {**edit, "client_id": str(uuid.uuid4())})
    assert refused["code"] == "not_found"
    late = await door.device(pair.coach)
    joined = await late.ack("join_chat", {"conversation_id": str(id), "after_seq": 0})
    assert [(e["kind"], e["ref_seq"], e["body"]) for e in joined["events"]] == [
        ("message", None, ""), ("edit", 1, ""), ("delete", 1, "")
    ]  # fmt: skip


async def test_text_survives_as_it_was_written(door: Door, pair: Pair) -> None:
    """Emoji, right to left, combining marks, newlines, controls, 8,000 characters that need four bytes each."""
    id = pair.conversation_id
    phone, coach = await door.device(pair.trainee, id), await door.device(pair.coach, id)
    for body in ("👩🏽‍🚀\n\tשלום  é \u0000 \\u0041 \"'", "🏃" * 8_000, " "):
        await phone.say(id, body)
        assert (await coach.push("message"))["body"] == body
    history = await coach.ack("history", {"conversation_id": str(id)})
    assert [e["body"][:1] for e in history["events"]] == ["👩", "🏃", " "]


async def test_history_is_what_rest_shows(door: Door, pair: Pair, hub: CoachHub) -> None:
    id = pair.conversation_id
    for number in range(1, 6):
        post(hub, pair, f"number {number}")
    coach = await door.device(pair.coach)
    page = await coach.ack("history", {"conversation_id": str(id), "after_seq": 1, "limit": 2})
    assert [e["seq"] for e in page["events"]] == [2, 3]
    assert page["has_more"] is True
    page = await coach.ack("history", {"conversation_id": str(id), "before_seq": 3})
    assert [e["seq"] for e in page["events"]] == [1, 2]
    assert page["has_more"] is False
    shown = hub.chat.history(pair.coach.actor, ReadHistory(conversation_id=id, before_seq=3)).events[0]
    assert page["events"][0]["created_at"] == shown.created_at.isoformat().replace("+00:00", "Z")
    assert page["events"][0]["body"] == shown.body


async def test_welcome_lists_what_is_unread_and_marks_move_the_badge(door: Door, pair: Pair, hub: CoachHub) -> None:
    id = pair.conversation_id
    post(hub, pair, "one")
    phone = await door.connect()
    welcome = await phone.ask("auth", {"token": pair.coach.token})
    assert welcome["data"]["conversations"] == [
        {"id": str(id), "state": "open", "last_seq": 1, "read_seq": 0, "unread": 1}
    ]
    laptop, trainee = await door.device(pair.coach), await door.device(pair.trainee, id)
    await trainee.say(id, "two")
    assert await phone.push("unread") == {"conversation_id": str(id), "last_seq": 2, "unread": 2}
    assert await phone.ack("read", {"conversation_id": str(id), "seq": 99}) == {"seq": 2}
    assert await trainee.push("read") == {"conversation_id": str(id), "account_id": str(pair.coach.id), "seq": 2}
    assert (await laptop.push("unread"))["unread"] == 2
    assert (await laptop.push("unread"))["unread"] == 0
    assert await phone.ack("read", {"conversation_id": str(id), "seq": 1}) == {"seq": 2}


async def test_typing_is_seen_by_the_others(door: Door, pair: Pair) -> None:
    id = pair.conversation_id
    phone, coach = await door.device(pair.trainee, id), await door.device(pair.coach, id)
    await phone.ack("typing", {"conversation_id": str(id), "on": True})
    told = {"conversation_id": str(id), "account_id": str(pair.trainee.id), "on": True}
    assert await coach.push("typing") == told
    await phone.ack("typing", {"conversation_id": str(id), "on": False})
    assert await coach.push("typing") == {**told, "on": False}
    assert await phone.quiet() == []


async def test_other_peoples_conversations_do_not_exist(door: Door, pair: Pair, hub: CoachHub) -> None:
    """Every way of asking gets the same answer as for an id that nobody has."""
    stranger = await door.device(person(hub))
    id = str(pair.conversation_id)
    for type_, data in (
        ("join_chat", {"conversation_id": id}),
        ("send_message", a_message(pair.conversation_id, "hi")),
        ("history", {"conversation_id": id}),
        ("read", {"conversation_id": id, "seq": 1}),
        ("typing", {"conversation_id": id, "on": True}),
    ):
        assert (await stranger.refusal(type_, data))["code"] == "not_found"
    told = await stranger.ack("sync", {id: 0})
    assert told[id]["error"]["code"] == "not_found"
    await (await door.device(pair.trainee)).say(pair.conversation_id, "not for you")
    assert await stranger.quiet() == []


async def test_a_conversation_begun_after_the_welcome_is_heard_of(door: Door, hub: CoachHub) -> None:
    """A coach who is connected learns of the first message in a match accepted a moment ago."""
    old = a_pair(hub)
    coach = await door.device(old.coach)
    hub.matches.end(old.trainee.actor, EndMatch(match_id=old.match_id))
    new = a_pair(hub)
    fresh = await door.device(new.trainee)
    door.node.listeners.forget(await door.connection(new.trainee))  # as if its welcome had been before the match
    post(hub, new, "hello")
    assert (await fresh.push("unread"))["last_seq"] == 1
    assert "unread" not in await coach.quiet()


# ── what other processes do, found by the sweep ─────────────────────────────


@pytest.fixture
def folder(tmp_path: Path) -> Settings:
    """Settings of one SQLite file that two hubs share."""
    return Settings(data=tmp_path, auth=Auth(bcrypt_cost=10), limits=Limits(login=0, register=0, general=0))


@pytest.fixture
def elsewhere(folder: Settings) -> Iterator[CoachHub]:
    """The hub of another process on the same file: it shares no bus."""
    with bootstrap(folder) as hub:
        yield hub


async def test_what_is_posted_over_rest_is_on_the_socket_within_two_seconds(
    folder: Settings, elsewhere: CoachHub
) -> None:
    pair = a_pair(elsewhere)
    with bootstrap(folder) as here:
        async with serving(here) as door:
            listener = await door.device(pair.coach, pair.conversation_id)
            watcher = await door.device(pair.coach)
            for number in (1, 2):
                await asyncio.to_thread(post, elsewhere, pair, f"number {number}")
                message = await listener.push("message", timeout=2)
                assert (message["seq"], message["body"]) == (number, f"number {number}")
            assert (await watcher.push("unread", timeout=2))["last_seq"] >= 1


class DeafBus(MemoryBroadcast):
    """A bus between processes whose connection stands, and on which nothing is ever heard."""

    reaches_other_processes = True

    def publish(self, channel: str, payload: bytes) -> None:
        """Take it; nobody is told."""


class DeafBusPlugin:
    """Offers it."""

    @hookimpl
    def coachhub_broadcasts(self) -> dict[str, BroadcastOffer]:
        return {"deaf": BroadcastOffer(make=lambda _: DeafBus(), version="1")}


async def test_beside_a_bus_that_is_deaf_it_is_swept_each_second(folder: Settings, elsewhere: CoachHub) -> None:
    """A process that does not hear itself on its bus looks into the table as one without a bus does."""
    pair = a_pair(elsewhere)
    deaf = attrs.evolve(folder, broadcast=Engine(engine="deaf"))
    with bootstrap(deaf, [coachhub_sqlalchemy, DeafBusPlugin()]) as here:
        assert here.broadcast.reaches_other_processes
        async with serving(here) as door:
            listener = await door.device(pair.coach, pair.conversation_id)
            for number in range(1, 4):  # the far sweep, every five seconds, would be too late for at least one
                await asyncio.to_thread(post, elsewhere, pair, f"number {number}")
                assert (await listener.push("message", timeout=2))["seq"] == number


async def test_what_ends_elsewhere_ends_here(folder: Settings, elsewhere: CoachHub) -> None:
    """A logout closes within a second; the end of a match and a grant taken back are told."""
    pair = a_pair(elsewhere)
    with bootstrap(folder) as here:
        async with serving(here) as door:
            coach = await door.device(pair.coach, pair.conversation_id)
            trainee = await door.device(pair.trainee, pair.conversation_id)
            chat = next(g for g in elsewhere.trainees.grants(pair.trainee.actor).items if g.scope == "chat")
            elsewhere.trainees.revoke(pair.trainee.actor, chat.id)
            assert await coach.push("left", timeout=2) == {"conversation_id": str(pair.conversation_id)}
            assert (await coach.refusal("history", {"conversation_id": str(pair.conversation_id)}))[
                "code"
            ] == "not_found"
            elsewhere.matches.end(pair.trainee.actor, EndMatch(match_id=pair.match_id))
            told = await trainee.push("conversation", timeout=2)
            assert told == {"conversation_id": str(pair.conversation_id), "state": "read_only"}
            refused = await trainee.refusal("send_message", a_message(pair.conversation_id, "too late"))
            assert refused["code"] == "conversation.read_only"
            elsewhere.accounts.logout(pair.trainee.actor)
            assert await trainee.end(timeout=2) == 4403
            again = await door.connect()
            assert (await again.ask("auth", {"token": pair.trainee.token}))["data"]["code"] == "unauthorized"
            assert await again.end() == 4401


# ── the client rule ─────────────────────────────────────────────────────────


@pytest.fixture
def settings() -> Settings:
    return Settings.in_memory(chat=Chat(sends=0, frames_per_second=0))


async def test_who_joins_while_others_write_misses_nothing_and_gets_nothing_twice(door: Door, pair: Pair) -> None:
    """Join, leave and rejoin at random between 400 messages: the snapshot and what follows fit together."""
    id = pair.conversation_id
    writer = await door.device(pair.trainee)

    async def write() -> None:
        for number in range(1, 401):
            await writer.put("send_message", a_message(id, str(number)))
            if number % 20 == 0:
                await writer.ask("ping")

    async def listen() -> None:
        device = await door.device(pair.coach)
        seen: list[int] = []
        while len(seen) < 400:
            last = seen[-1] if seen else 0
            joined = await device.ack("join_chat", {"conversation_id": str(id), "after_seq": last})
            seen += [event["seq"] for event in joined["events"] if event["seq"] > last]
            more = joined["has_more"]
            while more:
                page = await device.ack("history", {"conversation_id": str(id), "after_seq": seen[-1]})
                seen += [event["seq"] for event in page["events"]]
                more = page["has_more"]
            for _ in range(20):
                if len(seen) >= 400:
                    break
                seq = (await device.push("message"))["seq"]
                if seq > seen[-1] if seen else True:
                    seen.append(seq)
            await device.ack("leave_chat", {"conversation_id": str(id)})
            device.pushed.clear()
        assert seen == list(range(1, 401))

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(write())
        for _ in range(3):
            tasks.create_task(listen())


async def test_a_cut_link_loses_nothing(door: Door, pair: Pair) -> None:
    """Both sides are cut again and again while they talk; each ends with the whole talk, in one order."""
    id = pair.conversation_id

    def talk(token: str, name: str, other: str) -> ChatClient:
        client = ChatClient(door.url, token, patience=20)
        with client:
            client.join(id)
            for number in range(30):
                client.send(id, f"{name} {number}")
                if number % 7 == 3:
                    client.cut()
            assert client.listen(lambda: f"{other} 29" in client.bodies(id) and len(client.bodies(id)) == 60)
        return client

    one, two = await asyncio.gather(
        asyncio.to_thread(talk, pair.trainee.token, "trainee", "coach"),
        asyncio.to_thread(talk, pair.coach.token, "coach", "trainee"),
    )
    assert one.bodies(id) == two.bodies(id)
    assert [body for body in one.bodies(id) if body.startswith("coach")] == [f"coach {n}" for n in range(30)]
    assert one.n_connects > 3


async def test_the_client_shows_what_is_said_now(door: Door, pair: Pair) -> None:
    """Edits take the place of what they change, what was taken back goes; also for who joins afterwards."""
    id = pair.conversation_id

    def talk() -> tuple[list[str], list[str], list[str]]:
        with ChatClient(door.url, pair.trainee.token) as sam, ChatClient(door.url, pair.coach.token) as kim:
            sam.join(id)
            kim.join(id)
            places = [sam.send(id, body)["seq"] for body in ("one", "too", "three")]
            sam.edit(id, places[1], "two")
            sam.cut()
            sam.delete(id, places[0])
            with pytest.raises(ChatRefused, match="forbidden"):
                kim.edit(id, places[1], "mine")
            assert kim.listen(lambda: kim.last_seq[str(id)] == 5)
            with ChatClient(door.url, pair.coach.token) as late:
                late.join(id)
                return sam.bodies(id), kim.bodies(id), late.bodies(id)

    assert await asyncio.to_thread(talk) == (["two", "three"],) * 3


async def test_the_client_says_why_a_message_will_never_be_stored(door: Door, pair: Pair, hub: CoachHub) -> None:
    hub.matches.end(pair.trainee.actor, EndMatch(match_id=pair.match_id))

    def try_it() -> str:
        with ChatClient(door.url, pair.trainee.token) as client:
            client.join(pair.conversation_id)
            with pytest.raises(ChatRefused) as refused:
                client.send(pair.conversation_id, "too late")
            return refused.value.error_code

    assert await asyncio.to_thread(try_it) == "conversation.read_only"


async def test_marks_moved_over_rest_are_told(door: Door, pair: Pair, hub: CoachHub) -> None:
    """The bus carries them inside one process; the table is the truth."""
    id = pair.conversation_id
    post(hub, pair, "hello")
    trainee = await door.device(pair.trainee, id)
    hub.chat.mark_read(pair.coach.actor, MarkRead(conversation_id=id, seq=1))
    assert (await trainee.push("read"))["account_id"] == str(pair.coach.id)
