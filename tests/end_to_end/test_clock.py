"""
The wall clock of a running server is set, by an hour and by a day, both ways: it decides which tokens are good, and
nothing else. Under libfaketime, which gives every process of it another time than the machine's.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from running import PASSWORD, Answer, Person, Running, freeze, running
from running import until as until_within
from test_degradation import descendants
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from coachhub_core.bootstrap import bootstrap
from coachhub_core.config import Settings

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("clock"), pytest.mark.timeout(180)]

LIBRARY: Final = Path(f"/usr/lib/{platform.machine()}-linux-gnu/faketime/libfaketimeMT.so.1")  # Debian's place
SLEEP: Final = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""
"""Python sleeps until an instant of the monotonic clock, which libfaketime 0.9.10 refuses; each process reads this."""
ACCESS_SECONDS: Final = 1_800  # less than each step
N_ASKED: Final = 10  # of one process or the other, each with the tokens it has seen
EXPIRED: Final = 4402
SOON_SECONDS: Final = 60.0  # where an hour would be the other answer
steps = pytest.mark.parametrize("seconds", [3_600, 86_400], ids=["an hour", "a day"])


def until(check: Callable[[], bool]) -> bool:
    """Wait for what happens by itself, as opposed to when the clock has caught up."""
    return bool(until_within(check, SOON_SECONDS, pause=0.5))


@attrs.define(eq=False)
class Place:
    """A running instance whose clock can be set."""

    server: Running
    file: Path

    def set_clock(self, ahead_seconds: int) -> None:
        """Let every process have the machine's time and so many seconds more, from now on."""
        new = self.file.with_suffix(".new")
        new.write_text(f"+{ahead_seconds}")
        new.rename(self.file)

    def login(self, person: Person, password: str = PASSWORD) -> Answer:
        """Log somebody in, who has these tokens from then on."""
        return self.server.ask("POST", "/api/auth/login", {"email": person.email, "password": password})

    def n_untold(self) -> int:
        """How many events wait in the outbox."""
        environ = {**self.server.environ, "COACHHUB_DATA": str(self.server.folder)}
        with bootstrap(Settings.load(None, environ)) as hub:
            return hub.due.backlog().n_waiting

    def worker(self) -> int:
        """The process that does what is due."""
        (found,) = [
            pid
            for pid in descendants(self.server.process.pid)
            if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        ]
        return found


class Device:
    """Somebody's open chat connection."""

    def __init__(self, server: Running, token: str, conversation_id: str) -> None:
        self._conversation_id = conversation_id
        self._socket: ClientConnection = connect(
            f"ws://127.0.0.1:{server.chat_port}/ws/v1",
            subprotocols=["coachhub.chat.v1"],  # type: ignore[list-item]  # a NewType of str there
            additional_headers={"Authorization": f"Bearer {token}"},
        ).__enter__()
        assert self._hear()["type"] == "welcome"
        assert self._say("join_chat")["type"] == "ack"

    def _hear(self) -> dict[str, Any]:
        heard: dict[str, Any] = json.loads(self._socket.recv(timeout=15))
        return heard

    def _say(self, type_: str, **data: Any) -> dict[str, Any]:
        id_ = uuid.uuid4().hex
        data["conversation_id"] = self._conversation_id
        self._socket.send(json.dumps({"type": type_, "id": id_, "data": data}))
        while (heard := self._hear()).get("id") != id_:
            pass
        return heard

    def send(self, body: str) -> int:
        """Write a message and return its number."""
        answer = self._say("send_message", client_id=str(uuid.uuid4()), body=body)
        assert answer["type"] == "ack", answer
        seq: int = answer["data"]["seq"]
        return seq

    def hears(self, body: str) -> bool:
        """Wait until this message is delivered."""
        while body not in json.dumps(self._hear()):
            pass
        return True

    def bodies(self) -> list[str]:
        """The conversation's messages, in the order of history."""
        answer = self._say("history")
        return [each["body"] for each in sorted(answer["data"]["events"], key=lambda each: each["seq"])]

    def end(self) -> int:
        """Wait until the server closes it, and return the code."""
        try:
            while True:
                self._hear()
        except ConnectionClosed as exc:
            return exc.rcvd.code if exc.rcvd is not None else 0

    def close(self) -> None:
        self._socket.close()


