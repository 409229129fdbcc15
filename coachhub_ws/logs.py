"""
Log lines: one JSON object each, UTC, on standard output.

The library and this shell log through the standard library; this sets up who
writes. No line holds a token, an address or what was said: nothing here logs
one, and what looks like a token is blanked all the same.
"""

from __future__ import annotations

import logging
import os
import re
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog

_ENCODER: Final = msgspec.json.Encoder(enc_hook=str)
_TOKEN: Final = re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*|(?i:\bbearer[\s.]+)[\w.~+/=-]{8,}")
_EXTRAS: Final = ("account_id", "connection_id", "code", "seconds")
MAX_LINE_BYTES: Final = 4_000  # below PIPE_BUF, so that the lines of several processes never mix in one pipe
_SHORTER: Final = (2_000, 500, 100)  # characters per text, until the line fits


class LineWriter:
    """Writes lines to a file descriptor; a full disk or a reader that is gone costs lines, which are counted."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self.n_dropped = 0

    def write(self, event: dict[str, Any]) -> None:
        """Write one event as one line."""
        line = _ENCODER.encode(event)
        for chars in _SHORTER:
            if len(line) < MAX_LINE_BYTES:
                break
            line = _ENCODER.encode({name: _shortened(value, chars) for name, value in event.items()})
        try:
            os.write(self._descriptor, line + b"\n")
        except OSError:
            self.n_dropped += 1


def _shortened(value: Any, chars: int) -> Any:
    """Keep the beginning of a text and more of its end: a traceback says there what happened."""
    if isinstance(value, str) and len(value) > chars:
        return value[: chars // 4] + " … " + value[-(chars * 3 // 4) :]
    return value


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
