"""
The parts of a step of choices: popularity, hidden tastes, profiles, history, towers, words, comparisons.

Each is fitted on its own and gives a number per pair; how much each counts is found in
:mod:`coachhub_scipy.choice_gains`.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.arithmetic import Floats
from coachhub_scipy.blend import fit_listwise
from coachhub_scipy.chosen import liked_matrix
from coachhub_scipy.earlier import along
from coachhub_scipy.factors import als, autoencoder, half_step, ridge_map
from coachhub_scipy.material import Material
from coachhub_scipy.parts import LinearPart, Side, trust
from coachhub_scipy.towers import Towers, fit_towers

PEOPLE = 400  #: of whom a check looks at
CANDIDATES = 800  #: coaches it looks at for each
_TOWER_PEOPLE = 2_500
_MAX_ASKED = 4_000
_KEPT_PER_TERM = 60
_AT_LEAST = 2.0  # choices that an earlier model's word on a coach's features counts for
_RIDGE = 40.0  # of what comparisons are worth, to what ships: few choices move them little
_TOLD_RIDGE = 100.0  # to what another log has taught
_FIRMER = 5.0  # so many times as firmly are towers drawn to what another log has taught as to nothing
_TOLD_BY = 40  # choices beside the first, for each direction, from which on choices say how long it is
_UNSEEN = 0.1  # weight of what was not chosen, where features are told by it


@attrs.frozen(kw_only=True)
class How:
    """What is chosen by a look at the part held out."""

    als: tuple[float, float] = (0.2, 0.05)  # weight of what was not chosen, penalty
    profile: float = 0.1
    kin: float = 0.1
    history: float = 8.0
    tower: float = 3.0
    asked: float = 2.0


@attrs.define(eq=False)
class Choices:
    """All parts of a step of choices, fitted on some pairs."""

    material: Material
    chosen: Any
    counts_u: NDArray[np.int64]
    counts_c: NDArray[np.int64]
    step: str
    linear: dict[str, LinearPart] = attrs.field(factory=dict)
    compare: Floats | None = None
    history: Any = None
    lately: Any = None  # csr (n, m): what was chosen gladly, the newest the most; None where times do not tell
    asked: AskedFit | None = None
    lengths: dict[str, Floats] = attrs.field(factory=dict)  # by side, of the leading directions

    def earlier(self, name: str) -> LinearPart | None:
        """Give what features say in a part of an earlier model's, where there is one to be drawn towards."""
        given = self.material.earlier
        return None if given is None else given.part(self.step, name)

    def directions(self, side: str) -> tuple[Floats, tuple[Floats, Floats]]:
        """Give one side along the leading directions of its features, each as long as it tells: z, centre and basis."""
        m = self.material
        z, (centre, basis) = (m.z_coach, m.coach_basis) if side == "coach" else (m.z_trainee, m.trainee_basis)
        if side not in self.lengths:
            self.lengths[side] = telling(self.chosen if side == "coach" else self.chosen.T.tocsr(), z)
        return z * self.lengths[side], (centre, basis * self.lengths[side])

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
        if name == "lately":
            return np.asarray((self.lately[who] @ self.history).todense())
        if name == "asked":
            assert self.asked is not None  # noqa: S101 - asked for by name only where it is
            return np.asarray((m.words[0][who] @ self.asked.weights).todense())
        assert self.compare is not None  # noqa: S101 - as above
        return np.stack([self.compare @ m.compared(i) for i in who.tolist()]) if len(who) else np.zeros((0, m.shape[1]))


@attrs.frozen(eq=False)
class AskedFit:
    columns: tuple[str, ...]
    terms: tuple[str, ...]
    idf: Floats
    weights: Any  # csr (terms, m)


