"""The REST door as any program uses it: the standard library's HTTP client, JSON, a token."""

from __future__ import annotations

import http.client
import json
from typing import Any, Final

import attrs

_TIMEOUT_SECONDS: Final = 30.0


@attrs.frozen(kw_only=True)
class Answer:
    """What the server said."""

    status: int
    body: Any
    etag: str | None

    @property
    def error_code(self) -> str | None:
        """The code of a refusal, such as ``match.coach_full``."""
        return self.body["error"]["code"] if self.status >= 400 else None

    @property
    def reason(self) -> str:
        """The sentence of a refusal."""
        return str(self.body["error"]["message"]) if self.status >= 400 else ""


class Rest:
    """
    Asks one server.

    Args:
        host, port: Where it listens.
    """

    def __init__(self, host: str, port: int) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        key: str | None = None,
        if_match: str | None = None,
    ) -> Answer:
        """
        Send one request and return the answer, whatever its status.

        Args:
            path: Below ``/api``.
            key: The idempotency key: the same one twice is one request.
            if_match: The ETag that the change is based on.
        Raises:
            OSError: If the server does not answer.
        """
        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        if if_match is not None:
            headers["If-Match"] = if_match
        raw = None
        if body is not None:
            raw = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            answer = self._send(method, f"/api{path}", raw, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            answer = self._send(method, f"/api{path}", raw, headers)  # the server had closed an idle connection
        return answer

    def _send(self, method: str, path: str, raw: bytes | None, headers: dict[str, str]) -> Answer:
        try:
            self._connection.request(method, path, raw, headers)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        return Answer(
            status=response.status, body=json.loads(content) if content else None, etag=response.getheader("ETag")
        )

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
