"""The room *coaches*: what a coach offers, how many seats are left, when they can be met."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any, Final, Literal
from uuid import UUID

import attrs

from coachhub_core.domain import values as v
from coachhub_core.domain.accounts import Account, Gender
from coachhub_core.domain.values import UNSET, Unset
from coachhub_core.errors import AvailabilityOverlap, CapacityBelowActive, FieldError

Modality = Literal["in_person", "online", "hybrid"]
MODALITIES: Final = ("in_person", "online", "hybrid")
CertificationState = Literal["claimed", "verified", "expired", "rejected"]
CoachSort = Literal["rating", "price", "-price", "name", "newest", "seats", "distance"]
SORTS: Final = ("rating", "price", "-price", "name", "newest", "seats", "distance")
Facet = Literal["specialty", "city", "modality", "language", "currency", "price", "rating"]
FACETS: Final = ("specialty", "city", "modality", "language", "currency", "price", "rating")

RATING_PRIOR_MEAN: Final = Decimal("4.2")
RATING_PRIOR_WEIGHT: Final = 5
BIO_MAX: Final = 10_000


def modalities(**more: Any) -> Any:
    """Make a field of distinct modalities."""
    return v.items(3, each=v.choice(MODALITIES), distinct=True, **more)


def languages(**more: Any) -> Any:
    """Make a field of distinct BCP 47 tags."""
    return v.items(20, each=v.language_tag(), distinct=True, **more)


def specialties(**more: Any) -> Any:
    """Make a field of distinct specialties; synonyms are taken and become their tag in the service."""
    return v.items(20, each=v.line(80), distinct=True, **more)


# ── entities ────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class Coach:
    """
    A coach's profile and their seats, stored in ``coaches``.

    ``version`` grows when the coach edits; ``view_rev`` with anything the
    public view shows. ``rating_score`` is the shrunken mean that orders lists,
    ``(C·m + sum) / (C + n)``; ``rating_avg`` the exact one that people read.
    """

    id: UUID
    account_id: UUID
    specialties: tuple[str, ...] = ()
    pricing: Decimal | None = None
    currency: str = "EUR"
    bio: str | None = None
    capacity: int = 10
    n_active: int = 0
    is_accepting: bool = True
    modalities: tuple[str, ...] = ("online",)
    languages: tuple[str, ...] = ("en",)
    years: int | None = None
    n_reviews: int = 0
    rating_sum: int = 0
    shows_gender: bool = False
    median_response_seconds: int | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1
    view_rev: int = 1

    @property
    def seats_left(self) -> int:
        """Places at this coach that nobody has taken."""
        return self.capacity - self.n_active

    @property
    def rating_avg(self) -> Decimal | None:
        """The exact mean of visible ratings to two places, half up; None when there is none."""
        if self.n_reviews == 0:
            return None
        return (Decimal(self.rating_sum) / self.n_reviews).quantize(Decimal("0.01"), ROUND_HALF_UP)

    @property
    def rating_score(self) -> Decimal:
        """The mean shrunken towards the prior, to four places: one 5 does not outrank fifty at 4.8."""
        total = RATING_PRIOR_MEAN * RATING_PRIOR_WEIGHT + self.rating_sum
        return (total / (RATING_PRIOR_WEIGHT + self.n_reviews)).quantize(Decimal("0.0001"), ROUND_HALF_UP)

    def with_capacity(self, capacity: int) -> Coach:
        """Return the coach with another number of seats, never fewer than are taken."""
        if capacity < self.n_active:
            raise CapacityBelowActive(capacity=capacity, n_active=self.n_active)
        return attrs.evolve(self, capacity=capacity)


@attrs.frozen(kw_only=True)
class Certification:
    """Something a coach says they hold."""

    id: UUID
    coach_id: UUID
    name: str
    issuer: str | None = None
    state: CertificationState = "claimed"
    valid_until: date | None = None
    created_at: datetime


@attrs.frozen(kw_only=True)
class Hours:
    """Local hours of one weekday (0 is Monday), half-open: [starts, ends). ``ends`` 00:00 is the day's end."""

    weekday: int = v.whole(0, 6)
    starts: time = attrs.field(metadata={"schema": {"examples": ["18:00"]}})
    ends: time = attrs.field(metadata={"schema": {"examples": ["20:30"]}})

    def __attrs_post_init__(self) -> None:
        if self.ends_minute <= self.starts_minute:
            raise v.FieldRefused("ends", "must be after starts; 00:00 is the end of the day", "order")

    @property
    def starts_minute(self) -> int:
        """Minutes from midnight to the start."""
        return self.starts.hour * 60 + self.starts.minute

    @property
    def ends_minute(self) -> int:
        """Minutes from midnight to the end; 1440 for the day's end."""
        return (self.ends.hour * 60 + self.ends.minute) or 1440


