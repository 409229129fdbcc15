"""
Why a coach stands where it does: facts, each with how much it moved a step's logit.

Base and contributions of a step add up to its logit. A reason shows this trainee's
and this coach's own words, hours and prices, and nobody else's. All coaches of a list
are taken apart together, and only what moved somebody is looked up as a fact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.ports.matcher import Reason
from coachhub_scipy.arithmetic import Floats
from coachhub_scipy.parts import LinearPart, mixed

if TYPE_CHECKING:
    from coachhub_scipy.prepared import Asking, Prepared, StepIndex

_NOTHING = 1e-12  # a contribution below it is none
_HISTORY = ("als", "tastes", "profile", "history")  # parts that speak of what a trainee chose before
_NONE = Reason("none", 0.0)  # where a code moved others and not this coach; nobody sees it
_NO_FACTS: Mapping[str, Any] = {}
_N_LAYOUTS = 1_000  # orders of codes that are kept
_PAST = -1  # stands for no comparison, but for what a trainee chose before

Values = tuple[str, Floats]  # a code, and what it moved each of the coaches by


@attrs.frozen(eq=False)
class _Layout:
    """The codes of one step in alphabetical order."""

    order: NDArray[np.int64]  # of each: where it stands among the parts and, behind them, the comparisons
    codes: list[str]
    numbers: list[int | None]  # of each: which comparison it is, _PAST for the history, None for another part


class Explainer:
    """Takes the logits of one prepared model apart."""

    def __init__(self, prepared: Prepared) -> None:
        self._p = prepared
        names = [one.name for one in prepared.compare.comparisons]
        self._compared = [[f"{one.step.name}.{name}" for name in names] for one in prepared.steps]  # codes
        self._bases = [f"{one.step.name}.base" for one in prepared.steps]
        self._steps = np.arange(len(prepared.steps))[:, None]
        self._weights: dict[tuple[float, ...], Floats] = {}  # by how much comparisons count; a few, by history
        self._layouts: dict[tuple[int, tuple[str, ...]], _Layout] = {}
        self._plain: list[_Layout] | None = None  # where nothing but the comparisons says anything

    def reasons(self, asking: Asking, rows: list[int]) -> list[tuple[Reason, ...]]:
        """Give the reasons for each of these coaches, () where the row is -1."""
        shown = [row for row in rows if row >= 0]
        if not shown:
            return [() for _ in rows]
        wanted = np.array(shown, np.int64)
        layouts, moved = self._moved(asking, wanted)
        steps, places = np.logical_or.reduce(moved, axis=2).nonzero()  # the rest moved nobody: it is left alone
        facts = self._facts(asking, wanted, layouts, steps.tolist(), places.tolist())
        worth = moved[steps, places]
        strength = np.abs(worth)
        counts = strength > _NOTHING
        said = [
            [Reason(code, one, fact) if one else _NONE for one, fact in zip(mine, about, strict=True)]
            for (code, about), mine in zip(facts, worth.tolist(), strict=True)
        ]
        said += self._based(asking, moved, np.count_nonzero(worth) == np.count_nonzero(counts))
        order = self._order(steps, strength, counts)
        found = [tuple([said[e][k] for e in mine]) for k, mine in enumerate(order)]
        if self._p.prices is not None:
            for k, price in enumerate(self._p.prices[wanted].tolist()):
                if price:
                    found[k] = (*found[k], Reason("order.demand", -price))
        if len(shown) == len(rows):
            return found
        listed = iter(found)
        return [next(listed) if row >= 0 else () for row in rows]

    def _order(self, steps: NDArray[np.int64], strength: Floats, counts: NDArray[np.bool_]) -> list[list[int]]:
        """Give the places of each coach's reasons: per step the strongest first, equal ones by code, then the base."""
        n, n_steps = len(steps), len(self._steps)
        step_of = np.empty((n + n_steps, strength.shape[1]), np.int64)
        step_of[:n] = np.where(counts, steps[:, None], n_steps)  # behind all: what moved others and not this one
        step_of[n:] = self._steps  # the bases
        weakness = np.zeros(step_of.shape)
        np.negative(strength, out=weakness[:n])
        order = np.lexsort((weakness, step_of), axis=0).T.tolist()  # stable: as the codes stand
        n_counting = np.add.reduce(counts, axis=0).tolist()
        return [mine[: n_mine + n_steps] for mine, n_mine in zip(order, n_counting, strict=True)]

    def _based(self, asking: Asking, moved: Floats, is_all: bool) -> list[list[Reason]]:
        """Give each step's base, for each coach: with it stands what moves one by next to nothing, if anything does."""
        if is_all:
            bases = zip(self._bases, asking.base, strict=True)
            return [[Reason(code, base + 0.0)] * moved.shape[2] for code, base in bases]
        small = np.where(np.abs(moved) > _NOTHING, 0.0, moved).sum(axis=1).tolist()
        based = zip(self._bases, asking.base, small, strict=True)
        return [[Reason(code, base + one) for one in mine] for code, base, mine in based]

    def _moved(self, asking: Asking, wanted: NDArray[np.int64]) -> tuple[list[_Layout], Floats]:
        """Give per step how its codes are laid out, and by how much each moves each coach: (steps, codes, r)."""
        compared = self._sums(asking, wanted)
        parts: list[dict[str, Floats]] = []
        for s, one in enumerate(self._p.steps):
            mine: dict[str, Floats] = {}
            if not one.step.linear and not asking.told[s]:
                parts.append(mine)
                continue
            for code, values in (*self._linear(one, s, asking, wanted), *self._told(one.step.name, s, asking, wanted)):
                mine[code] = mine[code] + values if code in mine else values
            parts.append(mine)
        if not any(parts) and parts:
            layouts = self._plain
            if layouts is None:
                layouts = self._plain = [self._layout(s, ()) for s in range(len(parts))]
            return layouts, compared.take(layouts[0].order, axis=1)  # the same names in every step
        layouts = [self._layout(s, tuple(mine)) for s, mine in enumerate(parts)]
        moved = np.zeros((len(parts), max((len(one.codes) for one in layouts), default=0), len(wanted)))
        for s, (mine, layout) in enumerate(zip(parts, layouts, strict=True)):
            whole = np.concatenate([np.stack(list(mine.values())), compared[s]]) if mine else compared[s]
            moved[s, : len(layout.codes)] = whole.take(layout.order, axis=0)
        return layouts, moved

    def _sums(self, asking: Asking, wanted: NDArray[np.int64]) -> Floats:
        """Give by how much each comparison moves each coach in each step: (steps, comparisons, r)."""
        starts = self._p.compare.starts[:-1]
        if not starts:
            return np.zeros((len(self._p.steps), 0, len(wanted)))
        weights = self._weights.get(asking.gains)
        if weights is None:
            gained = zip(self._p.steps, asking.gains, strict=True)
            weights = self._weights[asking.gains] = np.stack([one.step.compare * gain for one, gain in gained])[
                :, :, None
            ]
        made: Floats = np.add.reduceat(weights * self._p.compared(asking, wanted), starts, axis=1)
        return made

    def _layout(self, s: int, parts: tuple[str, ...]) -> _Layout:
        """Give the codes of a step in their order: those of these parts, and those of the comparisons."""
        found = self._layouts.get((s, parts))
        if found is None:
            codes = [*parts, *self._compared[s]]
            order = sorted(range(len(codes)), key=codes.__getitem__)
            past = f"{self._p.steps[s].step.name}.history"
            numbers = [e - len(parts) if e >= len(parts) else _PAST if codes[e] == past else None for e in order]
            found = _Layout(np.array(order, np.int64), [codes[e] for e in order], numbers)
            if len(self._layouts) < _N_LAYOUTS:  # which parts say something differs from trainee to trainee
                self._layouts[s, parts] = found
        return found

    def _facts(
        self, asking: Asking, rows: NDArray[np.int64], layouts: list[_Layout], steps: list[int], places: list[int]
    ) -> list[tuple[str, Sequence[Mapping[str, Any]]]]:
        """Give of each that moved somebody its code, and the facts for each coach; all are looked up once."""
        nothing: Sequence[Mapping[str, Any]] = [_NO_FACTS] * len(rows)
        looked: dict[int | None, Sequence[Mapping[str, Any]]] = {None: nothing}
        if asking.row >= 0:
            looked[_PAST] = [{"n_events": int(self._p.learned.counts[asking.row])}] * len(rows)
        else:
            looked[_PAST] = nothing
        made: list[tuple[str, Sequence[Mapping[str, Any]]]] = []
        for s, e in zip(steps, places, strict=True):
            layout = layouts[s]
            code, number = layout.codes[e], layout.numbers[e]
            found = looked.get(number)
            if found is None and number is not None:
                question = asking.questions[number]
                found = looked[number] = nothing if question is None else question.evidence(rows)
            made.append((code, found or nothing))
        return made

    def _told(self, name: str, s: int, asking: Asking, wanted: NDArray[np.int64]) -> Iterator[Values]:
        for what, values in asking.told[s]:
            yield f"{name}.{what}", values[wanted]

    def _linear(self, one: StepIndex, s: int, asking: Asking, wanted: NDArray[np.int64]) -> Iterator[Values]:
        """Take the products of vectors apart: by the coach's columns, the trainee's, and the two histories."""
        name = one.step.name
        at = 0
        for number, (part, width) in enumerate(zip(one.step.linear, one.widths, strict=True)):
            left = asking.left[s][at : at + width]
            right = one.right[wanted, at : at + width]
            total = (right * left).sum(axis=1)
            at += width
            if part.name == "effects":
                # the first dimension is the trainee's own, the second the coach's
                gain = mixed(one.step.gains[number], asking.share)
                for code, value in self._columns_of_trainee(name, part, gain, asking, float(left[0])):
                    yield code, np.full(len(wanted), value)
                left, total = left.copy(), total - left[0] * right[:, 0]
                left[0] = 0.0
            if part.name in _HISTORY:
                yield f"{name}.history", total
                continue
            if part.right.map is None:
                yield f"{name}.{part.name}", total
                continue
            said = np.zeros(len(wanted))
            by_feature = part.right.map @ left
            features = self._p.encoded.values[wanted]
            for column, first, last in self._p.encoded.groups:
                values = features[:, first:last] @ by_feature[first:last]
                values[np.abs(values) <= _NOTHING] = 0.0
                if values.any():
                    said += values
                    yield f"{name}.coach.{column}", values
            yield f"{name}.{'record' if part.name == 'effects' else part.name}", total - said

    def _columns_of_trainee(
        self, name: str, part: LinearPart, gain: float, asking: Asking, total: float
    ) -> Iterator[tuple[str, float]]:
        said, at = 0.0, 0
        if part.left.map is not None:
            for code in self._p.learned.code_trainee.codes:
                last = at + code.width + 1
                value = gain * float(asking.features[at:last] @ part.left.map[at:last, 0])
                at = last
                if abs(value) > _NOTHING:
                    said += value
                    yield f"{name}.you.{code.name}", value
        yield f"{name}.you", total - said
