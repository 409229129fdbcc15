"""
Log lines: one JSON object each, UTC, on standard output.

The library and this shell log through the standard library; this sets up who
writes. No line holds a token, an address or what was said: nothing here logs
one, and what looks like a token is blanked all the same.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from coachhub_core.log_lines import LineWriter

_TOKEN: Final = re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*|(?i:\bbearer[\s.]+)[\w.~+/=-]{8,}")
_EXTRAS: Final = ("account_id", "connection_id", "code", "seconds")


class JsonHandler(logging.Handler):
    """Hands records of the standard library to structlog's processors, and what comes out to the writer."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            event: dict[str, Any] = {
                "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "level": record.levelname.lower(),
                "logger": record.name,
                "event": _TOKEN.sub("[token]", record.getMessage()),
                **{name: getattr(record, name) for name in _EXTRAS if hasattr(record, name)},
            }
            if record.exc_info:
                event["exc_info"] = record.exc_info
                event = dict(structlog.processors.format_exc_info(None, "error", event))
                event["exception"] = _TOKEN.sub("[token]", str(event["exception"]))
            self._writer.write(event)
        except Exception:  # logging's own contract for emit: report it, never raise into who logged
            self.handleError(record)


def configure(level: str, writer: LineWriter) -> None:
    """Let every log line of this process, from *level* up, go to *writer*."""
    root = logging.getLogger()
    root.handlers[:] = [JsonHandler(writer)]
    root.setLevel(level.upper())
    for name in ("websockets", "alembic"):  # a line per handshake, or per migration's step, tells nobody anything
        logging.getLogger(name).setLevel("WARNING")
    logging.captureWarnings(True)
