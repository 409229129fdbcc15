"""Writing into inboxes: in the transaction of the cause, once per cause."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from coachhub_core.domain.notifications import Notification
from coachhub_core.ports.storage import UnitOfWork
from coachhub_core.services.units import Context


def notify(context: Context, work: UnitOfWork, accounts: Iterable[UUID], type: str, cause: str, **payload: Any) -> None:
    """
    Tell *accounts* something.

    Args:
        type: What happened, such as ``match_requested``.
        cause: Names the cause; with type and account it makes the dedupe key.
        payload: Ids and facts, JSON values; never a text of somebody else.
    """
    now = context.clock()
    for account_id in accounts:
        work.notifications.add(
            Notification(
                id=context.new_id(),
                account_id=account_id,
                type=type,
                payload={name: str(value) if isinstance(value, UUID) else value for name, value in payload.items()},
                dedupe_key=f"{type}:{cause}:{account_id}",
                created_at=now,
            )
        )
