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
    seating = _Seating(options, free, needed, whole)
    found: dict[tuple[tuple[int, ...], int], list[int]] = {}
    for trainee, row in enumerate(got):
        if len(row) >= needed[trainee]:
            continue
        alike = (tuple(options[trainee]), needed[trainee])  # who asks the same meets the same
        if alike not in found:
            found[alike] = seating.in_the_way_of(trainee)
        others = found[alike]
        if others is _FITS:
            yield Conflict(trainee, (), ())
        else:
            members = sorted((trainee, *others))
            together = sorted({coach for member in members for coach in options[member]})
            yield Conflict(trainee, tuple(members), tuple(together))


_FITS: list[int] = []  # nobody is in the way, in place of a list of others: told apart by being this one


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


class _Seating:
    """
    Everybody sits where they have all they need, and room is looked for, for one more at a time, by moving others.

    Whoever lacks one coach, and cannot have it though all the others move, is one
    too many for those who are reached by such moves: their seats are all taken by
    them, and what they hold elsewhere is all they could have there. Take anyone of
    them out, and a seat that can be reached is free. So that set is minimal. Who
    lacks several coaches needs some to be taken out first, until it is one.
    """

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
        self._moves: list[tuple[int, int, bool]] = []  # who, where, and whether they sat down: to be taken back

    def in_the_way_of(self, trainee: int) -> list[int]:
        """Give the fewest others with whom the trainee is one too many; ``_FITS`` when all fit. All sit as before."""
        lacking = self._fill(trainee)
        others = self._fewest(trainee, lacking) if lacking else _FITS
        self._take_back(0)
        return others

    def _fewest(self, trainee: int, lacking: int) -> list[int]:
        """Take out others, as long as the trainee lacks more than one coach, without whom there is no room yet."""
        kept: set[int] = set()  # without them there is room, and so there is without them among fewer
        while lacking > 1:
            others = self._reached(trainee) - {trainee}
            kept |= self._clearly_kept(trainee, lacking, others)
            left = next((left for other in sorted(others - kept) if (left := self._without(other, trainee, kept))), 0)
            if not left:
                break
            lacking = left
        return sorted(self._reached(trainee) - {trainee})

    def _without(self, other: int, trainee: int, kept: set[int]) -> int:
        """Take one out and return what the trainee lacks still; where that is nothing, put them back among the kept."""
        before = len(self._moves)
        self._leave(other)
        left = self._fill(trainee)
        if not left:
            self._take_back(before)
            kept.add(other)
        return left

    def _clearly_kept(self, trainee: int, lacking: int, others: set[int]) -> set[int]:
        """
        Give those who obviously leave room enough: the trainee takes their seats, or somebody sitting with
        a coach of the trainee's does. What needs longer chains of moves is found by trying.
        """
        leads_to = [0] * len(self._free)  # seat -> coaches (bits) with somebody who would move there
        for other in others:
            held = self._held[other]
            mask = _bits(held)
            for coach in self._options[other]:
                if coach not in held:
                    leads_to[coach] |= mask
        mine = set(self._options[trainee]) - self._held[trainee]
        wanted = _bits(mine)
        found = set()
        for other in others:
            ways = [
                leads_to[coach] & wanted | (1 << coach if coach in mine else 0) for coach in sorted(self._held[other])
            ]
            if len(ways) >= lacking and _n_apart(ways, lacking) >= lacking:
                found.add(other)
        return found

    def _fill(self, trainee: int) -> int:
        """Give the trainee as many coaches as can be had; return how many are lacking still."""
        held = self._held.setdefault(trainee, set())
        while len(held) < self._needed[trainee] and self._move(trainee):
            pass
        return self._needed[trainee] - len(held)

    def _move(self, trainee: int) -> bool:
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
                    return True
                for other in sorted(self._sitting[coach] - seen):
                    seen.add(other)
                    queue.append((other, coach))
        return False

    def _reached(self, trainee: int) -> set[int]:
        """Give everybody who would have to move if there were to be one seat more; no seat of theirs is free."""
        seen, asked = {trainee}, set[int]()
        queue = [trainee]
        for member in queue:  # it grows while it is read
            for coach in self._options[member]:
                if coach not in asked and coach not in self._held[member]:
                    asked.add(coach)
                    new = self._sitting[coach] - seen
                    seen |= new
                    queue += new
        return seen

    def _seat(self, coach: int | None, came_from: dict[int, tuple[int, int | None]]) -> None:
        while coach is not None:
            member, given = came_from[coach]
            if given is not None:
                self._change(member, given, sits=False)
            self._change(member, coach, sits=True)
            coach = given

    def _leave(self, member: int) -> None:
        for coach in sorted(self._held[member]):
            self._change(member, coach, sits=False)

    def _change(self, member: int, coach: int, *, sits: bool) -> None:
        self._moves.append((member, coach, sits))
        if sits:
            self._held[member].add(coach)
            self._sitting[coach].add(member)
        else:
            self._held[member].discard(coach)
            self._sitting[coach].discard(member)

    def _take_back(self, n: int) -> None:
        """Undo all moves but the first *n*."""
        while len(self._moves) > n:
            member, coach, sits = self._moves.pop()
            self._change(member, coach, sits=not sits)
            self._moves.pop()


def _bits(coaches: Iterable[int]) -> int:
    found = 0
    for coach in coaches:
        found |= 1 << coach
    return found


def _n_apart(ways: Sequence[int], enough: int) -> int:
    """Count how many of these can be given a bit of their own each, up to *enough*; in doubt fewer."""
    taken = n = 0
    for way in sorted(ways, key=int.bit_count):
        left = way & ~taken
        if left:
            taken |= left & -left
            n += 1
            if n == enough:
                break
    return n
