"""Mutants whose scores, probabilities or reasons are not what they have to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
from mutants import Mutants, count, fail, with_index
from reference import Reference, ReferenceIndex

from coachhub_core.ports.matcher import Reason


def _answering(method: str, change: Callable[[Any, Any, Any, Any], Any]) -> type[Reference]:
    """Make a matcher one of whose other answers is what *change* makes of (index, trainees, rows, right)."""

    def answer(self: Any, trainees: Any, rows: Any) -> Any:
        return change(self, trainees, rows, getattr(ReferenceIndex, method)(self, trainees, rows))

    return with_index(type("Index", (ReferenceIndex,), {method: answer}))


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
    "nothing for no trainees": lambda i, t, rows, right: right if len(t) else fail(IndexError("no trainees")),
    "its argument sorted": lambda i, t, rows, right: _written(rows, right),
    "not there": lambda i, t, rows, right: fail(NotImplementedError()),
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
    "not there": lambda i, t, rows, right: fail(NotImplementedError()),
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
        [(*pair, Reason("order.dice", float(count(i)))) if pair else pair for pair in mine] for mine in right
    ],
    "by the size of the batch": lambda i, t, rows, right: [
        [(*pair, Reason("order.batch", float(len(t)))) if pair else pair for pair in mine] for mine in right
    ],
    "its argument sorted": lambda i, t, rows, right: _written(rows, right),
    "not there": lambda i, t, rows, right: fail(NotImplementedError()),
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
