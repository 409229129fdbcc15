"""
The link to Elasticsearch: one deadline per question, a breaker, and answers that are what they should be or none.

Whatever goes wrong is ``Unavailable``: the core then asks the database. An
answer is read by its shape; HTML, half an answer, or a number where a list
should be, count as no answer.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from elastic_transport import TransportError
from elasticsearch import ApiError, Elasticsearch, NotFoundError

from coachhub_core.errors import CoachHubError, IndexMissing, Unavailable

T = TypeVar("T")

TIMEOUT_SECONDS: Final = 2.0
SLACK_SECONDS: Final = 0.3  # beyond its timeout, which counts silence only: an answer that trickles is given up here
OPEN_SECONDS: Final = 2.0
_GARBAGE: Final = (msgspec.MsgspecError, ValueError, TypeError, LookupError, AttributeError)


class Link:
    """
    Connections to one cluster, and what is remembered of it being away.

    Args:
        urls: Addresses with scheme and port, parted by commas.
    Raises:
        ValueError: If an address is none.
    """

    def __init__(self, urls: str, *, connections: int = 12) -> None:
        self._client = Elasticsearch(
            [url.strip() for url in urls.split(",") if url.strip()],
            request_timeout=TIMEOUT_SECONDS,
            connections_per_node=connections,
            max_retries=1,
            retry_on_timeout=False,
        )
        self._lock = threading.Lock()
        self._open_until = 0.0

    def ask(self, question: Callable[[Elasticsearch], Any], shape: type[T], *, seconds: float = TIMEOUT_SECONDS) -> T:
        """
        Return the answer to *question*, read as *shape*.

        Raises:
            Unavailable: If there is none in time, or it is not of that shape;
                for two seconds after that at once, without asking.
            IndexMissing: If what it is about does not exist.
        """
        with self._lock:
            now = time.monotonic()
            if now < self._open_until:
                raise Unavailable(what="the search engine")
            was_open = self._open_until > 0
            if was_open:  # one tries, and nobody waits behind it
                self._open_until = now + seconds + SLACK_SECONDS
        try:
            answer = self._read(question, shape, seconds)
        except IndexMissing:
            self._close_breaker()
            raise
        except _Refused as exc:
            self._close_breaker()
            raise Unavailable(what="the search engine") from exc
        except Unavailable:
            with self._lock:
                self._open_until = time.monotonic() + OPEN_SECONDS
            raise
        self._close_breaker()
        return answer

    def look(self, question: Callable[[Elasticsearch], Any], shape: type[T]) -> T:
        """Ask whatever the breaker says: for the probe."""
        try:
            return self._read(question, shape, TIMEOUT_SECONDS)
        except _Refused as exc:
            raise Unavailable(what="the search engine") from exc

    def _close_breaker(self) -> None:
        with self._lock:
            self._open_until = 0.0

    def _read(self, question: Callable[[Elasticsearch], Any], shape: type[T], seconds: float) -> T:
        client = self._client if seconds == TIMEOUT_SECONDS else self._client.options(request_timeout=seconds)
        try:
            answer = _within(seconds + SLACK_SECONDS, lambda: question(client))
            return msgspec.convert(getattr(answer, "body", answer), shape, strict=True)
        except CoachHubError:
            raise
        except NotFoundError as exc:
            raise IndexMissing from exc
        except ApiError as exc:
            if 400 <= exc.status_code < 500 and exc.status_code not in (408, 429):
                raise _Refused(f"{exc.status_code}: {exc.message}") from exc
            raise Unavailable(what="the search engine") from exc
        except (TransportError, OSError, *_GARBAGE) as exc:
            raise Unavailable(what="the search engine") from exc

    def close(self) -> None:
        """Give back every connection."""
        self._client.close()


class _Refused(Exception):
    """Raised when Elasticsearch is there and will not do this, such as write to an index that is read-only."""


def _within(seconds: float, work: Callable[[], T]) -> T:
    """
    Run *work* in a thread of its own and return what it returns, or give it up.

    The client's timeout counts the time without a byte, so a server that sends
    one now and then would be waited for without end.
    """
    done: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as exc:  # handed over to who waits
            done.put((None, exc))

    threading.Thread(target=run, name="coachhub-elasticsearch", daemon=True).start()
    try:
        result, error = done.get(timeout=seconds)
    except queue.Empty as exc:
        raise Unavailable(what="the search engine") from exc
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # without an error it is what work returned
