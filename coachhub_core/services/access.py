"""
The one place where an object is fetched for an actor.

What exists and what is yours to know look the same from outside: both are
``NotFound`` when they are not. What you know but may not do is ``Forbidden``.
"""

from __future__ import annotations

from uuid import UUID

from coachhub_core.domain.accounts import Actor
from coachhub_core.domain.chat import Conversation
from coachhub_core.domain.coaches import Coach
from coachhub_core.domain.matches import Match
from coachhub_core.domain.trainees import GrantScope, Trainee
from coachhub_core.errors import Forbidden, GrantMissing, NotFound
from coachhub_core.ports.storage import UnitOfWork


def require_role(actor: Actor, *roles: str) -> None:
    """Refuse an actor of another role; CoachHub itself may everything."""
    if actor.role != "system" and actor.role not in roles:
        named = " or ".join("an admin" if role == "admin" else f"a {role}" for role in roles)
        raise Forbidden(reason=f"only {named} can do this")


def own_coach_id(actor: Actor) -> UUID:
    """Return the actor's coach profile; ``NotFound`` until it is made."""
    require_role(actor, "coach")
    if actor.coach_id is None:
        raise NotFound(kind="coach profile of yours")
    return actor.coach_id


def own_trainee_id(actor: Actor) -> UUID:
    """Return the actor's trainee profile."""
    require_role(actor, "trainee")
    if actor.trainee_id is None:
        raise NotFound(kind="trainee profile of yours")
    return actor.trainee_id


class Access:
    """Fetches objects for actors."""

    def coach_to_change(self, work: UnitOfWork, actor: Actor, coach_id: UUID | None) -> Coach:
        """Return, held, a coach that the actor may change: their own (None), or any for an admin."""
        return work.coaches.lock(self.coach_id_to_change(work, actor, coach_id))

    def coach_id_to_change(self, work: UnitOfWork, actor: Actor, coach_id: UUID | None) -> UUID:
        """Say whom the actor may change so; for who has to hold something else before the coach."""
        if coach_id is None:
            coach_id = own_coach_id(actor)
        if actor.coach_id != coach_id and not actor.is_admin:
            work.coaches.record(coach_id)  # NotFound before Forbidden: the profile itself is public
            raise Forbidden(reason="only the coach or an admin can change this profile")
        return coach_id

    def trainee(self, work: UnitOfWork, actor: Actor, trainee_id: UUID | None, scope: GrantScope) -> Trainee:
        """
        Return a trainee the actor may read for *scope*: oneself (None), or one's trainee by grant.

        Raises:
            NotFound: If there is none, or nothing at all was granted.
            GrantMissing: If something was granted, but not this.
        """
        if trainee_id is None:
            trainee_id = own_trainee_id(actor)
        if actor.trainee_id == trainee_id or actor.role == "system":  # no admin: health is nobody's by office
            return work.trainees.get(trainee_id)
        scopes = work.grants.scopes(trainee_id, actor.coach_id) if actor.coach_id is not None else frozenset()
        if not scopes - {"chat"}:
            raise NotFound(kind="trainee", id=trainee_id)
        if scope not in scopes:
            raise GrantMissing(scope=scope)
        return work.trainees.get(trainee_id)

    def match(self, work: UnitOfWork, actor: Actor, match_id: UUID, *, lock: bool = False) -> Match:
        """
        Return a match to one of its parties or an admin.

        Args:
            lock: Hold the trainee's row, which orders every change of a match, and read again under it.
        """
        match = work.matches.find(match_id)
        if match is None or (match.side_of(actor) is None and not actor.is_admin):
            raise NotFound(kind="match", id=match_id)
        if lock:
            work.trainees.lock(match.trainee_id)
            match = work.matches.get(match_id)
        return match

    def conversation(self, work: UnitOfWork, actor: Actor, conversation_id: UUID) -> Conversation:
        """Return a conversation to a member who has not left."""
        conversation = work.conversations.find(conversation_id)
        if conversation is not None and any(
            m.account_id == actor.account_id and m.left_at is None for m in work.conversations.members(conversation_id)
        ):
            return conversation
        raise NotFound(kind="conversation", id=conversation_id)
