"""How much each part of a step of choices counts, told by the choices that were held out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.arithmetic import Floats
from coachhub_scipy.blend import base_for, fit_listwise, ndcg, raise_the_top
from coachhub_scipy.choice_parts import CANDIDATES, PEOPLE, Choices, padded, some_candidates
from coachhub_scipy.material import FEW_CHECKED, MIN_CHECKED
from coachhub_scipy.observe import Observed
from coachhub_scipy.parts import Asked, Gain, SparseRows, StepModel, rounded

DEFAULT_GAINS: dict[str, Gain] = {
    "appeal": (0.6, 0.6),
    "compare": (1.0, 1.0),
    "als": (0.0, 0.0),
    "profile": (0.0, 0.0),
    "kin": (0.0, 0.0),
    "history": (0.0, 0.0),
    "lately": (0.0, 0.0),
    "tower": (0.0, 0.0),
    "asked": (0.0, 0.0),
}  #: of people with a history, and of newcomers; what learned from few choices says nothing until a check says it does
MIN_PEOPLE = 5  #: fewer held out say nothing
_MANY_CHECKED = 1_000  #: choices held out, below which nothing is made of what was chosen last
_RIDGE = 50.0  #: how firmly gains are drawn to what they were before, by a check of MIN_CHECKED choices or fewer


def gains_before(earlier: Mapping[str, Gain]) -> dict[str, Gain]:
    """
    Give how much each part counts where nothing can tell: as in an earlier model, else as it ships.

    What counted nothing there is not in that model; it counts nothing here, unless nobody had asked there either.
    """
    if all(DEFAULT_GAINS[name] == gain for name, gain in earlier.items()):
        return dict(DEFAULT_GAINS)
    return {name: earlier.get(name, (0.0, 0.0)) for name in DEFAULT_GAINS}


@attrs.frozen(eq=False)
class Checked:
    """Candidates of people held out, as the parts score them."""

    names: tuple[str, ...]  # (k,)
    parts: NDArray[np.float32]  # (s, c, k)
    yes: Floats  # (s, c)

    @classmethod
    def together(cls, checks: Iterable[Checked | None]) -> Checked | None:
        """Give several as one; a part that one of them lacks says nothing there. None: of too few."""
        some = [one for one in checks if one is not None]
        n_people = sum(len(one.yes) for one in some)
        if n_people < MIN_PEOPLE or sum(int((one.yes > 0).sum()) for one in some) < FEW_CHECKED:
            return None
        names = tuple(name for name in DEFAULT_GAINS if any(name in one.names for one in some))
        width = max(one.yes.shape[1] for one in some)
        parts, yes = [], []
        for one in some:
            gone = np.isnan(one.parts[:, :, 0])
            cells = np.zeros((len(one.yes), width, len(names)), np.float32)
            cells[:, one.yes.shape[1] :] = np.nan
            for at, name in enumerate(names):
                if name in one.names:
                    cells[:, : one.yes.shape[1], at] = one.parts[:, :, one.names.index(name)]
            cells[:, : one.yes.shape[1]][gone] = np.nan
            parts.append(cells)
            yes.append(np.pad(one.yes, ((0, 0), (0, width - one.yes.shape[1]))))
        return cls(names, np.concatenate(parts), np.concatenate(yes))


def names_of(model: Choices) -> list[str]:
    made = list(model.linear)
    if model.history is not None:
        made.append("history")
        if model.lately is not None:
            made.append("lately")
    if model.asked is not None:
        made.append("asked")
    if model.compare is not None:
        made.append("compare")
    return made


def checked(model: Choices, seen: Observed, fit: NDArray[np.int64], held: NDArray[np.int64]) -> Checked | None:
    """Score candidates of the people held out by every part."""
    m = model.material
    rng = np.random.Generator(np.random.PCG64(m.seed + 2))
    who = np.unique(seen.trainee[held])
    if not len(who):
        return None
    who = np.sort(rng.permutation(who)[:PEOPLE])
    scores = [model.scores(name, who) for name in names_of(model)]
    mine = seen.take(held)
    by_person = {i: np.flatnonzero(mine.trainee == i) for i in who.tolist()}
    cells, yes = [], []
    for at, i in enumerate(who.tolist()):
        rows = by_person[i]
        known = model.chosen[[i]].tocsr().indices
        cand, hit = some_candidates(mine.coach[rows], known, m.shape[1], CANDIDATES, rng)
        answer = np.zeros(len(cand))
        answer[hit] = mine.weight[rows]
        cells.append(np.stack([one[at, cand] for one in scores], axis=1).astype(np.float32))
        yes.append(answer)
    return Checked(tuple(names_of(model)), *padded(cells, yes))


def blended(warm: Checked | None, cold: Checked | None, unchecked: Mapping[str, Gain]) -> dict[str, Gain]:
    """
    Give how much each part counts.

    Args:
        unchecked: What that is drawn towards, and what it is where too few were held out to tell.
    """

    def of(held: Checked, which: int) -> dict[str, float]:
        n_held = int((held.yes > 0).sum())
        told = [name != "lately" or n_held >= _MANY_CHECKED for name in held.names]
        names, parts = [name for name, is_told in zip(held.names, told, strict=True) if is_told], held.parts[:, :, told]
        start = np.array([unchecked[name][which] for name in names])
        ridge = max(_RIDGE * min(MIN_CHECKED / n_held, 1.0) ** 2, 1.0)  # what many choices say needs no leaning on
        found = fit_listwise(parts, held.yes, start=start, ridge=ridge)
        if n_held >= MIN_CHECKED:
            found = raise_the_top(parts, held.yes, found)
        return dict(zip(names, found.tolist(), strict=True))

    if warm is None and cold is None:
        return dict(unchecked)
    before_warm, before_cold = ({name: gain[which] for name, gain in unchecked.items()} for which in (0, 1))
    of_cold = before_cold if cold is None else before_cold | of(cold, 1)
    if warm is not None:
        of_warm = before_warm | of(warm, 0)
    else:  # what newcomers tell holds for all, but for what was known to be another thing
        of_warm = {name: max(of_cold[name] + (before_warm[name] - before_cold[name]), 0.0) for name in unchecked}
    return {name: (of_warm[name], of_cold[name]) for name in unchecked}


def quality(gains: Mapping[str, Gain], warm: Checked | None, cold: Checked | None) -> dict[str, float]:
    """Tell how well all parts together order what was held out: nDCG@10 of those with a history, and of newcomers."""
    found: dict[str, float] = {}
    for which, (name, held) in enumerate((("ndcg_at_10", warm), ("ndcg_at_10.newcomers", cold))):
        if held is not None:
            weights = np.array([gains.get(part, (0.0, 0.0))[which] for part in held.names])
            scores = np.nan_to_num(held.parts).astype(np.float64) @ weights
            found[name] = ndcg(np.where(np.isnan(held.parts[:, :, 0]), -np.inf, scores), held.yes)
    return found


def laid_out(name: str, model: Choices, gains: dict[str, Gain], base: Gain) -> StepModel:
    used = {n: gains.get(n, (0.0, 0.0)) for n in model.linear if max(gains.get(n, (0.0, 0.0))) > 1e-6}
    width = model.material.compare.width
    asked = None
    if model.asked is not None and max(gains.get("asked", (0.0, 0.0))) > 1e-6:
        fit = model.asked
        asked = Asked(fit.columns, fit.terms, fit.idf, SparseRows.of(fit.weights))
    history = None
    of_history, of_lately = (gains.get(name, (0.0, 0.0)) for name in ("history", "lately"))
    if model.history is not None and max(of_history[0], of_lately[0]) > 1e-6:
        history = SparseRows.of(model.history)
    return StepModel(
        name=name,
        base=base,
        linear=tuple(model.linear[n].kept() for n in used),
        gains=tuple(used.values()),
        compare=model.compare if model.compare is not None else np.zeros(width),
        compare_gain=gains.get("compare", (0.0, 0.0)),
        history=history,
        history_gain=of_history if history is not None else (0.0, 0.0),
        lately_gain=of_lately if history is not None and model.lately is not None else (0.0, 0.0),
        asked=asked,
        asked_gain=gains.get("asked", (0.0, 0.0)) if asked is not None else (0.0, 0.0),
        doubt=rounded(1.0 / np.sqrt(1.0 + model.counts_c)),  # of the logarithm of a count
        doubt_new=1.0,
        doubt_gain=used.get("appeal", (0.0, 0.0)),
    )


def with_base(step: StepModel, model: Choices, seen: Observed) -> StepModel:
    """Set the constants so that the mean probability is the share of pairs that were chosen."""
    m = model.material
    gain = dict(zip([part.name for part in step.linear], step.gains, strict=True))
    gain["compare"] = step.compare_gain
    gain["history"], gain["lately"], gain["asked"] = step.history_gain, step.lately_gain, step.asked_gain
    who = np.flatnonzero(model.counts_u > 0)
    rng = np.random.Generator(np.random.PCG64(m.seed + 3))
    who = np.sort(rng.permutation(who)[:100])
    rate = float(np.clip(model.chosen.nnz / max(len(np.unique(seen.trainee)), 1) / max(m.shape[1], 1), 1e-5, 0.9))
    made = []
    for which in (0, 1):
        total = np.zeros((len(who), m.shape[1]))
        for name in names_of(model):
            if gain.get(name, (0.0, 0.0))[which] > 0:
                total += gain[name][which] * model.scores(name, who)
        step_of = max(total.size // 20_000, 1)
        made.append(base_for(total.ravel()[::step_of], rate) if total.size else 0.0)
    return attrs.evolve(step, base=(made[0], made[1]))
