"""
The room *plans*: what a coach writes, and its chain of immutable versions.

::

    draft ── publish ──► published ⇄ archived
      └─ delete (only while never published)

The document being edited is the draft; publishing makes it a version that never
changes again, so that every log can show the prescription that was in force.
Documents are kept and shown as canonical bytes (``plan_document``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import attrs

from coachhub_core.domain import values as v
from coachhub_core.domain.plan_document import PlanDocument, canonical, check_complete, sha256
from coachhub_core.domain.values import UNSET, FieldRefused, Unset
from coachhub_core.errors import PlanIllegalTransition, PlanNothingToPublish, PlanPublished, PlanStaleParent

PlanStatus = Literal["draft", "published", "archived"]
STATUSES: Final[tuple[PlanStatus, ...]] = ("draft", "published", "archived")

ACTIONS: Final[dict[PlanStatus, tuple[str, ...]]] = {
    "draft": ("change", "publish", "copy", "delete"),
    "published": ("change", "publish", "archive", "restore", "copy"),
    "archived": ("unarchive", "copy"),
}
"""What a status allows."""


# ── entities ────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class PlanVersion:
    """One immutable edition: (``plan_id``, ``number``) is dense from 1; ``document`` is canonical JSON."""

    plan_id: UUID
    number: int
    parent: int | None
    document: bytes
    sha256: str
    author_id: UUID
    note: str | None
    created_at: datetime


@attrs.frozen(kw_only=True)
class Plan:
    """A coach's plan; without a ``trainee_id`` it is a template for many. ``draft`` is canonical JSON."""

    id: UUID
    owner_coach_id: UUID
    trainee_id: UUID | None = None
    title: str
    status: PlanStatus = "draft"
    draft: bytes | None = None
    head_version: int | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @classmethod
    def create(cls, command: CreatePlan, *, id: UUID, owner_coach_id: UUID, now: datetime) -> Plan:
        """
        Return a new plan with its draft.

        Raises:
            TooLarge: If the document is over its limit.
        """
        return cls(
            id=id,
            owner_coach_id=owner_coach_id,
            trainee_id=command.trainee_id,
            title=command.title,
            draft=canonical(command.document or PlanDocument()),
            created_at=now,
            updated_at=now,
        )

    @property
    def allowed(self) -> tuple[str, ...]:
        """What its owner can do next."""
        return ACTIONS[self.status]

    def _check(self, action: str) -> None:
        if action not in self.allowed:
            raise PlanIllegalTransition(state=self.status, action=action, allowed=self.allowed)

    def change(self, command: ChangePlan, *, now: datetime) -> Plan:
        """
        Return the plan with another title, draft or both; a null draft throws the edits away.

        Raises:
            PlanIllegalTransition: If it is archived.
            TooLarge: If the document is over its limit.
        """
        self._check("change")
        plan = attrs.evolve(self, updated_at=now)
        if command.title is not UNSET:
            plan = attrs.evolve(plan, title=command.title)
        if command.document is not UNSET:
            plan = attrs.evolve(plan, draft=canonical(command.document) if command.document is not None else None)
        return plan

    def publish(
        self,
        command: PublishPlan,
        draft: PlanDocument | None,
        head: PlanVersion | None,
        *,
        author_id: UUID,
        now: datetime,
    ) -> tuple[Plan, PlanVersion]:
        """
        Return the plan without its draft, and the version that the draft became.

        Args:
            draft: What ``self.draft`` holds, read.
            head: The version ``head_version`` names; None before the first.
        Raises:
            PlanIllegalTransition: If it is archived.
            PlanStaleParent: If the command was made looking at another version than the newest.
            PlanNothingToPublish: If there is no draft, or it equals the newest version.
            Invalid: If the draft lacks what a version must have.
        """
        self._check("publish")
        if command.parent != self.head_version:
            raise PlanStaleParent(
                state=self.status, allowed=self.allowed, parent=command.parent, head=self.head_version
            )
        if draft is None:
            raise PlanNothingToPublish(state=self.status, allowed=self.allowed, plan_id=self.id)
        document = canonical(draft)
        digest = sha256(document)
        if head is not None and digest == head.sha256:
            raise PlanNothingToPublish(state=self.status, allowed=self.allowed, plan_id=self.id)
        check_complete(draft)
        version = PlanVersion(
            plan_id=self.id,
            number=(self.head_version or 0) + 1,
            parent=self.head_version,
            document=document,
            sha256=digest,
            author_id=author_id,
            note=command.note,
            created_at=now,
        )
        plan = attrs.evolve(self, status="published", draft=None, head_version=version.number, updated_at=now)
        return plan, version

    def restore(self, version: PlanVersion, *, now: datetime) -> Plan:
        """Return the plan with an old version's document as its draft; publishing it makes a new version."""
        self._check("restore")
        return attrs.evolve(self, draft=version.document, updated_at=now)

    def copy(self, command: CopyPlan, document: bytes | None, *, id: UUID, owner_coach_id: UUID, now: datetime) -> Plan:
        """Return a new plan that begins with *document* as its draft; the keys stay, so the two can be compared."""
        return Plan(
            id=id,
            owner_coach_id=owner_coach_id,
            trainee_id=command.trainee_id,
            title=command.title or self.title,
            draft=document if document is not None else canonical(PlanDocument()),
            created_at=now,
            updated_at=now,
        )

    def archive(self, *, now: datetime) -> Plan:
        """Return the plan put away: it can be read and copied; what is assigned runs on."""
        self._check("archive")
        return attrs.evolve(self, status="archived", updated_at=now)

    def unarchive(self, *, now: datetime) -> Plan:
        """Return the plan brought back."""
        self._check("unarchive")
        return attrs.evolve(self, status="published", updated_at=now)

    def check_deletable(self) -> None:
        """
        Check that it may be deleted.

        Raises:
            PlanPublished: If it ever was published, because logs may refer to it.
        """
        if self.status != "draft" or self.head_version is not None:
            raise PlanPublished(state=self.status, allowed=self.allowed, plan_id=self.id)


