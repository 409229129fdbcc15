"""
The port *storage*: one unit of work, one repository per aggregate.

``add`` and ``save`` write, ``get`` raises ``NotFound``, ``find`` may return
None, ``lock`` reads and holds. Nothing of the storage's library leaves it.
"""

from coachhub_core.ports.storage.accounts import SessionWithAccount
from coachhub_core.ports.storage.chat import ConversationListing
from coachhub_core.ports.storage.coaches import CoachFilter, CoachRecord
from coachhub_core.ports.storage.cohorts import PlacementContext
from coachhub_core.ports.storage.matches import MatchContext
from coachhub_core.ports.storage.plans import ExerciseFilter
from coachhub_core.ports.storage.trainees import TraineeRecord
from coachhub_core.ports.storage.unit import (
    Answered,
    CheckReport,
    DeadLetter,
    Duplicate,
    Keyset,
    Slice,
    Storage,
    StoredEvent,
    UnitOfWork,
)
from coachhub_core.ports.storage.workouts import WorkoutStamp

__all__ = [
    "Answered",
    "CheckReport",
    "CoachFilter",
    "CoachRecord",
    "ConversationListing",
    "DeadLetter",
    "Duplicate",
    "ExerciseFilter",
    "Keyset",
    "MatchContext",
    "PlacementContext",
    "SessionWithAccount",
    "Slice",
    "Storage",
    "StoredEvent",
    "TraineeRecord",
    "UnitOfWork",
    "WorkoutStamp",
]
