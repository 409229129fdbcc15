"""One review per side, and a mean that is exact."""

from __future__ import annotations

from decimal import Decimal

import pytest

from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.matches import CompleteMatch, MatchView
from coachhub_core.domain.reviews import ChangeReview, ListReviews, RemoveReview, WriteReview
from coachhub_core.errors import AlreadyReviewed, NotFound, ReviewNotEnded, ReviewWindowClosed
from coachhub_core.testing.builders import a_coach
from coachhub_core.testing.story import House


def finished(house: House, coach: Actor) -> tuple[Actor, MatchView]:
    sam = house.a_trainee()
    match = house.matched(sam, coach)
    return sam, house.hub.matches.complete(sam, CompleteMatch(match_id=match.id))


def test_only_what_ran_and_is_over_is_reviewed_once_per_side(house: House) -> None:
    """Both sides may; nobody twice."""
    coach, sam = house.a_coach(), house.a_trainee()
    match = house.matched(sam, coach)
    with pytest.raises(ReviewNotEnded):
        house.hub.reviews.write(sam, WriteReview(match_id=match.id, rating=5))
    house.hub.matches.complete(coach, CompleteMatch(match_id=match.id))
    house.hub.reviews.write(sam, WriteReview(match_id=match.id, rating=5))
    assert house.hub.reviews.write(coach, WriteReview(match_id=match.id, rating=4)).author_side == "coach"
    with pytest.raises(AlreadyReviewed):
        house.hub.reviews.write(sam, WriteReview(match_id=match.id, rating=1))


def test_the_mean_is_exact_through_every_change(house: House) -> None:
    """Two places, half up; None when there is none; only what trainees wrote counts."""
    coach = house.a_coach()
    written = []
    for rating in (5, 4, 4):
        sam, match = finished(house, coach)
        written.append((sam, house.hub.reviews.write(sam, WriteReview(match_id=match.id, rating=rating))))
    _, match = finished(house, coach)
    house.hub.reviews.write(coach, WriteReview(match_id=match.id, rating=1))
    view = house.hub.coaches.get(coach.coach_id)
    assert (view.rating_avg, view.n_reviews) == (Decimal("4.33"), 3)
    sam, review = written[0]
    house.hub.reviews.change(sam, ChangeReview(review_id=review.id, rating=1))
    assert house.hub.coaches.get(coach.coach_id).rating_avg == Decimal("3.00")
    for sam, review in written:
        house.hub.reviews.remove(sam, RemoveReview(review_id=review.id))
    assert house.hub.coaches.get(coach.coach_id).rating_avg is None
    assert house.hub.storage.check().problems == ()


def test_one_five_does_not_outrank_fifty_at_four_point_eight(house: House) -> None:
    """Lists order by the shrunken mean; both numbers are shown."""
    one = a_coach(house.hub.new_id(), n_reviews=1, rating_sum=5)
    many = a_coach(house.hub.new_id(), n_reviews=50, rating_sum=240)
    assert (one.rating_avg, many.rating_avg) == (Decimal("5.00"), Decimal("4.80"))
    assert many.rating_score > one.rating_score


def test_a_window_closes(house: House) -> None:
    """After thirty days nothing is written, changed or taken back."""
    coach = house.a_coach()
    sam, match = finished(house, coach)
    review = house.hub.reviews.write(sam, WriteReview(match_id=match.id, rating=3))
    house.clock.advance(days=30)
    with pytest.raises(ReviewWindowClosed):
        house.hub.reviews.change(sam, ChangeReview(review_id=review.id, rating=1))
    with pytest.raises(ReviewWindowClosed):
        house.hub.reviews.write(coach, WriteReview(match_id=match.id, rating=1))


def test_a_list_names_nobody(house: House) -> None:
    """And a review is its author's alone."""
    coach = house.a_coach()
    sam, match = finished(house, coach)
    review = house.hub.reviews.write(sam, WriteReview(match_id=match.id, rating=5, text="\U0001f44d"))
    (shown,) = house.hub.reviews.of_coach(ListReviews(coach_id=coach.coach_id)).items
    assert (shown.text, shown.match_id) == ("\U0001f44d", None)
    with pytest.raises(NotFound):
        house.hub.reviews.change(coach, ChangeReview(review_id=review.id, rating=1))
