"""What leaves the room *plans*: plans, versions and what changed between two, with documents as their bytes."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import attrs
import msgspec

from coachhub_core.domain.plan_diff import Change
from coachhub_core.domain.plan_document import PlanDocument
from coachhub_core.domain.plans import Plan, PlanStatus, PlanVersion


def document_member(**more: Any) -> Any:
    """Make a view's member that holds a document as its canonical bytes; ``model`` names the class it reads as."""
    return attrs.field(metadata={"model": PlanDocument}, **more)


@attrs.frozen(kw_only=True)
class PlanView:
    """
    A plan with its document.

    The owner sees the newest version (``document``, null before the first) and
    the ``draft``. A trainee sees the version assigned to them, never a draft,
    and no newer version.
    """

    id: UUID
    owner_coach_id: UUID
    trainee_id: UUID | None
    title: str
    status: PlanStatus
    is_template: bool
    version_number: int | None
    sha256: str | None
    document: msgspec.Raw | None = document_member()
    draft: msgspec.Raw | None = document_member()
    allowed: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def for_owner(cls, plan: Plan, head: PlanVersion | None) -> PlanView:
        """Show everything."""
        return cls._of(plan, head, draft=plan.draft, allowed=plan.allowed)

    @classmethod
    def for_trainee(cls, plan: Plan, version: PlanVersion) -> PlanView:
        """Show the version that was assigned, and nothing of what is being written."""
        return cls._of(plan, version, draft=None, allowed=())

    @classmethod
    def _of(cls, plan: Plan, shown: PlanVersion | None, *, draft: bytes | None, allowed: tuple[str, ...]) -> PlanView:
        return cls(
            id=plan.id,
            owner_coach_id=plan.owner_coach_id,
            trainee_id=plan.trainee_id,
            title=plan.title,
            status=plan.status,
            is_template=plan.trainee_id is None,
            version_number=shown.number if shown else None,
            sha256=shown.sha256 if shown else None,
            document=msgspec.Raw(shown.document) if shown else None,
            draft=msgspec.Raw(draft) if draft is not None else None,
            allowed=allowed,
            created_at=plan.created_at,
            updated_at=plan.updated_at,
            version=plan.version,
        )


@attrs.frozen(kw_only=True)
class PlanRow:
    """A plan in its owner's list, without documents."""

    id: UUID
    trainee_id: UUID | None
    title: str
    status: PlanStatus
    is_template: bool
    head_version: int | None
    has_draft: bool
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, plan: Plan) -> PlanRow:
        """Show *plan* in a list."""
        return cls(
            id=plan.id,
            trainee_id=plan.trainee_id,
            title=plan.title,
            status=plan.status,
            is_template=plan.trainee_id is None,
            head_version=plan.head_version,
            has_draft=plan.draft is not None,
            created_at=plan.created_at,
            updated_at=plan.updated_at,
            version=plan.version,
        )


@attrs.frozen(kw_only=True)
class PlanPage:
    """One page of plans."""

    items: tuple[PlanRow, ...]
    next: str | None
    prev: str | None


@attrs.frozen(kw_only=True)
class PlanVersionView:
    """One version with its document."""

    plan_id: UUID
    number: int
    parent: int | None
    sha256: str
    note: str | None
    document: msgspec.Raw = document_member()
    created_at: datetime

    @classmethod
    def of(cls, version: PlanVersion) -> PlanVersionView:
        """Show *version*."""
        return cls(
            plan_id=version.plan_id,
            number=version.number,
            parent=version.parent,
            sha256=version.sha256,
            note=version.note,
            document=msgspec.Raw(version.document),
            created_at=version.created_at,
        )


@attrs.frozen(kw_only=True)
class PlanVersionRow:
    """One version in the list of them, without its document."""

    number: int
    parent: int | None
    sha256: str
    note: str | None
    created_at: datetime


@attrs.frozen(kw_only=True)
class PlanVersionPage:
    """One page of versions."""

    items: tuple[PlanVersionRow, ...]
    next: str | None
    prev: str | None


@attrs.frozen(kw_only=True)
class PlanDiffView:
    """What changed from one version to another; an empty list says that they are equal."""

    plan_id: UUID
    from_number: int
    to_number: int
    changes: tuple[Change, ...]
