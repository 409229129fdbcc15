"""The storage port itself: units of work over repositories, and the shapes they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar
from uuid import UUID

import attrs

from coachhub_core.domain.events import Event
from coachhub_core.errors import Conflict
from coachhub_core.ports.storage.accounts import (
    AccountRepository,
    AuditRepository,
    ErasureRepository,
    RefreshTokenRepository,
    SessionRepository,
)
from coachhub_core.ports.storage.chat import ConversationRepository, MessageRepository
from coachhub_core.ports.storage.coaches import AvailabilityRepository, CoachRepository
from coachhub_core.ports.storage.cohorts import CohortRepository
from coachhub_core.ports.storage.demand import DemandRepository
from coachhub_core.ports.storage.matches import MatchRepository
from coachhub_core.ports.storage.notifications import NotificationRepository
from coachhub_core.ports.storage.own_data import BackupRepository, ExportRepository, PersonalData
from coachhub_core.ports.storage.plans import (
    AssignmentRepository,
    ExerciseRepository,
    PlanRepository,
    ScheduledWorkoutRepository,
)
from coachhub_core.ports.storage.reviews import ReviewRepository
from coachhub_core.ports.storage.shadows import ShadowRepository
from coachhub_core.ports.storage.suggestions import OutcomeRepository, SuggestionRepository
from coachhub_core.ports.storage.trainees import GrantRepository, TraineeRepository
from coachhub_core.ports.storage.workouts import WorkoutRepository

T = TypeVar("T")


@attrs.define(kw_only=True)
class Duplicate(Conflict):
    """
    Raised by a repository when a uniqueness rule of the storage stopped a write.

    ``constraint`` is ``table.column`` (several columns joined by ``+``). Services
    turn it into the refusal of their room; one that escapes is a plain 409.
    """

    code: ClassVar[str] = "conflict"
    constraint: str


@attrs.frozen(kw_only=True)
class StoredEvent:
    """
    An event as the outbox keeps it.

    Args:
        payload: Its members as JSON values; None when what is stored is not readable.
        n_attempts: How often it was leased, this time included.
        heard: The listeners who need not be told again.
    """

    id: UUID
    type: str
    aggregate_id: UUID
    payload: Mapping[str, Any] | None
    created_at: datetime
    n_attempts: int
    heard: frozenset[str] = frozenset()


@attrs.frozen(kw_only=True)
class DeadLetter:
    """An event that was tried until nobody expects it to go any more, and why it did not."""

    id: UUID
    type: str
    aggregate_id: UUID
    created_at: datetime
    n_attempts: int
    error: str


@attrs.frozen(kw_only=True)
class Answered:
    """What a request with this idempotency key was answered."""

    operation: str
    request_hash: bytes
    view: bytes


class IdempotencyRepository(Protocol):
    """Keys of requests that must happen once."""

    def claim(
        self, *, account_id: UUID, key: str, operation: str, request_hash: bytes, now: datetime, expires_at: datetime
    ) -> Answered | None:
        """
        Take the key for this unit of work, waiting for a twin that holds it.

        Returns:
            None when it is taken now; what was answered when it was used before.
        """
        ...

    def answer(self, *, account_id: UUID, key: str, view: bytes) -> None:
        """Keep the answer of a claimed key."""
        ...

    def delete_expired(self, *, now: datetime, limit: int) -> int:
        """Forget keys that are over; return how many."""
        ...


class Outbox(Protocol):
    """Events on their way out: written with their cause, told at least once."""

    def add(self, event: Event) -> None:
        """Write *event* in this unit of work."""
        ...

    def lease(self, *, owner: str, now: datetime, until: datetime, limit: int) -> Sequence[StoredEvent]:
        """Take up to *limit* waiting events for *owner*; who does not finish by *until* loses them to others."""
        ...

    def done(self, ids: Sequence[UUID], *, now: datetime) -> None:
        """Mark events as told, whoever holds them by now: what was told is not told again."""
        ...

    def failed(
        self,
        id: UUID,
        *,
        owner: str,
        now: datetime,
        retry_at: datetime | None,
        reason: str,
        heard: Collection[str] = (),
        counts: bool = True,
    ) -> None:
        """
        Give an event that *owner* still holds back for *retry_at*, or bury it as dead when that is None.

        Args:
            heard: The listeners who need not be told again.
            counts: Whether it was a try.
        """
        ...

    def give_back(self, ids: Sequence[UUID], *, owner: str, now: datetime) -> None:
        """Let events that *owner* still holds and has not tried wait again; the try does not count."""
        ...

    def recall(self, *, now: datetime, lease: timedelta, pause: timedelta) -> int:
        """
        Let events wait no longer that are due further ahead than any is put off: a clock went back; return how many.

        Args:
            lease: What may be left of a lease, and of the time until an event that was never tried.
            pause: The longest until one that failed is tried again.
        """
        ...

    def delete_done(self, *, before: datetime, limit: int) -> int:
        """Forget told events older than *before*; return how many."""
        ...

    def backlog(self) -> tuple[int, datetime | None, int]:
        """Return how many wait, since when the oldest waits, and how many are dead."""
        ...

    def dead(self, *, limit: int) -> Sequence[DeadLetter]:
        """Return up to *limit* dead ones, the oldest first."""
        ...

    def replay(self, ids: Sequence[UUID] | None, *, now: datetime) -> int:
        """Let these dead ones (None: all) wait again, with all tries left; return how many. Who has heard stays."""
        ...


class UnitOfWork(ABC):
    """
    One transaction with a repository per aggregate.

    Leaves nothing behind unless committed. ``before_commit`` hooks run inside
    the transaction with the answer given to :meth:`commit`; ``after_commit``
    hooks run once it is durable.
    """

    accounts: AccountRepository
    sessions: SessionRepository
    refresh_tokens: RefreshTokenRepository
    audit: AuditRepository
    erasures: ErasureRepository
    coaches: CoachRepository
    availability: AvailabilityRepository
    trainees: TraineeRepository
    grants: GrantRepository
    suggestions: SuggestionRepository
    outcomes: OutcomeRepository
    shadows: ShadowRepository
    cohorts: CohortRepository
    demand: DemandRepository
    matches: MatchRepository
    exercises: ExerciseRepository
    plans: PlanRepository
    assignments: AssignmentRepository
    scheduled: ScheduledWorkoutRepository
    workouts: WorkoutRepository
    reviews: ReviewRepository
    conversations: ConversationRepository
    messages: MessageRepository
    notifications: NotificationRepository
    exports: ExportRepository
    backups: BackupRepository
    personal: PersonalData
    idempotency: IdempotencyRepository
    outbox: Outbox

    lags = False
    """Whether what it reads is of a moment ago; known when it is entered. Where it fails, another one may not."""

    def __init__(self) -> None:
        self.before_commit: list[Callable[[Any], None]] = []
        self.after_commit: list[Callable[[], None]] = []

    def commit(self, answer: T = None) -> T:  # type: ignore[assignment]  # None is a T when nobody asks for one
        """
        Make everything durable and return *answer*.

        Raises:
            Contended: If a race was lost; run the unit again.
            Unavailable: If the storage is away, or the time is over; nothing was written.
            OutcomeUnknown: If the storage went away meanwhile; the idempotency key settles it.
        """
        for hook in self.before_commit:
            hook(answer)
        self._commit()
        for told in self.after_commit:
            told()
        return answer

    @abstractmethod
    def _commit(self) -> None: ...

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


@attrs.frozen(kw_only=True)
class CheckReport:
    """What ``coachhub check`` found: counters that lie and rows whose parent is gone."""

    schema_version: str
    n_rows: Mapping[str, int]
    problems: tuple[str, ...]


class Storage(Protocol):
    """
    Keeps everything, for everybody.

    Implementations translate their library's errors: lost races are
    ``Contended``, uniqueness ``Duplicate``, anything that keeps them from
    answering ``Unavailable``.
    """

    def begin(self, *, read_only: bool = False, may_lag: bool = False) -> UnitOfWork:
        """
        Return a unit of work, to be entered with ``with``.

        Args:
            may_lag: Whether a unit that reads may see the state of a moment ago, as a replica has it.
        """
        ...

    def migrate(self) -> str:
        """Bring the schema to this code's version and return it; safe to call from several processes at once."""
        ...

    def check(self) -> CheckReport:
        """Count rows, orphans and wrong counters."""
        ...

    def ping(self) -> None:
        """
        Do the smallest round trip.

        Raises:
            Unwritable: If it answers, and is known to take no changes.
            Unavailable: If there is no answer within two seconds.
        """
        ...

    def scrub(self) -> None:
        """Take what was deleted out of the files as well, as far as nobody is reading it just now; never raises."""
        ...

    def dump(self, target: Path) -> Mapping[str, Any]:
        """Write a consistent copy of everything to *target*, which must not exist; return its manifest."""
        ...

    def load(self, source: Path, manifest: Mapping[str, Any]) -> None:
        """
        Fill an empty storage from a copy.

        Raises:
            BackupError: If the storage is not empty, or the copy does not fit its manifest or this schema.
        """
        ...

    def close(self) -> None:
        """Give back every connection."""
        ...


@attrs.frozen(kw_only=True)
class Keyset:
    """A place in an ordered list: the sort key of an item, and which way to go from it."""

    values: tuple[Any, ...]
    is_before: bool = False


@attrs.frozen(kw_only=True)
class Slice(Generic[T]):
    """Items in list order, and whether the way that was gone has more."""

    items: tuple[T, ...]
    has_more: bool
