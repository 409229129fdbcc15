"""
The table of mutants, second part: what looks right and is not the same twice, and everything beside ranking.

Scores that depend on what they may not · the world · ties, filters, columns ·
scores, probabilities, reasons · learning and keeping · the offer.
"""

from __future__ import annotations

import datetime
import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import attrs
import numpy as np
from mutants import Asked, Change, Mutants, copied, ranking, with_index
from reference import NEEDS, Reference, ReferenceIndex, an_offer

from coachhub_core.domain.vocabulary import words
from coachhub_core.errors import ArtefactError
from coachhub_core.matching.pairs import AllowedPairs
from coachhub_core.ports.matcher import NEVER, MatcherOffer, Ranking, Reason

CALLS = {"everywhere": 0}


def _scaled(by: Callable[[Asked, Any], Any]) -> Change:
    def change(asked: Asked, right: Any) -> Any:
        factor = by(asked, right)
        return Ranking(right.rows, np.where(right.rows >= 0, right.scores * factor, -np.inf))

    return change


def _count(owner: Any) -> int:
    n: int = owner.__dict__.get("n_calls", 0) + 1
    owner.n_calls = n
    return n


def _everywhere(*_: Any) -> float:
    CALLS["everywhere"] += 1
    return 1 / CALLS["everywhere"]


DEPENDS: dict[str, Callable[[Asked, Any], Any]] = {
    "the size of the batch": lambda a, r: 1 / max(len(a.trainees), 1),
    "the place in the batch": lambda a, r: 1 / (1 + np.arange(len(a.trainees)))[:, None],
    "the place in the batch, from the eighth": lambda a, r: np.where(np.arange(len(a.trainees)) > 7, 0.5, 1)[:, None],
    "the last of the batch": lambda a, r: np.where(np.arange(len(a.trainees)) == len(a.trainees) - 1, 0.5, 1)[:, None],
    "k": lambda a, r: 1 - 1 / (2 + a.k),
    "k odd or even": lambda a, r: 1 - 0.1 * (a.k % 2),
    "how many are allowed": lambda a, r: 1 / (1 + a.allowed.n_coaches - (a.allowed.count(0) if a.allowed.masks else 0)),
    "how often this index was asked": lambda a, r: 1 / _count(a.index),
    "how often this matcher was asked": lambda a, r: 1 / _count(a.index.matcher),
    "how often any was asked": _everywhere,
    "the thread": lambda a, r: 1.0 if threading.current_thread() is threading.main_thread() else 0.5,
    "the best of the batch": lambda a, r: 1 / (1 + np.max(r.scores, initial=0.0)),
    "an object's address": lambda a, r: 1 + (id(a.trainees) >> 4) % 97 / 1_000,
    "dice": lambda a, r: 1 + random.random() / 10,
    "numpy's dice": lambda a, r: 1 + np.random.random() / 10,
    "a new generator": lambda a, r: 1 + np.random.default_rng().random() / 10,
    "the system's dice": lambda a, r: 1 + os.urandom(1)[0] / 2_560,
    "a new id": lambda a, r: 1 + uuid.uuid4().int % 97 / 1_000,
    "the clock": lambda a, r: 1 + time.time_ns() % 97 / 1_000,
}


def _reads_file() -> None:
    with open(__file__):
        pass


def _opens_socket() -> None:
    socket.socket().close()


TOUCHES: dict[str, Callable[[], object]] = {
    "time.time": lambda: time.time(),
    "time.monotonic under a name of its own": lambda: monotonic(),
    "time.perf_counter_ns": lambda: time.perf_counter_ns(),
    "time.process_time": lambda: time.process_time(),
    "time.localtime": lambda: time.localtime(),
    "datetime.now": lambda: datetime.datetime.now(datetime.UTC),
    "date.today": lambda: datetime.date.today(),
    "random.random": lambda: random.random(),
    "random.seed": lambda: random.seed(3),
    "random.shuffle": lambda: random.shuffle([1, 2, 3]),
    "np.random.random": lambda: np.random.random(),
    "np.random.seed": lambda: np.random.seed(3),
    "open": _reads_file,
    "a path": lambda: Path(__file__).read_bytes(),
    "os.open": lambda: os.close(os.open(__file__, os.O_RDONLY)),
    "os.listdir": lambda: os.listdir("."),
    "a socket": _opens_socket,
}


