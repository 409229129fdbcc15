"""Use cases of the room *backups*: make, list, read back, restore."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import attrs

from coachhub_core.domain.accounts import Actor, AuditEvent
from coachhub_core.domain.backups import Backup, BackupPage, BackupView, CreateBackup, ListBackups
from coachhub_core.errors import BackupError, Busy, CoachHubError, NotFound, OutcomeUnknown, Unavailable
from coachhub_core.memory.archive import DATABASE, Manifest, fingerprint, unpacked, write_archive
from coachhub_core.ports.files import FileStore
from coachhub_core.ports.storage import Storage
from coachhub_core.services.access import require_role
from coachhub_core.services.own_data import OwnDataService
from coachhub_core.services.paging import ends, read_cursor
from coachhub_core.services.units import Context, rerun

log = logging.getLogger("coachhub.backups")
_LIST: Final = "backups"


class BackupService:
    """
    Backups of the database and the files.

    Args:
        folder: Where they are kept; None for an instance in memory, which has none.
        version: Of CoachHub, noted in each backup.
    """

    def __init__(self, context: Context, files: FileStore, folder: Path | None, version: str) -> None:
        self._context = context
        self._files = files
        self._folder = folder
        self._version = version

    def create(self, actor: Actor, command: CreateBackup) -> BackupView:
        """
        Make a backup, under load, without holding anybody up.

        Raises:
            Busy: If one is being made.
            BackupError: If it failed; the row says why.
        """
        require_role(actor, "admin")
        backup = self._new(command)
        target = self._where() / backup.file
        with _marked(target) as mark:
            try:
                self._begin(actor, backup)
            except OutcomeUnknown:
                mark.stays = True
                raise
            try:
                return BackupView.of(self._made(backup, target))
            except Unavailable:
                mark.stays = True
                raise

    def _made(self, backup: Backup, target: Path) -> Backup:
        try:
            manifest = write_archive(
                target,
                kind=backup.kind,
                made_at=backup.created_at.isoformat(),
                version=self._version,
                storage=self._context.storage,
                files=self._files,
            )
            n_bytes, sha256 = fingerprint(target)
        except BaseException as exc:  # interrupted too: a row that says "running" would hold the next one up
            reason = str(exc) if isinstance(exc, CoachHubError) else type(exc).__name__
            self._end(backup.id, state="failed", reason=reason[:255])
            raise
        return self._end(
            backup.id,
            state="done",
            n_bytes=n_bytes,
            sha256=sha256,
            n_rows=manifest.n_rows,
            n_files=manifest.n_files,
            schema_version=(manifest.database or {}).get("schema_version"),
        )

    def _where(self) -> Path:
        if self._folder is None:
            raise BackupError(reason="an instance in memory has nothing to back up")
        return self._folder

    def _new(self, command: CreateBackup) -> Backup:
        now, id = self._context.clock(), self._context.new_id()
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        file = f"coachhub-{command.kind}-{stamp}-{id.hex[-6:]}.zip"
        return Backup(id=id, kind=command.kind, file=file, created_at=now, updated_at=now)

    @rerun
    def _begin(self, actor: Actor, backup: Backup) -> None:
        with self._context.storage.begin() as work:
            now = self._context.clock()
            for other in work.backups.running():
                is_young = abs((now - other.created_at).total_seconds()) < 3_600  # the clock may have gone back
                if is_young and not self._is_abandoned(other):
                    raise Busy(what="a backup", state="running")
                lost = attrs.evolve(other, state="failed", reason="its process ended", updated_at=now)
                work.backups.save(lost)
            work.backups.add(backup)
            work.audit.add(
                AuditEvent(
                    at=now,
                    actor_id=actor.account_id if actor.role != "system" else None,
                    action="backup",
                    object=f"backup:{backup.id}",
                    request_id=actor.request_id,
                )
            )
            work.commit()

    def _is_abandoned(self, backup: Backup) -> bool:
        """Tell whether it was begun here, and nobody makes it any more: its maker ended, or lost the database."""
        mark = _mark_of(self._where() / backup.file)
        if not mark.exists():
            return False  # it is made on another machine, whose folder is not this one
        return _is_free(mark)

    @rerun
    def _end(self, backup_id: UUID, **changed: Any) -> Backup:
        with self._context.storage.begin() as work:
            found = work.backups.find(backup_id)
            if found is None:
                raise NotFound(kind="backup", id=backup_id)
            saved = work.backups.save(attrs.evolve(found, **changed, updated_at=self._context.clock()))
            return work.commit(saved)

    def list(self, actor: Actor, query: ListBackups) -> BackupPage:
        """Return a page, newest first."""
        require_role(actor, "admin")
        keyset = read_cursor(query.cursor, _LIST)
        with self._context.read() as work:
            found = work.backups.page(keyset=keyset, limit=query.limit)
        after, before = ends(found, keyset, _LIST, lambda b: (b.id,))
        return BackupPage(items=tuple(BackupView.of(b) for b in found.items), next=after, prev=before)

    def verify(self, actor: Actor, backup_id: UUID) -> BackupView:
        """
        Read a backup back, member by member.

        Raises:
            BackupError: If anything in it is not as it was written.
        """
        require_role(actor, "admin")
        with self._context.read() as work:
            found = work.backups.find(backup_id)
        if found is None or found.state not in ("done", "verified"):
            raise NotFound(kind="finished backup", id=backup_id)
        file = self._where() / found.file
        check_backup(file)
        if fingerprint(file) != (found.n_bytes, found.sha256):
            raise BackupError(reason=f"{found.file} is not the file that was written")
        return BackupView.of(self._end(backup_id, state="verified", verified_at=self._context.clock()))


@attrs.define(eq=False)
class _Mark:
    """The lock beside a backup while it is made."""

    stays: bool = False
    """Whether the database may have a row that says "running", and could not be told of the end."""


def _mark_of(file: Path) -> Path:
    return file.with_name(f".{file.name}.lock")


def _is_free(mark: Path) -> bool:
    try:
        with mark.open() as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def _marked(file: Path) -> Iterator[_Mark]:
    """
    Hold a lock beside *file* while it is made.

    The system lets go of it when this process ends, however it ends. A lock
    that nobody holds says that nobody makes that backup any more; the next that
    is made clears it away.
    """
    own, mark = _mark_of(file), _Mark()
    try:
        own.parent.mkdir(parents=True, exist_ok=True)
        held = own.open("w")
    except OSError as exc:
        raise BackupError(reason=f"{own.parent} cannot be written: {exc.strerror}") from exc
    with held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            yield mark
            for other in own.parent.glob(".coachhub-*.lock"):
                if other != own and _is_free(other):
                    other.unlink(missing_ok=True)
        finally:
            if not mark.stays:
                own.unlink(missing_ok=True)


def check_backup(file: Path) -> Manifest:
    """Read a backup whole; return what it says of itself, or raise ``BackupError``."""
    with unpacked(file) as (manifest, _):
        return manifest


def restore(file: Path, storage: Storage, files: FileStore) -> Manifest:
    """
    Fill an empty instance from a backup.

    Args:
        storage: Empty; not yet used by anybody.
        files: Empty.
    Raises:
        BackupError: If the backup is damaged or the instance is not empty; nothing was changed then.
    """
    if next(files.names(), None) is not None:
        raise BackupError(reason="there are files here already; restore into a new folder")
    with unpacked(file) as (manifest, folder):
        if manifest.database is not None:
            storage.load(folder / DATABASE, manifest.database)
        for name in manifest.members:
            if name.startswith("files/"):
                files.put(name.removeprefix("files/"), (folder / name).read_bytes())
    return manifest


def settle_running(storage: Storage, now: datetime) -> int:
    """End, after a restore, the backups that were being made when the copy was taken, that one itself among them."""
    with storage.begin() as work:
        found = work.backups.running()
        for backup in found:
            work.backups.save(attrs.evolve(backup, state="failed", reason="this house was restored", updated_at=now))
        return work.commit(len(found))


def replay_erasures(own_data: OwnDataService, context_storage: Storage) -> int:
    """Erase again, after a restore, everybody the chain names; return how many were found alive."""
    with context_storage.begin(read_only=True) as work:
        chain = work.erasures.all()
    n = sum(1 for erasure in chain if own_data.replay(erasure))
    if n:
        log.warning("%s erased accounts had come back with the backup and were erased again", n)
    return n
