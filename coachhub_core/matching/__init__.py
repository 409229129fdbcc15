"""
The matcher's room: tables in, ranked suggestions out, without a hub.

Everything here is named below and loaded when it is first used, so that a
program that never matches never loads numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coachhub_core.matching.certifying import Certificate, certify
    from coachhub_core.matching.coach_matcher import CoachMatcher
    from coachhub_core.matching.conflicting import Conflict, conflicts
    from coachhub_core.matching.constraints import Filters
    from coachhub_core.matching.counterfactuals import Counterfactual, Counterfactuals
    from coachhub_core.matching.placing import place
    from coachhub_core.matching.scores import matcher_from_scores
    from coachhub_core.matching.suggestions import Suggestion, SuggestionSet
    from coachhub_core.matching.tables import (
        Category,
        CoachRow,
        CoachTable,
        Hours,
        Labels,
        Number,
        Texts,
        TraineeRow,
        TraineeTable,
        Vector,
    )
    from coachhub_core.ports.matcher import AllowedPairs, OutcomeLog, Reason

__all__ = [
    "AllowedPairs",
    "Category",
    "Certificate",
    "CoachMatcher",
    "CoachRow",
    "CoachTable",
    "Conflict",
    "Counterfactual",
    "Counterfactuals",
    "Filters",
    "Hours",
    "Labels",
    "Number",
    "OutcomeLog",
    "Reason",
    "Suggestion",
    "SuggestionSet",
    "Texts",
    "TraineeRow",
    "TraineeTable",
    "Vector",
    "certify",
    "conflicts",
    "matcher_from_scores",
    "place",
]

_HOME = {
    **dict.fromkeys(("AllowedPairs", "OutcomeLog", "Reason"), "coachhub_core.ports.matcher"),
    **dict.fromkeys(("Certificate", "certify"), "coachhub_core.matching.certifying"),
    "CoachMatcher": "coachhub_core.matching.coach_matcher",
    **dict.fromkeys(("Conflict", "conflicts"), "coachhub_core.matching.conflicting"),
    **dict.fromkeys(("Counterfactual", "Counterfactuals"), "coachhub_core.matching.counterfactuals"),
    "Filters": "coachhub_core.matching.constraints",
    "place": "coachhub_core.matching.placing",
    "matcher_from_scores": "coachhub_core.matching.scores",
    **dict.fromkeys(("Suggestion", "SuggestionSet"), "coachhub_core.matching.suggestions"),
}  # every other name lives in tables


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME.get(name, "coachhub_core.matching.tables")), name)
    globals()[name] = value  # so that this is asked once per name
    return value