def depending() -> Mutants:
    """Let scores depend on what they may not, or touch the world and not even use it."""
    for what, by in DEPENDS.items():
        yield f"depends on {what}", ranking(_scaled(by))
    for what, touch in TOUCHES.items():

        def change(asked: Asked, right: Any, touch: Any = touch) -> Any:
            touch()
            return right

        yield f"touches {what}", ranking(change)


# ── order, filters, columns ─────────────────────────────────────────────────


def _ordered_by(key: Callable[[Any, int], Any]) -> type[Reference]:
    class Index(ReferenceIndex):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            by_key = sorted(range(len(self.coaches)), key=lambda row: key(self.coaches, row))
            self.order = np.argsort(np.array(by_key, np.int64))

    return with_index(Index)


def _filtered_by(rows: Callable[[Any, int], Any]) -> type[Reference]:
    class Index(ReferenceIndex):
        def rows(self, allowed: Any, i: int) -> Any:
            return np.asarray(rows(allowed, i), np.int64)

    return with_index(Index)


def _big_endian(allowed: Any, i: int) -> Any:
    bits = np.unpackbits(np.frombuffer(allowed.bitmap(i), np.uint8), count=allowed.n_coaches)
    return np.flatnonzero(bits)


class FilteredAfterwards(ReferenceIndex):
    """Takes the best k of all, and then those who are allowed."""

    def rank(self, trainees: Any, k: int, allowed: Any, *, deadline: Any) -> Any:
        n = allowed.n_coaches
        whole = super().rank(trainees, k, AllowedPairs.shared((1 << n) - 1, n), deadline=deadline)
        made = Ranking.empty(len(trainees), k)
        for i in range(len(trainees)):
            kept = [p for p, row in enumerate(whole.rows[i].tolist()) if row >= 0 and allowed.is_allowed(i, row)]
            made.rows[i, : len(kept)], made.scores[i, : len(kept)] = whole.rows[i, kept], whole.scores[i, kept]
        return made


class Remembering(ReferenceIndex):
    """Knows people by their ids, whatever they say of themselves today."""

    def every(self, trainee: Any) -> Any:
        known = self.__dict__.setdefault("known", {})
        if trainee.id not in known:
            known[trainee.id] = super().every(trainee)
        return known[trainee.id]


class ByTheRow(ReferenceIndex):
    """Likes those who stand further up in the table."""

    def every(self, trainee: Any) -> Any:
        return super().every(trainee) - 0.01 * np.arange(len(self.coaches))


SNAPSHOTS: dict[int, Any] = {}


class OldSnapshot(Reference):
    """Keeps an index by the number of coaches, for all."""

    def index(self, coaches: Any, *, prices: Any = None) -> Any:
        return SNAPSHOTS.setdefault(len(coaches), ReferenceIndex(self, coaches, prices))


def _takes_for_granted(read: Callable[[Any], object]) -> type[Reference]:
    class Index(ReferenceIndex):
        def __init__(self, matcher: Any, coaches: Any, *given: Any) -> None:
            read(coaches)
            super().__init__(matcher, coaches, *given)

    return with_index(Index)


def _asks_for_granted(read: Callable[[Any], object]) -> type[Reference]:
    class Index(ReferenceIndex):
        def every(self, trainee: Any) -> Any:
            read(trainee)
            return super().every(trainee)

    return with_index(Index)


class Nosy(ReferenceIndex):
    """Reads a column it did not name."""

    def __init__(self, matcher: Any, coaches: Any, *given: Any) -> None:
        super().__init__(matcher, coaches, *given)
        self.ease = self.ease + np.nan_to_num(coaches.number("n_reviews"))


class NosyOfTrainees(ReferenceIndex):
    def every(self, trainee: Any) -> Any:
        return super().every(trainee) * (0.5 if trainee.text("city") else 1.0)


