"""What a training run works on: both tables as features, what is comparable, and the split of what was observed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.matching.tables import CoachTable, Texts, TraineeTable
from coachhub_scipy.arithmetic import Floats, logarithm
from coachhub_scipy.compare import CompareIndex
from coachhub_scipy.comparisons import Comparison, prior_weights
from coachhub_scipy.crossed_parts import Pairs
from coachhub_scipy.earlier import Directions, Earlier
from coachhub_scipy.encode import Encoded, Encoder, principal
from coachhub_scipy.observe import STEPS, Observed
from coachhub_scipy.text import MAX_WORDS, MIN_ACCOUNTS, terms

if TYPE_CHECKING:
    from coachhub_scipy.duet import Learned
    from coachhub_scipy.staged import Staged

N_DIRECTIONS = 32  #: leading directions of the features of one side
HELD_OUT = 0.2  #: of the newest pairs of people with a history
HELD_PEOPLE = 0.12  #: of the trainees, with all they did: they stand for newcomers
MIN_HISTORY = 4
MIN_CHECKED = 200  #: positives below which one check says nothing
FEW_CHECKED = 20  #: and below which several together do not either
MANY_NEWCOMERS = 20  #: people held out, below whom one check says nothing of newcomers
FOLDS = 4  #: of the trainees, where one check would not say enough
MAX_ASKED_TERMS = 20_000


@attrs.frozen(eq=False, slots=False)
class Material:
    """Both tables, ready to be learned from."""

    coaches: CoachTable
    trainees: TraineeTable
    comparisons: tuple[Comparison, ...]
    code_coach: Encoder
    code_trainee: Encoder
    background: Mapping[str, Mapping[str, int]]
    n_background: int
    seed: int
    go_on: Callable[[], bool]
    earlier: Earlier | None = None  # a model that what is learned is drawn towards

    @classmethod
    def of(
        cls,
        coaches: CoachTable,
        trainees: TraineeTable,
        comparisons: tuple[Comparison, ...],
        *,
        seed: int,
        go_on: Callable[[], bool],
        staged: Staged,
        prior: Learned | None = None,
    ) -> Material:
        """Read both tables."""

        def read() -> tuple[Encoder, Encoder, dict[str, dict[str, int]]]:
            background = {
                name: used_by_many(column.values())
                for name, column in trainees.columns.items()
                if isinstance(column, Texts)
            }
            return Encoder.fit(coaches, seed=seed), Encoder.fit(trainees, seed=seed), background

        code_coach, code_trainee, background = staged("columns", read)
        return cls(
            coaches,
            trainees,
            comparisons,
            code_coach,
            code_trainee,
            background,
            len(trainees) if background else 0,
            seed,
            go_on,
            None if prior is None else Earlier.of(prior, code_trainee, code_coach),
        )

    @cached_property
    def coach(self) -> Encoded:
        """The coaches' features."""
        return self.code_coach.encode(self.coaches)

    @cached_property
    def trainee(self) -> Encoded:
        """The trainees' features."""
        return self.code_trainee.encode(self.trainees)

    @cached_property
    def coach_basis(self) -> tuple[Floats, Floats]:
        """Centre and leading directions of the coaches' features."""
        return principal(self.coach.values, N_DIRECTIONS)

    @cached_property
    def trainee_basis(self) -> tuple[Floats, Floats]:
        """Centre and leading directions of the trainees' features."""
        return principal(self.trainee.values, N_DIRECTIONS)

    @cached_property
    def z_coach(self) -> Floats:
        """The coaches in those directions."""
        made: Floats = (self.coach.values - self.coach_basis[0]) @ self.coach_basis[1]
        return made

    @cached_property
    def z_trainee(self) -> Floats:
        """The trainees in those directions."""
        made: Floats = (self.trainee.values - self.trainee_basis[0]) @ self.trainee_basis[1]
        return made

    @cached_property
    def compare(self) -> CompareIndex:
        """The comparisons, ready for the coaches."""
        return CompareIndex(self.comparisons, self.coaches, self.background, self.n_background)

    @property
    def trainee_directions(self) -> Directions:
        """The trainees' features, and their leading directions."""
        return self.trainee.values, self.trainee_basis[0], self.z_trainee

    @property
    def coach_directions(self) -> Directions:
        """The coaches' features, and their leading directions."""
        return self.coach.values, self.coach_basis[0], self.z_coach

    @property
    def shape(self) -> tuple[int, int]:
        """Count trainees and coaches."""
        return len(self.trainees), len(self.coaches)

    @cached_property
    def words(self) -> tuple[Any, tuple[str, ...], Floats]:
        """
        The trainees' texts as words that enough of them used.

        Returns:
            Sparse csr (n, terms), the terms, and how rare each is.
        """
        from scipy.sparse import csr_array

        joined: dict[str, int] = {}
        for counted in self.background.values():
            for term, count in counted.items():
                joined[term] = max(joined.get(term, 0), count)
        named = tuple(sorted(sorted(joined, key=lambda t: (-joined[t], t))[:MAX_ASKED_TERMS]))
        n = len(self.trainees)
        idf = np.log((1.0 + n) / (1.0 + np.array([joined[t] for t in named], np.float64))) + 1.0
        place = {term: at for at, term in enumerate(named)}
        starts: list[int] = [0]
        places: list[int] = []
        values: list[float] = []
        lists = [self.trainees.values(name) for name in self.background]
        for row in range(n):
            found = request_terms([text for one in lists for text in one[row] or ()], place, idf)
            places += [at for at, _ in found]
            values += [value for _, value in found]
            starts.append(len(places))
        parts = (np.array(values, np.float64), np.array(places, np.int64), np.array(starts, np.int64))
        return csr_array(parts, shape=(n, len(named))), named, idf

    def compared(self, i: int) -> Floats:
        """Give the comparisons of one trainee with all coaches: (f, m)."""
        return self.compare.features(self.trainees.row(i))

    def compare_prior(self, step: str, *, like: str | None = None) -> Floats:
        """
        Give what the comparisons are worth for a step before anything was learned.

        Args:
            like: The step that what ships is taken of, if not of *step*.
        """
        shipped = like or step
        given = {} if self.earlier is None else self.earlier.comparisons.get(step, {})
        return prior_weights(self.comparisons, shipped, {shipped: given})

    def is_told(self, step: str) -> bool:
        """Tell whether an earlier model learned what any of the comparisons is worth for a step."""
        given = {} if self.earlier is None else self.earlier.comparisons.get(step, {})
        return any((one.name, one.kind) in given for one in self.comparisons)

    @property
    def is_given_in_vain(self) -> bool:
        """Tell whether there is an earlier model of which nothing is taken."""
        return self.earlier is not None and not self.earlier.steps and not any(map(self.is_told, STEPS))

    def pairs(self, step: str, seen: Observed) -> Pairs:
        """Bring together all that is known of observed pairs."""
        values = np.zeros((len(seen), self.compare.width))
        order = np.argsort(seen.trainee, kind="stable")
        who, first = np.unique(seen.trainee[order], return_index=True)
        for i, rows in zip(who.tolist(), np.split(order, first[1:]) if len(who) else [], strict=True):
            if self.compare.width:
                values[rows] = self.compared(i)[:, seen.coach[rows]].T
        groups = [
            (one.name, self.compare.starts[k], self.compare.starts[k + 1]) for k, one in enumerate(self.comparisons)
        ]
        return Pairs(
            seen=seen,
            compare=values,
            x_trainee=self.trainee.values,
            x_coach=self.coach.values,
            z_trainee=self.z_trainee,
            z_coach=self.z_coach,
            compare_prior=self.compare_prior(step),
            compare_groups=groups,
            trainee_groups=self.trainee.groups,
            coach_groups=self.coach.groups,
            towards=None
            if self.earlier is None
            else self.earlier.of_answers(step, self.trainee_directions, self.coach_directions),
        )