def appeal_part(counts_c: NDArray[np.int64], material: Material, earlier: LinearPart | None = None) -> LinearPart:
    """How much everybody chooses a coach; of a newcomer, what the features say of it, or said *earlier*."""
    x = material.z_coach
    warm = counts_c > 0
    mean = float(np.log(counts_c[warm]).mean()) if warm.any() else 0.0
    target = np.where(warm, np.log(np.maximum(counts_c, 1)) - mean, 0.0)[:, None]
    before = None if earlier is None else along(earlier.right, material.coach_directions)[1]
    if before is None:
        weights = ridge_map(x, target, warm, 20.0)[:, 0]
    else:  # of what the earlier one does not explain
        weights = (before + ridge_map(x, target - x @ before, warm, 20.0))[:, 0]
    told = np.clip(x @ weights, -3.0, 3.0)
    share = 0.5 if before is None else max(0.5, _AT_LEAST * np.exp(-mean))  # of what is usual, that all start with
    value = np.log(counts_c + share * np.exp(told + mean)) - mean
    basis = material.coach_basis
    mapped = basis[1] @ weights
    newcomer = np.log(share)  # as the formula has it where nothing was counted
    return LinearPart(
        "appeal",
        Side(np.ones(1)),
        Side(
            np.array([-(basis[0] @ mapped) + newcomer]),
            mapped[:, None],
            (value - (material.coach.values @ mapped - basis[0] @ mapped + newcomer))[:, None],
        ),
    )


def telling(chosen: Any, z: Floats) -> Floats:
    """
    Give how long each direction is to be, by how much alike what one person chose is along it.

    A vector from elsewhere has many directions that say nothing, and they would count as much as those few in which
    people differ. The mean product of two choices of one person, about the mean of all, is the variance of what people
    look for along a direction, whatever else the choices vary by.

    Args:
        chosen: Sparse csr (n, m), weights of chosen pairs.
        z: (m, q), of unit variance.
    Returns:
        (q,), with a mean square of 1; all 1 where too few chose more than once to tell.
    """
    n_each = np.diff(chosen.indptr)
    several = np.flatnonzero(n_each > 1)
    n_pairs = float((n_each[several] - 1).sum())
    if not z.shape[1] or n_pairs < _TOLD_BY * z.shape[1]:
        return np.ones(z.shape[1])
    ones = chosen[several].astype(bool).astype(np.float64)
    counts = np.asarray(ones.sum(axis=0)).ravel()
    moved = z - counts @ z / counts.sum()
    products = np.asarray(ones @ moved) ** 2 - np.asarray(ones @ moved**2)
    alike = (products / n_each[several, None]).sum(axis=0) / n_pairs
    by_chance = np.sqrt(2.0 * len(several)) / n_pairs  # what each comes to, up or down, if nobody had a taste
    told: Floats = np.maximum(alike, 0.0) + 0.5 * by_chance
    made: Floats = np.sqrt(told / told.mean())
    return made