def order_and_filter() -> Mutants:
    """Break ties, filters and columns."""
    orders: dict[str, Callable[[Any, int], Any]] = {
        "by row": lambda coaches, row: row,
        "by row, the last first": lambda coaches, row: -row,
        "by id, the last first": lambda coaches, row: [-b for b in coaches.ids[row].encode()],
        "by id, capitals aside": lambda coaches, row: coaches.ids[row].casefold(),
        "by the length of the id": lambda coaches, row: (len(coaches.ids[row]), coaches.ids[row]),
        "by numbers in the id": lambda coaches, row: [
            (0, int("".join(filter(str.isdigit, coaches.ids[row])) or 0)),
            coaches.ids[row],
        ],
        "by what sounds alike": lambda coaches, row: coaches.ids[row].replace("é", "e"),
        "by hash": lambda coaches, row: uuid.uuid5(uuid.NAMESPACE_OID, coaches.ids[row]).hex,
    }
    for what, key in orders.items():
        yield f"ties {what}", _ordered_by(key)
    filters: dict[str, Callable[[Any, int], Any]] = {
        "nobody is filtered": lambda allowed, i: np.arange(allowed.n_coaches),
        "the first trainee's for all": lambda allowed, i: allowed.rows(0),
        "bits from the other end": _big_endian,
        "bits shifted by one": lambda allowed, i: (allowed.rows(i) + 1) % max(allowed.n_coaches, 1),
        "the first row never": lambda allowed, i: [row for row in allowed.rows(i) if row],
        "the last row never": lambda allowed, i: [row for row in allowed.rows(i) if row < allowed.n_coaches - 1],
        "whole bytes only": lambda allowed, i: [row for row in allowed.rows(i) if row < allowed.n_coaches // 8 * 8 - 8],
        "the first half only": lambda allowed, i: allowed.rows(i)[: (len(allowed.rows(i)) + 1) // 2],
        "turned round": lambda allowed, i: np.setdiff1d(np.arange(allowed.n_coaches), allowed.rows(i)),
    }
    for what, rows in filters.items():
        yield f"filter: {what}", _filtered_by(rows)
    yield "filter: after the best k", with_index(FilteredAfterwards)
    yield "knows people by id", with_index(Remembering)
    yield "likes the first rows", with_index(ByTheRow)
    yield "an old snapshot", OldSnapshot
    for name in sorted(NEEDS - {"goal"}):
        yield f"takes {name} for granted", _takes_for_granted(lambda coaches, name=name: coaches[name])
    yield "takes a goal for granted", _asks_for_granted(lambda trainee: trainee["goal"][0])
    yield "takes it that there is somebody", _takes_for_granted(lambda coaches: coaches.row(0))
    yield "takes it that all have years", _takes_for_granted(lambda coaches: min(coaches["years"].values()))
    yield "a coach's column not named", with_index(Nosy)
    yield "a trainee's column not named", with_index(NosyOfTrainees)


# ── scores, probabilities, reasons ──────────────────────────────────────────


def _answering(method: str, change: Callable[[Any, Any, Any, Any], Any]) -> type[Reference]:
    """Make a matcher one of whose other answers is what *change* makes of (index, trainees, rows, right)."""

    def answer(self: Any, trainees: Any, rows: Any) -> Any:
        return change(self, trainees, rows, getattr(ReferenceIndex, method)(self, trainees, rows))

    return with_index(type("Index", (ReferenceIndex,), {method: answer}))


def _raise(error: Exception) -> Any:
    raise error


def _written(rows: Any, right: Any) -> Any:
    rows[:] = np.sort(rows, axis=1)
    return right


SCORES: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "a thousandth less": lambda i, t, rows, right: right * 0.999,
    "float32": lambda i, t, rows, right: right.astype(np.float32),
    "flat": lambda i, t, rows, right: right.ravel(),
    "turned round": lambda i, t, rows, right: right.T,
    "lists": lambda i, t, rows, right: right.tolist(),
    "zero for nobody": lambda i, t, rows, right: np.where(rows < 0, 0.0, right),
    "no number for nobody": lambda i, t, rows, right: np.where(rows < 0, np.nan, right),
    "sorted": lambda i, t, rows, right: -np.sort(-right, axis=1),
    "by place": lambda i, t, rows, right: right - 0.001 * np.arange(rows.shape[1]),
    "by the size of the batch": lambda i, t, rows, right: right / len(t),
    "by how many are asked for": lambda i, t, rows, right: right * (1 if rows.shape[1] > 1 else 0.5),
    "twice the same is wrong": lambda i, t, rows, right: right * (0.5 if _is_twice(rows) else 1.0),
    "the prices forgotten": lambda i, t, rows, right: right if i.prices is None else right + i.prices[rows],
    "nothing for no trainees": lambda i, t, rows, right: right if len(t) else _raise(IndexError("no trainees")),
    "its argument sorted": lambda i, t, rows, right: _written(rows, right),
    "not there": lambda i, t, rows, right: _raise(NotImplementedError()),
}


def _is_twice(rows: Any) -> bool:
    return any(len(set(row)) < len(row) for row in rows.tolist())


PROBABILITIES: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "above one": lambda i, t, rows, right: {**right, "wants": right["wants"] + 1},
    "below nought": lambda i, t, rows, right: {**right, "accepts": right["accepts"] - 1},
    "percent": lambda i, t, rows, right: {name: 100 * p for name, p in right.items()},
    "logits": lambda i, t, rows, right: {name: np.log(p / (1 - p + 1e-9) + 1e-9) for name, p in right.items()},
    "no numbers": lambda i, t, rows, right: {**right, "wants": np.full(rows.shape, np.nan)},
    "turned round": lambda i, t, rows, right: {name: p.T.copy() for name, p in right.items()},
    "one per trainee": lambda i, t, rows, right: {name: p.mean(axis=1) for name, p in right.items()},
    "float32": lambda i, t, rows, right: {name: p.astype(np.float32) for name, p in right.items()},
    "lists": lambda i, t, rows, right: {name: p.tolist() for name, p in right.items()},
    "an unknown step": lambda i, t, rows, right: {**right, "likes": right["wants"]},
    "a third step of no shape": lambda i, t, rows, right: {**right, "goes_well": np.array(0.5)},
    "one side only": lambda i, t, rows, right: {"wants": right["wants"]},
    "none": lambda i, t, rows, right: {},
    "nothing": lambda i, t, rows, right: None,
    "a pair": lambda i, t, rows, right: tuple(right.values()),
    "by the batch": lambda i, t, rows, right: {name: p / (1 + len(t)) for name, p in right.items()},
    "only certain": lambda i, t, rows, right: {name: np.round(p) for name, p in right.items()},
    "not there": lambda i, t, rows, right: _raise(NotImplementedError()),
}


