"""
Columns become numbers: one row of features per person, for the towers and the main effects.

Fitted on one table and applied to any other: what a later table lacks, and a
value nobody saw before, is "missing", which is a feature of its own and never 0
of something.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching.tables import Category, Column, Hours, Labels, Number, Table, Texts, Vector
from coachhub_core.ports.matcher import ArtefactReader, ArtefactWriter
from coachhub_scipy.arithmetic import Floats, logarithm
from coachhub_scipy.text import places, terms

MAX_NAMES = 300  # of one column; rarer ones are "other", which is nothing
MAX_TERMS = 4_000
N_TOPICS = 48  # dimensions of a text column
N_KNOTS = 5
FAR = 4.0  #: numbers stand no more spreads from the centre


@attrs.frozen(eq=False)
class Encoded:
    """The features of a table: float64 (n, p), with the columns they come from."""

    values: Floats
    groups: tuple[tuple[str, int, int], ...]  #: column, first feature, behind the last


@attrs.frozen(eq=False)
class ColumnCode:
    """How one column becomes features."""

    name: str
    kind: str
    width: int  # without the indicator of a missing value, which is the last feature
    names: tuple[str, ...] = ()
    knots: Floats = attrs.field(factory=lambda: np.zeros(0))
    centre: Floats = attrs.field(factory=lambda: np.zeros(0))
    scale: Floats = attrs.field(factory=lambda: np.zeros(0))
    basis: Floats = attrs.field(factory=lambda: np.zeros((0, 0)))


@attrs.frozen(eq=False)
class Encoder:
    """How one side's table becomes features."""

    codes: tuple[ColumnCode, ...]

    @classmethod
    def fit(cls, table: Table, *, seed: int = 0, left_out: Sequence[str] = ()) -> Encoder:
        """Read off a table which values its columns have."""
        codes = []
        for name, column in table.columns.items():
            if name not in left_out:
                code = _FIT[column.kind](name, column, seed)
                if code is not None:
                    codes.append(code)
        return cls(tuple(codes))

    @property
    def width(self) -> int:
        """Count the features."""
        return sum(code.width + 1 for code in self.codes)

    def encode(self, table: Table) -> Encoded:
        """Give the features of every row; the same bits for a row whatever the others are."""
        blocks = []
        groups = []
        at = 0
        for code in self.codes:
            column = table.columns.get(code.name)
            block = np.zeros((len(table), code.width + 1))
            if column is None or column.kind != code.kind:
                block[:, -1] = 1.0
            else:
                _APPLY[code.kind](code, column, block)
            blocks.append(block)
            groups.append((code.name, at, at + code.width + 1))
            at += code.width + 1
        values = np.concatenate(blocks, axis=1) if blocks else np.zeros((len(table), 0))
        return Encoded(values, tuple(groups))

    def save(self, out: ArtefactWriter, prefix: str) -> None:
        """Put everything :meth:`load` needs."""
        out.put_json(
            f"{prefix}/codes",
            [{"name": c.name, "kind": c.kind, "width": c.width, "names": list(c.names)} for c in self.codes],
        )
        for number, code in enumerate(self.codes):
            for part in ("knots", "centre", "scale", "basis"):
                out.put_array(f"{prefix}/{number}.{part}", getattr(code, part))

    @classmethod
    def load(cls, source: ArtefactReader, prefix: str) -> Encoder:
        """Give the encoder that was saved."""
        codes = []
        for number, said in enumerate(source.json(f"{prefix}/codes")):
            parts = {part: source.array(f"{prefix}/{number}.{part}") for part in ("knots", "centre", "scale", "basis")}
            names = tuple(said["names"])
            codes.append(ColumnCode(said["name"], said["kind"], said["width"], names=names, **parts))
        return cls(tuple(codes))


# ── numbers, vectors, hours ─────────────────────────────────────────────────


def _fit_number(name: str, column: Any, seed: int) -> ColumnCode | None:
    known = column.array[~np.isnan(column.array)].astype(np.float64)
    if len(known) == 0:
        return None
    knots = np.unique(np.quantile(known, np.linspace(0, 1, N_KNOTS)))
    is_flat = len(knots) < 3
    scale = float(known.std()) or 1.0
    return ColumnCode(
        name,
        "number",
        1 if is_flat else 1 + len(knots),
        knots=np.zeros(0) if is_flat else knots,
        centre=np.array([known.mean()]),
        scale=np.array([scale]),
    )


