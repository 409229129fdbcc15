"""``coachhub check``: rows whose parent is gone, counters that lie."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from coachhub_core.ports.storage import CheckReport
from coachhub_sqlalchemy import migrate as migrations
from coachhub_sqlalchemy.tables import metadata
from coachhub_sqlalchemy.tables.chat import conversations, messages
from coachhub_sqlalchemy.tables.coaches import coaches
from coachhub_sqlalchemy.tables.matches import matches
from coachhub_sqlalchemy.tables.plans import scheduled_workouts
from coachhub_sqlalchemy.tables.reviews import reviews
from coachhub_sqlalchemy.tables.workouts import fulfilments


def check(engine: Engine) -> CheckReport:
    """Look at every reference and every counter; an empty list of problems is what is wanted."""
    problems: list[str] = []
    with engine.connect() as connection:
        n_rows = {
            name: int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
            for name, table in sorted(metadata.tables.items())
        }
        for table in metadata.sorted_tables:
            problems += _orphans(connection, table)
        problems += _counters(connection)
        problems += _fulfilled(connection)
        schema = migrations.current(connection) or "none"
    return CheckReport(schema_version=schema, n_rows=n_rows, problems=tuple(problems))


def _orphans(connection: Connection, table: sa.Table) -> list[str]:
    found = []
    for constraint in table.foreign_key_constraints:
        column = constraint.elements[0].parent
        parent = constraint.referred_table.alias("parent")
        target = parent.c[constraint.elements[0].column.name]
        n = connection.execute(
            sa.select(sa.func.count())
            .select_from(table.outerjoin(parent, column == target))
            .where(column.is_not(None), target.is_(None))
        ).scalar_one()
        if n:
            found.append(f"{table.name}.{column.name}: {n} rows point to nothing in {constraint.referred_table.name}")
    return found


def _counters(connection: Connection) -> list[str]:
    found = []
    running = (
        sa.select(sa.func.count())
        .where(
            matches.c.coach_id == coaches.c.id,
            matches.c.level == "primary",
            matches.c.status.in_(("active", "paused")),
        )
        .scalar_subquery()
    )
    visible = sa.and_(
        reviews.c.coach_id == coaches.c.id, reviews.c.author_side == "trainee", reviews.c.state == "visible"
    )
    n_reviews = sa.select(sa.func.count()).where(visible).scalar_subquery()
    rating_sum = sa.select(sa.func.coalesce(sa.func.sum(reviews.c.rating), 0)).where(visible).scalar_subquery()
    newest = (
        sa.select(sa.func.coalesce(sa.func.max(messages.c.seq), 0))
        .where(messages.c.conversation_id == conversations.c.id)
        .scalar_subquery()
    )
    n_messages = sa.select(sa.func.count()).where(messages.c.conversation_id == conversations.c.id).scalar_subquery()
    for table, column, truth in (
        (coaches, coaches.c.n_active, running),
        (coaches, coaches.c.n_reviews, n_reviews),
        (coaches, coaches.c.rating_sum, rating_sum),
        (conversations, conversations.c.last_seq, newest),
        (conversations, conversations.c.last_seq, n_messages),
    ):
        n = connection.execute(sa.select(sa.func.count()).select_from(table).where(column != truth)).scalar_one()
        if n:
            found.append(f"{table.name}.{column.name}: {n} rows differ from what is counted")
    return found


def _fulfilled(connection: Connection) -> list[str]:
    """Look for days that say they were done without a workout, and workouts that fulfil a day that says otherwise."""
    is_done = scheduled_workouts.c.state.in_(("done", "partial"))
    has_workout = fulfilments.c.scheduled_workout_id.is_not(None)
    n = connection.execute(
        sa.select(sa.func.count())
        .select_from(
            scheduled_workouts.outerjoin(fulfilments, fulfilments.c.scheduled_workout_id == scheduled_workouts.c.id)
        )
        .where(is_done != has_workout)
    ).scalar_one()
    return [f"scheduled_workouts.state: {n} days and their workouts disagree"] if n else []
