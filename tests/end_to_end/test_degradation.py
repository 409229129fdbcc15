"""The database is held, has no room, or is gone: every door as ``docs/reference/degradation.md`` says."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from faults.probes_work import AtWork
from room import descendants, no_room
from running import PASSWORD, Answer, Person, Running, running, until
from websockets.sync.client import ClientConnection, connect

pytestmark = pytest.mark.embedded  # what breaks is the SQLite file

Timed = dict[str, tuple[int, str | None, float]]
BOUND_SECONDS = 5.5  # 5 s for the answer, and a little for two busy cores


class House:
    """A running instance with a coach, a trainee, the trainee's open chat, and others who work with each other."""

    def __init__(self, server: Running, coach: Person, trainee: Person, conversation_id: str) -> None:
        self.server, self.coach, self.trainee = server, coach, trainee
        self.conversation_id = conversation_id
        self.at_work, self.key = AtWork.prepare(server), uuid.uuid4().hex
        url = f"ws://127.0.0.1:{server.chat_port}/ws/v1"
        self.chat: ClientConnection = connect(
            url, subprotocols=["coachhub.chat.v1"], additional_headers={"Authorization": f"Bearer {trainee.token}"}
        ).__enter__()
        assert self.hear()["type"] == "welcome"

    def hear(self) -> dict[str, Any]:
        heard: dict[str, Any] = json.loads(self.chat.recv(timeout=15))
        return heard

    def say(self, type_: str, **data: Any) -> dict[str, Any]:
        """Ask over chat and return the reply."""
        id_ = uuid.uuid4().hex
        self.chat.send(json.dumps({"type": type_, "id": id_, "data": data}))
        while (heard := self.hear()).get("id") != id_:
            pass
        return heard

    def health(self) -> tuple[int, str]:
        """The status of /health, and its word."""
        answer = self.server.ask("GET", "/health")
        return answer.status, answer.body["status"]

    def reads(self) -> dict[str, int]:
        """What only reads, with the status of each."""
        ask, mine = self.server.ask, self.trainee.ask
        return {
            "live": ask("GET", "/health/live").status,
            "ready": ask("GET", "/health/ready").status,
            "list": ask("GET", "/api/coaches").status,
            "search": ask("GET", "/api/coaches?q=marathon").status,
            "coach": ask("GET", f"/api/coaches/{self.coach.profile_id}").status,
            "account": mine("GET", "/api/accounts/me").status,
            "matches": mine("GET", "/api/matches").status,
            "workouts": mine("GET", "/api/workouts").status,
        }

    def writes(self) -> Timed:
        """What writes, all at once: status, code and seconds of each."""
        register = {"email": f"{uuid.uuid4().hex}@example.org", "password": PASSWORD, "role": "trainee", "name": "Kim"}
        login = {"email": self.trainee.email, "password": PASSWORD}
        workout = {"id": str(uuid.uuid4()), "started_at": "2026-01-01T10:00:00Z"}
        calls: dict[str, Callable[[], Answer]] = {
            "register": lambda: self.server.ask("POST", "/api/auth/register", register),
            "login": lambda: self.server.ask("POST", "/api/auth/login", login),
            "suggestions": lambda: self.trainee.ask("POST", "/api/coaches/match", {}),
            "workout": lambda: self.trainee.ask("POST", "/api/workouts", workout),
        }
        return timed(calls)

    def works(self) -> Timed:
        """What changes a match and its plan, each of it once: the same of these."""
        return timed(self.at_work.rows({"Idempotency-Key": self.key}))


def timed(calls: Mapping[str, Callable[[], Answer]]) -> Timed:
    """Ask all of it at once: status, code and seconds of each; a refusal says when to come back."""

    def one(call: Callable[[], Answer]) -> tuple[int, str | None, float]:
        began = time.monotonic()
        answer = call()
        code = answer.code if answer.status >= 400 else None
        assert answer.status < 400 or {n.lower() for n in answer.headers} >= {"retry-after"}
        return answer.status, code, time.monotonic() - began

    with ThreadPoolExecutor(len(calls)) as pool:
        return dict(zip(calls, pool.map(one, calls.values()), strict=True))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running(tmp_path_factory.mktemp("degraded") / "data", LOG_LEVEL="warning") as server:
        coach, trainee = server.coach(specialties=["marathon"]), server.trainee()
        accepted = coach.ask("POST", f"/api/matches/{trainee.request(coach)}/accept")
        house = House(server, coach, trainee, accepted.body["conversation_id"])
        yield house
        house.chat.close()


def check_refusing(house: House, *, within: float) -> None:
    """Reads answer as ever, writes are refused in time."""
    assert set(house.reads().values()) == {200}
    found = house.writes() | house.works()
    assert {name: (status, code) for name, (status, code, _) in found.items()} == dict.fromkeys(
        found, (503, "unavailable")
    )
    assert max(seconds for _, _, seconds in found.values()) < within


