"""What the room *coaches* needs of a storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID

import attrs

from coachhub_core.domain.accounts import Account
from coachhub_core.domain.coaches import Availability, Certification, Coach, Facet

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
    """
    What must hold for a coach to be listed; every member narrows.

    ``tag`` is a canonical specialty; ``city_keys`` are the folded cities within
    a distance, any of which will do.
    """

    tag: str | None = None
    city_key: str | None = None
    city_keys: frozenset[str] | None = None
    language: str | None = None
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    currency: str | None = None
    rating_min: float | None = None
    modality: str | None = None
    accepting: bool | None = None

    @property
    def rating_floor(self) -> Decimal | None:
        """The lowest mean to two places that passes ``rating_min``."""
        if self.rating_min is None:
            return None
        return Decimal(str(self.rating_min)).quantize(Decimal("0.01"), ROUND_CEILING)

    def without(self, facet: Facet) -> CoachFilter:
        """Return the filter with nothing said of *facet*: what its values are counted under."""
        return attrs.evolve(self, **_SAID_OF[facet])


_SAID_OF: Final[Mapping[Facet, Mapping[str, None]]] = {
    "specialty": {"tag": None},
    "city": {"city_key": None},
    "modality": {"modality": None},
    "language": {"language": None},
    "currency": {"currency": None},
    "price": {"price_min": None, "price_max": None},
    "rating": {"rating_min": None},
}


class CoachRepository(Protocol):
    """Coaches, their certifications and what lists and searches read. One per account (``coaches.user_id``)."""

    def add(self, coach: Coach) -> None: ...

    def get(self, id: UUID) -> Coach: ...

    def find(self, id: UUID) -> Coach | None: ...

    def find_by_account(self, account_id: UUID) -> Coach | None: ...

    def lock(self, id: UUID) -> Coach:
        """Read the row and hold it until the unit ends."""
        ...

    def lock_with_account(self, id: UUID, *, is_shared: bool = False) -> tuple[Coach, Account]:
        """
        Read a coach and the account, in this order, and hold both until the unit ends.

        Args:
            is_shared: Only keep others from writing them; any number of units may hold them so at once.
        Raises:
            NotFound: If there is none.
        """
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

    def page(
        self,
        where: CoachFilter,
        *,
        sort: str,
        keyset: Keyset | None,
        offset: int,
        limit: int,
        near: Mapping[str, int] | None = None,
    ) -> Slice[UUID]:
        """
        Ids of coaches of active accounts; the sort key is (value, id), see :meth:`sort_key`.

        Args:
            near: Metres by folded city, for the order ``distance``; whose city is not in it comes last.
        """
        ...

    def sort_key(self, record: CoachRecord, sort: str, near: Mapping[str, int] | None = None) -> tuple[str, ...]:
        """Return the sort key of *record* as texts that a cursor carries."""
        ...

    def facet(self, facet: Facet, groups: Sequence[Mapping[str, int]] | None, where: CoachFilter) -> Mapping[str, int]:
        """
        Count coaches by the values of a facet, over those that pass *where* and carry a word of every group.

        Args:
            groups: As for :meth:`scored`; None asks for no words.
        """
        ...

    def city_names(self, keys: Sequence[str]) -> Mapping[str, str]:
        """How somebody who lives there writes each of these folded cities; the first spelling by code point."""
        ...

    def listed_versions(self) -> Mapping[UUID, int]:
        """The ``view_rev`` of every coach who is listed."""
        ...

    def worded_versions(self) -> Mapping[UUID, int]:
        """The same, of those only who can be found by a word in this storage."""
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
        self,
        groups: Sequence[Mapping[str, int]] | None,
        where: CoachFilter,
        *,
        offset: int,
        limit: int,
        sort: str | None = None,
        near: Mapping[str, int] | None = None,
    ) -> Slice[UUID]:
        """
        Ids of coaches that carry at least one word of every group, best first unless *sort* says otherwise.

        Args:
            groups: For each word asked, the known words that stand for it with
                the thousandths of their weight that count; None asks for no words.
        """
        ...

    def count_scored(self, groups: Sequence[Mapping[str, int]] | None, where: CoachFilter) -> int: ...

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
