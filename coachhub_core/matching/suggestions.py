"""A ranked list as the library hands it out: coaches in order, each with score and reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import overload

import attrs

from coachhub_core.matching.exploring import Maybe
from coachhub_core.ports.matcher import Reason


@attrs.frozen(kw_only=True)
class Suggestion:
    """One coach who was proposed, and why."""

    rank: int  #: from 1
    coach_id: str
    score: float  #: larger is better; a probability where the matcher gives one
    reasons: tuple[Reason, ...] = ()  #: the strongest first; a group's ``base`` last


@attrs.frozen(kw_only=True, slots=False)
class SuggestionSet(Sequence[Suggestion]):
    """
    A list of suggestions, best first, with what stood behind it.

    ``n_eligible`` counts the coaches every hard constraint and stated filter
    let through. ``relaxations`` says for each that was asked how many more
    dropping it, and it alone, would let through. ``degraded`` is None, or why
    the answer is not the chosen matcher's on the caller's own coaches:
    ``timeout fault breaker preparing sample``.
    """

    items: tuple[Suggestion, ...]
    n_eligible: int
    relaxations: Mapping[str, int]
    matcher: str
    model_id: str
    input_hash: str  #: sha256 in hex over coaches, trainee, filters, limit and model
    degraded: str | None = None
    pool: tuple[Maybe, ...] = ()  #: who else was ranked and how good each may be, where that was asked and is known

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Suggestion: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Suggestion]: ...
    def __getitem__(self, index: int | slice) -> Suggestion | Sequence[Suggestion]:
        return self.items[index]