def check_healed(house: House, refused: dict[str, Any]) -> None:
    """It goes on by itself, and a message that was refused is stored once."""
    assert until(lambda: house.writes()["workout"][0] == 201)
    first, again = house.say("send_message", **refused), house.say("send_message", **refused)
    assert (first["type"], again["type"]) == ("ack", "ack")
    assert first["data"]["seq"] == again["data"]["seq"]
    assert (first["data"]["duplicate"], again["data"]["duplicate"]) == (False, True)


def message(house: House) -> dict[str, Any]:
    return {"conversation_id": house.conversation_id, "client_id": str(uuid.uuid4()), "body": "still there?" * 400}


@pytest.mark.xdist_group("degradation")
def test_a_held_database_refuses_writes_in_time_and_loses_nothing(house: House) -> None:
    """Another process keeps the write lock: 503 within 5 s, reads as ever, sockets stay."""
    other = sqlite3.connect(house.server.folder / "coachhub.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        check_refusing(house, within=BOUND_SECONDS)
        refused = message(house)
        answer = house.say("send_message", **refused)
        assert (answer["type"], answer["data"]["code"], answer["data"]["retryable"]) == ("error", "unavailable", True)
        assert house.say("history", conversation_id=house.conversation_id)["type"] == "ack"
        assert until(lambda: house.server.ask("GET", "/health").status == 503)
        assert max(seconds for _, _, seconds in house.writes().values()) < BOUND_SECONDS
    finally:
        other.close()
    check_healed(house, refused)


@pytest.mark.xdist_group("degradation")
def test_no_room_refuses_writes_at_once_and_loses_nothing(house: House) -> None:
    """No file may grow: 503 at once, reads as ever, sockets stay."""
    with no_room(house.server.process.pid):
        check_refusing(house, within=2)
        refused = message(house)
        answer = house.say("send_message", **refused)
        assert (answer["type"], answer["data"]["code"]) == ("error", "unavailable")
        assert house.say("history", conversation_id=house.conversation_id)["type"] == "ack"
        assert until(lambda: house.writes() and house.health() == (200, "degraded"))  # both workers have met it
    check_healed(house, refused)
    assert until(lambda: house.health() == (200, "healthy"))


@pytest.mark.xdist_group("degradation")
def test_a_file_that_was_taken_away_is_written_to_by_nobody(house: House) -> None:
    """What is private is refused at once, and every change; health says so; all is there when the file is back."""
    house.reads()  # copies of what everybody may read
    file = house.server.folder / "coachhub.db"
    away = house.server.folder / "away.db"
    file.rename(away)
    try:
        reads = house.reads()
        assert (reads.pop("live"), reads.pop("ready")) == (200, 200)
        public = [reads.pop(name) for name in ("list", "search", "coach")]  # a copy, where that process has one
        assert set(public) <= {200, 503}
        assert set(reads.values()) == {503}
        assert until(lambda: is_an_old_copy(house.server.ask("GET", "/api/coaches")))
        found = house.writes() | house.works()
        assert {status for status, _, _ in found.values()} == {503}
        assert max(seconds for _, _, seconds in found.values()) < 2
        said = message(house)
        assert house.say("send_message", **said)["data"]["code"] == "unavailable"
        assert until(lambda: house.server.ask("GET", "/health").status == 503)
        assert not file.exists()
    finally:
        away.rename(file)
    check_healed(house, said)
    assert {status for status, _, _ in house.works().values()} <= {200, 201}  # nothing of it was done before
    assert until(lambda: house.server.ask("GET", "/health").status == 200)


@pytest.mark.xdist_group("degradation")
def test_who_starts_while_the_file_is_away_waits_for_it(house: House) -> None:
    """An empty file in its place would have SQLite throw away the log, with everything since the last checkpoint."""
    said = house.say("send_message", **message(house))["data"]["seq"]
    file = house.server.folder / "coachhub.db"
    away = house.server.folder / "away.db"
    log = house.server.folder / "combined.log"
    file.rename(away)
    try:
        before = log.stat().st_size
        for pid in descendants(house.server.process.pid):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"coachhub_ws" not in command:  # chat's connection is used below
                os.kill(pid, signal.SIGKILL)

        def waiting() -> bool:
            with log.open("rb") as lines:
                lines.seek(before)
                return lines.read().count(b"put it back") >= 2

        assert until(waiting, 30)
        assert not file.exists()
    finally:
        away.rename(file)
    assert until(lambda: is_at_the_door(house), 30)
    who = {"email": house.trainee.email, "password": PASSWORD}
    assert house.server.ask("POST", "/api/auth/login", who).status == 200
    heard = house.say("history", conversation_id=house.conversation_id)
    assert said in {each["seq"] for each in heard["data"]["events"]}
    check_healed(house, message(house))


def is_at_the_door(house: House) -> bool:
    """Whether REST takes connections, and is ready."""
    try:
        return house.server.ask("GET", "/health/ready").status == 200
    except OSError:
        return False


def is_an_old_copy(answer: Answer) -> bool:
    """Whether it was kept aside for when the database is away, and says so."""
    said = {name.lower(): value for name, value in answer.headers.items()}.get("x-degraded")
    return answer.status == 200 and said == "cache"
