"""Use cases of the room *trainees*: what one wants, what limits one, and who may see it."""

from __future__ import annotations

from uuid import UUID

import attrs

from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.coaches import Availability, AvailabilityView, SetAvailability, check_hours
from coachhub_core.domain.trainees import (
    ChangeTrainee,
    Constraint,
    ConstraintsView,
    GiveGrant,
    GoalsView,
    Grant,
    GrantPage,
    GrantView,
    SetConstraints,
    SetGoals,
    SetThresholds,
    ThresholdsView,
    Trainee,
    TraineeView,
)
from coachhub_core.domain.values import changes
from coachhub_core.errors import GrantNoMatch, NotFound
from coachhub_core.ports.storage import UnitOfWork
from coachhub_core.services.access import Access, own_trainee_id
from coachhub_core.services.accounts import check_version
from coachhub_core.services.units import Context, rerun


class TraineeService:
    """A trainee's own data; a coach reads it by grant, through the same methods."""

    def __init__(self, context: Context, access: Access) -> None:
        self._context = context
        self._access = access

    # ── reading: oneself, or by grant ──

    def get(self, actor: Actor, trainee_id: UUID | None) -> TraineeView:
        """Return a profile."""
        with self._context.read() as work:
            return self._view(work, self._access.trainee(work, actor, trainee_id, "profile"))

    def goals(self, actor: Actor, trainee_id: UUID | None) -> GoalsView:
        """Return the goals."""
        with self._context.read() as work:
            trainee = self._access.trainee(work, actor, trainee_id, "profile")
        return GoalsView(goals=trainee.goals, version=trainee.version)

    def constraints(self, actor: Actor, trainee_id: UUID | None) -> ConstraintsView:
        """Return the constraints; what is private only to oneself and by the ``health`` grant."""
        with self._context.read() as work:
            trainee = self._access.trainee(work, actor, trainee_id, "profile")
            sees_private = actor.trainee_id == trainee.id
            if not sees_private and actor.coach_id is not None:
                sees_private = "health" in work.grants.scopes(trainee.id, actor.coach_id)
        shown = tuple(c for c in trainee.constraints if sees_private or not c.is_private)
        return ConstraintsView(constraints=shown, version=trainee.version)

    def thresholds(self, actor: Actor, trainee_id: UUID | None) -> ThresholdsView:
        """Return the thresholds that relative targets refer to."""
        with self._context.read() as work:
            trainee = self._access.trainee(work, actor, trainee_id, "plan")
        return ThresholdsView(thresholds=trainee.thresholds, version=trainee.version)

    def availability(self, actor: Actor, trainee_id: UUID | None) -> AvailabilityView:
        """Return the week."""
        with self._context.read() as work:
            trainee = self._access.trainee(work, actor, trainee_id, "profile")
            zone = work.accounts.get(trainee.account_id).zone
            return AvailabilityView.of(work.availability.find(trainee.account_id), zone=zone)

    def _view(self, work: UnitOfWork, trainee: Trainee) -> TraineeView:
        account = work.accounts.get(trainee.account_id)
        return TraineeView.of(trainee, name=account.name, city=account.city)

    # ── changing: only oneself ──

    def _own(self, work: UnitOfWork, actor: Actor, trainee_id: UUID | None, expected_version: int | None) -> Trainee:
        trainee = work.trainees.lock(_mine(actor, trainee_id))
        check_version("trainee", expected_version, trainee.version)
        return trainee

    @rerun
    def change(self, actor: Actor, command: ChangeTrainee) -> TraineeView:
        """Change one's own profile."""
        with self._context.write(actor) as work:
            trainee = self._own(work, actor, command.trainee_id, command.expected_version)
            changed = changes(
                command, "goal", "fitness_level", "budget", "currency", "modalities", "languages", "open_to_invites"
            )
            saved = work.trainees.save(attrs.evolve(trainee, **changed, updated_at=self._context.clock()))
            return work.commit(self._view(work, saved))

    @rerun
    def set_goals(self, actor: Actor, command: SetGoals) -> GoalsView:
        """Replace one's goals."""
        with self._context.write(actor) as work:
            trainee = self._own(work, actor, command.trainee_id, command.expected_version)
            changed = attrs.evolve(trainee, goals=command.goals, updated_at=self._context.clock())
            saved = work.trainees.save(changed)
            return work.commit(GoalsView(goals=saved.goals, version=saved.version))

    @rerun
    def set_constraints(self, actor: Actor, command: SetConstraints) -> ConstraintsView:
        """Replace one's constraints; injuries and diets are private unless said otherwise."""
        settled: tuple[Constraint, ...] = tuple(c.settled() for c in command.constraints)
        with self._context.write(actor) as work:
            trainee = self._own(work, actor, command.trainee_id, command.expected_version)
            saved = work.trainees.save(attrs.evolve(trainee, constraints=settled, updated_at=self._context.clock()))
            return work.commit(ConstraintsView(constraints=saved.constraints, version=saved.version))

    @rerun
    def set_thresholds(self, actor: Actor, command: SetThresholds) -> ThresholdsView:
        """Replace one's thresholds; days already frozen keep what they resolved to."""
        with self._context.write(actor) as work:
            trainee = self._own(work, actor, command.trainee_id, command.expected_version)
            changed = attrs.evolve(trainee, thresholds=command.thresholds, updated_at=self._context.clock())
            saved = work.trainees.save(changed)
            return work.commit(ThresholdsView(thresholds=saved.thresholds, version=saved.version))

    @rerun
    def set_availability(self, actor: Actor, command: SetAvailability) -> AvailabilityView:
        """Replace one's own week."""
        hours = check_hours(command.hours)
        with self._context.write(actor) as work:
            trainee = work.trainees.lock(_mine(actor, command.trainee_id))
            found = work.availability.find(trainee.account_id)
            check_version("availability", command.expected_version, found.version if found else 0)
            now = self._context.clock()
            week = Availability(account_id=trainee.account_id, zone=command.zone, hours=hours, updated_at=now)
            return work.commit(AvailabilityView.of(work.availability.put(week), zone=command.zone))

    # ── grants ──

    def grants(self, actor: Actor, trainee_id: UUID | None = None) -> GrantPage:
        """Return all grants one ever gave, newest first."""
        with self._context.read() as work:
            found = work.grants.of_trainee(_mine(actor, trainee_id))
        return GrantPage(items=tuple(GrantView.of(grant) for grant in found))

    @rerun
    def grant(self, actor: Actor, command: GiveGrant) -> GrantView:
        """
        Let one's coach see something more; a scope that stands already stays as it is.

        Raises:
            GrantNoMatch: If this coach does not coach the trainee.
        """
        with self._context.write(actor) as work:
            trainee = work.trainees.lock(_mine(actor, command.trainee_id))
            running = work.matches.running_of_trainee(trainee.id)
            if running is None or running.coach_id != command.coach_id:
                raise GrantNoMatch(coach_id=command.coach_id)
            now = self._context.clock()
            given = work.grants.give(
                Grant(
                    id=self._context.new_id(),
                    trainee_id=trainee.id,
                    coach_id=command.coach_id,
                    scope=command.scope,
                    granted_at=now,
                )
            )
            if command.scope == "chat":
                conversation = work.conversations.find_by_match(running.id)
                if conversation is not None:
                    coach = work.coaches.get(command.coach_id)
                    work.conversations.rejoin(conversation.id, coach.account_id)
            return work.commit(GrantView.of(given))

    @rerun
    def revoke(self, actor: Actor, grant_id: UUID, trainee_id: UUID | None = None) -> None:
        """Take a grant back, from the next request on; taking back ``chat`` makes the coach leave the conversations."""
        with self._context.write(actor) as work:
            trainee = work.trainees.lock(_mine(actor, trainee_id))
            grant = work.grants.find(grant_id)
            if grant is None or grant.trainee_id != trainee.id:
                raise NotFound(kind="grant", id=grant_id)
            now = self._context.clock()
            if grant.revoked_at is None:
                work.grants.revoke(grant_id, at=now)
                if grant.scope == "chat":
                    coach = work.coaches.get(grant.coach_id)
                    for match in work.matches.of_trainee(trainee.id):
                        conversation = work.conversations.find_by_match(match.id)
                        if match.coach_id == grant.coach_id and conversation is not None:
                            work.conversations.leave(conversation.id, coach.account_id, at=now)
            work.commit()


def _mine(actor: Actor, trainee_id: UUID | None) -> UUID:
    """Return the acting trainee's id; another's is not theirs to change, nor to know of."""
    mine = own_trainee_id(actor)
    if trainee_id not in (None, mine):
        raise NotFound(kind="trainee", id=trainee_id)
    return mine
