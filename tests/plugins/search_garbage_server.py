"""A server that is no Elasticsearch: it answers nonsense, half of it, late, or nothing at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

INDEX = {
    "coaches-1-1": {"aliases": {"coaches": {}}, "mappings": {"_meta": {"schema": 1, "beat": 1.0}}},
}
WHOLE = {"timed_out": False, "_shards": {"failed": 0}, "hits": {"total": {"value": 1}, "hits": []}}

ANSWERS: dict[str, Any] = {
    "hits are a text": {**WHOLE, "hits": "none"},
    "an id is a number": {**WHOLE, "hits": {"total": {"value": 1}, "hits": [{"_id": 7}]}},
    "an id is no id": {**WHOLE, "hits": {"total": {"value": 1}, "hits": [{"_id": "coach-7"}]}},
    "a list": [],
    "null": None,
    "an empty object": {},
    "a part did not answer": {**WHOLE, "_shards": {"failed": 1}},
    "it ran out of time": {**WHOLE, "timed_out": True},
    "the total is missing": {**WHOLE, "hits": {"hits": []}},
    "the facets are missing": WHOLE,
    "a count is a text": {
        **WHOLE,
        "aggregations": {"language": {"doc_count": 1, "values": {"buckets": [{"key": "en", "doc_count": "many"}]}}},
    },
}
MODES = ("html", "truncated", "no product header", "500", "429", "400", "hangs", "trickles", "closes", *ANSWERS)


class _Handler(BaseHTTPRequestHandler):
    mode: ClassVar[str] = "html"
    released: ClassVar[threading.Event] = threading.Event()
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        mode = type(self).mode
        is_search = "_search" in self.path
        if mode in ANSWERS:  # what it says of its index is as it should be, so that the search itself is asked
            self._json(ANSWERS[mode] if is_search else INDEX)
        elif mode == "html":
            self._send(200, b"<html><body>It works!</body></html>", "text/html")
        elif mode == "truncated":
            self._send(200, b'{"coaches-1-1": {"alia', length=4_000)
        elif mode == "no product header":
            self._json(INDEX, product=False)
        elif mode in ("500", "429", "400"):
            self._json({"error": {"type": "x", "reason": "y"}, "status": int(mode)}, status=int(mode))
        elif mode == "closes":
            self.close_connection = True
        elif mode == "hangs":
            type(self).released.wait(30)
        elif mode == "trickles":
            self._trickle()

    do_POST = do_GET  # noqa: N815 - the name http.server calls
    do_HEAD = do_GET  # noqa: N815 - the name http.server calls

    def _json(self, body: Any, *, status: int = 200, product: bool = True) -> None:
        kind = "application/vnd.elasticsearch+json;compatible-with=8"
        self._send(status, json.dumps(body).encode(), kind, product=product)

    def _send(
        self,
        status: int,
        body: bytes,
        kind: str = "application/json",
        *,
        product: bool = True,
        length: int | None = None,
    ) -> None:
        self._drain()
        self.send_response(status)
        if product:
            self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length if length is not None else len(body)))
        self.end_headers()
        self.wfile.write(body)
        if length is not None:
            self.close_connection = True

    def _trickle(self) -> None:
        """Send a byte each half second, so that no wait for one is ever too long."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Elastic-Product: Elasticsearch\r\nContent-Length: 1000\r\n")
        self.wfile.write(b"Content-Type: application/json\r\n\r\n")
        try:
            while not type(self).released.wait(0.5):
                self.wfile.write(b" ")
                self.wfile.flush()
        except OSError:
            pass
        self.close_connection = True

    def _drain(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def garbage(mode: str) -> Iterator[str]:
    """Serve *mode* and give the address."""
    handler = type("Handler", (_Handler,), {"mode": mode, "released": threading.Event()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        handler.released.set()  # type: ignore[attr-defined]  # given above
        server.shutdown()
        server.server_close()
        thread.join()