def _each(change: Callable[[Any], Any]) -> Callable[[Any, Any, Any, Any], Any]:
    """Change the reasons of every pair that has some."""
    return lambda i, t, rows, right: [[change(pair) if pair else pair for pair in mine] for mine in right]


def _first(**how: Any) -> Callable[[Any, Any, Any, Any], Any]:
    """Change something about the first reason of every pair."""
    return _each(lambda pair: (attrs.evolve(pair[0], **how), *pair[1:]))


def _gossip(index: Any, trainees: Any, rows: Any, right: Any) -> Any:
    other = list(trainees.row(0).texts("goal")) if len(trainees) else []
    return [[(*pair, Reason("order.others", 0.0, {"also": other})) for pair in mine] for mine in right]


def _coach_gossip(index: Any, trainees: Any, rows: Any, right: Any) -> Any:
    said = sorted(word for found in index.words for word in found if word.startswith("zq"))
    return [[(*pair, Reason("order.others", 0.0, {"also": said[:3]})) if pair else pair for pair in m] for m in right]


def _a_circle() -> dict[str, Any]:
    made: dict[str, Any] = {}
    made["me"] = made
    return made


REASONS: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "a trainee too few": lambda i, t, rows, right: right[1:],
    "a trainee too many": lambda i, t, rows, right: [*right, []],
    "a coach too few": lambda i, t, rows, right: [mine[1:] for mine in right],
    "a coach too many": lambda i, t, rows, right: [[*mine, ()] for mine in right],
    "flat": lambda i, t, rows, right: [pair for mine in right for pair in mine],
    "nothing": lambda i, t, rows, right: None,
    "nothing for a pair": _each(lambda pair: None),
    "lists": _each(list),
    "strings": _each(lambda pair: ("because",)),
    "dicts": _each(lambda pair: tuple(attrs.asdict(reason) for reason in pair)),
    "reasons for nobody": lambda i, t, rows, right: [[(Reason("wants.base", 0.1),)] * len(mine) for mine in right],
    "no number": _first(contribution=float("nan")),
    "infinite": _first(contribution=float("inf")),
    "a contribution in words": _first(contribution="much"),
    "a contribution that is no float": _first(contribution=1j),
    "no contribution": _first(contribution=None),
    "no code": _first(code=""),
    "a number for a code": _first(code=7),
    "a code of no group": _first(code="luck"),
    "a group of no code": _first(code="wants."),
    "evidence of a set": _first(evidence={"tags": {"yoga"}}),
    "evidence of bytes": _first(evidence={"tags": b"yoga"}),
    "evidence that is no number": _first(evidence={"hours": float("nan")}),
    "evidence that is a list": _first(evidence=["yoga"]),
    "evidence in a circle": _first(evidence=_a_circle()),
    "evidence of numpy": _first(evidence={"hours": np.int32(3)}),
    "evidence without end": _first(evidence={"words": "x" * 9_000}),
    "off by a millionth": _each(lambda pair: (*pair, Reason("wants.luck", 1e-6))),
    "the base left out": _each(lambda pair: pair[1:]),
    "only the strongest": _each(lambda pair: pair[:2]),
    "another group": _each(lambda pair: (*pair, Reason("goes_well.base", 0.3))),
    "the signs turned": _each(lambda pair: tuple(attrs.evolve(r, contribution=-r.contribution) for r in pair)),
    "of the coach before": lambda i, t, rows, right: [
        [a if b else b for a, b in zip([*m[-1:], *m[:-1]], m, strict=True)] for m in right
    ],
    "of the trainee before": lambda i, t, rows, right: [*right[-1:], *right[:-1]],
    "gossip of trainees": _gossip,
    "gossip of coaches": _coach_gossip,
    "another at every call": lambda i, t, rows, right: [
        [(*pair, Reason("order.dice", float(_count(i)))) if pair else pair for pair in mine] for mine in right
    ],
    "by the size of the batch": lambda i, t, rows, right: [
        [(*pair, Reason("order.batch", float(len(t)))) if pair else pair for pair in mine] for mine in right
    ],
    "its argument sorted": lambda i, t, rows, right: _written(rows, right),
    "not there": lambda i, t, rows, right: _raise(NotImplementedError()),
}


