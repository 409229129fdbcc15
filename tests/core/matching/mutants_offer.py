"""Mutants that are late, or offer what they do not keep; and those that are made by numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mutants import Asked, Change, Mutants, copied, fail, ranking, with_index
from reference import NEEDS, Reference, ReferenceIndex, an_offer

from coachhub_core.domain.vocabulary import words
from coachhub_core.errors import ArtefactError
from coachhub_core.matching.pairs import AllowedPairs
from coachhub_core.ports.matcher import NEVER, MatcherOffer, Ranking


class Impatient(ReferenceIndex):
    """Never looks at its deadline."""

    def rank(self, trainees: Any, k: int, allowed: Any, *, deadline: Any) -> Any:
        return super().rank(trainees, k, allowed, deadline=NEVER)


class HalfDone(ReferenceIndex):
    """Gives what it has when time is over."""

    def rank(self, trainees: Any, k: int, allowed: Any, *, deadline: Any) -> Any:
        if deadline.is_over():
            return Ranking.empty(len(trainees), k)
        return super().rank(trainees, k, allowed, deadline=deadline)


class ForOne(ReferenceIndex):
    """Looks at its deadline between two trainees only."""

    def rank(self, trainees: Any, k: int, allowed: Any, *, deadline: Any) -> Any:
        if len(trainees) > 1:
            deadline.check()
        return super().rank(trainees, k, allowed, deadline=NEVER)


def _late(error: type[BaseException]) -> type[Reference]:
    class Late(ReferenceIndex):
        def rank(self, trainees: Any, k: int, allowed: Any, *, deadline: Any) -> Any:
            if deadline.is_over():
                raise error
            return super().rank(trainees, k, allowed, deadline=NEVER)

    return with_index(Late)


class Greedy(ReferenceIndex):
    """Looks at those only who use a word of the trainee's, and says that it is exact."""

    def rank(self, trainees: Any, k: int, allowed: Any, *, deadline: Any) -> Any:
        n = len(self.coaches)
        masks = []
        for i, trainee in enumerate(trainees.rows()):
            said = {word for goal in trainee.texts("goal") for word in words(goal)}
            found = sum(1 << row for row in range(n) if said & self.words[row])
            masks.append(allowed.mask(i) & found)
        return super().rank(trainees, k, AllowedPairs.each(masks, n), deadline=deadline)


class Illiterate(Reference):
    """Promises to read text, and does not."""

    def index(self, coaches: Any, *, prices: Any = None) -> Any:
        made = ReferenceIndex(self, coaches, prices)
        made.words = [set() for _ in made.words]
        return made


def _shy(old: str) -> type[Reference]:
    """Never rank whom the log does not know."""

    class Index(ReferenceIndex):
        def every(self, trainee: Any) -> Any:
            scores = super().every(trainee)
            known = self.matcher.lift
            if old == "coach" and known:
                scores = np.where([id_ in known for id_ in self.coaches.ids], scores, -np.inf)
            if old == "trainee" and known and trainee.id >= "trainee-006":
                scores = np.full(len(scores), -np.inf)
            return scores

    return with_index(Index)


def time_and_offer() -> Mutants:
    """Break deadlines and promises."""
    yield "no deadline", with_index(Impatient)
    yield "half done in time", with_index(HalfDone)
    yield "no deadline for one", with_index(ForOne)
    for error in (TimeoutError, InterruptedError, ValueError, ArtefactError):
        yield f"{error.__name__} at the deadline", _late(error)
    yield "not exact", with_index(Greedy)
    yield "cannot read", Illiterate
    yield "no new coaches", _shy("coach")
    yield "no new trainees", _shy("trainee")
    offers: dict[str, Callable[[], MatcherOffer]] = {
        "another api": lambda: an_offer(api=2),
        "an unknown promise": lambda: an_offer(promises={"exact", "magic"}),
        "no version": lambda: an_offer(version=""),
        "no columns": lambda: an_offer(needs=()),
        "a column forgotten": lambda: an_offer(needs=NEEDS - {"years"}),
        "made by nobody": lambda: an_offer(lambda: None),
        "made by what fails": lambda: an_offer(lambda: fail(ImportError("no such engine"))),
    }
    for what, make in offers.items():
        yield f"offer: {what}", make()


def _without_last(asked: Asked, right: Any) -> Any:
    rows, scores = copied(right)
    for i in range(len(rows)):
        known = int((rows[i] >= 0).sum())
        if known:
            rows[i, known - 1], scores[i, known - 1] = -1, -np.inf
    return Ranking(rows, scores)


def _at_most(most: int) -> Change:
    def change(asked: Asked, right: Any) -> Any:
        rows, scores = copied(right)
        rows[:, most:], scores[:, most:] = -1, -np.inf
        return Ranking(rows, scores)

    return change


def lengths() -> Mutants:
    """Give lists that are too short, of themselves consistent."""
    yield "one too few", ranking(_without_last)
    for most in (0, 1, 5, 9, 10, 15):
        yield f"at most {most}", ranking(_at_most(most))
