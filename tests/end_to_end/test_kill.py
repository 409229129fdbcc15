"""``kill -9`` of any one process under load: what was acknowledged is there once, and the child is back."""

from __future__ import annotations

import http.client
import os
import random
import signal
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

import attrs
import pytest
from running import PASSWORD, Person, Running, running, until

KILLS = 6  # more by hand: --kills 30


def children(pid: int) -> list[int]:
    """Every process below *pid*."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found += [int(entry.name), *children(int(entry.name))]
    return found


@attrs.define
class Load:
    """Writers that never stop, and what they were told."""

    server: Running
    coach: Person
    sam: Person
    conversation_id: str
    emails: list[str] = attrs.field(factory=list)
    plans: dict[str, str] = attrs.field(factory=dict)  # key -> id
    messages: dict[str, int] = attrs.field(factory=dict)  # client_id -> seq
    n_failed: int = 0
    stop: threading.Event = attrs.field(factory=threading.Event)

    def run(self, step: str) -> None:
        """Do one kind of write again and again; a write without an answer is sent again with its id."""
        pending: str | None = None
        while not self.stop.is_set() or pending is not None:
            pending = pending or uuid.uuid4().hex
            try:
                done = getattr(self, step)(pending)
            except (OSError, http.client.HTTPException, ValueError):
                done = False
            if done:
                pending = None
            else:
                self.n_failed += 1
                time.sleep(0.05)  # the server is being killed: give it a moment

    def register(self, key: str) -> bool:
        email = f"{key}@example.org"
        said = {"email": email, "password": PASSWORD, "role": "trainee", "name": "Load"}
        answer = self.server.ask("POST", "/api/auth/register", said, timeout=8)
        if answer.status == 201 or (answer.status == 409 and answer.code == "account.email_taken"):
            self.emails.append(email)
            return True
        assert answer.status == 503, answer
        return False

    def plan(self, key: str) -> bool:
        answer = self.coach.ask("POST", "/api/plans", {"title": key}, headers={"Idempotency-Key": key}, timeout=8)
        if answer.status == 201:
            self.plans[key] = answer.body["id"]
            return True
        assert answer.status == 503, answer
        return False

    def message(self, key: str) -> bool:
        client_id = str(uuid.UUID(key))
        path = f"/api/conversations/{self.conversation_id}/messages"
        answer = self.sam.ask("POST", path, {"client_id": client_id, "body": key}, timeout=8)
        if answer.status == 201:
            self.messages[client_id] = answer.body["seq"]
            return True
        assert answer.status == 503, answer
        return False


def check(load: Load) -> None:
    """Everything acknowledged is there, once."""
    for email in random.sample(load.emails, k=min(10, len(load.emails))):
        login = load.server.ask("POST", "/api/auth/login", {"email": email, "password": PASSWORD})
        assert login.status == 200, email
    titles: Counter[str] = Counter()
    ids = set()
    path = "/api/plans?limit=100"
    while path:
        page = load.coach.ask("GET", path).body
        titles.update(item["title"] for item in page["items"])
        ids |= {item["id"] for item in page["items"]}
        path = f"/api/plans?limit=100&cursor={page['next']}" if page["next"] else ""
    assert {title: titles[title] for title in load.plans} == dict.fromkeys(load.plans, 1)
    assert set(load.plans.values()) <= ids
    found: dict[str, int] = {}
    after, has_more = 0, True
    while has_more:
        history = load.sam.ask("GET", f"/api/conversations/{load.conversation_id}/messages?after_seq={after}").body
        for event in history["events"]:
            assert event["seq"] == after + 1
            assert event["client_id"] not in found
            after = event["seq"]
            found[event["client_id"]] = after
        has_more = history["has_more"]
    assert {c: found.get(c) for c in load.messages} == load.messages


@pytest.mark.timeout(600)
@pytest.mark.xdist_group("kills")
def test_what_was_acknowledged_survives_every_kill(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Registrations, plans and messages under load; each process in turn, then the supervisor itself."""
    n_kills = int(request.config.getoption("--kills") or KILLS)
    draw = random.Random(1)
    folder = tmp_path / "data"
    with running(folder, COACHHUB_HTTP_WORKERS="2") as server:
        coach, sam = server.coach(), server.trainee()
        match = sam.request(coach)
        accepted = coach.ask("POST", f"/api/matches/{match}/accept")
        load = Load(server, coach, sam, accepted.body["conversation_id"])
        threads = [threading.Thread(target=load.run, args=(s,)) for s in ("register", "plan", "message", "message")]
        for thread in threads:
            thread.start()
        try:
            for _ in range(n_kills):
                time.sleep(draw.uniform(0.3, 1.0))  # in the middle of something
                victim = draw.choice(children(server.process.pid))
                os.kill(victim, signal.SIGKILL)
                assert until(lambda: _is_well(server), 90), "not back"
            time.sleep(0.5)  # some writes after the last death, too
        finally:
            load.stop.set()
            for thread in threads:
                thread.join(timeout=60)
        assert not any(thread.is_alive() for thread in threads)
        assert len(load.plans) > 10
        assert len(load.messages) > 10
        check(load)
        orphans = children(server.process.pid)
        server.process.kill()
        server.process.wait()
        assert until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans), 25), (
            "children outlive their parent"
        )
    with running(folder) as again:
        load.server = coach.server = sam.server = again
        check(load)


def _is_well(server: Running) -> bool:
    try:
        if server.ask("GET", "/health/ready", timeout=2).status != 200:
            return False
        connection = http.client.HTTPConnection("127.0.0.1", server.chat_port, timeout=2)
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException, ValueError):
        return False
