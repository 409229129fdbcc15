"""Repositories of the room *coaches*: the profile and the listing kept beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from coachhub_core.domain.accounts import Account
from coachhub_core.domain.coaches import Availability, Certification, Coach
from coachhub_core.domain.vocabulary import fold
from coachhub_core.errors import CoachFull, NotFound
from coachhub_core.ports.storage import CoachRecord
from coachhub_sqlalchemy.later import later
from coachhub_sqlalchemy.mapping import Repository, RowMapping
from coachhub_sqlalchemy.repositories.accounts import ACCOUNTS
from coachhub_sqlalchemy.repositories.listings import Listings
from coachhub_sqlalchemy.tables.accounts import users
from coachhub_sqlalchemy.tables.coaches import (
    availability,
    certifications,
    coach_facets,
    coach_listings,
    coach_specialties,
    coach_terms,
    coaches,
)


def score_in_ten_thousandths(coach: Coach) -> int:
    """Return the shrunken rating as a whole number, which sorts the same everywhere."""
    return int(coach.rating_score * 10_000)


COACHES = RowMapping(
    Coach,
    coaches,
    renamed={"account_id": "user_id"},
    derived={"rating_avg": lambda c: c.rating_avg, "rating_score": score_in_ten_thousandths},
    unread=("certifications",),
)
CERTIFICATIONS = RowMapping(Certification, certifications)

_RECORDS = sa.select(*COACHES.selected, *ACCOUNTS.selected).join_from(coaches, users, coaches.c.user_id == users.c.id)
_ONE = _RECORDS.where(coaches.c.id == sa.bindparam("the_id"))
_ONE_HELD, _ONE_SHARED = _ONE.with_for_update(), _ONE.with_for_update(read=True)
_RECORD = _ONE.where(users.c.status != "erased")
_SOME = _RECORDS.where(coaches.c.id.in_(sa.bindparam("the_ids", expanding=True)), users.c.status != "erased")
_ALL = _RECORDS.where(users.c.status == "active").order_by(coaches.c.id)
_CERTIFICATIONS = (
    sa.select(*CERTIFICATIONS.selected)
    .where(certifications.c.coach_id.in_(sa.bindparam("the_ids", expanding=True)))
    .order_by(certifications.c.id)
)
_TAKE_SEAT = (
    sa.update(coaches)
    .where(coaches.c.id == sa.bindparam("the_id"), coaches.c.n_active < coaches.c.capacity)
    .values(n_active=coaches.c.n_active + 1, view_rev=coaches.c.view_rev + 1, updated_at=sa.bindparam("at"))
)
_FREE_SEAT = (
    sa.update(coaches)
    .where(coaches.c.id == sa.bindparam("the_id"), coaches.c.n_active > 0)
    .values(n_active=coaches.c.n_active - 1, view_rev=coaches.c.view_rev + 1, updated_at=sa.bindparam("at"))
)
_LIST_SEATS = (
    sa.update(coach_listings)
    .where(coach_listings.c.coach_id == sa.bindparam("of_coach"))
    .values(
        seats_left=sa.select(coaches.c.capacity - coaches.c.n_active)
        .where(coaches.c.id == coach_listings.c.coach_id)
        .scalar_subquery()
    )
)
# What the owner's save never writes: seats and ratings move by statements of their own, under their own guard.
_COUNTERS = ("n_active", "n_reviews", "rating_sum", "rating_avg", "rating_score", "median_response_seconds")


class SqlCoaches(Listings, Repository[Coach]):
    """Coaches, and everything a list of them is filtered and sorted by."""

    mapping = COACHES
    kind = "coach"
    frozen = _COUNTERS

    def add(self, coach: Coach) -> None:
        """Write a new profile and its listing."""
        super().add(coach)
        self._list(coach.id)

    def find_by_account(self, account_id: UUID) -> Coach | None:
        """Return the profile of an account."""
        return self._one(sa.select(*COACHES.selected).where(coaches.c.user_id == account_id))

    def save(self, coach: Coach) -> Coach:
        """Write the owner's change; the public view has changed too."""
        saved = super().save(attrs.evolve(coach, view_rev=coach.view_rev + 1))
        self._list(coach.id)
        return saved

    def touch_view(self, id: UUID, *, at: datetime) -> None:
        """The account's name or city, a certification or the account's status changed."""
        self._connection.execute(
            sa.update(coaches).where(coaches.c.id == id).values(view_rev=coaches.c.view_rev + 1, updated_at=at)
        )
        self._list(id)

    def take_seat(self, id: UUID, *, at: datetime) -> None:
        """Take one of the seats, or learn that there is none."""
        if self._connection.execute(_TAKE_SEAT, {"the_id": id, "at": at}).rowcount != 1:
            raise CoachFull(coach_id=id, capacity=self.get(id).capacity)
        later(self._connection, _LIST_SEATS, {"of_coach": id})

    def free_seat(self, id: UUID, *, at: datetime) -> None:
        """Give a seat back."""
        later(self._connection, _FREE_SEAT, {"the_id": id, "at": at})
        later(self._connection, _LIST_SEATS, {"of_coach": id})

    def add_rating(self, id: UUID, *, n_reviews: int, rating_sum: int, at: datetime) -> None:
        """Move the counters and what is derived from them."""
        coach = self.lock(id)
        moved = attrs.evolve(
            coach,
            n_reviews=coach.n_reviews + n_reviews,
            rating_sum=coach.rating_sum + rating_sum,
            view_rev=coach.view_rev + 1,
            updated_at=at,
        )
        self._connection.execute(
            sa.update(coaches)
            .where(coaches.c.id == id)
            .values(
                n_reviews=moved.n_reviews,
                rating_sum=moved.rating_sum,
                rating_avg=moved.rating_avg,
                rating_score=score_in_ten_thousandths(moved),
                view_rev=moved.view_rev,
                updated_at=at,
            )
        )
        self._list(id)

    def set_response(self, id: UUID, *, median_seconds: int | None, at: datetime) -> None:
        """Note how long this coach takes to answer."""
        later(
            self._connection,
            sa.update(coaches)
            .where(coaches.c.id == id)
            .values(median_response_seconds=median_seconds, view_rev=coaches.c.view_rev + 1, updated_at=at),
        )

    # ── the public view's parts ──

    def record(self, id: UUID) -> CoachRecord:
        """Return the coach with account and certifications."""
        coach, account = self._with_account(_RECORD, id)
        return CoachRecord(coach=coach, account=account, certifications=tuple(self.certifications(id)))

    def lock_with_account(self, id: UUID, *, is_shared: bool = False) -> tuple[Coach, Account]:
        """Hold both; the coach is found by its key, and the account by what stands in the coach's row."""
        return self._with_account(_ONE_SHARED if is_shared else _ONE_HELD, id)

    def _with_account(self, statement: sa.Select[Any], id: UUID) -> tuple[Coach, Account]:
        row = self._connection.execute(statement, {"the_id": id}).first()
        if row is None:
            raise NotFound(kind="coach", id=id)
        return _coach_and_account(row)

    def records(self, ids: Sequence[UUID]) -> Mapping[UUID, CoachRecord]:
        """Return those that exist, in two statements however many there are."""
        if not ids:
            return {}
        rows = self._connection.execute(_SOME, {"the_ids": list(ids)}).all()
        return self._with_certifications([_coach_and_account(row) for row in rows])

    def all_records(self) -> Sequence[CoachRecord]:
        """Every coach of an active account."""
        rows = self._connection.execute(_ALL).all()
        return list(self._with_certifications([_coach_and_account(row) for row in rows]).values())

    def _with_certifications(self, found: Sequence[tuple[Coach, Account]]) -> dict[UUID, CoachRecord]:
        held: dict[UUID, list[Certification]] = {}
        ids = [coach.id for coach, _ in found]
        for start in range(0, len(ids), 500):
            rows = self._connection.execute(_CERTIFICATIONS, {"the_ids": ids[start : start + 500]})
            for row in rows:
                certification = CERTIFICATIONS.from_row(row)
                held.setdefault(certification.coach_id, []).append(certification)
        return {
            coach.id: CoachRecord(coach=coach, account=account, certifications=tuple(held.get(coach.id, ())))
            for coach, account in found
        }

    def snapshot_revision(self) -> tuple[int, int]:
        """Count and sum of revisions over coaches of active accounts."""
        row = self._connection.execute(
            sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(coaches.c.view_rev), 0))
            .join_from(coaches, users, coaches.c.user_id == users.c.id)
            .where(users.c.status == "active")
        ).one()
        return int(row[0]), int(row[1])

    # ── certifications ──

    def add_certification(self, certification: Certification) -> None:
        """Write a claim and its mirror."""
        self._connection.execute(sa.insert(certifications), CERTIFICATIONS.to_row(certification))
        self._mirror(certification.coach_id)

    def find_certification(self, id: UUID) -> Certification | None:
        """Return one claim."""
        row = self._connection.execute(sa.select(*CERTIFICATIONS.selected).where(certifications.c.id == id)).first()
        return None if row is None else CERTIFICATIONS.from_row(row)

    def remove_certification(self, id: UUID) -> None:
        """Delete one claim."""
        found = self.find_certification(id)
        if found is not None:
            self._connection.execute(sa.delete(certifications).where(certifications.c.id == id))
            self._mirror(found.coach_id)

    def certifications(self, coach_id: UUID) -> Sequence[Certification]:
        """All claims of a coach, oldest first."""
        rows = self._connection.execute(_CERTIFICATIONS, {"the_ids": [coach_id]})
        return [CERTIFICATIONS.from_row(row) for row in rows]

    def _mirror(self, coach_id: UUID) -> None:
        names = [c.name for c in self.certifications(coach_id)]
        self._connection.execute(sa.update(coaches).where(coaches.c.id == coach_id).values(certifications=names))

    # ── what lists and searches read ──

    def _list(self, id: UUID) -> None:
        """Write the side tables anew from the row and its account: the one place that knows how."""
        row = self._connection.execute(_RECORDS.where(coaches.c.id == id)).one()
        coach, account = _coach_and_account(row)
        c = self._connection
        later(c, sa.delete(coach_listings).where(coach_listings.c.coach_id == id))
        later(
            c,
            sa.insert(coach_listings),
            {
                "coach_id": id,
                "is_listed": account.status == "active",
                "name_key": fold(account.name)[:255],
                "city_key": fold(account.city or "")[:255],
                "price": coach.pricing if coach.pricing is not None else Decimal("99999999.99"),
                "has_price": coach.pricing is not None,
                "currency": coach.currency,
                "rating_score": score_in_ten_thousandths(coach),
                "rating_avg": coach.rating_avg,
                "seats_left": coach.seats_left,
                "is_accepting": coach.is_accepting,
            },
        )
        later(c, sa.delete(coach_specialties).where(coach_specialties.c.coach_id == id))
        if coach.specialties:
            score = score_in_ten_thousandths(coach)
            tags = [{"tag": tag, "rating_score": score, "coach_id": id} for tag in coach.specialties]
            later(c, sa.insert(coach_specialties), tags)
        later(c, sa.delete(coach_facets).where(coach_facets.c.coach_id == id))
        facets = [{"kind": "modality", "value": m, "coach_id": id} for m in coach.modalities]
        facets += [{"kind": "language", "value": code, "coach_id": id} for code in coach.languages]
        if facets:
            later(c, sa.insert(coach_facets), facets)

    def put_terms(self, id: UUID, weights: Mapping[str, int]) -> None:
        """Replace the words this coach is found under."""
        self._connection.execute(sa.delete(coach_terms).where(coach_terms.c.coach_id == id))
        rows = [{"term": term[:64], "coach_id": id, "weight": weight} for term, weight in sorted(weights.items())]
        if rows:
            self._connection.execute(sa.insert(coach_terms), rows)


