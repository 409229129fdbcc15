"""The room *backups*: copies that count only once they were read back."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import attrs

from coachhub_core.domain import values as v

BackupKind = Literal["database", "files", "all"]
BackupState = Literal["running", "done", "failed", "verified"]
BACKUP_KINDS: Final = ("database", "files", "all")


@attrs.frozen(kw_only=True)
class Backup:
    """One backup; ``file`` is its name in the folder of backups, ``n_rows`` what it holds per table."""

    id: UUID
    kind: BackupKind
    state: BackupState = "running"
    file: str
    n_bytes: int | None = None
    sha256: str | None = None
    n_rows: dict[str, int] = attrs.field(factory=dict)
    n_files: int = 0
    schema_version: str | None = None
    reason: str | None = None
    verified_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1


@attrs.frozen(kw_only=True)
class CreateBackup:
    """Make a backup of the database, of the files, or of both."""

    kind: BackupKind = v.choice(BACKUP_KINDS, default="all")


@attrs.frozen(kw_only=True)
class ListBackups:
    """Backups, newest first."""

    limit: int = v.whole(1, 100, default=20)
    cursor: str | None = v.text(1_000, min_len=1, default=None, optional=True)


@attrs.frozen(kw_only=True)
class BackupView:
    """A backup as an admin sees it."""

    id: UUID
    kind: BackupKind
    state: BackupState
    file: str
    n_bytes: int | None
    sha256: str | None
    n_rows: dict[str, int]
    n_files: int
    schema_version: str | None
    reason: str | None
    verified_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, backup: Backup) -> BackupView:
        """Show *backup*."""
        return cls(**{f.name: getattr(backup, f.name) for f in attrs.fields(cls)})


@attrs.frozen(kw_only=True)
class BackupPage:
    """One page of backups."""

    items: tuple[BackupView, ...]
    next: str | None
    prev: str | None