class PricesAdded(Reference):
    def index(self, coaches: Any, *, prices: Any = None) -> Any:
        return ReferenceIndex(self, coaches, None if prices is None else -np.asarray(prices))


class PricesHalved(Reference):
    def index(self, coaches: Any, *, prices: Any = None) -> Any:
        return ReferenceIndex(self, coaches, None if prices is None else np.asarray(prices) / 2)


class PricesIgnored(Reference):
    def index(self, coaches: Any, *, prices: Any = None) -> Any:
        return ReferenceIndex(self, coaches)


class PricesRefused(Reference):
    def index(self, coaches: Any) -> Any:  # type: ignore[override]
        return ReferenceIndex(self, coaches)


class PricesWritten(Reference):
    def index(self, coaches: Any, *, prices: Any = None) -> Any:
        if prices is not None:
            prices[:] = np.maximum(prices, 0.5)
        return ReferenceIndex(self, coaches, prices)


def answers() -> Mutants:
    """Break what is asked for beside a ranking."""
    for method, table in (("score", SCORES), ("probabilities", PROBABILITIES), ("explain", REASONS)):
        for what, change in table.items():
            yield f"{method}: {what}", _answering(method, change)
    for mutant in (PricesAdded, PricesHalved, PricesIgnored, PricesRefused, PricesWritten):
        yield mutant.__name__, mutant


