"""
Lines of a log on a pipe, a terminal or a file: whoever reads them can stop no server.

A reader that stands still (Ctrl-S in a terminal, a pager, a collector that
hangs) fills its pipe, and the next one who writes would wait for it, together
with every thread that logs after it.
"""

from __future__ import annotations

import json
import os
import select
from typing import Any, Final

MAX_LINE_BYTES: Final = 4_000  # below PIPE_BUF, so that the lines of several processes never mix in one pipe
_SHORTER: Final = (2_000, 500, 100)  # characters per text, until the line fits


def takes_more(descriptor: int) -> bool:
    """Tell whether a line of at most ``MAX_LINE_BYTES`` can be written to *descriptor* without waiting."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(0))  # an error is an answer, too: writing says which


class LineWriter:
    """
    Writes events to a file descriptor, one JSON object a line.

    What cannot be written, because the disk is full, the reader is gone or stands
    still, is dropped and counted; the next line that can be written is preceded
    by that count.
    """

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self.n_dropped = 0

    def write(self, event: dict[str, Any]) -> None:
        """Write one event; its texts are shortened until the line fits."""
        line = _encoded(event)
        for chars in _SHORTER:
            if len(line) < MAX_LINE_BYTES:
                break
            line = _encoded({name: _shortened(value, chars) for name, value in event.items()})
        n_dropped = self.n_dropped
        if n_dropped and self._put({"level": "warning", "event": "log lines were dropped", "n": n_dropped}):
            self.n_dropped -= n_dropped
        if not self._put_line(line):
            self.n_dropped += 1

    def _put(self, event: dict[str, Any]) -> bool:
        return self._put_line(_encoded(event))

    def _put_line(self, line: bytes) -> bool:
        try:
            if not takes_more(self._descriptor):
                return False
            os.write(self._descriptor, line + b"\n")
        except OSError:
            return False
        return True


def _encoded(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False, default=str).encode("utf-8", "replace")


def _shortened(value: Any, chars: int) -> Any:
    """Keep the beginning of a text and more of its end: a traceback says there what happened."""
    if isinstance(value, str) and len(value) > chars:
        return value[: chars // 4] + " … " + value[-(chars * 3 // 4) :]
    return value
