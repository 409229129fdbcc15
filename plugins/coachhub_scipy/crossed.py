"""
Yes or no of one side: a logistic of what the pair has in common, with an effect of each of the two people.

How picky somebody is and how wanted, what features say of it, what fits between the
two, and for people with a history a few hidden tastes. All coefficients have
Gaussian priors; how wide each block's prior is follows from the data (evidence by
expectation-maximization with the diagonal of the Hessian), so a column that says
nothing is drawn to nought without anybody tuning it. Maximum a posteriori by
L-BFGS from a fixed start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coachhub_scipy.arithmetic import Floats
from coachhub_scipy.crossed_parts import Crossed, Layout, Pairs, Towards, squares_of
from coachhub_scipy.observe import Observed

_FIRST_WIDTH = 0.5  # standard deviation of an effect before the data have spoken
_FIRST_BLOCK = 0.25  # of what a whole block of features adds to a logit
_LEAST, _MOST = 0.003, 3.0
_FREE_BASE, _TOLD_BASE = 3.0, 1.0  # how far the constant may be from the share of yes; from what another model said
_PSEUDO = 0.5  # coefficients of the first width that every block starts with
_TOLD = 10.0  # coefficients of the first width, where an earlier model has found it
_SHARED = 2.0  # coefficients of the width of all blocks of its kind together, which a block of few is drawn to
_CHUNK = 100_000
_STEPS, _LAST_STEPS = 20, 40
_DENSE = 6_000_000  # cells up to which all pairs are laid out: products of matrices are quicker than look-ups


def fit_crossed(
    pairs: Pairs,
    *,
    rank: int = 0,
    taste_width: float = 0.0,
    seed: int = 0,
    n_rounds: int = 4,
    start: Crossed | None = None,
    cross_width: float | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> Crossed:
    """
    Fit one step.

    Args:
        rank: Dimensions of hidden tastes, *taste_width* the standard deviation of each; 0: none.
        start: An earlier fit on the same tables: its coefficients are where this one begins, and the widths of its
            blocks are kept; None: both are found here.
        cross_width: Standard deviation between leading directions, in the place of the one found.
    """
    problem = _Problem(pairs, rank, taste_width, seed)
    if start is not None:
        problem.start_at(start, cross_width)
        problem.solve(_LAST_STEPS, go_on)
    else:
        for number in range(n_rounds):
            is_last = number == n_rounds - 1
            problem.solve(_LAST_STEPS if is_last else _STEPS, go_on)
            if not is_last:
                problem.update_widths()
            if not go_on():
                break
    return problem.crossed()


class _Problem:
    def __init__(self, pairs: Pairs, rank: int, taste_width: float, seed: int) -> None:
        from scipy.sparse import csr_array  # only training needs scipy

        self.pairs, self.rank = pairs, rank
        self.layout = Layout(pairs, rank)
        seen = pairs.seen
        self.u, self.c, self.y = seen.trainee, seen.coach, seen.yes
        self.weight = seen.weight.copy()
        if seen.is_graded:  # a rating says more than the toss of a coin with its mean
            spread = float(np.average((self.y - np.average(self.y, weights=self.weight)) ** 2, weights=self.weight))
            mean = float(np.average(self.y, weights=self.weight))
            self.weight *= float(np.clip(mean * (1 - mean) / max(spread, 1e-3), 1.0, 8.0))
        self.place = log_place(seen)
        self.shape = (len(pairs.x_trainee), len(pairs.x_coach))
        n_cells = self.shape[0] * self.shape[1]
        self.is_dense = n_cells <= min(_DENSE, 12 * len(self.u))
        self.cell = self.u * self.shape[1] + self.c
        order = np.lexsort((self.c, self.u))
        self._order = order
        starts = np.zeros(self.shape[0] + 1, np.int64)
        np.cumsum(np.bincount(self.u, minlength=self.shape[0]), out=starts[1:])
        self._csr = csr_array((np.ones(len(order)), self.c[order], starts), shape=self.shape)
        size = self.layout.size
        self.mean = np.zeros(size)
        self.mean[self.layout.at["compare"]] = pairs.compare_prior
        rate = np.clip(np.average(self.y, weights=self.weight), 0.01, 0.99) if len(self.y) else 0.5
        self.mean[self.layout.at["base"]] = np.log(rate / (1 - rate))
        self.width = np.full(size, _FIRST_WIDTH)
        self.width[self.layout.at["base"]] = _FREE_BASE
        self.width[self.layout.at["position"]] = 1.0
        for block, squares in zip(self.layout.blocks, squares_of(pairs), strict=False):  # effects of people come behind
            self.width[block] = min(_FIRST_BLOCK / np.sqrt(max(squares, 1e-9)), _FIRST_WIDTH)
        if pairs.towards is not None:
            self._draw(pairs.towards)
        self.first = self.width.copy()
        rng = np.random.Generator(np.random.PCG64(seed))
        self.flat = np.zeros(size)  # in widths, from the mean
        for name in ("left", "right"):
            self.width[self.layout.at[name]] = taste_width or 1.0
            block = self.layout.at[name]
            self.flat[block] = 0.3 * rng.normal(size=block.stop - block.start)

    def _draw(self, towards: Towards) -> None:
        at = self.layout.at
        self.mean[at["base"]], self.width[at["base"]] = towards.base, _TOLD_BASE
        self.mean[at["trainee"]], self.mean[at["coach"]] = towards.trainee, towards.coach
        self.mean[at["cross"]] = towards.cross.ravel()
        if towards.spread > 0:
            self.width[at["own_coach"]] = np.clip(towards.spread, _LEAST, _MOST)

    def _sparse(self, values: Floats) -> Any:
        if self.is_dense:
            cells = np.zeros(self.shape[0] * self.shape[1])
            cells[self.cell] = values  # each pair stands once
            return cells.reshape(self.shape)
        made = self._csr.copy()
        made.data = values[self._order]
        return made

    def _parts(self, flat: Floats) -> dict[str, Floats]:
        theta = self.mean + self.width * flat
        made = {name: theta[block] for name, block in self.layout.at.items()}
        made["cross"] = made["cross"].reshape(self.pairs.z_trainee.shape[1], self.pairs.z_coach.shape[1])
        made["left"] = made["left"].reshape(self.shape[0], self.rank)
        made["right"] = made["right"].reshape(self.shape[1], self.rank)
        return made

    def _logits(self, t: dict[str, Floats]) -> Floats:
        p = self.pairs
        mine = p.x_trainee @ t["trainee"] + t["own_trainee"]
        theirs = p.x_coach @ t["coach"] + t["own_coach"]
        eta = t["base"][0] + mine[self.u] + theirs[self.c] + p.compare @ t["compare"] + t["position"][0] * self.place
        turned = p.z_trainee @ t["cross"]
        if self.is_dense:
            cells = turned @ p.z_coach.T
            if self.rank:
                cells += t["left"] @ t["right"].T
            eta += cells.ravel()[self.cell]
            return np.asarray(eta)
        for at in range(0, len(eta), _CHUNK):
            part = slice(at, at + _CHUNK)
            u, c = self.u[part], self.c[part]
            eta[part] += np.einsum("ij,ij->i", turned[u], p.z_coach[c])
            if self.rank:
                eta[part] += np.einsum("ij,ij->i", t["left"][u], t["right"][c])
        made: Floats = eta
        return made

    def _loss(self, flat: Floats) -> tuple[float, Floats]:
        p, t = self.pairs, self._parts(flat)
        eta = self._logits(t)
        value = float((self.weight * (np.logaddexp(0.0, eta) - self.y * eta)).sum()) + 0.5 * float(flat @ flat)
        r = self.weight * (0.5 * (1.0 + np.tanh(0.5 * eta)) - self.y)
        by_u = np.bincount(self.u, r, minlength=self.shape[0])
        by_c = np.bincount(self.c, r, minlength=self.shape[1])
        sparse = self._sparse(r)
        g = np.empty(self.layout.size)
        at = self.layout.at
        g[at["base"]] = r.sum()
        g[at["position"]] = r @ self.place
        g[at["compare"]] = p.compare.T @ r
        g[at["trainee"]] = p.x_trainee.T @ by_u
        g[at["coach"]] = p.x_coach.T @ by_c
        g[at["cross"]] = (p.z_trainee.T @ (sparse @ p.z_coach)).ravel()
        g[at["own_trainee"]] = by_u
        g[at["own_coach"]] = by_c
        if self.rank:
            g[at["left"]] = (sparse @ t["right"]).ravel()
            g[at["right"]] = (sparse.T @ t["left"]).ravel()
        return value, g * self.width + flat

    def solve(self, n_steps: int, go_on: Callable[[], bool]) -> None:
        """Go down *n_steps*, each coefficient in steps as long as it is still uncertain by."""
        from scipy.optimize import minimize

        scale = 1.0 / np.sqrt(1.0 + self._curvature(self._parts(self.flat)) * self.width**2)

        def loss(x: Floats) -> tuple[float, Floats]:
            value, gradient = self._loss(scale * x)
            return value, scale * gradient

        def go(_: Floats) -> None:
            if not go_on():
                raise StopIteration

        how: Any = {"method": "L-BFGS-B", "callback": go, "options": {"maxiter": n_steps}}
        found = minimize(loss, self.flat / scale, jac=True, **how)
        self.flat = scale * found.x

    def _curvature(self, t: dict[str, Floats]) -> Floats:
        """Give the diagonal of the Hessian of the likelihood."""
        p = self.pairs
        prob = 0.5 * (1.0 + np.tanh(0.5 * self._logits(t)))
        curve = self.weight * prob * (1 - prob)
        by_u = np.bincount(self.u, curve, minlength=self.shape[0])
        by_c = np.bincount(self.c, curve, minlength=self.shape[1])
        h = np.zeros(self.layout.size)
        at = self.layout.at
        h[at["base"]] = curve.sum()
        h[at["position"]] = curve @ self.place**2
        h[at["compare"]] = (p.compare**2).T @ curve
        h[at["trainee"]] = (p.x_trainee**2).T @ by_u
        h[at["coach"]] = (p.x_coach**2).T @ by_c
        sparse = self._sparse(curve)
        h[at["cross"]] = ((p.z_trainee**2).T @ (sparse @ (p.z_coach**2))).ravel()
        h[at["own_trainee"]], h[at["own_coach"]] = by_u, by_c
        if self.rank:
            h[at["left"]] = (sparse @ t["right"] ** 2).ravel()
            h[at["right"]] = (sparse.T @ t["left"] ** 2).ravel()
        return h

    def start_at(self, model: Crossed, cross_width: float | None) -> None:
        for block, width in zip(self.layout.blocks, model.widths, strict=True):
            self.width[block] = width
        at = self.layout.at
        if cross_width is not None:
            self.width[at["cross"]] = cross_width
        theta = self.mean + self.width * self.flat
        for name in ("compare", "trainee", "coach", "own_trainee", "own_coach"):
            theta[at[name]] = getattr(model, name)
        theta[at["base"]], theta[at["position"]] = model.base, model.position
        theta[at["cross"]] = model.cross.ravel()
        if self.rank and model.left.shape[1] == self.rank:
            theta[at["left"]], theta[at["right"]] = model.left.ravel(), model.right.ravel()
        self.flat = (theta - self.mean) / self.width

    def update_widths(self) -> None:
        """Let the data say how wide each block's prior is: E and M of one round."""
        h = self._curvature(self._parts(self.flat))
        theta = self.width * self.flat
        old = self.width.copy()
        told = h / (h + 1.0 / old**2)  # how far the data and not the prior decide: 0 to 1
        towards = self.pairs.towards
        for side in self.layout.sides:
            is_told = towards is not None and towards.spread > 0 and side == [self.layout.at["own_coach"]]
            pseudo, of_first = (_TOLD, _TOLD) if is_told else (_PSEUDO, _PSEUDO * 0.1)
            first = np.array([float(self.first[block][0]) ** 2 for block in side])
            squares = np.array([float((theta[block] ** 2).sum()) for block in side])
            counts = np.array([float(told[block].sum()) for block in side])
            common = float((squares / first).sum() + _PSEUDO * 0.1) / (float(counts.sum()) + _PSEUDO)  # of the first
            shared = _SHARED if len(side) > 1 else 0.0
            variances = (squares + shared * common * first + of_first * first) / (counts + shared + pseudo)
            for block, variance in zip(side, variances.tolist(), strict=True):
                self.width[block] = float(np.clip(np.sqrt(variance), _LEAST, _MOST))
        self.flat = self.flat * old / self.width  # the same coefficients, in the new widths

    def _doubt(self, t: dict[str, Floats]) -> Floats:
        """Give how far a coach's own effect may be off: the curvature of what was seen of them, and the prior."""
        prob = 0.5 * (1.0 + np.tanh(0.5 * self._logits(t)))
        seen = np.bincount(self.c, self.weight * prob * (1 - prob), minlength=self.shape[1])
        made: Floats = 1.0 / np.sqrt(seen + 1.0 / self.width[self.layout.at["own_coach"]] ** 2)
        return made

    def crossed(self) -> Crossed:
        t = self._parts(self.flat)
        own = self.width[self.layout.at["own_coach"]]
        return Crossed(
            base=float(t["base"][0]),
            compare=t["compare"],
            trainee=t["trainee"],
            coach=t["coach"],
            cross=t["cross"],
            own_trainee=t["own_trainee"],
            own_coach=t["own_coach"],
            left=t["left"],
            right=t["right"],
            position=float(t["position"][0]),
            widths=tuple(float(self.width[block][0]) for block in self.layout.blocks),
            doubt=self._doubt(t),
            doubt_new=float(own[0]) if len(own) else 0.0,
        )


def log_place(seen: Observed) -> Floats:
    """Give the logarithm of the place each pair was shown in; 0 for the first, and where there was none."""
    made: Floats = np.where(seen.position > 0, np.log(np.maximum(seen.position, 1.0)), 0.0)
    return made


def crossed_logits(model: Crossed, pairs: Pairs) -> Floats:
    """Give the logits of observed pairs, as if each had stood in the first place."""
    u, c = pairs.seen.trainee, pairs.seen.coach
    eta = (
        model.base
        + (pairs.x_trainee @ model.trainee + model.own_trainee)[u]
        + (pairs.x_coach @ model.coach + model.own_coach)[c]
        + pairs.compare @ model.compare
    )
    turned = pairs.z_trainee @ model.cross
    for at in range(0, len(eta), _CHUNK):
        part = slice(at, at + _CHUNK)
        eta[part] += np.einsum("ij,ij->i", turned[u[part]], pairs.z_coach[c[part]])
        if model.left.shape[1]:
            eta[part] += np.einsum("ij,ij->i", model.left[u[part]], model.right[c[part]])
    made: Floats = eta
    return made


def rows_of(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the rows that occur."""
    return np.flatnonzero(counts)
