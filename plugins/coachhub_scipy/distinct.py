"""
Values that many rows share, kept once: whoever asks looks at each distinct value and not at each row.

Of a hundred thousand coaches thousands have the same specialties; a line of a
certificate is the same for all who hold it. What a comparison gives depends on the
value alone, so it is computed per value and handed to the rows that have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import attrs
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@attrs.frozen(eq=False)
class Distinct:
    """Lists of small numbers, one per row, of which each different one is kept once."""

    of_row: NDArray[np.int32]  #: (n,), which list each row has
    first: Ints  #: (p,), the first row that has each list
    starts: Ints  #: list i is ``codes[starts[i]:starts[i + 1]]``
    codes: NDArray[np.int32]

    @classmethod
    def of(cls, starts: Iterable[int], codes: NDArray[np.integer]) -> Distinct:
        """Take lists as columns keep them: row r has ``codes[starts[r]:starts[r + 1]]``."""
        plain = np.ascontiguousarray(codes, np.int32)
        raw, bounds = plain.tobytes(), [4 * int(at) for at in starts]
        seen: dict[bytes, int] = {}
        of_row = np.array([seen.setdefault(raw[a:b], len(seen)) for a, b in pairwise(bounds)], np.int32)
        first = np.zeros(len(seen), np.int64)
        first[of_row[::-1]] = np.arange(len(of_row))[::-1]
        kept = np.frombuffer(b"".join(seen), np.int32)
        ends = np.cumsum([0, *(len(key) // 4 for key in seen)], dtype=np.int64)
        return cls(of_row, first, ends, kept)

    def __len__(self) -> int:
        return len(self.first)

    @property
    def sizes(self) -> Ints:
        """Count what is in each list: (p,)."""
        return np.diff(self.starts)

    def having(self, n_codes: int) -> list[Ints]:
        """Give for every code the lists that have it, ascending."""
        owner = np.repeat(np.arange(len(self)), self.sizes)
        order = np.argsort(self.codes, kind="stable")
        bounds = np.searchsorted(self.codes[order], np.arange(n_codes + 1))
        return [owner[order[a:b]] for a, b in pairwise(bounds)]


@attrs.frozen(eq=False)
class Joined:
    """The lists of several columns together: each bunch of lists that some row has is kept once."""

    of_row: NDArray[np.int32]  #: (n,), which bunch each row has
    lists: tuple[Ints, ...]  #: of each column that was joined, the list in each bunch

    @classmethod
    def of(cls, columns: Sequence[NDArray[np.int32]], limit: int) -> Joined:
        """
        Join columns one after the other, as long as there are at most *limit* bunches.

        Args:
            columns: (n,) each, the list of each row.
        """
        n = len(columns[0]) if columns else 0
        bunch, rows, joined = np.zeros(n, np.int64), np.zeros(0, np.int64), 0
        for column in columns:
            both = bunch * (int(column.max(initial=0)) + 1) + column
            _, first, inverse = np.unique(both, return_index=True, return_inverse=True)
            if len(first) > limit:
                break
            bunch, rows, joined = inverse.reshape(n), first, joined + 1
        return cls(bunch.astype(np.int32), tuple(column[rows].astype(np.int64) for column in columns[:joined]))

    def __len__(self) -> int:
        return len(self.lists[0]) if self.lists else 0
