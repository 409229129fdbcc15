"""
Counterfactual reasons: which single change of what a trainee said would make a coach their first, or let them in.

Found by search and proved by ranking again: a change that is told was asked for as :meth:`MatcherHost.suggest` asks,
with the same constraints, columns and index, and the place that came of it stands beside it. Nothing is known of the
matcher but its port, so this works for any.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final
from uuid import UUID

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import Invalid, MatcherTimeout, NotFound
from coachhub_core.matching.changing import Way, ways
from coachhub_core.matching.checks import check_ranking, leaving_is_a_fault
from coachhub_core.matching.columns import Hours
from coachhub_core.matching.entries import name_of
from coachhub_core.matching.given import check_has, check_kind, pairs_of, whole
from coachhub_core.matching.host import MatcherHost
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import NEVER, AllowedPairs, Deadline

MAX_RANKINGS: Final = 500
_N_LOOKS = 8  # at a line of numbers, before it is halved


@attrs.frozen(kw_only=True)
class Counterfactual:
    """One change of what the trainee said, and the place the coach then has: verified by ranking again."""

    column: str  #: the trainee's
    kind: str  #: ``number category labels hours``
    was: Any  #: a float, a name, or a sorted tuple of names or of hours (0 is Monday 00:00 UTC, to 167)
    becomes: Any  #: another such value
    size: float  #: the share of it that is new, above 0: the smaller, the smaller the change
    rank_before: int | None  #: from 1; None: in no list
    rank_after: int
    n_eligible: int  #: coaches who may be proposed after the change
    evidence: Mapping[str, Any]  #: the same facts, and ``added``, ``n_more``, ``currency``, for a sentence


@attrs.frozen(kw_only=True)
class Counterfactuals:
    """
    What would let one coach in, or put them first; see :func:`counterfactuals`.

    ``is_complete`` is False where the deadline or the number of rankings ended the search: what is told holds all the
    same, and there may be more.
    """

    coach_id: str
    rank: int | None  #: where the coach stands now, from 1; None: in no list
    n_eligible: int  #: coaches who may be proposed now
    kept_out_by: tuple[str, ...]  #: the constraints that keep the coach out, by name
    lets_in: tuple[Counterfactual, ...]  #: after each the coach is in the list; () for who is in it now
    puts_first: tuple[Counterfactual, ...]  #: after each the coach is first; () also for who is first now
    best: Counterfactual | None  #: where nothing puts the coach first: what moves them up furthest
    matcher: str
    model_id: str
    n_rankings: int
    is_complete: bool


@attrs.frozen
class _Place:
    rank: int | None
    n_eligible: int


class _Spent(Exception):
    """Says that no ranking is left."""


def counterfactuals(
    host: MatcherHost,
    coaches: CoachTable,
    trainee: TraineeTable,
    coach_id: str | int | UUID,
    *,
    limit: int = 3,
    pairs: Mapping[str, tuple[str, str]] | None = None,
    columns: Collection[str] | None = None,
    without: Collection[str | int | UUID] = (),
    prices: NDArray[np.float64] | None = None,
    deadline: Deadline = NEVER,
    max_rankings: int = MAX_RANKINGS,
) -> Counterfactuals:
    """
    Find the smallest single changes of what a trainee said that let a coach in, and that put them first.

    A number moves towards the coach's in round steps (a budget only up, for it is a limit): where one of eight looks
    along the way will do, the nearest that does is found by halving. The coach's names are added one by one to a set
    of names, or take the place of a single one. Hours of the coach's are added, as few as will do and up to eight.
    Only columns that are compared and in which the trainee said something are changed, never a sensitive one, a goal
    or a text. The same question gives the same answer, unless the deadline cuts it short.

    Args:
        coaches: The snapshot. The same object again is not prepared again.
        trainee: A table of one row; it is not changed.
        coach_id: Whom it is about, as in the table that was built: a number and its text are one id.
        limit: Of each, at most so many, at least 1.
        pairs: Name -> (trainee's column, coach's column): compared beside those of one name, as in ``fit``.
        columns: The trainee's that may change; None: all that are compared.
        without: Ids of coaches who are out of the question.
        prices: (n,), the price of demand, as in ``suggest``.
        deadline: When it is over, what was found so far is given.
        max_rankings: The whole list is ranked at most so often, at least once.
    Returns:
        The smallest first; equal ones by column, then value.
    Raises:
        NotFound: If no coach of the snapshot has this id.
        Invalid: If the table has not one row, a number is below 1, or a pair names no column of the coaches.
        MatcherTimeout: If the deadline is over before it is known where the coach stands now.
        MatcherError: If the matcher fails, or a constraint of a plugin does; nobody answers in its place.
    """
    check_kind(trainee, TraineeTable, "trainee")
    coach_id = name_of(coach_id, "coach_id")
    left_out = frozenset(name_of(id_, "without") for id_ in without)
    row = coaches.row_of(coach_id)
    if row is None:
        raise NotFound(kind="coach", id=coach_id)
    if len(trainee) != 1:
        raise Invalid.at("trainee", f"needs a table of one trainee, not {len(trainee)}")
    for name, number in (("limit", limit), ("max_rankings", max_rankings)):
        if whole(number, name) < 1:
            raise Invalid.at(name, "must be 1 or more")
    pairs = pairs_of(pairs or {})
    for name, (_, theirs) in pairs.items():  # one trainee may have said less than others
        check_has(coaches, theirs, "coaches", f"pairs/{name}")
    places = _Places(host, coaches, trainee, row, left_out, prices, deadline, max_rankings)
    now = places.of(trainee)
    search = _Search(trainee, coaches.row(row).text("currency"), places, now)
    if now.rank != 1 and coach_id not in left_out:
        search.run(ways(trainee, coaches, row, pairs=pairs, columns=columns))
    firsts = search.smallest(_is_first, limit)
    return Counterfactuals(
        coach_id=coach_id,
        rank=now.rank,
        n_eligible=now.n_eligible,
        kept_out_by=places.serving.rules.failed(trainee.row(0), row),
        lets_in=search.smallest(_is_in, limit),
        puts_first=firsts,
        best=None if firsts else search.best,
        matcher=places.serving.matcher,
        model_id=places.serving.model_id,
        n_rankings=places.n_rankings,
        is_complete=search.is_complete,
    )


class _Places:
    """Ranks again and again, and says where one coach stands."""

    def __init__(
        self,
        host: MatcherHost,
        coaches: CoachTable,
        trainee: TraineeTable,
        row: int,
        without: Collection[str],
        prices: NDArray[np.float64] | None,
        deadline: Deadline,
        max_rankings: int,
    ) -> None:
        self.serving = host.serving(coaches, trainee, prices=prices)
        self.n_rankings = 0
        self._coaches = coaches
        self._row = row
        self._without = without
        self._deadline = deadline
        self._max_rankings = max_rankings

    def of(self, trainee: TraineeTable) -> _Place:
        """Rank for this trainee; who may not be proposed at all is known without."""
        self._deadline.check()
        eligible = self.serving.rules.eligible(trainee.row(0), without=self._without)
        if not eligible.mask >> self._row & 1:
            return _Place(None, eligible.count)
        if self.n_rankings == self._max_rankings:
            raise _Spent
        self.n_rankings += 1
        allowed = AllowedPairs.shared(eligible.mask, len(self._coaches))
        with leaving_is_a_fault(self.serving.matcher):
            seen = self.serving.see(trainee)
            ranking = self.serving.index.rank(seen, eligible.count, allowed, deadline=self._deadline)
        check_ranking(ranking, self._coaches, allowed, 1, eligible.count)
        found = np.flatnonzero(ranking.rows[0] == self._row)
        return _Place(int(found[0]) + 1 if len(found) else None, eligible.count)


_Goal = Callable[[_Place], bool]


def _is_in(place: _Place) -> bool:
    return place.rank is not None


def _is_first(place: _Place) -> bool:
    return place.rank == 1


class _Search:
    """Looks along each way for the nearest value that will do."""

    def __init__(self, trainee: TraineeTable, currency: str | None, places: _Places, now: _Place) -> None:
        self.best: Counterfactual | None = None
        self.is_complete = True
        self._trainee = trainee
        self._currency = trainee.row(0).text("currency") or currency
        self._places = places
        self._now = now
        self._found: dict[_Goal, list[Counterfactual]] = {_is_first: []}
        if now.rank is None:
            self._found[_is_in] = []

    def run(self, along: list[Way]) -> None:
        """Look along all, as long as there is time and there are rankings left."""
        try:
            for way in along:
                if way.line:
                    self._numbers(way)
                else:
                    self._rungs(way)
        except (_Spent, MatcherTimeout):
            self.is_complete = False

    def smallest(self, goal: _Goal, limit: int) -> tuple[Counterfactual, ...]:
        """Give the smallest changes that reach it."""
        found = {(one.size, one.column, one.becomes): one for one in self._found.get(goal, ())}
        return tuple(found[key] for key in sorted(found)[:limit])

    def _numbers(self, way: Way) -> None:
        n = len(way.line)
        looks = sorted({math.ceil(n * part / _N_LOOKS) - 1 for part in range(1, _N_LOOKS + 1)})
        seen: dict[int, Counterfactual | _Place] = {}

        def reached(at: int, goal: _Goal) -> bool:
            if at not in seen:
                seen[at] = self._tried(way, way.line[at])
            return goal(_place_of(seen[at]))

        for goal, found in self._found.items():
            high = next((at for at in looks if reached(at, goal)), None)
            if high is None:
                continue
            low = max((at for at in looks if at < high), default=-1)  # does not do, or is what was said
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if reached(middle, goal) else (middle, high)
            one = seen[high]
            assert isinstance(one, Counterfactual)  # noqa: S101 - it reached the goal
            found.append(one)

    def _rungs(self, way: Way) -> None:
        """Of hours one set is told, of names each that will do."""
        is_one_enough = way.kind == Hours.kind
        open_ = dict(self._found)
        for rung in way.rungs():
            reached: set[_Goal] = set()
            for value in rung:
                one = self._tried(way, value)
                for goal, found in open_.items():
                    if isinstance(one, Counterfactual) and goal(_place_of(one)):
                        if not (is_one_enough and goal in reached):
                            found.append(one)
                        reached.add(goal)
                if is_one_enough and len(reached) == len(open_):
                    break
            open_ = {goal: found for goal, found in open_.items() if goal not in reached}
            if not open_:
                return

    def _tried(self, way: Way, value: Any) -> Counterfactual | _Place:
        """Rank with this value; a place alone where the coach is in no list with it."""
        place = self._places.of(way.said(self._trainee, value))
        if place.rank is None:
            return place
        made = Counterfactual(
            column=way.column,
            kind=way.kind,
            was=way.was,
            becomes=value,
            size=way.size(value),
            rank_before=self._now.rank,
            rank_after=place.rank,
            n_eligible=place.n_eligible,
            evidence=self._evidence(way, value),
        )
        key = (made.rank_after, made.size, made.column)
        if self.best is None:
            is_better = self._now.rank is None or made.rank_after < self._now.rank
        else:
            is_better = key < (self.best.rank_after, self.best.size, self.best.column)
        if is_better:
            self.best = made
        return made

    def _evidence(self, way: Way, value: Any) -> dict[str, Any]:
        facts: dict[str, Any] = {"column": way.column, "was": way.was, "becomes": value}
        if added := way.added(value):
            facts |= {"added": added, "n_more": len(added)}
        if way.column == "budget" and self._currency is not None:
            facts["currency"] = self._currency
        return {name: list(fact) if isinstance(fact, tuple) else fact for name, fact in facts.items()}


def _place_of(found: Counterfactual | _Place) -> _Place:
    return found if isinstance(found, _Place) else _Place(found.rank_after, found.n_eligible)
