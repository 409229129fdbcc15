"""
``duet``: the matcher that learns whom a trainee wants, whom a coach accepts, and what goes well.

The score of a pair is the product of the probabilities of the steps the log says
anything of. Without a log the shipped prior answers: coefficients set by hand for
what two columns of one name have in common.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import ArtefactError
from coachhub_core.matching.tables import CoachTable, TraineeTable
from coachhub_core.ports.matcher import NEVER, ArtefactReader, ArtefactWriter, Deadline, Matcher, OutcomeLog, Stages
from coachhub_scipy.arithmetic import Floats
from coachhub_scipy.comparisons import PARTS, Comparison, comparisons_of, prior_weights
from coachhub_scipy.encode import Encoder
from coachhub_scipy.forgetting import NOBODY, without
from coachhub_scipy.hub import HubColumns
from coachhub_scipy.index import DuetIndex
from coachhub_scipy.parts import SparseRows, StepModel
from coachhub_scipy.text import counts_of

PRIOR = "duet-prior/1"  #: the hand-set coefficients; a model made with others is refused
PRIOR_BASES = {"wants": -1.0, "accepts": 1.0, "goes_well": 0.8}
N_CANDIDATES = 200  #: of many coaches so many are scored; the rest stays in the order of the first look


@attrs.frozen(eq=False)
class Learned:
    """What a log taught, and of whom."""

    comparisons: tuple[Comparison, ...]
    code_coach: Encoder
    code_trainee: Encoder
    background: Mapping[str, Mapping[str, int]]
    n_background: int
    steps: tuple[StepModel, ...]
    coach_ids: tuple[str, ...]
    trainee_ids: tuple[str, ...]
    counts: NDArray[np.int64]  # events with a yes of each trainee
    chosen: SparseRows  # (trainees, coaches) whom each chose before, for those parts that look at it
    is_partial: bool = False


@attrs.frozen(eq=False)
class DuetMatcher:
    """Ranks by what was learned; see the module."""

    hub: HubColumns = attrs.field(factory=HubColumns)
    pairs: Mapping[str, tuple[str, str]] = attrs.field(factory=dict)
    learned: Learned | None = None
    n_candidates: int = N_CANDIDATES  # of this server, and not of what was learned: it is not saved
    prior_id: str = PRIOR
    metrics: Mapping[str, float] = attrs.field(factory=dict)  # of the training: the manifest has them, no member

    def fit(
        self,
        log: OutcomeLog,
        coaches: CoachTable,
        trainees: TraineeTable,
        *,
        prior: Matcher | None = None,
        seed: int = 0,
        deadline: Deadline = NEVER,
        pairs: Mapping[str, tuple[str, str]] | None = None,
        stages: Stages | None = None,
    ) -> DuetMatcher:
        """
        Learn from a log.

        Args:
            prior: A model of this matcher that has learned. What columns say is drawn towards what they said there,
                where name and kind are the same: what two have in common, each on its own, what they say together, and
                how much coaches differ beyond them; of choices also the towers, and how much each part counts. Nothing
                is taken of people: no effects, tastes or histories, not even
                of those both know, whose events usually stand in both logs and would count twice. A step learned from
                yes and no there and from choices here, or the other way round, takes what two columns have in common
                and no more. Where no column is the same, nothing is taken, and a warning is logged.
                None, or one that has not learned: the shipped prior.
            pairs: Name -> (trainee's column, coach's column): compared beside those of one name and kind.
            stages: Keeps what is finished, so that a training that was ended goes on from its last finished stage.
        Returns:
            A new matcher. Where the log says nothing of anybody in the tables, the prior: the one given, else the
            shipped one with these pairs.
        """
        from coachhub_scipy.train import learn  # scipy loads here, and only to train

        earlier = prior.learned if isinstance(prior, DuetMatcher) else None
        hub = HubColumns.fit(coaches)
        named = {**self.pairs, **(pairs or {})}
        tables = hub.of_coaches(coaches), hub.of_trainees(trainees)
        learned = learn(log, *tables, named, seed=seed, deadline=deadline, prior=earlier, stages=stages)
        if learned is None and earlier is not None:
            assert isinstance(prior, DuetMatcher)  # noqa: S101 - whose it is
            return attrs.evolve(prior, n_candidates=self.n_candidates, metrics={})
        steps = learned.steps if learned is not None else ()
        metrics = {f"{step.name}.{name}": value for step in steps for name, value in step.held_out.items()}
        return attrs.evolve(self, hub=hub, pairs=named, learned=learned, metrics=metrics)

    def with_candidates(self, n: int) -> DuetMatcher:
        """Give the same matcher, scoring *n* of many coaches."""
        return attrs.evolve(self, n_candidates=n)

    @property
    def people(self) -> frozenset[str]:
        """Whom it learned from, by id."""
        if self.learned is None:
            return frozenset()
        return frozenset({*self.learned.trainee_ids, *self.learned.coach_ids} - {NOBODY})

    def without(self, ids: Collection[str]) -> DuetMatcher:
        """Give the same matcher without these people; everybody else's lists stay what they were."""
        if self.learned is None or self.people.isdisjoint(ids):
            return self
        return attrs.evolve(self, learned=without(self.learned, ids))

    def index(self, coaches: CoachTable, *, prices: NDArray[np.float64] | None = None) -> DuetIndex:
        """Make ready for a snapshot."""
        return DuetIndex(self, coaches, prices)

    def of_schema(self, coaches: CoachTable, trainees: TraineeTable) -> Learned:
        """
        Give what is known without a log: the prior, laid out for the columns these tables have.

        It depends on the names and kinds of the trainees' columns and on nothing they say.
        """
        comparisons = comparisons_of(coaches, trainees, self.pairs)
        steps = []
        for name, base in PRIOR_BASES.items():
            weights = prior_weights(comparisons, name)
            if name == "wants" or weights.any():
                steps.append(StepModel(name, (base, base), (), (), weights, (1.0, 1.0)))
        nothing = SparseRows(np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(0))
        nobody = Encoder(())
        return Learned(comparisons, nobody, nobody, {}, 0, tuple(steps), (), (), np.zeros(0, np.int64), nothing)

    # ── keeping ──

    def save(self, out: ArtefactWriter) -> None:
        """Put everything :meth:`load` needs: arrays and documents."""
        learned = self.learned
        document: dict[str, Any] = {
            "prior": PRIOR,
            "rating": [self.hub.rating_mean, self.hub.rating_weight],
            "pairs": {name: list(pair) for name, pair in sorted(self.pairs.items())},
            "is_learned": learned is not None,
        }
        if learned is None:
            out.put_json("duet", document)
            return
        document["steps"] = [step.name for step in learned.steps]
        document["comparisons"] = [attrs.asdict(one) for one in learned.comparisons]
        document["is_partial"] = learned.is_partial
        document["n_background"] = learned.n_background
        out.put_json("duet", document)
        out.put_json("people", {"coaches": list(learned.coach_ids), "trainees": list(learned.trainee_ids)})
        out.put_json("words", {name: dict(sorted(counts.items())) for name, counts in learned.background.items()})
        out.put_array("counts", learned.counts)
        learned.chosen.save(out, "chosen")
        learned.code_coach.save(out, "columns/coach")
        learned.code_trainee.save(out, "columns/trainee")
        for step in learned.steps:
            step.save(out)

    def load(self, source: ArtefactReader) -> DuetMatcher:
        """
        Give the matcher that was saved.

        Raises:
            ArtefactError: If it is none of this matcher, or of a prior this version does not have.
        """
        try:
            document = source.json("duet")
            if document["prior"] != PRIOR:
                raise ArtefactError(reason=f"the model was made with {document['prior']}, and this version has {PRIOR}")
            mean, weight = (float(value) for value in document["rating"])
            pairs = {str(name): (str(a), str(b)) for name, (a, b) in document["pairs"].items()}
            hub = HubColumns(mean, weight)
            if not document["is_learned"]:
                return attrs.evolve(self, hub=hub, pairs=pairs, learned=None)
            return attrs.evolve(self, hub=hub, pairs=pairs, learned=_read(source, document))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as exc:
            raise ArtefactError(reason=f"this is not what the matcher duet saved: {exc!r}") from exc


