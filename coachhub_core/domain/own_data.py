"""One's own data: all of it to take along, all of it to be erased; part of the room *accounts*."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import attrs

ExportState = Literal["running", "done", "failed"]
EXPORT_FORMAT: Final = "coachhub-export/1"


@attrs.frozen(kw_only=True)
class Export:
    """A copy of everything CoachHub keeps of one person."""

    id: UUID
    account_id: UUID
    state: ExportState = "running"
    n_bytes: int | None = None
    sha256: str | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1


@attrs.frozen(kw_only=True)
class ExportView:
    """An export; ``document`` is there once it is done and asked for by its id."""

    id: UUID
    state: ExportState
    n_bytes: int | None
    sha256: str | None
    created_at: datetime
    document: dict[str, Any] | None = None

    @classmethod
    def of(cls, export: Export, document: dict[str, Any] | None = None) -> ExportView:
        """Show *export*."""
        return cls(
            id=export.id,
            state=export.state,
            n_bytes=export.n_bytes,
            sha256=export.sha256,
            created_at=export.created_at,
            document=document,
        )


@attrs.frozen(kw_only=True)
class ExportPage:
    """One's exports, newest first; the last ten are kept."""

    items: tuple[ExportView, ...]
    next: str | None = None
    prev: str | None = None
