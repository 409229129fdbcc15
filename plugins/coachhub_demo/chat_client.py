"""
A chat client that is correct and small: the client rule of ``coachhub.chat.v1``, in one thread.

- ``last_seq`` is kept per conversation: the next one is applied, an older one
  dropped, and where one is missing the history is asked for.
- A message without an answer is sent again with the same ``client_id``, after
  reconnecting, for as long as it takes: it is stored once.
- After reconnecting comes ``sync`` first, then what is to be sent again.

Nothing runs in the background: what has arrived is looked at while a method
waits for something. Call :meth:`ChatClient.listen` to wait for others.
"""

from __future__ import annotations

import itertools
import json
import random
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, Final
from uuid import UUID

import attrs
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidHandshake
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from coachhub_core.errors import CoachHubError

SUBPROTOCOL: Final = Subprotocol("coachhub.chat.v1")
STOPS: Final = frozenset({1002, 1003, 1007, 1009, 4400, 4401, 4403, 4409})
"""Close codes after which coming back would end the same way: a bug, or somebody must act."""
KINDS: Final = {"send_message": "message", "edit_message": "edit", "delete_message": "delete"}
FLOOD: Final = 4429
FLOOD_SECONDS: Final = 30.0
SYNC_MAX: Final = 200
_jitter = random.Random()  # noqa: S311 - spreads reconnects, protects nothing


@attrs.define(kw_only=True)
class ChatRefused(CoachHubError):
    """Raised when the server answers a request with an error; ``data`` is all it says."""

    code: ClassVar[str] = "chat.refused"
    data: dict[str, Any]

    @property
    def error_code(self) -> str:
        """The server's code, such as ``conversation.read_only``."""
        return str(self.data["code"])

    def __str__(self) -> str:
        return f"{self.error_code}: {self.data['message']}"


@attrs.define(kw_only=True)
class ChatClosed(CoachHubError):
    """Raised when the server closed the connection for good, or cannot be reached in time."""

    code: ClassVar[str] = "chat.closed"
    close_code: int
    reason: str = ""

    def __str__(self) -> str:
        return f"the chat was closed with {self.close_code} {self.reason}".strip()


