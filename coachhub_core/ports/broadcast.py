"""The port *broadcast*: hints from one process to all, at most once; the database is the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Broadcast(Protocol):
    """Tells everybody who subscribed. A lost hint costs time, never a message."""

    reaches_other_processes: bool
    """Whether a hint published here is heard elsewhere."""

    def publish(self, channel: str, payload: bytes) -> None:
        """Tell; neither blocks nor raises."""
        ...

    def subscribe(self, channel: str, listener: Callable[[bytes], None]) -> Callable[[], None]:
        """Call *listener* with each payload, from any thread; the answer unsubscribes."""
        ...

    def close(self) -> None:
        """Stop telling."""
        ...