@attrs.frozen(kw_only=True)
class Availability:
    """When somebody can be met, in their own zone; for coaches and trainees alike."""

    account_id: UUID
    zone: str
    hours: tuple[Hours, ...]
    updated_at: datetime
    version: int = 1


def check_hours(hours: Sequence[Hours]) -> tuple[Hours, ...]:
    """
    Return *hours* sorted by weekday and start.

    Raises:
        AvailabilityOverlap: If two of one weekday overlap; names the later one.
    """
    ordered = sorted(enumerate(hours), key=lambda item: (item[1].weekday, item[1].starts_minute))
    for (_, before), (index, after) in pairwise(ordered):
        if before.weekday == after.weekday and after.starts_minute < before.ends_minute:
            sentence = f"overlaps with the hours from {before.starts:%H:%M} of the same day"
            raise AvailabilityOverlap(errors=(FieldError(pointer=f"/hours/{index}", message=sentence, code="overlap"),))
    return tuple(h for _, h in ordered)


# ── commands and queries ────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class CreateCoach:
    """Make the coach profile of an account; an admin names the account."""

    account_id: UUID | None = None
    specialties: tuple[str, ...] = specialties(default=())
    pricing: Decimal | None = v.money(default=None, optional=True)
    currency: str = v.currency(default="EUR")
    bio: str | None = v.text(BIO_MAX, default=None, optional=True)
    capacity: int = v.whole(0, 10_000, default=10)
    is_accepting: bool = v.flag(default=True)
    modalities: tuple[str, ...] = modalities(default=("online",))
    languages: tuple[str, ...] = languages(default=("en",))
    years: int | None = v.whole(0, 80, default=None, optional=True)
    shows_gender: bool = v.flag(default=False)


@attrs.frozen(kw_only=True)
class ChangeCoach:
    """Change a coach's profile, one's own where none is named; absent members stay."""

    coach_id: UUID | None = None
    expected_version: int | None = None
    specialties: tuple[str, ...] | Unset = specialties(default=UNSET)
    pricing: Decimal | None | Unset = v.money(default=UNSET, optional=True)
    currency: str | Unset = v.currency(default=UNSET)
    bio: str | None | Unset = v.text(BIO_MAX, default=UNSET, optional=True)
    capacity: int | Unset = v.whole(0, 10_000, default=UNSET)
    is_accepting: bool | Unset = v.flag(default=UNSET)
    modalities: tuple[str, ...] | Unset = modalities(default=UNSET)
    languages: tuple[str, ...] | Unset = languages(default=UNSET)
    years: int | None | Unset = v.whole(0, 80, default=UNSET, optional=True)
    shows_gender: bool | Unset = v.flag(default=UNSET)


@attrs.frozen(kw_only=True)
class SetAvailability:
    """Replace the week of a coach, or of the trainee who sends it."""

    coach_id: UUID | None = None
    trainee_id: UUID | None = None
    expected_version: int | None = None
    zone: str = v.zone()
    hours: tuple[Hours, ...] = v.items(84)


@attrs.frozen(kw_only=True)
class AddCertification:
    """Claim a certification."""

    coach_id: UUID | None = None
    name: str = v.line()
    issuer: str | None = v.line(default=None, optional=True)
    valid_until: date | None = None


@attrs.frozen(kw_only=True)
class RemoveCertification:
    """Take a certification back."""

    coach_id: UUID | None = None
    certification_id: UUID


@attrs.frozen(kw_only=True)
class FindCoaches:
    """
    Filters, order and page of a list of coaches.

    ``q`` searches words and orders by how well they fit unless ``sort`` says
    otherwise. Filters narrow, all at once. ``near`` names a city: ``within_km``
    keeps who lives at most so far from it, ``sort=distance`` brings the nearest
    first. ``facets`` asks how many each value of a filter would leave, and
    ``highlight`` where the words of ``q`` stand. ``offset`` is at most 10,000;
    beyond it, and for stable pages under inserts, follow ``cursor``.
    """

    q: str | None = v.text(200, default=None, optional=True)
    specialty: str | None = v.text(80, min_len=1, default=None, optional=True)
    city: str | None = v.text(255, min_len=1, default=None, optional=True)
    language: str | None = v.pattern(
        v.LANGUAGE_PATTERN, "must be a language tag such as en", max_len=35, min_len=2, default=None, optional=True
    )
    price_min: Decimal | None = v.money(default=None, optional=True)
    price_max: Decimal | None = v.money(default=None, optional=True)
    currency: str | None = v.currency(default=None, optional=True)
    rating_min: float | None = v.number(0, 5, default=None, optional=True)
    modality: Modality | None = v.choice(MODALITIES, default=None, optional=True)
    accepting: bool | None = v.flag(default=None, optional=True)
    near: str | None = v.text(255, min_len=1, default=None, optional=True)
    within_km: float | None = v.number(0, 20_100, default=None, optional=True)
    facets: tuple[Facet, ...] = v.items(len(FACETS), each=v.choice(FACETS), distinct=True, default=())
    highlight: bool = v.flag(default=False)
    sort: CoachSort | None = v.choice(SORTS, default=None, optional=True)
    limit: int = v.whole(1, 100, default=20)
    offset: int | None = v.whole(0, 10_000, default=None, optional=True)
    cursor: str | None = v.text(1_000, min_len=1, default=None, optional=True)
    total: bool = v.flag(default=False)