def request_terms(texts: list[str], place: Mapping[str, int], idf: Floats) -> list[tuple[int, float]]:
    """Give a request's known terms, in order, with weights whose length is 1."""
    counted: dict[int, int] = {}
    for text in texts:
        for term in terms(text):
            at = place.get(term)
            if at is not None:
                counted[at] = counted.get(at, 0) + 1
    if not counted:
        return []
    placed = sorted(counted)
    counts = np.array([counted[at] for at in placed], np.float64)
    raw = ((1.0 + logarithm(counts)) * idf[placed]).tolist()
    length = math.sqrt(math.fsum(value * value for value in raw))
    return [(at, value / length) for at, value in zip(placed, raw, strict=True)]


def used_by_many(rows: list[Any]) -> dict[str, int]:
    """Count the terms of trainees' texts, only those that enough of them used."""
    counted: Counter[str] = Counter()
    for texts in rows:
        counted.update({term for text in texts or () for term in terms(text)})
    kept = sorted((t for t in counted if counted[t] >= MIN_ACCOUNTS), key=lambda t: (-counted[t], t))[:MAX_WORDS]
    return {term: counted[term] for term in sorted(kept)}


# ── what is learned from, and what is kept to check it ──────────────────────


@attrs.frozen(eq=False)
class Split:
    """Rows of what was observed: to learn from, and of two kinds to check with."""

    fit: NDArray[np.int64]
    warm: NDArray[np.int64]  # the newest of people with a history
    cold: NDArray[np.int64]  # all of some people

    @property
    def n_held(self) -> int:
        """Count what is held out."""
        return len(self.warm) + len(self.cold)


