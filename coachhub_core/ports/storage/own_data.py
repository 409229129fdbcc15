"""What exports, erasure and backups need of a storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from coachhub_core.domain.backups import Backup
from coachhub_core.domain.own_data import Export

if TYPE_CHECKING:
    from coachhub_core.ports.storage.unit import Keyset, Slice


class ExportRepository(Protocol):
    """Exports that were asked for."""

    def add(self, export: Export) -> None: ...

    def find(self, id: UUID) -> Export | None: ...

    def save(self, export: Export) -> Export: ...

    def remove(self, export: Export) -> None: ...

    def of_account(self, account_id: UUID) -> Sequence[Export]:
        """Newest first."""
        ...

    def running(self, *, limit: int) -> Sequence[Export]:
        """Those that wait to be made, the oldest first."""
        ...


class BackupRepository(Protocol):
    """Backups that were made here."""

    def add(self, backup: Backup) -> None: ...

    def find(self, id: UUID) -> Backup | None: ...

    def save(self, backup: Backup) -> Backup: ...

    def running(self) -> Sequence[Backup]: ...

    def page(self, *, keyset: Keyset | None, limit: int) -> Slice[Backup]:
        """Newest first; the sort key is (id,)."""
        ...


class PersonalData(Protocol):
    """What an erasure does to rows that no other repository would touch."""

    def erase_account(self, account_id: UUID) -> None:
        """Delete sessions, tokens, keys, availability and inbox of an account."""
        ...

    def erase_trainee(self, trainee_id: UUID, account_id: UUID) -> None:
        """Delete suggestion sets and grants; blank the profile and what its owner wrote into matches."""
        ...

    def erase_coach(self, coach_id: UUID, account_id: UUID) -> None:
        """Delete certifications and words; blank the profile, and take it out of every list."""
        ...

    def forget_answers(self, ids: Sequence[UUID], *, is_patient: bool = False) -> None:
        """
        Delete every kept answer, whoever it was given to, that names one of *ids*: its text may name the person.

        Args:
            is_patient: Whether to wait for the answers that other units are about to keep.
        """
        ...

    def erased_profiles(self) -> Mapping[UUID, datetime]:
        """Return the ids of the trainees and coaches whose accounts were erased, each with when that was first."""
        ...

    def blank_reviews(self, account_id: UUID) -> None:
        """Keep the ratings an account gave, without their text."""
        ...
