"""
Why a coach stands where it does: facts, each with how much it moved a step's logit.

Base and contributions of a step add up to its logit. A reason shows this trainee's
and this coach's own words, hours and prices, and nobody else's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from coachhub_core.ports.matcher import Reason

if TYPE_CHECKING:
    from coachhub_scipy.index import Asking, Prepared, StepIndex

_NOTHING = 1e-12  # a contribution below it is none


class Explainer:
    """Takes the logits of one prepared model apart."""

    def __init__(self, prepared: Prepared) -> None:
        self._p = prepared

    def reasons(self, asking: Asking, rows: list[int]) -> list[tuple[Reason, ...]]:
        """Give the reasons for each of these coaches, () where the row is -1."""
        wanted = np.array([row for row in rows if row >= 0], np.int64)
        if not len(wanted):
            return [() for _ in rows]
        features = self._p.compare.features(asking.trainee, wanted)
        evidence: dict[tuple[int, int], dict[str, Any]] = {}
        found: dict[int, list[Reason]] = {row: [] for row in wanted.tolist()}
        for s, one in enumerate(self._p.steps):
            history = self._p.history(one, asking) if one.step.history is not None and asking.row >= 0 else None
            asked = self._p.asked(one, asking) if one.step.asked is not None else None
            for at, row in enumerate(wanted.tolist()):
                parts: dict[str, float] = {}
                facts: dict[str, Mapping[str, Any]] = {}
                for code, value in self._linear(one, s, asking, row):
                    parts[code] = parts.get(code, 0.0) + value
                for number, comparison in enumerate(self._p.compare.comparisons):
                    first, last = self._p.compare.starts[number], self._p.compare.starts[number + 1]
                    weights = one.step.compare[first:last] * _mixed(one.step.compare_gain, asking.share)
                    value = float((weights * features[first:last, at]).sum())
                    if abs(value) > _NOTHING:
                        code = f"{one.step.name}.{comparison.name}"
                        parts[code] = parts.get(code, 0.0) + value
                        if (number, row) not in evidence:
                            evidence[number, row] = self._p.compare.evidence(number, asking.trainee, row)
                        facts[code] = evidence[number, row]
                if history is not None:
                    code = f"{one.step.name}.history"
                    value = _mixed(one.step.history_gain, asking.share) * float(history[row])
                    parts[code] = parts.get(code, 0.0) + value
                if asked is not None:
                    gain = _mixed(one.step.asked_gain, asking.share)
                    parts[f"{one.step.name}.asked"] = gain * float(asked[row])
                code = f"{one.step.name}.history"
                if code in parts and asking.row >= 0:
                    facts[code] = {"n_events": int(self._p.learned.counts[asking.row])}
                made = [Reason(c, v, facts.get(c, {})) for c, v in parts.items() if abs(v) > _NOTHING]
                small = sum(v for v in parts.values() if abs(v) <= _NOTHING)
                found[row] += sorted(made, key=lambda reason: (-abs(reason.contribution), reason.code))
                found[row].append(Reason(f"{one.step.name}.base", asking.base[s] + small))
        if self._p.prices is not None:
            for row, mine in found.items():
                if self._p.prices[row]:
                    mine.append(Reason("order.demand", -float(self._p.prices[row])))
        return [tuple(found[row]) if row >= 0 else () for row in rows]

    def _linear(self, one: StepIndex, s: int, asking: Asking, row: int) -> Iterator[tuple[str, float]]:
        """Take the products of vectors apart: by the coach's columns, the trainee's, and the two histories."""
        name = one.step.name
        at = 0
        for part, width in zip(one.step.linear, one.widths, strict=True):
            left = asking.left[s][at : at + width]
            right = one.right[at : at + width, row]
            total = float((left * right).sum())
            at += width
            if part.name == "effects":
                # the first dimension is the trainee's own, the second the coach's
                yield from self._columns_of_trainee(name, part, asking, float(left[0]))
                left, total = left.copy(), total - float(left[0] * right[0])
                left[0] = 0.0
            if part.name in ("als", "tastes", "profile", "history"):
                yield f"{name}.history", total
                continue
            if part.right.map is None:
                yield f"{name}.{part.name}", total
                continue
            said = 0.0
            x = self._p.encoded.values[row]
            for column, first, last in self._p.encoded.groups:
                hit = np.flatnonzero(x[first:last]) + first
                if len(hit):
                    value = float((x[hit] @ part.right.map[hit]) @ left)
                    if abs(value) > _NOTHING:
                        said += value
                        yield f"{name}.coach.{column}", value
            yield f"{name}.{'record' if part.name == 'effects' else part.name}", total - said

    def _columns_of_trainee(self, name: str, part: Any, asking: Asking, total: float) -> Iterator[tuple[str, float]]:
        gain = 0.0
        for other, one_gain in zip(self._step_parts(name), self._step_gains(name), strict=True):
            if other is part:
                gain = _mixed(one_gain, asking.share)
        said = 0.0
        if part.left.map is not None:
            for column, first, last in self._groups_of_trainee():
                value = gain * float(asking.features[first:last] @ part.left.map[first:last, 0])
                if abs(value) > _NOTHING:
                    said += value
                    yield f"{name}.you.{column}", value
        yield f"{name}.you", total - said

    def _step_parts(self, name: str) -> tuple[Any, ...]:
        return next(one.step.linear for one in self._p.steps if one.step.name == name)

    def _step_gains(self, name: str) -> tuple[Any, ...]:
        return next(one.step.gains for one in self._p.steps if one.step.name == name)

    def _groups_of_trainee(self) -> Iterator[tuple[str, int, int]]:
        at = 0
        for code in self._p.learned.code_trainee.codes:
            yield code.name, at, at + code.width + 1
            at += code.width + 1


def _mixed(gain: tuple[float, float], share: float) -> float:
    return share * gain[0] + (1.0 - share) * gain[1]
