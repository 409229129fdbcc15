"""
Cohort runs, part of the room *suggestions*: many trainees placed at once, looked at, and then asked for.

::

    queued ── work ──► running ── all placed or named ──► done ── apply ──► applying ── all asked ──► applied
       │                  ├─ the matcher or the assigner fails ► failed                     │
       └───── stop ───────┴──────────────────────────► stopped ◄──────────── stop ──────────┘
                                                           └─ resume ► queued, or applying again

A run changes nothing until it is applied. Then each placement becomes a request
of CoachHub itself whose receiver is the coach: through the same checks as one
of the trainee's own, and nobody has a seat before the coach accepts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, get_args
from uuid import UUID

import attrs

from coachhub_core.domain import values as v
from coachhub_core.domain.leases import is_over
from coachhub_core.errors import CohortIllegalTransition

CohortState = Literal["queued", "running", "stopped", "done", "failed", "applying", "applied"]
PlacementState = Literal["waiting", "placed", "unplaced", "requested", "refused"]
MAX_TRAINEES: Final = 10_000  #: of one run
MAX_NEED: Final = 10  #: coaches one trainee can be given
COHORT_STATES: Final[tuple[CohortState, ...]] = get_args(CohortState)
PLACEMENT_STATES: Final[tuple[PlacementState, ...]] = get_args(PlacementState)

ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "queued": ("stop",),
    "running": ("stop",),
    "stopped": ("resume",),
    "done": ("apply",),
    "failed": ("resume",),
    "applying": ("stop",),
}
"""What a state allows; any other allows nothing."""


@attrs.frozen(kw_only=True)
class CohortRun:
    """One run, from the asking to the last request it makes."""

    id: UUID
    account_id: UUID | None = None  #: who asked for it; None for the command line
    assigner: str
    mode: str
    state: CohortState = "queued"
    need: int = 1
    max_per_coach: int | None = None
    is_applied: bool = False  #: whether somebody has said yes to it: resuming then goes on asking
    n_trainees: int
    n_done: int = 0  #: of the trainees who are scored, or of the placements that are asked for
    n_total: int = 0
    n_placed: int | None = None  #: trainees with as many coaches as they need
    n_pairs: int | None = None
    n_requested: int = 0
    n_refused: int = 0
    matcher: str | None = None
    model_id: str | None = None
    input_hash: bytes | None = None
    certificate: Mapping[str, Any] | None = None
    reason: str | None = None  #: why it failed
    n_tries: int = 0  #: how often a worker has begun it and not come back
    lease_owner: str | None = None
    lease_until: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @property
    def allowed(self) -> tuple[str, ...]:
        """What an operator can do next."""
        return ACTIONS.get(self.state, ())

    def _check(self, action: str) -> None:
        if action not in self.allowed:
            raise CohortIllegalTransition(state=self.state, action=action, allowed=self.allowed)

    # ── what an operator does ──

    def stop(self, *, now: datetime) -> CohortRun:
        """Return the run stopped; whoever works on it finds that out at its next step."""
        self._check("stop")
        return attrs.evolve(self, state="stopped", lease_owner=None, lease_until=None, updated_at=now)

    def resume(self, *, now: datetime) -> CohortRun:
        """Return the run waiting for a worker, where it was: to be placed, or to go on asking."""
        self._check("resume")
        return attrs.evolve(
            self, state="applying" if self.is_applied else "queued", n_tries=0, reason=None, updated_at=now
        )

    def apply(self, *, now: datetime, n_pairs: int) -> CohortRun:
        """Return the run about to ask for its placements."""
        self._check("apply")
        return attrs.evolve(self, state="applying", is_applied=True, n_done=0, n_total=n_pairs, updated_at=now)

    # ── what a worker does ──

    def is_free(self, now: datetime) -> bool:
        """Tell whether a worker may take it: it waits for one, and nobody's lease holds."""
        waits = self.state in ("queued", "running", "applying")
        return waits and is_over(self.lease_until, now)

    def is_held_by(self, owner: str) -> bool:
        """Tell whether *owner* still works on it: it was neither stopped nor taken by another."""
        return self.lease_owner == owner and self.state in ("running", "applying")

    def taken(self, owner: str, *, now: datetime, until: datetime) -> CohortRun:
        """Return the run in the hands of *owner*."""
        return attrs.evolve(
            self,
            state="applying" if self.state == "applying" else "running",
            n_tries=self.n_tries + 1,
            lease_owner=owner,
            lease_until=until,
            started_at=self.started_at or now,
            updated_at=now,
        )

    def given_back(self, *, now: datetime) -> CohortRun:
        """Return the run free for any worker, as when none had begun: its worker ends, or lost the database."""
        state = "queued" if self.state == "running" else self.state
        return attrs.evolve(
            self, state=state, n_tries=self.n_tries - 1, lease_owner=None, lease_until=None, updated_at=now
        )

    def ended(self, state: CohortState, *, now: datetime, **found: Any) -> CohortRun:
        """Return the run at an end of its work."""
        return attrs.evolve(
            self,
            state=state,
            n_tries=0,
            lease_owner=None,
            lease_until=None,
            finished_at=now,
            updated_at=now,
            **found,
        )


