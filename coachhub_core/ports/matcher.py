"""
The matcher's port: what an algorithm that ranks coaches is given, and gives.

A matcher is a pure function of (artefact, snapshot of coaches, trainees,
allowed pairs). Arrays cross the port as numpy arrays, C-contiguous, of the type
and shape stated here; whoever hosts a matcher checks every answer. The kit
``coachhub_core.testing.matcher`` turns each promise below into a test.

Who has one idea and no engine uses :func:`coachhub_core.matching.matcher_from_scores`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, Protocol, Self, runtime_checkable

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import MatcherTimeout
from coachhub_core.matching.outcomes import STEPS, OutcomeLog
from coachhub_core.matching.pairs import AllowedPairs
from coachhub_core.matching.tables import CoachTable, Column, TraineeRow, TraineeTable

__all__ = [
    "API",
    "CAPABILITIES",
    "NEVER",
    "STEPS",
    "AllowedPairs",
    "ArtefactReader",
    "ArtefactWriter",
    "Assigner",
    "AssignerOffer",
    "CompiledConstraint",
    "Deadline",
    "FeatureBlock",
    "Forgetful",
    "HardConstraint",
    "Index",
    "Learned",
    "Matcher",
    "MatcherOffer",
    "OutcomeLog",
    "Placements",
    "Ranking",
    "Reason",
    "Schema",
    "Shortlisting",
    "Stages",
    "SuggestionAudit",
    "Unsure",
]

API = 1  #: the major of this port; an offer of another one is refused at start-up, by name
CAPABILITIES = frozenset(
    {"exact", "explains", "learns", "two_sided", "text", "cold_coach", "cold_trainee"}
)  #: what an offer may promise


# ── time ────────────────────────────────────────────────────────────────────


@attrs.frozen
class Deadline:
    """The only clock a matcher sees: ask it at least every 20 ms and stop when it is over."""

    at: float  #: seconds, as *clock* counts them
    clock: Callable[[], float] = attrs.field(repr=False)

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float]) -> Self:
        """Give the deadline that is over in *seconds*."""
        return cls(clock() + seconds, clock)

    def is_over(self) -> bool:
        """Tell whether time has run out."""
        return self.clock() >= self.at

    def check(self) -> None:
        """
        Go on, or stop.

        Raises:
            MatcherTimeout: If time has run out.
        """
        if self.is_over():
            raise MatcherTimeout


NEVER = Deadline(math.inf, lambda: 0.0)  #: the deadline that never comes


# ── what is answered ────────────────────────────────────────────────────────


@attrs.frozen(eq=False)
class Ranking:
    """
    The coaches of each trainee, best first.

    ``rows``: int32 (b, k), rows of the CoachTable, -1 = none and only at the end.
    ``scores``: float64 (b, k), finite and non-increasing, -inf where the row is -1.
    Equal scores are ordered by coach id, bytewise; ``rank(k)`` is the head of ``rank(k + 1)``.
    """

    rows: NDArray[np.int32]
    scores: NDArray[np.float64]
    is_exact: bool = True

    @classmethod
    def empty(cls, b: int, k: int) -> Ranking:
        """Give the ranking of *b* trainees to whom nobody is proposed; fill it in place."""
        return cls(np.full((b, k), -1, np.int32), np.full((b, k), -np.inf, np.float64))


_NO_EVIDENCE: Mapping[str, Any] = MappingProxyType({})


@attrs.frozen(init=False)
class Reason:
    """
    One fact for or against a coach.

    ``code`` is ``<group>.<what>`` (``fits.tags``). Where a matcher explains, the
    contributions of one group, its ``<group>.base`` among them, add up to the
    logit of that group's probability, and the score is the product of the
    groups; the group ``order`` holds what moved the place and not the score.
    ``evidence`` is JSON: the words, hours or prices that matched. It shows
    nobody's words but those of this trainee and this coach.
    """

    code: str
    contribution: float
    evidence: Mapping[str, Any] = attrs.field(factory=dict)

    def __init__(self, code: str, contribution: float, evidence: Mapping[str, Any] = _NO_EVIDENCE) -> None:
        # as __attrs_init__ does it, straight into the slots, in two thirds of its time: a list has a hundred reasons
        _set_code(self, code)
        _set_contribution(self, contribution)
        _set_evidence(self, {} if evidence is _NO_EVIDENCE else evidence)


_set_code, _set_contribution, _set_evidence = (
    vars(Reason)[name].__set__ for name in ("code", "contribution", "evidence")
)


@attrs.frozen(eq=False)
class Placements:
    """
    Who coaches whom in a cohort.

    ``coaches``: int32 (n, max need), -1 = none. ``prices``: float64 (m,) or None.
    ``certificate``: what the assigner says about its own answer; ``certify`` checks it.
    """

    coaches: NDArray[np.int32]
    prices: NDArray[np.float64] | None = None
    certificate: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class SuggestionAudit:
    """What happened when a list was made: ids and numbers, no profile."""

    set_id: str
    trainee_id: str
    at: datetime
    matcher: str
    model_id: str
    input_hash: str
    coach_ids: tuple[str, ...]
    scores: tuple[float, ...]
    n_eligible: int
    relaxations: Mapping[str, int]
    degraded: str | None
    duration_seconds: float
    prices: Mapping[str, float] = attrs.field(factory=dict)  #: what demand took off a score, by coach; above 0 only


# ── the protocols ───────────────────────────────────────────────────────────


class ArtefactWriter(Protocol):
    """Takes what a matcher has learned: arrays and JSON only, nothing that can be executed."""

    def put_array(self, name: str, array: NDArray[Any]) -> None:
        """Keep an array of numbers or booleans under a name of ``a-z 0-9 _ - . /``."""

    def put_json(self, name: str, document: Any) -> None:
        """Keep a JSON document; finite numbers only."""


class ArtefactReader(Protocol):
    """Gives back, checked, what an :class:`ArtefactWriter` took."""

    @property
    def names(self) -> tuple[str, ...]:
        """The members, in the order they were put."""

    def array(self, name: str) -> NDArray[Any]:
        """Give an array, read-only; ArtefactError where there is none of this name."""

    def json(self, name: str) -> Any:
        """Give a document; ArtefactError where there is none of this name."""


class Stages(Protocol):
    """
    Keeps what a training has finished, so that one that was ended goes on from there.

    It belongs to one input: log, tables, seed and whatever else the training may depend on. A matcher whose ``fit``
    has a parameter ``stages`` is handed one where somebody wants that, and None where nobody does; one without that
    parameter is trained from the start each time. What comes of a training that went on is the same, bit for bit, as
    what comes of one that was never ended.
    """

    def kept(self, name: str) -> ArtefactReader | None:
        """Give what was kept of a stage; None where it has to be done (again)."""

    def keep(self, name: str, save: Callable[[ArtefactWriter], None]) -> None:
        """Keep a finished stage, which *save* puts, in one step; never one that a deadline cut short."""


class Index(Protocol):
    """A matcher made ready for one snapshot of coaches: immutable, read by many threads."""

    def rank(self, trainees: TraineeTable, k: int, allowed: AllowedPairs, *, deadline: Deadline) -> Ranking:
        """
        Rank the allowed coaches for each trainee.

        The same question gives the same rows and scores, bit for bit, for any
        batch, order of the batch and number of threads. No clock but *deadline*,
        no global random state, no network, no file. No trainees give (0, k);
        nobody allowed gives a row of -1; k beyond the allowed is fine.

        Raises:
            MatcherTimeout: When *deadline* is over.
            MatcherError: When it cannot answer; nothing else is raised.
        """

    def score(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> NDArray[np.float64]:
        """Score these coaches: int32 (b, c) to float64 (b, c), as :meth:`rank` would; -inf where the row is -1."""

    def probabilities(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> Mapping[str, NDArray[np.float64]]:
        """Give the probability of each step, "wants", "accepts", "goes_well": (b, c) each; may be empty."""

    def explain(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> list[list[tuple[Reason, ...]]]:
        """Give the reasons for each pair, (b, c) tuples, () where the row is -1."""


class Matcher(Protocol):
    """An algorithm that ranks coaches for trainees."""

    def fit(
        self,
        log: OutcomeLog,
        coaches: CoachTable,
        trainees: TraineeTable,
        *,
        prior: Matcher | None = None,
        seed: int = 0,
        deadline: Deadline = NEVER,
    ) -> Matcher:
        """
        Give a new matcher that has learned; self is not changed. An empty log is legal.

        One that also has a parameter ``stages``, a :class:`Stages` or None, can be ended and goes on.
        """

    def save(self, out: ArtefactWriter) -> None:
        """Put everything :meth:`load` needs."""

    def load(self, source: ArtefactReader) -> Matcher:
        """Give a new matcher of what was saved; self is not changed. ArtefactError where it is not of this matcher."""

    def index(self, coaches: CoachTable, *, prices: NDArray[np.float64] | None = None) -> Index:
        """Make ready for this snapshot; *prices* (n,), >= 0, are taken off the scores: the price of demand."""


@runtime_checkable
class Unsure(Protocol):
    """An optional port of an index: it knows how little it knows of a coach, so that newcomers can be tried."""

    def upper(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> NDArray[np.float64]:
        """
        Give how good each pair may well be: int32 (b, c) to float64 (b, c), never below its score.

        About one standard deviation above: where much is known, hardly more than the score. The same bits as often
        as it is asked, alone or together; -inf where the row is -1.
        """


@runtime_checkable
class Learned(Protocol):
    """An optional port of a matcher: it says of its learning what goes into the manifest of its artefact."""

    @property
    def prior_id(self) -> str:
        """What its coefficients were drawn towards where no prior was given: a name and a version."""

    @property
    def metrics(self) -> Mapping[str, float]:
        """Figures of the part of the log that training held out, by flat names; no seconds, and nothing by chance."""


@runtime_checkable
class Shortlisting(Protocol):
    """An optional port of a matcher: it looks closely at a short list only, and can be told how long that is."""

    def with_candidates(self, n: int) -> Matcher:
        """Give the same matcher, looking closely at *n* coaches of many; self is not changed, nor what it saves."""


@runtime_checkable
class Forgetful(Protocol):
    """An optional port of a matcher: it can forget people it has learned from, who were erased."""

    @property
    def people(self) -> Collection[str]:
        """The ids of all trainees and coaches it knows."""

    def without(self, ids: Collection[str]) -> Matcher:
        """
        Give the same matcher without these people: what it saves has neither their ids nor a word that is theirs alone.

        Everybody else's answers stay what they were, bit for bit; *self* is not changed. Ids it does not know are
        legal.
        """


class Assigner(Protocol):
    """Places a whole cohort at once."""

    def assign(
        self,
        candidates: NDArray[np.int32],
        scores: NDArray[np.float64],
        seats: NDArray[np.int64],
        *,
        mode: str,
        need: NDArray[np.int64],
        coach_scores: NDArray[np.float64] | None,
        floor: float,
        deadline: Deadline,
    ) -> Placements:
        """
        Give each trainee up to *need* coaches, no coach above their *seats*.

        Args:
            candidates: int32 (n, L), coaches each trainee may get, padded with -1; nobody twice in a row.
            scores: float64 (n, L), how well the trainee is served; below *floor* is a veto.
            seats: int64 (m,), >= 0.
            mode: One of the offer's modes.
            need: int64 (n,), >= 0.
            coach_scores: float64 (n, L), whom the coach would rather take; None: as *scores*; -inf is a veto.
            floor: Pairs below it are never made.
        Returns:
            Placements over these numbers; equal scores are ordered by number, the smaller first.
        """


class CompiledConstraint(Protocol):
    """A hard constraint, ready for one snapshot."""

    def bits(self, trainee: TraineeRow) -> int | None:
        """Give the coaches this trainee may be proposed: bit r is coach row r; None: nothing was asked."""


class HardConstraint(Protocol):
    """A rule no score can buy off."""

    def compile(self, coaches: CoachTable) -> CompiledConstraint:
        """Make ready for this snapshot; called once per snapshot."""


class FeatureBlock(Protocol):
    """Extra columns of one side, computed from the columns it has."""

    @property
    def side(self) -> Literal["coaches", "trainees"]:
        """Whose columns these are."""

    @property
    def kinds(self) -> Mapping[str, str]:
        """The names it adds, each with its kind of column (``number``, ``labels``, ...)."""

    def fill(self, table: CoachTable | TraineeTable) -> Mapping[str, Column]:
        """Give exactly those columns, as many rows each as the table has."""


# ── the offers ──────────────────────────────────────────────────────────────


def _names(names: Iterable[str]) -> frozenset[str]:
    return frozenset(names)


@attrs.frozen(kw_only=True)
class MatcherOffer:
    """A matcher under a name an operator can select."""

    make: Callable[[], Matcher]  #: untrained; heavy imports happen inside
    version: str
    api: int = API
    needs: frozenset[str] = attrs.field(converter=_names)  #: the columns it sees, no others; {"*"}: all not sensitive
    promises: frozenset[str] = attrs.field(default=frozenset(), converter=_names)  #: of CAPABILITIES; the kit checks


@attrs.frozen(kw_only=True)
class AssignerOffer:
    """An assigner under a name an operator can select."""

    make: Callable[[], Assigner]
    version: str
    api: int = API
    modes: frozenset[str] = attrs.field(converter=_names)  #: of stable, welfare, worst_first, or its own


@attrs.frozen(kw_only=True)
class Schema:
    """Which columns both sides have, by name and kind: what a feature block may build on."""

    coaches: Mapping[str, str]
    trainees: Mapping[str, str]

    @classmethod
    def of(cls, coaches: CoachTable, trainees: TraineeTable) -> Self:
        """Read the schema off two tables."""
        return cls(
            coaches={name: column.kind for name, column in coaches.columns.items()},
            trainees={name: column.kind for name, column in trainees.columns.items()},
        )

    @property
    def hash(self) -> str:
        """Stand for the schema: sha256 in hex."""
        return hashlib.sha256(repr((sorted(self.coaches.items()), sorted(self.trainees.items()))).encode()).hexdigest()
