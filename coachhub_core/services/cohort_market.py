"""What a cohort run computes: the tables of both sides as they are now, the placement, and why somebody has none."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from uuid import UUID

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.domain.cohorts import CohortConflict, Placement
from coachhub_core.domain.trainees import Trainee
from coachhub_core.errors import MatcherFault
from coachhub_core.matching.cohort import Cohort, least_gap, place_market
from coachhub_core.matching.conflicting import named
from coachhub_core.matching.host import MatcherHost
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import NEVER, AssignerOffer, Deadline
from coachhub_core.ports.storage import CoachRecord, TraineeRecord, UnitOfWork
from coachhub_core.services.snapshot import Snapshot, table_of_coaches, table_of_trainees
from coachhub_core.services.units import Context

MAX_CONFLICTS: Final = 20  #: sets that are named; after that, and after the time below, those left out have no set
_CONFLICT_SECONDS: Final = 20.0
_INDEX_SECONDS: Final = 60.0
_ONE_SUM: Final = frozenset({"welfare", "exact", "worst_first"})  #: modes that read one score per pair
_ALONE: Final = 0  #: in place of a number: nobody stands in the way, there are too few coaches at all


@attrs.frozen(kw_only=True, eq=False)
class Market:
    """Both sides of a run, as they were at one moment; trainees by their ids."""

    coaches: CoachTable
    trainees: TraineeTable
    trainee_ids: tuple[UUID, ...]
    asked: tuple[frozenset[str], ...]  #: per trainee, ids of coaches who have a request of theirs
    seats: NDArray[np.int64]


@attrs.frozen(kw_only=True, eq=False)
class Computed:
    """What a run found."""

    cohort: Cohort
    placements: tuple[Placement, ...]
    conflicts: tuple[CohortConflict, ...]
    certificate: dict[str, Any]
    n_placed: int
    n_pairs: int
    matcher: str
    model_id: str
    input_hash: bytes


def has_goal(trainee: Trainee) -> bool:
    """Tell whether a trainee has said what suggestions need."""
    return bool((trainee.goal or "").strip()) or bool(trainee.goals)


class CohortMarket:
    """Gathers and places. Several threads may use it."""

    def __init__(self, context: Context, host: MatcherHost, snapshot: Snapshot) -> None:
        self._context = context
        self._host = host
        self._snapshot = snapshot

    def gather(self, work: UnitOfWork, records: Sequence[TraineeRecord], *, max_per_coach: int | None) -> Market:
        """Read both sides."""
        now = self._context.clock()
        coaches = self._snapshot.table(work)
        asked: dict[UUID, set[str]] = {}
        for match in work.matches.standing_of_trainees([record.trainee.id for record in records], now):
            asked.setdefault(match.trainee_id, set()).add(str(match.coach_id))
        left = np.maximum(np.nan_to_num(coaches.number("seats_left"), nan=0.0), 0).astype(np.int64)
        return Market(
            coaches=coaches,
            trainees=table_of_trainees(work, records, now, self._context.vocabulary),
            trainee_ids=tuple(record.trainee.id for record in records),
            asked=tuple(frozenset(asked.get(record.trainee.id, ())) for record in records),
            seats=left if max_per_coach is None else np.minimum(left, max_per_coach),
        )

    def broken_rules(
        self, work: UnitOfWork, pairs: Sequence[tuple[TraineeRecord, CoachRecord]]
    ) -> dict[tuple[UUID, UUID], str]:
        """
        Name for each pair that a hard constraint keeps apart, by what both say now, the first such rule.

        The constraint *seats* is left to the request, which checks it under a lock.

        Raises:
            MatcherError: If a constraint of a plugin fails: a rule that cannot be checked is not dropped.
        """
        now = self._context.clock()
        trainees = {trainee.trainee.id: trainee for trainee, _ in pairs}
        coaches = {coach.coach.id: coach for _, coach in pairs}
        rules = self._host.rules_of(table_of_coaches(work, list(coaches.values()), now))
        rows = table_of_trainees(work, list(trainees.values()), now, self._context.vocabulary)
        row_of_coach = {id_: row for row, id_ in enumerate(coaches)}
        row_of_trainee = dict(zip(trainees, rows.rows(), strict=True))
        found = {}
        for trainee, coach in pairs:
            broken = rules.failed(row_of_trainee[trainee.trainee.id], row_of_coach[coach.coach.id])
            if named := [name for name in broken if name != "seats"]:
                found[trainee.trainee.id, coach.coach.id] = named[0]
        return found

    def compute(
        self,
        market: Market,
        *,
        run_id: UUID,
        need: int,
        mode: str,
        assigner: str,
        offer: AssignerOffer,
        deadline: Deadline = NEVER,
        tell: Callable[[int], None] = lambda _: None,
    ) -> Computed:
        """
        Place everybody who can be placed.

        Raises:
            MatcherError: If the matcher, a hard constraint or the assigner fails, or the time is over.
        """
        options = _Options(market, self._host)
        scorer = _Scorer(market, options, self._host, is_mutual=mode not in _ONE_SUM)
        n = len(market.trainee_ids)
        wanted = np.full(n, need, np.int64)
        cohort = place_market(
            scorer,
            n,
            market.seats,
            need=wanted,
            mode=mode,
            name=assigner,
            offer=offer,
            deadline=deadline,
            tell=tell,
        )
        sets, of_trainee = _conflicts(options, market, cohort, need, deadline)
        placements = tuple(_placements(run_id, market, options, cohort, need, of_trainee))
        certificate = _certificate(cohort, mode)
        state = scorer.serving
        asked = [market.coaches.content_hash, market.trainees.content_hash, state.model_id, mode, assigner, need]
        said = json.dumps([*asked, market.seats.tolist(), [sorted(ids) for ids in market.asked]])
        return Computed(
            cohort=cohort,
            placements=placements,
            conflicts=tuple(
                CohortConflict(run_id=run_id, number=number, trainees=trainees, coaches=coaches)
                for number, (trainees, coaches) in enumerate(sets, start=1)
            ),
            certificate=certificate,
            n_placed=int(((cohort.coaches >= 0).sum(axis=1) >= wanted).sum()),
            n_pairs=int((cohort.coaches >= 0).sum()),
            matcher=state.matcher,
            model_id=state.model_id,
            input_hash=hashlib.sha256(said.encode()).digest(),
        )


class _Options(Sequence[Sequence[int]]):
    """Whom each trainee may be given to, looked up when somebody asks, and what each rule cost."""

    def __init__(self, market: Market, host: MatcherHost) -> None:
        self._rules = host.rules(market.coaches)
        self._rows = list(market.trainees.rows())
        self._market = market
        self._n_coaches = len(market.coaches)
        self._found: dict[int, list[int]] = {}
        self.relaxations: dict[int, dict[str, int]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, i: Any) -> Any:
        if i not in self._found:
            self._found[i] = np.flatnonzero(self.flags(i)).tolist()
        return self._found[i]

    def flags(self, i: int) -> NDArray[np.bool_]:
        """Give for each coach whether this trainee may be given to them."""
        eligible = self._rules.eligible(self._rows[i], without=self._market.asked[i])
        if not eligible.mask:
            self.relaxations[i] = dict(eligible.relaxations)
        raw = eligible.mask.to_bytes((self._n_coaches + 7) // 8, "little")
        bits = np.unpackbits(np.frombuffer(raw, np.uint8), count=self._n_coaches, bitorder="little")
        return bits.astype(np.bool_) & (self._market.seats > 0)


class _Scorer:
    """The chosen matcher's scores of some trainees and all coaches; what a hard constraint forbids is -inf."""

    def __init__(self, market: Market, options: _Options, host: MatcherHost, *, is_mutual: bool) -> None:
        self._market = market
        self._options = options
        self._is_mutual = is_mutual
        self.serving = host.serving(market.coaches, market.trainees, timeout_seconds=_INDEX_SECONDS)
        self._index, self._seen = self.serving.index, self.serving.seen

    def __call__(self, trainees: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        batch = self._seen.take(trainees)
        shape = (len(trainees), len(self._market.coaches))
        rows = np.ascontiguousarray(np.broadcast_to(np.arange(shape[1], dtype=np.int32), shape))
        scores = _checked(self._index.score(batch, rows), shape)
        allowed = np.array([self._options.flags(int(i)) for i in trainees], np.bool_).reshape(shape)
        mine = np.where(allowed, scores, -np.inf)
        said = self._index.probabilities(batch, rows) if self._is_mutual else {}
        if "accepts" not in said:
            return mine, None
        theirs = _checked(said["accepts"], shape)
        if "goes_well" in said:
            theirs = theirs * _checked(said["goes_well"], shape)
        return mine, theirs


def _checked(scores: Any, shape: tuple[int, int]) -> NDArray[np.float64]:
    if not isinstance(scores, np.ndarray) or scores.dtype != np.float64 or scores.shape != shape:
        raise MatcherFault(reason=f"scores are not float64 of the shape {shape}")
    if np.isnan(scores).any() or (scores == np.inf).any():
        raise MatcherFault(reason="a score is no number; -inf is a veto")
    return scores


def _conflicts(
    options: _Options, market: Market, cohort: Cohort, need: int, deadline: Deadline
) -> tuple[list[tuple[tuple[UUID, ...], tuple[UUID, ...]]], dict[int, int | None]]:
    """Name who stands in the way; several who were left out often share one set. By trainee, None: they would fit."""
    short = (cohort.coaches >= 0).sum(axis=1) < need
    sets: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
    of_trainee: dict[int, int | None] = {}
    if not short.any():
        return [], of_trainee
    until = time.monotonic() + _CONFLICT_SECONDS
    for found in named(options, market.seats.tolist(), cohort.coaches.tolist(), [need] * len(options)):
        deadline.check()
        if not found.trainees:
            of_trainee[found.trainee] = None
        elif len(found.trainees) == 1:
            of_trainee[found.trainee] = _ALONE
        else:
            key = (tuple(t for t in found.trainees if t != found.trainee), found.coaches)
            if key in sets or len(sets) < MAX_CONFLICTS:
                of_trainee[found.trainee] = sets.setdefault(key, len(sets) + 1)
        if time.monotonic() > until:
            break
    coach_ids = [UUID(id_) for id_ in market.coaches.ids]
    return [
        (tuple(market.trainee_ids[t] for t in trainees), tuple(coach_ids[c] for c in coaches))
        for trainees, coaches in sets
    ], of_trainee


def _placements(
    run_id: UUID,
    market: Market,
    options: _Options,
    cohort: Cohort,
    need: int,
    of_trainee: dict[int, int | None],
) -> Iterator[Placement]:
    for i, (coaches, scores) in enumerate(zip(cohort.coaches.tolist(), cohort.scores.tolist(), strict=True)):
        for place in range(1, need + 1):
            made = Placement(run_id=run_id, trainee_id=market.trainee_ids[i], place=place)
            if coaches[place - 1] >= 0:
                coach_id = UUID(market.coaches.ids[coaches[place - 1]])
                yield attrs.evolve(made, state="placed", coach_id=coach_id, score=scores[place - 1])
            else:
                why = _why(i, options, of_trainee)
                yield attrs.evolve(made, state="unplaced", reason=why, conflict=of_trainee.get(i) or None)


def _why(i: int, options: _Options, of_trainee: dict[int, int | None]) -> str:
    if not options[i] or of_trainee.get(i) == _ALONE:
        costs = options.relaxations.get(i, {})
        rule = max(costs, key=lambda name: costs[name], default=None)
        return "no_coach" if rule is None or not costs[rule] else f"no_coach.{rule}"[:64]
    if of_trainee.get(i, 0) is None:
        return "others_first"
    return "no_seat"


def _certificate(cohort: Cohort, mode: str) -> dict[str, Any]:
    found = cohort.certificate
    return {
        "value": found.value,
        "worst": found.worst,
        "n_blocking": found.n_blocking if mode == "stable" else None,
        "gap": least_gap(found),
        "bound": found.bound,
        "is_most": found.is_most,
        "is_worst_best": found.is_worst_best,
        "n_outside": cohort.n_outside,
        "is_whole": cohort.n_outside == 0,
        "broken": list(found.broken),
        "seats_used": found.seats_used,
        "top_tenth": found.top_tenth,
        "worst_place": found.worst_place,
        "least_mean": found.least_mean if mode == "worst_first" else None,
        "least_mean_bound": found.least_mean_bound,
    }