def _coach_and_account(row: sa.Row[tuple[object, ...]]) -> tuple[Coach, Account]:
    return COACHES.from_row(row), ACCOUNTS.from_row(row, len(COACHES))


AVAILABILITY = RowMapping(Availability, availability)


class SqlAvailability(Repository[Availability]):
    """Weeks."""

    mapping = AVAILABILITY
    kind = "availability"

    def find(self, account_id: UUID) -> Availability | None:
        """Return the week of an account."""
        return self._one(sa.select(*AVAILABILITY.selected).where(availability.c.account_id == account_id))

    def put(self, week: Availability) -> Availability:
        """Write the week over what is there."""
        found = self.find(week.account_id)
        if found is None:
            self.add(week)
            return week
        saved = attrs.evolve(week, version=found.version + 1)
        self._connection.execute(
            sa.update(availability)
            .where(availability.c.account_id == week.account_id)
            .values(AVAILABILITY.to_row(saved))
        )
        return saved

    def of_accounts(self, account_ids: Sequence[UUID]) -> Mapping[UUID, Availability]:
        """Return the weeks of many accounts."""
        found: dict[UUID, Availability] = {}
        ids = list(account_ids)
        for start in range(0, len(ids), 500):
            statement = sa.select(*AVAILABILITY.selected).where(availability.c.account_id.in_(ids[start : start + 500]))
            found.update({week.account_id: week for week in self._all(statement)})
        return found