def _read(source: ArtefactReader, document: Mapping[str, Any]) -> Learned:
    people = source.json("people")
    comparisons = tuple(Comparison(**one) for one in document["comparisons"])
    for one in comparisons:
        if one.kind not in PARTS:
            raise ArtefactError(reason=f"{one.kind!r} is no kind of comparison")
    learned = Learned(
        comparisons=comparisons,
        code_coach=Encoder.load(source, "columns/coach"),
        code_trainee=Encoder.load(source, "columns/trainee"),
        background={name: counts_of(kept) for name, kept in source.json("words").items()},
        n_background=int(document["n_background"]),
        steps=tuple(StepModel.load(source, name) for name in document["steps"]),
        coach_ids=tuple(people["coaches"]),
        trainee_ids=tuple(people["trainees"]),
        counts=source.array("counts"),
        chosen=SparseRows.load(source, "chosen"),
        is_partial=bool(document["is_partial"]),
    )
    width = sum(len(one.parts) for one in comparisons)
    for step in learned.steps:
        for side, n, p in (
            ("left", len(learned.trainee_ids), learned.code_trainee.width),
            ("right", len(learned.coach_ids), learned.code_coach.width),
        ):
            for part in step.linear:
                _check(part.name, getattr(part, side), n, p)
        if step.doubt is not None and step.doubt.shape != (len(learned.coach_ids),):
            raise ArtefactError(reason=f"the step {step.name!r} doubts {len(step.doubt)} coaches, and not all it knows")
        if step.compare.shape != (width,):
            raise ArtefactError(reason=f"the step {step.name!r} compares {len(step.compare)} numbers, and not {width}")
    return learned


def _check(name: str, side: Any, n: int, p: int) -> None:
    d = len(side.constant)
    for array, shape in ((side.map, (p, d)), (side.own, (n, d))):
        if array is not None and array.shape != shape:
            raise ArtefactError(reason=f"the part {name!r} has the shape {array.shape}, and not {shape}")


def kept(values: Floats) -> Floats:
    """Give numbers as they come back from an artefact."""
    return values.astype(np.float32).astype(np.float64)
