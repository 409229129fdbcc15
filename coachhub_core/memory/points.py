"""
The points of the matcher ``plain``: a snapshot of coaches, read once, and what each fact about a pair is worth.

The sum of the points is the logit of the score, so a reason says exactly how
much it moved it.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.domain.function_words import FUNCTION_WORDS
from coachhub_core.domain.vocabulary import Vocabulary, fold, singular, words
from coachhub_core.matching.constraints import language_of
from coachhub_core.matching.logistic import sigmoid
from coachhub_core.matching.schema import hubs_own
from coachhub_core.matching.tables import CoachTable, TraineeRow, TraineeTable
from coachhub_core.ports.matcher import AllowedPairs, Deadline, Ranking, Reason

_ROWS_PER_LOOK = 500  # between two looks at the deadline: about 5 ms
_SILENT = FUNCTION_WORDS.union(
    words(
        "day days give help keep make month months need new next time train training trainer coach way week weeks year "
        "years"
    )
)  # words that say nothing about what somebody wants


@attrs.frozen(kw_only=True)
class Weights:
    """How many points each fact is worth, on the scale of the score's logit."""

    base: float = -1.0
    tags: float = 2.4  #: all wishes answered; in proportion below that
    tags_against: float = -0.9
    word: float = 0.4  #: for a word nobody else uses; nothing for one that all use
    words_most: float = 1.2
    price: float = 0.6  #: for free; half of it at exactly the budget
    over_budget: float = -3.0  #: for twice the budget
    hours: float = 0.6  #: from three shared hours on
    hours_against: float = -0.8
    language: float = 0.3
    language_against: float = -1.5
    modality: float = 0.3
    modality_against: float = -0.8
    city: float = 0.5
    city_against: float = -0.8  #: only for those who want to meet in person and nothing else
    level: float = 0.4
    level_against: float = -0.4
    rating: float = 0.6  #: per star above the mean of all
    rating_prior: float = 5.0  #: reviews of the mean that every coach starts with
    seats: float = 0.3  #: when all seats are free; in proportion below that


# ── one trainee, read once ──────────────────────────────────────────────────


@attrs.frozen(eq=False)
class _Asked:
    """What one trainee wants, and which coaches answer it."""

    tags: dict[str, str]  # tag -> the words it was found by
    tag_points: dict[int, float]
    word_points: dict[int, float]
    words: dict[str, str]  # stem -> the word as written, folded
    budget: float | None
    currency: str | None
    hours: int
    languages: frozenset[str]
    modalities: frozenset[str]
    city: str | None
    level: str | None


