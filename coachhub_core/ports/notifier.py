"""The port *notifier*: one way out of the house, such as mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

import attrs


@attrs.frozen(kw_only=True)
class Delivery:
    """One notification on its way to one person; ``dedupe_key`` lets the far side drop a repeat."""

    notification_id: UUID
    account_id: UUID
    address: str
    locale: str
    type: str
    payload: Mapping[str, Any]
    dedupe_key: str


class Notifier(Protocol):
    """Sends deliveries; raises ``Unavailable`` when it should be tried again."""

    def send(self, delivery: Delivery) -> None:
        """Hand *delivery* over."""
        ...
