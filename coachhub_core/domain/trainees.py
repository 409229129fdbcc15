"""The room *trainees*: what somebody wants, what limits them, and whom they let see it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

import attrs

from coachhub_core.domain import values as v
from coachhub_core.domain.coaches import languages, modalities
from coachhub_core.domain.values import UNSET, Unset

FitnessLevel = Literal["beginner", "intermediate", "advanced"]
FITNESS_LEVELS: Final = ("beginner", "intermediate", "advanced")
ConstraintKind = Literal["injury", "equipment", "schedule", "diet"]
ThresholdKind = Literal["1RM", "e1RM", "FTP", "max_heart_rate", "bodyweight"]
GrantScope = Literal["profile", "plan", "logs", "measurements", "health", "chat"]

CONSTRAINT_KINDS: Final = ("injury", "equipment", "schedule", "diet")
THRESHOLD_KINDS: Final = ("1RM", "e1RM", "FTP", "max_heart_rate", "bodyweight")
GRANT_SCOPES: Final = ("profile", "plan", "logs", "measurements", "health", "chat")
GRANTED_BY_ACCEPTING: Final[tuple[GrantScope, ...]] = ("profile", "plan", "logs", "chat")
HEALTH_KINDS: Final = frozenset({"injury", "diet"})  # private unless the trainee says otherwise


# ── values: also the members of commands and views ──────────────────────────


@attrs.frozen(kw_only=True)
class Goal:
    """Something a trainee works towards."""

    kind: str = v.line(80)
    target: str | None = v.text(255, default=None, optional=True)
    due: date | None = None
    priority: int = v.whole(1, 9, default=1)


@attrs.frozen(kw_only=True)
class Constraint:
    """Something that limits training; an injury or a diet is private unless said otherwise."""

    kind: ConstraintKind = v.choice(CONSTRAINT_KINDS)
    value: str = v.text(255, min_len=1)
    is_private: bool | None = v.flag(default=None, optional=True)

    def settled(self) -> Constraint:
        """Return it with its privacy decided."""
        private = self.kind in HEALTH_KINDS if self.is_private is None else self.is_private
        return attrs.evolve(self, is_private=private)


@attrs.frozen(kw_only=True)
class Threshold:
    """A measured or estimated limit that relative targets refer to."""

    kind: ThresholdKind = v.choice(THRESHOLD_KINDS)
    exercise_id: UUID | None = None
    value: float = v.number(0.01, 10_000)
    unit: str = v.line(20)
    as_of: date
    source: Literal["tested", "estimated"] = v.choice(("tested", "estimated"), default="tested")
    formula: str | None = v.line(80, default=None, optional=True)
    inputs: str | None = v.text(255, default=None, optional=True)


# ── entities ────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class Trainee:
    """A trainee's profile; ``goal`` is kept in their own words."""

    id: UUID
    account_id: UUID
    goal: str | None = None
    fitness_level: FitnessLevel | None = None
    matched_coach_id: UUID | None = None
    budget: Decimal | None = None
    currency: str = "EUR"
    modalities: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    open_to_invites: bool = False
    goals: tuple[Goal, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    created_at: datetime
    updated_at: datetime
    version: int = 1


@attrs.frozen(kw_only=True)
class Grant:
    """What a trainee lets a coach see, until it is taken back."""

    id: UUID
    trainee_id: UUID
    coach_id: UUID
    scope: GrantScope
    granted_at: datetime
    revoked_at: datetime | None = None


# ── commands ────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class ChangeTrainee:
    """Change one's own profile; absent members stay."""

    trainee_id: UUID | None = None
    expected_version: int | None = None
    goal: str | None | Unset = v.text(255, default=UNSET, optional=True)
    fitness_level: FitnessLevel | None | Unset = v.choice(FITNESS_LEVELS, default=UNSET, optional=True)
    budget: Decimal | None | Unset = v.money(default=UNSET, optional=True)
    currency: str | Unset = v.currency(default=UNSET)
    modalities: tuple[str, ...] | Unset = modalities(default=UNSET)
    languages: tuple[str, ...] | Unset = languages(default=UNSET)
    open_to_invites: bool | Unset = v.flag(default=UNSET)


@attrs.frozen(kw_only=True)
class SetGoals:
    """Replace one's goals."""

    trainee_id: UUID | None = None
    expected_version: int | None = None
    goals: tuple[Goal, ...] = v.items(20)


@attrs.frozen(kw_only=True)
class SetConstraints:
    """Replace one's constraints."""

    trainee_id: UUID | None = None
    expected_version: int | None = None
    constraints: tuple[Constraint, ...] = v.items(50)


@attrs.frozen(kw_only=True)
class SetThresholds:
    """Replace one's thresholds."""

    trainee_id: UUID | None = None
    expected_version: int | None = None
    thresholds: tuple[Threshold, ...] = v.items(200)


@attrs.frozen(kw_only=True)
class GiveGrant:
    """Let one's coach see something more."""

    trainee_id: UUID | None = None
    coach_id: UUID
    scope: GrantScope = v.choice(GRANT_SCOPES)


# ── views ───────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class TraineeView:
    """A trainee as they see themselves, or as a coach with the ``profile`` grant does."""

    id: UUID
    name: str
    city: str | None
    goal: str | None
    fitness_level: FitnessLevel | None
    matched_coach_id: UUID | None
    budget: Decimal | None
    currency: str
    modalities: tuple[str, ...]
    languages: tuple[str, ...]
    open_to_invites: bool
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, trainee: Trainee, *, name: str, city: str | None) -> TraineeView:
        """Show *trainee* with the account's name and city."""
        own = {f.name: getattr(trainee, f.name) for f in attrs.fields(cls) if f.name not in ("name", "city")}
        return cls(name=name, city=city, **own)


@attrs.frozen(kw_only=True)
class GoalsView:
    """A trainee's goals, with the version of the profile they belong to."""

    goals: tuple[Goal, ...]
    version: int


@attrs.frozen(kw_only=True)
class ConstraintsView:
    """A trainee's constraints; without the ``health`` grant a coach sees only those that are not private."""

    constraints: tuple[Constraint, ...]
    version: int


@attrs.frozen(kw_only=True)
class ThresholdsView:
    """A trainee's thresholds."""

    thresholds: tuple[Threshold, ...]
    version: int


@attrs.frozen(kw_only=True)
class GrantView:
    """One grant."""

    id: UUID
    coach_id: UUID
    scope: GrantScope
    granted_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, grant: Grant) -> GrantView:
        """Show *grant*."""
        return cls(**{f.name: getattr(grant, f.name) for f in attrs.fields(cls)})


@attrs.frozen(kw_only=True)
class GrantPage:
    """All grants of a trainee, newest first."""

    items: tuple[GrantView, ...]
    next: str | None = None
    prev: str | None = None