@attrs.frozen(kw_only=True)
class Placement:
    """One coach for one trainee of a run, or that there is none and why; (``run_id``, ``trainee_id``, ``place``)."""

    run_id: UUID
    trainee_id: UUID
    place: int = 1  #: from 1 to the run's need, the best coach first
    state: PlacementState = "waiting"
    coach_id: UUID | None = None
    score: float | None = None
    reason: str | None = None  #: why unplaced, or the code of the refusal
    conflict: int | None = None  #: number of the set that is one too many
    match_id: UUID | None = None


@attrs.frozen(kw_only=True)
class CohortConflict:
    """
    Trainees who cannot all be placed: with any one who was left out they are one too many, without, they fit.

    ``trainees`` are those who have the seats; who was left out names the set by its number.
    """

    run_id: UUID
    number: int
    trainees: tuple[UUID, ...]
    coaches: tuple[UUID, ...]


# ── commands ────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class CreateCohortRun:
    """Place many trainees at once; nothing changes until the run is applied."""

    mode: str | None = v.line(40, default=None, optional=True)
    trainee_ids: tuple[UUID, ...] | None = v.items(MAX_TRAINEES, min_len=1, distinct=True, default=None, optional=True)
    need: int = v.whole(1, MAX_NEED, default=1)
    max_per_coach: int | None = v.whole(1, 10_000, default=None, optional=True)


@attrs.frozen(kw_only=True)
class ApplyCohortRun:
    """Ask for every placement; ``partial`` says yes to those that hold where others do not."""

    run_id: UUID
    partial: bool = v.flag(default=False)


@attrs.frozen(kw_only=True)
class ListCohortRuns:
    """Cohort runs, newest first."""

    limit: int = v.whole(1, 100, default=20)
    cursor: str | None = v.text(1_000, min_len=1, default=None, optional=True)


@attrs.frozen(kw_only=True)
class ListPlacements:
    """Who was given to whom in a run, by trainee."""

    state: PlacementState | None = v.choice(PLACEMENT_STATES, default=None, optional=True)
    limit: int = v.whole(1, 100, default=20)
    cursor: str | None = v.text(1_000, min_len=1, default=None, optional=True)


# ── views ───────────────────────────────────────────────────────────────────


@attrs.frozen(kw_only=True)
class CohortProgress:
    """How far a run has come: trainees who are scored, or placements that are asked for."""

    done: int
    total: int


@attrs.frozen(kw_only=True)
class CohortCertificate:
    """
    What an independent check says of a placement.

    ``n_blocking`` pairs would both rather have each other. ``gap`` is how far the
    sum may be below the best there is, as a part of it, by prices that prove it.
    ``is_worst_best`` says whether no placement of as many pairs has a better
    worst one; ``is_most`` whether no more pairs can be made. What a mode does not
    promise is null. ``n_outside`` pairs that were not looked at closely could
    change any of this: 0, or ``is_whole`` is false.

    What it does to people: ``seats_used`` is the part of the seats this many
    trainees could fill, ``top_tenth`` the share of all pairs that the tenth of the
    coaches with most of them has, ``worst_place`` the lowest place on their own
    list that a trainee got; null in runs made before these were counted.

    ``worst_first`` serves the trainee whose scores, over all the coaches they need,
    have the smallest mean: ``least_mean``. Where ``need`` is above 1 and everybody
    has that many, ``least_mean_bound`` is what no such placement's can exceed.
    """

    value: float
    worst: float | None
    n_blocking: int | None
    gap: float | None
    bound: float | None
    is_most: bool | None
    is_worst_best: bool | None
    n_outside: int
    is_whole: bool
    broken: tuple[str, ...]
    seats_used: float | None = None
    top_tenth: float | None = None
    worst_place: int | None = None
    least_mean: float | None = None
    least_mean_bound: float | None = None


