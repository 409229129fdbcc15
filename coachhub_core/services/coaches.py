"""Use cases of the room *coaches*: the profile, its week and its certifications; finding one."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import attrs

from coachhub_core import wire
from coachhub_core.domain.accounts import Actor, AuditEvent
from coachhub_core.domain.coaches import (
    AddCertification,
    Availability,
    AvailabilityView,
    Certification,
    ChangeCoach,
    Coach,
    CoachPage,
    CoachView,
    CreateCoach,
    FindCoaches,
    RemoveCertification,
    SetAvailability,
    check_hours,
)
from coachhub_core.domain.events import CoachChanged
from coachhub_core.domain.values import UNSET, changes
from coachhub_core.errors import CoachProfileExists, Conflict, FieldError, Forbidden, Invalid, NotFound, Unauthorized
from coachhub_core.ports.storage import Duplicate, UnitOfWork
from coachhub_core.services.access import Access, own_coach_id, require_role
from coachhub_core.services.accounts import check_version
from coachhub_core.services.closing import OPEN, Closing
from coachhub_core.services.copies import ABSENT, Copies, Copy, is_view_of
from coachhub_core.services.finding import Finder, coach_view
from coachhub_core.services.indexing import index_coach
from coachhub_core.services.units import Context, rerun

MAX_CERTIFICATIONS: Final = 50
MAX_ASKED: Final = 512  # characters of a question whose answer is worth a copy: longer ones come once


class CoachService:
    """Coaches, as they show themselves and as others find them."""

    def __init__(self, context: Context, access: Access, closing: Closing, finder: Finder, copies: Copies) -> None:
        self._context = context
        self._access = access
        self._closing = closing
        self._finder = finder
        self._copies = copies

    # ── one coach ──

    def get(self, coach_id: UUID | None, actor: Actor | None = None) -> CoachView:
        """Return the public view of a coach as it is now; None is the acting coach's own."""
        self._may_look(actor)
        with self._context.read() as work:
            return coach_view(work.coaches.record(self._named(coach_id, actor)))

    def show(self, coach_id: UUID | None, actor: Actor | None) -> Copy:
        """
        Return the public view as JSON.

        The owner and admins read the database, so that nobody misses their own
        change; others may get a copy at most ``cache.max_age_ms`` old.
        """
        self._may_look(actor)
        id = self._named(coach_id, actor)
        if actor is not None and (actor.is_admin or actor.coach_id == id):
            return Copy(wire.dumps(self.get(id, actor)), "database")
        return self._shown(self._copies.get(copy_key(id), lambda: self._read(id), is_ours=is_view_of(id)), id)

    def peek(self, coach_id: UUID, *, is_away: bool = False) -> Copy | None:
        """Return a copy that this process keeps, for who is neither the owner nor an admin; never waits."""
        found = self._copies.peek(copy_key(coach_id), is_away=is_away)
        return None if found is None else self._shown(found, coach_id)

    def _shown(self, copy: Copy, coach_id: UUID) -> Copy:
        if copy.value == ABSENT:
            raise NotFound(kind="coach", id=coach_id)
        return copy

    def _read(self, coach_id: UUID) -> bytes:
        with self._context.read() as work:
            try:
                return wire.dumps(coach_view(work.coaches.record(coach_id)))
            except NotFound:
                return ABSENT

    def _may_look(self, actor: Actor | None) -> None:
        if actor is None and self._context.settings.http.coaches_need_login:
            raise Unauthorized

    def _named(self, coach_id: UUID | None, actor: Actor | None) -> UUID:
        if coach_id is not None:
            return coach_id
        if actor is None:
            raise Unauthorized
        return own_coach_id(actor)

    @rerun
    def create(self, actor: Actor, command: CreateCoach) -> CoachView:
        """
        Make the coach profile of the acting coach, or of an account an admin names.

        Raises:
            CoachProfileExists: If the account has one.
            Invalid: If a specialty is not in the vocabulary.
        """
        require_role(actor, "coach", "admin")
        if command.account_id is not None and not actor.is_admin:
            raise Forbidden(reason="only an admin can make a profile for another account")
        if command.account_id is None and actor.role != "coach":
            raise Invalid.at("/account_id", "is required of an admin", "required")
        account_id = command.account_id or actor.account_id
        specialties = self._tags(command.specialties)
        with self._context.write(actor) as work:
            account = work.accounts.find(account_id)
            if account is None or account.role != "coach" or account.status == "erased":
                raise Invalid.at("/account_id", "must be the account of a coach", "role")
            now = self._context.clock()
            coach = Coach(
                id=self._context.new_id(),
                account_id=account_id,
                specialties=specialties,
                pricing=command.pricing,
                currency=command.currency,
                bio=command.bio,
                capacity=command.capacity,
                is_accepting=command.is_accepting,
                modalities=command.modalities,
                languages=command.languages,
                years=command.years,
                shows_gender=command.shows_gender,
                created_at=now,
                updated_at=now,
            )
            try:
                work.coaches.add(coach)
            except Duplicate as exc:
                if exc.constraint == "coaches.user_id":
                    raise CoachProfileExists from exc
                raise
            return self._changed(work, coach.id)

    @rerun
    def change(self, actor: Actor, command: ChangeCoach) -> CoachView:
        """
        Change a profile.

        Who stops accepting declines what is open, so that nobody waits in vain.

        Raises:
            CapacityBelowActive: If fewer seats are wanted than are taken.
            VersionMismatch: If it was based on another version.
        """
        with self._context.write(actor) as work:
            coach_id = self._access.coach_id_to_change(work, actor, command.coach_id)
            # who asked for a seat comes before the coach, in everybody's order
            held = self._closing.hold_coach(work, coach_id, OPEN) if command.is_accepting is False else None
            coach = held.coach if held is not None else work.coaches.lock(coach_id)
            check_version("coach", command.expected_version, coach.version)
            now = self._context.clock()
            changed: dict[str, Any] = changes(
                command,
                "pricing",
                "currency",
                "bio",
                "is_accepting",
                "modalities",
                "languages",
                "years",
                "shows_gender",
            )
            if command.specialties is not UNSET:
                changed["specialties"] = self._tags(command.specialties)
            if command.capacity is not UNSET:
                coach = coach.with_capacity(command.capacity)
            coach = work.coaches.save(attrs.evolve(coach, **changed, updated_at=now))
            if held is not None:
                self._closing.stop_accepting(work, held)
            if actor.is_admin and coach.account_id != actor.account_id:
                work.audit.add(
                    AuditEvent(
                        at=now,
                        actor_id=actor.account_id,
                        action="change_coach",
                        object=f"coach:{coach.id}",
                        request_id=actor.request_id,
                    )
                )
            return self._changed(work, coach.id)

    def _changed(self, work: UnitOfWork, coach_id: UUID) -> CoachView:
        """Index, tell and commit; the one copy that is known goes after the commit."""
        index_coach(work, coach_id, self._context.vocabulary)
        work.outbox.add(CoachChanged(at=self._context.clock(), aggregate_id=coach_id))
        work.after_commit.append(lambda: self._copies.forget(copy_key(coach_id)))
        return work.commit(coach_view(work.coaches.record(coach_id)))

    def _tags(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        errors = []
        for index, text in enumerate(texts):
            tag = self._context.vocabulary.canonical_tag(text)
            if tag is None:
                message = "is not a specialty we know; known: " + ", ".join(self._context.vocabulary.tags())
                errors.append(FieldError(pointer=f"/specialties/{index}", message=message, code="vocabulary"))
            else:
                found[tag] = None
        if errors:
            raise Invalid(errors=tuple(errors))
        return tuple(found)

    # ── the week, the certifications ──

    def availability(self, coach_id: UUID | None, actor: Actor | None = None) -> AvailabilityView:
        """Return a coach's week; it is as public as the profile."""
        self._may_look(actor)
        with self._context.read() as work:
            record = work.coaches.record(self._named(coach_id, actor))
            return AvailabilityView.of(work.availability.find(record.account.id), zone=record.account.zone)

    @rerun
    def set_availability(self, actor: Actor, command: SetAvailability) -> AvailabilityView:
        """
        Replace a coach's week.

        Raises:
            AvailabilityOverlap: If two hours of a day overlap.
        """
        hours = check_hours(command.hours)
        with self._context.write(actor) as work:
            coach = self._access.coach_to_change(work, actor, command.coach_id)
            found = work.availability.find(coach.account_id)
            check_version("availability", command.expected_version, found.version if found else 0)
            now = self._context.clock()
            week = Availability(account_id=coach.account_id, zone=command.zone, hours=hours, updated_at=now)
            saved = work.availability.put(week)
            work.coaches.touch_view(coach.id, at=now)  # the matcher's snapshot reads it
            self._closing.coach_changed(work, coach.id)
            return work.commit(AvailabilityView.of(saved, zone=command.zone))

    @rerun
    def add_certification(self, actor: Actor, command: AddCertification) -> CoachView:
        """Claim a certification."""
        with self._context.write(actor) as work:
            coach = self._access.coach_to_change(work, actor, command.coach_id)
            if len(work.coaches.certifications(coach.id)) >= MAX_CERTIFICATIONS:
                raise Conflict(state=f"{MAX_CERTIFICATIONS} certifications")
            now = self._context.clock()
            work.coaches.add_certification(
                Certification(
                    id=self._context.new_id(),
                    coach_id=coach.id,
                    name=command.name,
                    issuer=command.issuer,
                    valid_until=command.valid_until,
                    created_at=now,
                )
            )
            work.coaches.touch_view(coach.id, at=now)
            return self._changed(work, coach.id)

    @rerun
    def remove_certification(self, actor: Actor, command: RemoveCertification) -> CoachView:
        """Take a certification back."""
        with self._context.write(actor) as work:
            coach = self._access.coach_to_change(work, actor, command.coach_id)
            found = work.coaches.find_certification(command.certification_id)
            if found is None or found.coach_id != coach.id:
                raise NotFound(kind="certification", id=command.certification_id)
            work.coaches.remove_certification(found.id)
            work.coaches.touch_view(coach.id, at=self._context.clock())
            return self._changed(work, coach.id)

    # ── finding ──

    def find_written(self, asked: str, query: FindCoaches, actor: Actor | None) -> Copy:
        """
        Return a page as JSON; see :meth:`find`.

        Coaches and admins read the database; others may get a copy of the page
        for the same words, at most ``cache.max_age_ms`` old.

        Args:
            asked: The question as it was put: copies are kept under it.
        """
        self._may_look(actor)
        if (actor is not None and actor.role != "trainee") or len(asked) > MAX_ASKED:
            return Copy(wire.dumps(self.find(query, actor)), "database")
        return self._copies.get(list_key(asked), lambda: wire.dumps(self.find(query, actor)))

    def peek_found(self, asked: str, *, is_away: bool = False) -> Copy | None:
        """Return a copy of a page that this process keeps, for who is no coach and no admin; never waits."""
        return self._copies.peek(list_key(asked), is_away=is_away)

    def find(self, query: FindCoaches, actor: Actor | None = None) -> CoachPage:
        """
        Return a page of coaches that fit every filter.

        With ``q`` they are ordered by how well they fit, unless ``sort`` says
        otherwise; without it by rating.

        Raises:
            Invalid: If what was asked contradicts itself, or ``near`` is no city of the table.
        """
        self._may_look(actor)
        return self._finder.find(query)


def copy_key(coach_id: UUID) -> str:
    """Return the key of a coach's public view, in this process and in the cache all nodes share."""
    return f"coach:{coach_id}"


def list_key(asked: str) -> str:
    """Return the key of a page of coaches in this process."""
    return f"coaches?{asked}"
