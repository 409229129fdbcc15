"""
The afternoon door: one function that scores becomes a whole matcher.

::

    def score(trainee: TraineeRow, coaches: CoachTable) -> NDArray[np.float64]:
        return coaches.has("specialties", "yoga") + 0.1 * np.nan_to_num(coaches.number("years"))

    offer = matcher_from_scores(score, name="mine")

Ties, limits, constraints, determinism, artefact and errors are seen to here;
the function sees one trainee and all coaches at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from coachhub_core.errors import ArtefactError, Invalid, MatcherError
from coachhub_core.matching.entries import per_row
from coachhub_core.matching.tables import EVERY_COLUMN, CoachRow, CoachTable, TraineeRow, TraineeTable
from coachhub_core.ports.matcher import (
    NEVER,
    AllowedPairs,
    ArtefactReader,
    ArtefactWriter,
    Deadline,
    Matcher,
    MatcherOffer,
    OutcomeLog,
    Ranking,
    Reason,
)

Score = Callable[[TraineeRow, CoachTable], NDArray[np.float64]]
Reasons = Callable[[TraineeRow, CoachRow, float], Sequence[Reason]]


def matcher_from_scores(
    score: Score,
    *,
    name: str,
    reasons: Reasons | None = None,
    needs: Collection[str] = EVERY_COLUMN,
    version: str = "1",
    promises: Collection[str] = (),
) -> MatcherOffer:
    """
    Make an offer of a function that scores.

    Args:
        score: Given a trainee and the coaches, a number for each coach, shape (n,): larger is better,
            -inf is "never". It depends on nothing but its two arguments, and may be called from two threads.
        name: What its artefacts are called by; usually the name it is offered under.
        reasons: Given trainee, coach and score, why; without it a list comes without reasons.
        needs: The columns it reads, of both tables; by default all but the sensitive ones.
        version: Of the algorithm.
        promises: Capabilities beyond being exact, such as "explains" where the reasons add up.
    Returns:
        The offer, to be given under its name by ``coachhub_matchers``.
    Raises:
        Invalid: If *score* is no function, or *needs* or *promises* a lone text, whose letters nobody means.
    """
    for what, function in (("score", score), ("reasons", reasons)):
        if not callable(function) and (what == "score" or function is not None):
            raise Invalid.at(what, f"needs a function, not {function!r}")
    for what, names in (("needs", needs), ("promises", promises)):
        per_row(names, what)
    return MatcherOffer(
        make=lambda: ScoreMatcher(name, score, reasons),
        version=version,
        needs=frozenset(needs),
        promises=frozenset({"exact", *promises}),
    )


@attrs.frozen(eq=False)
class ScoreMatcher:
    """A matcher whose whole knowledge is a function."""

    name: str
    score: Score
    reasons: Reasons | None = None

    def fit(
        self,
        log: OutcomeLog,
        coaches: CoachTable,
        trainees: TraineeTable,
        *,
        prior: Matcher | None = None,
        seed: int = 0,
        deadline: Deadline = NEVER,
    ) -> ScoreMatcher:
        """Give a matcher of the same function: it does not learn."""
        return attrs.evolve(self)

    def save(self, out: ArtefactWriter) -> None:
        """Put the name: the function itself is code, and stays where it is installed."""
        out.put_json("scores", {"name": self.name})

    def load(self, source: ArtefactReader) -> ScoreMatcher:
        """
        Give a matcher of the same function.

        Raises:
            ArtefactError: If the artefact was saved by another one.
        """
        if source.json("scores") != {"name": self.name}:
            raise ArtefactError(reason=f"this artefact is not one of the matcher {self.name!r}")
        return attrs.evolve(self)

    @property
    def people(self) -> frozenset[str]:
        """Nobody: a function learns from no one."""
        return frozenset()

    def without(self, ids: Collection[str]) -> ScoreMatcher:
        """Give the same: there is nothing to forget."""
        return self

    def index(self, coaches: CoachTable, *, prices: NDArray[np.float64] | None = None) -> ScoreIndex:
        """Keep the snapshot."""
        return ScoreIndex(self, coaches, prices)


@attrs.frozen(eq=False)
class ScoreIndex:
    """The snapshot a function scores."""

    matcher: ScoreMatcher
    coaches: CoachTable
    prices: NDArray[np.float64] | None

    def rank(self, trainees: TraineeTable, k: int, allowed: AllowedPairs, *, deadline: Deadline) -> Ranking:
        """Score all coaches for each trainee and keep the best *k* of the allowed; see the port."""
        ranking = Ranking.empty(len(trainees), k)
        for i, trainee in enumerate(trainees.rows()):
            deadline.check()
            scores = self._scores(trainee)
            rows = allowed.rows(i)
            rows = rows[scores[rows] > -np.inf]
            best = rows[np.lexsort((self.coaches.id_order[rows], -scores[rows]))][:k]
            ranking.rows[i, : len(best)] = best
            ranking.scores[i, : len(best)] = scores[best]
        deadline.check()
        return ranking

    def score(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> NDArray[np.float64]:
        """Score these coaches as :meth:`rank` does."""
        scores = np.full(rows.shape, -np.inf, np.float64)
        for i, trainee in enumerate(trainees.rows()):
            wanted = rows[i] >= 0
            scores[i, wanted] = self._scores(trainee)[rows[i, wanted]]
        return scores

    def probabilities(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> Mapping[str, NDArray[np.float64]]:
        """Know nothing of single steps."""
        return {}

    def explain(self, trainees: TraineeTable, rows: NDArray[np.int32]) -> list[list[tuple[Reason, ...]]]:
        """Give what the author's function says for each pair; nothing where there is none."""
        say = self.matcher.reasons
        if say is None:
            return [[() for _ in wanted] for wanted in rows]
        explained: list[list[tuple[Reason, ...]]] = []
        for i, trainee in enumerate(trainees.rows()):
            scores = self._scores(trainee)
            explained.append([])
            for row in rows[i].tolist():
                reasons: tuple[Reason, ...] = ()
                if row >= 0:
                    try:
                        reasons = tuple(say(trainee, self.coaches.row(row), float(scores[row])))
                    except Exception as exc:
                        raise MatcherError(reason=f"the reasons of {self.matcher.name!r} failed: {exc!r}") from exc
                explained[i].append(reasons)
        return explained

    def _scores(self, trainee: TraineeRow) -> NDArray[np.float64]:
        """Ask the function, and answer for what it gives."""
        name = self.matcher.name
        try:
            scores = np.array(self.matcher.score(trainee, self.coaches), dtype=np.float64)
        except MatcherError:
            raise
        except Exception as exc:
            raise MatcherError(reason=f"the score of {name!r} failed: {exc!r}") from exc
        if scores.shape != (len(self.coaches),):
            wanted = (len(self.coaches),)
            raise MatcherError(reason=f"the score of {name!r} has the shape {scores.shape}, and not {wanted}")
        if np.isnan(scores).any() or (scores == np.inf).any():
            raise MatcherError(reason=f"the score of {name!r} is not a number for some coach; -inf leaves one out")
        return scores if self.prices is None else scores - self.prices
