"""
What an exact search looks through: the rows as they came, and turned so that the first dimensions say most.

Beside the rows, which stay by row, a transposed copy is kept. A query's products with it
are one product of a vector with a matrix that is read once, and a batch's lie in long
lines. Where the spectrum of the rows decays, that copy is turned by the eigenvectors of
their moments, and after the dimensions that hold most of the rows' length, the *cuts*,
a line is put in with the length of what is left of each row. By Cauchy and Schwarz a
query's product with the dimensions before a cut, and the length of its own rest times
that line, is never below its whole product: what can win is found by reading a third
of the copy, and with a filter a fifth, up to the *early* cut; its line stands before all
others, where nobody else has to read it. A flat spectrum is left as it is, and then all
is read.

Kept are two copies of the rows in single precision, a line of one number for each row at
each cut (with 64 dimensions and three cuts 2.3 % more), and the eigenvectors.
"""

from __future__ import annotations

import math
from itertools import pairwise

import attrs
import numpy as np
from numpy.typing import NDArray

EARLY = 0.6  #: of the rows' squared lengths before the cut for filters: they leave few to open
SHARES = (0.76, 0.86)  #: before the others: where reading on and opening cost the same
STEP = 4  #: cuts are made after so many dimensions, or a multiple
FEWEST = 16  #: with fewer dimensions nothing is cut
WORTH = 80_000  #: with fewer rows nothing is cut: all are soon read
PIECE = 8_192  #: rows turned at a time
NEAR = 2e-5  #: twice what a score may be wrong by in single precision, at 64 dimensions, rows and queries of length 1

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]


@attrs.frozen(eq=False)
class Turn:
    """New dimensions, those that say most first, and where to cut."""

    directions: NDArray[np.float64]  #: (d, d), a new dimension in each column
    early: int  #: so many dimensions stand before the cut for filters
    cuts: tuple[int, ...]  #: and before each of the others, ascending

    @classmethod
    def of(cls, moments: NDArray[np.float64]) -> Turn | None:
        """Learn from the moments of all rows (d, d); None where half of the dimensions would not say enough."""
        d = len(moments)
        if not np.isfinite(moments).all() or not moments.any():
            return None
        sizes, directions = np.linalg.eigh(moments)
        shares = np.cumsum(sizes[::-1]) / sizes.sum()
        early, first, *later = (
            -(-(int(np.searchsorted(shares, share)) + 1) // STEP) * STEP for share in (EARLY, *SHARES)
        )
        if first > d // 2:
            return None
        cuts = (first, *(cut for cut in later if first < cut <= d * 0.7))
        return cls(np.ascontiguousarray(directions[:, ::-1]), early, cuts)

    def turned(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn vectors (v, d): (v, 1 + d + cuts), with the length of what is left: early first, the others in place."""
        turned = (vectors.astype(np.float64) @ self.directions).astype(np.float32)
        made = np.empty((len(vectors), 1 + turned.shape[1] + len(self.cuts)), np.float32)
        made[:, 0] = _lengths(turned[:, self.early :])
        for i, (cut, behind) in enumerate(pairwise((0, *self.cuts, turned.shape[1]))):
            made[:, 1 + cut + i : 1 + behind + i] = turned[:, cut:behind]
            if i:
                made[:, cut + i] = _lengths(turned[:, cut:])
        return made


@attrs.frozen(eq=False)
class Part:
    """What some lines of the columns are multiplied by, for some queries."""

    lines: slice
    factors: NDArray[np.float32]  #: (b, lines)


@attrs.frozen(eq=False)
class Catalogue:
    """Rows to be searched."""

    columns: NDArray[np.float32]  #: (1 + d + cuts, n), transposed and turned; without a turn (d, n)
    n: int
    order: Rows  #: (n,), which of two equal scores comes first: the smaller
    scale: float  #: length of the longest row
    rows: NDArray[np.float32]  #: (n, d), as they came: a row is one piece of memory
    turn: Turn | None = None

    @classmethod
    def of(cls, rows: NDArray[np.floating], order: Rows | None = None) -> Catalogue:
        """
        Keep rows (n, d).

        Args:
            order: The place of each row when ids are sorted; None: rows in their order.
        """
        by_row = np.ascontiguousarray(rows, np.float32)
        n, d = by_row.shape
        moments, longest = np.zeros((d, d)), 0.0
        for start in range(0, n, PIECE):
            part = by_row[start : start + PIECE].astype(np.float64)
            moments += part.T @ part
            longest = max(longest, float((part**2).sum(axis=1).max()))
        turn = Turn.of(moments) if n >= WORTH and d >= FEWEST else None
        if turn is None:
            columns = np.ascontiguousarray(by_row.T)
        else:
            columns = np.empty((1 + d + len(turn.cuts), n), np.float32)
            for start in range(0, n, PIECE):
                columns[:, start : start + PIECE] = turn.turned(by_row[start : start + PIECE]).T
        scale = max(math.sqrt(longest), 1e-30)
        return cls(columns, n, np.arange(n) if order is None else order, scale, by_row, turn)

    @property
    def margin(self) -> float:
        """
        Twice what a score in single precision may be wrong by, for queries no longer than 1.

        Each sum is rounded as often as it has parts, every time by no more than 2^-24 of all
        their sizes; a part that is taken away again counts twice.
        """
        return float(NEAR * self.scale * max(self.rows.shape[1] / 64, 1.0))

    def taken(self, flags: Flags) -> tuple[Catalogue, Rows]:
        """Give the catalogue of these rows alone, to be read whole, and which they are."""
        rows = np.flatnonzero(flags)
        by_row = self.rows.take(rows, axis=0, mode="clip")  # without a mode the result is copied once more
        return Catalogue(by_row.T, len(rows), self.order[rows], self.scale, by_row), rows

    def parts(self, queries: NDArray[np.float32]) -> list[Part]:
        """
        Give what the columns are multiplied by.

        Args:
            queries: (b, d).
        Returns:
            For the early cut and each of the others a product that is never below the score; at last the score itself.
        """
        if self.turn is None:
            return [Part(slice(len(self.columns)), queries)]
        whole = self.turn.turned(queries)
        made = [Part(slice(self.turn.early + 1), whole[:, : self.turn.early + 1].copy())]
        for i, cut in enumerate(self.turn.cuts, start=1):
            made.append(Part(slice(1, cut + i + 1), whole[:, 1 : cut + i + 1].copy()))
            whole[:, cut + i] = 0.0
        return [*made, Part(slice(1, len(self.columns)), whole[:, 1:])]


def _lengths(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    made: NDArray[np.float64] = np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=1))
    return made
