"""Those who talk, over REST and over a socket, and the conversation compared with what they were told."""

from __future__ import annotations

import time
import uuid

from running import Person
from websockets.exceptions import WebSocketException

from .house import Talk
from .load import Tally, Unsettled, Writer, patiently


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
