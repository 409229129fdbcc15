"""A matcher that promises everything and keeps it: what every mutant is one change away from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import attrs
import numpy as np

from coachhub_core.domain.vocabulary import tags_in, words
from coachhub_core.errors import ArtefactError
from coachhub_core.matching.logistic import sigmoid
from coachhub_core.ports.matcher import CAPABILITIES, NEVER, MatcherOffer, Ranking, Reason

NEEDS = frozenset({"goal", "specialties", "bio", "years"})


_tags_in, _words = cache(tags_in), cache(words)  # the same few goals and texts, for every mutant


@attrs.frozen(eq=False)
class Asked:
    """One question to an index: what a mutation may look at."""

    index: Any
    trainees: Any
    k: int
    allowed: Any
    deadline: Any


Parts = dict[str, Any]  # reason code -> points per coach


class Reference:
    """Learns by counting who was asked; see :class:`ReferenceIndex` for how it ranks."""

    def __init__(self, lift: Mapping[str, float] | None = None, base: float = 0.2) -> None:
        self.lift = dict(lift or {})
        self.base = base

    def fit(
        self, log: Any, coaches: Any, trainees: Any, *, prior: Any = None, seed: int = 0, deadline: Any = NEVER
    ) -> Any:
        lift: dict[str, float] = dict.fromkeys(coaches.ids, 0.0)
        for coach, event in zip(log.coach, log.event, strict=True):
            if coach in lift and event in ("contacted", "accepted"):
                lift[coach] += 0.25
        return type(self)(lift, self.base)

    def save(self, out: Any) -> None:
        out.put_json("ids", sorted(self.lift))
        out.put_array("lift", np.array([self.lift[id_] for id_ in sorted(self.lift)], np.float64))
        out.put_array("base", np.array([self.base]))

    def load(self, source: Any) -> Any:
        ids, lift, base = source.json("ids"), source.array("lift"), source.array("base")
        if len(ids) != len(lift) or base.shape != (1,):
            raise ArtefactError(reason="these are not the counts of the reference")
        return type(self)(dict(zip(ids, lift.tolist(), strict=True)), float(base[0]))

    def index(self, coaches: Any, *, prices: Any = None) -> Any:
        return ReferenceIndex(self, coaches, prices)


class ReferenceIndex:
    """P(wants) x P(accepts), each a sum of points; exact, by brute force."""

    def __init__(self, matcher: Any, coaches: Any, prices: Any = None) -> None:
        self.matcher = matcher
        self.coaches = coaches
        self.prices = None if prices is None else np.array(prices, np.float64)
        self.order = coaches.id_order
        self.tags = [set(tags or ()) for tags in coaches.values("specialties")]
        self.words = [{w for text in texts or () for w in _words(text)} for texts in coaches.values("bio")]
        years = np.nan_to_num(coaches.number("years")).astype(np.float64)
        self.lift = np.array([matcher.lift.get(id_, 0.0) for id_ in coaches.ids], np.float64)
        self.ease = 0.3 - 0.01 * np.minimum(years, 30.0)

    def parts(self, trainee: Any) -> tuple[Parts, Parts, list[set[str]]]:
        n = len(self.coaches)
        goals = trainee.texts("goal")
        wishes = {tag for goal in goals for tag in _tags_in(goal)}
        said = {word for goal in goals for word in _words(goal)}
        met = [said & theirs for theirs in self.words]
        wants = {
            "wants.base": np.full(n, self.matcher.base),
            "wants.tags": np.array([0.7 * len(wishes & tags) for tags in self.tags], np.float64),
            "wants.words": np.array([0.15 * len(found) for found in met], np.float64),
            "wants.record": self.lift,
        }
        return wants, {"accepts.base": np.full(n, 0.4), "accepts.ease": self.ease}, met

    def steps(self, trainee: Any) -> tuple[Any, Any]:
        wants, accepts, _ = self.parts(trainee)
        sums = [sum(parts.values(), np.zeros(len(self.coaches))) for parts in (wants, accepts)]
        chances = [np.array([sigmoid(x) for x in total.tolist()], np.float64) for total in sums]
        return chances[0], chances[1]

    def every(self, trainee: Any) -> Any:
        wants, accepts = self.steps(trainee)
        return wants * accepts if self.prices is None else wants * accepts - self.prices

    def rank(self, trainees: Any, k: int, allowed: Any, *, deadline: Any) -> Any:
        deadline.check()
        ranking = Ranking.empty(len(trainees), k)
        for i, trainee in enumerate(trainees.rows()):
            deadline.check()
            scores = self.every(trainee)
            rows = self.rows(allowed, i)
            best = rows[np.lexsort((self.order[rows], -scores[rows]))][:k]
            ranking.rows[i, : len(best)] = best
            ranking.scores[i, : len(best)] = scores[best]
        return ranking

    def rows(self, allowed: Any, i: int) -> Any:
        return allowed.rows(i)

    def _each(self, trainees: Any, rows: Any, give: Callable[[Any], Any], nobody: float) -> Any:
        made = np.full(rows.shape, nobody, np.float64)
        for i, trainee in enumerate(trainees.rows()):
            known = rows[i] >= 0
            made[i, known] = give(trainee)[rows[i, known]]
        return made

    def score(self, trainees: Any, rows: Any) -> Any:
        return self._each(trainees, rows, self.every, -np.inf)

    def probabilities(self, trainees: Any, rows: Any) -> Any:
        return {
            "wants": self._each(trainees, rows, lambda trainee: self.steps(trainee)[0], 0.0),
            "accepts": self._each(trainees, rows, lambda trainee: self.steps(trainee)[1], 0.0),
        }

    def explain(self, trainees: Any, rows: Any) -> Any:
        explained = []
        for trainee, mine in zip(trainees.rows(), rows.tolist(), strict=True):
            wants, accepts, met = self.parts(trainee)
            parts = {**wants, **accepts}
            explained.append([() if row < 0 else self._reasons(parts, met, row) for row in mine])
        return explained

    def _reasons(self, parts: Parts, met: list[set[str]], row: int) -> tuple[Reason, ...]:
        facts = {"wants.words": {"words": sorted(met[row])}, "wants.tags": {"tags": sorted(self.tags[row])}}
        return tuple(Reason(code, float(points[row]), facts.get(code, {})) for code, points in parts.items())


def an_offer(make: Callable[[], Any] = Reference, **how: Any) -> MatcherOffer:
    """Offer it, or a mutant of it, with every promise there is."""
    said: dict[str, Any] = {"version": "1", "needs": NEEDS, "promises": CAPABILITIES, **how}
    return MatcherOffer(make=make, **said)
