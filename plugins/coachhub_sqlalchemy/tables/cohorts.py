"""Tables of cohort runs."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from coachhub_core.domain.cohorts import COHORT_STATES, PLACEMENT_STATES
from coachhub_sqlalchemy.tables.base import id_column, one_of, ref, table, times, version
from coachhub_sqlalchemy.types import Document, Hash, Instant


def _ids(texts: list[str]) -> tuple[UUID, ...]:
    return tuple(UUID(text) for text in texts)


cohort_runs = table(
    "cohort_runs",
    id_column(),
    *ref("account_id", "users.id", nullable=True),
    sa.Column("assigner", sa.String(80), nullable=False),
    sa.Column("mode", sa.String(40), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("need", sa.Integer, nullable=False),
    sa.Column("max_per_coach", sa.Integer),
    sa.Column("is_applied", sa.Boolean, nullable=False),
    sa.Column("n_trainees", sa.Integer, nullable=False),
    sa.Column("n_done", sa.Integer, nullable=False),
    sa.Column("n_total", sa.Integer, nullable=False),
    sa.Column("n_placed", sa.Integer),
    sa.Column("n_pairs", sa.Integer),
    sa.Column("n_requested", sa.Integer, nullable=False),
    sa.Column("n_refused", sa.Integer, nullable=False),
    sa.Column("matcher", sa.String(80)),
    sa.Column("model_id", sa.String(80)),
    sa.Column("input_hash", Hash()),
    sa.Column("certificate", Document()),
    sa.Column("reason", sa.String(255)),
    sa.Column("n_tries", sa.Integer, nullable=False),
    sa.Column("lease_owner", sa.String(80)),
    sa.Column("lease_until", Instant()),
    sa.Column("started_at", Instant()),
    sa.Column("finished_at", Instant()),
    *times(),
    version(),
    one_of("state", COHORT_STATES),
    sa.Index(None, "state", "id"),
)

cohort_placements = table(
    "cohort_placements",
    *ref("run_id", "cohort_runs.id"),
    *ref("trainee_id", "trainees.id"),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    *ref("coach_id", "coaches.id", nullable=True),
    sa.Column("score", sa.Double),
    sa.Column("reason", sa.String(64)),
    sa.Column("conflict", sa.Integer),
    *ref("match_id", "matches.id", nullable=True),
    sa.PrimaryKeyConstraint("run_id", "trainee_id", "place"),
    one_of("state", PLACEMENT_STATES),
    sa.Index(None, "run_id", "state", "trainee_id", "place"),
    sa.Index(None, "trainee_id"),
    sa.Index(None, "coach_id"),
    sa.Index(None, "match_id"),
)

cohort_conflicts = table(
    "cohort_conflicts",
    *ref("run_id", "cohort_runs.id"),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("trainees", Document(_ids), nullable=False),
    sa.Column("coaches", Document(_ids), nullable=False),
    sa.PrimaryKeyConstraint("run_id", "number"),
)
