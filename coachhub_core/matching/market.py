"""
A synthetic market whose truth is known: what matchers are compared on.

Trainees and coaches have tastes, pickiness and appeal that nobody sees; their
columns show more or less of them. People arrive by week, are shown lists, look
at the first places more often, ask, are accepted or declined, and it goes well
or not. The true probability of every pair is kept beside the log, so that regret
and oracle are computable. Everything is drawn from a seed.

It comes in nine climates (:data:`CLIMATES`), because a matcher that is good in
one of them only was tuned and not made.

::

    market = make_market("little", n_trainees=300, n_coaches=60)
    past = market.log_until(20)              # what a matcher may learn from
    market.probability("mutual")             # (300, 60): the truth
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import Invalid
from coachhub_core.matching.outcomes import STEPS, OutcomeLog
from coachhub_core.matching.tables import (
    Category,
    CoachTable,
    Column,
    Hours,
    Labels,
    Number,
    Texts,
    TraineeTable,
    frozen_array,
)

WEEK = 7 * 24 * 3_600 * 1_000_000  #: in the log's microseconds
LIST_LENGTH = 10
_N_TASTES = 6
_N_TOPICS = 12
_FILLERS = (
    *("with", "and", "for", "my", "the", "week", "plan", "time", "good", "work", "start", "feel", "keep", "make"),
    *("day", "more", "often", "really", "small", "best", "next", "year", "long"),
)


@attrs.frozen(kw_only=True)
class Climate:
    """What differs from one market to another."""

    signal: float = 0.8  #: how much of the hidden tastes the columns show: 1 all, 0 nothing
    columns: frozenset[str] = frozenset({"labels", "numbers", "categories", "texts", "hours", "price"})
    is_two_sided: bool = True
    n_lists: int = 4  #: lists shown to each trainee
    star: float = 0.8  #: how much the appeal of coaches differs, on the logit's scale
    missing: float = 0.08  #: share of values nobody gave
    has_log: bool = True


CLIMATES: Mapping[str, Climate] = {
    "much": Climate(signal=0.95),
    "little": Climate(signal=0.5),
    "nothing": Climate(signal=0.0),
    "one_sided": Climate(signal=0.7, is_two_sided=False),
    "text_only": Climate(columns=frozenset({"texts"})),
    "sparse": Climate(signal=0.7, n_lists=1),
    "stars": Climate(signal=0.6, star=2.0),
    "missing": Climate(signal=0.8, missing=0.5, columns=frozenset({"labels", "numbers", "hours"})),
    "no_log": Climate(signal=0.9, has_log=False),
}  #: the nine climates by name


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    made: NDArray[np.float64] = 0.5 * (1.0 + np.tanh(0.5 * x))
    return made


@attrs.frozen(kw_only=True, eq=False, slots=False)
class Market:
    """Two tables, what happened between them, and the truth."""

    climate: str
    coaches: CoachTable
    trainees: TraineeTable
    log: OutcomeLog
    truth: Mapping[str, NDArray[np.float64]]  #: step -> (n_trainees, n_coaches)
    arrived: NDArray[np.int64]  #: week in which each trainee came
    joined: NDArray[np.int64]  #: week in which each coach came
    seats: NDArray[np.int64]  #: places each coach has
    n_weeks: int
    seed: int

    def probability(self, step: str) -> NDArray[np.float64]:
        """
        Give the true probability of every pair.

        Args:
            step: ``wants accepts goes_well``; ``mutual``: both say yes; ``success``: and it goes well.
        """
        steps = {"mutual": ("wants", "accepts"), "success": ("wants", "accepts", "goes_well")}.get(step, (step,))
        made = np.ones((len(self.trainees), len(self.coaches)))
        for one in steps:
            if one in self.truth:
                made = made * self.truth[one]
        return made

    def draw(self, step: str, seed: int = 0) -> NDArray[np.bool_]:
        """Draw who would say yes to whom, independent of what the log saw: (n_trainees, n_coaches)."""
        made: NDArray[np.bool_] = _generator(self.climate, self.seed, f"draw {seed}").random(
            (len(self.trainees), len(self.coaches))
        ) < self.probability(step)
        return made

    @cached_property
    def _weeks(self) -> NDArray[np.int64]:
        return self.log.at // WEEK

    def log_until(self, week: int) -> OutcomeLog:
        """Give what happened before *week*."""
        return self._part(np.flatnonzero(self._weeks < week))

    def log_from(self, week: int) -> OutcomeLog:
        """Give what happened in *week* and after."""
        return self._part(np.flatnonzero(self._weeks >= week))

    def _part(self, rows: NDArray[np.int64]) -> OutcomeLog:
        return take_events(self.log, rows)


def take_events(log: OutcomeLog, rows: NDArray[np.int64]) -> OutcomeLog:
    """Give the log of these events, in this order."""
    listed = rows.tolist()
    return OutcomeLog(
        at=frozen_array(log.at[rows], np.int64),
        trainee=tuple(log.trainee[i] for i in listed),
        coach=tuple(log.coach[i] for i in listed),
        event=tuple(log.event[i] for i in listed),
        value=frozen_array(log.value[rows], np.float32),
        position=frozen_array(log.position[rows], np.int32),
        shown_with=tuple(log.shown_with[i] for i in listed),
        steps=log.steps,
        propensity=frozen_array(log.propensity[rows], np.float32),
    )


def make_market(
    climate: str = "much", *, n_trainees: int = 300, n_coaches: int = 60, n_weeks: int = 26, seed: int = 0
) -> Market:
    """
    Draw a market.

    Args:
        climate: A name of :data:`CLIMATES`.
        n_weeks: Trainees arrive during all of them, a fifth of the coaches after the first.
    Raises:
        Invalid: If there is no such climate.
    """
    if climate not in CLIMATES:
        raise Invalid.at("/climate", f"there is no climate {climate!r}; known: {', '.join(CLIMATES)}")
    how = CLIMATES[climate]
    people = _People.draw(how, _generator(climate, seed, "people"), n_trainees, n_coaches, n_weeks)
    coaches, trainees = people.tables(how, _generator(climate, seed, "columns"))
    log = people.log(how, _generator(climate, seed, "log"), coaches.ids, trainees.ids, n_weeks)
    return Market(
        climate=climate,
        coaches=coaches,
        trainees=trainees,
        log=log,
        truth=people.truth(how),
        arrived=people.arrived,
        joined=people.joined,
        seats=people.seats,
        n_weeks=n_weeks,
        seed=seed,
    )


def _generator(climate: str, seed: int, what: str) -> np.random.Generator:
    digest = hashlib.sha256(f"coachhub.market.v1 {climate} {seed} {what}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


# ── who they are ────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True, eq=False)
class _People:
    """What nobody sees."""

    tastes: NDArray[np.float64]  # (n, 6), trainees
    styles: NDArray[np.float64]  # (m, 6), coaches
    easy: NDArray[np.float64]  # (n,), how readily a trainee wants anybody
    appeal: NDArray[np.float64]  # (m,), how much everybody wants a coach
    liked: NDArray[np.float64]  # (n,), how gladly coaches take a trainee
    ready: NDArray[np.float64]  # (m,), how readily a coach says yes
    budget: NDArray[np.float64]
    price: NDArray[np.float64]
    free: NDArray[np.bool_]  # (n, 168)
    open: NDArray[np.bool_]  # (m, 168)
    arrived: NDArray[np.int64]
    joined: NDArray[np.int64]
    seats: NDArray[np.int64]

    @classmethod
    def draw(cls, how: Climate, rng: np.random.Generator, n: int, m: int, n_weeks: int) -> _People:
        joined = np.where(rng.random(m) < 0.8, 0, rng.integers(1, max(n_weeks, 2), m))
        return cls(
            tastes=rng.normal(size=(n, _N_TASTES)),
            styles=rng.normal(size=(m, _N_TASTES)),
            easy=rng.normal(size=n),
            appeal=rng.normal(size=m),
            liked=rng.normal(size=n),
            ready=rng.normal(size=m),
            budget=np.round(np.exp(rng.normal(4.0, 0.4, n))).astype(np.float64),
            price=np.round(np.exp(rng.normal(3.9, 0.4, m))).astype(np.float64),
            free=_weeks_of(rng, n),
            open=_weeks_of(rng, m),
            arrived=np.sort(rng.integers(0, n_weeks, n)),
            joined=joined,
            seats=np.maximum(1, np.round(1.1 * n / max(m, 1) * (rng.pareto(2.0, m) + 0.5))).astype(np.int64),
        )

    def truth(self, how: Climate) -> dict[str, NDArray[np.float64]]:
        """Give the probability of each step for every pair."""
        close = self.tastes @ self.styles.T / np.sqrt(_N_TASTES)
        dear = np.maximum(0.0, np.log(self.price[None, :] / self.budget[:, None]))
        shared = self.free.astype(np.float64) @ self.open.T.astype(np.float64)
        likes = -1.8 + 1.6 * close + how.star * self.appeal[None, :] + 0.7 * self.easy[:, None]
        truth = {"wants": _sigmoid(likes - 1.2 * dear + 0.25 * np.minimum(shared, 4.0))}
        if how.is_two_sided:
            turned = self.tastes @ np.roll(self.styles, 1, axis=1).T / np.sqrt(_N_TASTES)
            truth["accepts"] = _sigmoid(0.3 + 0.8 * turned + 0.8 * self.ready[None, :] + 0.8 * self.liked[:, None])
            truth["goes_well"] = _sigmoid(0.6 + 0.9 * close + 0.4 * self.ready[None, :] + 0.3 * self.liked[:, None])
        return truth

    # ── what is seen of it ──

    def tables(self, how: Climate, rng: np.random.Generator) -> tuple[CoachTable, TraineeTable]:
        """Give the two tables: what the columns show is the truth and noise, as the climate mixes them."""
        noise = np.sqrt(1.0 - how.signal**2)

        def seen(hidden: NDArray[np.float64]) -> NDArray[np.float64]:
            made: NDArray[np.float64] = how.signal * hidden + noise * rng.normal(size=hidden.shape)
            return made

        topics = rng.normal(size=(_N_TASTES, _N_TOPICS))
        lexicon = _lexicon(rng)
        sides: list[dict[str, Column]] = []
        for is_coach in (True, False):
            hidden = self.styles if is_coach else self.tastes
            shown = seen(hidden)
            extra = seen(np.stack([self.appeal, self.ready] if is_coach else [self.easy, self.liked], axis=1))
            lean = shown @ topics
            blank = _Blank(rng, how.missing)
            columns: dict[str, Column] = {}
            if "labels" in how.columns:
                columns["topics"] = Labels(blank([_best(row, 3) for row in lean]))
            if "numbers" in how.columns:
                columns["pace"] = Number(blank(shown[:, 0].tolist()))
                columns["warmth"] = Number(blank(shown[:, 1].tolist()))
                own = ("years", "calm") if is_coach else ("age_group", "grit")
                columns[own[0]] = Number(blank(extra[:, 0].tolist()))
                columns[own[1]] = Number(blank(extra[:, 1].tolist()))
            if "categories" in how.columns:
                columns["region"] = Category(blank([f"r{int(np.argmax(row[:4]))}" for row in shown[:, 2:]]))
            if "price" in how.columns:
                columns["price" if is_coach else "budget"] = Number(
                    blank((self.price if is_coach else self.budget).tolist())
                )
            if "hours" in how.columns:
                weeks = self.open if is_coach else self.free
                columns["hours"] = Hours(blank([np.flatnonzero(week).tolist() for week in weeks]))
            if "texts" in how.columns:
                n_texts = 6 if is_coach else 1
                columns["words"] = Texts(blank([_texts(rng, row, lexicon, n_texts) for row in lean]))
            sides.append(columns)
        return (
            CoachTable.build(ids=[f"c{i:05}" for i in range(len(self.styles))], **sides[0]),
            TraineeTable.build(ids=[f"t{i:05}" for i in range(len(self.tastes))], **sides[1]),
        )

    def log(
        self, how: Climate, rng: np.random.Generator, coaches: tuple[str, ...], trainees: tuple[str, ...], n_weeks: int
    ) -> OutcomeLog:
        """Play the weeks: lists are shown, half of them by appeal, half by chance."""
        log = _Log(coaches, trainees)
        if not how.has_log:
            return log.done()
        truth = self.truth(how)
        shown_by = np.exp(0.7 * how.star * self.appeal)
        lists = [(week, i) for i in range(len(trainees)) for week in self._weeks(rng, how, i, n_weeks)]
        for number, (week, i) in enumerate(sorted(lists)):
            there = np.flatnonzero(self.joined <= week)
            share = shown_by[there] / shown_by[there].sum()
            half = min(LIST_LENGTH // 2, len(there))
            drawn = np.concatenate([rng.choice(there, half, replace=False, p=share), rng.permutation(there)])
            rows = drawn[np.sort(np.unique(drawn, return_index=True)[1])][:LIST_LENGTH]
            rows = rng.permutation(rows)
            looked = rng.random(len(rows)) < 1.0 / (1.0 + 0.12 * np.arange(len(rows)))
            chance = rng.random((5, len(rows)))
            for place, row in enumerate(rows.tolist()):
                said = {"coach": row, "trainee": i, "week": week, "set": number, "position": place + 1}
                log.add("shown", **said)
                wants = truth["wants"][i, row]
                if not looked[place] or chance[0, place] >= wants**0.5:
                    continue
                log.add("opened", **said)
                if chance[1, place] >= wants**0.5:
                    continue
                log.add("contacted", **said)
                if not how.is_two_sided:
                    continue
                is_yes = chance[2, place] < truth["accepts"][i, row]
                log.add("accepted" if is_yes else "declined", **said)
                if is_yes:
                    went_well = chance[3, place] < truth["goes_well"][i, row]
                    log.add("completed" if went_well else "cancelled", **said)
                    stars = 1 + int(went_well) * 2 + int(2.999 * chance[4, place] * truth["goes_well"][i, row])
                    log.add("rated", value=float(min(stars, 5)), **said)
        return log.done()

    def _weeks(self, rng: np.random.Generator, how: Climate, i: int, n_weeks: int) -> list[int]:
        first = int(self.arrived[i])
        later = rng.integers(first, min(first + 8, n_weeks), how.n_lists - 1)
        return [first, *later.tolist()]


class _Log:
    """Collects events with their instants in order."""

    def __init__(self, coaches: tuple[str, ...], trainees: tuple[str, ...]) -> None:
        self._coaches, self._trainees = coaches, trainees
        self._rows: list[tuple[Any, ...]] = []

    def add(
        self, event: str, *, coach: int, trainee: int, week: int, set: int, position: int, value: float = np.nan
    ) -> None:
        at = week * WEEK + len(self._rows)  # a microsecond apart: in the order they happened, far below a week in all
        self._rows.append((at, self._trainees[trainee], self._coaches[coach], event, value, position, f"s{set}"))

    def done(self) -> OutcomeLog:
        columns = zip(*self._rows, strict=True) if self._rows else [()] * 7
        at, trainee, coach, event, value, position, shown_with = columns
        return OutcomeLog(
            at=frozen_array(at, np.int64),
            trainee=tuple(trainee),
            coach=tuple(coach),
            event=tuple(event),
            value=frozen_array(value, np.float32),
            position=frozen_array(position, np.int32),
            shown_with=tuple(shown_with),
            steps=STEPS,
        )


# ── what columns are drawn from ─────────────────────────────────────────────


class _Blank:
    """Leaves some values of a column out."""

    def __init__(self, rng: np.random.Generator, share: float) -> None:
        self._rng, self._share = rng, share

    def __call__(self, values: list[Any]) -> list[Any]:
        gone = (self._rng.random(len(values)) < self._share).tolist()
        return [None if is_gone else value for value, is_gone in zip(values, gone, strict=True)]


def _weeks_of(rng: np.random.Generator, n: int) -> NDArray[np.bool_]:
    """Draw weeks with a few hours on some days, 6 to 22 o'clock."""
    days = rng.random((n, 7)) < 0.5
    start = rng.integers(6, 19, (n, 7))
    hour = np.arange(24)
    within = (hour[None, None, :] >= start[:, :, None]) & (hour[None, None, :] < start[:, :, None] + 3)
    made: NDArray[np.bool_] = (within & days[:, :, None]).reshape(n, 168)
    return made


