"""Every table, a module per room; ``metadata`` knows them all once this package is imported."""

from coachhub_sqlalchemy.tables import (
    accounts,
    chat,
    coaches,
    cohorts,
    demand,
    matches,
    notifications,
    own_data,
    plans,
    reviews,
    shadows,
    suggestions,
    trainees,
    workouts,
)
from coachhub_sqlalchemy.tables.base import metadata

__all__ = [
    "accounts",
    "chat",
    "coaches",
    "cohorts",
    "demand",
    "matches",
    "metadata",
    "notifications",
    "own_data",
    "plans",
    "reviews",
    "shadows",
    "suggestions",
    "trainees",
    "workouts",
]
