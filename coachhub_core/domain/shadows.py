"""Part of the room *suggestions*: what a second matcher would have shown in place of a list that was served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, get_args
from uuid import UUID

import attrs

from coachhub_core.domain.suggestions import SuggestionSet

ShadowState = Literal["waiting", "done", "failed", "dropped"]
SHADOW_STATES: Final[tuple[ShadowState, ...]] = get_args(ShadowState)
MAX_REASON: Final = 255


@attrs.frozen(kw_only=True)
class ShadowList:
    """
    A served list that both matchers are asked for again, beside each other; ``id`` is the served set's.

    ``done``: both answered. ``failed``: the shadow did not. ``dropped``: there was
    nothing to compare, through no fault of the shadow's.
    """

    id: UUID
    created_at: datetime
    n_asked: int  #: how long a list was asked for
    state: ShadowState = "waiting"
    n_tries: int = 0
    lease_until: datetime | None = None
    matcher: str | None = None  #: the shadow's
    model_id: str | None = None
    live_ids: tuple[UUID, ...] = ()  #: coaches, best first
    shadow_ids: tuple[UUID, ...] = ()
    live_ms: float | None = None
    shadow_ms: float | None = None
    is_as_served: bool | None = None  #: whether the live matcher answered again as it had
    reason: str | None = None  #: of what failed or was dropped

    def ended(self, state: ShadowState, reason: str | None = None, **more: object) -> ShadowList:
        """Return it at its end."""
        said = None if reason is None else reason[:MAX_REASON]
        made: ShadowList = attrs.evolve(self, state=state, reason=said, lease_until=None, **more)  # type: ignore[arg-type]  # members of this class
        return made


@attrs.frozen(kw_only=True)
class ShadowRecord:
    """One such list with the model that served it."""

    shadow: ShadowList
    live_matcher: str
    live_model_id: str


@attrs.frozen(kw_only=True)
class ShadowBacklog:
    """How many lists of the last day are in which state, for metrics."""

    n_by_state: Mapping[str, int]


def is_as_served(made: SuggestionSet, live_ids: Sequence[UUID]) -> bool:
    """Tell whether the live matcher, asked again, gave the list that was served; who was tried from behind it aside."""
    tried = {item.coach_id for item in made.items if item.is_exploring}.difference(live_ids)
    own = tuple(id_ for id_ in own_order(made) if id_ not in tried)
    return tuple(live_ids[: len(own)]) == own and len(live_ids) == len(made.items)


def own_order(made: SuggestionSet) -> tuple[UUID, ...]:
    """Return the coaches of a served list in the matcher's own order, before exploration moved any."""
    return tuple(item.coach_id for item in sorted(made.items, key=lambda item: (-item.score, str(item.coach_id))))