class ChatClient:
    """
    One device of one account.

    Args:
        url: ``ws://127.0.0.1:3001/ws/v1``.
        token: An access token, or what returns a fresh one: it is asked at each connect.
        patience: Seconds to try to come back, and to wait for an answer, before giving up.
    """

    def __init__(self, url: str, token: str | Callable[[], str], *, patience: float = 30.0) -> None:
        self._url = url
        self._token = token
        self._patience = patience
        self._socket: ClientConnection | None = None
        self._ids = itertools.count(1)
        self._replies: dict[str, dict[str, Any]] = {}
        self._unsettled: dict[str, tuple[str, dict[str, Any]]] = {}
        self._settled: dict[str, dict[str, Any] | ChatRefused] = {}
        self._gaps: set[str] = set()
        self._leave_at: float | None = None
        self.welcome: dict[str, Any] = {}
        self.pushes: deque[dict[str, Any]] = deque(maxlen=1_000)
        self.last_seq: dict[str, int] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.n_connects = 0

    # ── the connection ──

    def __enter__(self) -> ChatClient:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> None:
        """
        Connect, authenticate, catch up, and send again what has no answer.

        Raises:
            ChatClosed: If the server wants none of it, or patience ran out.
            ChatRefused: If it refused the token.
        """
        deadline = time.monotonic() + self._patience
        pause = 0.5
        while True:
            at_least = 0.0
            try:
                self._connect_once()
                self._resume()
                return
            except ConnectionClosed as exc:
                code = _code_of(exc)
                if code in STOPS or time.monotonic() > deadline:
                    raise ChatClosed(close_code=code) from exc
                at_least = FLOOD_SECONDS if code == FLOOD else 0.0
            except (OSError, InvalidHandshake) as exc:
                if time.monotonic() > deadline:
                    raise ChatClosed(close_code=1006, reason=str(exc)) from exc
            time.sleep(at_least + _jitter.uniform(0, pause))  # full jitter: nobody comes back in step
            pause = min(30.0, pause * 2)

    def _connect_once(self) -> None:
        self.cut()
        self._leave_at = None
        opening = connect(
            self._url,
            subprotocols=[SUBPROTOCOL],
            compression=None,
            max_size=4 * 1024 * 1024,
            open_timeout=5,
            proxy=None,
        )
        self._socket = opening.__enter__()  # it outlives any one block: close() and cut() end it
        self.n_connects += 1
        token = self._token if isinstance(self._token, str) else self._token()
        self.welcome = self._ask("auth", {"token": token})

    def _resume(self) -> None:
        ids = list(self.last_seq)
        for start in range(0, len(ids), SYNC_MAX):
            told = self._ask("sync", {id: self.last_seq[id] for id in ids[start : start + SYNC_MAX]})
            for id, joined in told.items():
                if "error" not in joined:
                    self._take(id, joined)
        self._heal()
        for client_id in list(self._unsettled):
            self._settle(client_id)

    def cut(self) -> None:
        """Drop the connection as a dead network does: without a word."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close_socket()

    def close(self) -> None:
        """Say goodbye."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close()

    # ── what one does ──

    def join(self, conversation_id: UUID | str, *, after_seq: int = 0) -> dict[str, Any]:
        """Listen to a conversation and get all of it, or what came after *after_seq*."""
        id = str(conversation_id)
        known = self.last_seq.get(id, after_seq)
        joined = self._request("join_chat", {"conversation_id": id, "after_seq": known})
        self.last_seq.setdefault(id, known)
        self._take(id, joined)
        self._healed()
        return joined

    def leave(self, conversation_id: UUID | str) -> None:
        """Listen no longer."""
        self.last_seq.pop(str(conversation_id), None)
        self._request("leave_chat", {"conversation_id": str(conversation_id)})

    def send(self, conversation_id: UUID | str, body: str, *, client_id: UUID | None = None) -> dict[str, Any]:
        """
        Say something and return the acknowledgement: it is stored, once.

        Raises:
            ChatRefused: If it never will be.
        """
        return self._write("send_message", conversation_id, client_id, body=body)

    def edit(
        self, conversation_id: UUID | str, seq: int, body: str, *, client_id: UUID | None = None
    ) -> dict[str, Any]:
        """
        Say a message of one's own in other words.

        Raises:
            ChatRefused: If it is not one's own, or is no more.
        """
        return self._write("edit_message", conversation_id, client_id, seq=seq, body=body)

    def delete(self, conversation_id: UUID | str, seq: int, *, client_id: UUID | None = None) -> dict[str, Any]:
        """
        Take a message of one's own back.

        Raises:
            ChatRefused: If it is not one's own, or is no more.
        """
        return self._write("delete_message", conversation_id, client_id, seq=seq)

    def _write(self, type_: str, conversation_id: UUID | str, client_id: UUID | None, **data: Any) -> dict[str, Any]:
        key = str(client_id or uuid.uuid4())
        self._unsettled[key] = (type_, {"conversation_id": str(conversation_id), "client_id": key, **data})
        while key in self._unsettled:
            try:
                self._settle(key)
            except ConnectionClosed as exc:
                self._come_back(exc)  # which settles it
        self._healed()
        outcome = self._settled.pop(key)
        if isinstance(outcome, ChatRefused):
            raise outcome
        return outcome

    def read(self, conversation_id: UUID | str, seq: int) -> int:
        """Move one's read mark; return where it stands."""
        answer = self._request("read", {"conversation_id": str(conversation_id), "seq": seq})
        return int(answer["seq"])

    def typing(self, conversation_id: UUID | str, *, is_on: bool = True) -> None:
        """Let the others see that one types."""
        self._request("typing", {"conversation_id": str(conversation_id), "on": is_on})

    def history(self, conversation_id: UUID | str, **slice: int) -> dict[str, Any]:
        """Return a slice of a conversation: ``after_seq`` or ``before_seq``, and ``limit``."""
        return self._request("history", {"conversation_id": str(conversation_id), **slice})

    def ping(self) -> None:
        """Make sure that the connection is alive; come back where it is not."""
        self._request("ping", {})

    def listen(self, until: Callable[[], bool], *, timeout: float = 10.0) -> bool:
        """Take what others say until *until* is true; return whether it became so in time."""
        deadline = time.monotonic() + timeout
        while not until():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            try:
                if self._leave_at is not None and time.monotonic() >= self._leave_at:
                    self.close()
                    self.connect()
                self._heal()
                self._pump(min(left, 0.5))
            except TimeoutError:
                continue
            except ConnectionClosed as exc:
                self._come_back(exc)
        return True

    def bodies(self, conversation_id: UUID | str) -> list[str]:
        """Return what is said in a conversation, as this device knows it: in order, as edited, without what is gone."""
        said: dict[int, str] = {}
        for event in self.events.get(str(conversation_id), []):
            about = event.get("ref_seq") or event["seq"]
            if event["kind"] == "message" or about in said:  # else what it is about came before this device joined
                said[about] = event["body"]
            if event["kind"] == "delete":
                said.pop(about, None)
        return [body for body in said.values() if body]  # what was taken back before it was read here has none

    # ── requests and replies ──

    def _request(self, type_: str, data: dict[str, Any]) -> dict[str, Any]:
        """Ask, and ask again on a new connection: only for what may be asked twice."""
        while True:
            try:
                return self._ask(type_, data)
            except ConnectionClosed as exc:
                self._come_back(exc)

    def _come_back(self, exc: ConnectionClosed) -> None:
        code = _code_of(exc)
        if code in STOPS:
            raise ChatClosed(close_code=code) from exc
        self.connect()

    def _ask(self, type_: str, data: dict[str, Any]) -> dict[str, Any]:
        if self._socket is None:
            raise ConnectionClosedError(None, None)
        request_id = str(next(self._ids))
        envelope = {"type": type_, "id": request_id, "data": data}
        self._socket.send(json.dumps(envelope, ensure_ascii=False))  # escaped, 8,000 emoji would fit no frame
        deadline = time.monotonic() + self._patience
        while request_id not in self._replies:
            try:
                self._pump(max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                self.cut()  # a link that says nothing is dead
                raise ConnectionClosedError(None, None) from None
        reply = self._replies.pop(request_id)
        if reply["type"] == "error":
            raise ChatRefused(data=reply["data"])
        return dict(reply["data"])

    def _settle(self, client_id: str) -> None:
        type_, data = self._unsettled[client_id]
        while True:
            try:
                ack = self._ask(type_, data)
            except ChatRefused as exc:
                if exc.data.get("retryable"):
                    time.sleep(exc.data.get("retry_after_ms", 1_000) / 1_000)
                    continue
                self._settled[client_id] = exc
            else:
                self._settled[client_id] = ack
                about = {"kind": KINDS[type_], "ref_seq": data.get("seq"), "sender_id": self.welcome["account_id"]}
                own = {"body": "", **data, **ack, **about}
                self._apply({name: value for name, value in own.items() if name != "duplicate"})
            del self._unsettled[client_id]
            return

    def _pump(self, timeout: float) -> None:
        if self._socket is None:
            raise ConnectionClosedError(None, None)
        frame = json.loads(self._socket.recv(timeout))
        if "id" in frame:
            self._replies[frame["id"]] = frame
            return
        self.pushes.append(frame)
        data = frame["data"]
        match frame["type"]:
            case "message" | "message_edited" | "message_deleted":
                self._apply(data)
            case "gap":
                self._gaps.add(data["conversation_id"])
            case "draining":
                self._leave_at = time.monotonic() + data["reconnect_in_ms"] / 1_000

    # ── the client rule ──

    def _apply(self, event: dict[str, Any]) -> None:
        id = event["conversation_id"]
        last = self.last_seq.get(id)
        if last is None or event["seq"] <= last:
            return
        if event["seq"] == last + 1:
            self.events.setdefault(id, []).append(event)
            self.last_seq[id] = event["seq"]
        else:
            self._gaps.add(id)

    def _take(self, id: str, joined: dict[str, Any]) -> None:
        for event in joined["events"]:
            self._apply(event)
        if self.last_seq.get(id, 0) < joined["last_seq"]:
            self._gaps.add(id)

    def _heal(self) -> None:
        while self._gaps:
            id = next(iter(self._gaps))
            if id in self.last_seq:
                page = self._ask("history", {"conversation_id": id, "after_seq": self.last_seq[id]})
                for event in page["events"]:
                    self._apply(event)
                if page["has_more"]:
                    continue
            self._gaps.discard(id)

    def _healed(self) -> None:
        try:
            self._heal()
        except ConnectionClosed as exc:
            self._come_back(exc)  # which heals


def _code_of(exc: ConnectionClosed) -> int:
    return exc.rcvd.code if exc.rcvd is not None else 1006
