"""
An earlier model beside new tables: what it learned of columns, said of today's.

What two columns have in common is taken by name and kind, what columns say on their own and together through
:mod:`coachhub_scipy.carried`. Nothing is taken of people, not even of those both know: what they did then usually
stands in today's log too, and would count twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs
import numpy as np

from coachhub_scipy.arithmetic import Floats
from coachhub_scipy.carried import Carried
from coachhub_scipy.comparisons import Given
from coachhub_scipy.crossed_parts import Towards
from coachhub_scipy.encode import Encoder
from coachhub_scipy.parts import Gain, LinearPart, Side, StepModel

if TYPE_CHECKING:
    from coachhub_scipy.duet import Learned

Directions = tuple[Floats, Floats, Floats]  # features (n, p), their centre (p,), and along the leading ones (n, q)


@attrs.frozen(eq=False)
class Earlier:
    """What an earlier model learned, in today's features."""

    comparisons: Given
    trainee: Carried
    coach: Carried
    steps: Mapping[str, StepModel]

    @classmethod
    def of(cls, prior: Learned, code_trainee: Encoder, code_coach: Encoder) -> Earlier:
        """Lay a model out for today's columns; where they have none in common, what else it learned is left as well."""
        trainee = Carried.of(prior.code_trainee, code_trainee)
        coach = Carried.of(prior.code_coach, code_coach)
        has_columns = prior.code_trainee.codes or prior.code_coach.codes or code_trainee.codes or code_coach.codes
        is_alike = trainee.n_columns + coach.n_columns > 0 or not has_columns
        return cls(_worth(prior), trainee, coach, {step.name: step for step in prior.steps} if is_alike else {})

    def has_answers(self, step: str) -> bool:
        """Tell whether it learned a step from yes and no."""
        return any(part.name == "effects" for part in self._linear(step))

    def expects_no(self, step: str, n: int) -> float:
        """Give how many of *n* pairs would be a no, of a step it learned from yes and no; else infinitely many."""
        if not self.has_answers(step):
            return np.inf
        return n * 0.5 * (1.0 - float(np.tanh(0.5 * self.steps[step].base[1])))

    def of_answers(self, step: str, trainees: Directions, coaches: Directions) -> Towards | None:
        """
        Give what the logistic of a step is drawn towards; None unless it learned the step from yes and no.

        It has the earlier logits, of people nobody met; what columns say together is said about today's centres.
        """
        effects, fit = self.part(step, "effects"), self.part(step, "fit")
        if effects is None or fit is None:
            return None
        by_trainee, by_coach = map_of(effects.left)[:, 0], map_of(effects.right)[:, 1]
        base = self.steps[step].base[1] + effects.left.constant[0] + effects.right.constant[1]
        (left, along_left), (right, along_right) = along(fit.left, trainees), along(fit.right, coaches)
        alone = map_of(fit.left) @ right, map_of(fit.right) @ left
        return Towards(
            base=float(base + left @ right - trainees[1] @ alone[0] - coaches[1] @ alone[1]),
            trainee=by_trainee + alone[0],
            coach=by_coach + alone[1],
            cross=along_left @ along_right.T,
            spread=self.steps[step].doubt_new,
        )

    def part(self, step: str, name: str) -> LinearPart | None:
        """Give what features say in a linear part of a step; None where it has none of that name."""
        for part in self._linear(step):
            if part.name == name:
                return LinearPart(name, self.trainee.side(part.left), self.coach.side(part.right))
        return None

    def gains(self, step: str) -> dict[str, Gain]:
        """Give how much each part of a step of choices counted."""
        if step not in self.steps or self.has_answers(step):
            return {}
        was = self.steps[step]
        found = dict(zip([part.name for part in was.linear], was.gains, strict=True))
        found["compare"] = was.compare_gain
        if was.history is not None:
            found["history"] = was.history_gain
            found["lately"] = was.lately_gain
        if was.asked is not None:
            found["asked"] = was.asked_gain
        return found

    def _linear(self, step: str) -> tuple[LinearPart, ...]:
        return self.steps[step].linear if step in self.steps else ()


def map_of(side: Side) -> Floats:
    """Give what features add to the vectors of a side that was carried over: (p, d)."""
    assert side.map is not None  # noqa: S101 - each of those has one
    return side.map


def along(side: Side, directions: Directions) -> tuple[Floats, Floats]:
    """
    Give a side's vectors along the leading directions of features.

    Returns:
        Their mean (d,), and how they change along each direction (q, d).
    """
    values, centre, z = directions
    return side.constant + centre @ map_of(side), z.T @ ((values - centre) @ map_of(side)) / max(len(z), 1)


def _worth(prior: Learned) -> Given:
    """Give what a model learned each comparison to be worth, by step, name and kind."""
    found: dict[str, dict[tuple[str, str], Floats]] = {}
    for step in prior.steps:
        at = 0
        for one in prior.comparisons:
            found.setdefault(step.name, {})[one.name, one.kind] = step.compare[at : at + len(one.parts)]
            at += len(one.parts)
    return found
