"""
Values that many rows share, kept once: whoever asks looks at each distinct value and not at each row.

Of a hundred thousand coaches thousands have the same specialties; a line of a
certificate is the same for all who hold it. What a comparison gives depends on the
value alone, so it is computed per value and handed to the rows that have it.
"""

from __future__ import annotations

from collections.abc import Iterable
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
