"""Builders: believable entities in one line, each with its own id; say only what the test is about."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from coachhub_core.domain.accounts import Account, Session, canonical_email
from coachhub_core.domain.coaches import Coach
from coachhub_core.domain.matches import Match
from coachhub_core.domain.trainees import Trainee
from coachhub_core.identifiers import new_id

START = datetime(2026, 1, 5, 9, tzinfo=UTC)  # a Monday
_numbers = itertools.count(1)


def an_account(*, email: str | None = None, **more: Any) -> Account:
    """Return an active trainee's account with an address of its own."""
    address = email or f"person{next(_numbers)}@example.org"
    said: dict[str, Any] = {
        "id": new_id(),
        "email": address,
        "email_key": canonical_email(address),
        "password_hash": "v1:none",
        "role": "trainee",
        "name": "Sam",
        "password_changed_at": START,
        "created_at": START,
        "updated_at": START,
    }
    return Account(**{**said, **more})


def a_session(account_id: UUID, **more: Any) -> Session:
    """Return a good session."""
    said: dict[str, Any] = {
        "id": new_id(),
        "account_id": account_id,
        "created_at": START,
        "last_seen_at": START,
        "expires_at": START + timedelta(days=30),
    }
    return Session(**{**said, **more})


def a_coach(account_id: UUID, **more: Any) -> Coach:
    """Return a coach with ten seats who accepts."""
    said: dict[str, Any] = {"id": new_id(), "account_id": account_id, "created_at": START, "updated_at": START}
    return Coach(**{**said, **more})


def a_trainee(account_id: UUID, **more: Any) -> Trainee:
    """Return a trainee who has said nothing yet."""
    said: dict[str, Any] = {"id": new_id(), "account_id": account_id, "created_at": START, "updated_at": START}
    return Trainee(**{**said, **more})


def a_request(trainee_id: UUID, coach_id: UUID, **more: Any) -> Match:
    """Return an open request that expires in 72 hours."""
    said: dict[str, Any] = {
        "id": new_id(),
        "trainee_id": trainee_id,
        "coach_id": coach_id,
        "expires_at": START + timedelta(hours=72),
        "remind_at": START + timedelta(hours=48),
        "created_at": START,
        "updated_at": START,
    }
    return Match(**{**said, **more})
