"""Use cases of plans: write, publish, look back, compare, copy, put away."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.events import PlanVersionPublished
from coachhub_core.domain.plan_diff import diff
from coachhub_core.domain.plan_document import PlanDocument
from coachhub_core.domain.plan_views import PlanDiffView, PlanPage, PlanVersionPage, PlanVersionView, PlanView
from coachhub_core.domain.plans import (
    ArchivePlan,
    ChangePlan,
    CopyPlan,
    CreatePlan,
    DeletePlan,
    DiffPlan,
    ListPlans,
    ListPlanVersions,
    Plan,
    PlanVersion,
    PublishPlan,
    RestorePlan,
    UnarchivePlan,
)
from coachhub_core.domain.values import UNSET
from coachhub_core.errors import Invalid, MatchNotActive, NotFound
from coachhub_core.ports.storage import UnitOfWork
from coachhub_core.services.access import own_coach_id
from coachhub_core.services.accounts import check_version
from coachhub_core.services.paging import ends, read_cursor
from coachhub_core.services.plan_parts import (
    coached,
    own_plan,
    plan_seen,
    read_document,
    refuse_unknown_exercises,
    version_seen,
)
from coachhub_core.services.units import Context, rerun

_LIST: Final = "plans"
_VERSIONS: Final = "plan-versions"


class PlanService:
    """A coach's plans. A trainee reads what was assigned to them, also after the end."""

    def __init__(self, context: Context) -> None:
        self._context = context

    # ── writing ──

    @rerun
    def create(self, actor: Actor, command: CreatePlan) -> PlanView:
        """
        Begin a plan: for one of one's trainees, or a template.

        Raises:
            Invalid: If the document names exercises that are not there, or the trainee is not one's own.
            TooLarge: If the document is over its limit.
        """
        coach_id = own_coach_id(actor)
        with self._context.write(actor) as work:
            self._check_trainee(work, coach_id, command.trainee_id)
            plan = Plan.create(command, id=self._context.new_id(), owner_coach_id=coach_id, now=self._context.clock())
            ids = refuse_unknown_exercises(work, command.document or PlanDocument(), coach_id)
            work.plans.add(plan)
            work.plans.put_exercises(plan.id, ids)
            return work.commit(PlanView.for_owner(plan, None))

    def _check_trainee(self, work: UnitOfWork, coach_id: UUID, trainee_id: UUID | None) -> None:
        if trainee_id is None:
            return
        try:
            coached(work, coach_id, trainee_id)
        except MatchNotActive as exc:
            raise Invalid.at("/trainee_id", "is not a trainee of yours", "unknown") from exc

    @rerun
    def change(self, actor: Actor, command: ChangePlan) -> PlanView:
        """Change the title or the draft; what is published and assigned stays."""
        with self._context.write(actor) as work:
            plan = self._own(work, actor, command.plan_id, command.expected_version)
            changed = plan.change(command, now=self._context.clock())
            if command.document is not UNSET and command.document is not None:
                ids = refuse_unknown_exercises(work, command.document, plan.owner_coach_id)
                work.plans.put_exercises(plan.id, ids)
            saved = work.plans.save(changed)
            return work.commit(PlanView.for_owner(saved, self._head(work, saved)))

    @rerun
    def delete(self, actor: Actor, command: DeletePlan) -> None:
        """Delete a plan that was never published; ``PlanPublished`` otherwise."""
        with self._context.write(actor) as work:
            plan = self._own(work, actor, command.plan_id, command.expected_version)
            plan.check_deletable()
            work.plans.remove(plan)
            work.commit()

    @rerun
    def publish(self, actor: Actor, command: PublishPlan) -> PlanView:
        """
        Make the draft a version that never changes again.

        Raises:
            PlanStaleParent, PlanNothingToPublish, PlanIllegalTransition: See :meth:`Plan.publish`.
            Invalid: If the draft lacks what a version must have.
        """
        with self._context.write(actor) as work:
            plan = own_plan(work, actor, command.plan_id, lock=True)
            now = self._context.clock()
            draft = read_document(plan.draft) if plan.draft is not None else None
            published, version = plan.publish(
                command, draft, self._head(work, plan), author_id=actor.account_id, now=now
            )
            if draft is not None:
                refuse_unknown_exercises(work, draft, plan.owner_coach_id, pointer="/draft")
            saved = work.plans.save(published)
            work.plans.add_version(version)
            work.outbox.add(PlanVersionPublished(at=now, aggregate_id=plan.id, number=version.number))
            return work.commit(PlanView.for_owner(saved, version))

    @rerun
    def restore(self, actor: Actor, command: RestorePlan) -> PlanView:
        """Copy an old version into the draft."""
        with self._context.write(actor) as work:
            plan = own_plan(work, actor, command.plan_id, lock=True)
            version = work.plans.find_version(plan.id, command.number)
            if version is None:
                raise Invalid.at("/number", f"this plan has no version {command.number}", "unknown")
            saved = work.plans.save(plan.restore(version, now=self._context.clock()))
            return work.commit(PlanView.for_owner(saved, self._head(work, saved)))

    @rerun
    def copy(self, actor: Actor, command: CopyPlan) -> PlanView:
        """Begin a new plan from a version of this one, by default the newest, or from the draft before the first."""
        with self._context.write(actor) as work:
            plan = own_plan(work, actor, command.plan_id)
            self._check_trainee(work, plan.owner_coach_id, command.trainee_id)
            number = command.number or plan.head_version
            raw = plan.draft
            if number is not None:
                version = work.plans.find_version(plan.id, number)
                if version is None:
                    raise Invalid.at("/number", f"this plan has no version {number}", "unknown")
                raw = version.document
            copy = plan.copy(
                command,
                raw,
                id=self._context.new_id(),
                owner_coach_id=plan.owner_coach_id,
                now=self._context.clock(),
            )
            work.plans.add(copy)
            if copy.draft is not None:
                ids = refuse_unknown_exercises(work, read_document(copy.draft), plan.owner_coach_id)
                work.plans.put_exercises(copy.id, ids)
            return work.commit(PlanView.for_owner(copy, None))

    @rerun
    def archive(self, actor: Actor, command: ArchivePlan) -> PlanView:
        """Put a plan away; what is assigned runs on."""
        with self._context.write(actor) as work:
            plan = own_plan(work, actor, command.plan_id, lock=True)
            saved = work.plans.save(plan.archive(now=self._context.clock()))
            return work.commit(PlanView.for_owner(saved, self._head(work, saved)))

    @rerun
    def unarchive(self, actor: Actor, command: UnarchivePlan) -> PlanView:
        """Bring a plan back."""
        with self._context.write(actor) as work:
            plan = own_plan(work, actor, command.plan_id, lock=True)
            saved = work.plans.save(plan.unarchive(now=self._context.clock()))
            return work.commit(PlanView.for_owner(saved, self._head(work, saved)))

    def _own(self, work: UnitOfWork, actor: Actor, plan_id: UUID, expected_version: int | None) -> Plan:
        plan = own_plan(work, actor, plan_id, lock=True)
        check_version("plan", expected_version, plan.version)
        return plan

    def _head(self, work: UnitOfWork, plan: Plan) -> PlanVersion | None:
        return work.plans.find_version(plan.id, plan.head_version) if plan.head_version is not None else None

    # ── reading ──

    def get(self, actor: Actor, plan_id: UUID) -> PlanView:
        """Return a plan: to its owner with the draft, to a trainee the version assigned to them."""
        with self._context.read() as work:
            seen = plan_seen(work, actor, plan_id)
            if seen.is_owner:
                return PlanView.for_owner(seen.plan, self._head(work, seen.plan))
            if seen.newest is None:
                raise NotFound(kind="plan", id=plan_id)
            return PlanView.for_trainee(seen.plan, version_seen(work, seen, seen.newest))

    def list(self, actor: Actor, query: ListPlans) -> PlanPage:
        """Return a page of one's own plans, newest first."""
        coach_id = own_coach_id(actor)
        name = f"{_LIST}:{query.template}:{query.status or ''}"
        keyset = read_cursor(query.cursor, name)
        with self._context.read() as work:
            found = work.plans.page(
                owner_coach_id=coach_id,
                template=query.template,
                status=query.status,
                keyset=keyset,
                limit=query.limit,
            )
        after, before = ends(found, keyset, name, lambda row: (row.id,))
        return PlanPage(items=found.items, next=after, prev=before)

    def versions(self, actor: Actor, query: ListPlanVersions) -> PlanVersionPage:
        """Return a page of a plan's versions, newest first, as far as the reader may see them."""
        name = f"{_VERSIONS}:{query.plan_id}"
        keyset = read_cursor(query.cursor, name)
        with self._context.read() as work:
            seen = plan_seen(work, actor, query.plan_id)
            newest = seen.newest or 0
            found = work.plans.versions(query.plan_id, newest=newest, keyset=keyset, limit=query.limit)
        after, before = ends(found, keyset, name, lambda row: (row.number,))
        return PlanVersionPage(items=found.items, next=after, prev=before)

    def version(self, actor: Actor, plan_id: UUID, number: int) -> PlanVersionView:
        """Return one version with its document."""
        with self._context.read() as work:
            return PlanVersionView.of(version_seen(work, plan_seen(work, actor, plan_id), number))

    def diff(self, actor: Actor, query: DiffPlan) -> PlanDiffView:
        """Return what changed between two versions."""
        with self._context.read() as work:
            seen = plan_seen(work, actor, query.plan_id)
            before, after = (version_seen(work, seen, number) for number in (query.from_, query.to))
        changes = diff(read_document(before.document), read_document(after.document))
        return PlanDiffView(plan_id=query.plan_id, from_number=before.number, to_number=after.number, changes=changes)