@attrs.define(eq=False)
class Pair:
    """A coach and a trainee who work together, logged in at the clock's present time."""

    place: Place
    coach: Person
    trainee: Person
    conversation_id: str
    refresh_token: str

    @classmethod
    def meet(cls, place: Place) -> Pair:
        """Let them meet, and let every process see the trainee's token."""
        coach, trainee = place.server.coach(), place.server.trainee()
        accepted = coach.ask("POST", f"/api/matches/{trainee.request(coach)}/accept")
        assert accepted.status == 200, accepted
        logged_in = place.login(trainee).body
        trainee.token = logged_in["access_token"]
        pair = cls(place, coach, trainee, accepted.body["conversation_id"], logged_in["refresh_token"])
        assert pair.seen_by_all() == {200}
        return pair

    def seen_by_all(self) -> set[int]:
        """Ask with the trainee's token until each process has answered, and return what they say."""
        return {self.trainee.ask("GET", "/api/accounts/me").status for _ in range(N_ASKED)}

    def refresh(self) -> None:
        """Change the refresh token for a new pair; the coach logs in again."""
        answer = self.place.server.ask("POST", "/api/auth/refresh", {"refresh_token": self.refresh_token})
        assert answer.status == 200, answer
        self.trainee.token = answer.body["access_token"]
        self.coach.token = self.place.login(self.coach).body["access_token"]

    def device(self, person: Person) -> Device:
        """Open a chat connection."""
        return Device(self.place.server, person.token, self.conversation_id)

    def write_bio(self, word: str) -> None:
        """Let the coach write a word that nobody has ever read."""
        etag = self.coach.ask("GET", "/api/coaches/me").headers["etag"]
        assert self.coach.ask("PATCH", "/api/coaches/me", {"bio": word}, headers={"If-Match": etag}).status == 200

    def is_found(self, word: str) -> bool:
        """Whether who searches for that word finds the coach."""
        found = self.place.server.ask("GET", f"/api/coaches?q={word}").body["items"]
        return [coach["id"] for coach in found] == [self.coach.profile_id]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    if not LIBRARY.exists():
        pytest.skip("libfaketime is not installed")
    folder = tmp_path_factory.mktemp("clock")
    file = folder / "ahead"
    file.write_text("+0")
    (folder / "sitecustomize.py").write_text(SLEEP)
    faked = {
        "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
    settings = {
        "LOG_LEVEL": "warning",
        "COACHHUB_AUTH_ACCESS_SECONDS": str(ACCESS_SECONDS),
        "COACHHUB_CHAT_HEARTBEAT_SECONDS": "1",
        "COACHHUB_LIMITS_FAILED_LOGIN": "2",
    }
    with running(folder / "data", **faked, **settings) as server:
        yield Place(server, file)


def shut_out(place: Place) -> tuple[Person, int]:
    """Let somebody try wrong passwords until no more are taken; return who, and after how long one is again."""
    person = place.server.register("trainee")
    answers = [place.login(person, "not the password at all") for _ in range(3)]
    assert [answer.status for answer in answers] == [401, 401, 429]
    return person, int(answers[-1].headers["retry-after"])


def check_going_on(pair: Pair, former: list[str]) -> None:
    """What happens from now on is told, found, and delivered after what was said before."""
    word = f"w{uuid.uuid4().hex[:12]}"
    pair.write_bio(word)
    assert until(lambda: pair.is_found(word))
    assert until(lambda: pair.place.n_untold() == 0)
    sender, other = pair.device(pair.trainee), pair.device(pair.coach)
    said = [f"and then {number}" for number in range(2)]
    numbers = [sender.send(body) for body in said]
    assert other.hears(said[-1])
    assert numbers == [len(former) + 1, len(former) + 2]
    assert other.bodies() == [*former, *said]
    for device in (sender, other):
        device.close()


@steps
def test_no_token_outlives_a_step_forward(place: Place, seconds: int) -> None:
    """Neither at a process that has seen it, nor in an open chat; a wait for a limit is no shorter and no longer."""
    place.set_clock(0)
    pair = Pair.meet(place)
    device = pair.device(pair.trainee)
    device.send("before")
    person, wait = shut_out(place)
    place.set_clock(seconds)
    assert pair.seen_by_all() == {401}
    assert device.end() == EXPIRED
    still = place.login(person)
    assert still.status == 429
    assert 0 < int(still.headers["retry-after"]) <= wait
    pair.refresh()
    assert pair.seen_by_all() == {200}
    check_going_on(pair, ["before"])


@steps
def test_nothing_waits_for_the_clock_after_a_step_back(place: Place, seconds: int) -> None:
    """A token of a time that is to come is refused by all; what was on its way is told, and open chats go on."""
    place.set_clock(seconds)
    pair = Pair.meet(place)
    sender, other = pair.device(pair.trainee), pair.device(pair.coach)
    sender.send("before")
    person, wait = shut_out(place)
    assert until(lambda: place.n_untold() == 0)
    worker = place.worker()
    freeze(worker, place.server.folder / "coachhub.db")
    try:
        word = f"w{uuid.uuid4().hex[:12]}"
        pair.write_bio(word)
        assert place.n_untold() > 0
        place.set_clock(0)
    finally:
        os.kill(worker, signal.SIGCONT)
    assert until(lambda: place.n_untold() == 0), "events wait for a day that is to come"
    assert until(lambda: pair.is_found(word))  # an index shows what it was told a moment later
    sender.send("after")
    assert other.hears("after")
    for device in (sender, other):
        device.close()
    assert pair.seen_by_all() == {401}
    still = place.login(person)
    assert still.status == 429
    assert 0 < int(still.headers["retry-after"]) <= wait
    pair.refresh()
    assert pair.seen_by_all() == {200}
    check_going_on(pair, ["before", "after"])
