"""
Every refusal CoachHub makes, as one tree.

The core raises nothing else on purpose. Each class has a stable ``code`` that
callers may rely on (it is documented and never renamed), carries its facts as
data, and builds its sentence in ``__str__``. Which HTTP status or close code a
class becomes is the shells' business.

::

    CoachHubError
    ├── Refusal                     what a caller asked cannot be granted
    │   ├── BadRequest · Invalid (field by field) · TooLarge
    │   ├── Unauthorized · Forbidden · NotFound
    │   ├── Conflict                the state met does not allow it
    │   ├── VersionMismatch · IfMatchRequired
    │   ├── RateLimited
    │   ├── Unavailable             Contended · Unwritable · OutcomeUnknown
    │   └── Overloaded
    ├── MatcherError                raised by matchers, answered by the fallback
    ├── SettingsError · PluginError the start is refused
    └── BackupError                 a backup is damaged, or cannot be restored here
"""

from coachhub_core.errors.access import (
    BadCredentials,
    Forbidden,
    GrantMissing,
    NotFound,
    NotReceiver,
    TokenExpired,
    TokenReused,
    Unauthorized,
)
from coachhub_core.errors.base import (
    CoachHubError,
    Refusal,
)
from coachhub_core.errors.load import (
    Contended,
    IndexMissing,
    OutcomeUnknown,
    Overloaded,
    RateLimited,
    Unavailable,
    Unwritable,
)
from coachhub_core.errors.operator import (
    ArtefactError,
    BackupError,
    MatcherError,
    MatcherFault,
    MatcherTimeout,
    PluginError,
    SettingsError,
)
from coachhub_core.errors.request import (
    AvailabilityOverlap,
    BadRequest,
    CohortInfeasible,
    FieldError,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    IfMatchRequired,
    Invalid,
    PasswordWeak,
    ProfileIncomplete,
    TooLarge,
    VersionMismatch,
)
from coachhub_core.errors.state import (
    AccountIllegalTransition,
    ActiveMatch,
    AlreadyFulfilled,
    AlreadyLogged,
    AlreadyMatched,
    AlreadyReviewed,
    AssignmentIllegalTransition,
    AssignmentWindowOverlap,
    Busy,
    CapacityBelowActive,
    ClientIdConflict,
    CoachFull,
    CoachNotAccepting,
    CoachProfileExists,
    CohortIllegalTransition,
    CohortStale,
    Conflict,
    ConversationReadOnly,
    EmailTaken,
    ExerciseInUse,
    ExerciseSlugTaken,
    ExportRunning,
    GrantNoMatch,
    IllegalTransition,
    MatchExpired,
    MatchIllegalTransition,
    MatchNotActive,
    MatchSuperseded,
    OpenRequestExists,
    OverrideConflict,
    PlanIllegalTransition,
    PlanNothingToPublish,
    PlanPublished,
    PlanStaleParent,
    ReviewNotEnded,
    ReviewWindowClosed,
    ScheduledWorkoutIllegalTransition,
    TooManyOpenRequests,
    WorkoutIdReused,
)

__all__ = [
    "AccountIllegalTransition",
    "ActiveMatch",
    "AlreadyFulfilled",
    "AlreadyLogged",
    "AlreadyMatched",
    "AlreadyReviewed",
    "ArtefactError",
    "AssignmentIllegalTransition",
    "AssignmentWindowOverlap",
    "AvailabilityOverlap",
    "BackupError",
    "BadCredentials",
    "BadRequest",
    "Busy",
    "CapacityBelowActive",
    "ClientIdConflict",
    "CoachFull",
    "CoachHubError",
    "CoachNotAccepting",
    "CoachProfileExists",
    "CohortIllegalTransition",
    "CohortInfeasible",
    "CohortStale",
    "Conflict",
    "Contended",
    "ConversationReadOnly",
    "EmailTaken",
    "ExerciseInUse",
    "ExerciseSlugTaken",
    "ExportRunning",
    "FieldError",
    "Forbidden",
    "GrantMissing",
    "GrantNoMatch",
    "IdempotencyKeyRequired",
    "IdempotencyKeyReused",
    "IfMatchRequired",
    "IllegalTransition",
    "IndexMissing",
    "Invalid",
    "MatchExpired",
    "MatchIllegalTransition",
    "MatchNotActive",
    "MatchSuperseded",
    "MatcherError",
    "MatcherFault",
    "MatcherTimeout",
    "NotFound",
    "NotReceiver",
    "OpenRequestExists",
    "OutcomeUnknown",
    "Overloaded",
    "OverrideConflict",
    "PasswordWeak",
    "PlanIllegalTransition",
    "PlanNothingToPublish",
    "PlanPublished",
    "PlanStaleParent",
    "PluginError",
    "ProfileIncomplete",
    "RateLimited",
    "Refusal",
    "ReviewNotEnded",
    "ReviewWindowClosed",
    "ScheduledWorkoutIllegalTransition",
    "SettingsError",
    "TokenExpired",
    "TokenReused",
    "TooLarge",
    "TooManyOpenRequests",
    "Unauthorized",
    "Unavailable",
    "Unwritable",
    "VersionMismatch",
    "WorkoutIdReused",
]
