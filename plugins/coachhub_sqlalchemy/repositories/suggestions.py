"""Repositories of the room *suggestions*."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from coachhub_core.domain.suggestions import Outcome, SuggestionSet
from coachhub_sqlalchemy.later import later
from coachhub_sqlalchemy.mapping import Repository, RowMapping
from coachhub_sqlalchemy.tables.shadows import shadow_lists
from coachhub_sqlalchemy.tables.suggestions import outcomes, suggestion_sets


class SqlSuggestions(Repository[SuggestionSet]):
    """Lists that were given."""

    mapping = RowMapping(SuggestionSet, suggestion_sets)
    kind = "suggestion set"

    def add(self, made: SuggestionSet) -> None:
        """Keep a list."""
        later(self._connection, self._insert, self.mapping.to_row(made))

    def of_trainee(self, trainee_id: UUID) -> Sequence[SuggestionSet]:
        """All that are kept, newest first."""
        c = suggestion_sets.c
        return self._all(sa.select(*self.mapping.selected).where(c.trainee_id == trainee_id).order_by(c.id.desc()))

    def asked_since(self, since: datetime, *, limit: int) -> Sequence[tuple[UUID, datetime]]:
        """Newest first."""
        c = suggestion_sets.c
        statement = sa.select(c.trainee_id, c.created_at).where(c.created_at >= since)
        rows = self._connection.execute(statement.order_by(c.created_at.desc(), c.id.desc()).limit(limit))
        return [(row[0], row[1]) for row in rows]

    def count_since(self, since: datetime) -> int:
        """Count them."""
        statement = sa.select(sa.func.count()).where(suggestion_sets.c.created_at >= since)
        return int(self._connection.execute(statement).scalar_one())

    def delete_before(self, before: datetime, *, limit: int) -> int:
        """Forget what is older than anybody may ask for."""
        c = suggestion_sets.c
        ids = [row[0] for row in self._connection.execute(sa.select(c.id).where(c.created_at < before).limit(limit))]
        if ids:
            self._connection.execute(sa.delete(shadow_lists).where(shadow_lists.c.id.in_(ids)))
            self._connection.execute(sa.delete(suggestion_sets).where(c.id.in_(ids)))
        return len(ids)


class SqlOutcomes(Repository[Outcome]):
    """The log, append-only."""

    mapping = RowMapping(Outcome, outcomes)
    kind = "outcome"

    def add(self, entries: Sequence[Outcome]) -> None:  # type: ignore[override]  # the log takes many at once
        """Append *entries* in one statement."""
        if entries:
            later(self._connection, sa.insert(outcomes), [self.mapping.to_row(entry) for entry in entries])

    def since(self, after: UUID | None, *, limit: int) -> Sequence[Outcome]:
        """In the order of their ids."""
        statement = sa.select(*self.mapping.selected).order_by(outcomes.c.id).limit(limit)
        if after is not None:
            statement = statement.where(outcomes.c.id > after)
        return self._all(statement)
