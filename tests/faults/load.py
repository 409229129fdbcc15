"""
People who never stop writing, and remember what they were told.

Each of them does one kind of write again and again. What had no answer, or one
that does not say, is sent again under the same key until it is settled; until
then it counts as unknown. Nobody else writes what one of them writes, so each
knows exactly what must be there at the end.
"""

from __future__ import annotations

import http.client
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from typing import Any

import attrs
from running import PASSWORD, Answer, Person
from websockets.exceptions import WebSocketException

from .house import Talk

TIMEOUT = 9.0  # seconds for an answer; who gets none within them counts it
PAUSE = 0.05
LIMIT = 5.0


@attrs.define
class Tally:
    """What was counted, by all writers together."""

    counts: Counter[str] = attrs.field(factory=Counter)
    slowest: float = 0.0
    slow: list[str] = attrs.field(factory=list)
    wrong: list[str] = attrs.field(factory=list)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, repr=False)

    def add(self, name: str, n: int = 1) -> None:
        """Count *n* more of *name*."""
        with self._lock:
            self.counts[name] += n

    def answered(self, what: str, seconds: float) -> None:
        """Count an answer and its time."""
        with self._lock:
            self.counts["answers"] += 1
            self.slowest = max(self.slowest, seconds)
            if seconds > LIMIT:
                self.counts["answers over 5 s"] += 1
                self.slow.append(f"{what}: {seconds:.2f} s")

    def complain(self, kind: str, what: str) -> None:
        """Count something that must not be: ``lost``, ``doubled``, ``invented``."""
        with self._lock:
            self.counts[kind] += 1
            self.wrong.append(f"{kind}: {what}")


class Unsettled(Exception):
    """The outcome is not known, or it was refused: the same again, under the same key."""