def als_part(model: Choices, rank: int, how: How) -> LinearPart:
    """Hidden tastes of people with a history; of newcomers, what their features say of them."""
    m = model.material
    left, right = als(model.chosen, rank=rank, unseen=how.als[0], penalty=how.als[1], seed=m.seed, go_on=m.go_on)
    return LinearPart(
        "als",
        _told(left, model.counts_u, *model.directions("trainee")),
        _told(right, model.counts_c, *model.directions("coach")),
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


def profile_part(model: Choices, how: How) -> LinearPart:
    """What the coaches have in common whom somebody chose before."""
    z, (centre, basis) = model.directions("coach")
    width = z.shape[1]
    z, basis = z / np.sqrt(width), basis / np.sqrt(width)
    own = half_step(model.chosen, z, _UNSEEN, how.profile)
    own *= trust(model.counts_u)[:, None]
    return LinearPart("profile", Side(np.zeros(width), own=own), Side(-(centre @ basis), basis))


def kin_part(model: Choices, how: How) -> LinearPart:
    """What the trainees have in common who chose a coach before."""
    z, (centre, basis) = model.directions("trainee")
    width = z.shape[1]
    z, basis = z / np.sqrt(width), basis / np.sqrt(width)
    own = half_step(model.chosen.T.tocsr(), z, _UNSEEN, how.kin)
    return LinearPart("kin", Side(-(centre @ basis), basis), Side(np.zeros(width), own=own))


def history_part(model: Choices, how: How) -> Any:
    """What each earlier choice speaks for."""
    mean = model.chosen.nnz / max(int((model.counts_c > 0).sum()), 1)
    return autoencoder(liked_matrix(model.chosen), how.history * (mean + 5.0))


def tower_part(model: Choices, how: How, earlier: LinearPart | None = None) -> LinearPart | None:
    """Whom people with such features choose, by the full softmax; where too few chose, the *earlier* one."""
    m = model.material
    rank = 32
    before = None if earlier is None else _as_towers(earlier, m, rank)
    warm = np.flatnonzero(model.counts_c > 0)
    who = np.flatnonzero(model.counts_u > 0)
    if len(warm) < 3 or len(who) < 10:
        return None if before is None else _of_towers(before, m.trainee_basis, m.coach_basis)
    rng = np.random.Generator(np.random.PCG64(m.seed))
    who = np.sort(rng.permutation(who)[:_TOWER_PEOPLE])
    x, y, bases = m.z_trainee, m.z_coach, (m.trainee_basis, m.coach_basis)
    if before is None:  # an earlier model's towers stand along the directions as they are
        (x, of_trainees), (y, of_coaches) = model.directions("trainee"), model.directions("coach")
        bases = of_trainees, of_coaches
    if len(warm) > 4_000:
        warm = np.sort(warm[np.argsort(-model.counts_c[warm], kind="stable")[:4_000]])
    x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    towers = fit_towers(
        x[who],
        y[warm],
        model.chosen[who][:, warm].tocsr(),
        appeal=np.log(model.counts_c[warm] + 1.0),
        rank=rank,
        penalty=how.tower if before is None else _FIRMER * how.tower,
        seed=m.seed,
        n_rounds=60,
        go_on=m.go_on,
        earlier=before,
    )
    return _of_towers(towers, *bases)


def _as_towers(part: LinearPart, m: Material, rank: int) -> Towers | None:
    """Give a part as the towers it was made of, along the leading directions; None where it is of another rank."""
    if part.left.width != rank + 1 or part.right.width != rank + 1:
        return None
    mean, left = along(part.left, m.trainee_directions)
    _, right = along(part.right, m.coach_directions)  # its mean is the same for all coaches
    return Towers(np.concatenate([left, mean[None, :]])[:, :rank], right[:, :rank], right[:, rank])


def _of_towers(towers: Towers, of_trainees: tuple[Floats, Floats], of_coaches: tuple[Floats, Floats]) -> LinearPart:
    (cu, bu), (cc, bc) = of_trainees, of_coaches
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


def asked_part(model: Choices, how: How) -> AskedFit | None:
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
    return AskedFit(columns, named, idf, weights)


def compare_weights(model: Choices) -> Floats:
    """What the comparisons are worth, drawn towards what the prior says of them."""
    m = model.material
    prior = m.compare_prior(model.step, like="wants")
    rng = np.random.Generator(np.random.PCG64(m.seed + 1))
    who = np.flatnonzero(model.counts_u > 0)
    who = np.sort(rng.permutation(who)[:PEOPLE])
    if len(who) < 5:
        return prior
    appeal = model.linear["appeal"]
    pop = appeal.right.vectors(m.coach.values, np.arange(m.shape[1]))[:, 0]
    cells, yes = [], []
    for i in who.tolist():
        mine = model.chosen[[i]].tocsr()
        rows, hit = some_candidates(mine.indices, np.zeros(0, np.int64), m.shape[1], CANDIDATES // 3, rng)
        chosen = np.zeros(len(rows))
        chosen[hit] = mine.data
        cells.append(np.concatenate([m.compared(i)[:, rows], pop[rows][None, :]]).T.astype(np.float32))
        yes.append(chosen)
    parts, answers = padded(cells, yes)
    start = np.append(prior, 0.7)
    ridge = _TOLD_RIDGE if m.is_told(model.step) else _RIDGE
    return fit_listwise(parts, answers, start=start, may_be_negative=True, ridge=ridge)[:-1]


def some_candidates(
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


def padded(cells: list[Any], yes: list[Floats]) -> tuple[NDArray[np.float32], Floats]:
    width = max(len(one) for one in cells)
    parts = np.full((len(cells), width, cells[0].shape[1]), np.nan, np.float32)
    answers = np.zeros((len(cells), width))
    for at, (cell, answer) in enumerate(zip(cells, yes, strict=True)):
        parts[at, : len(cell)] = cell
        answers[at, : len(answer)] = answer
    return parts, answers
