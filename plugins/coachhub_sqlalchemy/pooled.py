"""A database as units of work see it: a pool of connections with a breaker before it."""

from __future__ import annotations

import logging
import time
from typing import Final
from uuid import uuid4

from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from coachhub_core import deadline
from coachhub_core.breaker import Breaker
from coachhub_core.errors import Contended, Unavailable, Unwritable
from coachhub_sqlalchemy.engine import ALONE_SECONDS, PATIENCE, WRITES, make_engine
from coachhub_sqlalchemy.errors import Lost
from coachhub_sqlalchemy.held import Held

log = logging.getLogger(__name__)

PING_SECONDS: Final = 2.0
_TRIAL_SECONDS: Final = 3.0
_TRY_SECONDS: Final = 10.0  # after which a change is tried again, so that health does not hang on who wrote last
# a transaction that is written down and leaves nothing: a row set to what it is would not be, where a log is full
_CHANGE: Final = (
    "INSERT INTO alembic_version (version_num) VALUES (%s)",
    "DELETE FROM alembic_version WHERE version_num = %s",
)


class Pooled:
    """
    One database, for units that read or for those that write.

    Args:
        breaker: Shared by the pools of one server.
        patience: Seconds that one answer of the server is waited for at most.
    """

    def __init__(
        self,
        url: URL,
        *,
        pool_size: int,
        breaker: Breaker,
        is_reading: bool = False,
        patience: float = ALONE_SECONDS,
    ) -> None:
        self.engine = make_engine(url, pool_size=pool_size, breaker=breaker, is_reading=is_reading, patience=patience)
        self.breaker = breaker
        self.held = Held()
        self._mark = f"ping-{uuid4().hex[:12]}"  # of this process: none waits for another's
        self.is_suspect = False
        """Whether the last change failed though the server was there: it may be full, or read-only."""
        self._wrote_at = -_TRY_SECONDS

    def connect(self) -> Connection:
        """
        Return a connection.

        Raises:
            Unavailable: If there is none; at once while the server is known to be away.
        """
        is_trial = self.breaker.admit()
        connection = self._taken()
        if is_trial:
            try:
                with deadline.within(_TRIAL_SECONDS):
                    connection.exec_driver_sql("SELECT 1")
                connection.rollback()
            except BaseException:
                self.breaker.failed()
                discard(connection)
                raise
            self.breaker.succeeded()
        return connection

    def _taken(self) -> Connection:
        try:
            return self.engine.connect()
        except PoolTimeout as exc:
            raise Unavailable(what="a database connection") from exc

    def ping(self) -> None:
        """
        Ask the server, breaker or not, whether it answers and takes changes; tell the breaker.

        Raises:
            Unwritable: If it answers and takes none.
            Unavailable: If it does not answer in time.
        """
        try:
            with deadline.within(PING_SECONDS):
                if self.engine.dialect.name == "sqlite":
                    self._ping_sqlite()
                    return
                try:
                    self._ping_mysql()
                except Lost:  # a connection that ended meanwhile, which TLS does not let us see
                    self._ping_mysql()
        except Unwritable:
            self.breaker.succeeded()
            raise
        except Unavailable:
            if self.engine.dialect.name != "sqlite":
                self.breaker.failed()
            raise
        self.breaker.succeeded()

    def _ping_sqlite(self) -> None:
        """Take a turn to write: a file that cannot be written to answers reads for ever."""
        connection = self._taken().execution_options(**{WRITES: True, PATIENCE: PING_SECONDS})
        try:
            connection.exec_driver_sql("SELECT 1")
            if self.is_suspect:
                self._write(connection, "PRAGMA user_version = 0")  # the value it has: only the page is written
        finally:
            discard(connection)

    def _ping_mysql(self) -> None:
        connection = self._taken()
        try:
            is_read_only = connection.exec_driver_sql("SELECT @@global.read_only").scalar_one()
            # who asks may be let through though it is read-only; and who has written nothing lately knows nothing
            if is_read_only or self.is_suspect or time.monotonic() - self._wrote_at > _TRY_SECONDS:
                self._see_to_held(connection)
                self._write(connection, *_CHANGE, about=(self._mark,))
        finally:
            discard(connection)

    def _see_to_held(self, connection: Connection) -> None:
        try:
            self.held.look(connection, is_hurried=False)
        except Contended:
            raise
        except Unavailable as exc:
            raise Unwritable(what="the database") from exc

    def _write(self, connection: Connection, *statements: str, about: tuple[str, ...] = ()) -> None:
        try:
            for statement in statements:
                connection.exec_driver_sql(statement, about)
            with self.held.watching(connection):
                connection.commit()
        except Contended as exc:
            if self.held.is_known:
                raise Unwritable(what="the database") from exc
            raise
        except Unavailable as exc:
            self.is_suspect = True
            raise Unwritable(what="the database") from exc
        self.is_suspect = False
        self._wrote_at = time.monotonic()


def discard(connection: Connection) -> None:
    """Give *connection* back, rolled back; one that cannot even do that was thrown away by the library."""
    try:
        connection.close()
    except (Unavailable, SQLAlchemyError, OSError) as exc:
        log.debug("a connection ended badly: %s", exc)
