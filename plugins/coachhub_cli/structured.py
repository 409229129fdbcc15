"""Log lines of the command's own processes: JSON on standard output, one object a line."""

from __future__ import annotations

import json
import logging

import structlog

from coachhub_core.log_lines import LineWriter


class _Lines(logging.Handler):
    """Hands what the formatter makes of a record to the writer."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            self._writer.write(json.loads(self.format(record)))
        except Exception:  # logging's own contract for emit: report it, never raise into who logged
            self.handleError(record)


def configure(level: str) -> None:
    """Send every record of the standard library through structlog to standard output."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.stdlib.ExtraAdder(),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ],
    )
    handler = _Lines(LineWriter())
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("alembic").setLevel(logging.WARNING)
