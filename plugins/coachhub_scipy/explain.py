"""
Why a coach stands where it does: facts, each with how much it moved a step's logit.

Base and contributions of a step add up to its logit. A reason shows this trainee's
and this coach's own words, hours and prices, and nobody else's. All coaches of a list
are taken apart together, and only what moved somebody is looked up as a fact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coachhub_core.ports.matcher import Reason
from coachhub_scipy.arithmetic import Floats
from coachhub_scipy.parts import LinearPart, mixed

if TYPE_CHECKING:
    from coachhub_scipy.prepared import Asking, Prepared, StepIndex

_NOTHING = 1e-12  # a contribution below it is none
_HISTORY = ("als", "tastes", "profile", "history")  # parts that speak of what a trainee chose before
_NO_FACTS: Mapping[str, Any] = {}

Values = tuple[str, Floats]  # a code, and what it moved each of the coaches by


class Explainer:
    """Takes the logits of one prepared model apart."""

    def __init__(self, prepared: Prepared) -> None:
        self._p = prepared

    def reasons(self, asking: Asking, rows: list[int]) -> list[tuple[Reason, ...]]:
        """Give the reasons for each of these coaches, () where the row is -1."""
        shown = [row for row in rows if row >= 0]
        if not shown:
            return [() for _ in rows]
        wanted = np.array(shown, np.int64)
        compared = _Compared(self._p, asking, shown)
        found: list[list[Reason]] = [[] for _ in shown]
        for s, one in enumerate(self._p.steps):
            self._of_step(one, s, asking, wanted, compared, found)
        if self._p.prices is not None:
            for mine, price in zip(found, self._p.prices[wanted].tolist(), strict=True):
                if price:
                    mine.append(Reason("order.demand", -price))
        listed = iter(found)
        return [tuple(next(listed)) if row >= 0 else () for row in rows]

    def _of_step(
        self,
        one: StepIndex,
        s: int,
        asking: Asking,
        wanted: NDArray[np.int64],
        compared: _Compared,
        found: list[list[Reason]],
    ) -> None:
        name = one.step.name
        parts: dict[str, Floats] = {}
        for code, values in (*self._linear(one, s, asking, wanted), *self._told(name, s, asking, wanted)):
            parts[code] = parts[code] + values if code in parts else values
        numbers, sums = compared.of(s)
        codes = [*parts, *(f"{name}.{self._p.compare.comparisons[number].name}" for number in numbers)]
        base = f"{name}.base"
        if not codes:
            for reasons in found:
                reasons.append(Reason(base, asking.base[s]))
            return
        moved = np.concatenate([np.stack(list(parts.values())), sums]) if parts else sums
        strength = np.abs(moved)
        counts = strength > _NOTHING
        small = np.where(counts, 0.0, moved).sum(axis=0).tolist()
        n_events = {"n_events": int(self._p.learned.counts[asking.row])} if asking.row >= 0 else _NO_FACTS
        history = f"{name}.history"
        facts: list[Sequence[Mapping[str, Any]]] = [
            [n_events if code == history else _NO_FACTS] * len(found) for code in parts
        ]
        facts += [compared.evidence(number) for number in numbers]
        # by strength, equal ones by code
        alphabetical = np.argsort(np.array(codes), kind="stable")
        order = alphabetical[np.argsort(-strength[alphabetical], axis=0, kind="stable")].T.tolist()
        values = moved.tolist()
        for at, (reasons, places, n) in enumerate(zip(found, order, counts.sum(axis=0).tolist(), strict=True)):
            reasons += [Reason(codes[e], values[e][at], facts[e][at]) for e in places[:n]]
            reasons.append(Reason(base, asking.base[s] + small[at]))

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


class _Compared:
    """What the comparisons say of the coaches of one list; facts are looked up once, and only where they count."""

    def __init__(self, prepared: Prepared, asking: Asking, rows: list[int]) -> None:
        self._asking, self._rows = asking, rows
        self._evidence: dict[int, Sequence[Mapping[str, Any]]] = {}
        starts = prepared.compare.starts[:-1]
        if not starts:
            self._sums: Floats = np.zeros((len(prepared.steps), 0, len(rows)))
            return
        features = prepared.compared(asking, np.array(rows, np.int64))
        weights = np.stack([one.step.compare * gain for one, gain in zip(prepared.steps, asking.gains, strict=True)])
        self._sums = np.add.reduceat(weights[:, :, None] * features, starts, axis=1)

    def of(self, s: int) -> tuple[list[int], Floats]:
        """Give which comparisons move anybody in a step, and by how much each of them moves each coach."""
        sums = self._sums[s]
        numbers = np.flatnonzero(sums.any(axis=1))
        return numbers.tolist(), sums[numbers]

    def evidence(self, number: int) -> Sequence[Mapping[str, Any]]:
        """Say in facts what the n-th comparison compared, for each coach of the list."""
        found = self._evidence.get(number)
        if found is None:
            question = self._asking.questions[number]
            found = [{} for _ in self._rows] if question is None else question.evidence(self._rows)
            self._evidence[number] = found
        return found
