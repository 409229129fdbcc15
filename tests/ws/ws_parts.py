"""What the chat tests share: two people with a conversation, a server, and a bare client that hides nothing."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import attrs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from coachhub_core.bootstrap import CoachHub
from coachhub_core.config import Settings
from coachhub_core.domain.accounts import Actor, Register, SignedIn
from coachhub_core.domain.coaches import CreateCoach
from coachhub_core.domain.matches import AcceptMatch, RequestMatch
from coachhub_core.domain.trainees import ChangeTrainee
from coachhub_ws.chat_server import ChatServer
from coachhub_ws.connection import Connection
from coachhub_ws.node import Node
from coachhub_ws.starting import listen

PASSWORD = "three green bicycles at dawn"
_numbers = itertools.count(1)


@attrs.frozen
class Person:
    """Somebody who is logged in."""

    actor: Actor
    token: str

    @property
    def id(self) -> UUID:
        return self.actor.account_id


@attrs.frozen
class Pair:
    """A coach and a trainee whose match is active, and what they may talk in."""

    coach: Person
    trainee: Person
    match_id: UUID
    conversation_id: UUID


def person(hub: CoachHub, role: Literal["coach", "trainee"] = "trainee") -> Person:
    """Register somebody new."""
    number = next(_numbers)
    command = Register(email=f"chatter{number}@example.org", password=PASSWORD, role=role, name=f"Chatter {number}")
    signed: SignedIn = hub.accounts.register(command)
    return Person(hub.accounts.authenticate(hub.tokens.verify(signed.access_token)), signed.access_token)


def renewed(hub: CoachHub, who: Person) -> Person:
    """Return the same person, as they act after their profile was made."""
    return Person(hub.accounts.authenticate(hub.tokens.verify(who.token)), who.token)


def a_pair(hub: CoachHub) -> Pair:
    """Bring a coach and a trainee together."""
    coach, trainee = person(hub, "coach"), person(hub)
    profile = hub.coaches.create(
        coach.actor,
        CreateCoach(
            specialties=("strength",), pricing=Decimal(50), bio="I help people to lift what they thought they cannot."
        ),
    )
    coach = renewed(hub, coach)
    hub.trainees.change(trainee.actor, ChangeTrainee(goal="carry my own suitcase"))
    match = hub.matches.request(trainee.actor, RequestMatch(coach_id=profile.id))
    match = hub.matches.accept(coach.actor, AcceptMatch(match_id=match.id))
    assert match.conversation_id is not None
    return Pair(coach, trainee, match.id, match.conversation_id)


class Device:
    """A client that shows every frame; it neither repairs nor repeats anything."""

    def __init__(self, ws: ClientConnection) -> None:
        self.ws = ws
        self._ids = itertools.count(1)
        self._pushes: list[dict[str, Any]] = []
        self._replies: dict[str, dict[str, Any]] = {}

    async def put(self, type_: str, data: dict[str, Any] | None = None) -> str:
        """Send a request and return its id."""
        request_id = str(next(self._ids))
        envelope = {"type": type_, "id": request_id, **({} if data is None else {"data": data})}
        await self.ws.send(json.dumps(envelope, ensure_ascii=False))  # else 8,000 emoji fit no frame
        return request_id

    async def reply(self, request_id: str, timeout: float = 10) -> dict[str, Any]:
        """Return the one reply to a request."""
        async with asyncio.timeout(timeout):
            while request_id not in self._replies:
                await self._take()
        return self._replies.pop(request_id)

    async def ask(self, type_: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request and return its whole reply."""
        return await self.reply(await self.put(type_, data))

    async def ack(self, type_: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request that is granted and return what its reply says."""
        reply = await self.ask(type_, data)
        assert reply["type"] == "ack", reply
        return dict(reply["data"])

    async def refusal(self, type_: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request that is refused and return why."""
        reply = await self.ask(type_, data)
        assert reply["type"] == "error", reply
        return dict(reply["data"])

    async def say(self, conversation_id: UUID, body: str, client_id: UUID | None = None) -> dict[str, Any]:
        """Send a message and return its acknowledgement."""
        return await self.ack("send_message", a_message(conversation_id, body, client_id))

    async def push(self, type_: str, timeout: float = 10) -> dict[str, Any]:
        """Return the next push of *type_*, passing over others."""
        async with asyncio.timeout(timeout):
            while True:
                for index, frame in enumerate(self._pushes):
                    if frame["type"] == type_:
                        del self._pushes[index]
                        return dict(frame["data"])
                await self._take()

    async def end(self, timeout: float = 10) -> int:
        """Return the code with which the server closes; what it says before is kept."""
        async with asyncio.timeout(timeout):
            try:
                while True:
                    await self._take()
            except ConnectionClosed as exc:
                return exc.rcvd.code if exc.rcvd is not None else 1006

    @property
    def pushed(self) -> list[dict[str, Any]]:
        """Pushes that nobody asked for yet."""
        return self._pushes

    async def quiet(self) -> list[str]:
        """Return the types of all pushes that came before the answer to a ping, but for who came and went."""
        reply = await self.ask("ping")
        assert reply["type"] == "pong"
        return [frame["type"] for frame in self._pushes if frame["type"] != "presence"]

    async def _take(self) -> None:
        frame = json.loads(await self.ws.recv())
        if "id" in frame:
            self._replies[frame["id"]] = frame
        else:
            self._pushes.append(frame)


def a_message(conversation_id: UUID, body: str, client_id: UUID | None = None) -> dict[str, Any]:
    """Return the data of a send."""
    return {"conversation_id": str(conversation_id), "client_id": str(client_id or uuid.uuid4()), "body": body}


@attrs.define
class Door:
    """A chat server in this process."""

    hub: CoachHub
    server: ChatServer
    devices: list[Device] = attrs.field(factory=list)

    @property
    def node(self) -> Node:
        assert self.server.node is not None
        return self.server.node

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.server.port}/ws/v1"

    async def connect(self, **more: Any) -> Device:
        """Open a socket and say nothing yet."""
        options: dict[str, Any] = {"subprotocols": ["coachhub.chat.v1"], "compression": None, "proxy": None, **more}
        device = Device(await connect(self.url, **options))
        self.devices.append(device)
        return device

    async def device(self, who: Person, *joined: UUID, **more: Any) -> Device:
        """Open a socket for somebody, and join conversations."""
        device = await self.connect(**more)
        welcome = await device.ask("auth", {"token": who.token})
        assert welcome["type"] == "welcome", welcome
        for id in joined:
            await device.ack("join_chat", {"conversation_id": str(id)})
        return device

    async def connection(self, who: Person) -> Connection:
        """Return the server's side of somebody's only connection."""
        (found,) = (c for c in self.node.connections if c.protocol.has_actor and c.account_id == who.id)
        return found


@asynccontextmanager
async def serving(hub: CoachHub, *, after_commit: Callable[[], None] = lambda: None) -> AsyncIterator[Door]:
    """Serve *hub* on a free port."""
    server = ChatServer(hub.settings, listen_anywhere(hub.settings), after_commit=after_commit)
    await server.listen()
    server.open(hub)
    door = Door(hub, server)
    try:
        yield door
    finally:
        for device in door.devices:
            device.ws.transport.abort()
        await server.stop()
        await server.close()


def listen_anywhere(settings: Settings) -> socket.socket:
    """Return a socket on a free port, made as the server makes its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return listen(attrs.evolve(settings, chat=attrs.evolve(settings.chat, port=port)))
