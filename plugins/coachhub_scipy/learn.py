"""
The learning of one step: among choices, or of answers.

Everything is fitted twice: on a part, so that the rest can say how much each part
counts, and then on all of it. What the check was too small to say stays as the prior
has it.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.arithmetic import Floats
from coachhub_scipy.blend import base_for, fit_answers, fit_listwise, log_loss, ndcg, raise_the_top
from coachhub_scipy.crossed import Crossed, crossed_logits, fit_crossed
from coachhub_scipy.factors import als, autoencoder, half_step, ridge_map
from coachhub_scipy.material import Material, split
from coachhub_scipy.observe import CHOSEN, Observed
from coachhub_scipy.parts import Asked, Gain, LinearPart, Side, SparseRows, StepModel, trust
from coachhub_scipy.towers import fit_towers

MIN_CHECKED = 200  #: positives below which a check says nothing
_PEOPLE = 400  # of whom a check looks at
_CANDIDATES = 800
_TOWER_PEOPLE = 2_500
_MAX_ASKED = 4_000
_KEPT_PER_TERM = 60
_GLADLY = 0.5
_UNSEEN = 0.1  # weight of what was not chosen, where features are told by it


def learn_step(name: str, seen: Observed, material: Material) -> StepModel:
    """Learn one step from what was observed of it."""
    if seen.has_no:
        return learn_answers(name, seen, material)
    return learn_choices(name, seen, material)


def chosen_matrix(seen: Observed, shape: tuple[int, int]) -> Any:
    """Give the chosen pairs as scipy's csr, their weights as values."""
    from scipy.sparse import coo_array

    if seen.has_no:
        liked = seen.take(np.flatnonzero(seen.yes > (0.5 if seen.is_graded else CHOSEN)))
        values = np.ones(len(liked))
    else:
        liked, values = seen, seen.weight * seen.yes
    made = coo_array((values, (liked.trainee, liked.coach)), shape=shape).tocsr()
    made.sort_indices()
    return made


def liked_matrix(chosen: Any) -> Any:
    """Give the pairs that were chosen gladly, as ones: the history that later choices are read off."""
    from scipy.sparse import csr_array

    cells = chosen.tocoo()
    kept = cells.data >= _GLADLY
    rows, cols = cells.coords
    made = csr_array((np.ones(int(kept.sum())), (rows[kept], cols[kept])), shape=chosen.shape)
    made.sort_indices()
    return made


# ── answers: yes and no ─────────────────────────────────────────────────────


def learn_answers(name: str, seen: Observed, material: Material) -> StepModel:
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
    if min(n_yes, len(parts.warm) - n_yes) >= MIN_CHECKED / 2 and len(parts.fit):
        fitting, warm = some(parts.fit), some(parts.warm)
        first = fit_crossed(fitting, seed=material.seed, go_on=material.go_on)
        weight = warm.seen.weight
        best, model = log_loss(crossed_logits(first, warm), warm.seen.yes, weight), first
        tries: list[tuple[float | None, int, float]] = []
        if pairs.z_trainee.shape[1] and pairs.z_coach.shape[1]:
            tries += [(width, 0, 0.0) for width in (0.012, 0.03)]
        if len(parts.fit) >= 6 * n_people:
            tries += [(None, 8, width) for width in (0.25, 0.45)]
        for width, n_tastes, of_taste in tries:
            tried = fit_crossed(
                fitting,
                rank=n_tastes,
                taste_width=of_taste,
                seed=material.seed,
                start=model if n_tastes else first,
                cross_width=width,
                go_on=material.go_on,
            )
            loss = log_loss(crossed_logits(tried, warm), warm.seen.yes, weight)
            if loss < best - 2e-4:
                best, model, rank, taste = loss, tried, n_tastes, of_taste
        extras = _extras(seen.take(parts.fit), material)
        columns = [crossed_logits(model, warm), *(e.of_pairs(warm.seen, material) for e in extras)]
        start = np.zeros(len(columns))
        start[0] = 1.0
        gains = fit_answers(np.stack(columns, axis=1), warm.seen.yes, weight, start=start, ridge=20.0)
    final = fit_crossed(
        pairs,
        rank=rank,
        taste_width=taste,
        seed=material.seed,
        start=model,
        go_on=material.go_on,
    )
    own = min(max(float(gains[0]), 0.5), 1.5)
    step = _crossed_step(name, final, material, (own, 1.0))
    step = attrs.evolve(step, base=(step.base[0] + float(gains[-1]), step.base[1]))
    for extra, gain in zip(_extras(seen, material, of=extras), gains[1:-1].tolist(), strict=False):
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


