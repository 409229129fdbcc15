"""CoachHub: the library. Everything a program needs to embed it is named here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coachhub_core.bootstrap import CoachHub, bootstrap
from coachhub_core.clock import ManualClock
from coachhub_core.config import Settings
from coachhub_core.domain.accounts import Actor
from coachhub_core.hookspecs import hookimpl, hookspec
from coachhub_core.version import __version__

if TYPE_CHECKING:
    from coachhub_core.matching.certifying import certify
    from coachhub_core.matching.coach_matcher import CoachMatcher
    from coachhub_core.matching.placing import place

__all__ = [
    "Actor",
    "CoachHub",
    "CoachMatcher",
    "ManualClock",
    "Settings",
    "__version__",
    "bootstrap",
    "certify",
    "hookimpl",
    "hookspec",
    "place",
]

_OF_MATCHING = ("CoachMatcher", "certify", "place")  # they bring numpy, which only matching needs


def __getattr__(name: str) -> Any:
    if name in _OF_MATCHING:
        from coachhub_core import matching

        return getattr(matching, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
