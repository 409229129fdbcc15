"""What the room *coaches* needs of a storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import attrs

from coachhub_core.domain.accounts import Account
from coachhub_core.domain.coaches import Availability, Certification, Coach

if TYPE_CHECKING:
    from coachhub_core.ports.storage.unit import Keyset, Slice


@attrs.frozen(kw_only=True)
class CoachRecord:
    """Everything the public view of a coach is made of."""

    coach: Coach
    account: Account
    certifications: tuple[Certification, ...]


@attrs.frozen(kw_only=True)
class CoachFilter:
    """What must hold for a coach to be listed; every member narrows. ``tag`` is a canonical specialty."""

    tag: str | None = None
    city_key: str | None = None
    language: str | None = None
    price_max: Decimal | None = None
    currency: str | None = None
    rating_min: float | None = None
    modality: str | None = None
    accepting: bool | None = None


class CoachRepository(Protocol):
    """Coaches, their certifications and what lists and searches read. One per account (``coaches.user_id``)."""

    def add(self, coach: Coach) -> None: ...

    def get(self, id: UUID) -> Coach: ...

    def find(self, id: UUID) -> Coach | None: ...

    def find_by_account(self, account_id: UUID) -> Coach | None: ...

    def lock(self, id: UUID) -> Coach:
        """Read the row and hold it until the unit ends."""
        ...

    def save(self, coach: Coach) -> Coach:
        """Write the owner's change; ``version`` and ``view_rev`` grow. Never writes seats or ratings."""
        ...

    def touch_view(self, id: UUID, *, at: datetime) -> None:
        """Say that the public view changed by something outside the row: ``view_rev`` grows."""
        ...

    def take_seat(self, id: UUID, *, at: datetime) -> None:
        """One guarded UPDATE, no look before it; ``CoachFull`` when no seat is left."""
        ...

    def free_seat(self, id: UUID, *, at: datetime) -> None: ...

    def add_rating(self, id: UUID, *, n_reviews: int, rating_sum: int, at: datetime) -> None:
        """Add differences to the counters that the mean is made of."""
        ...

    def set_response(self, id: UUID, *, median_seconds: int | None, at: datetime) -> None: ...

    def record(self, id: UUID) -> CoachRecord:
        """Raise ``NotFound`` when there is none, or its account is erased."""
        ...

    def records(self, ids: Sequence[UUID]) -> Mapping[UUID, CoachRecord]:
        """Those of *ids* that exist, in one go."""
        ...

    def all_records(self) -> Sequence[CoachRecord]:
        """Every coach of an active account, by id: the matcher's snapshot and a rebuild of the index."""
        ...

    def snapshot_revision(self) -> tuple[int, int]:
        """How many coaches there are and the sum of their revisions: changes whenever :meth:`all_records` would."""
        ...

    def page(self, where: CoachFilter, *, sort: str, keyset: Keyset | None, offset: int, limit: int) -> Slice[UUID]:
        """Ids of coaches of active accounts; the sort key is (value, id), see :meth:`sort_key`."""
        ...

    def sort_key(self, record: CoachRecord, sort: str) -> tuple[str, ...]:
        """Return the sort key of *record* as texts that a cursor carries."""
        ...

    def count(self, where: CoachFilter) -> int: ...

    def put_terms(self, id: UUID, weights: Mapping[str, int]) -> None:
        """Replace the words under which a coach is found, each with its weight."""
        ...

    def vocabulary(self, prefix: str, *, limit: int) -> Sequence[str]:
        """Known words that start with *prefix*."""
        ...

    def words_of_length(self, shortest: int, longest: int, first: str) -> Sequence[str]:
        """Known words of a length in [shortest, longest] beginning with *first*: where typos are looked for."""
        ...

    def scored(
        self, groups: Sequence[Mapping[str, float]], where: CoachFilter, *, offset: int, limit: int
    ) -> Slice[UUID]:
        """
        Ids of coaches that carry at least one word of every group, best first.

        Args:
            groups: For each word asked, the known words that stand for it with
                the share of their weight that counts.
        """
        ...

    def count_scored(self, groups: Sequence[Mapping[str, float]], where: CoachFilter) -> int: ...

    def add_certification(self, certification: Certification) -> None: ...

    def find_certification(self, id: UUID) -> Certification | None: ...

    def remove_certification(self, id: UUID) -> None: ...

    def certifications(self, coach_id: UUID) -> Sequence[Certification]: ...


class AvailabilityRepository(Protocol):
    """Weeks of coaches and trainees."""

    def find(self, account_id: UUID) -> Availability | None: ...

    def put(self, availability: Availability) -> Availability:
        """Write the week over what is there; its version grows."""
        ...

    def of_accounts(self, account_ids: Sequence[UUID]) -> Mapping[UUID, Availability]: ...
