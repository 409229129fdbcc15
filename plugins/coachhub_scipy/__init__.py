"""The learned matcher ``duet`` and the cohort assigners: numpy to serve, scipy to train and to place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from coachhub_core.errors import PluginError
from coachhub_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from coachhub_core.ports.matcher import Assigner, AssignerOffer, Matcher, MatcherOffer


def _duet() -> Matcher:
    from importlib.util import find_spec

    if find_spec("scipy") is None:  # looked for and not loaded: serving does without it, training does not
        raise PluginError(
            reason="the matcher duet learns with scipy: install coachhub[matching], or set matcher = plain"
        )
    from coachhub_scipy.duet import DuetMatcher

    return DuetMatcher()


@hookimpl
def coachhub_matchers() -> Mapping[str, MatcherOffer]:
    """Offer ``duet``, which learns from what became of suggestions."""
    from coachhub_core.ports.matcher import CAPABILITIES, MatcherOffer  # numpy loads here, and here only

    return {"duet": MatcherOffer(make=_duet, version="1", needs=frozenset({"*"}), promises=CAPABILITIES)}


@hookimpl
def coachhub_reason_texts(locale: str) -> Mapping[str, str]:
    """Offer the English sentences of duet's reasons."""
    if locale != "en":
        return {}
    from coachhub_scipy.sentences import ENGLISH

    return ENGLISH


def _assigner() -> Assigner:
    from importlib.util import find_spec

    if find_spec("scipy") is None:  # looked for and not loaded: two of the modes do without it
        raise PluginError(reason="the assigner duet needs scipy: install coachhub[matching], or set assigner = plain")
    from coachhub_scipy.assigner import CohortAssigner

    return CohortAssigner()


@hookimpl
def coachhub_assigners() -> Mapping[str, AssignerOffer]:
    """Offer ``duet``, which places a cohort in four modes, each with a certificate."""
    from coachhub_core.ports.matcher import AssignerOffer  # numpy loads here, and here only

    modes = frozenset({"stable", "welfare", "worst_first", "exact"})
    return {"duet": AssignerOffer(make=_assigner, version="1", modes=modes)}