# ── what it is given ────────────────────────────────────────────────────────


def _pops(table: str) -> Change:
    def change(asked: Asked, right: Any) -> Any:
        owner = asked.trainees if table == "trainees" else asked.index.coaches
        owner.columns.pop("goal" if table == "trainees" else "bio", None)
        return right

    return change


class Shrinking(Reference):
    def index(self, coaches: Any, *, prices: Any = None) -> Any:
        made = ReferenceIndex(self, coaches, prices)
        coaches.columns.pop("years", None)
        return made


class FitShrinks(Reference):
    def fit(self, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
        made = super().fit(log, coaches, trainees, **more)
        trainees.columns.pop("goal", None)
        return made


class FitAdds(Reference):
    def fit(self, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
        coaches.columns["fitted"] = coaches.columns.get("years")
        return super().fit(log, coaches, trainees, **more)


# ── learning and keeping ────────────────────────────────────────────────────


def _fitting(fit: Callable[..., Any]) -> type[Reference]:
    return type("Fitting", (Reference,), {"fit": fit})


def _changes_itself(self: Any, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
    self.base += 0.5
    return type(self)(self.lift, self.base)


def _strict(self: Any, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
    for coach in log.coach:
        if coaches.row_of(coach) is None:
            raise KeyError(coach)
    return Reference.fit(self, log, coaches, trainees, **more)


def _strict_of_trainees(self: Any, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
    [trainees.ids[trainees.ids.index(id_)] for id_ in log.trainee]
    return Reference.fit(self, log, coaches, trainees, **more)


def _backwards(self: Any, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
    made = Reference.fit(self, log, coaches, trainees, **more)
    return type(self)({id_: -lift for id_, lift in made.lift.items()}, self.base)


def _by_dice(self: Any, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
    made = Reference.fit(self, log, coaches, trainees, **more)
    return type(self)({id_: lift + random.random() for id_, lift in made.lift.items()}, self.base)


def _needs_a_log(self: Any, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
    log.coach[0]
    return Reference.fit(self, log, coaches, trainees, **more)


def _needs_a_prior(self: Any, log: Any, coaches: Any, trainees: Any, *, prior: Any = None, **more: Any) -> Any:
    return type(self)(prior.lift, prior.base)


def _knows_the_old_only(self: Any, log: Any, coaches: Any, trainees: Any, **more: Any) -> Any:
    made = Reference.fit(self, log, coaches, trainees, **more)

    class Closed(Reference):
        def index(self, now: Any, *, prices: Any = None) -> Any:
            [coaches.ids.index(id_) for id_ in now.ids]
            return ReferenceIndex(self, now, prices)

    return Closed(made.lift, made.base)


def _keeping(save: Callable[[Any, Any], None]) -> type[Reference]:
    return type("Keeping", (Reference,), {"save": save})


def _loading(load: Callable[[Any, Any], Any]) -> type[Reference]:
    return type("Loading", (Reference,), {"load": load})


def _also(put: Callable[[Any, Any], None]) -> type[Reference]:
    def save(self: Any, out: Any) -> None:
        Reference.save(self, out)
        put(self, out)

    return _keeping(save)


def _loads_into_itself(self: Any, source: Any) -> Any:
    made = Reference.load(self, source)
    self.lift, self.base = made.lift, made.base
    return self


def _either(load: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Load what is there, and do something else where it is not."""

    def either(self: Any, source: Any) -> Any:
        try:
            return Reference.load(self, source)
        except ArtefactError:
            return load(self, source)

    return either


def _forgets_lift(self: Any, out: Any) -> None:
    type(self)({}, self.base).__class__.__mro__[1].save(type(self)({}, self.base), out)


def _saves_rounded(self: Any, out: Any) -> None:
    Reference.save(Reference({id_: round(lift) for id_, lift in self.lift.items()}, self.base), out)


def _saves_first_half(self: Any, out: Any) -> None:
    kept = sorted(self.lift)[: len(self.lift) // 2]
    Reference.save(Reference({id_: self.lift[id_] for id_ in kept}, self.base), out)


def _saves_by_coach(self: Any, out: Any) -> None:
    Reference.save(Reference(dict.fromkeys(self.lift, 0.0), self.base), out)


LOADS: dict[str, Callable[[Any, Any], Any]] = {
    "ignores the file": lambda self, source: type(self)(),
    "gives itself": lambda self, source: self,
    "into itself": _loads_into_itself,
    "reads the base only": lambda self, source: type(self)({}, float(source.array("base")[0])),
    "forgets the base": lambda self, source: type(self)(Reference.load(self, source).lift, 0.7),
    "another order": lambda self, source: type(self)(
        dict(zip(source.json("ids")[::-1], source.array("lift").tolist(), strict=True)), float(source.array("base")[0])
    ),
    "takes anything": _either(lambda self, source: type(self)()),
    "KeyError": _either(lambda self, source: _raise(KeyError("ids"))),
    "ValueError": _either(lambda self, source: _raise(ValueError("ids"))),
    "nothing": _either(lambda self, source: None),
    "twice the base": lambda self, source: type(self)(
        Reference.load(self, source).lift, 2 * float(source.array("base")[0])
    ),
}
SAVES: dict[str, Callable[[Any, Any], None]] = {
    "the clock": lambda self, out: out.put_json("at", time.time()),
    "dice": lambda self, out: out.put_array("dice", np.array([random.random()])),
    "a counter": lambda self, out: out.put_json("n", _count(self)),
    "an address": lambda self, out: out.put_json("id", id(self)),
    "a new id": lambda self, out: out.put_json("id", uuid.uuid4().hex),
    "objects": lambda self, out: out.put_array("lift2", np.array([self.lift], dtype=object)),
    "no number": lambda self, out: out.put_json("loss", float("nan")),
    "a path": lambda self, out: out.put_json("../../model", 1),
    "the same twice": lambda self, out: out.put_json("ids", []),
    "a set": lambda self, out: out.put_json("tags", {"yoga"}),
}


def learning() -> Mutants:
    """Break what it is given, what it learns and what it keeps."""
    yield "trainees lose a column", ranking(_pops("trainees"))
    yield "coaches lose a column", ranking(_pops("coaches"))
    yield "indexing takes a column", Shrinking
    yield "fitting takes a column", FitShrinks
    yield "fitting adds a column", FitAdds
    fits: dict[str, Callable[..., Any]] = {
        "changes itself": _changes_itself,
        "gives itself": lambda self, log, coaches, trainees, **more: self,
        "gives nothing": lambda self, log, coaches, trainees, **more: None,
        "learns nothing": lambda self, log, coaches, trainees, **more: type(self)(self.lift, self.base),
        "learns backwards": _backwards,
        "learns by dice": _by_dice,
        "needs a log": _needs_a_log,
        "needs a prior": _needs_a_prior,
        "needs every coach of the log": _strict,
        "needs every trainee of the log": _strict_of_trainees,
        "knows the old coaches only": _knows_the_old_only,
        "takes no prior": lambda self, log, coaches, trainees, *, seed=0, deadline=NEVER: type(self)(),
        "takes no seed": lambda self, log, coaches, trainees, *, prior=None, deadline=NEVER: type(self)(),
    }
    for what, fit in fits.items():
        yield f"fit: {what}", _fitting(fit)
    for what, put in SAVES.items():
        yield f"save: {what}", _also(put)
    yield "save: no counts", _keeping(_saves_by_coach)
    yield "save: counts rounded", _keeping(_saves_rounded)
    yield "save: the first half", _keeping(_saves_first_half)
    for what, load in LOADS.items():
        yield f"load: {what}", _loading(load)


# ── time, and the offer ─────────────────────────────────────────────────────


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
        "made by what fails": lambda: an_offer(lambda: _raise(ImportError("no such engine"))),
    }
    for what, make in offers.items():
        yield f"offer: {what}", make()


# ── changed by numbers ──────────────────────────────────────────────────────


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