class Writer(ABC):
    """
    Does one kind of write until it is told to stop, and settles what it began.

    ``is_fresh`` holds while nothing was sent under the present key: what the
    server then calls a repetition was never sent before.
    """

    name = ""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.is_fresh = True
        self.may_be_done = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"writer-{self.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing new."""
        self._stop.set()

    def join(self, seconds: float) -> bool:
        """Wait until what was begun is settled; say whether it is."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            key = uuid.uuid4().hex
            self.is_fresh, self.may_be_done = True, False
            while True:
                try:
                    self.write(key)
                except (Unsettled, OSError, http.client.HTTPException, WebSocketException, ValueError, KeyError) as exc:
                    if not isinstance(exc, Unsettled):
                        self.may_be_done = True
                        self.tally.add("unknown")
                    self.is_fresh = False
                    time.sleep(PAUSE)  # something is broken: give it a moment
                    continue
                break
            self.tally.add("acknowledged")
            self.tally.add(f"acknowledged: {self.name}")
            if self.may_be_done:
                self.tally.add("unknown and settled")

    @abstractmethod
    def write(self, key: str) -> None:
        """Do one write under *key*; ``Unsettled`` when it is to be done again."""

    @abstractmethod
    def check(self) -> None:
        """Compare what is there with what was acknowledged, and complain."""

    # ── helpers ──

    def ask(self, person: Person, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """Send a request, and count its answer and its time."""
        began = time.monotonic()
        answer = person.ask(method, path, body, timeout=TIMEOUT, **more)
        self.tally.answered(f"{method} {path}", time.monotonic() - began)
        if answer.status == 503:
            self.tally.add("refused")
            said = str(answer.body.get("error", {}).get("message", ""))
            if "not known" in said or "did not say" in said or "not say whether" in said:
                self.may_be_done = True
                self.tally.add("told as unknown")
            raise Unsettled
        if answer.status >= 500:
            self.tally.complain("invented", f"{method} {path}: {answer}")
            raise Unsettled
        return answer

    def repeated(self, what: str) -> None:
        """Take note that the server calls it a repetition."""
        if self.is_fresh:
            self.tally.complain("invented", f"{what} was there before it was sent")
        elif not self.may_be_done:
            self.tally.complain("invented", f"{what} was refused as not done, and was done")


class Registrations(Writer):
    """People who come."""

    name = "register"

    def __init__(self, tally: Tally, nobody: Person) -> None:
        super().__init__(tally)
        self._nobody = nobody
        self.emails: list[str] = []

    def write(self, key: str) -> None:
        email = f"{key}@example.org"
        body = {"email": email, "password": PASSWORD, "role": "trainee", "name": "Load"}
        answer = self.ask(self._nobody, "POST", "/api/auth/register", body)
        if answer.status == 409:
            self.repeated(f"account {email}")
        elif answer.status != 201:
            self.tally.complain("invented", f"register: {answer}")
        self.emails.append(email)

    def check(self) -> None:
        for email in self.emails:
            body = {"email": email, "password": PASSWORD}
            found = patiently(self._nobody, "POST", "/api/auth/login", body)
            if found.status != 200:
                self.tally.complain("lost", f"account {email}: {found.status}")


class Profiles(Writer):
    """A coach who rewrites the profile: each change raises the version by one."""

    name = "profile"

    def __init__(self, tally: Tally, coach: Person) -> None:
        super().__init__(tally)
        self._coach = coach
        self._path = f"/api/coaches/{coach.profile_id}"
        self._etag = coach.ask("GET", self._path).headers["etag"]
        self._first = _version(self._etag)
        self._n_done = 0
        self._last = ""

    def write(self, key: str) -> None:
        answer = self.ask(self._coach, "PATCH", self._path, {"bio": key}, headers={"If-Match": self._etag})
        if answer.status == 412:
            found = self.ask(self._coach, "GET", self._path)
            self._etag = found.headers["etag"]
            if found.body["bio"] != key:
                if found.body["bio"] != self._last:
                    self.tally.complain("lost", f"profile: {found.body['bio']} is neither {key} nor {self._last}")
                raise Unsettled
            self.repeated(f"profile {key}")
        elif answer.status == 200:
            self._etag = answer.headers["etag"]
        else:
            self.tally.complain("invented", f"profile: {answer}")
        self._last = key
        self._n_done += 1

    def check(self) -> None:
        found = patiently(self._coach, "GET", self._path)
        version = _version(found.headers["etag"])
        if found.body["bio"] != self._last:
            self.tally.complain("lost", f"profile: {found.body['bio']} is not {self._last}")
        if version != self._first + self._n_done:
            kind = "doubled" if version > self._first + self._n_done else "lost"
            self.tally.complain(kind, f"profile: version {version}, not {self._first} + {self._n_done}")


class Matches(Writer):
    """A trainee who asks a coach, is accepted, and leaves: again and again."""

    name = "match"

    def __init__(self, tally: Tally, trainee: Person, coach: Person) -> None:
        super().__init__(tally)
        self._trainee, self._coach = trainee, coach
        self._ids: list[str] = []
        self._done: dict[str, str] = {}  # step -> id, of the match in hand

    def write(self, key: str) -> None:
        done = self._done
        if "asked" not in done:
            body = {"coach_id": self._coach.profile_id}
            done["asked"] = self._step(self._trainee, "/api/matches", f"{key}-1", body)
        id = done["asked"]
        for step, person, more in (("accept", self._coach, {}), ("end", self._trainee, {"reason": "other"})):
            if step not in done:
                done[step] = self._step(person, f"/api/matches/{id}/{step}", f"{key}-{step}", more)
                if done[step] != id:
                    self.tally.complain("invented", f"match {id}: {step} answered {done[step]}")
        self._ids.append(id)
        self._done = {}

    def _step(self, person: Person, path: str, key: str, body: dict[str, Any]) -> str:
        answer = self.ask(person, "POST", path, body, headers={"Idempotency-Key": key})
        if answer.status not in (200, 201):
            self.tally.complain("invented", f"{path}: {answer}")
            raise Unsettled
        self.tally.add("acknowledged")
        id: str = answer.body["id"]
        return id

    def check(self) -> None:
        found = Counter(each["id"] for each in pages(self._trainee, "/api/matches"))
        expected = Counter(self._ids + ([self._done["asked"]] if "asked" in self._done else []))
        self._compare("match", found, expected)
        for id in self._ids:
            steps = [
                each["action"] for each in patiently(self._trainee, "GET", f"/api/matches/{id}/events").body["items"]
            ]
            if Counter(steps) != Counter(["request", "accept", "end"]):
                self.tally.complain("doubled" if len(steps) > 3 else "lost", f"match {id}: {steps}")

    def _compare(self, what: str, found: Counter[str], expected: Counter[str]) -> None:
        compare(self.tally, what, found, expected)


class Plans(Writer):
    """A coach who writes plans, each under a key."""

    name = "plan"

    def __init__(self, tally: Tally, coach: Person) -> None:
        super().__init__(tally)
        self._coach = coach
        self._ids: dict[str, str] = {}

    def write(self, key: str) -> None:
        answer = self.ask(self._coach, "POST", "/api/plans", {"title": key}, headers={"Idempotency-Key": key})
        if answer.status != 201:
            self.tally.complain("invented", f"plan: {answer}")
            raise Unsettled
        self._ids[key] = answer.body["id"]

    def check(self) -> None:
        found = list(pages(self._coach, "/api/plans"))
        compare(self.tally, "plan", Counter(each["title"] for each in found), Counter(list(self._ids)))
        ids = {each["title"]: each["id"] for each in found}
        for key, id in self._ids.items():
            if key in ids and ids[key] != id:
                self.tally.complain("invented", f"plan {key}: {ids[key]} is not {id}")


class Workouts(Writer):
    """A trainee whose device gives each workout its id."""

    name = "workout"

    def __init__(self, tally: Tally, trainee: Person) -> None:
        super().__init__(tally)
        self._trainee = trainee
        self._ids: list[str] = []

    def write(self, key: str) -> None:
        id = str(uuid.UUID(key))
        answer = self.ask(self._trainee, "POST", "/api/workouts", {"id": id, "started_at": "2026-01-01T10:00:00Z"})
        if answer.status == 200:
            self.repeated(f"workout {id}")
        elif answer.status != 201:
            self.tally.complain("invented", f"workout: {answer}")
            raise Unsettled
        self._ids.append(id)

    def check(self) -> None:
        found = Counter(each["id"] for each in pages(self._trainee, "/api/workouts"))
        compare(self.tally, "workout", found, Counter(self._ids))


class Messages(Writer):
    """Somebody who talks over REST."""

    name = "message over REST"

    def __init__(self, tally: Tally, person: Person, conversation_id: str) -> None:
        super().__init__(tally)
        self.person = person
        self.conversation_id = conversation_id
        self.seqs: dict[str, int] = {}  # client_id -> seq

    def write(self, key: str) -> None:
        client_id = str(uuid.UUID(key))
        path = f"/api/conversations/{self.conversation_id}/messages"
        answer = self.ask(self.person, "POST", path, {"client_id": client_id, "body": key})
        if answer.status not in (200, 201):
            self.tally.complain("invented", f"message: {answer}")
            raise Unsettled
        self.seqs[client_id] = answer.body["seq"]

    def check(self) -> None:
        """The talk is compared as a whole, by :func:`check_talk`."""


class Sends(Messages):
    """Somebody who talks over a socket, and comes back when it breaks."""

    name = "message over chat"

    def __init__(self, tally: Tally, person: Person, conversation_id: str, port: int) -> None:
        super().__init__(tally, person, conversation_id)
        self._port = port
        self._talk: Talk | None = None

    def write(self, key: str) -> None:
        client_id = str(uuid.UUID(key))
        try:
            if self._talk is None:
                self._talk = Talk(self._port, self.person.token)
            began = time.monotonic()
            said = self._talk.say("send_message", conversation_id=self.conversation_id, client_id=client_id, body=key)
        except (OSError, AssertionError, WebSocketException) as exc:
            if self._talk is not None:
                self._talk.close()
            self._talk = None
            raise OSError(str(exc)) from exc
        self.tally.answered("send_message", time.monotonic() - began)
        data = said["data"]
        if said["type"] == "error":
            self.tally.add("refused")
            self.may_be_done = True  # a batch whose commit was not answered is refused as unavailable
            if not data["retryable"]:
                self.tally.complain("invented", f"chat: {data}")
            raise Unsettled
        if data["duplicate"]:
            self.repeated(f"message {client_id}")
        self.seqs[client_id] = data["seq"]

    def join(self, seconds: float) -> bool:
        is_settled = super().join(seconds)
        if self._talk is not None:
            self._talk.close()
        return is_settled


def patiently(person: Person, method: str, path: str, body: Any = None) -> Answer:
    """Ask until it is not refused as unavailable: a check is not a part of the load."""
    deadline = time.monotonic() + 30
    while True:
        answer = person.ask(method, path, body)
        if answer.status != 503 or time.monotonic() > deadline:
            assert answer.status < 400, f"{method} {path}: {answer}"
            return answer
        time.sleep(PAUSE)


def _version(etag: str) -> int:
    """Return the version an ETag begins with; what follows it counts what others changed."""
    return int(etag.strip('W/"').partition(".")[0])


def check_talk(tally: Tally, writers: list[Messages]) -> None:
    """Compare a conversation with what its writers were told: dense, each once, where it was said to be."""
    reader = writers[0].person
    path = f"/api/conversations/{writers[0].conversation_id}/messages"
    found: dict[str, int] = {}
    after, has_more = 0, True
    while has_more:
        page = patiently(reader, "GET", f"{path}?after_seq={after}").body
        for event in page["events"]:
            if event["seq"] != after + 1:
                tally.complain("lost", f"message {after + 1}: {event['seq']} stands in its place")
            after = event["seq"]
            if event["client_id"] in found:
                tally.complain("doubled", f"message {event['client_id']}")
            found[event["client_id"]] = after
        has_more = page["has_more"]
    said = {client_id: seq for writer in writers for client_id, seq in writer.seqs.items()}
    for client_id, seq in said.items():
        if found.get(client_id) != seq:
            tally.complain("lost", f"message {client_id}: at {found.get(client_id)}, not {seq}")
    for client_id in found.keys() - said.keys():
        tally.complain("invented", f"message {client_id}")


def compare(tally: Tally, what: str, found: Counter[str], expected: Counter[str]) -> None:
    """Complain of each that is missing, there twice, or there without having been made."""
    for key in expected - found:
        tally.complain("lost", f"{what} {key}")
    for key in found - expected:
        tally.complain("doubled" if key in expected else "invented", f"{what} {key}")


def pages(person: Person, path: str) -> list[dict[str, Any]]:
    """Return every item of a list."""
    found: list[dict[str, Any]] = []
    address = f"{path}?limit=100"
    while address:
        page = patiently(person, "GET", address).body
        found += page["items"]
        address = f"{path}?limit=100&cursor={page['next']}" if page["next"] else ""
    return found
