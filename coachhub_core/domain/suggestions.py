"""The room *suggestions*: ranked proposals, their reasons, and what became of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

import attrs

from coachhub_core.domain import values as v
from coachhub_core.domain.coaches import MODALITIES, CoachView, Modality, languages, modalities
from coachhub_core.domain.trainees import FITNESS_LEVELS, FitnessLevel

OutcomeKind = Literal[
    "shown", "opened", "contacted", "accepted", "declined", "started", "completed", "cancelled", "rated"
]
KEPT_DAYS: Final = 90


@attrs.frozen(kw_only=True)
class ReasonView:
    """One reason: a documented code, what it adds to the score's logit, and the facts behind it."""

    code: str
    contribution: float
    text: str
    evidence: dict[str, Any]


@attrs.frozen(kw_only=True)
class Relaxation:
    """How many more coaches dropping one constraint would give, exactly."""

    constraint: str
    n_more: int


@attrs.frozen(kw_only=True)
class Suggestion:
    """One place in a stored list."""

    rank: int
    coach_id: UUID
    score: float
    reasons: tuple[ReasonView, ...]
    is_exploring: bool = False
    propensity: float | None = None  #: how likely this coach was to stand here; None where that is not known


@attrs.frozen(kw_only=True)
class SuggestionSet:
    """A list that was given to a trainee; kept for 90 days."""

    id: UUID
    trainee_id: UUID
    matcher: str
    model_id: str
    input_hash: bytes
    filters: dict[str, Any]
    n_eligible: int
    relaxations: tuple[Relaxation, ...]
    degraded: str | None
    items: tuple[Suggestion, ...]
    created_at: datetime


@attrs.frozen(kw_only=True)
class Outcome:
    """One line of what became of a suggestion; append-only, no name and no address in it."""

    id: UUID
    at: datetime
    trainee_id: UUID
    coach_id: UUID
    event: OutcomeKind
    value: float | None = None
    position: int | None = None
    set_id: UUID | None = None
    propensity: float | None = None  #: of what was shown: how likely this coach was to be shown in this place


# ── commands ────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class WhatIfProfile:
    """A profile to suggest for instead of the stored one; nothing of it is stored."""

    goal: str | None = v.text(255, default=None, optional=True)
    fitness_level: FitnessLevel | None = v.choice(FITNESS_LEVELS, default=None, optional=True)
    budget: Decimal | None = v.money(default=None, optional=True)
    currency: str | None = v.currency(default=None, optional=True)
    modalities: tuple[str, ...] | None = modalities(default=None, optional=True)
    languages: tuple[str, ...] | None = languages(default=None, optional=True)
    city: str | None = v.line(default=None, optional=True)


@attrs.frozen(kw_only=True)
class SuggestionFilters:
    """What must hold; never relaxed in silence."""

    specialty: str | None = v.line(80, default=None, optional=True)
    city: str | None = v.line(default=None, optional=True)
    language: str | None = v.pattern(
        v.LANGUAGE_PATTERN, "must be a language tag such as en", max_len=35, min_len=2, default=None, optional=True
    )
    price_max: Decimal | None = v.money(default=None, optional=True)
    rating_min: float | None = v.number(0, 5, default=None, optional=True)
    modality: Modality | None = v.choice(MODALITIES, default=None, optional=True)
    gender: Literal["male", "female", "other"] | None = v.choice(
        ("male", "female", "other"), default=None, optional=True
    )


@attrs.frozen(kw_only=True)
class SuggestCoaches:
    """Ask for coaches; an admin names the trainee; without a limit the instance's own, ``matching.limit``, holds."""

    trainee_id: UUID | None = None
    profile: WhatIfProfile | None = None
    filters: SuggestionFilters | None = None
    limit: int | None = v.whole(1, 50, default=None, optional=True)
    explain: bool = v.flag(default=True)


@attrs.frozen(kw_only=True)
class ReportOutcome:
    """Tell that a suggested coach was looked at."""

    set_id: UUID
    coach_id: UUID
    event: Literal["opened"] = v.choice(("opened",))


# ── views ───────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class SuggestionView:
    """A suggested coach; the contributions of the reasons, the base among them, add up to the score's logit."""

    rank: int
    coach: CoachView
    score: float
    reasons: tuple[ReasonView, ...]
    is_exploring: bool


@attrs.frozen(kw_only=True)
class SuggestionSetView:
    """A ranked list; ``degraded`` names what was not as it should be."""

    set_id: UUID
    trainee_id: UUID
    matcher: str
    model_id: str
    n_eligible: int
    items: tuple[SuggestionView, ...]
    relaxations: tuple[Relaxation, ...]
    degraded: str | None
    created_at: datetime
