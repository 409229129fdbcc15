"""
The learning of one step from choices alone: whom of all coaches would this trainee pick.

All parts are fitted twice: on some of the choices, so that the rest can say how much each
counts, and then on all of them. Of a small log several parts are held out, one after the other.
What even those are too few to say stays as the prior has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from coachhub_scipy.blend import ndcg
from coachhub_scipy.choice_gains import Checked, blended, checked, gains_before, laid_out, quality, with_base
from coachhub_scipy.choice_parts import (
    PEOPLE,
    Choices,
    How,
    als_part,
    appeal_part,
    asked_part,
    compare_weights,
    history_part,
    kin_part,
    profile_part,
    tower_part,
)
from coachhub_scipy.chosen import chosen_matrix, counts_of_both, fading, liked_matrix
from coachhub_scipy.material import Material, splits
from coachhub_scipy.observe import Observed
from coachhub_scipy.parts import Gain, LinearPart, StepModel

if TYPE_CHECKING:
    from coachhub_scipy.staged import Staged


def learn_choices(name: str, seen: Observed, material: Material, staged: Staged) -> StepModel:
    """Learn from choices alone: whom of all coaches would this trainee pick."""
    has_features = material.trainee.values.shape[1] > 0
    folds = splits(seen, len(material.trainees), with_cold=has_features, seed=material.seed)
    unchecked = gains_before({} if material.earlier is None else material.earlier.gains(name))
    gains = unchecked
    how = How()
    base = (0.0, 0.0)
    held_out: dict[str, float] = {}
    if folds:

        def check() -> tuple[How, dict[str, Gain], dict[str, float]]:
            how, warm, cold = How(), list[Checked | None](), list[Checked | None]()
            for number, fold in enumerate(folds):
                within = staged.within(f"check{number}" if number else "check")
                judged = None if number else seen.take(fold.warm)  # the settings are chosen once
                how, model = _fit_choices(name, seen.take(fold.fit), material, how, within, check=judged)
                warm.append(checked(model, seen, fold.fit, fold.warm))
                cold.append(checked(model, seen, fold.fit, fold.cold))
            of_warm, of_cold = Checked.together(warm), Checked.together(cold)
            gains = blended(of_warm, of_cold, unchecked)
            return how, gains, quality(gains, of_warm, of_cold)

        how, gains, held_out = staged("check", check)
    _, model = _fit_choices(name, seen, material, how, staged, check=None)
    step = laid_out(name, model, gains, base)
    return attrs.evolve(with_base(step, model, seen), held_out=held_out)


def _fit_choices(
    step: str, seen: Observed, material: Material, how: How, staged: Staged, *, check: Observed | None
) -> tuple[How, Choices]:
    """Fit all parts; with *check*, try a few settings of each and keep what orders it best."""
    chosen = chosen_matrix(seen, material.shape)
    counts_u, counts_c = counts_of_both(chosen)
    model = Choices(material, chosen, counts_u, counts_c, step)
    model.lately = fading(seen, liked_matrix(chosen))
    model.linear["appeal"] = appeal_part(counts_c, material, model.earlier("appeal"))
    judge = None if check is None or not len(check) else _Judge(model, check)

    def best(field: str, name: str, values: tuple[Any, ...], make: Any) -> None:
        nonlocal how

        def look() -> tuple[Any, Any]:
            results: list[tuple[float, int, Any, Any]] = []
            for value in values if judge is not None else (getattr(how, field),):
                made = make(attrs.evolve(how, **{field: value}))
                if made is None:
                    return None, None
                results.append((judge.of(name, made) if judge is not None else 0.0, -len(results), value, made))
            return max(results, key=lambda r: r[:2])[2:]

        value, made = staged(name, look)
        if made is not None:
            how = attrs.evolve(how, **{field: value})
            _put(model, name, made)

    n_known = int((counts_u >= 2).sum())
    if chosen.nnz >= 2 * max(n_known, 1) and n_known >= 20:
        rank = int(min(64 if chosen.nnz > 300_000 else 32, max(min(chosen.shape) // 3, 2)))
        best("als", "als", ((0.03, 0.1), (0.2, 0.1), (0.2, 0.01)), lambda h: als_part(model, rank, h))
        best("history", "history", (3.0, 15.0), lambda h: history_part(model, h))
        if material.z_coach.shape[1]:
            best("profile", "profile", (0.02, 0.2), lambda h: profile_part(model, h))
    if material.z_trainee.shape[1]:
        best("kin", "kin", (0.02, 0.2), lambda h: kin_part(model, h))
    if material.coach.values.shape[1] and material.trainee.values.shape[1]:
        best("tower", "tower", (how.tower,), lambda h: tower_part(model, h, model.earlier("tower")))
    best("asked", "asked", (how.asked,), lambda h: asked_part(model, h))
    if material.compare.width:
        model.compare = staged("compare", lambda: compare_weights(model))
    return how, model


def _put(model: Choices, name: str, made: Any) -> None:
    if isinstance(made, LinearPart):
        model.linear[name] = made
    elif name == "history":
        model.history = made
    else:
        model.asked = made


class _Judge:
    """Orders the pairs that were held out, and says how well."""

    def __init__(self, model: Choices, check: Observed) -> None:
        self._model = model
        who, inverse = np.unique(check.trainee, return_inverse=True)
        self._who = who[: 4 * PEOPLE]
        self._yes = np.zeros((len(self._who), model.material.shape[1]))
        kept = inverse < len(self._who)
        self._yes[inverse[kept], check.coach[kept]] = check.weight[kept]
        self._seen = np.asarray(model.chosen[self._who].todense()) > 0

    def of(self, name: str, made: Any) -> float:
        _put(self._model, name, made)
        scores = self._model.scores(name, self._who)
        return ndcg(np.where(self._seen, -np.inf, scores), self._yes)