# ── commands and queries ────────────────────────────────────────────────────


def _document(**more: Any) -> Any:
    def check(member: str, value: Any) -> None:
        if not isinstance(value, PlanDocument):
            raise FieldRefused(member, "must be a plan document", "type")

    return v.field(check, {}, optional=True, **more)


def _number(**more: Any) -> Any:
    """Make a field of a version's number."""
    return v.whole(1, 1_000_000, **more)


@attrs.frozen(kw_only=True)
class CreatePlan:
    """Begin a plan for one trainee, or without one a template; the document may be unfinished."""

    title: str = v.line()
    trainee_id: UUID | None = None
    document: PlanDocument | None = _document(default=None)


@attrs.frozen(kw_only=True)
class ChangePlan:
    """Change the title or the document being edited; null throws the edits away."""

    plan_id: UUID
    expected_version: int | None = None
    title: str | Unset = v.line(default=UNSET)
    document: PlanDocument | None | Unset = _document(default=UNSET)


@attrs.frozen(kw_only=True)
class DeletePlan:
    """Delete a plan that was never published."""

    plan_id: UUID
    expected_version: int | None = None


@attrs.frozen(kw_only=True)
class PublishPlan:
    """Make the draft a version; ``parent`` is the newest version one has seen, null before the first."""

    plan_id: UUID
    parent: int | None = _number(default=None, optional=True)
    note: str | None = v.text(2_000, default=None, optional=True)


@attrs.frozen(kw_only=True)
class RestorePlan:
    """Copy an old version into the draft."""

    plan_id: UUID
    number: int = _number()


@attrs.frozen(kw_only=True)
class CopyPlan:
    """Begin a new plan from a version of this one (the newest by default, else the draft)."""

    plan_id: UUID
    number: int | None = _number(default=None, optional=True)
    title: str | None = v.line(default=None, optional=True)
    trainee_id: UUID | None = None


@attrs.frozen(kw_only=True)
class ArchivePlan:
    """Put a published plan away."""

    plan_id: UUID


@attrs.frozen(kw_only=True)
class UnarchivePlan:
    """Bring an archived plan back."""

    plan_id: UUID


@attrs.frozen(kw_only=True)
class ListPlans:
    """One's own plans, newest first; ``template`` keeps those that are, or are not, for everyone."""

    template: bool | None = v.flag(default=None, optional=True)
    status: PlanStatus | None = v.choice(STATUSES, default=None, optional=True)
    limit: int = v.whole(1, 100, default=20)
    cursor: str | None = v.text(1_000, min_len=1, default=None, optional=True)


@attrs.frozen(kw_only=True)
class ListPlanVersions:
    """The versions of a plan, newest first."""

    plan_id: UUID
    limit: int = v.whole(1, 100, default=20)
    cursor: str | None = v.text(1_000, min_len=1, default=None, optional=True)


@attrs.frozen(kw_only=True)
class DiffPlan:
    """What changed between two versions of a plan."""

    plan_id: UUID
    from_: int = _number()
    to: int = _number()
