"""Tables of the room *coaches*: the profile, and the side tables that lists and searches read."""

from __future__ import annotations

import sqlalchemy as sa

from coachhub_core.domain.coaches import Hours
from coachhub_core.wire import structure
from coachhub_sqlalchemy.tables.base import id_column, one_of, ref, table, times, version
from coachhub_sqlalchemy.types import Document, Id, Instant, Money, long_text


def _hours(rows: list[dict[str, object]]) -> tuple[Hours, ...]:
    return tuple(structure(Hours, row) for row in rows)


coaches = table(
    "coaches",
    id_column(),
    *ref("user_id", "users.id"),
    sa.Column("specialties", Document(tuple), nullable=False),
    sa.Column("certifications", Document(tuple)),  # a readable mirror of the table, as the original had it
    sa.Column("pricing", Money()),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("bio", long_text()),
    sa.Column("capacity", sa.Integer, nullable=False),
    sa.Column("n_active", sa.Integer, nullable=False, server_default="0"),
    sa.Column("is_accepting", sa.Boolean, nullable=False),
    sa.Column("modalities", Document(tuple), nullable=False),
    sa.Column("languages", Document(tuple), nullable=False),
    sa.Column("years", sa.Integer),
    sa.Column("n_reviews", sa.Integer, nullable=False, server_default="0"),
    sa.Column("rating_sum", sa.Integer, nullable=False, server_default="0"),
    sa.Column("rating_avg", Money()),
    sa.Column(
        "rating_score", sa.Integer, nullable=False, server_default="42000"
    ),  # ten thousandths: exact and sortable
    sa.Column("shows_gender", sa.Boolean, nullable=False),
    sa.Column("median_response_seconds", sa.Integer),
    *times(),
    version(),
    sa.Column("view_rev", sa.Integer, nullable=False, server_default="1"),
    sa.UniqueConstraint("user_id"),
    sa.CheckConstraint("n_active >= 0 AND n_active <= capacity", name="seats"),
    sa.CheckConstraint("n_reviews >= 0 AND rating_sum >= 0", name="ratings"),
)

coach_listings = table(
    "coach_listings",
    sa.Column("coach_id", Id(), primary_key=True),
    sa.Column("is_listed", sa.Boolean, nullable=False),
    sa.Column("name_key", sa.String(255), nullable=False),
    sa.Column("city_key", sa.String(255), nullable=False),
    sa.Column("price", Money(), nullable=False),  # without a price: the largest there is, so that it sorts last
    sa.Column("has_price", sa.Boolean, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("rating_score", sa.Integer, nullable=False),
    sa.Column("rating_avg", Money()),
    sa.Column("seats_left", sa.Integer, nullable=False),
    sa.Column("is_accepting", sa.Boolean, nullable=False),
    sa.ForeignKeyConstraint(["coach_id"], ["coaches.id"], ondelete="RESTRICT"),
    sa.Index(None, "is_listed", "rating_score", "coach_id"),
    sa.Index(None, "is_listed", "price", "coach_id"),
    sa.Index(None, "city_key", "rating_score"),
)

coach_specialties = table(
    "coach_specialties",
    sa.Column("tag", sa.String(80), nullable=False),
    sa.Column("rating_score", sa.Integer, nullable=False),
    *ref("coach_id", "coaches.id"),
    sa.PrimaryKeyConstraint("coach_id", "tag"),
    sa.Index(None, "tag", "rating_score", "coach_id"),
)

coach_facets = table(
    "coach_facets",
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("value", sa.String(35), nullable=False),
    *ref("coach_id", "coaches.id"),
    sa.PrimaryKeyConstraint("coach_id", "kind", "value"),
    one_of("kind", ("language", "modality")),
    sa.Index(None, "kind", "value", "coach_id"),
)

coach_terms = table(
    "coach_terms",
    sa.Column("term", sa.String(64), nullable=False),
    *ref("coach_id", "coaches.id"),
    sa.Column("weight", sa.Integer, nullable=False),
    sa.PrimaryKeyConstraint("coach_id", "term"),
    sa.Index(None, "term", "coach_id", "weight"),
)

certifications = table(
    "certifications",
    id_column(),
    *ref("coach_id", "coaches.id"),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("issuer", sa.String(255)),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("valid_until", sa.Date),
    sa.Column("created_at", Instant(), nullable=False),
    one_of("state", ("claimed", "verified", "expired", "rejected")),
    sa.Index(None, "coach_id"),
)

availability = table(
    "availability",
    *ref("account_id", "users.id"),
    sa.Column("zone", sa.String(64), nullable=False),
    sa.Column("hours", Document(_hours), nullable=False),
    sa.Column("updated_at", Instant(), nullable=False),
    version(),
    sa.PrimaryKeyConstraint("account_id"),
)
