"""
The learning of one step from answers: a logistic of both people and comparisons, and beside it what the chosen say.

It is fitted twice: on a part, so that the rest can say which of a few forms helps, and
then on all of it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.arithmetic import Floats
from coachhub_scipy.blend import fit_answers, log_loss
from coachhub_scipy.chosen import chosen_matrix, liked_matrix
from coachhub_scipy.crossed import crossed_logits, fit_crossed, log_place
from coachhub_scipy.crossed_parts import Crossed
from coachhub_scipy.factors import als, autoencoder
from coachhub_scipy.material import MIN_CHECKED, Material, split
from coachhub_scipy.observe import Observed
from coachhub_scipy.parts import Gain, LinearPart, Side, SparseRows, StepModel, rounded

if TYPE_CHECKING:
    from coachhub_scipy.staged import Staged


def learn_answers(name: str, seen: Observed, material: Material, staged: Staged) -> StepModel:
    """Learn from explicit yes and no, or from ratings."""
    has_features = material.trainee.values.shape[1] > 0
    parts = split(seen, len(material.trainees), with_cold=has_features, seed=material.seed)
    pairs = material.pairs(name, seen)

    def some(rows: NDArray[np.int64]) -> Any:
        return attrs.evolve(pairs, seen=seen.take(rows), compare=pairs.compare[rows])

    n_people = len(np.unique(seen.trainee)) + len(np.unique(seen.coach))
    n_yes = float(seen.yes[parts.warm].sum())
    rank, taste = 0, 0.0
    extras: list[_Extra] = []
    gains: Floats = np.array([1.0, 0.0])
    model: Crossed | None = None
    held_out: dict[str, float] = {}
    if min(n_yes, len(parts.warm) - n_yes) >= MIN_CHECKED / 2 and len(parts.fit):
        fitting, warm = some(parts.fit), some(parts.warm)
        first = staged("check/first", partial(fit_crossed, fitting, seed=material.seed, go_on=material.go_on))
        weight = warm.seen.weight
        best, model = log_loss(crossed_logits(first, warm), warm.seen.yes, weight), first
        tries: list[tuple[float | None, int, float]] = []
        if pairs.z_trainee.shape[1] and pairs.z_coach.shape[1]:
            tries += [(width, 0, 0.0) for width in (0.012, 0.03)]
        if len(parts.fit) >= 6 * n_people:
            tries += [(None, 8, width) for width in (0.25, 0.45)]
        for number, (width, n_tastes, of_taste) in enumerate(tries):
            fit = partial(
                fit_crossed,
                fitting,
                rank=n_tastes,
                taste_width=of_taste,
                seed=material.seed,
                start=model if n_tastes else first,
                cross_width=width,
                go_on=material.go_on,
            )
            tried = staged(f"check/try{number}", fit)
            loss = log_loss(crossed_logits(tried, warm), warm.seen.yes, weight)
            if loss < best - 2e-4:
                best, model, rank, taste = loss, tried, n_tastes, of_taste
        extras = _extras(seen.take(parts.fit), material, staged.within("check"))
        # as they stood: what a low place cost them is no reason to think less of everybody
        as_shown = crossed_logits(model, warm) + model.position * log_place(warm.seen)
        columns = [as_shown, *(e.of_pairs(warm.seen, material) for e in extras)]
        start = np.zeros(len(columns))
        start[0] = 1.0
        gains = fit_answers(np.stack(columns, axis=1), warm.seen.yes, weight, start=start, ridge=20.0)
        held_out = {"log_loss": best, "n": float(len(warm.seen))}
    last = partial(
        fit_crossed,
        pairs,
        rank=rank,
        taste_width=taste,
        seed=material.seed,
        start=model,
        go_on=material.go_on,
    )
    final = staged("crossed", last)
    own = min(max(float(gains[0]), 0.5), 1.5)
    step = _crossed_step(name, final, material, (own, 1.0))
    step = attrs.evolve(step, base=(step.base[0] + float(gains[-1]), step.base[1]), held_out=held_out)
    for extra, gain in zip(_extras(seen, material, staged, of=extras), gains[1:-1].tolist(), strict=False):
        if gain > 1e-3:
            step = extra.added_to(step, gain)
    return step


def _crossed_step(name: str, model: Crossed, material: Material, gain: Gain) -> StepModel:
    """Lay a crossed logistic out as parts."""
    (cu, bu), (cc, bc) = material.trainee_basis, material.coach_basis
    zero_u, zero_c = np.zeros_like(model.trainee), np.zeros_like(model.coach)
    turned = bu @ model.cross
    parts = [
        LinearPart(
            "effects",
            Side(
                np.array([0.0, 1.0]),
                np.stack([model.trainee, zero_u], axis=1),
                np.stack([model.own_trainee, np.zeros_like(model.own_trainee)], axis=1),
            ),
            Side(
                np.array([1.0, 0.0]),
                np.stack([zero_c, model.coach], axis=1),
                np.stack([np.zeros_like(model.own_coach), model.own_coach], axis=1),
            ),
        ),
        LinearPart("fit", Side(-(cu @ turned), turned), Side(-(cc @ bc), bc)),
    ]
    if model.left.shape[1]:
        nought = np.zeros(model.left.shape[1])
        parts.append(LinearPart("tastes", Side(nought, own=model.left), Side(nought, own=model.right)))
    return StepModel(
        name=name,
        base=(gain[0] * model.base, gain[1] * model.base),
        linear=tuple(part.kept() for part in parts),
        gains=(gain,) * len(parts),
        compare=model.compare,
        compare_gain=gain,
        doubt=rounded(model.doubt),
        doubt_new=model.doubt_new,
        doubt_gain=gain,
    )


@attrs.frozen(eq=False)
class _Extra:
    """A part learned from the chosen alone, beside a logistic."""

    name: str
    part: LinearPart | None = None
    history: Any = None  # csr (m, m)
    chosen: Any = None

    def of_pairs(self, seen: Observed, material: Material) -> Floats:
        if self.part is not None:
            n, m = material.shape
            left = self.part.left.vectors(material.trainee.values, np.arange(n))
            right = self.part.right.vectors(material.coach.values, np.arange(m))
            made: Floats = np.einsum("ij,ij->i", left[seen.trainee], right[seen.coach])
            return made
        who, places = np.unique(seen.trainee, return_inverse=True)
        scores = np.asarray((liked_matrix(self.chosen[who]) @ self.history).todense())
        of_pairs: Floats = scores[places, seen.coach]
        return of_pairs

    def added_to(self, step: StepModel, gain: float) -> StepModel:
        if self.part is not None:
            return attrs.evolve(step, linear=(*step.linear, self.part.kept()), gains=(*step.gains, (gain, 0.0)))
        return attrs.evolve(step, history=SparseRows.of(self.history), history_gain=(gain, 0.0))


def _extras(seen: Observed, material: Material, staged: Staged, of: list[_Extra] | None = None) -> list[_Extra]:
    """Learn from the chosen of a log of yes and no what people with a history share."""
    chosen = chosen_matrix(seen, material.shape)
    if of is None and (chosen.nnz < 500 or chosen.nnz < 3 * (np.diff(chosen.indptr) > 0).sum()):
        return []
    if of is not None and not of:
        return []
    settings: dict[str, Any] = {"rank": 16, "unseen": 0.1, "penalty": 0.05, "seed": material.seed, "n_rounds": 8}
    left, right = staged("als", partial(als, chosen, **settings, go_on=material.go_on))
    part = LinearPart("als", Side(np.zeros(16), own=left), Side(np.zeros(16), own=right))
    mean = max(chosen.nnz / max(chosen.shape[1], 1), 1.0)
    history = staged("history", partial(autoencoder, chosen, 8.0 * (mean + 5.0)))
    return [_Extra("als", part=part, chosen=chosen), _Extra("history", history=history, chosen=chosen)]
