"""
The table of mutants: a matcher with one thing wrong, by family and site.

Answers that are spoiled in one cell · answers that are wrong in one situation ·
arrays that are no such arrays. What changes the matcher itself stands in the
modules beside this one, by what it breaks.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import numpy as np
from reference import Asked, Reference, ReferenceIndex

from coachhub_core.ports.matcher import Ranking

Change = Callable[[Asked, Any], Any]
Mutants = Iterator[tuple[str, Any]]  # a name, and what makes the matcher


def with_index(index_class: type[ReferenceIndex]) -> type[Reference]:
    """Make a matcher whose index is another one."""

    class Changed(Reference):
        def index(self, coaches: Any, *, prices: Any = None) -> Any:
            return index_class(self, coaches, prices)

    return Changed


def ranking(change: Change) -> type[Reference]:
    """Make a matcher whose ranking is what *change* makes of the right one."""

    class Index(ReferenceIndex):
        def rank(self, trainees: Any, k: int, allowed: Any, *, deadline: Any) -> Any:
            asked = Asked(self, trainees, k, allowed, deadline)
            return change(asked, super().rank(trainees, k, allowed, deadline=deadline))

    return with_index(Index)


def copied(right: Ranking) -> tuple[Any, Any]:
    """Give rows and scores that may be written to."""
    return right.rows.copy(), right.scores.copy()


# ── one cell of an answer ───────────────────────────────────────────────────


def _other_row(asked: Asked, rows: Any, i: int, j: int) -> None:
    rows[i, j] = rows[i, j - 1] if j else rows[i, min(1, rows.shape[1] - 1)]


def _forbidden(asked: Asked, rows: Any, i: int, j: int) -> None:
    for row in range(len(asked.index.coaches)):
        if not asked.allowed.is_allowed(i, row):
            rows[i, j] = row
            return


def _swapped(asked: Asked, rows: Any, i: int, j: int) -> None:
    other = j - 1 if j else min(1, rows.shape[1] - 1)
    rows[i, j], rows[i, other] = rows[i, other], rows[i, j]


def _set_row(value: Callable[[int], int]) -> Callable[[Asked, Any, Any, int, int], None]:
    def spoil(asked: Asked, rows: Any, scores: Any, i: int, j: int) -> None:
        rows[i, j] = value(len(asked.index.coaches))

    return spoil


def _set_score(value: Callable[[float], float]) -> Callable[[Asked, Any, Any, int, int], None]:
    def spoil(asked: Asked, rows: Any, scores: Any, i: int, j: int) -> None:
        scores[i, j] = value(scores[i, j])

    return spoil


def _gap(asked: Asked, rows: Any, scores: Any, i: int, j: int) -> None:
    rows[i, j], scores[i, j] = -1, -np.inf


def _of_rows(change: Callable[[Asked, Any, int, int], None]) -> Callable[[Asked, Any, Any, int, int], None]:
    return lambda asked, rows, scores, i, j: change(asked, rows, i, j)


SPOILS: dict[str, Callable[[Asked, Any, Any, int, int], None]] = {
    "no number": _set_score(lambda _: np.nan),
    "infinite": _set_score(lambda _: np.inf),
    "minus infinite": _set_score(lambda _: -np.inf),
    "one more": _set_score(lambda score: score + 1.0),
    "one less": _set_score(lambda score: score - 1.0),
    "the next float": _set_score(lambda score: float(np.nextafter(score, 9))),
    "a row behind the last": _set_row(lambda n: n),
    "a row far away": _set_row(lambda n: 2_000_000_000),
    "row -2": _set_row(lambda _: -2),
    "nobody with a score": _set_row(lambda _: -1),
    "a gap": _gap,
    "somebody twice": _of_rows(_other_row),
    "somebody forbidden": _of_rows(_forbidden),
    "neighbours swapped": _of_rows(_swapped),
}
TRAINEES = {"the first trainee": 0, "the last trainee": -1}
PLACES: dict[str, Callable[[int], int]] = {
    "the first place": lambda n: 0,
    "the middle": lambda n: n // 2,
    "the last place": lambda n: n - 1,
}


def cells() -> Mutants:
    """Spoil one cell: every kind, for two trainees, in three places."""
    for (what, spoil), (who, i), (where, place) in itertools.product(SPOILS.items(), TRAINEES.items(), PLACES.items()):

        def change(asked: Asked, right: Any, spoil: Any = spoil, i: int = i, place: Any = place) -> Any:
            if not right.rows.size or right.rows[i, 0] < 0:
                return right
            rows, scores = copied(right)
            spoil(asked, rows, scores, i % len(rows), place(int((rows[i] >= 0).sum())))
            return Ranking(rows, scores)

        yield f"{what}: {who}, {where}", ranking(change)


# ── one situation ───────────────────────────────────────────────────────────


def _best_left_out(right: Any) -> Any:
    rows, scores = copied(right)
    rows[:, :-1], scores[:, :-1] = right.rows[:, 1:], right.scores[:, 1:]
    rows[:, -1:], scores[:, -1:] = -1, -np.inf
    return Ranking(rows, scores)


def _halved(right: Any) -> Any:
    return Ranking(right.rows, right.scores * 0.5)


def _raising(error: type[Exception]) -> Callable[[Any], Any]:
    def effect(right: Any) -> Any:
        raise error("something went wrong")

    return effect


EFFECTS: dict[str, Callable[[Any], Any]] = {
    "the best left out": _best_left_out,
    "scores halved": _halved,
    "ValueError": _raising(ValueError),
    "KeyError": _raising(KeyError),
}


def _count(asked: Asked) -> int:
    return asked.allowed.count(0) if len(asked.trainees) and len(asked.index.coaches) else 0


def _calls(asked: Asked) -> int:
    n: int = asked.index.__dict__.get("n_calls", 0) + 1
    asked.index.n_calls = n
    return n


SITUATIONS: dict[str, Callable[[Asked], bool]] = {
    "asked for one": lambda asked: len(asked.trainees) == 1,
    "asked for seven": lambda asked: len(asked.trainees) == 7,
    "asked for many": lambda asked: len(asked.trainees) > 7,
    "one place": lambda asked: asked.k == 1,
    "a long list": lambda asked: asked.k > 15,
    "a bitmap each": lambda asked: not asked.allowed.is_shared,
    "few allowed": lambda asked: 0 < _count(asked) <= 3,
    "a coach alone": lambda asked: len(asked.index.coaches) == 1,
    "no columns": lambda asked: not asked.index.coaches.columns and len(asked.index.coaches) > 1,
    "the second call": lambda asked: _calls(asked) > 1,
    "the same trainee twice": lambda asked: len(set(asked.trainees.ids)) < len(asked.trainees),
}
NO_ANSWER: dict[str, Callable[[Asked], bool]] = {
    "no trainees": lambda asked: not len(asked.trainees),
    "no places": lambda asked: asked.k == 0,
    "nobody allowed": lambda asked: bool(len(asked.index.coaches)) and _count(asked) == 0 and len(asked.trainees) > 0,
    "no coaches": lambda asked: not len(asked.index.coaches),
    "more places than coaches": lambda asked: asked.k > len(asked.index.coaches) > 1,
}


def situations() -> Mutants:
    """Be right everywhere but in one situation."""
    pairs = [*itertools.product(SITUATIONS.items(), EFFECTS.items())]
    pairs += itertools.product(NO_ANSWER.items(), [(n, e) for n, e in EFFECTS.items() if n.endswith("Error")])
    for (when, is_now), (what, effect) in pairs:

        def change(asked: Asked, right: Any, is_now: Any = is_now, effect: Any = effect) -> Any:
            return effect(right) if is_now(asked) else right

        yield f"{what}: {when}", ranking(change)
    for when in ("nobody allowed", "more places than coaches"):

        def fill(asked: Asked, right: Any, is_now: Any = NO_ANSWER[when]) -> Any:
            return Ranking(np.maximum(right.rows, 0), np.maximum(right.scores, 0.0)) if is_now(asked) else right

        yield f"somebody after all: {when}", ranking(fill)


# ── no such arrays ──────────────────────────────────────────────────────────

FORMS: dict[str, Callable[[Any], Any]] = {
    "rows of int64": lambda r: Ranking(r.rows.astype(np.int64), r.scores),
    "rows of int16": lambda r: Ranking(r.rows.astype(np.int16), r.scores),
    "rows of uint32": lambda r: Ranking(r.rows.astype(np.uint32), r.scores),
    "rows of float64": lambda r: Ranking(r.rows.astype(np.float64), r.scores),
    "rows of objects": lambda r: Ranking(r.rows.astype(object), r.scores),
    "rows of big-endian": lambda r: Ranking(r.rows.astype(">i4"), r.scores),
    "scores of float32": lambda r: Ranking(r.rows, r.scores.astype(np.float32)),
    "scores of float16": lambda r: Ranking(r.rows, r.scores.astype(np.float16)),
    "scores of longdouble": lambda r: Ranking(r.rows, r.scores.astype(np.longdouble)),
    "scores of objects": lambda r: Ranking(r.rows, r.scores.astype(object)),
    "scores of complex": lambda r: Ranking(r.rows, r.scores.astype(np.complex128)),
    "lists for rows": lambda r: Ranking(r.rows.tolist(), r.scores),
    "lists for scores": lambda r: Ranking(r.rows, r.scores.tolist()),
    "rows by column": lambda r: Ranking(np.asfortranarray(r.rows), r.scores),
    "scores by column": lambda r: Ranking(r.rows, np.asfortranarray(r.scores)),
    "every second of more": lambda r: Ranking(np.repeat(r.rows, 2, axis=1)[:, ::2], r.scores),
    "turned round": lambda r: Ranking(r.rows.T.copy(), r.scores.T.copy()),
    "flat": lambda r: Ranking(r.rows.ravel(), r.scores.ravel()),
    "a place too many": lambda r: Ranking(np.pad(r.rows, ((0, 0), (0, 1)), constant_values=-1), r.scores),
    "a place too few": lambda r: Ranking(r.rows[:, :-1].copy(), r.scores[:, :-1].copy()),
    "a trainee too many": lambda r: Ranking(np.vstack([r.rows, r.rows[:1]]), np.vstack([r.scores, r.scores[:1]])),
    "a trainee too few": lambda r: Ranking(r.rows[1:].copy(), r.scores[1:].copy()),
    "one more axis": lambda r: Ranking(r.rows[None], r.scores[None]),
    "rows and scores exchanged": lambda r: Ranking(r.scores, r.rows),
    "no scores": lambda r: Ranking(r.rows, None),  # type: ignore[arg-type]
    "a pair of arrays": lambda r: (r.rows, r.scores),
    "a dict": lambda r: attrs.asdict(r),
    "nothing": lambda r: None,
    "worst first": lambda r: Ranking(r.rows[:, ::-1].copy(), r.scores[:, ::-1].copy()),
    "signs turned": lambda r: Ranking(r.rows, -r.scores),
    "rows from one": lambda r: Ranking(np.where(r.rows >= 0, r.rows + 1, -1).astype(np.int32), r.scores),
    "zero for nobody": lambda r: Ranking(r.rows, np.where(r.rows < 0, 0.0, r.scores)),
    "no number for nobody": lambda r: Ranking(r.rows, np.where(r.rows < 0, np.nan, r.scores)),
    "shares of the list": lambda r: Ranking(r.rows, _shares(r)),
    "scores by place": lambda r: Ranking(r.rows, np.where(r.rows < 0, -np.inf, -np.arange(r.rows.shape[1]) * 1.0)),
    "rounded": lambda r: Ranking(r.rows, np.round(r.scores, 9)),
    "once through float32": lambda r: Ranking(r.rows, r.scores.astype(np.float32).astype(np.float64)),
}


def _shares(right: Any) -> Any:
    known = np.where(right.rows < 0, 0.0, right.scores)
    return np.where(right.rows < 0, -np.inf, known / np.maximum(known.sum(axis=1, keepdims=True), 1e-9))


def forms() -> Mutants:
    """Answer with something else than the two arrays, or with other numbers in them."""
    for what, change in FORMS.items():
        yield f"{what}", ranking(lambda asked, right, change=change: change(right))


def count(owner: Any) -> int:
    """Count the calls of one object."""
    n: int = owner.__dict__.get("n_calls", 0) + 1
    owner.n_calls = n
    return n


def fail(error: Exception) -> Any:
    """Raise, where only an expression may stand."""
    raise error
