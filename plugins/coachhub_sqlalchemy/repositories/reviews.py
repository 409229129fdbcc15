"""Repository of the room *reviews*."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from coachhub_core.domain.reviews import Review
from coachhub_core.ports.storage import Keyset, Slice
from coachhub_sqlalchemy.keyset import by_id, sliced
from coachhub_sqlalchemy.mapping import Repository, RowMapping
from coachhub_sqlalchemy.tables.reviews import reviews

REVIEWS = RowMapping(Review, reviews)


class SqlReviews(Repository[Review]):
    """Reviews."""

    mapping = REVIEWS
    kind = "review"

    def remove(self, review: Review) -> None:
        """Delete it."""
        self._connection.execute(sa.delete(reviews).where(reviews.c.id == review.id))

    def of_author(self, account_id: UUID) -> Sequence[Review]:
        """All that an account wrote, newest first."""
        return self._all(
            sa.select(*REVIEWS.selected).where(reviews.c.author_id == account_id).order_by(reviews.c.id.desc())
        )

    def of_match(self, match_id: UUID) -> Sequence[Review]:
        """At most one per side."""
        return self._all(sa.select(*REVIEWS.selected).where(reviews.c.match_id == match_id).order_by(reviews.c.id))

    def page(self, *, coach_id: UUID, keyset: Keyset | None, limit: int) -> Slice[Review]:
        """Visible ones by trainees, newest first."""
        statement = sa.select(*REVIEWS.selected).where(
            reviews.c.coach_id == coach_id, reviews.c.author_side == "trainee", reviews.c.state == "visible"
        )
        return sliced(self._all(by_id(statement, reviews.c.id, keyset, limit)), keyset, limit)
