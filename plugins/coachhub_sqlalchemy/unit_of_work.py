"""One transaction, one connection, a repository per aggregate."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import TimeoutError as PoolTimeout

from coachhub_core.errors import Unavailable
from coachhub_core.identifiers import NewId
from coachhub_core.ports.storage import UnitOfWork
from coachhub_sqlalchemy.engine import WRITES
from coachhub_sqlalchemy.repositories.accounts import (
    SqlAccounts,
    SqlAudit,
    SqlErasures,
    SqlIdempotency,
    SqlRefreshTokens,
    SqlSessions,
)
from coachhub_sqlalchemy.repositories.chat import SqlConversations, SqlMessages
from coachhub_sqlalchemy.repositories.coaches import SqlAvailability, SqlCoaches
from coachhub_sqlalchemy.repositories.matches import SqlMatches
from coachhub_sqlalchemy.repositories.notifications import SqlNotifications, SqlOutbox
from coachhub_sqlalchemy.repositories.own_data import SqlBackups, SqlExports, SqlPersonalData
from coachhub_sqlalchemy.repositories.plans import SqlExercises, SqlPlans
from coachhub_sqlalchemy.repositories.reviews import SqlReviews
from coachhub_sqlalchemy.repositories.schedule import SqlAssignments, SqlScheduledWorkouts
from coachhub_sqlalchemy.repositories.suggestions import SqlOutcomes, SqlSuggestions
from coachhub_sqlalchemy.repositories.trainees import SqlGrants, SqlTrainees
from coachhub_sqlalchemy.repositories.workouts import SqlWorkouts


class SqlUnitOfWork(UnitOfWork):
    """A unit of work on one connection; nothing stays unless committed."""

    def __init__(self, engine: Engine, *, read_only: bool, new_id: NewId) -> None:
        super().__init__()
        self._engine = engine
        self._read_only = read_only
        self._new_id = new_id
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        try:
            connection = self._engine.connect()
        except PoolTimeout as exc:
            raise Unavailable(what="a database connection") from exc
        self._connection = connection
        try:
            if not self._read_only:
                connection = connection.execution_options(**{WRITES: True})
            connection.begin()
        except BaseException:
            self._connection.close()
            raise
        self.accounts = SqlAccounts(connection)
        self.sessions = SqlSessions(connection)
        self.refresh_tokens = SqlRefreshTokens(connection)
        self.audit = SqlAudit(connection)
        self.erasures = SqlErasures(connection)
        self.coaches = SqlCoaches(connection)
        self.availability = SqlAvailability(connection)
        self.trainees = SqlTrainees(connection)
        self.grants = SqlGrants(connection)
        self.suggestions = SqlSuggestions(connection)
        self.outcomes = SqlOutcomes(connection)
        self.matches = SqlMatches(connection)
        self.exercises = SqlExercises(connection)
        self.plans = SqlPlans(connection)
        self.assignments = SqlAssignments(connection)
        self.scheduled = SqlScheduledWorkouts(connection)
        self.workouts = SqlWorkouts(connection)
        self.reviews = SqlReviews(connection)
        self.conversations = SqlConversations(connection)
        self.messages = SqlMessages(connection)
        self.notifications = SqlNotifications(connection)
        self.exports = SqlExports(connection)
        self.backups = SqlBackups(connection)
        self.personal = SqlPersonalData(connection)
        self.idempotency = SqlIdempotency(connection)
        self.outbox = SqlOutbox(connection, self._new_id)
        return self

    def _commit(self) -> None:
        if self._connection is not None:
            self._connection.commit()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()  # rolls back what was not committed