@attrs.frozen(kw_only=True)
class ConflictView:
    """A set of trainees for whom there are seats, but for one more of those left out there is none."""

    number: int
    n_left_out: int
    trainees: tuple[UUID, ...]
    coaches: tuple[UUID, ...]


@attrs.frozen(kw_only=True)
class CohortRunView:
    """A run as an admin sees it; ``unplaced`` counts by reason, ``conflicts`` is there when one run is read."""

    id: UUID
    state: CohortState
    allowed: tuple[str, ...]
    assigner: str
    mode: str
    need: int
    max_per_coach: int | None
    n_trainees: int
    n_placed: int | None
    n_unplaced: int | None
    n_pairs: int | None
    n_requested: int
    n_refused: int
    progress: CohortProgress
    matcher: str | None
    model_id: str | None
    input_hash: str | None
    certificate: CohortCertificate | None
    unplaced: dict[str, int]
    conflicts: tuple[ConflictView, ...]
    reason: str | None
    started_at: datetime | None
    finished_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(
        cls, run: CohortRun, *, unplaced: Mapping[str, int] | None = None, conflicts: tuple[ConflictView, ...] = ()
    ) -> CohortRunView:
        """Show *run*."""
        said = run.certificate
        return cls(
            id=run.id,
            state=run.state,
            allowed=run.allowed,
            assigner=run.assigner,
            mode=run.mode,
            need=run.need,
            max_per_coach=run.max_per_coach,
            n_trainees=run.n_trainees,
            n_placed=run.n_placed,
            n_unplaced=None if run.n_placed is None else run.n_trainees - run.n_placed,
            n_pairs=run.n_pairs,
            n_requested=run.n_requested,
            n_refused=run.n_refused,
            progress=CohortProgress(done=run.n_done, total=run.n_total),
            matcher=run.matcher,
            model_id=run.model_id,
            input_hash=None if run.input_hash is None else run.input_hash.hex(),
            certificate=None if said is None else CohortCertificate(**{**said, "broken": tuple(said["broken"])}),
            unplaced=dict(unplaced or {}),
            conflicts=conflicts,
            reason=run.reason,
            started_at=run.started_at,
            finished_at=run.finished_at,
            created_at=run.created_at,
            updated_at=run.updated_at,
            version=run.version,
        )


@attrs.frozen(kw_only=True)
class CohortRunPage:
    """One page of runs."""

    items: tuple[CohortRunView, ...]
    next: str | None
    prev: str | None


@attrs.frozen(kw_only=True)
class PlacementView:
    """One placement, with the names an operator reads and the request it became."""

    trainee_id: UUID
    trainee_name: str
    place: int
    state: PlacementState
    coach_id: UUID | None
    coach_name: str | None
    score: float | None
    reason: str | None
    conflict: int | None
    match_id: UUID | None


@attrs.frozen(kw_only=True)
class PlacedView:
    """A placement as the trainee takes it along: nobody else's id but the coach's."""

    run_id: UUID
    place: int
    state: PlacementState
    coach_id: UUID | None
    score: float | None
    reason: str | None
    match_id: UUID | None

    @classmethod
    def of(cls, placement: Placement) -> PlacedView:
        """Show *placement*."""
        return cls(**{f.name: getattr(placement, f.name) for f in attrs.fields(cls)})


@attrs.frozen(kw_only=True)
class PlacementPage:
    """One page of placements."""

    items: tuple[PlacementView, ...]
    next: str | None
    prev: str | None