def _apply_number(code: ColumnCode, column: Any, block: Floats) -> None:
    raw = column.array.astype(np.float64)
    gone = np.isnan(raw)
    filled = np.where(gone, code.centre[0], raw)
    block[:, 0] = standing(code, filled)
    knots = code.knots
    if len(knots):  # hats between the quantiles, so that a bend is a straight line of features
        block[:, 1:-1] = hats(knots, filled)
    block[gone] = 0.0
    block[:, -1] = gone


def standing(code: ColumnCode, values: Floats) -> Floats:
    """Give how many spreads numbers stand from a column's centre: (n,), no more than :data:`FAR`."""
    made: Floats = np.minimum(np.maximum((values - code.centre[0]) / code.scale[0], -FAR), FAR)
    return made


def hats(knots: Floats, values: Floats) -> Floats:
    """Give the share each knot has in a number between two of them: (n, knots); beyond the last, all of it."""
    inside = np.minimum(np.maximum(values, knots[0]), knots[-1])
    right = np.minimum(np.searchsorted(knots, inside, side="right"), len(knots) - 1)
    share = (inside - knots[right - 1]) / (knots[right] - knots[right - 1])
    made = np.zeros((len(values), len(knots)))
    rows = np.arange(len(values))
    made[rows, right - 1] = 1.0 - share
    made[rows, right] = share
    return made


def _fit_vector(name: str, column: Any, seed: int) -> ColumnCode | None:
    known = column.array[~np.isnan(column.array).any(axis=1)].astype(np.float64)
    if len(known) == 0 or known.shape[1] == 0:
        return None
    centre = known.mean(axis=0)
    scale = np.sqrt(np.mean((known - centre) ** 2)) or 1.0
    return ColumnCode(name, "vector", known.shape[1], centre=centre, scale=np.array([scale]))


def _apply_vector(code: ColumnCode, column: Any, block: Floats) -> None:
    gone = np.isnan(column.array).any(axis=1)
    if column.array.shape[1] != code.width:
        block[:, -1] = 1.0
        return
    block[:, :-1] = np.where(gone[:, None], 0.0, (column.array - code.centre) / code.scale[0])
    block[:, -1] = gone


def _fit_hours(name: str, column: Any, seed: int) -> ColumnCode | None:
    return None if column.missing.all() else ColumnCode(name, "hours", 28)


def _apply_hours(code: ColumnCode, column: Any, block: Floats) -> None:
    week = np.unpackbits(column.bits, axis=1, bitorder="little").reshape(-1, 28, 6)
    block[:, :-1] = week.sum(axis=2) / 6.0  # a day in four parts
    block[:, -1] = column.missing


# ── names ───────────────────────────────────────────────────────────────────


def _most(counted: Counter[str]) -> tuple[str, ...]:
    """Give the names most have; what one person alone has says nothing of others, and would stay in a model's file."""
    kept = [name for name in sorted(counted, key=lambda n: (-counted[n], n)) if counted[name] > 1]
    return tuple(sorted(kept[:MAX_NAMES]))


def _fit_category(name: str, column: Any, seed: int) -> ColumnCode | None:
    names = _most(Counter(value for value in column.values() if value is not None))
    return ColumnCode(name, "category", len(names), names=names) if names else None


def _apply_category(code: ColumnCode, column: Any, block: Floats) -> None:
    place = {name: at for at, name in enumerate(code.names)}
    found = np.array([place.get(name, -1) for name in column.names] + [-1], np.int64)[column.codes]
    rows = np.flatnonzero(found >= 0)
    block[rows, found[rows]] = 1.0
    block[:, -1] = column.codes < 0


def _fit_labels(name: str, column: Any, seed: int) -> ColumnCode | None:
    names = _most(Counter(column.names[code] for code in column.codes.tolist()))
    return ColumnCode(name, "labels", len(names), names=names) if names else None


def _apply_labels(code: ColumnCode, column: Any, block: Floats) -> None:
    place = {name: at for at, name in enumerate(code.names)}
    found = np.array([place.get(name, -1) for name in column.names] + [-1], np.int64)[column.codes]
    rows = np.repeat(np.arange(len(column)), np.diff(column.starts))
    kept = found >= 0
    block[rows[kept], found[kept]] = 1.0
    sizes = block[:, :-1].sum(axis=1)
    block[:, :-1] /= np.sqrt(np.maximum(sizes, 1.0))[:, None]
    block[:, -1] = column.missing


# ── texts ───────────────────────────────────────────────────────────────────


def _counts(column: Texts) -> list[Counter[str]]:
    return [Counter(t for text in value or () for t in terms(text) if " " not in t) for value in column.values()]


