"""
Where the past of the demo is played: the services of the core, a clock that is set, and one transaction.

Every state is reached by the use case that leads to it, so histories, inboxes,
grants and counters are what they would be. All of it is committed at once: a
fill that is interrupted leaves an empty instance.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

from coachhub_core.bootstrap import CoachHub
from coachhub_core.domain.events import Event
from coachhub_core.ports.storage import CheckReport, DeadLetter, Storage, StoredEvent, UnitOfWork
from coachhub_core.services.access import Access
from coachhub_core.services.assignments import AssignmentService
from coachhub_core.services.closing import Closing
from coachhub_core.services.matches import MatchService
from coachhub_core.services.plans import PlanService
from coachhub_core.services.reviews import ReviewService
from coachhub_core.services.units import Context

_COUNTER_BITS: Final = 12
_RANDOM_BITS: Final = 62


class StageClock:
    """A clock that shows what it was set to."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class StageIds:
    """Makes UUIDv7 values from the stage's clock and a seed: sorted by the played time, the same each time."""

    def __init__(self, clock: StageClock, chance: random.Random) -> None:
        self._clock = clock
        self._chance = chance
        self._last_ms = -1
        self._counter = 0

    def __call__(self) -> UUID:
        """Return the next id."""
        ms = int(self._clock.now.timestamp() * 1000)
        self._counter = self._counter + 1 if ms == self._last_ms else 0
        self._last_ms = ms
        value = (ms & 0xFFFF_FFFF_FFFF) << 80
        value |= 0x7 << 76
        value |= (self._counter & ((1 << _COUNTER_BITS) - 1)) << 64
        value |= 0b10 << 62
        value |= self._chance.getrandbits(_RANDOM_BITS)
        return UUID(int=value)


class _Untold:
    """An outbox without readers: nobody is told today of what is played as the past."""

    def add(self, event: Event) -> None:
        """Tell nobody."""

    def lease(self, *, owner: str, now: datetime, until: datetime, limit: int) -> Sequence[StoredEvent]:
        """Nothing waits."""
        return ()

    def done(self, ids: Sequence[UUID], *, now: datetime) -> None:
        """Nothing was leased."""

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
        """Nothing was leased."""

    def give_back(self, ids: Sequence[UUID], *, owner: str, now: datetime) -> None:
        """Nothing was leased."""

    def recall(self, *, now: datetime, lease: timedelta, pause: timedelta) -> int:
        """Nothing waits."""
        return 0

    def delete_done(self, *, before: datetime, limit: int) -> int:
        """Nothing is kept."""
        return 0

    def backlog(self) -> tuple[int, datetime | None, int]:
        """Nothing waits."""
        return 0, None, 0

    def dead(self, *, limit: int) -> Sequence[DeadLetter]:
        """Nothing was buried."""
        return ()

    def replay(self, ids: Sequence[UUID] | None, *, now: datetime) -> int:
        """Nothing was buried."""
        return 0


class _Scene(UnitOfWork):
    """A unit of work inside the whole: it ends without a commit of its own, and a refusal in it ends the whole."""

    def __init__(self, whole: UnitOfWork) -> None:
        super().__init__()
        for name in UnitOfWork.__annotations__:
            setattr(self, name, getattr(whole, name))
        self.outbox = _Untold()

    def _commit(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass


class _OneTransaction:
    """The storage as services on the stage see it: every unit is a part of the same transaction."""

    def __init__(self, storage: Storage, whole: UnitOfWork) -> None:
        self._storage = storage
        self._whole = whole

    def begin(self, *, read_only: bool = False, may_lag: bool = False) -> UnitOfWork:
        return _Scene(self._whole)

    def migrate(self) -> str:
        return self._storage.migrate()

    def check(self) -> CheckReport:
        return self._storage.check()

    def ping(self) -> None:
        self._storage.ping()

    def dump(self, target: Path) -> Mapping[str, Any]:
        return self._storage.dump(target)

    def load(self, source: Path, manifest: Mapping[str, Any]) -> None:
        self._storage.load(source, manifest)

    def scrub(self) -> None:
        self._storage.scrub()

    def close(self) -> None:
        """The storage is the hub's."""


class Stage:
    """
    Services that play the past inside *whole*.

    Args:
        whole: A unit of work that is entered; its owner commits it.
        chance: Where ids come from.
    """

    def __init__(self, hub: CoachHub, whole: UnitOfWork, chance: random.Random, start: datetime) -> None:
        self.work = whole
        self.clock = StageClock(start)
        self.new_id = StageIds(self.clock, chance)
        self.context = Context(
            storage=_OneTransaction(hub.storage, whole),
            clock=self.clock,
            new_id=self.new_id,
            settings=hub.settings,
            vocabulary=hub.vocabulary,
        )
        access, closing = Access(), Closing(self.context)
        self.matches = MatchService(self.context, access, closing)
        self.reviews = ReviewService(self.context, access, closing)
        self.plans = PlanService(self.context)
        self.assignments = AssignmentService(self.context, access)
        closing.add_listener(self.assignments)
