"""
The first schema: every room of the first release.

Made from the tables as they were then, and what it makes never changes: what comes
later is a revision of its own.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from coachhub_sqlalchemy import types
from coachhub_sqlalchemy.migrations import steps
from coachhub_sqlalchemy.tables.base import MYSQL

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "audit_events",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.Column("actor_id", types.Id(), nullable=True),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("object", sa.String(length=255), nullable=False),
        sa.Column("before_sha256", types.Hash(), nullable=True),
        sa.Column("after_sha256", types.Hash(), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_events")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_audit_events_actor_id"), "audit_events", ["actor_id"], unique=False)
    steps.create_table(
        "backups",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("file", sa.String(length=255), nullable=False),
        sa.Column("n_bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("n_rows", types.Document(), nullable=False),
        sa.Column("n_files", sa.Integer(), nullable=False),
        sa.Column("schema_version", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.String(length=255), nullable=True),
        sa.Column("verified_at", types.Instant(), nullable=True),
        sa.Column("created_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("updated_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("kind IN ('database', 'files', 'all')", name=op.f("ck_backups_kind")),
        sa.CheckConstraint("state IN ('running', 'done', 'failed', 'verified')", name=op.f("ck_backups_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backups")),
        **MYSQL,
    )
    steps.create_table(
        "erasures",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_id", types.Id(), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.Column("hash", types.Hash(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_erasures")),
        **MYSQL,
    )
    steps.create_table(
        "outbox_events",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("aggregate_id", types.Id(), nullable=False),
        sa.Column("payload", types.Document(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("due_at", types.Instant(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("n_attempts", sa.Integer(), nullable=False),
        sa.Column("done_at", types.Instant(), nullable=True),
        sa.Column("error", sa.String(length=255), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'leased', 'done', 'dead')", name=op.f("ck_outbox_events_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_events")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_outbox_events_state_due_at"), "outbox_events", ["state", "due_at"], unique=False)
    steps.create_table(
        "outcomes",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.Column("trainee_id", types.Id(), nullable=False),
        sa.Column("coach_id", types.Id(), nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("set_id", types.Id(), nullable=True),
        sa.CheckConstraint(
            "event IN ('shown', 'opened', 'contacted', 'accepted', 'declined', 'started', 'completed', 'cancelled', 'rated')",
            name=op.f("ck_outcomes_event"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcomes")),
        **MYSQL,
    )
    steps.create_table(
        "users",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("email_key", sa.String(length=255), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("age", sa.Integer(), nullable=True),
        sa.Column("gender", sa.String(length=16), nullable=True),
        sa.Column("city", sa.String(length=255), nullable=True),
        sa.Column("zone", sa.String(length=64), server_default="UTC", nullable=False),
        sa.Column("locale", sa.String(length=35), server_default="en", nullable=False),
        sa.Column("status", sa.String(length=16), server_default="active", nullable=False),
        sa.Column("email_verified_at", types.Instant(), nullable=True),
        sa.Column("password_changed_at", types.Instant(), nullable=False),
        sa.Column("created_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("updated_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("gender IN ('male', 'female', 'other')", name=op.f("ck_users_gender")),
        sa.CheckConstraint("role IN ('coach', 'trainee', 'admin')", name=op.f("ck_users_role")),
        sa.CheckConstraint("status IN ('active', 'suspended', 'erased')", name=op.f("ck_users_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email_key", name=op.f("uq_users_email_key")),
        **MYSQL,
    )
    steps.create_table(
        "availability",
        sa.Column("account_id", types.Id(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("hours", types.Document(), nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["users.id"], name=op.f("fk_availability_account_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_availability")),
        **MYSQL,
    )
    steps.create_table(
        "coaches",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("specialties", types.Document(), nullable=False),
        sa.Column("certifications", types.Document(), nullable=True),
        sa.Column("pricing", types.Money(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("bio", types.long_text(), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("n_active", sa.Integer(), server_default="0", nullable=False),
        sa.Column("is_accepting", sa.Boolean(), nullable=False),
        sa.Column("modalities", types.Document(), nullable=False),
        sa.Column("languages", types.Document(), nullable=False),
        sa.Column("years", sa.Integer(), nullable=True),
        sa.Column("n_reviews", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rating_sum", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rating_avg", types.Money(), nullable=True),
        sa.Column("rating_score", sa.Integer(), server_default="42000", nullable=False),
        sa.Column("shows_gender", sa.Boolean(), nullable=False),
        sa.Column("median_response_seconds", sa.Integer(), nullable=True),
        sa.Column("created_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("updated_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("view_rev", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("n_active >= 0 AND n_active <= capacity", name=op.f("ck_coaches_seats")),
        sa.CheckConstraint("n_reviews >= 0 AND rating_sum >= 0", name=op.f("ck_coaches_ratings")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_coaches_user_id_users"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coaches")),
        sa.UniqueConstraint("user_id", name=op.f("uq_coaches_user_id")),
        **MYSQL,
    )
    steps.create_table(
        "exports",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("account_id", types.Id(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("n_bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("created_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("updated_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("state IN ('running', 'done', 'failed')", name=op.f("ck_exports_state")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["users.id"], name=op.f("fk_exports_account_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_exports_account_id_id"), "exports", ["account_id", "id"], unique=False)
    steps.create_index(op.f("ix_exports_state_id"), "exports", ["state", "id"], unique=False)
    steps.create_table(
        "idempotency_keys",
        sa.Column("account_id", types.Id(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("operation", sa.String(length=120), nullable=False),
        sa.Column("request_hash", types.Hash(), nullable=False),
        sa.Column("view", types.Document(), nullable=True),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("expires_at", types.Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["users.id"], name=op.f("fk_idempotency_keys_account_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("account_id", "key", name=op.f("pk_idempotency_keys")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_idempotency_keys_expires_at"), "idempotency_keys", ["expires_at"], unique=False)
    steps.create_table(
        "notifications",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("account_id", types.Id(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("payload", types.Document(), nullable=False),
        sa.Column("dedupe_key", sa.String(length=255), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("read_at", types.Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["users.id"], name=op.f("fk_notifications_account_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_notifications_dedupe_key")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_notifications_account_id_id"), "notifications", ["account_id", "id"], unique=False)
    steps.create_table(
        "sessions",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("account_id", types.Id(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("last_seen_at", types.Instant(), nullable=False),
        sa.Column("expires_at", types.Instant(), nullable=False),
        sa.Column("revoked_at", types.Instant(), nullable=True),
        sa.Column("revoked_reason", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["users.id"], name=op.f("fk_sessions_account_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_sessions_account_id"), "sessions", ["account_id"], unique=False)
    steps.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"], unique=False)
    steps.create_table(
        "certifications",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("coach_id", types.Id(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.CheckConstraint(
            "state IN ('claimed', 'verified', 'expired', 'rejected')", name=op.f("ck_certifications_state")
        ),
        sa.ForeignKeyConstraint(
            ["coach_id"], ["coaches.id"], name=op.f("fk_certifications_coach_id_coaches"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certifications")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_certifications_coach_id"), "certifications", ["coach_id"], unique=False)
    steps.create_table(
        "coach_facets",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=35), nullable=False),
        sa.Column("coach_id", types.Id(), nullable=False),
        sa.CheckConstraint("kind IN ('language', 'modality')", name=op.f("ck_coach_facets_kind")),
        sa.ForeignKeyConstraint(
            ["coach_id"], ["coaches.id"], name=op.f("fk_coach_facets_coach_id_coaches"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("coach_id", "kind", "value", name=op.f("pk_coach_facets")),
        **MYSQL,
    )
    steps.create_index(
        op.f("ix_coach_facets_kind_value_coach_id"), "coach_facets", ["kind", "value", "coach_id"], unique=False
    )
    steps.create_table(
        "coach_listings",
        sa.Column("coach_id", types.Id(), nullable=False),
        sa.Column("is_listed", sa.Boolean(), nullable=False),
        sa.Column("name_key", sa.String(length=255), nullable=False),
        sa.Column("city_key", sa.String(length=255), nullable=False),
        sa.Column("price", types.Money(), nullable=False),
        sa.Column("has_price", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("rating_score", sa.Integer(), nullable=False),
        sa.Column("rating_avg", types.Money(), nullable=True),
        sa.Column("seats_left", sa.Integer(), nullable=False),
        sa.Column("is_accepting", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["coach_id"], ["coaches.id"], name=op.f("fk_coach_listings_coach_id_coaches"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("coach_id", name=op.f("pk_coach_listings")),
        **MYSQL,
    )
    steps.create_index(
        op.f("ix_coach_listings_city_key_rating_score"), "coach_listings", ["city_key", "rating_score"], unique=False
    )
    steps.create_index(
        op.f("ix_coach_listings_is_listed_price_coach_id"),
        "coach_listings",
        ["is_listed", "price", "coach_id"],
        unique=False,
    )
    steps.create_index(
        op.f("ix_coach_listings_is_listed_rating_score_coach_id"),
        "coach_listings",
        ["is_listed", "rating_score", "coach_id"],
        unique=False,
    )
    steps.create_table(
        "coach_specialties",
        sa.Column("tag", sa.String(length=80), nullable=False),
        sa.Column("rating_score", sa.Integer(), nullable=False),
        sa.Column("coach_id", types.Id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["coach_id"], ["coaches.id"], name=op.f("fk_coach_specialties_coach_id_coaches"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("coach_id", "tag", name=op.f("pk_coach_specialties")),
        **MYSQL,
    )
    steps.create_index(
        op.f("ix_coach_specialties_tag_rating_score_coach_id"),
        "coach_specialties",
        ["tag", "rating_score", "coach_id"],
        unique=False,
    )
    steps.create_table(
        "coach_terms",
        sa.Column("term", sa.String(length=64), nullable=False),
        sa.Column("coach_id", types.Id(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["coach_id"], ["coaches.id"], name=op.f("fk_coach_terms_coach_id_coaches"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("coach_id", "term", name=op.f("pk_coach_terms")),
        **MYSQL,
    )
    steps.create_index(
        op.f("ix_coach_terms_term_coach_id_weight"), "coach_terms", ["term", "coach_id", "weight"], unique=False
    )
    steps.create_table(
        "exercises",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("category", sa.String(length=32), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("force_kind", sa.String(length=16), nullable=True),
        sa.Column("mechanic", sa.String(length=16), nullable=True),
        sa.Column("equipment", sa.String(length=80), nullable=True),
        sa.Column("primary_muscles", types.Document(), nullable=False),
        sa.Column("secondary_muscles", types.Document(), nullable=False),
        sa.Column("aliases", types.Document(), nullable=False),
        sa.Column("instructions", types.long_text(), nullable=True),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=True),
        sa.Column("licence", sa.String(length=64), nullable=True),
        sa.Column("owner_coach_id", types.Id(), nullable=True),
        sa.Column("owner_key", types.Id(), nullable=False),
        sa.Column("name_key", sa.String(length=255), nullable=False),
        sa.Column("words", types.long_text(), nullable=False),
        sa.Column("muscles", sa.String(length=255), nullable=False),
        sa.Column("is_archived", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("updated_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "category IN ('strength', 'cardio', 'stretching', 'plyometrics', 'powerlifting', 'olympic_weightlifting', 'strongman')",
            name=op.f("ck_exercises_category"),
        ),
        sa.CheckConstraint("force_kind IN ('push', 'pull', 'static')", name=op.f("ck_exercises_force_kind")),
        sa.CheckConstraint("level IN ('beginner', 'intermediate', 'advanced')", name=op.f("ck_exercises_level")),
        sa.CheckConstraint("mechanic IN ('compound', 'isolation')", name=op.f("ck_exercises_mechanic")),
        sa.ForeignKeyConstraint(
            ["owner_coach_id"], ["coaches.id"], name=op.f("fk_exercises_owner_coach_id_coaches"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exercises")),
        sa.UniqueConstraint("owner_key", "slug", name=op.f("uq_exercises_owner_key_slug")),
        sa.UniqueConstraint("source", "source_id", name=op.f("uq_exercises_source_source_id")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_exercises_name_key_id"), "exercises", ["name_key", "id"], unique=False)
    steps.create_table(
        "refresh_tokens",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("session_id", types.Id(), nullable=False),
        sa.Column("token_hash", types.Hash(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("expires_at", types.Instant(), nullable=False),
        sa.Column("used_at", types.Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_refresh_tokens_session_id_sessions"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_refresh_tokens_token_hash")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_refresh_tokens_session_id"), "refresh_tokens", ["session_id"], unique=False)
    steps.create_table(
        "trainees",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("goal", sa.String(length=255), nullable=True),
        sa.Column("fitness_level", sa.String(length=16), nullable=True),
        sa.Column("matched_coach_id", types.Id(), nullable=True),
        sa.Column("budget", types.Money(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("modalities", types.Document(), nullable=False),
        sa.Column("languages", types.Document(), nullable=False),
        sa.Column("open_to_invites", sa.Boolean(), nullable=False),
        sa.Column("goals", types.Document(), nullable=False),
        sa.Column("constraints", types.Document(), nullable=False),
        sa.Column("thresholds", types.Document(), nullable=False),
        sa.Column("created_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("updated_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "fitness_level IN ('beginner', 'intermediate', 'advanced')", name=op.f("ck_trainees_fitness_level")
        ),
        sa.ForeignKeyConstraint(
            ["matched_coach_id"], ["coaches.id"], name=op.f("fk_trainees_matched_coach_id_coaches"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_trainees_user_id_users"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trainees")),
        sa.UniqueConstraint("user_id", name=op.f("uq_trainees_user_id")),
        **MYSQL,
    )
    steps.create_index("idx_trainees_goal", "trainees", ["goal"], unique=False)
    steps.create_table(
        "grants",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("trainee_id", types.Id(), nullable=False),
        sa.Column("coach_id", types.Id(), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("granted_at", types.Instant(), nullable=False),
        sa.Column("revoked_at", types.Instant(), nullable=True),
        sa.CheckConstraint(
            "scope IN ('profile', 'plan', 'logs', 'measurements', 'health', 'chat')", name=op.f("ck_grants_scope")
        ),
        sa.ForeignKeyConstraint(
            ["coach_id"], ["coaches.id"], name=op.f("fk_grants_coach_id_coaches"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["trainee_id"], ["trainees.id"], name=op.f("fk_grants_trainee_id_trainees"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_grants_coach_id_scope"), "grants", ["coach_id", "scope"], unique=False)
    steps.create_index(op.f("ix_grants_trainee_id_coach_id"), "grants", ["trainee_id", "coach_id"], unique=False)
    steps.create_table(
        "matches",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("trainee_id", types.Id(), nullable=False),
        sa.Column("coach_id", types.Id(), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("initiator", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("suggestion_set_id", types.Id(), nullable=True),
        sa.Column("explanation", types.Document(), nullable=True),
        sa.Column("expires_at", types.Instant(), nullable=False),
        sa.Column("remind_at", types.Instant(), nullable=True),
        sa.Column("decided_at", types.Instant(), nullable=True),
        sa.Column("started_at", types.Instant(), nullable=True),
        sa.Column("paused_at", types.Instant(), nullable=True),
        sa.Column("ended_at", types.Instant(), nullable=True),
        sa.Column("decline_reason", sa.String(length=32), nullable=True),
        sa.Column("end_reason", sa.String(length=32), nullable=True),
        sa.Column("end_note", sa.Text(), nullable=True),
        sa.Column("ended_by", types.Id(), nullable=True),
        sa.Column("successor_id", types.Id(), nullable=True),
        sa.Column("created_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("updated_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "active_trainee_id",
            types.Id(),
            sa.Computed(
                "CASE WHEN level = 'primary' AND status IN ('active', 'paused') THEN trainee_id ELSE NULL END",
                persisted=False,
            ),
            nullable=True,
        ),
        sa.Column(
            "open_trainee_id",
            types.Id(),
            sa.Computed(
                "CASE WHEN status IN ('requested', 'active', 'paused') THEN trainee_id ELSE NULL END", persisted=False
            ),
            nullable=True,
        ),
        sa.CheckConstraint("initiator IN ('trainee', 'coach', 'system')", name=op.f("ck_matches_initiator")),
        sa.CheckConstraint("level IN ('primary', 'coaching', 'view')", name=op.f("ck_matches_level")),
        sa.CheckConstraint(
            "status IN ('requested', 'active', 'paused', 'declined', 'withdrawn', 'expired', 'superseded', 'completed', 'ended', 'transferred')",
            name=op.f("ck_matches_status"),
        ),
        sa.ForeignKeyConstraint(
            ["coach_id"], ["coaches.id"], name=op.f("fk_matches_coach_id_coaches"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["trainee_id"], ["trainees.id"], name=op.f("fk_matches_trainee_id_trainees"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matches")),
        sa.UniqueConstraint("active_trainee_id", name=op.f("uq_matches_active_trainee_id")),
        sa.UniqueConstraint("open_trainee_id", "coach_id", name=op.f("uq_matches_open_trainee_id_coach_id")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_matches_coach_id_status_id"), "matches", ["coach_id", "status", "id"], unique=False)
    steps.create_index(op.f("ix_matches_remind_at"), "matches", ["remind_at"], unique=False)
    steps.create_index(op.f("ix_matches_status_expires_at"), "matches", ["status", "expires_at"], unique=False)
    steps.create_index(op.f("ix_matches_trainee_id_id"), "matches", ["trainee_id", "id"], unique=False)
    steps.create_table(
        "plans",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("owner_coach_id", types.Id(), nullable=False),
        sa.Column("trainee_id", types.Id(), nullable=True),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("draft", types.Canonical(), nullable=True),
        sa.Column("head_version", sa.Integer(), nullable=True),
        sa.Column("created_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("updated_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("status IN ('draft', 'published', 'archived')", name=op.f("ck_plans_status")),
        sa.ForeignKeyConstraint(
            ["owner_coach_id"], ["coaches.id"], name=op.f("fk_plans_owner_coach_id_coaches"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["trainee_id"], ["trainees.id"], name=op.f("fk_plans_trainee_id_trainees"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_plans_owner_coach_id_id"), "plans", ["owner_coach_id", "id"], unique=False)
    steps.create_index(op.f("ix_plans_trainee_id"), "plans", ["trainee_id"], unique=False)
    steps.create_table(
        "suggestion_sets",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("trainee_id", types.Id(), nullable=False),
        sa.Column("matcher", sa.String(length=80), nullable=False),
        sa.Column("model_id", sa.String(length=80), nullable=False),
        sa.Column("input_hash", types.Hash(), nullable=False),
        sa.Column("filters", types.Document(), nullable=False),
        sa.Column("n_eligible", sa.Integer(), nullable=False),
        sa.Column("relaxations", types.Document(), nullable=False),
        sa.Column("degraded", sa.String(length=80), nullable=True),
        sa.Column("items", types.Document(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trainee_id"], ["trainees.id"], name=op.f("fk_suggestion_sets_trainee_id_trainees"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suggestion_sets")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_suggestion_sets_created_at"), "suggestion_sets", ["created_at"], unique=False)
    steps.create_index(op.f("ix_suggestion_sets_trainee_id"), "suggestion_sets", ["trainee_id"], unique=False)
    steps.create_table(
        "assignments",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("plan_id", types.Id(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("trainee_id", types.Id(), nullable=False),
        sa.Column("coach_id", types.Id(), nullable=False),
        sa.Column("match_id", types.Id(), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("end_date", sa.Date(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("is_main", sa.Boolean(), nullable=False),
        sa.Column("overrides", types.Document(), nullable=False),
        sa.Column("shifts", types.Document(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("paused_on", sa.Date(), nullable=True),
        sa.Column("pause_cause", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("due_at", types.Instant(), nullable=True),
        sa.Column("created_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("updated_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "status IN ('scheduled', 'active', 'paused', 'completed', 'cancelled')", name=op.f("ck_assignments_status")
        ),
        sa.ForeignKeyConstraint(
            ["coach_id"], ["coaches.id"], name=op.f("fk_assignments_coach_id_coaches"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["match_id"], ["matches.id"], name=op.f("fk_assignments_match_id_matches"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name=op.f("fk_assignments_plan_id_plans"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["trainee_id"], ["trainees.id"], name=op.f("fk_assignments_trainee_id_trainees"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_assignments_due_at"), "assignments", ["due_at"], unique=False)
    steps.create_index(op.f("ix_assignments_match_id_status"), "assignments", ["match_id", "status"], unique=False)
    steps.create_index(op.f("ix_assignments_trainee_id_status"), "assignments", ["trainee_id", "status"], unique=False)
    steps.create_table(
        "conversations",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("match_id", types.Id(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("members_version", sa.Integer(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'read_only')", name=op.f("ck_conversations_state")),
        sa.ForeignKeyConstraint(
            ["match_id"], ["matches.id"], name=op.f("fk_conversations_match_id_matches"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sa.UniqueConstraint("match_id", name=op.f("uq_conversations_match_id")),
        **MYSQL,
    )
    steps.create_table(
        "match_events",
        sa.Column("match_id", types.Id(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.Column("from_status", sa.String(length=16), nullable=True),
        sa.Column("to_status", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("actor_id", types.Id(), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["match_id"], ["matches.id"], name=op.f("fk_match_events_match_id_matches"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("match_id", "seq", name=op.f("pk_match_events")),
        **MYSQL,
    )
    steps.create_table(
        "plan_exercises",
        sa.Column("plan_id", types.Id(), nullable=False),
        sa.Column("exercise_id", types.Id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["exercise_id"], ["exercises.id"], name=op.f("fk_plan_exercises_exercise_id_exercises"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name=op.f("fk_plan_exercises_plan_id_plans"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("plan_id", "exercise_id", name=op.f("pk_plan_exercises")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_plan_exercises_exercise_id"), "plan_exercises", ["exercise_id"], unique=False)
    steps.create_table(
        "plan_versions",
        sa.Column("plan_id", types.Id(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("document", types.Canonical(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("author_id", types.Id(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_plan_versions_author_id_users"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name=op.f("fk_plan_versions_plan_id_plans"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("plan_id", "number", name=op.f("pk_plan_versions")),
        **MYSQL,
    )
    steps.create_table(
        "reviews",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("match_id", types.Id(), nullable=False),
        sa.Column("author_side", sa.String(length=16), nullable=False),
        sa.Column("author_id", types.Id(), nullable=False),
        sa.Column("coach_id", types.Id(), nullable=False),
        sa.Column("rating", sa.SmallInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("visible_at", types.Instant(), nullable=True),
        sa.Column("created_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("updated_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("author_side IN ('trainee', 'coach')", name=op.f("ck_reviews_author_side")),
        sa.CheckConstraint("state IN ('hidden', 'visible', 'removed')", name=op.f("ck_reviews_state")),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_reviews_rating")),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_reviews_author_id_users"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["coach_id"], ["coaches.id"], name=op.f("fk_reviews_coach_id_coaches"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["match_id"], ["matches.id"], name=op.f("fk_reviews_match_id_matches"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("match_id", "author_side", name=op.f("uq_reviews_match_id_author_side")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_reviews_author_id"), "reviews", ["author_id"], unique=False)
    steps.create_index(op.f("ix_reviews_coach_id_id"), "reviews", ["coach_id", "id"], unique=False)
    steps.create_table(
        "workouts",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("trainee_id", types.Id(), nullable=False),
        sa.Column("started_at", types.Instant(), nullable=False),
        sa.Column("ended_at", types.Instant(), nullable=True),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("overall_rpe", sa.Double(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("plan_id", types.Id(), nullable=True),
        sa.Column("version_number", sa.Integer(), nullable=True),
        sa.Column("logged_hash", sa.String(length=64), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("n_revisions", sa.Integer(), nullable=False),
        sa.Column("recorded_at", types.Instant(), nullable=False),
        sa.Column("deleted_at", types.Instant(), nullable=True),
        sa.Column("created_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("updated_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_workouts_plan_id_plans"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["trainee_id"], ["trainees.id"], name=op.f("fk_workouts_trainee_id_trainees"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workouts")),
        **MYSQL,
    )
    steps.create_index(
        op.f("ix_workouts_trainee_id_local_date"), "workouts", ["trainee_id", "local_date"], unique=False
    )
    steps.create_index(
        op.f("ix_workouts_trainee_id_started_at_id"), "workouts", ["trainee_id", "started_at", "id"], unique=False
    )
    steps.create_table(
        "conversation_members",
        sa.Column("conversation_id", types.Id(), nullable=False),
        sa.Column("account_id", types.Id(), nullable=False),
        sa.Column("read_seq", sa.BigInteger(), nullable=False),
        sa.Column("left_at", types.Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["users.id"], name=op.f("fk_conversation_members_account_id_users"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_conversation_members_conversation_id_conversations"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("conversation_id", "account_id", name=op.f("pk_conversation_members")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_conversation_members_account_id"), "conversation_members", ["account_id"], unique=False)
    steps.create_table(
        "messages",
        sa.Column("conversation_id", types.Id(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("ref_seq", sa.BigInteger(), nullable=True),
        sa.Column("sender_id", types.Id(), nullable=False),
        sa.Column("client_id", types.Id(), nullable=False),
        sa.Column("body", types.long_text(), nullable=False),
        sa.Column("reply_to", sa.BigInteger(), nullable=True),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.CheckConstraint("kind IN ('message', 'edit', 'delete')", name=op.f("ck_messages_kind")),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_messages_conversation_id_conversations"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["sender_id"], ["users.id"], name=op.f("fk_messages_sender_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("conversation_id", "seq", name=op.f("pk_messages")),
        sa.UniqueConstraint(
            "conversation_id", "sender_id", "client_id", name=op.f("uq_messages_conversation_id_sender_id_client_id")
        ),
        **MYSQL,
    )
    steps.create_index(op.f("ix_messages_sender_id"), "messages", ["sender_id"], unique=False)
    steps.create_table(
        "scheduled_workouts",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("assignment_id", types.Id(), nullable=False),
        sa.Column("trainee_id", types.Id(), nullable=False),
        sa.Column("plan_id", types.Id(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("workout_key", sa.String(length=64), nullable=False),
        sa.Column("cycle_no", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("moved_from", sa.Date(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("prescription", types.Canonical(), nullable=True),
        sa.Column("counts", types.Document(), nullable=True),
        sa.Column("due_at", types.Instant(), nullable=True),
        sa.Column("created_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("updated_at", types.Instant(), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "state IN ('due', 'done', 'partial', 'missed', 'skipped', 'excused', 'void')",
            name=op.f("ck_scheduled_workouts_state"),
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignments.id"],
            name=op.f("fk_scheduled_workouts_assignment_id_assignments"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name=op.f("fk_scheduled_workouts_plan_id_plans"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["trainee_id"], ["trainees.id"], name=op.f("fk_scheduled_workouts_trainee_id_trainees"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduled_workouts")),
        sa.UniqueConstraint(
            "assignment_id",
            "version_number",
            "workout_key",
            "cycle_no",
            name=op.f("uq_scheduled_workouts_day"),
        ),
        **MYSQL,
    )
    steps.create_index(op.f("ix_scheduled_workouts_due_at"), "scheduled_workouts", ["due_at"], unique=False)
    steps.create_index(
        op.f("ix_scheduled_workouts_trainee_id_local_date"),
        "scheduled_workouts",
        ["trainee_id", "local_date"],
        unique=False,
    )
    steps.create_table(
        "set_logs",
        sa.Column("workout_id", types.Id(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("set_key", sa.String(length=64), nullable=True),
        sa.Column("exercise_id", types.Id(), nullable=True),
        sa.Column("custom_name", sa.String(length=255), nullable=True),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("reps", sa.Integer(), nullable=True),
        sa.Column("load_value", sa.Double(), nullable=True),
        sa.Column("load_unit", sa.String(length=8), nullable=True),
        sa.Column("load_basis", sa.String(length=16), nullable=True),
        sa.Column("load_kg", sa.Double(), nullable=True),
        sa.Column("duration_seconds", sa.Double(), nullable=True),
        sa.Column("distance_metres", sa.Double(), nullable=True),
        sa.Column("rpe", sa.Double(), nullable=True),
        sa.Column("rir", sa.Double(), nullable=True),
        sa.Column("rest_seconds", sa.Integer(), nullable=True),
        sa.Column("substituted_for", types.Id(), nullable=True),
        sa.Column("side", sa.String(length=8), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("target", types.Document(), nullable=True),
        sa.Column("target_rpe", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "type IN ('warmup', 'working', 'drop', 'backoff', 'amrap', 'myo')", name=op.f("ck_set_logs_type")
        ),
        sa.ForeignKeyConstraint(
            ["exercise_id"], ["exercises.id"], name=op.f("fk_set_logs_exercise_id_exercises"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["workout_id"], ["workouts.id"], name=op.f("fk_set_logs_workout_id_workouts"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("workout_id", "ordinal", name=op.f("pk_set_logs")),
        **MYSQL,
    )
    steps.create_index(op.f("ix_set_logs_exercise_id"), "set_logs", ["exercise_id"], unique=False)
    steps.create_table(
        "workout_revisions",
        sa.Column("workout_id", types.Id(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("recorded_at", types.Instant(), nullable=False),
        sa.Column("replaced_at", types.Instant(), nullable=False),
        sa.Column("content", types.Canonical(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workout_id"], ["workouts.id"], name=op.f("fk_workout_revisions_workout_id_workouts"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("workout_id", "number", name=op.f("pk_workout_revisions")),
        **MYSQL,
    )
    steps.create_table(
        "fulfilments",
        sa.Column("scheduled_workout_id", types.Id(), nullable=False),
        sa.Column("workout_id", types.Id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["scheduled_workout_id"],
            ["scheduled_workouts.id"],
            name=op.f("fk_fulfilments_scheduled_workout_id_scheduled_workouts"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["workout_id"], ["workouts.id"], name=op.f("fk_fulfilments_workout_id_workouts"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("scheduled_workout_id", name=op.f("pk_fulfilments")),
        sa.UniqueConstraint("workout_id", name=op.f("uq_fulfilments_workout_id")),
        **MYSQL,
    )


def downgrade() -> None:
    # with their indexes: MySQL drops none alone that a reference needs
    for table in (
        "fulfilments",
        "workout_revisions",
        "set_logs",
        "scheduled_workouts",
        "messages",
        "conversation_members",
        "workouts",
        "reviews",
        "plan_versions",
        "plan_exercises",
        "match_events",
        "conversations",
        "assignments",
        "suggestion_sets",
        "plans",
        "matches",
        "grants",
        "trainees",
        "refresh_tokens",
        "exercises",
        "coach_terms",
        "coach_specialties",
        "coach_listings",
        "coach_facets",
        "certifications",
        "sessions",
        "notifications",
        "idempotency_keys",
        "exports",
        "coaches",
        "availability",
        "users",
        "outcomes",
        "outbox_events",
        "erasures",
        "backups",
        "audit_events",
    ):
        op.drop_table(table)
