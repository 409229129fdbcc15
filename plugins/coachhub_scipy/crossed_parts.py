"""
What the logistic of yes and no learns from, what it has learned, and how its coefficients stand in one vector.

Which is fitted in :mod:`coachhub_scipy.crossed`.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from coachhub_scipy.arithmetic import Floats
from coachhub_scipy.observe import Observed

Groups = Sequence[tuple[str, int, int]]


@attrs.frozen(eq=False)
class Crossed:
    """What one step's logistic has learned."""

    base: float
    compare: Floats  # (f,)
    trainee: Floats  # (p,), main effects of features
    coach: Floats  # (q,)
    cross: Floats  # (pz, qz), between leading directions of features
    own_trainee: Floats  # (n,), effects of people
    own_coach: Floats  # (m,)
    left: Floats  # (n, r), hidden tastes
    right: Floats  # (m, r)
    position: float
    widths: tuple[float, ...]
    doubt: Floats  # (m,), standard deviation of each coach's own effect, given all others
    doubt_new: float  # of a coach nobody met: as wide as the prior


@attrs.frozen(eq=False)
class Towards:
    """What an earlier model learned, for coefficients to be drawn towards, beside :attr:`Pairs.compare_prior`."""

    base: float
    trainee: Floats  # (p,)
    coach: Floats  # (q,)
    cross: Floats  # (pz, qz)
    spread: float  # how much coaches differ beyond what features say of them; 0: it does not know


@attrs.frozen(eq=False)
class Pairs:
    """The observed pairs of a step with all that is known of them."""

    seen: Observed
    compare: Floats  # (n_obs, f)
    x_trainee: Floats  # (n, p)
    x_coach: Floats  # (m, q)
    z_trainee: Floats  # (n, pz)
    z_coach: Floats  # (m, qz)
    compare_prior: Floats  # (f,)
    compare_groups: Groups
    trainee_groups: Groups
    coach_groups: Groups
    towards: Towards | None = None  # None: the share of yes, and nought


class Layout:
    """Where each block of coefficients stands in one flat vector."""

    def __init__(self, pairs: Pairs, rank: int) -> None:
        f, p, q = pairs.compare.shape[1], pairs.x_trainee.shape[1], pairs.x_coach.shape[1]
        n, m = len(pairs.x_trainee), len(pairs.x_coach)
        sizes = {
            "base": 1,
            "position": 1,
            "compare": f,
            "trainee": p,
            "coach": q,
            "cross": pairs.z_trainee.shape[1] * pairs.z_coach.shape[1],
            "own_trainee": n,
            "own_coach": m,
            "left": n * rank,
            "right": m * rank,
        }
        self.at: dict[str, slice] = {}
        end = 0
        for name, size in sizes.items():
            self.at[name] = slice(end, end + size)
            end += size
        self.size = end
        self.sides: list[list[slice]] = []  # blocks of one kind
        for name, groups in (
            ("compare", pairs.compare_groups),
            ("trainee", pairs.trainee_groups),
            ("coach", pairs.coach_groups),
        ):
            start = self.at[name].start
            self.sides.append([slice(start + first, start + last) for _, first, last in groups if last > first])
        self.sides += [[self.at[name]] for name in ("cross", "own_trainee", "own_coach") if sizes[name]]
        self.blocks = [block for side in self.sides for block in side]  # each with a width of its own


def squares_of(pairs: Pairs) -> list[float]:
    """Give for each block of features how large a pair's features are in square."""
    made = []
    for values, groups in (
        (pairs.compare, pairs.compare_groups),
        (pairs.x_trainee, pairs.trainee_groups),
        (pairs.x_coach, pairs.coach_groups),
    ):
        for _, first, last in groups:
            if last > first:
                made.append(float((values[:, first:last] ** 2).sum(axis=1).mean()) if len(values) else 0.0)
    if pairs.z_trainee.shape[1] * pairs.z_coach.shape[1]:
        made.append(float((pairs.z_trainee**2).sum(axis=1).mean() * (pairs.z_coach**2).sum(axis=1).mean()))
    return made
