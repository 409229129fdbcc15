"""Another client of the database, who stands in the way of units of work on purpose: deadlocks, waits, changed rows."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

import pymysql
import pytest
import sqlalchemy as sa

from coachhub_core.errors import CoachHubError
from coachhub_sqlalchemy import errors
from coachhub_sqlalchemy.storage import SqlStorage

_N_CHANGED: Final = 300  # rows; a unit of ours changes a few dozen, and InnoDB ends the transaction that changed fewer
_PATIENCE: Final = 10.0  # seconds for a thread of ours to come where it is waited for


class Watch:
    """What happens on the connections of a storage that write: where a unit is, and what the database refused it."""

    def __init__(self, storage: SqlStorage, patch: pytest.MonkeyPatch) -> None:
        self.refused: Counter[int] = Counter()
        """How often, by the number of the database's error."""
        self.connection_id = 0
        """The server's name of the connection on which a trainee was held last."""
        self._holds_a_trainee = threading.Event()
        self._was_refused = threading.Event()
        sa.event.listen(storage.engine, "after_cursor_execute", self._look)
        patch.setattr(errors, "translate", self._count(errors.translate))

    def clear(self) -> None:
        """Forget where units are."""
        self._holds_a_trainee.clear()
        self._was_refused.clear()

    def wait_until_a_trainee_is_held(self) -> None:
        """Every change of a match begins so."""
        assert self._holds_a_trainee.wait(_PATIENCE)

    def wait_until_refused(self) -> None:
        """Some statement failed."""
        assert self._was_refused.wait(_PATIENCE)

    def _look(self, connection: Any, _: Any, statement: str, __: Any, ___: Any, ____: bool) -> None:
        if "FROM trainees" in statement and "FOR UPDATE" in statement:
            self.connection_id = connection.connection.dbapi_connection.thread_id()
            self._holds_a_trainee.set()

    def _count(self, translate: Callable[[BaseException], CoachHubError | None]) -> Any:
        def counting(error: BaseException) -> CoachHubError | None:
            self.refused[error.args[0]] += 1
            self._was_refused.set()
            return translate(error)

        return counting


class Rival:
    """One connection. What it does is rolled back by :meth:`leave`, unless it was committed."""

    def __init__(self, url: str) -> None:
        parsed = sa.make_url(url)
        self._connection = pymysql.connect(
            host=parsed.host,
            port=parsed.port or 3306,
            user=parsed.username,
            password=parsed.password or "",
            database=parsed.database,
            init_command="SET innodb_lock_wait_timeout=20",
            autocommit=False,
        )
        self.say("CREATE TABLE IF NOT EXISTS weights (n INT PRIMARY KEY AUTO_INCREMENT)")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connection.close()

    def say(self, statement: str, values: Any = None) -> tuple[tuple[Any, ...], ...]:
        """Execute it and return the rows."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            found: tuple[tuple[Any, ...], ...] = cursor.fetchall()
        return found

    def hold(self, table: str, id: UUID) -> None:
        """Hold one row; waits for it."""
        assert self.say(f"SELECT id FROM {table} WHERE id = %s FOR UPDATE", (id.bytes,))

    def become_heavy(self) -> None:
        """Change so many rows that a deadlock ends the other transaction."""
        self.say(f"INSERT INTO weights VALUES {', '.join(['()'] * _N_CHANGED)}")

    def kill(self, connection_id: int) -> None:
        """Have the server end another connection."""
        self.say(f"KILL CONNECTION {connection_id:d}")

    def n_waiting(self) -> int:
        """Count who waits for a row on this server, whoever's it is."""
        return self._status("Innodb_row_lock_current_waits")

    def n_deadlocks(self) -> int:
        """Count the deadlocks that the server has seen in its life."""
        return self._status("Innodb_deadlocks")

    def _status(self, name: str) -> int:
        return int(self.say(f"SHOW GLOBAL STATUS LIKE '{name}'")[0][1])

    def commit(self) -> None:
        """Let it stand."""
        self._connection.commit()

    def leave(self) -> None:
        """Undo it, and hold nothing."""
        self._connection.rollback()
