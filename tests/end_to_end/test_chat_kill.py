"""``kill -9`` of the chat process while four devices talk over it: nothing acknowledged is lost or doubled."""

from __future__ import annotations

import http.client
import os
import random
import signal
import threading
import time
import uuid
from pathlib import Path

import attrs
import pytest
from running import Person, Running, running, until
from test_kill import children

from coachhub_demo.chat_client import ChatClient

KILLS = 3  # more by hand: --kills 30
N_DEVICES = 4


@attrs.define
class Talk:
    """Devices that never stop to write, and what they were told."""

    url: str
    conversation_id: str
    acked: dict[str, int] = attrs.field(factory=dict)  # client_id -> seq
    heard: list[list[tuple[int, str]]] = attrs.field(factory=list)  # (seq, client_id) as each device has them
    failed: list[Exception] = attrs.field(factory=list)
    stop: threading.Event = attrs.field(factory=threading.Event)
    have_written: threading.Barrier = attrs.field(factory=lambda: threading.Barrier(N_DEVICES, timeout=60))

    def device(self, who: Person) -> None:
        """Write until told to stop, come back after each kill, and end with everything that was said."""
        id = self.conversation_id
        try:
            with ChatClient(self.url, who.token, patience=60) as client:
                client.join(id)
                while not self.stop.is_set():
                    client_id = uuid.uuid4()
                    ack = client.send(id, f"number {len(self.acked)} 🏃", client_id=client_id)
                    self.acked[str(client_id)] = ack["seq"]
                self.have_written.wait()
                last = client.history(id, limit=1)["events"][-1]["seq"]
                client.listen(lambda: client.last_seq[id] >= last)
                self.heard.append([(event["seq"], event["client_id"]) for event in client.events[id]])
        except Exception as exc:
            self.failed.append(exc)
            self.have_written.abort()


def chat_process(server: Running) -> int | None:
    """The chat server's process id."""
    for pid in children(server.process.pid):
        try:
            if b"coachhub_ws" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        except OSError:
            continue
    return None


def is_ready(server: Running) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", server.chat_port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@pytest.mark.timeout(300)
@pytest.mark.xdist_group("kills")
def test_every_device_has_every_acknowledged_message_once_in_order(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Two devices of each member; the process is killed again and again in the middle of their sends."""
    n_kills = int(request.config.getoption("--kills") or KILLS)
    draw = random.Random(1)
    with running(tmp_path / "data", COACHHUB_CHAT_SENDS="0", COACHHUB_CHAT_FRAMES_PER_SECOND="0") as server:
        coach, sam = server.coach(), server.trainee()
        accepted = coach.ask("POST", f"/api/matches/{sam.request(coach)}/accept")
        talk = Talk(f"ws://127.0.0.1:{server.chat_port}/ws/v1", accepted.body["conversation_id"])
        people = [coach, sam] * (N_DEVICES // 2)
        threads = [threading.Thread(target=talk.device, args=(who,)) for who in people]
        for thread in threads:
            thread.start()
        try:
            for _ in range(n_kills):
                n_before = len(talk.acked)
                assert until(lambda n=n_before: len(talk.acked) > n), "nobody could write"
                time.sleep(draw.uniform(0.2, 1.0))  # in the middle of something
                victim = chat_process(server)
                assert victim is not None
                os.kill(victim, signal.SIGKILL)
                assert until(lambda gone=victim: chat_process(server) not in (None, gone) and is_ready(server), 30)
        finally:
            talk.stop.set()
            for thread in threads:
                thread.join(timeout=90)
        assert talk.failed == []
        stored: dict[str, int] = {}
        after, has_more = 0, True
        while has_more:
            history = sam.ask("GET", f"/api/conversations/{talk.conversation_id}/messages?after_seq={after}").body
            for event in history["events"]:
                after += 1
                assert event["seq"] == after
                assert stored.setdefault(event["client_id"], after) == after
            has_more = history["has_more"]
    assert {client_id: stored.get(client_id) for client_id in talk.acked} == talk.acked
    everything = [(seq, client_id) for client_id, seq in stored.items()]
    assert len(talk.heard) == N_DEVICES
    assert all(heard == everything for heard in talk.heard)
