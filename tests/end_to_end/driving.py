"""An open-loop driver: a request every so often, whatever the answers do, on a pool of connections that are kept."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import attrs

Request = tuple[str, str, Any]
"""Method, path and body."""


@attrs.frozen
class Sent:
    """What became of a request: its status, or None and why none came; its time counts from when it was due."""

    what: str
    status: int | None
    seconds: float
    exact: str = ""

    @property
    def is_done(self) -> bool:
        """Whether it was answered, and with what was asked for."""
        return self.status is not None and 200 <= self.status < 300


class Driver:
    """
    Sends request *number* at its own time, ``number * every_seconds`` after the start, until it is left.

    One that is late because every connection waits is sent as soon as one is
    free, and the next ones are not put off for it: what is due is counted by
    the clock, and :attr:`n_due` tells a stalled driver from a calm server. What
    it waited for a connection is a part of its time: a server that stands still
    for a second is seen by all who were due in it, and not by the first alone.

    Args:
        request: Returns the request of a number.
        n_connections: Kept open, each used by one request at a time.
    """

    def __init__(
        self,
        port: int,
        request: Callable[[int], Request],
        *,
        token: str | None = None,
        every_seconds: float,
        n_connections: int = 24,
    ) -> None:
        self._port, self._request, self._token, self._every = port, request, token, every_seconds
        self._lock = threading.Lock()
        self._next = 0
        self._began_at = self._ended_at = 0.0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(n_connections)]
        self.sent: list[Sent] = []
        self.n_opened = 0

    def __enter__(self) -> Self:
        self._began_at = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended_at = time.monotonic()
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def n_due(self) -> int:
        """How many were due by the clock."""
        return int((self._ended_at - self._began_at) / self._every)

    @property
    def not_done(self) -> list[Sent]:
        """Those that got another answer than asked for, or none."""
        return [each for each in self.sent if not each.is_done]

    def _take(self) -> int:
        with self._lock:
            number, self._next = self._next, self._next + 1
            return number

    def _run(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while True:
            number = self._take()
            due = self._began_at + number * self._every
            if self._stop.wait(max(0.0, due - time.monotonic())):
                break
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=15)
                with self._lock:
                    self.n_opened += 1
            method, path, body = self._request(number)
            try:
                status, exact = self._ask(connection, method, path, body)
            except (OSError, http.client.HTTPException) as exc:
                status, exact = None, repr(exc)
                connection.close()
                connection = None
            self.sent.append(Sent(f"{method} {path}", status, time.monotonic() - due, exact))
        if connection is not None:
            connection.close()

    def _ask(self, connection: http.client.HTTPConnection, method: str, path: str, body: Any) -> tuple[int, str]:
        headers = {"Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read()
        return response.status, "" if response.status < 300 else text.decode(errors="replace")
