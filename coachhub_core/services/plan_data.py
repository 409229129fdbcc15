"""What the rooms of plans and workouts keep of a person: taken along in an export, gone after an erasure."""

from __future__ import annotations

from typing import Any

import msgspec

from coachhub_core.domain.accounts import Account
from coachhub_core.domain.coaches import Coach
from coachhub_core.domain.trainees import Trainee
from coachhub_core.domain.workouts import WorkoutRevisionView, WorkoutView
from coachhub_core.ports.storage import UnitOfWork


def export_plans(work: UnitOfWork, account: Account) -> Any:
    """Return a coach's exercises and plans with every version; a trainee's assignments with their days."""
    coach, trainee = work.coaches.find_by_account(account.id), work.trainees.find_by_account(account.id)
    found: dict[str, Any] = {}
    if coach is not None:
        found["exercises"] = work.exercises.of_owner(coach.id)
        found["plans"] = [
            {
                "id": plan.id,
                "title": plan.title,
                "status": plan.status,
                "trainee_id": plan.trainee_id,
                "created_at": plan.created_at,
                "draft": _raw(plan.draft),
                "versions": [
                    {
                        "number": version.number,
                        "note": version.note,
                        "sha256": version.sha256,
                        "created_at": version.created_at,
                        "document": _raw(version.document),
                    }
                    for number in range(1, (plan.head_version or 0) + 1)
                    if (version := work.plans.find_version(plan.id, number)) is not None
                ],
            }
            for plan in work.plans.of_owner(coach.id)
        ]
    if trainee is not None:
        found["assignments"] = [
            {
                "assignment": assignment,
                "days": [
                    {
                        "id": row.id,
                        "workout_key": row.workout_key,
                        "cycle_no": row.cycle_no,
                        "name": row.name,
                        "local_date": row.local_date,
                        "state": row.state,
                        "reason": row.reason,
                        "prescription": _raw(row.prescription),
                    }
                    for row in work.scheduled.of_assignment(assignment.id)
                ],
            }
            for assignment in work.assignments.of_trainee(trainee.id)
        ]
    return found or None


def _raw(document: bytes | None) -> msgspec.Raw | None:
    return msgspec.Raw(document) if document is not None else None


def export_workouts(work: UnitOfWork, account: Account) -> Any:
    """Return a trainee's workouts with what they said before."""
    trainee = work.trainees.find_by_account(account.id)
    if trainee is None:
        return None
    workouts = [workout for workout in work.workouts.of_trainee(trainee.id) if workout.deleted_at is None]
    days = work.workouts.fulfils([workout.id for workout in workouts])
    return [
        {
            "workout": WorkoutView.of(workout, scheduled_workout_id=days.get(workout.id)),
            "revisions": [WorkoutRevisionView.of(r) for r in work.workouts.revisions(workout.id)],
        }
        for workout in workouts
    ]


def erase_workouts(work: UnitOfWork, coach: Coach | None, trainee: Trainee | None) -> None:
    """Delete a trainee's logs: what somebody did in the gym is theirs alone."""
    if trainee is not None:
        work.workouts.delete_of(trainee.id)


def erase_plans(work: UnitOfWork, coach: Coach | None, trainee: Trainee | None) -> None:
    """
    Delete a trainee's assignments and days; a coach's unpublished plans and unused exercises.

    Published versions stay, because trainees' logs refer to them; they name nobody.
    """
    if trainee is not None:
        work.workouts.delete_of(trainee.id)
        work.assignments.delete_of(trainee.id)
    if coach is not None:
        for plan in work.plans.of_owner(coach.id):
            if plan.head_version is None:
                work.plans.remove(plan)
        for exercise in work.exercises.of_owner(coach.id):
            if not work.exercises.is_used(exercise.id):
                work.exercises.remove(exercise)
