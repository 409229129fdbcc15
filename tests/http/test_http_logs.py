"""Log lines and metrics: what they hold, and what they never hold."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from coachhub_core.log_lines import MAX_LINE_BYTES, LineWriter
from coachhub_core.security import Claims
from coachhub_http.context import Context, current
from coachhub_http.logs import JsonHandler, RequestLog
from coachhub_http.metrics import Metrics
from coachhub_http.pool import Pool

ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


class Pipe:
    """A pipe whose lines a test reads."""

    def __init__(self) -> None:
        self.reader, descriptor = os.pipe()
        self.writer = LineWriter(descriptor)
        self.descriptor = descriptor

    def lines(self) -> list[dict[str, object]]:
        os.close(self.descriptor)
        with os.fdopen(self.reader, "rb") as stream:
            return [json.loads(line) for line in stream.read().splitlines()]


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


@pytest.fixture
def log(pipe: Pipe) -> Iterator[logging.Logger]:
    logger = logging.getLogger("coachhub.test")
    handler = JsonHandler(pipe.writer)
    logger.addHandler(handler)
    logger.setLevel("DEBUG")
    logger.propagate = False
    yield logger
    logger.removeHandler(handler)
    logger.propagate = True


@pytest.fixture
def context() -> Iterator[Context]:
    context = Context({}, "request-1")
    context.route = "/api/things/{thing_id:id}"
    context.claims = Claims(account_id=ID, role="coach", session_id=ID, expires_at=datetime(2030, 1, 1, tzinfo=UTC))
    token = current.set(context)
    yield context
    current.reset(token)


def test_a_record_is_one_json_line_with_its_request(pipe: Pipe, log: logging.Logger, context: Context) -> None:
    """UTC, level, logger, request and account; controls are escaped, so a line stays a line."""
    log.warning("a name with\nnewline %s", "\x1b[31m")
    (line,) = pipe.lines()
    assert line.pop("at", "").endswith("Z")  # type: ignore[attr-defined]  # it is text
    assert line == {
        "level": "warning",
        "logger": "coachhub.test",
        "event": "a name with\nnewline \x1b[31m",
        "request_id": "request-1",
        "account_id": str(ID),
    }


def test_what_looks_like_a_token_is_blanked(pipe: Pipe, log: logging.Logger) -> None:
    """In the event and in a traceback."""
    token = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6MX0.c2lnbmF0dXJl"
    try:
        raise ValueError(f"bad {token}")
    except ValueError:
        log.exception("got Bearer abcdefgh12345678 and %s", token)
    (line,) = pipe.lines()
    assert "eyJ" not in json.dumps(line)
    assert "abcdefgh" not in json.dumps(line)
    assert "ValueError" in str(line["exception"])


def test_a_long_line_is_shortened_to_what_a_pipe_takes_whole(pipe: Pipe, log: logging.Logger) -> None:
    """Lines of several processes share a pipe and must not mix."""
    log.error("x%s", "é🏃" * 5_000)
    os.close(pipe.descriptor)
    with os.fdopen(pipe.reader, "rb") as stream:
        raw = stream.read()
    assert len(raw) <= MAX_LINE_BYTES
    assert json.loads(raw)["event"].startswith("xé🏃")


def test_a_full_disk_fails_no_request() -> None:
    """What cannot be written is dropped and counted."""
    writer = LineWriter(os.open("/dev/full", os.O_WRONLY))
    writer.write({"event": "x"})
    writer.write({"event": "y"})
    assert writer.n_dropped == 2


def test_a_request_line_says_who_what_and_how_it_ended(pipe: Pipe, context: Context) -> None:
    """The template of the address, never the address; nothing of what was said."""
    context.error_code = "match.coach_full"
    context.trace_id = "0af7651916cd43dd8448eb211c80319c"
    RequestLog(pipe.writer, enabled=True)(context, "POST", 409, 0.01234)
    RequestLog(pipe.writer, enabled=False)(context, "POST", 409, 0.01234)
    (line,) = pipe.lines()
    assert line.pop("at", None)
    assert line == {
        "level": "info",
        "logger": "coachhub_http.requests",
        "event": "request",
        "request_id": "request-1",
        "account_id": str(ID),
        "method": "POST",
        "route": "/api/things/{thing_id:id}",
        "status": 409,
        "ms": 12.34,
        "code": "match.coach_full",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
    }


def test_metrics_count_by_route_and_status(context: Context) -> None:
    """Requests, seconds and how full the pools are; a strange method is one label for all of its kind."""
    metrics = Metrics([Pool("work", threads=1, waiting=1, seconds=1)])
    metrics(context, "GET", 200, 0.004)
    metrics(context, "GET", 200, 0.3)
    metrics(context, "BREW", 405, 0.001)
    text = metrics.render().decode()
    route = 'route="/api/things/{thing_id:id}"'
    assert f'coachhub_http_requests_total{{method="GET",{route},status="200"}} 2.0' in text
    assert f'coachhub_http_requests_total{{method="other",{route},status="405"}} 1.0' in text
    assert f'coachhub_http_request_seconds_bucket{{le="0.005",{route}}} 2.0' in text
    assert 'coachhub_http_pool_taken{pool="work"} 0.0' in text