def _counts(chosen: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return (
        np.diff(chosen.indptr).astype(np.int64),
        np.bincount(chosen.indices, minlength=chosen.shape[1]).astype(np.int64),
    )


def _extras(seen: Observed, material: Material, of: list[_Extra] | None = None) -> list[_Extra]:
    """Learn from the chosen of a log of yes and no what people with a history share."""
    chosen = chosen_matrix(seen, material.shape)
    if of is None and (chosen.nnz < 500 or chosen.nnz < 3 * (np.diff(chosen.indptr) > 0).sum()):
        return []
    if of is not None and not of:
        return []
    left, right = als(chosen, rank=16, unseen=0.1, penalty=0.05, seed=material.seed, n_rounds=8, go_on=material.go_on)
    part = LinearPart("als", Side(np.zeros(16), own=left), Side(np.zeros(16), own=right))
    mean = max(chosen.nnz / max(chosen.shape[1], 1), 1.0)
    return [
        _Extra("als", part=part, chosen=chosen),
        _Extra("history", history=autoencoder(chosen, 8.0 * (mean + 5.0)), chosen=chosen),
    ]


# ── choices: only yes ───────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class _How:
    """What is chosen by a look at the part held out."""

    als: tuple[float, float] = (0.2, 0.05)  # weight of what was not chosen, penalty
    profile: float = 0.1
    kin: float = 0.1
    history: float = 8.0
    tower: float = 3.0
    asked: float = 2.0


@attrs.define(eq=False)
class _Choices:
    """All parts of a step of choices, fitted on some pairs."""

    material: Material
    chosen: Any
    counts_u: NDArray[np.int64]
    counts_c: NDArray[np.int64]
    linear: dict[str, LinearPart] = attrs.field(factory=dict)
    compare: Floats | None = None
    history: Any = None
    asked: _AskedFit | None = None

    def scores(self, name: str, who: NDArray[np.int64]) -> Floats:
        """Give a part's numbers for some trainees and all coaches: (s, m)."""
        m = self.material
        if name in self.linear:
            part = self.linear[name]
            rows = np.where(self.counts_u[who] > 0, who, -1)
            left = part.left.vectors(m.trainee.values[who], rows)
            right = part.right.vectors(m.coach.values, np.arange(len(m.coaches)))
            made: Floats = left @ right.T
            return made
        if name == "history":
            return np.asarray((liked_matrix(self.chosen[who]) @ self.history).todense())
        if name == "asked":
            assert self.asked is not None  # noqa: S101 - asked for by name only where it is
            return np.asarray(self.asked.words[who] @ self.asked.weights)
        assert self.compare is not None  # noqa: S101 - as above
        return np.stack([self.compare @ m.compared(i) for i in who.tolist()]) if len(who) else np.zeros((0, m.shape[1]))


@attrs.frozen(eq=False)
class _AskedFit:
    columns: tuple[str, ...]
    terms: tuple[str, ...]
    idf: Floats
    words: Any  # csr (n, terms)
    weights: Any  # csr (terms, m)


def learn_choices(name: str, seen: Observed, material: Material) -> StepModel:
    """Learn from choices alone: whom of all coaches would this trainee pick."""
    has_features = material.trainee.values.shape[1] > 0
    parts = split(seen, len(material.trainees), with_cold=has_features, seed=material.seed)
    gains: dict[str, Gain] = dict(_DEFAULT_GAINS)
    how = _How()
    base = (0.0, 0.0)
    if len(parts.warm) + len(parts.cold) >= MIN_CHECKED and len(parts.fit) >= MIN_CHECKED:
        fitted = _fit_choices(seen.take(parts.fit), material, how, check=seen.take(parts.warm))
        how, model = fitted
        warm = _check(model, seen, parts.fit, parts.warm)
        cold = _check(model, seen, parts.fit, parts.cold)
        gains = _blended(model, warm, cold)
        _, model = _fit_choices(seen, material, how, check=None)
    else:
        _, model = _fit_choices(seen, material, how, check=None)
    step = _choices_step(name, model, gains, base)
    return _with_base(step, model, seen)


_DEFAULT_GAINS: dict[str, Gain] = {
    "appeal": (0.5, 0.6),
    "compare": (1.0, 1.0),
    "als": (4.0, 0.0),
    "profile": (1.0, 0.0),
    "kin": (1.0, 1.0),
    "history": (2.0, 0.0),
    "tower": (0.5, 0.5),
    "asked": (1.0, 1.0),
}


def _fit_choices(seen: Observed, material: Material, how: _How, *, check: Observed | None) -> tuple[_How, _Choices]:
    """Fit all parts; with *check*, try a few settings of each and keep what orders it best."""
    chosen = chosen_matrix(seen, material.shape)
    counts_u, counts_c = _counts(chosen)
    model = _Choices(material, chosen, counts_u, counts_c)
    model.linear["appeal"] = _appeal(counts_c, material)
    judge = None if check is None or not len(check) else _Judge(model, check)

    def best(field: str, name: str, values: tuple[Any, ...], make: Any) -> None:
        nonlocal how
        results: list[tuple[float, int, Any, Any]] = []
        for value in values if judge is not None else (getattr(how, field),):
            made = make(attrs.evolve(how, **{field: value}))
            if made is None:
                return
            results.append((judge.of(name, made) if judge is not None else 0.0, -len(results), value, made))
        _, _, value, made = max(results, key=lambda r: r[:2])
        how = attrs.evolve(how, **{field: value})
        _put(model, name, made)

    n_known = int((counts_u >= 2).sum())
    if chosen.nnz >= 2 * max(n_known, 1) and n_known >= 20:
        rank = int(min(64 if chosen.nnz > 300_000 else 32, max(min(chosen.shape) // 3, 2)))
        best("als", "als", ((0.03, 0.1), (0.2, 0.1), (0.2, 0.01)), lambda h: _als(model, rank, h))
        best("history", "history", (3.0, 15.0), lambda h: _history(model, h))
        if material.z_coach.shape[1]:
            best("profile", "profile", (0.02, 0.2), lambda h: _profile(model, h))
    if material.z_trainee.shape[1]:
        best("kin", "kin", (0.02, 0.2), lambda h: _kin(model, h))
    if material.coach.values.shape[1] and material.trainee.values.shape[1]:
        best("tower", "tower", (how.tower,), lambda h: _tower(model, h))
    best("asked", "asked", (how.asked,), lambda h: _asked(model, h))
    if material.compare.width:
        model.compare = _compare(model)
    return how, model


def _put(model: _Choices, name: str, made: Any) -> None:
    if isinstance(made, LinearPart):
        model.linear[name] = made
    elif name == "history":
        model.history = made
    else:
        model.asked = made


class _Judge:
    """Orders the pairs that were held out, and says how well."""

    def __init__(self, model: _Choices, check: Observed) -> None:
        self._model = model
        who, inverse = np.unique(check.trainee, return_inverse=True)
        self._who = who[: 4 * _PEOPLE]
        self._yes = np.zeros((len(self._who), model.material.shape[1]))
        kept = inverse < len(self._who)
        self._yes[inverse[kept], check.coach[kept]] = check.weight[kept]
        self._seen = np.asarray(model.chosen[self._who].todense()) > 0

    def of(self, name: str, made: Any) -> float:
        _put(self._model, name, made)
        scores = self._model.scores(name, self._who)
        return ndcg(np.where(self._seen, -np.inf, scores), self._yes)


# ── the parts ───────────────────────────────────────────────────────────────


def _appeal(counts_c: NDArray[np.int64], material: Material) -> LinearPart:
    """How much everybody chooses a coach; of a newcomer, what the features say of it."""
    x = material.z_coach
    warm = counts_c > 0
    mean = float(np.log(counts_c[warm]).mean()) if warm.any() else 0.0
    target = np.where(warm, np.log(np.maximum(counts_c, 1)) - mean, 0.0)[:, None]
    weights = ridge_map(x, target, warm, 20.0)[:, 0]
    told = np.clip(x @ weights, -3.0, 3.0)
    value = np.log(counts_c + 0.5 * np.exp(told + mean)) - mean
    basis = material.coach_basis
    mapped = basis[1] @ weights
    newcomer = np.log(0.5)  # as the formula has it where nothing was counted
    return LinearPart(
        "appeal",
        Side(np.ones(1)),
        Side(
            np.array([-(basis[0] @ mapped) + newcomer]),
            mapped[:, None],
            (value - (material.coach.values @ mapped - basis[0] @ mapped + newcomer))[:, None],
        ),
    )


def _als(model: _Choices, rank: int, how: _How) -> LinearPart:
    """Hidden tastes of people with a history; of newcomers, what their features say of them."""
    m = model.material
    left, right = als(model.chosen, rank=rank, unseen=how.als[0], penalty=how.als[1], seed=m.seed, go_on=m.go_on)
    return LinearPart(
        "als",
        _told(left, model.counts_u, m.z_trainee, m.trainee_basis),
        _told(right, model.counts_c, m.z_coach, m.coach_basis),
    )


def _told(own: Floats, counts: NDArray[np.int64], z: Floats, basis: tuple[Floats, Floats]) -> Side:
    """Give vectors of people's own, and for newcomers what features say of them."""
    known = counts >= 2
    if not z.shape[1] or known.sum() < 20:
        return Side(np.zeros(own.shape[1]), own=own * trust(counts)[:, None])
    centre = own[known].mean(axis=0)
    weights = ridge_map(z, own - centre, known, 30.0)
    mapped = basis[1] @ weights
    constant = centre - basis[0] @ mapped
    share = trust(counts)[:, None]
    # own and told are mixed by how long the history is: the constant belongs to what is told
    mine = share * own + (1.0 - share) * (z @ weights + centre)
    told = z @ weights + centre
    return Side(constant, mapped, mine - told)


def _profile(model: _Choices, how: _How) -> LinearPart:
    """What the coaches have in common whom somebody chose before."""
    m = model.material
    z = m.z_coach / np.sqrt(m.z_coach.shape[1])
    own = half_step(model.chosen, z, _UNSEEN, how.profile)
    own *= trust(model.counts_u)[:, None]
    basis = m.coach_basis[1] / np.sqrt(m.z_coach.shape[1])
    width = z.shape[1]
    return LinearPart("profile", Side(np.zeros(width), own=own), Side(-(m.coach_basis[0] @ basis), basis))


def _kin(model: _Choices, how: _How) -> LinearPart:
    """What the trainees have in common who chose a coach before."""
    m = model.material
    z = m.z_trainee / np.sqrt(m.z_trainee.shape[1])
    own = half_step(model.chosen.T.tocsr(), z, _UNSEEN, how.kin)
    basis = m.trainee_basis[1] / np.sqrt(m.z_trainee.shape[1])
    width = z.shape[1]
    return LinearPart("kin", Side(-(m.trainee_basis[0] @ basis), basis), Side(np.zeros(width), own=own))


def _history(model: _Choices, how: _How) -> Any:
    """What each earlier choice speaks for."""
    mean = model.chosen.nnz / max(int((model.counts_c > 0).sum()), 1)
    return autoencoder(liked_matrix(model.chosen), how.history * (mean + 5.0))


def _tower(model: _Choices, how: _How) -> LinearPart | None:
    """Whom people with such features choose, by the full softmax."""
    m = model.material
    warm = np.flatnonzero(model.counts_c > 0)
    who = np.flatnonzero(model.counts_u > 0)
    if len(warm) < 3 or len(who) < 10:
        return None
    rng = np.random.Generator(np.random.PCG64(m.seed))
    who = np.sort(rng.permutation(who)[:_TOWER_PEOPLE])
    rank = 32
    x, y = m.z_trainee, m.z_coach
    if len(warm) > 4_000:
        warm = np.sort(warm[np.argsort(-model.counts_c[warm], kind="stable")[:4_000]])
    x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    towers = fit_towers(
        x[who],
        y[warm],
        model.chosen[who][:, warm].tocsr(),
        appeal=np.log(model.counts_c[warm] + 1.0),
        rank=rank,
        penalty=how.tower,
        seed=m.seed,
        n_rounds=60,
        go_on=m.go_on,
    )
    (cu, bu), (cc, bc) = m.trainee_basis, m.coach_basis
    left = bu @ towers.left[:-1]
    right = bc @ towers.right
    worth = bc @ towers.worth
    return LinearPart(
        "tower",
        Side(
            np.append(towers.left[-1] - cu @ left, 1.0),
            np.concatenate([left, np.zeros((len(left), 1))], axis=1),
        ),
        Side(np.append(-(cc @ right), -(cc @ worth)), np.concatenate([right, worth[:, None]], axis=1)),
    )


def _asked(model: _Choices, how: _How) -> _AskedFit | None:
    """Who was chosen after words like these: ridge from words to choices, solved among the requests."""
    from scipy.sparse import csr_array

    m = model.material
    columns = tuple(m.background)
    if not columns:
        return None
    words, named, idf = m.words
    who = np.flatnonzero(model.counts_u > 0)
    if len(named) < 5 or len(who) < 30:
        return None
    if len(who) > _MAX_ASKED:
        rng = np.random.Generator(np.random.PCG64(m.seed))
        who = np.sort(rng.permutation(who)[:_MAX_ASKED])
    x = words[who]
    y = model.chosen[who].astype(bool).astype(float)
    rate = np.asarray(y.mean(axis=0)).ravel()
    kernel = np.asarray((x @ x.T).todense())
    kernel[np.diag_indices(len(who))] += how.asked
    warm = np.flatnonzero(model.counts_c > 0)
    centred = np.asarray(y[:, warm].todense()) - rate[warm]
    dense = np.asarray(x.T @ np.linalg.solve(kernel, centred))  # (terms, warm coaches)
    scale = 1.0 / max(float(np.sqrt(rate[warm].mean())), 1e-6)
    dense *= scale
    if dense.shape[1] > _KEPT_PER_TERM:
        floor = -np.partition(-np.abs(dense), _KEPT_PER_TERM, axis=1)[:, _KEPT_PER_TERM]
        dense[np.abs(dense) <= floor[:, None]] = 0.0
    rows, cols = np.nonzero(dense)
    weights = csr_array((dense[rows, cols], (rows, warm[cols])), shape=(len(named), m.shape[1]))
    return _AskedFit(columns, named, idf, words, weights)


def _compare(model: _Choices) -> Floats:
    """What the comparisons are worth, drawn towards what the prior says of them."""
    m = model.material
    prior = m.compare_prior("wants")
    rng = np.random.Generator(np.random.PCG64(m.seed + 1))
    who = np.flatnonzero(model.counts_u > 0)
    who = np.sort(rng.permutation(who)[:_PEOPLE])
    if len(who) < 5:
        return prior
    appeal = model.linear["appeal"]
    pop = appeal.right.vectors(m.coach.values, np.arange(m.shape[1]))[:, 0]
    cells, yes = [], []
    for i in who.tolist():
        mine = model.chosen[[i]].tocsr()
        rows, hit = _candidates(mine.indices, np.zeros(0, np.int64), m.shape[1], _CANDIDATES // 3, rng)
        chosen = np.zeros(len(rows))
        chosen[hit] = mine.data
        cells.append(np.concatenate([m.compared(i)[:, rows], pop[rows][None, :]]).T.astype(np.float32))
        yes.append(chosen)
    parts, answers = _padded(cells, yes)
    start = np.append(prior, 0.7)
    return fit_listwise(parts, answers, start=start, may_be_negative=True, ridge=2.0)[:-1]


# ── how much each counts ────────────────────────────────────────────────────


def _candidates(
    chosen: NDArray[Any], seen: NDArray[Any], m: int, limit: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give rows of candidates, the chosen among them, and where those stand."""
    free = np.ones(m, np.bool_)
    free[seen] = False
    free[chosen] = False
    rest = np.flatnonzero(free)
    if len(rest) > limit:
        rest = np.sort(rng.permutation(rest)[:limit])
    return np.concatenate([np.asarray(chosen, np.int64), rest]), np.arange(len(chosen))


def _padded(cells: list[Any], yes: list[Floats]) -> tuple[NDArray[np.float32], Floats]:
    width = max(len(one) for one in cells)
    parts = np.full((len(cells), width, cells[0].shape[1]), np.nan, np.float32)
    answers = np.zeros((len(cells), width))
    for at, (cell, answer) in enumerate(zip(cells, yes, strict=True)):
        parts[at, : len(cell)] = cell
        answers[at, : len(answer)] = answer
    return parts, answers


@attrs.frozen(eq=False)
class _Checked:
    parts: NDArray[np.float32]  # (s, c, k)
    yes: Floats


def _names(model: _Choices) -> list[str]:
    made = list(model.linear)
    if model.history is not None:
        made.append("history")
    if model.asked is not None:
        made.append("asked")
    if model.compare is not None:
        made.append("compare")
    return made


def _check(model: _Choices, seen: Observed, fit: NDArray[np.int64], held: NDArray[np.int64]) -> _Checked | None:
    """Score candidates of the people held out by every part."""
    m = model.material
    rng = np.random.Generator(np.random.PCG64(m.seed + 2))
    who = np.unique(seen.trainee[held])
    if len(who) < 20:
        return None
    who = np.sort(rng.permutation(who)[:_PEOPLE])
    scores = [model.scores(name, who) for name in _names(model)]
    mine = seen.take(held)
    by_person = {i: np.flatnonzero(mine.trainee == i) for i in who.tolist()}
    cells, yes = [], []
    for at, i in enumerate(who.tolist()):
        rows = by_person[i]
        known = model.chosen[[i]].tocsr().indices
        cand, hit = _candidates(mine.coach[rows], known, m.shape[1], _CANDIDATES, rng)
        answer = np.zeros(len(cand))
        answer[hit] = mine.weight[rows]
        cells.append(np.stack([one[at, cand] for one in scores], axis=1).astype(np.float32))
        yes.append(answer)
    return _Checked(*_padded(cells, yes))


def _blended(model: _Choices, warm: _Checked | None, cold: _Checked | None) -> dict[str, Gain]:
    names = _names(model)
    start = np.zeros(len(names))

    def of(held: _Checked | None) -> Floats | None:
        if held is None:
            return None
        return raise_the_top(held.parts, held.yes, fit_listwise(held.parts, held.yes, start=start, ridge=1.0))

    of_warm, of_cold = of(warm), of(cold)
    if of_warm is None and of_cold is None:
        return dict(_DEFAULT_GAINS)
    if of_warm is None:
        of_warm = of_cold
    assert of_warm is not None  # noqa: S101 - one of the two is there
    if of_cold is None:
        of_cold = np.array([_DEFAULT_GAINS[name][1] for name in names])
    return {name: (float(a), float(b)) for name, a, b in zip(names, of_warm, of_cold, strict=True)}


def _choices_step(name: str, model: _Choices, gains: dict[str, Gain], base: Gain) -> StepModel:
    used = {n: gains.get(n, (0.0, 0.0)) for n in model.linear if max(gains.get(n, (0.0, 0.0))) > 1e-6}
    width = model.material.compare.width
    asked = None
    if model.asked is not None and max(gains.get("asked", (0.0, 0.0))) > 1e-6:
        fit = model.asked
        asked = Asked(fit.columns, fit.terms, fit.idf, SparseRows.of(fit.weights))
    history = None
    if model.history is not None and gains.get("history", (0.0, 0.0))[0] > 1e-6:
        history = SparseRows.of(model.history)
    return StepModel(
        name=name,
        base=base,
        linear=tuple(model.linear[n].kept() for n in used),
        gains=tuple(used.values()),
        compare=model.compare if model.compare is not None else np.zeros(width),
        compare_gain=gains.get("compare", (0.0, 0.0)),
        history=history,
        history_gain=gains.get("history", (0.0, 0.0)) if history is not None else (0.0, 0.0),
        asked=asked,
        asked_gain=gains.get("asked", (0.0, 0.0)) if asked is not None else (0.0, 0.0),
    )


def _with_base(step: StepModel, model: _Choices, seen: Observed) -> StepModel:
    """Set the constants so that the mean probability is the share of pairs that were chosen."""
    m = model.material
    gain = dict(zip([part.name for part in step.linear], step.gains, strict=True))
    gain["compare"] = step.compare_gain
    gain["history"], gain["asked"] = step.history_gain, step.asked_gain
    who = np.flatnonzero(model.counts_u > 0)
    rng = np.random.Generator(np.random.PCG64(m.seed + 3))
    who = np.sort(rng.permutation(who)[:100])
    rate = float(np.clip(model.chosen.nnz / max(len(np.unique(seen.trainee)), 1) / max(m.shape[1], 1), 1e-5, 0.9))
    made = []
    for which in (0, 1):
        total = np.zeros((len(who), m.shape[1]))
        for name in _names(model):
            if gain.get(name, (0.0, 0.0))[which] > 0:
                total += gain[name][which] * model.scores(name, who)
        step_of = max(total.size // 20_000, 1)
        made.append(base_for(total.ravel()[::step_of], rate) if total.size else 0.0)
    return attrs.evolve(step, base=(made[0], made[1]))
