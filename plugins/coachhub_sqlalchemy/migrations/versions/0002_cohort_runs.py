"""Cohort runs: many trainees placed at once, their placements, and who was one too many."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from coachhub_sqlalchemy import types
from coachhub_sqlalchemy.migrations import steps
from coachhub_sqlalchemy.tables.base import MYSQL

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "cohort_runs",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("account_id", types.Id(), nullable=True),
        sa.Column("assigner", sa.String(length=80), nullable=False),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("need", sa.Integer(), nullable=False),
        sa.Column("max_per_coach", sa.Integer(), nullable=True),
        sa.Column("is_applied", sa.Boolean(), nullable=False),
        sa.Column("n_trainees", sa.Integer(), nullable=False),
        sa.Column("n_done", sa.Integer(), nullable=False),
        sa.Column("n_total", sa.Integer(), nullable=False),
        sa.Column("n_placed", sa.Integer(), nullable=True),
        sa.Column("n_pairs", sa.Integer(), nullable=True),
        sa.Column("n_requested", sa.Integer(), nullable=False),
        sa.Column("n_refused", sa.Integer(), nullable=False),
        sa.Column("matcher", sa.String(length=80), nullable=True),
        sa.Column("model_id", sa.String(length=80), nullable=True),
        sa.Column("input_hash", types.Hash(), nullable=True),
        sa.Column("certificate", types.Document(), nullable=True),
        sa.Column("reason", sa.String(length=255), nullable=True),
        sa.Column("n_tries", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=80), nullable=True),
        sa.Column("lease_until", types.Instant(), nullable=True),
        sa.Column("started_at", types.Instant(), nullable=True),
        sa.Column("finished_at", types.Instant(), nullable=True),
        sa.Column("created_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("updated_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'stopped', 'done', 'failed', 'applying', 'applied')",
            name=op.f("ck_cohort_runs_state"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["users.id"], name=op.f("fk_cohort_runs_account_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cohort_runs")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_cohort_runs_state_id"), "cohort_runs", ["state", "id"], unique=False)
    steps.create_table(
        "cohort_conflicts",
        sa.Column("run_id", types.Id(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("trainees", types.Document(), nullable=False),
        sa.Column("coaches", types.Document(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["cohort_runs.id"], name=op.f("fk_cohort_conflicts_run_id_cohort_runs"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_cohort_conflicts")),
        **MYSQL,
    )
    steps.create_table(
        "cohort_placements",
        sa.Column("run_id", types.Id(), nullable=False),
        sa.Column("trainee_id", types.Id(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("coach_id", types.Id(), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("conflict", sa.Integer(), nullable=True),
        sa.Column("match_id", types.Id(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'placed', 'unplaced', 'requested', 'refused')",
            name=op.f("ck_cohort_placements_state"),
        ),
        sa.ForeignKeyConstraint(
            ["coach_id"], ["coaches.id"], name=op.f("fk_cohort_placements_coach_id_coaches"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["match_id"], ["matches.id"], name=op.f("fk_cohort_placements_match_id_matches"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["cohort_runs.id"], name=op.f("fk_cohort_placements_run_id_cohort_runs"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["trainee_id"], ["trainees.id"], name=op.f("fk_cohort_placements_trainee_id_trainees"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("run_id", "trainee_id", "place", name=op.f("pk_cohort_placements")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_cohort_placements_coach_id"), "cohort_placements", ["coach_id"], unique=False)
    steps.create_index(op.f("ix_cohort_placements_match_id"), "cohort_placements", ["match_id"], unique=False)
    steps.create_index(
        op.f("ix_cohort_placements_run_id_state_trainee_id_place"),
        "cohort_placements",
        ["run_id", "state", "trainee_id", "place"],
        unique=False,
    )
    steps.create_index(op.f("ix_cohort_placements_trainee_id"), "cohort_placements", ["trainee_id"], unique=False)


def downgrade() -> None:
    for name in ("cohort_placements", "cohort_conflicts", "cohort_runs"):
        op.drop_table(name)  # with its indexes: MySQL drops none alone that a reference needs
