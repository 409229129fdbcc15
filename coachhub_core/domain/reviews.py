"""The room *reviews*: one per side of a match that ran and is over."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import attrs

from coachhub_core.domain import values as v
from coachhub_core.domain.values import UNSET, Unset

ReviewState = Literal["hidden", "visible", "removed"]


@attrs.frozen(kw_only=True)
class Review:
    """What one side thought; a trainee's counts into the coach's rating."""

    id: UUID
    match_id: UUID
    author_side: Literal["trainee", "coach"]
    author_id: UUID
    coach_id: UUID
    rating: int
    text: str | None = None
    state: ReviewState = "visible"
    visible_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1


@attrs.frozen(kw_only=True)
class WriteReview:
    """Review a match that is over."""

    match_id: UUID
    rating: int = v.whole(1, 5)
    text: str | None = v.text(5_000, default=None, optional=True)


@attrs.frozen(kw_only=True)
class ChangeReview:
    """Change one's own review while its window is open."""

    review_id: UUID
    expected_version: int | None = None
    rating: int | Unset = v.whole(1, 5, default=UNSET)
    text: str | None | Unset = v.text(5_000, default=UNSET, optional=True)


@attrs.frozen(kw_only=True)
class RemoveReview:
    """Take one's own review back."""

    review_id: UUID
    expected_version: int | None = None


@attrs.frozen(kw_only=True)
class ListReviews:
    """A coach's reviews by trainees, newest first."""

    coach_id: UUID | None = None
    limit: int = v.whole(1, 100, default=20)
    cursor: str | None = v.text(1_000, min_len=1, default=None, optional=True)


@attrs.frozen(kw_only=True)
class ReviewView:
    """A review; names nobody."""

    id: UUID
    match_id: UUID | None
    coach_id: UUID
    author_side: Literal["trainee", "coach"]
    rating: int
    text: str | None
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, review: Review, *, shows_match: bool) -> ReviewView:
        """Show *review*; the match only to its parties."""
        return cls(
            id=review.id,
            match_id=review.match_id if shows_match else None,
            coach_id=review.coach_id,
            author_side=review.author_side,
            rating=review.rating,
            text=review.text,
            created_at=review.created_at,
            updated_at=review.updated_at,
            version=review.version,
        )


@attrs.frozen(kw_only=True)
class ReviewPage:
    """One page of reviews."""

    items: tuple[ReviewView, ...]
    next: str | None
    prev: str | None
