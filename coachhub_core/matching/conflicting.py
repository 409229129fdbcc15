"""
Who stands in the way of whom: for a trainee left out, the smallest set that is one too many.

In plain Python, by augmenting paths; shares no code with any assigner.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs


@attrs.frozen
class Conflict:
    """Trainees who cannot all be placed; take anyone out, and the others can."""

    trainee: int  #: who was left out
    trainees: tuple[int, ...]  #: the set, this one in it; () where all fit, if others moved
    coaches: tuple[int, ...]  #: everybody they could be given to


def conflicts(
    candidates: Sequence[Sequence[int]] | Any,
    scores: Sequence[Sequence[float]] | Any,
    seats: Sequence[int] | Any,
    coaches: Sequence[Sequence[int]] | Any,
    *,
    need: Sequence[int] | Any | None = None,
    coach_scores: Sequence[Sequence[float]] | Any | None = None,
    floor: float = -math.inf,
) -> list[Conflict]:
    """
    Name for each trainee a placement leaves short the smallest set that cannot be placed together.

    Args:
        candidates: (n, L), padded with -1; scores, seats, need, coach_scores and floor as in ``place``.
        coaches: (n, at least max need), -1 = none: the placement, which keeps to the rules (``certify`` tells).
    Returns:
        One for each trainee with fewer coaches than needed, in their order. The others in a set have all they need.
    """
    theirs = scores if coach_scores is None else coach_scores
    options = [
        [int(c) for c, a, b in zip(*row, strict=True) if c >= 0 and a >= floor and a > -math.inf and b > -math.inf]
        for row in zip(candidates, scores, theirs, strict=True)
    ]
    needed = [1] * len(options) if need is None else [int(n) for n in need]
    return list(named(options, [int(s) for s in seats], coaches, needed))


def named(
    options: Sequence[Sequence[int]], free: Sequence[int], coaches: Sequence[Sequence[int]] | Any, needed: Sequence[int]
) -> Iterator[Conflict]:
    """
    Name them one after the other, as :func:`conflicts` does, so that whoever asks can stop.

    Args:
        options: Whom each trainee could be given to; looked up only for those whom a conflict reaches.
    """
    got = [{int(c) for c in row if int(c) != -1} for row in coaches]
    if all(n <= 1 for n in needed):
        yield from _Paths(options, free, got).conflicts(i for i, row in enumerate(got) if len(row) < needed[i])
        return
    whole = {i: set(row) for i, row in enumerate(got) if row and len(row) == needed[i]}
    for trainee, row in enumerate(got):
        if len(row) >= needed[trainee]:
            continue
        seating = _Seating(options, free, needed, whole)
        reached = seating.add(trainee)
        members = _smallest(options, free, needed, trainee, sorted(reached))
        together = sorted({coach for member in members for coach in options[member]})
        yield Conflict(trainee, tuple(members), tuple(together))


class _Paths:
    """
    Everybody needs one coach: then who is in the way is whoever can be reached by swapping seats.

    Coaches are bits of an integer; what a coach leads to are all the options of those who sit there.
    """

    def __init__(self, options: Sequence[Sequence[int]], free: Sequence[int], got: Sequence[set[int]]) -> None:
        self._options = options
        self._sitting: list[list[int]] = [[] for _ in free]
        for i, coaches in enumerate(got):
            for coach in coaches:
                self._sitting[coach].append(i)
        self._open = [len(sitting) < n for sitting, n in zip(self._sitting, free, strict=True)]
        self._leads_to: dict[int, int] = {}

    def conflicts(self, left_out: Iterable[int]) -> Iterator[Conflict]:
        """Name the set of each; trainees of the same options share the way."""
        found: dict[int, tuple[list[int], tuple[int, ...]] | None] = {}
        for trainee in left_out:
            start = self._mask(trainee)
            if start not in found:
                found[start] = self._reached(start)
            reached = found[start]
            if reached is None:
                yield Conflict(trainee, (), ())
            else:
                members, coaches = reached
                yield Conflict(trainee, tuple(sorted((trainee, *members))), coaches)

    def _reached(self, start: int) -> tuple[list[int], tuple[int, ...]] | None:
        """Give who sits where swapping leads, and with whom; None when it leads to a free seat."""
        seen, ahead = start, start
        coaches = []
        while ahead:
            lowest = ahead & -ahead
            coach = lowest.bit_length() - 1
            if self._open[coach]:
                return None
            coaches.append(coach)
            if coach not in self._leads_to:
                leads_to = 0
                for other in self._sitting[coach]:
                    leads_to |= self._mask(other)
                self._leads_to[coach] = leads_to
            new = self._leads_to[coach] & ~seen
            seen |= new
            ahead = ahead & ~lowest | new
        return [other for coach in coaches for other in self._sitting[coach]], tuple(sorted(coaches))

    def _mask(self, trainee: int) -> int:
        flags = bytearray(len(self._sitting) // 8 + 1)
        for coach in self._options[trainee]:
            flags[coach >> 3] |= 1 << (coach & 7)
        return int.from_bytes(flags, "little")


def _smallest(
    options: Sequence[Sequence[int]], free: Sequence[int], needed: Sequence[int], trainee: int, members: list[int]
) -> list[int]:
    """Leave out whoever the conflict does without; where everybody needs one coach there is nobody."""
    if all(needed[member] == 1 for member in members):
        return members  # the trainees on paths that swap seats are the smallest set already
    for member in list(members):
        if member == trainee:
            continue
        rest = [other for other in members if other != member]
        seating = _Seating(options, free, needed, {})
        if any(seating.add(other) for other in rest):
            members = rest
    return members


class _Seating:
    """Who sits where, and room made for one more by moving others."""

    def __init__(
        self,
        options: Sequence[Sequence[int]],
        free: Sequence[int],
        needed: Sequence[int],
        held: dict[int, set[int]],
    ) -> None:
        self._options, self._free, self._needed = options, free, needed
        self._held = {i: set(coaches) for i, coaches in held.items()}
        self._sitting: list[set[int]] = [set() for _ in free]
        for i, coaches in self._held.items():
            for coach in coaches:
                self._sitting[coach].add(i)

    def add(self, trainee: int) -> set[int]:
        """Give the trainee all they need, and an empty set; or the trainees whose seats it would have needed."""
        self._held[trainee] = set()
        for _ in range(self._needed[trainee]):
            reached = self._move(trainee)
            if reached:
                return reached
        return set()

    def _move(self, trainee: int) -> set[int]:
        came_from: dict[int, tuple[int, int | None]] = {}  # coach -> who would take the seat, giving up which
        seen = {trainee}
        queue: list[tuple[int, int | None]] = [(trainee, None)]  # who, and the seat they give up if they move
        for member, given in queue:  # it grows while it is read
            for coach in self._options[member]:
                if coach in came_from or coach in self._held[member]:
                    continue
                came_from[coach] = (member, given)
                if len(self._sitting[coach]) < self._free[coach]:
                    self._seat(coach, came_from)
                    return set()
                for other in sorted(self._sitting[coach] - seen):
                    seen.add(other)
                    queue.append((other, coach))
        return seen

    def _seat(self, coach: int | None, came_from: dict[int, tuple[int, int | None]]) -> None:
        while coach is not None:
            member, given = came_from[coach]
            if given is not None:
                self._held[member].discard(given)
                self._sitting[given].discard(member)
            self._held[member].add(coach)
            self._sitting[coach].add(member)
            coach = given