def _fit_texts(name: str, column: Any, seed: int) -> ColumnCode | None:
    from scipy.sparse import csr_array  # only training needs scipy

    counted = _counts(column)
    frequency: Counter[str] = Counter(term for count in counted for term in count)
    kept = sorted((t for t in frequency if frequency[t] > 1), key=lambda t: (-frequency[t], t))[:MAX_TERMS]
    names = tuple(sorted(kept))
    if len(names) < 2 or len(counted) < 3:
        return None
    idf = np.log((1 + len(counted)) / (1 + np.array([frequency[t] for t in names]))) + 1.0
    place = {t: at for at, t in enumerate(names)}
    rows, cols, data = [], [], []
    for row, count in enumerate(counted):
        mine = [(place[t], (1 + np.log(n)) * idf[place[t]]) for t, n in sorted(count.items()) if t in place]
        length = np.sqrt(sum(v * v for _, v in mine)) or 1.0
        rows += [row] * len(mine)
        cols += [p for p, _ in mine]
        data += [v / length for _, v in mine]
    matrix = csr_array((data, (rows, cols)), shape=(len(counted), len(names)))
    rank = min(N_TOPICS, len(names) - 1, len(counted) - 1)
    rng = np.random.Generator(np.random.PCG64(seed))
    sketch = np.linalg.qr(matrix @ rng.normal(size=(len(names), rank + 8)))[0]
    for _ in range(3):  # a few turns towards the leading directions: a randomized singular value decomposition
        sketch = np.linalg.qr(matrix @ np.linalg.qr(matrix.T @ sketch)[0])[0]
    _, values, right = np.linalg.svd(sketch.T @ matrix, full_matrices=False)
    rank = int(min(rank, (values > 1e-6).sum()))
    basis = right[:rank].T * idf[:, None]
    scale = np.sqrt(np.mean((matrix @ right[:rank].T) ** 2)) or 1.0
    return ColumnCode(name, "texts", rank, names=names, centre=idf, scale=np.array([scale]), basis=basis)


def _apply_texts(code: ColumnCode, column: Any, block: Floats) -> None:
    place = places(code.names)
    for row, count in enumerate(_counts(column)):
        mine = [(place[t], n) for t, n in sorted(count.items()) if t in place]
        if mine:
            total, length = np.zeros(code.width), 0.0
            for at, n in mine:  # word after word: the same bits for a row whatever the others are
                weight = 1.0 + float(logarithm(np.array([float(n)]))[0])
                total += weight * code.basis[at]
                length += (weight * float(code.centre[at])) ** 2
            block[row, :-1] = total / np.sqrt(length) / code.scale[0] / np.sqrt(code.width) * 2.0
    block[:, -1] = column.missing


_FIT: dict[str, Callable[[str, Any, int], ColumnCode | None]] = {
    Number.kind: _fit_number,
    Vector.kind: _fit_vector,
    Hours.kind: _fit_hours,
    Category.kind: _fit_category,
    Labels.kind: _fit_labels,
    Texts.kind: _fit_texts,
}
_APPLY: dict[str, Callable[[ColumnCode, Any, Floats], None]] = {
    Number.kind: _apply_number,
    Vector.kind: _apply_vector,
    Hours.kind: _apply_hours,
    Category.kind: _apply_category,
    Labels.kind: _apply_labels,
    Texts.kind: _apply_texts,
}


def columns_of(table: Table) -> dict[str, Column]:
    """Give a table's columns as a plain dictionary."""
    return dict(table.columns)


def principal(values: Floats, limit: int) -> tuple[Floats, NDArray[np.float64]]:
    """
    Give centre and basis of the leading directions of features.

    Returns:
        (p,) and (p, q): ``(x - centre) @ basis`` has unit variance in each of its q <= *limit* dimensions.
    """
    centre = values.mean(axis=0) if len(values) else np.zeros(values.shape[1])
    moved = values - centre
    spread = moved.T @ moved / max(len(values), 1)
    if not spread.size:
        return centre, np.zeros((values.shape[1], 0))
    variances, directions = np.linalg.eigh(spread)
    order = np.argsort(-variances, kind="stable")[:limit]
    order = order[variances[order] > 1e-3 * max(float(variances.max()), 1e-9)]
    kept = directions[:, order]
    # a direction has no sign of its own: its largest part is made positive
    sign = np.sign(kept[np.argmax(np.abs(kept), axis=0), np.arange(kept.shape[1])])
    return centre, kept * sign / np.sqrt(variances[order])