# ── views ───────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class CertificationView:
    """A certification as the public sees it."""

    id: UUID
    name: str
    issuer: str | None
    state: CertificationState
    valid_until: date | None

    @classmethod
    def of(cls, certification: Certification) -> CertificationView:
        """Show *certification*."""
        return cls(**{f.name: getattr(certification, f.name) for f in attrs.fields(cls)})


@attrs.frozen(kw_only=True)
class CoachView:
    """A coach as everybody sees them: profile, the account's name and city, seats, ratings."""

    id: UUID
    name: str
    city: str | None
    gender: Gender | None
    specialties: tuple[str, ...]
    certifications: tuple[CertificationView, ...]
    pricing: Decimal | None
    currency: str
    bio: str | None
    capacity: int
    seats_left: int
    is_accepting: bool
    modalities: tuple[str, ...]
    languages: tuple[str, ...]
    years: int | None
    rating_avg: Decimal | None
    rating_score: Decimal
    n_reviews: int
    median_response_seconds: int | None
    created_at: datetime
    updated_at: datetime
    version: int
    view_rev: int

    @classmethod
    def of(cls, coach: Coach, account: Account, certifications: Sequence[Certification]) -> CoachView:
        """Show *coach*; the gender only where they chose to show it."""
        return cls(
            id=coach.id,
            name=account.name,
            city=account.city,
            gender=account.gender if coach.shows_gender else None,
            specialties=coach.specialties,
            certifications=tuple(CertificationView.of(c) for c in certifications),
            pricing=coach.pricing,
            currency=coach.currency,
            bio=coach.bio,
            capacity=coach.capacity,
            seats_left=coach.seats_left,
            is_accepting=coach.is_accepting,
            modalities=coach.modalities,
            languages=coach.languages,
            years=coach.years,
            rating_avg=coach.rating_avg,
            rating_score=coach.rating_score,
            n_reviews=coach.n_reviews,
            median_response_seconds=coach.median_response_seconds,
            created_at=coach.created_at,
            updated_at=coach.updated_at,
            version=coach.version,
            view_rev=coach.view_rev,
        )


@attrs.frozen(kw_only=True)
class FacetValue:
    """A value of a facet: ``n`` coaches would be found if it were filtered by, all else being asked as it was."""

    value: str
    label: str
    n: int


@attrs.frozen(kw_only=True)
class HighlightPart:
    """A piece of a text, and whether it is a word that was looked for."""

    text: str
    is_match: bool


@attrs.frozen(kw_only=True)
class Highlight:
    """Where in a member of the view the words stand: the parts, joined, are the text or a piece of it."""

    member: Literal["name", "city", "specialties", "certifications", "bio"]
    parts: tuple[HighlightPart, ...]


@attrs.frozen(kw_only=True)
class CoachHit:
    """Why a coach of the page is there: how far away, and where the words stand."""

    id: UUID
    distance_km: float | None
    highlights: tuple[Highlight, ...]


@attrs.frozen(kw_only=True)
class CoachPage:
    """
    One page of coaches.

    ``hits`` has an entry for each item, in the same order, where ``near`` or
    ``highlight`` was asked; ``facets`` has those that were asked. ``degraded``
    is ``search`` where the search engine is away and the database answered for it.
    """

    items: tuple[CoachView, ...]
    next: str | None
    prev: str | None
    total: int | None = None
    facets: dict[str, tuple[FacetValue, ...]] | None = None
    hits: tuple[CoachHit, ...] | None = None
    degraded: Literal["search"] | None = None


@attrs.frozen(kw_only=True)
class AvailabilityView:
    """Somebody's week."""

    zone: str
    hours: tuple[Hours, ...]
    updated_at: datetime | None
    version: int

    @classmethod
    def of(cls, availability: Availability | None, *, zone: str) -> AvailabilityView:
        """Show *availability*; nothing said yet is an empty week at version 0."""
        if availability is None:
            return cls(zone=zone, hours=(), updated_at=None, version=0)
        return cls(
            zone=availability.zone,
            hours=availability.hours,
            updated_at=availability.updated_at,
            version=availability.version,
        )
