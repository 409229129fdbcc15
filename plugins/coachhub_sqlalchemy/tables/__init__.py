"""Every table, a module per room; ``metadata`` knows them all once this package is imported."""

from coachhub_sqlalchemy.tables import (
    accounts,
    chat,
    coaches,
    matches,
    notifications,
    own_data,
    reviews,
    suggestions,
    trainees,
)
from coachhub_sqlalchemy.tables.base import metadata

__all__ = [
    "accounts",
    "chat",
    "coaches",
    "matches",
    "metadata",
    "notifications",
    "own_data",
    "reviews",
    "suggestions",
    "trainees",
]
