"""
Migrations by Alembic: forward from every released schema, one change per revision.

While nodes are upgraded one by one, old code meets the schema of the new. Each
revision says what is the oldest code that may use the schema it makes, its
``min_code``, which is kept in the database beside it: a schema that is ahead is
used as it is where that is not above this code, and refused where it is.
"""

from __future__ import annotations

import fcntl
import logging
import math
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

from coachhub_core.errors import Contended, SettingsError
from coachhub_sqlalchemy.database_file import DatabaseFile
from coachhub_sqlalchemy.engine import WRITES
from coachhub_sqlalchemy.errors import IS_THERE, LOCKED, code_of
from coachhub_sqlalchemy.mysql import take_time

if TYPE_CHECKING:
    from alembic.config import Config

log = logging.getLogger(__name__)

_TURN_SECONDS: Final = 2  # below what any statement may take
_TELL_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = (0.5, 10.0)  # between two tries, while others read: doubled from the first to the last
_NUMBER: Final = re.compile(r"[0-9]{4}")
_FOLDER: Final = Path(__file__).parent / "migrations"


def head() -> str:
    """Return the revision this code is made for."""
    return max(known())


def known() -> frozenset[str]:
    """Return every revision this code can start from: their files begin with their numbers."""
    return frozenset(path.name[:4] for path in (_FOLDER / "versions").glob("[0-9]*.py"))


def current(connection: Connection) -> str | None:
    """Return the revision the database is at, or None for an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return found


def min_code(connection: Connection) -> str | None:
    """Return the oldest code that may use the schema, or None where it is older than such a word."""
    if "min_code" not in {column["name"] for column in sa.inspect(connection).get_columns("alembic_version")}:
        return None
    found: str | None = connection.execute(sa.text("SELECT min_code FROM alembic_version")).scalar()
    return found


def configured() -> Config:
    """Return what Alembic needs to know, which is loaded only where something is to be done."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(engine: Engine, url: URL) -> str:
    """
    Bring the database to :func:`head`; of several processes one does it and the others wait.

    Raises:
        SettingsError: If newer code has brought it to where this code may not use it, or it is at no
            revision of ours.
        Unavailable: If it cannot be reached; also where its file is missing and was there before.
    Returns:
        The revision it is at: beyond :func:`head` where newer code was here first.
    """
    file = DatabaseFile.of(url)
    if file is not None:
        file.make_the_first()
    with engine.connect() as connection:
        found = current(connection)
        is_ready = is_usable(connection, found)
    if not is_ready:
        found = _upgrade(engine, url)
    if found != head():
        log.warning(
            "the schema of the database is %s and this version is made for %s: newer code has migrated it; "
            "this version goes on with it, and nothing is migrated",
            found,
            head(),
        )
    if file is not None:
        file.mark_made()
    return str(found)


def is_usable(connection: Connection, found: str | None) -> bool:
    """
    Tell whether this code may use the schema *found*; False where it has to be brought up to date first.

    Raises:
        SettingsError: If it may not, and cannot bring it there.
    """
    if found is None or found in known():
        return found == head()
    if _NUMBER.fullmatch(found) and found > head():
        oldest = min_code(connection) or found
        if oldest <= head():
            return True
        raise SettingsError.of(
            [
                f"database: its schema is {found}, which needs a version made for {oldest} or later, and this one "
                f"is made for {head()}: start the version that migrated it"
            ]
        )
    raise SettingsError.of(
        [
            f"database: its schema says {found!r}, which is no revision of CoachHub: name another database, "
            f"or restore a backup into an empty one"
        ]
    )


def _upgrade(engine: Engine, url: URL) -> str | None:
    with alone(engine, url), engine.connect() as connection:
        connection.execution_options(**{WRITES: True})  # on SQLite: who reads first may not write beside other writers
        found = current(connection)
        if is_usable(connection, found):
            return found  # another process was first
        apply(connection, configured())
    return head()


def apply(connection: Connection, config: Config) -> None:
    """
    Run the revisions that *config* knows and the database has not seen, however long they take.

    A table that somebody reads for long is waited for, a second at a time: meanwhile others read it too.

    Raises:
        SettingsError: If the database has what a revision would make, and not from a migration that ended early.
    """
    from alembic import command

    take_time(connection)
    config.attributes["connection"] = connection
    pause, longest = _PAUSE_SECONDS
    told = -math.inf
    while True:
        try:
            command.upgrade(config, "head")
            connection.commit()
            return
        except (Contended, sa.exc.DBAPIError) as exc:
            code = code_of(exc.__cause__)
            if code in IS_THERE:
                raise SettingsError.of(
                    [f"database: it has what the next revision makes: {exc.__cause__}: nothing else may change it"]
                ) from exc
            if code not in LOCKED:
                raise
        connection.rollback()  # what is done by now stays, and no table is held in the pause
        if time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            log.info("the schema is to change, and somebody reads or writes a table for long; this waits for it")
        time.sleep(pause)
        pause = min(2 * pause, longest)


@contextmanager
def alone(engine: Engine, url: URL) -> Iterator[None]:
    """Hold the migration lock: a lock file beside SQLite, a named lock on MySQL."""
    if url.get_backend_name() == "sqlite":
        with Path(f"{url.database}.migrating").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    with engine.connect() as connection:
        name = f"coachhub.migrate:{url.database}"[:64]  # such names are the server's, and it may hold several houses
        _wait_for(connection, name)
        try:
            yield
        except BaseException:
            connection.invalidate()  # its end frees the lock, and a database that hangs is not asked once more
            raise
        connection.execute(sa.text("SELECT RELEASE_LOCK(:name)"), {"name": name})


def _wait_for(connection: Connection, name: str) -> None:
    """Take a named lock however long somebody else has it: a change of a grown table takes hours."""
    take = sa.text("SELECT GET_LOCK(:name, :seconds)")
    told = -math.inf
    while not (taken := connection.execute(take, {"name": name, "seconds": _TURN_SECONDS}).scalar_one()):
        if taken is None:  # the server broke off
            raise Contended(what="the migration lock")
        if time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            log.info("another process brings the schema up to date; this one waits for it")
