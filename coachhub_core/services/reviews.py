"""Use cases of the room *reviews*: one per side, and a mean that is exact."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import attrs

from coachhub_core.domain.accounts import SYSTEM, Actor
from coachhub_core.domain.events import CoachChanged, ReviewWritten
from coachhub_core.domain.matches import Match
from coachhub_core.domain.reviews import (
    ChangeReview,
    ListReviews,
    RemoveReview,
    Review,
    ReviewPage,
    ReviewView,
    WriteReview,
)
from coachhub_core.domain.values import changes
from coachhub_core.errors import AlreadyReviewed, Forbidden, NotFound, ReviewNotEnded, ReviewWindowClosed, Unauthorized
from coachhub_core.ports.storage import Duplicate, UnitOfWork
from coachhub_core.services.access import Access, own_coach_id
from coachhub_core.services.accounts import check_version
from coachhub_core.services.closing import Closing
from coachhub_core.services.inbox import notify
from coachhub_core.services.paging import ends, read_cursor
from coachhub_core.services.units import Context, rerun

_LIST: Final = "reviews"


class ReviewService:
    """What the two sides of a match thought of it."""

    def __init__(self, context: Context, access: Access, closing: Closing) -> None:
        self._context = context
        self._access = access
        self._closing = closing

    def of_coach(self, query: ListReviews, actor: Actor | None = None) -> ReviewPage:
        """Return a page of a coach's visible reviews by trainees, one's own where none is named; they name nobody."""
        if actor is None and (query.coach_id is None or self._context.settings.http.coaches_need_login):
            raise Unauthorized
        keyset = read_cursor(query.cursor, _LIST)
        with self._context.read() as work:
            coach_id = query.coach_id or own_coach_id(actor or SYSTEM)
            work.coaches.record(coach_id)
            found = work.reviews.page(coach_id=coach_id, keyset=keyset, limit=query.limit)
        after, before = ends(found, keyset, _LIST, lambda r: (r.id,))
        items = tuple(ReviewView.of(r, shows_match=False) for r in found.items)
        return ReviewPage(items=items, next=after, prev=before)

    @rerun
    def write(self, actor: Actor, command: WriteReview) -> ReviewView:
        """
        Review a match that ran and is over.

        Raises:
            ReviewNotEnded: If it never ran, or still does.
            AlreadyReviewed: If this side has.
            ReviewWindowClosed: If it is too long ago.
        """
        with self._context.write(actor) as work:
            match = self._access.match(work, actor, command.match_id, lock=True)
            side = match.side_of(actor)
            if side is None:
                raise Forbidden(reason="only the two sides of a match can review it")
            self._check_window(match)
            if any(review.author_side == side for review in work.reviews.of_match(match.id)):
                raise AlreadyReviewed(match_id=match.id)
            now = self._context.clock()
            review = Review(
                id=self._context.new_id(),
                match_id=match.id,
                author_side=side,
                author_id=actor.account_id,
                coach_id=match.coach_id,
                rating=command.rating,
                text=command.text,
                visible_at=now,
                created_at=now,
                updated_at=now,
            )
            try:
                work.reviews.add(review)
            except Duplicate as exc:
                raise AlreadyReviewed(match_id=match.id) from exc
            self._count(work, review, n=1, rating=review.rating)
            other = "coach" if side == "trainee" else "trainee"
            told = self._closing.accounts_of(work, match, other)
            notify(self._context, work, told, "review_written", str(review.id), match_id=match.id)
            work.outbox.add(ReviewWritten(at=now, aggregate_id=review.id, match_id=match.id))
            if side == "trainee":
                self._closing.outcome(work, match, "rated", float(review.rating))
            return work.commit(ReviewView.of(review, shows_match=True))

    def _check_window(self, match: Match) -> None:
        if match.status not in ("completed", "ended") or match.started_at is None or match.ended_at is None:
            raise ReviewNotEnded(match_id=match.id, state=match.status)
        closes_at = self._closes_at(match.ended_at)
        if self._context.clock() >= closes_at:
            raise ReviewWindowClosed(closed_at=closes_at)

    def _closes_at(self, ended_at: datetime) -> datetime:
        return ended_at + timedelta(days=self._context.settings.matches.review_days)

    def _count(self, work: UnitOfWork, review: Review, *, n: int, rating: int) -> None:
        """Move the counters in the same transaction: only what a trainee wrote counts for the coach."""
        if review.author_side == "trainee" and review.state == "visible":
            now = self._context.clock()
            work.coaches.add_rating(review.coach_id, n_reviews=n, rating_sum=rating, at=now)
            work.outbox.add(CoachChanged(at=now, aggregate_id=review.coach_id))

    def _own(self, work: UnitOfWork, actor: Actor, review_id: UUID, expected_version: int | None) -> Review:
        review = work.reviews.find(review_id)
        if review is None or review.author_id != actor.account_id:
            raise NotFound(kind="review", id=review_id)
        match = self._access.match(work, actor, review.match_id, lock=True)
        review = work.reviews.find(review_id)
        if review is None:
            raise NotFound(kind="review", id=review_id)
        check_version("review", expected_version, review.version)
        self._check_window(match)
        return review

    @rerun
    def change(self, actor: Actor, command: ChangeReview) -> ReviewView:
        """Change one's own review while its window is open; the mean follows."""
        with self._context.write(actor) as work:
            review = self._own(work, actor, command.review_id, command.expected_version)
            changed = changes(command, "rating", "text")
            saved = work.reviews.save(attrs.evolve(review, **changed, updated_at=self._context.clock()))
            if saved.rating != review.rating:
                self._count(work, saved, n=0, rating=saved.rating - review.rating)
            return work.commit(ReviewView.of(saved, shows_match=True))

    @rerun
    def remove(self, actor: Actor, command: RemoveReview) -> None:
        """Take one's own review back while its window is open."""
        with self._context.write(actor) as work:
            review = self._own(work, actor, command.review_id, command.expected_version)
            work.reviews.remove(review)
            self._count(work, review, n=-1, rating=-review.rating)
            work.commit()