class PlainIndex:
    """The coaches of one snapshot as lists and inverted lists."""

    def __init__(
        self, coaches: CoachTable, weights: Weights, vocabulary: Vocabulary, prices: NDArray[np.float64] | None
    ) -> None:
        coaches = hubs_own(coaches)
        self._weights = weights
        self._vocabulary = vocabulary
        self._n = len(coaches)
        self._order = coaches.id_order.tolist()
        self._demand: list[float] | None = None if prices is None else [float(price) for price in prices]
        self._tags = [value or () for value in coaches.values("specialties")]
        self._price = coaches.values("price")
        self._currency = coaches.values("currency")
        self._hours = [value or 0 for value in coaches.values("hours")]
        self._languages = [frozenset(map(language_of, value or ())) for value in coaches.values("languages")]
        self._modalities = [_serves(value or ()) for value in coaches.values("modalities")]
        self._city = coaches.values("city")
        self._city_key = [None if city is None else fold(city).strip() for city in self._city]
        self._levels = [value or () for value in coaches.values("levels")]
        self._rating_sum = [value or 0.0 for value in coaches.values("rating_sum")]
        self._n_reviews = [value or 0.0 for value in coaches.values("n_reviews")]
        self._seats = coaches.values("seats_left")
        self._capacity = coaches.values("capacity")
        reviews = math.fsum(self._n_reviews)
        self._mean = math.fsum(self._rating_sum) / reviews if reviews else 0.0
        self._own = [tuple(self._of_the_coach(row)) for row in range(self._n)]
        self._rows_of_tag: dict[str, list[int]] = {}
        for row, tags in enumerate(self._tags):
            for tag in tags:
                self._rows_of_tag.setdefault(tag, []).append(row)
        self._rows_of_word = self._read(coaches)

    def _read(self, coaches: CoachTable) -> dict[str, list[int]]:
        bios, certifications = coaches.values("bio"), coaches.values("certifications")
        rows_of: dict[str, list[int]] = {}
        for row in range(self._n):
            labels = (self._vocabulary.label(tag) for tag in self._tags[row])
            text = " \n ".join([*labels, *(certifications[row] or ()), *(bios[row] or ())])
            for stem in {singular(word) for word in words(text)}:
                rows_of.setdefault(stem, []).append(row)
        return rows_of

    def _of_the_coach(self, row: int) -> Iterator[tuple[str, float]]:
        w, n = self._weights, self._n_reviews[row]
        if n:
            shrunken = (w.rating_prior * self._mean + self._rating_sum[row]) / (w.rating_prior + n)
            yield "fits.rating", w.rating * (shrunken - self._mean)
        seats, capacity = self._seats[row], self._capacity[row]
        if seats is not None and capacity:
            yield "fits.seats", w.seats * min(max(seats / capacity, 0.0), 1.0)

    # ── asking ──

    def rank(self, trainees: TraineeTable, k: int, allowed: AllowedPairs, *, deadline: Deadline) -> Ranking:
        """Score every allowed coach and keep the best *k*; see the port."""
        ranking = Ranking.empty(len(trainees), k)
        for i, trainee in enumerate(trainees.rows()):
            deadline.check()
            asked = self._ask(trainee)
            scored: list[tuple[float, int, int]] = []
            for n, row in enumerate(allowed.rows(i).tolist(), 1):
                scored.append((-self._score(asked, row), self._order[row], row))
                if n % _ROWS_PER_LOOK == 0:
                    deadline.check()
            for place, (negative, _, row) in enumerate(heapq.nsmallest(k, scored)):
                ranking.rows[i, place] = row
                ranking.scores[i, place] = -negative
        return ranking

    def score(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> NDArray[np.float64]:
        """Score these coaches as :meth:`rank` does."""
        scores = np.full(rows.shape, -np.inf, np.float64)
        for i, (trainee, wanted) in enumerate(zip(trainees.rows(), rows.tolist(), strict=True)):
            asked = self._ask(trainee)
            for place, row in enumerate(wanted):
                if row >= 0:
                    scores[i, place] = self._score(asked, row)
        return scores

    def probabilities(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> Mapping[str, NDArray[np.float64]]:
        """Know nothing of single steps: points are no probability of a yes."""
        return {}

    def explain(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> list[list[tuple[Reason, ...]]]:
        """Give every fact that moved the score, the strongest first, the base last."""
        explained = []
        for trainee, wanted in zip(trainees.rows(), rows.tolist(), strict=True):
            asked = self._ask(trainee)
            explained.append([self._reasons(asked, row) if row >= 0 else () for row in wanted])
        return explained

    # ── the points ──

    def _ask(self, trainee: TraineeRow) -> _Asked:
        found: dict[str, str] = {}
        for text in trainee.texts("goal"):
            for tag, said in self._vocabulary.found_in(text).items():
                found.setdefault(tag, said)
        for kind in trainee.texts("goal_kinds"):
            entry = self._vocabulary.entry(kind, "goal")
            for tag in entry.tags if entry else ():
                found.setdefault(tag, fold(kind))
        for tag in trainee.texts("specialties"):
            found.setdefault(tag, fold(tag))
        said_words: dict[str, str] = {}
        for text in trainee.texts("goal"):
            for word in words(text):
                if word not in _SILENT and len(word) > 1:
                    said_words.setdefault(singular(word), word)
        city = trainee.text("city")
        return _Asked(
            tags=found,
            tag_points=self._points_of_tags(found),
            word_points=self._points_of_words(said_words),
            words=said_words,
            budget=trainee.number("budget"),
            currency=trainee.text("currency"),
            hours=trainee.hours("hours"),
            languages=frozenset(map(language_of, trainee.texts("languages"))),
            modalities=frozenset(trainee.texts("modalities")),
            city=None if city is None else fold(city).strip(),
            level=trainee.text("fitness_level"),
        )

    def _near(self, tag: str) -> dict[str, float]:
        return self._vocabulary.related(tag) or {tag: 1.0}  # a tag of no vocabulary is still itself

    def _points_of_tags(self, wanted: Mapping[str, str]) -> dict[int, float]:
        answered: dict[int, float] = {}
        for tag in sorted(wanted):  # a fixed order of adding: the same bits whatever the order they were said in
            best: dict[int, float] = {}
            for near, share in self._near(tag).items():
                for row in self._rows_of_tag.get(near, ()):
                    best[row] = max(best.get(row, 0.0), share)
            for row, share in best.items():
                answered[row] = answered.get(row, 0.0) + share
        return {row: self._weights.tags * (share / len(wanted)) for row, share in answered.items()}

    def _points_of_words(self, said: Mapping[str, str]) -> dict[int, float]:
        points: dict[int, float] = {}
        for stem in sorted(said):
            rows = self._rows_of_word.get(stem, ())
            worth = self._weights.word * (1 - len(rows) / max(self._n, 1))
            for row in rows:
                points[row] = points.get(row, 0.0) + worth
        return {row: min(total, self._weights.words_most) for row, total in points.items()}

    def _score(self, asked: _Asked, row: int) -> float:
        total = self._weights.base
        for _, points in self._parts(asked, row):
            total += points
        score = sigmoid(total)
        return score if self._demand is None else score - self._demand[row]

    def _parts(self, asked: _Asked, row: int) -> list[tuple[str, float]]:
        w = self._weights
        parts: list[tuple[str, float]] = []
        if asked.tags:
            points = asked.tag_points.get(row)
            if points is not None:
                parts.append(("fits.tags", points))
            elif self._tags[row]:
                parts.append(("fits.tags", w.tags_against))
        points = asked.word_points.get(row)
        if points:
            parts.append(("fits.words", points))
        over = self._over_budget(asked, row)
        if over is not None:
            parts.append(("fits.price", w.over_budget * min(over, 1.0) if over > 0 else w.price * (1 - over) / 2))
        if asked.hours and self._hours[row]:
            shared = (asked.hours & self._hours[row]).bit_count()
            enough = min(3, asked.hours.bit_count())
            parts.append(("fits.hours", w.hours * min(shared / enough, 1.0) if shared else w.hours_against))
        if asked.languages and self._languages[row]:
            met = not asked.languages.isdisjoint(self._languages[row])
            parts.append(("fits.language", w.language if met else w.language_against))
        if asked.modalities and self._modalities[row]:
            met = not asked.modalities.isdisjoint(self._modalities[row])
            parts.append(("fits.modality", w.modality if met else w.modality_against))
        if asked.city is not None and self._city_key[row] is not None:
            if asked.city == self._city_key[row]:
                parts.append(("fits.city", w.city))
            elif asked.modalities == {"in_person"}:
                parts.append(("fits.city", w.city_against))
        if asked.level is not None and self._levels[row]:
            parts.append(("fits.level", w.level if asked.level in self._levels[row] else w.level_against))
        parts.extend(self._own[row])
        return parts

    def _over_budget(self, asked: _Asked, row: int) -> float | None:
        """Give the part of the budget the price is above it, negative below; None where the two cannot be compared."""
        price, currency = self._price[row], self._currency[row]
        if asked.budget is None or price is None or (asked.currency and currency and asked.currency != currency):
            return None
        if asked.budget <= 0:
            return 0.0 if price <= 0 else 1.0
        return float((price - asked.budget) / asked.budget)

    # ── the reasons ──

    def _reasons(self, asked: _Asked, row: int) -> tuple[Reason, ...]:
        parts = sorted(self._parts(asked, row), key=lambda part: -abs(part[1]))
        reasons = [Reason(code, points, self._evidence(code, asked, row)) for code, points in parts]
        reasons.append(Reason("fits.base", self._weights.base))
        if self._demand is not None and self._demand[row]:
            reasons.append(Reason("order.demand", -self._demand[row]))
        return tuple(reasons)

    def _evidence(self, code: str, asked: _Asked, row: int) -> dict[str, Any]:
        if code == "fits.tags":
            mine = self._tags[row]
            met = {tag: [t for t in mine if t in self._near(tag)] for tag in sorted(asked.tags)}
            if not any(met.values()):
                return {"asked": sorted(asked.tags), "offers": list(mine)}
            return {
                "tags": sorted({tag for tags in met.values() for tag in tags}),
                "words": sorted({asked.tags[tag] for tag, tags in met.items() if tags}),
                "unanswered": [tag for tag, tags in met.items() if not tags],
            }
        if code == "fits.words":
            return {"words": sorted(word for stem, word in asked.words.items() if self._uses(stem, row))}
        if code == "fits.price":
            over = self._over_budget(asked, row) or 0.0
            money = {"price": round(self._price[row], 2), "budget": round(asked.budget or 0.0, 2)}
            if self._currency[row] is not None:
                money["currency"] = self._currency[row]
            return {**money, "over_percent": round(100 * over, 1)} if over > 0 else money
        if code == "fits.hours":
            shared = asked.hours & self._hours[row]
            return {"n_shared": shared.bit_count(), "hours": [h for h in range(168) if shared >> h & 1][:24]}
        if code == "fits.language":
            met_ = sorted(asked.languages & self._languages[row])
            return {"languages": met_} if met_ else {"speaks": sorted(self._languages[row])}
        if code == "fits.modality":
            met_ = sorted(asked.modalities & self._modalities[row])
            return {"modalities": met_} if met_ else {"offers": sorted(self._modalities[row])}
        if code == "fits.city":
            return {"city": self._city[row]}
        if code == "fits.level":
            return {"level": asked.level, "for": list(self._levels[row])}
        if code == "fits.rating":
            n = self._n_reviews[row]
            return {"rating": round(self._rating_sum[row] / n, 2), "n_reviews": int(n), "mean": round(self._mean, 2)}
        return {"seats_left": int(self._seats[row]), "capacity": int(self._capacity[row])}

    def _uses(self, stem: str, row: int) -> bool:
        """Tell whether this word of the coach's was worth something."""
        rows = self._rows_of_word.get(stem, [])  # ascending, as they were read
        at = bisect_left(rows, row)
        return at < len(rows) < self._n and rows[at] == row  # a word that all use is worth nothing, and shows nothing


def _serves(modalities: tuple[str, ...]) -> frozenset[str]:
    ways = set(modalities)
    if "hybrid" in ways:
        ways |= {"online", "in_person"}
    elif {"online", "in_person"} <= ways:
        ways.add("hybrid")
    return frozenset(ways)
