"""
Log lines: one JSON object each, UTC, on standard output, with the request they belong to.

The library and the shells log through the standard library; this sets up who
writes. No line holds a password, token, address, body or health datum: nothing
here logs one, and what looks like a token is blanked all the same.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from coachhub_core.log_lines import LineWriter
from coachhub_http.context import Context, current

_TOKEN: Final = re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*|(?i:\bbearer\s+)[\w.~+/=-]{8,}")


def now() -> str:
    """Return the instant of a log line."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonHandler(logging.Handler):
    """Hands records of the standard library to structlog's processors, and what comes out to the writer."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            event: dict[str, Any] = {
                "at": now(),
                "level": record.levelname.lower(),
                "logger": record.name,
                "event": _TOKEN.sub("[token]", record.getMessage()),
                **_request_of(),
            }
            if record.exc_info:
                event["exc_info"] = record.exc_info
                event = dict(structlog.processors.format_exc_info(None, "error", event))
                event["exception"] = _TOKEN.sub("[token]", str(event["exception"]))
            self._writer.write(event)
        except Exception:  # logging's own contract for emit: report it, never raise into who logged
            self.handleError(record)


def _request_of() -> dict[str, str]:
    context = current.get()
    if context is None:
        return {}
    found = {"request_id": context.request_id}
    if context.claims is not None:
        found["account_id"] = str(context.claims.account_id)
    return found


class RequestLog:
    """Writes one line per request: who, which operation, how it ended, how long it took; never what was said."""

    def __init__(self, writer: LineWriter, *, enabled: bool) -> None:
        self._writer = writer
        self._enabled = enabled

    def __call__(self, context: Context, method: str, status: int, seconds: float) -> None:
        """Write the line of an answered request; status 0 is a client that left first."""
        if not self._enabled:
            return
        event: dict[str, Any] = {
            "at": now(),
            "level": "info",
            "logger": "coachhub_http.requests",
            "event": "request",
            "request_id": context.request_id,
            "method": method,
            "route": context.route,
            "status": status,
            "ms": round(seconds * 1000, 2),
        }
        if context.claims is not None:
            event["account_id"] = context.claims.account_id
        if context.error_code is not None:
            event["code"] = context.error_code
        if context.trace_id is not None:
            event["trace_id"] = context.trace_id
        self._writer.write(event)


def configure(level: str, writer: LineWriter) -> RequestLog:
    """
    Let every log line of this process go to *writer*.

    Args:
        level: debug, info, warning or error; request lines are written up to info.
    """
    root = logging.getLogger()
    root.handlers[:] = [JsonHandler(writer)]
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.render_to_log_kwargs,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return RequestLog(writer, enabled=level in ("debug", "info"))
