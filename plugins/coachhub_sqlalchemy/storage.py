"""The storage over SQLAlchemy Core: SQLite by default, MariaDB and MySQL by PyMySQL."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from coachhub_core.breaker import Breaker
from coachhub_core.errors import BackupError, Contended, SettingsError, Unavailable
from coachhub_core.identifiers import NewId, new_id
from coachhub_core.ports.storage import CheckReport, UnitOfWork
from coachhub_sqlalchemy import copying
from coachhub_sqlalchemy import migrate as migrations
from coachhub_sqlalchemy.check import check
from coachhub_sqlalchemy.engine import make_engine
from coachhub_sqlalchemy.pooled import Pooled
from coachhub_sqlalchemy.tables import metadata
from coachhub_sqlalchemy.unit_of_work import SqlUnitOfWork

log = logging.getLogger(__name__)

_REPLICA_SECONDS = 4.0  # a statement may take 3; an export has minutes, and is not to wait that long for a hang

_template_lock = threading.Lock()
_template: bytes | None = None  # an empty migrated file: instances in memory are made many times in one process


class SqlStorage:
    """
    Keeps everything in one database.

    Args:
        url: ``sqlite:///file``, ``sqlite://`` (a file of its own, gone when
            closed), ``mysql://user:password@host:port/name``.
        pool_size: Connections at most, for those who write and for those who read.
        replica_url: A replica, for reads that may lag; where it is away the database itself answers them.
    """

    def __init__(
        self, url: str, *, pool_size: int = 12, make_id: NewId = new_id, replica_url: str | None = None
    ) -> None:
        parsed = make_url(url)
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        if parsed.get_backend_name() == "sqlite":
            if parsed.database in (None, "", ":memory:"):
                self._temporary = tempfile.TemporaryDirectory(prefix="coachhub-")
                parsed = parsed.set(database=str(Path(self._temporary.name) / "coachhub.db"))
            else:
                _make_folder(Path(str(parsed.database)).parent)
        self.url = parsed  #: where it is, with its password
        self._new_id = make_id
        breaker = Breaker("the database")
        self._writing = Pooled(parsed, pool_size=pool_size, breaker=breaker)
        self._reading = self._writing
        if self._temporary is None and parsed.get_backend_name() != "sqlite":
            self._reading = Pooled(parsed, pool_size=pool_size, breaker=breaker, is_reading=True)
        self._replica: Pooled | None = None
        if replica_url is not None:
            away = Breaker("the replica of the database")
            self._replica = Pooled(
                make_url(replica_url),
                pool_size=pool_size,
                breaker=away,
                is_reading=True,
                patience=_REPLICA_SECONDS,
            )
        self.engine = self._writing.engine

    @property
    def path(self) -> Path | None:
        """The file, where the database is one."""
        is_file = self.url.get_backend_name() == "sqlite"
        return Path(str(self.url.database)) if is_file else None

    def begin(self, *, read_only: bool = False, may_lag: bool = False) -> UnitOfWork:
        """Return a unit of work."""
        if not read_only:
            return SqlUnitOfWork(self._writing, read_only=False, new_id=self._new_id)
        replica = self._replica if may_lag else None
        return SqlUnitOfWork(self._reading, read_only=True, new_id=self._new_id, instead=replica)

    def migrate(self) -> str:
        """Bring the schema up to date."""
        global _template
        if self._temporary is None:
            return migrations.upgrade(self.engine, self.url)
        with _template_lock:
            if _template is None:
                migrations.upgrade(self.engine, self.url)
                with self.engine.connect() as connection:
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                _template = Path(str(self.url.database)).read_bytes()
            elif not Path(str(self.url.database)).exists():
                Path(str(self.url.database)).write_bytes(_template)
        return migrations.head()

    def check(self) -> CheckReport:
        """Count rows, orphans and wrong counters."""
        return check(self.engine)

    def ping(self) -> None:
        """Ask whether the database answers, and takes changes."""
        self._writing.ping()

    def scrub(self) -> None:
        """
        Empty SQLite's log, which holds former pages until it is written over.

        In the database itself ``secure_delete`` overwrites what is deleted.
        """
        if self.path is None:
            return
        try:
            with self.engine.connect() as connection:
                raw = connection.connection.cursor()
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                is_busy, *_ = raw.fetchone() or (1,)
                raw.close()
        except (Unavailable, Contended, sa.exc.SQLAlchemyError, sqlite3.Error) as exc:
            log.warning("the database's log was not emptied: %s", exc)
            return
        if is_busy:
            log.info("the database's log is being read, and is emptied by the next checkpoint")

    def dump(self, target: Path) -> Mapping[str, Any]:
        """Write a consistent copy to the SQLite file *target*, under load, without holding writers up."""
        if self.path is None:
            return self._dump_server(target)
        # a connection of its own: VACUUM INTO reads one snapshot and writes a compact file. Not mode=ro: such a
        # connection copies row by row, and then SQLite 3.40 gives generated columns values they cannot take
        source = sqlite3.connect(f"file:{self.path}?mode=rw", uri=True, timeout=10)
        try:
            source.execute("VACUUM INTO ?", (str(target),))
        except sqlite3.Error as exc:
            raise BackupError(reason=f"the database cannot be copied: {exc}") from exc
        finally:
            source.close()
        with _opened(target) as (engine, _), engine.connect() as copied:
            _require_our_schema(schema := migrations.current(copied))  # else its other tables would not be counted
            return _said(schema, copying.contents(copied))

    def _dump_server(self, target: Path) -> Mapping[str, Any]:
        """Write the rows as the server has them at one moment, while no migration may run."""
        with migrations.alone(self.engine, self.url), copying.snapshot(self.engine) as source:
            _require_our_schema(schema := migrations.current(source))
            with _opened(target) as (engine, url):
                migrations.upgrade(engine, url)
                with copying.loading(engine) as into:
                    copying.require_empty(into, "the copy")  # a migration may have brought rows
                    found = copying.copy(source, into)
                    into.commit()
        Path(f"{target}.migrating").unlink(missing_ok=True)
        return _said(schema, found)

    def load(self, source: Path, manifest: Mapping[str, Any]) -> None:
        """Fill an empty storage from a copy made by :meth:`dump`, of this kind of database or of another."""
        if manifest.get("engine") != "sqlite":
            raise BackupError(reason="this copy is of another kind of database")
        if manifest.get("schema_version") not in migrations.known():
            raise BackupError(reason=f"this version does not know the schema {manifest.get('schema_version')!r}")
        found = _rows_of(source)
        if found != manifest.get("n_rows"):
            raise BackupError(reason="the number of rows differs from what the backup says of itself")
        with _opened(source) as (engine, url):
            with engine.connect() as said:
                if "fingerprints" in manifest and copying.contents(said).fingerprints != manifest["fingerprints"]:
                    raise BackupError(reason="the rows differ from what the backup says of itself")
            if self.path is None:
                migrations.upgrade(engine, url)  # an older copy is brought up to date where it lies
                self._load_server(engine)
                return
        self.engine.dispose()
        if self.path.exists() and any(n for name, n in _rows_of(self.path).items() if name not in copying.SHIPPED):
            raise BackupError(reason=f"{self.path} is not empty; restore into a new folder")
        for leftover in ("-wal", "-shm"):
            Path(f"{self.path}{leftover}").unlink(missing_ok=True)
        temporary = self.path.with_suffix(".restoring")
        shutil.copyfile(source, temporary)
        temporary.replace(self.path)
        migrations.upgrade(self.engine, self.url)

    def _load_server(self, source: sa.Engine) -> None:
        """Write all rows in one transaction: they are there together, or not at all."""
        migrations.upgrade(self.engine, self.url)
        with source.connect() as read, copying.loading(self.engine) as connection:
            copying.require_empty(connection, f"the database {self.url.database}")
            written = copying.copy(read, connection)
            if copying.contents(connection) != written:
                raise BackupError(reason="the database does not give back what was written into it")
            connection.commit()

    def close(self) -> None:
        """Give back every connection; a temporary file goes with them."""
        for pooled in (self._writing, self._reading, self._replica):
            if pooled is not None:
                pooled.engine.dispose()
        if self._temporary is not None:
            self._temporary.cleanup()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise SettingsError.of([f"data: the folder {folder} cannot be made: {exc.strerror}"]) from exc


def _require_our_schema(schema: str | None) -> None:
    """Refuse to copy a schema that this code does not know whole: it would count too few rows and tables."""
    head = migrations.head()
    if schema is not None and schema not in migrations.known():
        raise BackupError(reason=f"the schema is {schema}, newer than {head}: back up with the code that migrated it")
    if schema != head:
        raise BackupError(reason=f"the schema is {schema}, not {head}: run coachhub migrate first")


def _said(schema: str | None, found: copying.Contents) -> Mapping[str, Any]:
    return {
        "engine": "sqlite",
        "schema_version": schema,
        "n_rows": found.n_rows,
        "fingerprints": found.fingerprints,
    }


@contextmanager
def _opened(file: Path) -> Iterator[tuple[sa.Engine, sa.URL]]:
    """Give an engine for a SQLite file that is nobody's storage."""
    url = sa.URL.create("sqlite", database=str(file))
    engine = make_engine(url, pool_size=2)
    try:
        yield engine, url
    finally:
        engine.dispose()


def _rows_of(file: Path) -> dict[str, int]:
    """Return how many rows each of our tables has in the SQLite database *file*."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise BackupError(reason=f"{file.name} is damaged")
        there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        counts = {}
        for name in sorted(metadata.tables):
            if name in there:
                quoted = sa.sql.quoted_name(name, quote=True)
                counts[name] = int(connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0])  # noqa: S608 - names of our own tables
        return counts
    except sqlite3.DatabaseError as exc:
        raise BackupError(reason=f"{file.name} is no database of ours, or is damaged") from exc
    finally:
        connection.close()
