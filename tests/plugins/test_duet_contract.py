"""``duet`` keeps every promise of the port: untrained, and after it has learned."""

from __future__ import annotations

from functools import cache
from typing import Any

import attrs
import pytest

from coachhub_core.ports.matcher import Matcher, MatcherOffer
from coachhub_core.testing.cases import a_case, history
from coachhub_core.testing.matcher import MatcherContract
from coachhub_scipy import coachhub_matchers


class TestDuet(MatcherContract):
    """The shipped prior, as a new installation has it."""

    @pytest.fixture
    def offer(self) -> MatcherOffer:
        return coachhub_matchers()["duet"]


@cache
def _learned() -> Matcher:
    offer = coachhub_matchers()["duet"]
    case = a_case("history")
    coaches, trainees = case.coaches.select(offer.needs), case.trainees.select(offer.needs)
    return offer.make().fit(history(case, loved=3), coaches, trainees, seed=1)


class TestDuetWithAHistory(MatcherContract):
    """What was learned on one hub, asked on another."""

    @pytest.fixture
    def offer(self) -> MatcherOffer:
        made: Any = coachhub_matchers()["duet"]
        # "text" is a promise of the prior: what a log of other words taught outweighs one rare word
        return attrs.evolve(made, make=_learned, promises=made.promises - {"learns", "text"})
