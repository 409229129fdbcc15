"""What the room *suggestions* needs of a storage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from coachhub_core.domain.suggestions import Outcome, SuggestionSet


class SuggestionRepository(Protocol):
    """Lists that were given."""

    def add(self, suggestions: SuggestionSet) -> None: ...

    def find(self, id: UUID) -> SuggestionSet | None: ...

    def of_trainee(self, trainee_id: UUID) -> Sequence[SuggestionSet]:
        """Newest first."""
        ...

    def asked_since(self, since: datetime, *, limit: int) -> Sequence[tuple[UUID, datetime]]:
        """Who got a list and when, newest first."""
        ...

    def count_since(self, since: datetime) -> int:
        """How many lists were given."""
        ...

    def delete_before(self, before: datetime, *, limit: int) -> int: ...


class OutcomeRepository(Protocol):
    """The log of what became of suggestions; append-only."""

    def add(self, outcomes: Sequence[Outcome]) -> None: ...

    def since(self, after: UUID | None, *, limit: int) -> Sequence[Outcome]:
        """In the order of their ids, after *after*."""
        ...