def _best(lean: NDArray[np.float64], n: int) -> list[str]:
    return [f"topic{t:02}" for t in np.argsort(-lean, kind="stable")[:n].tolist()]


def _lexicon(rng: np.random.Generator) -> list[list[list[str]]]:
    """Make words per topic, each with two synonyms: 10 meanings, three words for each."""
    letters = "abcdefghijklmnopqrstuvwxyz"

    def word() -> str:
        return "".join(letters[i] for i in rng.integers(0, 26, 7).tolist())

    return [[[word() for _ in range(3)] for _ in range(10)] for _ in range(_N_TOPICS)]


def _texts(
    rng: np.random.Generator, lean: NDArray[np.float64], lexicon: list[list[list[str]]], n_texts: int
) -> list[str]:
    """Write short texts about what somebody leans to, every third word or so a filler."""
    share = np.exp(1.2 * (lean - lean.max()))
    about = rng.choice(_N_TOPICS, (n_texts, 9), p=share / share.sum())
    made = []
    for topics in about.tolist():
        said = []
        for topic in topics:
            if rng.random() < 0.35:
                said.append(_FILLERS[int(rng.integers(len(_FILLERS)))])
            meaning = lexicon[topic][int(rng.integers(10))]
            said.append(meaning[int(rng.integers(3))])
        made.append(" ".join(said))
    return made
