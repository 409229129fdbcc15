"""Repository of the room *matches*."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from coachhub_core.domain.matches import Match, MatchEvent, MatchStatus
from coachhub_core.errors import NotFound
from coachhub_core.ports.storage import Keyset, MatchContext, Slice
from coachhub_sqlalchemy.keyset import by_id, sliced
from coachhub_sqlalchemy.later import later
from coachhub_sqlalchemy.mapping import Repository, RowMapping
from coachhub_sqlalchemy.tables.accounts import users
from coachhub_sqlalchemy.tables.chat import conversations
from coachhub_sqlalchemy.tables.coaches import coaches
from coachhub_sqlalchemy.tables.matches import match_events, matches
from coachhub_sqlalchemy.tables.trainees import trainees

MATCHES = RowMapping(Match, matches, unread=("active_trainee_id", "open_trainee_id"))
EVENTS = RowMapping(MatchEvent, match_events)

_trainee_user = users.alias("trainee_user")
_coach_user = users.alias("coach_user")
_WITH_CONTEXT: sa.Select[Any] = (
    sa.select(
        *MATCHES.selected,
        _trainee_user.c.name,
        _trainee_user.c.id,
        _trainee_user.c.zone,
        trainees.c.goal,
        _coach_user.c.name,
        _coach_user.c.id,
        conversations.c.id,
        (coaches.c.n_active >= coaches.c.capacity),
    )
    .join_from(matches, trainees, matches.c.trainee_id == trainees.c.id)
    .join(_trainee_user, trainees.c.user_id == _trainee_user.c.id)
    .join(coaches, matches.c.coach_id == coaches.c.id)
    .join(_coach_user, coaches.c.user_id == _coach_user.c.id)
    .outerjoin(conversations, conversations.c.match_id == matches.c.id)
)
_CONTEXTS = _WITH_CONTEXT.where(matches.c.id.in_(sa.bindparam("the_ids", expanding=True)))
_OF = sa.select(*MATCHES.selected)


def _context(row: Row[Any]) -> MatchContext:
    n = len(MATCHES)
    return MatchContext(
        match=MATCHES.from_row(row),
        trainee_name=row[n],
        trainee_account_id=row[n + 1],
        trainee_zone=row[n + 2],
        trainee_goal=row[n + 3],
        coach_name=row[n + 4],
        coach_account_id=row[n + 5],
        conversation_id=row[n + 6],
        coach_full=bool(row[n + 7]),
    )


def is_standing(now: datetime) -> sa.ColumnElement[bool]:
    """Say of a match that it runs, or is asked for and in time."""
    in_time = sa.and_(matches.c.status == "requested", matches.c.expires_at > now)
    return sa.or_(matches.c.status.in_(("active", "paused")), in_time)


class SqlMatches(Repository[Match]):
    """Matches and their events."""

    mapping = MATCHES
    kind = "match"

    def contexts(self, ids: Sequence[UUID]) -> Sequence[MatchContext]:
        """In the order of *ids*."""
        if not ids:
            return []
        found = {
            context.match.id: context
            for context in map(_context, self._connection.execute(_CONTEXTS, {"the_ids": list(ids)}))
        }
        return [found[id] for id in ids if id in found]

    def contexts_of_coach(self, coach_id: UUID, *, statuses: Sequence[MatchStatus]) -> Sequence[MatchContext]:
        """In one statement."""
        statement = _WITH_CONTEXT.where(matches.c.coach_id == coach_id, matches.c.status.in_(list(statuses)))
        return list(map(_context, self._connection.execute(statement.order_by(matches.c.id))))

    def context(self, id: UUID) -> MatchContext:
        """One match with what its view shows beside it."""
        found = self.contexts([id])
        if not found:
            raise NotFound(kind="match", id=id)
        return found[0]

    def open_of_trainee(self, trainee_id: UUID) -> Sequence[Match]:
        """Requests without an answer."""
        return self._all(
            _OF.where(matches.c.trainee_id == trainee_id, matches.c.status == "requested").order_by(matches.c.id)
        )

    def open_of_coach(self, coach_id: UUID) -> Sequence[Match]:
        """Requests this coach has not answered."""
        return self._all(
            _OF.where(matches.c.coach_id == coach_id, matches.c.status == "requested").order_by(matches.c.id)
        )

    def standing_of_trainees(self, trainee_ids: Sequence[UUID], now: datetime) -> Sequence[Match]:
        """What is open or runs."""
        found: list[Match] = []
        ids = list(trainee_ids)
        for start in range(0, len(ids), 500):
            some = matches.c.trainee_id.in_(ids[start : start + 500])
            found += self._all(_OF.where(some, is_standing(now)).order_by(matches.c.id))
        return found

    def unfinished_of_trainee(self, trainee_id: UUID) -> Sequence[Match]:
        """Requests without an answer, and the one that runs."""
        unfinished = matches.c.status.in_(("requested", "active", "paused"))
        return self._all(_OF.where(matches.c.trainee_id == trainee_id, unfinished).order_by(matches.c.id))

    def running_of_trainee(self, trainee_id: UUID) -> Match | None:
        """The one that runs."""
        return self._one(_OF.where(matches.c.trainee_id == trainee_id, matches.c.status.in_(("active", "paused"))))

    def of_trainee(self, trainee_id: UUID) -> Sequence[Match]:
        """All there ever were, newest first."""
        return self._all(_OF.where(matches.c.trainee_id == trainee_id).order_by(matches.c.id.desc()))

    def of_coach(self, coach_id: UUID) -> Sequence[Match]:
        """All there ever were, newest first."""
        return self._all(_OF.where(matches.c.coach_id == coach_id).order_by(matches.c.id.desc()))

    def expired(self, now: datetime, *, limit: int) -> Sequence[Match]:
        """Open requests past their time."""
        return self._all(
            _OF.where(matches.c.status == "requested", matches.c.expires_at <= now)
            .order_by(matches.c.expires_at, matches.c.id)
            .limit(limit)
        )

    def to_remind(self, now: datetime, *, limit: int) -> Sequence[Match]:
        """Open requests whose receiver is to be reminded."""
        return self._all(
            _OF.where(matches.c.status == "requested", matches.c.remind_at <= now, matches.c.expires_at > now)
            .order_by(matches.c.remind_at, matches.c.id)
            .limit(limit)
        )

    def decided_seconds(self, coach_id: UUID, *, since: datetime) -> Sequence[int]:
        """Seconds from request to answer."""
        rows = self._connection.execute(
            sa.select(matches.c.created_at, matches.c.decided_at)
            .where(
                matches.c.coach_id == coach_id,
                matches.c.initiator == "trainee",
                matches.c.status.not_in(("requested", "withdrawn", "superseded", "expired")),
                matches.c.decided_at >= since,
            )
            .order_by(matches.c.decided_at.desc())
            .limit(200)
        )
        return [round((decided - created).total_seconds()) for created, decided in rows]

    def page(
        self,
        *,
        trainee_id: UUID | None,
        coach_id: UUID | None,
        status: MatchStatus | None,
        now: datetime,
        keyset: Keyset | None,
        limit: int,
    ) -> Slice[UUID]:
        """Ids, newest first."""
        statement = sa.select(matches.c.id)
        sides = []
        if trainee_id is not None:
            sides.append(matches.c.trainee_id == trainee_id)
        if coach_id is not None:
            sides.append(matches.c.coach_id == coach_id)
        if sides:
            statement = statement.where(sa.or_(*sides))
        if status == "requested":
            statement = statement.where(matches.c.status == "requested", matches.c.expires_at > now)
        elif status == "expired":
            late = sa.and_(matches.c.status == "requested", matches.c.expires_at <= now)
            statement = statement.where(sa.or_(matches.c.status == "expired", late))
        elif status is not None:
            statement = statement.where(matches.c.status == status)
        statement = by_id(statement, matches.c.id, keyset, limit)
        return sliced([row[0] for row in self._connection.execute(statement)], keyset, limit)

    def add_event(self, event: MatchEvent) -> None:
        """Append a step; 0 stands for the next number."""
        row = EVENTS.to_row(event)
        if event.seq:
            later(self._connection, sa.insert(match_events), row)
            return
        following = sa.func.coalesce(sa.func.max(match_events.c.seq), 0) + 1
        given = {name: sa.bindparam(f"the_{name}", type_=match_events.c[name].type) for name in row if name != "seq"}
        values = sa.select(following, *given.values()).where(match_events.c.match_id == event.match_id)
        statement = sa.insert(match_events).from_select(["seq", *given], values)
        later(self._connection, statement, {f"the_{name}": row[name] for name in given})

    def events(self, match_id: UUID) -> Sequence[MatchEvent]:
        """Oldest first."""
        rows = self._connection.execute(
            sa.select(*EVENTS.selected).where(match_events.c.match_id == match_id).order_by(match_events.c.seq)
        )
        return [EVENTS.from_row(row) for row in rows]