def _with_its_moment(
    is_newest: NDArray[np.bool_], who: NDArray[np.int64], at: NDArray[np.int64], size: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """
    Keep together what somebody did at one moment: half a basket would tell the other half.

    All rows are by trainee, then time. Where that would hold out most of a history, the newest are taken as they are.
    """
    moment = np.cumsum(np.r_[True, (who[1:] != who[:-1]) | (at[1:] != at[:-1])]) - 1 if len(who) else who
    touched = np.zeros(int(moment.max(initial=-1)) + 1, np.bool_)
    touched[moment[is_newest]] = True
    whole = touched[moment]
    n_held = np.bincount(who, whole, minlength=int(who.max(initial=-1)) + 1)[who]
    made: NDArray[np.bool_] = np.where(n_held <= 0.5 * size, whole, is_newest)
    return made


def split(seen: Observed, n_trainees: int, *, with_cold: bool, seed: int) -> Split:
    """Hold out the newest pairs of everybody with a history, and everything of some people."""
    history = _History.of(seen, seed)
    is_cold_person = np.zeros(n_trainees, np.bool_)
    if with_cold:
        present = np.unique(seen.trainee)
        n_cold = min(int(np.ceil(HELD_PEOPLE * len(present))), 1_500)
        is_cold_person[history.rng.permutation(present)[:n_cold]] = True
    return history.split(is_cold_person, np.ones(n_trainees, np.bool_))


def splits(seen: Observed, n_trainees: int, *, with_cold: bool, seed: int) -> list[Split]:
    """
    Hold out enough to say how much each part counts: once, or of a small log a part after the other.

    Each of the :data:`FOLDS` parts of the trainees stands for newcomers once, and of the
    next one the newest pairs are held out meanwhile.

    Returns:
        As many as it takes to hold out twice :data:`MIN_CHECKED` pairs; none where all
        together do not hold out :data:`FEW_CHECKED`.
    """
    once = split(seen, n_trainees, with_cold=with_cold, seed=seed)
    if not with_cold:
        return [once] if once.n_held >= FEW_CHECKED else []
    n_cold = len(np.unique(seen.trainee[once.cold]))
    if min(once.n_held, len(once.fit)) >= MIN_CHECKED and n_cold >= MANY_NEWCOMERS:
        return [once]
    history = _History.of(seen, seed)
    present = history.rng.permutation(np.unique(seen.trainee))
    part = np.full(n_trainees, -1)
    part[present] = np.arange(len(present)) % FOLDS
    made: list[Split] = []
    while len(made) < FOLDS and sum(one.n_held for one in made) < 2 * MIN_CHECKED:
        made.append(history.split(part == len(made), part == (len(made) + 1) % FOLDS))
    return made if sum(one.n_held for one in made) >= FEW_CHECKED else []


@attrs.frozen(eq=False)
class _History:
    """What was observed, by trainee, then time, then chance."""

    rng: np.random.Generator
    order: NDArray[np.int64]
    who: NDArray[np.int64]
    is_newest: NDArray[np.bool_]  # and of somebody with a history

    @classmethod
    def of(cls, seen: Observed, seed: int) -> _History:
        rng = np.random.Generator(np.random.PCG64(seed))
        order = rng.permutation(len(seen))
        order = order[np.lexsort((seen.at[order], seen.trainee[order]))]
        who = seen.trainee[order]
        first = np.searchsorted(who, who, side="left")
        size = np.searchsorted(who, who, side="right") - first
        from_the_end = size - 1 - (np.arange(len(order)) - first)
        is_newest = from_the_end < np.maximum(1, HELD_OUT * size)
        kept = (size >= MIN_HISTORY) & _with_its_moment(is_newest, who, seen.at[order], size)
        return cls(rng, order, who, kept)

    def split(self, is_cold: NDArray[np.bool_], is_warm: NDArray[np.bool_]) -> Split:
        """Hold out all of these trainees, and the newest pairs of those: both (n,)."""
        cold = is_cold[self.who]
        warm = ~cold & is_warm[self.who] & self.is_newest
        return Split(np.sort(self.order[~cold & ~warm]), np.sort(self.order[warm]), np.sort(self.order[cold]))
