"""Inboxes and the outbox."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import attrs
import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from coachhub_core.domain.events import Event
from coachhub_core.domain.notifications import Notification
from coachhub_core.identifiers import NewId
from coachhub_core.ports.storage import DeadLetter, Keyset, Slice, StoredEvent
from coachhub_sqlalchemy.keyset import by_id, sliced
from coachhub_sqlalchemy.later import later
from coachhub_sqlalchemy.mapping import Repository, RowMapping
from coachhub_sqlalchemy.tables.notifications import notifications, outbox_events

_N, _O = notifications.c, outbox_events.c
# read as bytes: one damaged row must not keep the others from being read
_PAYLOAD, _HEARD = sa.type_coerce(_O.payload, sa.LargeBinary), sa.type_coerce(_O.heard, sa.LargeBinary)


class SqlNotifications(Repository[Notification]):
    """Inboxes."""

    mapping = RowMapping(Notification, notifications)
    kind = "notification"

    def add(self, notification: Notification) -> None:
        """Write it once; a racing twin meets the unique key and its unit runs again."""
        row = self.mapping.to_row(notification)
        values = sa.select(*(sa.bindparam(f"the_{name}", type_=_N[name].type) for name in row)).where(
            ~sa.exists().where(_N.dedupe_key == notification.dedupe_key)
        )
        statement = sa.insert(notifications).from_select(list(row), values)
        later(self._connection, statement, {f"the_{name}": value for name, value in row.items()})

    def page(self, *, account_id: UUID, unread: bool | None, keyset: Keyset | None, limit: int) -> Slice[Notification]:
        """Newest first."""
        statement = sa.select(*self.mapping.selected).where(_N.account_id == account_id)
        if unread is not None:
            statement = statement.where(_N.read_at.is_(None) if unread else _N.read_at.is_not(None))
        return sliced(self._all(by_id(statement, _N.id, keyset, limit)), keyset, limit)

    def n_unread(self, account_id: UUID) -> int:
        """How many wait to be read."""
        statement = sa.select(sa.func.count()).where(_N.account_id == account_id, _N.read_at.is_(None))
        return int(self._connection.execute(statement).scalar_one())

    def mark_read(self, account_id: UUID, ids: Sequence[UUID], *, at: datetime) -> None:
        """Some or all."""
        statement = sa.update(notifications).where(_N.account_id == account_id, _N.read_at.is_(None))
        if ids:
            statement = statement.where(_N.id.in_(list(ids)))
        self._connection.execute(statement.values(read_at=at))

    def delete_of(self, account_id: UUID) -> int:
        """Delete an inbox."""
        result = self._connection.execute(sa.delete(notifications).where(_N.account_id == account_id))
        return int(result.rowcount)


class SqlOutbox:
    """Events on their way out."""

    def __init__(self, connection: Connection, new_id: NewId) -> None:
        self._connection = connection
        self._new_id = new_id

    def add(self, event: Event) -> None:
        """Write it with its cause."""
        later(
            self._connection,
            sa.insert(outbox_events),
            {
                "id": self._new_id(),
                "type": event.type,
                "aggregate_id": event.aggregate_id,
                "payload": msgspec.to_builtins(attrs.asdict(event)),
                "state": "waiting",
                "created_at": event.at,
                "due_at": event.at,
                "n_attempts": 0,
            },
        )

    def lease(self, *, owner: str, now: datetime, until: datetime, limit: int) -> Sequence[StoredEvent]:
        """Take what waits, and what an owner let lapse."""
        is_due = sa.and_(_O.state.in_(("waiting", "leased")), _O.due_at <= now)
        rows = self._connection.execute(
            sa.select(_O.id, _O.type, _O.aggregate_id, _PAYLOAD, _O.created_at, _O.n_attempts, _HEARD)
            .where(is_due)
            .order_by(_O.due_at, _O.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        if rows:
            self._connection.execute(
                sa.update(outbox_events)
                .where(_O.id.in_([row[0] for row in rows]))
                .values(state="leased", owner=owner, due_at=until, n_attempts=_O.n_attempts + 1)
            )
        return [
            StoredEvent(
                id=row[0],
                type=row[1],
                aggregate_id=row[2],
                payload=_read(row[3], dict),
                created_at=row[4],
                n_attempts=row[5] + 1,
                heard=frozenset(_read(row[6], list[str]) or ()),
            )
            for row in rows
        ]

    def done(self, ids: Sequence[UUID], *, now: datetime) -> None:
        """Told."""
        if ids:
            self._connection.execute(
                sa.update(outbox_events)
                .where(_O.id.in_(list(ids)), _O.state != "done")
                .values(state="done", done_at=now, owner=None)
            )

    def failed(
        self,
        id: UUID,
        *,
        owner: str,
        now: datetime,
        retry_at: datetime | None,
        reason: str,
        heard: Collection[str] = (),
        counts: bool = True,
    ) -> None:
        """Later again, or never."""
        values: dict[str, Any] = {
            "state": "dead" if retry_at is None else "waiting",
            "due_at": retry_at or now,
            "error": reason[:255],
            "heard": sorted(heard) or None,
        }
        if not counts:
            values["n_attempts"] = _O.n_attempts - 1
        self._connection.execute(
            sa.update(outbox_events).where(_O.id == id, _O.owner == owner).values(owner=None, **values)
        )

    def give_back(self, ids: Sequence[UUID], *, owner: str, now: datetime) -> None:
        """Not tried."""
        if ids:
            self._connection.execute(
                sa.update(outbox_events)
                .where(_O.id.in_(list(ids)), _O.owner == owner)
                .values(state="waiting", owner=None, due_at=now, n_attempts=_O.n_attempts - 1)
            )

    def recall(self, *, now: datetime, lease: timedelta, pause: timedelta) -> int:
        """Put them where the clock is."""
        is_fresh = sa.or_(_O.state == "leased", _O.n_attempts == 0)
        is_open = _O.state.in_(("waiting", "leased"))
        lost = sa.and_(is_open, _O.due_at > now + lease, sa.or_(is_fresh, _O.due_at > now + pause))
        again = sa.update(outbox_events).where(lost).values(state="waiting", owner=None, due_at=now)
        return int(self._connection.execute(again).rowcount)

    def delete_done(self, *, before: datetime, limit: int) -> int:
        """Forget."""
        old = sa.select(_O.id).where(_O.state == "done", _O.done_at < before).limit(limit)
        ids = [row[0] for row in self._connection.execute(old)]
        if ids:
            self._connection.execute(sa.delete(outbox_events).where(_O.id.in_(ids)))
        return len(ids)

    def backlog(self) -> tuple[int, datetime | None, int]:
        """What waits, since when, and what is dead."""
        waiting = self._connection.execute(
            sa.select(sa.func.count(), sa.func.min(_O.created_at)).where(_O.state.in_(("waiting", "leased")))
        ).one()
        dead = sa.select(sa.func.count()).where(_O.state == "dead")
        return int(waiting[0]), waiting[1], int(self._connection.execute(dead).scalar_one())

    def dead(self, *, limit: int) -> Sequence[DeadLetter]:
        """What was buried."""
        rows = self._connection.execute(
            sa.select(_O.id, _O.type, _O.aggregate_id, _O.created_at, _O.n_attempts, _O.error)
            .where(_O.state == "dead")
            .order_by(_O.id)
            .limit(limit)
        )
        return [
            DeadLetter(
                id=row[0], type=row[1], aggregate_id=row[2], created_at=row[3], n_attempts=row[4], error=row[5] or ""
            )
            for row in rows
        ]

    def replay(self, ids: Sequence[UUID] | None, *, now: datetime) -> int:
        """Dig up."""
        found = sa.and_(_O.state == "dead", sa.true() if ids is None else _O.id.in_(list(ids)))
        again = sa.update(outbox_events).where(found).values(state="waiting", due_at=now, n_attempts=0, error=None)
        return int(self._connection.execute(again).rowcount)


def _read(stored: bytes | None, kind: Any) -> Any:
    """Return stored JSON of this kind; None when it is something else."""
    try:
        return None if stored is None else msgspec.json.decode(bytes(stored), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
