"""Repositories of exports and backups, and what an erasure does to rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from coachhub_core.domain.backups import Backup
from coachhub_core.domain.own_data import Export
from coachhub_core.ports.storage import Keyset, Slice
from coachhub_sqlalchemy.keyset import by_id, sliced
from coachhub_sqlalchemy.later import later
from coachhub_sqlalchemy.mapping import Repository, RowMapping
from coachhub_sqlalchemy.tables.accounts import erasures, idempotency_keys, refresh_tokens, sessions
from coachhub_sqlalchemy.tables.coaches import (
    availability,
    certifications,
    coach_facets,
    coach_listings,
    coach_specialties,
    coach_terms,
    coaches,
)
from coachhub_sqlalchemy.tables.cohorts import cohort_placements
from coachhub_sqlalchemy.tables.matches import matches
from coachhub_sqlalchemy.tables.notifications import notifications
from coachhub_sqlalchemy.tables.own_data import backups, exports
from coachhub_sqlalchemy.tables.reviews import reviews
from coachhub_sqlalchemy.tables.shadows import shadow_lists
from coachhub_sqlalchemy.tables.suggestions import suggestion_sets
from coachhub_sqlalchemy.tables.trainees import grants, trainees


class SqlExports(Repository[Export]):
    """Exports."""

    mapping = RowMapping(Export, exports)
    kind = "export"

    def remove(self, export: Export) -> None:
        """Forget one."""
        self._connection.execute(sa.delete(exports).where(exports.c.id == export.id))

    def of_account(self, account_id: UUID) -> Sequence[Export]:
        """Newest first."""
        statement = sa.select(*self.mapping.selected).where(exports.c.account_id == account_id)
        return self._all(statement.order_by(exports.c.id.desc()))

    def running(self, *, limit: int) -> Sequence[Export]:
        """Those that wait."""
        statement = sa.select(*self.mapping.selected).where(exports.c.state == "running")
        return self._all(statement.order_by(exports.c.id).limit(limit))


class SqlBackups(Repository[Backup]):
    """Backups."""

    mapping = RowMapping(Backup, backups)
    kind = "backup"

    def running(self) -> Sequence[Backup]:
        """Those that are being made."""
        return self._all(sa.select(*self.mapping.selected).where(backups.c.state == "running"))

    def page(self, *, keyset: Keyset | None, limit: int) -> Slice[Backup]:
        """Newest first."""
        statement = by_id(sa.select(*self.mapping.selected), backups.c.id, keyset, limit)
        return sliced(self._all(statement), keyset, limit)


class SqlPersonalData:
    """Erases what refers to a person; ids stay, so that counts and logs of others keep their sense."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def erase_account(self, account_id: UUID) -> None:
        """Delete what only this account needs."""
        c = self._connection
        mine = sa.select(sessions.c.id).where(sessions.c.account_id == account_id)
        later(c, sa.delete(refresh_tokens).where(refresh_tokens.c.session_id.in_(mine)))
        for table in (sessions, idempotency_keys, availability, notifications, exports):
            later(c, sa.delete(table).where(table.c.account_id == account_id))

    def erase_trainee(self, trainee_id: UUID, account_id: UUID) -> None:
        """Blank a trainee."""
        c = self._connection
        mine = sa.select(suggestion_sets.c.id).where(suggestion_sets.c.trainee_id == trainee_id)
        later(c, sa.delete(shadow_lists).where(shadow_lists.c.id.in_(mine)))
        later(c, sa.delete(suggestion_sets).where(suggestion_sets.c.trainee_id == trainee_id))
        later(c, sa.delete(grants).where(grants.c.trainee_id == trainee_id))
        later(c, sa.delete(cohort_placements).where(cohort_placements.c.trainee_id == trainee_id))
        later(
            c,
            sa.update(trainees)
            .where(trainees.c.id == trainee_id)
            .values(
                goal=None,
                fitness_level=None,
                budget=None,
                modalities=(),
                languages=(),
                goals=(),
                constraints=(),
                thresholds=(),
                open_to_invites=False,
            ),
        )
        theirs = matches.c.trainee_id == trainee_id
        later(c, sa.update(matches).where(theirs).values(message=None, explanation=None))
        later(c, sa.update(matches).where(theirs, matches.c.ended_by == account_id).values(end_note=None))

    def erase_coach(self, coach_id: UUID, account_id: UUID) -> None:
        """Blank a coach."""
        c = self._connection
        for table in (certifications, coach_terms, coach_facets, coach_specialties, coach_listings):
            later(c, sa.delete(table).where(table.c.coach_id == coach_id))
        later(
            c,
            sa.update(coaches)
            .where(coaches.c.id == coach_id)
            .values(
                specialties=(),
                certifications=None,
                pricing=None,
                bio=None,
                is_accepting=False,
                modalities=(),
                languages=(),
                years=None,
                shows_gender=False,
                view_rev=coaches.c.view_rev + 1,
            ),
        )
        theirs = matches.c.coach_id == coach_id
        said = sa.or_(matches.c.status == "declined", matches.c.ended_by == account_id)
        later(c, sa.update(matches).where(theirs, said).values(end_note=None))

    def forget_answers(self, ids: Sequence[UUID], *, is_patient: bool = False) -> None:
        """
        Search the views as text: they are kept for a day, and an erasure is rare.

        A deletion that searches waits for the key of every request under way, whoever's it is; so who does not want
        to wait reads first.
        """
        c, k = self._connection, idempotency_keys.c
        named = (sa.func.instr(k.view, sa.literal(str(id).encode(), sa.LargeBinary)) > 0 for id in ids)
        is_named = sa.or_(sa.false(), *named)
        if is_patient:
            later(c, sa.delete(idempotency_keys).where(is_named))
            return
        found = c.execute(sa.select(k.account_id, k.key).where(is_named)).all()
        if found:
            this = sa.delete(idempotency_keys).where(
                k.account_id == sa.bindparam("of_account"), k.key == sa.bindparam("the_key")
            )
            later(c, this, [{"of_account": account_id, "the_key": key} for account_id, key in found])

    def erased_profiles(self) -> Mapping[UUID, datetime]:
        """Both sides by account; an account stands in the chain twice after a restore erased it again."""
        found: dict[UUID, datetime] = {}
        for table in (trainees, coaches):
            mine = sa.select(table.c.id, erasures.c.at).join(erasures, erasures.c.account_id == table.c.user_id)
            for id, at in self._connection.execute(mine.order_by(erasures.c.seq)):
                found.setdefault(id, at)
        return found

    def blank_reviews(self, account_id: UUID) -> None:
        """Keep the rating."""
        later(self._connection, sa.update(reviews).where(reviews.c.author_id == account_id).values(text=None))
