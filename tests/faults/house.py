"""A running CoachHub whose neighbours can be broken one by one: each stands behind a proxy of ours."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import attrs
from running import PASSWORD, Person, Running, started
from websockets.sync.client import ClientConnection, connect

from coachhub_core.bootstrap import bootstrap
from coachhub_core.config import Settings

from .proxy import Proxy
from .servers import Server, a_server, until

Engines = tuple[str, ...]
"""Which servers an instance is on: none of them is SQLite with everything in the process."""


@attrs.define(eq=False)
class Neighbour:
    """A server and the proxy before it."""

    server: Server
    proxy: Proxy


class Talk:
    """An open chat connection."""

    def __init__(self, port: int, token: str) -> None:
        self._opening = connect(
            f"ws://127.0.0.1:{port}/ws/v1",
            subprotocols=["coachhub.chat.v1"],  # type: ignore[list-item]  # a NewType of str there
            additional_headers={"Authorization": f"Bearer {token}"},
            open_timeout=8,
            close_timeout=1,
            ping_interval=None,  # a server that stands still is a part of the test
        )
        self._socket: ClientConnection = self._opening.__enter__()
        self.welcome = self._hear()
        assert self.welcome["type"] == "welcome", self.welcome

    def _hear(self) -> dict[str, Any]:
        heard: dict[str, Any] = json.loads(self._socket.recv(timeout=12))
        return heard

    def say(self, type_: str, **data: Any) -> dict[str, Any]:
        """Ask and return the reply."""
        id_ = uuid.uuid4().hex
        self._socket.send(json.dumps({"type": type_, "id": id_, "data": data}))
        while (heard := self._hear()).get("id") != id_:
            pass
        return heard

    def close(self) -> None:
        """End it; a server that hangs is not waited for."""
        with contextlib.suppress(Exception):  # whatever state it is in, it ends
            self._socket.close()


@attrs.define(eq=False)
class House:
    """An instance, its neighbours, and people who have lived in it for a while."""

    server: Running
    neighbours: dict[str, Neighbour]
    settings: dict[str, str]
    admin: Person
    coach: Person
    trainee: Person
    conversation_id: str
    plan_id: str
    suggestion_id: str
    talk: Talk

    @classmethod
    def furnish(cls, server: Running, neighbours: dict[str, Neighbour], settings: dict[str, str]) -> Self:
        """Let a coach and a trainee begin to work together, and somebody look after the house."""
        admin = _an_admin(server, settings)
        coach, trainee = server.coach(specialties=["marathon"], capacity=500), server.trainee()
        seen = trainee.ask("POST", "/api/coaches/match", {})
        assert seen.status in (200, 201), seen
        accepted = coach.ask("POST", f"/api/matches/{trainee.request(coach)}/accept")
        assert accepted.status == 200, accepted
        plan = coach.ask("POST", "/api/plans", {"title": "first weeks"})
        assert plan.status == 201, plan
        talk = Talk(server.chat_port, trainee.token)
        conversation_id = accepted.body["conversation_id"]
        assert talk.say("join_chat", conversation_id=conversation_id)["type"] == "ack"
        return cls(
            server,
            neighbours,
            settings,
            admin,
            coach,
            trainee,
            conversation_id,
            plan.body["id"],
            seen.body["set_id"],
            talk,
        )

    def login(self, email: str, timeout: float = 15) -> Any:
        """Log somebody in."""
        body = {"email": email, "password": PASSWORD}
        return self.server.ask("POST", "/api/auth/login", body, timeout=timeout)


def _an_admin(server: Running, settings: Mapping[str, str]) -> Person:
    """Make one beside the server, as ``coachhub accounts create-admin`` does, and log in."""
    email = "root@example.org"
    with bootstrap(Settings.load(None, {**settings, "COACHHUB_DATA": str(server.folder)})) as hub:
        made = hub.accounts.create_admin(email=email, password=PASSWORD, name="Root")
    answer = server.ask("POST", "/api/auth/login", {"email": email, "password": PASSWORD})
    assert answer.status == 200, answer
    return Person(server, email, answer.body["access_token"], str(made.id))


@contextmanager
def neighbours_of(folder: Path, engines: Engines) -> Iterator[dict[str, Neighbour]]:
    """Start each server and a proxy before it; end all of it."""
    found: dict[str, Neighbour] = {}
    servers: list[Server] = []
    try:
        for kind in engines:
            server = a_server(kind, folder / kind)
            servers.append(server)
            server.start()
            found[kind] = Neighbour(server, Proxy(server.address))
        yield found
    finally:
        for neighbour in found.values():
            neighbour.proxy.close()
        for server in servers:
            server.stop()


def settings_through(neighbours: dict[str, Neighbour]) -> dict[str, str]:
    """Return the settings of an instance that speaks to them through their proxies."""
    found: dict[str, str] = {}
    for kind, neighbour in neighbours.items():
        port = str(neighbour.proxy.port)
        if kind == "mariadb":
            found |= {**neighbour.server.facts["env"], "DB_PORT": port}
        elif kind == "redis":
            found |= {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": port}
        else:
            found |= {**neighbour.server.facts["env"], "ELASTICSEARCH_URL": f"http://127.0.0.1:{port}"}
    return found


@contextmanager
def _a_folder() -> Iterator[Path]:
    """Give a folder everybody may enter: Elasticsearch does not run as root, and has to reach its own in here."""
    folder = Path(tempfile.mkdtemp(prefix="coachhub-faults-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def a_house(engines: Engines, **environ: str) -> Iterator[House]:
    """Start the servers, the instance, and its people's life."""
    with _a_folder() as folder, neighbours_of(folder, engines) as neighbours:
        settings = settings_through(neighbours)
        with started(folder / "data", LOG_LEVEL="warning", **settings, **environ) as server:
            # "ready" is what one worker says; another one may still wait for its turn to begin
            assert until(lambda: all(server.ask("GET", "/health/ready").status == 200 for _ in range(20)), 60)
            house = House.furnish(server, neighbours, settings)
            try:
                yield house
            finally:
                house.talk.close()
                for neighbour in neighbours.values():
                    neighbour.server.thaw()
                    neighbour.proxy.heal()
