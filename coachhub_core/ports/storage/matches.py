"""What the room *matches* needs of a storage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import attrs

from coachhub_core.domain.matches import Match, MatchEvent, MatchStatus

if TYPE_CHECKING:
    from coachhub_core.ports.storage.unit import Keyset, Slice


@attrs.frozen(kw_only=True)
class MatchContext:
    """What a view of a match shows beside the match."""

    match: Match
    trainee_name: str
    trainee_account_id: UUID
    trainee_zone: str
    trainee_goal: str | None
    coach_name: str
    coach_account_id: UUID
    conversation_id: UUID | None
    coach_full: bool


class MatchRepository(Protocol):
    """
    Matches.

    ``Duplicate`` with ``matches.active_trainee_id`` when a trainee would have two
    active coaches, with ``matches.open_trainee_id+coach_id`` for a twin.
    """

    def add(self, match: Match) -> None: ...

    def get(self, id: UUID) -> Match: ...

    def find(self, id: UUID) -> Match | None: ...

    def save_held(self, matches: Sequence[Match]) -> Sequence[Match]:
        """Write changes of matches whose trainees this unit holds, in no round trip of their own."""
        ...

    def save(self, match: Match) -> Match:
        """Write a change based on ``match.version``; ``Contended`` when another writer was first."""
        ...

    def context(self, id: UUID) -> MatchContext: ...

    def contexts(self, ids: Sequence[UUID]) -> Sequence[MatchContext]:
        """In the order of *ids*."""
        ...

    def open_of_trainee(self, trainee_id: UUID) -> Sequence[Match]:
        """Requests without an answer, oldest first, also those past their time."""
        ...

    def open_of_coach(self, coach_id: UUID) -> Sequence[Match]: ...

    def standing_of_trainees(self, trainee_ids: Sequence[UUID], now: datetime) -> Sequence[Match]:
        """Return what is requested and in time, active or paused of many trainees."""
        ...

    def unfinished_of_trainee(self, trainee_id: UUID) -> Sequence[Match]:
        """Return what is requested, also past its time, active or paused, oldest first."""
        ...

    def running_of_trainee(self, trainee_id: UUID) -> Match | None:
        """The one that is active or paused."""
        ...

    def contexts_of_coach(self, coach_id: UUID, *, statuses: Sequence[MatchStatus]) -> Sequence[MatchContext]:
        """Return a coach's matches in these states with what a view shows beside them, oldest first."""
        ...

    def of_trainee(self, trainee_id: UUID) -> Sequence[Match]:
        """All of them, newest first."""
        ...

    def of_coach(self, coach_id: UUID) -> Sequence[Match]: ...

    def expired(self, now: datetime, *, limit: int) -> Sequence[Match]:
        """Requests whose time is over and nobody closed, the longest over first."""
        ...

    def to_remind(self, now: datetime, *, limit: int) -> Sequence[Match]: ...

    def decided_seconds(self, coach_id: UUID, *, since: datetime) -> Sequence[int]:
        """How long this coach took for each answer decided since *since*."""
        ...

    def page(
        self,
        *,
        trainee_id: UUID | None,
        coach_id: UUID | None,
        status: MatchStatus | None,
        now: datetime,
        keyset: Keyset | None,
        limit: int,
    ) -> Slice[UUID]:
        """Newest first; the sort key is (id,). An open request past its time counts as expired."""
        ...

    def add_event(self, event: MatchEvent) -> None: ...

    def events(self, match_id: UUID) -> Sequence[MatchEvent]:
        """Oldest first."""
        ...
