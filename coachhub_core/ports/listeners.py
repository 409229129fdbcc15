"""Who hears of events from the outbox."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import attrs

from coachhub_core.domain.events import Event

Tell = Callable[[Event, UUID], None]
"""Told an event and its id, which is the same each time it is told; raises to hear of it again later."""


@attrs.frozen(kw_only=True)
class Listener:
    """
    Somebody who hears of events.

    Args:
        name: The same from one start to the next: under it the outbox keeps who has heard.
        tell: At least once with each event; has about 27 seconds before another worker may begin as well.
    """

    name: str
    tell: Tell


ListenersOf = Callable[[str], tuple[Listener, ...]]
"""Returns who hears of events of a type."""
