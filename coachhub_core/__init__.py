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
    from coachhub_core.matching.coach_matcher import CoachMatcher

__all__ = [
    "Actor",
    "CoachHub",
    "CoachMatcher",
    "ManualClock",
    "Settings",
    "__version__",
    "bootstrap",
    "hookimpl",
    "hookspec",
]


def __getattr__(name: str) -> Any:
    if name == "CoachMatcher":  # brings numpy, which only matching needs
        from coachhub_core.matching.coach_matcher import CoachMatcher

        return CoachMatcher
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
