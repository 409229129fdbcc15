"""One transaction, one connection, a repository per aggregate."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from coachhub_core import deadline
from coachhub_core.errors import Contended, OutcomeUnknown, Unavailable
from coachhub_core.identifiers import NewId
from coachhub_core.ports.storage import UnitOfWork
from coachhub_sqlalchemy.engine import WRITES
from coachhub_sqlalchemy.errors import Lost
from coachhub_sqlalchemy.later import KEPT, Kept, send_kept
from coachhub_sqlalchemy.pooled import Pooled, discard
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
from coachhub_sqlalchemy.repositories.cohorts import SqlCohorts
from coachhub_sqlalchemy.repositories.demand import SqlDemand
from coachhub_sqlalchemy.repositories.matches import SqlMatches
from coachhub_sqlalchemy.repositories.notifications import SqlNotifications, SqlOutbox
from coachhub_sqlalchemy.repositories.own_data import SqlBackups, SqlExports, SqlPersonalData
from coachhub_sqlalchemy.repositories.plans import SqlExercises, SqlPlans
from coachhub_sqlalchemy.repositories.reviews import SqlReviews
from coachhub_sqlalchemy.repositories.schedule import SqlAssignments, SqlScheduledWorkouts
from coachhub_sqlalchemy.repositories.shadows import SqlShadows
from coachhub_sqlalchemy.repositories.suggestions import SqlOutcomes, SqlSuggestions
from coachhub_sqlalchemy.repositories.trainees import SqlGrants, SqlTrainees
from coachhub_sqlalchemy.repositories.workouts import SqlWorkouts

REPLICA_SHARE: Final = 0.4
"""Of the time that is left: what a replica may take, so that the database itself can be asked when it was in vain."""


class SqlUnitOfWork(UnitOfWork):
    """
    A unit of work on one connection; nothing stays unless committed.

    It has one deadline, that of what it is done for or else its own: no wait
    is longer than what is left of it, and no COMMIT begins after it.
    """

    def __init__(self, pooled: Pooled, *, read_only: bool, new_id: NewId, instead: Pooled | None = None) -> None:
        """
        Args:
            instead: Asked first, within a part of the time, and *pooled* where there is no connection to it.
        """
        super().__init__()
        self._pooled = pooled
        self._instead = instead
        self._read_only = read_only
        self._new_id = new_id
        self._connection: Connection | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if not deadline.is_set():
            self._stack.enter_context(deadline.within(deadline.UNIT_SECONDS))
        try:
            connection = self._begun()
        except BaseException:
            self._stack.close()
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
        self.shadows = SqlShadows(connection)
        self.cohorts = SqlCohorts(connection)
        self.demand = SqlDemand(connection)
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

    def _begun(self) -> Connection:
        if deadline.left(1) <= 0:
            raise Unavailable(what="the database")
        connection = self._nearest()
        self._connection = connection
        try:
            if not self._read_only:
                connection = connection.execution_options(**{WRITES: True, KEPT: Kept()})
            connection.begin()
            if not self._read_only:
                self._pooled.held.look(connection)
        except BaseException:
            discard(self._connection)
            raise
        return connection

    def _nearest(self) -> Connection:
        if self._instead is not None:
            with ExitStack() as shorter:
                shorter.enter_context(deadline.within(deadline.left(deadline.UNIT_SECONDS) * REPLICA_SHARE))
                try:
                    connection = self._instead.connect()
                except Unavailable:
                    pass  # its breaker has said so in the log
                else:
                    self.lags = True
                    self._stack.push(shorter.pop_all())
                    return connection
        return self._pooled.connect()

    def _commit(self) -> None:
        if self._connection is None:
            return
        send_kept(self._connection)
        if deadline.left(1) <= 0:
            raise Unavailable(what="the database")
        try:
            with self._pooled.held.watching(self._connection):
                self._connection.commit()
        except Lost as exc:
            if self._pooled.held.is_known:
                self._pooled.is_suspect = True
            raise OutcomeUnknown(what=exc.what) from exc
        self._pooled.is_suspect = False

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                is_refused = isinstance(exc, Unavailable) and not isinstance(exc, Contended | OutcomeUnknown)
                if is_refused and not self._read_only and not self._pooled.breaker.is_open:
                    self._pooled.is_suspect = True
                discard(connection)  # rolls back what was not committed
            if self.lags and self._instead is not None and isinstance(exc, Unavailable | SQLAlchemyError):
                self._instead.breaker.failed()  # whatever it was, the others need not wait for it
                if not isinstance(exc, Unavailable):  # such as a table that a migration has not yet brought there
                    raise Unavailable(what=self._instead.breaker.what) from exc
        finally:
            self._stack.close()
