"""Tables of the room *matches*, with the two generated columns that hold its promises."""

from __future__ import annotations

import sqlalchemy as sa

from coachhub_core.domain.matches import STATUSES
from coachhub_core.domain.suggestions import ReasonView
from coachhub_core.wire import structure
from coachhub_sqlalchemy.tables.base import id_column, one_of, ref, table, times, version
from coachhub_sqlalchemy.types import Document, Id, Instant


def _reasons(rows: list[dict[str, object]]) -> tuple[ReasonView, ...]:
    return tuple(structure(ReasonView, row) for row in rows)


matches = table(
    "matches",
    id_column(),
    *ref("trainee_id", "trainees.id"),
    *ref("coach_id", "coaches.id"),
    sa.Column("level", sa.String(16), nullable=False),
    sa.Column("initiator", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("message", sa.Text),
    sa.Column("suggestion_set_id", Id()),  # no reference: sets are kept for 90 days, matches for good
    sa.Column("explanation", Document(_reasons)),
    sa.Column("expires_at", Instant(), nullable=False),
    sa.Column("remind_at", Instant()),
    sa.Column("decided_at", Instant()),
    sa.Column("started_at", Instant()),
    sa.Column("paused_at", Instant()),
    sa.Column("ended_at", Instant()),
    sa.Column("decline_reason", sa.String(32)),
    sa.Column("end_reason", sa.String(32)),
    sa.Column("end_note", sa.Text),
    sa.Column("ended_by", Id()),
    sa.Column("successor_id", Id()),
    *times(),
    version(),
    # I1: one active coach. NULL is exempt from UNIQUE, which is what is meant here.
    sa.Column(
        "active_trainee_id",
        Id(),
        sa.Computed(
            "CASE WHEN level = 'primary' AND status IN ('active', 'paused') THEN trainee_id ELSE NULL END",
            persisted=False,
        ),
    ),
    # I2: no twin.
    sa.Column(
        "open_trainee_id",
        Id(),
        sa.Computed(
            "CASE WHEN status IN ('requested', 'active', 'paused') THEN trainee_id ELSE NULL END", persisted=False
        ),
    ),
    sa.UniqueConstraint("active_trainee_id"),
    sa.UniqueConstraint("open_trainee_id", "coach_id"),
    one_of("level", ("primary", "coaching", "view")),
    one_of("initiator", ("trainee", "coach", "system")),
    one_of("status", (*STATUSES, "transferred")),
    sa.Index(None, "trainee_id", "id"),
    sa.Index(None, "coach_id", "status", "id"),
    sa.Index(None, "status", "expires_at"),
    sa.Index(None, "remind_at"),
)

match_events = table(
    "match_events",
    *ref("match_id", "matches.id"),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("at", Instant(), nullable=False),
    sa.Column("from_status", sa.String(16)),
    sa.Column("to_status", sa.String(16), nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("actor_id", Id()),
    sa.Column("reason", sa.String(64)),
    sa.PrimaryKeyConstraint("match_id", "seq"),
)
