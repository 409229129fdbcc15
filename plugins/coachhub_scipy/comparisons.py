"""Which columns of two tables are compared, how, and what that is worth before anything was learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from coachhub_core.errors import Invalid
from coachhub_core.matching.tables import Category, Labels, Number, Table, Texts, Vector
from coachhub_scipy.arithmetic import Floats
from coachhub_scipy.hub import PAIRS, TAGS

WORTH = ("free_seats", "rating")  #: of a hub's coaches: see coachhub_scipy.hub


@attrs.frozen(kw_only=True)
class Comparison:
    """Which two columns are compared, and how; the same for every snapshot."""

    name: str
    trainee: str
    coach: str
    kind: str  # number ratio category member labels tags texts hours vector
    scale: float = 1.0

    @property
    def parts(self) -> tuple[str, ...]:
        """Name the numbers it gives."""
        return PARTS[self.kind]


PARTS: Mapping[str, tuple[str, ...]] = {
    "number": ("known", "far", "above", "below"),
    "ratio": ("known", "over", "under"),
    "category": ("equal", "differs"),
    "member": ("equal", "differs"),
    "labels": ("share", "alike", "none"),
    "tags": ("share", "none"),
    "texts": ("words",),
    "hours": ("some", "many", "none"),
    "vector": ("alike", "near"),
    "worth": ("value",),
}

PRIOR: Mapping[str, tuple[float, ...]] = {
    "number": (0.0, -0.3, 0.0, 0.0),
    "ratio": (0.0, -2.5, 0.3),
    "category": (0.5, 0.0),
    "member": (0.4, -0.4),
    "labels": (1.0, 0.8, -0.2),
    "tags": (2.4, -0.9),
    "texts": (6.0,),
    "hours": (0.3, 0.3, -0.6),
    "vector": (1.2, 0.3),
    "worth": (0.0,),
}  #: what a comparison is worth to a trainee before anything was learned, on the logit's scale
PRIOR_BY_NAME: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    "wants": {"languages": (0.2, 0.2, -1.5), "modalities": (0.2, 0.2, -0.8), "city": (0.5, -0.1), "rating": (0.6,)},
    "accepts": {"free_seats": (0.6,), "levels": (0.2, -0.2), "specialties": (0.3, -0.3)},
    "goes_well": {"rating": (0.6,), "levels": (0.2, -0.2), "specialties": (0.5, -0.3)},
}  #: of CoachHub's own columns, where more is known than the kind


Given = Mapping[str, Mapping[tuple[str, str], Floats]]  #: step -> name and kind of a comparison -> its worth


def prior_weights(comparisons: Sequence[Comparison], step: str = "wants", given: Given | None = None) -> Floats:
    """
    Give what comparisons are worth for a step before anything was learned: (f,).

    Args:
        given: What an earlier model learned of some of them; the rest stays as it ships.
    """
    known = (given or {}).get(step, {})
    n_texts = max(sum(one.kind == "texts" for one in comparisons), 1)
    listed: list[float] = []
    for one in comparisons:
        said = PRIOR_BY_NAME.get(step, {}).get(one.name)
        if said is None or len(said) != len(one.parts):
            said = PRIOR[one.kind] if step == "wants" else (0.0,) * len(one.parts)
        mine = known.get((one.name, one.kind))
        if mine is not None:
            listed += mine.tolist()
            continue
        listed += [value / n_texts if one.kind == "texts" else value for value in said]
    return np.array(listed, np.float64)


def check_comparable(coaches: Table, trainees: Table, pairs: Mapping[str, tuple[str, str]]) -> None:
    """
    Refuse pairs of columns that nothing can compare, before anything is learned.

    Raises:
        Invalid: Naming the pair and what its columns are.
    """
    for name, (mine, theirs) in pairs.items():
        left, right = trainees.columns.get(mine), coaches.columns.get(theirs)
        if left is None or right is None:
            continue  # not every table has all
        is_member = isinstance(left, Category) and isinstance(right, Labels)
        if left.kind != right.kind and not is_member:
            sentence = f"{mine!r} is a {left.kind} column and {theirs!r} a {right.kind} column: nothing compares them"
            raise Invalid.at(f"pairs/{name}", sentence)
        if isinstance(left, Vector) and isinstance(right, Vector) and left.array.shape[1] != right.array.shape[1]:
            sizes = f"{left.array.shape[1]} and {right.array.shape[1]} numbers a row"
            raise Invalid.at(f"pairs/{name}", f"vectors of {sizes} cannot be compared")


def comparisons_of(coaches: Table, trainees: Table, pairs: Mapping[str, tuple[str, str]]) -> tuple[Comparison, ...]:
    """
    Give what can be compared between two tables.

    Args:
        pairs: Name -> (trainee's column, coach's column), beside those of one name and kind.
    """
    found: dict[str, tuple[str, str]] = {n: (n, n) for n in coaches.columns if n in trainees.columns}
    found.update({n: p for n, p in PAIRS.items() if p[0] in trainees and p[1] in coaches})
    found.update(pairs)
    made = []
    for name, (mine, theirs) in sorted(found.items()):
        if mine in trainees and theirs in coaches:
            one = _comparison(name, mine, theirs, trainees.columns[mine], coaches.columns[theirs])
            if one is not None:
                made.append(one)
    for name in WORTH:  # what a coach is worth to anybody; compared with nothing
        if isinstance(coaches.columns.get(name), Number):
            made.append(Comparison(name=name, trainee=name, coach=name, kind="worth"))
    texts = [n for n, c in trainees.columns.items() if isinstance(c, Texts)]
    known = {(c.trainee, c.coach) for c in made}
    for mine in texts:
        for theirs, column in coaches.columns.items():
            if isinstance(column, Texts) and (mine, theirs) not in known:
                made.append(Comparison(name=f"{mine}.{theirs}", trainee=mine, coach=theirs, kind="texts"))
    return tuple(made)


def _comparison(name: str, mine: str, theirs: str, left: Any, right: Any) -> Comparison | None:
    said: dict[str, Any] = {"name": name, "trainee": mine, "coach": theirs}
    if isinstance(left, Category) and isinstance(right, Labels):
        return Comparison(**said, kind="member")
    if left.kind != right.kind:
        return None
    if isinstance(left, Number):
        # of coaches alone: what a batch of trainees says must not count
        theirs_known = right.array[~np.isnan(right.array)].astype(np.float64)
        if len(theirs_known) == 0:
            return None
        if name == "price" and theirs_known.min() >= 0:
            return Comparison(**said, kind="ratio")
        return Comparison(**said, kind="number", scale=float(theirs_known.std()) or 1.0)
    if isinstance(left, Vector):
        if left.array.shape[1] != right.array.shape[1]:
            return None
        known = right.array[~np.isnan(right.array).any(axis=1)]
        spread = float(known.std(dtype=np.float64)) if len(known) else 0.0  # its squares may be no float32
        return Comparison(**said, kind="vector", scale=spread or 1.0)
    if isinstance(left, Labels):
        return Comparison(**said, kind="tags" if name == TAGS else "labels")
    return Comparison(**said, kind=left.kind)
