"""Which coaches may be proposed to whom: one bitmap per trainee, kept as Python integers.

An AND of eight bitmaps over 100,000 coaches takes microseconds this way, a
count of set bits as well; arrays of booleans are ten times slower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from numbers import Integral

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import Invalid, MatcherError
from coachhub_core.matching.entries import per_row
from coachhub_core.matching.outcomes import OutcomeLog
from coachhub_core.matching.tables import CoachTable, TraineeTable


@attrs.frozen(eq=False)
class AllowedPairs:
    """
    Which coach rows may be proposed to which trainee of the batch.

    One Python integer per trainee, bit r for coach row r, or a single one that
    all share. Made by the core from hard constraints, or by a library user
    through :meth:`everyone`, :meth:`of` and :meth:`except_seen`; those three
    know neither table yet and are bound to both by :meth:`bound_to`, which the
    core calls before any matcher sees them.
    """

    masks: tuple[int, ...]  #: one per trainee, or exactly one that is shared
    n_coaches: int
    is_shared: bool
    _rule: Callable[[CoachTable, TraineeTable], AllowedPairs] | None = None

    @classmethod
    def everyone(cls) -> AllowedPairs:
        """Allow every pair."""
        return cls((), 0, True, lambda coaches, _: cls.shared((1 << len(coaches)) - 1, len(coaches)))

    @classmethod
    def of(cls, rows: Iterable[int]) -> AllowedPairs:
        """
        Allow these coach rows to every trainee; a row the table lacks is ignored, -1 too.

        Raises:
            Invalid: If one is no whole number.
        """
        known = set()
        for row in per_row(rows, "rows"):
            if not isinstance(row, Integral):
                raise Invalid.at("rows", f"{row!r} is no row of a table")
            known.add(int(row))

        def rule(coaches: CoachTable, _: TraineeTable) -> AllowedPairs:
            may = np.zeros(len(coaches), np.bool_)
            may[[row for row in known if 0 <= row < len(coaches)]] = True
            return cls.shared(int.from_bytes(np.packbits(may, bitorder="little").tobytes(), "little"), len(coaches))

        return cls((), 0, True, rule)

    @classmethod
    def except_seen(cls, log: OutcomeLog) -> AllowedPairs:
        """Allow everybody a trainee has not met in *log*."""

        def rule(coaches: CoachTable, trainees: TraineeTable) -> AllowedPairs:
            everyone = (1 << len(coaches)) - 1
            masks = dict.fromkeys(trainees.ids, everyone)
            for trainee, coach in zip(log.trainee, log.coach, strict=True):
                row = coaches.row_of(coach)
                if row is not None and trainee in masks:
                    masks[trainee] &= ~(1 << row)
            return cls.each([masks[id_] for id_ in trainees.ids], len(coaches))

        return cls((), 0, False, rule)

    @classmethod
    def shared(cls, mask: int, n_coaches: int) -> AllowedPairs:
        """Give every trainee of a batch the same bitmap."""
        return cls((mask,), n_coaches, True)

    @classmethod
    def each(cls, masks: Sequence[int], n_coaches: int) -> AllowedPairs:
        """Give each trainee of a batch their own bitmap."""
        return cls(tuple(masks), n_coaches, False)

    def bound_to(self, coaches: CoachTable, trainees: TraineeTable) -> AllowedPairs:
        """Give the pairs for these tables; what is bound already is given back."""
        return self if self._rule is None else self._rule(coaches, trainees)

    def mask(self, i: int) -> int:
        """
        Give the bitmap of the i-th trainee as an integer.

        Raises:
            MatcherError: If the pairs were never bound to tables.
        """
        if self._rule is not None:
            raise MatcherError(reason="these pairs are not bound to tables yet; call bound_to(coaches, trainees) first")
        return self.masks[0 if self.is_shared else i]

    def bitmap(self, i: int) -> bytes:
        """Give it as bytes: bit r & 7 of byte r >> 3 is row r (``np.unpackbits(..., bitorder="little")``)."""
        return self.mask(i).to_bytes((self.n_coaches + 7) // 8, "little")

    def is_allowed(self, i: int, row: int) -> bool:
        """Tell whether coach *row* may be proposed to the i-th trainee."""
        return bool(self.mask(i) >> row & 1)

    def count(self, i: int) -> int:
        """Count the coaches allowed to the i-th trainee."""
        return self.mask(i).bit_count()

    def rows(self, i: int) -> NDArray[np.int64]:
        """Give the rows allowed to the i-th trainee, ascending: int64 (count,)."""
        bits = np.unpackbits(np.frombuffer(self.bitmap(i), np.uint8), count=self.n_coaches, bitorder="little")
        return np.flatnonzero(bits)
